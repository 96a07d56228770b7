"""The output files of a prediction: their names, checked before the first one is written, and their content.

A submission to the Cityscapes benchmark consists of 8-bit PNGs of label ids named CITY_SEQUENCE_FRAME.png.
"""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data.cityscapes_labels import CITYSCAPES, LABEL_IDS
from feedbackward.data.sources import Layout
from feedbackward.errors import InputError
from feedbackward.io import check_writable, nearest_existing, write_whole
from feedbackward.viz.pictures import overlay, present, with_legend

FOLDERS: dict[Layout, str] = {"masks": "masks", "cityscapes": "submission"}
"""The subfolder of the masks in each layout."""
_SCENE = re.compile(r"([^_]+_\d{6}_\d{6})(_leftImg8bit)?")


@dataclass(frozen=True)
class Job:
    """One image and the files to write for it.

    Args:
        image: The image to read.
        mask: The label PNG to write.
        overlay: The overlay to write, if any.
    """

    image: Path
    mask: Path
    overlay: Path | None

    @property
    def outputs(self) -> list[Path]:
        """The files to write."""
        return [self.mask] if self.overlay is None else [self.mask, self.overlay]


def plan(images: list[Path], *, source: Path, output: Path, layout: Layout, overlays: bool) -> list[Job]:
    """Choose the output files of every image: OUTPUT/masks (or submission) and OUTPUT/overlays.

    Subfolders of the source are kept, except in a submission. Overlays are JPEGs, which evaluation does not mistake
    for predictions.

    Args:
        images: The images in the source, as find_images returns them.
        source: An image or a folder.
        output: The output folder.
        layout: "masks" for class indices, "cityscapes" for a submission.
        overlays: Whether to write overlays too.

    Raises:
        InputError: If two images have the same output file, an output would replace an image or lies inside the
            source, or a file name in the layout "cityscapes" does not name a Cityscapes scene.
    """
    if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
        raise InputError(f"the output {output} lies inside the source {source}; choose a folder outside of it")
    jobs = []
    origin: dict[Path, Path] = {}
    for image in images:
        name = (image.relative_to(source) if source.is_dir() else Path(image.name)).with_suffix("")
        mask = Path(_scene(image)) if layout == "cityscapes" else name
        job = Job(
            image=image,
            mask=output / FOLDERS[layout] / f"{mask}.png",
            overlay=output / "overlays" / f"{name}.jpg" if overlays else None,
        )
        for path in job.outputs:
            if path.resolve() == image.resolve():
                raise InputError(f"the prediction of {image} would replace the image itself; choose another output")
            if path in origin:
                raise InputError(f"{origin[path]} and {image} would both become {path}; rename one of them")
            origin[path] = image
        jobs.append(job)
    return jobs


def _scene(image: Path) -> str:
    match = _SCENE.fullmatch(image.stem)
    if match is None:
        raise InputError(
            f"{image} does not have the name of a Cityscapes scene; the layout cityscapes expects "
            f"CITY_SEQUENCE_FRAME_leftImg8bit with six digits each, such as "
            f"berlin_000000_000019_leftImg8bit.png"
        )
    return match[1]


def check_cityscapes(table: ClassTable) -> None:
    """Check that the classes are the 19 of Cityscapes, in the order of their train ids.

    Raises:
        InputError: If they are not, so that they have no label ids.
    """
    if table.names != CITYSCAPES.names:
        raise InputError(
            f"the layout cityscapes needs a network with the {len(CITYSCAPES)} Cityscapes classes, but this "
            f"one has {len(table)}: {', '.join(table.names)}; use the layout masks"
        )


def check_outputs(output: Path, files: list[Path], *, overwrite: bool) -> None:
    """Check that the files and their folders can be written, without creating any.

    Raises:
        InputError: If they cannot, or files exist and overwrite is not set.
    """
    try:
        existing = [path for path in files if path.exists()]
        folders = {nearest_existing(path.parent) for path in files}
    except OSError as error:
        raise InputError(f"the output folder {output} cannot be written: {error}") from error
    if existing and not overwrite:
        raise InputError(
            f"{len(existing)} of {len(files)} output files exist already, such as {existing[0]}; choose "
            f"another output folder or add --overwrite"
        )
    for folder in sorted(folders):
        check_writable(folder, what=f"the output folder {output}")


def mask_image(prediction: NDArray[np.uint8], table: ClassTable) -> Image.Image:
    """Convert class indices (H, W) to a palette image: its values are the indices, viewers show the class colors."""
    image = Image.fromarray(prediction)
    # With fewer than 256 entries Pillow would write fewer than 8 bits per pixel.
    colors = [value for color in table.colors for value in color]
    image.putpalette(colors + [0] * (768 - len(colors)))
    return image


def submission_image(prediction: NDArray[np.uint8]) -> Image.Image:
    """Convert train ids (H, W) to an 8-bit gray image of label ids, the format of the benchmark's server."""
    return Image.fromarray(LABEL_IDS[prediction])


def overlay_image(image: NDArray[np.uint8], prediction: NDArray[np.uint8], table: ClassTable) -> Image.Image:
    """Blend the image (H, W, 3) with the colors of its classes (H, W), above a legend of the classes that occur."""
    painted = overlay(image, prediction, table)
    return Image.fromarray(with_legend(painted, table, present(table, prediction)))


def zip_submission(path: Path, jobs: list[Job]) -> None:
    """Pack the masks into one flat zip file, uncompressed because PNGs already are compressed."""

    def save(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for job in jobs:
                archive.write(job.mask, job.mask.name)

    write_whole(path, save)
