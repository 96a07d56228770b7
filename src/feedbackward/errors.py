"""The exception for errors in a user's input, which the command line prints without a traceback."""

from collections.abc import Iterable


class InputError(ValueError):
    """Invalid input. The message says what was found, what was expected and what to do."""


def listed(things: Iterable[object], *, most: int = 10) -> str:
    """Join things with commas for a message: at most `most` of them, then the number of the rest."""
    words = [str(thing) for thing in things]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
