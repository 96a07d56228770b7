"""A format of exported files: how they are written, read and run. Only the reader of .pt2 files imports torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError, is_out_of_memory, one_line
from feedbackward.exporting.metadata import Metadata
from feedbackward.exporting.names import PrecisionName

if TYPE_CHECKING:
    from torch.export import ExportedProgram

Run: TypeAlias = Callable[[NDArray[np.float32]], list[NDArray[Any]]]
"""Runs a file on images (N, C, H, W) in [0, 1], contiguous, and returns its outputs in order."""


@contextmanager
def running(path: Path, failures: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn errors of a runtime about a file that it runs into InputErrors.

    Args:
        path: The file.
        failures: The runtime's errors.

    Raises:
        InputError: If the file does not run.
        MemoryError: If memory runs out.
    """
    try:
        yield
    except failures as error:
        if is_out_of_memory(RuntimeError(str(error))):
            raise MemoryError(one_line(error)) from error
        raise InputError(f"{path} does not run on these images: {one_line(error)}; export the network again") from error


@dataclass(frozen=True)
class FileFormat:
    """A format of exported files.

    Args:
        name: The name on the command line.
        suffix: The suffix of its files.
        needs: The packages that write and run it, by import name.
        extra: The extra of this library that installs them.
        precisions: The precisions that its runtime supports.
        write: Writes a graph and its metadata to a path; further files share its stem.
        read: Opens a file, with a number of threads or the runtime's default, and returns its metadata too.
        device: The device that its runtime uses.
        runs_at_once: Whether several threads may run an open file at the same time.
    """

    name: str
    suffix: str
    needs: tuple[str, ...]
    extra: str
    precisions: tuple[PrecisionName, ...]
    write: "Callable[[ExportedProgram, Metadata, Path], None]"
    read: Callable[[Path, int | None], tuple[Run, Metadata]]
    device: Literal["cpu", "cuda"] = "cpu"
    runs_at_once: bool = False

    def check_installed(self) -> None:
        """Check that its packages are installed.

        Raises:
            InputError: If one is missing.
        """
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            raise InputError(
                f"files of format {self.name} need {' and '.join(missing)}, not installed here: "
                f"pip install 'feedbackward[{self.extra}]'"
            )
