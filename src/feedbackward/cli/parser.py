"""The parser of the commands: a wrong argument is one line that says what to do, and option types are defined once."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import NoReturn

from jsonargparse import ArgumentParser

from feedbackward.errors import InputError

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


def command_parser(command: str, description: str | None = None) -> CommandParser:
    """An empty parser for `feedbackward COMMAND`."""
    return CommandParser(prog=f"feedbackward {command}", description=description, allow_abbrev=False)


def unknown_option(option: str, known: Iterable[str], *, command: str) -> str:
    """The message for an option that does not exist.

    Args:
        option: As given, such as "--modle".
        known: The options that exist.
        command: What lists them with --help.

    Example:
        >>> unknown_option("--modle", ["--model", "--output"], command="feedbackward predict")
        'unknown option --modle; did you mean --model?'
    """
    near = get_close_matches(option.lstrip("-"), (name.lstrip("-") for name in known), n=1)
    return f"unknown option {option}; " + (f"did you mean --{near[0]}?" if near else f"see {command} --help")


def explain(message: str, options: dict[str, str], *, command: str) -> str:
    """What is wrong with the arguments, as one line.

    Args:
        message: What jsonargparse says of it.
        options: The options that exist, by the names of their values.
        command: The command.

    Example:
        >>> explain("the following arguments are required: model", {"model": "--model"}, command="feedbackward predict")
        'required: --model; see feedbackward predict --help'
    """
    kind, _, rest = message.partition(": ")
    if kind == "unrecognized arguments":
        first = rest.split()[0].partition("=")[0]
        if first.startswith("-"):
            return unknown_option(first, options.values(), command=command)
        return f"unexpected argument {first}; see {command} --help"
    if kind == "the following arguments are required":
        names = (options.get(name, name.upper()) for name in rest.split(", "))
        return f"required: {', '.join(names)}; see {command} --help"
    if found := re.fullmatch(r'Parser key "(.*?)":\s*(.*)', message, flags=re.DOTALL):
        return f"{options.get(found[1], found[1])}: {_expected(found[2])}"
    return " ".join(message.removeprefix("argument ").split())


def _expected(reason: str) -> str:
    """The reason that a value was refused, without the names of Python's types."""
    value = re.search(r"(?:Got value|Given value|base 10): '?(.*?)'?$|\w: (.+) does not conform", reason, re.MULTILINE)
    found = f", found {(value[1] or value[2])!r}" if value else ""
    if match := re.search(r"Literal\[(.*?)\]", reason):
        return f"expected one of {match[1]}{found}"
    if match := re.search(r"restriction v>(=?)(\S+)", reason):
        return f"expected {'at least' if match[1] else 'more than'} {match[2]}{found}"
    if "invalid literal for int()" in reason:
        return f"expected a whole number{found}"
    if match := re.search(r"<class '(?:\w+\.)*(?!NoneType)(\w+)'>", reason):
        return f"expected {_TYPES.get(match[1], match[1])}{found}"
    return " ".join(reason.split())


def height_width(size: str) -> tuple[int, int]:
    """The height and width in the value of an option --size, "H,W".

    Raises:
        InputError: If these are not two whole numbers of at least 1.

    Example:
        >>> height_width("512,1024")
        (512, 1024)
    """
    try:
        height, width = (int(number) for number in size.split(","))
    except ValueError as error:
        raise InputError(f"--size is {size!r}; expected height and width, such as 512,1024") from error
    if min(height, width) < 1:
        raise InputError(f"--size is {size!r}; expected a height and a width of at least 1")
    return height, width
