import io
import json
import sys

import datasets
import numpy as np
import pytest
import tifffile
from PIL import Image

from feedbackward.data import FolderData
from feedbackward.data.files import read_image
from feedbackward.errors import InputError
from feedbackward.importing import FoundData, convert, recognize, split_samples

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), dtype=np.uint8)
VALUES = np.random.default_rng(1).integers(0, 3, (4, 6, 8), dtype=np.uint8)


@pytest.fixture(autouse=True)
def quiet():
    datasets.disable_progress_bars()


def encoded(pixels, kind="PNG", **options):
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **options)
    return {"bytes": file.getvalue(), "path": None}


def table(image="image", mask="label", *, images=PIXELS, masks=VALUES, features=None, **columns):
    """A Dataset of arrays, or of encoded images."""
    cells = {image: list(images), mask: list(masks)}
    for name, values in cells.items():
        cells[name] = [encoded(value) if isinstance(value, np.ndarray) else value for value in values]
    kinds = {image: datasets.Image(), mask: datasets.Image(), **(features or {})}
    return datasets.Dataset.from_dict({**cells, **columns}, features=datasets.Features(kinds))


def test_a_dict_of_splits(tmp_path):
    splits = {"train": table(), "validation": table(images=PIXELS[::-1], masks=VALUES[::-1])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    found = recognize(tmp_path / "saved")
    assert [(sample.name, sample.split) for sample in found.samples[3:5]] == [
        ("train_000003", "train"),
        ("validation_000000", "val"),
    ]
    assert found.notes == ()
    table_of_classes = convert(found, tmp_path / "out")
    assert table_of_classes.names == ("class_0", "class_1", "class_2")
    data = FolderData(root=tmp_path / "out").dataset("val")
    assert [data[row]["mask"].tolist() for row in range(4)] == VALUES[::-1].tolist()
    stored = read_image(tmp_path / "out/images/val/validation_000000.tif")
    assert stored.tolist() == PIXELS[3].tolist()


@pytest.mark.parametrize("image", ["image", "pixel_values", "img"])
@pytest.mark.parametrize("mask", ["mask", "label", "annotation", "segmentation_mask", "labels"])
def test_a_single_table(image, mask, tmp_path):
    table(image, mask, note=["a", "b", "c", "d"], features={"note": datasets.Value("string")}).save_to_disk(tmp_path)
    found = recognize(tmp_path)
    assert [(sample.name, sample.split) for sample in found.samples] == [(f"00000{row}", None) for row in range(4)]
    for sample, pixels, values in zip(found.samples, PIXELS, VALUES, strict=True):
        assert sample.image().tolist() == pixels.tolist()
        assert sample.mask.draw(6, 8).tolist() == values.tolist()


def test_values_are_those_of_the_library(tmp_path):
    """The reference: datasets decodes with Pillow."""
    gray, deep = PIXELS[0, ..., 0], VALUES[0].astype(np.uint16) * 300
    palette = Image.fromarray(VALUES[1])
    palette.putpalette([9, 9, 9, 1, 2, 3, 200, 0, 0])
    images = [gray, encoded(PIXELS[1], "JPEG"), encoded(Image.fromarray(PIXELS[2]).convert("RGBA"))]
    table(images=images, masks=[deep, encoded(palette), np.repeat(VALUES[2][..., None], 3, 2)]).save_to_disk(tmp_path)
    decoded = datasets.load_from_disk(str(tmp_path))
    samples = recognize(tmp_path).samples
    assert samples[0].image().tolist() == np.array(decoded[0]["image"])[..., None].tolist()
    assert np.abs(samples[1].image().astype(int) - np.array(decoded[1]["image"])).max() <= 3  # of two JPEG decoders
    assert samples[2].image().tolist() == PIXELS[2].tolist()
    assert samples[0].mask.draw(6, 8).tolist() == np.array(decoded[0]["label"]).tolist()
    assert samples[1].mask.draw(6, 8).tolist() == np.array(decoded[1]["label"]).tolist()
    assert samples[2].mask.draw(6, 8).tolist() == VALUES[2].tolist()


def test_other_splits_and_formats(tmp_path):
    datasets.DatasetDict({"extra": table(), "test": table().with_format("numpy")}).save_to_disk(tmp_path)
    found = recognize(tmp_path)
    assert [sample.split for sample in found.samples] == [None] * 4 + ["test"] * 4
    assert found.notes[0].startswith("extra is none of the splits train, training, val")
    assert {sample.split for sample in split_samples(found.samples)} == {"train", "val", "test"}


def test_names_from_id2label(tmp_path):
    table().save_to_disk(tmp_path)
    (tmp_path / "id2label.json").write_text(json.dumps({"0": "road", "1": "sky", "2": "car"}))
    found = recognize(tmp_path)
    convert(FoundData(found.layout, split_samples(found.samples), found.classes), tmp_path / "out")
    assert FolderData(root=tmp_path / "out").class_table.names == ("road", "sky", "car")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected the names of the classes by their values"),
        ("{}", "expected the names of the classes by their values"),
        ('{"road": 0}', "expected the names of the classes by their values"),
        ('{"0": "road", "1": "road"}', "two classes have one name"),
        ('{"0": ', "id2label.json is not valid JSON"),
    ],
)
def test_damaged_names(content, message, tmp_path):
    table().save_to_disk(tmp_path)
    (tmp_path / "id2label.json").write_text(content)
    with pytest.raises(InputError, match=message):
        recognize(tmp_path)


