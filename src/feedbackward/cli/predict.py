"""`feedbackward predict`: masks, overlays and other outputs for images, at the size of the images."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, get_args

from jsonargparse import Namespace
from jsonargparse.typing import ClosedUnitInterval, NonNegativeFloat, PositiveFloat, PositiveInt
from numpy.typing import NDArray

from feedbackward.cli.destination import Destination
from feedbackward.cli.model_argument import MODEL_HELP, add_backbone, split_models
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.cli.predict_into import named_classes
from feedbackward.cli.predict_report import SKIPPED, Reporter, Summary, write_skipped
from feedbackward.cli.prediction_options import (
    add_augment,
    add_resize,
    add_tiles,
    augment_of,
    reading_difference,
    resize_of,
    tiles_of,
)
from feedbackward.data.large import LARGE, LargeImage, read_unless_large
from feedbackward.data.listing import describe_left_out
from feedbackward.data.members import File
from feedbackward.errors import InputError
from feedbackward.exporting.names import PrecisionName
from feedbackward.fingerprint import fingerprint
from feedbackward.io import lock_folder, remove_parts, write_text
from feedbackward.loading import load_segmenter
from feedbackward.processes import Processes, launched_processes
from feedbackward.segmenters.journal import JOURNAL, Journal
from feedbackward.segmenters.outputs import OUTPUTS, Output, OutputOptions, find_outputs
from feedbackward.segmenters.outputs.files import Job, check_outputs, plan
from feedbackward.segmenters.pipeline import predict_each
from feedbackward.segmenters.predictor import Predictor
from feedbackward.segmenters.reduced import reduced_size
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.segmenter import Segmenter
from feedbackward.segmenters.sources import find_sources
from feedbackward.segmenters.thresholds import parse_thresholds
from feedbackward.segmenters.video_prediction import predict_video, video_job
from feedbackward.task import tasks_of

if TYPE_CHECKING:
    from feedbackward.nn import DenseCRF

USAGE = "feedbackward predict MODEL SOURCE... [options]"
DESCRIPTION = "Predict the class of every pixel of images. Interrupted, the same command goes on where it stopped."
EXAMPLES = """\
examples:
  feedbackward predict runs/mine/model photos
  feedbackward predict camvid.onnx 'photos/**/*.jpg' more.png @list.txt --output out
  feedbackward predict runs/mine/model photos --save masks polygons --json > summary.json
  feedbackward predict leaves.safetensors,roads.safetensors photos --backbone tf_efficientnet_lite0.safetensors
"""
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
WORKERS = min(4, os.cpu_count() or 1)
SHARED = ".shared"
"""The file in the output folder with which several processes find out that it is the same one."""
SHOWN_AFTER = 90
"""Seconds after which a network file system shows a file that another machine has written."""


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward predict` and run it; the exit status is 1 if images were skipped.

    Of several processes the first one says so for all, since torchrun ends those that still work after any other
    status than 0.
    """
    options = build_parser().parse_args(args)
    processes = launched_processes()
    reporter = Reporter(as_json=options.json, quiet=options.quiet or not processes.is_first)
    try:
        with ExitStack() as held:
            skipped = predict(options, reporter, processes, held)
    except KeyboardInterrupt:
        reporter.say("interrupted; the same command goes on from here")
        raise
    if skipped:
        raise SystemExit(1)


def build_parser() -> CommandParser:
    """The parser of `feedbackward predict`."""
    parser = command_parser("predict", DESCRIPTION, usage=USAGE, epilog=EXAMPLES, formatter_class=PlainHelpFormatter)
    parser.add_argument("model", help=MODEL_HELP)
    add_backbone(parser)
    parser.add_argument(
        "source",
        nargs="+",
        help="image, video, folder, quoted glob ('photos/**/*.jpg'), list (@FILE, FILE.txt) or shards ('x-{0..9}.tar')",
    )
    parser.add_argument("--output", type=Path, default="predictions", help="folder to write to (%(default)s)")
    written = parser.add_argument_group("what is written")
    written.add_argument(
        "--save",
        nargs="+",
        metavar="KIND",
        help=f"{', '.join(OUTPUTS)} (masks overlays; overlays of videos); each goes to its own folder",
    )
    written.add_argument("--alpha", type=ClosedUnitInterval, default=0.5, help="opacity of the colors, 0 to 1 (0.5)")
    written.add_argument("--no-legend", action="store_true", help="overlays without a legend")
    written.add_argument("--background", metavar="CLASS", help="class left unpainted; 'none' paints all (background)")
    written.add_argument(
        "--tolerance", type=NonNegativeFloat, default=0.0, metavar="PIXELS", help="simplify polygons by so much (0)"
    )
    written.add_argument(
        "--threshold",
        nargs="+",
        default=[],
        metavar="CLASS=P",
        help="probability from which pixels belong to a class, such as crack=0.7",
    )
    seen = parser.add_argument_group("how the network sees")
    add_resize(seen)
    add_augment(seen)
    add_tiles(seen)
    seen.add_argument("--crf", action="store_true", help="refine with DeepLab's fully connected CRF")
    run = parser.add_argument_group("how it runs")
    run.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps, ... (the accelerator)")
    run.add_argument(
        "--precision",
        choices=get_args(PrecisionName),
        default="fp32",
        metavar="TYPE",
        help="bf16 or fp16: half precision, faster on GPUs (fp32)",
    )
    run.add_argument(
        "--large",
        type=PositiveFloat,
        default=LARGE,
        metavar="MEGAPIXELS",
        help=f"images of more megapixels are read in bands, which limits the memory, and drawn smaller ({LARGE:g})",
    )
    run.add_argument("--batch-size", type=PositiveInt, default=1, metavar="N", help="images of one size at a time (1)")
    run.add_argument(
        "--workers",
        type=PositiveInt,
        default=WORKERS,
        metavar="N",
        help="threads that read and write images (%(default)s)",
    )
    run.add_argument("--strict", action="store_true", help="stop at the first file that cannot be used")
    run.add_argument("--overwrite", action="store_true", help="start over and replace what the output folder contains")
    run.add_argument("--json", action="store_true", help="print a summary in JSON, alone on stdout")
    run.add_argument("--quiet", action="store_true", help="print nothing but files that are skipped")
    return parser


