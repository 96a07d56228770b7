import os
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
import tifffile
from PIL import Image

from feedbackward.data import FolderData
from feedbackward.data.files import read_image
from feedbackward.errors import InputError
from feedbackward.importing import FoundData, Sample, convert


@dataclass(frozen=True)
class Painted:
    """A drawing of one value."""

    value: int
    dtype: type = np.uint8

    def draw(self, height, width):
        return np.full((height, width), self.value, self.dtype)


@pytest.fixture
def found(tmp_path):
    """Two image files with mask files of 0 and 255."""
    samples = []
    for name, split in (("a", "train"), ("b", "val")):
        image, mask = tmp_path / "source" / f"{name}.JPG", tmp_path / "source" / f"{name}_m.png"
        image.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 6), "red").save(image, "JPEG")
        Image.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 3, 0) + np.zeros((1, 8), np.uint8)).save(mask)
        samples.append(Sample(name, image, mask, split))
    return FoundData("test files", tuple(samples))


def content(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_files_are_linked(found, tmp_path):
    written = []
    table = convert(found, tmp_path / "deep" / "out", on_sample=lambda: written.append(1))
    out = tmp_path / "deep" / "out"
    assert content(out) == [
        "classes.yaml",
        "images/train/a.jpg",
        "images/val/b.jpg",
        "masks/train/a.png",
        "masks/val/b.png",
    ]
    assert (out / "images/train/a.jpg").samefile(found.samples[0].image)
    assert len(written) == 2
    assert table.names == ("background", "foreground")
    data = FolderData(root=out)
    assert data.class_table == table
    assert data.dataset("val")[0]["mask"].tolist() == [[0] * 8] * 3 + [[1] * 8] * 3
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_files_are_copied_where_links_are_impossible(found, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no links")

    monkeypatch.setattr(os, "link", refuse)
    convert(found, tmp_path / "out")
    copy, source = tmp_path / "out/images/train/a.jpg", found.samples[0].image
    assert not copy.samefile(source)
    assert copy.read_bytes() == source.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(InputError, match=r"cannot be copied to .*out2/.*: No space left on device; free space"):
        convert(found, tmp_path / "out2")
    assert not (tmp_path / "out2").exists()


def test_links_are_followed(found, tmp_path):
    link = tmp_path / "link.jpg"
    link.symlink_to(found.samples[0].image)
    sample = replace(found.samples[0], image=link)
    convert(replace(found, samples=(sample, found.samples[1])), tmp_path / "out")
    assert not (tmp_path / "out/images/train/a.jpg").is_symlink()


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pixels_and_drawings(channels, dtype, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 250, (6, 8, channels)).astype(dtype)
    samples = [Sample(name, lambda: pixels, Painted(value), name) for name, value in (("train", 0), ("val", 1))]
    table = convert(FoundData("pixels", tuple(samples)), tmp_path / "out")
    assert table.names == ("background", "foreground")
    read = read_image(tmp_path / "out/images/val/val.tif", {1: "gray", 3: "RGB"}.get(channels, channels))
    assert read.dtype == dtype
    assert read.tolist() == pixels.tolist()


def test_the_codes_of_drawings_are_counted(found, tmp_path):
    drawn = [
        replace(sample, mask=Painted(value, np.uint16)) for sample, value in zip(found.samples, (0, 300), strict=True)
    ]
    table = convert(replace(found, samples=tuple(drawn)), tmp_path / "out", names=["ground", "roof"])
    assert table.names == ("ground", "roof")
    assert table.values == (0, 300)


def test_class_files(found, tmp_path):
    given = tmp_path / "mine.yml"
    given.write_text("# mine\nclasses: [a, {name: b, value: 255}]\n")
    convert(replace(found, classes=given), tmp_path / "one")
    assert (tmp_path / "one/classes.yml").read_text() == given.read_text()
    described = {"classes": [{"name": "a", "value": 0}, {"name": "ü", "value": 255}]}
    assert convert(replace(found, classes=described), tmp_path / "two").names == ("a", "ü")
    with pytest.raises(InputError, match=r"the test files name their classes; omit the names x, y"):
        convert(replace(found, classes=given), tmp_path / "three", names=["x", "y"])
    given.write_text("classes: []\n")
    with pytest.raises(InputError, match=r"mine\.yml: 'classes' must list the classes"):
        convert(replace(found, classes=given), tmp_path / "three")
    with pytest.raises(InputError, match=r"three/classes\.yaml: class names \['a'\] occur more than once"):
        convert(replace(found, classes={"classes": ["a", "a"]}), tmp_path / "three")
    assert not (tmp_path / "three").exists()


def test_an_empty_folder_may_exist(found, tmp_path):
    (tmp_path / "out").mkdir()
    convert(found, tmp_path / "out")
    with pytest.raises(InputError, match=r"out exists and is not an empty folder; give a new one"):
        convert(found, tmp_path / "out")
    with pytest.raises(InputError, match=r"a\.JPG exists and is not an empty folder"):
        convert(found, found.samples[0].image)


def test_places_that_cannot_be_written(found, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/out cannot be written \(.*\); choose another place"):
        convert(found, tmp_path / "file" / "out")


def test_names_that_repeat_once_the_splits_are_known(found, tmp_path):
    again = replace(found.samples[1], name="a", split="train")
    with pytest.raises(InputError, match=r"images of one name \(1\): a; rename"):
        convert(replace(found, samples=(found.samples[0], again)), tmp_path / "out")


def test_nothing_is_left_of_a_failure(found, tmp_path):
    found.samples[1].mask.write_bytes(b"")
    with pytest.raises(InputError, match=r"source/b_m\.png is not an image"):
        convert(found, tmp_path / "out")
    found.samples[1].image.write_bytes(b"")
    drawn = replace(found.samples[1], mask=Painted(0))
    with pytest.raises(InputError, match=r"source/b\.JPG is not an image"):
        convert(replace(found, samples=(found.samples[0], drawn)), tmp_path / "out")
    found.samples[1].image.unlink()
    with pytest.raises(InputError, match=r"b\.JPG cannot be copied to .*/out/images/val/b\.jpg: No such file"):
        convert(found, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_compressed_pixels_are_small(tmp_path):
    pixels = np.arange(256 * 256 * 3, dtype=np.uint32).reshape(256, 256, 3).astype(np.uint8)
    samples = tuple(Sample(split, lambda: pixels, Painted(0), split) for split in ("train", "val"))
    convert(FoundData("pixels", samples), tmp_path / "out")
    path = tmp_path / "out/images/train/train.tif"
    assert path.stat().st_size < pixels.nbytes / 10
    assert tifffile.imread(path).tolist() == pixels.tolist()


def test_what_is_assumed_is_said(found, tmp_path):
    Image.fromarray(np.array([[0, 1, 255]], np.uint8)).save(found.samples[0].mask)
    Image.new("RGB", (3, 1)).save(found.samples[0].image, "JPEG")
    Image.new("RGB", (8, 6), "blue").save(found.samples[1].image, "JPEG")
    lines = []
    assert convert(found, tmp_path / "out", say=lines.append).names == ("background", "foreground")
    assert [line.split(";")[0] for line in lines] == ["255 in the masks is understood as pixels to ignore"]


def test_copies_in_given_splits_are_said(found, tmp_path):
    lines = []
    convert(found, tmp_path / "out", say=lines.append)
    assert [line.split(";")[0] for line in lines] == [
        "images that are in several splits, byte for byte (1): train/a = val/b"
    ]
    Image.new("RGB", (8, 6), "blue").save(found.samples[1].image, "JPEG")
    lines.clear()
    convert(found, tmp_path / "again", say=lines.append)
    assert lines == []
