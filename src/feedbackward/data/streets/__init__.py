"""Streets: synthetic street scenes drawn from a seed, in Cityscapes label ids with instance maps."""

from feedbackward.data.streets.datamodule import StreetsData
from feedbackward.data.streets.dataset import Streets
from feedbackward.data.streets.scene import Scene, draw_scene
from feedbackward.data.streets.writing import write_cityscapes

__all__ = ["Scene", "Streets", "StreetsData", "draw_scene", "write_cityscapes"]
