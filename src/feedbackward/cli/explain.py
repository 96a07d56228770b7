"""`feedbackward explain MODEL IMAGE`: why a network predicts what it does, as a page."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace
from rich import get_console
from rich.text import Text

from feedbackward.cli.model_argument import add_backbone
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser, whole_pair
from feedbackward.errors import InputError, nearest
from feedbackward.io import check_new, check_target, write_text

if TYPE_CHECKING:
    from feedbackward.explaining.explanation import Explanation, Prediction
    from feedbackward.explaining.image import ExplainedImage
    from feedbackward.explaining.page import Comparison, Target
    from feedbackward.explaining.reliability import Calibration
    from feedbackward.segmenters.segmenter import Segmenter

PLACES = 3
"""The number of classes whose Grad-CAM is shown without --at and --class."""
SKIPS = 5
"""The number of skip connections that are printed."""
EXAMPLES = """\
examples:
  feedbackward explain runs/mine/model photo.jpg
  feedbackward explain runs/mine/model photo.jpg --at 320,200 --class car
  feedbackward explain runs/mine/model photo.jpg --data DATA --against runs/other/model --output page.html
"""


def build_parser() -> CommandParser:
    """The parser of `feedbackward explain`."""
    parser = command_parser(
        "explain",
        "Explain a prediction on a page: the features going into the network and the signals coming back, what each\n"
        "skip connection moves, where the network looks (Grad-CAM), its confidence and its calibration.",
        epilog=EXAMPLES,
        formatter_class=PlainHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="saved folder, checkpoint, adapter, exported file or hub id")
    parser.add_argument("image", metavar="IMAGE", type=Path, help="the image to explain")
    add_backbone(parser)
    parser.add_argument("--at", metavar="X,Y", help="pixel for Grad-CAM (the surest pixel of the class)")
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="class for Grad-CAM (that of the pixel, or the largest three)",
    )
    parser.add_argument(
        "--task", default="", metavar="NAME", help="which of classes that overlap, or tasks (the first)"
    )
    parser.add_argument("--data", metavar="DATA", type=Path | None, help="data set for the calibration: a folder")
    parser.add_argument("--against", metavar="MODEL", help="another model, to see where the two disagree")
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps, ... (the accelerator)")
    parser.add_argument("--output", metavar="FILE", type=Path, default=Path("explain.html"), help="page (explain.html)")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing page")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward explain` and run it."""
    explain(build_parser().parse_args(args))


def explain(options: Namespace) -> None:
    """Write the page of an explanation, and print the numbers on it.

    Args:
        options: What the parser returns.

    Raises:
        InputError: If anything is wrong with the options; nothing is written then.
    """
    check_target(options.output, option="--output")
    check_new(options.output, overwrite=options.overwrite)
    at = None if options.at is None else pixel_of(options.at)
    from feedbackward.explaining.explanation import Explanation, Prediction
    from feedbackward.explaining.image import explained_image
    from feedbackward.explaining.page import render_explanation
    from feedbackward.models import Feedbackward

    model = _load(options.model, options, other=options.against)
    explanation: Explanation | None = None
    unexplained = ""
    if isinstance(model, Feedbackward):
        explanation = Explanation(model, options.image, task=options.task)
        image, prediction = explanation.image, explanation.prediction
    else:
        unexplained = _without(options.model, at is not None or options.class_name is not None)
        image = explained_image(options.image, model.preprocessing)
        prediction = Prediction(model, image, task=options.task)
    targets = [] if explanation is None else _targets(prediction, image, at, options.class_name)
    facts = _facts(model, image, options.task)
    for fact in (*facts, unexplained) if unexplained else facts:
        _say(fact)
    calibration, images = _calibrate(model, prediction, options) if options.data is not None else (None, "")
    comparison = _compare(prediction, image, options) if options.against is not None else None
    page = render_explanation(
        model=options.model,
        name=options.image.name,
        facts=facts,
        image=image,
        prediction=prediction,
        explanation=explanation,
        unexplained=unexplained,
        targets=targets,
        calibration=calibration,
        calibrated_on=images,
        comparison=comparison,
    )
    write_text(options.output, page)
    _print_numbers(explanation, calibration, images, comparison)
    _say(f"page: {options.output}")


def pixel_of(text: str) -> tuple[int, int]:
    """The x and y in the value of --at.

    Raises:
        InputError: If these are not two whole numbers.

    Example:
        >>> pixel_of("320,200")
        (320, 200)
    """
    return whole_pair(text, option="--at", expected="the column and the row of a pixel, such as 320,200")


def _load(model: str, options: Namespace, *, other: str | None) -> "Segmenter":
    """A network as it was trained, whose graph can be explained, or an exported file.

    Of two models, --backbone is for those that are adapters; where none is, the one that is loaded first refuses it.
    """
    from feedbackward.exporting.exported import is_exported
    from feedbackward.loading import load_segmenter
    from feedbackward.machine import choose_device
    from feedbackward.models.saved import load_network

    path, weights = Path(model), options.backbone
    if not path.exists() and "," in model:
        raise InputError(f"{model}: several adapters; explain one of them at a time")
    if other is not None and not _is_adapter(model) and _is_adapter(other):
        weights = None
    if is_exported(path) and not path.is_dir():
        return load_segmenter(model, backbone=weights, device=options.device)
    device = choose_device(options.device)
    return load_network(model, backbone=weights).to(device).eval()


