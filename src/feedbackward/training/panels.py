"""One scene in four pictures: image, ground truth, prediction and errors."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from feedbackward.classes import ClassTable
from feedbackward.viz import layers, pictures
from feedbackward.viz.pictures import Picture

WIDTH = 480
"""The maximum width of a picture in pixels: logs and reports contain dozens of them."""


class Panels(NamedTuple):
    """Pictures of the same size, uint8 (h, w, 3)."""

    image: Picture
    truth: Picture
    prediction: Picture
    errors: Picture

    def overlays(self) -> Picture:
        """Blend ground truth and prediction with the image, and put them side by side."""
        mixed = [(self.image // 2 + panel // 2) for panel in (self.truth, self.prediction)]
        return pictures.side_by_side(mixed, ["truth", "prediction"])


def draw_panels(image: Tensor, mask: Tensor, prediction: Tensor, table: ClassTable) -> Panels:
    """Draw a scene at the image's size, or at a width of WIDTH if it is larger.

    Args:
        image: float (C, h, w) in [0, 1]; see pictures.viewable for other channels than RGB.
        mask: Class indices (H, W), or (classes, H, W) if classes overlap, of any size.
        prediction: The same, of any size.
        table: The classes.
    """
    paint, errors = (
        (layers.paint_layers, layers.layer_errors) if table.overlapping else (pictures.paint, pictures.errors)
    )
    height, width = image.shape[-2:]
    size = (height, width) if width <= WIDTH else (max(1, round(height * WIDTH / width)), WIDTH)
    shown = F.interpolate(image[None].float(), size=size, mode="bilinear", antialias=True)[0].clamp(0, 1)
    indices = {name: _nearest(labels, size) for name, labels in (("mask", mask), ("prediction", prediction))}
    return Panels(
        image=pictures.viewable((shown * 255).round().byte().permute(1, 2, 0).cpu().numpy()),
        truth=paint(indices["mask"], table),
        prediction=paint(indices["prediction"], table),
        errors=errors(indices["prediction"], indices["mask"], table),
    )


def _nearest(labels: Tensor, size: tuple[int, int]) -> Any:
    # Class indices and 255 are exact in float32.
    flat = labels.reshape(1, -1, *labels.shape[-2:]).float()
    resized = F.interpolate(flat, size=size, mode="nearest-exact")
    return resized.reshape(*labels.shape[:-2], *size).to(torch.int64).cpu().numpy()


def seen_classes(mask: Tensor, table: ClassTable) -> list[int]:
    """The classes that occur in a mask, as draw_panels takes it."""
    labels = mask.cpu().numpy()
    return layers.present_layers(labels) if table.overlapping else pictures.present(table, labels)
