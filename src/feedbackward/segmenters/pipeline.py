"""The loop of prediction: images are read ahead and results written behind by threads, in order, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from feedbackward.data.large import LargeImage
from feedbackward.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
Image: TypeAlias = NDArray[Any] | LargeImage


def predict_each(
    items: Iterable[Item],
    *,
    read: Callable[[Item], Image],
    segment: Callable[[Sequence[Image]], Sequence[Result]],
    write: Callable[[Item, Result], None],
    skip: Callable[[Item, InputError], None],
    batch_size: int = 1,
    workers: int = 1,
) -> None:
    """Read, segment and write each item once.

    At most 2 * (batch_size + workers) images exist at a time, however many items there are.

    Args:
        items: What to predict; taken one by one.
        read: Returns the image (H, W, C) of an item, or a large one. Called in a thread.
        segment: Segments images of one size and type, or a single large one. Called in this thread.
        write: Writes the result of an item. Called in a thread; with one worker in the order of the items.
        skip: Called with each item that cannot be read or segmented, and the reason. It may raise to stop.
        batch_size: The most images that are segmented together: neighbors of the same size.
        workers: Threads that read, and as many that write. Decoding and encoding release the GIL.

    Raises:
        InputError: If a result cannot be written.
    """
    with _threads(workers) as readers, _threads(workers) as writers:
        images = _read_ahead(items, read, skip, readers, ahead=workers)
        writing = deque[Future[None]]()
        for batch in _batches(images, batch_size):
            for item, result in _segmented(batch, segment, skip):
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


def _segmented(
    batch: list[tuple[Item, Image]],
    segment: Callable[[Sequence[Image]], Sequence[Result]],
    skip: Callable[[Item, InputError], None],
) -> Iterator[tuple[Item, Result]]:
    try:
        results = segment([image for _, image in batch])
    except InputError as error:
        if len(batch) == 1:
            skip(batch[0][0], error)
            return
        # One image may be the reason, or their number, if memory ran out.
        for one in batch:
            yield from _segmented([one], segment, skip)
    else:
        yield from zip((item for item, _ in batch), results, strict=True)
