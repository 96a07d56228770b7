"""The mean IoU that is reachable with training masks of a reduced size, by the way in which masks are resized.

Masks of CamVid are resized, enlarged again bilinearly, as scores are, and compared with the originals:
python benchmarks/mask_resizing.py CamVid
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from feedbackward.data.camvid_labels import CAMVID, CAMVID_CLASSES
from feedbackward.data.resize import resize_image, resize_mask
from feedbackward.metrics import SegmentationMetric
from feedbackward.nn import resize_logits

SIZES = ((270, 360), (180, 240), (120, 160), (90, 120))
EVERY = 3
"""Every third frame is enough."""

Mask = NDArray[np.uint8]


def _interpolated(mode: str) -> Callable[[Mask, tuple[int, int]], Mask]:
    return lambda mask, size: F.interpolate(torch.from_numpy(mask)[None, None], size=size, mode=mode)[0, 0].numpy()


def _largest(mask: Mask, size: tuple[int, int]) -> Mask:
    values = np.unique(mask)
    indicators = torch.from_numpy(np.stack([mask == value for value in values])).float()
    return values[resize_image(indicators, size).argmax(0).numpy()]


WAYS: dict[str, Callable[[Mask, tuple[int, int]], Mask]] = {
    "nearest": _interpolated("nearest"),
    "nearest-exact": _interpolated("nearest-exact"),
    "most frequent": resize_mask,
    "largest indicator": _largest,
}


def _enlarged(mask: Mask, size: tuple[int, int]) -> Tensor:
    indices = torch.from_numpy(mask.astype(np.int64)).clamp(max=len(CAMVID))  # void becomes one more class
    scores = F.one_hot(indices, len(CAMVID) + 1)[..., : len(CAMVID)].permute(2, 0, 1)[None].float()
    return resize_logits(scores, size).argmax(1)


def main() -> None:
    """Print the table."""
    files = sorted(Path(sys.argv[1], "valannot").glob("*.png"))[::EVERY]
    print(f"{len(files)} frames; mean IoU, and IoU of poles\n\n| size | {' | '.join(WAYS)} |")
    print("| --- |" + " ---: |" * len(WAYS))
    for size in SIZES:
        cells = []
        for resize in WAYS.values():
            metric = SegmentationMetric(CAMVID)
            for file in files:
                mask = CAMVID_CLASSES.encoding.read(file)
                height, width = mask.shape
                metric.update(_enlarged(resize(mask, size), (height, width)), torch.from_numpy(mask)[None].long())
            scores = metric.compute()
            cells.append(f"{100 * scores.scalars['mean_iou']:.1f} ({100 * scores.per_class['iou']['pole']:.1f})")
        print(f"| {size[0]}x{size[1]} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
