"""Atomic writing of files, and checks before long work that its result can be written."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from feedbackward.errors import InputError

_PART = ".part"


def write_whole(path: Path, save: Callable[[IO[bytes]], object], *, durable: bool = False) -> None:
    """Write a file under a temporary name, then rename it, so that `path` is never an incomplete file.

    The temporary name is in the same folder and used only once, so that several processes may write one file: the last
    one wins. A process that is killed leaves it behind; see remove_parts.

    Args:
        path: The file to write or replace; missing parent folders are created.
        save: Writes the content to the open file.
        durable: Wait until the content is on the disk, so that a power failure leaves the old file or the new one.

    Raises:
        InputError: If the file cannot be written, for example because the disk is full.
    """
    part = path.with_name(f".{token_hex(8)}{_PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            save(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error}") from error
    finally:
        # If the temporary file could not be created, the error above says why.
        with suppress(OSError):
            part.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove what killed processes left behind in a folder to which nobody else writes.

    Raises:
        InputError: If a file cannot be removed.
    """
    for part in folder.glob(f".*{_PART}"):
        try:
            part.unlink()
        except OSError as error:
            raise InputError(f"{part}, which an interrupted command left behind, cannot be removed: {error}") from error


@contextmanager
def lock_folder(folder: Path, *, remedy: str, seconds: float = 0) -> Iterator[None]:
    """Keep other commands that take the same lock out of a folder, which is created if it is missing.

    The lock ends with the process, however it ends. One that is killed leaves the file .lock behind, which locks
    nothing.

    Args:
        folder: The folder.
        remedy: What to do where another command has the lock, for the message.
        seconds: How long to wait for it.

    Raises:
        InputError: If another command has the lock, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout  # a tenth of a second of importing

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock").acquire(timeout=seconds)
    except Timeout as error:
        raise InputError(f"another command writes to {folder}; wait for its end, or {remedy}") from error
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error}") from error
    with lock:
        try:
            yield
        finally:
            # Who has opened the file meanwhile sees that it is gone, and takes a new one. Windows keeps it.
            with suppress(PermissionError):
                (folder / ".lock").unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 atomically; names of files that are not UTF-8 keep their bytes.

    Raises:
        InputError: If the file cannot be written.
    """
    write_whole(path, lambda file: file.write(text.encode(errors="surrogateescape")))


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write plain data as JSON atomically.

    Raises:
        InputError: If the file cannot be written.
        ValueError: If the data contains nan or infinity, which JSON does not have.
    """
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def check_target(path: Path, *, option: str) -> None:
    """Check, before the work that produces it, that a file can be written.

    Args:
        path: The file to write; parent folders may be missing.
        option: The command-line option that names the file, for the message.

    Raises:
        InputError: If `path` is a folder or no file can be created there.
    """
    if path.is_dir():
        raise InputError(f"{option} {path}: this is a folder; give the name of a file")
    check_writable(nearest_existing(path.parent), what=f"{option} {path}")


def check_apart(targets: Mapping[str, Path | None], inputs: Mapping[str, str | Path | None]) -> None:
    """Check that files to write replace neither each other nor what the command reads.

    Args:
        targets: The files to write, by the option that names each; None for those that are not asked for.
        inputs: The files and folders to read, by what they are; None, names and URLs stand for no file.

    Raises:
        InputError: If two targets are one file, or a target is a file of the inputs.
    """
    named = dict[Path, str]()
    for option, path in targets.items():
        if path is None:
            continue
        real = path.resolve()
        if real in named:
            raise InputError(f"{named[real]} and {option} both name {path}; give each a file of its own")
        named[real] = option
        for what, source in inputs.items():
            if source is not None and real.exists() and Path(source).resolve() in (real, *real.parents):
                raise InputError(f"{option} {path} would replace a file of {what}; give the name of a new file")


def check_new(path: Path, *, overwrite: bool) -> None:
    """Check that writing a file would not replace an existing one.

    Args:
        path: The file to write.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InputError: If `path` exists and may not be replaced.
    """
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already; choose another name or add --overwrite")


def check_empty(folder: Path, *, what: str = "") -> None:
    """Check, before long work, that a folder does not exist yet or has no content.

    Args:
        folder: The folder to create.
        what: What the user asked for, the beginning of the message.

    Raises:
        InputError: If it is a file, a broken link, or a folder with content.
    """
    if (folder.exists() or folder.is_symlink()) and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{what} {folder} exists and is not an empty folder; give a new one".lstrip())


def check_writable(folder: Path, *, what: str) -> None:
    """Check that files can be created in a folder; none is left behind.

    Args:
        folder: The folder to check.
        what: What the user asked to write, for the message.

    Raises:
        InputError: If `folder` does not exist, is not a folder or is not writable.
    """
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{what} cannot be written ({folder}: {error.strerror}); choose another place") from error


def cache_folder() -> Path:
    """The folder in which this library keeps, for this user, what takes long to make or to fetch; it may be missing."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feedbackward"


def nearest_existing(folder: Path) -> Path:
    """Return the folder or its nearest existing parent, which may be a file or a broken link."""
    return next(path for path in (folder, *folder.parents) if path.exists() or path.is_symlink())
