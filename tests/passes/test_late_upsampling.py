"""The decoder with late upsampling computes what the paper's does, on fewer pixels."""

import copy

import pytest
import timm
import torch
from torch import fx, nn
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

import feedbackward as fb
from feedbackward.decoder_config import PAPER, DecoderConfig
from feedbackward.models.feedbackward import segment
from feedbackward.passes import apply_passes, upsample_after_norms, upsample_late
from feedbackward.transform import trace, transpose


class PaperOrder(nn.Module):
    """A feedbackward network whose operations run in the paper's order."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.decode = apply_passes(network.decoder_graph().graph, network, ())

    def forward(self, image):
        return segment(image, self.decode, self.network.head, self.network.sizes)


def both_orders(encoder):
    """A network, and its copy with the paper's order of operations."""
    late = fb.Feedbackward(encoder, classes=3, decoder=DecoderConfig(output_stride=2)).double()
    for norm in late.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return late, PaperOrder(copy.deepcopy(late))


SIZES = [(64, 96), (45, 71)]


@pytest.fixture(scope="module", params=["resnet", "efficientnet", "vgg"])
def orders(request, create_encoder):
    torch.manual_seed(0)
    return both_orders(create_encoder(request.param))


@pytest.mark.parametrize("size", SIZES)
def test_in_evaluation_the_logits_are_the_same(orders, size):
    late, early = (network.eval() for network in orders)
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        assert_close(late(image), early(image))


@pytest.mark.parametrize("size", SIZES)
def test_in_training_gradients_and_statistics_are_the_same(orders, size):
    late, early = (copy.deepcopy(network).train() for network in orders)
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    for network in (late, early):
        network(image).square().sum().backward()
    found, expected = (
        {name: parameter.grad for name, parameter in network.named_parameters()} for network in (late, early.network)
    )
    assert_close(found, expected)
    assert_close(dict(late.named_buffers()), dict(early.network.named_buffers()))


class Encoder(nn.Module):
    """A pool and strided layers of both kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.act = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.point = nn.Conv2d(4, 8, 1, stride=2)

    def forward_features(self, x):
        return self.point(self.pool(self.act(self.wide(x))))


@pytest.fixture(scope="module")
def decoded():
    """The graph of that encoder and its decoder, and the module that it runs on."""
    traced = trace(Encoder())
    decoder_graph = transpose(traced, PAPER)
    root = nn.Module()
    root.encoder, root.decoder = traced, decoder_graph.decoder
    return decoder_graph.graph, root


def order(graph: fx.Graph) -> list[str]:
    """The names of the nodes after the pool of the U-turn."""
    names = [str(getattr(node.target, "__name__", node.target)) for node in graph.nodes]
    decoder = names[names.index("max_pool2d") + 1 : -1]
    return [name for name in decoder if not name.endswith("weight")]


UP, CONV = "upsample_like", "same_conv2d"
PAPER_ORDER = [
    *(UP, UP, CONV, "decoder.point.norm"),
    *(UP, "encoder.act", "fuse"),
    *(UP, CONV, "decoder.wide.norm", "relu"),
]


def test_the_paper_upsamples_before_each_layer(decoded):
    graph, _ = decoded
    assert order(graph) == PAPER_ORDER


def test_in_training_upsampling_comes_after_pointwise_layers_and_activations(decoded):
    graph, root = decoded
    # A 3x3 convolution and a norm, whose statistics count pixels, stay after their upsampling.
    assert order(apply_passes(graph, root, [upsample_late]).graph) == [
        *(CONV, UP, UP, "decoder.point.norm"),
        *("encoder.act", UP, "fuse"),
        *(UP, CONV, "decoder.wide.norm", "relu"),
    ]


def test_in_evaluation_upsampling_comes_after_norms_too(decoded):
    graph, root = decoded
    assert order(apply_passes(graph, root, [upsample_after_norms]).graph) == [
        *(CONV, "decoder.point.norm", "encoder.act"),
        *(UP, UP, UP, "fuse"),
        *(UP, CONV, "decoder.wide.norm", "relu"),
    ]


def test_passes_do_not_modify_the_given_graph(decoded):
    graph, root = decoded
    apply_passes(graph, root, [upsample_after_norms])
    assert order(graph) == PAPER_ORDER


def operations(network: nn.Module, image: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(image)
    return counter.get_total_flops()


def test_a_pointwise_shortcut_runs_on_a_quarter_of_the_pixels():
    with torch.device("meta"):
        late, early = both_orders(timm.create_model("resnet18", num_classes=0))
        image = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    saved = 0
    for path, layer in late.encoder.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.stride == (2, 2):
            pixels = (64 // {"layer2": 4, "layer3": 8, "layer4": 16}[path.partition(".")[0]]) ** 2
            saved += 2 * layer.weight.numel() * pixels * 3 // 4
    assert operations(early, image) - operations(late, image) == saved > 0
