"""`feedbackward predict`: masks and overlays of an image or a folder, at the size of the images."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from feedbackward.classes import ClassTable, check_classes
from feedbackward.cli.parser import command_parser
from feedbackward.data.files import read_image
from feedbackward.data.sources import Layout
from feedbackward.errors import InputError
from feedbackward.loading import load
from feedbackward.segmenters.images import find_images
from feedbackward.segmenters.outputs import Output, OutputOptions, find_outputs
from feedbackward.segmenters.outputs.files import Job, check_outputs, gather, gathered_files, plan
from feedbackward.segmenters.predictor import Predictor
from feedbackward.segmenters.result import Result

if TYPE_CHECKING:
    from feedbackward.nn import DenseCRF


_KINDS: dict[Layout, str] = {"masks": "masks", "cityscapes": "submission"}
"""The kind of output of each layout."""


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward predict` and run it."""
    parser = command_parser("predict")
    flags: set[str | int] = {"crf", "overlays", "zipped", "overwrite"}
    parser.add_function_arguments(predict, skip=flags, fail_untyped=True)
    parser.add_argument("--crf", action="store_true", help="refine the logits with DeepLab's fully connected CRF")
    parser.add_argument("--no-overlays", action="store_true", help="write masks only")
    parser.add_argument(
        "--zip",
        dest="zipped",
        action="store_true",
        help="also write the submission (layout cityscapes) as a zip",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace output files that exist")
    options = vars(parser.parse_args(args))
    predict(overlays=not options.pop("no_overlays"), **options)


def predict(
    *,
    model: str,
    source: Path,
    output: Path,
    layout: Layout = "masks",
    device: str = "auto",
    scale: float = 1.0,
    crf: bool = False,
    overlays: bool = True,
    zipped: bool = False,
    overwrite: bool = False,
) -> None:
    """Predict the class of every pixel of an image, or of all images in a folder.

    Args:
        model: Folder of a saved network, checkpoint (.ckpt), exported file or hub id.
        source: Image, or folder with images (subfolders too).
        output: Folder to write to: masks go to masks/, overlays to overlays/.
        layout: masks: label PNGs. cityscapes: a submission to the benchmark, label ids in
            CITY_SEQUENCE_FRAME.png, for networks with the 19 Cityscapes classes.
        device: cpu, cuda, cuda:1, mps; auto is the accelerator if there is one.
        scale: Scale factor of the network's input; masks keep the size of the images.
        crf: Refine the logits with DeepLab's fully connected CRF.
        overlays: Also write the images blended with the class colors, with a legend.
        zipped: Also write the submission as a zip.
        overwrite: Replace output files that exist.

    Raises:
        InputError: If anything is wrong with the input; nothing is written then.
    """
    if zipped and layout != "cityscapes":
        raise InputError("--zip is for submissions; it needs --layout cityscapes")
    if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
        raise InputError(f"the output {output} lies inside the source {source}; choose a folder outside of it")
    images = find_images(source)
    kinds = find_outputs([_KINDS[layout], *["overlays"] * overlays])
    jobs = plan([(image, _name(image, source)) for image in images], kinds, output)
    archives = gathered_files(kinds, output) if zipped else []
    predictor = Predictor(load(model, device=device), scale=scale, crf=_dense_crf() if crf else None)
    table = named_classes(predictor, model, kinds)
    files = [path for job in jobs for path in job.files.values()] + archives
    check_outputs(output, files, overwrite=overwrite)
    for image in images:
        read_image(image)  # only decoding finds damage in the middle of a file

    console = Console()
    pixels = write_predictions(predictor, jobs, table, kinds, console)
    if zipped:
        gather(jobs, kinds, table, output)
    folders = [output / kind.name for kind in kinds]
    _summarize(console, jobs, table, pixels, written=[*folders, *archives])


def _name(image: Path, source: Path) -> Path:
    return image.relative_to(source) if source.is_dir() else Path(image.name)


def _dense_crf() -> "DenseCRF":
    # An exported file is predicted without importing torch, unless it is refined.
    from feedbackward.nn import DenseCRF

    return DenseCRF()


def named_classes(predictor: Predictor, model: str, kinds: list[Output]) -> ClassTable:
    """The classes of a network.

    Raises:
        InputError: If it has none, or not those that an output needs.
    """
    table = predictor.segmenter.class_table
    if table is None:
        raise InputError(
            f"the network {model} has no class names and colors; load it in Python, set its class_table, and save it "
            f"again with save_pretrained"
        )
    for kind in kinds:
        kind.check(table, OutputOptions())
    return table


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
        InputError: If there are no images, or the network has other classes.
    """
    kinds = find_outputs([_KINDS[layout]])
    jobs = plan([(image, _name(image, source)) for image in find_images(source)], kinds, folder)
    table = named_classes(predictor, model, kinds)
    check_classes(table, expected, of=f"network {model}")
    write_predictions(predictor, jobs, table, kinds, console)
    return folder / _KINDS[layout]


def write_predictions(
    predictor: Predictor, jobs: list[Job], table: ClassTable, kinds: list[Output], console: Console
) -> NDArray[np.int64]:
    """Predict each image and write its files; return the number of pixels of each class."""
    pixels = np.zeros(len(table), dtype=np.int64)
    for job in track(jobs, description="predicting", console=console, transient=True):
        image = read_image(job.image)
        prediction = predictor.predict(image)
        job.write(Result(image, prediction, table), kinds, OutputOptions())
        pixels += np.bincount(prediction.ravel(), minlength=len(table))
    return pixels


def _summarize(
    console: Console,
    jobs: Iterable[Job],
    table: ClassTable,
    pixels: NDArray[np.int64],
    *,
    written: list[Path],
) -> None:
    jobs = list(jobs)
    shares = Table("", "class", "share of pixels", title=f"{len(jobs)} image{'s' * (len(jobs) != 1)}")
    for index in np.argsort(-pixels, kind="stable"):
        if pixels[index]:
            red, green, blue = table.colors[index]
            swatch = Text("  ", style=f"on rgb({red},{green},{blue})")
            shares.add_row(swatch, Text(table.names[index]), f"{pixels[index] / pixels.sum():7.2%}")
    console.print(shares)
    for path in written:
        console.print(Text(str(path)), soft_wrap=True)
