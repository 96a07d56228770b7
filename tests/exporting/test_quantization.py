"""Networks in 8-bit integers against themselves in float32."""

import numpy as np
import onnx
import pytest
import torch

from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.exporting import load_exported, quantize
from feedbackward.models import create_model

pytestmark = pytest.mark.usefixtures("exporting")


def build(name="test_resnet"):
    torch.manual_seed(0)
    # At the last feature nearly all layers are decoded.
    options = {"encoder_name": "vgg11"} if name == "segnet" else {"decoder": DecoderConfig(output_feature="last")}
    return create_model(name, encoder_weights=None, classes=3, **options).eval()


def images(count=3):
    return list(torch.rand(count, 3, 64, 96, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def network():
    return build()


@pytest.mark.parametrize("untied", [False, True])
def test_scores_near_those_of_the_network(network, tmp_path, untied):
    path = quantize(network, tmp_path / "network.onnx", images(), untied=untied)
    assert list(tmp_path.iterdir()) == [path]
    image = torch.rand(2, 3, 45, 70)
    with torch.no_grad():
        expected = network(network.preprocessing(image))
    found = load_exported(path)(image)
    error = (found - expected).square().mean().sqrt() / expected.std()
    assert 1e-3 < error < 0.2
    weights = [onnx.numpy_helper.to_array(weight) for weight in onnx.load(path).graph.initializer]
    held = sum(values.size for values in weights if values.dtype == np.int8 and values.ndim == 4)
    convolutions = sum(weight.numel() for weight in network.encoder.parameters() if weight.ndim == 4)
    # The exporter swaps a few small ones beforehand; the stem, beyond the output stride, is used once.
    assert held == pytest.approx((2 if untied else 1) * convolutions, rel=0.02)


@pytest.mark.parametrize(
    ("name", "path", "options", "message"),
    [
        ("feedbackward", "network.pt2", {}, "quantized networks are ONNX files, which end in .onnx"),
        ("deeplab_largefov", "network.onnx", {"untied": True}, "deeplab_largefov has no weights that two passes share"),
    ],
)
def test_what_is_refused(name, path, options, message, tmp_path):
    network = build(name, "test_resnet" if name == "feedbackward" else "vgg11")
    with pytest.raises(InputError, match=message):
        quantize(network, tmp_path / path, images(), **options)
    assert list(tmp_path.iterdir()) == []


def test_no_images(network, tmp_path):
    with pytest.raises(InputError, match="no images to read the ranges"):
        quantize(network, tmp_path / "network.onnx", [])
