"""Tar archives that are read in parts, wherever they are: local files, and URLs by range requests."""

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from feedbackward.errors import FailureError, InputError

MOST_SHARDS = 100_000
"""A pattern stands for at most so many tars."""
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


class Tar(Protocol):
    """An archive whose bytes can be read anywhere; str() names it as the user did.

    Attributes:
        size: Its number of bytes.
        place: Its absolute path or its URL.
        state: Its place, its size, and its time or ETag: a string that differs once the content has changed.
    """

    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def place(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102

    def read(self, start: int, count: int) -> bytes:
        """Some of the bytes.

        Raises:
            FailureError: If they cannot be read, or the archive has changed since it was opened.
        """
        ...


@dataclass(frozen=True)
class LocalTar:
    """A tar in a file.

    Args:
        path: The file.
        size: Its number of bytes.
        modified: Its time in nanoseconds.
    """

    path: Path
    size: int
    modified: int

    def __str__(self) -> str:
        return str(self.path)

    @property
    def place(self) -> str:
        """As in Tar."""
        return str(self.path.absolute())

    @property
    def state(self) -> str:
        """As in Tar."""
        return f"{self.place} {self.size} {self.modified}"

    def read(self, start: int, count: int) -> bytes:
        """As Tar.read."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                file.seek(start)
                content = file.read(count)
        except OSError as error:
            raise FailureError(f"{self} cannot be read: {error.strerror}; expected a readable file") from error
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified):
            raise FailureError(f"{self} has changed since it was opened; give the same command again")
        return content


def open_tar(address: str) -> Tar:
    """Open a tar.

    Args:
        address: A path, or a URL of http or https.

    Raises:
        InputError: If there is none, or it is behind a URL and cannot be read in parts.
    """
    if is_url(address):
        from feedbackward.data.remote_tar import open_url

        return open_url(address)
    path = Path(address)
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; expected a tar file") from error
    if not path.is_file():
        raise InputError(f"{path} is not a file; expected a tar file")
    return LocalTar(path, status.st_size, status.st_mtime_ns)


def is_url(address: str) -> bool:
    """Whether something is behind http or https."""
    return address.startswith(("http://", "https://"))


def find_tars(patterns: Iterable[str]) -> list[str]:
    """The paths and URLs that patterns stand for, each once, in their order.

    Args:
        patterns: Paths and URLs, in which {000..009} stands for these numbers; paths may be globs too.

    Raises:
        InputError: If a range is empty or too long, or there is no file for a glob.

    Example:
        >>> find_tars(["https://example.org/train-{08..10}.tar"])[1:]
        ['https://example.org/train-09.tar', 'https://example.org/train-10.tar']
    """
    found = dict[str, None]()
    for pattern in patterns:
        for address in _expand([pattern]):
            if is_url(address):
                found[address] = None
                continue
            path = os.path.expanduser(address)  # noqa: PTH111 - Path's refuses names that only look like a home folder
            if glob.has_magic(path) and not os.path.exists(path):  # noqa: PTH110
                paths = sorted(glob.glob(path))  # noqa: PTH207 - Path.glob refuses absolute ones
                if not paths:
                    raise InputError(f"no files {address}; expected tar files, such as train-000.tar")
                found.update(dict.fromkeys(paths))
            else:
                found[path] = None
    return list(found)


def _expand(addresses: list[str]) -> list[str]:
    """All addresses with their ranges written out."""
    match = _RANGE.search(addresses[0])
    if match is None:
        return addresses
    first, last = int(match[1]), int(match[2])
    count = (last - first + 1) * len(addresses)
    if not 0 < count <= MOST_SHARDS:
        raise InputError(
            f"{match[0]} in {addresses[0]} is a range of {max(0, last - first + 1)} numbers; expected the first one "
            f"first, and at most {MOST_SHARDS} tars in all"
        )
    numbers = [str(number).zfill(len(match[1])) for number in range(first, last + 1)]
    return _expand([_RANGE.sub(number, address, count=1) for address in addresses for number in numbers])
