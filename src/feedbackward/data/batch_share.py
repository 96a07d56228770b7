"""The share of the evaluation batches that one of several processes scores: each image once in all."""

from collections.abc import Iterator
from typing import TypeVar

from torch.utils.data import Dataset, DistributedSampler

from feedbackward.errors import InputError

T = TypeVar("T")


class BatchShare(DistributedSampler[int]):
    """Every n-th batch of a data set, in order, for one of n processes.

    torch's own sampler repeats items until all processes have the same number, so that they count twice. Here batches
    are those of a single process, and so are the losses and the scores that are computed from them. Lightning
    recognizes the base class and leaves the sampler alone.

    Args:
        dataset: The items; only its length is used.
        batch_size: Items in a batch.
        processes: The number of processes.
        rank: The number of this process, from 0.

    Raises:
        InputError: If there are fewer batches than processes: a process without one would leave the others waiting.

    Example:
        >>> list(BatchShare(range(5), batch_size=2, processes=2, rank=0))
        [0, 1, 4]
    """

    def __init__(self, dataset: Dataset[T], *, batch_size: int, processes: int, rank: int) -> None:
        super().__init__(dataset, num_replicas=processes, rank=rank, shuffle=False)
        images = len(dataset)  # type: ignore[arg-type]
        starts = range(rank * batch_size, images, processes * batch_size)
        self._indices = [index for start in starts for index in range(start, min(start + batch_size, images))]
        batches = -(-images // batch_size)
        if batches < processes:
            raise InputError(
                f"{images} images to score in batches of {batch_size} are {batches} for {processes} processes, and "
                f"each needs one; use fewer processes or a smaller data.eval_batch_size"
            )

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)

    def __len__(self) -> int:
        return len(self._indices)
