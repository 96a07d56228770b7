"""labelme: NAME.json beside each image, with its shapes in pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from feedbackward.errors import InputError, listed
from feedbackward.importing.drawn import Drawn
from feedbackward.importing.found import IGNORED, FoundData, Sample, flat_name
from feedbackward.importing.json_files import read_json

BACKGROUND = ("_background_", "background")
IGNORE = "__ignore__"
LINE_WIDTH, POINT_RADIUS = 10, 5
"""The width of lines and the radius of points in labelme's own masks."""
LEAST_POINTS = {"polygon": 3, "rectangle": 2, "circle": 2, "line": 2, "linestrip": 2, "point": 1}


@dataclass(frozen=True)
class LabelmeShape:
    """A shape, drawn by Pillow as in labelme's own masks: its outline belongs to it.

    Args:
        kind: One of LEAST_POINTS.
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
            (x0, y0), (x1, y1) = points
            draw.rectangle([min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)], outline=1, fill=1)
        elif self.kind in ("line", "linestrip"):
            draw.line(points, fill=1, width=LINE_WIDTH)
        else:
            draw.polygon(points, outline=1, fill=1)
        return np.array(image)


def find(root: Path) -> FoundData | None:
    """The images that have a labelme file, in any subfolder; None if there is no such file.

    Raises:
        InputError: If a file is damaged, its image is missing, or it has a shape that cannot be drawn.
    """
    files = {path: data for path in sorted(root.rglob("*.json")) if _is_labelme(data := read_json(path))}
    if not files:
        return None
    labels = sorted({str(shape["label"]) for data in files.values() for shape in data["shapes"]})
    background = [label for label in labels if label in BACKGROUND] or ["background"]
    names = [background[0], *(label for label in labels if label not in (*BACKGROUND, IGNORE))]
    values = {label: names.index(label) for label in names} | dict.fromkeys(BACKGROUND, 0) | {IGNORE: IGNORED}
    samples = [_sample(path, data, values, root) for path, data in files.items()]
    return FoundData("labelme files", tuple(samples), {"classes": names})


def _is_labelme(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("shapes"), list) and "imagePath" in data


def _sample(path: Path, data: dict[str, Any], values: dict[str, int], root: Path) -> Sample:
    image = path.parent / str(data["imagePath"]).replace("\\", "/")
    if not image.is_file():
        beside = [found for found in sorted(path.parent.glob(f"{path.stem}.*")) if found != path]
        raise InputError(
            f"{path}: its image {image} does not exist"
            f"{f' (beside it lies {listed(beside)})' if beside else ''}; put the image there, or correct imagePath"
        )
    regions = [(_shape(shape, path), values[str(shape["label"])]) for shape in data["shapes"]]
    return Sample(flat_name(path, root), image, Drawn(regions))


def _shape(shape: dict[str, Any], path: Path) -> LabelmeShape:
    kind, points = shape.get("shape_type") or "polygon", shape.get("points", [])
    if kind not in LEAST_POINTS:
        raise InputError(
            f"{path}: a shape {shape['label']!r} is a {kind!r}; expected one of {', '.join(LEAST_POINTS)}: draw it so, "
            f"or remove it"
        )
    if len(points) < LEAST_POINTS[kind]:
        raise InputError(
            f"{path}: a {kind} {shape['label']!r} has {len(points)} points; expected at least {LEAST_POINTS[kind]}"
        )
    return LabelmeShape(kind, tuple((float(x), float(y)) for x, y in points))
