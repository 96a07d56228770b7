from pathlib import Path

import pytest

from feedbackward.errors import InputError
from feedbackward.importing import Sample, split_samples


def samples(names, split=None):
    return [Sample(name, Path(name), Path(name), split) for name in names]


NAMES = [f"scene{number // 10}_{number}" for number in range(1000)]


def val(divided):
    return {sample.name for sample in divided if sample.split == "val"}


def test_the_share_is_met_about():
    divided = split_samples(samples(NAMES), val=0.2)
    assert [sample.name for sample in divided] == NAMES
    assert {sample.split for sample in divided} == {"train", "val"}
    assert 160 < len(val(divided)) < 240


def test_the_division_depends_on_names_and_seed_only():
    whole = val(split_samples(samples(NAMES)))
    assert val(split_samples(samples(NAMES[::-1]))) == whole
    assert val(split_samples(samples(NAMES[:500]))) == whole & set(NAMES[:500])
    assert val(split_samples(samples(NAMES), seed=1)) != whole


@pytest.mark.parametrize("group", ["^[^_]*", "scene([0-9]+)_"])
def test_groups_are_not_divided(group):
    divided = split_samples(samples(NAMES), val=0.3, group=group)
    scenes = [{sample.name.split("_")[0] for sample in divided if sample.split == split} for split in ("train", "val")]
    assert all(scenes)
    assert not scenes[0] & scenes[1]


def test_an_existing_division_is_kept():
    given = [*samples(["a"], "val"), *samples(["b"], "test"), *samples(["c"], "train"), *samples(["d"])]
    assert [sample.split for sample in split_samples(given)] == ["val", "test", "train", "train"]


def test_a_training_split_alone_is_divided():
    divided = split_samples([*samples(NAMES, "train"), *samples(["x", "y"], "test")])
    assert {sample.split for sample in divided[:-2]} == {"train", "val"}
    assert [sample.split for sample in divided[-2:]] == ["test", "test"]


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_neither_part_is_empty(share):
    for seed in range(20):
        divided = split_samples(samples(["a", "b"]), val=share, seed=seed)
        assert {sample.split for sample in divided} == {"train", "val"}


@pytest.mark.parametrize("share", [0, 1, -0.1, 20, float("nan")])
def test_shares_out_of_range(share):
    with pytest.raises(InputError, match=rf"val is {share}; expected a share between 0 and 1"):
        split_samples(samples(NAMES), val=share)


@pytest.mark.parametrize(
    ("names", "group", "message"),
    [
        (["a"], None, r"1 images in 1 groups cannot be divided"),
        ([], None, r"0 images in 0 groups cannot be divided"),
        (
            ["a_1", "a_2"],
            "^a",
            r"2 images in 1 groups cannot be divided .* give at least two images of different groups",
        ),
        (["a_1", "b"], "_.", r"the name 'b' has no match of the group '_\.'"),
        (["a_1", "b"], "[ab](_1)?", r"the first group in parentheses of '\[ab\]\(_1\)\?' has no part in 'b'"),
        (["a_1", "b"], "(", r"group is '\(', not a regular expression: "),
    ],
)
def test_what_cannot_be_divided(names, group, message):
    with pytest.raises(InputError, match=message):
        split_samples(samples(names), group=group)
