"""`feedbackward evaluate`: scores of a folder of predictions, or of a network's predictions, as tables and JSON."""

import os
import tempfile
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
from feedbackward.io import check_target, write_json, write_text
from feedbackward.metrics.scores import Scores

if TYPE_CHECKING:
    from torch import Tensor


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
        type=Path,
        required=True,
        help="folder of the true masks, such as gtFine/val of Cityscapes; subfolders are searched too",
    )
    parser.add_argument(
        "--predictions",
        type=Path | None,
        help="folder of the predictions, in the encoding of the ground truth (cityscapes, streets: PNGs of label ids)",
    )
    parser.add_argument("--model", help="instead of predictions: saved folder, checkpoint, exported file or hub id")
    add_backbone(parser)
    parser.add_argument("--source", type=Path | None, help="with --model: folder of the images to predict")
    parser.add_argument("--classes", type=Path | None, help="class file (YAML or JSON), for --dataset folder only")
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
    evaluate(options)


def _refuse_network_options(options: Namespace, defaults: Namespace) -> None:
    given = [name for name in NETWORK_OPTIONS if options[name] != defaults[name]]
    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"{names}: predictions are scored as they are; only with --model can this be set")


def evaluate(options: Namespace) -> None:
    """Score a folder of predictions, or the predictions of a network, against the ground truth.

    Args:
        options: What the parser returns.

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
    console, predictions = Console(), options.predictions
    with tempfile.TemporaryDirectory() as folder:
        if options.model is not None and options.source is not None and predictions is None:
            predictions, mask_classes = _predict(options, Path(folder), data, mask_classes, console)
        elif predictions is None or options.model is not None or options.source is not None:
            raise InputError("give either --predictions DIR, or --model and --source DIR, whose images it predicts")
        scores = score(
            data,
            mask_classes,
            options.ground_truth,
            predictions,
            options.workers,
            console,
            boundary=options.boundary,
            by_size=options.by_size,
            per_image=options.per_image,
        )
    console.print(scores)
    if options.json is not None:
        write_json(options.json, scores.to_dict())
    if options.official is not None:
        write_text(options.official, dumps(scores.to_official(), indent=4, sort_keys=True) + "\n")


def _predict(
    options: Namespace, folder: Path, data: DataSource, classes: MaskClasses, console: Console
) -> tuple[Path, MaskClasses]:
    # Scoring files needs no network, and importing them takes longer than the rest.
    from feedbackward.cli.predict_into import predict_into
    from feedbackward.loading import load_segmenter
    from feedbackward.segmenters import Predictor

    network = load_segmenter(options.model, backbone=options.backbone, device=options.device)
    predictor = Predictor(network, resize=resize_of(options), augment=augment_of(options), tiles=tiles_of(options))
    if difference := reading_difference(predictor.preprocessing, network.preprocessing):
        console.print(Text(difference), soft_wrap=True)
    return predict_into(folder, predictor, options.model, options.source, classes, data.layout, console)


def score(
    data: DataSource,
    classes: MaskClasses,
    ground_truth: Path,
    predictions: Path,
    workers: int,
    console: Console,
    *,
    boundary: float | None = None,
    by_size: bool = False,
    per_image: Path | None = None,
) -> Scores:
    """Score a folder of predictions, with a progress bar; the options are those of the command.

    Raises:
        InputError: If files are missing or cannot be used.
    """
    from feedbackward.metrics import score_files
    from feedbackward.metrics.functional import segmentation_scores
    from feedbackward.metrics.per_image import ImageScores

    pairs = data.pair(ground_truth, predictions)
    with (
        tempfile.TemporaryFile() as rows,
        progress_bar("scoring", total=len(pairs), console=console) as advance,
    ):
        images = ImageScores(classes.table.names, rows)

        def on_pair(pair: PredictionPair, confusion: "Tensor") -> None:
            advance()
            if per_image is not None:
                images.add(pair.ground_truth, segmentation_scores(confusion, classes.table))

        scores = score_files(
            pairs,
            classes=classes,
            scoring=data.scoring,
            boundary=boundary,
            by_size=by_size,
            workers=workers,
            on_pair=on_pair,
        )
        if per_image is not None:
            images.write(per_image)
    return scores
