"""Ablations of the decoder: each network has one part of it removed or changed.

Importing this module registers them under the names of create_model and of saved networks.
"""

import operator
from functools import partial

import torch
from torch import fx, nn

import feedbackward as fb
from feedbackward.models.builders import MODELS, NETWORKS, build_feedbackward
from feedbackward.nn import LowRank, fuse, same_conv2d
from feedbackward.transform import DecoderGraph


class _Changed(fb.Feedbackward):
    """A feedbackward network with a changed graph, saved under its own name."""

    def decoder_graph(self) -> DecoderGraph:
        """The usual graph, changed."""
        decoder_graph = super().decoder_graph()
        self.change(decoder_graph)
        return decoder_graph

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Change the graph in place."""
        raise NotImplementedError


class FlippedKernels(_Changed):
    """The decoder's kernels rotated by 180 degrees: the encoder's adjoint where the channel axes are swapped too."""

    name = "flipped_kernels"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Flip the weights of the decoder's convolutions."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=same_conv2d):
            with decoder_graph.graph.inserting_before(node):
                node.update_arg(1, decoder_graph.graph.call_function(torch.flip, (node.args[1], (2, 3))))


class WithoutSkips(_Changed):
    """The decoder without skip connections."""

    name = "without_skips"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Remove the fusions."""
        for node in decoder_graph.graph.find_nodes(op="call_function", target=fuse):
            node.replace_all_uses_with(node.args[0])
            decoder_graph.graph.erase_node(node)


class ParallelLowRank(_Changed):
    """The decoder with low-rank updates parallel to the shared convolutions, as LoRA is usually written."""

    name = "parallel_low_rank"

    def change(self, decoder_graph: DecoderGraph) -> None:
        """Let each update read the input of the shared convolution, W x + B A x, with as many columns in A."""
        graph, decoder = decoder_graph.graph, decoder_graph.decoder
        for node in graph.find_nodes(op="call_module"):
            path = str(node.target).removeprefix("decoder.")
            if path == node.target or not isinstance(update := decoder.get_submodule(path), LowRank):
                continue
            (shared,) = node.all_input_nodes
            assert isinstance(shared, fx.Node)
            assert update.down is not None
            width = self.encoder.get_submodule(path.rpartition(".")[0]).out_channels
            update.down = nn.Conv2d(width, update.down.out_channels, kernel_size=1, bias=False)
            decoder.set_submodule(path, nn.Sequential(update.down, update.up))
            node.args = (shared.args[0],)
            with graph.inserting_after(node):
                total = graph.call_function(operator.add, (shared, node))
            node.replace_all_uses_with(total, delete_user_cb=lambda user, total=total: user is not total)


for _network in (FlippedKernels, WithoutSkips, ParallelLowRank):
    MODELS[_network.name] = partial(build_feedbackward, network=_network)
    NETWORKS[_network.name] = _network
