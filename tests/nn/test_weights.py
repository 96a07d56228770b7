"""The axis swap against explicit loops over groups and channels."""

import pytest
import torch
from torch.testing import assert_close

from feedbackward.nn import permute_weight


@pytest.mark.parametrize(("outputs", "inputs", "groups"), [(6, 4, 1), (6, 4, 2), (8, 8, 8), (12, 4, 4), (5, 5, 1)])
def test_each_filter_leads_from_its_output_to_its_input(outputs: int, inputs: int, groups: int) -> None:
    weight = torch.randn(outputs, inputs // groups, 3, 2, dtype=torch.float64)
    permuted = permute_weight(weight, groups=groups)
    assert permuted.shape == (inputs, outputs // groups, 3, 2)
    for group in range(groups):
        for o in range(outputs // groups):
            for i in range(inputs // groups):
                was = weight[group * (outputs // groups) + o, i]
                assert_close(permuted[group * (inputs // groups) + i, o], was, rtol=0, atol=0)


def test_one_group_is_a_view_of_the_encoder_s_memory() -> None:
    weight = torch.randn(6, 4, 3, 3)
    assert permute_weight(weight).untyped_storage().data_ptr() == weight.untyped_storage().data_ptr()


def test_twice_is_the_identity() -> None:
    weight = torch.randn(12, 3, 3, 3)
    assert_close(permute_weight(permute_weight(weight, groups=4), groups=4), weight, rtol=0, atol=0)
