"""TIFF stacks: a file of several images, one a page, with a file of as many masks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from feedbackward.data.arguments import Split
from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.formats import SUFFIXES as FORMAT_SUFFIXES
from feedbackward.data.opening import decoding
from feedbackward.data.stored import to_native
from feedbackward.data.tiff_images import full_pages
from feedbackward.errors import InputError, listed
from feedbackward.importing.class_lists import class_list
from feedbackward.importing.data_files import data_files
from feedbackward.importing.found import FoundData, Sample, flat_name
from feedbackward.importing.mask_suffixes import MASK_SUFFIXES
from feedbackward.importing.split_names import folder_split, named_split

VOLUME = "-volume"
ENDINGS = (("images", "masks"), (VOLUME, "-labels"), *(("", suffix) for suffix in MASK_SUFFIXES))
"""How the names of a stack of images and of its masks end."""
NOTE = (
    "pages of one stack resemble each other, so that validation on pages of a training stack gives scores that are too "
    "high; set group to '^(.*)_[0-9]+$' to keep the pages of each stack together"
)


@dataclass(frozen=True)
class Page:
    """A page of a TIFF file, by its header; its pixels are read on demand.

    Args:
        path: The file.
        index: The position in the file.
        size: Height and width.
        samples: The number of channels.
        bits: The bits of a value.
        dtype: The type of the values, as the decoder returns them.
        kind: The photometric interpretation.
        compression: Its name.
    """

    path: Path
    index: int
    size: tuple[int, int]
    samples: int
    bits: int
    dtype: str
    kind: str
    compression: str

    def image(self) -> NDArray[Any]:
        """The pixels (height, width, channels), uint8, uint16 or float32.

        Raises:
            InputError: If the page is damaged, or has values that float32 cannot hold.
        """
        return to_native(self._read().reshape(*self.size, self.samples), self.path)

    def draw(self, height: int, width: int) -> NDArray[np.uint8 | np.uint16]:
        """As Drawing.draw."""
        assert (height, width) == self.size
        values = self._read()
        return values.astype(np.uint8) if values.dtype == np.bool_ else values

    def _read(self) -> NDArray[Any]:
        with decoding(self.path), tifffile.TiffFile(self.path) as tiff:
            page = tiff.pages[self.index]
            size = tiff.filehandle.size
            if any(offset + count > size for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)):
                raise InputError(f"{self.path} is truncated in page {self.index}; copy or download it again")
            pixels = page.asarray(maxworkers=1)
            return np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels


def find(root: Path) -> FoundData | None:
    """The pages of all stacks that have masks; None if there are none.

    Names are images.tif and masks.tif, NAME.tif and NAME_mask.tif, or train-volume.tif and train-labels.tif (ISBI).

    Raises:
        InputError: If a stack and its masks differ in pages or size, or pages cannot be images or masks.
    """
    files = data_files(root, IMAGE_SUFFIXES)
    tiffs = {path.with_suffix(""): path for path in files if path.suffix.lower() in FORMAT_SUFFIXES["TIFF"]}
    samples, used = list[Sample](), set[Path]()
    for image, mask in _pairs(tiffs):
        masks = _open(mask)
        if len(masks) > 1 and len(images := _open(image)) > 1:
            samples += _samples(images, masks, root)
            used |= {image, mask}
    if not samples:
        return None
    others = [str(path) for path in files if path not in used]
    notes = [NOTE]
    if others:
        notes.append(f"left out {len(others)} files that are not stacks with masks: {listed(others, most=3)}")
    return FoundData("TIFF stacks", tuple(samples), class_list(root), tuple(notes))


def _pairs(tiffs: dict[Path, Path]) -> Iterator[tuple[Path, Path]]:
    """Files of images with the files of their masks, by their names."""
    for bare, mask in tiffs.items():
        for of_images, of_masks in ENDINGS:
            image = tiffs.get(bare.with_name(bare.name.removesuffix(of_masks) + of_images))
            if bare.name.endswith(of_masks) and image is not None:
                yield image, mask
                break


def _samples(images: list[Page], masks: list[Page], root: Path) -> Iterator[Sample]:
    path, of_masks = images[0].path, masks[0].path
    if len(images) != len(masks):
        raise InputError(
            f"{path} has {len(images)} pages, its masks {of_masks} {len(masks)}; expected a mask for each page"
        )
    name, digits = flat_name(path, root), max(3, len(str(len(images) - 1)))
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        if image.size != mask.size:
            raise InputError(
                f"page {number} of {path} is {_shown(image.size)}, its mask in {of_masks} {_shown(mask.size)} (height "
                f"x width); resize one of them"
            )
        _check_image(image)
        _check_mask(mask)
        yield Sample(f"{name}_{number:0{digits}}", image.image, mask, _split(path, root))


def _check_image(page: Page) -> None:
    if page.kind not in ("MINISBLACK", "RGB") or page.bits < 8:
        raise InputError(
            f"page {page.index} of {page.path} has {page.bits} bits of type {page.kind}; expected gray, RGB or "
            f"channels of 8 bits or more: convert the stack"
        )


def _check_mask(page: Page) -> None:
    if page.samples > 1 or page.dtype not in ("bool", "uint8", "uint16"):
        raise InputError(
            f"page {page.index} of {page.path} has {page.samples} channels of {page.dtype}; expected one of uint8 or "
            f"uint16, the values of the classes: convert the masks"
        )
    if "JPEG" in page.compression or page.compression == "WEBP":
        raise InputError(
            f"{page.path} is compressed with {page.compression}, which can change the values of pixels; expected a "
            f"lossless compression: export the masks again"
        )


def _open(path: Path) -> list[Page]:
    """The pages of a file, without overviews."""
    with decoding(path), tifffile.TiffFile(path) as tiff:
        return [
            Page(
                path,
                page.index,
                (page.imagelength, page.imagewidth),
                page.samplesperpixel,
                page.bitspersample,
                str(page.dtype),
                getattr(page.photometric, "name", str(page.photometric)),
                getattr(page.compression, "name", str(page.compression)),
            )
            for page in full_pages(tiff, path)
        ]


def _split(path: Path, root: Path) -> Split | None:
    """By the folders, or the name: train-volume.tif."""
    return folder_split(path, root) or named_split(path.stem.removesuffix(VOLUME))


def _shown(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
