"""Images with their masks in files: matched by name, checked when a split is opened, read as items."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch.utils.data import Dataset

from feedbackward.data.datamodule import Item
from feedbackward.data.encodings import MaskEncoding
from feedbackward.data.files import check_image, read_image
from feedbackward.data.masks import Mask
from feedbackward.data.members import File
from feedbackward.data.prepared import NOT_STORED, Arrays, Prepared
from feedbackward.data.transforms import EvalTransform, TrainTransform
from feedbackward.errors import InputError, listed
from feedbackward.preprocessing import Preprocessing


@dataclass(frozen=True)
class Pair:
    """An image and its mask.

    Args:
        name: Unique in the split.
        image: The image's file.
        mask: The mask's file, or that of the first of several classes that overlap.
    """

    name: str
    image: File
    mask: File


def match(images: Mapping[str, File], masks: Mapping[str, File], *, where: str, hint: str) -> list[Pair]:
    """Pair images and masks by name.

    Args:
        images: Image files by name.
        masks: Mask files by name.
        where: The folders, for messages.
        hint: What to do; the end of every message.

    Raises:
        InputError: If there are none, or an image has no mask or a mask no image; lists up to ten.
    """
    if not images:
        raise InputError(f"no images in {where}. {hint}")
    if not masks:
        raise InputError(f"no masks in {where}, but images ({len(images)}). {hint}")
    problems = [
        f"{problem} ({len(names)}): {listed(names)}"
        for names, problem in (
            (sorted(images.keys() - masks.keys()), "images without a mask"),
            (sorted(masks.keys() - images.keys()), "masks without an image"),
        )
        if names
    ]
    if problems:
        raise InputError(f"in {where}: {'; '.join(problems)}. {hint}")
    return [Pair(name, images[name], masks[name]) for name in sorted(images)]


def check_pairs(pairs: Sequence[Pair], encoding: MaskEncoding, *, preprocessing: Preprocessing, one_size: bool) -> None:
    """Check every mask, and of every image the header and what only the pixels tell, on all cores.

    Args:
        pairs: The pairs of a split.
        encoding: Decodes the masks.
        preprocessing: How the images are read.
        one_size: Whether all images and masks must have the same size.

    Raises:
        InputError: If a file is damaged, an image has other channels or values, a mask contains a value outside the
            class table, a mask and its image differ in size, pairs differ in size although one_size is set, or no
            pixel of any mask has a class.
    """

    def check(pair: Pair) -> tuple[tuple[int, int], bool]:
        height, width = check_image(pair.image, preprocessing.channels, preprocessing.value_range)
        mask = encoding.read(pair.mask)
        mask_height, mask_width = mask.shape[-2:]
        if (height, width) != (mask_height, mask_width):
            raise InputError(
                f"{pair.image} is {height}x{width} but its mask {pair.mask} is {mask_height}x{mask_width} "
                f"(height x width); resize one of them"
            )
        return (height, width), bool((mask != np.iinfo(mask.dtype).max).any())

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding releases the global interpreter lock
        sizes, labeled = zip(*pool.map(check, pairs), strict=True)
    if not any(labeled):
        raise InputError(
            f"all {len(pairs)} masks, such as {pairs[0].mask}, contain nothing but ignored pixels; expected pixels of "
            f"the classes: correct the masks, or what the class file ignores"
        )
    if one_size:
        for pair, size in zip(pairs, sizes, strict=True):
            if size != sizes[0]:
                raise InputError(
                    f"{pairs[0].image} is {sizes[0][0]}x{sizes[0][1]}, {pair.image} is {size[0]}x{size[1]} "
                    f"(height x width): they do not fit in one batch; for training set size, "
                    f"augmentation.crop or batch_size 1, for evaluation eval_batch_size 1"
                )


class PairDataset(Dataset[Item]):
    """Images and masks of a split, read on access.

    Args:
        pairs: The pairs of the split, checked.
        encoding: Decodes the masks.
        transform: Converts the pixels into tensors.
        prepared: Where the arrays that are not random come from.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        encoding: MaskEncoding,
        transform: TrainTransform | EvalTransform,
        prepared: Prepared = NOT_STORED,
    ) -> None:
        self.pairs = pairs
        self._encoding = encoding
        self._transform = transform
        self._prepared = prepared
        self._recipe = f"{transform.preparation} {encoding.digest}"

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Item:
        pair = self.pairs[index]
        files = pair.image, *self._encoding.files(pair.mask)
        arrays = self._prepared.load(files, self._recipe, partial(self._prepare, index))
        image, mask = self._transform.finish(**arrays)
        return {"name": pair.name, "image": image, "mask": mask}

    def _prepare(self, index: int) -> Arrays:
        pixels = read_image(self.pairs[index].image, self._transform.preprocessing.channels)
        return self._transform.prepare(pixels, self.read_mask(index))

    def read_mask(self, index: int) -> Mask:
        """The class indices (H, W) or (classes, H, W) of a mask, as its files have them: not resized."""
        return self._encoding.read(self.pairs[index].mask)


class ImageDataset(Dataset[Item]):
    """Images without masks, for prediction.

    Args:
        images: Files by name.
        transform: Converts the pixels into tensors.
    """

    def __init__(self, images: Mapping[str, File], transform: EvalTransform) -> None:
        self._images = list(images.items())
        self._transform = transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Item:
        name, path = self._images[index]
        return {"name": name, "image": self._transform.image(read_image(path, self._transform.preprocessing.channels))}
