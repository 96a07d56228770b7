from collections.abc import Callable
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from feedbackward.importing import FoundData, Sample, recognize
from feedbackward.importing.duplicates import leaks
from feedbackward.importing.examination import examine
from feedbackward.importing.inspection import Inspection, inspect
from feedbackward.importing.mask_facts import MaskFacts

Save = Callable[..., Path]
SIZE = 40, 50


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes an array as an image file below tmp_path."""

    def _save(name: str, array: NDArray[np.generic], **options: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path, **options)
        return path

    return _save


@pytest.fixture
def data(tmp_path: Path, save: Save) -> Path:
    """Two samples for training and one for validation, of two classes and void; nothing is wrong with them."""
    for index, name in enumerate(("train/a", "train/b", "val/c")):
        noise = np.random.default_rng(index).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        mask = np.zeros(SIZE, np.uint8)
        mask[:10], mask[10:12] = 1, 255
        save(f"images/{name}.png", noise)
        save(f"masks/{name}.png", mask)
    (tmp_path / "classes.yaml").write_text("classes: [wall, crack]\n")
    return tmp_path


def look(root: Path) -> Inspection:
    return inspect(recognize(root), root)


def messages(root: Path) -> dict[str, str]:
    """The problems by the name of their kind."""
    return {problem.kind.name: str(problem) for problem in look(root).problems}


def test_facts_are_those_of_the_files(data: Path) -> None:
    inspection = look(data)
    facts = inspection.facts.to_dict()
    assert facts == {
        "layout": "folders of images and of masks",
        "images_by_split": {"train": 2, "val": 1},
        "sizes": {"40x50": 3},
        "channels": {"3 channels (RGB)": 3},
        "bit_depths": {"8 bits": 3},
        "formats": {"PNG": 3},
        "mask_codes": [
            {"value": 0, "class": "wall", "share_of_pixels": pytest.approx(28 / 40), "masks": 3},
            {"value": 1, "class": "crack", "share_of_pixels": pytest.approx(10 / 40), "masks": 3},
            {"value": 255, "class": "void", "share_of_pixels": pytest.approx(2 / 40), "masks": 3},
        ],
        "void_share": pytest.approx(2 / 40),
        "classes_are_named": True,
        "classes": ["wall", "crack"],
        "absent_classes": {"all": [], "train": [], "val": []},
    }
    assert inspection.problems == ()
    assert not inspection.failed
    assert [sample.name for sample in inspection.sound.samples] == ["a", "b", "c"]


def test_every_problem_is_found_at_once(data: Path, save: Save) -> None:
    """One file for each error; none hides another."""
    (data / "images/train/cut.png").write_bytes((data / "images/train/a.png").read_bytes()[:200])
    save("masks/train/cut.png", np.zeros(SIZE, np.uint8))
    for number, name in enumerate(("small", "seven", "jpeg", "broken")):
        save(f"images/train/{name}.png", np.full((*SIZE, 3), number, np.uint8))
    save("masks/train/small.png", np.eye(20, dtype=np.uint8))
    save("masks/train/seven.png", np.eye(*SIZE, dtype=np.uint8) * 7)
    save("masks/train/jpeg.jpg", np.eye(*SIZE, dtype=np.uint8))
    (data / "masks/train/broken.png").write_bytes(b"no image")
    copy(data / "images/train/b.png", data / "images/val/copy.png")
    copy(data / "masks/train/b.png", data / "masks/val/copy.png")
    inspection = look(data)
    found = messages(data)
    assert found.pop("unreadable_image").startswith("images that cannot be read (1): images/train/cut.png cannot be")
    assert found == {
        "lossy_mask": "masks in a format that changes values (1): masks/train/jpeg.jpg (JPEG); export them again as "
        "PNG (converting these files keeps the changed values)",
        "size": "masks of another size than their image (height x width) (1): masks/train/small.png (20x20, image "
        "40x50); export them again in its size",
        "outside_classes": "masks with values or colors outside the class file (1): masks/train/seven.png (value 7); "
        "add them to the class file, as classes or under 'ignore:'",
        "unreadable_mask": "masks that cannot be read (1): masks/train/broken.png is not an image in JPEG, PNG, TIFF, "
        "WebP, BMP, GIF or JPEG 2000 (8 bytes); copy or export them again",
        "between_splits": "images that are in several splits, byte for byte (1): images/train/b.png = "
        "images/val/copy.png; keep each in one: scores of images that were trained on are too good",
        "single_class": "masks with fewer than two classes (1): masks/train/cut.png; see in --picture FILE that "
        "nothing is missing",
    }
    assert inspection.failed
    assert [sample.name for sample in inspection.sound.samples] == ["a", "c", "copy"]
    assert inspection.left_out == 6


def test_three_examples_and_the_number_of_the_rest(data: Path, save: Save) -> None:
    for number in range(5):
        save(f"images/train/{number}.png", np.full((*SIZE, 3), number, np.uint8))
        save(f"masks/train/{number}.png", np.full(SIZE, 9, np.uint8))
    message = messages(data)["outside_classes"]
    assert "(5): masks/train/0.png (value 9), masks/train/1.png (value 9), masks/train/2.png (value 9) and 2 more;" in (
        message
    )


def test_classes_that_never_occur(data: Path, save: Save) -> None:
    (data / "classes.yaml").write_text("classes: [wall, crack, door]\n")
    save("masks/val/c.png", np.zeros(SIZE, np.uint8))
    assert look(data).facts.absent() == {"all": ["door"], "train": [], "val": ["crack"]}


def test_colors_of_a_class_file_with_lists(data: Path, save: Save) -> None:
    (data / "classes.yaml").write_text(
        "masks: colors\nignore: [9, 9, 9]\n"
        "classes: [{name: wall, color: [0, 0, 0]}, {name: crack, color: [[255, 0, 0], [0, 255, 0]]}]\n"
    )
    for name in ("train/a", "train/b", "val/c"):
        mask = np.zeros((*SIZE, 3), np.uint8)
        mask[:10, :, 0], mask[10:15, :, 1], mask[15:20] = 255, 255, 9
        save(f"masks/{name}.png", mask)
    facts = look(data).facts
    assert [facts.class_of(code) for code in (0, 0xFF0000, 0x00FF00, 0x090909, 1)] == [
        "wall",
        "crack",
        "crack",
        "void",
        "not a class",
    ]
    assert facts.void_share == pytest.approx(5 / 40)
    assert facts.pixels["val"] == {0: 20 * 50, 1: 15 * 50, 255: 5 * 50}
    mask[0] = 77
    save("masks/val/c.png", mask)
    assert "masks/val/c.png (color (77, 77, 77))" in messages(data)["outside_classes"]


def test_colors_where_the_class_file_has_values(data: Path, save: Save) -> None:
    save("masks/val/c.png", np.full((*SIZE, 3), (255, 0, 0), np.uint8))
    assert "masks/val/c.png (color (255, 0, 0))" in messages(data)["outside_classes"]


def test_classes_from_black_and_white_masks(data: Path, save: Save) -> None:
    (data / "classes.yaml").unlink()
    for name in ("train/a", "train/b", "val/c"):
        save(f"masks/{name}.png", np.eye(*SIZE, dtype=np.uint8) * 255)
    assert messages(data) == {
        "binary": "masks of 0 and 255 without a class file (3); understood as background and foreground"
    }
    classes = look(data).sound.classes
    assert classes == {
        "ignore": None,
        "classes": [{"name": "background", "value": 0}, {"name": "foreground", "value": 255}],
    }


def test_255_beside_other_values_is_assumed_to_be_ignored(data: Path) -> None:
    (data / "classes.yaml").unlink()
    assert "understood as pixels to ignore" in messages(data)["ignored_white"]
    assert look(data).facts.void_share == pytest.approx(2 / 40)


@pytest.fixture
def soft(data: Path, save: Save) -> Path:
    """Masks of 0 and 255 with 12 values between."""
    for name in ("train/a", "train/b", "val/c"):
        mask = np.zeros(SIZE, np.uint8)
        mask[20:], mask[19, :24] = 255, np.arange(10, 250, 10)
        save(f"masks/{name}.png", mask)
    return data


def test_soft_edges_without_a_class_file(soft: Path) -> None:
    (soft / "classes.yaml").unlink()
    found = messages(soft)
    assert found.keys() == {"soft_edges"}
    assert "(3): masks/train/a.png (26 values)" in found["soft_edges"]
    # 128 to 240 and 255 are the second class: 12 values and the lower half
    assert look(soft).facts.pixels["val"][1] == 12 + 20 * 50


def test_soft_edges_that_the_class_file_does_not_allow(soft: Path) -> None:
    (soft / "classes.yaml").write_text("classes: [wall, {name: crack, value: 255}]\n")
    found = messages(soft)
    assert found.keys() == {"soft_edges_outside_classes"}
    assert found["soft_edges_outside_classes"].endswith("add 'threshold: 128' to the class file")
    (soft / "classes.yaml").write_text("threshold: 128\nclasses: [wall, {name: crack, value: 255}]\n")
    assert messages(soft) == {}


@pytest.mark.parametrize("named", [True, False])
def test_a_mask_of_too_many_values_is_left_out(data: Path, save: Save, named: bool) -> None:
    if not named:
        (data / "classes.yaml").unlink()
    save("masks/train/b.png", np.arange(40 * 50, dtype=np.uint8).reshape(SIZE))
    assert "(1): masks/train/b.png (256 values)" in messages(data)["too_many_values"]
    inspection = look(data)
    assert [sample.name for sample in inspection.sound.samples] == ["a", "c"]
    assert inspection.facts.classes is not None
    assert len(inspection.facts.classes.classes.table) == 2


def test_a_photo_as_mask_is_left_out(data: Path, save: Save) -> None:
    (data / "classes.yaml").unlink()
    save("masks/train/b.png", np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    found = messages(data)
    assert "masks/train/b.png (2000 colors)" in found["too_many_values"] or "(1999 colors)" in found["too_many_values"]
    facts = look(data).facts
    assert not facts.codes.colors


def test_colors_of_16_bits(data: Path) -> None:
    (data / "classes.yaml").unlink()
    (data / "masks/train/b.png").unlink()
    colors = np.zeros((*SIZE, 3), np.uint16)
    colors[:5, :, 0] = 300
    tifffile.imwrite(data / "masks/train/b.tif", colors, photometric="rgb")
    assert "masks/train/b.tif has colors of more than 8 bits per channel;" in messages(data)["unreadable_mask"]


def test_masks_that_number_objects(data: Path, save: Save) -> None:
    (data / "classes.yaml").unlink()
    for place, name in enumerate(("train/a", "train/b", "val/c")):
        save(f"masks/{name}.png", np.arange(40 * 50).reshape(SIZE).astype(np.uint8) % 40 + np.uint8(40 * place))
    inspection = look(data)
    assert [problem.kind.name for problem in inspection.problems] == ["too_many_values_together"]
    assert inspection.facts.classes is None
    assert inspection.sound.samples == ()


def test_masks_that_are_almost_empty(data: Path, save: Save) -> None:
    mask = np.zeros(SIZE, np.uint8)
    mask[0, 0] = 1  # one of 2000 pixels
    save("masks/train/a.png", mask)
    mask[0, 1] = 1  # two are 0.1 %
    save("masks/train/b.png", mask)
    found = messages(data)
    assert found.keys() == {"near_empty"}
    assert "(1): masks/train/a.png;" in found["near_empty"]


def test_black_and_white_masks_whose_white_is_ignored(data: Path, save: Save) -> None:
    save("masks/val/c.png", np.eye(*SIZE, dtype=np.uint8) * 255)
    assert "(1): val; give the white class 'value: 255'" in messages(data)["black_and_white"]


def test_copies_within_a_split(data: Path) -> None:
    copy(data / "images/train/b.png", data / "images/train/a.png")
    assert "(1): images/train/b.png = images/train/a.png;" in messages(data)["within_split"]


def test_copies_without_splits(tmp_path: Path, save: Save) -> None:
    for name in ("a", "b"):
        save(f"{name}.png", np.zeros((*SIZE, 3), np.uint8))
        save(f"{name}_mask.png", np.eye(*SIZE, dtype=np.uint8))
    assert messages(tmp_path).keys() == {"repeated"}


def test_other_channels_and_depths_than_most(data: Path, save: Save) -> None:
    gray = np.random.default_rng(9).integers(0, 4096, SIZE).astype(np.uint16)
    save("images/val/c.png", gray)
    found = messages(data)
    assert "images/val/c.png (1 channel (gray), most 3 channels (RGB))" in found["mixed_channels"]
    assert "images/val/c.png (16 bits, most 8 bits)" in found["mixed_depths"]


def test_an_empty_split(data: Path) -> None:
    (data / "images/val/c.png").unlink()
    found = messages(data)
    assert "(1): images/val;" in found["empty_split"]
    assert "masks without an image" in found["note"]


def test_test_images_without_masks_are_no_error(data: Path, save: Save) -> None:
    save("images/test/d.png", np.zeros((*SIZE, 3), np.uint8))
    assert messages(data).keys() == {"note"}


def test_no_validation_images(data: Path) -> None:
    for path in ("images/val/c.png", "masks/val/c.png"):
        (data / path).unlink()
    for path in ("images/val", "masks/val"):
        (data / path).rmdir()
    assert messages(data) == {
        "no_val": "images for training, and none for validation (2); `feedbackward convert` divides them"
    }


def test_no_training_images(data: Path) -> None:
    for kind in ("images", "masks"):
        for name in ("a", "b"):
            (data / f"{kind}/train/{name}.png").unlink()
        (data / f"{kind}/train").rmdir()
    assert "(1): train;" in messages(data)["empty_split"]


def test_a_damaged_class_file(data: Path) -> None:
    (data / "classes.yaml").write_text("classes: [wall, wall]\n")
    found = messages(data)
    assert "class names ['wall'] occur more than once" in found["class_file"]
    assert "ignored_white" in found  # the masks are inspected nevertheless


class Half:
    """Draws the upper half as class 1."""

    def draw(self, height: int, width: int) -> NDArray[np.uint8]:
        return (np.arange(height)[:, None] < height // 2).repeat(width, axis=1).astype(np.uint8)


def test_drawn_masks_and_pixels_that_are_in_no_file(tmp_path: Path) -> None:
    pixels = np.zeros((4, 6, 5), np.float32)
    samples = tuple(Sample(name, lambda: pixels, Half(), "train") for name in "ab")
    found = FoundData("arrays", samples, {"classes": ["ground", "sky"]})
    inspection = inspect(found, tmp_path)
    facts = inspection.facts.to_dict()
    assert facts["channels"] == {"5 channels": 2}
    assert facts["bit_depths"] == {"float32": 2}
    assert facts["sizes"] == {"4x6": 2}
    assert [entry["share_of_pixels"] for entry in facts["mask_codes"]] == [0.5, 0.5]
    assert {problem.kind.name for problem in inspection.problems} == {"within_split", "no_val"}


def test_each_sample_is_reported_to_the_progress(data: Path) -> None:
    calls = []
    inspect(recognize(data), data, on_sample=lambda: calls.append(1))
    assert len(calls) == 3


def test_values_are_counted_as_by_numpy(save: Save) -> None:
    mask = np.random.default_rng(0).integers(0, 5, (30, 40), dtype=np.uint8).repeat(3, axis=1)
    path = save("mask.png", mask)
    facts = examine(Sample("mask", path, path), as_colors=False).mask
    assert isinstance(facts, MaskFacts)
    values, counts = np.unique(mask, return_counts=True)
    np.testing.assert_array_equal(facts.codes, values)
    np.testing.assert_array_equal(facts.counts, counts)


def test_a_copy_is_kept_where_it_is_scored() -> None:
    splits = ("train", "val", "test", "train", "val", None, "test")
    samples = [Sample(str(index), Path("x"), Path("y"), split) for index, split in enumerate(splits)]
    digests = [b"a", b"a", b"a", b"b", b"b", b"b", b"c"]
    assert leaks(samples, digests) == [(0, 2), (1, 2), (3, 4)]


def test_palettes_among_colors_are_judged_by_their_colors(data: Path, save: Save) -> None:
    (data / "classes.yaml").unlink()
    for name in ("train/a", "val/c"):
        save(f"masks/{name}.png", np.eye(*SIZE, dtype=np.uint8)[..., None] * np.array([255, 0, 0], np.uint8))
    palette = Image.fromarray(np.eye(*SIZE, dtype=np.uint8))
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(data / "masks/train/b.png")
    inspection = look(data)
    assert inspection.problems == ()
    classes = inspection.facts.classes
    assert classes is not None
    assert classes.classes.table.names == ("black", "red")
    assert inspection.facts.codes.masks == {0: 3, 0xFF0000: 3}


def test_deep_masks_among_colors(data: Path, save: Save) -> None:
    (data / "classes.yaml").unlink()
    save("masks/train/a.png", np.eye(*SIZE, dtype=np.uint8)[..., None] * np.array([255, 0, 0], np.uint8))
    for name in ("train/b", "val/c"):
        save(f"masks/{name}.png", np.eye(*SIZE, dtype=np.uint16) * 300)
    assert "masks/train/b.png has more than 8 bits per channel" in messages(data)["unreadable_mask"]


def test_colors_are_reported_where_the_class_file_has_values(data: Path, save: Save) -> None:
    save("masks/val/c.png", np.full((*SIZE, 3), (255, 0, 0), np.uint8))
    codes = look(data).facts.to_dict()["mask_codes"]
    assert [entry["value"] for entry in codes] == [0, 1, 255]  # the color is no value


def test_a_photo_as_mask_tells_nothing_about_the_others(data: Path, save: Save) -> None:
    (data / "classes.yaml").unlink()
    save("masks/train/b.png", np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    for name in ("train/a", "val/c"):
        save(f"masks/{name}.png", np.eye(*SIZE, dtype=np.uint16) * 300)
    assert "unreadable_mask" not in messages(data)
