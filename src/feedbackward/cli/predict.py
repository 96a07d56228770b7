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
from feedbackward.io import write_whole
from feedbackward.loading import load
from feedbackward.segmenters.images import find_images
from feedbackward.segmenters.outputs import (
    FOLDERS,
    Job,
    check_cityscapes,
    check_outputs,
    mask_image,
    overlay_image,
    plan,
    submission_image,
    zip_submission,
)
from feedbackward.segmenters.predictor import Predictor

if TYPE_CHECKING:
    from feedbackward.nn import DenseCRF


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
        layout: masks: class indices as palette PNGs. cityscapes: a submission to the benchmark, label ids in
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
    images = find_images(source)
    jobs = plan(images, source=source, output=output, layout=layout, overlays=overlays)
    archive = output / "submission.zip"
    predictor = Predictor(load(model, device=device), scale=scale, crf=_dense_crf() if crf else None)
    table = named_classes(predictor, model, layout)
    files = [path for job in jobs for path in job.outputs] + ([archive] if zipped else [])
    check_outputs(output, files, overwrite=overwrite)
    for image in images:
        read_image(image)  # only decoding finds damage in the middle of a file

    console = Console()
    pixels = write_predictions(predictor, jobs, table, layout, console)
    if zipped:
        zip_submission(archive, jobs)
    _summarize(console, jobs, table, pixels, output=output, archive=archive if zipped else None)


def _dense_crf() -> "DenseCRF":
    # An exported file is predicted without importing torch, unless it is refined.
    from feedbackward.nn import DenseCRF

    return DenseCRF()


def named_classes(predictor: Predictor, model: str, layout: Layout) -> ClassTable:
    """The classes of a network.

    Raises:
        InputError: If it has none, or not those that the layout needs.
    """
    table = predictor.segmenter.class_table
    if table is None:
        raise InputError(
            f"the network {model} has no class names and colors; load it in Python, set its class_table, and save it "
            f"again with save_pretrained"
        )
    if layout == "cityscapes":
        check_cityscapes(table)
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
    jobs = plan(find_images(source), source=source, output=folder, layout=layout, overlays=False)
    table = named_classes(predictor, model, layout)
    check_classes(table, expected, of=f"network {model}")
    write_predictions(predictor, jobs, table, layout, console)
    return folder / FOLDERS[layout]


def write_predictions(
    predictor: Predictor, jobs: list[Job], table: ClassTable, layout: Layout, console: Console
) -> NDArray[np.int64]:
    """Predict each image and write its files; return the number of pixels of each class."""
    pixels = np.zeros(len(table), dtype=np.int64)
    for job in track(jobs, description="predicting", console=console, transient=True):
        prediction = _run(predictor, job, table, layout)
        pixels += np.bincount(prediction.ravel(), minlength=len(table))
    return pixels


def _run(predictor: Predictor, job: Job, table: ClassTable, layout: Layout) -> NDArray[np.uint8]:
    image = read_image(job.image)
    prediction = predictor.predict(image)
    picture = submission_image(prediction) if layout == "cityscapes" else mask_image(prediction, table)
    write_whole(job.mask, lambda file: picture.save(file, format="PNG"))
    if job.overlay is not None:
        overlay = overlay_image(image, prediction, table)
        write_whole(job.overlay, lambda file: overlay.save(file, format="JPEG", quality=92))
    return prediction


def _summarize(
    console: Console,
    jobs: Iterable[Job],
    table: ClassTable,
    pixels: NDArray[np.int64],
    *,
    output: Path,
    archive: Path | None,
) -> None:
    jobs = list(jobs)
    shares = Table("", "class", "share of pixels", title=f"{len(jobs)} image{'s' * (len(jobs) != 1)}")
    for index in np.argsort(-pixels, kind="stable"):
        if pixels[index]:
            red, green, blue = table.colors[index]
            swatch = Text("  ", style=f"on rgb({red},{green},{blue})")
            shares.add_row(swatch, Text(table.names[index]), f"{pixels[index] / pixels.sum():7.2%}")
    console.print(shares)
    folders = sorted({path.relative_to(output).parts[0] for job in jobs for path in job.outputs})
    for path in [*(output / folder for folder in folders), *([archive] if archive else [])]:
        console.print(Text(str(path)), soft_wrap=True)
