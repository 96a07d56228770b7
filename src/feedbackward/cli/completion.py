"""`feedbackward completion SHELL`: a script with which a shell completes commands, options and their values."""

import sys
from importlib import import_module
from typing import get_args

from feedbackward.cli.fit_options import Command, option_names
from feedbackward.cli.main import COMMANDS
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.data.sources import list_sources
from feedbackward.training.recipes import AUTO, list_recipes

SHELLS = ("bash", "zsh", "tcsh")
EXAMPLES = """\
examples:
  feedbackward completion bash > ~/.local/share/bash-completion/completions/feedbackward
  feedbackward completion zsh > ~/.zfunc/_feedbackward     # a folder of $fpath
"""


def build_parser() -> CommandParser:
    """The parser of `feedbackward completion`."""
    parser = command_parser(
        "completion",
        "Print a script with which a shell completes commands, options and their values.",
        epilog=EXAMPLES,
        formatter_class=PlainHelpFormatter,
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward completion` and print the script."""
    shell = build_parser().parse_args(args).shell
    sys.stdout.write(all_commands().get_completion_script(f"shtab-{shell}"))


def all_commands() -> CommandParser:
    """A parser with every command as a subcommand."""
    parser = CommandParser(prog="feedbackward")
    commands = parser.add_subcommands()
    for name, summary in COMMANDS.items():
        commands.add_subcommand(name, _parser_of(name), help=summary)
    return parser


def _parser_of(command: str) -> CommandParser:
    if command in get_args(Command):
        return _fit_parser(command)
    parser: CommandParser = import_module(f"feedbackward.cli.{command}").build_parser()
    return parser


def _fit_parser(command: str) -> CommandParser:
    """The options of fit, validate or test without their types, which only a parser with torch and Lightning knows."""
    parser = command_parser(command)
    values = {"--config": [AUTO, *list_recipes()], "--data": list_sources()}
    for option in sorted(option_names(command) - {"--help"}):
        if option in values:
            parser.add_argument(option, choices=values[option])
        else:
            parser.add_argument(option)
    return parser
