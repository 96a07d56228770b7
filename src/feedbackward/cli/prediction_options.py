"""Options of the commands that predict: how images are resized, tiles of large ones, averages over flips and scales."""

from typing import Any

from jsonargparse import Namespace
from jsonargparse.typing import NonNegativeInt, PositiveFloat, PositiveInt

from feedbackward.cli.parser import height_width
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.tiles import Tiles


def add_resize(parser: Any) -> None:
    """Add --size, --scale, --longest-side and --shortest-side to a parser or a group of one; `resize_of` reads them."""
    parser.add_argument("--size", metavar="H,W", help="resize images to this size for the network,")
    parser.add_argument("--scale", type=PositiveFloat | None, metavar="S", help="or by a factor,")
    parser.add_argument(
        "--longest-side", type=PositiveInt | None, metavar="N", help="or their longer side to N pixels,"
    )
    parser.add_argument(
        "--shortest-side",
        type=PositiveInt | None,
        metavar="N",
        help="or their shorter side (as in its training)",
    )


def resize_of(options: Namespace) -> Resize | None:
    """How the options ask to resize images; None if they leave it to the network.

    Raises:
        InputError: If several are given.
    """
    resize = Resize(
        size=None if options.size is None else height_width(options.size),
        scale=options.scale,
        longest_side=options.longest_side,
        shortest_side=options.shortest_side,
    )
    return resize or None


def reading_difference(here: Preprocessing, trained: Preprocessing) -> str:
    """How images are read here and were read in training, as text; empty if in the same way."""
    if (here.resize, here.value_range) == (trained.resize, trained.value_range):
        return ""
    ranges = ["" if one.value_range is None else f" in the range {list(one.value_range)}" for one in (here, trained)]
    return f"images are {here.resize}{ranges[0]}; the network was trained on images {trained.resize}{ranges[1]}"


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
