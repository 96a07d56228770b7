"""`feedbackward evaluate`: scores of a folder of predictions, or of a network's predictions, as tables and JSON."""

import os
import tempfile
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse import Namespace
from jsonargparse.typing import PositiveFloat
from rich.console import Console
from rich.text import Text

from feedbackward.cli.console import progress_bar
from feedbackward.cli.model_argument import add_backbone
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.cli.prediction_options import (
    add_augment,
    add_resize,
    add_tiles,
    augment_of,
    reading_difference,
    resize_of,
    tiles_of,
)
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.predictions import PredictionPair
from feedbackward.data.sources import DataSource, find_source, list_sources
from feedbackward.errors import InputError
from feedbackward.io import check_apart, check_target, write_json, write_text
from feedbackward.metrics.scores import Scores
from feedbackward.processes import Processes, launched_processes
from feedbackward.segmenters.pipeline import segmenting_threads

if TYPE_CHECKING:
    from torch import Tensor

    from feedbackward.cli.predict_into import PlannedPredictions


BOUNDARY = 0.02
"""Distance from an edge, as a fraction of the image's diagonal, up to which Cheng et al. (2021) count pixels."""
NETWORK_OPTIONS = ("size", "scale", "longest_side", "shortest_side", "flip", "scales", "tile", "overlap", "device")
"""The options of --model."""


def build_parser() -> CommandParser:
    """The parser of `feedbackward evaluate`."""
    parser = command_parser(
        "evaluate",
        "Score a folder of predictions, or the predictions of a network, against the ground truth.",
        formatter_class=PlainHelpFormatter,
    )
    parser.add_argument("--dataset", required=True, help=f"the data set: {', '.join(list_sources())}")
    parser.add_argument(
        "--ground-truth",
        required=True,
        help="folder of the true masks, such as gtFine/val of Cityscapes, subfolders included; or shards",
    )
    parser.add_argument(
        "--predictions",
        type=Path | None,
        help="folder of the predictions, in the encoding of the ground truth (cityscapes, streets: PNGs of label ids)",
    )
    parser.add_argument("--model", help="instead of predictions: saved folder, checkpoint, exported file or hub id")
    add_backbone(parser)
    parser.add_argument("--source", help="with --model: folder or shards of the images to predict")
    parser.add_argument("--classes", type=Path | None, help="class file (YAML or JSON), for --dataset folder or shards")
    parser.add_argument("--json", type=Path | None, help="file to write the scores to")
    parser.add_argument(
        "--official",
        type=Path | None,
        help="file to write the scores to in the format of the official Cityscapes evaluator",
    )
    parser.add_argument(
        "--per-image",
        type=Path | None,
        help="CSV file to write the IoU and accuracy of each image to, by ascending mean IoU",
    )
    parser.add_argument(
        "--boundary",
        type=PositiveFloat | None,
        nargs="?",
        const=BOUNDARY,
        metavar="RATIO",
        help="also the boundary IoU: of the pixels up to this distance from the edge of their class, as a fraction of "
        f"the image's diagonal ({BOUNDARY} without a value; its authors use 0.005 for Cityscapes)",
    )
    parser.add_argument(
        "--by-size",
        action="store_true",
        help="also by size of object, a connected region of a class in the ground truth (small below 32x32 pixels, "
        "medium below 96x96, large): the share of its pixels predicted correctly, and of objects found, those with at "
        "least half of their pixels correct",
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="images scored at a time (%(default)s)"
    )
    seen = parser.add_argument_group("how the network sees (with --model)")
    add_resize(seen)
    add_augment(seen)
    add_tiles(seen)
    seen.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps, ... (the accelerator)")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward evaluate` and run it."""
    parser = build_parser()
    options = parser.parse_args(args)
    if options.model is None:
        _refuse_network_options(options, parser.get_defaults())
    evaluate(options, launched_processes())


def _refuse_network_options(options: Namespace, defaults: Namespace) -> None:
    given = [name for name in NETWORK_OPTIONS if options[name] != defaults[name]]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"{names}: predictions are scored as they are; only with --model can this be set")


