"""Rules that are not an adjoint, each in its own network and written out by hand."""

import torch
import torch.nn.functional as F
from timm.layers import BlurPool2d, CondConv2d, EvoNorm2dS0, FilterResponseNormTlu2d, ScaledStdConv2dSame
from timm.layers.grn import GlobalResponseNorm
from timm.models.metaformer import StarReLU
from torch import Tensor, nn
from torch.testing import assert_close

IMAGE = torch.linspace(-1, 1, 2 * 4 * 6 * 10, dtype=torch.float64).sin().reshape(2, 4, 6, 10)


class Chain(nn.Sequential):
    """Modules in sequence."""

    def forward_features(self, x: Tensor) -> Tensor:
        return self(x)


def up(x: Tensor, factor: int = 2) -> Tensor:
    return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


def turned(x: Tensor) -> Tensor:
    return up(F.max_pool2d(x, 2, ceil_mode=True))[..., : x.shape[2], : x.shape[3]]


class Experts(nn.Module):
    """A strided convolution with a weight mixed for each image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = CondConv2d(4, 6, 3, stride=2, padding=1, groups=2, num_experts=3)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.conv(x, x.mean((2, 3))[:, :3].sigmoid())


def test_a_weight_mixed_for_each_image(run_back, normed) -> None:
    net = Experts()
    got, decoder = run_back(net, IMAGE, in_channels=4)
    signals = []
    for image in IMAGE:
        share = image.mean((1, 2))[:3].sigmoid()
        weight = sum(a * w for a, w in zip(share, net.conv.weight, strict=True)).view(6, 2, 3, 3)
        feature = F.conv2d(image[None], weight, stride=2, padding=1, groups=2)
        back = torch.cat([weight[:3].transpose(0, 1), weight[3:].transpose(0, 1)])
        signals.append(F.conv2d(up(turned(feature)), back, padding=1, groups=2))
    assert_close(got, normed(decoder.conv.norm, torch.cat(signals)))


def test_the_applied_weight_is_shared_and_its_padding_is_undone(run_back, normed) -> None:
    net = Chain(ScaledStdConv2dSame(4, 6, 3, stride=2, padding="same", bias=False))
    got, decoder = run_back(net, IMAGE, in_channels=4)
    (layer,) = net
    flat = layer.weight.flatten(1)
    mean, var = flat.mean(1, keepdim=True), flat.var(1, unbiased=False, keepdim=True)
    weight = ((flat - mean) / (var + layer.eps).sqrt() * layer.gain.flatten(1) * layer.scale).view_as(layer.weight)
    feature = F.conv2d(F.pad(IMAGE, (0, 1, 0, 1)), weight, stride=2)
    signal = F.conv2d(up(turned(feature)), weight.transpose(0, 1), padding=1)
    assert_close(got, normed(decoder.get_submodule("0").norm, signal))


def test_a_padding_that_no_layer_undoes_is_cropped(run_back, normed) -> None:
    net = Chain(nn.ZeroPad2d((1, 1, 0, 2)), nn.Conv2d(4, 4, 3, padding=1, bias=False))
    got, decoder = run_back(net, IMAGE, in_channels=4)
    feature = F.conv2d(F.pad(IMAGE, (1, 1, 0, 2)), net[1].weight, padding=1)
    signal = normed(decoder.get_submodule("1").norm, F.conv2d(turned(feature), net[1].weight, padding=1))
    assert_close(got, signal[:, :, :-2, 1:-1])


def test_a_blur_pool_is_decoded_as_a_pool(run_back) -> None:
    net = Chain(BlurPool2d(4), GlobalResponseNorm(4, channels_last=False))
    got, _ = run_back(net, IMAGE, in_channels=4)
    kernel = torch.outer(*[torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)] * 2).expand(4, 1, 3, 3)
    blurred = F.conv2d(F.pad(IMAGE, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=4)
    # A response norm is initialized as the identity, and the decoder does nothing there.
    assert_close(got, up(turned(blurred)))


def test_an_activation_with_parameters_is_applied_again(run_back) -> None:
    net = Chain(StarReLU(scale_value=0.7, bias_value=-0.2))
    got, _ = run_back(net, IMAGE, in_channels=4)
    feature = 0.7 * IMAGE.relu() ** 2 - 0.2
    assert_close(got, 0.7 * turned(feature).relu() ** 2 - 0.2 + feature)


def evolved(x: Tensor) -> Tensor:
    std = x.reshape(2, 2, 2, *x.shape[2:]).var((2, 3, 4), unbiased=False, keepdim=True).add(1e-5).sqrt()
    return x * x.sigmoid() / std.expand(2, 2, 2, *x.shape[2:]).reshape(x.shape)


def test_a_norm_with_inseparable_activation_is_repeated_and_one_without_is_skipped(run_back) -> None:
    net = Chain(EvoNorm2dS0(4, groups=2), EvoNorm2dS0(4, groups=2, apply_act=False))
    got, _ = run_back(net, IMAGE, in_channels=4)
    feature = evolved(IMAGE)
    assert_close(got, evolved(turned(feature)) + feature)


def test_a_norm_with_a_learned_threshold(run_back) -> None:
    net = Chain(FilterResponseNormTlu2d(4))
    nn.init.constant_(net[0].tau, 0.3)
    got, _ = run_back(net, IMAGE, in_channels=4)
    respond = lambda x: (x / (x.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()).clamp(min=0.3)  # noqa: E731
    feature = respond(IMAGE)
    assert_close(got, respond(turned(feature)) + feature)


class Coarse(nn.Module):
    """A branch at half the resolution that is upsampled inside the encoder, by a module and by a function."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2, mode="nearest")

    def forward_features(self, x: Tensor) -> Tensor:
        coarse = self.up(F.max_pool2d(x, 2))
        return coarse + F.interpolate(F.avg_pool2d(x, 2), size=x.shape[-2:], mode="nearest") * 3


def test_an_upsampling_inside_the_encoder_is_decoded_by_averaging(run_back) -> None:
    got, _ = run_back(Coarse(), IMAGE, in_channels=4)
    feature = up(F.max_pool2d(IMAGE, 2)) + 3 * up(F.avg_pool2d(IMAGE, 2))
    assert_close(got, 4 * up(F.avg_pool2d(turned(feature), 2)))
