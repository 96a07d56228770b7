"""The walker's proof: without norms, activations and skips, and with flipped kernels, the decoder is the adjoint."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from feedbackward.decoder_config import PAPER
from feedbackward.errors import InputError
from feedbackward.transform import DecoderGraph, UnsupportedOperationsError, trace, transpose


class Linear(nn.Module):
    """Convolutions of every kind, a residual branch, a concatenation and values that are used several times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.grouped = nn.Conv2d(8, 12, 3, padding=1, groups=4, bias=False)
        self.depthwise = nn.Conv2d(12, 12, 5, padding=2, groups=12, bias=False)
        self.dilated = nn.Conv2d(12, 8, 3, padding=2, dilation=2, bias=False)
        self.wide = nn.Conv2d(20, 6, (1, 3), padding=(0, 1), bias=False)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.grouped(x)
        y = y + self.depthwise(y)
        return self.wide(torch.cat([x + self.dilated(y), y], dim=1))


def test_the_linear_decoder_is_autograd_s_vector_jacobian_product(assert_adjoint) -> None:
    assert_adjoint(Linear())


class Block(nn.Module):
    """One residual block after a strided convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.act1 = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.act2 = nn.ReLU(inplace=True)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.act1(self.down(x))
        shortcut = x
        x = self.conv(x)
        x += shortcut
        return self.act2(x)


def calls(decoder_graph: DecoderGraph) -> list[str]:
    """The names of the decoder nodes, without the U-turn and the end."""
    return [str(getattr(n.target, "__name__", n.target)) for p in decoder_graph.decoded for n in p.emitted]


def test_all_retraces_the_residual_branch_and_its_fan_out_is_summed_once() -> None:
    decoder_graph = transpose(trace(Block()), replace(PAPER, retrace="all"))
    assert calls(decoder_graph) == [
        *("encoder.act2", "fuse"),
        *("encoder.conv.weight", "same_conv2d", "decoder.conv.norm"),
        *("add", "encoder.act1", "fuse"),
        *("upsample_like", "encoder.down.weight", "permute_weight", "same_conv2d", "decoder.down.norm"),
    ]


def test_transitions_bypass_the_residual_branch_and_its_activation() -> None:
    decoder_graph = transpose(trace(Block()), replace(PAPER, retrace="transitions"))
    assert calls(decoder_graph) == [
        *("encoder.act2", "fuse"),
        *("upsample_like", "encoder.down.weight", "permute_weight", "same_conv2d", "decoder.down.norm"),
    ]


def test_possible_swaps_where_necessary_does_not() -> None:
    swaps = {
        policy: calls(transpose(trace(Block()), replace(PAPER, permute=policy))).count("permute_weight")
        for policy in ("necessary", "possible")
    }
    assert swaps == {"necessary": 1, "possible": 2}


def test_output_stride_selects_a_feature_and_stride_one_is_the_image() -> None:
    encoder = trace(Block())
    at_two = transpose(encoder, replace(PAPER, output_stride=2))
    assert (str(at_two.end), at_two.channels) == ("down", (4,))
    assert str(transpose(encoder, replace(PAPER, output_stride=1)).end) == str(transpose(encoder, PAPER).end) == "x"
    assert "decoder.down.norm" not in dict(at_two.decoder.named_modules())


def test_an_unavailable_output_stride_is_refused_with_the_available_ones() -> None:
    with pytest.raises(InputError, match=r"output_stride=4.*choose one of \[1, 2\], 'auto', 'fine' or 'image'"):
        transpose(trace(Block()), replace(PAPER, output_stride=4))


class Unsupported(nn.Module):
    """Two operations without a rule on the signal's path, and one that no signal reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.LocalResponseNorm(2)

    def forward_features(self, x: Tensor) -> Tensor:
        return torch.cumsum(self.norm(self.conv(x)), 1)


def test_every_operation_without_a_rule_is_named_in_one_error() -> None:
    with pytest.raises(UnsupportedOperationsError) as error:
        transpose(trace(Unsupported()), PAPER)
    assert "no rule for 2 of its operations" in str(error.value)
    assert "cumsum: torch.cumsum" in str(error.value)
    assert "norm: torch.nn.modules.normalization.LocalResponseNorm" in str(error.value)


