"""Splits by a hash of names: the same for any order of files and on any machine, and new images move no old ones."""

import re
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from feedbackward.errors import InputError
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
        InputError: If val is out of range, a name has no key, or one of the splits would be empty.

    Example:
        >>> from pathlib import Path
        >>> samples = [Sample(f"scene{n // 2}_{n}", Path("x.png"), Path("y.png")) for n in range(20)]
        >>> divided = split_samples(samples, val=0.3, group="scene[0-9]*")
        >>> sorted({sample.name.partition("_")[0] for sample in divided if sample.split == "val"})
        ['scene3', 'scene6', 'scene8']
    """
    if not 0 < val < 1:
        raise InputError(f"val is {val}; expected a share between 0 and 1, such as 0.1")
    samples = tuple(samples)
    if any(sample.split == "val" for sample in samples):
        return tuple(replace(sample, split=sample.split or "train") for sample in samples)
    free = [sample for sample in samples if sample.split != "test"]
    keys = {sample.name: _key(sample.name, group) for sample in free}
    ordered = sorted(set(keys.values()), key=lambda key: _fraction(key, seed))
    if len(ordered) < 2:
        raise InputError(
            f"{len(free)} images in {len(ordered)} groups cannot be divided into train and val; give at least two "
            f"images of different groups, or put some into a split val"
        )
    chosen = {key for key in ordered[:-1] if _fraction(key, seed) < val} or {ordered[0]}
    return tuple(
        sample if sample.split == "test" else replace(sample, split="val" if keys[sample.name] in chosen else "train")
        for sample in samples
    )


def _fraction(key: str, seed: int) -> float:
    """A number from 0 to 1 that looks random."""
    digest = blake2b(f"{seed} {key}".encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _key(name: str, group: str | None) -> str:
    if group is None:
        return name
    try:
        match = re.search(group, name)
    except re.error as error:
        raise InputError(f"group is {group!r}, not a regular expression: {error}") from error
    if match is None:
        raise InputError(f"the name {name!r} has no match of the group {group!r}; give an expression that all have")
    key = match[1] if match.re.groups else match[0]
    if key is None:
        raise InputError(f"the first group in parentheses of {group!r} has no part in {name!r}; give one that all have")
    return key
