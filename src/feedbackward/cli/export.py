"""`feedbackward export`: a trained network as a file for another runtime, compared with the network."""

from pathlib import Path

from jsonargparse.typing import PositiveFloat
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.cli.model_argument import split_models
from feedbackward.cli.parser import CommandParser, command_parser, height_width
from feedbackward.exporting.names import FormatName, PrecisionName
from feedbackward.io import check_new

MEGABYTE = 1e6


def build_parser() -> CommandParser:
    """The parser of `feedbackward export`."""
    parser = command_parser("export")
    # Not called `export`: the parser would look the function up as feedbackward.export, which imports torch.
    parser.add_function_arguments(export_network, skip={"argmax", "overwrite"}, fail_untyped=True)
    parser.add_argument("--argmax", action="store_true", help="output the class of each pixel, not the logits")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward export` and run it."""
    export_network(**vars(build_parser().parse_args(args)))


def export_network(
    *,
    model: str,
    format: FormatName,
    output: Path,
    backbone: Path | None = None,
    size: str | None = None,
    precision: PrecisionName = "fp32",
    tolerance: PositiveFloat | None = None,
    argmax: bool = False,
    overwrite: bool = False,
) -> None:
    """Export a trained network to a file for another runtime, and compare the two.

    Args:
        model: Folder of a saved network, checkpoint (.ckpt), adapter or hub id; or several adapters, NAME,NAME, which
            share the encoder's weights in one file.
        format: onnx (.onnx), torch_export (.pt2), openvino (.xml and .bin) or engine (TensorRT, .engine).
        output: File to write.
        backbone: File with the weights of an adapter's encoder; timm's pretrained ones by default.
        size: Fixed height and width of the images, H,W; any size by default.
        precision: Type of the weights.
        tolerance: Largest accepted difference between file and network, relative to the largest absolute logit; by
            default that of the precision.
        argmax: Output the class of each pixel, not the logits.
        overwrite: Replace the file if it exists.

    Raises:
        InputError: If the network cannot be loaded or exported, or the file cannot be written.
    """
    seen = None if size is None else height_width(size)
    check_new(output, overwrite=overwrite)
    from feedbackward.exporting import export
    from feedbackward.models import load_tasks
    from feedbackward.models.saved import load_network

    models = split_models(model)

    report = export(
        load_tasks(models, backbone=backbone) if len(models) > 1 else load_network(model, backbone=backbone),
        output,
        format=format,
        argmax=argmax,
        size=seen,
        precision=precision,
        tolerance=tolerance,
    )
    what = "logit of the file's class below the network's largest" if argmax else "logits of file and network"
    table = Table("images", "largest difference", title=f"{what}, relative to the largest absolute logit")
    for (height, width), difference in report.differences.items():
        table.add_row(f"{height}x{width}", f"{difference:.2g}")
    console = Console()
    console.print(table)
    ratio = report.size / report.parameters
    console.print(f"{report.size / MEGABYTE:.2f} MB, {ratio:.3f} times the bytes of the parameters")
    for file in report.files:
        console.print(Text(str(file)), soft_wrap=True)
