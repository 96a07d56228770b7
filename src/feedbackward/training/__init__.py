"""Training: the LightningModule, what a run writes, and the recipes."""

from feedbackward.training.recipes import find_recipe, list_recipes
from feedbackward.training.task import SegmentationTask

__all__ = ["SegmentationTask", "find_recipe", "list_recipes"]
