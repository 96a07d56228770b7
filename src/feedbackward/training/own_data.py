"""A folder of images with annotations as a data set that can be trained on: recognized, divided, converted, sized."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import Size
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import list_files
from feedbackward.data.sources import recognize_source
from feedbackward.errors import InputError, listed
from feedbackward.importing import FoundData, convert, recognize, split_samples
from feedbackward.importing.headers import read_headers, value_range
from feedbackward.training.choices import choose_crop, choose_epochs, choose_longest_side


@dataclass(frozen=True)
class OwnData:
    """A data set that is ready.

    Args:
        arguments: The arguments of `feedbackward fit` that name it and say how its images are read and resized.
        lines: What was found and chosen, for the user.
        epochs: The number of epochs that suits its number of images.
    """

    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    epochs: int


def prepare(
    root: Path,
    output: Path,
    *,
    names: Sequence[str] = (),
    val: float = 0.1,
    group: str | None = None,
    seed: int = 0,
    size: Size | int | None = None,
) -> OwnData:
    """Recognize a data set, and convert it unless a datamodule reads its layout.

    Args:
        root: The folder of the data set.
        output: The folder to convert it into; it must not exist.
        names: As in convert.
        val: The share of validation images; this and the next two as in split_samples.
        group: The part of a name that images of one scene have in common.
        seed: The seed of the division.
        size: Height and width to which images are resized, or the length of the longer side; by default chosen by
            their sizes.

    Raises:
        InputError: If the data set is not recognized or damaged, or an argument does not apply to it.
    """
    source = recognize_source(root)
    if source is not None and source.name != "folder":
        if names or group:
            raise InputError(f"{root} is {source.name}, which names its classes and splits; omit --classes and --group")
        sized = () if size is None else _resized(size)
        return OwnData(
            ("--data", source.name, "--data.root", str(root), *sized), (f"found {source.name} in {root}",), 50
        )
    found = recognize(root)
    divided = FoundData(
        found.layout, split_samples(found.samples, val=val, group=group, seed=seed), found.classes, found.notes
    )
    table = convert(divided, output, names=names)
    train = [*list_files(output / "images" / "train", IMAGE_SUFFIXES).values()]
    images = [path for path in (output / "images").glob("*/*") if path.is_file()]
    headers = read_headers(images)
    arguments = ["--data", "folder", "--data.root", str(output)]
    lines = [*_found_lines(root, found, divided, table)]
    if headers.channels != 3:
        arguments += ["--data.channels", str(headers.channels)]
        lines.append(f"images of {headers.channels} channels")
    ends = value_range(images, headers)
    if ends is not None:
        arguments += ["--data.value_range", json.dumps(ends)]
        lines.append(f"values from {ends[0]:g} to {ends[1]:g} ({headers.dtype}) become 0 to 1")
    seen, how = _size_arguments(headers.sizes, size)
    return OwnData((*arguments, *seen), (*lines, how), choose_epochs(len(train)))


def _found_lines(root: Path, found: FoundData, divided: FoundData, table: ClassTable) -> list[str]:
    counts = Counter(sample.split for sample in divided.samples)
    splits = ", ".join(f"{counts[split]} {split}" for split in ("train", "val", "test") if counts[split])
    own = any(sample.split == "val" for sample in found.samples)
    return [
        f"found {found.layout} in {root}: {len(found.samples)} images",
        *found.notes,
        f"classes ({len(table)}): {listed(table.names)}",
        f"images: {splits}{'' if own else ' (divided by a hash of their names: --val, --group, --seed)'}",
    ]


def _size_arguments(sizes: Counter[tuple[int, int]], size: Size | int | None) -> tuple[list[str], str]:
    """The arguments that set the size of images and crops, and a line about them."""
    longest = choose_longest_side(sizes) if size is None else size if isinstance(size, int) else None
    arguments = _resized(size if size is not None else longest)
    shown = f"resized to {size[0]}x{size[1]}" if isinstance(size, tuple) else "as they are"
    shown = shown if longest is None else f"resized to a longest side of {longest}"
    crop = None if isinstance(size, tuple) else choose_crop(sizes, longest)
    if crop is not None:
        arguments += ["--data.augmentation.crop", json.dumps(crop)]
        shown += f", trained on crops of {crop[0]}x{crop[1]}"
    return arguments, f"images {shown} (--size)"


def _resized(size: Size | int | None) -> list[str]:
    if size is None:
        return []
    return ["--data.longest_side", str(size)] if isinstance(size, int) else ["--data.size", json.dumps(size)]
