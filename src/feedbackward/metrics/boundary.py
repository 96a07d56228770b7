"""Boundary IoU (Cheng et al., 2021): IoU of the pixels of each class near its own edge.

Of the ground truth and of the prediction only the pixels within some distance of the edge of their class, or of the
image, are kept. Errors at edges weigh as much in large objects as in small ones. Cheng et al. use a distance of 0.02
of the image's diagonal, and 0.005 for Cityscapes.
"""

import math

import torch
from jaxtyping import Bool, Int64, Integer
from torch import Tensor
from torch.nn.functional import pad

from feedbackward.metrics.runs import constant_runs, sum_at
from feedbackward.metrics.scores import Scores, mean


def count_boundary(
    prediction: Integer[Tensor, "h w"],
    mask: Integer[Tensor, "h w"],
    *,
    classes: int,
    ignore_index: int,
    ratio: float,
) -> Int64[Tensor, "2 {classes}"]:
    """The pixels of the intersection and of the union of both boundaries, by class, in one image.

    Where the mask is void the prediction is taken as void too: a prediction there changes nothing.

    Args:
        prediction: Class indices, or ignore_index for void.
        mask: Class indices, or ignore_index for void.
        classes: Number of classes.
        ignore_index: The value of void pixels.
        ratio: The distance from the edge up to which pixels count, as a fraction of the image's diagonal; at least one
            pixel.
    """
    distance = max(1, round(ratio * math.hypot(*mask.shape)))
    prediction = torch.where(mask == ignore_index, ignore_index, prediction)
    near = [
        labels.masked_fill(~edge_band(labels, distance) | (labels == ignore_index), classes)
        for labels in (prediction, mask)
    ]
    (predicted, true), pixels = constant_runs(*near)
    predicted, true = predicted.long(), true.long()
    hits, of_true, of_predicted = (
        sum_at(labels, counted, classes + 1)[:classes]
        for labels, counted in ((true, pixels * (true == predicted)), (true, pixels), (predicted, pixels))
    )
    return torch.stack([hits, of_true + of_predicted - hits])


def add_boundary_iou(scores: Scores, counts: Int64[Tensor, "2 classes"], *, ratio: float) -> None:
    """Add the boundary IoU of a data set: by class, the mean, and a note with the ratio.

    Args:
        scores: The scores of the data set, to add to.
        counts: The sum over the images of what count_boundary returns.
        ratio: The ratio that it was counted with.
    """
    hits, union = counts.double()
    by_class = dict(zip(scores.names, (hits / union).tolist(), strict=True))
    scores.per_class["boundary_iou"] = by_class
    scores.scalars["mean_boundary_iou"] = mean(by_class.values())
    scores.notes.append(f"boundary IoU counts pixels up to {ratio:g} of the image's diagonal from an edge")


def edge_band(labels: Integer[Tensor, "h w"], distance: int) -> Bool[Tensor, "h w"]:
    """Whether a pixel of another value, or the outside of the image, is at most `distance` rows and columns away."""
    edges = torch.zeros_like(labels, dtype=torch.bool)
    edges[[0, -1]] = edges[:, [0, -1]] = True
    height, width = labels.shape
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = slice(height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width - max(0, -right))
        differ = labels[here] != labels[there]
        edges[here] |= differ
        edges[there] |= differ
    # Both sides of an edge are marked, so all that is near an edge is near a marked pixel.
    reach = distance - 1
    return _any_in_window(_any_in_window(pad(edges, (reach,) * 4), 2 * reach + 1, 0), 2 * reach + 1, 1)


def _any_in_window(flags: Tensor, window: int, dim: int) -> Tensor:
    """Whether any of the `window` values from each place on is true, in a logarithmic number of steps."""
    reached = 1
    while reached < window:
        step = min(reached, window - reached)
        length = flags.shape[dim] - step
        flags = flags.narrow(dim, 0, length) | flags.narrow(dim, step, length)
        reached += step
    return flags
