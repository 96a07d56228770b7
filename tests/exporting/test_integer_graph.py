"""Which nodes stay in float, and padding in 8 bits against padding in float."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from feedbackward.exporting.integer_graph import ends, pad_integers
from feedbackward.exporting.onnx_graph import OnnxGraph


def model_of(nodes, constants, shape):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "c", "h", "w"])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def test_the_first_and_the_last_layers_are_the_ends():
    weight = np.zeros((3, 3, 1, 1), np.float32)
    nodes = [
        helper.make_node("Shape", ["x"], ["size"], "size"),
        helper.make_node("Sub", ["x", "mean"], ["a"], "normalize"),
        helper.make_node("Conv", ["a", "w"], ["b"], "first"),
        helper.make_node("Relu", ["b"], ["c"], "relu"),
        helper.make_node("Conv", ["c", "w"], ["d"], "middle"),
        helper.make_node("Resize", ["d", "", "", "size"], ["e"], "inner", mode="nearest"),
        helper.make_node("Conv", ["e", "w"], ["f"], "of_signal"),
        helper.make_node("Conv", ["c", "w"], ["g"], "of_feature"),
        helper.make_node("Add", ["f", "g"], ["h"], "logits"),
        helper.make_node("Resize", ["h", "", "", "size"], ["y"], "outer", mode="linear"),
    ]
    model = model_of(nodes, {"w": weight, "mean": np.ones(1, np.float32)}, [1, 3, 4, 4])
    expected = {"normalize", "first", "of_signal", "of_feature", "logits", "outer"}
    assert set(ends(OnnxGraph(model.graph))) == expected


@pytest.mark.parametrize("value", [None, 0, 1])
def test_zeros_are_padded_in_8_bits(value):
    scale, zero_point = {"s": np.float32(0.1), "z": np.uint8(7)}, ["s", "z"]
    constants = scale | {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    padded = ["d", "pads"]
    nodes = [
        helper.make_node("QuantizeLinear", ["x", *zero_point], ["q"], "q"),
        helper.make_node("DequantizeLinear", ["q", *zero_point], ["d"], "d"),
    ]
    if value is not None:
        constants["value.int8"] = np.uint8(7 + 10 * value)
        nodes.append(helper.make_node("DequantizeLinear", ["value.int8", *zero_point], ["value"], "value"))
        padded.append("value")
    nodes += [
        helper.make_node("Pad", padded, ["p"], "pad"),
        helper.make_node("QuantizeLinear", ["p", *zero_point], ["pq"], "pq"),
        helper.make_node("DequantizeLinear", ["pq", *zero_point], ["y"], "pd"),
    ]
    model = model_of(nodes, {name: np.asarray(values) for name, values in constants.items()}, [1, 2, 3, 3])
    image = {"x": np.random.default_rng(0).standard_normal((1, 2, 3, 3)).astype(np.float32)}
    (expected,) = ReferenceEvaluator(model).run(None, image)
    graph = OnnxGraph(model.graph)
    pad_integers(graph)
    graph.save()
    onnx.checker.check_model(model)
    (found,) = ReferenceEvaluator(model).run(None, image)
    np.testing.assert_array_equal(found, expected)
    left = [node.op_type for node in model.graph.node]
    assert (left == ["QuantizeLinear", "Pad", "DequantizeLinear"]) == (value != 1)
