"""`feedbackward info`: the parameters and the cost of a network, and what its decoder does at each encoder node."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse import SUPPRESS
from jsonargparse.typing import PositiveInt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.adapters import SUFFIX, is_packaged
from feedbackward.cli.console import console_for_tables
from feedbackward.cli.parser import CommandParser, command_parser, height_width
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.io import check_target, write_text

if TYPE_CHECKING:
    from feedbackward.models import Feedbackward, SegmentationNetwork
    from feedbackward.viz.decoder_rows import Row

SHOWN_ELSEWHERE = ("model", "encoder_name", "in_channels", "classes", "decoder", "preprocessing")
CLASSES = 19
"""Number of classes by default: of Cityscapes, as in the paper."""


def build_parser() -> CommandParser:
    """The parser of `feedbackward info`."""
    parser = command_parser("info", "Print the parameters and the FLOPs of a network, and its decoder node by node.")
    parser.add_argument("name", help="encoder of timm, preset, saved folder, checkpoint (.ckpt), adapter or hub id")
    parser.add_argument("--size", default="512,1024", help="height and width of the image, H,W")
    parser.add_argument("--draw", type=Path | None, help="SVG file for a drawing of encoder and decoder")
    parser.add_argument(
        "--encoder_name", default=SUPPRESS, help="VGG of segnet, fcn8s and deeplab_largefov, by default vgg16"
    )
    parser.add_argument(
        "--classes", type=PositiveInt, default=SUPPRESS, help=f"number of classes, {CLASSES} by default"
    )
    parser.add_argument("--in_channels", type=PositiveInt, default=SUPPRESS, help="number of channels of the image")
    parser.add_argument(
        "--encoder_norm",
        type=Literal["own", "batch"],
        default=SUPPRESS,
        help="the encoder's own norms, or a batch norm after each convolution, which replaces its bias",
    )
    parser.add_argument(
        "--freeze_encoder",
        type=bool | Literal["weights"],
        default=SUPPRESS,
        help="whether only decoder and head are trained, or with 'weights' the encoder's norms too",
    )
    parser.add_class_arguments(DecoderConfig, nested_key=None)
    parser.set_defaults({field.name: SUPPRESS for field in fields(DecoderConfig)})
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward info` and run it."""
    given = vars(build_parser().parse_args(args))
    info(given.pop("name"), size=given.pop("size"), drawing=given.pop("draw"), options=given)


def info(name: str, *, size: str, drawing: Path | None, options: dict[str, Any]) -> None:
    """Print the parameters and the FLOPs of a network, and its decoder node by node, without computing any value.

    Args:
        name: Encoder, preset, saved folder or checkpoint.
        size: Height and width of the image, "H,W".
        drawing: SVG file for a drawing of encoder and decoder.
        options: Further arguments of create_model and DecoderConfig.

    Raises:
        InputError: If the name, the size or an option is not valid, or the drawing cannot be made or written.
    """
    height, width, given = *height_width(size), dict(options)
    if drawing is not None:
        _check(drawing)
    from feedbackward.models import Feedbackward
    from feedbackward.viz.diagram import draw

    network = _build(name, options)
    if drawing is not None and not isinstance(network, Feedbackward):
        raise InputError(f"--draw {drawing}: {name} cannot be drawn; only feedbackward networks can")

    console = console_for_tables()
    shown = {key: value for key, value in network.config.items() if key not in SHOWN_ELSEWHERE}
    shown |= network.config.get("decoder", {})
    options_of_network = "".join(f", {key}={value}" for key, value in shown.items())
    console.print(Text(f"{name}: {network.config['encoder_name']}{options_of_network}", style="bold"))
    seen = network.preprocessing
    console.print(Text(f"images: {seen.channels}, {seen.resize}"))
    for line in _weights(name, network):
        console.print(Text(line), soft_wrap=True)
    console.print(_costs(network, (height, width)))
    console.print(Text("A multiplication with its addition counts as 2 FLOPs. /2: stride 2, g32: 32 groups."))
    if isinstance(network, Feedbackward):
        rows = _show_decoder_graph(network, (height, width), console)
        if drawing is not None:
            title = ", ".join((name, *(f"{key}={value}" for key, value in given.items())))
            write_text(drawing, draw(rows, title=title, classes=network.classes))
            console.print(Text(str(drawing)), soft_wrap=True)


