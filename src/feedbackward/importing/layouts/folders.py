"""Images and mask files: in folders of their own, with or without splits, or side by side in one folder."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from feedbackward.data.folder import find_suffix
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import InputError, listed
from feedbackward.importing.class_lists import class_list
from feedbackward.importing.data_files import data_files, hidden_files
from feedbackward.importing.found import FoundData, Sample, check_names, unpaired
from feedbackward.importing.mask_suffixes import MASK_SUFFIXES
from feedbackward.importing.split_names import folder_split, named_split

IMAGE_FOLDERS: tuple[str, ...] = (
    "images",
    "image",
    "imgs",
    "img",
    "jpegimages",
    "rgb",
    "inputs",
    "input",
    "photos",
    "frames",
)
MASK_FOLDERS: tuple[str, ...] = (
    "masks",
    "mask",
    "labels",
    "label",
    "annotations",
    "annotation",
    "segmentationclass",
    "segmentations",
)
MASK_FOLDERS += ("segmentation", "gt", "groundtruth", "ground_truth", "targets", "labelmasks")
Key = tuple[str, ...]
"""The parts of a path without its suffix and without the folder that says whether it is an image or a mask."""


def find(root: Path) -> FoundData | None:
    """The pairs of images and masks; None if no file is a mask by its folder or name.

    Raises:
        InputError: If there are masks but none belongs to an image, or two images have one name.
    """
    files = data_files(root, IMAGE_SUFFIXES)
    images, masks = _by_folder(files, root)
    where = "folders of images and of masks"
    if not masks:
        images, masks, suffix = _by_suffix(files, root)
        where = f"images and masks side by side, NAME and NAME{suffix}"
    if not masks:
        return None
    if not images:
        raise InputError(
            f"{root} has {len(masks)} masks, such as {next(iter(masks.values()))}, but no images; put them into a "
            f"folder named {IMAGE_FOLDERS[0]}"
        )
    names = sorted(images.keys() & masks.keys())
    if not names:
        raise InputError(
            f"{root}: no mask has the name of an image; masks are {listed(map(_shown, masks), most=3)}, images "
            f"{listed(map(_shown, images), most=3)}: name each mask like its image"
        )
    samples = tuple(Sample(_name(key), images[key], masks[key], folder_split(images[key], root)) for key in names)
    check_names(samples, where=root)
    used = {*images.values(), *masks.values()}
    others = [path for path in files if path not in used]
    left_out = [
        f"left out {len(paths)} {what}: {listed(map(str, paths), most=3)}"
        for what, paths in (
            ("files that are neither images nor masks by their folder", others),
            ("hidden files", hidden_files(root, IMAGE_SUFFIXES)),
        )
        if paths
    ]
    return FoundData(where, samples, class_list(root), (*unpaired(images, masks), *left_out))


def _by_folder(files: Sequence[Path], root: Path) -> tuple[dict[Key, Path], dict[Key, Path]]:
    """Images and masks by their keys, those in a folder that is named after either.

    Of several such folders in a path the outer one counts; the inner one if that gives no pairs: input/images.
    """
    for inner in (False, True):
        images, masks = _by_kind(files, root, inner=inner)
        if images.keys() != masks.keys():
            suffix = find_suffix(map(_shown, images), list(map(_shown, masks)))
            masks = {(*key[:-1], key[-1].removesuffix(suffix)): path for key, path in masks.items()}
        if images.keys() & masks.keys():
            break
    return images, masks


def _by_kind(files: Iterable[Path], root: Path, *, inner: bool) -> tuple[dict[Key, Path], dict[Key, Path]]:
    found: dict[str, dict[Key, Path]] = {"image": {}, "mask": {}}
    for path in files:
        parts = path.relative_to(root).with_suffix("").parts
        kinds = [(index, kind) for index, part in enumerate(parts[:-1]) if (kind := _kind(part))]
        if kinds:
            index, kind = kinds[-1 if inner else 0]
            key = (*parts[:index], *parts[index + 1 :])
            if key in found[kind]:
                raise InputError(f"{found[kind][key]} and {path} have one name; remove or rename one of them")
            found[kind][key] = path
    return found["image"], found["mask"]


def _by_suffix(files: Iterable[Path], root: Path) -> tuple[dict[Key, Path], dict[Key, Path], str]:
    """Images and masks of one folder by their keys, and what distinguishes their names."""
    keys = defaultdict[Key, list[Path]](list)
    for path in files:
        keys[path.relative_to(root).with_suffix("").parts].append(path)
    for suffix in MASK_SUFFIXES:
        bare = {key: (*key[:-1], key[-1].removesuffix(suffix)) for key in keys}
        masks = {bare[key]: key for key in keys if bare[key] != key and bare[key] in keys}
        if masks:
            images = {key: key for key in keys if not key[-1].endswith(suffix)}
            return _single(images, keys), _single(masks, keys), suffix
    return {}, {}, ""


def _single(names: Mapping[Key, Key], files: Mapping[Key, Sequence[Path]]) -> dict[Key, Path]:
    """The file of each name."""
    for key in names.values():
        if len(files[key]) > 1:
            raise InputError(f"{listed(files[key])} have one name; remove or rename all but one of them")
    return {name: files[key][0] for name, key in names.items()}


def _kind(folder: str) -> str:
    name = folder.lower()
    return "image" if name in IMAGE_FOLDERS else "mask" if name in MASK_FOLDERS else ""


def _name(key: Key) -> str:
    """The parts joined, without the folder of the split."""
    return "__".join((*(part for part in key[:-1] if not named_split(part)), key[-1]))


def _shown(key: Key) -> str:
    return "/".join(key)
