"""The one exception for what a user's input causes, printed without a traceback, and the lists in its messages."""

from collections.abc import Iterable


class InputError(ValueError):
    """Input that cannot be used: the message says what was found, what was expected and what to do."""


def listed(things: Iterable[object], *, most: int = 10) -> str:
    """The things as text for a message, of many only the first ones and how many more there are."""
    words = [str(thing) for thing in things]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
