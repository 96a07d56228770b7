"""What `feedbackward predict` will do: found and checked in full before anything is written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeAlias

from jsonargparse import Namespace

from feedbackward.cli.destination import Destination
from feedbackward.cli.model_argument import split_models
from feedbackward.cli.predict_into import named_classes
from feedbackward.cli.predict_report import SKIPPED
from feedbackward.cli.prediction_options import augment_of, reading_difference, resize_of, tiles_of
from feedbackward.errors import InputError
from feedbackward.exporting.names import PrecisionName
from feedbackward.fingerprint import fingerprint
from feedbackward.loading import load_segmenter
from feedbackward.processes import Processes
from feedbackward.segmenters.journal import JOURNAL, Journal
from feedbackward.segmenters.outputs import OUTPUTS, Output, OutputOptions, find_outputs
from feedbackward.segmenters.outputs.files import Job, check_outputs, plan
from feedbackward.segmenters.pipeline import segmenting_threads
from feedbackward.segmenters.predictor import Predictor
from feedbackward.segmenters.segmenter import Segmenter
from feedbackward.segmenters.sources import Item, Sources, find_sources
from feedbackward.segmenters.thresholds import parse_thresholds
from feedbackward.segmenters.video_prediction import video_job
from feedbackward.task import Task, tasks_of

if TYPE_CHECKING:
    from feedbackward.nn import DenseCRF

Jobs: TypeAlias = tuple[Job, ...]
"""The jobs of one image, one for each task."""

MADE_WITH = (
    "size",
    "scale",
    "longest_side",
    "shortest_side",
    "flip",
    "scales",
    "tile",
    "overlap",
    "large",
    "crf",
    "precision",
    "alpha",
    "no_legend",
    "background",
    "tolerance",
    "threshold",
)
"""The options that the outputs depend on."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to predict and where to.

    Args:
        predictor: The network.
        kinds: The kinds of files to write.
        writing: Their options.
        sources: The images and videos, and the files that are left out.
        destinations: Where the predictions of each task go.
        images: The jobs of each image.
        videos: The videos with their job.
        own: The jobs that are this process's share.
        waiting: Names of those that no earlier run has done.
        note: How images are read otherwise than in training; "" if they are not.
    """

    predictor: Predictor
    kinds: list[Output]
    writing: OutputOptions
    sources: Sources
    destinations: list[Destination]
    images: list[Jobs]
    videos: dict[Item, Job]
    own: list[Jobs]
    waiting: set[PurePath]
    note: str

    @property
    def everything(self) -> list[Jobs]:
        """The jobs of all processes."""
        return [*self.images, *((job,) for job in self.videos.values())]


def plan_prediction(options: Namespace, processes: Processes) -> Plan:
    """Find what to predict, load the network and check where the predictions go.

    Args:
        options: Those of `feedbackward predict`.
        processes: Those that share the images.

    Raises:
        InputError: If anything is wrong with the options, or the output folder contains other files of these names.
    """
    kinds = find_outputs(options.save or ["masks", "overlays"])
    writing = OutputOptions(
        alpha=options.alpha,
        legend=not options.no_legend,
        background=options.background,
        tolerance=options.tolerance,
    )
    # Outputs of earlier runs are no images to predict, neither of one task nor of several.
    written = [options.output, *(path.parent for path in options.output.glob(f"*/{JOURNAL}"))]
    sources = find_sources(options.source, outputs=[folder / kind for folder in written for kind in OUTPUTS])
    models = split_models(options.model)
    items = [item for item in sources.items if not item.is_video]
    videos = {item: video_job(item, options.output) for item in sources.items if item.is_video}
    # Frames follow each other, several processes share the cores already, and the CRF uses all of them.
    alone = bool(videos) or processes.count > 1 or options.crf
    at_once = 1 if alone else segmenting_threads(math.ceil(len(items) / options.batch_size))
    network = _in_precision(_load(models, options, at_once=at_once), options.precision)
    if videos and len(tasks_of(network)) > 1:
        raise InputError(
            f"{next(iter(videos)).path}: videos are predicted for one task, and there are {len(tasks_of(network))}"
        )
    predictor = Predictor(
        network,
        resize=resize_of(options),
        augment=augment_of(options),
        crf=_dense_crf() if options.crf else None,
        tiles=tiles_of(options),
        thresholds=parse_thresholds(options.threshold),
        probabilities=any(kind.needs_probabilities for kind in kinds),
    )
    destinations = _destinations(models, tasks_of(network), items, kinds, writing, options, rank=processes.rank)
    images = list(zip(*(destination.jobs for destination in destinations), strict=True))
    own = processes.share([*images, *((job,) for job in videos.values())])
    waiting = {jobs[0].name for jobs in own if not _all_done(destinations, jobs)}
    _check_free(destinations, own, options.output)
    return Plan(
        predictor=predictor,
        kinds=kinds,
        writing=writing,
        sources=sources,
        destinations=destinations,
        images=images,
        videos=videos,
        own=own,
        waiting=waiting,
        note=reading_difference(predictor.preprocessing, network.preprocessing),
    )


def _destinations(
    models: list[str],
    tasks: Sequence[Task],
    items: Sequence[Item],
    kinds: list[Output],
    writing: OutputOptions,
    options: Namespace,
    *,
    rank: int,
) -> list[Destination]:
    destinations = []
    sharing = models * len(tasks) if len(models) == 1 else models  # an exported file contains all tasks
    for model, task in zip(sharing, tasks, strict=True):
        folder = options.output / task.name
        journal = Journal(
            folder,
            model=fingerprint(model),
            options={name: options[name] for name in MADE_WITH},
            overwrite=options.overwrite,
            rank=rank,
        )
        table = named_classes(task, model, kinds, writing)
        destinations.append(Destination(task.name, folder, table, kinds, writing, plan(items, kinds, folder), journal))
    return destinations


def _all_done(destinations: Sequence[Destination], jobs: Jobs) -> bool:
    done = [destination.is_done(job) for destination, job in zip(destinations, jobs, strict=True)]
    return all(done)  # each one is asked, as each may refuse to overwrite a file


def _check_free(destinations: Sequence[Destination], own: Sequence[Jobs], output: Path) -> None:
    """Refuse to replace files that no earlier run of the command has written."""
    for destination in destinations:
        destination.journal.check_free(destination.gathered)
    if not any(destination.journal.path.exists() for destination in destinations):
        destinations[0].journal.check_free([output / SKIPPED])
    files = [path for jobs in own for job in jobs for path in job.files.values()]
    check_outputs(output, [*(destination.journal.path for destination in destinations), *files])


def _load(models: list[str], options: Namespace, *, at_once: int) -> Segmenter:
    model = models[0] if len(models) == 1 else models
    return load_segmenter(model, backbone=options.backbone, device=options.device, at_once=at_once)


def _in_precision(segmenter: Segmenter, precision: PrecisionName) -> Segmenter:
    # An exported file is predicted without importing torch.
    if precision == "fp32":
        return segmenter
    from feedbackward.segmenters.precision import Autocast

    return Autocast(segmenter, precision)


def _dense_crf() -> "DenseCRF":
    # An exported file is predicted without importing torch, unless it is refined.
    from feedbackward.nn import DenseCRF

    return DenseCRF()
