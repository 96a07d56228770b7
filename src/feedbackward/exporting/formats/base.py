"""A kind of file that networks are exported to: how it is written, and how it is run."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.export import ExportedProgram

from feedbackward.errors import InputError
from feedbackward.exporting.metadata import Metadata

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""The types of a file's weights."""

Run = Callable[[Tensor], Tensor]
"""From images (N, C, H, W) in [0, 1] to the file's output, both on the CPU."""


@dataclass(frozen=True)
class FileFormat:
    """One kind of exported file.

    Args:
        name: As the command line has it.
        suffix: Of its files.
        needs: The packages that write and run it, by the names under which they are imported.
        extra: The extra of this library that installs them.
        precisions: Those that its runtime computes with, of PRECISIONS.
        write: Writes a graph and its metadata; other files stand beside that with the same stem.
        read: Opens a file, on so many threads or on the runtime's own choice.
    """

    name: str
    suffix: str
    needs: tuple[str, ...]
    extra: str
    precisions: tuple[str, ...]
    write: Callable[[ExportedProgram, Metadata, Path], None]
    read: Callable[[Path, int | None], tuple[Run, Metadata]]

    def check_installed(self) -> None:
        """Check that its packages are there.

        Raises:
            InputError: If one is missing.
        """
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            raise InputError(
                f"files of format {self.name} need {' and '.join(missing)}, not installed here: "
                f"pip install 'feedbackward[{self.extra}]'"
            )
