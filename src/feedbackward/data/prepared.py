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
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import get_worker_info

from feedbackward.data.opening import decoding
from feedbackward.errors import InputError, one_line
from feedbackward.io import check_writable, nearest_existing

Arrays: TypeAlias = dict[str, NDArray[Any]]
"""The content of an entry."""

FORMAT = 1
"""To be raised when the same files and options have another result."""

SETTLED = 2.0
"""Seconds for which a file must not have changed before its times are trusted: some file systems count in seconds."""

PROCESSES = 16
"""How many processes can fill a folder at once without exceeding its limit."""

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

    def load(self, sources: Sequence[Path], recipe: str, make: Callable[[], Arrays]) -> Arrays:
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

    def load(self, sources: Sequence[Path], recipe: str, make: Callable[[], Arrays]) -> Arrays:  # noqa: ARG002
        """As Prepared.load."""
        return make()


NOT_STORED = NotStored()


class PreparedFolder:
    """Makes arrays when they are first needed, and stores them in a folder.

    The content of each file is hashed once per process, and again when its size or one of its times has changed.
    Nothing is removed: when the limit is reached, no more is added, and a warning says so.

    Args:
        folder: The folder; it is created when the first entry is written.
        limit: The largest size of its files in bytes.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._allowance = 0
        self._closed = False
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def check(self) -> None:
        """As Prepared.check.

        Raises:
            InputError: If the folder is a file or cannot be written.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"data.cache {self.folder} is a file; give a folder")
        check_writable(nearest_existing(self.folder), what=f"data.cache {self.folder}")

    def load(self, sources: Sequence[Path], recipe: str, make: Callable[[], Arrays]) -> Arrays:
        """As Prepared.load."""
        key = self._key(sources, recipe)
        path = self.folder / f"{key}.npz"
        stored = _read(path)
        if stored is not None:
            return stored
        arrays = make()
        if self._key(sources, recipe) == key:  # otherwise a file has changed since
            self._add(path, arrays)
        return arrays

    def _key(self, sources: Sequence[Path], recipe: str) -> str:
        parts = (str(FORMAT), recipe, *map(self._digest, sources))
        return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()

    def _digest(self, path: Path) -> str:
        """The hash of a file's content."""
        with decoding(path):
            now, stat = time.time(), path.stat()
            stamp = stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
            before, digest = self._known.get(path, ((), ""))
            if before != stamp:
                digest = _hash(path)
                if now - max(stat.st_mtime, stat.st_ctime) > SETTLED:
                    self._known[path] = stamp, digest
        return digest

    def _add(self, path: Path, arrays: Arrays) -> None:
        """Store an entry if there is room for it.

        A process looks at the folder again when it has used up its share of the room that there was, so that all
        together stay below the limit.
        """
        if self._closed:
            return
        size = _HEADERS + sum(array.nbytes for array in arrays.values())
        try:
            if size > self._allowance:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._allowance = (self._limit - _size(self.folder)) // PROCESSES
            if size > self._allowance:
                self._close(f"the limit data.cache_gb of {self._limit / 1e9:g} GB is reached; raise it")
                return
            self._allowance -= size
            _write(path, arrays)
        except OSError as error:
            self._close(f"{error}; choose another folder")

    def _close(self, reason: str) -> None:
        """Add nothing more; of several workers the first one says so."""
        self._closed = True
        worker = get_worker_info()
        if worker is None or worker.id == 0:
            _log.warning(
                "data.cache %s: %s, or empty the folder. Nothing more is added; images that are not in it are decoded "
                "each time",
                self.folder,
                reason,
            )


def _hash(path: Path) -> str:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _read(path: Path) -> Arrays | None:
    """The arrays of an entry; None if there is none, or a damaged one: a zip archive has checksums."""
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        return None
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
