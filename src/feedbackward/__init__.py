"""Feedbackward decoding: any convnet, walked backward with its own weights, is its own segmentation decoder.

Names are imported when first asked for, so that the command line answers without waiting for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from feedbackward.errors import InputError as InputError
    from feedbackward.models import Feedbackward as Feedbackward
    from feedbackward.models import create_model as create_model
    from feedbackward.models import from_pretrained as from_pretrained
    from feedbackward.models import list_encoders as list_encoders
    from feedbackward.models import list_models as list_models

_MODULES = {
    "Feedbackward": "models",
    "InputError": "errors",
    "create_model": "models",
    "from_pretrained": "models",
    "list_encoders": "models",
    "list_models": "models",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_MODULES)