def _without(model: str, asked: bool) -> str:
    """The line about a model whose inside cannot be shown.

    Raises:
        InputError: If something about its inside was asked for.
    """
    reason = f"{model} is not a feedbackward network in PyTorch, and has no decoder signals, skip connections of this "
    reason += "kind, or gradients to show"
    if asked:
        raise InputError(f"--at and --class are for Grad-CAM, but {reason}; omit them")
    return f"{reason}: the page has its prediction and confidence, calibration (--data) and disagreement (--against)"


def _facts(model: "Segmenter", image: "ExplainedImage", task: str) -> list[str]:
    from feedbackward.task import tasks_of

    (height, width), (own_height, own_width) = image.size, image.own_size
    facts = [f"The image has {own_height}x{own_width} pixels (height x width)."]
    if image.is_reduced:
        facts = [f"{facts[0][:-1]}, and is explained at {height}x{width}, so that it takes seconds."]
    elif image.size != image.own_size:
        facts = [f"{facts[0][:-1]}, and is resized to {height}x{width}, as in the network's training."]
    names = [each.name for each in tasks_of(model)]
    if len(names) > 1:
        others = ", ".join(name for name in names if name != (task or names[0]))
        facts.append(f"This is about the task {task or names[0]}; the model also has {others} (--task).")
    return facts


def _targets(
    prediction: "Prediction", image: "ExplainedImage", at: tuple[int, int] | None, class_name: str | None
) -> "list[Target]":
    """The classes at pixels for which Grad-CAM is shown.

    Raises:
        InputError: If there is no such class, or the pixel is outside the image.
    """
    from feedbackward.explaining.page import Target

    names = prediction.table.names
    if class_name is not None and class_name not in names:
        raise InputError(f"--class {class_name}: no such class; {nearest(class_name, names)}")
    chosen = None if class_name is None else names.index(class_name)
    if at is not None:
        (x, y), (height, width) = at, image.own_size
        if not (0 <= x < width and 0 <= y < height):
            raise InputError(
                f"--at {x},{y} is outside the image of {height}x{width} (height x width); expected x from 0 to "
                f"{width - 1} and y from 0 to {height - 1}"
            )
        column, row = image.pixel(x, y)
        return [Target(at, int(prediction.mask[row, column]) if chosen is None else chosen)]
    classes = prediction.largest_classes(PLACES) if chosen is None else [chosen]
    return [Target(image.own_pixel(*prediction.surest_pixel(index)), index) for index in classes]


def _calibrate(model: "Segmenter", prediction: "Prediction", options: Namespace) -> "tuple[Calibration, str]":
    """The calibration over a data set, and which images these are."""
    from feedbackward.cli.console import progress_bar
    from feedbackward.explaining.labeled import LabeledImages
    from feedbackward.explaining.reliability import calibrate
    from feedbackward.models import Feedbackward, optimize
    from feedbackward.segmenters.predictor import Predictor

    images = LabeledImages(options.data, prediction.table)
    predictor = Predictor(optimize(model) if isinstance(model, Feedbackward) else model, probabilities=True)
    with progress_bar("calibration", total=len(images), console=get_console()) as advance:

        def watched() -> Any:
            for image in images:
                yield image
                advance()

        found = calibrate(predictor, watched(), ignore_index=images.ignore_index, task=options.task)
    if not found.count:
        raise InputError(f"--data {options.data}: the masks of {images.what} have no labeled pixel; give other images")
    return found, images.what


def _compare(prediction: "Prediction", image: "ExplainedImage", options: Namespace) -> "Comparison":
    """The prediction of the other model, at the size of the explained image."""
    from feedbackward.explaining.differences import disagreement
    from feedbackward.explaining.explanation import Prediction
    from feedbackward.explaining.image import explained_image
    from feedbackward.explaining.page import Comparison

    other = _load(options.against, options, other=options.model)
    found = Prediction(other, explained_image(options.image, other.preprocessing), task=options.task, size=image.size)
    differing = disagreement(prediction.mask, found.mask, prediction.table, found.table)
    return Comparison(options.against, found.mask, found.table, differing)


def _is_adapter(model: str) -> bool:
    from feedbackward.models.adapter import is_adapter
    from feedbackward.models.saved import find_model

    return is_adapter(find_model(model))


def _print_numbers(
    explanation: "Explanation | None", calibration: "Calibration | None", images: str, comparison: "Comparison | None"
) -> None:
    if explanation is not None:
        for skip in explanation.skips[:SKIPS]:
            place = f" (stride {skip.stride})" if skip.stride else ""
            _say(
                f"without the skip connection at {skip.path}{place}: {skip.mean_change:.2%} of the probability moves, "
                f"{skip.moved_share:.2%} of the pixels change class"
            )
    if calibration is not None:
        _say(
            f"calibration over {images}: ECE {calibration.error:.2%}, {calibration.accuracy:.2%} of the pixels right, "
            f"mean confidence {calibration.mean_confidence:.2%}"
        )
    if comparison is not None:
        _say(f"{comparison.model} gives {comparison.found.share:.2%} of the pixels another class")


def _say(line: str) -> None:
    get_console().print(Text(line), soft_wrap=True)
