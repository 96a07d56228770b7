"""The computation of an exported file: preprocessing, network and, on request, argmax."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import torch
from jaxtyping import Float, UInt8
from timm.layers import padding
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config  # it has no public name

from feedbackward.errors import InputError
from feedbackward.exporting.metadata import Metadata
from feedbackward.task import split_tasks, tasks_of

if TYPE_CHECKING:
    from feedbackward.models import OptimizedNetwork, SegmentationNetwork, TaskNetwork


Output: TypeAlias = Float[Tensor, "n classes h w"] | UInt8[Tensor, "n h w"]


class ExportWrapper(nn.Module):
    """A network with pre- and postprocessing.

    Args:
        network: The network; it takes preprocessed images in the precision of its weights.
        argmax: Whether to return the class of each pixel instead of logits.
    """

    def __init__(self, network: "SegmentationNetwork | OptimizedNetwork | TaskNetwork", *, argmax: bool) -> None:
        super().__init__()
        self.network = network
        self.argmax = argmax
        self.dtype = next(network.parameters()).dtype
        self.preprocessing = network.preprocessing

    def forward(self, image: Float[Tensor, "n c h w"]) -> Output | tuple[Output, ...]:
        """Compute float32 logits or 8-bit classes of images in [0, 1]; for several tasks a tuple."""
        logits = self.network(self.preprocessing(image).to(self.dtype))
        if isinstance(logits, dict):
            return tuple(self._output(logits[task.name]) for task in tasks_of(self.network))
        outputs = tuple(self._output(each) for each in split_tasks(logits, tasks_of(self.network)))
        return outputs[0] if len(outputs) == 1 else outputs

    def _output(self, logits: Tensor) -> Output:
        return logits.argmax(dim=1).to(torch.uint8) if self.argmax else logits.float()


def export_program(wrapper: ExportWrapper, metadata: Metadata) -> ExportedProgram:
    """Trace a network with torch.export, for any batch size and, unless the metadata fixes it, any image size.

    Raises:
        InputError: If torch.export cannot trace the network.
    """
    size = metadata.size or metadata.sizes[1]
    example = torch.rand(2, metadata.in_channels, *size)
    dynamic = {0: Dim.DYNAMIC} if metadata.size else {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    try:
        # Deep features of small images have sizes of 1, which must not become a special case of the graph.
        with torch.no_grad(), _padding_in_integers(), _config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
            return torch.export.export(wrapper.eval(), (example,), dynamic_shapes=(dynamic,))
    except Exception as error:  # torch.export raises errors of many types
        advice = (
            "choose another encoder"
            if metadata.size
            else "export it for one size, with --size H,W, or choose another encoder"
        )
        raise InputError(f"torch.export cannot trace this network ({_first_line(error)}); {advice}") from error


@contextmanager
def _padding_in_integers() -> Iterator[None]:
    """Let timm's layers with TensorFlow's padding compute it without divisions, which take minutes to trace."""
    before = padding.get_same_padding
    padding.get_same_padding = same_padding  # type: ignore[assignment]
    try:
        yield
    finally:
        padding.get_same_padding = before


def same_padding(length: int, kernel_size: int, stride: int, dilation: int) -> int:
    """The pixels by which an axis is padded in all, as TensorFlow does, so that its output has ceil(length / stride).

    Example:
        >>> [same_padding(length, kernel_size=3, stride=2, dilation=1) for length in (7, 8)]
        [2, 1]
    """
    missing = (kernel_size - 1) * dilation - (length - 1) % stride
    return missing if (kernel_size - 1) * dilation + 1 >= stride else max(missing, 0)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
