import json
import math
import os
import threading

import pytest

from feedbackward.errors import InputError
from feedbackward.io import (
    check_apart,
    check_empty,
    check_new,
    check_target,
    check_writable,
    nearest_existing,
    remove_parts,
    write_json,
    write_text,
    write_whole,
)


def interrupted(error):
    """Writes half of a file, then fails."""

    def save(file):
        file.write(b"half")
        raise error

    return save


@pytest.fixture
def written(tmp_path):
    """A file alone in its folder."""
    path = tmp_path / "a.png"
    write_whole(path, lambda file: file.write(b"first"))
    return path


def test_a_file_is_replaced(written):
    write_whole(written, lambda file: file.write(b"second"))
    assert written.read_bytes() == b"second"
    assert list(written.parent.iterdir()) == [written]


def test_a_full_disk_is_named(written):
    with pytest.raises(InputError, match=r"a\.png cannot be written: .*No space left"):
        write_whole(written, interrupted(OSError(28, "No space left on device")))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("no image")])
def test_after_an_error_the_file_is_unchanged(written, error):
    with pytest.raises((InputError, type(error))):
        write_whole(written, interrupted(error))
    assert written.read_bytes() == b"first"
    assert list(written.parent.iterdir()) == [written]


def test_an_error_of_the_content_is_not_hidden(tmp_path):
    with pytest.raises(ValueError, match="no image") as raised:
        write_whole(tmp_path / "a.png", interrupted(ValueError("no image")))
    assert not isinstance(raised.value, InputError)


@pytest.mark.parametrize("below", ["a.png", "folder/a.png"])
def test_a_target_below_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"{tmp_path / 'file' / below} cannot be written: "):
        write_whole(tmp_path / "file" / below, lambda file: file.write(b"x"))


def test_missing_folders_are_created(tmp_path):
    write_whole(tmp_path / "new" / "folder" / "a", lambda file: file.write(b"x"))
    assert (tmp_path / "new" / "folder" / "a").read_bytes() == b"x"


def test_text_is_utf_8(tmp_path):
    write_text(tmp_path / "a.txt", "Krähenbühl\n")
    assert (tmp_path / "a.txt").read_bytes() == "Krähenbühl\n".encode()


def test_json_reads_back(tmp_path):
    write_json(tmp_path / "a.json", {"iou": [0.5, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"iou": [0.5, None]}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_nan(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"iou": value})
    assert list(tmp_path.iterdir()) == []


def test_checking_a_folder_leaves_no_file(tmp_path):
    check_writable(tmp_path, what="the report")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file", "gone"])
def test_what_is_not_a_folder_is_not_writable(tmp_path, name):
    (tmp_path / "file").touch()
    folder = tmp_path / name
    with pytest.raises(InputError, match=rf"the report cannot be written \({folder}: .*\); choose another place"):
        check_writable(folder, what="the report")


def test_a_target_may_be_new_or_in_a_folder_that_is_missing(tmp_path):
    check_target(tmp_path / "a.json", option="--json")
    check_target(tmp_path / "new" / "folder" / "a.json", option="--json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_a_target(tmp_path):
    with pytest.raises(InputError, match=rf"--json {tmp_path}: this is a folder; give the name of a file"):
        check_target(tmp_path, option="--json")


def test_a_target_is_checked_in_the_nearest_folder_that_exists(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"--json .*a\.json cannot be written \({tmp_path / 'file'}: Not a directory"):
        check_target(tmp_path / "file" / "folder" / "a.json", option="--json")


def test_an_existing_file_is_replaced_only_when_asked_for(tmp_path):
    path = tmp_path / "a.png"
    check_new(path, overwrite=False)
    path.touch()
    check_new(path, overwrite=True)
    with pytest.raises(InputError, match=r"a\.png exists already; choose another name or add --overwrite"):
        check_new(path, overwrite=False)


def test_the_nearest_existing_path(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    for name in ("file", "broken"):
        assert nearest_existing(tmp_path / name / "below" / "deep") == tmp_path / name
    assert nearest_existing(tmp_path / "new" / "folder") == nearest_existing(tmp_path) == tmp_path


def test_the_longest_name_can_be_written(tmp_path):
    write_text(tmp_path / ("x" * 251 + ".png"), "text")
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [4]


def test_a_name_that_is_not_utf8_keeps_its_bytes(tmp_path):
    write_text(tmp_path / "a", os.fsdecode(b"\xff.png"))
    assert (tmp_path / "a").read_bytes() == b"\xff.png"


def test_a_folder_to_create_may_be_empty_but_has_no_content(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full" / "inner").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nothing")
    check_empty(tmp_path / "new")
    check_empty(tmp_path / "empty")
    for name in ("full", "file", "link"):
        with pytest.raises(InputError, match=rf"^--fix \S+{name} exists and is not an empty folder; give a new one$"):
            check_empty(tmp_path / name, what="--fix")


def test_of_two_writers_every_reader_sees_a_whole_file(tmp_path):
    path = tmp_path / "a.bin"
    contents = [bytes([writer]) * 100_000 for writer in range(2)]
    write_whole(path, lambda file: file.write(contents[0]))

    def write(content):
        for _ in range(100):
            write_whole(path, lambda file: [file.write(content[:50_000]), file.flush(), file.write(content[50_000:])])

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers) or reads == 0:
        assert path.read_bytes() in contents
        reads += 1
    for writer in writers:
        writer.join()
    assert list(tmp_path.iterdir()) == [path]


def test_durable_content_is_on_the_disk_before_the_file_is_renamed(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        os, "fsync", lambda number: synced.append((os.fstat(number).st_size, (tmp_path / "a").exists()))
    )
    write_whole(tmp_path / "a", lambda file: file.write(b"text"), durable=True)
    assert synced == [(4, False)]


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in (".0123456789abcdef.part", ".lock", "a.part"):
        (tmp_path / name).touch()
    remove_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a.part"]
    remove_parts(tmp_path / "missing")


def test_a_target_replaces_no_input_and_no_other_target(tmp_path):
    data, classes = tmp_path / "data", tmp_path / "classes.yaml"
    data.mkdir()
    for path in (data / "a.png", classes):
        path.touch()
    inputs = {"--source": data, "--classes": classes, "--model": "someone/streets", "--predictions": None}
    check_apart({"--json": tmp_path / "new.json", "--per-image": data / "new.csv", "--official": None}, inputs)
    (tmp_path / "link.json").symlink_to(classes)
    for path, what in ((data / "a.png", "--source"), (classes, "--classes"), (tmp_path / "link.json", "--classes")):
        with pytest.raises(InputError, match=f"^--json {path} would replace a file of {what}; give the name of a new"):
            check_apart({"--json": path}, inputs)
    same = {"--json": tmp_path / "a", "--per-image": tmp_path / "data/../a"}
    with pytest.raises(InputError, match=r"--json and --per-image both name .*; give each a file of its own"):
        check_apart(same, {})
