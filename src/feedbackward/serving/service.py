"""What the server does with an upload: decode, segment, keep. It knows nothing of HTTP."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePath
from threading import Event
from typing import Any, TypeAlias, TypeVar

import anyio
import anyio.to_thread
import numpy as np
from numpy.typing import NDArray

from feedbackward.data.large import LARGE
from feedbackward.errors import nearest
from feedbackward.segmenters.outputs import OutputOptions
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.sources import VIDEO_SUFFIXES, Item
from feedbackward.segmenters.video_prediction import predict_video
from feedbackward.serving.batching import Batches, Found
from feedbackward.serving.decoding import Decoders
from feedbackward.serving.describe import describe_image, describe_model, describe_video
from feedbackward.serving.explaining import Explainer
from feedbackward.serving.limits import Limits
from feedbackward.serving.metrics import Metrics
from feedbackward.serving.offered import Offer
from feedbackward.serving.request_error import NOT_WRITTEN, RequestError
from feedbackward.serving.results import Results, Stored, read_array
from feedbackward.serving.segmenting import Network
from feedbackward.serving.video_reading import read_apart

Value = TypeVar("Value")
FILE_THREADS = 4
"""Threads that write and draw files: each may take several times the memory of an image."""

Report: TypeAlias = Callable[[str, float], None]
"""Called, from any thread, with the stage and the share of it that is done."""


class Service:
    """The networks that are offered, and the uploads and results of all sessions.

    Args:
        offers: The networks; the first is the one of requests that name none.
        limits: What is taken at most.
        batch_size: The most images of a batch.
        backbone: The weights of the adapters' encoder, as in load_segmenter.
        device: As in load_segmenter.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        *,
        limits: Limits,
        batch_size: int = 8,
        backbone: str | None = None,
        device: str = "auto",
    ) -> None:
        self.limits = limits
        self.results = Results(limits)
        self.metrics = Metrics(self._waiting, lambda: self.results.bytes)
        self._offers = {offer.id: offer for offer in offers}
        self._batches = {
            offer.id: Batches(
                partial(offer.load, backbone=backbone, device=device),
                size=batch_size,
                observe=partial(self.metrics.batch, offer.id),
            )
            for offer in offers
        }
        self.explainer = Explainer(self._offers, backbone=backbone, device=device)
        self._batch_size = batch_size
        self._decoders = Decoders(seconds=limits.decode_seconds, pixels=limits.megapixels * 1e6, large=LARGE * 1e6)
        self._images, self._videos = asyncio.Semaphore(max(limits.images, 2 * batch_size)), asyncio.Semaphore(1)
        self._loading = asyncio.Lock()
        self._requests = 0
        self._files = anyio.CapacityLimiter(FILE_THREADS)

    def load_all(self) -> None:
        """Load all networks now; errors are those of load_segmenter."""
        for batches in self._batches.values():
            batches.load().result()

    def describe_models(self) -> list[dict[str, Any]]:
        """The networks to choose from."""
        return [describe_model(offer, self._batches[name]) for name, offer in self._offers.items()]

    def find_model(self, name: str | None) -> str:
        """The id of a network; the first one for None.

        Raises:
            RequestError: 404 if there is no such network.
        """
        if name is None:
            return next(iter(self._offers))
        if name not in self._offers:
            raise RequestError(404, f"there is no model {name!r}; {nearest(name, self._offers)}")
        return name

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Count a request, and refuse it if there are too many.

        Raises:
            RequestError: 503 if there are.
        """
        if self._requests >= self.limits.requests:
            raise RequestError(503, f"the server is busy with {self._requests} requests; try again in some seconds")
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    async def segment(self, stored: Stored, model: str, report: Report) -> None:
        """Segment an upload, which gets its description.

        Args:
            stored: The upload.
            model: The id of a network.
            report: Called with the progress.

        Raises:
            RequestError: As Decoders.decode and read_apart, or if a video was sent for several tasks.
            InputError: As load_segmenter and Network.segment.
        """
        started = time.perf_counter()
        batches = self._batches[model]
        network = batches.network
        if network is None:
            report("loading", 0.0)
            async with self._loading:  # Python's warnings, which loading suppresses, are not safe in threads
                network = await asyncio.wrap_future(batches.load())
        stored.tables = network.tables
        work = self._segment_video if is_video(stored.name) else self._segment_image
        description = await work(stored, batches, network, report)
        description["seconds"]["total"] = time.perf_counter() - started
        stored.description = {"model": model, **description}

    async def in_thread(self, function: Callable[..., Value], *arguments: Any) -> Value:
        """Call a function that writes or draws files in one of a few threads."""
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._files)

    async def close(self) -> None:
        """End all processes and threads, and remove all uploads and results."""
        await self._decoders.close()
        for batches in self._batches.values():
            await anyio.to_thread.run_sync(batches.close)
        self.results.close()

    def _waiting(self) -> dict[str, int]:
        return {name: batches.waiting for name, batches in self._batches.items()}

    async def _segment_image(
        self, stored: Stored, batches: Batches, network: Network, report: Report
    ) -> dict[str, Any]:
        async with self._images:
            report("decoding", 0.0)
            started = time.perf_counter()
            await self._decoders.decode(stored, network.predictor.preprocessing.channels)
            seconds = time.perf_counter() - started
            report("waiting", 0.0)
            image = read_array(stored.image)
            stop = Event()

            def progress(share: float) -> None:
                if stop.is_set() and share < 1:
                    raise RequestError(422, f"{stored.name} was not segmented to its end, as nobody waited for it")
                report("segmenting", share)

            try:
                found = await asyncio.wrap_future(batches.submit(image, progress))
            finally:
                stop.set()
            report("writing", 0.0)
            await self.in_thread(_write, stored, found)
        tasks = [task.name for task in network.tasks]
        description = await self.in_thread(describe_image, stored, tasks)
        of_network = {"seconds": {"decode": seconds, "network": found.seconds}, "batch": found.batch}
        return description | of_network

    async def _segment_video(
        self, stored: Stored, batches: Batches, network: Network, report: Report
    ) -> dict[str, Any]:
        if len(network.tasks) > 1:
            raise RequestError(
                422, f"videos are segmented for one task, and this model has {len(network.tasks)}; choose another one"
            )
        stop, seen = Event(), list[tuple[int, ...]]()
        started = time.perf_counter()

        def segment(images: Sequence[NDArray[Any]]) -> list[Result]:
            seen.extend(image.shape for image in images)
            waiting = [batches.submit(image, lambda _: None) for image in images]
            return [
                Result(image, future.result().tasks[0].mask, network.tables[0])
                for image, future in zip(images, waiting, strict=True)
            ]

        progress = partial(report, "segmenting")
        read = partial(read_apart, name=stored.name, limits=self.limits, progress=progress, stop=stop)
        item = Item(stored.upload, PurePath(stored.name), Path(stored.video).stem)
        work = partial(
            predict_video, item, stored.folder, segment, [], OutputOptions(), batch_size=self._batch_size, read=read
        )
        async with self._videos:
            report("decoding", 0.0)
            try:
                await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
            finally:
                stop.set()
        stored.upload.unlink()
        seconds = {"network": time.perf_counter() - started}
        return describe_video(stored, size=seen[0], frames=len(seen)) | {"seconds": seconds}


def is_video(name: str) -> bool:
    """Whether an upload is a video, by its name."""
    return Path(name).suffix.lower() in VIDEO_SUFFIXES


def _write(stored: Stored, found: Found) -> None:
    try:
        for index, task in enumerate(found.tasks):
            np.save(stored.mask(index), task.mask)
            if task.confidence is not None:
                np.save(stored.confidence(index), task.confidence)
    except OSError as error:  # NumPy gives no number to that of a full disk
        raise RequestError(503, NOT_WRITTEN) from error
