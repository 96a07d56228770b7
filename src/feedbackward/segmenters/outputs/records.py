"""JSON files of single images, and those of all images, made from them with one image in memory at a time."""

import json
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import IO, Any

from feedbackward.segmenters.outputs.output import Record


def write_record(file: IO[bytes], data: Any) -> None:
    """Write plain data as JSON in one line."""
    file.write(json.dumps(data, allow_nan=False, separators=(",", ":")).encode() + b"\n")


def read_records(records: Iterable[Record]) -> Iterator[tuple[PurePath, dict[str, Any]]]:
    """The name of each image and the content of its file."""
    for record in records:
        yield record.image, json.loads(record.path.read_bytes())


def write_array(file: IO[bytes], items: Iterable[Any]) -> None:
    """Write plain data as a JSON array, an item a line."""
    separator = b"[\n"
    for item in items:
        file.write(separator + json.dumps(item, allow_nan=False).encode())
        separator = b",\n"
    file.write(b"\n]" if separator == b",\n" else b"[]")
