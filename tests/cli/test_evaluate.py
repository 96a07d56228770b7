import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.cli.evaluate import main
from feedbackward.data.cityscapes_labels import TRAIN_IDS
from feedbackward.errors import InputError

FIXTURE = Path(__file__).parents[1] / "fixtures" / "cityscapes_scores" / "mixed"
LABELS = "gtFine/val/ulm/ulm_000000_000019_gtFine_labelIds.png"
INSTANCES = "gtFine/val/ulm/ulm_000000_000019_gtFine_instanceIds.png"
PREDICTION = "predictions/ulm_000000_000019.png"
OFFICIAL = FIXTURE / "official.json"
SCALARS = {
    "mean_iou": "averageScoreClasses",
    "iiou_class": "averageScoreInstClasses",
    "iou_category": "averageScoreCategories",
    "iiou_category": "averageScoreInstCategories",
}


def save(path: Path, values: object, dtype: str = "uint8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, dtype=dtype)).save(path)


def load(path: Path) -> NDArray[Any]:
    return np.array(Image.open(path))


def score(root: Path, *options: str, dataset: str = "cityscapes", truth: str = "gtFine") -> None:
    folders = ["--ground-truth", str(root / truth), "--predictions", str(root / "predictions")]
    main(["--dataset", dataset, *folders, *options])


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "set"))


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two 2x2 masks of two classes; 255 is void."""
    root = tmp_path / "plain"
    save(root / "masks" / "a.png", [[0, 1], [1, 255]])
    save(root / "masks" / "sub" / "b.png", [[0, 0], [0, 0]])
    save(root / "predictions" / "a.png", [[0, 1], [0, 1]])
    save(root / "predictions" / "sub" / "b.png", [[0, 0], [0, 1]])
    (root / "classes.yaml").write_text("classes: [road, car]\n")
    return root


def test_the_official_result_file(cityscapes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = cityscapes / "result.json"
    score(cityscapes, "--official", str(result))
    found, expected = json.loads(result.read_text()), json.loads(OFFICIAL.read_text())
    assert found.keys() == expected.keys()
    assert found["confMatrix"] == expected["confMatrix"]
    for key in ("classScores", "classInstScores", "categoryScores", "categoryInstScores"):
        assert found[key] == pytest.approx(expected[key], abs=1e-9, nan_ok=True)
    assert "NaN" in result.read_text()
    assert list(cityscapes.glob(".*")) == []
    text = capsys.readouterr().out
    for word in (
        "mean IoU",
        "iIoU category",
        "motorcycle",
        "vehicle",
        f"{100 * expected['classScores']['road']:.1f}",
    ):
        assert word in text


def test_cityscapes_json_has_the_schema_of_all_scores(cityscapes: Path) -> None:
    score(cityscapes, "--json", str(cityscapes / "scores.json"))
    found, expected = json.loads((cityscapes / "scores.json").read_text()), json.loads(OFFICIAL.read_text())
    assert list(found) == [
        *("scalars", "per_class", "per_category", "confusion", "predicted_void", "label_confusion", "names", "notes")
    ]
    assert found["label_confusion"] == expected["confMatrix"]
    for name, key in SCALARS.items():
        assert found["scalars"][name] == pytest.approx(expected[key], abs=1e-9)
    assert found["per_category"]["iou"]["sky"] == pytest.approx(expected["categoryScores"]["sky"], abs=1e-9)
    assert found["per_class"]["iiou"]["road"] is None
    assert found["notes"][-1] == "iIoU is comparable only at 1024x2048"


def test_streets_are_scored_as_cityscapes(cityscapes: Path) -> None:
    for dataset in ("cityscapes", "streets"):
        score(cityscapes, "--json", str(cityscapes / f"{dataset}.json"), dataset=dataset)
    assert (cityscapes / "streets.json").read_text() == (cityscapes / "cityscapes.json").read_text()


def test_only_cityscapes_has_an_official_file(classes: Path) -> None:
    result = classes / "result.json"
    options = ["--classes", str(classes / "classes.yaml"), "--official", str(result)]
    with pytest.raises(InputError, match=r"--official writes .* data set folder is not scored by it; .* --json"):
        score(classes, *options, dataset="folder", truth="masks")
    assert not result.exists()


def test_a_split_and_files_with_other_names_are_accepted(cityscapes: Path) -> None:
    save(cityscapes / "predictions" / "overlay.png", np.zeros((2, 2, 3)))
    score(cityscapes, "--workers", "1", truth="gtFine/val/ulm")


def test_plain_classes(classes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = classes / "result.json"
    options = ["--classes", str(classes / "classes.yaml"), "--json", str(result)]
    score(classes, *options, dataset="folder", truth="masks")
    found = json.loads(result.read_text())
    assert found == {
        "scalars": {
            "mean_iou": pytest.approx((4 / 6 + 1 / 3) / 2),
            "mean_dice": pytest.approx((8 / 10 + 2 / 4) / 2),
            "pixel_accuracy": pytest.approx(5 / 7),
            "mean_precision": pytest.approx((4 / 5 + 1 / 2) / 2),
            "mean_accuracy": pytest.approx((4 / 5 + 1 / 2) / 2),
        },
        "per_class": {
            "iou": {"road": pytest.approx(4 / 6), "car": pytest.approx(1 / 3)},
            "dice": {"road": pytest.approx(8 / 10), "car": pytest.approx(2 / 4)},
            "precision": {"road": pytest.approx(4 / 5), "car": pytest.approx(1 / 2)},
            "accuracy": {"road": pytest.approx(4 / 5), "car": pytest.approx(1 / 2)},
        },
        "confusion": [[4, 1], [1, 1]],
        "predicted_void": [0, 0],
        "names": ["road", "car"],
        "notes": [],
    }
    text = capsys.readouterr().out
    for word in ("mean IoU", "pixel accuracy", "mean accuracy", "road", "66.7"):
        assert word in text


def test_names_that_look_like_markup_are_shown(classes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (classes / "classes.yaml").write_text("classes: ['[red]b', '[/]c']\n")
    score(classes, "--classes", str(classes / "classes.yaml"), dataset="folder", truth="masks")
    text = capsys.readouterr().out
    assert "[red]b" in text
    assert "[/]c" in text


RED, BLUE, WHITE = [255, 0, 0], [0, 0, 255], [255, 255, 255]
ENCODINGS: dict[str, tuple[str, list[Any]]] = {
    "values": ("ignore: 0\nclasses: [{name: road, value: 7}, {name: car, value: 26}]\n", [7, 26, 0]),
    "merged values": ("ignore: 0\nclasses: [{name: road, value: [7, 8]}, {name: car, value: [26, 27]}]\n", [8, 27, 0]),
    "black and white": ("ignore: 9\nclasses: [{name: road, value: 0}, {name: car, value: 255}]\n", [0, 255, 9]),
    "colors": (
        f"masks: colors\nignore: {WHITE}\nclasses: [{{name: road, color: {RED}}}, {{name: car, color: {BLUE}}}]\n",
        [RED, BLUE, WHITE],
    ),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_class_file_defines_the_encoding_of_both_folders(encoding: str, classes: Path) -> None:
    text, (road, car, void) = ENCODINGS[encoding]
    result = classes / "result.json"
    save(classes / "masks" / "a.png", [[road, car], [car, void]])
    save(classes / "masks" / "sub" / "b.png", [[road, road], [road, road]])
    save(classes / "predictions" / "a.png", [[road, car], [void, car]])
    save(classes / "predictions" / "sub" / "b.png", [[road, road], [road, car]])
    (classes / "classes.yaml").write_text(text)
    options = ["--classes", str(classes / "classes.yaml"), "--json", str(result)]
    score(classes, *options, dataset="folder", truth="masks")
    scores = json.loads(result.read_text())
    assert scores["confusion"] == [[4, 1], [0, 1]]
    assert scores["predicted_void"] == [0, 1]
    assert scores["per_class"]["iou"] == {"road": 4 / 5, "car": 1 / 3}
    assert scores["notes"] == [
        "1 of 7 pixels are predicted as void, or as a class that is not scored: they count as misses of their class"
    ]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_network_is_scored_whatever_the_encoding_of_the_ground_truth(encoding: str, tmp_path: Path) -> None:
    text, (road, car, _) = ENCODINGS[encoding]
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, (32, 48))
    image = random.integers(0, 256, (32, 48, 3)).astype(np.uint8)
    for folder, array in (("images", image), ("masks", np.array([road, car])[truth])):
        (tmp_path / folder).mkdir()
        Image.fromarray(array.astype(np.uint8)).save(tmp_path / folder / "a.png")
    (tmp_path / "classes.yaml").write_text(text)
    torch.manual_seed(0)
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None)
    network.class_table = ClassTable(("road", "car"), ((1, 2, 3), (4, 5, 6)), values=(40, 50), void_value=60)
    network.save_pretrained(tmp_path / "network")
    prediction = fb.load(tmp_path / "network")(image).mask
    command = ["--dataset", "folder", "--classes", str(tmp_path / "classes.yaml"), "--ground-truth"]
    command += [str(tmp_path / "masks"), "--model", str(tmp_path / "network"), "--source", str(tmp_path / "images")]
    main([*command, "--json", str(tmp_path / "scores.json")])
    expected = [[int(((truth == row) & (prediction == column)).sum()) for column in range(2)] for row in range(2)]
    assert json.loads((tmp_path / "scores.json").read_text())["confusion"] == expected
    assert len(np.unique(prediction)) == 2


def test_a_missing_image_and_one_too_many_are_named_by_their_source(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("images/a", "images/more", "masks/a", "others/b"):
        save(tmp_path / f"{name}.png", np.zeros((32, 48)))
    (tmp_path / "classes.yaml").write_text("classes: [road, car]")
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None)
    network.class_table = ClassTable(("road", "car"), ((1, 2, 3), (4, 5, 6)))
    network.save_pretrained(tmp_path / "network")
    command = ["--dataset", "folder", "--classes", str(tmp_path / "classes.yaml"), "--model", str(tmp_path / "network")]
    command += ["--source", str(tmp_path / "images"), "--ground-truth"]
    main([*command, str(tmp_path / "masks")])
    assert caplog.messages == [f"{tmp_path}/images: left out 1: 1 without ground truth (more.png)"]
    with pytest.raises(InputError) as caught:
        main([*command, str(tmp_path / "others")])
    found = "missing images to predict (1 of 1): b; expected exactly one per mask, named"
    assert str(caught.value).startswith(f"{found} {tmp_path}/images/PATH; to score a single split")


def test_boundary_sizes_and_each_image(classes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*("--classes", str(classes / "classes.yaml")), *("--json", str(classes / "r.json")), "--by-size"]
    score(classes, *options, "--boundary", "--per-image", str(classes / "i.csv"), dataset="folder", truth="masks")
    found = json.loads((classes / "r.json").read_text())
    assert found["per_class"]["boundary_iou"] == found["per_class"]["iou"]  # all pixels are near an edge
    assert found["scalars"]["mean_boundary_iou"] == pytest.approx(found["scalars"]["mean_iou"])
    assert found["notes"][0] == "boundary IoU counts pixels up to 0.02 of the image's diagonal from an edge"
    assert found["by_size"]["small"] == {
        "objects": {"road": 2, "car": 1},
        "found": {"road": 1, "car": 1},
        "recall": {"road": 4 / 5, "car": 1 / 2},
    }
    assert found["by_size"]["large"]["objects"] == {"road": 0, "car": 0}
    assert [line.split(",")[0] for line in (classes / "i.csv").read_text().splitlines()] == [
        "image",
        str(classes / "masks/sub/b.png"),  # IoU 3/4 and 0; the other 1/2 and 1/2
        str(classes / "masks/a.png"),
    ]
    score(classes, *options, "--boundary", "0.5", dataset="folder", truth="masks")
    assert "up to 0.5 of the image's diagonal" in " ".join(capsys.readouterr().out.split())


def test_cityscapes_boundary_and_sizes_leave_the_official_file_alone(cityscapes: Path) -> None:
    options = ["--official", str(cityscapes / "r.json"), "--json", str(cityscapes / "s.json")]
    score(cityscapes, *options, "--boundary", "0.005", "--by-size", "--per-image", str(cityscapes / "i.csv"))
    found, expected = json.loads((cityscapes / "r.json").read_text()), json.loads(OFFICIAL.read_text())
    assert found["classScores"] == pytest.approx(expected["classScores"], abs=1e-9, nan_ok=True)
    scores = json.loads((cityscapes / "s.json").read_text())
    assert scores["by_size"]["small"]["objects"]["road"] > 0
    assert 0 < scores["scalars"]["mean_boundary_iou"] < 1
    assert len((cityscapes / "i.csv").read_text().splitlines()) == 1 + 4


def test_masks_of_any_format_are_paired_and_others_counted(classes: Path, caplog: pytest.LogCaptureFixture) -> None:
    (classes / "predictions" / "a.png").rename(classes / "predictions" / "a.PNG")
    save(classes / "masks" / "sub" / "b.tif", load(classes / "masks" / "sub" / "b.png"))
    (classes / "masks" / "sub" / "b.png").unlink()
    (classes / "masks" / "notes.txt").touch()
    save(classes / "predictions" / "c.png", [[0]])
    options = ["--classes", str(classes / "classes.yaml"), "--json", str(classes / "r.json")]
    score(classes, *options, dataset="folder", truth="masks")
    assert json.loads((classes / "r.json").read_text())["confusion"] == [[4, 1], [1, 1]]
    assert "masks: left out 1: 1 of another type (notes.txt)" in caplog.text
    assert "predictions: left out 1: 1 without ground truth (c.png)" in caplog.text


def test_camvid(tmp_path: Path) -> None:
    save(tmp_path / "valannot" / "x.png", [[0, 3, 3, 11]])
    save(tmp_path / "predictions" / "x.png", [[0, 3, 8, 3]])
    score(tmp_path, "--json", str(tmp_path / "r.json"), dataset="camvid", truth="valannot")
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["per_class"]["iou"]["road"] == 0.5
    assert found["per_class"]["iou"]["car"] == 0
    assert found["per_class"]["iou"]["tree"] is None
    assert found["scalars"]["mean_iou"] == 0.5


# A change to a valid data set, and the error that it causes.
Change = Callable[[Path], object]
CITYSCAPES_ERRORS: dict[str, tuple[Change, str]] = {
    "id over 33": (
        lambda root: save(root / PREDICTION, np.where(np.eye(24, 48), 34, 7)),
        r"000019\.png against .*labelIds\.png: the prediction contains the value 34, expected 0 to 33",
    ),
    "void in train ids": (
        lambda root: save(root / PREDICTION, np.full((24, 48), 255)),
        r"the prediction contains the value 255, .*write label ids .*; 255 is void in train ids",
    ),
    "missing prediction": (
        lambda root: (root / PREDICTION).unlink(),
        r"missing predictions \(1 of 4\): ulm_000000_000019; expected .* per image, named .*SCENE\*\.png",
    ),
    "all predictions missing": (
        lambda root: [path.rename(path.with_name(f"x{path.name}")) for path in root.glob("predictions/*")],
        r"missing predictions \(4 of 4\): ulm_000000_000019, ulm_000001_000019, ",
    ),
    "duplicate prediction": (
        lambda root: shutil.copy(root / PREDICTION, root / "predictions" / "ulm_000000_000019_again.png"),
        r"duplicate predictions \(1 of 4\): ulm_000000_000019 \(.*ulm_000000_000019\.png, .*_again\.png\)",
    ),
    "no predictions": (
        lambda root: [path.unlink() for path in root.glob("predictions/*")],
        r"no predictions in .*predictions: expected files named \*\.png",
    ),
    "no prediction folder": (
        lambda root: shutil.rmtree(root / "predictions"),
        r"the folder of the predictions does not exist: .*predictions",
    ),
    "no ground truth": (
        lambda root: shutil.rmtree(root / "gtFine" / "val"),
        r"no ground truth in .*gtFine: expected files named \*_gtFine_labelIds\.png",
    ),
    "ground truth of another name": (
        lambda root: (root / LABELS).rename((root / LABELS).with_name("ulm_1_gtFine_labelIds.png")),
        r"ground-truth files not named CITY_SEQUENCE_FRAME.* \(1 of 4\): .*ulm_1_gtFine_labelIds\.png",
    ),
    "missing instance map": (
        lambda root: (root / INSTANCES).unlink(),
        r"missing instance maps \(1 of 4\): .*_instanceIds\.png",
    ),
    "wrong size": (
        lambda root: save(root / PREDICTION, np.zeros((12, 48))),
        r"ulm_000000_000019\.png is 48x12, but .*labelIds\.png is 48x24 \(width x height\); predict at the size of the",
    ),
    "instance map of another size": (
        lambda root: save(root / INSTANCES, np.zeros((24, 4)), "uint16"),
        r"instanceIds\.png is 4x24, but .*labelIds\.png is 48x24",
    ),
    "RGB": (
        lambda root: save(root / PREDICTION, np.full((24, 48, 3), [128, 64, 128])),
        r"ulm_000000_000019\.png has colors, such as \(128, 64, 128\).*must contain label ids, not colors",
    ),
    "RGB in the ground truth": (
        lambda root: save(root / LABELS, np.full((24, 48, 3), [128, 64, 128])),
        r"labelIds\.png has colors, .*Use the \*_gtFine_labelIds\.png files",
    ),
    "16-bit prediction": (
        lambda root: save(root / PREDICTION, np.full((24, 48), 7001), "uint16"),
        r"the prediction contains the value 7001, expected 0 to 33",
    ),
    "8-bit instance map": (
        lambda root: save(root / INSTANCES, np.zeros((24, 48))),
        r"instanceIds\.png is not a 16-bit instance map .*lost their classes",
    ),
    "truncated": (
        lambda root: (root / PREDICTION).write_bytes((root / PREDICTION).read_bytes()[:-40]),
        r"ulm_000000_000019\.png cannot be read: .*truncated",
    ),
    "not an image": (
        lambda root: (root / LABELS).write_text("road"),
        r"labelIds\.png is not an image",
    ),
    "unknown id in the ground truth": (
        lambda root: save(root / LABELS, np.full((24, 48), 40)),
        r"the ground truth contains the value 40, expected 0 to 33, the label ids; use the \*_gtFine_labelIds",
    ),
}


@pytest.mark.parametrize("case", CITYSCAPES_ERRORS)
def test_bad_cityscapes_input_is_refused_by_name(case: str, cityscapes: Path) -> None:
    change, message = CITYSCAPES_ERRORS[case]
    change(cityscapes)
    with pytest.raises(InputError, match=message):
        score(cityscapes, "--json", str(cityscapes / "result.json"))
    assert not (cityscapes / "result.json").exists()


def test_train_ids_instead_of_label_ids_are_detected(cityscapes: Path) -> None:
    for path in (cityscapes / "gtFine").rglob("*_labelIds.png"):
        train_ids = TRAIN_IDS[load(path)]
        scene = path.name.removesuffix("_gtFine_labelIds.png")
        (prediction,) = (cityscapes / "predictions").glob(f"{scene}*")
        save(prediction, np.where(train_ids == 255, 0, train_ids))
    with pytest.raises(
        InputError, match=r"the predictions look like train ids \(0 to 18\): read as train ids .*write label ids"
    ):
        score(cityscapes)


def test_low_label_ids_are_not_taken_for_train_ids(cityscapes: Path) -> None:
    for path in (cityscapes / "predictions").glob("*"):
        save(path, np.minimum(load(path), 18))
    score(cityscapes)


def test_a_long_list_is_shortened(tmp_path: Path) -> None:
    for frame in range(12):
        folder = tmp_path / "gtFine"
        save(folder / f"bonn_000000_{frame:06}_gtFine_labelIds.png", [[7]])
        save(folder / f"bonn_000000_{frame:06}_gtFine_instanceIds.png", [[7]], "uint16")
    save(tmp_path / "predictions" / "other.png", [[7]])
    with pytest.raises(
        InputError, match=r"missing predictions \(12 of 12\): .*bonn_000000_000009 and 2 more; expected"
    ):
        score(tmp_path)


CLASS_ERRORS: dict[str, tuple[Change, str]] = {
    "missing prediction": (
        lambda root: (root / "predictions" / "sub" / "b.png").unlink(),
        r"missing predictions \(1 of 2\): sub/b; expected",
    ),
    "no predictions": (
        lambda root: [path.unlink() for path in root.glob("predictions/**/*.png")],
        r"no predictions in .*predictions: expected images \(\.jpg .* in it or its subfolders",
    ),
    "two predictions": (
        lambda root: save(root / "predictions" / "a.tif", [[0, 1], [0, 1]]),
        r"predictions/a\.png and .*predictions/a\.tif have the same name; remove or rename one of them",
    ),
    "value outside the table": (
        lambda root: save(root / "predictions" / "a.png", [[2, 1], [0, 1]]),
        r"predictions/a\.png: value 2 \(1 of 4 pixels\) outside the class table; expected 0 to 1, 255\. ",
    ),
    "value outside the table in the ground truth": (
        lambda root: save(root / "masks" / "a.png", [[9, 1], [0, 1]]),
        r"a\.png: value 9 \(1 of \d+ pixels\) outside the class table",
    ),
    "wrong size": (
        lambda root: save(root / "predictions" / "a.png", [[0, 1]]),
        r"predictions/a\.png is 2x1, but .*masks/a\.png is 2x2",
    ),
    "RGB": (
        lambda root: save(root / "predictions" / "a.png", np.full((2, 2, 3), [128, 64, 128])),
        r"predictions/a\.png has colors, .* set 'masks: colors' in a class file and use the data set folder$",
    ),
}


@pytest.mark.parametrize("case", CLASS_ERRORS)
def test_bad_masks_are_refused_by_name(case: str, classes: Path) -> None:
    change, message = CLASS_ERRORS[case]
    change(classes)
    with pytest.raises(InputError, match=message):
        score(classes, "--classes", str(classes / "classes.yaml"), dataset="folder", truth="masks")


def test_the_class_file_belongs_to_the_folder_data_set(classes: Path) -> None:
    with pytest.raises(InputError, match=r"data set folder needs a class file .*--classes FILE"):
        score(classes, dataset="folder", truth="masks")
    with pytest.raises(InputError, match=r"masks is not a file but a folder"):
        score(classes, "--classes", str(classes / "masks"), dataset="folder", truth="masks")
    with pytest.raises(InputError, match="data set camvid has its own classes"):
        score(classes, "--classes", "x.yaml", dataset="camvid", truth="masks")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("file/scores.json", r"{option} .*scores\.json cannot be written "),
        ("gtFine", "{option} .*gtFine: this is a folder; give the name of a file"),
    ],
)
@pytest.mark.parametrize("option", ["--json", "--official", "--per-image"])
def test_the_files_to_write_are_checked_before_the_work(option: str, name: str, message: str, cityscapes: Path) -> None:
    (cityscapes / "file").touch()
    shutil.rmtree(cityscapes / "predictions")  # the next error, had the work begun
    with pytest.raises(InputError, match=message.format(option=option)):
        score(cityscapes, option, str(cityscapes / name))


@pytest.mark.parametrize("name", ["classes.yaml", "masks/a.png", "predictions/sub/b.png"])
def test_what_is_scored_is_not_replaced(name: str, classes: Path) -> None:
    before = (classes / name).read_bytes()
    options = ("--classes", str(classes / "classes.yaml"), "--json", str(classes / name))
    with pytest.raises(InputError, match="would replace a file of --"):
        score(classes, *options, dataset="folder", truth="masks")
    assert (classes / name).read_bytes() == before
    with pytest.raises(InputError, match="--json and --per-image both name"):
        score(classes, *options[:2], "--json", "s.x", "--per-image", "s.x", dataset="folder", truth="masks")


def test_workers_are_at_least_one(cityscapes: Path) -> None:
    with pytest.raises(InputError, match="0 workers; at least 1 is needed"):
        score(cityscapes, "--workers", "0")


def test_options_of_the_network_need_one(cityscapes: Path) -> None:
    with pytest.raises(InputError, match="--scale, --flip, --device: predictions are scored as they are"):
        score(cityscapes, "--scale", "0.5", "--flip", "--device", "cpu")


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(InputError, match="unknown data set 'kitti'; expected one of cityscapes, camvid"):
        main(["--dataset", "kitti", "--ground-truth", "x", "--predictions", "y"])
