"""What a recipe may name without being trusted: classes of this library and of those that it is made of.

Building an object of a class runs its code, so that a recipe that could name any class would be a program.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jsonargparse import set_parsing_settings
from jsonargparse._common import parsing_settings  # the public function cannot lift what it has denied

from feedbackward.cli.fit_options import CONFIG_OPTIONS, TRUST
from feedbackward.errors import InputError

ALLOWED = (
    "feedbackward.data",
    "feedbackward.decoder_config",
    "feedbackward.losses",
    "feedbackward.nn",
    "feedbackward.preprocessing",
    "feedbackward.streets",
    "feedbackward.training",
    "lightning.pytorch.accelerators",
    "lightning.pytorch.callbacks",
    "lightning.pytorch.loggers",
    "lightning.pytorch.plugins",
    "lightning.pytorch.profilers",
    "lightning.pytorch.strategies",
    "segmentation_models_pytorch.losses",
    "timm.optim",
    "torch.nn",
    "torch.optim",
    "torchvision.transforms.v2",
)
"""Where the classes and functions of a recipe are defined that nobody has to trust."""
_AROUND_NAMES = re.compile(r"[\s{}\[\],:'\"]+")
"""What separates the names in a value that is YAML or JSON."""
_DENIED = re.compile(r"Importing '([^']+)' is not allowed")


def take_trust(args: Sequence[str]) -> tuple[list[str], bool]:
    """Take --trust-recipe out of the arguments.

    Returns:
        The other arguments, and whether it was given.
    """
    return [arg for arg in args if arg != TRUST], TRUST in args


@contextmanager
def importing(args: Sequence[str], *, trusted: bool) -> Iterator[None]:
    """Let the parser import what is allowed and what the user has named on the command line, or everything if trusted.

    Args:
        args: The arguments of the command.
        trusted: Whether the recipe is trusted.
    """
    if trusted:
        yield
        return
    before = dict(parsing_settings)
    set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=[*ALLOWED, *_named(args)])
    try:
        yield
    finally:
        parsing_settings.update(before)  # other parsers of this process are not ours to restrict


def explain_denied(message: str) -> InputError | None:
    """The error about a class that a recipe may not name, from the parser's message; None for any other message."""
    found = _DENIED.search(message)
    if found is None:
        return None
    return InputError(
        f"the recipe names {found[1]}, whose code would run; expected classes of feedbackward, torch.nn, torch.optim, "
        f"timm.optim, torchvision.transforms.v2 or lightning.pytorch: name it on the command line instead, or read the "
        f"recipe and add {TRUST}"
    )


def _named(args: Sequence[str]) -> list[str]:
    """The dotted names in the values of arguments, and the whole packages of those that are the user's own.

    A class may be defined in another module of its package than the one that the user has typed.
    """
    named = set[str]()
    for before, arg in zip(["", *args], args, strict=False):
        option, equals, value = arg.partition("=") if arg.startswith("-") else (before, "=", arg)
        if equals and option not in CONFIG_OPTIONS:
            named.update(word for word in _AROUND_NAMES.split(value) if _is_dotted_name(word))
    allowed_packages = {name.partition(".")[0] for name in ALLOWED}
    user_packages = {name.partition(".")[0] for name in named} - allowed_packages - sys.stdlib_module_names
    return [name for name in {*named, *user_packages} if not name.startswith("jsonargparse")]


def _is_dotted_name(word: str) -> bool:
    return "." in word and all(part.isidentifier() for part in word.split(".")) and not Path(word).exists()
