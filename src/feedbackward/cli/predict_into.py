"""Prediction into a folder for the commands that score predictions."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from feedbackward.classes import ClassTable, check_classes
from feedbackward.cli.console import progress_bar
from feedbackward.data.encodings import IndexEncoding, MaskClasses
from feedbackward.data.large import read_unless_large
from feedbackward.data.listing import warn_left_out
from feedbackward.data.predictions import PredictionPair
from feedbackward.data.sources import DataSource, Layout
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


class PlannedPredictions:
    """The predictions of images in a folder, to score them: their names are known before they are made.

    Args:
        folder: A new folder; each prediction is an empty file there at first, so that it is paired with its mask.
        predictor: Predictor of the network.
        model: Name of the network, for messages.
        source: The image, the folder of images or the shards.
        classes: The classes that the network must have, and their encoding in the ground truth.
        layout: How the predictions are written.

    Attributes:
        masks: The folder of the masks.
        classes: The classes with their encoding there: masks have the values of the network's classes, whatever the
            ground truth has.

    Raises:
        InputError: If there are no images, or the network has other classes.
    """

    def __init__(
        self, folder: Path, predictor: Predictor, model: str, source: str | Path, classes: MaskClasses, layout: Layout
    ) -> None:
        self._predictor, self._source = predictor, str(source)
        self._kind = KINDS[layout]
        self._kinds, self._writing = find_outputs([self._kind]), OutputOptions()
        sources = find_sources([source])
        warn_left_out(source, sources.left_out)
        self._jobs = plan(sources.items, self._kinds, folder)
        task, *others = predictor.tasks
        if others:
            raise InputError(
                f"{model} predicts {len(others) + 1} tasks, and one can be scored; score the adapter of one task, or "
                f"with `feedbackward validate` a network whose classes overlap"
            )
        table = named_classes(task, model, self._kinds, self._writing)
        check_classes(table, classes.table, of=f"network {model}")
        self.masks = folder / self._kind
        self.classes = classes
        if layout == "masks":
            indices = {value: index for index, value in enumerate(table.values)}
            written = IndexEncoding(indices, ignored=[table.void_value], hint="Predict the images again")
            self.classes = replace(classes, predictions=written)
        for job in self._jobs:
            path = job.files[self._kind]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def pair(self, data: DataSource, ground_truth: str) -> list[PredictionPair]:
        """Pair the true masks with the predictions.

        Raises:
            InputError: If an image of a mask is missing.
        """
        return data.pair(ground_truth, self.masks, source=self._source)

    def predict(self, masks: Collection[Path], console: Console) -> None:
        """Predict some of the images.

        Args:
            masks: Their predictions.
            console: Shows the progress.

        Raises:
            InputError: If an image cannot be predicted.
        """
        jobs = [job for job in self._jobs if job.files[self._kind] in masks]
        with progress_bar("predicting", total=len(jobs), console=console) as advance:

            def write(job: Job, result: Result) -> None:
                job.write(result, self._kinds, self._writing)
                advance()

            predict_each(
                jobs,
                read=lambda job: read_unless_large(job.image, self._predictor.preprocessing.channels),
                segment=self._predictor.segment,
                write=write,
                skip=_refuse,
                at_once=self._predictor.at_once,
            )


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
