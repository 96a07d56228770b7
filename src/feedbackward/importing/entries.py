"""Errors about the entries of annotation files, such as a missing key or a polygon of two points."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feedbackward.errors import InputError, one_line


@contextmanager
def reading(what: str, path: Path) -> Iterator[None]:
    """Turn errors of the block into InputErrors that name the file and the entry.

    Args:
        what: The entry: "annotation 3".
        path: The file.

    Raises:
        InputError: If a key is missing, or a value is not what the block expects.
    """
    try:
        yield
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"{path}: {what} has no {error}; add it, or export the annotations again") from error
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise InputError(
            f"{path}: {what} cannot be read: {one_line(error)}; correct it, or export the annotations again"
        ) from error