def predict(options: Namespace, reporter: Reporter, processes: Processes, held: ExitStack) -> int:
    """Predict images as the options say.

    Args:
        options: What the parser returns.
        reporter: Prints what happens.
        processes: Those that share the images.
        held: Takes the lock of the output folder, which keeps other commands out until the caller closes it.

    Returns:
        The number of files that were skipped; of several processes the first one has the number of all, the others 0.

    Raises:
        InputError: If anything is wrong with the options, and nothing is written then; or, with --strict, if a file
            cannot be predicted.
    """
    started = time.perf_counter()
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
    network = _in_precision(_load(models, options), options.precision)
    tasks = tasks_of(network)
    videos = {item: video_job(item, options.output) for item in sources.items if item.is_video}
    if videos and len(tasks) > 1:
        raise InputError(f"{next(iter(videos)).path}: videos are predicted for one task, and there are {len(tasks)}")
    crf = _dense_crf() if options.crf else None
    predictor = Predictor(
        network,
        resize=resize_of(options),
        augment=augment_of(options),
        crf=crf,
        tiles=tiles_of(options),
        thresholds=parse_thresholds(options.threshold),
        probabilities=any(kind.needs_probabilities for kind in kinds),
    )
    images = [item for item in sources.items if not item.is_video]
    destinations = []
    folders = [options.output / task.name for task in tasks]
    sharing = models * len(tasks) if len(models) == 1 else models  # an exported file contains all tasks
    for model, folder, task in zip(sharing, folders, tasks, strict=True):
        journal = Journal(
            folder,
            model=fingerprint(model),
            options={name: options[name] for name in MADE_WITH},
            overwrite=options.overwrite,
            rank=processes.rank,
        )
        table = named_classes(task, model, kinds, writing)
        destinations.append(Destination(task.name, folder, table, kinds, writing, plan(images, kinds, folder), journal))
    # The jobs of each image, one for each task.
    jobs = list(zip(*(destination.jobs for destination in destinations), strict=True))
    everything = [*jobs, *((job,) for job in videos.values())]
    own = processes.share(everything)
    done = {of_image[0].name for of_image in own if _all_done(destinations, of_image)}
    waiting = {of_image[0].name for of_image in own} - done
    for destination in destinations:
        destination.journal.check_free(destination.gathered)
    if not any(destination.journal.path.exists() for destination in destinations):
        destinations[0].journal.check_free([options.output / SKIPPED])
    files = [path for of_image in own for job in of_image for path in job.files.values()]
    check_outputs(options.output, [*(each.journal.path for each in destinations), *files])

    if difference := reading_difference(predictor.preprocessing, network.preprocessing):
        reporter.say(difference)
    if sources.left_out:
        reporter.say(describe_left_out(sources.left_out))
    if done_before := sum(processes.gather(len(done))):
        reporter.say(f"{done_before} of {len(everything)} are done already; predicting {len(everything) - done_before}")
    if processes.is_first:  # all have checked, and none writes
        held.enter_context(lock_folder(options.output, remedy="choose another --output"))
        for folder in {path.parent for of_image in everything for job in of_image for path in job.files.values()}:
            remove_parts(folder)
        for destination in destinations:
            destination.journal.start()
    _check_shared(options.output, processes)
    skipped = list[tuple[File, str]]()
    with reporter.progress(len(waiting)) as advance:

        def read(of_image: tuple[Job, ...]) -> NDArray[Any] | LargeImage:
            image = read_unless_large(of_image[0].image, predictor.preprocessing.channels, options.large)
            if isinstance(image, LargeImage):
                reporter.say(_describe_large(image, kinds, options.large))
            return image

        def write(of_image: tuple[Job, ...], results: tuple[Result, ...]) -> None:
            for destination, job, result in zip(destinations, of_image, results, strict=True):
                destination.write(job, result)
            advance()

        def skip(of_image: tuple[Job, ...], error: InputError) -> None:
            image = of_image[0].image
            reason = str(error) if str(image) in str(error) else f"{image}: {error}"
            if options.strict:
                raise InputError(reason) from error
            for job in of_image:
                job.remove()
            skipped.append((image, reason))
            reporter.skip(reason)
            advance()

        predict_each(
            (of_image for of_image in jobs if of_image[0].name in waiting),
            read=read,
            segment=predictor.segment_tasks,
            write=write,
            skip=skip,
            batch_size=options.batch_size,
            workers=options.workers,
        )
        for item, job in videos.items():
            if job.name in waiting:
                destinations[0].begin(job, {})
                of_frames = kinds if options.save else []
                try:
                    predict_video(
                        item, options.output, predictor.segment, of_frames, writing, batch_size=options.batch_size
                    )
                except InputError as error:
                    skip((job,), error)
                else:
                    advance()
    left = {path for path, _ in skipped}
    predicted = [of_image for of_image in own if of_image[0].image not in left]
    areas = [
        destination.journal.areas(str(of_image[task].name) for of_image in predicted)
        for task, destination in enumerate(destinations)
    ]
    found = processes.gather({"skipped": [(str(path), reason) for path, reason in skipped], "areas": areas})
    if not processes.is_first:
        return 0
    reasons = {path: reason for of_process in found for path, reason in of_process["skipped"]}
    names = ((of_image[0].image, str(of_image[0].image)) for of_image in everything)
    skipped = [(image, reasons[name]) for image, name in names if name in reasons]
    for destination in destinations:
        destination.journal.merge()
        destination.gather(without=reasons)
    write_skipped(options.output / SKIPPED, skipped)
    if skipped:
        reporter.say(f"skipped {len(skipped)} of {len(everything)}: see {options.output / SKIPPED}")
    summary = Summary(
        model=options.model,
        done_before=done_before,
        predicted=len(everything) - done_before - len(skipped),
        skipped=skipped,
        left_out={reason: len(paths) for reason, paths in sources.left_out.items()},
        tasks=[
            destination.summary(sum((Counter(each["areas"][task]) for each in found), Counter()))
            for task, destination in enumerate(destinations)
        ],
        seconds=time.perf_counter() - started,
    )
    reporter.finish(summary)
    return len(skipped)


