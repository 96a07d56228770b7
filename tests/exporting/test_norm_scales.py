"""Norms folded into the scales of shared 8-bit weights, against the same graph in float."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from feedbackward.exporting.norm_scales import LARGEST, fold_norms, share_weights
from feedbackward.exporting.onnx_graph import OnnxGraph

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((1, 4, 6, 6)).astype(np.float32)
GAINS = {"first": [1.0, -2.0, 0.5, 0.0, 1.5, -0.1], "again": [0.0, 1.0, -1.0, 2.0], "sum": [1.0, -0.5, 2.0, 0.2]}
WEIGHT = RNG.standard_normal((6, 4, 3, 3)).astype(np.float32)
UPDATE = RNG.standard_normal((4, 4, 1, 1)).astype(np.float32)


def norm(source, name):
    inputs = [source, *(f"{name}.{part}" for part in ("scale", "shift", "mean", "variance"))]
    return helper.make_node("BatchNormalization", inputs, [name], name, epsilon=1e-3)


@pytest.fixture
def model():
    """A convolution and its transposed one with a norm each; then a norm of a sum, as after a low-rank update."""
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "weight", "bias"], ["a"], "conv", **pads),
        norm("a", "first"),
        helper.make_node("Relu", ["first"], ["b"], "relu"),
        helper.make_node("Transpose", ["weight"], ["swapped"], "swap", perm=[1, 0, 2, 3]),
        helper.make_node("Conv", ["b", "swapped"], ["c"], "transposed", **pads),
        norm("c", "again"),
        helper.make_node("Conv", ["again", "update"], ["d"], "low_rank"),
        helper.make_node("Add", ["again", "d"], ["e"], "add"),
        norm("e", "sum"),
    ]
    constants = {"weight": WEIGHT, "bias": RNG.standard_normal(6), "update": UPDATE}
    for name, gain in GAINS.items():
        variance = RNG.uniform(0.5, 2, len(gain))
        constants |= {f"{name}.scale": np.array(gain) * np.sqrt(variance + 1e-3), f"{name}.variance": variance}
        constants |= {f"{name}.{part}": RNG.standard_normal(len(gain)) for part in ("shift", "mean")}
    constants["again.shift"][0] = 0  # with its gain of 0, nothing is left of the channel
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, IMAGE.shape)],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, IMAGE.shape)],
        [numpy_helper.from_array(values.astype(np.float32), name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model, *names):
    """The output, or other values, as onnx computes them."""
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    return ReferenceEvaluator(model).run([*names] or None, {"image": IMAGE})


def test_folding_changes_no_value(model):
    (expected,) = run(model)
    graph = OnnxGraph(model.graph)
    uses = fold_norms(graph)
    graph.save()
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Conv", "Relu", "Conv", "Conv", "Add", "Conv"]
    assert {name: use.weight for name, use in uses.items()} == {"conv": "weight", "transposed": "weight"}
    np.testing.assert_allclose(run(model)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("after", ["first", "sum"])
def test_two_norms_in_a_row_are_folded_both(model, after):
    """After a norm of a convolution, and after one of a sum."""
    index = [node.name for node in model.graph.node].index(after)
    twice = norm(after, "twice")
    for part in ("scale", "shift", "mean", "variance"):
        values = numpy_helper.from_array(RNG.uniform(0.5, 2, len(GAINS[after])).astype(np.float32), f"twice.{part}")
        model.graph.initializer.append(values)
    model.graph.node.insert(index + 1, twice)
    for node in model.graph.node[index + 2 :]:
        node.input[:] = ["twice" if name == after else name for name in node.input]
    if after == "sum":
        model.graph.output[0].name = "twice"
    (expected,) = run(model)
    graph = OnnxGraph(model.graph)
    fold_norms(graph)
    graph.save()
    assert "BatchNormalization" not in [node.op_type for node in model.graph.node]
    np.testing.assert_allclose(run(model)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def quantized(model, tmp_path):
    """The model, folded and quantized, whose convolutions share their 8-bit weights."""

    class Images(CalibrationDataReader):
        left = iter([{"image": IMAGE}])

        def get_next(self):
            return next(self.left, None)

    graph = OnnxGraph(model.graph)
    uses = fold_norms(graph)
    graph.save()
    file = tmp_path / "quantized.onnx"
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "reduce_range": True}
    quantize_static(model, file, Images(), quant_format=QuantFormat.QDQ, per_channel=True, **types)
    shared = onnx.load(file)
    graph = OnnxGraph(shared.graph)
    share_weights(graph, uses)
    graph.save()
    onnx.checker.check_model(shared)
    return shared


def test_a_shared_weight_is_stored_once_and_its_norms_are_in_the_scales(quantized):
    whole = [tensor for tensor in quantized.graph.initializer if list(tensor.dims) == [6, 4, 3, 3]]
    assert [tensor.data_type for tensor in whole] == [TensorProto.INT8]
    inputs = {node.name: node.input[1] for node in quantized.graph.node if node.op_type == "Conv"}
    weights = run(quantized, inputs["conv"], inputs["transposed"])
    step = np.abs(WEIGHT).max() / LARGEST
    expected = WEIGHT, WEIGHT.transpose(1, 0, 2, 3)
    for found, values, name in zip(weights, expected, ("first", "again"), strict=True):
        gain = np.array(GAINS[name]).reshape(-1, 1, 1, 1)
        assert np.all(np.abs(found - gain * values) <= np.abs(gain) * step * 0.501 + 1e-5)


def test_onnxruntime_computes_the_same_in_integers(quantized, model, tmp_path):
    (expected,) = run(model)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    session = onnxruntime.InferenceSession(quantized.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"image": IMAGE})
    assert np.sqrt(np.square(found - expected).mean()) < 0.05 * expected.std()
    operations = {node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node}
    assert {"QLinearConv", "QLinearAdd"} <= operations
    assert not operations & {"Conv", "Add", "Relu"}