def evaluate(options: Namespace, processes: Processes) -> None:
    """Score a folder of predictions, or the predictions of a network, against the ground truth.

    Args:
        options: What the parser returns.
        processes: Those that share the images; the first one prints and writes the scores.

    Raises:
        InputError: If anything is wrong with the input; nothing is written then.
    """
    data = find_source(options.dataset)
    mask_classes = data.read_classes(options.classes)
    if options.official is not None and data.scoring != "cityscapes":
        raise InputError(
            f"--official writes the result file of the Cityscapes evaluator, and the data set {options.dataset} is not "
            f"scored by it; write the scores with --json"
        )
    targets = {"--json": options.json, "--official": options.official, "--per-image": options.per_image}
    for option, path in targets.items():
        if path is not None:
            check_target(path, option=option)
    names = ("classes", "ground_truth", "predictions", "source", "model")
    check_apart(targets, {f"--{name.replace('_', '-')}": options[name] for name in names})
    console, predictions, planned = Console(quiet=not processes.is_first), options.predictions, None
    with tempfile.TemporaryDirectory() as folder:
        if options.model is not None and options.source is not None and predictions is None:
            at_once = segmenting_threads() if processes.count == 1 else 1
            planned = _plan(options, Path(folder, "predictions"), data, mask_classes, console, at_once=at_once)
            predictions, mask_classes = planned.masks, planned.classes
        elif predictions is None or options.model is not None or options.source is not None:
            raise InputError("give either --predictions DIR, or --model and --source DIR, whose images it predicts")
        truth = options.ground_truth
        pairs = processes.share(data.pair(truth, predictions) if planned is None else planned.pair(data, truth))
        if planned is not None:
            planned.predict({pair.prediction for pair in pairs}, console)
        scores = score(
            data,
            mask_classes,
            pairs,
            options.workers,
            console,
            boundary=options.boundary,
            by_size=options.by_size,
            per_image=options.per_image,
            processes=processes,
        )
    if scores is None:
        return
    console.print(scores)
    if options.json is not None:
        write_json(options.json, scores.to_dict())
    if options.official is not None:
        write_text(options.official, dumps(scores.to_official(), indent=4, sort_keys=True) + "\n")


def _plan(
    options: Namespace, folder: Path, data: DataSource, classes: MaskClasses, console: Console, *, at_once: int
) -> "PlannedPredictions":
    # Scoring files needs no network, and importing them takes longer than the rest.
    from feedbackward.cli.predict_into import PlannedPredictions
    from feedbackward.loading import load_segmenter
    from feedbackward.segmenters import Predictor

    network = load_segmenter(options.model, backbone=options.backbone, device=options.device, at_once=at_once)
    predictor = Predictor(network, resize=resize_of(options), augment=augment_of(options), tiles=tiles_of(options))
    if difference := reading_difference(predictor.preprocessing, network.preprocessing):
        console.print(Text(difference), soft_wrap=True)
    return PlannedPredictions(folder, predictor, options.model, options.source, classes, data.layout)


def score(
    data: DataSource,
    classes: MaskClasses,
    pairs: Sequence[PredictionPair],
    workers: int,
    console: Console,
    *,
    boundary: float | None = None,
    by_size: bool = False,
    per_image: Path | None = None,
    processes: Processes | None = None,
) -> Scores | None:
    """Score predictions in files, with a progress bar; the options are those of the command.

    Args:
        data: How the data set is scored.
        classes: Its classes.
        pairs: Ground truth and predictions; of several processes the share of this one.
        workers: Images scored at a time.
        console: Shows the progress.
        boundary: The option.
        by_size: The option.
        per_image: The option.
        processes: Those that share the pairs; this one alone by default.

    Returns:
        The scores of all pairs in the first process, None in the others.

    Raises:
        InputError: If files cannot be used.
    """
    from feedbackward.metrics.from_files import FileScoring, sum_counts
    from feedbackward.metrics.functional import segmentation_scores
    from feedbackward.metrics.per_image import ImageScores

    processes = processes or Processes()
    files = FileScoring(classes, scoring=data.scoring, boundary=boundary, by_size=by_size)
    with tempfile.TemporaryFile() as rows, progress_bar("scoring", total=len(pairs), console=console) as advance:
        images = ImageScores(classes.table.names, rows)

        def on_pair(pair: PredictionPair, confusion: "Tensor") -> None:
            advance()
            if per_image is not None:
                images.add(pair.ground_truth, segmentation_scores(confusion, classes.table))

        counts = files.count(pairs, workers=workers, on_pair=on_pair)
        plain = {name: value.tolist() for name, value in counts.items()}
        found = processes.gather({"counts": plain, "images": images.records()})
    if not processes.is_first:
        return None
    scores = files.scores(sum_counts(of_process["counts"] for of_process in found))
    if per_image is not None:
        with tempfile.TemporaryFile() as rows:
            images = ImageScores(classes.table.names, rows)
            images.take(processes.in_order([of_process["images"] for of_process in found]))
            images.write(per_image)
    return scores
