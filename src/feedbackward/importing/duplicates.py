"""Images that occur more than once, by a hash of their files."""

import os
import stat
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

from feedbackward.importing.found import Sample

_KEPT_FIRST = ("test", "val", "train")
"""A copy is kept in the split where it counts most: scores are made there."""


def copies(digests: Sequence[bytes | None]) -> list[list[int]]:
    """The positions of equal digests, for those that occur more than once; None is equal to nothing.

    Example:
        >>> copies([b"a", b"b", None, b"a", None])
        [[0, 3]]
    """
    groups = defaultdict[bytes, list[int]](list)
    for position, digest in enumerate(digests):
        if digest is not None:
            groups[digest].append(position)
    return [group for group in groups.values() if len(group) > 1]


def file_digests(samples: Sequence[Sample]) -> list[bytes | None]:
    """A hash of the image file of each sample; None where no other file has its size, or the image is in no file."""
    sizes = [_size(sample) for sample in samples]
    counts = Counter(sizes)

    def digest(position: int) -> bytes | None:
        image, size = samples[position].image, sizes[position]
        if size is None or counts[size] == 1 or not isinstance(image, Path):
            return None
        try:
            return file_digest(image.read_bytes())
        except OSError:  # reading the image tells what is wrong
            return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(digest, range(len(samples))))


def file_digest(content: bytes) -> bytes:
    """A hash of the content of a file."""
    return blake2b(content, digest_size=16).digest()


def leaks(samples: Sequence[Sample], digests: Sequence[bytes | None]) -> list[tuple[int, int]]:
    """The samples whose image is in another split too, where it is kept: in test before val before train.

    Args:
        samples: The samples; those without a split are in none.
        digests: A hash of each one's image.

    Returns:
        Pairs of positions: a sample, and one of the same image in the split where it is kept.
    """
    found = []
    for group in copies(digests):
        splits = {samples[position].split for position in group}
        kept_split = next((split for split in _KEPT_FIRST if split in splits), None)
        kept = [position for position in group if samples[position].split == kept_split]
        others = [position for position in group if samples[position].split not in (None, kept_split)]
        found += [(position, kept[0]) for position in others]
    return found


def _size(sample: Sample) -> int | None:
    """The bytes of the image file; None if there is none, or it cannot be read, which reading the image tells."""
    if not isinstance(sample.image, Path):
        return None
    try:
        status = sample.image.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
