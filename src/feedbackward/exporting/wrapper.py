"""The computation of an exported file: preprocessing, network and, on request, argmax."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config  # it has no public name

from feedbackward.errors import InputError
from feedbackward.exporting.metadata import Metadata

if TYPE_CHECKING:
    from feedbackward.models import OptimizedNetwork, SegmentationNetwork


class ExportWrapper(nn.Module):
    """A network with pre- and postprocessing.

    Args:
        network: The network; it takes preprocessed images in the precision of its weights.
        argmax: Whether to return the class of each pixel instead of logits.
    """

    def __init__(self, network: "SegmentationNetwork | OptimizedNetwork", *, argmax: bool) -> None:
        super().__init__()
        self.network = network
        self.argmax = argmax
        self.dtype = next(network.parameters()).dtype
        self.preprocessing = network.preprocessing

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"] | UInt8[Tensor, "n h w"]:
        """Compute float32 logits or 8-bit classes of images in [0, 1]."""
        logits: Tensor = self.network(self.preprocessing(image).to(self.dtype))
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
        with torch.no_grad(), _config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
            return torch.export.export(wrapper.eval(), (example,), dynamic_shapes=(dynamic,))
    except Exception as error:  # torch.export raises errors of many types
        advice = (
            "choose another encoder"
            if metadata.size
            else "export it for one size, with --size H,W, or choose another encoder"
        )
        raise InputError(f"torch.export cannot trace this network ({_first_line(error)}); {advice}") from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
