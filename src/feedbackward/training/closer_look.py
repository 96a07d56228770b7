"""What the best network does on each validation image: the worst ones, and scores by size of object."""

import heapq
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.datamodule import Item
from feedbackward.metrics.functional import segmentation_scores
from feedbackward.metrics.objects import count_objects, scores_by_size
from feedbackward.metrics.overlapping import PRESENT, metric_of, overlapping_scores
from feedbackward.metrics.scores import plain_by_size
from feedbackward.nn import resize_logits
from feedbackward.nn.overlapping import chosen_classes
from feedbackward.segmenters.tiled import Tiled
from feedbackward.training.task import SegmentationTask


@dataclass(frozen=True)
class CloserLook:
    """A second look at a validation set.

    Args:
        worst: The index and the mean IoU, from 0 to 1, of the worst images, the worst one first.
        by_size: See Scores.by_size; undefined scores are None.
    """

    worst: list[tuple[int, float]]
    by_size: dict[str, Any]


@torch.inference_mode()
def look_closer(task: SegmentationTask, dataset: Dataset[Item], *, worst: int = 4) -> CloserLook:
    """Predict the images of a data set once more, one at a time.

    Args:
        task: The task with the network to look at.
        dataset: The validation set.
        worst: The number of worst images.
    """
    task.eval()
    table, segmenter = task.class_table, Tiled(task.segmenter)
    scored, metric = list[tuple[float, int]](), metric_of(table)
    scores_of = overlapping_scores if table.overlapping else segmentation_scores
    objects = torch.zeros(4, 3, len(table), dtype=torch.int64)
    for index in range(len(dataset)):  # type: ignore[arg-type]
        item = dataset[index]
        logits = segmenter.logits(item["image"][None].to(task.device, memory_format=task.memory_format))
        height, width = item["mask"].shape[-2:]
        resized = resize_logits(logits, (height, width))
        prediction = chosen_classes(resized, overlapping=table.overlapping)[0].cpu()
        objects += _objects(prediction, item["mask"], table)
        metric.reset()
        metric.update(prediction[None], item["mask"][None])
        # Not metric.compute(), which would wait for other processes: one looks, and they may have ended.
        score = scores_of(metric.confusion, table).scalars["mean_iou"]
        if not math.isnan(score):
            scored.append((score, index))
    by_size = plain_by_size(scores_by_size(objects, table.names))
    return CloserLook([(index, score) for score, index in heapq.nsmallest(worst, scored)], by_size)


def _objects(prediction: Tensor, mask: Tensor, table: ClassTable) -> Tensor:
    """What count_objects counts, (4, 3, classes); where classes overlap, of each class alone."""
    if not table.overlapping:
        return count_objects(prediction, mask, classes=len(table), ignore_index=table.ignore_index)
    layers = zip(prediction, mask, strict=True)
    counts = [count_objects(*layer, classes=2, ignore_index=table.ignore_index) for layer in layers]
    return torch.stack([of_class[..., PRESENT] for of_class in counts], dim=-1)
