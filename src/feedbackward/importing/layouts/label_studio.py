"""Label Studio: an export as JSON, a list of tasks with polygons, rectangles and brushes.

The classes are the labels that occur, sorted, after the background. Where regions overlap, the later one counts. Of
several annotations of one image the last counts, with a note.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import listed
from feedbackward.importing.brush_code import decode_brush
from feedbackward.importing.coco_masks import Rings, Runs, encode_runs, read_rings
from feedbackward.importing.drawn import Drawn
from feedbackward.importing.drawn_classes import class_values
from feedbackward.importing.entries import reading
from feedbackward.importing.found import Drawing, FoundData, Sample, check_names
from feedbackward.importing.image_files import ImageFiles, check_any_found, missing_note
from feedbackward.importing.json_tools import RESULTS, damaged_note, json_files
from feedbackward.importing.sized import Sized
from feedbackward.importing.split_names import folder_split, sample_name
from feedbackward.text_files import read_json

REGIONS = ("polygonlabels", "rectanglelabels", "brushlabels")
OF_IMAGES = ("choices", "textarea", "rating", "number", "taxonomy", "datetime", "relation")
"""Results for whole images."""
# Label Studio puts eight characters before the names of uploaded files.
UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-")


@dataclass(frozen=True)
class _Task:
    """An image and its regions, each with its label; no size without regions."""

    image: Path
    shapes: tuple[tuple[Rings | Runs, str], ...]
    size: tuple[int, int] | None


def find(root: Path) -> FoundData | None:
    """The images of the exports in a folder that have an annotation; None if there is no export.

    Raises:
        InputError: If an export is damaged, has a region that cannot be drawn, or none of its images exists.
    """
    paths = json_files(root, "label studio")
    if not paths:
        return None
    images, tasks, missing, notes = ImageFiles(root), list[tuple[Path, _Task]](), list[str](), list[str]()
    for path in paths:
        absent, counts, entries = list[str](), Counter[str](), read_json(path)
        for number, entry in enumerate(entries):
            with reading(f"task {entry.get('id', number)}", path):
                results = _results(entry, counts)
                if results is None:
                    continue
                name = _image_name(entry["data"])
                image = _find_image(images, name, path)
                if image is None:
                    absent.append(name)
                else:
                    tasks.append((path, _read_task(image, results, counts)))
        missing += absent
        notes += [f"{path}: {count} {what}" for what, count in counts.items()]
        notes += missing_note(absent, len(entries), path)
    check_any_found([task for _, task in tasks], missing, root)
    notes += [*images.notes(task.image for _, task in tasks), *damaged_note(root)]
    values = class_values(sorted({label for _, task in tasks for _, label in task.shapes}))
    samples = []
    for path, task in tasks:
        drawing: Drawing = Drawn([(region, values[label]) for region, label in task.shapes])
        if task.size is not None:
            drawing = Sized(drawing, *task.size, image=task.image, annotation=path)
        samples.append(Sample(sample_name(task.image, root), task.image, drawing, folder_split(task.image, root)))
    samples.sort(key=lambda sample: sample.name)
    check_names(samples, where=root)
    return FoundData("Label Studio annotations", tuple(samples), {"classes": list(values)}, tuple(notes))


def _results(task: dict[str, Any], counts: Counter[str]) -> list[Any] | None:
    """The results of the annotation that counts; None if the task has none."""
    given = next(task[key] for key in RESULTS if key in task)
    annotations = [annotation for annotation in given if not annotation.get("was_cancelled")]
    if not annotations:
        counts["tasks without an annotation are left out"] += 1
        return None
    if len(annotations) > 1:
        counts["tasks have several annotations, of which the last counts"] += 1
    return list(annotations[-1]["result"])


def _image_name(data: dict[str, Any]) -> str:
    """The path of the image in the data of a task, which may be an address."""
    paths = [_path(value) for value in data.values() if isinstance(value, str)]
    names = [path for path in paths if path.lower().endswith(IMAGE_SUFFIXES)]
    if len(names) != 1:
        raise ValueError(f"its data name {len(names)} images; expected one file such as /data/upload/1/name.jpg")
    return names[0]


def _path(address: str) -> str:
    """The path in an address: that of the query ?d= of local files, else that of the address itself."""
    parts = urlsplit(address)
    local = parse_qs(parts.query).get("d")
    return (local[0] if local else unquote(parts.path)).lstrip("/")


def _find_image(images: ImageFiles, name: str, beside: Path) -> Path | None:
    """The image of a name, or of the name that it had before it was uploaded."""
    last = Path(name).name
    return images.find(name, beside) or (
        images.find(UPLOAD_PREFIX.sub("", last), beside) if UPLOAD_PREFIX.match(last) else None
    )


def _read_task(image: Path, results: list[Any], counts: Counter[str]) -> _Task:
    shapes, sizes = [], set()
    for result in results:
        kind = result["type"]
        if kind in OF_IMAGES:
            counts[f"results of the type {kind} are left out: they are for whole images"] += 1
            continue
        if kind not in REGIONS:
            raise ValueError(f"a result is of the type {kind}; expected {', '.join(REGIONS)}")
        labels = result["value"].get(kind) or []
        if len(labels) != 1:
            raise ValueError(f"a region has {len(labels)} labels {labels}; expected one")
        size = int(result["original_height"]), int(result["original_width"])
        if result.get("image_rotation"):
            raise ValueError(f"the image is rotated by {result['image_rotation']} degrees in Label Studio; expected 0")
        sizes.add(size)
        shapes.append((_region(kind, result["value"], *size), str(labels[0])))
    if len(sizes) > 1:
        raise ValueError(f"its regions are for images of different sizes, {listed(sorted(sizes))}")
    return _Task(image, tuple(shapes), next(iter(sizes), None))


def _region(kind: str, value: dict[str, Any], height: int, width: int) -> Rings | Runs:
    """A region; coordinates are percent of the width and height."""
    if kind == "brushlabels":
        return encode_runs(decode_brush(value["rle"], height, width))
    if kind == "polygonlabels":
        points = np.array(value["points"], np.float64)
    else:
        if value.get("rotation"):
            raise ValueError(f"a rectangle is rotated by {value['rotation']} degrees; draw a polygon instead")
        left, top = float(value["x"]), float(value["y"])
        right, bottom = left + float(value["width"]), top + float(value["height"])
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    return read_rings([(points / 100 * (width, height)).ravel()], height, width)
