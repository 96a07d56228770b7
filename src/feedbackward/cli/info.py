"""`feedbackward info`: the parameters and the cost of a network, and what its way back does at each node."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import torch
from jsonargparse import SUPPRESS, ArgumentParser
from jsonargparse.typing import PositiveInt
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.cli.console import console_for_tables
from feedbackward.cli.parser import height_width
from feedbackward.errors import InputError
from feedbackward.io import check_target, write_text
from feedbackward.models import Feedbackward, SegmentationNetwork, create_model, list_models
from feedbackward.models.checkpoint import CHECKPOINT_SUFFIX
from feedbackward.models.costs import flops, flops_by_part, parameters
from feedbackward.nn import DecoderNorm
from feedbackward.segmenters.loading import load_network
from feedbackward.transform import HeadInput, OutputFeature, Permute, Retrace
from feedbackward.viz.diagram import draw
from feedbackward.viz.explain import Row, explain
from feedbackward.viz.table import decoder_table

SHOWN_ELSEWHERE = ("model", "encoder_name", "encoder_weights", "in_channels", "classes")


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward info` and run it."""
    parser = ArgumentParser(
        prog="feedbackward info",
        description="Print the parameters and the FLOPs of a network, and its way back node by node.",
        allow_abbrev=False,
    )
    parser.add_argument("name", help="a model, an encoder of timm, a saved folder or a checkpoint (.ckpt)")
    parser.add_argument("--size", default="512,1024", help="height and width of the image, H,W")
    parser.add_argument("--draw", type=Path | None, help="SVG file to draw the two passes into")
    for option, kind, text in (
        ("encoder_name", str, "another encoder than the model's own, such as vgg16_bn for segnet"),
        ("classes", PositiveInt, "number of classes"),
        ("in_channels", PositiveInt, "channels of the image"),
        ("permute", Permute, "where the channel axes of a weight are swapped"),
        ("output_stride", PositiveInt | None, "where the way back ends: 1, 2, 4, ..., or null: at the image"),
        ("output_feature", OutputFeature, "which feature of that stride: the last on the way back, or the first"),
        ("retrace", Retrace, "which layers are walked back"),
        ("head_input", HeadInput, "what the classifier reads: the sum of signal and feature, or both side by side"),
        ("head_kernel_size", PositiveInt, "side of the square of pixels that the classifier looks at"),
        ("encoder_norm", Literal["own", "batch"], "the encoder's own norms, or a batch norm behind each layer"),
        ("decoder_norm", DecoderNorm, "the norms of the way back"),
        ("freeze_encoder", bool, "whether the encoder stays as it is"),
    ):
        parser.add_argument(f"--{option}", type=kind, default=SUPPRESS, help=text)
    given = vars(parser.parse_args(args))
    info(given.pop("name"), size=given.pop("size"), drawing=given.pop("draw"), options=given)


def info(name: str, *, size: str, drawing: Path | None, options: dict[str, Any]) -> None:
    """Print the parameters and the FLOPs of a network, and its way back node by node; nothing is computed.

    Args:
        name: Of a model, an encoder, a saved folder or a checkpoint.
        size: Height and width of the image, "H,W".
        drawing: SVG file to draw the two passes into.
        options: What create_model takes beyond the name; the model's own defaults hold for the rest.

    Raises:
        InputError: If the name, the size, an option or the file to draw into cannot be used.
    """
    height, width = height_width(size)
    if drawing is not None:
        _check(drawing)
    network = _build(name, options)
    if drawing is not None and not isinstance(network, Feedbackward):
        raise InputError(f"--draw {drawing}: {name} has no way back to draw; it is drawn for feedbackward networks")

    console = console_for_tables()
    dials = (f", {key}={value}" for key, value in network.config.items() if key not in SHOWN_ELSEWHERE)
    console.print(Text(f"{name}: {network.config['encoder_name']}{''.join(dials)}", style="bold"))
    console.print(_costs(network, (height, width)))
    console.print(Text("A multiplication with its addition counts as 2 FLOPs. /2: a stride, g32: groups."))
    if isinstance(network, Feedbackward):
        rows = _show_decoder_graph(network, (height, width), console)
        if drawing is not None:
            title = ", ".join((name, *(f"{key}={value}" for key, value in options.items())))
            write_text(drawing, draw(rows, title=title, classes=network.classes))
            console.print(Text(str(drawing)), soft_wrap=True)


def _show_decoder_graph(network: Feedbackward, size: tuple[int, int], console: Console) -> list[Row]:
    with torch.device("meta"):
        decoder_graph = network.decoder_graph()
        # The network repeats the last row and column of images that the encoder does not take as they are.
        seen = network.sizes.padded(size)
        rows = explain(network.encoder, decoder_graph, size=seen, in_channels=network.config["in_channels"])
    end = next(row for row in rows if row.part == "end")
    console.print(
        Text(f"The way back ends at {end.path}: {decoder_graph.channels} channels, stride {decoder_graph.stride}.")
    )
    strides = ", ".join(map(str, decoder_graph.strides))
    console.print(Text(f"It can end at stride {strides}, or go back to the image (null).{_sizes(network)}\n"))
    console.print(decoder_table(rows))
    return rows


def _check(drawing: Path) -> None:
    if drawing.suffix != ".svg":
        raise InputError(f"--draw {drawing}: only SVG can be drawn; give a name that ends in .svg")
    check_target(drawing, option="--draw")


def _build(name: str, options: dict[str, Any]) -> SegmentationNetwork:
    """The network on the meta device: its weights play no part, so they take neither time nor memory."""
    if name == "feedbackward":
        raise InputError("feedbackward takes any encoder: give the name of one in its place, such as resnet50")
    if "/" in name or name.endswith(CHECKPOINT_SUFFIX) or Path(name, "config.json").exists():
        if options:
            raise InputError(f"{name} is a saved network with its own {', '.join(options)}; leave those options out")
        network = load_network(name).to("meta")
    else:
        with torch.device("meta"):
            network = _create(name, options)
    return network.eval()


def _create(name: str, options: dict[str, Any]) -> SegmentationNetwork:
    if name in list_models():
        return create_model(name, encoder_weights=None, **options)
    if "encoder_name" in options:
        raise InputError(f"--encoder_name is for models ({', '.join(list_models())}); {name} is none of them")
    try:
        return create_model("feedbackward", encoder_name=name, encoder_weights=None, **options)
    except InputError as error:
        near = get_close_matches(name, list_models(), n=1, cutoff=0.8)
        raise InputError(f"{error}; the nearest model is {near[0]}" if near else str(error)) from error


def _costs(network: SegmentationNetwork, size: tuple[int, int]) -> Table:
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


def _sizes(network: Feedbackward) -> str:
    """What the network pads to, if the encoder does not take images of any size."""
    multiple = network.sizes.multiple
    return f" Images are padded to multiples of {multiple}: the encoder takes no others." if multiple > 1 else ""
