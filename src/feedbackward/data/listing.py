"""Listing the files of a folder, with a line about those that are left out."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from feedbackward.errors import InputError, listed

_log = logging.getLogger(__name__)


def list_files(
    folder: Path, suffixes: tuple[str, ...], *, ending: str = "", companions: tuple[str, ...] = ()
) -> dict[str, Path]:
    """The files of a folder, sorted, by stem without the ending; a warning says which are left out, and why.

    Args:
        folder: The folder; subfolders are not searched.
        suffixes: Accepted suffixes, in lower case.
        ending: What the stem must end with.
        companions: How the names of other files end that belong to the data set and are not reported.

    Raises:
        InputError: If the folder is missing, or two files have the same stem.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}")
    found: dict[str, Path] = {}
    left_out = defaultdict[str, list[Path]](list)
    for path in sorted(folder.iterdir()):
        reason = why_left_out(path, suffixes)
        if reason is None and not path.stem.endswith(ending):
            reason = f"without {ending} at the end of the name"
        if reason is not None:
            if not path.name.endswith(companions):
                left_out[reason].append(path)
            continue
        name = path.stem.removesuffix(ending)
        if name in found:
            raise InputError(f"{found[name]} and {path} have the same name; remove or rename one of them")
        found[name] = path
    warn_left_out(folder, left_out)
    return found


def why_left_out(path: Path, suffixes: tuple[str, ...]) -> str | None:
    """Why something in a folder is not one of its files of some kind, or None if it is."""
    if path.name.startswith("."):
        return "hidden"
    if path.is_dir():
        return "that are folders"
    return None if path.suffix.lower() in suffixes else "of another type"


def warn_left_out(folder: Path | str, left_out: Mapping[str, Sequence[Path]]) -> None:
    """Log what is left out of a folder, if anything, in one line.

    Args:
        folder: The folder that was searched, or another name of the source.
        left_out: The paths by the reason.
    """
    if left_out:
        _log.warning("%s: %s", folder, describe_left_out(left_out))


def describe_left_out(left_out: Mapping[str, Sequence[Path]]) -> str:
    """How many files are left out and why, with examples.

    Example:
        >>> describe_left_out({"hidden": [Path(".a.png"), Path(".b.png")], "of another type": [Path("notes.txt")]})
        'left out 3: 2 hidden (.a.png, .b.png), 1 of another type (notes.txt)'
    """
    reasons = ", ".join(
        f"{len(paths)} {reason} ({listed((path.name for path in paths), most=3)})" for reason, paths in left_out.items()
    )
    return f"left out {sum(map(len, left_out.values()))}: {reasons}"
