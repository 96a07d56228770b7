"""A traced encoder computes the same as the encoder, without operations in place."""

import torch
from torch import Tensor, nn
from torch.testing import assert_close

from feedbackward.transform import trace


class InPlace(nn.Module):
    """Values that are overwritten in every way, and read again after that."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.act = nn.ReLU(inplace=True)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.act(x) * 2
        x += y  # x has been activated
        z = x * 3
        z.mul_(x)
        z.add_(1)
        z -= x
        w = z / 2
        w /= 3
        w.sub_(z)
        nn.functional.silu(w, inplace=True)
        return w + z + x


def test_values_read_after_an_in_place_operation_are_its_result() -> None:
    torch.manual_seed(0)
    encoder = InPlace()
    image = torch.randn(2, 3, 5, 7)
    with torch.no_grad():
        expected = encoder.forward_features(image)
        traced = trace(encoder)
        assert_close(traced(image), expected)
    names = {str(getattr(node.target, "__name__", node.target)) for node in traced.graph.nodes}
    assert not names & {"iadd", "imul", "isub", "itruediv", "mul_", "add_", "sub_", "div_"}


class Masked(nn.Module):
    """A mask that is written in place into a tensor of its own."""

    def forward_features(self, x: Tensor) -> Tensor:
        mask = torch.zeros_like(x)
        mask[:, :, 1:, :-1] = 1
        return x * mask


def test_a_mask_that_is_written_in_place_is_traced() -> None:
    image = torch.randn(2, 3, 5, 7)
    assert_close(trace(Masked())(image), Masked().forward_features(image))
