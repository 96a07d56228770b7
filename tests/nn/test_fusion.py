"""Skip connections: sums in place, and activations that are fused with them."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given

from feedbackward.nn import add_in_place, rectify_and_fuse
from feedbackward.nn.fusion import pack_bits, unpack_bits

masks = st.lists(st.booleans(), max_size=100)
# Also at the kinks of ReLU and ReLU6, where the gradient is a convention: it must be autograd's.
values = st.one_of(st.floats(-10, 10), st.sampled_from([0.0, -0.0, 6.0]))
ACTIVATIONS = [(F.relu, math.inf), (F.relu6, 6.0)]


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
def test_a_sum_of_another_shape_or_type_has_its_own_memory(left, right):
    before = left.clone()
    torch.testing.assert_close(add_in_place(left, right), left + right)
    assert torch.equal(left, before)


@pytest.mark.parametrize(("activation", "ceiling"), ACTIVATIONS)
@given(st.lists(values, min_size=1, max_size=40))
def test_a_fused_activation_has_autograd_s_result_and_gradients(activation, ceiling, values):
    signal = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    feature = torch.linspace(-3, 3, len(values), dtype=torch.float64, requires_grad=True)
    weight = torch.linspace(1, 2, len(values), dtype=torch.float64)
    found, expected = rectify_and_fuse(signal, feature, ceiling=ceiling), activation(signal) + feature
    torch.testing.assert_close(found, expected)
    ours, theirs = (torch.autograd.grad((result * weight).sum(), (signal, feature)) for result in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@given(order=st.permutations(range(4)), seed=st.integers(0, 99))
def test_the_gradient_does_not_depend_on_the_memory_format(order, seed):
    generator = torch.Generator().manual_seed(seed)
    signal, feature, weight = torch.randn(3, 2, 3, 4, 5, generator=generator).unbind()
    back = [order.index(axis) for axis in range(4)]
    reordered = signal.permute(order).contiguous().permute(back).detach().requires_grad_()
    (rectify_and_fuse(reordered, feature) * weight).sum().backward()
    torch.testing.assert_close(reordered.grad, weight * (signal > 0))


@pytest.mark.parametrize("ceiling", [math.inf, 6.0])
def test_a_fused_activation_saves_one_bit_per_value(ceiling):
    saved = []
    signal, feature = torch.randn(2, 1000, requires_grad=True).unbind()
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor.nbytes), lambda _: None):
        rectify_and_fuse(signal, feature, ceiling=ceiling)
    assert saved == [125]
