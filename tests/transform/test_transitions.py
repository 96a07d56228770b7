"""Which layers the decoder applies with retrace="transitions", against lists written by hand from the architectures."""

from dataclasses import replace

import pytest
import torch

from feedbackward.decoder_config import PAPER
from feedbackward.models import create_encoder
from feedbackward.transform import trace, transpose
from feedbackward.transform.step import path_of


def residual(stages: list[str], layers: list[str]) -> list[str]:
    """The layers of the first block of each stage; the other blocks have an identity shortcut."""
    return [f"{stage}.{layer}" for stage in stages for layer in layers]


TRANSITIONS = {
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
    # Blocks with an identity shortcut, after layers that halve the size.
    "convnext_atto": [*(f"stages.{i}.downsample.1" for i in (3, 2, 1)), "stem.0"],
    "poolformer_s12": [*(f"stages.{i}.downsample.conv" for i in (3, 2, 1)), "stem.conv"],
    # Here the shape that the tokens take is read from a tensor before the block.
    "pvt_v2_b0": [
        *(f"stages.{i}.downsample.proj" for i in (3, 2, 1)),
        "patch_embed.proj",
    ],
    "swin_tiny_patch4_window7_224": [*(f"layers.{i}.downsample.reduction" for i in (3, 2, 1)), "patch_embed.proj"],
}
"""By encoder, from its end to the image: the layers that change resolution or channels and cannot be bypassed.

A layer is bypassed if it is in a residual branch whose shortcut is an identity.
"""


@pytest.mark.parametrize("name", TRANSITIONS)
def test_only_layers_that_change_resolution_or_channels_are_applied(name: str) -> None:
    with torch.device("meta"):
        encoder = trace(create_encoder(name, weights=None, in_channels=3))
    decoded = transpose(encoder, replace(PAPER, retrace="transitions")).decoded
    layers = {"same_conv2d", "linear"}
    applied = [
        path_of(step.node)
        for step in decoded
        if layers & {getattr(node.target, "__name__", "") for node in step.emitted}
    ]
    assert sorted(applied) == sorted(TRANSITIONS[name])
