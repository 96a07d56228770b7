"""Changes of an ONNX graph, and what is written back."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from feedbackward.exporting.onnx_graph import OnnxGraph


@pytest.fixture
def model():
    """y = (x + one) * two, beside a node that nothing reads."""
    nodes = [
        helper.make_node("Add", ["x", "one"], ["sum"], "add"),
        helper.make_node("Neg", ["x"], ["unread"], "neg"),
        helper.make_node("Mul", ["sum", "two"], ["y"], "mul"),
    ]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy"]
    constants = [helper.make_tensor(name, TensorProto.FLOAT, [], [value]) for name, value in (("one", 1), ("two", 2))]
    graph = helper.make_graph(nodes, "graph", values[:1], values[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def test_values_that_depend_on_no_input_are_computed(model):
    model.graph.node.insert(0, helper.make_node("Sub", ["one", "two"], ["less"], "sub"))
    model.graph.node.insert(1, helper.make_node("Neg", ["less"], ["more"], "negative"))
    graph = OnnxGraph(model.graph)
    assert [graph.computed(name) for name in ("two", "more", "sum", "x")] == [2, 1, None, None]


def test_only_what_an_output_depends_on_is_kept(model):
    OnnxGraph(model.graph).save()
    assert [node.name for node in model.graph.node] == ["add", "mul"]
    graph = OnnxGraph(model.graph)
    add, mul = graph.nodes
    assert graph.producers()["sum"] == add
    assert graph.readers("sum") == [mul]
    mul.input[0] = "x"
    graph.replace(add)
    graph.constants["two"] = np.array(3, np.float32)
    graph.save()
    onnx.checker.check_model(model)
    assert [(tensor.name, list(tensor.dims)) for tensor in model.graph.initializer] == [("two", [])]
    (y,) = ReferenceEvaluator(model).run(None, {"x": np.arange(3, dtype=np.float32)})
    assert y.tolist() == [0, 3, 6]
