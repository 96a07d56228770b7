"""CVAT for images 1.1: an XML file with the shapes of each image.

The background is added to the labels. Shapes are drawn in their z_order; of one z_order, the later shape in the file
counts where they overlap.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from feedbackward.data.arguments import Split
from feedbackward.errors import InputError, listed
from feedbackward.importing.coco_masks import Rings, Runs, check_counts, read_rings
from feedbackward.importing.data_files import data_files
from feedbackward.importing.drawn import Drawn
from feedbackward.importing.drawn_classes import class_values
from feedbackward.importing.entries import reading
from feedbackward.importing.found import FoundData, Sample, check_names
from feedbackward.importing.image_files import ImageFiles, check_any_found, missing_note
from feedbackward.importing.sized import Sized
from feedbackward.importing.split_names import folder_split, named_split, sample_name
from feedbackward.text_files import open_file, read_text

HEAD = 1000
"""So many bytes of an XML file tell whether it is CVAT's."""


@dataclass(frozen=True)
class Ellipse:
    """The pixels whose centers are in an ellipse.

    Args:
        center: (x, y) in pixels, from the upper left corner of the image.
        radii: Along x and y, before the rotation.
        rotation: In degrees, clockwise.
    """

    center: tuple[float, float]
    radii: tuple[float, float]
    rotation: float

    def cover(self, height: int, width: int) -> NDArray[np.bool_]:
        """As Region.cover."""
        y, x = np.ogrid[:height, :width]
        dx, dy = x + 0.5 - self.center[0], y + 0.5 - self.center[1]
        cos, sin = np.cos(np.radians(self.rotation)), np.sin(np.radians(self.rotation))
        along, across = (dx * cos + dy * sin) / self.radii[0], (dy * cos - dx * sin) / self.radii[1]
        return np.asarray(along**2 + across**2 <= 1, np.bool_)


def find(root: Path) -> FoundData | None:
    """The images of CVAT's XML files in a folder; None if there is no such file.

    Raises:
        InputError: If a file is damaged, is for video, has a shape without an area, or none of its images exists.
    """
    paths = [path for path in data_files(root, (".xml",)) if _is_cvat(path)]
    if not paths:
        return None
    images, trees = ImageFiles(root), {path: _parse(path) for path in paths}
    labels = [name.text or "" for tree in trees.values() for name in tree.iterfind("meta/*/labels/label/name")]
    values = class_values(labels)
    samples, found, missing, notes = list[Sample](), list[Path](), list[str](), list[str]()
    for path, tree in trees.items():
        absent, entries = [], tree.findall("image")
        for entry in entries:
            with reading(f"image {entry.get('name')}", path):
                name = entry.attrib["name"]
                split = named_split(entry.get("subset", ""))
                image = images.find(name, path, split)
                if image is None:
                    absent.append(name)
                else:
                    found.append(image)
                    samples.append(_sample(entry, image, values, path, split or folder_split(image, root), root))
        missing += absent
        notes += missing_note(absent, len(entries), path)
        if tags := tree.findall("image/tag"):
            notes.append(f"left out {len(tags)} tags of {path}: they are for whole images")
    check_any_found(samples, missing, root)
    notes += images.notes(found)
    samples.sort(key=lambda sample: sample.name)
    check_names(samples, where=root)
    return FoundData("CVAT annotations", tuple(samples), {"classes": list(values)}, tuple(notes))


def _is_cvat(path: Path) -> bool:
    try:
        with open_file(path, expected="an XML file") as file:
            return b"<annotations" in file.read(HEAD)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _parse(path: Path) -> ElementTree.Element:
    text = read_text(path, expected="an XML file of CVAT")
    # A few entities that contain each other can fill the memory.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path} has a DOCTYPE or ENTITY, which CVAT does not write; remove it, or export it again")
    try:
        tree = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"{path} is not valid XML: {error}; export it again") from error
    if tree.find("track") is not None:
        raise InputError(f"{path} is for video; export as CVAT for images 1.1")
    return tree


def _sample(
    entry: ElementTree.Element, image: Path, values: dict[str, int], path: Path, split: Split | None, root: Path
) -> Sample:
    height, width = int(entry.attrib["height"]), int(entry.attrib["width"])
    shapes = [shape for shape in entry if shape.tag != "tag"]
    shapes.sort(key=lambda shape: int(shape.get("z_order", 0)))
    unknown = {shape.attrib["label"] for shape in shapes} - values.keys()
    if unknown:
        raise ValueError(f"the labels {listed(sorted(unknown))} are not among those in meta")
    regions = [(_region(shape, height, width), values[shape.attrib["label"]]) for shape in shapes]
    return Sample(sample_name(image, root), image, Sized(Drawn(regions), height, width, image, path), split)


def _region(shape: ElementTree.Element, height: int, width: int) -> Rings | Runs | Ellipse:
    given = shape.attrib
    if shape.tag == "polygon":
        points = [float(number) for point in given["points"].split(";") for number in point.split(",")]
        return read_rings([points], height, width)
    rotation = float(given.get("rotation", 0))
    if shape.tag == "box":
        left, top, right, bottom = (float(given[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
        return read_rings([_rotated_box(left, top, right, bottom, rotation)], height, width)
    if shape.tag == "ellipse":
        x, y, along_x, along_y = (float(given[key]) for key in ("cx", "cy", "rx", "ry"))
        if not (along_x > 0 and along_y > 0):
            raise ValueError(f"an ellipse has the radii {along_x} and {along_y}; expected more than 0")
        return Ellipse((x, y), (along_x, along_y), rotation)
    if shape.tag == "mask":
        left, top, columns, rows = (int(given[key]) for key in ("left", "top", "width", "height"))
        if min(left, top, columns, rows) < 0 or left + columns > width or top + rows > height:
            raise ValueError(f"a mask lies outside the image of {width} x {height} pixels")
        counts = check_counts([int(count) for count in given["rle"].split(",")], rows * columns)
        return Runs(counts, top, left, rows, columns, by_columns=False)
    raise ValueError(f"there is a {shape.tag}, which has no area; expected polygon, box, ellipse or mask")


def _rotated_box(left: float, top: float, right: float, bottom: float, rotation: float) -> list[Any]:
    """The corners of a box that is turned around its center, clockwise."""
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    center, angle = corners.mean(axis=0), np.radians(rotation)
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    turned = (corners - center) @ turn + center if rotation else corners
    return [*turned.ravel().tolist()]
