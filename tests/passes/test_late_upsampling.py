"""The decoder with late upsampling computes what the paper's does, on fewer pixels."""

import copy

import pytest
import torch
from torch import fx, nn
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


def both_orders(name):
    """A network, and its copy with the paper's order of operations."""
    torch.manual_seed(0)
    decoder = DecoderConfig(output_stride=2)
    late = fb.create_model(name, encoder_weights=None, classes=3, decoder=decoder).double()
    for norm in late.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return late, PaperOrder(copy.deepcopy(late))


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "vgg11_bn"])
@pytest.mark.parametrize("size", [(64, 96), (45, 71)])
def test_the_same_logits_gradients_and_statistics(name, size):
    late, early = both_orders(name)
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    for network in (late, early):
        network.train()
        network(image).square().sum().backward()
    for (path, found), expected in zip(late.named_parameters(), early.network.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=lambda text, path=path: f"{path}: {text}")
    for (path, found), expected in zip(late.named_buffers(), early.network.buffers(), strict=True):
        torch.testing.assert_close(found, expected, msg=lambda text, path=path: f"{path}: {text}")
    torch.testing.assert_close(late.eval()(image), early.eval()(image))


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


def order(graph: fx.Graph) -> list[str]:
    """The names of the nodes after the pool of the U-turn."""
    names = [str(getattr(node.target, "__name__", node.target)) for node in graph.nodes]
    decoder = names[names.index("max_pool2d") + 1 : -1]
    return [name for name in decoder if not name.endswith("weight")]


def test_upsampling_comes_after_pointwise_operations():
    traced = trace(Encoder())
    decoder_graph = transpose(traced, PAPER)
    root = nn.Module()
    root.encoder, root.decoder = traced, decoder_graph.decoder
    up, conv = "upsample_like", "same_conv2d"
    there = [up, conv, "decoder.wide.norm", "relu"]
    paper = [up, up, conv, "decoder.point.norm", up, "encoder.act", "fuse", *there]
    assert order(decoder_graph.graph) == paper
    # A 3x3 convolution stays after its upsampling; in training a norm does too.
    training = [conv, up, up, "decoder.point.norm", "encoder.act", up, "fuse", *there]
    assert order(apply_passes(decoder_graph.graph, root, [upsample_late]).graph) == training
    evaluation = [conv, "decoder.point.norm", "encoder.act", up, up, up, "fuse", *there]
    assert order(apply_passes(decoder_graph.graph, root, [upsample_after_norms]).graph) == evaluation
    assert order(decoder_graph.graph) == paper


def test_fewer_operations():
    """The 1x1 shortcut of each strided block of a ResNet runs on a quarter of the pixels."""
    late, early = both_orders("resnet18")
    image = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    counts = []
    for network in (late.eval(), early.eval()):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(image)
        counts.append(counter.get_total_flops())
    saved = 0
    for path, layer in late.encoder.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.stride == (2, 2):
            pixels = (64 // {"layer2": 4, "layer3": 8, "layer4": 16}[path.partition(".")[0]]) ** 2
            saved += 2 * layer.weight.numel() * pixels * 3 // 4
    assert counts[1] - counts[0] == saved > 0
