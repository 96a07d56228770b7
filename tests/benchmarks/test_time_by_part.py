"""Which part of a network each node of its exported file belongs to."""

from collections import Counter

import onnx
import pytest
from torch import nn

from feedbackward.exporting import export
from feedbackward.models import create_model

PARTS = ("encoder", "decoder", "classifier", "interpolation")


@pytest.mark.parametrize("name", ["test_efficientnet", "tf_efficientnet_lite0"])
def test_each_convolution_of_the_encoder_counts_as_its(name, script, exporting, tmp_path):
    network, file = create_model(name, classes=5, encoder_weights=None).eval(), tmp_path / "network.onnx"
    export(network, file, format="onnx", size=(64, 64))
    found = script("time_by_part").parts(file)
    nodes = onnx.load(file).graph.node
    convolutions = Counter(found[node.name] for node in nodes if node.op_type == "Conv")
    assert convolutions["encoder"] == sum(isinstance(module, nn.Conv2d) for module in network.encoder.modules())
    assert convolutions["decoder"] > 0
    order = [found[node.name] for node in nodes]
    assert order == sorted(order, key=PARTS.index)
