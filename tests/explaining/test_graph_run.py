"""A run of the graph node by node gives the network's own logits."""

import pytest
import torch
from torch import Tensor

from feedbackward.explaining.graph_run import GraphRun
from feedbackward.models import Feedbackward, create_model
from feedbackward.nn import fuse


def test_it_gives_the_logits_of_the_network(network: Feedbackward, image: Tensor) -> None:
    with torch.no_grad():
        torch.testing.assert_close(GraphRun(network, network.decoder_graph(), image).logits(), network(image))


@pytest.mark.parametrize("name", ["test_convnext", "test_efficientnet"])
def test_of_other_networks(name: str, image: Tensor) -> None:
    other = create_model(name, encoder_weights=None, classes=2).eval()
    small = image[..., :40, :50]
    with torch.no_grad():
        torch.testing.assert_close(GraphRun(other, other.decoder_graph(), small).logits(), other(small))


def test_a_branch_leaves_the_run_as_it_was(network: Feedbackward, image: Tensor) -> None:
    decoder_graph = network.decoder_graph()
    run = GraphRun(network, decoder_graph, image)
    node = next(node for node in decoder_graph.graph.nodes if node.target is fuse)
    with torch.no_grad():
        run.run_to(node)
        branch = run.branch()
        branch.values[node] = torch.zeros_like(run.values[node])
        assert not torch.equal(branch.logits(), network(image))
        torch.testing.assert_close(run.logits(), network(image))


def test_values_that_nothing_reads_any_more_are_freed(network: Feedbackward, image: Tensor) -> None:
    decoder_graph = network.decoder_graph()
    run = GraphRun(network, decoder_graph, image)
    with torch.no_grad():
        run.logits()
    assert len(run.values) < 5