class Pooled(nn.Module):
    """An encoder that ends with a pool."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.pool = nn.AvgPool2d(2)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.pool(self.conv(x))


def test_a_pool_at_the_end_is_the_u_turn() -> None:
    assert transpose(trace(Pooled()), PAPER).u_turn == ()
    assert [n.target.__name__ for n in transpose(trace(Block()), PAPER).u_turn] == ["max_pool2d", "upsample_like"]


class Gated(nn.Module):
    """A squeeze-excite gate; the gate's own convolution must not be decoded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.squeeze = nn.Conv2d(4, 4, 1)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.squeeze(x.mean((2, 3), keepdim=True)).sigmoid()


def test_a_gate_multiplies_the_signal_and_gets_none() -> None:
    decoder_graph = transpose(trace(Gated()), PAPER)
    assert calls(decoder_graph) == [
        "mul",
        "encoder.conv.weight",
        "permute_weight",
        "same_conv2d",
        "decoder.conv.norm",
    ]
    gate = decoder_graph.decoded[0].emitted[0].args[1]
    assert gate.target == "sigmoid"


class Ambiguous(nn.Module):
    """Sums, quotients and products of which it is unclear which argument gets the signal."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.left, self.right = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        left, right = self.left(x), self.right(x)
        return torch.add(left / right, torch.matmul(left, right.transpose(2, 3) @ left), alpha=2)


def test_calls_that_a_rule_does_not_support_are_refused() -> None:
    with pytest.raises(UnsupportedOperationsError, match=r"no rule for 4 of its operations") as error:
        transpose(trace(Ambiguous()), PAPER)
    for line in (
        "truediv: operator.truediv (a quotient of two branches)",
        "matmul: operator.matmul (exactly one operand must be attention weights)",
        "matmul_1: torch.matmul (exactly one operand must be attention weights)",
        "add: torch.add (got an unexpected keyword argument 'alpha')",
    ):
        assert f"  {line}\n" in str(error.value)


class Pooling(nn.Module):
    """Features broadcast from two context vectors, which get no signal."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x.mean(2, keepdim=True) * x.mean(3, keepdim=True)


class Written(nn.Module):
    """A part of an image that is overwritten in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x[:, :2] = x[:, 2:]
        return x


def test_writing_in_place_into_the_signal_s_path_is_refused() -> None:
    with pytest.raises(UnsupportedOperationsError, match=r"setitem: .*setitem \(written in place into a value"):
        transpose(trace(Written()), PAPER)


def test_an_encoder_whose_image_gets_no_signal_is_refused() -> None:
    with pytest.raises(UnsupportedOperationsError, match="the signal does not reach the image: it ends at"):
        transpose(trace(Pooling()), PAPER)


class Branching(nn.Module):
    """A forward pass whose control flow depends on its values."""

    def forward_features(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Fixed(nn.Module):
    """An encoder for a single image size."""

    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(1, 3, 224, 224))

    def forward_features(self, x: Tensor) -> Tensor:
        return x + self.position


def test_encoders_that_cannot_be_traced_or_accept_a_single_size_are_refused() -> None:
    with pytest.raises(UnsupportedOperationsError, match=r"cannot be traced: .*test_transpose\.py:\d+: TraceError"):
        trace(Branching())
    with pytest.raises(UnsupportedOperationsError, match="does not run on images of 256x256"):
        transpose(trace(Fixed()), PAPER)


def test_shape_inference_leaves_each_module_in_its_mode() -> None:
    encoder = trace(Block()).train()
    encoder.get_submodule("conv").eval()
    transpose(encoder, PAPER)
    assert encoder.training
    assert not encoder.get_submodule("conv").training


class SpreadGate(nn.Module):
    """A gate that is expanded to the size of the gated value, as in efficient channel attention."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.GroupNorm(2, 4)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return x.mean((2, 3), keepdim=True).sigmoid().expand_as(x) * x


def test_a_gate_of_full_size_is_recognized_by_its_source() -> None:
    decoder_graph = transpose(trace(SpreadGate()), PAPER)
    assert calls(decoder_graph) == ["mul", "encoder.conv.weight", "permute_weight", "same_conv2d", "decoder.conv.norm"]
    assert decoder_graph.decoded[0].emitted[0].args[1].target == "expand_as"
