"""`feedbackward predict`: masks, overlays and other outputs for images, at the size of the images."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

from jsonargparse.typing import ClosedUnitInterval, NonNegativeFloat, PositiveFloat, PositiveInt

from feedbackward.cli.model_argument import MODEL_HELP, add_backbone
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.cli.predict_report import Reporter
from feedbackward.cli.prediction_options import add_augment, add_resize, add_tiles
from feedbackward.cli.prediction_run import PredictionRun
from feedbackward.data.large import LARGE
from feedbackward.exporting.names import PrecisionName
from feedbackward.processes import launched_processes
from feedbackward.segmenters.outputs import OUTPUTS

USAGE = "feedbackward predict MODEL SOURCE... [options]"
DESCRIPTION = "Predict the class of every pixel of images. Interrupted, the same command goes on where it stopped."
EXAMPLES = """\
examples:
  feedbackward predict runs/mine/model photos
  feedbackward predict camvid.onnx 'photos/**/*.jpg' more.png @list.txt --output out
  feedbackward predict runs/mine/model photos --save masks polygons --json > summary.json
  feedbackward predict leaves.safetensors,roads.safetensors photos --backbone tf_efficientnet_lite0.safetensors
"""
WORKERS = min(4, os.cpu_count() or 1)


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward predict` and run it; the exit status is 1 if images were skipped.

    Of several processes the first one says so for all, since torchrun ends those that still work after any other
    status than 0.
    """
    options = build_parser().parse_args(args)
    processes = launched_processes()
    reporter = Reporter(as_json=options.json, quiet=options.quiet or not processes.is_first)
    try:
        with ExitStack() as held:
            skipped = PredictionRun(options, reporter, processes).predict(held)
    except KeyboardInterrupt:
        reporter.say("interrupted; the same command goes on from here")
        raise
    if skipped:
        raise SystemExit(1)


def build_parser() -> CommandParser:
    """The parser of `feedbackward predict`."""
    parser = command_parser("predict", DESCRIPTION, usage=USAGE, epilog=EXAMPLES, formatter_class=PlainHelpFormatter)
    parser.add_argument("model", help=MODEL_HELP)
    add_backbone(parser)
    parser.add_argument(
        "source",
        nargs="+",
        help="image, video, folder, quoted glob ('photos/**/*.jpg'), list (@FILE, FILE.txt) or shards ('x-{0..9}.tar')",
    )
    parser.add_argument("--output", type=Path, default="predictions", help="folder to write to (%(default)s)")
    written = parser.add_argument_group("what is written")
    written.add_argument(
        "--save",
        nargs="+",
        metavar="KIND",
        help=f"{', '.join(OUTPUTS)} (masks overlays; overlays of videos); each goes to its own folder",
    )
    written.add_argument("--alpha", type=ClosedUnitInterval, default=0.5, help="opacity of the colors, 0 to 1 (0.5)")
    written.add_argument("--no-legend", action="store_true", help="overlays without a legend")
    written.add_argument("--background", metavar="CLASS", help="class left unpainted; 'none' paints all (background)")
    written.add_argument(
        "--tolerance", type=NonNegativeFloat, default=0.0, metavar="PIXELS", help="simplify polygons by so much (0)"
    )
    written.add_argument(
        "--threshold",
        nargs="+",
        default=[],
        metavar="CLASS=P",
        help="probability from which pixels belong to a class, such as crack=0.7",
    )
    seen = parser.add_argument_group("how the network sees")
    add_resize(seen)
    add_augment(seen)
    add_tiles(seen)
    seen.add_argument("--crf", action="store_true", help="refine with DeepLab's fully connected CRF")
    run = parser.add_argument_group("how it runs")
    run.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps, ... (the accelerator)")
    run.add_argument(
        "--precision",
        choices=get_args(PrecisionName),
        default="fp32",
        metavar="TYPE",
        help="bf16 or fp16: half precision, faster on GPUs (fp32)",
    )
    run.add_argument(
        "--large",
        type=PositiveFloat,
        default=LARGE,
        metavar="MEGAPIXELS",
        help=f"images of more megapixels are read in bands, which limits the memory, and drawn smaller ({LARGE:g})",
    )
    run.add_argument("--batch-size", type=PositiveInt, default=1, metavar="N", help="images of one size at a time (1)")
    run.add_argument(
        "--workers",
        type=PositiveInt,
        default=WORKERS,
        metavar="N",
        help="threads that read and write images (%(default)s)",
    )
    run.add_argument("--strict", action="store_true", help="stop at the first file that cannot be used")
    run.add_argument("--overwrite", action="store_true", help="start over and replace what the output folder contains")
    run.add_argument("--json", action="store_true", help="print a summary in JSON, alone on stdout")
    run.add_argument("--quiet", action="store_true", help="print nothing but files that are skipped")
    return parser
