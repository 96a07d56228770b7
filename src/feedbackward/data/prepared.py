"""A folder of prepared training data: what is decoded and resized once is read from there afterwards.

An entry is found by a hash of the content of the files that it was made from, so that it never outlives them. Entries
are written under a temporary name and renamed: several processes can fill a folder at once.
"""

import logging
import os
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.members import File, Member
from feedbackward.data.opening import decoding
from feedbackward.errors import InputError, one_line
from feedbackward.io import check_writable, nearest_existing

Arrays: TypeAlias = dict[str, NDArray[Any]]
"""The content of an entry."""

FORMAT = 1
"""To be raised when the same files and options have another result."""

SETTLED = 2.0
"""Seconds for which a file must not have changed before its times are trusted: some file systems count in seconds."""

SHARES = 256
"""A process adds at most this part of the limit, or one entry, before it looks again at what others have added."""

_HEADERS = 2048
"""At most so many bytes of an entry are not its arrays."""

_log = logging.getLogger(__name__)


class Prepared(Protocol):
    """Where the prepared arrays of a data set come from."""

    def check(self) -> None:
        """Check, before a training, that arrays can be stored.

        Raises:
            InputError: If they cannot.
        """
        ...

    def load(self, sources: Sequence[File], recipe: str, make: Callable[[], Arrays]) -> Arrays:
        """The arrays that are made from files.

        Args:
            sources: The files.
            recipe: What the arrays depend on besides the content of the files.
            make: Reads the files and makes the arrays.

        Raises:
            InputError: If a file cannot be read.
        """
        ...


class NotStored:
    """Makes the arrays whenever they are needed."""

    def check(self) -> None:
        """Nothing is written."""

    def load(self, sources: Sequence[File], recipe: str, make: Callable[[], Arrays]) -> Arrays:  # noqa: ARG002
        """As Prepared.load."""
        return make()


NOT_STORED = NotStored()


class PreparedFolder:
    """Makes arrays when they are first needed, and stores them in a folder.

    The content of each file is hashed once per process, and again when its size or one of its times has changed.
    Nothing is removed: when an entry would exceed the limit, no more is added, and each process says so once.

    Args:
        folder: The folder; it is created when the first entry is written.
        limit: The largest size of its files in bytes. Each further process that adds entries at the same time can
            exceed it by 1 / SHARES of it, or by one entry if that is larger.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._left = 0  # bytes that this process adds before it looks at the folder again
        self._closed = False
        self._unreadable = False
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def check(self) -> None:
        """As Prepared.check.

        Raises:
            InputError: If the folder is a file or cannot be written.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"data.cache {self.folder} is a file; give a folder")
        check_writable(nearest_existing(self.folder), what=f"data.cache {self.folder}")

    def load(self, sources: Sequence[File], recipe: str, make: Callable[[], Arrays]) -> Arrays:
        """As Prepared.load."""
        key = self._key(sources, recipe)
        path = self.folder / f"{key}.npz"
        stored = self._read(path)
        if stored is not None:
            return stored
        arrays = make()
        if self._key(sources, recipe) == key:  # otherwise a file has changed since
            self._add(path, arrays)
        return arrays

    def _key(self, sources: Sequence[File], recipe: str) -> str:
        parts = (str(FORMAT), recipe, *map(self._digest, sources))
        return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()

    def _digest(self, path: File) -> str:
        """The hash of a file's content; of a member of a tar that of its state, so that it need not be read."""
        if isinstance(path, Member):
            return path.state
        with decoding(path):
            now, stat = time.time(), path.stat()
            stamp = stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
            before, digest = self._known.get(path, ((), ""))
            if before != stamp:
                digest = _hash(path)
                if now - max(stat.st_mtime, stat.st_ctime) > SETTLED:
                    self._known[path] = stamp, digest
        return digest

    def _read(self, path: Path) -> Arrays | None:
        """The arrays of an entry; None if there is none that can be read."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            if not self._unreadable:
                self._unreadable = True
                _log.warning("data.cache %s: %s; entries that cannot be read are made again", self.folder, error)
            return None
        return _unpack(content, path)

    def _add(self, path: Path, arrays: Arrays) -> None:
        """Store an entry if there is room for it."""
        if self._closed:
            return
        size = _HEADERS + sum(array.nbytes for array in arrays.values())
        try:
            if size > self._left:
                self.folder.mkdir(parents=True, exist_ok=True)
                used = _size(self.folder)
                if used + size > self._limit:
                    self._close(
                        f"it holds {used / 1e6:.1f} MB, and the next entry of {size / 1e6:.1f} MB would exceed "
                        f"data.cache_gb, {self._limit / 1e9:g} GB; raise it, or remove old entries"
                    )
                    return
                self._left = min(self._limit - used, max(size, self._limit // SHARES))
            self._left -= size
            _write(path, arrays)
        except OSError as error:
            self._close(f"{error}; choose another folder")

    def _close(self, reason: str) -> None:
        self._closed = True
        _log.warning(
            "data.cache %s: %s. This process adds nothing more; images that are not in it are decoded each time",
            self.folder,
            reason,
        )


def _hash(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _unpack(content: bytes, path: Path) -> Arrays | None:
    """The arrays of an entry; None if it is damaged: a zip archive has checksums."""
    try:
        with np.load(BytesIO(content)) as archive:
            return {name: archive[name] for name in archive.files}
    except MemoryError:
        raise
    except Exception as error:  # a damaged archive raises almost any exception
        _log.warning("data.cache: %s is damaged (%s) and is made again", path, one_line(error))
        return None


def _write(path: Path, arrays: Arrays) -> None:
    part = path.with_name(f"{path.stem}.{uuid.uuid4().hex}.part")  # not one name for all processes
    try:
        with part.open("xb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        part.replace(path)
    finally:
        with suppress(OSError):  # if it cannot be removed, the error of writing it says why
            part.unlink(missing_ok=True)


def _size(folder: Path) -> int:
    """The bytes of the files in a folder."""
    total = 0
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):  # another process has renamed it
            total += entry.stat().st_size
    return total
