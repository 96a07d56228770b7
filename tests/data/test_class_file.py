import json

import numpy as np
import pytest

from feedbackward.data.class_file import default_palette, read_class_file
from feedbackward.errors import InputError


@pytest.fixture
def class_file(tmp_path):
    def write(text, name="classes.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_names_suffice(class_file, tmp_path, write):
    read = read_class_file(class_file("classes: [background, car]"))
    assert read.table.names == ("background", "car")
    assert read.table.colors == ((0, 0, 0), (128, 0, 0))
    assert read.table.ignore_index == 255
    mask = write(tmp_path / "mask.png", np.array([[0, 1, 255]], np.uint8))
    np.testing.assert_array_equal(read.encoding.read(mask), [[0, 1, 255]])


def test_values_colors_and_the_ignored_value(class_file, tmp_path, write):
    text = "ignore: 0\nclasses: [{name: road, value: 7, color: [128, 64, 128]}, {name: car, value: 255}]"
    read = read_class_file(class_file(text))
    assert read.table.colors[0] == (128, 64, 128)
    mask = write(tmp_path / "mask.png", np.array([[0, 7, 255]], np.uint8))
    np.testing.assert_array_equal(read.encoding.read(mask), [[255, 0, 1]])


@pytest.mark.parametrize("ignore", ["", "ignore: null\n"])
def test_a_class_can_be_white(ignore, class_file, tmp_path, write):
    read = read_class_file(class_file(ignore + "classes: [background, {name: car, value: 255}]"))
    mask = write(tmp_path / "mask.png", np.array([[0, 255]], np.uint8))
    np.testing.assert_array_equal(read.encoding.read(mask), [[0, 1]])


def test_colors(class_file, tmp_path, write):
    text = (
        "masks: colors\nignore: [0, 0, 0]\n"
        "classes: [{name: road, color: [128, 64, 128]}, {name: car, color: [0, 0, 142]}]"
    )
    read = read_class_file(class_file(text))
    colors = np.array([[[0, 0, 142], [0, 0, 0], [128, 64, 128]]], np.uint8)
    np.testing.assert_array_equal(read.encoding.read(write(tmp_path / "mask.png", colors)), [[1, 255, 0]])


def test_json(class_file):
    path = class_file(json.dumps({"classes": ["a", {"name": "b"}]}, indent="\t"), "classes.json")
    assert read_class_file(str(path)).table.names == ("a", "b")


def test_palette_is_that_of_pascal_voc():
    palette = default_palette(256)
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[15] == (192, 128, 128)  # person
    assert palette[20] == (0, 64, 128)  # tv/monitor
    assert palette[255] == (224, 224, 192)
    assert len(set(palette)) == 256


COLORED = "classes: [{name: a, color: [1, 2, 3]}, {name: b, color: [4, 5, 6]}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [a", "is not valid YAML"),
        ("- a", "expected the keys classes, ignore, masks"),
        ("names: [a]", "unknown key 'names'; expected classes, ignore, masks"),
        ("masks: indices", "'classes' must list the classes"),
        ("classes: []", "'classes' must list the classes"),
        (f"classes: {list(map(str, range(255)))}", "255 classes; 8-bit masks hold at most 254"),
        ("classes: [a, a]", r"class names \['a'\] occur more than once"),
        ("classes: [a, no]", "class False has a name that is not text; .*quotes"),
        ("classes: [{value: 3}]", "has a name that is not text"),
        ("classes: [{name: a, colour: [1, 2, 3]}]", "unknown key 'colour'; expected name, value, color"),
        ("classes: [{name: a, value: 256}]", "value 256 of class 'a'; expected 0 to 255"),
        ("classes: [{name: a, value: true}]", "value True of class 'a'; expected 0 to 255"),
        ("classes: [{name: a, color: red}]", r"color of class 'a' is 'red'; expected \[red, green, blue\]"),
        ("classes: [{name: a, color: [1, 2, 300]}]", r"is \[1, 2, 300\]; expected"),
        ("classes: [a, {name: b, value: 0}]", "value 0 encodes more than one class"),
        ("classes: [a]\nmasks: rgb", "masks is 'rgb'; expected indices or colors"),
        ("classes: [a]\nignore: 0", "ignore is 0, which is also the value of a class"),
        ("classes: [a]\nignore: [0, 0, 0]", "with masks: indices expected a value"),
        ("classes: [a]\nmasks: colors", "class 'a' has no color; masks: colors requires one"),
        (
            "masks: colors\nclasses: [{name: a, value: 1, color: [1, 2, 3]}]",
            "has a value; with masks: colors remove it",
        ),
        (f"{COLORED}\nmasks: colors\nignore: 0", "ignore .* is 0; expected"),
        (f"{COLORED}\nmasks: colors\nignore: [1, 2, 3]", r"color \[1, 2, 3\] is given twice"),
    ],
)
def test_refused(text, message, class_file):
    with pytest.raises(InputError, match=rf"classes\.yaml.*{message}"):
        read_class_file(class_file(text))


def test_refused_files(class_file, tmp_path):
    with pytest.raises(InputError, match=r"no file .*none\.yaml"):
        read_class_file(tmp_path / "none.yaml")
    with pytest.raises(InputError, match=r"classes\.json is not valid JSON"):
        read_class_file(class_file("classes: [a]", "classes.json"))
    (tmp_path / "classes.yaml").write_bytes(b"classes: [\xff]")
    with pytest.raises(InputError, match=r"classes\.yaml is not UTF-8 text"):
        read_class_file(tmp_path / "classes.yaml")
