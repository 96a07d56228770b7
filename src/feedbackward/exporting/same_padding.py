"""TensorFlow's "same" padding moved from nodes of their own into the convolutions of an ONNX graph, as auto_pad.

timm's tf_* encoders pad before each strided convolution, by amounts that depend on the size of the image. In a file for
any size a node copies the whole feature for that: on EfficientNet-Lite0 an eighth of the time of a network.
"""

from typing import Any

import numpy as np

from feedbackward.exporting.onnx_graph import OnnxGraph

REMAINDERS = 32
"""The amounts depend on the size modulo a stride, at most this one."""


def pad_in_convolutions(model: Any, *, smallest: int) -> None:
    """Let convolutions pad that read padded features, where that is the same at every size.

    Args:
        model: An ONNX model with one input, images (N, C, H, W); it is changed in place.
        smallest: The smallest height and width that it takes.
    """
    graph = OnnxGraph(model.graph)
    padded = [(pad, conv) for pad in graph.nodes if _pads_zeros(pad, graph) for conv in graph.readers(pad.output[0])]
    padded = [(pad, conv) for pad, conv in padded if _can_pad(conv) and conv.input[1] in graph.constants]
    if not padded:
        return
    amounts = _amounts(model, [pad for pad, _ in padded], smallest)
    for pad, conv in padded:
        kernel = graph.constants[conv.input[1]].shape[2:]
        if all(np.array_equal(found, _same(size, conv, kernel)) for size, found in amounts[pad.name]):
            _set_same(conv)
            conv.input[0] = pad.input[0]
    graph.save()


def _pads_zeros(node: Any, graph: OnnxGraph) -> bool:
    """Whether a node pads all four axes with zeros, by amounts that depend on the image."""
    from onnx.helper import get_node_attr_value

    if node.op_type != "Pad" or len(node.input) > 3 or graph.computed(node.input[1]) is not None:
        return False
    modes = [get_node_attr_value(node, "mode") for attribute in node.attribute if attribute.name == "mode"]
    value = graph.computed(node.input[2]) if len(node.input) == 3 else 0
    return modes in ([], [b"constant"]) and value is not None and not np.any(value)


def _can_pad(node: Any) -> bool:
    if node.op_type != "Conv":
        return False
    found = _attributes(node)
    return found["auto_pad"] == b"NOTSET" and not any(found["pads"]) and set(found["dilations"]) == {1}


def _attributes(conv: Any) -> dict[str, Any]:
    from onnx.helper import get_attribute_value

    defaults = {"auto_pad": b"NOTSET", "pads": [0] * 4, "dilations": [1, 1], "strides": [1, 1]}
    return {**defaults, **{each.name: get_attribute_value(each) for each in conv.attribute}}


def _amounts(model: Any, pads: list[Any], smallest: int) -> dict[str, list[tuple[Any, Any]]]:
    """For each node, at many sizes of the image: the height and width of what it pads, and its amounts."""
    import onnx
    import onnxruntime

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    nodes = {pad.name: pad for pad in pads}
    del copy.graph.output[:]
    for name, pad in nodes.items():
        copy.graph.node.append(onnx.helper.make_node("Shape", [pad.input[0]], [f"{name}/size"]))
        for output in (f"{name}/size", pad.input[1]):
            copy.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.INT64, [None]))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # the outputs read a part of the graph; the rest is no reason to warn
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    found: dict[str, list[tuple[Any, Any]]] = {name: [] for name in nodes}
    for index in range(REMAINDERS):
        size = smallest + index, smallest + 7 * index % REMAINDERS
        outputs = session.run(None, {image.name: np.zeros((1, image.shape[1], *size), np.float32)})
        for name, shape, amounts in zip(nodes, outputs[::2], outputs[1::2], strict=True):
            found[name].append((shape[2:], amounts))
    return found


def _same(size: Any, conv: Any, kernel: tuple[int, ...]) -> Any:
    """The amounts of a Pad node (N, C, H, W at the beginning, then at the end) that are auto_pad's SAME_UPPER."""
    strides = np.array(_attributes(conv)["strides"])
    total = np.maximum((-(-size // strides) - 1) * strides + kernel - size, 0)
    return [0, 0, *(total // 2), 0, 0, *(total - total // 2)]


def _set_same(conv: Any) -> None:
    from onnx.helper import make_attribute

    others = [each for each in conv.attribute if each.name not in ("pads", "auto_pad")]
    del conv.attribute[:]
    conv.attribute.extend([*others, make_attribute("auto_pad", "SAME_UPPER")])
