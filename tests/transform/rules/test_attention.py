"""Attention, with the attention weights written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

IMAGE = torch.linspace(-1, 1, 2 * 3 * 4 * 6, dtype=torch.float64).reshape(2, 3, 4, 6)


class Attention(nn.Module):
    """One head over all pixels; keys and values may come from a smaller image."""

    def __init__(self, *, fused: bool, pooled: int = 1, transposed: bool = False) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(3, 3) for _ in range(3))
        self.softmax, self.drop = nn.Softmax(dim=-1), nn.Dropout(0.0)
        self.pool = nn.AvgPool2d(pooled) if pooled > 1 else nn.Identity()
        self.fused, self.transposed = fused, transposed

    def forward_features(self, x: Tensor) -> Tensor:
        shape = x.shape
        few, x = (image.flatten(2).transpose(1, 2) for image in (self.pool(x), x))  # (N, L, C)
        query, key, value = self.query(x), self.key(few), self.value(few)
        if self.fused:
            x = F.scaled_dot_product_attention(query, key, value)
        else:
            attention = self.drop(self.softmax(query @ key.transpose(1, 2)))
            if self.transposed:
                x = (value.transpose(1, 2) @ attention.transpose(1, 2)).transpose(1, 2)
            else:
                x = attention @ value
        return x.transpose(1, 2).reshape(shape)


def projected(layer: nn.Linear, x: Tensor) -> Tensor:
    return x @ layer.weight.T + layer.bias


def maps(net: Attention, pixels: Tensor, few: Tensor) -> tuple[Tensor, Tensor]:
    """The attention weights from values to queries, and those with which fused attention maps queries to values."""
    query, key = projected(net.query, pixels), projected(net.key, few)
    scale = 3**-0.5 if net.fused else 1
    return (query @ key.mT * scale).softmax(-1), (key @ query.mT * scale).softmax(-1)


@pytest.mark.parametrize("permute", ["necessary", "possible"])
@pytest.mark.parametrize(
    "net", [Attention(fused=True), Attention(fused=False), Attention(fused=False, transposed=True)]
)
def test_the_signal_is_multiplied_by_the_encoder_s_attention_weights(
    net: Attention, permute: str, run_back, normed
) -> None:
    got, decoder = run_back(net, IMAGE, permute=permute)
    pixels = IMAGE.flatten(2).mT
    own, opposite = maps(net, pixels, pixels)
    features = (own @ projected(net.value, pixels)).mT.reshape(IMAGE.shape)
    turned = F.max_pool2d(features, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    swapped = permute == "possible"
    back = (opposite if net.fused else own.mT) if swapped else own
    signal = back @ turned.flatten(2).mT
    signal = normed(decoder.value.norm, (signal @ (net.value.weight if swapped else net.value.weight.T)).mT)
    assert_close(got, signal.reshape(IMAGE.shape))


class ManyQueries(nn.Module):
    """Three heads of one channel each that share keys and values, as in multi-query attention."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Linear(3, 1)

    def forward_features(self, x: Tensor) -> Tensor:
        shape, x = x.shape, x.flatten(2).transpose(1, 2)
        heads = x.transpose(1, 2).unsqueeze(-1)  # (N, 3, L, 1)
        value = self.value(x).unsqueeze(1)  # (N, 1, L, 1)
        x = F.scaled_dot_product_attention(heads, x[:, :, :1].unsqueeze(1), value)
        return x.squeeze(-1).reshape(shape)


def test_values_shared_by_heads_get_the_sum_of_their_signals(run_back, normed) -> None:
    net = ManyQueries()
    got, decoder = run_back(net, IMAGE)
    pixels = IMAGE.flatten(2).mT
    own = [(pixels[..., i : i + 1] @ pixels[..., :1].mT).softmax(-1) for i in range(3)]
    features = torch.cat([a @ projected(net.value, pixels) for a in own], -1).mT.reshape(IMAGE.shape)
    turned = F.max_pool2d(features, 2).repeat_interleave(2, 2).repeat_interleave(2, 3).flatten(2).mT
    signal = sum(a @ turned[..., i : i + 1] for i, a in enumerate(own))
    signal = normed(decoder.value.norm, (signal @ net.value.weight).mT)
    assert_close(got, signal.reshape(IMAGE.shape))


@pytest.mark.parametrize("fused", [True, False])
def test_attention_weights_between_images_of_two_sizes_are_transposed(fused: bool, run_back, normed) -> None:
    net = Attention(fused=fused, pooled=2)
    got, decoder = run_back(net, IMAGE)
    pixels, few = IMAGE.flatten(2).mT, F.avg_pool2d(IMAGE, 2).flatten(2).mT
    own, opposite = maps(net, pixels, few)
    features = (own @ projected(net.value, few)).mT.reshape(IMAGE.shape)
    turned = F.max_pool2d(features, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    signal = (opposite if fused else own.mT) @ turned.flatten(2).mT
    signal = normed(decoder.value.norm, (signal @ net.value.weight.T).mT).reshape(2, 3, 2, 3)
    assert_close(got, signal.repeat_interleave(2, 2).repeat_interleave(2, 3))


class Biased(nn.Module):
    """One head with a bias for each pair of pixels and a scale of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Linear(3, 3)

    def forward_features(self, x: Tensor) -> Tensor:
        shape, x = x.shape, x.flatten(2).transpose(1, 2)
        bias = x[..., :1] - 2 * x[..., 1:2].transpose(1, 2)
        x = F.scaled_dot_product_attention(x, x * 0.5, self.value(x), bias, scale=0.7)
        return x.transpose(1, 2).reshape(shape)


@pytest.mark.parametrize("permute", ["necessary", "possible"])
def test_the_attention_weights_include_bias_and_scale(permute: str, run_back, normed) -> None:
    net = Biased()
    got, decoder = run_back(net, IMAGE, permute=permute)
    pixels = IMAGE.flatten(2).mT
    scores, bias = 0.7 * pixels @ (0.5 * pixels).mT, pixels[..., :1] - 2 * pixels[..., 1:2].mT
    own, opposite = (scores + bias).softmax(-1), (scores + bias).mT.softmax(-1)
    features = (own @ projected(net.value, pixels)).mT.reshape(IMAGE.shape)
    turned = F.max_pool2d(features, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)
    swapped = permute == "possible"
    signal = (opposite if swapped else own) @ turned.flatten(2).mT
    signal = normed(decoder.value.norm, (signal @ (net.value.weight if swapped else net.value.weight.T)).mT)
    assert_close(got, signal.reshape(IMAGE.shape))
