"""CamVid and Cityscapes, found as their datamodules read them."""

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.testing import assert_array_equal

from feedbackward.cli.main import main
from feedbackward.data import CamVidData, CityscapesData, FolderData
from feedbackward.data.class_file import parse_classes
from feedbackward.data.masks import read_mask
from feedbackward.data.sources import recognize_source
from feedbackward.importing import recognize
from feedbackward.training.own_data import prepare


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in ("a", "b"):
            save(tmp_path / split / f"{name}.png", rng.integers(0, 256, (12, 16, 3)))
            save(tmp_path / f"{split}annot" / f"{name}.png", rng.integers(0, 12, (12, 16)))
    return tmp_path


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    main(["streets", "--output", str(tmp_path / "streets"), "--train", "2", "--val", "1", "--size", "32,64"])
    return tmp_path / "streets"


@pytest.mark.parametrize(("name", "kind"), [("camvid", CamVidData), ("cityscapes", CityscapesData)])
def test_masks_and_classes_are_those_of_the_datamodule(name: str, kind: type, request: pytest.FixtureRequest) -> None:
    root = request.getfixturevalue(name)
    data, found = kind(root=root), recognize(root)
    described = parse_classes(found.classes, "found")
    assert (described.table.names, described.table.colors) == (data.class_table.names, data.class_table.colors)
    for split in ("train", "val"):
        theirs = data.dataset(split)
        ours = [sample for sample in found.samples if sample.split == split]
        assert [sample.image for sample in ours] == [pair.image for pair in theirs.pairs]
        for sample, item in zip(ours, theirs, strict=True) if split == "val" else ():  # train items are augmented
            assert_array_equal(described.encoding.read(sample.mask), item["mask"])


@pytest.mark.parametrize("name", ["camvid", "cityscapes"])
def test_a_class_file_in_the_folder_says_the_classes(
    name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = request.getfixturevalue(name)
    theirs = recognize(root)
    values = ", ".join(map(str, range(1, 34)))
    file = root / "classes.yaml"
    file.write_text(f"classes: [rest, {{name: thing, value: [{values}]}}]\n")
    assert recognize_source(root) is None
    found = recognize(root)
    assert (found.samples, found.classes) == (theirs.samples, file)
    output = tmp_path_factory.mktemp("data") / "converted"
    assert "classes (2): rest, thing" in " ".join(prepare(root, output, choose_size=False).lines)
    data = FolderData(root=output)
    assert data.class_table.names == ("rest", "thing")
    raw = read_mask(next(each.mask for each in theirs.samples if each.split == "val"))
    assert_array_equal(data.dataset("val")[0]["mask"], raw > 0)


def test_what_has_no_partner_is_noted(camvid: Path) -> None:
    (camvid / "train" / "a.png").unlink()
    found = recognize(camvid)
    assert len(found.samples) == 3
    assert found.notes == (f"left out 1 masks without an image: {camvid / 'trainannot' / 'a.png'}",)


def test_inspect_counts_them(camvid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["inspect", str(camvid)])
    out = capsys.readouterr().out
    assert "layout    CamVid" in out
    assert "images    4: 2 train, 2 val" in out
    assert "bicyclist" in out


def test_layers_need_a_folder_for_each_class(camvid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (camvid / "classes.yaml").write_text("masks: layers\nclasses: [wet, cracked]\n")
    with pytest.raises(SystemExit):
        main(["convert", str(camvid), str(camvid / "out")])
    assert "classes overlap (masks: layers), which needs images/SPLIT/NAME.jpg and " in capsys.readouterr().err
    assert not (camvid / "out").exists()
