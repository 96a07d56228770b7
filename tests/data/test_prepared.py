import logging
import os
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from feedbackward.data import prepared
from feedbackward.data.augmentation import Augmentation
from feedbackward.data.camvid import CamVidData
from feedbackward.data.cityscapes import CityscapesData
from feedbackward.data.encodings import ColorEncoding, IndexEncoding
from feedbackward.data.folder import FolderData
from feedbackward.data.pairs import Pair, PairDataset
from feedbackward.data.prepared import NOT_STORED, PreparedFolder
from feedbackward.data.transforms import EvalTransform, TrainTransform
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.streets.datamodule import StreetsData

ENCODING = IndexEncoding({0: 0, 1: 1, 2: 2}, ignored=[255], hint="")
EVALUATION = EvalTransform(Preprocessing.identity("RGB"))


def seeded(dataset):
    """All items, the random part from the same seeds."""
    items = []
    for index in range(len(dataset)):
        torch.manual_seed(index)
        items.append(dataset[index])
    return items


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            if isinstance(value, str):
                assert one[name] == value
            else:
                assert one[name].dtype == value.dtype
                assert torch.equal(one[name], value), name


def entries(cache):
    return sorted(cache.glob("*"))


@pytest.fixture
def cache(tmp_path):
    """The folder of a cache, which does not exist yet."""
    return tmp_path / "cache"


@pytest.fixture
def pairs(tmp_path, write):
    """Three smooth images of 60x90 with masks of two blocks."""
    made = []
    for number in range(3):
        ramp = np.add.outer(np.arange(60) * 2, np.arange(90))[..., None] + np.array([0, 10 * number, 30])
        mask = np.zeros((60, 90), np.uint8)
        mask[:, 30 + number :] = 1
        made.append(
            Pair(
                f"{number}",
                write(tmp_path / "images" / f"{number}.png", ramp.astype(np.uint8)),
                write(tmp_path / "masks" / f"{number}.png", mask),
            )
        )
    return made


def training(pairs, cache=None, *, limit=10**9, size=(20, 30), **augmentation):
    """A training set, resized."""
    preprocessing = Preprocessing((0.0,) * 3, (1.0,) * 3, resize=Resize(size=size))
    transform = TrainTransform(preprocessing, Augmentation(**augmentation), reduce=cache is not None)
    return PairDataset(pairs, ENCODING, transform, NOT_STORED if cache is None else PreparedFolder(cache, limit=limit))


@pytest.mark.parametrize("resize", [{}, {"size": (3, 4)}, {"size": (9, 5)}, {"scale": 0.5}, {"longest_side": 5}])
def test_evaluation_is_the_same(resize, folder, camvid, cityscapes, cache):
    size = {"size": None, **resize}
    for make in (
        partial(FolderData, root=folder, **resize),
        partial(CamVidData, root=camvid, **resize),
        partial(CityscapesData, root=cityscapes, **size),
    ):
        expected = seeded(make().dataset("val"))
        for _ in range(2):  # made, then read
            assert_same(seeded(make(cache=cache).dataset("val")), expected)
    assert len(entries(cache)) == 4  # two of CamVid; the two of the folder have the same content
    assert {"label_ids", "instance_ids"} < expected[0].keys()


def test_training_of_images_that_are_not_resized_is_the_same(folder, camvid, cache):
    augmentation = Augmentation(scale=(0.5, 2.0), crop=(4, 4), color_jitter=0.3, rotation=10)
    for make in (FolderData, CamVidData):
        make = partial(make, root={FolderData: folder, CamVidData: camvid}[make], augmentation=augmentation)
        expected = seeded(make().dataset("train"))
        for _ in range(2):
            assert_same(seeded(make(cache=cache).dataset("train")), expected)


def test_images_of_many_bits_and_their_range(tmp_path, write, cache):
    mask = write(tmp_path / "mask.png", np.zeros((6, 8), np.uint8))
    image = write(tmp_path / "image.png", np.arange(48, dtype=np.uint16).reshape(6, 8) * 80)
    preprocessing = Preprocessing((0.0,), (1.0,), "gray", value_range=(0, 4000), resize=Resize(size=(4, 5)))
    for transform in (
        EvalTransform(preprocessing),
        TrainTransform(preprocessing, Augmentation(horizontal_flip=0.5), reduce=True),
    ):
        pair = [Pair("a", image, mask)]
        expected = seeded(PairDataset(pair, ENCODING, transform))
        for _ in range(2):
            stored = PairDataset(pair, ENCODING, transform, PreparedFolder(cache, limit=10**9))
            assert_same(seeded(stored), expected)


