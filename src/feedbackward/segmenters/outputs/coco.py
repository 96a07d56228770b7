"""The connected regions as objects in the JSON format of COCO: one file for all images."""

import json
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.segmenters.outputs.output import Output, OutputOptions, Record
from feedbackward.segmenters.outputs.records import read_records, write_array, write_record
from feedbackward.segmenters.polygons import Polygon
from feedbackward.segmenters.regions import connected_regions
from feedbackward.segmenters.result import Result


def _write(result: Result, options: OutputOptions, file: IO[bytes]) -> None:
    height, width = result.mask.shape
    regions = connected_regions(result.mask)
    objects = [_object(polygon, regions) for polygon in result.polygons(options.background)]
    write_record(file, {"height": height, "width": width, "annotations": objects})


def _object(polygon: Polygon, regions: NDArray[np.int32]) -> dict[str, Any]:
    left, top = polygon.exterior.min(axis=0).tolist()
    right, bottom = polygon.exterior.max(axis=0).tolist()
    segmentation: Any = [polygon.exterior.ravel().tolist()]
    if polygon.holes:  # COCO's polygons have none
        first = regions[polygon.exterior[0, 1], polygon.exterior[0, 0]]
        inside = regions[top:bottom, left:right] == first
        segmentation = {"size": list(regions.shape), "counts": _runs(inside, left, top, regions.shape)}
    return {
        "category_id": polygon.index + 1,
        "iscrowd": 0,
        "area": polygon.area,
        "bbox": [left, top, right - left, bottom - top],
        "segmentation": segmentation,
    }


def _runs(inside: NDArray[np.bool_], left: int, top: int, shape: tuple[int, ...]) -> list[int]:
    """The lengths of the runs outside and inside a region in turns, down the columns of the image.

    Args:
        inside: The pixels of the region in its box (h, w).
        left: The first column of the box.
        top: Its first row.
        shape: Height and width of the image.
    """
    columns, rows = np.nonzero(inside.T)
    at = (columns + left) * shape[0] + rows + top
    jumps = np.flatnonzero(np.diff(at) != 1)
    starts, ends = at[np.concatenate([[0], jumps + 1])], at[np.concatenate([jumps, [-1]])] + 1
    borders = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [shape[0] * shape[1]]])
    lengths: list[int] = np.diff(borders).tolist()
    return lengths


def _annotations(records: list[Record]) -> Iterator[dict[str, Any]]:
    identifier = 0
    for image_id, (_, data) in enumerate(read_records(records), start=1):
        for annotation in data["annotations"]:
            identifier += 1
            yield {"id": identifier, "image_id": image_id, **annotation}


def _gather(records: list[Record], table: ClassTable, file: IO[bytes]) -> None:
    file.write(b'{"images": ')
    write_array(
        file,
        (
            {"id": image_id, "file_name": image.as_posix(), "height": data["height"], "width": data["width"]}
            for image_id, (image, data) in enumerate(read_records(records), start=1)
        ),
    )
    file.write(b',\n"annotations": ')
    write_array(file, _annotations(records))
    categories = [{"id": index, "name": name} for index, name in enumerate(table.names, start=1)]
    file.write(f',\n"categories": {json.dumps(categories)}}}\n'.encode())


COCO = Output(
    name="coco",
    suffix=".json",
    content="the objects of an image; `coco.json` has those of all images in COCO's format, an object for each "
    "connected region",
    write=_write,
    gathered={"coco.json": _gather},
)
