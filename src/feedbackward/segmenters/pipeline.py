"""The loop of prediction: images are read ahead and results written behind by threads, in order, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from feedbackward.data.large import LargeImage
from feedbackward.errors import InputError
from feedbackward.machine import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")
Image: TypeAlias = NDArray[Any] | LargeImage
Outcome: TypeAlias = tuple[Item, Result | InputError]
"""An item with its result, or with the reason why there is none."""

MOST_AT_ONCE = 4
"""Each thread that segments holds the features of a whole batch in memory."""


def segmenting_threads(batches: int = MOST_AT_ONCE) -> int:
    """The number of threads for segmenting that many batches: up to four, as many as share the cores evenly."""
    cores = available_cores()
    numbers = range(1, max(1, min(MOST_AT_ONCE, cores, batches)) + 1)
    return max(numbers, key=lambda number: (number * (cores // number), number))


def predict_each(
    items: Iterable[Item],
    *,
    read: Callable[[Item], Image],
    segment: Callable[[Sequence[Image]], Sequence[Result]],
    write: Callable[[Item, Result], None],
    skip: Callable[[Item, InputError], None],
    batch_size: int = 1,
    workers: int = 1,
    at_once: int = 1,
) -> None:
    """Read, segment and write each item once.

    At most 2 * (batch_size * at_once + workers) images exist at a time, however many items there are.

    Args:
        items: What to predict; taken one by one.
        read: Returns the image (H, W, C) of an item, or a large one. Called in a thread.
        segment: Segments images of one size and type, or a single large one. Called in this thread, or in several.
        write: Writes the result of an item. Called in a thread; with one worker in the order of the items.
        skip: Called with each item that cannot be read or segmented, and the reason. It may raise to stop.
        batch_size: The most images that are segmented together: neighbors of the same size.
        workers: Threads that read, and as many that write. Decoding and encoding release the GIL.
        at_once: Threads that segment; with 1 this thread does.

    Raises:
        InputError: If a result cannot be written.
    """
    with _threads(workers) as readers, _threads(workers) as writers:
        images = _read_ahead(items, read, skip, readers, ahead=workers)
        writing = deque[Future[None]]()
        for outcomes in _segmented_batches(_batches(images, batch_size), segment, at_once):
            for item, result in outcomes:
                if isinstance(result, InputError):
                    skip(item, result)
                    continue
                writing.append(writers.submit(write, item, result))
                if len(writing) > workers:
                    writing.popleft().result()
        for future in writing:
            future.result()


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        # After an error or Ctrl-C, what has begun is finished, and nothing else is begun.
        pool.shutdown(cancel_futures=True)


def _read_ahead(
    items: Iterable[Item],
    read: Callable[[Item], Image],
    skip: Callable[[Item, InputError], None],
    readers: ThreadPoolExecutor,
    *,
    ahead: int,
) -> Iterator[tuple[Item, Image]]:
    reading = deque[tuple[Item, Future[Image]]]()

    def images(most: int) -> Iterator[tuple[Item, Image]]:
        while len(reading) > most:
            item, future = reading.popleft()
            try:
                image = future.result()
            except InputError as error:
                skip(item, error)
            else:
                yield item, image

    for item in items:
        reading.append((item, readers.submit(read, item)))
        yield from images(ahead)
    yield from images(0)


def _batches(images: Iterable[tuple[Item, Image]], size: int) -> Iterator[list[tuple[Item, Image]]]:
    batch = list[tuple[Item, Image]]()
    for item, image in images:
        if len(batch) == size or (batch and not _alike(batch[0][1], image)):
            yield batch
            batch = []
        batch.append((item, image))
    if batch:
        yield batch


def _alike(first: Image, second: Image) -> bool:
    if isinstance(first, LargeImage) or isinstance(second, LargeImage):
        return False
    return (first.shape, first.dtype) == (second.shape, second.dtype)


def _segmented_batches(
    batches: Iterable[list[tuple[Item, Image]]], segment: Callable[[Sequence[Image]], Sequence[Result]], at_once: int
) -> Iterator[list[Outcome[Item, Result]]]:
    """The outcomes of each batch, in order."""
    segmented = partial(_segmented, segment)
    if at_once == 1:
        yield from map(segmented, batches)
        return
    with _threads(at_once) as threads:
        running = deque[tuple[list[tuple[Item, Image]], Future[list[Outcome[Item, Result]]]]]()

        def finished() -> list[Outcome[Item, Result]]:
            batch, future = running.popleft()
            outcomes = future.result()
            if any(isinstance(result, InputError) for _, result in outcomes):
                wait(other for _, other in running)
                return segmented(batch)  # alone, as the memory may have been too small for several
            return outcomes

        for batch in batches:
            running.append((batch, threads.submit(segmented, batch)))
            if len(running) == at_once:
                yield finished()
        while running:
            yield finished()


def _segmented(
    segment: Callable[[Sequence[Image]], Sequence[Result]], batch: list[tuple[Item, Image]]
) -> list[Outcome[Item, Result]]:
    try:
        results = segment([image for _, image in batch])
    except InputError as error:
        if len(batch) == 1:
            return [(batch[0][0], error)]
        # One image may be the reason, or their number, if memory ran out.
        return [outcome for one in batch for outcome in _segmented(segment, [one])]
    return list(zip((item for item, _ in batch), results, strict=True))
