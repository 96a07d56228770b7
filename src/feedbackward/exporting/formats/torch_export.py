"""torch.export files (.pt2), which PyTorch runs without this library."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.exporting.formats.base import FileFormat, Run, running
from feedbackward.exporting.metadata import KEY, Metadata

if TYPE_CHECKING:
    from torch.export import ExportedProgram

ENTRY = f"{KEY}.json"


def write(program: "ExportedProgram", metadata: Metadata, path: Path) -> None:
    """Write the graph without the exporter's notes about the source code."""
    import torch

    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            for note in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node"):
                node.meta.pop(note, None)
    program.example_inputs = None
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder, path.name)
        try:
            torch.export.save(program, stored, extra_files={ENTRY: metadata.to_json()})
        except Exception as error:  # SerializeError is not public
            raise InputError(
                f"torch.export cannot save this network ({str(error).splitlines()[0]}); export it for one size, with "
                f"--size H,W, or choose --format onnx"
            ) from error
        _deflate(stored, path)


def _deflate(stored: Path, path: Path) -> None:
    """Compress the archive's JSON, which for a small network is a third of the size of its weights."""
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            method = zipfile.ZIP_DEFLATED if entry.filename.endswith(".json") else zipfile.ZIP_STORED
            target.writestr(entry.filename, source.read(entry), method)


def read(path: Path, threads: int | None = None) -> tuple[Run, Metadata]:
    """Open a file in PyTorch, on the CPU; the number of threads applies to the whole process.

    torch.export.load would unpickle and evaluate parts of the file. Here they are data; see exporting.pt2.
    """
    import torch

    from feedbackward.exporting.pt2.archive import CONSTANTS, PROGRAM, WEIGHTS, Archive
    from feedbackward.exporting.pt2.program import Program
    from feedbackward.exporting.pt2.strings import check_strings

    if threads is not None:
        torch.set_num_threads(threads)
    with Archive(path) as archive, _as_data(path):
        content = archive.json(PROGRAM)
        check_strings(content, path)
        metadata = Metadata.from_json(archive.text(f"extra/{ENTRY}"), path=path)
        program = Program(content, archive.tensors(WEIGHTS), archive.tensors(CONSTANTS), path=path)
        if len(program.outputs) != len(metadata.outputs):
            raise InputError(
                f"{path} has {len(program.outputs)} outputs, and its metadata names {len(metadata.outputs)}; "
                f"export the network again"
            )

    def run(images: NDArray[np.float32]) -> list[NDArray[Any]]:
        with torch.no_grad(), running(path, (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError)):
            outputs = program(torch.from_numpy(images))
        return [output.numpy() for output in outputs]

    return run, metadata


@contextmanager
def _as_data(path: Path) -> Iterator[None]:
    """Report JSON of another form than torch.export writes."""
    try:
        yield
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        raise InputError(f"{path} is not a valid torch.export file: {error!r}; export the network again") from error


TORCH_EXPORT = FileFormat(
    "torch_export", suffix=".pt2", needs=(), extra="", precisions=("fp32", "fp16", "bf16"), write=write, read=read
)
