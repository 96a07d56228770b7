"""Where the way back ends and what transitions walk back, against lists written by hand from the architectures."""

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

ENDS = {
    # The feature of stride 1, 2 and 4 that is nearest to the image: where it is made, and its channels. Where the first
    # layer is strided the image stands in for stride 1; None where one layer leads from the image to a larger stride.
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

FIRSTS = {
    # Of the strides 2 and 4 the feature that the decoder reaches first: the deepest one at which a feature joins, its
    # channels; behind convolutions of a stage's end, its block's sum or the layer before an activation.
    "vgg11": [("features.3", 128), ("features.8", 256)],
    "resnet18": [("bn1", 64), ("layer1.1", 64)],
    "resnest14d": [("bn1", 64), ("layer1.0", 256)],
    "densenet121": [("features.conv0", 64), ("features.denseblock1", 256)],
    # The expansion of the next stage's first block is still at this stage's resolution.
    "mobilenetv2_050": [("blocks.1.0.conv_pw", 48), ("blocks.2.0.conv_pw", 96)],
    "efficientnet_b0": [("blocks.1.0.conv_pw", 96), ("blocks.2.0.conv_pw", 144)],
    # Where there is no activation outside of residual branches, what the next stage's downsampling reads.
    "convnext_atto": [None, ("stages.1.downsample.0", 40)],
    "poolformer_s12": [None, ("stages.1.downsample.norm", 64)],
}


def residual(stages: list[str], layers: list[str]) -> list[str]:
    """The layers of the first block of each stage; the other blocks have an identity shortcut."""
    return [f"{stage}.{layer}" for stage in stages for layer in layers]


TRANSITIONS = {
    # The layers that change resolution or channels, and are in no residual branch around which the signal can go, from
    # the encoder's end to the image.
    "vgg11": ["features.11", "features.6", "features.3", "features.0"],
    # Its first stage keeps 64 channels and the size; in the others a block's first convolution and its shortcut change.
    "resnet18": [*residual(["layer4.0", "layer3.0", "layer2.0"], ["conv1", "downsample.0"]), "conv1"],
    # Bottlenecks: the 1x1 layers change the channels, the strided 3x3 layer the size; the first stage is not strided,
    # and its first layer leads from 64 to 64 channels.
    "resnetv2_50": [
        *residual([f"stages.{i}.blocks.0" for i in (3, 2, 1)], ["conv3", "conv2", "conv1", "downsample.conv"]),
        *residual(["stages.0.blocks.0"], ["conv3", "downsample.conv"]),
        "stem.conv",
    ],
    "res2net50_26w_4s": [
        *residual(
            ["layer4.0", "layer3.0", "layer2.0"], ["conv3", "convs.2", "convs.1", "convs.0", "conv1", "downsample.0"]
        ),
        *residual(["layer1.0"], ["conv3", "conv1", "downsample.0"]),
        "conv1",
    ],
    # Inverted bottlenecks: the first block of a stage has no shortcut; its depthwise layer counts where it is strided.
    "mobilenetv2_050": [
        "conv_head",
        *residual(["blocks.6.0"], ["conv_pwl", "conv_pw"]),
        *residual(["blocks.5.0"], ["conv_pwl", "conv_dw", "conv_pw"]),
        *residual(["blocks.4.0"], ["conv_pwl", "conv_pw"]),
        *residual(["blocks.3.0", "blocks.2.0", "blocks.1.0"], ["conv_pwl", "conv_dw", "conv_pw"]),
        "blocks.0.0.conv_pw",
        "conv_stem",
    ],
    "regnety_002": [
        *residual(["s4.b1", "s3.b1", "s2.b1", "s1.b1"], ["downsample.conv", "conv2.conv", "conv1.conv"]),
        "stem.conv",
    ],
    # Separable layers: the depthwise half keeps the channels. In block 12 the widening layer is the second one.
    # Blocks 4 to 11 have an identity shortcut.
    "legacy_xception": [
        "conv4.pointwise",
        "conv3.pointwise",
        *residual(["block12"], ["skip", "rep.4.pointwise"]),
        *residual(["block3", "block2"], ["skip", "rep.1.pointwise"]),
        *residual(["block1"], ["skip", "rep.0.pointwise"]),
        "conv2",
        "conv1",
    ],
    # Every layer of a dense block adds channels, so its two convolutions both change them: from what has been
    # concatenated to 128 and to 32; but where just 128 have been, the first one of a layer keeps them.
    "densenet121": [
        f"features.{path}"
        for block, layers in ((4, 16), (3, 24), (2, 12), (1, 6))
        for path in (
            *([f"transition{block}.conv"] if block < 4 else []),
            *(
                f"denseblock{block}.denselayer{layer}.conv{i}"
                for layer in range(layers, 0, -1)
                for i in (2, 1)
                if not (i == 1 and (block, layer) in {(1, 3), (2, 1)})
            ),
        )
    ]
    + ["features.conv0"],
    # Blocks with an identity shortcut behind layers that halve the size.
    "convnext_atto": [*(f"stages.{i}.downsample.1" for i in (3, 2, 1)), "stem.0"],
    "poolformer_s12": [*(f"stages.{i}.downsample.conv" for i in (3, 2, 1)), "stem.conv"],
    # Here the shape that the tokens take is read from a tensor before the block.
    "pvt_v2_b0": [
        *(f"stages.{i}.downsample.proj" for i in (3, 2, 1)),
        "patch_embed.proj",
    ],
    "swin_tiny_patch4_window7_224": [*(f"layers.{i}.downsample.reduction" for i in (3, 2, 1)), "patch_embed.proj"],
}


@cache
def traced(name: str) -> fx.GraphModule:
    with torch.device("meta"):
        return trace(create_encoder(name, weights=None, in_channels=3))


def ends_at(decoder_graph: DecoderGraph) -> tuple[str, int]:
    stop = decoder_graph.end
    return "image" if stop.op == "placeholder" else path_of(stop), decoder_graph.channels


@pytest.mark.parametrize("name", ENDS)
def test_the_decoder_ends_at_the_nearest_feature_through_which_the_whole_signal_passes(name: str) -> None:
    for stride, end in zip((1, 2, 4), ENDS[name], strict=True):
        if end is None:
            with pytest.raises(InputError, match=f"output_stride={stride}: this encoder has no feature of that stride"):
                transpose(traced(name), replace(PAPER, output_stride=stride))
        else:
            assert ends_at(transpose(traced(name), replace(PAPER, output_stride=stride))) == end


@pytest.mark.parametrize("retrace", ["all", "transitions"])
@pytest.mark.parametrize("name", FIRSTS)
def test_the_decoder_ends_at_the_first_feature_of_a_stride(name: str, retrace: str) -> None:
    for stride, end in zip((2, 4), FIRSTS[name], strict=True):
        if end is not None:
            decoder_graph = transpose(
                traced(name), replace(PAPER, retrace=retrace, output_stride=stride, output_feature="first")
            )
            assert ends_at(decoder_graph) == end


@pytest.mark.parametrize(("name", "stride"), [("vgg16", 16), ("resnet18", 32), ("convmixer_768_32", 8)])
def test_a_decoder_that_would_end_before_its_first_layer_is_refused(name: str, stride: int) -> None:
    with pytest.raises(InputError, match=r"choose output_feature='last', or a smaller stride of \[1"):
        transpose(traced(name), replace(PAPER, output_stride=stride, output_feature="first"))
    transpose(traced(name), replace(PAPER, output_stride=stride, output_feature="last"))


@pytest.mark.parametrize("name", TRANSITIONS)
def test_transitions_decode_what_changes_resolution_or_channels(name: str) -> None:
    decoder_graph = transpose(traced(name), replace(PAPER, retrace="transitions"))
    applied = {"same_conv2d", "linear"}
    walked = [
        path_of(passed.node)
        for passed in decoder_graph.decoded
        if applied & {getattr(node.target, "__name__", "") for node in passed.emitted}
    ]
    assert sorted(walked) == sorted(TRANSITIONS[name])
