"""TensorFlow's "same" padding moved from nodes of their own into the convolutions of an ONNX graph, as auto_pad.

timm's tf_* encoders pad before each strided convolution, by amounts that depend on the size of the image. In a file for
any size a node copies the whole feature for that: on EfficientNet-Lite0 an eighth of the time of a network.
"""

from typing import Any

import numpy as np

from feedbackward.exporting.onnx_graph import OnnxGraph

SIZES = 32
"""The number of sizes that are tried: the amounts depend on the size modulo the strides of the encoder, up to 32."""


def pad_in_convolutions(model: Any, *, smallest: int) -> None:
    """Replace Pad nodes before convolutions by auto_pad, where both pad alike at every size.

    Args:
        model: An ONNX model with one input, images (N, C, H, W); it is changed in place.
        smallest: The smallest height and width that it takes.
    """
    if not any(node.op_type == "Pad" for node in model.graph.node):
        return
    graph = OnnxGraph(model.graph)
    padded = [(pad, conv) for pad in graph.nodes if _pads_zeros(pad, graph) for conv in graph.readers(pad.output[0])]
    padded = [(pad, conv) for pad, conv in padded if _can_pad(conv) and conv.input[1] in graph.constants]
    if not padded:
        return
    tried = _amounts(model, list({pad.output[0]: pad for pad, _ in padded}.values()), smallest)
    same = [(pad, conv) for pad, conv in padded if _is_same(conv, graph, tried[pad.output[0]])]
    for pad, conv in same:
        _set_same(conv)
        conv.input[0] = pad.input[0]
    if same:
        graph.save()


def _pads_zeros(node: Any, graph: OnnxGraph) -> bool:
    """Whether a node pads all four axes with zeros, by amounts that are computed."""
    if node.op_type != "Pad" or len(node.input) > 3 or node.input[1] in graph.constants:
        return False
    value = graph.computed(node.input[2]) if len(node.input) == 3 else 0
    return _attributes(node).get("mode", b"constant") == b"constant" and value is not None and not np.any(value)


def _can_pad(node: Any) -> bool:
    if node.op_type != "Conv":
        return False
    found = _attributes(node)
    is_unpadded = found.get("auto_pad", b"NOTSET") == b"NOTSET" and not any(found.get("pads", ()))
    return is_unpadded and set(found.get("dilations", (1,))) == {1}


def _attributes(node: Any) -> dict[str, Any]:
    """The attributes that are given; the others have ONNX's defaults."""
    from onnx.helper import get_attribute_value

    return {each.name: get_attribute_value(each) for each in node.attribute}


def _amounts(model: Any, pads: list[Any], smallest: int) -> dict[str, list[tuple[Any, Any]]]:
    """For each node's output, at many sizes of the image: the height and width of what it pads, and its amounts."""
    import onnx
    import onnxruntime

    part = onnx.ModelProto()
    part.CopyFrom(model)
    sizes = {pad.input[0]: f"{pad.input[0]}/size" for pad in pads}
    part.graph.node.extend(onnx.helper.make_node("Shape", [value], [size]) for value, size in sizes.items())
    del part.graph.output[:]
    outputs = list(dict.fromkeys([*sizes.values(), *(pad.input[1] for pad in pads)]))
    part.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, [None]) for name in outputs
    )
    OnnxGraph(part.graph).save()  # without what comes after the last node
    session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    tried: dict[str, list[tuple[Any, Any]]] = {pad.output[0]: [] for pad in pads}
    for index in range(SIZES):
        side = smallest + index, smallest + 7 * index % SIZES
        values = session.run(outputs, {image.name: np.zeros((1, image.shape[1], *side), np.float32)})
        found = dict(zip(outputs, values, strict=True))
        for pad in pads:
            tried[pad.output[0]].append((found[sizes[pad.input[0]]][2:], found[pad.input[1]]))
    return tried


def _is_same(conv: Any, graph: OnnxGraph, tried: list[tuple[Any, Any]]) -> bool:
    kernel = graph.constants[conv.input[1]].shape[2:]
    return all(np.array_equal(amounts, _same(size, conv, kernel)) for size, amounts in tried)


def _same(size: Any, conv: Any, kernel: tuple[int, ...]) -> Any:
    """The amounts of a Pad node (N, C, H, W at the beginning, then at the end) that are auto_pad's SAME_UPPER."""
    strides = np.array(_attributes(conv).get("strides", (1, 1)))
    total = np.maximum((-(-size // strides) - 1) * strides + kernel - size, 0)
    return [0, 0, *(total // 2), 0, 0, *(total - total // 2)]


def _set_same(conv: Any) -> None:
    from onnx.helper import make_attribute

    others = [each for each in conv.attribute if each.name not in ("pads", "auto_pad")]
    del conv.attribute[:]
    conv.attribute.extend([*others, make_attribute("auto_pad", "SAME_UPPER")])
