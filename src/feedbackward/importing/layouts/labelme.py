"""labelme: NAME.json beside each image, with its shapes in pixels.

Where shapes overlap, the later one in the file counts.
"""

import base64
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from feedbackward.data.files import image_size
from feedbackward.data.pillow_images import open_pillow
from feedbackward.errors import InputError, listed
from feedbackward.importing.coco_masks import Runs, encode_runs
from feedbackward.importing.data_files import is_named_file
from feedbackward.importing.drawn import Drawn
from feedbackward.importing.drawn_classes import class_values, is_background
from feedbackward.importing.entries import reading
from feedbackward.importing.found import IGNORED, FoundData, Sample, check_names
from feedbackward.importing.image_files import ImageFiles
from feedbackward.importing.json_tools import damaged_note, json_files
from feedbackward.importing.sized import Sized
from feedbackward.importing.split_names import folder_split, sample_name
from feedbackward.text_files import read_json

IGNORE = "__ignore__"
LINE_WIDTH, POINT_RADIUS = 10, 5
"""The width of lines and the radius of points in labelme's own masks."""
LEAST_POINTS = {"polygon": 3, "oriented_rectangle": 4, "rectangle": 2, "circle": 2, "line": 2, "linestrip": 2}
LEAST_POINTS |= {"point": 1, "mask": 2}
EXACT = ("circle", "point")
"""More points than these have at least have no meaning."""


@dataclass(frozen=True)
class LabelmeShape:
    """A shape, drawn by Pillow as in labelme's own masks: its outline belongs to it.

    Args:
        kind: One of LEAST_POINTS, but not a mask.
        points: (x, y) in pixels, from the center of the upper left pixel.
    """

    kind: str
    points: tuple[tuple[float, float], ...]

    def cover(self, height: int, width: int) -> NDArray[np.bool_]:
        """As Region.cover."""
        image = Image.new("1", (width, height))
        draw, points = ImageDraw.Draw(image), [*self.points]
        if self.kind in ("circle", "point"):
            radius = POINT_RADIUS if self.kind == "point" else float(np.hypot(*np.subtract(points[1], points[0])))
            (x, y), *_ = points
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], outline=1, fill=1)
        elif self.kind == "rectangle":
            xs, ys = zip(*points, strict=True)
            draw.rectangle([min(xs), min(ys), max(xs), max(ys)], outline=1, fill=1)
        elif self.kind in ("line", "linestrip"):
            draw.line(points, fill=1, width=LINE_WIDTH)
        else:
            draw.polygon(points, outline=1, fill=1)
        return np.array(image)


@dataclass(frozen=True)
class _File:
    """A labelme file: its image, the shapes with their labels, and the height and width of the image."""

    path: Path
    image: Path
    shapes: tuple[tuple[LabelmeShape | Runs, str], ...]
    size: tuple[int, int]


def find(root: Path) -> FoundData | None:
    """The images that have a labelme file, in any subfolder; None if there is no such file.

    Raises:
        InputError: If a file is damaged, its image is missing, or it has a shape that cannot be drawn.
    """
    files = [_read(path) for path in json_files(root, "labelme")]
    if not files:
        return None
    labels = sorted({label for file in files for _, label in file.shapes} - {IGNORE})
    values = class_values(labels)
    of_label = values | {label: 0 for label in labels if is_background(label)} | {IGNORE: IGNORED}
    samples = []
    for file in files:
        drawn = Drawn([(region, of_label[label]) for region, label in file.shapes])
        sized = Sized(drawn, *file.size, image=file.image, annotation=file.path)
        samples.append(Sample(sample_name(file.path, root), file.image, sized, folder_split(file.path, root)))
    samples.sort(key=lambda sample: sample.name)
    check_names(samples, where=root)
    notes = (*ImageFiles(root).unannotated(file.image for file in files), *damaged_note(root))
    return FoundData("labelme files", tuple(samples), {"classes": list(values)}, notes)


def _read(path: Path) -> _File:
    data = read_json(path)
    image = path.parent / str(data["imagePath"]).replace("\\", "/")
    if not is_named_file(image):
        beside = [found for found in sorted(path.parent.glob(f"{path.stem}.*")) if found != path]
        raise InputError(
            f"{path}: its image {image} does not exist"
            f"{f' (beside it lies {listed(beside)})' if beside else ''}; put the image there, or correct imagePath"
        )
    height, width = data.get("imageHeight"), data.get("imageWidth")
    size = (height, width) if height and width else image_size(image)
    shapes = []
    for number, shape in enumerate(data["shapes"]):
        with reading(f"shape {number}", path):
            shapes.append((_shape(shape, *size), str(shape["label"])))
    return _File(path, image, tuple(shapes), size)


def _shape(shape: dict[str, Any], height: int, width: int) -> LabelmeShape | Runs:
    kind, label = shape.get("shape_type") or "polygon", shape["label"]
    if kind not in LEAST_POINTS:
        raise ValueError(f"{label!r} is a {kind}; expected one of {', '.join(LEAST_POINTS)}")
    points = tuple((float(x), float(y)) for x, y in shape["points"])
    if len(points) < LEAST_POINTS[kind]:
        raise ValueError(f"the {kind} {label!r} has {len(points)} points; expected at least {LEAST_POINTS[kind]}")
    if kind in EXACT and len(points) > LEAST_POINTS[kind]:
        raise ValueError(f"the {kind} {label!r} has {len(points)} points; expected {LEAST_POINTS[kind]}")
    if kind != "mask":
        return LabelmeShape(kind, points)
    mask = _mask(shape["mask"], points)
    if min(mask.top, mask.left) < 0 or mask.top + mask.height > height or mask.left + mask.width > width:
        raise ValueError(f"the mask {label!r} lies outside the image of {width} x {height} pixels")
    return mask


def _mask(code: str, points: tuple[tuple[float, float], ...]) -> Runs:
    """A PNG in base64 that fills the box from the first point to the second, both included."""
    (left, top), (right, bottom) = ((int(x), int(y)) for x, y in points[:2])
    image = open_pillow(BytesIO(base64.b64decode(code, validate=True)))
    size = right - left + 1, bottom - top + 1
    if image is None or image.mode not in ("1", "L") or image.size != size:
        raise ValueError(f"the mask is not a gray PNG of {size[0]} x {size[1]} pixels, as its box from {points} says")
    return encode_runs(np.asarray(image) > 0, top, left)
