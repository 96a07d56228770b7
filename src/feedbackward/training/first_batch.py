"""The first training batch as a picture: what the network sees after resizing and augmentation."""

from typing import Any

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image
from rich import get_console
from rich.text import Text

from feedbackward.io import write_whole
from feedbackward.training.panels import draw_panels, seen_classes
from feedbackward.training.run_folder import RunFolder
from feedbackward.training.task import SegmentationTask
from feedbackward.viz import pictures

MOST = 8
"""Images in the picture."""


class FirstBatch(pl.Callback):
    """Writes the images of the first batch beside their masks, before the first step.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    @rank_zero_only
    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: dict[str, Any], batch_idx: int
    ) -> None:
        """Write the picture, once in a training."""
        if batch_idx > 0 or trainer.global_step > 0:
            return
        assert isinstance(pl_module, SegmentationTask)
        table, rows, seen = pl_module.class_table, [], set[int]()
        for image, mask in zip(batch["image"][:MOST], batch["mask"][:MOST], strict=True):
            panels = draw_panels(image, mask, mask, table)
            rows.append(np.concatenate([panels.image, panels.truth], axis=1))
            seen.update(seen_classes(mask, table))
        picture = Image.fromarray(pictures.with_legend(np.concatenate(rows), table, sorted(seen)))
        write_whole(self.folder.first_batch, lambda file: picture.save(file, "JPEG", quality=90))
        get_console().print(Text(f"the first batch, as the network sees it: {self.folder.first_batch}"), soft_wrap=True)
