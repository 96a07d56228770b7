"""A data set in shards is the data set of the same files in folders."""

import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.data import Augmentation, FolderData
from feedbackward.data import shards as shards_module
from feedbackward.data.bands import open_bands
from feedbackward.data.files import check_image, read_image
from feedbackward.data.shards import ShardsData
from feedbackward.data.tar_index import list_members
from feedbackward.data.tars import open_tar
from feedbackward.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    """A folder of seven images and masks in train and three in val."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 7), ("val", 3)):
        for number in range(count):
            mask = rng.choice([0, 1, 255], (32, 48)).astype(np.uint8)
            image = rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)
            for kind, array in (("images", image), ("masks", mask)):
                path = tmp_path / "set" / kind / split / f"scene_{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    (tmp_path / "set/classes.yaml").write_text("classes: [background, car]\n")
    return tmp_path / "set"


@pytest.fixture
def shards(root):
    """The same in tars of two samples, not in order, with the class file beside them."""
    folder = root.with_name("shards")
    folder.mkdir()
    (folder / "classes.yaml").write_bytes((root / "classes.yaml").read_bytes())
    for split in ("train", "val"):
        images = sorted((root / "images" / split).iterdir(), key=lambda path: 3 * int(path.stem[-1]) % 7)
        for first in range(0, len(images), 2):
            with tarfile.open(folder / f"{split}-{first // 2:02}.tar", "w") as tar:
                for image in images[first : first + 2]:
                    tar.add(image, image.name)
                    tar.add(root / "masks" / split / image.name, f"{image.stem}.mask.png")
    return folder


@pytest.fixture
def places(shards, serve):
    """The shards on disk and over http, as arguments."""
    url = serve(shards).url
    return [
        {"train": f"{shards}/train-{{00..03}}.tar", "val": f"{shards}/val-*.tar"},
        {
            "train": [f"{url}/train-{{00..02}}.tar", f"{url}/train-03.tar"],
            "val": f"{url}/val-{{00..01}}.tar",
            "classes": shards / "classes.yaml",
        },
    ]


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert one["name"] == other["name"]
    for key in one.keys() - {"name"}:
        assert torch.equal(torch.as_tensor(one[key]), torch.as_tensor(other[key]))


@pytest.mark.parametrize("cached", [False, True])
def test_items_are_those_of_the_folder(cached, root, places, tmp_path):
    options = {"num_workers": 0, "scale": 0.5, "cache": tmp_path / "prepared" if cached else None}
    folder = FolderData(root=root, **options)
    for place in places:
        for _ in range(1 + cached):
            data = ShardsData(**place, **options)
            assert data.class_table == folder.class_table
            for split in ("train", "val"):
                expected, dataset = folder.dataset(split), data.dataset(split)
                assert len(dataset) == len(expected)
                for index in range(len(dataset)):
                    torch.manual_seed(index)
                    item = expected[index]
                    torch.manual_seed(index)
                    assert_same(dataset[index], item)


@pytest.mark.parametrize("workers", [0, 2])
def test_order_and_augmentation_are_those_of_the_folder_whatever_the_workers(workers, root, places):
    options = {"batch_size": 2, "augmentation": Augmentation(crop=(16, 16))}
    batches = []
    for data in (
        FolderData(root=root, num_workers=0, **options),
        *(ShardsData(**place, num_workers=workers, **options) for place in places),
    ):
        data.setup("fit")
        torch.manual_seed(3)
        loader = data.train_dataloader()
        batches.append([(tuple(batch["name"]), batch["image"].sum().item()) for _ in range(2) for batch in loader])
    assert batches[0] == batches[1] == batches[2]
    assert len(set(batches[0])) == 6


def test_samples_are_checked_once(shards, places, serve, monkeypatch):
    calls = []
    check = shards_module.check_pairs
    monkeypatch.setattr(shards_module, "check_pairs", lambda *args, **kwargs: calls.append(check(*args, **kwargs)))
    for place in places:
        for _ in range(2):
            ShardsData(**place).dataset("train")
    assert len(calls) == 2
    (shards / "train-00.tar").touch()
    ShardsData(**places[0]).dataset("train")
    assert len(calls) == 3
    with pytest.raises(InputError, match=r"train-0\d\.tar/scene_\d\.png has colors"):
        ShardsData(**places[0], channels="gray").dataset("train")


def test_what_is_wrong_with_a_sample_names_its_tar(shards, places):
    with tarfile.open(shards / "val-01.tar", "w"):
        pass
    with pytest.raises(InputError, match=r"no images in .*val-01\.tar\. Expected KEY\.jpg"):
        ShardsData(**places[0]).dataset("val")
    with tarfile.open(shards / "val-00.tar") as tar:
        tar.extractall(shards, filter="data")
    (image, *_), (mask, *_) = sorted(shards.glob("scene_?.png")), sorted(shards.glob("*.mask.png"))
    with tarfile.open(shards / "val-01.tar", "w") as tar:
        tar.add(image, "x.png")
    with pytest.raises(InputError, match=r"no masks in .*val-01\.tar, but images"):
        ShardsData(**places[0]).dataset("val")
    with tarfile.open(shards / "val-01.tar", "w") as tar:
        tar.add(image, "x.png")
        tar.add(image, "z.png")
        tar.add(mask, "z.mask.png")
    with pytest.raises(InputError, match=r"in .*val-01\.tar: images without a mask \(1\): x\. Expected KEY\.jpg"):
        ShardsData(**places[0]).dataset("val")
    Image.fromarray(np.full((32, 48), 9, np.uint8)).save(mask)
    with tarfile.open(shards / "val-01.tar", "w") as tar:
        tar.add(image, "x.png")
        tar.add(mask, "x.seg.png")
    with pytest.raises(InputError, match=r"val-01\.tar/x\.seg\.png: value 9 \(1536 of 1536 pixels\) outside"):
        ShardsData(**places[0]).dataset("val")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "gif", "bmp", "jp2"])
def test_images_are_read_as_from_files(suffix, tmp_path, serve):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 20, 3), dtype=np.uint8)).save(path)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(path, path.name)
    for place in (tmp_path, serve(tmp_path).url):
        (member,) = list_members(open_tar(f"{place}/a.tar"))
        np.testing.assert_array_equal(read_image(member), read_image(path))
        assert check_image(member) == (300, 20)
        with open_bands(member) as bands:
            parts = [bands.read(top, top + 100) for top in (0, 100, 200)]
        np.testing.assert_array_equal(np.concatenate(parts), read_image(path))


def test_black_and_white_masks(tmp_path):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.eye(4, dtype=np.uint8) * 255).save(tmp_path / "m.png")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "a.png", "a.png")
        tar.add(tmp_path / "m.png", "a.mask.png")
    (tmp_path / "classes.yaml").write_text("classes: [background, car]\n")
    with pytest.raises(InputError, match=r"all 1 masks in .*/a\.tar contain only 0 and 255"):
        ShardsData(val=f"{tmp_path}/a.tar").dataset("val")


def test_the_class_file(shards, places, tmp_path):
    with pytest.raises(InputError, match=r"data\.test is not set; give the shards of this split, such as --data\.test"):
        ShardsData(**places[0]).dataset("test")
    with pytest.raises(InputError, match=r"no class file; set data\.classes to one that names the classes"):
        ShardsData(train=places[1]["train"]).class_table  # noqa: B018
    (shards / "classes.yaml").rename(tmp_path / "x.yaml")
    with pytest.raises(InputError, match=r"no class file; set data\.classes"):
        ShardsData(**places[0]).class_table  # noqa: B018
    (tmp_path / "x.yaml").write_text("masks: layers\nclasses: [wet, cracked]\n")
    with pytest.raises(InputError, match=r"x\.yaml: the classes overlap \(masks: layers\), and shards have one mask"):
        ShardsData(**places[0], classes=tmp_path / "x.yaml").class_table  # noqa: B018
