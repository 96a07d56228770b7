import json

import numpy as np
import pytest

from feedbackward.data.class_file import read_class_file
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


def test_several_values_of_a_class_and_several_ignored(class_file, tmp_path, write):
    read = read_class_file(class_file("ignore: [0, 255]\nclasses: [{name: a, value: 9}, {name: b, value: [2, 1]}]"))
    assert (read.table.values, read.table.void_value) == ((9, 2), 0)
    mask = write(tmp_path / "mask.png", np.array([[0, 1, 2, 9, 255]], np.uint8))
    assert read.encoding.read(mask).tolist() == [[255, 1, 1, 0, 255]]


def test_several_colors_of_a_class_and_several_ignored(class_file, tmp_path, write):
    read = read_class_file(
        class_file(
            "masks: colors\nignore: [[0, 0, 0], [9, 9, 9]]\n"
            "classes: [{name: road, color: [[128, 64, 128], [1, 2, 3]]}, {name: car, color: [0, 0, 142]}]"
        )
    )
    assert read.table.colors == ((128, 64, 128), (0, 0, 142))
    assert (read.table.values, read.table.void_value) == ((0, 1), 255)
    colors = np.array([[[1, 2, 3], [0, 0, 0], [128, 64, 128], [9, 9, 9], [0, 0, 142]]], np.uint8)
    assert read.encoding.read(write(tmp_path / "mask.png", colors)).tolist() == [[0, 255, 0, 255, 1]]


@pytest.mark.parametrize("thing", ["thing", "{name: thing, value: 255}"])
def test_a_threshold_separates_two_classes(thing, class_file, tmp_path, write):
    read = read_class_file(class_file(f"threshold: 128\nclasses: [background, {thing}]"))
    assert read.table.values == (0, 255)
    assert read.table.void_value not in (0, 255)
    assert not read.ignores_white
    mask = write(tmp_path / "mask.png", np.array([[0, 9, 127, 128, 207, 255]], np.uint8))
    assert read.encoding.read(mask).tolist() == [[0, 0, 0, 1, 1, 1]]


def test_a_threshold_for_16_bits_and_ignored_values(class_file, tmp_path, write):
    read = read_class_file(class_file("threshold: 300\nignore: [7, 65535]\nclasses: [a, {name: b, value: 400}]"))
    assert (read.table.values, read.table.void_value) == ((0, 400), 7)
    mask = write(tmp_path / "mask.png", np.array([[0, 7, 299, 300, 65534, 65535]], np.uint16))
    assert read.encoding.read(mask).tolist() == [[0, 255, 0, 1, 1, 255]]


def test_more_classes_than_8_bits_hold(class_file, tmp_path, write):
    read = read_class_file(class_file(f"classes: {[f'c{index}' for index in range(300)]}"))
    assert (read.table.ignore_index, read.table.void_value) == (65535, 65535)
    assert read.table.values == tuple(range(300))
    mask = write(tmp_path / "mask.png", np.array([[0, 254, 255, 299, 65535]], np.uint16))
    assert read.encoding.read(mask).tolist() == [[0, 254, 255, 299, 65535]]


def test_the_values_of_predictions(class_file):
    assert read_class_file(class_file("classes: [a, b]")).table.void_value == 255
    table = read_class_file(class_file("classes: [a, {name: b, value: 255}]")).table
    assert (table.values, table.void_value) == ((0, 255), 254)


@pytest.mark.parametrize("threshold", ["", "threshold: 128\n"])
def test_void_in_predictions_is_void_though_no_mask_value_is_ignored(threshold, class_file, tmp_path, write):
    read = read_class_file(class_file(threshold + "classes: [a, {name: b, value: 255}]"))
    prediction = write(tmp_path / "mask.png", np.array([[0, 255, 254]], np.uint8))
    assert read.predictions.read(prediction).tolist() == [[0, 1, 255]]


def test_one_class(class_file, tmp_path, write):
    read = read_class_file(class_file("ignore: 0\nclasses: [{name: crack, value: 255}]"))
    assert (read.table.values, read.table.void_value, read.ignores_white) == ((255,), 0, False)
    mask = write(tmp_path / "mask.png", np.array([[0, 255]], np.uint8))
    assert read.encoding.read(mask).tolist() == [[255, 0]]
    assert not read_class_file(class_file("ignore: 255\nclasses: [crack]")).ignores_white
    assert read_class_file(class_file("classes: [crack]")).ignores_white


