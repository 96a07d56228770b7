"""Decoder support and cost of every architecture of timm, shipped as a list for one version of timm.

`feedbackward encoders --measure` makes the list for the installed version. Reading it imports neither timm nor torch.
"""

import json
import logging
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from feedbackward.errors import InputError
from feedbackward.io import cache_folder, write_text

Kind = Literal["convolutional", "hybrid", "attention", "other"]

SHIPPED = Path(__file__).with_name("encoders.json")
SIZE = (512, 512)
"""Height and width at which the FLOPs are counted."""
CLASSES = 19
"""The number of classes of the head that is counted."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EncoderRecord:
    """One architecture of timm, and the size and cost of a network on it.

    Args:
        name: timm's name.
        family: The module of timm that defines it.
        kind: "convolutional" mixes pixels only by overlapping convolutions; "hybrid" uses attention too; "attention"
            has attention and no such convolution; "other" has neither.
        refused: Why it is not supported: its operations without a rule, or another reason; empty if it is.
        encoder_parameters: Parameters of its features.
        decoder_parameters: Parameters of the decoder's norms; like all below, None if it is not supported.
        head_parameters: Parameters of the head.
        output_strides: The strides at which the decoder can end.
        output_stride: The stride at which the default decoder ends, whose cost is given: 4 or the nearest one.
        gflops: Cost of one image; a multiplication with its addition counts as 2 FLOPs.
        license: The license of timm's default pretrained weights, "unknown" if timm does not know it; None if it has
            no weights.
    """

    name: str
    family: str
    kind: Kind
    refused: tuple[str, ...] = ()
    encoder_parameters: int
    decoder_parameters: int | None = None
    head_parameters: int | None = None
    output_strides: tuple[int, ...] = ()
    output_stride: int | None = None
    gflops: float | None = None
    license: str | None = None

    @property
    def supported(self) -> bool:
        """Whether it can be an encoder."""
        return not self.refused


@dataclass(frozen=True)
class Catalog:
    """The architectures of one version of timm.

    Args:
        timm: The version.
        encoders: A record for each architecture, sorted by name.
    """

    timm: str
    encoders: tuple[EncoderRecord, ...]

    def to_json(self) -> str:
        """JSON with one line for each architecture; from_json is its inverse."""
        head = json.dumps({"timm": self.timm, "gflops_at": SIZE, "classes": CLASSES})[1:-1]
        lines = ",\n".join(json.dumps(asdict(record)) for record in self.encoders)
        return f'{{{head}, "encoders": [\n{lines}\n]}}\n'

    @classmethod
    def from_json(cls, text: str) -> "Catalog":
        """Parse the text that to_json returned.

        Raises:
            ValueError, KeyError or TypeError: If the text is not a catalog.
        """
        table = json.loads(text)
        return cls(table["timm"], tuple(map(_record, table["encoders"])))


def _record(fields: dict[str, Any]) -> EncoderRecord:
    plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return EncoderRecord(**plain)


def list_encoders(pattern: str = "*") -> list[str]:
    """The architectures of timm that can be encoders.

    Args:
        pattern: Name with wildcards, such as "resnet*".

    Raises:
        InputError: If the list made on this machine cannot be read.

    Example:
        >>> "resnet50" in list_encoders("resnet*")
        True
    """
    return [record.name for record in catalog().encoders if record.supported and fnmatchcase(record.name, pattern)]


def catalog() -> Catalog:
    """The list for the installed timm: made on this machine with --measure, or else the shipped one.

    If the shipped list is for another version of timm, the architectures that both versions have are returned, with a
    warning in the log.

    Raises:
        InputError: If the list made on this machine cannot be read.
    """
    measured = cache_file()
    try:
        found = Catalog.from_json((measured if measured.is_file() else SHIPPED).read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{measured} is not a list of encoders ({error!r}); remove it, or make it again with "
            "`feedbackward encoders --measure`"
        ) from error
    installed = version("timm")
    if found.timm == installed:
        return found
    import timm

    _log.warning(
        "the list of encoders was made with timm %s, but %s is installed; `feedbackward encoders --measure` makes one "
        "for it",
        found.timm,
        installed,
    )
    known = set(timm.list_models())
    return Catalog(found.timm, tuple(record for record in found.encoders if record.name in known))


def cache_file() -> Path:
    """The file in which --measure keeps the list for the installed versions of feedbackward and timm."""
    return cache_folder() / f"encoders-{version('feedbackward')}-timm-{version('timm')}.json"


def keep(measured: Catalog) -> Path:
    """Write the list to the file that catalog() prefers to the shipped one.

    Raises:
        InputError: If it cannot be written.
    """
    path = cache_file()
    write_text(path, measured.to_json())
    return path