def _show_decoder_graph(network: "Feedbackward", size: tuple[int, int], console: Console) -> "list[Row]":
    import torch

    from feedbackward.viz.decoder_rows import decoder_rows
    from feedbackward.viz.table import decoder_table

    with torch.device("meta"):
        decoder_graph = network.decoder_graph()
        # The network pads images of a size that the encoder does not accept.
        seen = network.sizes.padded(size)
        rows = decoder_rows(network.encoder, decoder_graph, size=seen, in_channels=network.config["in_channels"])
    end = next(row for row in rows if row.part == "end")
    parts = 2 if network.decoder_config.head_input == "both" else 1
    fine, coarser = decoder_graph.channels[:parts], decoder_graph.channels[parts:]
    more = f" The classifier also reads {sum(coarser)} channels of coarser strides." if coarser else ""
    console.print(Text(f"The decoder ends at {end.path}: {sum(fine)} channels, stride {decoder_graph.stride}.{more}"))
    strides = ", ".join(map(str, decoder_graph.strides))
    console.print(Text(f"It can end at stride {strides}, or at the image.{_sizes(network)}\n"))
    console.print(decoder_table(rows))
    return rows


def _check(drawing: Path) -> None:
    if drawing.suffix != ".svg":
        raise InputError(f"--draw {drawing}: only SVG can be drawn; give a name that ends in .svg")
    check_target(drawing, option="--draw")


def _is_saved(name: str) -> bool:
    """Whether a name is that of a file, a folder, a packaged adapter or a repository, and not of an architecture."""
    of_file = "/" in name or name.endswith((".ckpt", SUFFIX))
    return is_packaged(name) or of_file or Path(name, "config.json").exists()


def _build(name: str, options: dict[str, Any]) -> "SegmentationNetwork":
    """The network on the meta device: its weights do not matter, so they take neither time nor memory."""
    import torch

    from feedbackward.models import create_model
    from feedbackward.models.adapted import described_by
    from feedbackward.models.adapter import is_adapter
    from feedbackward.models.saved import find_model, load_network

    if _is_saved(name):
        if options:
            raise InputError(f"{name} is a saved network with its own {', '.join(options)}; omit these options")
        path = find_model(name)
        network = (described_by(path) if is_adapter(path) else load_network(path)).to("meta")
    else:
        decoder = {field.name: options.pop(field.name) for field in fields(DecoderConfig) if field.name in options}
        options = {"classes": CLASSES, "decoder": DecoderConfig(**decoder) if decoder else None, **options}
        with torch.device("meta"):
            network = create_model(name, encoder_weights=None, **options)
    return network.eval()


def _weights(name: str, network: "SegmentationNetwork") -> Iterator[str]:
    """Lines about the pretrained weights of an encoder, or of those that a saved network started from."""
    from feedbackward.models.origin import UNKNOWN, timm_origin

    if not _is_saved(name):
        origin, title = timm_origin(network.config["encoder_name"]), "pretrained weights"
        if origin == UNKNOWN:
            yield "pretrained weights: timm has none"
            return
    else:
        origin, title = network.origin, "started from the weights"
    yield f"{title}: {origin}"
    if origin.restriction:
        yield origin.restriction


def _costs(network: "SegmentationNetwork", size: tuple[int, int]) -> Table:
    from feedbackward.models import Feedbackward
    from feedbackward.models.costs import flops, flops_by_part, parameters

    counts, trainable = parameters(network), parameters(network, trainable=True)
    by_part = flops_by_part(network, size) if isinstance(network, Feedbackward) else {}
    operations = sum(by_part.values()) if by_part else flops(network, size)
    total = sum(counts.values())
    table = Table(box=box.SIMPLE_HEAD, show_footer=True)
    table.add_column("", "total")
    table.add_column("parameters", f"{total:,}", justify="right")
    table.add_column("share", "100.00%", justify="right")
    table.add_column("trainable", f"{sum(trainable.values()):,}", justify="right")
    table.add_column(f"GFLOPs at {size[0]}×{size[1]}", f"{operations / 1e9:,.2f}", justify="right")
    for part, count in counts.items():
        cost = f"{by_part[part] / 1e9:,.2f}" if part in by_part else ""
        table.add_row(part, f"{count:,}", f"{count / total:.2%}", f"{trainable[part]:,}", cost)
    return table


def _sizes(network: "Feedbackward") -> str:
    """A sentence about the image sizes, if the encoder does not accept all."""
    multiple = network.sizes.multiple
    return f" Images are padded to multiples of {multiple}, which the encoder requires." if multiple > 1 else ""
