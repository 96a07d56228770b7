"""Shape inference: the shapes of a graph's values on torch's meta device, where tensors have no data."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, TypeAlias

import torch
from torch import fx, nn
from torch.fx.node import map_aggregate

from feedbackward.transform.registry import UnsupportedOperationsError

REFERENCE_SIZE = (256, 256)
"""Height and width of the images from which strides and channels are inferred."""
ODD_SIZE = (641, 897)
"""Height and width without a common factor; every axis that depends on them is longer than at the reference size."""
ALIGNED_SIZE = (512, 768)
"""A similar size for encoders that accept only multiples of their deepest stride."""

Shapes: TypeAlias = Mapping[fx.Node, Any]
"""The torch.Size of each node's tensor, nested as in the node's value; nodes without tensors have no entry."""


@dataclass(frozen=True)
class InputSizes:
    """The image sizes that an encoder accepts.

    Args:
        minimum: The smallest height and width that it is known to accept.
        multiple: Height and width must be multiples of this number; 1 if any size works.
    """

    minimum: int
    multiple: int

    def padded(self, size: tuple[int, int]) -> tuple[int, int]:
        """The smallest accepted size into which an image of that height and width fits."""
        up = self.multiple - 1  # never negative: the ONNX exporter rounds negative numbers the other way
        height, width = ((max(side, self.minimum) + up) // self.multiple * self.multiple for side in size)
        return height, width


@dataclass(frozen=True)
class ShapeInfo:
    """The shapes of an encoder's values at two image sizes, and the image sizes that it accepts.

    Args:
        reference: The shapes at the reference size, for a batch of two images.
        other: The shapes at a larger height, width and batch size; the axes that differ depend on the input.
        sizes: The image sizes that the encoder accepts.
    """

    reference: Shapes
    other: Shapes
    sizes: InputSizes

    def of_copies(self, copies: Mapping[fx.Node, fx.Node]) -> "ShapeInfo":
        """The same shapes for the copies of the nodes in another graph."""
        reference, other = (
            {copies[node]: shape for node, shape in found.items() if node in copies}
            for found in (self.reference, self.other)
        )
        return replace(self, reference=reference, other=other)

    def is_fixed(self, value: fx.Node, axis: int) -> bool:
        """Whether the axis has the same length for every image."""
        return bool(self.reference[value][axis] == self.other[value][axis])

    def layout(self, value: fx.Node) -> tuple[bool, ...]:
        """For each axis of a tensor, whether it is fixed; empty for a value that contains several tensors."""
        shape = self.reference[value]
        return tuple(self.is_fixed(value, axis) for axis in range(len(shape))) if isinstance(shape, torch.Size) else ()

    def is_image(self, value: fx.Node) -> bool:
        """Whether a value is laid out as an image: (N, C, H, W)."""
        return self.layout(value) == (False, True, False, False)

    def is_channels_last(self, value: fx.Node) -> bool:
        """Whether a value is an image with its channels last: (N, H, W, C)."""
        return self.layout(value) == (False, False, False, True)

    def stride(self, value: fx.Node) -> int:
        """The stride of a value laid out as an image, rounded to a power of two: layers without padding lose pixels."""
        height = self.reference[value][1 if self.is_channels_last(value) else 2]
        return 1 << max(0, round(math.log2(REFERENCE_SIZE[0] / height)))


class MetaCopy:
    """A copy of a traced network on the meta device: the same modules and shapes, but no data."""

    def __init__(self, root: nn.Module, graph: fx.Graph) -> None:
        # A deep copy in which tensors have no data; the copied modules run in evaluation mode.
        memo: dict[int, Any] = {}
        for tensor in chain(root.parameters(), root.buffers()):
            empty = torch.empty_like(tensor, device="meta")
            memo[id(tensor)] = nn.Parameter(empty) if isinstance(tensor, nn.Parameter) else empty
        self._root = nn.Module()
        for name, child in root.named_children():
            self._root.add_module(name, copy.deepcopy(child, memo))
        for name, tensor in chain(root.named_parameters(recurse=False), root.named_buffers(recurse=False)):
            setattr(self._root, name, memo[id(tensor)])
        self._root.eval()
        self._graph = graph
        self._dtype = next((parameter.dtype for parameter in root.parameters()), torch.get_default_dtype())

    def shapes(self, size: tuple[int, int], *, channels: int, batch: int = 2) -> Shapes:
        """The shapes of the graph's values for images (batch, channels, *size).

        Raises:
            UnsupportedOperationsError: If the graph does not run at that size.
        """
        found, error = self.shapes_until_error(size, channels=channels, batch=batch)
        if error is not None:
            raise UnsupportedOperationsError(
                f"this encoder does not run on images of {size[0]}x{size[1]} with {channels} channels: "
                f"{type(error).__name__}: {error}; choose another encoder",
                reasons=(f"does not run on images of {size[0]}x{size[1]}",),
            ) from error
        return found

    def shapes_until_error(
        self, size: tuple[int, int], *, channels: int, batch: int = 2
    ) -> tuple[Shapes, Exception | None]:
        """Like shapes, up to the first node that fails at that size, and the error that it raised."""
        interpreter = _ShapeInterpreter(self._root, graph=self._graph)
        try:
            with torch.device("meta"), torch.no_grad():
                interpreter.run(torch.empty(batch, channels, *size, dtype=self._dtype))
        except Exception as error:  # an encoder's own code may raise anything at a size that it does not accept
            return interpreter.found, error
        return interpreter.found, None


class _ShapeInterpreter(fx.Interpreter):
    def __init__(self, root: nn.Module, graph: fx.Graph) -> None:
        super().__init__(root, graph=graph)
        self.found: dict[fx.Node, Any] = {}
        # The encoder's error goes into a message for users, to which fx would add its own frames.
        self.extra_traceback = False

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        tensors: list[torch.Tensor] = []
        shape = map_aggregate(value, lambda leaf: _note(leaf, tensors))
        if tensors and n.op != "output":
            self.found[n] = shape
        return value


def _note(leaf: Any, tensors: list[torch.Tensor]) -> Any:
    if not isinstance(leaf, torch.Tensor):
        return leaf
    tensors.append(leaf)
    return leaf.shape


def infer_shapes(encoder: fx.GraphModule, *, channels: int) -> ShapeInfo:
    """Infer the shapes of an encoder's values and the image sizes that it accepts.

    Args:
        encoder: Result of `trace`.
        channels: The number of image channels.

    Raises:
        UnsupportedOperationsError: If the encoder runs only at the reference size or not at all, or its last value is
            not laid out as an image.
    """
    meta_copy = MetaCopy(encoder, encoder.graph)
    feature = encoder.graph.output_node().args[0]
    reference = meta_copy.shapes(REFERENCE_SIZE, channels=channels)
    if not isinstance(feature, fx.Node) or not isinstance(reference[feature], torch.Size):
        raise UnsupportedOperationsError(
            "this encoder's features are several tensors; choose another encoder",
            reasons=("its features are several tensors",),
        )
    other, error = meta_copy.shapes_until_error(ODD_SIZE, channels=channels, batch=3)
    if error is not None:
        other = meta_copy.shapes(ALIGNED_SIZE, channels=channels, batch=3)
    shapes = ShapeInfo(reference, other, InputSizes(minimum=REFERENCE_SIZE[0], multiple=1))
    if not (shapes.is_image(feature) or shapes.is_channels_last(feature)):
        raise UnsupportedOperationsError(
            f"this encoder's features are not laid out as an image: for two images of "
            f"{REFERENCE_SIZE[0]}x{REFERENCE_SIZE[1]} they are {tuple(reference[feature])}; choose another encoder",
            reasons=("its features are not laid out as an image",),
        )
    stride = shapes.stride(feature)
    smallest = (stride * n for n in (1, 2, 4) if _runs(meta_copy, (stride * n, stride * n), channels))
    sizes = InputSizes(next(smallest, REFERENCE_SIZE[0]), multiple=1 if error is None else stride)
    return replace(shapes, sizes=sizes)


def _runs(meta_copy: MetaCopy, size: tuple[int, int], channels: int) -> bool:
    try:
        meta_copy.shapes(size, channels=channels)
    except UnsupportedOperationsError:
        return False
    return True
