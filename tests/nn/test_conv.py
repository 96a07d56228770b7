"""The "same" convolution against torch's own for odd kernels, and against a sum over shifts for all kernels."""

import hypothesis.strategies as st
import torch
import torch.nn.functional as F
from hypothesis import given
from torch import Tensor
from torch.testing import assert_close

from feedbackward.nn import same_conv2d

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
seeds = st.integers(0, 99)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_shifts(signal: Tensor, weight: Tensor, dilation: tuple[int, int]) -> Tensor:
    """Without groups; the center of an even kernel is the tap above and left of its middle."""
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


@given(kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)), dilation=pairs, seed=seeds)
def test_it_equals_the_sum_over_shifts(kernel: tuple[int, int], dilation: tuple[int, int], seed: int) -> None:
    signal, weight = random(2, 3, 7, 10, seed=seed), random(4, 3, *kernel, seed=seed + 1)
    assert_close(same_conv2d(signal, weight, dilation=dilation), by_shifts(signal, weight, dilation))


@given(half=st.tuples(st.integers(0, 2), st.integers(0, 2)), dilation=pairs, groups=st.integers(1, 3), seed=seeds)
def test_with_an_odd_kernel_it_equals_torch_s(
    half: tuple[int, int], dilation: tuple[int, int], groups: int, seed: int
) -> None:
    kernel = [2 * size + 1 for size in half]
    signal, weight = random(2, 2 * groups, 5, 8, seed=seed), random(3 * groups, 2, *kernel, seed=seed + 1)
    bias, options = random(3 * groups, seed=seed + 2), {"dilation": dilation, "groups": groups}
    expected = F.conv2d(signal, weight, bias, padding="same", **options)
    assert_close(same_conv2d(signal, weight, bias, **options), expected)


@given(kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)), groups=st.integers(1, 3), seed=seeds)
def test_groups_are_separate_convolutions(kernel: tuple[int, int], groups: int, seed: int) -> None:
    signal, weight = random(1, 2 * groups, 5, 5, seed=seed), random(3 * groups, 2, *kernel, seed=seed + 1)
    parts = [same_conv2d(s, w) for s, w in zip(signal.chunk(groups, 1), weight.chunk(groups), strict=True)]
    assert_close(same_conv2d(signal, weight, groups=groups), torch.cat(parts, 1))


@given(kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=seeds)
def test_the_bias_is_added(kernel: tuple[int, int], seed: int) -> None:
    signal, weight, bias = random(1, 2, 5, 6, seed=seed), random(3, 2, *kernel, seed=seed + 1), random(3, seed=seed + 2)
    assert_close(same_conv2d(signal, weight, bias), same_conv2d(signal, weight) + bias[:, None, None])
