"""The way back with late upsampling computes what the paper's does, on fewer pixels."""

import copy

import pytest
import torch
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

import feedbackward as fb
from feedbackward.passes import upsample_late
from feedbackward.transform import trace, transpose


def both_ways(name, **options):
    """A network, and its copy with the paper's order of operations."""
    torch.manual_seed(0)
    late = fb.Feedbackward(name, encoder_weights=None, classes=3, **options).double()
    for norm in late.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
    early = copy.deepcopy(late)
    run = type(fx.GraphModule(early, early.decoder_graph().graph)).forward
    early._runs = {True: run, False: run}
    return late, early


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "vgg11_bn"])
@pytest.mark.parametrize("size", [(64, 96), (45, 71)])
def test_the_same_scores_gradients_and_statistics(name, size):
    late, early = both_ways(name, output_stride=2)
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    for network in (late, early):
        network.train()
        network(image).square().sum().backward()
    for (path, found), expected in zip(late.named_parameters(), early.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=lambda text, path=path: f"{path}: {text}")
    for (path, found), expected in zip(late.named_buffers(), early.buffers(), strict=True):
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
    """The names of what stands behind the pool of the U-turn."""
    names = [str(getattr(node.target, "__name__", node.target)) for node in graph.nodes]
    behind = names[names.index("max_pool2d") + 1 : -1]
    return [name for name in behind if not name.endswith("weight")]


def test_an_upsampling_stands_behind_what_works_on_single_pixels():
    traced = trace(Encoder())
    decoder_graph = transpose(traced)
    root = nn.Module()
    root.encoder, root.decoder = traced, decoder_graph.decoder
    up, conv = "upsample_like", "same_conv2d"
    there = [up, conv, "decoder.wide.norm", "relu"]
    paper = [up, up, conv, "decoder.point.norm", up, "encoder.act", "fuse", *there]
    assert order(decoder_graph.graph) == paper
    # A 3x3 convolution stays behind its upsampling; in training a norm does too.
    training = [conv, up, up, "decoder.point.norm", "encoder.act", up, "fuse", *there]
    assert order(upsample_late(decoder_graph.graph, root)) == training
    evaluation = [conv, "decoder.point.norm", "encoder.act", up, up, up, "fuse", *there]
    assert order(upsample_late(decoder_graph.graph, root, after_norms=True)) == evaluation
    assert order(decoder_graph.graph) == paper


def test_fewer_operations():
    """The 1x1 shortcut of each strided block of a ResNet runs on a quarter of the pixels."""
    late, early = both_ways("resnet18", output_stride=2)
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
