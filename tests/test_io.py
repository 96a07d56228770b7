import pytest

from feedbackward.errors import InputError
from feedbackward.io import check_writable, write_whole


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.png"
    write_whole(path, lambda file: file.write(b"first"))

    def fail(error):
        def save(file):
            file.write(b"half")
            raise error

        return save

    with pytest.raises(InputError, match=r"a\.png cannot be written: .*No space left"):
        write_whole(path, fail(OSError(28, "No space left on device")))
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, fail(KeyboardInterrupt()))
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_tried_and_left_as_it_was(tmp_path):
    check_writable(tmp_path, what="the report")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "gone"):
        with pytest.raises(InputError, match=rf"the report cannot be written \({folder}: .*\); choose another place"):
            check_writable(folder, what="the report")


def test_a_target_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.png", tmp_path / "file" / "below" / "a.png"):
        with pytest.raises(InputError, match=rf"{path} cannot be written: "):
            write_whole(path, lambda file: file.write(b"x"))


def test_folders_on_the_way_are_made(tmp_path):
    write_whole(tmp_path / "new" / "folder" / "a", lambda file: file.write(b"x"))
    assert (tmp_path / "new" / "folder" / "a").read_bytes() == b"x"
