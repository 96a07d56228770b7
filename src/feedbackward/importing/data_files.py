"""The files of a data set: those in its folder and subfolders, without hidden ones."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from feedbackward.errors import InputError

MAC = "__MACOSX"
"""The folder of hidden files in ZIP archives of macOS."""


def data_files(root: Path, suffixes: tuple[str, ...] = ()) -> list[Path]:
    """The files in a folder and its subfolders, sorted, without hidden files and what lies in hidden folders.

    Args:
        root: The folder.
        suffixes: The suffixes of the files, in lower case; by default any.

    Raises:
        InputError: If a folder cannot be read.
    """
    return sorted(path for path in _walk(root, hidden=False) if _fits(path, suffixes))


def hidden_files(root: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files that data_files leaves out because they or their folders are hidden, sorted."""
    return sorted(
        path for path in _walk(root, hidden=True) if _fits(path, suffixes) and is_hidden(path.relative_to(root))
    )


def is_hidden(path: Path) -> bool:
    """Whether a part of a path below a data set is hidden.

    Example:
        >>> is_hidden(Path(".cache/1.jpg")), is_hidden(Path("images/1.jpg"))
        (True, False)
    """
    return any(map(_hidden, path.parts))


def is_named_file(path: Path) -> bool:
    """Whether a path from an annotation is a file; False if the system refuses it, such as a name that is too long."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file fails for such names


def is_named_folder(path: Path) -> bool:
    """Whether a path from an annotation is a folder, like is_named_file."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir fails for such names


def _walk(root: Path, *, hidden: bool) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, onerror=_refuse):
        if not hidden:
            folders[:] = [name for name in folders if not _hidden(name)]
        yield from (Path(folder, name) for name in names if hidden or not _hidden(name))


def _refuse(error: OSError) -> NoReturn:
    raise InputError(f"the folder {error.filename} cannot be read: {error.strerror}; make it readable") from error


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == MAC


def _fits(path: Path, suffixes: tuple[str, ...]) -> bool:
    return not suffixes or path.suffix.lower() in suffixes
