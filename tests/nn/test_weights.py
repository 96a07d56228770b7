"""The swap of the channel axes against loops over groups and channels, and against autograd."""

import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch import Tensor
from torch.testing import assert_close

from feedbackward.nn import permute_weight


@st.composite
def grouped_weights(draw: st.DrawFn) -> tuple[Tensor, int]:
    """A weight whose values are all different, with none to three kernel axes, and its number of groups."""
    groups, outputs_per_group, inputs_per_group = (draw(st.integers(1, 4)) for _ in range(3))
    shape = (groups * outputs_per_group, inputs_per_group, *draw(st.lists(st.integers(1, 3), max_size=3)))
    return torch.arange(math.prod(shape)).double().reshape(shape), groups


@given(grouped_weights())
def test_each_filter_maps_its_output_to_its_input(weight_and_groups: tuple[Tensor, int]) -> None:
    weight, groups = weight_and_groups
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    permuted = permute_weight(weight, groups=groups)
    assert permuted.shape == (groups * inputs, outputs, *weight.shape[2:])
    for group in range(groups):
        for o in range(outputs):
            for i in range(inputs):
                assert torch.equal(permuted[group * inputs + i, o], weight[group * outputs + o, i])


@given(grouped_weights())
def test_permuting_twice_is_the_identity(weight_and_groups: tuple[Tensor, int]) -> None:
    weight, groups = weight_and_groups
    assert torch.equal(permute_weight(permute_weight(weight, groups=groups), groups=groups), weight)


@given(grouped_weights())
def test_groups_are_permuted_separately(weight_and_groups: tuple[Tensor, int]) -> None:
    weight, groups = weight_and_groups
    expected = torch.cat([permute_weight(part) for part in weight.chunk(groups)])
    assert torch.equal(permute_weight(weight, groups=groups), expected)


@given(grouped_weights())
def test_without_groups_it_is_a_view(weight_and_groups: tuple[Tensor, int]) -> None:
    weight, _ = weight_and_groups
    permuted = permute_weight(weight)
    permuted.zero_()
    assert weight.count_nonzero() == 0


@pytest.mark.parametrize("groups", [1, 2, 6])
@given(kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 5])), seed=st.integers(0, 99))
def test_with_flipped_filters_it_is_the_adjoint_of_the_convolution(
    groups: int, kernel: tuple[int, int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(12, 6 // groups, *kernel, dtype=torch.float64, generator=generator)
    image = torch.randn(1, 6, 5, 7, dtype=torch.float64, generator=generator, requires_grad=True)
    output = F.conv2d(image, weight, padding="same", groups=groups)
    cotangent = torch.randn(output.shape, dtype=torch.float64, generator=generator)
    (expected,) = torch.autograd.grad(output, image, cotangent)
    flipped = permute_weight(weight, groups=groups).flip(2, 3)
    assert_close(F.conv2d(cotangent, flipped, padding="same", groups=groups), expected)
