"""What a rule sees: one node of the encoder, the signal that has come back to it, and the means to emit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import fx, nn

from feedbackward.nn import upsample_like

Permute = Literal["necessary", "possible"]
Retrace = Literal["all", "transitions"]


@dataclass(frozen=True)
class Policy:
    """The two choices of the method that rules read.

    Args:
        permute: "necessary" swaps a weight's channel axes only where the layer changes the number of channels (PWN),
            "possible" swaps them always (PWP).
        retrace: "all" walks every layer back; "transitions" only those that change the resolution or the channels.
    """

    permute: Permute = "necessary"
    retrace: Retrace = "all"


@dataclass
class Step:
    """One node on the way back.

    Args:
        graph: The graph that is being written, behind all that stands in it.
        node: The node of the encoder's pass, in that graph.
        root: The traced encoder, in which the node's target is looked up.
        signal: What has come back to the node's output.
        policy: The choices of the method.
        shapes: The shape of every value of the encoder's pass, at a reference size.
        norms: The channels of each norm of the way back by its path in the encoder; norm() adds to it.
    """

    graph: fx.Graph
    node: fx.Node
    root: nn.Module
    signal: fx.Node
    policy: Policy
    shapes: Mapping[fx.Node, Any]
    norms: dict[str, int]

    @property
    def path(self) -> str:
        """The path of the node's module in the encoder."""
        return str(self.node.target).removeprefix("encoder.")

    @property
    def module(self) -> nn.Module:
        """The node's module."""
        return self.root.get_submodule(self.path)

    def shape(self, value: fx.Node) -> torch.Size:
        """The shape of an encoder's value; only ratios and channels of it mean anything."""
        shape: torch.Size = self.shapes[value]
        return shape

    def tensors(self, *values: Any) -> list[fx.Node]:
        """Those of an operation's arguments that are tensors of the encoder, not numbers."""
        return [value for value in values if isinstance(value, fx.Node) and value in self.shapes]

    def keeps_size(self, value: fx.Node) -> bool:
        """Whether the node's output has the height and width of this input of it."""
        return self.shape(value)[-2:] == self.shape(self.node)[-2:]

    def emit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> fx.Node:
        """Append a call of the function."""
        return self.graph.call_function(function, args, kwargs)

    def emit_module(self, path: str, signal: fx.Node) -> fx.Node:
        """Append a call of one of the encoder's modules, which must hold no state."""
        return self.graph.call_module(f"encoder.{path}", (signal,))

    def repeat(self) -> fx.Node:
        """Append the node's own operation, applied to the signal in place of its first argument."""
        again = self.graph.node_copy(self.node, lambda value: value)
        again.args = (self.signal, *self.node.args[1:])
        return again

    def weight(self) -> fx.Node:
        """Read the weight of the node's module: the encoder's own Parameter, registered nowhere else."""
        return self.graph.get_attr(f"encoder.{self.path}.weight")

    def norm(self, signal: fx.Node, channels: int) -> fx.Node:
        """Append the layer's own norm of the way back, decoder.PATH.norm."""
        path = f"{self.path}.norm"
        self.norms[path] = channels
        return self.graph.call_module(f"decoder.{path}", (signal,))

    def upsampled_like(self, value: fx.Node) -> fx.Node:
        """The signal at the size of this input, upsampled if the node changes the size."""
        return self.signal if self.keeps_size(value) else self.emit(upsample_like, self.signal, value)

    def source_of(self, left: fx.Node, right: fx.Node) -> fx.Node | None:
        """The one of two values that the other is made from alone: what a residual branch or a gate starts at."""
        for source, made in ((left, right), (right, left)):
            if _is_made_from(made, source):
                return source
        return None


def _is_made_from(value: fx.Node, source: fx.Node) -> bool:
    """Whether each way from the image to the value leads through the source."""
    pending, seen = [value], {source}
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        if node.op == "placeholder":
            return False
        seen.add(node)
        pending.extend(node.all_input_nodes)
    return True
