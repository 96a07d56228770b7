"""The scores of each image, as a CSV file with the worst image first."""

import csv
import io
import math
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, TypeAlias

from feedbackward.data.members import File
from feedbackward.io import write_whole
from feedbackward.metrics.scores import Scores

Record: TypeAlias = Sequence[Any]
"""The mean IoU of an image, and its row."""


class ImageScores:
    """Collects a row per image; in memory it keeps two numbers for each.

    Of several processes each collects the rows of its own images, see `records` and `take`.

    Args:
        names: The classes.
        rows: An empty temporary file, which keeps the rows.
    """

    def __init__(self, names: Sequence[str], rows: IO[bytes]) -> None:
        self._names = names
        self._rows = rows
        self._scores = array("d")
        self._starts = array("q", [0])

    def add(self, image: File, scores: Scores) -> None:
        """Add the scores of an image, which its ground truth names."""
        means = (scores.scalars[name] for name in ("mean_iou", "pixel_accuracy"))
        pixels = sum(map(sum, scores.confusion)) + sum(scores.predicted_void)
        classes = (scores.per_class["iou"][name] for name in self._names)
        row = _row([str(image), *map(_text, means), pixels, *map(_text, classes)])
        self._append(scores.scalars["mean_iou"], row)

    def records(self) -> list[Record]:
        """The images as plain JSON data, in order."""
        return [(score, self._read(index).decode(errors="surrogateescape")) for index, score in enumerate(self._scores)]

    def take(self, records: Iterable[Record]) -> None:
        """Add the images of the records."""
        for score, row in records:
            self._append(score, row.encode(errors="surrogateescape"))

    def _append(self, score: float, row: bytes) -> None:
        self._rows.seek(self._starts[-1])
        self._rows.write(row)
        self._scores.append(score)
        self._starts.append(self._rows.tell())

    def _read(self, index: int) -> bytes:
        self._rows.seek(self._starts[index])
        return self._rows.read(self._starts[index + 1] - self._starts[index])

    def write(self, path: Path) -> None:
        """Write the file: a header, then the images by ascending mean IoU; those without one come last.

        Raises:
            InputError: If the file cannot be written.
        """
        worst_first = sorted(
            range(len(self._scores)), key=lambda index: (math.isnan(self._scores[index]), self._scores[index])
        )

        def save(file: IO[bytes]) -> None:
            columns = ["image", "mean_iou", "pixel_accuracy", "pixels", *(f"iou {name}" for name in self._names)]
            file.write(_row(columns))
            for index in worst_first:
                file.write(self._read(index))

        write_whole(path, save)


def _row(cells: Iterable[object]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode(errors="surrogateescape")


def _text(score: float) -> str:
    return "" if math.isnan(score) else f"{score:.4f}"
