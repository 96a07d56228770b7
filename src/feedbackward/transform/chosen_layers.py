"""The layers that the decoder has where retrace is "auto"."""

import math
from dataclasses import replace

from torch import fx
from torch.utils.flop_counter import FlopCounterMode

from feedbackward.decoder_config import DecoderConfig
from feedbackward.transform.shapes import REFERENCE_SIZE, MetaCopy, ShapeInfo

HEAVY = 80_000
"""FLOPs of an encoder for each pixel of the image. A decoder of all its layers costs as much as the encoder itself, a
U-Net's about the same on every encoder: on heavier ones the U-Net is faster (ADR 0016)."""


def with_chosen_layers(
    config: DecoderConfig, encoder: fx.GraphModule, shapes: ShapeInfo, *, channels: int
) -> DecoderConfig:
    """The options with retrace="all" or "transitions" in place of "auto".

    Args:
        config: The options of the decoder.
        encoder: Result of `trace`.
        shapes: The shapes of its values.
        channels: The number of image channels.
    """
    if config.retrace != "auto":
        return config
    is_heavy = has_stages(shapes) and flops_per_pixel(encoder, channels=channels) > HEAVY
    return replace(config, retrace="transitions" if is_heavy else "all")


def has_stages(shapes: ShapeInfo) -> bool:
    """Whether an encoder has features of several strides; otherwise its first layer is its only transition."""
    images = (value for value in shapes.reference if shapes.is_image(value) or shapes.is_channels_last(value))
    return len({1, *map(shapes.stride, images)}) > 2


def flops_per_pixel(encoder: fx.GraphModule, *, channels: int) -> float:
    """FLOPs of an encoder for each pixel of the image; a multiplication with its addition counts as 2.

    Args:
        encoder: Result of `trace`.
        channels: The number of image channels.
    """
    with FlopCounterMode(display=False) as counter:
        MetaCopy(encoder, encoder.graph).shapes(REFERENCE_SIZE, channels=channels, batch=1)
    return float(counter.get_total_flops() / math.prod(REFERENCE_SIZE))
