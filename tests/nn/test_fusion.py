"""Skips: sums in place, and the packed booleans that a fused activation saves."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given

from feedbackward.nn import add_in_place
from feedbackward.nn.fusion import pack_bits, unpack_bits

masks = st.lists(st.booleans(), max_size=100)


@given(masks)
def test_numpy_packs_the_same_bits(values):
    packed = pack_bits(torch.tensor(values, dtype=torch.bool))
    np.testing.assert_array_equal(packed.numpy(), np.packbits(np.array(values, dtype=bool)))


@given(masks)
def test_unpacking_undoes_packing(values):
    mask = torch.tensor(values, dtype=torch.bool)
    assert torch.equal(unpack_bits(pack_bits(mask), len(mask)), mask)


def test_every_byte():
    every = np.unpackbits(np.arange(256, dtype=np.uint8)).astype(bool)
    assert pack_bits(torch.from_numpy(every)).tolist() == list(range(256))


def test_a_sum_is_written_over_its_left_operand():
    left, right = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])
    total = add_in_place(left, right)
    assert total is left
    assert total.tolist() == [11, 22]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (torch.ones(3, 1), torch.ones(3, 4)),  # broadcast to a larger shape
        (torch.ones(3, 4), torch.ones(4)),
        (torch.ones(3, dtype=torch.float16), torch.ones(3)),  # promoted to a wider type
    ],
)
def test_a_sum_of_another_shape_or_type_has_memory_of_its_own(left, right):
    before = left.clone()
    torch.testing.assert_close(add_in_place(left, right), left + right)
    assert torch.equal(left, before)
