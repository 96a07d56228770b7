"""The options of `feedbackward fit | validate | test`, known without building the parser, which imports torch.

The list is made from that parser by docs/make_options.py, for one version of Lightning.
"""

import json
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias

from feedbackward.cli.parser import explain, unknown_option
from feedbackward.data.sources import list_sources
from feedbackward.errors import InputError
from feedbackward.training.recipes import list_recipes

Command: TypeAlias = Literal["fit", "validate", "test"]

CONFIG_OPTIONS = ("--config", "-c")
TRUST = "--trust-recipe"
"""Lets a recipe name classes of any package; see cli/trusted_imports.py."""
LISTED = Path(__file__).with_name("fit_options.json")


@cache
def known_options() -> dict[str, Any]:
    """The shipped list.

    Returns:
        "lightning": the version that it was made with; "options": of all three commands; "scoring": further ones of
        validate and test; "classes": the options that take a class, whose arguments only the class knows; "data": those
        of any registered data set.
    """
    known: dict[str, Any] = json.loads(LISTED.read_text(encoding="utf-8"))
    return known


def check_options(command: Command, args: list[str]) -> None:
    """Refuse an option that does not exist, where that is certain without the parser.

    The parser decides about the arguments of classes, including custom datamodules, and about all options if
    another version of Lightning is installed.

    Args:
        command: The command.
        args: The arguments after the command.

    Raises:
        InputError: If an option does not exist; the message names the nearest one.
    """
    known = known_options()
    if known["lightning"] != version("lightning"):
        return
    names = option_names(command)
    decided_by_parser = known["classes"] if _listed_data(args) else [*known["classes"], "--data"]
    for option in (arg.partition("=")[0] for arg in args if arg.startswith("--")):
        if option.replace("--data.init_args.", "--data.") in names or option == "--":
            continue
        if not option.removesuffix("+").startswith(tuple(f"{name}." for name in decided_by_parser)):
            raise InputError(unknown_option(option, names, command=f"feedbackward {command}"))


def explain_fit(error: Exception, command: str, args: list[str]) -> str:
    """The parser's error as one line."""
    options = {name.removeprefix("--"): name for name in option_names(command)}
    message = explain(str(error), options, command=f"feedbackward {command}")
    if not any(option in CONFIG_OPTIONS for option, _ in _values(args)):
        return f"{message}; name a recipe with --config: {', '.join(list_recipes())}"
    for option, value in _values(args):
        # The parser passes the null of a nested value on as the text "None".
        group, _, name = option.rpartition(".")
        if value == "null" and group.count(".") > 0:
            message += f"; inside a group null is written as {group} '{{{name}: null}}', or in a YAML file"
    return message


def option_names(command: str) -> set[str]:
    """The options of fit, validate or test that are known."""
    known = known_options()
    return {TRUST, *known["options"], *known["data"], *(known["scoring"] if command != "fit" else ())}


def _listed_data(args: list[str]) -> bool:
    """Whether the data set can only be a registered one."""
    for option, value in _values(args):
        if option in CONFIG_OPTIONS and value not in list_recipes():
            return False
        if option in ("--data", "--data.class_path") and value not in list_sources():
            return False
    return True


def _values(args: list[str]) -> Iterator[tuple[str, str]]:
    """Each option with its value, given as --option=value or as --option value."""
    for arg, following in pairwise([*args, ""]):
        option, equals, value = arg.partition("=")
        yield option, value if equals else following
