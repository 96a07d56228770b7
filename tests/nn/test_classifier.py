import pytest
import torch
from torch.nn import functional as F

from feedbackward.nn import Classifier


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_it_is_a_convolution_whose_weight_is_a_product(kernel_size):
    torch.manual_seed(0)
    classifier = Classifier(6, 4, kernel_size).double()
    depthwise, pointwise, bias = (parameter.detach() for parameter in classifier.parameters())
    weight = torch.einsum("oi,ihw->oihw", pointwise[:, :, 0, 0], depthwise[:, 0])
    signal = torch.rand(2, 6, 7, 9, dtype=torch.float64)
    scores = F.conv2d(signal, weight, bias, padding=kernel_size // 2)
    torch.testing.assert_close(classifier(signal), scores)
    torch.testing.assert_close(classifier((signal[:, :2], signal[:, 2:])), scores)


def test_one_pixel_needs_one_matrix():
    torch.manual_seed(0)
    classifier = Classifier(6, 4, 1)
    weight, bias = classifier.parameters()
    assert weight.shape == (4, 6, 1, 1)
    signal = torch.rand(2, 6, 7, 9)
    scores = torch.einsum("oi,nihw->nohw", weight[:, :, 0, 0], signal) + bias[:, None, None]
    torch.testing.assert_close(classifier((signal[:, :2], signal[:, 2:3], signal[:, 3:])), scores)
