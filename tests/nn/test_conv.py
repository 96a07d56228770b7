"""The "same" convolution against a sum over shifted copies of the signal."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from feedbackward.nn import same_conv2d


def by_shifts(signal: Tensor, weight: Tensor, dilation: tuple[int, int]) -> Tensor:
    """For one group; the center of an even kernel is the tap above and left of its middle."""
    (m, k), (height, width) = weight.shape[2:], signal.shape[2:]
    top, left = (d * (size - 1) // 2 for d, size in zip(dilation, (m, k), strict=True))
    room = 64
    around = F.pad(signal, (room, room, room, room))
    out = signal.new_zeros(signal.shape[0], weight.shape[0], height, width)
    for y in range(m):
        for x in range(k):
            down, right = room + y * dilation[0] - top, room + x * dilation[1] - left
            shifted = around[:, :, down : down + height, right : right + width]
            out += torch.einsum("nihw,oi->nohw", shifted, weight[:, :, y, x])
    return out


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 3), (2, 2), (4, 3), (1, 2)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 3)])
def test_equals_the_sum_over_shifts(kernel: tuple[int, int], dilation: tuple[int, int]) -> None:
    signal = torch.randn(2, 3, 7, 10, dtype=torch.float64)
    weight = torch.randn(4, 3, *kernel, dtype=torch.float64)
    assert_close(same_conv2d(signal, weight, dilation=dilation), by_shifts(signal, weight, dilation))


def test_groups_are_separate_convolutions() -> None:
    signal, weight = torch.randn(1, 6, 5, 5), torch.randn(4, 3, 3, 3)
    parts = [same_conv2d(s, w) for s, w in zip(signal.chunk(2, 1), weight.chunk(2), strict=True)]
    assert_close(same_conv2d(signal, weight, groups=2), torch.cat(parts, 1))
