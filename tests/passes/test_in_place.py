"""ReLUs in the memory of the norm before them; test_lean_skips.py checks that the numbers stay."""

import torch
from torch import nn

import feedbackward as fb
from feedbackward.passes import apply_passes, rectify_in_place, upsample_after_norms
from feedbackward.transform import trace


class Encoder(nn.Module):
    """A norm that a ReLU alone reads, one that is read twice, and a ReLU that follows no norm."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(3), nn.BatchNorm2d(3)])
        self.relu = nn.ReLU()

    def forward_features(self, x):
        """Image to features."""
        x = self.relu(self.norms[0](x))
        x = self.norms[1](x)
        return self.relu(self.relu(x) + x)


def test_only_after_a_norm_that_nothing_else_reads():
    torch.manual_seed(0)
    encoder = trace(Encoder())
    image = torch.randn(2, 3, 5, 7)
    expected = encoder(image)
    rectify_in_place(encoder)
    encoder.recompile()
    assert [node.target is torch.relu_ for node in encoder.graph.nodes if "relu" in node.name] == [True, False, False]
    torch.testing.assert_close(encoder(image), expected)


def test_encoder_and_decoder_of_the_paper_s_network():
    network = fb.create_model("vgg16_pwn", encoder_weights=None, classes=19)
    changed = apply_passes(network.decoder_graph().graph, network, (upsample_after_norms, rectify_in_place))
    assert len(changed.graph.find_nodes(op="call_function", target=torch.relu_)) == 2 * 13
