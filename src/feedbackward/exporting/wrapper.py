"""What an exported file computes: from images as they are to scores, or to the class of each pixel."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config  # it has no public name

from feedbackward.errors import InputError
from feedbackward.exporting.metadata import Metadata
from feedbackward.models import SegmentationNetwork
from feedbackward.models.optimized import OptimizedNetwork

MOST_CLASSES = 256
"""The class of a pixel is written in 8 bits."""


class ExportWrapper(nn.Module):
    """A network with all that stands around it in use.

    Args:
        network: The network; it takes normalized images in the precision of its weights.
        argmax: Whether the output is the class of each pixel and not the scores.
    """

    def __init__(self, network: SegmentationNetwork | OptimizedNetwork, *, argmax: bool) -> None:
        super().__init__()
        self.network = network
        self.argmax = argmax
        self.dtype = next(network.parameters()).dtype
        self.preprocessing = network.preprocessing

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"] | UInt8[Tensor, "n h w"]:
        """Score images with values in [0, 1], or classify their pixels."""
        scores: Tensor = self.network(self.preprocessing(image).to(self.dtype))
        return scores.argmax(dim=1).to(torch.uint8) if self.argmax else scores.float()


def traced(wrapper: ExportWrapper, metadata: Metadata) -> ExportedProgram:
    """Both passes as a graph of torch.export, for any batch and, unless the metadata has one, any size.

    Raises:
        InputError: If the network's own code does not allow that.
    """
    size = metadata.size or metadata.sizes[1]
    example = torch.rand(2, metadata.in_channels, *size)
    dynamic = {0: Dim.DYNAMIC} if metadata.size else {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    try:
        # Sizes of 1, which the deep features of small images have, need no special case here.
        with torch.no_grad(), _config.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
            return torch.export.export(wrapper.eval(), (example,), dynamic_shapes=(dynamic,))
    except Exception as error:  # whatever torch.export raises at a network that it cannot follow
        advice = (
            "choose another encoder"
            if metadata.size
            else "export it for one size, with --size H,W, or choose another encoder"
        )
        raise InputError(f"torch.export cannot follow this network ({first_line(error)}); {advice}") from error


def first_line(error: BaseException) -> str:
    """The first words of an error that goes on for pages."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
