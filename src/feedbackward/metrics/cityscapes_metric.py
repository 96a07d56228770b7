"""The Cityscapes scores of a network: IoU and iIoU, by class and by category, summed over batches and processes.

They agree with the official evaluator if predictions are scored at the ground truth's full size; iIoU depends on the
resolution.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from jaxtyping import Integer
from torch import Tensor
from torchmetrics import Metric

from feedbackward.data.cityscapes_labels import EVALUATED, LABEL_IDS
from feedbackward.metrics.cityscapes_counts import CityscapesCounts, count_image, count_nothing
from feedbackward.metrics.cityscapes_scores import cityscapes_scores
from feedbackward.metrics.functional import check_values
from feedbackward.metrics.scores import Scores


class CityscapesMetric(Metric):
    """Sums the counts of images over batches and processes; `compute` returns the Scores.

    Example:
        >>> metric = CityscapesMetric()
        >>> road = torch.tensor([[[7, 7]]])
        >>> metric.update(torch.tensor([[[0, 1]]]), road, road)
        >>> metric.compute().per_class["iou"].get("road")
        0.5
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    annotations: ClassVar[tuple[str, ...]] = ("label_ids", "instance_ids")
    """The tensors of a batch that `update` takes after the prediction."""

    def __init__(self) -> None:
        super().__init__()
        for name, value in count_nothing()._asdict().items():
            self.add_state(name, value, dist_reduce_fx="sum")

    def update(
        self,
        prediction: Integer[Tensor, "n h w"],
        label_ids: Integer[Tensor, "n h w"],
        instance_ids: Integer[Tensor, "n h w"],
    ) -> None:
        """Count a batch.

        Args:
            prediction: Train ids, 0 to 18: the argmax of a network.
            label_ids: The ground truth in label ids, 0 to 33.
            instance_ids: The instance map: label id * 1000 + number, or the label id; in 32 bits or more.

        Raises:
            InputError: If a value is not a train id, a label id or an instance id.
        """
        check_values(prediction, len(EVALUATED), "the prediction, in train ids,")
        to_label_id = torch.tensor(LABEL_IDS, device=prediction.device)
        for image in zip(to_label_id[prediction.long()], label_ids, instance_ids, strict=True):
            for name, value in count_image(*image)._asdict().items():
                setattr(self, name, getattr(self, name) + value)

    def compute(self) -> Scores:
        """The scores of everything counted so far, in all processes."""
        return cityscapes_scores(CityscapesCounts(**{name: getattr(self, name) for name in CityscapesCounts._fields}))

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Any = "") -> Any:
        # Follow a network to another device but not to another precision: `.to(dtype)`, unlike `.half()`,
        # changes torchmetrics states, and the sums of the hits must stay float64.
        return super()._apply(lambda tensor: tensor.to(fn(tensor).device), exclude_state)