def test_json(class_file):
    path = class_file(json.dumps({"classes": ["a", {"name": "b"}]}, indent="\t"), "classes.json")
    assert read_class_file(str(path)).table.names == ("a", "b")


COLORED = "classes: [{name: a, color: [1, 2, 3]}, {name: b, color: [4, 5, 6]}]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [a", "is not valid YAML"),
        ("- a", "expected the keys classes, ignore, masks, threshold"),
        ("names: [a]", "unknown key 'names'; expected classes, ignore, masks, threshold"),
        ("masks: indices", "'classes' must list the classes"),
        ("classes: []", "'classes' must list the classes"),
        (f"classes: {list(map(str, range(65535)))}", "65535 classes; masks hold at most 65534"),
        ("classes: [a, '']", r": class names \['a', ''\]: expected a name for each class"),
        ("classes: [a, a]", r"class names \['a'\] occur more than once"),
        ("classes: [a, no]", "class False has a name that is not text; .*quotes"),
        ("classes: [{value: 3}]", "has a name that is not text"),
        ("classes: [{name: a, colour: [1, 2, 3]}]", "unknown key 'colour'; expected name, value, color"),
        ("classes: [{name: a, value: 65536}]", "value 65536 of class 'a'; expected 0 to 65535 or a list of such"),
        ("classes: [{name: a, value: true}]", "value True of class 'a'; expected 0 to 65535"),
        ("classes: [{name: a, value: []}]", r"value \[\] of class 'a'; expected 0 to 65535"),
        ("classes: [{name: a, value: [1, a]}]", r"value \[1, 'a'\] of class 'a'; expected 0 to 65535"),
        ("classes: [{name: a, value: [1, 1]}]", "value 1 is given twice"),
        ("classes: [{name: a, color: red}]", r"color of class 'a' is 'red'; expected \[red, green, blue\]"),
        ("classes: [{name: a, color: [1, 2, 300]}]", r"is \[1, 2, 300\]; expected"),
        (
            "classes: [a, {name: b, value: 0}]",
            "value 0 is given twice; expected different values for the classes and ignore",
        ),
        ("classes: [a]\nmasks: rgb", "masks is 'rgb'; expected indices or colors or layers"),
        ("classes: [a]\nignore: 0", "value 0 is given twice; expected different values for the classes and ignore"),
        ("classes: [a]\nignore: [[0, 0, 0]]", "with masks: indices give a value from 0 to 65535 or a list"),
        ("classes: [{name: a, color: [[1, 2, 3], [4, 5, 6]]}]", "class 'a' has 2 colors; with masks: indices give one"),
        ("classes: [a, b, c]\nthreshold: 128", "threshold with 3 classes; it separates two"),
        ("classes: [a, b]\nthreshold: 0", "threshold is 0; expected a value from 1 to 65535"),
        ("classes: [a, b]\nthreshold: 0.5", "threshold is 0.5; expected a value from 1 to 65535"),
        ("classes: [{name: a, value: 200}, b]\nthreshold: 128", "value 200 of the first class is not below the thresh"),
        ("classes: [a, {name: b, value: 1}]\nthreshold: 128", "value 1 of the second class is below the threshold"),
        (f"{COLORED}\nmasks: colors\nthreshold: 128", "threshold is for masks of values; with masks: colors remove"),
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


def test_the_message_about_invalid_yaml_is_one_line(class_file):
    with pytest.raises(InputError, match=r"^[^\n]*classes\.yaml is not valid YAML: [^\n]+$"):
        read_class_file(class_file("classes: [a\nb: {"))


@pytest.mark.parametrize(
    ("text", "name", "key"),
    [
        ("classes: [a, b]\nclasses: [c, d]", "classes.yaml", "classes"),
        ("classes: [{name: a, value: 1, value: 2}]", "classes.yaml", "value"),
        ('{"classes": ["a"], "classes": ["b"]}', "classes.json", "classes"),
    ],
)
def test_a_key_that_is_given_twice_is_refused(text, name, key, class_file):
    with pytest.raises(InputError, match=rf"{name}: the key '{key}' is given twice"):
        read_class_file(class_file(text, name))


def test_endless_nesting_is_refused(class_file):
    with pytest.raises(InputError, match="nested too deeply"):
        read_class_file(class_file("[" * 100_000, "classes.json"))


def test_a_merged_key_can_be_overridden(class_file):
    text = "classes: [&a {name: a, value: 7, color: [1, 2, 3]}, {<<: *a, name: b, value: 8, color: [4, 5, 6]}]"
    assert read_class_file(class_file(text)).table.values == (7, 8)
