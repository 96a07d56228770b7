"""Streets: synthetic street scenes drawn from a seed, in Cityscapes label ids with instance maps."""

from feedbackward.streets.datamodule import StreetsData
from feedbackward.streets.dataset import Streets
from feedbackward.streets.scene import Scene, draw_scene
from feedbackward.streets.writing import write_cityscapes

__all__ = ["Scene", "Streets", "StreetsData", "draw_scene", "write_cityscapes"]
