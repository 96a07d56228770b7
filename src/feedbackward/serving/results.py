"""Uploads and results: a folder each, of one session, below a temporary folder that ends with the server."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from feedbackward.classes import ClassTable
from feedbackward.segmenters.result import Result
from feedbackward.serving.limits import Limits
from feedbackward.serving.request_error import RequestError


@dataclass
class Stored:
    """An upload and what was made of it.

    Args:
        id: Its name, which nobody can guess.
        session: The session that it belongs to.
        folder: Its files.
        name: The name of the upload.
        tables: The classes of each task, once they are known.
        description: The result as plain JSON data, once it is complete.
        bytes: Of its files.
        last_used: When it was last asked for, in seconds of the monotonic clock.
    """

    id: str
    session: str
    folder: Path
    name: str
    tables: list[ClassTable] = field(default_factory=list)
    description: dict[str, Any] = field(default_factory=dict)
    bytes: int = 0
    last_used: float = field(default_factory=time.monotonic)

    @property
    def upload(self) -> Path:
        """The file that was uploaded; removed once it is decoded."""
        return self.folder / f"upload{Path(self.name).suffix.lower()}"

    @property
    def image(self) -> Path:
        """The pixels of an image, as .npy."""
        return self.folder / "image.npy"

    @property
    def reduced(self) -> Path:
        """A reduced copy of a large image, as .npy."""
        return self.folder / "reduced.npy"

    @property
    def video(self) -> Path:
        """The overlay of a video."""
        return self.folder / "overlays" / "video.mp4"

    def mask(self, task: int) -> Path:
        """The mask of a task, as .npy."""
        return self.folder / f"mask-{task}.npy"

    def confidence(self, task: int) -> Path:
        """The confidence of a task, as .npy; a network that outputs classes has none."""
        return self.folder / f"confidence-{task}.npy"

    def result(self, task: int) -> Result:
        """The result of a task, whose arrays are read from the disk as they are used."""
        seen = self.reduced if self.reduced.exists() else self.image
        return Result(read_array(seen), read_array(self.mask(task)), self.tables[task])


def read_array(path: Path) -> Any:
    """An array that is read from the disk as it is used, and changed in memory alone."""
    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)  # torch warns of arrays that cannot be written
    except FileNotFoundError:  # removed by its owner or for want of room, while it is read
        raise RequestError(404, "the result was removed; send the image again") from None


def _new_root() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="feedbackward-", ignore_cleanup_errors=True)


class Results:
    """The uploads and results of all sessions.

    Args:
        limits: How many are kept, how long, and of how many bytes.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._root = _new_root()
        self._kept = dict[str, Stored]()  # the longest unused first
        self._incoming = dict[str, Stored]()

    @property
    def bytes(self) -> int:
        """The bytes of all uploads and results."""
        return sum(stored.bytes for stored in (*self._kept.values(), *self._incoming.values()))

    @contextmanager
    def incoming(self, session: str, name: str) -> Iterator[Stored]:
        """The folder for an upload, which is removed at the end of the block unless it was kept."""
        if not Path(self._root.name).is_dir():  # systems remove old temporary folders
            self._root.cleanup()
            self._root = _new_root()
        stored = Stored(token_urlsafe(24), session, Path(self._root.name) / token_urlsafe(12), name)
        stored.folder.mkdir()
        self._incoming[stored.id] = stored
        try:
            yield stored
        finally:
            del self._incoming[stored.id]
            if stored.id not in self._kept:
                shutil.rmtree(stored.folder, ignore_errors=True)

    def make_room(self, stored: Stored, added: int) -> None:
        """Count bytes of an upload, and drop the longest unused results where there are too many.

        Raises:
            RequestError: 503 if uploads alone are too many.
        """
        stored.bytes += added
        while self.bytes > self._limits.stored_bytes:
            if not self._kept:
                raise RequestError(503, "the server is busy with many uploads; try again in some seconds")
            self._drop(next(iter(self._kept)))

    def keep(self, stored: Stored) -> None:
        """Keep a result; the longest unused one of its session is dropped if there are too many."""
        size = sum(path.stat().st_size for path in stored.folder.rglob("*") if path.is_file())
        self.make_room(stored, size - stored.bytes)
        own = [kept.id for kept in self._kept.values() if kept.session == stored.session]
        for result_id in own[: max(0, len(own) + 1 - self._limits.results)]:
            self._drop(result_id)
        while len(self._kept) >= self._limits.stored_results:
            self._drop(next(iter(self._kept)))
        self._kept[stored.id] = stored

    def get(self, session: str, result_id: str) -> Stored:
        """A result of a session.

        Raises:
            RequestError: 404 if there is none, any more or of this session.
        """
        stored = self._kept.get(result_id)
        if stored is None or stored.session != session:
            raise RequestError(
                404,
                "there is no such result; it was removed, or belongs to another session: send the image again, and "
                "the cookie of the answer with further requests",
            )
        stored.last_used = time.monotonic()
        self._kept[result_id] = self._kept.pop(result_id)
        return stored

    def remove(self, session: str, result_id: str) -> None:
        """Remove a result; errors are those of `get`."""
        self._drop(self.get(session, result_id).id)

    def expire(self) -> None:
        """Remove the results that were not used for too long."""
        oldest = time.monotonic() - self._limits.result_seconds
        for stored in [stored for stored in self._kept.values() if stored.last_used < oldest]:
            self._drop(stored.id)

    def close(self) -> None:
        """Remove everything."""
        self._root.cleanup()

    def _drop(self, result_id: str) -> None:
        shutil.rmtree(self._kept.pop(result_id).folder, ignore_errors=True)
