"""A user's own transform: what it is given, what it may return, and that it depends on torch's seed only."""

import pickle
import random
import sys

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from feedbackward.data import FolderData
from feedbackward.data.augmentation import Augmentation
from feedbackward.data.sampler import SeededItems
from feedbackward.data.transforms import TrainTransform
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing

MODULE = """
import random

import numpy as np


def flip(image, mask):
    return image[:, ::-1], mask[:, ::-1]


def drop(image, mask):
    image[random.randrange(len(image))] = 0
    image[:, np.random.randint(image.shape[1])] = 0
    return image, mask


class Invert:
    def __init__(self, rows: int = 1) -> None:
        self.rows = rows

    def __call__(self, image, mask):
        image[: self.rows] = 255 - image[: self.rows]
        return image, mask
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A user's module."""
    (tmp_path / "my_own_steps.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import my_own_steps

    yield my_own_steps
    del sys.modules["my_own_steps"]


@pytest.fixture
def scene():
    mask = np.random.default_rng(0).integers(0, 200, (8, 12), dtype=np.uint8)
    return np.repeat(mask[..., None], 3, axis=2), mask


def apply(custom, image, mask, *, seed=0, void=255, **options):
    torch.manual_seed(seed)
    augmentation = Augmentation(**{"horizontal_flip": 0, **options}, custom=custom)
    channels = image.shape[2] if image.ndim == 3 else 1
    return TrainTransform(Preprocessing.identity(channels), augmentation, void=void)(image, mask)


def test_a_function_of_arrays(mine, scene):
    image, mask = apply(mine.flip, *scene)
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert mask.dtype == torch.int64
    np.testing.assert_array_equal((image * 255).round(), scene[0][:, ::-1].transpose(2, 0, 1))
    np.testing.assert_array_equal(mask, scene[1][:, ::-1])


@pytest.mark.parametrize(
    ("pixels", "values", "void", "kinds"),
    [
        (np.uint8, np.uint8, 255, ("uint8", "uint8")),
        (np.uint16, np.uint16, 65535, ("float32", "uint16")),
        (np.float32, np.uint8, 65535, ("float32", "uint16")),
        (np.uint8, np.uint8, -1, ("uint8", "int16")),
        (np.uint8, np.int32, 255, ("uint8", "int32")),
    ],
)
def test_the_types_of_the_arrays(scene, pixels, values, void, kinds):
    seen = []

    def look(image, mask):
        seen.append((image.dtype.name, mask.dtype.name, image.shape, mask.shape, image.max() <= 1))
        return image, mask

    image = scene[0].astype(pixels) / (255 if pixels is np.float32 else 1)
    _, mask = apply(look, image.astype(pixels), scene[1].astype(values), void=void, crop=(9, 12))
    assert seen == [(*kinds, (9, 12, 3), (9, 12), kinds[0] == "float32")]
    assert (mask == void).sum() == 12


def test_it_follows_the_other_steps(scene):
    def look(image, mask):
        assert (image == 0).all()
        assert (mask == 255).all()
        return image + 9, mask

    image, _ = apply(look, *scene, dropout=1000, dropout_size=(1, 1), seed=1)
    assert (image == np.float32(9 / 255)).all()


def test_an_array_may_be_changed_in_place(scene):
    before = [array.copy() for array in scene]

    def blacken(image, mask):
        image[:], mask[:] = 0, 255
        return image, mask

    image, mask = apply(blacken, *scene)
    assert (image == 0).all()
    assert (mask == 255).all()
    for array, copy in zip(scene, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_transform_of_torchvision_is_given_both(scene):
    seen = []

    class Look(v2.Transform):
        def forward(self, image, mask):
            seen.append((type(image), image.dtype, type(mask), mask.dtype))
            return image, mask

    image, mask = apply(v2.Compose([Look(), v2.RandomHorizontalFlip(1)]), *scene)
    assert seen == [(tv_tensors.Image, torch.uint8, tv_tensors.Mask, torch.int64)]
    assert type(image) is type(mask) is torch.Tensor
    np.testing.assert_array_equal((image * 255).round(), scene[0][:, ::-1].transpose(2, 0, 1))
    np.testing.assert_array_equal(mask, scene[1][:, ::-1])


def test_a_transform_of_torchvision_and_deep_bands():
    pixels = np.random.default_rng(0).integers(0, 65536, (8, 12, 5), dtype=np.uint16)
    image, _ = apply(v2.RandomVerticalFlip(1), pixels, np.zeros((8, 12), np.uint8))
    np.testing.assert_allclose(image, pixels[::-1].transpose(2, 0, 1) / 65535, rtol=1e-6)


def named(function):
    """The lambda with a name for messages."""
    function.__qualname__ = "change"
    return function


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i, m: None, r"returned None; expected a tuple \(image, mask\)"),
        (lambda i, m: i, r"returned ndarray of 8; expected a tuple \(image, mask\)"),
        (lambda i, m: {"image": i, "mask": m}, r"returned dict of 2; expected a tuple \(image, mask\)"),
        (lambda i, m: (i, m, m), r"returned tuple of 3; expected a tuple \(image, mask\)"),
        (
            lambda i, m: (i[:4], m[:4]),
            r"returned an image that is uint8 of shape \[4, 12, 3\]; expected uint8 of shape \[8, 12, 3\], as it was "
            r"given\. The options size and crop change the size",
        ),
        (lambda i, m: (torch.tensor(i).permute(2, 0, 1), m), r"an image that is uint8 of shape \[3, 8, 12\]; expected"),
        (lambda i, m: ((i / 255).astype(np.float32), m), r"an image that is float32 of shape .* network normalizes"),
        (lambda i, m: (i, m[:, :5]), r"returned a mask that is uint8 of shape \[8, 5\]; expected .*\[8, 12\]"),
        (lambda i, m: (i, m.astype(np.int64)), r"returned a mask that is int64 of shape .*; expected uint8 of shape"),
        (lambda i, m: (i, None), r"returned a mask that is of type NoneType; expected uint8 of shape \[8, 12\]"),
        (lambda i, m: (i, m // 2), r"a mask with the value 1; expected those .* \(0, 3\) and 255 for void: change"),
        (lambda i, m: (i, m + 9), r"a mask with the values 9, 12; expected those .* with nearest neighbor"),
    ],
)
def test_what_must_not_be_returned(change, message):
    mask = np.zeros((8, 12), np.uint8)
    mask[2:5] = 3
    with pytest.raises(InputError, match=f"^augmentation: change .*{message}"):
        apply(named(change), np.zeros((8, 12, 3), np.uint8), mask)


@pytest.mark.parametrize(("factor", "shift"), [(4, -2), (1, 0.5), (float("nan"), 0)])
def test_floating_point_images_stay_in_the_range(factor, shift):
    pixels = np.linspace(0, 1, 96, dtype=np.float32).reshape(8, 12, 1)
    with pytest.raises(InputError, match=r"change returned an image with values from .*; expected 0 to 1: the network"):
        apply(named(lambda i, m: (i * np.float32(factor) + np.float32(shift), m)), pixels, np.zeros((8, 12), np.uint8))


def test_a_transform_of_torchvision_that_changes_the_size(scene):
    with pytest.raises(
        InputError, match=r"RandomCrop returned an image that is uint8 of shape \[3, 4, 4\]; expected .*8"
    ):
        apply(v2.RandomCrop(4), *scene)


def test_an_error_of_the_function_is_not_hidden(scene):
    def fails(image, mask):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        apply(fails, *scene)


def test_random_numbers_of_any_generator_depend_on_torch_s_seed(mine, scene):
    random.seed(1)
    np.random.seed(1)
    python, numpy = random.getstate(), np.random.get_state()[1].copy()
    first, other = apply(mine.drop, *scene)[0], apply(mine.drop, *scene, seed=1)[0]
    assert random.getstate() == python
    np.testing.assert_array_equal(np.random.get_state()[1], numpy)
    random.seed(2)
    np.random.seed(2)
    assert torch.equal(apply(mine.drop, *scene)[0], first)
    assert not torch.equal(other, first)


def test_generators_are_restored_after_an_error(scene):
    random.seed(1)
    state = random.getstate()
    with pytest.raises(InputError):
        apply(lambda image, mask: random.random(), *scene)
    assert random.getstate() == state


class Scenes(Dataset):
    def __init__(self, transform, scene):
        self.transform = transform
        self.scene = scene

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.transform(*self.scene)[0]


def test_workers_draw_what_the_main_process_draws(mine, scene):
    transform = TrainTransform(Preprocessing.identity("RGB"), Augmentation(custom=mine.drop, noise=0.1))
    transform = pickle.loads(pickle.dumps(transform))
    items = SeededItems(Scenes(transform, scene), seed=3)
    alone, workers = (torch.cat(list(DataLoader(items, num_workers=count))) for count in (0, 2))
    assert torch.equal(alone, workers)
    assert not torch.equal(alone[0], alone[1])


def parser():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(FolderData, "data")
    return parser


@pytest.mark.parametrize(
    ("custom", "check"),
    [
        ("my_own_steps.flip", lambda found, mine: found is mine.flip),
        (
            {"class_path": "my_own_steps.Invert", "init_args": {"rows": 2}},
            lambda found, mine: isinstance(found, mine.Invert) and found.rows == 2,
        ),
        (
            {"class_path": "torchvision.transforms.v2.RandomPosterize", "init_args": {"bits": 3}},
            lambda found, mine: isinstance(found, v2.RandomPosterize) and found.bits == 3,
        ),
    ],
)
def test_a_recipe_names_it_by_its_import_path_and_is_saved_so(mine, custom, check):
    read = parser().parse_object({"data": {"root": "x", "augmentation": {"custom": custom}}})
    saved = parser().dump(read)
    for config in (read, parser().parse_string(saved)):
        data = parser().instantiate(config).data
        assert check(data.augmentation.custom, mine)
        pickle.loads(pickle.dumps(data.transform.__self__.augmentation))
    assert (custom if isinstance(custom, str) else custom["class_path"]) in saved


def test_a_class_with_arguments_is_a_function_too(mine, scene):
    image, _ = apply(mine.Invert(2), *scene)
    expected = scene[0].copy()
    expected[:2] = 255 - expected[:2]
    np.testing.assert_array_equal((image * 255).round(), expected.transpose(2, 0, 1))
