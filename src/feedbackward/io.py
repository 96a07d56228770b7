"""Writing files whole or not at all, and finding out beforehand whether a folder takes them."""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from feedbackward.errors import InputError


def write_whole(path: Path, save: Callable[[IO[bytes]], object]) -> None:
    """Write a file under a temporary name and rename it, so that what stands at `path` is always whole.

    Args:
        path: The file to write or replace; folders on the way to it are made.
        save: Writes the content into the open file.

    Raises:
        InputError: If it cannot be written, as on a full disk.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            save(file)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error
    finally:
        # Where no file could be made there is none to remove, and the error above says why.
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Raises:
        InputError: If it cannot be written.
    """
    write_whole(path, lambda file: file.write(text.encode()))


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write plain data as JSON, whole or not at all; it has no nan.

    Raises:
        InputError: If it cannot be written.
    """
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def check_target(path: Path, *, option: str) -> None:
    """Check before the work that a file can be written at its end.

    Args:
        path: The file to write; folders on the way to it may be missing.
        option: The option that named it, for the message.

    Raises:
        InputError: If it is a folder, or no file can be made there.
    """
    if path.is_dir():
        raise InputError(f"{option} {path}: this is a folder; give the name of a file")
    check_writable(nearest_existing(path.parent), what=f"{option} {path}")


def check_new(path: Path, *, overwrite: bool) -> None:
    """Check that a file would replace none.

    Args:
        path: The file to write.
        overwrite: Whether it may.

    Raises:
        InputError: If one is there and it may not.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already; choose another name or add --overwrite")


def check_writable(folder: Path, *, what: str) -> None:
    """Check that files can be made in a folder, without leaving one.

    Args:
        folder: Where files are to be made.
        what: What the user asked for, for the message.

    Raises:
        InputError: If it does not exist, is no folder or is not writable.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{what} cannot be written ({folder}: {error.strerror}); choose another place") from error


def nearest_existing(folder: Path) -> Path:
    """The folder itself or the nearest above it that exists, be it a file or a link to nothing."""
    return next(path for path in (folder, *folder.parents) if path.exists() or path.is_symlink())