def _check_shared(folder: Path, processes: Processes) -> None:
    """Check that the output folder of each process contains a file that the first one writes, for this run alone.

    Raises:
        InputError: If it does not, since other machines have folders of their own.
    """
    if processes.count == 1:
        return
    token = token_hex(8) if processes.is_first else ""
    if processes.is_first:
        write_text(folder / SHARED, token)
    token = processes.broadcast(token)
    end = time.monotonic() + SHOWN_AFTER
    while not _contains(folder / SHARED, token):
        if time.monotonic() > end:
            raise InputError(
                f"the first process writes to another folder of the name {folder}; give an --output that all machines "
                f"share"
            )
        time.sleep(0.1)
    processes.wait()
    if processes.is_first:
        (folder / SHARED).unlink()


def _contains(path: Path, text: str) -> bool:
    with suppress(OSError):  # a network file system may show it later
        return path.read_text() == text
    return False


def _load(models: list[str], options: Namespace) -> Segmenter:
    model = models[0] if len(models) == 1 else models
    return load_segmenter(model, backbone=options.backbone, device=options.device)


def _all_done(destinations: Sequence[Destination], of_image: tuple[Job, ...]) -> bool:
    done = [destination.is_done(job) for destination, job in zip(destinations, of_image, strict=True)]
    return all(done)  # each one is asked, as each may refuse to overwrite a file


def _describe_large(image: LargeImage, kinds: Sequence[Output], megapixels: float) -> str:
    """How a large image is predicted.

    Raises:
        InputError: If a kind needs the probabilities of all its pixels.
    """
    (height, width), (smaller, narrower) = image.size, reduced_size(image.size)
    refused = [kind.name for kind in kinds if kind.needs_probabilities]
    if refused:
        raise InputError(
            f"{image.path} is {height}x{width} (height x width), and images of more than {megapixels:g} megapixels "
            f"have no {' and no '.join(refused)}; leave these out of --save, or set --large higher"
        )
    return f"{image.path} ({height}x{width}) is read in bands; overlays and contours show it at {smaller}x{narrower}"


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
