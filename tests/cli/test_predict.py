import subprocess
import sys
import zipfile

import jaxtyping
import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.cli.main import main
from feedbackward.data.cityscapes_labels import CITYSCAPES, LABELS
from feedbackward.data.files import check_image
from feedbackward.exporting import export
from feedbackward.models import create_model, load_network
from feedbackward.nn import DenseCRF
from feedbackward.segmenters import Predictor

TABLE = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of two tiny networks with random weights, by their number of classes."""
    folders = {}
    for table in (TABLE, CITYSCAPES):
        torch.manual_seed(0)
        network = create_model("test_resnet", encoder_weights=None, classes=len(table))
        network.class_table = table
        folders[len(table)] = tmp_path_factory.mktemp("network")
        network.save_pretrained(folders[len(table)])
    return folders


@pytest.fixture
def scenes(tmp_path):
    """A folder of two scenes of different sizes, named as in Cityscapes."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "scenes"
    for name, size in (("berlin/berlin_000000_000019", (33, 50)), ("ulm/ulm_000001_000019", (64, 40))):
        path = folder / f"{name}_leftImg8bit.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return folder


def predict(model, source, output, *more):
    main(["predict", "--model", str(model), "--source", str(source), "--output", str(output), *more])


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def read(path):
    with Image.open(path) as image:
        return np.array(image)


def refused(capsys, *args):
    """Returns the error message and checks that nothing else was printed."""
    with pytest.raises(SystemExit) as caught:
        predict(*args)
    assert caught.value.code == 2
    output, message = capsys.readouterr()
    assert output == ""
    assert message.startswith("error: ")
    return message


def test_a_folder_becomes_masks_and_overlays(saved, scenes, tmp_path, capsys):
    output = tmp_path / "out"
    predict(saved[3], scenes, output)
    assert files(output) == [
        "masks/berlin/berlin_000000_000019_leftImg8bit.png",
        "masks/ulm/ulm_000001_000019_leftImg8bit.png",
        "overlays/berlin/berlin_000000_000019_leftImg8bit.jpg",
        "overlays/ulm/ulm_000001_000019_leftImg8bit.jpg",
    ]
    predictor = Predictor(load_network(saved[3]))
    counts = np.zeros(3)
    for mask in (output / "masks").rglob("*.png"):
        image = read(scenes / mask.relative_to(output / "masks"))
        np.testing.assert_array_equal(read(mask), predictor.predict(image))
        counts += np.bincount(read(mask).ravel(), minlength=3)
        overlay = output / "overlays" / mask.relative_to(output / "masks").with_suffix(".jpg")
        assert read(overlay).shape[0] >= image.shape[0]
    summary = capsys.readouterr().out
    assert "2 images" in summary
    for name, count in zip(TABLE.names, counts, strict=True):
        assert (f"{count / counts.sum():.2%}" in summary and name in summary) or count == 0
    assert str(output / "masks") in summary


def test_one_image_without_overlay(saved, scenes, tmp_path):
    image = next(scenes.rglob("ulm*.png"))
    predict(saved[3], image, tmp_path / "out", "--no-overlays", "--device", "cpu", "--scale", "0.5")
    assert files(tmp_path / "out") == ["masks/ulm_000001_000019_leftImg8bit.png"]
    expected = Predictor(load_network(saved[3]), scale=0.5).predict(read(image))
    np.testing.assert_array_equal(read(tmp_path / "out/masks/ulm_000001_000019_leftImg8bit.png"), expected)


def test_scores_refined_by_the_crf(saved, scenes, tmp_path):
    image = next(scenes.rglob("ulm*.png"))
    predict(saved[3], image, tmp_path / "out", "--no-overlays", "--crf")
    found = read(tmp_path / "out/masks/ulm_000001_000019_leftImg8bit.png")
    expected = Predictor(load_network(saved[3]), crf=DenseCRF()).predict(read(image))
    np.testing.assert_array_equal(found, expected)
    assert (found != Predictor(load_network(saved[3])).predict(read(image))).any()


@pytest.fixture(scope="module")
def exported(saved, tmp_path_factory):
    """The files of the network with three classes for onnxruntime and OpenVINO."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)
        folder, network = tmp_path_factory.mktemp("exported"), load_network(saved[3])
        for name, format in (("network.onnx", "onnx"), ("network.xml", "openvino")):
            export(network, folder / name, format=format)
    return folder


@pytest.mark.parametrize("name", ["network.onnx", "network.xml"])
def test_an_exported_file_predicts_like_its_network(saved, exported, scenes, tmp_path, name):
    image = next(scenes.rglob("ulm*.png"))
    predict(exported / name, image, tmp_path / "out", "--no-overlays")
    expected = Predictor(load_network(saved[3])).predict(read(image))
    np.testing.assert_array_equal(read(tmp_path / "out/masks/ulm_000001_000019_leftImg8bit.png"), expected)


@pytest.mark.parametrize("name", ["network.onnx", "network.xml"])
def test_an_exported_file_is_predicted_without_torch(exported, scenes, tmp_path, name):
    command = ["predict", "--model", exported / name, "--source", scenes, "--output", tmp_path / "out"]
    script = f"""
