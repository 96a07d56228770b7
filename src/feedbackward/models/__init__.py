"""Segmentation networks, built from an encoder's name or module."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.models.adapted import load_adapter as load_adapter
    from feedbackward.models.adapted import load_tasks as load_tasks
    from feedbackward.models.baselines.deeplab_largefov import DeepLabLargeFOV as DeepLabLargeFOV
    from feedbackward.models.baselines.fcn8s import FCN8s as FCN8s
    from feedbackward.models.baselines.segnet import SegNet as SegNet
    from feedbackward.models.builders import MODELS as MODELS
    from feedbackward.models.builders import NETWORKS as NETWORKS
    from feedbackward.models.builders import PRESETS as PRESETS
    from feedbackward.models.builders import create_model as create_model
    from feedbackward.models.builders import list_models as list_models
    from feedbackward.models.catalog import list_encoders as list_encoders
    from feedbackward.models.encoder import create_encoder as create_encoder
    from feedbackward.models.feedbackward import Feedbackward as Feedbackward
    from feedbackward.models.hub import from_pretrained as from_pretrained
    from feedbackward.models.network import SegmentationNetwork as SegmentationNetwork
    from feedbackward.models.optimized import OptimizedNetwork as OptimizedNetwork
    from feedbackward.models.optimized import optimize as optimize
    from feedbackward.models.saved import load_network as load_network
    from feedbackward.models.sharing import push_to_hub as push_to_hub
    from feedbackward.models.tasks import TaskNetwork as TaskNetwork

_MODULES = {
    "DeepLabLargeFOV": "baselines.deeplab_largefov",
    "FCN8s": "baselines.fcn8s",
    "Feedbackward": "feedbackward",
    "MODELS": "builders",
    "NETWORKS": "builders",
    "PRESETS": "builders",
    "OptimizedNetwork": "optimized",
    "SegNet": "baselines.segnet",
    "SegmentationNetwork": "network",
    "TaskNetwork": "tasks",
    "create_encoder": "encoder",
    "create_model": "builders",
    "from_pretrained": "hub",
    "list_encoders": "catalog",
    "list_models": "builders",
    "load_adapter": "adapted",
    "load_tasks": "adapted",
    "load_network": "saved",
    "optimize": "optimized",
    "push_to_hub": "sharing",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
