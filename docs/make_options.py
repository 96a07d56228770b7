"""Writes cli/fit_options.json: the options of `feedbackward fit | validate | test`, read from their parser.

With it a mistyped option is found without importing torch. Run: python docs/make_options.py
"""

import json
from importlib.metadata import version
from pkgutil import resolve_name
from typing import Any

from jsonargparse import ArgumentParser
from lightning.pytorch.cli import LightningArgumentParser

from feedbackward.cli.fit_cli import FitCLI
from feedbackward.cli.fit_options import LISTED, Command
from feedbackward.data.sources import find_source, list_sources
from feedbackward.decoder_config import DecoderConfig


class _Built(Exception):  # noqa: N818
    """Carries the parser out of the constructor, which would parse with it."""


class _ParserOnly(FitCLI):
    def parse_arguments(self, parser: LightningArgumentParser, args: object) -> None:  # noqa: ARG002
        raise _Built(parser)


def parser_of(command: Command) -> LightningArgumentParser:
    """The parser of a command."""
    try:
        _ParserOnly(command, [])
    except _Built as built:
        return built.args[0]
    raise AssertionError


def options_of(parser: ArgumentParser) -> set[str]:
    """The long options of a parser."""
    return {option for action in parser._actions for option in action.option_strings if option.startswith("--")}


def page() -> str:
    """The content of the file."""
    fit, validate = options_of(parser_of("fit")), options_of(parser_of("validate"))
    assert validate == options_of(parser_of("test"))
    decoder = ArgumentParser()  # to the parser of fit these are arguments of a class, though there is only one
    decoder.add_class_arguments(DecoderConfig, "model.decoder")
    fit |= options_of(decoder) - {"--print_config"}
    data = {"--data.class_path"}
    for name in list_sources():
        parser = ArgumentParser()
        parser.add_class_arguments(resolve_name(find_source(name).datamodule), "data")
        data |= options_of(parser) - {"--help", "--print_config"}
    takes_class = {option.removesuffix(".help") for option in fit if option.endswith(".help")}
    content: dict[str, Any] = {
        "lightning": version("lightning"),
        "options": sorted(fit | {"--help-all"}),
        "scoring": sorted(validate - fit),
        "classes": sorted(takes_class - {"--data", "--model.decoder"}),
        "data": sorted(data),
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    LISTED.write_text(page(), encoding="utf-8")
