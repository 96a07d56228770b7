"""The classes' areas in pixels and their shares of each image, as JSON and CSV."""

import csv
import io
from typing import IO

from feedbackward.classes import ClassTable
from feedbackward.segmenters.outputs.output import Output, OutputOptions, Record
from feedbackward.segmenters.outputs.records import read_records, write_array, write_record
from feedbackward.segmenters.result import Result


def _write(result: Result, _: OutputOptions, file: IO[bytes]) -> None:
    height, width = result.mask.shape
    classes = {name: {"area": area, "share": result.shares[name]} for name, area in result.areas.items()}
    write_record(file, {"height": height, "width": width, "classes": classes})


def _gather_json(records: list[Record], _: ClassTable, file: IO[bytes]) -> None:
    file.write(b'{"images": ')
    write_array(file, ({"image": image.as_posix(), **data} for image, data in read_records(records)))
    file.write(b"}\n")


def _gather_csv(records: list[Record], _: ClassTable, file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["image", "class", "area", "share"])
    for image, data in read_records(records):
        for name, values in data["classes"].items():
            rows.writerow([image.as_posix(), name, values["area"], values["share"]])
    text.detach()


SHARES = Output(
    name="shares",
    suffix=".json",
    content="the area in pixels and the share of each class that occurs; `shares.json` and `shares.csv` have those of "
    "all images",
    write=_write,
    gathered={"shares.json": _gather_json, "shares.csv": _gather_csv},
)
