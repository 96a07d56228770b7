"""Submissions to the Cityscapes benchmark: 8-bit PNGs of label ids named CITY_SEQUENCE_FRAME.png, in one zip file."""

import re
import zipfile
from pathlib import PurePath
from typing import IO

from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data.cityscapes_labels import CITYSCAPES, LABEL_IDS
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs.masks import in_values
from feedbackward.segmenters.outputs.output import Output, OutputOptions, Record
from feedbackward.segmenters.result import Result

_SCENE = re.compile(r"([^_]+_\d{6}_\d{6})(_leftImg8bit)?")


def _check(table: ClassTable, _: OutputOptions) -> None:
    if table.names != CITYSCAPES.names:
        raise InputError(
            f"a submission needs a network with the {len(CITYSCAPES)} Cityscapes classes, but this one has "
            f"{len(table)}: {', '.join(table.names)}; write masks"
        )


def _scene(stem: str) -> str:
    match = _SCENE.fullmatch(PurePath(stem).name)
    if match is None:
        raise InputError(
            f"{stem} does not have the name of a Cityscapes scene; a submission needs "
            f"CITY_SEQUENCE_FRAME_leftImg8bit with six digits each, such as "
            f"berlin_000000_000019_leftImg8bit"
        )
    return match[1]


def _write(result: Result, _: OutputOptions, file: IO[bytes]) -> None:
    Image.fromarray(in_values(result.mask, LABEL_IDS)).save(file, "PNG")


def _zip(records: list[Record], _: ClassTable, file: IO[bytes]) -> None:
    # Uncompressed, because PNGs already are compressed.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for record in records:
            archive.write(record.path, record.path.name)


SUBMISSION = Output(
    name="submission",
    suffix=".png",
    content="Cityscapes label ids, named CITY_SEQUENCE_FRAME.png: a submission to the benchmark",
    write=_write,
    check=_check,
    file_name=_scene,
    gathered={"submission.zip": _zip},
)
