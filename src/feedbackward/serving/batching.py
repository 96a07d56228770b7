"""The thread in which a network runs: images of one size that wait at the same time are segmented in one batch."""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from feedbackward.errors import InputError
from feedbackward.serving.segmenting import Network, Progress, Segmented


@dataclass(frozen=True)
class Found:
    """What was found in an image.

    Args:
        tasks: For each task.
        seconds: Of the network, for the whole batch.
        batch: The number of images in the batch.
    """

    tasks: list[Segmented]
    seconds: float
    batch: int


@dataclass(frozen=True, eq=False)
class _Job:
    image: NDArray[Any]
    progress: Progress
    future: Future[Found] = field(default_factory=Future)


class Batches:
    """Loads a network when it is first needed, and segments images with it, in one thread.

    An image never waits for others to come: what waits while a batch is segmented becomes the next one.

    Args:
        load: Loads the network; called again after an error.
        size: The most images of a batch.
        observe: Called with the number of images of each batch.
    """

    def __init__(self, load: Callable[[], Network], *, size: int, observe: Callable[[int], None]) -> None:
        self._load, self._size, self._observe = load, size, observe
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._waiting = deque[_Job]()
        self._lock = Lock()
        self._network: Network | None = None

    @property
    def network(self) -> Network | None:
        """The network, once it is loaded."""
        return self._network

    @property
    def waiting(self) -> int:
        """The number of images that wait."""
        return len(self._waiting)

    def load(self) -> "Future[Network]":
        """Load the network unless it is loaded; errors are those of its loading."""
        return self._thread.submit(self._loaded)

    def submit(self, image: NDArray[Any], progress: Progress) -> "Future[Found]":
        """Segment an image.

        Args:
            image: (H, W, C), with the channels of the network.
            progress: Called from the thread.

        Returns:
            What will be found; errors are those of Network.segment.
        """
        job = _Job(image, progress)
        with self._lock:
            self._waiting.append(job)
        self._thread.submit(self._segment_next)
        return job.future

    def close(self) -> None:
        """Wait for the batch that is segmented now, and cancel what waits."""
        self._thread.shutdown(cancel_futures=True)
        for job in self._waiting:
            job.future.cancel()

    def _loaded(self) -> Network:
        if self._network is None:
            self._network = self._load()
        return self._network

    def _segment_next(self) -> None:
        """Segment the next batch; there is none if earlier ones took all along."""
        with self._lock:
            jobs = [job for job in self._next() if job.future.set_running_or_notify_cancel()]
        if jobs:
            self._observe(len(jobs))
            self._segment(jobs)

    def _next(self) -> list[_Job]:
        if not self._waiting:
            return []
        first = self._waiting[0]
        batch = [job for job in self._waiting if job is first or self._join(first, job)][: self._size]
        for job in batch:
            self._waiting.remove(job)
        return batch

    def _join(self, first: _Job, other: _Job) -> bool:
        """Whether two images may be in one batch."""
        alike = (first.image.shape, first.image.dtype) == (other.image.shape, other.image.dtype)
        return alike and self._network is not None and self._network.is_whole(first.image)

    def _segment(self, jobs: list[_Job]) -> None:
        def progress(share: float) -> None:
            for job in jobs:
                job.progress(share)

        try:
            network = self._loaded()
            started = time.perf_counter()
            found = network.segment([job.image for job in jobs], progress)
            seconds = time.perf_counter() - started
        except InputError as error:
            if len(jobs) == 1:
                jobs[0].future.set_exception(error)
                return
            for job in jobs:  # one image may be the reason, or their number, if memory ran out
                self._segment([job])
        except BaseException as error:  # the thread goes on
            for job in jobs:
                job.future.set_exception(error)
        else:
            for job, of_image in zip(jobs, found, strict=True):
                job.future.set_result(Found(of_image, seconds, len(jobs)))
