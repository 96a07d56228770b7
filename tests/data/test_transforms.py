from dataclasses import replace

import numpy as np
import pytest
import torch

from feedbackward.data.augmentation import Augmentation
from feedbackward.data.transforms import EvalTransform, TrainTransform
from feedbackward.preprocessing import Preprocessing, Resize

AS_READ = Preprocessing.identity("RGB")

NOTHING = Augmentation(horizontal_flip=0)


def to(size):
    return replace(AS_READ, resize=Resize(size=size))


@pytest.fixture
def scene():
    """An image and a mask that is its red channel, so that joint changes keep them equal."""
    mask = np.random.default_rng(0).integers(0, 200, (8, 12), dtype=np.uint8)
    return np.repeat(mask[..., None], 3, axis=2), mask


def agree(image, mask):
    return torch.equal((image[0] * 255).round().long(), mask)


def test_shapes_types_and_range(scene):
    image, mask = TrainTransform(AS_READ, NOTHING)(*scene)
    assert image.shape == (3, 8, 12)
    assert image.dtype == torch.float32
    assert type(image) is type(mask) is torch.Tensor
    assert image.is_contiguous()
    assert mask.dtype == torch.int64
    assert 0 <= image.min() <= image.max() <= 1
    np.testing.assert_array_equal(mask, scene[1])
    assert agree(image, mask)


def test_flips_are_joint_and_have_the_given_probability(scene):
    torch.manual_seed(0)
    flipped = 0
    transform = TrainTransform(AS_READ, Augmentation(horizontal_flip=0.25))
    for _ in range(200):
        image, mask = transform(*scene)
        assert agree(image, mask)
        flipped += int(np.array_equal(mask, scene[1][:, ::-1]))
    assert 30 <= flipped <= 70


def test_a_training_mask_has_the_value_at_the_center_of_each_pixel():
    mask = np.random.default_rng(0).integers(0, 200, (9, 15), dtype=np.uint8)
    image = np.repeat(mask[..., None], 3, axis=2)
    resized, resized_mask = TrainTransform(to((3, 5)), NOTHING)(image, mask)
    assert resized.shape == (3, 3, 5)
    np.testing.assert_array_equal(resized_mask, mask[1::3, 1::3])


def test_masks_of_16_bits_keep_their_values():
    mask = np.array([[0, 300], [65535, 7]], np.uint16)
    _, found = TrainTransform(to((4, 4)), NOTHING)(np.zeros((2, 2, 3), np.uint8), mask)
    np.testing.assert_array_equal(found[::2, ::2], mask)


def test_a_scaled_image_is_cropped_to_the_size_that_it_had(scene):
    torch.manual_seed(0)
    scaled = Augmentation(horizontal_flip=0, scale=(1.0, 2.0))
    assert TrainTransform(AS_READ, scaled)(*scene)[0].shape == (3, 8, 12)
    image, mask = TrainTransform(to((4, 9)), scaled)(*scene)
    assert image.shape == (3, 4, 9)
    assert (mask != 255).all()  # larger than the crop: nothing is padded


def test_padding_has_the_ignored_value_of_the_classes(scene):
    padded = Augmentation(horizontal_flip=0, crop=(20, 30))
    _, mask = TrainTransform(AS_READ, padded, void=65535)(*scene)
    assert (mask == 65535).sum() >= 20 * 30 - 8 * 12


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_images_of_more_bits_become_the_same(scene, kind):
    image, mask = scene
    deep = image.astype(np.uint16) * 257 if kind is np.uint16 else image.astype(np.float32) / 255
    for transform in (TrainTransform(to((4, 6)), NOTHING), EvalTransform(to((4, 6)))):
        torch.testing.assert_close(transform(deep, mask)[0], transform(image, mask)[0], rtol=0, atol=0.5 / 255)


def test_a_range_of_values_becomes_0_to_1():
    image = np.array([0, 1000, 2000, 4000], np.uint16).reshape(2, 2, 1)
    preprocessing = replace(Preprocessing.identity("gray"), value_range=(0, 4000))
    for transform in (TrainTransform(preprocessing, NOTHING), EvalTransform(preprocessing)):
        found, _ = transform(image, image[..., 0])
        torch.testing.assert_close(found, torch.tensor([[[0, 0.25], [0.5, 1]]]))


def test_any_number_of_bands():
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 5), dtype=np.uint8)
    preprocessing = replace(Preprocessing.identity(5), resize=Resize(scale=0.5))
    scaled = Augmentation(horizontal_flip=0.5, scale=(1, 2))
    assert TrainTransform(preprocessing, scaled)(image, image[..., 0])[0].shape == (5, 4, 6)
    assert EvalTransform(preprocessing).image(image).shape == (5, 4, 6)


def test_decimation_of_the_image_is_smooth():
    stripes = np.zeros((8, 64, 3), np.uint8)
    stripes[:, ::2] = 200  # without antialiasing a stripe would survive as black or white
    for image in (
        TrainTransform(to((8, 8)), NOTHING)(stripes, stripes[..., 0])[0],
        EvalTransform(to((8, 8))).image(stripes),
    ):
        assert (image * 255 - 100).abs().max() < 20


def test_crop_is_joint_and_random(scene):
    torch.manual_seed(0)
    transform = TrainTransform(AS_READ, Augmentation(horizontal_flip=0, crop=(4, 5)))
    seen = set()
    for _ in range(20):
        image, mask = transform(*scene)
        assert image.shape == (3, 4, 5)
        assert agree(image, mask)
        seen.add(mask.numpy().tobytes())
    assert len(seen) > 10


def test_padding_is_black_and_void(scene):
    image, mask = TrainTransform(AS_READ, Augmentation(horizontal_flip=0, crop=(20, 30)))(*scene)
    assert mask.shape == (20, 30)
    void = mask == 255
    assert (image[:, void] == 0).all()
    assert 0 < (~void).sum() <= 8 * 12


def test_scale_is_joint_and_goes_both_ways():
    square = np.zeros((40, 40), np.uint8)
    square[10:30, 10:30] = 9
    transform = TrainTransform(AS_READ, Augmentation(horizontal_flip=0, scale=(0.5, 2.0), crop=(80, 80)))
    torch.manual_seed(0)
    sides = []
    for _ in range(20):
        image, mask = transform(np.repeat(square[..., None], 3, axis=2), square)
        assert {0, 9} <= set(mask.unique().tolist()) <= {0, 9, 255}
        assert ((image[0] * 255 > 4.5) != (mask == 9)).float().mean() < 0.02
        sides.append((mask == 9).sum().sqrt().item())
    assert 9 < min(sides) < 16
    assert 28 < max(sides) < 41


def test_an_enlarged_image_keeps_the_detail_of_the_original():
    stripes = np.zeros((8, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    twice = Augmentation(horizontal_flip=0, scale=(2.0, 2.0), crop=(8, 64))
    image, mask = TrainTransform(to((4, 32)), twice)(stripes, stripes[..., 0])
    assert agree(image, mask)
    np.testing.assert_array_equal(mask, stripes[..., 0])


def test_jitter_does_not_change_the_mask(scene):
    torch.manual_seed(0)
    image, mask = TrainTransform(AS_READ, Augmentation(horizontal_flip=0, color_jitter=0.5))(*scene)
    np.testing.assert_array_equal(mask, scene[1])
    assert not agree(image, mask)


def test_evaluation_keeps_the_masks_resolution(scene):
    image, mask = EvalTransform(to((4, 6)))(*scene)
    assert image.shape == (3, 4, 6)
    assert mask.dtype == torch.int64
    np.testing.assert_array_equal(mask, scene[1])
