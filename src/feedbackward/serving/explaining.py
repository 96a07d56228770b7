"""Explains pixels of results: one at a time, with the network as it was trained."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread

from feedbackward.serving.offered import Offer
from feedbackward.serving.request_error import RequestError
from feedbackward.serving.results import Stored, read_array

if TYPE_CHECKING:
    from feedbackward.explaining import Explanation
    from feedbackward.models import Feedbackward


class Explainer:
    """Keeps the network and the image that were explained last, since the next click is mostly on the same image.

    Args:
        offers: The networks by their ids.
        backbone: The weights of the adapters' encoder.
        device: As in load_segmenter.
    """

    def __init__(self, offers: Mapping[str, Offer], *, backbone: str | None, device: str) -> None:
        self._offers, self._backbone, self._device = offers, backbone, device
        self._lock = asyncio.Lock()
        self._network: tuple[tuple[str, ...], Feedbackward] | None = None
        self._explanation: tuple[tuple[str, int], Explanation] | None = None

    async def pixel(self, stored: Stored, task: int, x: int, y: int) -> dict[str, Any]:
        """The explanation of a pixel, as PixelExplanation.to_dict returns it.

        Args:
            stored: The result of an image.
            task: The index of the task.
            x: The column of the pixel in the image's file.
            y: Its row.

        Raises:
            RequestError: 422 for a model that is not a feedbackward network in PyTorch.
            InputError: If the pixel is outside the image.
        """
        async with self._lock:
            return await anyio.to_thread.run_sync(partial(self._pixel, stored, task, x, y))

    def _pixel(self, stored: Stored, task: int, x: int, y: int) -> dict[str, Any]:
        from feedbackward.explaining import Explanation

        key = stored.id, task
        if self._explanation is None or self._explanation[0] != key:
            offer = self._offers[stored.description["model"]]
            # Adapters are networks of their own; classes that overlap are tasks of one network.
            model = offer.models[task] if offer.kind == "adapters" else offer.models[0]
            name = "" if offer.kind == "adapters" else stored.description["tasks"][task]["name"]
            network = self._load(offer, model)
            self._explanation = key, Explanation(network, read_array(stored.image), task=name)
        return self._explanation[1].pixel(x, y).to_dict()

    def _load(self, offer: Offer, model: str) -> "Feedbackward":
        from feedbackward.exporting.exported import is_exported
        from feedbackward.machine import choose_device
        from feedbackward.models import Feedbackward
        from feedbackward.models.saved import load_network

        key = offer.id, model
        if self._network is None or self._network[0] != key:
            network = None
            if not is_exported(Path(model)):
                network = load_network(model, backbone=None if offer.kind == "network" else self._backbone)
            if not isinstance(network, Feedbackward):
                raise RequestError(
                    422, f"the pixels of {offer.id} cannot be explained: it is not a feedbackward network in PyTorch"
                )
            self._network = key, network.to(choose_device(self._device)).eval()
        return self._network[1]
