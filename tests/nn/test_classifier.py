import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch.nn import functional as F

from feedbackward.nn import Classifier


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_it_is_a_convolution_whose_weight_is_a_product(kernel_size):
    torch.manual_seed(0)
    classifier = Classifier(6, classes=4, kernel_size=kernel_size).double()
    depthwise, pointwise, bias = (parameter.detach() for parameter in classifier.parameters())
    weight = torch.einsum("oi,ihw->oihw", pointwise[:, :, 0, 0], depthwise[:, 0])
    signal = torch.rand(2, 6, 7, 9, dtype=torch.float64)
    torch.testing.assert_close(classifier(signal), F.conv2d(signal, weight, bias, padding=kernel_size // 2))


def test_one_pixel_needs_one_matrix():
    torch.manual_seed(0)
    classifier = Classifier(6, classes=4, kernel_size=1)
    weight, bias = classifier.parameters()
    assert weight.shape == (4, 6, 1, 1)
    signal = torch.rand(2, 6, 7, 9)
    expected = torch.einsum("oi,nihw->nohw", weight[:, :, 0, 0], signal) + bias[:, None, None]
    torch.testing.assert_close(classifier(signal), expected)


@given(widths=st.lists(st.integers(1, 4), min_size=1, max_size=4), kernel_size=st.sampled_from([1, 3, 5]))
def test_parts_give_the_logits_of_their_concatenation(widths, kernel_size):
    torch.manual_seed(0)
    classifier = Classifier(sum(widths), classes=3, kernel_size=kernel_size).double()
    parts = tuple(torch.rand(2, width, 5, 6, dtype=torch.float64) for width in widths)
    torch.testing.assert_close(classifier(parts), classifier(torch.cat(parts, 1)))
