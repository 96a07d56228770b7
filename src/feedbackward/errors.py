"""The exceptions that the command line prints as one line, without a traceback, and words for their messages."""

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches

_OUT_OF_MEMORY = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory|failed to allocate memory|bad_alloc",
    re.IGNORECASE,
)
_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space, or choose another place",
    errno.EDQUOT: "the quota is used up: free some space, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "a link leads to itself: replace it",
    errno.EACCES: "change the permissions, or choose another place",
    errno.EPERM: "change the permissions, or choose another place",
    errno.EROFS: "choose another place",
    errno.EMFILE: "too many files are open: use fewer workers, or raise `ulimit -n`",
    errno.ENOENT: "expected an existing file or folder",
}


class InputError(ValueError):
    """Invalid input. The message says what was found, what was expected and what to do."""


class FailureError(RuntimeError):
    """Work that began and failed, such as a training whose loss is not finite. The message says what to do."""


def one_line(error: object) -> str:
    r"""The message of another library in one line.

    Example:
        >>> one_line(ValueError("size mismatch:\n\t3 and 4"))
        'size mismatch: 3 and 4'
    """
    return " ".join(str(error).split())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy, PyTorch or a runtime says that memory ran out.

    Example:
        >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
        True
    """
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


def explain_failure(error: BaseException) -> tuple[str, int] | None:
    """What a command prints about an error, in one line, and its exit status; None for an error of the program.

    Those are wrong input, work that failed, and what the system refuses: memory, disk space, names, permissions.
    """
    if isinstance(error, InputError | FailureError):
        return printable(error), 2 if isinstance(error, InputError) else 1
    if is_out_of_memory(error):
        return (
            f"out of memory ({printable(error) or type(error).__name__}); use smaller images, tiles or batches, fewer "
            f"workers, or a machine with more memory"
        ), 2
    if isinstance(error, OSError) and error.strerror is not None:
        what = f"{error.filename}: " if error.filename is not None else ""
        advice = _ADVICE.get(error.errno or 0)
        if advice is None and what:
            advice = "expected a path that can be read or written"
        return printable("; ".join(filter(None, (f"{what}{error.strerror}", advice)))), 2
    return None


def printable(message: object) -> str:
    r"""A message as one line for a terminal, whatever names of files or messages of libraries it contains.

    Example:
        >>> printable("no file a\nb\x1b[2J.png")
        'no file a b\\x1b[2J.png'
    """
    text = str(message)
    if "Traceback (most recent call last):" in text:
        # A worker process of a DataLoader sends its whole traceback, which ends with the error and its message.
        text = re.split(r"^[\w.]*(?:Error|Exception|Interrupt): ", text, flags=re.MULTILINE)[-1]
    line = " ".join(part.strip() for part in text.splitlines()).strip()
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in line)


def listed(things: Iterable[object], *, most: int = 10) -> str:
    """Join things with commas for a message of one line: at most `most` of them, then the number of the rest."""
    texts = [str(thing) for thing in things]
    words = [text if text.splitlines() == [text] else one_line(text) for text in texts]
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
