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


def test_a_group_is_checked_even_if_it_has_no_effect():
    with pytest.raises(InputError, match=r"group is '\(', not a regular expression"):
        split_samples([*samples(["a"], "val"), *samples(["b"], "train")], group="(")


@pytest.fixture
def files(tmp_path):
    """Sixty samples in files of equal size, of which every three have one content."""
    made = []
    for number in range(60):
        path = tmp_path / f"{number:02}.png"
        path.write_bytes(f"{number % 20:02}".encode())
        made.append(Sample(path.stem, path, path))
    return made


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_never_divided(files, seed):
    divided = split_samples(files, val=0.3, seed=seed)
    contents = [
        {sample.image.read_bytes() for sample in divided if sample.split == split} for split in ("train", "val")
    ]
    assert all(contents)
    assert not contents[0] & contents[1]


def test_groups_with_copies_of_one_image_stay_together(files):
    """Numbers are grouped by their tens: 0 to 19 are copies of 20 to 39 and of 40 to 59."""
    divided = split_samples(files, val=0.5, group="^.")
    tens = {(sample.name[0], sample.split) for sample in divided}
    assert len(tens) == 6
    split_of = dict(tens)
    assert split_of["0"] == split_of["2"] == split_of["4"] != split_of["1"] == split_of["3"] == split_of["5"]


def test_only_copies_cannot_be_divided(files):
    for sample in files:
        sample.image.write_bytes(b"same")
    with pytest.raises(InputError, match="60 images in 1 groups cannot be divided"):
        split_samples(files)


def test_files_of_other_sizes_are_not_read(files, monkeypatch):
    for number, sample in enumerate(files):
        sample.image.write_bytes(bytes(number + 1))
    monkeypatch.setattr(type(files[0].image), "read_bytes", lambda path: pytest.fail(f"{path} is read"))
    split_samples(files)
