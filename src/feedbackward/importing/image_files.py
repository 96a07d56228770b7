"""The image files of a data set, found by the names that annotations give them."""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from feedbackward.data.arguments import Split
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.errors import InputError, listed
from feedbackward.importing.data_files import data_files, is_named_file
from feedbackward.importing.split_names import folder_split


class ImageFiles:
    """The images in a folder and its subfolders, listed once.

    Args:
        root: The folder of the data set.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files = data_files(root, IMAGE_SUFFIXES)
        self._by_name = defaultdict[str, list[Path]](list)
        self._elsewhere = list[str]()
        for path in self._files:
            self._by_name[path.name].append(path)

    def find(self, name: str, beside: Path, split: Split | None = None) -> Path | None:
        """The image of a name; None if there is none.

        It is looked for at its path beside the annotation file and below the root. Elsewhere, of the images of its
        name, it is the one whose folders agree with most of the path.

        Args:
            name: The name, or a path, in the annotation.
            beside: The annotation file.
            split: The split of the annotation; an image in a folder of another split is not taken.

        Raises:
            InputError: If there are several.
        """
        name = name.replace("\\", "/")
        for path in (beside.parent / name, self.root / name, beside.parent / "images" / name):
            if is_named_file(path) and self._may_be_of(path, split):
                return path
        parts = [part for part in name.split("/") if part not in ("", ".", "..")]
        fits = {path: _common_end(path, parts) for path in self._by_name.get(parts[-1] if parts else "", [])}
        paths = [path for path in fits if self._may_be_of(path, split)]
        paths = [path for path in paths if fits[path] == max(fits[path] for path in paths)]
        if len(paths) > 1:
            raise InputError(
                f"{beside}: the image {name} may be any of {listed(paths, most=3)}; rename them, or put the path below "
                f"{self.root} into the annotation"
            )
        if paths and fits[paths[0]] < len(parts):
            self._elsewhere.append(f"{name} ({paths[0]})")
        return paths[0] if paths else None

    def notes(self, used: Iterable[Path]) -> tuple[str, ...]:
        """The notes about images that were found elsewhere than the annotation says, and about those not used.

        Args:
            used: The images of the data set.
        """
        return (
            *_counted("images are taken by their names, and lie elsewhere than annotated", self._elsewhere),
            *self.unannotated(used),
        )

    def unannotated(self, used: Iterable[Path]) -> tuple[str, ...]:
        """The note about images without an annotation; empty if there are none.

        Args:
            used: The images of the data set.
        """
        resolved = set(map(os.path.realpath, used))  # Path.resolve refuses a link to itself
        left_out = [str(path) for path in self._files if os.path.realpath(path) not in resolved]
        return tuple(f"left out {note}" for note in _counted("images without an annotation", left_out))

    def _may_be_of(self, path: Path, split: Split | None) -> bool:
        """Whether a file is in no folder of another split."""
        return split is None or folder_split(path, self.root) in (None, split)


def missing_note(missing: Sequence[str], total: int, annotation: Path) -> tuple[str, ...]:
    """The note about annotated images whose files are missing; empty if none is.

    Args:
        missing: Their names.
        total: The number of annotated images.
        annotation: The annotation file.
    """
    if not missing:
        return ()
    return (
        f"left out {len(missing)} of {total} images of {annotation} that do not exist, or only in a folder of another "
        f"split: {listed(missing, most=3)}",
    )


def check_any_found(samples: Sequence[object], missing: Sequence[str], root: Path) -> None:
    """Refuse a data set without images.

    Args:
        samples: The samples whose images exist.
        missing: The names of the other images.
        root: The folder of the data set.

    Raises:
        InputError: If there are no samples.
    """
    if not samples:
        raise InputError(
            f"{root}: none of the {len(missing)} annotated images exists ({listed(missing, most=3)}); put the images "
            f"below this folder, and not into a folder of another split than that of the annotation"
        )


def _common_end(path: Path, parts: Sequence[str]) -> int:
    """How many parts at the ends of two paths agree."""
    count = 0
    for ours, theirs in zip(reversed(path.parts), reversed(parts), strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _counted(what: str, things: Sequence[str]) -> tuple[str, ...]:
    return (f"{len(things)} {what}: {listed(things, most=3)}",) if things else ()
