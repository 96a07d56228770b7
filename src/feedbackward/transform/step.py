"""What a rule sees: one node of the encoder, the signal that has arrived there, and methods that emit nodes."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from feedbackward.decoder_config import DecoderConfig
from feedbackward.nn import BATCH_NORMS, fuse, upsample_like
from feedbackward.transform.registry import REGISTRY, Kind, NoRuleError, Target
from feedbackward.transform.shapes import ShapeInfo


@dataclass(frozen=True)
class NormShape:
    """The shape of the signals that a decoder norm normalizes.

    Args:
        channels: The number of channels.
        dims: The number of axes; the second one is the channel axis.
        low_rank: Whether the layer has an update of its own before the norm.
    """

    channels: int
    dims: int
    low_rank: bool


@dataclass
class Step:
    """One node that the decoder visits.

    Args:
        graph: The graph that is being written; nodes are appended.
        node: The node of the encoder, in that graph.
        root: The traced encoder, in which the node's target is looked up.
        arrived: The signals that have arrived at the node's output: under None for a single tensor, or, if the node's
            value contains several tensors, under the index of each one that has a signal.
        config: The options of the decoder.
        shapes: The shapes of the encoder's values.
        from_image: The encoder's values that depend on the image; only these get a signal.
        norms: The signal shape of each decoder norm, by its path in the encoder; norm() adds to it.
    """

    graph: fx.Graph
    node: fx.Node
    root: nn.Module
    arrived: Mapping[int | None, fx.Node]
    config: DecoderConfig
    shapes: ShapeInfo
    from_image: set[fx.Node]
    norms: dict[str, NormShape]

    @property
    def signal(self) -> fx.Node:
        """The signal that has arrived at the node's output, which must be a single tensor."""
        return self.arrived[None]

    @property
    def path(self) -> str:
        """The path of the node's module in the encoder, or of the module whose forward pass calls its function."""
        return path_of(self.node)

    @property
    def module(self) -> nn.Module:
        """The node's module."""
        return self.root.get_submodule(self.path)

    def target_of(self, value: fx.Node) -> Target:
        """The operation that computes a value of the encoder."""
        return type(self.root.get_submodule(path_of(value))) if value.op == "call_module" else value.target

    def kind_of(self, value: fx.Node) -> Kind | None:
        """The kind of the operation that computes a value of the encoder; None if it has no rule."""
        return REGISTRY.kind(self.target_of(value))

    def shape(self, value: fx.Node) -> torch.Size:
        """The shape of a value of the encoder at the reference size; use it only for ratios and fixed axes."""
        shape: torch.Size = self.shapes.reference[value]
        return shape

    def tensors(self, *values: Any) -> list[fx.Node]:
        """The arguments to which the signal can flow: tensors that depend on the image."""
        return [value for value in values if isinstance(value, fx.Node) and value in self.from_image]

    def unbroadcast(self, *values: Any) -> list[fx.Node]:
        """Like tensors, but only those with the shape of the node's output, which are not broadcast."""
        return [value for value in self.tensors(*values) if self.shape(value) == self.shape(self.node)]

    def keeps_size(self, value: fx.Node) -> bool:
        """Whether the node's output has the height and width of this input, for every image size."""
        found = (self.shapes.reference, self.shapes.other)
        return all(shapes[value][-2:] == shapes[self.node][-2:] for shapes in found)

    def emit(self, function: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> fx.Node:
        """Append a call of a function, or of a tensor's method by its name."""
        if isinstance(function, str):
            return self.graph.call_method(function, args, kwargs)
        return self.graph.call_function(function, args, kwargs)

    def emit_module(self, path: str, signal: fx.Node) -> fx.Node:
        """Append a call of one of the encoder's modules, which must be stateless."""
        return self.graph.call_module(f"encoder.{path}", (signal,))

    def repeat(self) -> fx.Node:
        """Append the node's own operation, applied to the signal in place of its first argument."""
        again = self.graph.node_copy(self.node, lambda value: value)
        again.args = (self.signal, *self.node.args[1:])
        return again

    def weight(self) -> fx.Node:
        """Read the weight of the node's module: the encoder's own Parameter, registered nowhere else."""
        return self.graph.get_attr(f"encoder.{self.path}.weight")

    def norm(self, signal: fx.Node, like: fx.Node, *, path: str, mixes: bool, axis: int = 1) -> fx.Node:
        """Append the norm of a decoder layer, decoder.PATH.norm, over the channels of the encoder layer's input.

        Where the options ask for it, the layer's own low-rank update, decoder.PATH.low_rank, comes before it.

        Args:
            signal: The signal to normalize.
            like: The layer's input.
            path: The layer's path in the encoder; a layer that runs several times has one norm for each run.
            mixes: Whether the layer mixes channels, as all but depthwise ones do.
            axis: The axis of its channels.
        """
        shape = self.shape(like)
        if len(shape) not in BATCH_NORMS:
            raise NoRuleError(f"a signal of {len(shape)} axes")
        runs = ("", *map(str, range(2, len(self.norms) + 3)))
        run = next(run for run in runs if f"{path}.norm{run}" not in self.norms)
        low_rank = bool(self.config.rank) and mixes and shape[axis] <= self.config.rank_channels
        self.norms[f"{path}.norm{run}"] = NormShape(shape[axis], len(shape), low_rank)
        normed = signal if axis == 1 else self.emit("movedim", signal, axis, 1)
        if low_rank:
            normed = self.graph.call_module(f"decoder.{path}.low_rank{run}", (normed,))
        normed = self.graph.call_module(f"decoder.{path}.norm{run}", (normed,))
        return normed if axis == 1 else self.emit("movedim", normed, 1, axis)

    def negated(self, number: Any) -> Any:
        """The negative of a number, which may be a constant or computed in the graph."""
        return self.emit(operator.neg, number) if isinstance(number, fx.Node) else -number

    def same_length(self, left: fx.Node, axis: int, right: fx.Node, other: int) -> bool:
        """Whether an axis of one value is as long as an axis of another, for every image size."""
        found = (self.shapes.reference, self.shapes.other)
        return all(shapes[left][axis] == shapes[right][other] for shapes in found)

    def shape_of(self, part: Any) -> torch.Size:
        """The shape of a tensor, or of one tensor of a value that contains several: (value, index)."""
        value, index = part if isinstance(part, tuple) else (part, None)
        shape: torch.Size = self.shapes.reference[value] if index is None else self.shapes.reference[value][index]
        return shape

    def upsampled_like(self, value: fx.Node, signal: fx.Node | None = None) -> fx.Node:
        """A signal, by default the one that has arrived, upsampled to the size of this input if the node changes it."""
        signal = signal or self.signal
        return signal if self.keeps_size(value) else self.emit(upsample_like, signal, value)

    def with_skip(self, activated: fx.Node) -> fx.Node:
        """Append the skip connection of an activation: the encoder's own output of the node is added."""
        activated.meta["activated"] = True
        return activated if self.config.retrace == "stages" else self.emit(fuse, activated, self.node)

    @property
    def has_left_layer_out(self) -> bool:
        """Whether no layer has changed the signal since its last activation, so that this one is left out as well."""
        before = self.signal.args[0] if self.signal.target is fuse else self.signal
        return self.config.retrace != "all" and isinstance(before, fx.Node) and "activated" in before.meta

    def source_of(self, left: fx.Node, right: fx.Node) -> fx.Node | None:
        """Whichever of two values is all that the other depends on, such as the input of a residual branch or gate."""
        if left is right:
            return None
        for source, computed in ((left, right), (right, left)):
            if self._is_computed_from(computed, self.origin(source)):
                return source
        return None

    def _is_computed_from(self, value: fx.Node, source: fx.Node) -> bool:
        """Whether every path from the image to the value goes through the source; uses of its size do not count."""
        pending, seen = [value], {source}
        while pending:
            node = pending.pop()
            if node in seen:
                continue
            if node.op == "placeholder":
                return False
            seen.add(node)
            pending.extend(self.tensors(*node.all_input_nodes))
        return True

    def origin(self, value: fx.Node) -> fx.Node:
        """The value, traced back through identity operations."""
        while self.kind_of(value) == "identity":
            (value, *_) = value.all_input_nodes
        return value


def path_of(node: fx.Node) -> str:
    """The path of a node's module in the encoder, or of the module whose forward pass calls its function."""
    if node.op == "call_module":
        return str(node.target).removeprefix("encoder.")
    callers = [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
    return callers[-1] if callers and callers[-1] else node.name
