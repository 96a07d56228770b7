"""Optimized networks against the ones that they were made from."""

import pytest
import torch
from torch import nn

import feedbackward as fb
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.models.optimized import optimize

ENCODERS = {
    "test_resnet": {},
    "test_efficientnet": {"decoder": DecoderConfig(retrace="transitions")},
    "test_byobnet": {"decoder": DecoderConfig(permute="possible")},
    "test_convnext": {},
    "test_nfnet": {},  # its weights are computed
    "densenet121": {"decoder": DecoderConfig(output_stride=4)},
    "vgg11": {"encoder_norm": "batch", "decoder": DecoderConfig(output_stride="image")},
    "hrnet_w18_small": {"decoder": DecoderConfig(norm="group")},
}


def build(name):
    torch.manual_seed(0)
    network = fb.create_model(name, encoder_weights=None, classes=3, **ENCODERS[name])
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.2, 0.2)
    return network.double().eval()


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("weights", ["memory", "speed"])
def test_the_same_scores(name, weights):
    network = build(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimized = optimize(network, weights=weights)
    for shape in ((2, 3, 64, 96), (1, 3, 45, 71)):
        image = torch.rand(*shape, dtype=torch.float64)
        with torch.no_grad():
            expected = network(image)
        for _ in range(2):  # what is written over is no input and no weight
            torch.testing.assert_close(optimized(image), expected)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


def weights(part):
    return sum(parameter.numel() for parameter in part.parameters() if parameter.ndim == 4)


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_speed_leaves_no_norm_and_memory_no_second_weight():
    network = build("vgg11")
    fast, small = optimize(network, weights="speed"), optimize(network, weights="memory")
    assert (norms(fast), norms(small)) == (0, norms(network))
    count = sum(parameter.numel() for parameter in network.parameters())
    assert sum(parameter.numel() for parameter in small.parameters()) == count
    assert weights(fast) == 2 * weights(network.encoder) + weights(network.head)


def test_compiled_it_gives_the_same_scores():
    network = build("test_resnet").float()
    optimized = optimize(network, compiled=True)
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(optimized(image), network(image), atol=1e-4, rtol=1e-4)


def test_other_weights():
    with pytest.raises(InputError, match="weights='small': expected one of 'memory', 'speed'"):
        optimize(build("test_resnet"), weights="small")
