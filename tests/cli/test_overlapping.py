"""Classes that overlap, from a folder to scores, predictions and an exported file."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.cli.main import main
from feedbackward.errors import InputError
from feedbackward.models import Feedbackward
from feedbackward.models.continued import with_classes
from feedbackward.segmenters import TaskPredictor

NAMES = ("warm", "cold")
COLORS = ((200, 0, 0), (0, 0, 200))


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """A red and a blue disc that overlap, in noise."""
    root, random = tmp_path_factory.mktemp("discs"), np.random.default_rng(0)
    y, x = np.mgrid[:40, :48]
    for split, count in (("train", 8), ("val", 2), ("test", 1)):
        for folder in (root / "images" / split, *(root / "masks" / split / name for name in NAMES)):
            folder.mkdir(parents=True)
        for number in range(count):
            image = random.integers(0, 60, (40, 48, 3), np.uint8)
            for name, band, shift in (("warm", 0, -5), ("cold", 2, 5)):
                disc = (y - random.integers(16, 24)) ** 2 + (x - 24 - shift) ** 2 < 100
                image[..., band] += 180 * disc.astype(np.uint8)
                Image.fromarray(disc.astype(np.uint8)).save(root / "masks" / split / name / f"{number}.png")
            Image.fromarray(image).save(root / "images" / split / f"{number}.png")
    classes = [{"name": name, "color": list(color)} for name, color in zip(NAMES, COLORS, strict=True)]
    (root / "classes.json").write_text(json.dumps({"masks": "layers", "classes": classes}))
    return root


@pytest.fixture(scope="module")
def trained(discs, tmp_path_factory):
    return fb.train(
        discs, encoder="test_resnet", weights="none", epochs=4, output=tmp_path_factory.mktemp("runs") / "discs"
    )


@pytest.fixture(scope="module")
def loaded(trained):
    return fb.load(trained.model)


def by_hand(masks, discs, split):
    """The IoU of each class over the data set, of masks by class and file name."""
    found = {}
    for name in NAMES:
        pairs = [
            (masks[name][path.name], np.array(Image.open(path))) for path in (discs / "masks" / split / name).iterdir()
        ]
        found[name] = sum((a & b).sum() for a, b in pairs) / sum((a | b).sum() for a, b in pairs)
    return found


def test_scores_are_those_of_the_predictions(trained, discs, tmp_path):
    main(["predict", str(trained.model), str(discs / "images" / "val"), "--output", str(tmp_path), "--quiet"])
    masks = {
        name: {path.name: np.array(Image.open(path)) for path in (tmp_path / name / "masks").iterdir()}
        for name in NAMES
    }
    assert {value for of_class in masks.values() for mask in of_class.values() for value in np.unique(mask)} == {0, 1}
    best = json.loads(trained.metrics.read_text())["best"]
    assert best["per_class"]["iou"] == pytest.approx(by_hand(masks, discs, "val"))
    assert best["scalars"]["mean_iou"] == pytest.approx(np.mean(list(best["per_class"]["iou"].values())))
    assert best["scalars"]["mean_iou"] > 0.6  # it has learned, with the overlap: neither disc is whole without it
    assert (masks["warm"]["0.png"] & masks["cold"]["0.png"]).any()


def test_the_run_folder_has_report_and_pictures(trained):
    report = trained.report.read_text()
    assert "Confusion matrix" not in report
    assert "Where classes overlap, the color is the mean of theirs" in report
    with Image.open(trained.first_batch) as picture:
        assert picture.width == 2 * 48  # images beside masks
    card = (trained.model / "README.md").read_text()
    assert "into 2 overlapping classes" in card
    assert 'fb.load("FOLDER")("image.png")["warm"]' in card


def test_a_saved_network_has_a_task_for_each_class(trained, loaded, discs):
    network = fb.from_pretrained(trained.model)
    assert network.class_table == ClassTable(NAMES, COLORS, overlapping=True)
    assert [(task.name, task.classes, task.class_table.names) for task in network.tasks] == [
        ("warm", 2, ("background", "warm")),
        ("cold", 2, ("background", "cold")),
    ]
    path = discs / "images" / "test" / "0.png"
    results = loaded(path)
    image = torch.from_numpy(np.array(Image.open(path))).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        logits = network(network.preprocessing(image))[0].numpy()
    for index, name in enumerate(NAMES):
        sigmoid = 1 / (1 + np.exp(logits[2 * index] - logits[2 * index + 1]))
        np.testing.assert_allclose(results[name].probabilities[1], sigmoid, atol=1e-5)
        assert (results[name].mask == (sigmoid > 0.5)).mean() > 0.999
        assert results[name].table.colors[1] == COLORS[index]


def test_thresholds_are_those_of_a_class(loaded, discs):
    path = discs / "images" / "test" / "0.png"
    plain, chosen = loaded(path), TaskPredictor(loaded.segmenter, thresholds={"cold": 0.9})(path)
    np.testing.assert_array_equal(chosen["warm"].mask, plain["warm"].mask)
    np.testing.assert_array_equal(chosen["cold"].mask, plain["cold"].probabilities[1] >= np.float32(0.9))
    with pytest.raises(InputError, match=r"threshold background=0.5: the tasks warm, cold have a class of that name"):
        TaskPredictor(loaded.segmenter, thresholds={"background": 0.5})


@pytest.mark.filterwarnings("ignore")  # run() quietens the parser
def test_an_exported_file_has_an_output_for_each_class(trained, loaded, discs, tmp_path, exporting):
    network, file = fb.from_pretrained(trained.model), tmp_path / "discs.onnx"
    main(["export", "--model", str(trained.model), "--format", "onnx", "--output", str(file)])
    session = onnxruntime.InferenceSession(file)
    assert [output.name for output in session.get_outputs()] == [*NAMES]
    image = torch.rand(2, 3, 40, 50)
    with torch.inference_mode():
        logits = network(network.preprocessing(image))
    outputs = session.run(None, {"image": image.numpy()})
    assert_close(torch.from_numpy(np.concatenate(outputs, axis=1)), logits, atol=1e-4, rtol=1e-4)

    path = discs / "images" / "test" / "0.png"
    for name, result in fb.load(file)(path).items():
        assert (result.mask == loaded(path)[name].mask).mean() > 0.999
    config = ["--config", str(trained.config)]
    main(["validate", *config, "--model", str(file), "--json", str(tmp_path / "file.json")])
    main(["validate", *config, "--json", str(tmp_path / "network.json")])
    scores = [json.loads((tmp_path / f"{name}.json").read_text())["per_class"] for name in ("file", "network")]
    for score, by_class in scores[0].items():
        assert by_class == pytest.approx(scores[1][score], abs=1e-3)


def test_a_class_keeps_its_logits_among_others(trained):
    network = fb.from_pretrained(trained.model)
    colors = (*COLORS, (0, 200, 0))
    other = with_classes(network, ClassTable(("new", "warm", "cold"), colors, overlapping=True))
    image = torch.rand(1, 3, 32, 48)
    with torch.inference_mode():
        assert_close(other(image)[:, 2:], network(image))
    apart = with_classes(network, ClassTable(NAMES, COLORS))
    with torch.inference_mode():
        assert not any(torch.allclose(apart(image)[:, 0], each) for each in network(image).unbind(1))
    with pytest.raises(InputError, match="classes=4: the classes of the network overlap; give a class table"):
        fb.from_pretrained(trained.model, classes=4)


def test_an_adapter_is_loaded_alone(trained, tmp_path):
    frozen = fb.create_model("test_resnet", classes=4, encoder_weights=trained.model, freeze_encoder=True)
    assert isinstance(frozen, Feedbackward)
    frozen.class_table = ClassTable(NAMES, COLORS, overlapping=True)
    frozen.save_adapter(tmp_path / "discs.safetensors")
    adapter = fb.load_adapter(tmp_path / "discs.safetensors", backbone=trained.model)
    assert adapter.class_table == frozen.class_table
    assert [*fb.load(tmp_path / "discs.safetensors", backbone=trained.model)(np.zeros((32, 32, 3), np.uint8))] == [
        *NAMES
    ]
    with pytest.raises(InputError, match="discs: its classes overlap, and are 2 tasks already; load it alone"):
        fb.load_tasks([tmp_path / "discs.safetensors"], backbone=trained.model)


def test_what_needs_one_class_a_pixel_is_refused(trained, discs, tmp_path, capsys):
    config = ["--config", str(trained.config), "--run_dir", str(tmp_path / "run")]
    with pytest.raises(SystemExit):
        main(["fit", *config, "--class_weights", "median_frequency"])
    assert "class weights are for classes that do not overlap" in capsys.readouterr().err
    with pytest.raises(InputError, match="has its own classes and splits; omit --classes, --val and --group"):
        fb.train(discs, val=0.2, output=tmp_path / "other")


def test_a_single_class_is_a_sigmoid(tmp_path):
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None)
    network.class_table = ClassTable(("warm",), COLORS[:1], overlapping=True)
    network.save_pretrained(tmp_path)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    result = fb.load(tmp_path, thresholds={"warm": 0.5})(image)
    assert [*result] == ["warm"]
    assert result["warm"].table.names == ("background", "warm")
    np.testing.assert_array_equal(result["warm"].mask, result["warm"].probabilities[1] >= 0.5)
    network.class_table = ClassTable(("warm", "cold"), COLORS, overlapping=True)
    network.save_pretrained(tmp_path)
    with pytest.raises(
        InputError, match="names 2 overlapping classes, which need two logits each, and the network has 2"
    ):
        fb.from_pretrained(tmp_path)