import sys
from feedbackward.cli.main import main
main({list(map(str, command))})
print(*{{"torch", "torchvision", "timm", "lightning"}}.intersection(sys.modules), "imported")
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1].strip() == "imported"
    assert len(files(tmp_path / "out")) == 4


def test_a_device_on_which_a_file_does_not_run(exported, scenes, tmp_path, capsys):
    message = refused(capsys, exported / "network.onnx", scenes, tmp_path / "out", "--device", "cuda")
    assert "network.onnx runs on device cpu, not on cuda" in message


def test_the_submission_of_cityscapes(saved, scenes, tmp_path, capsys):
    output = tmp_path / "out"
    predict(saved[19], scenes, output, "--layout", "cityscapes", "--zip", "--no-overlays")
    assert files(output) == [
        "submission.zip",
        "submission/berlin_000000_000019.png",
        "submission/ulm_000001_000019.png",
    ]
    label_id = {label.train_id: label.id for label in LABELS if label.train_id != 255}
    predictor = Predictor(load_network(saved[19]))
    train_ids = predictor.predict(read(next(scenes.rglob("berlin*.png"))))
    np.testing.assert_array_equal(
        read(output / "submission/berlin_000000_000019.png"), np.vectorize(label_id.get)(train_ids)
    )
    with zipfile.ZipFile(output / "submission.zip") as archive:
        assert archive.namelist() == ["berlin_000000_000019.png", "ulm_000001_000019.png"]
    assert str(output / "submission.zip") in capsys.readouterr().out


def test_the_submission_needs_the_19_classes(saved, scenes, tmp_path, capsys):
    message = refused(capsys, saved[3], scenes, tmp_path / "out", "--layout", "cityscapes")
    assert "the 19 Cityscapes classes, but this one has 3: road, sky, car" in message
    assert not (tmp_path / "out").exists()


def test_zip_needs_the_submission(saved, scenes, tmp_path, capsys):
    assert "it needs --layout cityscapes" in refused(capsys, saved[3], scenes, tmp_path / "out", "--zip")


def test_a_damaged_image_is_refused_before_anything_is_written(saved, scenes, tmp_path, capsys):
    broken = scenes / "z.png"
    broken.write_bytes(next(scenes.rglob("*.png")).read_bytes()[:500])
    assert str(broken) in refused(capsys, saved[3], scenes, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_damage_in_the_middle_of_an_image_is_refused_before_anything_is_written(saved, scenes, tmp_path, capsys):
    data = bytearray(next(scenes.rglob("ulm*.png")).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    (scenes / "z.png").write_bytes(data)
    check_image(scenes / "z.png")  # its header and its end are intact
    assert f"{scenes / 'z.png'} cannot be read" in refused(capsys, saved[3], scenes, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_existing_outputs(saved, scenes, tmp_path, capsys):
    mask = tmp_path / "out/masks/ulm/ulm_000001_000019_leftImg8bit.png"
    mask.parent.mkdir(parents=True)
    mask.write_text("mine")
    assert f"1 of 4 output files exist already, such as {mask}" in refused(capsys, saved[3], scenes, tmp_path / "out")
    assert mask.read_text() == "mine"
    assert files(tmp_path / "out") == ["masks/ulm/ulm_000001_000019_leftImg8bit.png"]
    predict(saved[3], scenes, tmp_path / "out", "--overwrite")
    assert read(mask).shape == (64, 40)


def test_a_network_without_class_table(scenes, tmp_path, capsys):
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.save_pretrained(tmp_path / "network")
    message = refused(capsys, tmp_path / "network", scenes, tmp_path / "out")
    assert "has no class names and colors" in message
    assert not (tmp_path / "out").exists()


def test_missing_things(saved, scenes, tmp_path, capsys):
    assert "no such model" in refused(capsys, tmp_path / "no.ckpt", scenes, tmp_path / "out")
    assert "no such image or folder" in refused(capsys, saved[3], tmp_path / "no", tmp_path / "out")
    (tmp_path / "file").touch()
    assert "cannot be written" in refused(capsys, saved[3], scenes, tmp_path / "file")
    assert "lies inside the source" in refused(capsys, saved[3], scenes, scenes / "out")


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--device", "tpu"], "device"), (["--scale", "big"], "scale"), (["--sise", "3"], "sise")],
)
def test_unknown_arguments(saved, scenes, tmp_path, capsys, more, message):
    with pytest.raises(SystemExit) as caught:
        predict(saved[3], scenes, tmp_path / "out", *more)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
