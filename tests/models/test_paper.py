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
    always = network.config["permute"] == "possible"
    with torch.no_grad():
        expected = by_hand(state, image, always_swap=always, training=training)
        got = network.train(training)(image)
    assert got.abs().mean() > 0.01
    assert_close(got, expected)


def test_holds_every_number_of_the_paper(network: fb.Feedbackward) -> None:
    parameters = dict(network.named_parameters())
    convs = sum(p.numel() for name, p in parameters.items() if p.ndim == 4 and name.startswith("encoder."))
    forward_norms = sum(p.numel() for name, p in parameters.items() if p.ndim == 1 and name.startswith("encoder."))
    backward_norms = sum(p.numel() for name, p in parameters.items() if name.startswith("decoder."))
    assert (convs, forward_norms, backward_norms) == (14_710_464, 8_448, 7_430)
    total = sum(p.numel() for p in parameters.values())
    assert round(total / 1e6, 1) == 14.7
    passes = [n for n in network.decoder_graph().graph.nodes if "conv" in getattr(n.target, "__name__", "")]
    assert len(passes) == 13
    assert parameters["head.pointwise.weight"].shape[:2] == (19, 3)
    assert not [name for name in parameters if name.startswith("encoder.") and "norm" not in name and "bias" in name]
