"""The decoder's norms."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import nn

from feedbackward.nn import create_norm


@pytest.mark.parametrize(
    ("dims", "kind"), [(2, nn.BatchNorm1d), (3, nn.BatchNorm1d), (4, nn.BatchNorm2d), (5, nn.BatchNorm3d)]
)
def test_a_batch_norm_has_the_signal_s_axes(dims: int, kind: type[nn.Module]) -> None:
    norm = create_norm("batch", 6, dims=dims)
    assert type(norm) is kind
    assert norm(torch.randn(2, 6, *[4] * (dims - 2))).shape == (2, 6, *[4] * (dims - 2))


@pytest.mark.parametrize(
    ("channels", "groups"),
    [(512, 32), (256, 32), (64, 8), (32, 4), (24, 3), (16, 2), (8, 1), (3, 1), (1, 1), (34, 2), (40, 5)],
)
def test_groups_have_eight_channels_or_more_and_there_are_at_most_32(channels: int, groups: int) -> None:
    assert create_norm("group", channels, dims=4).num_groups == groups


@given(channels=st.integers(1, 2048))
def test_no_other_number_of_groups_would_be_larger(channels: int) -> None:
    possible = [g for g in range(1, 33) if channels % g == 0 and channels / g >= 8]
    assert create_norm("group", channels, dims=4).num_groups == max(possible, default=1)


@given(channels=st.integers(2, 64))
def test_group_norms_train_on_an_image_of_one_pixel(channels: int) -> None:
    norm = create_norm("group", channels, dims=4).train()
    assert norm(torch.randn(1, channels, 1, 1)).shape == (1, channels, 1, 1)
