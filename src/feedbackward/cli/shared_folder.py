"""The check that several processes write to one folder: machines may have folders of the same name of their own."""

import time
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from feedbackward.errors import InputError
from feedbackward.io import write_text
from feedbackward.processes import Processes

SHARED = ".shared"
"""The file with which the processes find out."""
SHOWN_AFTER = 90
"""Seconds after which a network file system shows a file that another machine has written."""


def check_shared(folder: Path, processes: Processes) -> None:
    """Check that the output folder of each process contains a file that the first one writes, for this run alone.

    Raises:
        InputError: If it does not, since other machines have folders of their own.
    """
    if processes.count == 1:
        return
    token = token_hex(8) if processes.is_first else ""
    if processes.is_first:
        write_text(folder / SHARED, token)
    token = processes.broadcast(token)
    end = time.monotonic() + SHOWN_AFTER
    while not _contains(folder / SHARED, token):
        if time.monotonic() > end:
            raise InputError(
                f"the first process writes to another folder of the name {folder}; give an --output that all machines "
                f"share"
            )
        time.sleep(0.1)
    processes.wait()
    if processes.is_first:
        (folder / SHARED).unlink()


def _contains(path: Path, text: str) -> bool:
    with suppress(OSError):  # a network file system may show it later
        return path.read_text() == text
    return False
