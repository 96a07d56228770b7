"""Scores by size of object: how much of the small, medium and large objects of the ground truth is predicted.

An object is a connected region of one class in the ground truth, with 8 neighbors for every pixel; objects of a class
that touch are one. Sizes are those of COCO: small below 32^2 pixels, medium below 96^2, large from there on.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Int64, Integer
from torch import Tensor
from torch.nn.functional import pad

from feedbackward.metrics.components import connect_runs
from feedbackward.metrics.runs import constant_runs, sum_at
from feedbackward.metrics.scores import ByName, Scores, ratio

SIZES = ("small", "medium", "large")
_LIMITS = (32**2, 96**2)


def count_objects(
    prediction: Integer[Tensor, "h w"], mask: Integer[Tensor, "h w"], *, classes: int, ignore_index: int
) -> Int64[Tensor, "4 3 {classes}"]:
    """The objects of one image, those found, their pixels and the pixels predicted correctly, by size and class.

    An object is found if at least half of its pixels are predicted as its class.

    Args:
        prediction: Class indices; any other value is wrong.
        mask: Class indices, or ignore_index for void.
        classes: Number of classes.
        ignore_index: The value of void pixels.
    """
    labels = torch.where(mask == ignore_index, classes, mask)
    with_edge = (pad(values, (0, 1), value=classes) for values in (labels, prediction))
    (true, predicted), pixels = constant_runs(*with_edge)
    true, predicted = true.long(), predicted.long()
    component = connect_runs(true, pixels, mask.shape[1] + 1)
    area = sum_at(component, pixels, len(pixels))
    hits = sum_at(component, pixels * (true == predicted), len(pixels))

    (chosen,) = ((area > 0) & (true < classes)).nonzero(as_tuple=True)  # the first run of each object
    area, hits, label = area[chosen], hits[chosen], true[chosen]
    size = torch.bucketize(area, torch.tensor(_LIMITS, device=area.device), right=True)
    place = size * classes + label
    counted = (torch.ones_like(area), (2 * hits >= area).long(), area, hits)
    return torch.stack([sum_at(place, values, 3 * classes) for values in counted]).view(4, 3, classes)


def scores_by_size(counts: Int64[Tensor, "4 3 classes"], names: Sequence[str]) -> dict[str, ByName]:
    """The scores by size of object of a data set.

    For each size, by class: objects, their number; found, the share of them that is found; recall, the share of their
    pixels that is predicted correctly.

    Args:
        counts: The sum over the images of what count_objects returns.
        names: The classes.
    """
    return {
        size: {
            "objects": dict(zip(names, objects, strict=True)),
            "found": {name: ratio(*pair) for name, *pair in zip(names, found, objects, strict=True)},
            "recall": {name: ratio(*pair) for name, *pair in zip(names, hits, pixels, strict=True)},
        }
        for size, (objects, found, pixels, hits) in zip(SIZES, counts.transpose(0, 1).tolist(), strict=True)
    }


def add_scores_by_size(scores: Scores, counts: Int64[Tensor, "4 3 classes"]) -> None:
    """Add the scores by size of object of a data set, and a note about them.

    Args:
        scores: The scores of the data set, to add to.
        counts: The sum over the images of what count_objects returns.
    """
    scores.by_size = scores_by_size(counts, scores.names)
    scores.notes.append(
        "by size: recall of the pixels, and found objects (at least half of their pixels predicted correctly); an "
        "object is a connected region of a class in the ground truth, small below 32x32 pixels, medium below 96x96"
    )
