"""`feedbackward export`: a trained network as a file for another runtime, compared with the network."""

from pathlib import Path
from typing import Any

from jsonargparse.typing import PositiveFloat
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.cli.model_argument import split_models
from feedbackward.cli.parser import CommandParser, command_parser, height_width
from feedbackward.errors import InputError
from feedbackward.exporting.names import DESCRIPTION, FormatName, PrecisionName
from feedbackward.io import check_empty, check_new

MEGABYTE = 1e6


def build_parser() -> CommandParser:
    """The parser of `feedbackward export`."""
    parser = command_parser("export")
    # Not called `export`: the parser would look the function up as feedbackward.export, which imports torch.
    parser.add_function_arguments(export_network, skip={"web_runtime", "argmax", "overwrite"}, fail_untyped=True)
    parser.add_argument(
        "--web-runtime",
        type=Path,
        metavar="FOLDER",
        help="unpacked npm package onnxruntime-web, for --web; by default npm downloads it once",
    )
    parser.add_argument("--argmax", action="store_true", help="output the class of each pixel, not the logits")
    parser.add_argument("--overwrite", action="store_true", help="replace the file, or the page, if it exists")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward export` and run it."""
    export_network(**vars(build_parser().parse_args(args)))


def export_network(
    *,
    model: str,
    format: FormatName | None = None,
    output: Path | None = None,
    web: Path | None = None,
    backbone: Path | None = None,
    size: str | None = None,
    precision: PrecisionName = "fp32",
    tolerance: PositiveFloat | None = None,
    web_runtime: Path | None = None,
    argmax: bool = False,
    overwrite: bool = False,
) -> None:
    """Export a trained network to a file for another runtime, and compare the two.

    Args:
        model: Folder of a saved network, checkpoint (.ckpt), adapter or hub id; or several adapters, NAME,NAME, which
            share the encoder's weights in one file.
        format: onnx (.onnx), torch_export (.pt2), openvino (.xml and .bin) or engine (TensorRT, .engine).
        output: File to write.
        web: Folder to write, in place of a file: a page that runs the network in the browser, for any server of files.
        backbone: File with the weights of an adapter's encoder; timm's pretrained ones by default.
        size: Fixed height and width of the images, H,W; any size by default.
        precision: Type of the weights.
        tolerance: Largest accepted difference between file and network, relative to the largest absolute logit; by
            default that of the precision.
        web_runtime: Unpacked npm package onnxruntime-web for --web; by default npm downloads it once.
        argmax: Output the class of each pixel, not the logits.
        overwrite: Replace the file, or the page, if it exists.

    Raises:
        InputError: If the network cannot be loaded or exported, or the file cannot be written.
    """
    seen = None if size is None else height_width(size)
    _check_targets(format, output, web, web_runtime, overwrite=overwrite)
    from feedbackward.exporting import export, export_web
    from feedbackward.models import load_tasks
    from feedbackward.models.saved import load_network

    models = split_models(model)
    network = load_tasks(models, backbone=backbone) if len(models) > 1 else load_network(model, backbone=backbone)
    options: dict[str, Any] = {"argmax": argmax, "size": seen, "precision": precision, "tolerance": tolerance}
    if web is not None:
        report = export_web(network, web, runtime=web_runtime, **options)
    else:
        assert format is not None
        assert output is not None
        report = export(network, output, format=format, **options)
    what = "logit of the file's class below the network's largest" if argmax else "logits of file and network"
    table = Table("images", "largest difference", title=f"{what}, relative to the largest absolute logit")
    for (height, width), difference in report.differences.items():
        table.add_row(f"{height}x{width}", f"{difference:.2g}")
    console = Console()
    console.print(table)
    size_text = f"{report.size / MEGABYTE:.2f} MB"
    if web is not None:
        console.print(f"{size_text}, of which a browser loads the network and one of two runtimes")
        console.print(Text(f"look at it: python -m http.server --bind 127.0.0.1 --directory {web}"), soft_wrap=True)
        return
    console.print(f"{size_text}, {report.size / report.parameters:.3f} times the bytes of the parameters")
    for file in report.files:
        console.print(Text(str(file)), soft_wrap=True)


def _check_targets(
    format: FormatName | None, output: Path | None, web: Path | None, web_runtime: Path | None, *, overwrite: bool
) -> None:
    """Check that either a file or a page is wanted, and that nothing is replaced without --overwrite."""
    if web is None:
        if format is None or output is None:
            raise InputError("give --format and --output for a file, or --web FOLDER for a page")
        if web_runtime is not None:
            raise InputError("--web-runtime is for pages; omit it, or give --web FOLDER in place of --output")
        check_new(output, overwrite=overwrite)
    elif format is not None or output is not None:
        raise InputError("--web FOLDER writes a page in place of a file; omit --format and --output")
    elif not (overwrite and (web / DESCRIPTION).is_file()):
        check_empty(web, what="--web")
