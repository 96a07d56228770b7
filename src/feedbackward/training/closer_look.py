"""What the best network does on each validation image: the worst ones, and scores by size of object."""

import heapq
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

from feedbackward.data.datamodule import Item
from feedbackward.metrics.functional import confusion_matrix, segmentation_scores
from feedbackward.metrics.objects import add_scores_by_size, count_objects
from feedbackward.metrics.scores import Scores
from feedbackward.nn import resize_logits
from feedbackward.segmenters.tiled import Tiled
from feedbackward.training.task import SegmentationTask


@dataclass(frozen=True)
class CloserLook:
    """A second look at a validation set.

    Args:
        worst: The index and the mean IoU, from 0 to 1, of the worst images, the worst one first.
        by_size: See Scores.by_size.
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
    scored, total = list[tuple[float, int]](), torch.zeros(len(table), len(table) + 1, dtype=torch.int64)
    objects = torch.zeros(4, 3, len(table), dtype=torch.int64)
    for index in range(len(dataset)):  # type: ignore[arg-type]
        item = dataset[index]
        logits = segmenter.logits(item["image"][None].to(task.device, memory_format=task.memory_format))
        height, width = item["mask"].shape
        prediction = resize_logits(logits, (height, width)).argmax(dim=1)[0].cpu()
        counts = confusion_matrix(
            prediction[None], item["mask"][None], classes=len(table), ignore_index=table.ignore_index
        )
        total += counts
        objects += count_objects(prediction, item["mask"], classes=len(table), ignore_index=table.ignore_index)
        score = segmentation_scores(counts, table).scalars["mean_iou"]
        if not math.isnan(score):
            scored.append((score, index))
    scores: Scores = segmentation_scores(total, table)
    add_scores_by_size(scores, objects)
    return CloserLook([(index, score) for score, index in heapq.nsmallest(worst, scored)], scores.to_dict()["by_size"])
