"""Errors about memory that runs out while a segmenter runs, on the CPU or a GPU."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from feedbackward.errors import InputError, is_out_of_memory


@contextmanager
def explaining_memory(shape: Sequence[int]) -> Iterator[None]:
    """Turn errors about memory within the block into InputErrors.

    Args:
        shape: That of the images (N, C, H, W).

    Raises:
        InputError: If memory runs out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        count, _, height, width = shape
        raise InputError(
            f"out of memory with {count} image{'s' if count > 1 else ''} of {height}x{width}; use a smaller batch, "
            f"scale or tile, or, if it is that of a GPU, the CPU"
        ) from error
