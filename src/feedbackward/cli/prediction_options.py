"""Options of the commands that predict: the tiles of large images, and averages over flips and scales."""

from typing import Any

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveFloat

from feedbackward.cli.parser import height_width
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.tiles import Tiles


def add_tiles(parser: Any) -> None:
    """Add --tile and --overlap to a parser or a group of one; `tiles_of` reads them."""
    height, width = Tiles().size
    parser.add_argument(
        "--tile",
        default=f"{height},{width}",
        metavar="H,W",
        help="images of more pixels are predicted in tiles of this size, which limits the memory (%(default)s)",
    )
    parser.add_argument(
        "--overlap",
        type=NonNegativeInt,
        default=Tiles().overlap,
        metavar="N",
        help="pixels by which tiles overlap (%(default)s)",
    )


def tiles_of(options: Namespace) -> Tiles:
    """The tiles that the options ask for.

    Raises:
        InputError: If they are out of range.
    """
    return Tiles(height_width(options.tile, option="--tile"), options.overlap)


def add_augment(parser: Any) -> None:
    """Add --flip and --scales to a parser or a group of one; `augment_of` reads them."""
    parser.add_argument("--flip", action="store_true", help="average the probabilities over the image and its flip")
    parser.add_argument(
        "--scales",
        type=PositiveFloat,
        nargs="+",
        default=list(Augment().scales),
        metavar="S",
        help="average the probabilities over images of these scales, such as 0.75 1 1.25",
    )


def augment_of(options: Namespace) -> Augment:
    """The flips and scales that the options ask for."""
    return Augment(options.flip, tuple(options.scales))
