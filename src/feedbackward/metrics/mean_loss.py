"""The mean loss of the images of several batches and processes."""

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric


class MeanLoss(Metric):
    """The mean of the losses of batches, each weighted by its number of images; nan if one is.

    Lightning's own mean divides by a number of images that it has rounded down where processes have different numbers.

    Example:
        >>> metric = MeanLoss()
        >>> metric.update(torch.tensor(1.0), 3)
        >>> metric.update(torch.tensor(5.0), 1)
        >>> metric.compute()
        tensor(2.)
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    total: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("images", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, loss: Float[Tensor, ""], images: int) -> None:
        """Count a batch.

        Args:
            loss: Its loss.
            images: The number of its images.
        """
        self.total = self.total + loss.detach() * images
        self.images = self.images + images

    def compute(self) -> Float[Tensor, ""]:
        """The mean over everything counted so far, in all processes."""
        return self.total / self.images
