"""YOLO: images/NAME.jpg with labels/NAME.txt, whose lines are polygons, and data.yaml with the names of the classes.

The background is added to the classes. Where polygons overlap, the later line counts. An image without a label file is
all background, as in Ultralytics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.arguments import Split
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import InputError, listed
from feedbackward.importing.coco_masks import Rings
from feedbackward.importing.data_files import data_files, is_hidden
from feedbackward.importing.drawn import Drawn
from feedbackward.importing.drawn_classes import class_values
from feedbackward.importing.found import FoundData, Sample, check_names
from feedbackward.importing.image_files import ImageFiles
from feedbackward.importing.split_names import folder_split, sample_name
from feedbackward.importing.yolo_yaml import read_yolo_yaml
from feedbackward.text_files import read_text

CLASS_LIST = "classes.txt"
OUTSIDE = 0.01
"""How far polygons may lie outside the image, as a share of its size; Ultralytics takes so much for rounding."""
BOX = 5
"""The numbers in the line of a box."""


@dataclass(frozen=True)
class NormalizedRing:
    """A polygon.

    Args:
        points: (x, y) as shares of the width and the height, (n, 2).
    """

    points: NDArray[np.float64]

    def cover(self, height: int, width: int) -> NDArray[np.bool_]:
        """As Region.cover."""
        return Rings(((self.points * (width, height)).ravel(),)).cover(height, width)


def find(root: Path) -> FoundData | None:
    """The images with their label files; None if no image has a label file.

    Raises:
        InputError: If data.yaml or a label file is damaged, a class has no name, or there are boxes.
    """
    described = read_yolo_yaml(root)
    images = _images_with_folder(root) if described is None else described.images
    labels = {image: _label_file(image) for image in images}
    lines = {label: _read_lines(label) for label in sorted(set(labels.values())) if label.is_file()}
    if not lines:
        return None
    _refuse_boxes(lines, root)
    polygons = {label: [_polygon(line, label) for line in of_file] for label, of_file in lines.items()}
    used = {index for of_file in polygons.values() for index, _ in of_file}
    names = _listed_names(root, used) if described is None else described.names
    if unknown := sorted(used - names.keys()):
        raise InputError(f"{root}: the labels have classes without a name: {listed(unknown)}; add them to the names")
    values = class_values(names[index] for index in sorted(names))
    samples = []
    for image, split in images.items():
        drawn = Drawn([(ring, values[names[index]]) for index, ring in polygons.get(labels[image], [])])
        samples.append(Sample(sample_name(image, root), image, drawn, split))
    samples.sort(key=lambda sample: sample.name)
    check_names(samples, where=root)
    notes = (
        *(described.notes if described is not None else ()),
        *_notes(labels, lines),
        *ImageFiles(root).unannotated(images),
    )
    return FoundData("YOLO polygons", tuple(samples), {"classes": list(values)}, notes)


def _images_with_folder(root: Path) -> dict[Path, Split | None]:
    """The images in folders that are called images, with their splits."""
    paths = data_files(root, IMAGE_SUFFIXES)
    return {path: folder_split(path, root) for path in paths if "images" in path.relative_to(root).parts[:-1]}


def _label_file(image: Path) -> Path:
    """The label file of an image: the last folder that is called images replaced by labels; else beside the image."""
    parts = [*image.with_suffix(".txt").parts]
    if "images" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts)


def _listed_names(root: Path, used: set[int]) -> dict[int, str]:
    path = root / CLASS_LIST
    if path.is_file():
        return dict(enumerate(_read_lines(path)))
    return {index: f"class_{index}" for index in range(max(used, default=-1) + 1)}


def _read_lines(path: Path) -> list[str]:
    lines = read_text(path, expected="a text file of polygons, one a line").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _refuse_boxes(lines: Mapping[Path, Sequence[str]], root: Path) -> None:
    boxes = [path for path, of_file in lines.items() for line in of_file if len(line.split()) == BOX]
    if boxes:
        total, some = sum(map(len, lines.values())), listed(dict.fromkeys(boxes), most=3)
        raise InputError(
            f"{root}: {len(boxes)} of {total} lines are boxes, of five numbers ({some}); boxes do not outline objects: "
            f"export polygons (YOLO segmentation)"
        )


def _polygon(line: str, path: Path) -> tuple[int, NormalizedRing]:
    """The class and the points of a line."""
    first, *rest = line.split()
    try:
        index, points = int(first), np.array(rest, np.float64)
    except ValueError as error:
        raise InputError(f"{path}: expected CLASS X Y X Y X Y ..., found {line[:60]!r}; correct the line") from error
    if len(points) < 6 or len(points) % 2:
        raise InputError(
            f"{path}: a line has {len(points)} numbers after the class ({line[:60]!r}); expected x and y of three or "
            f"more points, an even number"
        )
    # Written so that nan is refused, too.
    if not ((points >= -OUTSIDE) & (points <= 1 + OUTSIDE)).all():
        raise InputError(
            f"{path}: a line has numbers that are not from 0 to 1 ({line[:60]!r}); expected shares of the width and "
            f"height, not pixels"
        )
    return index, NormalizedRing(points.reshape(-1, 2))


def _notes(labels: Mapping[Path, Path], lines: Mapping[Path, Sequence[str]]) -> list[str]:
    notes = []
    if bare := [image for image, label in labels.items() if label not in lines]:
        notes.append(f"{len(bare)} images have no label file and are all background: {listed(bare, most=3)}")
    folders = sorted({label.parent for label in lines})
    files = [file for folder in folders for file in sorted(folder.glob("*.txt"))]
    if unused := [
        file for file in files if not (file in lines or file.name == CLASS_LIST or is_hidden(Path(file.name)))
    ]:
        notes.append(f"left out {len(unused)} text files without an image: {listed(unused, most=3)}")
    return notes
