"""The exception for errors in a user's input, which the command line prints without a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Invalid input. The message says what was found, what was expected and what to do."""


def one_line(error: object) -> str:
    r"""The message of another library in one line.

    Example:
        >>> one_line(ValueError("size mismatch:\n\t3 and 4"))
        'size mismatch: 3 and 4'
    """
    return " ".join(str(error).split())


def listed(things: Iterable[object], *, most: int = 10) -> str:
    """Join things with commas for a message: at most `most` of them, then the number of the rest."""
    words = [str(thing) for thing in things]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of the message about an unknown name: the most similar names, or all known ones.

    Example:
        >>> nearest("resnet5", ["resnet50", "vgg16"])
        'did you mean resnet50?'
        >>> nearest("alexnet", ["resnet50", "vgg16"])
        'expected one of resnet50, vgg16'
    """
    names = list(known)
    near = get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"expected one of {listed(names)}"