def test_names_from_a_list_of_class_labels(tmp_path):
    kind = datasets.Sequence(datasets.ClassLabel(names=["road", "sky", "car"]))
    table(present=[[0]] * 4, features={"present": kind}).save_to_disk(tmp_path)
    found = recognize(tmp_path)
    assert found.classes == {"classes": ["road", "sky", "car"]}
    assert found.notes == ("the classes are those of the column present, from road for the value 0",)


def test_the_class_of_an_image_is_not_that_of_its_pixels(tmp_path):
    table(scene=[0] * 4, features={"scene": datasets.ClassLabel(names=["airport", "bedroom"])}).save_to_disk(tmp_path)
    found = recognize(tmp_path)
    assert found.classes is None
    assert found.notes == (
        "the classes of scene are not those of the masks for certain; write id2label.json to name them",
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("photo", "label"), r"no columns of images named image, pixel_values, img; found photo \(Image\), label \(Im"),
        (("image", "target"), r"no columns of images named mask, label, .*found image \(Image\), target \(Image\)"),
    ],
)
def test_missing_columns(columns, message, tmp_path):
    table(*columns).save_to_disk(tmp_path)
    with pytest.raises(InputError, match=message):
        recognize(tmp_path)


def test_columns_of_other_types_or_several(tmp_path):
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat"])})
    classified = datasets.Dataset.from_dict({"image": [encoded(PIXELS[0])], "label": [0]}, features=features)
    classified.save_to_disk(tmp_path / "classified")
    with pytest.raises(InputError, match=r"no columns of images named mask.*label \(ClassLabel\); rename one column"):
        recognize(tmp_path / "classified")
    both = table().add_column("other", [encoded(values) for values in VALUES]).rename_column("other", "mask")
    both.cast_column("mask", datasets.Image()).save_to_disk(tmp_path / "both")
    with pytest.raises(InputError, match=r"has 2 columns of images named mask, label"):
        recognize(tmp_path / "both")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (VALUES[0, :5], r"saved, column label, row 0 is 5x8, its image 6x8 \(height x width\); resize"),
        (PIXELS[0], r"saved, column label, row 0 has colors, such as .*Write images and masks of colors as files"),
        (encoded(VALUES[0], "JPEG"), r"saved, column label, row 0 is compressed with JPEG"),
        ({"bytes": b"no image", "path": None}, r"saved, column label, row 0 is not an image in .* \(8 bytes\)"),
        ({"bytes": b"", "path": None}, r"saved, column label, row 0 is not an image"),
        (None, r"saved, column label, row 0 is empty; filter the data set"),
    ],
)
def test_masks_that_cannot_be_used(cell, message, tmp_path):
    table(masks=[cell, *VALUES[1:]]).save_to_disk(tmp_path / "saved")
    found = recognize(tmp_path / "saved")
    with pytest.raises(InputError, match=message) as caught:
        convert(FoundData(found.layout, split_samples(found.samples)), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_images_that_cannot_be_used(tmp_path):
    transparent = np.dstack([PIXELS[0], PIXELS[0, ..., :1]])
    table(images=[transparent, encoded(PIXELS[1])], masks=VALUES[:2]).save_to_disk(tmp_path)
    with pytest.raises(InputError, match=r"column image, row 0 is transparent"):
        recognize(tmp_path).samples[0].image()


def test_a_file_outside(tmp_path):
    for path in (tmp_path / "a.tif", tmp_path / "b.tif"):
        tifffile.imwrite(path, PIXELS[0], photometric="rgb")
    rows = [{"bytes": None, "path": str(tmp_path / name)} for name in ("a.tif", "b.tif")]
    data = table(images=rows, masks=VALUES[:2]).cast_column("image", datasets.Image(decode=False))
    data.save_to_disk(tmp_path / "saved")
    samples = recognize(tmp_path / "saved").samples
    assert samples[0].image().tolist() == PIXELS[0].tolist()


def test_damaged_or_empty_tables(tmp_path):
    table().save_to_disk(tmp_path / "damaged")
    next((tmp_path / "damaged").glob("*.arrow")).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"damaged cannot be loaded by datasets: .*; save it again"):
        recognize(tmp_path / "damaged")
    datasets.DatasetDict({}).save_to_disk(tmp_path / "empty")
    with pytest.raises(InputError, match=r"empty has no rows"):
        recognize(tmp_path / "empty")


def test_without_the_library(tmp_path, monkeypatch):
    table().save_to_disk(tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'feedbackward\[datasets\]'"):
        recognize(tmp_path)
