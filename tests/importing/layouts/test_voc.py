import numpy as np
import pytest
from PIL import Image

from feedbackward.data import FolderData
from feedbackward.data.palette import default_palette
from feedbackward.errors import InputError
from feedbackward.importing import convert, recognize, split_samples

VALUES = np.array([[0, 0, 15], [12, 255, 20]], np.uint8)


def paletted(values):
    image = Image.fromarray(values)
    image.putpalette([part for color in default_palette(256) for part in color])
    return image


@pytest.fixture
def voc(tmp_path):
    """VOC2012 with its palette masks, two of three images listed."""
    base = tmp_path / "VOCdevkit" / "VOC2012"
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (base / folder).mkdir(parents=True)
    for name in ("2007_000032", "2007_000039", "2007_000063"):
        Image.new("RGB", (3, 2)).save(base / "JPEGImages" / f"{name}.jpg")
    for name in ("2007_000032", "2007_000039"):
        paletted(VALUES).save(base / "SegmentationClass" / f"{name}.png")
    (base / "ImageSets/Segmentation/train.txt").write_text("2007_000032\n")
    (base / "ImageSets/Segmentation/val.txt").write_text("2007_000039\n")
    (base / "ImageSets/Segmentation/trainval.txt").write_text("2007_000032\n2007_000039\n")
    return base


def test_pascal_voc(voc, tmp_path):
    found = recognize(tmp_path)
    assert [(sample.name, sample.split) for sample in found.samples] == [
        ("2007_000032", "train"),
        ("2007_000039", "val"),
    ]
    unlisted, classes = found.notes
    assert unlisted.endswith("ImageSets/Segmentation names them: 1 images (2007_000063)")
    assert classes.startswith("the classes are the 21 of Pascal VOC")
    table = convert(found, tmp_path / "out")
    assert (table.names[0], table.names[15], len(table)) == ("background", "person", 21)
    assert table.colors[15] == (192, 128, 128)  # of a person in VOCdevkit
    assert FolderData(root=tmp_path / "out").dataset("val")[0]["mask"].tolist() == VALUES.tolist()


def test_the_folders_themselves_may_be_given(voc):
    assert len(recognize(voc).samples) == 2


def test_without_lists_the_pairs_have_no_split(voc, tmp_path):
    for path in (voc / "ImageSets/Segmentation").iterdir():
        path.unlink()
    found = recognize(tmp_path)
    assert [(sample.name, sample.split) for sample in found.samples] == [("2007_000032", None), ("2007_000039", None)]
    assert found.notes[0].startswith("left out 1 images without a mask: ")
    for path in (voc / "SegmentationClass").iterdir():
        path.rename(path.with_stem(f"{path.stem}x"))
    with pytest.raises(InputError, match=r"no mask in SegmentationClass has the name of an image in JPEGImages"):
        recognize(tmp_path)


@pytest.fixture
def cvat(tmp_path):
    """CVAT's export: masks of colors, a labelmap, the lists of its subsets, names in folders and with spaces."""
    base = tmp_path / "cvat"
    (base / "ImageSets/Segmentation").mkdir(parents=True)
    (base / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:250,50,83::\nignored:224,224,192::\n"
    )
    colors = np.array([[(0, 0, 0), (250, 50, 83), (224, 224, 192)]] * 2, np.uint8)
    for color, name in (("red", "a/my cat"), ("blue", "b")):
        for folder, image in (
            ("JPEGImages", Image.new("RGB", (3, 2), color)),
            ("SegmentationClass", Image.fromarray(colors)),
        ):
            (base / folder / name).parent.mkdir(parents=True, exist_ok=True)
            image.save(base / folder / f"{name}.png")
    (base / "ImageSets/Segmentation/default.txt").write_text('"a/my cat"\nb\n')
    return base


def test_the_export_of_cvat(cvat, tmp_path):
    found = recognize(cvat)
    assert [(sample.name, sample.split) for sample in found.samples] == [("a__my cat", None), ("b", None)]
    assert found.notes == ()
    samples = split_samples(found.samples)
    convert(type(found)(found.layout, samples, found.classes), tmp_path / "out")
    data = FolderData(root=tmp_path / "out")
    assert data.class_table.names == ("background", "cat")
    assert data.dataset("val")[0]["mask"].tolist() == [[0, 1, 255]] * 2


def test_subsets_of_cvat_are_splits(cvat):
    (cvat / "ImageSets/Segmentation/default.txt").unlink()
    (cvat / "ImageSets/Segmentation/Train.txt").write_text("b\n")
    (cvat / "ImageSets/Segmentation/Validation.txt").write_text('"a/my cat"\n')
    assert [sample.split for sample in recognize(cvat).samples] == ["val", "train"]


def test_listed_ids_without_files(voc, tmp_path):
    (voc / "ImageSets/Segmentation/train.txt").write_text("2007_000032\n2007_000063\n2008_1\n")
    with pytest.raises(
        InputError,
        match=r"Segmentation without a file in .*JPEGImages \(1\): 2008_1; without a file in .*SegmentationClass "
        r"\(2\): 2007_000063, 2008_1; put the files there",
    ):
        recognize(tmp_path)


def test_lists_that_contradict(voc, tmp_path):
    (voc / "ImageSets/Segmentation/val.txt").write_text("2007_000032\n")
    with pytest.raises(InputError, match=r"val\.txt: 2007_000032 is in the split train too"):
        recognize(tmp_path)
    (voc / "ImageSets/Segmentation/val.txt").write_text("2007_000039\n2007_000039\n")
    with pytest.raises(InputError, match=r"val\.txt: ids that occur more than once: 2007_000039"):
        recognize(tmp_path)
    (voc / "ImageSets/Segmentation/val.txt").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"val\.txt is not UTF-8 text .*one id a line"):
        recognize(tmp_path)


def test_two_files_of_one_id(voc, tmp_path):
    Image.new("RGB", (3, 2)).save(voc / "JPEGImages" / "2007_000032.png")
    with pytest.raises(InputError, match=r"2007_000032\.jpg and .*2007_000032\.png have one name"):
        recognize(tmp_path)


def test_two_data_sets(voc, tmp_path):
    for folder in ("JPEGImages", "SegmentationClass"):
        (voc.parent / "VOC2007" / folder).mkdir(parents=True)
    with pytest.raises(InputError, match=r"contains several data sets: .*VOC2007, .*VOC2012; give one"):
        recognize(tmp_path)


def test_an_export_without_images(cvat):
    (cvat / "JPEGImages").rename(cvat / "other")
    with pytest.raises(InputError, match=r"no folder JPEGImages; put the images there \(CVAT: export with images\)"):
        recognize(cvat)


def test_test_images_without_masks_are_left_out(voc, tmp_path):
    (voc / "ImageSets/Segmentation/test.txt").write_text("2007_000063\n")
    found = recognize(tmp_path)
    assert [sample.name for sample in found.samples] == ["2007_000032", "2007_000039"]
    assert found.notes[0] == "left out 1 images of the test list without a mask: 2007_000063"


def test_hidden_copies_of_macos_are_passed(voc, tmp_path):
    for folder in ("JPEGImages", "SegmentationClass"):
        (tmp_path / "__MACOSX" / "VOC2012" / folder).mkdir(parents=True)
    assert len(recognize(tmp_path).samples) == 2
