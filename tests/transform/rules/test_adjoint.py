"""Each rule for an operation that is linear, at least in the value that gets the signal, by itself."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from timm.layers import StdConv2d
from torch import Tensor, nn

from feedbackward.decoder_config import PAPER
from feedbackward.transform import trace, transpose


class Encoder(nn.Module):
    """A convolution to 12 channels, an operation, and a convolution that makes the features unlike its output."""

    def __init__(self, operation: Callable[[Tensor], Tensor], *, channels: int = 12) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1, bias=False)
        self.operation = operation
        self.last = nn.Conv2d(channels, 5, 1, bias=False)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.last(self.operation(self.stem(x)))


def windows(x: Tensor) -> Tensor:
    """Pads to whole windows of 4x4, mixes the positions of each window, and joins the windows again."""
    n, c, h, w = x.shape
    padded = F.pad(x, (0, (4 - w % 4) % 4, 0, (4 - h % 4) % 4))
    rows, columns = padded.shape[2] // 4, padded.shape[3] // 4
    apart = padded.view(n, c, rows, 4, columns, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
    rolled = torch.roll(apart, shifts=(3,), dims=(1,)) - apart
    together = rolled.view(n, rows, columns, 4, 4, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, rows * 4, columns * 4)
    return together[:, :, :h, :w]


def unequal(x: Tensor) -> Tensor:
    _, first, second = torch.split(x, [2, 3, 7], dim=1)
    return torch.cat([second, first], 1)


def chunks_of_which_one_is_used(x: Tensor) -> Tensor:
    first, _, third = x.chunk(3, dim=1)
    return first - third


def indexed_from_the_end(x: Tensor) -> Tensor:
    parts = x.chunk(chunks=3, dim=1)
    return parts[-1] + 2 * parts[0]


def split_and_joined(x: Tensor) -> Tensor:
    return torch.cat(x.split(split_size=5, dim=1), 1) + torch.stack(x.unbind(1), 1) * 3


def branch_axis(x: Tensor) -> Tensor:
    parts = x.reshape(x.shape[0], 3, 4, x.shape[2], x.shape[3])
    return (parts * torch.arange(1.0, 13).double().view(3, 4, 1, 1)).sum(dim=1)


def stacked(x: Tensor) -> Tensor:
    first, second, _ = x.view(x.shape[0], 3, 4, x.shape[2], x.shape[3]).unbind(1)
    return torch.stack([second, first], dim=2).flatten(1, 2)


def channels_last(x: Tensor) -> Tensor:
    return torch.permute(x, dims=(0, 2, 3, 1)).transpose(1, 2).permute((0, -1, 2, 1))


def gated(x: Tensor) -> Tensor:
    return x * x.mean((2, 3), keepdim=True).sigmoid().detach()


def of_two_branches(x: Tensor) -> Tensor:
    first, second = x.chunk(2, 1)
    return first * second


OPERATIONS = {
    "sizes of a split that differ": (unequal, 10),
    "a chunk that nobody uses": (chunks_of_which_one_is_used, 4),
    "parts counted from behind": (indexed_from_the_end, 4),
    "all the parts of a value": (split_and_joined, 12),
    "slices that overlap": (lambda x: x[:, :9] + x[:, 3:], 9),
    "slices of the image": (lambda x: x[:, :, 1:, 2:], 12),
    "slices from behind": (lambda x: x[:, -4:, :-1], 4),
    "an axis of branches": (branch_axis, 4),
    "a stack of parts": (stacked, 8),
    "permutations": (channels_last, 12),
    "windows": (windows, 12),
    "padding": (lambda x: F.pad(x, (2, 0, 1, 3)) * 2, 12),
    "negative padding": (lambda x: F.pad(x, (-1, 0, 2, -1)) * 2, 12),
    "padding that depends on the size": (lambda x: F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2)), 12),
    "channels shuffled in groups": (nn.ChannelShuffle(3), 12),
    "a gate": (gated, 12),
    "each branch as the other's gate": (of_two_branches, 6),
    "a divisor": (lambda x: x / torch.full((12, 1, 1), 3.0).double(), 12),
    "a difference": (lambda x: x.mean((2, 3), keepdim=True).detach() - x, 12),
    "what is subtracted from itself": (lambda x: (x - x) + x, 12),
    "what is added to itself": (lambda x: x + x, 12),
    "a shift that is computed": (lambda x: torch.roll(x, (x.shape[2] // 2, 1), (2, 3)), 12),
    "more channels": (lambda x: F.pad(x, (0, 0, 0, 0, 0, 4)), 16),
    "an average of unit stride": (lambda x: F.avg_pool2d(x, 3, 1, 1) - x, 12),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation(name: str, assert_adjoint) -> None:
    operation, channels = OPERATIONS[name]
    assert_adjoint(Encoder(operation, channels=channels))


class Modules(nn.Module):
    """Matrices on channels in the last axis, a standardized convolution, pixels into channels and back."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = StdConv2d(3, 8, 3, padding=1)
        self.expand = nn.Linear(8, 12, bias=False)
        self.keep = nn.Linear(12, 12, bias=False)
        self.weight = nn.Parameter(torch.randn(3, 12))
        self.crop = nn.ZeroPad2d((0, 0, 0, -1))
        self.unshuffle = nn.PixelUnshuffle(2)
        self.shuffle = nn.PixelShuffle(2)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.keep(self.expand(self.stem(x).permute(0, 2, 3, 1)))
        x = F.linear(x, self.weight * 2).permute(0, 3, 1, 2)
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        return self.crop(self.shuffle(torch.roll(self.unshuffle(x), 5, 1)))


class Twice(nn.Module):
    """A layer that runs twice, two matrices of one module, one of them on rows of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.narrow, self.wide = nn.Parameter(torch.randn(5, 3)), nn.Parameter(torch.randn(4, 5))

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.conv(self.conv(x)).permute(0, 2, 3, 1)
        rows = F.linear(x.reshape(-1, 3), self.narrow)
        return F.linear(rows.view(x.shape[0], x.shape[1], x.shape[2], 5), self.wide).permute(0, 3, 1, 2)


def test_every_use_of_a_weight_has_a_norm_of_its_own(assert_adjoint) -> None:
    assert_adjoint(Twice())
    norms = dict(transpose(trace(Twice()), PAPER).decoder.named_children())
    assert {name: list(dict(child.named_children())) for name, child in norms.items()} == {
        "wide": ["norm"],
        "narrow": ["norm"],
        "conv": ["norm", "norm2"],
    }
    assert isinstance(norms["narrow"].norm, nn.BatchNorm1d)


def test_modules(assert_adjoint) -> None:
    assert_adjoint(Modules())
