"""The division of any names into train and val follows from each name and the seed alone."""

from hashlib import blake2b
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given

from feedbackward.importing import Sample, split_samples

NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=30, unique=True)
SHARES = st.floats(0.01, 0.99)
SEEDS = st.integers(0, 2**40)


def divided(names: list[str], share: float, seed: int, **options: str) -> dict[str, str | None]:
    samples = [Sample(name, Path("gone.png"), Path("gone.png")) for name in names]
    return {sample.name: sample.split for sample in split_samples(samples, val=share, seed=seed, **options)}


@given(NAMES, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_neither_order_nor_other_names_matter(names, share, seed, random):  # type: ignore[no-untyped-def]
    whole = divided(names, share, seed)
    shuffled = random.sample(names, len(names))
    assert divided(shuffled, share, seed) == whole
    fraction = {
        name: int.from_bytes(blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "big") / 2**64
        for name in names
    }
    val = {name for name in names if fraction[name] < share}
    if val and val != set(names):
        assert {name for name, split in whole.items() if split == "val"} == val
    assert set(whole.values()) == {"train", "val"}


@given(NAMES, SHARES, SEEDS)
def test_groups_stay_together(names, share, seed):  # type: ignore[no-untyped-def]
    pairs = [f"{index % 7}|{name}" for index, name in enumerate(names)]
    splits = divided(pairs, share, seed, group="^([0-9])")
    groups = {split: {name[0] for name, other in splits.items() if other == split} for split in ("train", "val")}
    assert not groups["train"] & groups["val"]
