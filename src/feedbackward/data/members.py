"""Files inside tar archives, which stand where paths do when images and masks are read."""

from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path, PurePath
from typing import TypeAlias

from feedbackward.data.tars import Tar


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a tar.

    Args:
        tar: The tar.
        name: Its path within the tar.
        offset: Where its content begins in the tar.
        size: The number of its bytes.
    """

    tar: Tar
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.tar}/{self.name}"

    @property
    def suffix(self) -> str:
        """The last suffix of its name."""
        return PurePath(self.name).suffix

    @property
    def state(self) -> str:
        """A hash of where it is and of the state of its tar."""
        return blake2b(f"{self.tar.state} {self.offset} {self.size}".encode(errors="surrogateescape")).hexdigest()[:32]

    def open(self) -> BytesIO:
        """Read it and open what was read; errors as Tar.read."""
        return BytesIO(self.read_bytes())

    def read_bytes(self) -> bytes:
        """Its content; errors as Tar.read."""
        return self.tar.read(self.offset, self.size)


File: TypeAlias = Path | Member
"""A file that an image or a mask is read from."""


def place(file: File) -> str:
    """Where a file is: its absolute path, or its name after that of its tar or the URL."""
    return f"{file.tar.place}/{file.name}" if isinstance(file, Member) else str(file.absolute())


def file_size(file: File) -> int:
    """The number of bytes of a file."""
    return file.size if isinstance(file, Member) else file.stat().st_size
