"""`feedbackward evaluate`: scores of a folder of predictions, or of a network's predictions, as tables and JSON."""

import os
import tempfile
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from jsonargparse.typing import PositiveFloat
from rich.console import Console

from feedbackward.cli.console import progress_bar
from feedbackward.cli.parser import command_parser
from feedbackward.data.encodings import MaskClasses
from feedbackward.data.predictions import PredictionPair
from feedbackward.data.sources import DataSource, find_source, list_sources
from feedbackward.errors import InputError
from feedbackward.io import check_target, write_json, write_text
from feedbackward.metrics.scores import Scores
from feedbackward.preprocessing import Resize

if TYPE_CHECKING:
    from torch import Tensor


BOUNDARY = 0.02
"""Distance from an edge, as a fraction of the image's diagonal, up to which Cheng et al. (2021) count pixels."""


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward evaluate` and run it."""
    parser = command_parser(
        "evaluate", "Score a folder of predictions, or the predictions of a network, against the ground truth."
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
    parser.add_argument("--source", type=Path | None, help="with --model: folder of the images to predict")
    parser.add_argument(
        "--scale",
        type=PositiveFloat | None,
        help="with --model: scale factor of the network's input, instead of its own resizing",
    )
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
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="number of images at a time")
    evaluate(**vars(parser.parse_args(args)))


def evaluate(
    *,
    dataset: str,
    ground_truth: Path,
    predictions: Path | None = None,
    model: str | None = None,
    source: Path | None = None,
    scale: float | None = None,
    classes: Path | None = None,
    json: Path | None = None,
    official: Path | None = None,
    per_image: Path | None = None,
    boundary: float | None = None,
    by_size: bool = False,
    workers: int = 1,
) -> None:
    """Score a folder of predictions, or the predictions of a network, against the ground truth.

    Args:
        dataset: Name of the data set.
        ground_truth: Folder of the true masks.
        predictions: Folder of the predictions; or instead
        model: Folder of a saved network, checkpoint (.ckpt), exported file or hub id, and
        source: Folder of the images, named as for `feedbackward predict`.
        scale: Scale factor of the network's input, instead of its own resizing.
        classes: Class file, for the data set folder.
        json: File to write the scores to.
        official: File to write the scores to in the format of the official Cityscapes evaluator.
        per_image: CSV file to write the scores of each image to, the worst first.
        boundary: Also compute the boundary IoU, up to this distance from an edge, a fraction of the image's diagonal.
        by_size: Also compute the scores by size of object.
        workers: Number of images at a time.

    Raises:
        InputError: If anything is wrong with the input; nothing is written then.
    """
    data = find_source(dataset)
    mask_classes = data.read_classes(classes)
    if official is not None and data.scoring != "cityscapes":
        raise InputError(
            f"--official writes the result file of the Cityscapes evaluator, and the data set {dataset} is not scored "
            f"by it; write the scores with --json"
        )
    for option, path in (("--json", json), ("--official", official), ("--per-image", per_image)):
        if path is not None:
            check_target(path, option=option)
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        if model is not None and source is not None and predictions is None:
            predictions = _predict(model, source, Path(folder), scale, data, mask_classes, console)
        elif predictions is None or model is not None or source is not None:
            raise InputError("give either --predictions DIR, or --model and --source DIR, whose images it predicts")
        scores = score(
            data,
            mask_classes,
            ground_truth,
            predictions,
            workers,
            console,
            boundary=boundary,
            by_size=by_size,
            per_image=per_image,
        )
    console.print(scores)
    if json is not None:
        write_json(json, scores.to_dict())
    if official is not None:
        write_text(official, dumps(scores.to_official(), indent=4, sort_keys=True) + "\n")


def _predict(
    model: str,
    source: Path,
    folder: Path,
    scale: float | None,
    data: DataSource,
    classes: MaskClasses,
    console: Console,
) -> Path:
    # Scoring files needs no network, and importing them takes longer than the rest.
    from feedbackward.cli.predict_into import predict_into
    from feedbackward.loading import load_segmenter
    from feedbackward.segmenters import Predictor

    predictor = Predictor(load_segmenter(model), resize=None if scale is None else Resize(scale=scale))
    return predict_into(folder, predictor, model, source, classes.table, data.layout, console)


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
    """Score a folder of predictions, with a progress bar; the options are those of `evaluate`.

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
