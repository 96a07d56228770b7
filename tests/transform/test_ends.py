"""Where the decoder ends, against lists written by hand from the architectures."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import fx

from feedbackward.decoder_config import PAPER
from feedbackward.errors import InputError
from feedbackward.models import create_encoder
from feedbackward.transform import DecoderGraph, trace, transpose
from feedbackward.transform.step import path_of

End = tuple[str, int]

ENDS = {
    "vgg11": [("features.0", 64), ("features.2", 64), ("features.5", 128)],
    "resnet18": [("image", 3), ("conv1", 64), ("maxpool", 64)],
    "resnetv2_50": [("image", 3), ("stem.conv", 64), ("stem.pool", 64)],
    "res2net50_26w_4s": [("image", 3), ("conv1", 64), ("maxpool", 64)],
    "resnest14d": [("image", 3), ("conv1.0", 32), ("maxpool", 64)],
    "densenet121": [("image", 3), ("features.conv0", 64), ("features.pool0", 64)],
    "mobilenetv2_050": [("image", 3), ("conv_stem", 16), ("blocks.1.0.conv_dw", 48)],
    "efficientnet_b0": [("image", 3), ("conv_stem", 32), ("blocks.1.0.conv_dw", 96)],
    "regnety_002": [("image", 3), ("stem.conv", 32), ("s1.b1", 24)],  # both branches of a block are strided: their sum
    "legacy_xception": [("image", 3), ("conv1", 32), ("block1", 128)],
    "inception_v3": [("image", 3), ("Conv2d_1a_3x3.conv", 32), ("Pool1", 64)],
    "dla34": [("base_layer.0", 16), ("level1.0", 32), ("level2.tree1", 64)],
    "hrnet_w18_small": [("image", 3), ("conv1", 64), ("conv2", 64)],
    "convnext_atto": [("image", 3), None, ("stem.0", 40)],
    "poolformer_s12": [("image", 3), None, ("stem.conv", 64)],
    "convmixer_768_32": [("image", 3), None, None],  # patches of 7x7: stride 8 is the nearest power of two
    "swin_tiny_patch4_window7_224": [("image", 3), None, ("patch_embed.proj", 96)],
}
"""By encoder, for strides 1, 2 and 4: the path of the last feature of that stride before the image, and its channels.

If the first layer is strided, the image itself is the feature of stride 1. None if there is no feature of that stride.
"""

FIRSTS = {
    "vgg11": [("features.3", 128), ("features.8", 256)],
    "resnet18": [("bn1", 64), ("layer1.1", 64)],
    "resnest14d": [("bn1", 64), ("layer1.0", 256)],
    "densenet121": [("features.conv0", 64), ("features.denseblock1", 256)],
    # The expansion of the next stage's first block is still at this stage's resolution.
    "mobilenetv2_050": [("blocks.1.0.conv_pw", 48), ("blocks.2.0.conv_pw", 96)],
    "efficientnet_b0": [("blocks.1.0.conv_pw", 96), ("blocks.2.0.conv_pw", 144)],
    # Without activations outside residual branches: the value that the next stage's downsampling reads.
    "convnext_atto": [None, ("stages.1.downsample.0", 40)],
    "poolformer_s12": [None, ("stages.1.downsample.norm", 64)],
}
"""By encoder, for strides 2 and 4: the path of the first feature that the decoder reaches, and its channels.

It is the deepest feature of that stride with a skip connection: the sum of a block, or the layer before an activation.
"""


@cache
def traced(name: str) -> fx.GraphModule:
    with torch.device("meta"):
        return trace(create_encoder(name, weights=None, in_channels=3))


def decode(name: str, **options: object) -> DecoderGraph:
    return transpose(traced(name), replace(PAPER, **options))


def end_of(graph: DecoderGraph) -> End:
    return "image" if graph.end.op == "placeholder" else path_of(graph.end), graph.channels[0]


def cases(table: dict[str, list[End | None]], strides: tuple[int, ...]) -> list[tuple[str, int, End | None]]:
    return [(name, stride, end) for name, ends in table.items() for stride, end in zip(strides, ends, strict=True)]


@pytest.mark.parametrize(("name", "stride", "end"), [case for case in cases(ENDS, (1, 2, 4)) if case[2]])
def test_the_last_feature_of_a_stride(name: str, stride: int, end: End) -> None:
    assert end_of(decode(name, output_stride=stride)) == end


@pytest.mark.parametrize(("name", "stride"), [case[:2] for case in cases(ENDS, (1, 2, 4)) if not case[2]])
def test_a_stride_without_a_feature_is_refused(name: str, stride: int) -> None:
    with pytest.raises(InputError, match=f"output_stride={stride}: this encoder has no feature of that stride"):
        decode(name, output_stride=stride)


@pytest.mark.parametrize("retrace", ["all", "transitions"])
@pytest.mark.parametrize(("name", "stride", "end"), [case for case in cases(FIRSTS, (2, 4)) if case[2]])
def test_the_first_feature_of_a_stride(name: str, stride: int, end: End, retrace: str) -> None:
    assert end_of(decode(name, retrace=retrace, output_stride=stride, output_feature="first")) == end


DEEPEST = [("vgg16", 16), ("resnet18", 32), ("convmixer_768_32", 8)]


@pytest.mark.parametrize(("name", "stride"), DEEPEST)
def test_a_decoder_without_layers_is_refused(name: str, stride: int) -> None:
    with pytest.raises(InputError, match=r"choose output_feature='last', or a smaller stride of \[1"):
        decode(name, output_stride=stride, output_feature="first")


@pytest.mark.parametrize(("name", "stride"), DEEPEST)
def test_the_last_feature_of_that_stride_is_accepted(name: str, stride: int) -> None:
    assert decode(name, output_stride=stride, output_feature="last").stride == stride
