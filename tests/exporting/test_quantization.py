"""Networks quantized to 8-bit integers, against the same networks in float32."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.exporting import load_exported, quantize

pytestmark = pytest.mark.usefixtures("exporting")


def images(count=3):
    return list(torch.rand(count, 3, 64, 96, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def network(build):
    return build(widths=(16, 64, 128), output_stride=2, output_feature="last")  # nearly all layers are decoded


@pytest.fixture(scope="module")
def quantized(network, tmp_path_factory, while_exporting):
    """The network's file."""
    with while_exporting():
        return quantize(network, tmp_path_factory.mktemp("quantized") / "network.onnx", images())


def test_only_the_file_is_left(quantized):
    assert list(quantized.parent.iterdir()) == [quantized]


def test_the_logits_are_close_to_the_networks(network, quantized):
    image = torch.rand(2, 3, 45, 70)
    with torch.no_grad():
        expected = network(network.preprocessing(image))
    found = load_exported(quantized).logits(image)
    error = (found - expected).square().mean().sqrt() / expected.std()
    assert 1e-3 < error < 0.2


def test_shared_weights_are_stored_once(network, quantized):
    weights = [onnx.numpy_helper.to_array(weight) for weight in onnx.load(quantized).graph.initializer]
    stored = sum(values.size for values in weights if values.dtype == np.int8 and values.ndim == 4)
    convolutions = sum(weight.numel() for weight in network.encoder.parameters() if weight.ndim == 4)
    # The exporter transposes a few small weights in advance; the stem is in float.
    assert stored == pytest.approx(convolutions, rel=0.05)


def test_onnxruntime_convolves_integers_between_the_first_layer_and_the_last(quantized, tmp_path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(quantized, options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(tmp_path / "optimized.onnx").graph.node
    operations = Counter(node.op_type for node in nodes)
    whole = Counter(node.op_type for node in onnx.load(quantized).graph.node)
    assert operations["Conv"] + operations["FusedConv"] == 3  # the stem, and the classifier of signal and feature
    assert operations["QLinearConv"] == whole["Conv"] - 3
    assert not operations["BatchNormalization"]


def test_layers_with_low_rank_updates_are_integers_too(build, tmp_path):
    ranked = build(widths=(16, 64, 128), output_stride=2, output_feature="last", rank=4)
    for path, weight in ranked.decoder.named_parameters():
        if path.endswith("up.weight"):
            torch.nn.init.normal_(weight, std=0.1)
    nodes = onnx.load(quantize(ranked, tmp_path / "network.onnx", images())).graph.node
    producers = {output: node.op_type for node in nodes for output in node.output}
    kinds = Counter(producers.get(node.input[1]) for node in nodes if node.op_type == "Conv")
    assert kinds.keys() == {None, "DequantizeLinear"}
    assert kinds[None] == 3  # the stem, and the classifier of signal and feature
    image = torch.rand(2, 3, 45, 70)
    with torch.no_grad():
        expected = ranked(ranked.preprocessing(image))
    found = load_exported(tmp_path / "network.onnx").logits(image)
    assert (found - expected).square().mean().sqrt() < 0.2 * expected.std()


def test_the_axes_keep_their_names(quantized):
    (image,) = onnx.load(quantized).graph.input
    assert [axis.dim_param for axis in image.type.tensor_type.shape.dim] == ["batch", "", "height", "width"]


def test_a_file_of_another_format(network, tmp_path):
    with pytest.raises(InputError, match=r"quantized networks are ONNX files, which end in \.onnx"):
        quantize(network, tmp_path / "network.pt2", images())
    assert list(tmp_path.iterdir()) == []


def test_no_images(network, tmp_path):
    with pytest.raises(InputError, match="no calibration images"):
        quantize(network, tmp_path / "network.onnx", [])
