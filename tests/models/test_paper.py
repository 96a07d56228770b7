"""The paper's two networks, against its numbers and against a plain network written out by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb

CONVS = [  # timm's index in `features`, channels in, channels out; None is a pool
    (0, 3, 64), (2, 64, 64), None,
    (5, 64, 128), (7, 128, 128), None,
    (10, 128, 256), (12, 256, 256), (14, 256, 256), None,
    (17, 256, 512), (19, 512, 512), (21, 512, 512), None,
    (24, 512, 512), (26, 512, 512), (28, 512, 512), None,
]  # fmt: skip


def norm(x: Tensor, state: dict[str, Tensor], prefix: str, training: bool) -> Tensor:
    running = (None, None) if training else (state[f"{prefix}.running_mean"], state[f"{prefix}.running_var"])
    return F.batch_norm(x, *running, state[f"{prefix}.weight"], state[f"{prefix}.bias"], training=training)


def by_hand(state: dict[str, Tensor], image: Tensor, *, always_swap: bool, training: bool) -> Tensor:
    """Section 4 of the paper, line by line, at sizes that are multiples of 32."""
    x, depths = image, []
    for layer in CONVS:
        if layer is None:
            x = F.max_pool2d(x, 2)
            continue
        path = f"features.{layer[0]}"
        x = F.conv2d(x, state[f"encoder.{path}.weight"], padding=1)
        x = F.relu(norm(x, state, f"encoder.{path}.norm", training))
        depths.append(x)
    for layer in reversed(CONVS):
        if layer is None:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
            continue
        index, inputs, outputs = layer
        fused = F.relu(x) + depths.pop()
        weight = state[f"encoder.features.{index}.weight"]
        if always_swap or inputs != outputs:
            weight = weight.transpose(0, 1)
        x = norm(F.conv2d(fused, weight, padding=1), state, f"decoder.features.{index}.norm", training)
    return F.conv2d(F.relu(x), state["head.pointwise.weight"], state["head.pointwise.bias"])


@pytest.fixture(scope="module", params=["vgg16_pwn", "vgg16_pwp"])
def network(request: pytest.FixtureRequest) -> fb.Feedbackward:
    torch.manual_seed(0)
    network = fb.create_model(request.param, encoder_weights=None, classes=19).double()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                nn.init.uniform_(values, 0.3, 1.2)
            nn.init.uniform_(module.running_var, 5, 30)
    return network


@pytest.mark.parametrize("training", [True, False])
def test_equals_the_network_written_by_hand(network: fb.Feedbackward, training: bool) -> None:
    image = torch.randn(2, 3, 32, 64, dtype=torch.float64)
    state = {key: value.clone() for key, value in network.state_dict().items()}
    always = network.decoder_config.permute == "possible"
    with torch.no_grad():
        expected = by_hand(state, image, always_swap=always, training=training)
        got = network.train(training)(image)
    assert got.abs().mean() > 0.01
    assert_close(got, expected)


def count(network: fb.Feedbackward, part: str, *, dims: int) -> int:
    """The number of parameters in `part` with that many axes: four for convolutions, one for norms."""
    named = network.named_parameters()
    return sum(p.numel() for name, p in named if p.ndim == dims and name.startswith(f"{part}."))


def test_the_number_of_convolution_weights_is_vgg16_s(network: fb.Feedbackward) -> None:
    assert count(network, "encoder", dims=4) == 14_710_464


def test_the_encoder_s_norms_have_the_paper_s_number_of_parameters(network: fb.Feedbackward) -> None:
    assert count(network, "encoder", dims=1) == 8_448


def test_the_decoder_adds_only_its_norms(network: fb.Feedbackward) -> None:
    assert count(network, "decoder", dims=1) == 7_430
    assert count(network, "decoder", dims=4) == 0


def test_there_are_14_7_million_parameters(network: fb.Feedbackward) -> None:
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == 14.7


def test_no_convolution_of_the_encoder_has_a_bias(network: fb.Feedbackward) -> None:
    assert not [name for name in network.encoder.state_dict() if name.endswith(".bias") and ".norm." not in name]


def test_the_decoder_applies_all_13_convolutions(network: fb.Feedbackward) -> None:
    graph = network.decoder_graph().graph
    assert len([node for node in graph.nodes if "conv" in getattr(node.target, "__name__", "")]) == 13


def test_the_classifier_maps_three_channels_to_the_classes(network: fb.Feedbackward) -> None:
    assert network.head.pointwise.weight.shape == (19, 3, 1, 1)
