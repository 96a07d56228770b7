"""The model on the command line: one, or several adapters on one backbone."""

from pathlib import Path

from feedbackward.cli.parser import CommandParser

MODEL_HELP = "saved folder, checkpoint, exported file, adapter or hub id; or several adapters: NAME,NAME"


def add_backbone(parser: CommandParser) -> None:
    """Add --backbone, for adapters."""
    parser.add_argument(
        "--backbone", metavar="FILE", help="weights of the adapter's encoder (timm's, from the hub or its cache)"
    )


def split_models(model: str) -> list[str]:
    """The models of an argument; a path that exists is one, whatever its name contains.

    Example:
        >>> split_models("coffee_leaves,nuclei")
        ['coffee_leaves', 'nuclei']
    """
    return [model] if Path(model).exists() else model.split(",")
