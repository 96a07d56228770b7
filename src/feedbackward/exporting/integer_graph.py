"""Which nodes of an 8-bit graph onnxruntime computes in float: the ends, which should be, and no padding."""

from typing import Any

from feedbackward.exporting.onnx_graph import OnnxGraph

PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def ends(graph: OnnxGraph) -> list[str]:
    """The names of the nodes up to the first layer and from the last one on, which stay in float.

    The layers take as long in 8 bits, and the interpolation of 8-bit logits longer.
    """
    found = []
    reached = set(graph.inputs)
    for node in graph.nodes:
        if node.op_type != "Shape" and reached.intersection(node.input):
            found.append(node.name)
            if node.op_type not in PRODUCTS:
                reached.update(node.output)
    reached = set(graph.outputs)
    for node in reversed(graph.nodes):
        if node.op_type != "Shape" and reached.intersection(node.output):
            found.append(node.name)
            if node.op_type not in PRODUCTS:
                reached.update(filter(None, node.input))  # omitted ones have empty names
    return found


def pad_integers(graph: OnnxGraph) -> None:
    """Pad 8-bit values with zeros themselves: onnxruntime would dequantize them, pad floats and quantize those."""
    producers = graph.producers()
    for pad in [node for node in graph.nodes if node.op_type == "Pad"]:
        before, after = producers.get(pad.input[0]), graph.readers(pad.output[0])
        if before is None or before.op_type != "DequantizeLinear" or not _pads_zeros(graph, pad, producers):
            continue
        if [node.op_type for node in after] == ["QuantizeLinear"] and _scale(graph, before) == _scale(graph, after[0]):
            pad.input[0], pad.output[0] = before.input[0], after[0].output[0]
            pad.input[2:3] = [before.input[2]]
            graph.replace(after[0])


def _pads_zeros(graph: OnnxGraph, pad: Any, producers: dict[str, Any]) -> bool:
    if len(pad.input) < 3 or not pad.input[2]:
        return True
    value = producers.get(pad.input[2])  # dequantized as well
    return value is not None and bool(graph.constants[value.input[0]] == graph.constants[value.input[2]])


def _scale(graph: OnnxGraph, node: Any) -> tuple[float, int]:
    """The scale and the zero point of a node that quantizes or dequantizes."""
    scale, zero_point = (graph.constants[name].item() for name in node.input[1:3])
    return scale, zero_point
