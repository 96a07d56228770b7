"""The adapters that come with the package: a safetensors file and a card each, found by name."""

from pathlib import Path

from feedbackward.errors import InputError, nearest

__all__ = ["card_of", "find_adapter", "is_packaged", "list_adapters"]

SUFFIX = ".safetensors"


def list_adapters() -> list[str]:
    """The names of the packaged adapters, sorted; `load` and `feedbackward predict` accept them.

    Example:
        >>> list_adapters()
        ['coffee_leaves', 'nuclei']
    """
    return sorted(path.stem for path in Path(__file__).parent.glob(f"*{SUFFIX}"))


def find_adapter(name_or_file: str) -> Path:
    """The file of an adapter, given its name or any path; a path that exists takes precedence.

    Raises:
        InputError: If there is neither such an adapter nor such a file; the message names the nearest adapters.
    """
    path = Path(name_or_file)
    if path.exists():
        return path
    known = list_adapters()
    if name_or_file in known:
        return Path(__file__).parent / f"{name_or_file}{SUFFIX}"
    hint = nearest(path.stem, known) if known else "give the file of one"
    raise InputError(f"there is no adapter or file {name_or_file!r}; {hint}")


def is_packaged(name: str) -> bool:
    """Whether a name is that of a packaged adapter, and not that of a file or folder here."""
    return not Path(name).exists() and name in list_adapters()


def card_of(name: str) -> Path:
    """The card of a packaged adapter, in Markdown: its data, its license, its scores and how it was trained."""
    return Path(__file__).parent / f"{name}.md"
