"""What the predictions in a folder were made from, so that an interrupted command goes on where it stopped.

The journal is a file of JSON lines in the output folder: the model and the options, then a line for each image, added
before its outputs are written. As each output appears at once or not at all, an image is done if its line is there, its
file has not changed, and its outputs exist.

Of several processes each adds lines to a file of its own, since a shared file system does not append in one piece; the
first process moves them into the journal in the end, or when the next command starts.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from feedbackward.data.members import File, Member, place
from feedbackward.errors import InputError
from feedbackward.io import write_text
from feedbackward.plain_data import Form, check_form

JOURNAL = "run.jsonl"
_REMEDY = "remove it, or choose another --output"
_OTHERS = "run.*.jsonl"


class Journal:
    """The journal of an output folder; it is written from `start` on.

    Args:
        folder: The output folder.
        model: Fingerprint of the model.
        options: The options that the outputs depend on: plain JSON data.
        overwrite: Start over, whatever the folder contains.
        rank: The number of this process, from 0; the first one alone calls `start` and `merge`.

    Raises:
        InputError: If the folder contains the outputs of another model or of other options.
    """

    def __init__(self, folder: Path, *, model: str, options: Mapping[str, Any], overwrite: bool, rank: int = 0) -> None:
        self.path = folder / JOURNAL
        self._own_path = self.path if rank == 0 else folder / f"run.{rank}.jsonl"
        self._overwrite = overwrite
        self._header: dict[str, Any] = {"model": model, "options": dict(options)}
        self._lines: dict[str, dict[str, Any]] = {}
        self._lock = Lock()
        if not overwrite and self.path.exists():
            header, *lines = _read(self.path)
            self._check(header)
            self._take(lines)
            for path in folder.glob(_OTHERS):  # a command in several processes was interrupted; its lines are the last
                self._take(_lines(path))

    def _check(self, header: Mapping[str, Any]) -> None:
        remedy = "choose another --output, or add --overwrite to replace them"
        if header.get("model") != self._header["model"]:
            raise InputError(f"{self.path.parent} contains predictions of another model; {remedy}")
        before, now = header["options"], self._header["options"]
        changed = [f"{name} {before.get(name)}, now {now[name]}" for name in now if before.get(name) != now[name]]
        if changed:
            raise InputError(f"{self.path.parent} contains predictions with {'; '.join(changed)}: {remedy}")

    def is_done(self, name: str, image: File, outputs: Iterable[Path]) -> bool:
        """Whether the outputs of an image exist and belong to the file as it is now.

        Args:
            name: The image's name within its source.
            image: The image.
            outputs: The files to write for it.

        Raises:
            InputError: If there is an output that does not come from this image, and it may not be overwritten.
        """
        if self._overwrite:
            return False
        existing = [path for path in outputs if path.exists()]
        line = self._lines.get(name)
        if existing and (line is None or line["image"] != place(image)):
            origin = "does not come from this command" if line is None else f"is the prediction of {line['image']}"
            raise InputError(
                f"{existing[0]} exists already and {origin}; choose another --output, or add --overwrite to replace it"
            )
        return line is not None and line == _describe(name, image, line["areas"]) and existing == list(outputs)

    def check_free(self, files: Iterable[Path]) -> None:
        """Check that files about all images belong to this journal.

        Args:
            files: The files to write in the end.

        Raises:
            InputError: If one exists without a journal, and it may not be overwritten.
        """
        existing = [path for path in files if path.exists()]
        if existing and not self._overwrite and not self.path.exists():
            raise InputError(
                f"{existing[0]} exists already and does not come from this command; choose another --output, or add "
                f"--overwrite to replace it"
            )

    def start(self) -> None:
        """Write the model and the options, unless there is a journal to go on with.

        Raises:
            InputError: If the file cannot be written.
        """
        if self._overwrite or not self.path.exists():
            write_text(self.path, json.dumps(self._header))
            for path in self.path.parent.glob(_OTHERS):
                path.unlink()
        self.merge()

    def merge(self) -> None:
        """Move the lines of other processes, which have finished, into the journal."""
        for path in sorted(self.path.parent.glob(_OTHERS)):
            lines = _lines(path)
            with self.path.open("a", encoding="utf-8") as file:
                file.writelines("\n" + json.dumps(line) for line in lines)
            self._take(lines)
            path.unlink()

    def _take(self, lines: Iterable[dict[str, Any]]) -> None:
        self._lines |= {line["name"]: line for line in lines if "name" in line}

    def add(self, name: str, image: File, areas: Mapping[str, int], outputs: Iterable[Path]) -> None:
        """Add an image, whose outputs are written next; outputs of an earlier state of the image are removed.

        Args:
            name: The image's name within its source.
            image: The image.
            areas: Its number of pixels by class.
            outputs: The files to write for it.
        """
        line = _describe(name, image, areas)
        with self._lock:
            for path in outputs:
                path.unlink(missing_ok=True)
            with self._own_path.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps(line))  # the line above may have been cut off
            self._lines[name] = line

    def areas(self, names: Iterable[str]) -> Counter[str]:
        """The number of pixels by class, summed over images; those without a line are left out."""
        total = Counter[str]()
        for name in names:
            total.update(self._lines.get(name, {}).get("areas", {}))
        return total


def _read(path: Path) -> list[dict[str, Any]]:
    lines = _lines(path)
    if not lines:
        raise InputError(f"{path} is not a journal of predictions; {_REMEDY}")
    check_form(
        lines[0], {"model": str, "options": {}}, source=f"{path} is not a journal of predictions", advice=_REMEDY
    )
    return lines


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; {_REMEDY}") from error
    lines = []
    for line in text.splitlines():
        with suppress(ValueError, RecursionError):  # cut off by a power failure: that image is predicted again
            lines.append(json.loads(line))
    for line in lines:
        is_image = isinstance(line, dict) and "name" in line
        form: Form = {"name": str, "image": str, "areas": {}} if is_image else {}
        check_form(line, form, source=f"{path} is not a journal of predictions", advice=_REMEDY)
    return lines


def _describe(name: str, image: File, areas: Mapping[str, int]) -> dict[str, Any]:
    try:
        size, modified = (image.size, image.state) if isinstance(image, Member) else _status(image)
    except OSError:  # it is gone, which reading it reports
        return {}
    return {"name": name, "image": place(image), "bytes": size, "modified": modified, "areas": dict(areas)}


def _status(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
