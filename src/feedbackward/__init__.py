"""Feedbackward decoding: a pretrained encoder, transposed with its own weights, is its own segmentation decoder.

Names are imported on first use, so that the command line answers without waiting for torch.
"""

from typing import TYPE_CHECKING, Any

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward import data as data
    from feedbackward import losses as losses
    from feedbackward import metrics as metrics
    from feedbackward.adapters import list_adapters as list_adapters
    from feedbackward.cli.train import train as train
    from feedbackward.decoder_config import DecoderConfig as DecoderConfig
    from feedbackward.errors import FailureError as FailureError
    from feedbackward.errors import InputError as InputError
    from feedbackward.exporting import export as export
    from feedbackward.exporting import quantize as quantize
    from feedbackward.loading import load as load
    from feedbackward.models import Feedbackward as Feedbackward
    from feedbackward.models import create_model as create_model
    from feedbackward.models import from_pretrained as from_pretrained
    from feedbackward.models import list_encoders as list_encoders
    from feedbackward.models import list_models as list_models
    from feedbackward.models import load_adapter as load_adapter
    from feedbackward.models import load_tasks as load_tasks
    from feedbackward.models import optimize as optimize
    from feedbackward.models import push_to_hub as push_to_hub
    from feedbackward.preprocessing import Preprocessing as Preprocessing
    from feedbackward.preprocessing import Resize as Resize
    from feedbackward.segmenters.augment import Augment as Augment
    from feedbackward.segmenters.tiles import Tiles as Tiles
    from feedbackward.transform import UnsupportedOperationsError as UnsupportedOperationsError

    __version__: str

_MODULES = {
    "Augment": "segmenters.augment",
    "DecoderConfig": "decoder_config",
    "FailureError": "errors",
    "Feedbackward": "models",
    "InputError": "errors",
    "Preprocessing": "preprocessing",
    "Resize": "preprocessing",
    "Tiles": "segmenters.tiles",
    "UnsupportedOperationsError": "transform",
    "create_model": "models",
    "data": "data",
    "export": "exporting",
    "from_pretrained": "models",
    "list_adapters": "adapters",
    "list_encoders": "models",
    "list_models": "models",
    "load": "loading",
    "load_adapter": "models",
    "load_tasks": "models",
    "losses": "losses",
    "metrics": "metrics",
    "optimize": "models",
    "push_to_hub": "models",
    "quantize": "exporting",
    "train": "cli.train",
}

__all__ = [*_MODULES, "__version__"]

_import_name, _ = lazy_names(__name__, _MODULES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version(__name__)
    return _import_name(name)


def __dir__() -> list[str]:
    return sorted(__all__)
