"""What a user names to predict: images, videos, folders, globs, lists of paths and shards, in any number.

Each file has a name, its path within the source. Its outputs are written under that name, so that subfolders are kept.
"""

import glob
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath
from typing import TypeAlias

from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import why_left_out
from feedbackward.data.members import File, Member
from feedbackward.data.shard_files import SHARD_SUFFIX, read_shards
from feedbackward.data.tars import is_url
from feedbackward.errors import InputError
from feedbackward.segmenters.journal import JOURNAL
from feedbackward.text_files import read_text

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
LIST_SUFFIX = ".txt"
_SUFFIXES = IMAGE_SUFFIXES + VIDEO_SUFFIXES
_SEEN = "found before by another path"

_Found: TypeAlias = Iterator[tuple[Path, Path]]
"""Files, each with the folder that its name starts from."""
_LeftOut: TypeAlias = defaultdict[str, list[Path]]


@dataclass(frozen=True)
class Item:
    """An image or a video to predict.

    Args:
        path: The file.
        name: Its path within the source.
        stem: The path of its outputs within their folder, with slashes and without their suffix.
    """

    path: File
    name: PurePath
    stem: str

    @property
    def is_video(self) -> bool:
        """Whether it is a video, by its suffix."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class Sources:
    """What was found.

    Args:
        items: Images and videos, in the order of the sources, sorted within each; their stems differ.
        left_out: The other files in the folders, by the reason.
    """

    items: list[Item]
    left_out: dict[str, list[Path]]


def find_sources(sources: Iterable[str | Path], *, outputs: Iterable[Path] = ()) -> Sources:
    """Find the images and videos of some sources, without reading them.

    Args:
        sources: Each an image or a video; a folder, searched with its subfolders; a glob such as "photos/**/*.jpg",
            with names from its first wildcard on; or a list, "@FILE" or a file that ends in .txt: a path in each line,
            relative to the list's folder, with blank lines and comments after #; or shards, a pattern of find_tars that
            ends in .tar or begins with https://, whose images are named by their keys and whose masks are left out.
        outputs: Folders of predictions, which are left out of a source that contains them, as are folders of the same
            names that other runs have written.

    Returns:
        The items, each file once. Where only the suffix tells two files of a folder apart it stays in their stems. A
        path in a list is an item even if there is no such file.

    Raises:
        InputError: If a source does not exist or has no images, a file is of no known kind, or two sources have files
            of the same name.
    """
    items = dict[tuple[object, PurePath], Item]()
    left_out = defaultdict[str, list[Path]](list)
    folders = set(map(_absolute, outputs))
    kinds = {folder.name for folder in folders}

    @cache
    def is_output(folder: Path) -> bool:
        return folder in folders or (folder.name in kinds and (folder.parent / JOURNAL).is_file())

    @cache
    def above(root: Path) -> set[Path]:
        return {_absolute(root), *_absolute(root).parents}

    for source in map(str, sources):
        found = list[Item]()
        if _is_shards(source):
            items |= {(item.path, item.name): item for item in _find_in_shards(source, left_out)}
            continue
        for path, root in _find(source, left_out):
            if any(is_output(folder) for folder in _absolute(path).parents if folder not in above(root)):
                left_out["that are predictions"].append(path)
            else:
                name = path.relative_to(root)
                found.append(Item(path, name, name.with_suffix("").as_posix()))
        if not found:
            raise InputError(f"no images in {source}; expected files that end in one of {' '.join(IMAGE_SUFFIXES)}")
        items |= {(_absolute(Path(str(item.path))), item.name): item for item in found}
    return Sources(_distinct(list(items.values())), left_out)


def _is_shards(source: str) -> bool:
    return is_url(source) or (source.lower().endswith(SHARD_SUFFIX) and not Path(source).is_dir())


def _find_in_shards(source: str, left_out: _LeftOut) -> list[Item]:
    found = read_shards([source])
    for reason, paths in found.left_out.items():
        left_out[reason] += paths
    images = {key: image for shard in found.shards for key, image in shard.images.items()}
    if not images:
        raise InputError(
            f"no images in {source}; expected members named KEY.jpg, or another of {' '.join(IMAGE_SUFFIXES)}"
        )
    return [Item(image, PurePath(image.name), key) for key, image in sorted(images.items())]


def _find(source: str, left_out: _LeftOut) -> _Found:
    path = Path(source)
    if path.is_dir():
        yield from ((file, path) for file in _walk(path, left_out))
    elif source.startswith("@") and not path.exists():
        yield from _read_list(Path(source[1:]))
    elif path.is_file() and path.suffix.lower() == LIST_SUFFIX:
        yield from _read_list(path)
    elif path.exists() or path.is_symlink():
        if path.suffix.lower() not in _SUFFIXES:
            raise InputError(f"{path} does not have the suffix of an image; expected one of {' '.join(IMAGE_SUFFIXES)}")
        yield path, path.parent
    elif glob.has_magic(source):
        yield from _expand(source, left_out)
    else:
        raise InputError(f"no such image or folder: {source}")


def _walk(folder: Path, left_out: _LeftOut) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"the folder {error.filename} cannot be read: {error.strerror}") from error

    seen = set[str]()
    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder above would be followed forever
            left_out[_SEEN].append(Path(parent))
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        within = Path(parent).relative_to(folder)
        for file in (Path(parent, name) for name in sorted(files)):
            hidden = any(part.startswith(".") for part in within.parts)
            if reason := "hidden" if hidden else why_left_out(file, _SUFFIXES):
                left_out[reason].append(file)
            else:
                yield file


def _expand(pattern: str, left_out: _LeftOut) -> _Found:
    parts = Path(pattern).parts
    root = Path(*parts[: next(index for index, part in enumerate(parts) if glob.has_magic(part))])
    paths = [Path(path) for path in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - Path.glob refuses absolute ones
    first = dict[str, Path]()  # the shortest path of each folder: `**` follows a link to a folder above again and again
    for folder in sorted({path.parent for path in paths}, key=lambda folder: len(folder.parts)):
        first.setdefault(os.path.realpath(folder), folder)
    for path in paths:
        if path.parent != first[os.path.realpath(path.parent)]:
            left_out[_SEEN].append(path)
        elif not path.is_dir():
            if reason := why_left_out(path, _SUFFIXES):
                left_out[reason].append(path)
            else:
                yield path, root
        elif "**" not in parts:  # which finds the files of a folder beside the folder itself
            yield from ((file, root) for file in _walk(path, left_out))


def _read_list(file: Path) -> _Found:
    text = read_text(file, expected="a list with a path in each line")
    if "\0" in text:
        raise InputError(f"{file} contains bytes that are not text; expected a list with a path in each line")
    lines = [line.strip() for line in text.splitlines()]
    folder = _absolute(file.parent)
    paths = [_absolute(folder / line) for line in lines if line and not line.startswith("#")]
    if not all(path.is_relative_to(folder) for path in paths):
        folder = Path(os.path.commonpath([path.parent for path in paths]))
    yield from ((path, folder) for path in paths)


def _absolute(path: Path) -> Path:
    # Not Path.resolve: a file is named by its place among the links, not by where they lead.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _folder(file: File) -> object:
    return file.tar if isinstance(file, Member) else file.parent


def _distinct(items: list[Item]) -> list[Item]:
    """The items with distinct stems."""
    files = Counter(item.stem for item in items)
    folders = Counter(stem for stem, _ in {(item.stem, _folder(item.path)) for item in items})
    distinct = [
        replace(item, stem=item.name.as_posix()) if files[item.stem] > 1 and folders[item.stem] == 1 else item
        for item in items
    ]
    first = dict[str, Item]()
    for item in distinct:
        if item is not first.setdefault(item.stem, item):
            raise InputError(
                f"the outputs of {first[item.stem].path} and {item.path} would have the same name, {item.stem}; name a "
                f"folder above both, or a quoted glob, whose subfolders are kept"
            )
    return distinct
