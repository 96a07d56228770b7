"""Streets: synthetic street scenes drawn from a seed, with Cityscapes label ids and instance maps.

- `StreetsData`: the datamodule; `Streets`: its data set.
- `draw_scene`, `Scene`: a single scene.
- `write_cityscapes`: scenes as files in the layout of Cityscapes.
"""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.streets.datamodule import StreetsData as StreetsData
    from feedbackward.streets.dataset import Streets as Streets
    from feedbackward.streets.scene import Scene as Scene
    from feedbackward.streets.scene import draw_scene as draw_scene
    from feedbackward.streets.writing import write_cityscapes as write_cityscapes

_MODULES = {
    "Scene": "scene",
    "Streets": "dataset",
    "StreetsData": "datamodule",
    "draw_scene": "scene",
    "write_cityscapes": "writing",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
