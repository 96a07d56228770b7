"""Reading text, JSON and YAML that users or other programs wrote: whatever is wrong with a file is one line."""

import json
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from feedbackward.errors import InputError, one_line

DEEPEST = 100
"""The most levels of a YAML file: parsers call themselves for each, and libyaml ends the process with the stack."""
MOST_VALUES = 1_000_000
"""The most values of a YAML file: a few lines of aliases can stand for more than fit in memory."""


def open_file(path: Path, *, expected: str) -> BinaryIO:
    """Open a regular file; a pipe would block, and a device may never end.

    Args:
        path: The file.
        expected: What it should be, for messages, such as "an image".

    Raises:
        InputError: If it is a folder, a pipe or a device.
        OSError: If it does not exist or cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        found = "folder" if stat.S_ISDIR(mode) else "pipe" if stat.S_ISFIFO(mode) else "device"
        raise InputError(f"{path} is not a file but a {found}; expected {expected}")
    return path.open("rb")


def read_text(path: Path, *, expected: str) -> str:
    """The content of a text file in UTF-8, with or without a byte order mark.

    Args:
        path: The file.
        expected: What it should be, for messages, such as "a class file".

    Raises:
        InputError: If there is no such file, or it is not readable text in UTF-8.
    """
    try:
        with open_file(path, expected=expected) as file:
            return file.read().decode("utf-8-sig")
    except FileNotFoundError as error:
        link = f": a link to {path.readlink()}, which does not exist" if path.is_symlink() else ""
        raise InputError(f"no file {path}{link}; expected {expected}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; expected {expected}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start}); expected {expected}: save it in UTF-8"
        ) from error


def whole_number(text: str) -> int | None:
    """The number that a text of at most nine digits stands for, with space around it or not; None for another text.

    Example:
        >>> whole_number(" 12"), whole_number("-1"), whole_number("1" * 5000)
        (12, None, None)
    """
    digits = text.strip()
    return int(digits) if digits.isdecimal() and len(digits) <= 9 else None


def parse_json(text: str, source: object, *, advice: str = "export or copy it again", unique: bool = False) -> Any:
    """The data in JSON text.

    Args:
        text: The text.
        source: Where it comes from, for messages.
        advice: What to do about damage; the end of the message.
        unique: Whether to refuse keys that are given twice, of which JSON takes the last.

    Raises:
        InputError: If it is not JSON, is nested too deeply, or has a number with more digits than Python reads.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique if unique else None)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    except RecursionError as error:
        raise InputError(f"{source} is not valid JSON: it is nested too deeply; {advice}") from error
    except ValueError as error:  # a JSONDecodeError, or Python's limit of the digits of a number
        raise InputError(f"{source} is not valid JSON: {one_line(error)}; {advice}") from error


def read_json(path: Path, *, expected: str = "a JSON file", advice: str = "export or copy it again") -> Any:
    """The data in a JSON file.

    Raises:
        InputError: As read_text and parse_json.
    """
    return parse_json(read_text(path, expected=expected), path, advice=advice)


def parse_yaml(text: str, source: object, *, advice: str = "correct it") -> Any:
    """The plain data in YAML text; a key that is given twice is refused, of which YAML would take the last.

    Args:
        text: The text.
        source: Where it comes from, for messages.
        advice: What to do about damage; the end of the message.

    Raises:
        InputError: If it is not YAML, is nested too deeply, refers to itself, or its aliases stand for too many values.
    """
    try:
        return yaml.load(text, _Loader)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
    # A ValueError is about a value that does not have the form of its type, such as the date 2024-99-99.
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{source} is not valid YAML: {one_line(error)}; {advice}") from error


class _Loader(yaml.SafeLoader):
    """Reads plain data that is not larger than it looks, and refuses keys that are given twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As in SafeLoader, which calls it for each level."""
        if self._depth == DEEPEST:
            raise InputError(f"it is nested too deeply; expected at most {DEEPEST} levels")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def get_single_node(self) -> Any:
        """As in SafeLoader."""
        node = super().get_single_node()
        if node is not None:
            _count(node, {})
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """As in SafeLoader."""
        # Before keys are merged by `<<`, which others may override.
        if isinstance(node, yaml.MappingNode):
            found = set()  # a number and a text are two keys, even if they are written alike
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if (key.tag, key.value) in found:
                        raise _given_twice(key.value)
                    found.add((key.tag, key.value))
        return super().construct_mapping(node, deep=deep)


def _count(node: yaml.Node, counts: dict[int, int]) -> int:
    """The number of values that a node stands for, with its aliases; 0 in `counts` for those being counted."""
    if id(node) in counts:
        if not counts[id(node)]:
            raise InputError("an alias refers to what contains it; write the values out")
        return counts[id(node)]
    counts[id(node)] = 0
    within = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
    parts = within if isinstance(node, yaml.CollectionNode) else ()
    total = 1 + sum(_count(part, counts) for part in parts)
    if total > MOST_VALUES:
        raise InputError(f"it has more than {MOST_VALUES} values, with those that its aliases stand for; split it")
    counts[id(node)] = total
    return total


def _unique(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _given_twice(key)
        found[key] = value
    return found


def _given_twice(key: object) -> InputError:
    return InputError(f"the key {key!r} is given twice; keep one of them")
