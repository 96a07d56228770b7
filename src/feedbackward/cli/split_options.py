"""Options that divide a data set into train and val and name its classes, which several commands have."""

from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace
from jsonargparse.typing import OpenUnitInterval

from feedbackward.errors import InputError

if TYPE_CHECKING:
    from argparse import _ArgumentGroup

    from jsonargparse import ArgumentParser

DEFAULTS: dict[str, Any] = {"val": 0.1, "seed": 0, "group": None}
"""What holds for options of the division that are not given, by their names."""


def add_split_options(
    parser: "ArgumentParser | _ArgumentGroup", *, seed: str = "another seed gives another division"
) -> None:
    """Add --val, --seed and --group; those that are not given are None, see division.

    Args:
        parser: A parser or a group of one.
        seed: What the help says about --seed, which may be for more than the division.
    """
    val = DEFAULTS["val"]
    parser.add_argument("--val", type=OpenUnitInterval, help=f"share of validation images, if DATA has none ({val})")
    parser.add_argument("--seed", type=int, help=f"{seed} ({DEFAULTS['seed']})")
    parser.add_argument(
        "--group",
        metavar="REGEX",
        help="what images of one scene have in common in their names, such as '^[^_]*': a scene is never divided",
    )


def add_class_option(parser: "ArgumentParser | _ArgumentGroup") -> None:
    """Add --classes, which class_names reads."""
    parser.add_argument(
        "--classes",
        metavar="A,B,...",
        help="names of the classes by ascending value or color in the masks, if no file in DATA names them",
    )


def class_names(text: str | None) -> list[str]:
    """The names in the value of --classes; none without one.

    Raises:
        InputError: If a name is empty.

    Example:
        >>> class_names("wall, crack")
        ['wall', 'crack']
    """
    names = [] if text is None else [name.strip() for name in text.split(",")]
    if "" in names:
        raise InputError(
            f"--classes is {text!r}, with an empty name; expected names between commas, such as wall,crack"
        )
    return names


def division(options: Namespace) -> dict[str, Any]:
    """The arguments of split_samples."""
    return {name: default if options[name] is None else options[name] for name, default in DEFAULTS.items()}


def given_split_options(options: Namespace) -> list[str]:
    """The options of the division that are given, such as --val."""
    return [f"--{name}" for name in DEFAULTS if options[name] is not None]


def without_effect(options: Namespace) -> list[str]:
    """The line about options of the division, for a data set that has its own validation images; none if none is given.

    Example:
        >>> without_effect(Namespace(val=0.2, seed=None, group=None))
        ['--val without effect: the data set has its own validation images']
    """
    given = given_split_options(options)
    return [f"{', '.join(given)} without effect: the data set has its own validation images"] if given else []
