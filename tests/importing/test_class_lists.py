import pytest

from feedbackward.errors import InputError
from feedbackward.importing.class_lists import read_class_list


def test_no_list(tmp_path):
    assert read_class_list(tmp_path) is None


@pytest.mark.parametrize("name", ["classes.txt", "labels.txt", "class_names.txt"])
def test_a_name_a_line(name, tmp_path):
    (tmp_path / name).write_bytes("\ufeffroad\r\n\r\n traffic sign \r\nfußweg".encode())
    assert read_class_list(tmp_path) == {"classes": ["road", "traffic sign", "fußweg"]}


def test_the_list_of_labelme(tmp_path):
    (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ncat\n")
    assert read_class_list(tmp_path) == {"classes": ["_background_", "cat"]}


def test_a_labelmap(tmp_path):
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nperson:192,128,128:head,foot:jumping\ncar:1, 2 ,3\n"
    )
    assert read_class_list(tmp_path) == {
        "masks": "colors",
        "classes": [
            {"name": "background", "color": [0, 0, 0]},
            {"name": "person", "color": [192, 128, 128]},
            {"name": "car", "color": [1, 2, 3]},
        ],
    }


def test_the_void_of_pascal_voc_is_ignored(tmp_path):
    (tmp_path / "labelmap.txt").write_text("cat:64,0,0::\nignored:224,224,192::\n")
    assert read_class_list(tmp_path) == {
        "masks": "colors",
        "ignore": [224, 224, 192],
        "classes": [{"name": "cat", "color": [64, 0, 0]}],
    }


@pytest.mark.parametrize(
    "line", ["cat", "cat:::", "cat:1,2::", "cat:1,2,3,4::", "cat:1,2,256::", "cat:1,2,x::", f"cat:1,2,{'1' * 5000}::"]
)
def test_lines_of_a_labelmap_without_a_color(line, tmp_path):
    (tmp_path / "labelmap.txt").write_text(f"background:0,0,0::\n{line}\n")
    with pytest.raises(InputError, match=rf"labelmap\.txt: expected NAME:RED,GREEN,BLUE::, found '{line}'"):
        read_class_list(tmp_path)


def test_a_color_with_a_control_character_beside_a_number(tmp_path):
    (tmp_path / "labelmap.txt").write_text("cat:1,2,\x1f3::\n")  # strip removes it, and int refuses it
    assert read_class_list(tmp_path) == {"masks": "colors", "classes": [{"name": "cat", "color": [1, 2, 3]}]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("classes.txt", b"\n", r"classes\.txt: no classes; expected the name of one class in each line"),
        ("labelmap.txt", b"# nothing", r"labelmap\.txt: no classes"),
        ("classes.txt", b"a\nb\na\n", r"classes\.txt: classes that occur more than once: a;"),
        ("labelmap.txt", b"a:0,0,0::\na:1,1,1::", r"labelmap\.txt: classes that occur more than once: a;"),
        ("classes.txt", b"\xff", r"classes\.txt is not UTF-8 text .*expected text, one class a line"),
    ],
)
def test_damaged_lists(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_class_list(tmp_path)
