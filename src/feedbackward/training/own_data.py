"""A folder of images with annotations as a data set that can be trained on: recognized, divided, converted, sized."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from feedbackward.classes import ClassTable
from feedbackward.data.arguments import SPLITS, Size, Split
from feedbackward.data.folder import layered_class_file
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import why_left_out
from feedbackward.data.members import File
from feedbackward.data.shard_files import read_shards, split_patterns
from feedbackward.data.sources import recognize_source
from feedbackward.errors import InputError, listed
from feedbackward.importing import FoundData, Sample, convert, recognize, split_samples
from feedbackward.importing.image_kind import read_kind, value_range
from feedbackward.importing.splits import has_own_division
from feedbackward.training.choices import choose_crop, choose_longest_side


@dataclass(frozen=True)
class PreparedData:
    """A data set that can be trained on.

    Args:
        arguments: The arguments of `feedbackward fit` that name it and say how its images are read and resized.
        lines: What was found and chosen, for the user.
        images: The number of training images; None if it was not counted.
    """

    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    images: int | None = None


def prepare(
    root: Path,
    output: Path,
    *,
    names: Sequence[str] = (),
    val: float | None = None,
    group: str | None = None,
    seed: int | None = None,
    size: Size | int | None = None,
    choose_size: bool = True,
) -> PreparedData:
    """Recognize a data set, and convert it unless a datamodule reads its layout.

    Args:
        root: The folder of the data set.
        output: The folder to convert it into; it must not exist.
        names: As in convert.
        val: The share of validation images, 0.1 by default; this and the next two as in split_samples.
        group: The part of a name that images of one scene have in common.
        seed: The seed of the division, 0 by default.
        size: Height and width to which images are resized, or the length of the longer side.
        choose_size: Whether to choose a size and crops by the sizes of the images if none is given.

    Raises:
        InputError: If the data set is not recognized or damaged, or an argument does not apply to it.
    """
    source = recognize_source(root)
    if source is not None:
        if names or group is not None or val is not None:
            raise InputError(
                f"{root} is {source.name}, which has its own classes and splits; omit --classes, --val and --group"
            )
        return PreparedData(
            ("--data", source.name, "--data.root", str(root), *_resized(size)), (f"found {source.name} in {root}",)
        )
    named = "--data_name", root.resolve().name
    if layered_class_file(root) is not None:
        if names or group is not None or val is not None:
            raise InputError(f"{root} has its own classes and splits; omit --classes, --val and --group")
        arguments, lines, count = _read_folder(root, size, choose_size=choose_size)
        lines = [f"found images in {root}, with masks of classes that overlap", *lines]
        return PreparedData((*arguments, *named), tuple(lines), count)
    patterns = split_patterns(root)
    if "train" in patterns:
        if names or group is not None or val is not None:
            raise InputError(f"{root} contains shards, which are their own splits; omit --classes, --val and --group")
        arguments, lines, count = _read_shards(patterns, size, choose_size=choose_size)
        return PreparedData((*arguments, *named), (f"found shards in {root}", *lines), count)
    found = recognize(root)
    own = has_own_division(found.samples)
    if own and (val is not None or group is not None):
        raise InputError(f"{root} has its own validation images; omit --val and --group")
    samples = split_samples(found.samples, val=0.1 if val is None else val, group=group, seed=seed or 0)
    assumed: list[str] = []
    table = convert(replace(found, samples=samples), output, names=names, say=assumed.append)
    arguments, lines, count = _read_folder(output, size, choose_size=choose_size)
    lines = [*_found_lines(root, found, samples, table, own=own), *assumed, *lines]
    return PreparedData((*arguments, *named), tuple(lines), count)


def _read_folder(root: Path, size: Size | int | None, *, choose_size: bool) -> tuple[list[str], list[str], int]:
    """The arguments for a folder in our own layout, as _reading.

    Raises:
        InputError: As _reading, or if it has no training images.
    """
    images = {split: _images(root / "images" / split) for split in SPLITS}
    if not images["train"]:
        raise InputError(
            f"no images in {root / 'images' / 'train'}; expected images/train/NAME.jpg with masks/train/NAME.png, or "
            f"masks/train/CLASS/NAME.png where classes overlap"
        )
    return _reading(["--data", "folder", "--data.root", str(root)], images, size, choose_size=choose_size)


def _read_shards(
    patterns: Mapping[Split, str], size: Size | int | None, *, choose_size: bool
) -> tuple[list[str], list[str], int]:
    """The arguments for shards, as _reading.

    Raises:
        InputError: As _reading and read_shards.
    """
    shards = {split: read_shards([pattern]).shards for split, pattern in patterns.items()}
    images = {
        split: [image for shard in of_split for image in shard.images.values()] for split, of_split in shards.items()
    }
    if not images["train"]:
        raise InputError(f"no images in {patterns['train']}; expected members named KEY.jpg with KEY.mask.png")
    arguments = [part for split, pattern in patterns.items() for part in (f"--data.{split}", pattern)]
    return _reading(["--data", "shards", *arguments], images, size, choose_size=choose_size)


def _reading(
    named: list[str], images: Mapping[Split, Sequence[File]], size: Size | int | None, *, choose_size: bool
) -> tuple[list[str], list[str], int]:
    """All arguments for a data set, lines about how it is read, and the number of training images.

    Args:
        named: The arguments that name it.
        images: The images of each split.
        size: As in prepare.
        choose_size: As in prepare.

    Raises:
        InputError: If an image is damaged or unlike the others.
    """
    kind = read_kind([path for paths in images.values() for path in paths])
    arguments, lines = [*named], list[str]()
    if kind.channels != 3:
        arguments += ["--data.channels", str(kind.channels)]
        lines.append(f"images of {kind.channels} channel{'s' if kind.channels > 1 else ''}")
    ends = value_range(images["train"], kind)
    if ends is not None:
        arguments += ["--data.value_range", json.dumps(ends)]
        lines.append(f"values from {ends[0]:g} to {ends[1]:g} ({kind.dtype}) become 0 to 1")
    if choose_size:
        sized, shown = _size_arguments(kind.sizes, size)
        lines.append(shown)
    else:
        sized = _resized(size)
    return [*arguments, *sized], lines, len(images["train"])


def _images(folder: Path) -> list[File]:
    """The images of a split; none if there is no folder."""
    return [path for path in sorted(folder.glob("*")) if why_left_out(path, IMAGE_SUFFIXES) is None]


def _found_lines(root: Path, found: FoundData, divided: Sequence[Sample], table: ClassTable, *, own: bool) -> list[str]:
    counts = Counter(sample.split for sample in divided)
    splits = ", ".join(f"{counts[split]} {split}" for split in ("train", "val", "test") if counts[split])
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
