"""TensorFlow's padding moves into convolutions where it is the same at every size, and nowhere else."""

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from timm.layers import Conv2dSame
from torch import nn

import feedbackward as fb
from feedbackward.exporting import export, load_exported
from feedbackward.exporting.same_padding import pad_in_convolutions
from feedbackward.segmenters import Normalized


def types(model):
    return [node.op_type for node in model.graph.node]


@pytest.mark.usefixtures("exporting")
def test_the_file_of_a_padded_encoder_has_no_node_for_it_and_the_same_logits_at_every_size(tmp_path):
    torch.manual_seed(0)
    encoder = nn.Sequential(
        Conv2dSame(3, 8, 3, stride=2),
        nn.ReLU(),
        Conv2dSame(8, 8, 5, stride=2, groups=8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 1),
    )
    network = fb.Feedbackward(encoder, classes=3, decoder=fb.DecoderConfig(output_stride=2)).eval()
    export(network, tmp_path / "network.onnx")
    convolutions = [node for node in onnx.load(tmp_path / "network.onnx").graph.node if node.op_type == "Conv"]
    padded = [node for node in convolutions if any(each.s == b"SAME_UPPER" for each in node.attribute)]
    assert len(padded) == 2
    exported = load_exported(tmp_path / "network.onnx")
    for height in range(33, 49):
        image = torch.rand(1, 3, height, 90 - height)
        with torch.no_grad():
            expected = Normalized(network).logits(image)
        np.testing.assert_allclose(exported.logits(image), expected, atol=1e-5)


def padded_model(amounts, *, value=0.0, stride=2, first=()):
    """A convolution of an image that is padded by amounts (4,): top, left, bottom, right."""
    nodes = [
        helper.make_node("Shape", ["image"], ["size"], "shape", start=2),
        *first,
        helper.make_node("Concat", ["none", *amounts], ["pads"], "concat", axis=0),
        helper.make_node("Pad", ["image", "pads", "value"], ["padded"], "pad"),
        helper.make_node("Conv", ["padded", "weight"], ["y"], "conv", kernel_shape=[3, 3], strides=[stride, stride]),
    ]
    constants = {
        "none": np.zeros(2, np.int64),
        "two": np.full(2, 2, np.int64),
        "four": np.full(2, 4, np.int64),
        "three": np.full(2, 3, np.int64),
        "value": np.float32(value),
        "weight": np.ones((1, 1, 3, 3), np.float32),
    }
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1, None, None]) for name in ("image", "y")]
    tensors = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "graph", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


SAME = (  # with an even side 0 before and 1 behind, with an odd one 1 before and 1 behind
    helper.make_node("Mod", ["size", "two"], ["before"], "mod"),
    helper.make_node("Div", ["two", "two"], ["behind"], "div"),
)
MULTIPLE = (  # behind the image to a multiple of four
    helper.make_node("Mod", ["size", "four"], ["over"], "mod"),
    helper.make_node("Sub", ["four", "over"], ["missing"], "sub"),
    helper.make_node("Mod", ["missing", "four"], ["behind"], "mod4"),
    helper.make_node("Sub", ["size", "size"], ["before"], "zero"),
)


@pytest.mark.parametrize(
    ("first", "options", "moved"),
    [
        (SAME, {}, True),
        (SAME, {"value": 1.0}, False),  # not zeros
        (SAME, {"stride": 1}, False),  # the amounts of another stride
        (MULTIPLE, {}, False),  # of some sizes alone
    ],
)
def test_only_what_is_the_same_at_every_size_moves(first, options, moved):
    model = padded_model(["before", "none", "behind"], first=first, **options)
    before = onnx.ModelProto()
    before.CopyFrom(model)
    pad_in_convolutions(model, smallest=5)
    assert ("Pad" not in types(model)) == moved
    assert moved or list(model.graph.node) == list(before.graph.node)


def test_a_graph_without_such_nodes_is_not_run():
    model = padded_model(["none", "none", "two"])  # amounts that do not depend on the image
    expected = types(model)
    pad_in_convolutions(model, smallest=5)
    assert types(model) == expected
