"""The processes that share the work of a command: those of torchrun on one or several machines, or one alone."""

import json
import os
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from feedbackward.errors import InputError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

T = TypeVar("T")
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""The variables of the environment that torchrun sets."""
_TO_CONNECT = timedelta(minutes=5)
_TO_WORK = timedelta(days=365)  # torchrun ends all processes when one dies
_PART = 4 * 2**20  # characters; a store of torch closes the connection at values above 8 MiB


class Processes:
    """The processes that share the work; each has the same list of items and takes its own.

    Args:
        rank: The number of this process, from 0.
        count: The number of processes.
        store: What connects several of them.

    Example:
        >>> alone = Processes()
        >>> alone.share([1, 2, 3]), alone.gather("mine")
        ([1, 2, 3], ['mine'])
    """

    def __init__(self, rank: int = 0, count: int = 1, store: "Store | None" = None) -> None:
        self.rank = rank
        self.count = count
        self._store = store
        self._meetings = 0

    @property
    def is_first(self) -> bool:
        """Whether this process (rank 0) does what must happen only once."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> list[T]:
        """The items of this process: every n-th one of n processes."""
        return list(items[self.rank :: self.count])

    def in_order(self, shares: Sequence[Sequence[T]]) -> list[T]:
        """The items in their first order, from the shares of all processes by rank."""
        return [shares[index % self.count][index // self.count] for index in range(sum(map(len, shares)))]

    def gather(self, data: Any) -> list[Any]:
        """Wait for the data of all processes in the first one.

        Args:
            data: Plain JSON data.

        Returns:
            The data of all processes by rank in the first one, an empty list in the others.
        """
        if self._store is None:
            return [data]
        keys = self._meet(json.dumps(data))
        return [self._read(key) for key in keys] if self.is_first else []

    def broadcast(self, data: Any) -> Any:
        """Wait for the data of the first process.

        Args:
            data: Plain JSON data; that of the other processes is ignored.

        Returns:
            The data of the first process.
        """
        if self._store is None:
            return data
        return self._read(self._meet(json.dumps(data))[0])

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self._store is not None:
            self._store.wait(self._meet(""))

    def _meet(self, text: str) -> list[str]:
        assert self._store is not None
        self._meetings += 1
        keys = [f"feedbackward/{self._meetings}/{rank}" for rank in range(self.count)]
        own, starts = keys[self.rank], range(0, len(text), _PART)
        for number, start in enumerate(starts):
            self._store.set(f"{own}/{number}", text[start : start + _PART])
        self._store.set(own, str(len(starts)))
        return keys

    def _read(self, key: str) -> Any:
        assert self._store is not None
        parts = range(int(self._store.get(key)))
        return json.loads(b"".join(self._store.get(f"{key}/{number}") for number in parts))


def is_launched() -> bool:
    """Whether this process was started with others."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE") != "1"


def check_launched() -> None:
    """Check that several processes were started by torchrun, which ends all of them when one ends.

    Lightning recognizes torchrun by the same variable; without it each process trains alone and writes the same files.

    Raises:
        InputError: If something else has started them.
    """
    if is_launched() and "TORCHELASTIC_RUN_ID" not in os.environ:
        raise InputError(
            f"RANK={os.environ['RANK']} and WORLD_SIZE={os.environ.get('WORLD_SIZE', '')} say that this is one of "
            f"several processes, and torchrun has not started it; start them with torchrun, or unset RANK for one alone"
        )


@cache
def launched_processes() -> Processes:
    """The processes that torchrun has started together with this one; this one alone without torchrun.

    Raises:
        InputError: If something else has started them, or they cannot be reached.
    """
    check_launched()
    if not is_launched():
        return Processes()
    from torch.distributed.rendezvous import rendezvous

    try:
        store, rank, count = next(rendezvous("env://", timeout=_TO_CONNECT))
        store.set_timeout(_TO_WORK)
    except (OSError, RuntimeError, ValueError) as error:
        set_to = " ".join(f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ)
        raise InputError(
            f"the other processes cannot be reached with {set_to}; start them with torchrun ({error})"
        ) from error
    return Processes(rank, count, store)


def launched_devices() -> tuple[int, int] | None:
    """The number of processes that torchrun has started on this machine, and of machines; None without torchrun.

    Lightning takes the number of GPUs instead, and on CPUs trains once in each process.
    """
    if "LOCAL_WORLD_SIZE" not in os.environ:
        return None
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return here, int(os.environ["WORLD_SIZE"]) // here


def is_lost_connection(error: RuntimeError) -> bool:
    """Whether an error of torch.distributed says that another process is gone; gloo's has no class of its own."""
    return any(backend in str(error).lower() for backend in ("gloo", "nccl"))
