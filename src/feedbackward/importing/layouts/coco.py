"""COCO: a JSON file of images, categories, and annotations as polygons or run-length codes.

The background is added to the categories. Where annotations overlap, the later one in the file counts; crowds
(iscrowd) are ignored pixels.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feedbackward.data.arguments import Split
from feedbackward.errors import InputError, listed
from feedbackward.importing.coco_masks import Rings, Runs, read_rings, read_runs
from feedbackward.importing.drawn import Drawn
from feedbackward.importing.drawn_classes import class_values
from feedbackward.importing.entries import reading
from feedbackward.importing.found import IGNORED, FoundData, Sample, check_names
from feedbackward.importing.image_files import ImageFiles, check_any_found, missing_note
from feedbackward.importing.json_tools import damaged_note, json_files
from feedbackward.importing.sized import Sized
from feedbackward.importing.split_names import file_split, folder_split, sample_name
from feedbackward.text_files import read_json

Shape = tuple[Rings | Runs, str | None]
"""A region and the name of its category; no name for ignored pixels."""


@dataclass(frozen=True)
class _File:
    """A COCO file, read.

    Args:
        path: The file.
        split: The split in its name or folder.
        categories: The names of the categories by their ids.
        sizes: Height and width of each image by its id.
        images: The files of the images that exist.
        missing: The names of the others.
        shapes: The annotations of each image, in the order of the file.
    """

    path: Path
    split: Split | None
    categories: dict[int, str]
    sizes: dict[Any, tuple[int, int]]
    images: dict[Any, Path]
    missing: list[str]
    shapes: dict[Any, list[Shape]]


def find(root: Path) -> FoundData | None:
    """The images of the COCO files in a folder; None if there is no such file.

    Files of keypoints and of panoptic masks, which lie beside COCO's instances, are left out with a note.

    Raises:
        InputError: If a file is damaged, has boxes without a segmentation, or none of its images exists.
    """
    paths = json_files(root, "coco")
    if not paths:
        return None
    images, files, notes, groups = ImageFiles(root), list[_File](), list[str](), set[str]()
    for path in paths:
        data = read_json(path)
        if reason := _other_task(data):
            notes.append(f"left out {path}: {reason}")
        else:
            files.append(_read(path, data, images))
            groups |= _groups(data)
    if not files:
        raise InputError(f"{root}: {'; '.join(notes)}; expected polygons or run-length codes of classes")
    _refuse_shared(files)
    groups -= {name for file in files for shapes in file.shapes.values() for _, name in shapes if name is not None}
    if groups:
        notes.append(f"left out the categories that only group others: {listed(sorted(groups))}")
    categories = sorted(pair for file in files for pair in file.categories.items())
    values = class_values(name for _, name in categories if name not in groups)
    samples = sorted((sample for file in files for sample in _samples(file, values, root)), key=lambda one: one.name)
    check_any_found(samples, [name for file in files for name in file.missing], root)
    check_names(samples, where=root)
    notes += [note for file in files for note in missing_note(file.missing, len(file.sizes), file.path)]
    notes += [*images.notes(image for file in files for image in file.images.values()), *damaged_note(root)]
    return FoundData("COCO annotations", tuple(samples), {"classes": list(values)}, tuple(notes))


def _read(path: Path, data: dict[str, Any], images: ImageFiles) -> _File:
    split = file_split(path) or folder_split(path, images.root)
    file = _File(path, split, {}, {}, {}, [], defaultdict(list))
    for entry in data["categories"]:
        with reading(f"category {_id(entry)}", path):
            file.categories[int(entry["id"])] = str(entry["name"])
    for entry in data["images"]:
        with reading(f"image {_id(entry)}", path):
            number, name = entry["id"], str(entry["file_name"])
            file.sizes[number] = int(entry["height"]), int(entry["width"])
            image = images.find(name, path, split)
            if image is None:
                file.missing.append(name)
            else:
                file.images[number] = image
    boxes = [entry for entry in data["annotations"] if isinstance(entry, dict) and not entry.get("segmentation")]
    if boxes:
        raise InputError(
            f"{path}: {len(boxes)} of {len(data['annotations'])} annotations have no segmentation (ids "
            f"{listed(map(_id, boxes), most=3)}): boxes do not outline objects; export polygons or masks"
        )
    for entry in data["annotations"]:
        with reading(f"annotation {_id(entry)}", path):
            file.shapes[entry["image_id"]].append(_shape(entry, file))
    return file


def _shape(entry: dict[str, Any], file: _File) -> Shape:
    if entry["image_id"] not in file.sizes:
        raise ValueError(f"there is no image {entry['image_id']}")
    if entry["category_id"] not in file.categories:
        raise ValueError(f"there is no category {entry['category_id']}")
    coded, size = entry["segmentation"], file.sizes[entry["image_id"]]
    region = read_runs(coded, *size) if isinstance(coded, dict) else read_rings(coded, *size)
    return region, None if entry.get("iscrowd") else file.categories[entry["category_id"]]


def _samples(file: _File, values: dict[str, int], root: Path) -> Iterator[Sample]:
    """The images of a file that exist, drawn in the values of the classes."""
    for number, image in file.images.items():
        shapes = file.shapes.get(number, [])
        drawn = Drawn([(region, IGNORED if name is None else values[name]) for region, name in shapes])
        sized = Sized(drawn, *file.sizes[number], image=image, annotation=file.path)
        yield Sample(sample_name(image, root), image, sized, file.split or folder_split(image, root))


def _groups(data: dict[str, Any]) -> set[str]:
    """The categories that others belong to, as Roboflow writes one: it has no annotations."""
    parents = {entry.get("supercategory") for entry in data["categories"]}
    return {entry["name"] for entry in data["categories"] if entry.get("supercategory") == "none"} & parents


def _other_task(data: dict[str, Any]) -> str:
    """What a file is for if not for classes of pixels."""
    if any(isinstance(entry, dict) and entry.get("keypoints") for entry in data["categories"]):
        return "its categories have keypoints"
    if any(isinstance(entry, dict) and "segments_info" in entry for entry in data["annotations"]):
        return "its masks are panoptic PNG files"
    return ""


def _refuse_shared(files: list[_File]) -> None:
    """Refuse an image of two files, which would have two masks."""
    owners: dict[Path, Path] = {}
    for file in files:
        for image in file.images.values():
            if owners.setdefault(image, file.path) != file.path:
                raise InputError(
                    f"the image {image} is in {owners[image]} and in {file.path}; move one of the two files elsewhere"
                )


def _id(entry: Any) -> Any:
    return entry.get("id", "without id") if isinstance(entry, dict) else entry
