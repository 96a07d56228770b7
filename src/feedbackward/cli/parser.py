"""The parser of the commands: a wrong argument is one line that says what to do, and option types are defined once."""

import re
from argparse import Action, RawDescriptionHelpFormatter
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import NoReturn

from jsonargparse import ArgumentParser, DefaultHelpFormatter

from feedbackward.errors import InputError

_LIMITS = {">": "more than", ">=": "at least", "<": "less than", "<=": "at most"}
_TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "Path": "a path"}


class CommandParser(ArgumentParser):
    """A parser that refuses arguments with an InputError of one line, without printing its usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the InputError for what the parser found wrong.

        Raises:
            InputError: Always.
        """
        options = {action.dest: action.option_strings[-1] for action in self._actions if action.option_strings}
        raise InputError(explain(message, options, command=self.prog)) from ex


class PlainHelpFormatter(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Help as it was written: without the types of Python, and with the line breaks of description and examples."""

    def _get_help_string(self, action: Action) -> str:
        return action.help or ""


def command_parser(
    command: str,
    description: str | None = None,
    *,
    usage: str | None = None,
    epilog: str | None = None,
    formatter_class: type[DefaultHelpFormatter] = DefaultHelpFormatter,
) -> CommandParser:
    """An empty parser for `feedbackward COMMAND`."""
    return CommandParser(
        prog=f"feedbackward {command}",
        description=description,
        usage=usage,
        epilog=epilog,
        formatter_class=formatter_class,
        allow_abbrev=False,
    )


def unknown_option(option: str, known: Iterable[str], *, command: str) -> str:
    """The message for an option that does not exist.

    Args:
        option: As given, such as "--modle".
        known: The options that exist.
        command: The command whose --help lists them.

    Example:
        >>> unknown_option("--modle", ["--model", "--output"], command="feedbackward predict")
        'unknown option --modle; did you mean --model?'
    """
    near = get_close_matches(option.lstrip("-"), (name.lstrip("-") for name in known), n=1)
    return f"unknown option {option}; " + (f"did you mean --{near[0]}?" if near else f"see {command} --help")


def explain(message: str, options: Mapping[str, str], *, command: str) -> str:
    """Explain in one line what is wrong with the arguments.

    Args:
        message: jsonargparse's message.
        options: The options that exist, by the names of their values.
        command: The command, which has a --help.

    Example:
        >>> explain("the following arguments are required: model", {"model": "--model"}, command="feedbackward predict")
        'required: --model; see feedbackward predict --help'
    """
    # The value of an option can be an object with its own arguments, whose error is the last part of the message.
    keys = re.findall(r'Parser key "(.*?)"', message)
    prefix = ""
    for key in keys:
        prefix = key if not prefix or key.startswith(f"{prefix}.") else f"{prefix}.{key}"
    reason = re.split(r'Parser key ".*?":', message)[-1]
    within = f"--{prefix}." if keys else "--"
    reason = re.sub(r"Group '(.*?)' does not accept option '(.*?)'", r"Option '\1.\2' is not accepted", reason)
    if match := re.search(r"unrecognized arguments: ([^\s=]+)|Option '(.*?)' is not accepted", reason):
        option = within + (match[1] or match[2]).removeprefix("--")
        if match[1] and not match[1].startswith("-"):
            return f"unexpected argument {match[1]}; see {command} --help"
        return unknown_option(option if match[2] or keys else match[1], options.values(), command=command)
    if match := re.search(r"the following arguments are required: (.*)", reason):
        names = match[1].split(", ")
        required = (within + name if keys else options.get(name, name.upper()) for name in names)
        return f"required: {', '.join(required)}; see {command} --help"
    if keys:
        return f"{options.get(prefix, prefix if len(keys) == 1 else f'--{prefix}')}: {_expected(reason)}"
    return " ".join(message.removeprefix("argument ").split())


def _expected(reason: str) -> str:
    """The reason that a value was refused, without the names of Python's types."""
    if match := re.search(r"Expected a dot import path string: (.*)", reason):
        return f"there is no class or file {match[1]!r}"
    value = re.search(
        r"(?:Got value|Given value|base 10|to float): '?(.*?)'?$|\w: (.+) does not conform", reason, re.MULTILINE
    )
    found = f", found {(value[1] or value[2])!r}" if value else ""
    if limits := re.findall(r"\bv([<>]=?)(\S+)", reason):
        return f"expected {' and '.join(f'{_LIMITS[sign]} {limit}' for sign, limit in limits)}{found}"
    if "invalid literal for int()" in reason:
        return f"expected a whole number{found}"
    if "could not convert string to float" in reason:
        return f"expected a number{found}"
    types = re.findall(r"<class '(?:\w+\.)*(?!NoneType)(\w+)'>", re.sub("Given value type.*", "", reason))
    kinds = [_TYPES.get(name, name) for name in dict.fromkeys(types)]
    if match := re.search(r"Literal\[(.*?)\]", reason):
        kinds.append(f"one of {match[1]}")
    if kinds:
        return f"expected {' or '.join(kinds)}{found}"
    return " ".join(reason.split())


def height_width(size: str, *, option: str = "--size") -> tuple[int, int]:
    """The height and width in the value of an option, "H,W".

    Raises:
        InputError: If these are not two whole numbers of at least 1.

    Example:
        >>> height_width("512,1024")
        (512, 1024)
    """
    height, width = whole_pair(size, option=option, expected="height and width, such as 512,1024")
    if min(height, width) < 1:
        raise InputError(f"{option} is {size!r}; expected a height and a width of at least 1")
    return height, width


def whole_pair(text: str, *, option: str, expected: str) -> tuple[int, int]:
    """The two whole numbers in the value of an option, "A,B".

    Raises:
        InputError: If these are not two whole numbers.
    """
    try:
        first, second = (int(number) for number in text.split(","))
    except ValueError as error:
        raise InputError(f"{option} is {text!r}; expected {expected}") from error
    return first, second
