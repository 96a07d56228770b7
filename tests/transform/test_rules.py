"""The rules together, against a small network whose decoder is written out by hand."""

import pytest
import torch
import torch.nn.functional as F
from timm.layers import BatchNormAct2d
from torch import Tensor, fx, nn
from torch.testing import assert_close

from feedbackward.decoder_config import PAPER
from feedbackward.transform import trace, transpose


class Small(nn.Module):
    """A strided convolution, a fused norm and activation, a gate, a residual branch, a pool, a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.bn = BatchNormAct2d(4, act_layer=nn.SiLU)
        self.squeeze = nn.Conv2d(4, 4, 1)
        self.branch = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.act = nn.Hardswish(inplace=True)
        self.pool = nn.AvgPool2d(2)
        self.wide = nn.Conv2d(4, 6, 2, stride=2)
        self.linear_bn = BatchNormAct2d(6, apply_act=False)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.bn(self.stem(x))
        x = x * self.squeeze(x.mean((2, 3), keepdim=True)).sigmoid()
        x = self.act(x + self.branch(x))
        return torch.cat([self.pool(x), self.linear_bn(self.wide(x))], dim=1)


def norm(layer: nn.BatchNorm2d, x: Tensor) -> Tensor:
    if layer.training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    else:
        mean, var = layer.running_mean, layer.running_var
    scale = layer.weight / (var + layer.eps).sqrt()
    return (x - mean[:, None, None]) * scale[:, None, None] + layer.bias[:, None, None]


def nearest(x: Tensor, size: torch.Size) -> Tensor:
    rows = torch.arange(size[-2]) * x.shape[-2] // size[-2]
    columns = torch.arange(size[-1]) * x.shape[-1] // size[-1]
    return x[..., rows, :][..., columns]


def by_hand(net: Small, back: nn.Module, image: Tensor) -> Tensor:
    """Both passes; for an image of even height and width."""
    silu = lambda x: x * x.sigmoid()  # noqa: E731
    hardswish = lambda x: x * (x + 3).clamp(0, 6) / 6  # noqa: E731
    stem = silu(norm(net.bn, F.conv2d(image, net.stem.weight, stride=2, padding=1)))
    gate = F.conv2d(stem.mean((2, 3), keepdim=True), net.squeeze.weight, net.squeeze.bias).sigmoid()
    gated = stem * gate
    act = hardswish(gated + F.conv2d(gated, net.branch.weight, padding=1, groups=2))
    pooled = F.avg_pool2d(act, 2)
    features = torch.cat([pooled, norm(net.linear_bn, F.conv2d(act, net.wide.weight, net.wide.bias, stride=2))], 1)

    signal = nearest(F.max_pool2d(features, 2, ceil_mode=True), features.shape)
    from_pool = nearest(signal[:, :4], act.shape)
    widened = F.pad(nearest(signal[:, 4:], act.shape), (0, 1, 0, 1))
    from_wide = norm(back.wide.norm, F.conv2d(widened, net.wide.weight.transpose(0, 1)))
    signal = hardswish(from_pool + from_wide) + act
    signal = signal + norm(back.branch.norm, F.conv2d(signal, net.branch.weight, padding=1, groups=2))
    signal = silu(signal * gate) + stem
    signal = F.conv2d(nearest(signal, image.shape), net.stem.weight.transpose(0, 1), padding=1)
    return norm(back.stem.norm, signal).relu()


@pytest.mark.parametrize("training", [True, False])
def test_every_rule_matches_the_decoder_written_by_hand(training: bool) -> None:
    torch.manual_seed(0)
    net = Small().double()
    encoder = trace(net)
    decoder_graph = transpose(encoder, PAPER)
    root = nn.Module()
    root.encoder, root.decoder = encoder, decoder_graph.decoder.double()
    for module in root.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    run = fx.GraphModule(root, decoder_graph.graph)
    run.train(training)
    root.train(training)
    net.train(training)
    image = torch.randn(2, 3, 12, 20, dtype=torch.float64)
    with torch.no_grad():
        expected = by_hand(net, root.decoder, image)
        assert_close(run(image), expected)
