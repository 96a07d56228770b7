"""Operations that overwrite their input: only where nothing else reads it, and with the same result."""

import copy

import pytest
import torch
from torch import Tensor, fx, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.nn import add_in_place
from feedbackward.passes import apply_passes, rectify_in_place, upsample_after_norms, work_in_place
from feedbackward.transform import trace


class Encoder(nn.Module):
    """A norm that only a ReLU reads, one that is read twice, and a ReLU that follows no norm."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(3), nn.BatchNorm2d(3)])
        self.relu = nn.ReLU()

    def forward_features(self, x):
        x = self.relu(self.norms[0](x))
        x = self.norms[1](x)
        return self.relu(self.relu(x) + x)


@pytest.fixture
def encoder() -> fx.GraphModule:
    torch.manual_seed(0)
    return trace(Encoder().double())


def kinds(network: fx.GraphModule, name: str) -> list[object]:
    return [node.target for node in network.graph.nodes if name in node.name]


def test_a_relu_overwrites_a_norm_that_nothing_else_reads(encoder):
    changed = apply_passes(encoder.graph, encoder, [rectify_in_place])
    assert [target is torch.relu_ for target in kinds(changed, "relu")] == [True, False, False]


@pytest.mark.parametrize("training", [True, False])
def test_the_result_and_the_gradients_of_relus_in_place_are_the_same(encoder, training):
    changed = apply_passes(encoder.graph, copy.deepcopy(encoder), [rectify_in_place])
    image = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    found, expected = (network.train(training)(image) for network in (changed, encoder))
    assert_close(found, expected)
    for result in (found, expected):
        result.square().sum().backward()
    assert_close([p.grad for p in changed.parameters()], [p.grad for p in encoder.parameters()])


def test_every_relu_of_the_paper_s_network_works_in_place():
    with torch.device("meta"):
        network = fb.create_model("vgg16_pwn", encoder_weights=None, classes=19)
        changed = apply_passes(network.decoder_graph().graph, network, (upsample_after_norms, rectify_in_place))
    assert len(changed.graph.find_nodes(op="call_function", target=torch.relu_)) == 2 * 13


class Sums(nn.Module):
    """Sums and activations of values that are read once, twice, and of the image itself."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.own, self.shared, self.image = nn.SiLU(), nn.SiLU(), nn.SiLU()

    def forward_features(self, x: Tensor) -> Tensor:
        left = self.left(self.image(x))
        right = self.own(self.right(x))
        return right + (self.shared(left) + left)


@pytest.fixture
def sums() -> fx.GraphModule:
    torch.manual_seed(0)
    return trace(Sums().double()).eval()


@torch.no_grad()
def test_working_in_place_gives_the_same_each_time_and_leaves_the_image(sums):
    changed = apply_passes(sums.graph, sums, [work_in_place])
    image = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    before = image.clone()
    expected = sums(image)
    for _ in range(2):
        assert_close(changed(image), expected)
    assert torch.equal(image, before)


def test_only_values_that_nothing_else_reads_are_overwritten(sums):
    changed = apply_passes(sums.graph, sums, [work_in_place])
    in_place = {
        name for name in ("own", "shared", "image") if not changed.graph.find_nodes(op="call_module", target=name)
    }
    assert in_place == {"own"}
    assert len(changed.graph.find_nodes(op="call_function", target=add_in_place)) == 2


def test_the_encoder_s_own_activations_stay_out_of_place(sums):
    apply_passes(sums.graph, sums, [work_in_place])
    assert not any(module.inplace for module in (sums.own, sums.shared, sums.image))
