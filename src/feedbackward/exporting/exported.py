"""An exported file as a network: called, described and asked for its classes as the one that it was made from."""

from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.exporting.formats import SUFFIXES
from feedbackward.exporting.formats.base import Run
from feedbackward.exporting.metadata import Metadata
from feedbackward.preprocessing import Preprocessing


class ExportedNetwork(nn.Module):
    """Runs an exported file; it has no parameters, and its runtime chooses where it runs.

    Args:
        run: Runs the file.
        metadata: What the file says of itself.

    Attributes:
        metadata: As given.
        config: Of the network that was exported.
        class_table: Its classes.
        normalization: Nothing, for the file normalizes.
    """

    def __init__(self, run: Run, metadata: Metadata) -> None:
        super().__init__()
        self.run = run
        self.metadata = metadata
        self.config = metadata.config
        self.class_table = metadata.class_table
        channels = metadata.in_channels
        self.preprocessing = Preprocessing.identity(channels)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.metadata.classes

    @property
    def gives_scores(self) -> bool:
        """Whether the file gives scores, and not classes alone."""
        return self.metadata.output == "scores"

    def output(self, image: Float[Tensor, "n c h w"]) -> Tensor:
        """What the file gives for images with values in [0, 1].

        Raises:
            InputError: If they are of a size or of channels that it does not take.
        """
        size, expected = tuple(image.shape[-2:]), self.metadata.size
        if expected is not None and size != expected:
            raise InputError(
                f"the file takes images of {expected[0]}x{expected[1]} alone, and this one has {size[0]}x{size[1]}; "
                f"resize it, or export the network without --size"
            )
        if expected is None and min(size) < self.metadata.smallest:
            smallest = self.metadata.smallest
            raise InputError(
                f"the file takes images of {smallest}x{smallest} or more, and this one has {size[0]}x{size[1]}; "
                f"enlarge it"
            )
        if image.shape[1] != self.metadata.in_channels:
            raise InputError(f"the file takes {self.metadata.in_channels} channels, found {image.shape[1]}")
        return self.run(image.detach().cpu()).to(image.device)

    def forward(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The scores; of a file that gives classes, 1 for that of the pixel and 0 for the others."""
        output = self.output(image)
        if self.gives_scores:
            return output
        return F.one_hot(output.long(), self.classes).movedim(-1, 1).to(image.dtype)


def is_exported(path: Path) -> bool:
    """Whether a file is an exported one by its name."""
    return path.suffix in SUFFIXES


def load_exported(path: str | Path, *, threads: int | None = None) -> ExportedNetwork:
    """Open a file that `feedbackward export` wrote.

    Args:
        path: The file: .onnx, .pt2, .xml or .engine.
        threads: How many the runtime uses; its own choice if None.

    Raises:
        InputError: If there is none, it is damaged, of another program or version, or its runtime is not installed.

    Example:
        >>> load_exported("camvid.onnx")(torch.rand(1, 3, 360, 480)).shape  # doctest: +SKIP
        torch.Size([1, 11, 360, 480])
    """
    path = Path(path)
    if not is_exported(path):
        raise InputError(f"{path} is no exported network by its name; expected one of {' '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    file_format = SUFFIXES[path.suffix]
    file_format.check_installed()
    return ExportedNetwork(*file_format.read(path, threads)).eval()
