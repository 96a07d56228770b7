"""Splits by a hash of names: the same for any order of files and on any machine, and new images move no old ones.

Copies of one image file count as one image, so that they are never divided.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b

from feedbackward.errors import InputError
from feedbackward.importing.duplicates import copies, file_digests
from feedbackward.importing.found import Sample


def split_samples(
    samples: Iterable[Sample], *, val: float = 0.1, seed: int = 0, group: str | None = None
) -> tuple[Sample, ...]:
    """Divide the samples into train and val.

    If the data set has a split val, those without a split are for training. A split test is kept, and all others are
    divided, those of a split train too.

    Args:
        samples: The samples of a data set.
        val: The share of validation images, more than 0 and less than 1; of few images it is not met exactly.
        seed: Another seed gives another division.
        group: A regular expression that finds the key of a scene in a name, such as "^[^_]*": images of one key are
            never divided. The first group in parentheses counts, if there is one.

    Raises:
        InputError: If val is out of range, group is no regular expression,
            a name has no key, or one of the splits would be empty.

    Example:
        >>> from pathlib import Path
        >>> samples = [Sample(f"scene{n // 2}_{n}", Path("x.png"), Path("y.png")) for n in range(20)]
        >>> divided = split_samples(samples, val=0.3, group="scene[0-9]*")
        >>> sorted({sample.name.partition("_")[0] for sample in divided if sample.split == "val"})
        ['scene3', 'scene6', 'scene8']
    """
    if not 0 < val < 1:
        raise InputError(f"val is {val}; expected a share between 0 and 1, such as 0.1")
    expression = None if group is None else _expression(group)
    samples = tuple(samples)
    if has_own_division(samples):
        return tuple(replace(sample, split=sample.split or "train") for sample in samples)
    free = [sample for sample in samples if sample.split != "test"]
    keys = _keys(free, expression)
    ordered = sorted(set(keys), key=lambda key: _fraction(key, seed))
    if len(ordered) < 2:
        raise InputError(
            f"{len(free)} images in {len(ordered)} groups cannot be divided into train and val; give at least two "
            f"images of different groups, or put some into a split val"
        )
    chosen = {key for key in ordered[:-1] if _fraction(key, seed) < val} or {ordered[0]}
    divided = iter(
        [replace(sample, split="val" if key in chosen else "train") for sample, key in zip(free, keys, strict=True)]
    )
    return tuple(sample if sample.split == "test" else next(divided) for sample in samples)


def has_own_division(samples: Iterable[Sample]) -> bool:
    """Whether a data set has validation images, so that split_samples does not divide it."""
    return any(sample.split == "val" for sample in samples)


def _keys(samples: Sequence[Sample], group: re.Pattern[str] | None) -> list[str]:
    """The key of each sample; those whose groups have copies of one image have the least of their keys."""
    keys = [sample.name if group is None else _key(sample.name, group) for sample in samples]
    leader = {key: key for key in keys}

    def find(key: str) -> str:
        while leader[key] != key:
            key = leader[key]
        return key

    for first, *others in copies(file_digests(samples)):
        for other in others:
            low, high = sorted((find(keys[first]), find(keys[other])))
            leader[high] = low
    return [find(key) for key in keys]


def _expression(group: str) -> re.Pattern[str]:
    try:
        return re.compile(group)
    except re.error as error:
        raise InputError(f"group is {group!r}, not a regular expression: {error}") from error


def _fraction(key: str, seed: int) -> float:
    """A number from 0 to 1 that looks random."""
    digest = blake2b(f"{seed} {key}".encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _key(name: str, group: re.Pattern[str]) -> str:
    match = group.search(name)
    if match is None:
        raise InputError(
            f"the name {name!r} has no match of the group {group.pattern!r}; give an expression that all have"
        )
    key = match[1] if match.re.groups else match[0]
    if key is None:
        raise InputError(
            f"the first group in parentheses of {group.pattern!r} has no part in {name!r}; give one that all have"
        )
    return key
