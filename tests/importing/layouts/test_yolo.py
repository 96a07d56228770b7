import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from feedbackward.errors import InputError
from feedbackward.importing import recognize
from feedbackward.importing.layouts import yolo

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

SQUARE = "0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75"


@pytest.fixture
def image(tmp_path):
    """Write an image of 8 x 4 pixels, and its label file if there are lines."""

    def write(name, *lines):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 4)).save(path)
        if lines:
            label = tmp_path / name.replace("images", "labels").replace(".png", ".txt")
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text("\n".join(lines) + "\n")

    return write


@pytest.fixture
def described(tmp_path):
    def write(text, name="data.yaml"):
        (tmp_path / name).write_text(text)

    return write


def drawn(found, name):
    (sample,) = [sample for sample in found.samples if sample.name == name]
    return sample.mask.draw(4, 8)


def test_polygons(tmp_path, image, described):
    described("names: {0: cat, 1: dog}\ntrain: images/train\nval: images/val\ntest: # optional\n")
    image("images/train/a.png", f"1 {SQUARE}", "0 0.5 0.5 1 0.5 1 1 0.5 1")
    image("images/val/b.png", "0 0.1 0.05 0.93 0.31 0.47 0.88")
    found = recognize(tmp_path)
    assert found.layout == "YOLO polygons"
    assert found.classes == {"classes": ["background", "cat", "dog"]}
    assert [(sample.name, sample.split) for sample in found.samples] == [("a", "train"), ("b", "val")]
    assert found.notes == ()
    assert drawn(found, "a").tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 2, 2, 2, 2, 0, 0],
        [0, 0, 2, 2, 1, 1, 1, 1],
        [0, 0, 0, 0, 1, 1, 1, 1],
    ]
    ring = [0.1 * 8, 0.05 * 4, 0.93 * 8, 0.31 * 4, 0.47 * 8, 0.88 * 4]
    expected = coco_mask.decode(coco_mask.frPyObjects([ring], 4, 8))[..., 0]
    assert expected.any()
    np.testing.assert_array_equal(drawn(found, "b"), expected)


def test_images_without_labels_are_background(tmp_path, image, described):
    described("names: [cat]\ntrain: images\n")
    image("images/a.png", f"0 {SQUARE}")
    image("images/b.png")
    (tmp_path / "labels" / "c.txt").write_text("")
    found = yolo.find(tmp_path)
    assert not drawn(found, "b").any()
    assert found.notes[0].startswith("1 images have no label file and are all background: ")
    assert found.notes[1].startswith("left out 1 text files without an image: ")


def test_an_empty_label_file_is_background(tmp_path, image, described):
    described("names: [cat]\ntrain: images\n")
    image("images/a.png")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("")
    found = yolo.find(tmp_path)
    assert not drawn(found, "a").any()
    assert found.notes == ()


def test_roboflow(tmp_path, image, described):
    described("train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 1\nnames: ['cat']\n")
    image("train/images/a.png", f"0 {SQUARE}")
    image("valid/images/b.png", f"0 {SQUARE}")
    found = yolo.find(tmp_path)
    assert [(sample.name, sample.split) for sample in found.samples] == [("a", "train"), ("b", "val")]
    (note,) = found.notes
    assert note.endswith("test/images (test) does not exist and is left out")


def test_images_that_the_description_does_not_name(tmp_path, image, described):
    described("train: ../train/images\nval: ../valid/images\nnames: ['cat']\n")
    for folder in ("train", "valid", "test"):
        image(f"{folder}/images/a.png", f"0 {SQUARE}")
    image(".cache/a.png")
    assert yolo.find(tmp_path).notes == (
        f"left out 1 images without an annotation: {tmp_path / 'test' / 'images' / 'a.png'}",
    )


def test_lists_of_folders_and_of_paths(tmp_path, image, described):
    described("path: set\ntrain: [images/one, images/two]\nval: val.txt\nnames: [cat]\n", "my.yml")
    for name in ("one/a", "two/b", "three/c"):
        image(f"set/images/{name}.png", f"0 {SQUARE}")
    (tmp_path / "set" / "val.txt").write_text("./images/three/c.png\n")
    found = yolo.find(tmp_path)
    assert [(sample.name, sample.split) for sample in found.samples] == [
        ("set__one__a", "train"),
        ("set__three__c", "val"),
        ("set__two__b", "train"),
    ]


def test_a_path_of_another_machine(tmp_path, image, described):
    described("path: /datasets/nowhere\ntrain: images\nnames: [cat]\n")
    image("images/a.png", f"0 {SQUARE}")
    (note,) = yolo.find(tmp_path).notes
    assert note.endswith(f"the folder /datasets/nowhere (path) does not exist; {tmp_path} is used instead")


