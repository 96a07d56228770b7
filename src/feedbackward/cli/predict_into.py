"""Prediction into a folder for the commands that score predictions."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from feedbackward.classes import ClassTable, check_classes
from feedbackward.cli.console import progress_bar
from feedbackward.data.encodings import IndexEncoding, MaskClasses
from feedbackward.data.large import read_unless_large
from feedbackward.data.listing import warn_left_out
from feedbackward.data.sources import Layout
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs import Output, OutputOptions, find_outputs
from feedbackward.segmenters.outputs.files import Job, plan
from feedbackward.segmenters.pipeline import predict_each
from feedbackward.segmenters.predictor import Predictor
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.sources import find_sources
from feedbackward.task import Task

KINDS: dict[Layout, str] = {"masks": "masks", "cityscapes": "submission"}
"""The kind of output of each layout."""


def predict_into(
    folder: Path,
    predictor: Predictor,
    model: str,
    source: Path,
    classes: MaskClasses,
    layout: Layout,
    console: Console,
) -> tuple[Path, MaskClasses]:
    """Predict images into a folder, to score them.

    Args:
        folder: An empty folder.
        predictor: Predictor of the network.
        model: Name of the network, for messages.
        source: The image or the folder of images.
        classes: The classes that the network must have, and their encoding in the ground truth.
        layout: How the predictions are written.
        console: Shows the progress.

    Returns:
        The folder of the masks, and the classes with their encoding there: masks have the values of the network's
        classes, whatever the ground truth has.

    Raises:
        InputError: If there are no images, one cannot be predicted, or the network has other classes.
    """
    kinds, writing = find_outputs([KINDS[layout]]), OutputOptions()
    sources = find_sources([source])
    warn_left_out(source, sources.left_out)
    jobs = plan(sources.items, kinds, folder)
    task, *others = predictor.tasks
    if others:
        raise InputError(
            f"{model} predicts {len(others) + 1} tasks, and one can be scored; score the adapter of one task, or with "
            f"`feedbackward validate` a network whose classes overlap"
        )
    table = named_classes(task, model, kinds, writing)
    check_classes(table, classes.table, of=f"network {model}")
    with progress_bar("predicting", total=len(jobs), console=console) as advance:

        def write(job: Job, result: Result) -> None:
            job.write(result, kinds, writing)
            advance()

        predict_each(
            jobs,
            read=lambda job: read_unless_large(job.image, predictor.preprocessing.channels),
            segment=predictor.segment,
            write=write,
            skip=_refuse,
        )
    if layout == "masks":
        indices = {value: index for index, value in enumerate(table.values)}
        written = IndexEncoding(indices, ignored=[table.void_value], hint="Predict the images again")
        classes = replace(classes, predictions=written)
    return folder / KINDS[layout], classes


def _refuse(_: Job, error: InputError) -> None:
    raise error


def named_classes(task: Task, model: str, kinds: list[Output], options: OutputOptions) -> ClassTable:
    """The classes of a task of a network.

    Raises:
        InputError: If it has none, or not those that an output needs.
    """
    table = task.class_table
    if table is None:
        raise InputError(
            f"the network {model} has no class names and colors; load it in Python, set its class_table, and save it "
            f"again with save_pretrained"
        )
    for kind in kinds:
        kind.check(table, options)
    return table
