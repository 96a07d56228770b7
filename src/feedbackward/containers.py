"""Zip archives from outside: their sizes and checksums are checked before anything is built from them.

PyTorch, whose files are such archives, checks neither.
"""

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from feedbackward.errors import InputError, one_line

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a version of the format or a compression that does not exist
    OSError,
    OverflowError,
    RuntimeError,  # an encrypted entry
    ValueError,
)
_MAGIC = b"PK\x03\x04"
_CHUNK = 2**20


def open_zip(path: Path, *, most_compressed: int = 0) -> zipfile.ZipFile:
    """Open a zip archive, whose entries cannot have more bytes than its own size allows.

    Args:
        path: The archive.
        most_compressed: The bytes that its deflated entries may have in all; 0 to refuse them.

    Raises:
        InputError: If it is truncated or damaged, or an entry has a name twice, declares too many bytes or is
            compressed by a method that is not allowed.
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC)) == _MAGIC
        raise InputError(
            f"{path} is truncated: its end is missing; copy or download it again"
            if begins
            else f"{path} is not a zip archive, as files of PyTorch are; give one that this library wrote"
        )
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    entries = archive.infolist()
    if repeated := [name for name, count in Counter(archive.namelist()).items() if count > 1]:
        raise InputError(f"{path} contains {repeated[0]} twice; export or save it again")
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) if most_compressed else (zipfile.ZIP_STORED,)
    if others := [entry for entry in entries if entry.compress_type not in methods]:
        raise InputError(
            f"{path}: {others[0].filename} is compressed by method {others[0].compress_type} of zip archives, which "
            f"such files do not use; get the file from where it was written"
        )
    stored = sum(entry.file_size for entry in entries if entry.compress_type == zipfile.ZIP_STORED)
    compressed = sum(entry.file_size for entry in entries if entry.compress_type != zipfile.ZIP_STORED)
    for declared, most in ((stored, path.stat().st_size), (compressed, most_compressed)):
        if declared > most:
            raise InputError(
                f"{path} declares {declared:,} bytes of content, and {most:,} are the most that it may have; it is "
                f"damaged, or made to fill the memory: get it from where it was written"
            )
    return archive


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read an entry and check its checksum.

    Raises:
        InputError: If the entry is missing, or its bytes are not those that were written.
    """
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise InputError(f"{archive.filename} contains no {name}; it is incomplete: write it again") from None
    return b"".join(_chunks(archive, entry))


def check_sums(path: Path) -> None:
    """Check the checksum of each entry of a zip archive that is not compressed.

    Raises:
        InputError: As open_zip and read_entry do.
    """
    with open_zip(path) as archive:
        for entry in archive.infolist():
            for _ in _chunks(archive, entry):
                pass


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of an entry, which is never decompressed beyond the size that it declares."""
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):  # read() without a size decompresses all that is there
                yield chunk
    except _DAMAGE as error:
        raise _damaged(archive.filename, error) from error


def _damaged(path: object, error: Exception) -> InputError:
    return InputError(f"{path} is damaged: {one_line(error)}; copy or download it again")