def test_without_a_description(tmp_path, image):
    image("images/train/a.png", f"2 {SQUARE}")
    image("images/val/b.png", f"0 {SQUARE}")
    found = yolo.find(tmp_path)
    assert found.classes == {"classes": ["background", "class_0", "class_1", "class_2"]}
    assert [sample.split for sample in found.samples] == ["train", "val"]
    (tmp_path / "classes.txt").write_text("cat\ndog\nowl\n")
    assert yolo.find(tmp_path).classes == {"classes": ["background", "cat", "dog", "owl"]}
    (tmp_path / "classes.txt").write_text("cat\n")
    with pytest.raises(InputError, match=r"the labels have classes without a name: 2; add them"):
        yolo.find(tmp_path)


def test_masks_in_a_folder_labels_are_another_layout(tmp_path, image):
    image("images/a.png")
    image("labels/a.png")
    assert yolo.find(tmp_path) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2 0.2", r"1 of 2 lines are boxes, of five numbers \(.*a\.txt\); boxes do not outline objects"),
        ("0 0.5 0.5 0.2 0.2 0.9 0.9 0.1", r"a\.txt: a line has 7 numbers after the class"),
        ("0 0.5 0.5", r"a\.txt: a line has 2 numbers after the class"),
        ("cat 0 0 1 0 1 1", r"expected CLASS X Y X Y X Y \.\.\., found 'cat 0 0"),
        ("0 0 0 1 0 1 x", r"expected CLASS X Y"),
        ("0 10 20 30 20 30 40", r"numbers that are not from 0 to 1 .*; expected shares of the width and height"),
        ("0 0 0 nan 0 1 1", r"numbers that are not from 0 to 1"),
        ("1 0 0 1 0 1 1", r"the labels have classes without a name: 1"),
    ],
)
def test_damaged_lines(tmp_path, image, described, line, message):
    described("names: [cat]\ntrain: images\n")
    image("images/a.png", f"0 {SQUARE}", line)
    with pytest.raises(InputError, match=message):
        yolo.find(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [cat]\ntrain: nowhere\n", r"data\.yaml: .*nowhere \(train\) does not exist; expected a folder of im"),
        (f"names: [cat]\ntrain: {300 * 'a'}\n", r"data\.yaml: .*aaa \(train\) does not exist; expected a folder of im"),
        ("names: [cat]\ntrain: long.txt\n", r"long\.txt: the image a+\.png does not exist beside it or in"),
        ("names: [cat]\ntrain: list.txt\n", r"list\.txt: the image gone\.png does not exist beside it or in"),
        ("names: [cat]\ntrain: latin.txt\n", r"latin\.txt is not UTF-8 text.*expected a text file of paths"),
        ("names: [cat]\ntrain: images\nval: images\n", r"a\.png is in train and val; remove it from one"),
        ("names: {x: cat}\ntrain: images\n", r"data\.yaml: names cannot be read: invalid literal"),
        ("names: [", r"data\.yaml is not valid YAML"),
    ],
)
def test_damaged_descriptions(tmp_path, image, described, text, message):
    image("images/a.png", f"0 {SQUARE}")
    (tmp_path / "list.txt").write_text("gone.png\n")
    (tmp_path / "long.txt").write_text(f"{300 * 'a'}.png\n")
    (tmp_path / "latin.txt").write_bytes(b"\xff\xe9")
    described(text)
    with pytest.raises(InputError, match=message):
        yolo.find(tmp_path)


def test_other_yaml_files_are_passed(tmp_path, image, described):
    described("names: [cat]\ntrain: images\n")
    described("a: !own tag\n", "other.yaml")
    image("images/a.png", f"0 {SQUARE}")
    assert yolo.find(tmp_path).classes == {"classes": ["background", "cat"]}


def test_two_descriptions(tmp_path, image, described):
    image("images/a.png", f"0 {SQUARE}")
    described("names: [cat]\ntrain: images\n")
    described("names: [cat]\ntrain: images\n", "other.yaml")
    with pytest.raises(InputError, match=r"data\.yaml, .*other\.yaml all describe a YOLO data set; keep one"):
        yolo.find(tmp_path)


def test_a_label_file_that_is_not_text(tmp_path, image, described):
    described("names: [cat]\ntrain: images\n")
    image("images/a.png", "0")
    (tmp_path / "labels" / "a.txt").write_bytes(b"\xff\xe9")
    with pytest.raises(InputError, match=r"a\.txt is not UTF-8 text .*expected a text file of polygons"):
        yolo.find(tmp_path)


def test_hidden_files_are_passed(tmp_path, image, described):
    image("images/a.png", f"0 {SQUARE}")
    described("names: [cat]\ntrain: images\n")
    described("names: [cat]\ntrain: images\n", "._data.yaml")
    (tmp_path / "labels" / "._a.txt").write_text("")
    assert yolo.find(tmp_path).notes == ()
