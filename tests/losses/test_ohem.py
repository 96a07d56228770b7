"""Cross-entropy of the hardest pixels against numpy."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from feedbackward.errors import InputError
from feedbackward.losses import OHEMCrossEntropyLoss, cross_entropy, ohem_cross_entropy


@pytest.mark.parametrize(
    ("share", "threshold"),
    [(0.25, None), (1e-6, None), (0.77, None), (None, 0.2), (None, 0.7), (0.1, 0.5), (0.9, 0.1)],
)
def test_only_the_hardest_pixels_count(
    share: float | None, threshold: float | None, batch: tuple[Tensor, Tensor], valid_pixels: Callable
) -> None:
    probabilities, labels = valid_pixels(*batch)
    own = np.sort(probabilities[np.arange(len(labels)), labels])  # the hardest first
    count = max(math.ceil((share or 0) * len(own)), (own < (threshold or 0)).sum())
    assert 0 < count < len(own)
    logits, mask = batch[0].requires_grad_(), batch[1]
    loss = OHEMCrossEntropyLoss(share=share, threshold=threshold)(logits, mask)
    assert loss.item() == pytest.approx(-np.log(own[:count]).mean(), abs=1e-12)
    loss.backward()
    assert (logits.grad != 0).any(dim=1).sum() == count


def test_the_share_of_all_gives_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    assert_close(ohem_cross_entropy(*batch, share=1.0), cross_entropy(*batch))


def test_if_no_pixel_is_below_the_threshold_the_loss_is_zero() -> None:
    logits = torch.tensor([3.0, 0.0]).view(1, 2, 1, 1).requires_grad_()
    mask = torch.tensor([[[0]]])
    loss = ohem_cross_entropy(logits, mask, threshold=0.5)
    loss.backward()
    assert loss.item() == 0
    assert_close(logits.grad, torch.zeros_like(logits))
    assert ohem_cross_entropy(logits, mask, threshold=0.5, share=0.1) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"which pixels are hard\? give a share, such as 0.25, or a threshold"),
        ({"share": 0.0}, "share 0.0: expected a number greater than 0 and at most 1"),
        ({"share": 25.0}, "share 25.0: expected a number greater than 0 and at most 1"),
        ({"share": math.nan}, "share nan: expected"),
        ({"threshold": 0.0}, "threshold 0.0: expected a number greater than 0 and less than 1"),
        ({"threshold": 1.0}, "threshold 1.0: expected a number greater than 0 and less than 1"),
    ],
)
def test_values_out_of_range_are_refused(options: dict[str, float], message: str, batch: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(InputError, match=message):
        OHEMCrossEntropyLoss(**options)
    with pytest.raises(InputError, match=message):
        ohem_cross_entropy(*batch, **options)
