"""What was found out about shards, kept in the user's cache folder: their indices, and that they were checked."""

import json
import logging
import os
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from feedbackward.errors import InputError
from feedbackward.io import write_text

FORMAT = "1"
"""To be raised when the same shards have another index, or other checks."""

_log = logging.getLogger(__name__)


def recall(*about: str) -> Any:
    """What was remembered about something; None if nothing was, or it is damaged."""
    try:
        return json.loads(_file(about).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def remember(data: Any, *about: str) -> None:
    """Remember plain data about something; a warning says if it cannot be written.

    Args:
        data: Plain JSON data.
        about: What it is about, with all that it depends on.
    """
    file = _file(about)
    try:
        write_text(file, json.dumps(data))
    except InputError as error:
        _warn(file.parent, str(error.__cause__))


def _file(about: tuple[str, ...]) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feedbackward" / "shards"
    key = blake2b("\n".join((FORMAT, *about)).encode(errors="surrogateescape"), digest_size=16)
    return folder / f"{key.hexdigest()}.json"


@cache
def _warn(folder: Path, reason: str) -> None:
    _log.warning("%s cannot be written (%s); shards are indexed and checked again each time", folder, reason)
