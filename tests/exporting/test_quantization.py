"""Networks quantized to 8-bit integers, against the same networks in float32."""

import numpy as np
import onnx
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.exporting import load_exported, quantize
from feedbackward.models import create_model

pytestmark = pytest.mark.usefixtures("exporting")
tied_or_not = pytest.mark.parametrize("untied", [False, True])


def images(count=3):
    return list(torch.rand(count, 3, 64, 96, generator=torch.Generator().manual_seed(1)))


@pytest.fixture(scope="module")
def network(build):
    return build(widths=(16, 64, 128), output_stride=2, output_feature="last")  # nearly all layers are decoded


@pytest.fixture(scope="module")
def quantized(network, tmp_path_factory):
    """The network's file, quantized on first use."""
    made = {}

    def _quantized(untied):
        if untied not in made:
            folder = tmp_path_factory.mktemp("quantized")
            made[untied] = quantize(network, folder / "network.onnx", images(), untied=untied)
        return made[untied]

    return _quantized


@tied_or_not
def test_only_the_file_is_left(quantized, untied):
    path = quantized(untied)
    assert list(path.parent.iterdir()) == [path]


@tied_or_not
def test_the_logits_are_close_to_the_networks(network, quantized, untied):
    image = torch.rand(2, 3, 45, 70)
    with torch.no_grad():
        expected = network(network.preprocessing(image))
    found = load_exported(quantized(untied)).logits(image)
    error = (found - expected).square().mean().sqrt() / expected.std()
    assert 1e-3 < error < 0.2


@tied_or_not
def test_shared_weights_are_stored_once_and_untied_ones_twice(network, quantized, untied):
    weights = [onnx.numpy_helper.to_array(weight) for weight in onnx.load(quantized(untied)).graph.initializer]
    stored = sum(values.size for values in weights if values.dtype == np.int8 and values.ndim == 4)
    convolutions = sum(weight.numel() for weight in network.encoder.parameters() if weight.ndim == 4)
    # The exporter transposes a few small weights in advance; the stem, beyond the output stride, is used once.
    assert stored == pytest.approx((2 if untied else 1) * convolutions, rel=0.05)


def test_the_axes_keep_their_names(quantized):
    (image,) = onnx.load(quantized(False)).graph.input
    assert [axis.dim_param for axis in image.type.tensor_type.shape.dim] == ["batch", "", "height", "width"]


def test_a_file_of_another_format(network, tmp_path):
    with pytest.raises(InputError, match=r"quantized networks are ONNX files, which end in \.onnx"):
        quantize(network, tmp_path / "network.pt2", images())
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_shared_weights(tmp_path):
    network = create_model("deeplab_largefov", encoder_name="vgg11", encoder_weights=None, classes=3)
    with pytest.raises(InputError, match="deeplab_largefov has no shared weights to untie"):
        quantize(network, tmp_path / "network.onnx", images(), untied=True)
    assert list(tmp_path.iterdir()) == []


def test_no_images(network, tmp_path):
    with pytest.raises(InputError, match="no calibration images"):
        quantize(network, tmp_path / "network.onnx", [])
