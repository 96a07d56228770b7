"""Writes checkpoints so that a kill, a full disk or a power failure leaves the old file or the new one."""

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from feedbackward.io import write_whole


class CheckpointFiles(TorchCheckpointIO):
    """Writes each checkpoint beside its place and renames it.

    Lightning itself writes it into the system's folder for temporary files, from which it is copied if that is another
    file system.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint.

        Args:
            checkpoint: Tensors and plain data.
            path: The file; a previous one stays until the new one is whole.
            storage_options: Not supported.

        Raises:
            InputError: If the file cannot be written.
        """
        if storage_options is not None:
            raise TypeError("storage_options are for storage that is not a file system")
        content = io.BytesIO()  # torch hides the reason of an error in the file that it writes to
        torch.save(checkpoint, content)
        write_whole(Path(path), lambda file: file.write(content.getbuffer()), durable=True)
