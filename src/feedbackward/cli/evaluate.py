"""feedbackward evaluate: scores of a folder of predictions, or of what a network predicts, as tables and as JSON.

For Cityscapes the JSON has the keys of the official evaluator's result file, NaN written bare as there.
"""

import math
import os
import tempfile
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from jsonargparse.typing import PositiveFloat
from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.classes import ClassTable
from feedbackward.cli.console import progress_bar
from feedbackward.cli.parser import command_parser
from feedbackward.errors import InputError
from feedbackward.io import check_target, write_text

if TYPE_CHECKING:
    from torch import Tensor

    from feedbackward.data.encodings import MaskEncoding
    from feedbackward.metrics.cityscapes_result import CityscapesResult

DataSet = Literal["cityscapes", "camvid", "folder"]
EncodedClasses: TypeAlias = "tuple[ClassTable, MaskEncoding]"
"""The classes of a data set and how the ground truth encodes them."""

_WHOLE = ("mean_iou", "pixel_accuracy", "mean_accuracy")


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward evaluate` and run it."""
    parser = command_parser(
        "evaluate", "Score a folder of predictions, or what a network predicts, against the ground truth."
    )
    parser.add_argument("--dataset", type=DataSet, required=True, help="what the ids in the files mean")
    parser.add_argument(
        "--ground-truth",
        type=Path,
        required=True,
        help="folder of the true masks, such as gtFine/val of Cityscapes; subfolders are searched too",
    )
    parser.add_argument(
        "--predictions",
        type=Path | None,
        help="folder of the predictions: 8-bit PNGs of label ids (cityscapes) or class indices (the others)",
    )
    parser.add_argument("--model", help="in place of predictions: saved folder, checkpoint, exported file or hub id")
    parser.add_argument("--source", type=Path | None, help="with --model: folder of the images that it predicts")
    parser.add_argument(
        "--scale", type=PositiveFloat, default=1.0, help="with --model: factor of the size that it sees"
    )
    parser.add_argument("--classes", type=Path | None, help="class file (YAML or JSON), for --dataset folder only")
    parser.add_argument("--json", type=Path | None, help="file to write the result to")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="images at a time")
    evaluate(**vars(parser.parse_args(args)))


def evaluate(
    *,
    dataset: DataSet,
    ground_truth: Path,
    predictions: Path | None = None,
    model: str | None = None,
    source: Path | None = None,
    scale: float = 1.0,
    classes: Path | None = None,
    json: Path | None = None,
    workers: int = 1,
) -> None:
    """Score a folder of predictions, or what a network predicts, against the ground truth.

    Args:
        dataset: cityscapes (label ids), camvid, or folder, whose classes a file names.
        ground_truth: Folder of the true masks.
        predictions: Folder of the predictions; or else
        model: Folder of a saved network, checkpoint (.ckpt), exported file or hub id, and
        source: Folder of the images, named as for `feedbackward predict`.
        scale: The network sees the images at this factor of their size.
        classes: Class file, for the data set folder.
        json: File to write the result to.
        workers: Images at a time.

    Raises:
        InputError: If anything is wrong with the input; nothing is written then.
    """
    class_file = encoded_classes(dataset, classes)
    if json is not None:
        check_target(json, option="--json")
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        if model is not None and source is not None and predictions is None:
            predictions = _predict(model, source, Path(folder), scale, class_file, console)
        elif predictions is None or model is not None or source is not None:
            raise InputError("give either --predictions DIR, or --model and --source DIR, whose images it predicts")
        tables, data = score(class_file, ground_truth, predictions, workers, console)
    for rendered in tables:
        console.print(rendered)
    if json is not None:
        write_text(json, dumps(data, indent=4, sort_keys=True) + "\n")


def _predict(
    model: str, source: Path, folder: Path, scale: float, class_file: "EncodedClasses | None", console: Console
) -> Path:
    # Scoring files needs no network, and importing them takes longer than the rest.
    from feedbackward.cli.predict import predict_into
    from feedbackward.segmenters import Predictor, choose_device, load_any

    predictor = Predictor(load_any(model), device=choose_device("auto"), scale=scale)
    table = None if class_file is None else class_file[0]
    return predict_into(folder, predictor, model, source, table, console)


def score(
    class_file: "EncodedClasses | None",
    ground_truth: Path,
    predictions: Path,
    workers: int,
    console: Console,
) -> tuple[list[Table], dict[str, Any]]:
    """The scores as tables and as plain data."""
    from feedbackward.metrics.evaluate import evaluate_cityscapes, evaluate_classes
    from feedbackward.metrics.pairs import find_cityscapes_pairs, find_class_pairs

    if class_file is None:
        pairs = find_cityscapes_pairs(ground_truth, predictions)
        with progress_bar("scoring", total=len(pairs), console=console) as advance:
            result = evaluate_cityscapes(pairs, workers=workers, on_pair=advance)
        return cityscapes_tables(result), result.to_official()
    table, encoding = class_file
    masks = find_class_pairs(ground_truth, predictions)
    with progress_bar("scoring", total=len(masks), console=console) as advance:
        scores = evaluate_classes(masks, table, read_truth=encoding.read, workers=workers, on_pair=advance)
    return class_tables(scores, table), _plain(scores, table)


def cityscapes_tables(result: "CityscapesResult") -> list[Table]:
    """The scores of every class, of every category, and their four averages, in percent."""
    classes = _table("class", "IoU", "iIoU")
    for name in result.class_iou:
        classes.add_row(Text(name), _percent(result.class_iou[name]), _percent(result.class_iiou[name]))
    categories = _table("category", "IoU", "iIoU")
    for name in result.category_iou:
        categories.add_row(Text(name), _percent(result.category_iou[name]), _percent(result.category_iiou[name]))
    averages = _table("IoU class", "iIoU class", "IoU category", "iIoU category")
    averages.add_row(*(_percent(score) for score in result[:4]))
    return [classes, categories, averages]


def class_tables(scores: "dict[str, Tensor]", class_table: ClassTable) -> list[Table]:
    """The scores of every class, and those of the whole, in percent."""
    classes = _table("class", "IoU", "accuracy")
    for name, iou, accuracy in zip(class_table.names, scores["iou"].tolist(), scores["accuracy"].tolist(), strict=True):
        classes.add_row(Text(name), _percent(iou), _percent(accuracy))
    whole = _table("mean IoU", "pixel accuracy", "mean accuracy")
    whole.add_row(*(_percent(scores[name].item()) for name in _WHOLE))
    return [classes, whole]


def encoded_classes(dataset: DataSet, classes: Path | None) -> "EncodedClasses | None":
    """The classes and how the ground truth encodes them; None for Cityscapes, which has its own rules."""
    from feedbackward.data.camvid import CAMVID, CAMVID_ENCODING
    from feedbackward.data.class_file import load_class_file

    if dataset == "folder":
        if classes is None:
            raise InputError("--dataset folder needs --classes FILE, the YAML or JSON that names the classes")
        class_file = load_class_file(classes)
        return class_file.table, class_file.encoding
    if classes is not None:
        raise InputError(f"--dataset {dataset} has its own classes; --classes is for --dataset folder")
    return None if dataset == "cityscapes" else (CAMVID, CAMVID_ENCODING)


def _table(*columns: str) -> Table:
    table = Table()
    for column in columns:
        table.add_column(column, justify="left" if column in ("class", "category") else "right")
    return table


def _percent(score: float) -> str:
    return "-" if math.isnan(score) else f"{100 * score:.1f}"


def _plain(scores: "dict[str, Tensor]", class_table: ClassTable) -> dict[str, Any]:
    per_class = {name: dict(zip(class_table.names, scores[name].tolist(), strict=True)) for name in ("iou", "accuracy")}
    return {
        **{name: scores[name].item() for name in _WHOLE},
        **per_class,
        "classes": list(class_table.names),
        "confusion": scores["confusion"].tolist(),
    }
