"""Training: the LightningModule, the output of a run, and the recipes."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.training.recipes import find_recipe as find_recipe
    from feedbackward.training.recipes import list_recipes as list_recipes
    from feedbackward.training.sync_norms import SyncNorms as SyncNorms
    from feedbackward.training.task import SegmentationTask as SegmentationTask

_MODULES = {
    "SegmentationTask": "task",
    "SyncNorms": "sync_norms",
    "find_recipe": "recipes",
    "list_recipes": "recipes",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
