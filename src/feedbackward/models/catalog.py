"""Every architecture of timm and what becomes of it when it is run backward: the survey's results, kept as a file.

One is shipped, for one version of timm. `feedbackward encoders --measure` makes one for the version that is installed.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import timm

from feedbackward.errors import InputError
from feedbackward.io import write_text
from feedbackward.models.survey import CLASSES, SIZE, EncoderRecord, survey

SHIPPED = Path(__file__).with_name("encoders.json")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Catalog:
    """What is known of the architectures of one version of timm.

    Args:
        timm: The version.
        encoders: A record for each architecture, by name.
    """

    timm: str
    encoders: tuple[EncoderRecord, ...]

    def to_json(self) -> str:
        """As JSON, a line for each architecture."""
        head = json.dumps({"timm": self.timm, "gflops_at": SIZE, "classes": CLASSES})[1:-1]
        lines = ",\n".join(json.dumps(asdict(record)) for record in self.encoders)
        return f'{{{head}, "encoders": [\n{lines}\n]}}\n'

    @classmethod
    def from_json(cls, text: str) -> "Catalog":
        """What to_json() has written."""
        table = json.loads(text)
        return cls(table["timm"], tuple(map(_record, table["encoders"])))


def _record(fields: dict[str, Any]) -> EncoderRecord:
    plain: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return EncoderRecord(**plain)


def list_encoders(pattern: str = "*") -> list[str]:
    """The names of timm's architectures that can be run backward.

    Args:
        pattern: A name with wildcards, such as "resnet*".

    Raises:
        InputError: If what was measured here cannot be read.

    Example:
        >>> "resnet50" in list_encoders("resnet*")
        True
    """
    return [record.name for record in catalog().encoders if record.supported and fnmatchcase(record.name, pattern)]


def catalog() -> Catalog:
    """What is known of the installed timm's architectures: measured here, or else shipped.

    A file of another version serves for the architectures that both versions have, with a warning in the log.

    Raises:
        InputError: If what was measured here cannot be read.
    """
    measured = cache_file()
    try:
        found = Catalog.from_json((measured if measured.is_file() else SHIPPED).read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{measured} is not a list of encoders ({error!r}); remove it, or make it anew with "
            "`feedbackward encoders --measure`"
        ) from error
    if found.timm == timm.__version__:
        return found
    _log.warning(
        "the list of encoders was made with timm %s, and %s is installed; `feedbackward encoders --measure` makes one",
        found.timm,
        timm.__version__,
    )
    known = set(timm.list_models())
    return Catalog(found.timm, tuple(record for record in found.encoders if record.name in known))


def cache_file() -> Path:
    """Where what this version shapes for the installed version of timm is kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "feedbackward" / f"encoders-{version('feedbackward')}-timm-{timm.__version__}.json"


def measure_encoders(names: Sequence[str], *, processes: int, on_encoder: Callable[[str], object]) -> Catalog:
    """Run architectures backward without weights and note what becomes of them.

    Args:
        names: timm's names.
        processes: How many run at a time.
        on_encoder: Called with each name once it is done.

    Raises:
        RuntimeError: If one of them cannot even be run forward; it is named.
    """
    # Not forked: torch's threads do not survive that.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        records = list(_noted(pool.map(_surveyed, names), on_encoder))
    return Catalog(timm.__version__, tuple(sorted(records, key=lambda record: record.name)))


def _surveyed(name: str) -> EncoderRecord:
    try:
        return survey(name)
    except Exception as error:
        raise RuntimeError(f"{name} could not be run: {type(error).__name__}: {error}") from error


def _noted(records: Iterable[EncoderRecord], on_encoder: Callable[[str], object]) -> Iterable[EncoderRecord]:
    for record in records:
        on_encoder(record.name)
        yield record


def keep(measured: Catalog) -> Path:
    """Write the catalog where catalog() finds it before the shipped one.

    Raises:
        InputError: If it cannot be written.
    """
    path = cache_file()
    write_text(path, measured.to_json())
    return path
