"""The order of a training and its random augmentation, from seed, epoch and index alone.

A training that is resumed, even within an epoch, sees what it would have seen without the interruption, whatever the
number of workers. The epoch is a part of what the sampler yields: so it reaches workers that live for several epochs.
"""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import torch
from torch.utils.data import Dataset, DistributedSampler

T = TypeVar("T")
Draw = tuple[int, int]
"""An epoch and the index of an item."""


class EpochSampler(DistributedSampler[Draw]):
    """A new random order in each epoch, for one process or the share of one of several.

    The order depends on seed and epoch only; the processes take turns, and the first items are repeated where their
    number is not a multiple of that of the processes. Each iteration is an epoch, the one after the last unless
    set_epoch names it. Lightning recognizes the base class and calls that.

    Args:
        dataset: The items; only its length is used.
        seed: The seed of the training, the same in all processes.
        processes: The number of processes.
        rank: The number of this process, from 0.
        epoch: The first epoch.
        done: The number of items of this process that are left out in that epoch; the length still counts them.

    Example:
        >>> sampler = EpochSampler(range(4), seed=0)
        >>> sampler.set_epoch(7)
        >>> sorted(sampler)
        [(7, 0), (7, 1), (7, 2), (7, 3)]
    """

    def __init__(
        self, dataset: Dataset[T], *, seed: int, processes: int = 1, rank: int = 0, epoch: int = 0, done: int = 0
    ) -> None:
        super().__init__(dataset, num_replicas=processes, rank=rank, seed=seed)
        self.set_epoch(epoch)
        self._done = {epoch: done}

    def __iter__(self) -> Iterator[Draw]:
        epoch = self.epoch
        self.epoch += 1
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.dataset))  # type: ignore[arg-type]
        share = np.resize(order, self.total_size)[self.rank :: self.num_replicas]
        share = share[self._done.get(epoch, 0) :]
        return ((epoch, index) for index in share.tolist())


class SeededItems(Dataset[T]):
    """Items whose random changes, drawn from torch's generator, depend on seed, epoch and index only.

    Args:
        dataset: The items.
        seed: The seed of the training.
    """

    def __init__(self, dataset: Dataset[T], *, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]

    def __getitem__(self, draw: Draw | int) -> T:
        """The item of an EpochSampler's draw, or of an index: Lightning's overfit_batches repeats one epoch."""
        epoch, index = draw if isinstance(draw, tuple) else (0, draw)
        (seed,) = np.random.SeedSequence((self.seed, epoch, index)).generate_state(1, np.uint64).tolist()
        # The main process loads items too if there are no workers; its generator belongs to the network.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self.dataset[index]
