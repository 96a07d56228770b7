import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.exporting import ExportedNetwork, export
from feedbackward.loading import load, load_segmenter
from feedbackward.models import OptimizedNetwork, create_model
from feedbackward.preprocessing import Resize

TABLE = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.class_table = TABLE
    return network.eval()


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved")
    network.save_pretrained(path)
    return path


@pytest.fixture
def file(network, tmp_path, exporting):
    export(network, tmp_path / "network.onnx")
    return tmp_path / "network.onnx"


def test_a_saved_network_is_optimized(network, folder):
    loaded, image = load_segmenter(folder), torch.rand(1, 3, 40, 56)
    assert isinstance(loaded, OptimizedNetwork)
    assert not loaded.training
    torch.testing.assert_close(loaded.logits(image), network.logits(image).detach(), rtol=1e-4, atol=1e-4)


def test_a_baseline_is_loaded_as_it_is(tmp_path):
    baseline = create_model("segnet", encoder_name="vgg11", encoder_weights=None, classes=3)
    baseline.save_pretrained(tmp_path)
    loaded = load_segmenter(tmp_path)
    assert type(loaded) is type(baseline)
    assert not loaded.training


def test_an_exported_file(network, file):
    loaded, image = load_segmenter(file), torch.rand(1, 3, 40, 56)
    assert isinstance(loaded, ExportedNetwork)
    expected = network.logits(network.preprocessing(image)).detach()
    np.testing.assert_allclose(loaded.logits(image), expected, atol=2e-5)


def test_every_kind_has_the_classes(folder, file):
    assert load(folder).class_table == load(str(file)).class_table == TABLE


def test_an_exported_file_runs_on_its_own_device(file):
    assert load(file, device="cpu").classes == 3
    with pytest.raises(InputError, match=r"network\.onnx runs on device cpu, not on cuda; omit the device"):
        load(file, device="cuda")


def test_a_missing_model(tmp_path):
    with pytest.raises(InputError, match="no such model"):
        load(tmp_path / "nothing")
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "nothing.onnx")


def test_a_loaded_model_is_called_with_images(network, folder, file, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    unit = torch.from_numpy(pixels / 255).permute(2, 0, 1)[None].float()
    expected = network.logits(network.preprocessing(unit)).detach().softmax(1)[0]
    for segmenter in (load(folder), load(file)):
        forms = [tmp_path / "a.png", Image.fromarray(pixels), pixels, pixels / 255, pixels.astype(np.uint16) * 257]
        for result in segmenter([*forms, torch.from_numpy(pixels).permute(2, 0, 1)]):
            np.testing.assert_allclose(result.probabilities, expected, atol=1e-4)
            np.testing.assert_array_equal(result.mask, result.probabilities.argmax(0))
            assert set(result.classes) <= set(TABLE.names)


def test_values_of_another_range_are_refused(folder):
    for wrong in (np.full((40, 56, 3), 200.0), np.zeros((40, 56, 3), np.int64)):
        with pytest.raises(InputError, match="expected"):
            load(folder)(wrong)


def test_options_of_prediction(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    plain, sky = load(folder)(pixels), load(folder, thresholds={"sky": 1e-6}, probabilities=False)(pixels)
    assert (sky.mask == 1).all()
    with pytest.raises(InputError, match=r"fb\.load\(MODEL, probabilities=True\)"):
        sky.probabilities  # noqa: B018
    assert not np.array_equal(plain.probabilities, load(folder, resize=Resize(scale=2))(pixels).probabilities)