def test_training_of_images_that_are_only_scaled_down_is_the_same(pairs, cache):
    expected = seeded(training(pairs, size=None, scale=(0.5, 0.8)))
    for _ in range(2):
        assert_same(seeded(training(pairs, cache, size=None, scale=(0.5, 0.8))), expected)


@pytest.mark.parametrize("size", [(20, 30), (80, 30), (40, 120), (80, 120)])  # of images of 60x90
def test_training_without_random_scales_is_the_same(size, pairs, cache, write):
    for number, pair in enumerate(pairs):
        write(pair.image, np.random.default_rng(number).integers(0, 256, (60, 90, 3), dtype=np.uint8))
    expected = seeded(training(pairs, size=size))
    for _ in range(2):
        assert_same(seeded(training(pairs, cache, size=size)), expected)


def test_training_images_are_reduced_to_the_largest_size_that_is_asked_for(pairs, cache):
    found, expected = (seeded(training(pairs, folder, scale=(0.75, 1.5))) for folder in (cache, None))
    assert len(entries(cache)) == 3
    for path in entries(cache):
        with np.load(path) as entry:
            assert entry["image"].shape == (30, 45, 3)
            assert entry["mask"].shape == (30, 45)
    for one, other in zip(found, expected, strict=True):
        assert (one["image"] - other["image"]).abs().max() <= 4 / 255  # a ramp that rises by up to 9 per pixel
        assert (one["mask"] != other["mask"]).sum() <= 20  # the edge may move by one of 30 pixels


def test_nothing_is_decoded_twice(pairs, cache, monkeypatch):
    expected = seeded(training(pairs, cache, scale=(0.5, 2.0)))
    monkeypatch.setattr("feedbackward.data.pairs.read_image", None)
    monkeypatch.setattr(IndexEncoding, "read", None)
    assert_same(seeded(training(pairs, cache, scale=(0.5, 2.0))), expected)


