import numpy as np
import pytest
import torch

from feedbackward.nn.bits import pack_bits, unpack_bits


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
def test_numpy_packs_the_same_bits(count):
    mask = torch.rand(count, generator=torch.Generator().manual_seed(count)) < 0.4
    packed = pack_bits(mask)
    np.testing.assert_array_equal(packed.numpy(), np.packbits(mask.numpy()))
    assert torch.equal(unpack_bits(packed, count), mask)


def test_every_byte():
    every = np.unpackbits(np.arange(256, dtype=np.uint8)).astype(bool)
    assert pack_bits(torch.from_numpy(every)).tolist() == list(range(256))
