"""`feedbackward export`: a trained network as a file for another runtime, compared with the network."""

from pathlib import Path
from typing import Literal

from jsonargparse import ArgumentParser
from jsonargparse.typing import PositiveFloat
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.cli.size import height_width
from feedbackward.exporting import export
from feedbackward.exporting.formats.base import PRECISIONS
from feedbackward.io import check_new
from feedbackward.segmenters import load_network

MEGABYTE = 1e6


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward export` and run it."""
    parser = ArgumentParser(
        prog="feedbackward export",
        description="Write a trained network to a file for another runtime, and compare the two.",
        allow_abbrev=False,
    )
    parser.add_argument("--model", required=True, help="folder of a saved network, checkpoint (.ckpt) or hub id")
    parser.add_argument(
        "--format",
        type=Literal["onnx", "torch_export", "openvino", "engine"],
        required=True,
        help="onnx (.onnx), torch_export (.pt2), openvino (.xml and .bin) or engine (TensorRT, .engine)",
    )
    parser.add_argument("--output", type=Path, required=True, help="file to write")
    parser.add_argument("--argmax", action="store_true", help="give the class of each pixel and not the scores")
    parser.add_argument("--size", help="the one height and width that the file takes, H,W; any if not given")
    parser.add_argument("--precision", choices=tuple(PRECISIONS), default="fp32", help="of the weights")
    parser.add_argument(
        "--tolerance",
        type=PositiveFloat | None,
        help="largest difference that is rounding, in parts of the largest score",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    options = parser.parse_args(args)
    check_new(options.output, overwrite=options.overwrite)
    report = export(
        load_network(options.model),
        options.output,
        format=options.format,
        argmax=options.argmax,
        size=None if options.size is None else height_width(options.size),
        precision=options.precision,
        tolerance=options.tolerance,
    )
    what = "the score of the file's class below the network's best" if options.argmax else "scores of file and network"
    table = Table("images", "largest difference", title=f"{what}, in parts of the largest score")
    for (height, width), difference in report.differences.items():
        table.add_row(f"{height}x{width}", f"{difference:.2g}")
    console = Console()
    console.print(table)
    ratio = report.size / report.parameters
    console.print(f"{report.size / MEGABYTE:.2f} MB, {ratio:.3f} times the bytes of the parameters")
    for file in report.files:
        console.print(Text(str(file)), soft_wrap=True)
