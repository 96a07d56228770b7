"""Prediction into a folder for the commands that score predictions."""

from pathlib import Path

from rich.console import Console

from feedbackward.classes import ClassTable, check_classes
from feedbackward.cli.console import progress_bar
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
    expected: ClassTable,
    layout: Layout,
    console: Console,
) -> Path:
    """Predict images into a folder, to score them.

    Args:
        folder: An empty folder.
        predictor: Predictor of the network.
        model: Name of the network, for messages.
        source: The image or the folder of images.
        expected: The classes that the network must have.
        layout: How the predictions are written.
        console: Shows the progress.

    Returns:
        The folder of the masks.

    Raises:
        InputError: If there are no images, one cannot be predicted, or the network has other classes.
    """
    kinds, writing = find_outputs([KINDS[layout]]), OutputOptions()
    sources = find_sources([source])
    warn_left_out(source, sources.left_out)
    jobs = plan(sources.items, kinds, folder)
    task, *others = predictor.tasks
    if others:
        raise InputError(f"{model} predicts {len(others) + 1} tasks; score the adapter of one task")
    check_classes(named_classes(task, model, kinds, writing), expected, of=f"network {model}")
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
    return folder / KINDS[layout]


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