def overwrite(path, array, write):
    """Change the content of a file, but neither its size nor the time of its last change."""
    before = path.stat()
    write(path, array)
    path.write_bytes(path.read_bytes().ljust(before.st_size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@pytest.mark.parametrize("opened_again", [False, True])
@pytest.mark.parametrize("settled", [-1, prepared.SETTLED])
def test_a_changed_image_and_a_changed_mask_are_noticed(opened_again, settled, pairs, cache, write, monkeypatch):
    monkeypatch.setattr(prepared, "SETTLED", settled)  # -1: the times of new files are trusted
    dataset = PairDataset(pairs, ENCODING, EVALUATION, PreparedFolder(cache, limit=10**9))
    assert dataset[0]["image"].max() > 0
    assert dataset[1]["mask"].max() == 1
    overwrite(pairs[0].image, np.zeros((60, 90, 3), np.uint8), write)
    overwrite(pairs[1].mask, np.full((60, 90), 2, np.uint8), write)
    if opened_again:
        dataset = PairDataset(pairs, ENCODING, EVALUATION, PreparedFolder(cache, limit=10**9))
    assert dataset[0]["image"].max() == 0
    assert (dataset[1]["mask"] == 2).all()


def test_a_file_that_changes_while_it_is_read_is_not_stored(tmp_path, cache):
    source = tmp_path / "source"
    source.write_text("before")

    def make():
        content = source.read_text()
        source.write_text("after")
        return {"length": np.array(len(content))}

    folder = PreparedFolder(cache, limit=10**9)
    assert folder.load([source], "", make)["length"] == 6
    assert entries(cache) == []
    assert folder.load([source], "", make)["length"] == 5  # now its content stays the same
    assert len(entries(cache)) == 1


def test_other_classes_have_other_entries(folder, cache):
    masks = [FolderData(root=folder, cache=cache).dataset("val")[0]["mask"].unique().tolist()]
    (folder / "classes.yaml").write_text("classes: [{name: car, value: 1}, {name: background, value: 0}]\n")
    data = FolderData(root=folder, cache=cache).dataset("val")
    np.testing.assert_array_equal(data[0]["mask"][1], [1, 1, 1, 1, 0, 0, 0, 0])
    assert masks == [[0, 1, 255]]


def test_the_digest_of_an_encoding():
    colors = {(255, 0, 0): 0, (0, 0, 255): 1}
    digests = [
        IndexEncoding({0: 0, 1: 1}, hint="").digest,
        IndexEncoding({0: 1, 1: 0}, hint="").digest,
        IndexEncoding({0: 0, 1: 1}, ignored=[2], hint="").digest,
        ColorEncoding(colors, hint="").digest,
        ColorEncoding(colors, ignored=[(0, 0, 0)], hint="").digest,
    ]
    assert len(set(digests)) == len(digests)
    assert IndexEncoding({1: 1, 0: 0}, hint="elsewhere").digest == digests[0]
    assert ColorEncoding(dict(reversed(colors.items())), hint="elsewhere").digest == digests[3]


def test_every_file_of_overlapping_classes_counts(folder, write, cache):
    (folder / "classes.yaml").write_text("masks: layers\nclasses: [left, right]\n")
    left = np.repeat([[1, 0]], 4, axis=1).repeat(6, axis=0).astype(np.uint8)
    for mask in (folder / "masks" / "val").iterdir():
        mask.unlink()
        write(mask.parent / "left" / mask.name, left)
        write(mask.parent / "right" / mask.name, 1 - left)
    make = partial(FolderData, root=folder, size=(3, 4))
    for right in (1 - left, left):
        write(folder / "masks" / "val" / "right" / "a.png", right)
        data = make(cache=cache).dataset("val")
        np.testing.assert_array_equal(data[0]["mask"], np.stack([left, right]))
        assert_same(seeded(data), seeded(make().dataset("val")))


def refuse(*message):
    raise AssertionError(message)


def test_two_processes_fill_it_at_once(tmp_path, write, cache, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (3, 400, 600, 3), dtype=np.uint8)
    mask = write(tmp_path / "mask.png", np.ones((400, 600), np.uint8))
    pairs = [Pair(f"{number}", write(tmp_path / f"{number}.png", noise[number]), mask) for number in range(3)]
    monkeypatch.setattr("feedbackward.data.prepared._log.warning", refuse)  # of a damaged entry, or a failed renaming
    expected = seeded(PairDataset(pairs, ENCODING, EVALUATION))
    order = [0, 0, 1, 1, 2, 2] * 4  # of two workers each gets every second one
    for _ in range(4):
        dataset = PairDataset(pairs, ENCODING, EVALUATION, PreparedFolder(cache, limit=10**9))
        found = list(DataLoader(dataset, None, sampler=order, num_workers=2))
        assert_same(found, [expected[index] for index in order])
        assert [path.suffix for path in entries(cache)] == [".npz"] * 3
        shutil.rmtree(cache)


def cut(content):
    return content[: len(content) // 2]


def flip_a_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, flip_a_bit, lambda _: b"", lambda _: b"nonsense", lambda c: bytes(len(c))])
def test_a_damaged_entry_is_made_again(damage, pairs, cache, caplog):
    expected = seeded(training(pairs, cache))
    for path in entries(cache):
        path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert_same(seeded(training(pairs, cache)), expected)
        assert [message.count("is damaged (") for message in caplog.messages] == [1, 1, 1]
        assert_same(seeded(training(pairs, cache)), expected)
    assert len(caplog.messages) == 3


def test_an_entry_that_cannot_be_opened_is_said_once(pairs, cache, caplog):
    expected = seeded(training(pairs, cache))
    for path in entries(cache):
        path.unlink()
        path.mkdir()
    dataset = training(pairs, cache)
    for _ in range(2):
        assert_same(seeded(dataset), expected)
    read, written = caplog.messages
    assert "Is a directory" in read
    assert read.endswith("; entries that cannot be read are made again")
    assert "Is a directory" in written
    assert "adds nothing more" in written


def test_memory_that_runs_out_is_no_damage(pairs, cache, monkeypatch):
    dataset = training(pairs, cache)
    seeded(dataset)

    def full(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr(np, "load", full)
    with pytest.raises(MemoryError):
        dataset[0]


@pytest.fixture
def source(tmp_path):
    """An empty file, to make entries from."""
    path = tmp_path / "source"
    path.write_text("")
    return path


def test_large_entries_fill_the_folder_up_to_its_limit(source, cache, caplog):
    folder = PreparedFolder(cache, limit=700_000)
    for number in range(3):
        folder.load([source], f"{number}", lambda: {"a": np.zeros(300_000, np.uint8)})
    assert [path.stat().st_size // 1000 for path in entries(cache)] == [300, 300]
    (message,) = caplog.messages
    assert message.startswith(
        f"data.cache {cache}: it holds 0.6 MB, and the next entry of 0.3 MB would exceed data.cache_gb, 0.0007 GB; "
        f"raise it, or remove old entries. This process adds nothing more"
    )


def test_every_worker_says_that_it_adds_nothing(pairs, cache, tmp_path):
    training(pairs, cache)[0]
    dataset = training(pairs[:2], cache, limit=1)
    handler = logging.FileHandler(tmp_path / "log")
    prepared._log.addHandler(handler)
    try:
        list(DataLoader(dataset, None, num_workers=2))  # the second one has an image that is not stored
    finally:
        prepared._log.removeHandler(handler)
        handler.close()
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "adds nothing more" in line


def test_the_folder_stays_below_its_limit(source, cache, caplog):
    folder, other = (PreparedFolder(cache, limit=600_000) for _ in range(2))
    for number in range(100):
        for filling in (folder, other):
            value = filling.load([source], f"{filling is other} {number}", lambda: {"a": np.full(10_000, 7, np.uint8)})
            assert (value["a"] == 7).all()
            assert sum(path.stat().st_size for path in entries(cache)) <= 600_000
    assert sum(path.stat().st_size for path in entries(cache)) > 580_000
    assert len(caplog.messages) == 2  # one of each
    assert (folder.load([source], "False 0", list)["a"] == 7).all()  # what is stored remains


def test_a_process_that_has_not_looked_for_long_exceeds_the_limit_by_its_share(source, cache, monkeypatch):
    def add(folder, recipe):
        folder.load([source], recipe, lambda: {"a": np.zeros(10_000, np.uint8)})
        return sum(path.stat().st_size for path in entries(cache))

    monkeypatch.setattr(prepared, "SHARES", 16)
    folder, other = (PreparedFolder(cache, limit=600_000) for _ in range(2))
    add(other, "first")
    assert max(add(folder, f"{number}") for number in range(100)) <= 600_000
    assert 600_000 < max(add(other, f"other {number}") for number in range(10)) <= 600_000 + 600_000 // 16


def test_a_full_disk_ends_the_filling_and_not_the_training(pairs, cache, caplog, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert_same(seeded(training(pairs, cache)), seeded(training(pairs)))
    assert entries(cache) == []
    (message,) = caplog.messages
    assert "No space left on device; choose another folder. This process adds nothing more" in message


@pytest.mark.parametrize(("age", "times"), [(10, 1), (0, 4)])  # an image is stored in the first of three epochs
def test_an_old_file_is_hashed_once(age, times, pairs, cache, monkeypatch):
    hashed, now = [], time.time()

    def spy(path, real=prepared._hash):
        hashed.append(path)
        return real(path)

    monkeypatch.setattr(prepared, "_hash", spy)
    monkeypatch.setattr("feedbackward.data.prepared.time.time", lambda: now + age)
    dataset = training(pairs, cache)
    for _ in range(3):
        seeded(dataset)
    assert sorted(hashed) == sorted(path for pair in pairs for path in (pair.image, pair.mask) for _ in range(times))


def test_a_missing_file_is_named(pairs, cache):
    dataset = training(pairs, cache)
    pairs[1].mask.unlink()
    with pytest.raises(InputError, match=r"no file .*masks/1\.png"):
        dataset[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_training_does_not_depend_on_workers_and_cache(workers, folder, cache):
    def batches(number, **options):
        torch.manual_seed(3)
        data = FolderData(root=folder, batch_size=1, num_workers=number, augmentation=augmentation, **options)
        data.setup("fit")
        loader = data.train_dataloader()
        return [batch for _ in range(3) for batch in loader]

    augmentation = Augmentation(scale=(0.75, 1.5), noise=0.1)  # not resized: not reduced either
    expected, found = batches(0), batches(workers, cache=cache)
    for one, other in zip(found, expected, strict=True):
        assert one["name"] == other["name"]
        assert torch.equal(one["image"], other["image"])
        assert torch.equal(one["mask"], other["mask"])
    assert len(entries(cache)) == 1  # both images have the same content


def test_what_cannot_be_a_cache_is_refused(folder, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for path, message in ((file, "is a file; give a folder"), (file / "cache", "cannot be written")):
        with pytest.raises(InputError, match=f"data.cache {path}.* {message}"):
            FolderData(root=folder, cache=path).setup("fit")
    for size in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"cache_gb is .*; expected a size in GB, above 0"):
            FolderData(root=folder, cache=tmp_path / "cache", cache_gb=size)
    with pytest.raises(InputError, match=r"cache is .*; these scenes are drawn, not read from files: omit it"):
        StreetsData(cache=tmp_path / "cache")


def test_a_home_folder_is_found(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    data = FolderData(root=folder, cache="~/cache")
    seeded(data.dataset("val"))
    assert len(entries(Path(tmp_path, "cache"))) == 1
