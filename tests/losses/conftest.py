"""A batch with an absent class and void pixels, and the softmax written out in numpy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Logits (2, 4, 5, 7) in float64, and a mask in which the last class is absent and a fifth is void."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 5, 7, generator=generator, dtype=torch.float64)
    mask = torch.randint(0, 3, (2, 5, 7), generator=generator)
    return logits, mask.where(torch.rand(mask.shape, generator=generator) > 0.2, 255)


@pytest.fixture
def valid_pixels() -> Callable[[Tensor, Tensor], tuple[np.ndarray, np.ndarray]]:
    """A function: the probabilities (pixels, classes) and labels (pixels,) of the pixels that are not 255."""

    def _valid_pixels(logits: Tensor, mask: Tensor) -> tuple[np.ndarray, np.ndarray]:
        scores = logits.detach().numpy().transpose(0, 2, 3, 1).reshape(-1, logits.shape[1])
        labels = mask.numpy().reshape(-1)
        exponentials = np.exp(scores[labels != 255])
        return exponentials / exponentials.sum(axis=1, keepdims=True), labels[labels != 255]

    return _valid_pixels
