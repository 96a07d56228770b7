"""Zip archives that are damaged, or declare more than they contain."""

import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from feedbackward.containers import check_sums, open_zip, read_entry
from feedbackward.errors import InputError


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/one", bytes(range(256)) * 4)
        file.writestr("a/two", b"content")
    return path


def test_a_whole_archive_is_read(archive: Path) -> None:
    check_sums(archive)
    with open_zip(archive) as file:
        assert read_entry(file, "a/two") == b"content"
        with pytest.raises(InputError, match=r"a\.zip contains no a/three; it is incomplete"):
            read_entry(file, "a/three")


def test_a_flipped_byte_of_the_content_is_found(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[content.index(b"content")] ^= 1
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.zip is damaged: Bad CRC-32 for file 'a/two'"):
        check_sums(archive)


def test_every_flipped_byte_is_an_input_error_or_harmless(archive: Path) -> None:
    content = archive.read_bytes()
    places = random.Random(0)
    for _ in range(300):
        at = places.randrange(len(content))
        archive.write_bytes(content[:at] + bytes([content[at] ^ 1 << places.randrange(8)]) + content[at + 1 :])
        try:
            check_sums(archive)
            with open_zip(archive) as file:
                assert [read_entry(file, name) for name in file.namelist()] == [bytes(range(256)) * 4, b"content"]
        except InputError:
            continue


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 half", "is truncated: its end is missing"),
        (b"text", "is not a zip archive"),
        (b"", "is not a zip"),
    ],
)
def test_another_file_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_zip(path)


def test_a_declared_size_beyond_the_file_is_refused(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    at = content.index(b"PK\x01\x02")  # the directory's first entry: its sizes are 20 bytes on
    struct.pack_into("<2I", content, at + 20, 2**31, 2**31)
    archive.write_bytes(content)
    with pytest.raises(InputError, match=r"declares 2,147,483,655 bytes of content, and \d{1,3}(,\d+)* are the most"):
        check_sums(archive)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/zeros", bytes(10**7))
    assert path.stat().st_size < 20_000
    with pytest.raises(InputError, match=r"a/zeros is compressed by method 8 of zip archives"):
        check_sums(path)
    with pytest.raises(InputError, match=r"and 1,000,000 are the most"):
        open_zip(path, most_compressed=10**6)


def test_a_bomb_that_declares_few_bytes_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/zeros", bytes(2**26))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 100)  # its size in the directory
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with open_zip(path, most_compressed=10**6) as file, pytest.raises(InputError, match="is damaged: Bad CRC"):
            read_entry(file, "a/zeros")
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(method: int, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("a/zeros", bytes(100))
    with pytest.raises(InputError, match=rf"a/zeros is compressed by method {method} of zip archives"):
        open_zip(path, most_compressed=10**6)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_repeated_name_is_refused(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("a/two", b"other")
    with pytest.raises(InputError, match="contains a/two twice"):
        open_zip(archive)
