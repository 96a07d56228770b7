"""Where the weights of a network's encoder come from, and their license, as far as both are known."""

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import timm

from feedbackward.errors import InputError
from feedbackward.hub_files import CONFIG_FILE, is_hub_id, split_revision
from feedbackward.models.encoder import is_imagenet
from feedbackward.text_files import read_json

RANDOM_WEIGHTS, UNKNOWN_TEXT = "random", "unknown"
OPEN = ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0")
"""Licenses that permit commercial use, as long as notices are kept."""
OF_THE_HUB = (*OPEN, "cc-by-nc-4.0", "apple-amlr", "apple-ascl", "gemma", UNKNOWN_TEXT)
"""The licenses of timm's weights that the hub has an identifier for."""
RESEARCH = ("apple-amlr",)
"""Licenses for research alone whose names do not say so."""
_TIMM = "timm/"
_NAME = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class Origin:
    """The weights that an encoder had before this library trained it.

    Args:
        weights: timm's name with the tag, such as "resnet50.a1_in1k"; "random", or "unknown" for a file or a module
            that does not say.
        license: The license of these weights, named as timm does, or "unknown"; None for random ones, which have none.
    """

    weights: str
    license: str | None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON data; from_dict is its inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> "Origin":
        """Parse what to_dict returned; None, of a file that has none, is UNKNOWN.

        Raises:
            InputError: If it is anything else.
        """
        if data is None:
            return UNKNOWN
        texts = [*data.values()] if isinstance(data, dict) and data.keys() == {"weights", "license"} else []
        named = [text for text in texts if text is not None]
        if not named or not all(isinstance(text, str) and _NAME.fullmatch(text) for text in named):
            raise InputError(f"origin is {data!r}; expected the names of the encoder's weights and of their license")
        return cls(**data)  # type: ignore[arg-type]

    @property
    def is_timm(self) -> bool:
        """Whether these are pretrained weights of timm."""
        return self.weights not in (RANDOM_WEIGHTS, UNKNOWN_TEXT)

    @property
    def restriction(self) -> str:
        """A sentence about commercial use, if the license forbids it or has terms of its own; otherwise empty."""
        if not self.is_timm or self.license in OPEN:
            return ""
        if self.license == UNKNOWN_TEXT:
            return f"timm does not know the license of the weights {self.weights}: ask their authors before you share."
        if self.license in RESEARCH or {"nc", "noncommercial"} & {*str(self.license).split("-")}:
            return (
                f"The license of the weights {self.weights}, {self.license}, forbids commercial use: of them, and of "
                f"networks that are trained from them."
            )
        return f"The license of the weights {self.weights}, {self.license}, has terms of its own: read them first."

    def __str__(self) -> str:
        """The weights and their license.

        Example:
            >>> str(Origin("resnet50.a1_in1k", "apache-2.0"))
            'resnet50.a1_in1k, license apache-2.0'
        """
        return self.weights if self.license is None else f"{self.weights}, license {self.license}"


UNKNOWN = Origin(UNKNOWN_TEXT, UNKNOWN_TEXT)
RANDOM = Origin(RANDOM_WEIGHTS, None)


def timm_origin(name: str) -> Origin:
    """Timm's pretrained weights of an encoder, by its name with or without a tag; UNKNOWN if timm has none.

    Example:
        >>> timm_origin("convnextv2_atto")
        Origin(weights='convnextv2_atto.fcmae_ft_in1k', license='cc-by-nc-4.0')
    """
    config = timm.get_pretrained_cfg(name) if timm.is_model_pretrained(name) else None
    if config is None:
        return UNKNOWN
    tag = f".{config.tag}" if config.tag else ""
    return Origin(f"{config.architecture}{tag}", config.license or UNKNOWN_TEXT)


def origin_of(encoder_name: str | None, weights: str | os.PathLike[str] | None) -> Origin:
    """The origin of the weights with which create_model fills an encoder.

    A file does not say where it comes from, whatever its name. The folder of a saved network does, and so does a
    repository of timm.

    Args:
        encoder_name: timm's name of the encoder.
        weights: As encoder_weights of create_model.

    Raises:
        InputError: If the configuration of a saved network is damaged.
    """
    if weights is None:
        return RANDOM
    if is_imagenet(weights):
        return timm_origin(str(encoder_name))
    text, path = os.fspath(weights), Path(weights)
    if path.is_dir() and (path / CONFIG_FILE).is_file():
        saved = read_json(path / CONFIG_FILE, expected="the configuration of a network")
        return Origin.from_dict(saved.get("origin") if isinstance(saved, dict) else None)
    if not path.exists() and is_hub_id(text) and text.startswith(_TIMM):
        return timm_origin(split_revision(text)[0].removeprefix(_TIMM))
    return UNKNOWN


def card_metadata(origin: Origin, *, is_adapter: bool) -> dict[str, Any]:
    """The metadata of a model card about license and base model.

    An adapter contains no weights of its encoder, so their license is not its own.

    Args:
        origin: Where the encoder's weights come from.
        is_adapter: Whether the card is an adapter's.
    """
    base = timm.get_pretrained_cfg(origin.weights) if timm.is_model_pretrained(origin.weights) else None
    metadata: dict[str, Any] = {"license": "other", "license_name": "not-stated"}
    if not is_adapter and origin.license in OF_THE_HUB:
        metadata = {"license": origin.license}
    elif not is_adapter and origin.license is not None:
        metadata = {"license": "other", "license_name": origin.license}
    if base is not None and base.hf_hub_id:
        metadata |= {"base_model": base.hf_hub_id, "base_model_relation": "adapter" if is_adapter else "finetune"}
    return metadata
