"""The base of the metrics that sum confusion matrices over batches and processes."""

from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

from feedbackward.classes import ClassTable


class ConfusionMetric(Metric):
    """A sum of confusion matrices, zero at first.

    Args:
        class_table: The classes and the ignored value.
        shape: The shape of the sum.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    annotations: ClassVar[tuple[str, ...]] = ("mask",)
    """The tensors of a batch that `update` takes after the prediction."""

    confusion: Tensor

    def __init__(self, class_table: ClassTable, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.class_table = class_table
        self.add_state("confusion", torch.zeros(shape, dtype=torch.int64), dist_reduce_fx="sum")
