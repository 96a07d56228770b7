import pytest

from feedbackward.data.listing import list_files
from feedbackward.errors import InputError


def test_list_files(tmp_path, write, picture):
    for name in ("b_left.png", "a_left.PNG", "a_right.png", ".hidden_left.png", "notes_left.txt"):
        write(tmp_path / "c.png", picture).rename(tmp_path / name)
    found = list_files(tmp_path, (".png",), ending="_left")
    assert found == {"a": tmp_path / "a_left.PNG", "b": tmp_path / "b_left.png"}


def test_list_files_refuses(tmp_path, write, picture):
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        list_files(tmp_path / "nowhere", (".png",))
    write(tmp_path / "a.png", picture)
    write(tmp_path / "a.jpg", picture)
    with pytest.raises(InputError, match=r"a\.jpg and .*a\.png have the same name"):
        list_files(tmp_path, (".png", ".jpg"))
