"""Choosing where the decoder ends: at an encoder feature of a given stride, or at the image."""

import math
from collections import defaultdict
from collections.abc import Sequence

from feedbackward.decoder_config import NAMED_STRIDES, DecoderConfig, OutputFeature
from feedbackward.errors import InputError
from feedbackward.nn import fuse
from feedbackward.transform.shapes import ShapeInfo
from feedbackward.transform.walk import End


def ends_by_stride(ends: Sequence[End], shapes: ShapeInfo) -> dict[int, list[End]]:
    """Group the ends by stride, in ascending order; stride 1 is the image if no feature has that stride."""
    found = defaultdict[int, list[End]](list)
    *features, image = ends
    for end in features:
        found[shapes.stride(end.node)].append(end)
    return dict(sorted({1: [image], **found}.items()))


def choose_end(ends: Sequence[End], config: DecoderConfig, shapes: ShapeInfo) -> End:
    """Choose the end that the options describe.

    Args:
        ends: The possible ends in the order of the decoder; the last one is the image.
        config: The options.
        shapes: The shapes of the encoder's values.

    Raises:
        InputError: If the encoder has no feature of the requested stride, or no decoder layer comes before the first
            one; the message lists the available strides.
    """
    if config.output_stride == "image":
        return ends[-1]
    available = ends_by_stride(ends, shapes)
    if config.output_stride in NAMED_STRIDES:
        decoded = [stride for stride, found in available.items() if found[-1].layers]
        found = available[nearest_stride(decoded, NAMED_STRIDES[config.output_stride])]
        end = _at_stride(found, config.output_feature)
        return end if end.layers else found[-1]  # the encoder's own stride: its first feature is the encoder's output
    if config.output_stride not in available:
        raise InputError(
            f"output_stride={config.output_stride}: this encoder has no feature of that stride at which the decoder "
            f"can end; choose one of {list(available)}, 'auto', 'fine' or 'image'"
        )
    end = _at_stride(available[config.output_stride], config.output_feature)
    if not end.layers and config.output_feature == "first":
        smaller = [stride for stride in available if stride < config.output_stride]
        raise InputError(
            f"output_stride={config.output_stride} with output_feature='first': no layer of this encoder is decoded "
            f"before its first feature of that stride; choose output_feature='last', or a smaller stride of {smaller}"
        )
    return end


def coarser_ends(ends: Sequence[End], end: End, shapes: ShapeInfo) -> list[End]:
    """For each stride coarser than that of the chosen end the place where the signal is first narrow, fine to coarse.

    Args:
        ends: All ends in the order of the decoder.
        end: The chosen one.
        shapes: The shapes of the encoder's values.
    """
    before = narrow_ends([*ends[: ends.index(end)], ends[-1]], shapes)
    return [each for each in before if shapes.stride(each.node) > shapes.stride(end.node)]


def narrow_ends(ends: Sequence[End], shapes: ShapeInfo) -> list[End]:
    """For each stride the place where the signal is first narrow, from fine to coarse; not the image.

    That is the first feature, after a decoder layer, with fewer channels than the first one of its stride, such as the
    output of a stage of inverted residual blocks, or if there is none, the first one after a decoder layer.
    """
    chosen = []
    for found in ends_by_stride(ends, shapes).values():
        decoded = [each for each in found if each.layers and each.node.op != "placeholder"]
        if decoded:
            widths = [int(shapes.reference[each.node][1]) for each in (found[0], *decoded)]
            chosen.append(
                next((each for each, width in zip(decoded, widths[1:], strict=True) if width < widths[0]), decoded[0])
            )
    return chosen


def _at_stride(ends: Sequence[End], feature: OutputFeature) -> End:
    """The last of the ends of one stride, or the first with a skip connection, if there is one."""
    if feature == "last":
        return ends[-1]
    return next((end for end in ends if end.signal.target is fuse), ends[0])


def nearest_stride(strides: Sequence[int], wanted: int) -> int:
    """The stride whose ratio to the wanted one is closest to 1, the finer one of a tie; 1 only if there is no other.

    Example:
        >>> nearest_stride([1, 2, 32], 4), nearest_stride([1, 16], 4), nearest_stride([1, 2, 4, 8], 2)
        (2, 16, 2)
    """
    coarser = [stride for stride in strides if stride > 1] or strides
    return min(coarser, key=lambda stride: (abs(math.log2(stride / wanted)), stride))
