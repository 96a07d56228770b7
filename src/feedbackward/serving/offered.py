"""The networks that a server offers: those that it was given, or what there is here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from feedbackward.adapters import SUFFIX, find_adapter, list_adapters
from feedbackward.errors import InputError
from feedbackward.loading import load_segmenter
from feedbackward.serving.segmenting import Network

Kind = Literal["network", "adapter", "adapters"]
TITLES = {"coffee_leaves": "Coffee leaves", "nuclei": "Cell nuclei"}
"""What the packaged adapters are shown as."""
DEMO = "demo"


@dataclass(frozen=True)
class Offer:
    """A network to choose.

    Args:
        id: Its name in requests, which tells no path.
        title: What it is shown as.
        kind: What it is.
        models: What load_segmenter takes: one model, or several adapters on one backbone.
    """

    id: str
    title: str
    kind: Kind
    models: tuple[str, ...]

    def load(self, *, backbone: str | None = None, device: str = "auto") -> Network:
        """Load it; arguments and errors are those of load_segmenter. A network has its own backbone."""
        model = self.models[0] if len(self.models) == 1 else self.models
        of_adapter = None if self.kind == "network" else backbone
        return Network(load_segmenter(model, backbone=of_adapter, device=device))


def offer_given(models: Iterable[Sequence[str]]) -> list[Offer]:
    """Offer the networks that were named, each one model or several adapters.

    Raises:
        InputError: If two have the same name.

    Example:
        >>> [offer.id for offer in offer_given([["runs/camvid/model"], ["coffee_leaves", "nuclei"]])]
        ['camvid', 'coffee_leaves,nuclei']
    """
    offers = dict[str, Offer]()
    for parts in map(tuple, models):
        name = ",".join(map(_name, parts))
        kind: Kind = "adapters" if len(parts) > 1 else "adapter" if _is_adapter(parts[0]) else "network"
        if name in offers:
            raise InputError(
                f"{','.join(offers[name].models)} and {','.join(parts)} would both be offered as {name}; rename one of "
                f"their folders or files"
            )
        offers[name] = Offer(name, _title(parts), kind, parts)
    return list(offers.values())


def offer_what_is_here(folder: Path = Path()) -> list[Offer]:
    """Offer the networks of the runs in a folder, that of the demo among them, and the packaged adapters.

    Args:
        folder: The folder that contains runs/.
    """
    runs = sorted(folder.glob("runs/*/model/config.json"), key=lambda path: -path.stat().st_mtime)
    networks = offer_given([str(config.parent)] for config in runs)
    names = {offer.id for offer in networks}
    adapters = list_adapters()
    packaged = offer_given([*([adapter] for adapter in adapters), *_groups(adapters)])
    return [*networks, *(offer for offer in packaged if offer.id not in names)]


def _name(model: str) -> str:
    """What tells a model from others: the folder of a run, or the name of a file or folder."""
    path = Path(model)
    named = path.parent if path.name in ("model", "adapter.safetensors") and path.parent.name else path
    return named.name if named.is_dir() else named.stem


def _title(models: Sequence[str]) -> str:
    names = [TITLES.get(model, _name(model)) for model in models]
    return f"{names[0]} (synthetic streets)" if names == [DEMO] else " and ".join(names)


def _is_adapter(model: str) -> bool:
    return model in list_adapters() or Path(model).suffix == SUFFIX


def _groups(adapters: Iterable[str]) -> list[list[str]]:
    """The adapters that can run in one pass, where there are several."""
    groups = list[tuple[Any, list[str]]]()
    for adapter in adapters:
        shared = _shared(adapter)
        group = next((group for key, group in groups if key == shared), None)
        if group is None:
            groups.append((shared, group := []))
        group.append(adapter)
    return [group for _, group in groups if len(group) > 1]


def _shared(adapter: str) -> tuple[str, Any]:
    """What adapters must have in common to run in one pass: the backbone's fingerprint, and how it sees images."""
    from feedbackward.models.adapter import read_adapter

    read = read_adapter(find_adapter(adapter))
    return read.backbone, read.description["preprocessing"]
