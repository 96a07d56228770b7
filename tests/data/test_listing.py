import logging

import pytest

from feedbackward.data.listing import list_files
from feedbackward.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Make a folder with empty files of these names; a name that ends with / is a folder."""

    def make(*names):
        for name in names:
            (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).touch()
        return tmp_path

    return make


def test_files_are_listed_by_name(folder, caplog):
    root = folder("b_left.png", "a_left.PNG")
    assert list_files(root, (".png",), ending="_left") == {"a": root / "a_left.PNG", "b": root / "b_left.png"}
    assert not caplog.messages


def test_what_is_left_out_is_said_in_one_line(folder, caplog):
    names = (".a_left.png", "notes.txt", "a_right.png", "old/", "x.png/", "a_left.png", "b.tif", "c.txt", "d.jpg")
    root = folder(*names)
    assert list(list_files(root, (".png",), ending="_left")) == ["a"]
    assert caplog.record_tuples == [
        (
            "feedbackward.data.listing",
            logging.WARNING,
            f"{root}: left out 8: 1 hidden (.a_left.png), 1 without _left at the end of the name (a_right.png), "
            f"4 of another type (b.tif, c.txt, d.jpg and 1 more), 2 that are folders (old, x.png)",
        )
    ]


def test_companions_are_not_reported(folder, caplog):
    root = folder("a_labelIds.png", "a_color.png", "a_polygons.json")
    list_files(root, (".png",), ending="_labelIds", companions=("_color.png", "_polygons.json"))
    assert not caplog.messages


def test_missing_folders_and_double_names_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        list_files(tmp_path / "nowhere", (".png",))
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png have the same name"):
        list_files(folder("a.png", "a.jpg"), (".png", ".jpg"))
