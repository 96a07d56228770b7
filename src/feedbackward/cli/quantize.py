"""`feedbackward quantize`: a trained network in 8-bit integers, compared with float32 in size, speed and scores."""

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from jsonargparse.typing import PositiveFloat, PositiveInt
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.cli.evaluate import score
from feedbackward.cli.model_argument import add_backbone
from feedbackward.cli.parser import CommandParser, command_parser
from feedbackward.cli.predict_into import PlannedPredictions
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.files import read_image
from feedbackward.data.members import File
from feedbackward.data.predictions import PredictionPair
from feedbackward.data.sources import DataSource, find_source, list_sources
from feedbackward.errors import InputError
from feedbackward.io import check_new
from feedbackward.metrics.scores import percent
from feedbackward.preprocessing import Resize
from feedbackward.segmenters.sources import find_sources

REPEATS = 10
SLOWER = (
    "the float32 file (feedbackward export) is the faster one on this processor; 8-bit files are fast only with VNNI "
    "instructions (lscpu | grep vnni)"
)


def build_parser() -> CommandParser:
    """The parser of `feedbackward quantize`."""
    parser = command_parser(
        "quantize", "Export a trained network to an ONNX file of 8-bit integers, and compare it with float32."
    )
    parser.add_argument("--model", required=True, help="folder of a saved network, checkpoint, adapter or hub id")
    add_backbone(parser)
    parser.add_argument("--calibration", required=True, help="folder or shards of images to calibrate with")
    parser.add_argument("--output", type=Path, required=True, help="file to write (.onnx)")
    parser.add_argument("--images", type=PositiveInt, default=32, help="number of calibration images, evenly spread")
    parser.add_argument(
        "--scale", type=PositiveFloat | None, help="scale factor of the network's input, instead of its own resizing"
    )
    parser.add_argument("--argmax", action="store_true", help="output the class of each pixel, not the logits")
    parser.add_argument(
        "--dataset", help=f"with --source and --ground-truth: score both, too ({', '.join(list_sources())})"
    )
    parser.add_argument("--source", help="folder or shards of the images to score on")
    parser.add_argument("--ground-truth", help="folder or shards of their true masks")
    parser.add_argument("--classes", type=Path | None, help="class file, for --dataset folder or shards")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward quantize` and run it."""
    options = build_parser().parse_args(args)
    check_new(options.output, overwrite=options.overwrite)
    needed = (options.dataset, options.source, options.ground_truth)
    if any((*needed, options.classes)) and not all(needed):
        raise InputError("to score both, give --dataset, --source and --ground-truth")
    data = None if options.dataset is None else find_source(options.dataset)
    classes = None if data is None else data.read_classes(options.classes)
    from feedbackward.benchmark.timing import time_interleaved
    from feedbackward.data.transforms import EvalTransform
    from feedbackward.exporting import export, load_exported, quantize
    from feedbackward.models.saved import load_network
    from feedbackward.segmenters import Normalized, Predictor, Segmenter

    chosen = calibration_images(options.calibration, options.images)
    network, console = load_network(options.model, backbone=options.backbone), Console()
    resize = network.preprocessing.resize if options.scale is None else Resize(scale=options.scale)
    transform = EvalTransform(replace(network.preprocessing, resize=resize))
    table = Table("", "MB", "ms per image", *(["mean IoU"] if options.dataset else []))
    with tempfile.TemporaryDirectory() as folder:
        whole, predictions = Path(folder, "float32.onnx"), Path(folder, "predictions")

        def plan(segmenter: Segmenter, data: DataSource, classes: MaskClasses) -> PlannedPredictions:
            predictor = Predictor(segmenter, resize=resize)
            return PlannedPredictions(predictions, predictor, options.model, options.source, classes, data.layout)

        pairs: Sequence[PredictionPair] = []
        if data is not None and classes is not None:  # before the work, so that nothing is written if they do not fit
            pairs = plan(Normalized(network), data, classes).pair(data, options.ground_truth)
        images = [transform.image(read_image(path)) for path in chosen]
        quantize(network, options.output, images, argmax=options.argmax)
        export(network, whole, argmax=options.argmax)
        files = {"float32": whole, "8-bit": options.output}
        loaded = {name: load_exported(path) for name, path in files.items()}
        times = time_interleaved([partial(one.outputs, images[0][None]) for one in loaded.values()], repeats=REPEATS)
        for (name, one), taken in zip(loaded.items(), times, strict=True):
            row = [name, f"{files[name].stat().st_size / 1e6:.2f}", f"{1e3 * statistics.median(taken):.1f}"]
            if data is not None and classes is not None:
                planned = plan(one, data, classes)
                planned.predict({pair.prediction for pair in pairs}, console)
                scores = score(data, planned.classes, pairs, 1, console)
                assert scores is not None
                row.append(percent(scores.scalars["mean_iou"]))
            table.add_row(*row)
    console.print(table)
    whole_time, small_time = map(statistics.median, times)
    if small_time > whole_time:
        console.print(SLOWER, soft_wrap=True)
    console.print(Text(str(options.output)), soft_wrap=True)


def calibration_images(source: str, count: int) -> list[File]:
    """Up to count of the images of a folder or shards, evenly spread."""
    from feedbackward.training.pictures import spread

    found = [item.path for item in find_sources([source]).items]
    return [found[index] for index in spread(len(found), count)]
