"""The image files of a data set, found by the names that annotations give them."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from feedbackward.data.arguments import Split
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import why_left_out
from feedbackward.errors import InputError, listed
from feedbackward.importing.split_names import folder_split


class ImageFiles:
    """The images in a folder and its subfolders, listed once.

    Args:
        root: The folder of the data set.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._by_name = defaultdict[str, list[Path]](list)
        for path in sorted(root.rglob("*")):
            if why_left_out(path, IMAGE_SUFFIXES) is None:
                self._by_name[path.name].append(path)

    def find(self, name: str, beside: Path, split: Split | None = None) -> Path | None:
        """The image of a name; None if there is none.

        It is looked for at its path beside the annotation file, at its path below the root, then by its name anywhere.

        Args:
            name: The name, or a path, in the annotation.
            beside: The annotation file.
            split: The split of the annotation, which decides between several images of one name.

        Raises:
            InputError: If there are several.
        """
        name = name.replace("\\", "/")
        for path in (beside.parent / name, self.root / name):
            if path.is_file():
                return path
        paths = self._by_name.get(Path(name).name, [])
        if split is not None and len(paths) > 1:
            paths = [path for path in paths if folder_split(path, self.root) == split] or paths
        if len(paths) > 1:
            raise InputError(
                f"{beside}: the image {name} may be any of {listed(paths, most=3)}; rename them, or put the path below "
                f"{self.root} into the annotation"
            )
        return paths[0] if paths else None


def missing_note(missing: Sequence[str], total: int, annotation: Path) -> tuple[str, ...]:
    """The note about annotated images whose files are missing; empty if none is.

    Args:
        missing: Their names.
        total: The number of annotated images.
        annotation: The annotation file.
    """
    if not missing:
        return ()
    return (f"left out {len(missing)} of {total} images of {annotation} that do not exist: {listed(missing, most=3)}",)


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
            f"below this folder"
        )
