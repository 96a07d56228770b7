import numpy as np
import pytest
import torch

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.exporting import ExportedNetwork, export
from feedbackward.loading import load
from feedbackward.models import OptimizedNetwork, create_model

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
    loaded, image = load(folder), torch.rand(1, 3, 40, 56)
    assert isinstance(loaded, OptimizedNetwork)
    assert not loaded.training
    torch.testing.assert_close(loaded.logits(image), network.logits(image).detach(), rtol=1e-4, atol=1e-4)


def test_a_baseline_is_loaded_as_it_is(tmp_path):
    baseline = create_model("segnet", encoder_name="vgg11", encoder_weights=None, classes=3)
    baseline.save_pretrained(tmp_path)
    loaded = load(tmp_path)
    assert type(loaded) is type(baseline)
    assert not loaded.training


def test_an_exported_file(network, file):
    loaded, image = load(file), torch.rand(1, 3, 40, 56)
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
