"""The norms of the way back."""

import pytest
import torch
from torch import nn

from feedbackward.nn import create_norm


@pytest.mark.parametrize(
    ("dims", "kind"), [(2, nn.BatchNorm1d), (3, nn.BatchNorm1d), (4, nn.BatchNorm2d), (5, nn.BatchNorm3d)]
)
def test_a_batch_norm_is_that_of_the_signal_s_axes(dims: int, kind: type[nn.Module]) -> None:
    norm = create_norm("batch", 6, dims=dims)
    assert type(norm) is kind
    assert norm(torch.randn(2, 6, *[4] * (dims - 2))).shape == (2, 6, *[4] * (dims - 2))


@pytest.mark.parametrize(
    ("channels", "groups"),
    [(512, 32), (256, 32), (64, 8), (32, 4), (24, 3), (16, 2), (8, 1), (3, 1), (1, 1), (34, 2), (40, 5)],
)
def test_a_group_has_eight_channels_or_more_and_there_are_at_most_32(channels: int, groups: int) -> None:
    norm = create_norm("group", channels, dims=4)
    assert norm.num_groups == groups
    if channels > 1:
        assert norm(torch.randn(1, channels, 1, 1)).shape == (1, channels, 1, 1)  # an image of one pixel
