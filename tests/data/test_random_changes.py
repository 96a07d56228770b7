"""Every step of augmentation, against the operation written by hand with the same random numbers."""

import math
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from feedbackward.data.augmentation import Augmentation
from feedbackward.data.random_changes import Blur, LimitedCrop
from feedbackward.data.transforms import TrainTransform
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing

RGB = Preprocessing.identity("RGB")
GRAY = Preprocessing.identity("gray")
OFF = Augmentation(horizontal_flip=0)
EVERYTHING = Augmentation(
    vertical_flip=0.5,
    rotation=30,
    scale=(0.5, 2),
    crop_limit=0.9,
    color_jitter=0.3,
    hue=0.1,
    grayscale=0.3,
    blur=2,
    noise=0.1,
    jpeg=30,
    dropout=3,
)


def apply(image, mask, preprocessing=RGB, *, seed=0, void=255, **options):
    torch.manual_seed(seed)
    return TrainTransform(preprocessing, replace(OFF, **options), void=void)(image, mask)


def uniform(low, high):
    return torch.empty(()).uniform_(low, high).item()


@pytest.fixture
def scene():
    """An image and a mask that is its red channel, so that joint changes keep them equal."""
    mask = np.random.default_rng(0).integers(1, 200, (8, 12), dtype=np.uint8)
    return np.repeat(mask[..., None], 3, axis=2), mask


@pytest.fixture
def colors():
    """A photo-like RGB image, and a mask."""
    rows, columns = np.mgrid[:24, :32] / 32
    image = np.stack([rows, columns, (rows + columns) / 2], axis=2) * 200 + 20
    return image.astype(np.uint8), np.arange(24 * 32).reshape(24, 32).astype(np.uint8) % 7


def test_the_options_of_before_draw_the_same_numbers(colors):
    image, mask = colors
    options = Augmentation(horizontal_flip=0.5, crop=(20, 40), color_jitter=0.4)
    fill = {tv_tensors.Image: 0, tv_tensors.Mask: 255}
    pixels = tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1))
    steps = v2.Compose(
        [
            v2.RandomCrop([20, 40], pad_if_needed=True, fill=fill),
            v2.RandomHorizontalFlip(0.5),
            v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4),
        ]
    )
    for seed in range(8):
        torch.manual_seed(seed)
        expected = steps(pixels, tv_tensors.Mask(torch.from_numpy(mask.astype(np.int64))))
        state = torch.get_rng_state()
        torch.manual_seed(seed)
        found = TrainTransform(RGB, options)(image, mask)
        assert torch.equal(found[0], expected[0].float() / 255)
        assert torch.equal(found[1], expected[1].as_subclass(torch.Tensor))
        assert torch.equal(torch.get_rng_state(), state)


def test_without_options_nothing_is_drawn(scene):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    TrainTransform(RGB, OFF)(*scene)
    assert torch.equal(torch.get_rng_state(), state)


def test_vertical_flips_are_joint_and_have_the_given_probability(scene):
    flipped = 0
    for seed in range(200):
        image, mask = apply(*scene, vertical_flip=0.25, seed=seed)
        assert torch.equal((image[0] * 255).round().long(), mask)
        assert np.array_equal(mask, scene[1]) or np.array_equal(mask, scene[1][::-1])
        flipped += int(np.array_equal(mask, scene[1][::-1]))
    assert 30 <= flipped <= 70


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_a_rotation_is_about_the_center(seed, kind):
    height, width = 12, 17
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 200, (height, width), dtype=np.uint8)
    smooth = (np.mgrid[:height, :width].sum(0) * 7).astype(kind)  # linear, so that interpolation is known
    pixels = smooth[..., None] / (1 if kind is np.uint8 else np.float32(255))
    image, found = apply(pixels.astype(kind), mask, GRAY, rotation=60, seed=seed, void=255)

    torch.manual_seed(seed)
    angle = math.radians(torch.empty(1).uniform_(-60, 60).item())
    inside = 0
    for row in range(height):
        for column in range(width):
            y, x = row - (height - 1) / 2, column - (width - 1) / 2
            source_y = math.sin(angle) * x + math.cos(angle) * y + (height - 1) / 2
            source_x = math.cos(angle) * x - math.sin(angle) * y + (width - 1) / 2
            near_y, near_x = round(source_y), round(source_x)
            if 0 <= near_y < height and 0 <= near_x < width:
                assert found[row, column] == mask[near_y, near_x]
            else:
                assert found[row, column] == 255
            if 0 <= source_y <= height - 1 and 0 <= source_x <= width - 1:
                inside += 1
                assert image[0, row, column] * 255 == pytest.approx((source_y + source_x) * 7, abs=0.51)
            elif not (-1 < source_y < height and -1 < source_x < width):
                assert image[0, row, column] == 0
    assert inside > 60


def test_rotations_go_both_ways_up_to_the_largest_angle():
    stripe = np.zeros((41, 41), np.uint8)
    stripe[20] = 1
    angles = []
    for seed in range(60):
        _, mask = apply(np.repeat(stripe[..., None], 3, 2), stripe, rotation=20, seed=seed)
        rows, columns = np.nonzero(mask.numpy() == 1)
        angles.append(math.degrees(math.atan(np.polyfit(columns, rows, 1)[0])))
    assert -21 < min(angles) < -15
    assert 15 < max(angles) < 21


def test_an_image_is_rotated_before_it_is_cropped(scene):
    for seed in range(10):
        _, whole = apply(*scene, rotation=45, seed=seed)
        _, crop = apply(*scene, rotation=45, crop=(4, 5), seed=seed)
        windows = whole.unfold(0, 4, 1).unfold(1, 5, 1)
        assert (windows == crop).all(-1).all(-1).any()


def halves():
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 1
    return np.repeat(mask[..., None], 3, axis=2), mask


def test_a_crop_within_the_limit_is_found_by_up_to_10_draws():
    def within(**options):  # of the five crops, one has both halves
        return sum((apply(*halves(), crop=(8, 4), seed=seed, **options)[1] == 0).sum() == 16 for seed in range(200))

    assert 20 <= within() <= 60  # 1 / 5
    assert 160 <= within(crop_limit=0.5) <= 195  # 1 - (4 / 5) ** 10, which is 0.89


def test_the_limit_is_a_share_that_is_still_allowed():
    for seed in range(50):
        torch.manual_seed(seed)
        first = apply(*halves(), crop=(8, 4), seed=seed)[1]
        found = apply(*halves(), crop=(8, 4), seed=seed, crop_limit=0.75)[1]
        share = max((first == 0).sum(), (first == 1).sum()) / 32
        assert torch.equal(found, first) or share > 0.75


def test_void_is_no_class_of_the_limit():
    mask = np.full((9, 20), 255, np.uint8)
    mask[4], mask[5] = 1, 2  # in each crop half of what is not void
    image = np.repeat(np.arange(180, dtype=np.uint8).reshape(9, 20)[..., None], 3, axis=2)
    for seed in range(20):
        limited, unlimited = (apply(image, mask, crop=(9, 5), seed=seed, crop_limit=limit)[0] for limit in (0.5, 1.0))
        assert torch.equal(limited, unlimited)


@pytest.mark.parametrize("value", [3, 255])
def test_a_limit_that_no_crop_keeps(value):
    crop = LimitedCrop((4, 4), 0.5, 255)
    image = tv_tensors.Image(torch.zeros(3, 8, 8, dtype=torch.uint8))
    _, mask = crop(image, tv_tensors.Mask(torch.full((8, 8), value)))
    assert torch.equal(mask.as_subclass(torch.Tensor), torch.full((4, 4), value))


def test_a_limit_holds_for_the_crops_of_scaled_images(scene):
    assert apply(*scene, scale=(1.5, 2.0), crop_limit=0.5)[1].shape == (8, 12)


def test_the_hue_turns_on_the_color_circle():
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    seen = set()
    for seed in range(40):
        image, mask = apply(red, red[..., 0], hue=0.5, seed=seed)
        assert image.amax(0).eq(1).all()
        assert image.amin(0).eq(0).all()  # full value and saturation
        assert (mask == 255).all()
        seen.add(image[:, 0, 0].argmax().item())
    assert seen == {0, 1, 2}


def test_a_small_change_of_the_hue_is_within_its_limit():
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 255
    for seed in range(40):
        image, _ = apply(red, red[..., 0], hue=0.05, seed=seed)
        assert image[0] == 1
        assert image[1:].max() <= 0.05 * 6 + 0.01  # a sixth of the circle is one color's whole range


def test_hue_and_jitter_leave_the_mask(colors):
    image, mask = apply(*colors, hue=0.2, color_jitter=0.5)
    np.testing.assert_array_equal(mask, colors[1])
    assert (image * 255 - torch.from_numpy(colors[0]).permute(2, 0, 1)).abs().max() > 5


@pytest.mark.parametrize("deep", [False, True])
def test_grayscale_is_the_luma(colors, deep):
    pixels = colors[0].astype(np.uint16) * 257 if deep else colors[0]
    image, mask = apply(pixels, colors[1], grayscale=1)
    luma = colors[0] @ np.array([0.299, 0.587, 0.114])
    for channel in image:
        np.testing.assert_allclose(channel * 255, luma, atol=1.01)
    np.testing.assert_array_equal(mask, colors[1])
    some = [apply(*colors, grayscale=0.25, seed=seed)[0] for seed in range(100)]
    assert 12 <= sum(torch.equal(each[0], each[1]) for each in some) <= 40


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_blur_is_gaussian(seed, kind):
    rng = np.random.default_rng(seed)
    pixels = rng.random((15, 21, 2), np.float32)
    if kind is np.uint8:
        pixels = (pixels * 255).astype(np.uint8)
    image, mask = apply(pixels, pixels[..., 0].astype(np.uint8), Preprocessing.identity(2), blur=2, seed=seed)
    torch.manual_seed(seed)
    sigma = uniform(0, 2)
    radius = math.ceil(3 * sigma)
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    padded = np.pad(pixels.astype(np.float64), ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    rows = sum(weight * padded[start : start + 15] for start, weight in enumerate(weights))
    both = sum(weight * rows[:, start : start + 21] for start, weight in enumerate(weights))
    scale, tolerance = (255, 0.5 / 255) if kind is np.uint8 else (1, 0)
    np.testing.assert_allclose(image.permute(1, 2, 0), both / scale, atol=tolerance + 1e-5)
    np.testing.assert_array_equal(mask, pixels[..., 0].astype(np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 2)])
def test_blur_of_images_smaller_than_the_kernel(shape):
    image = tv_tensors.Image(torch.full((3, *shape), 77, dtype=torch.uint8))
    torch.manual_seed(0)
    blurred, _ = Blur(50)(image, tv_tensors.Mask(torch.zeros(shape)))
    assert (blurred == 77).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_noise_has_the_deviation_that_is_drawn(kind):
    most = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[kind]
    pixels = np.full((100, 100, 4), 0.5 * most).astype(kind)
    deviations = []
    for seed in range(20):
        image, mask = apply(pixels, pixels[..., 0].astype(np.uint8), Preprocessing.identity(4), noise=0.1, seed=seed)
        torch.manual_seed(seed)
        drawn = uniform(0, 0.1)
        assert (image - pixels[0, 0, 0] / most).mean().abs() < 0.002
        assert image.std() == pytest.approx(drawn, rel=0.03, abs=0.0015)
        assert torch.corrcoef(image.flatten(1))[0, 1].abs() < 0.1 or drawn < 0.01
        np.testing.assert_array_equal(mask, pixels[..., 0].astype(np.uint8))
        deviations.append(drawn)
    assert max(deviations) > 0.08


def test_noise_stays_in_the_range():
    image, _ = apply(np.full((50, 50, 3), 255, np.uint8), np.zeros((50, 50), np.uint8), noise=1)
    assert image.max() == 1
    assert image.min() >= 0
    assert image.min() < 0.9


@pytest.mark.parametrize("preprocessing", [RGB, GRAY])
def test_jpeg_is_what_another_library_writes(preprocessing):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, preprocessing.in_channels), dtype=np.uint8)
    for seed in range(8):
        image, mask = apply(pixels, pixels[..., 0], preprocessing, jpeg=5, seed=seed)
        torch.manual_seed(seed)
        quality = int(torch.randint(5, 101, ()))
        file = imagecodecs.jpeg8_encode(pixels.squeeze(), level=quality, subsampling="420")
        expected = imagecodecs.jpeg8_decode(file).reshape(pixels.shape)
        np.testing.assert_allclose(image.permute(1, 2, 0) * 255, expected, atol=1.01)
        np.testing.assert_array_equal(mask, pixels[..., 0])


def test_jpeg_of_more_bits(colors):
    for pixels in (colors[0].astype(np.uint16), colors[0].astype(np.float32) / 255):
        with pytest.raises(InputError, match=r"^augmentation: jpeg is for images of 8 bits, and one has more"):
            apply(pixels, colors[1], jpeg=50)


def test_dropout_is_black_in_the_image_and_void_in_the_mask(scene):
    counts = set()
    for seed in range(60):
        image, mask = apply(*scene, dropout=1, dropout_size=(0.25, 0.5), void=65535, seed=seed)
        gone = mask.numpy() == 65535
        assert (image[:, gone] == 0).all()
        np.testing.assert_array_equal(mask[~gone], scene[1][~gone])
        np.testing.assert_array_equal((image[0][~gone] * 255).round(), scene[1][~gone])
        rows, columns = np.flatnonzero(gone.any(1)), np.flatnonzero(gone.any(0))
        assert gone.sum() == len(rows) * len(columns)  # one rectangle
        counts.add((len(rows), len(columns)))
    heights, widths = map(set, zip(*(counts - {(0, 0)}), strict=True))
    assert (0, 0) in counts
    assert heights == {2, 3, 4}
    assert widths == {3, 4, 5, 6}


def test_several_rectangles_reach_every_border(scene):
    reached = np.zeros((8, 12), bool)
    most = 0
    for seed in range(200):
        _, mask = apply(*scene, dropout=4, dropout_size=(0.01, 0.01), seed=seed)
        most = max(most, (mask == 255).sum())
        reached |= mask.numpy() == 255
    assert most == 4
    assert reached.sum() > 90
    assert reached[[0, 0, -1, -1], [0, -1, 0, -1]].any()


def test_a_dropout_leaves_the_arrays_that_were_read(scene):
    before = [array.copy() for array in scene]
    apply(*scene, dropout=4, dropout_size=(1.0, 1.0))
    for array, copy in zip(scene, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_everything_depends_on_the_seed_only(colors):
    transform = TrainTransform(RGB, EVERYTHING)
    seen = []
    for seed in (0, 1, 0):
        torch.manual_seed(seed)
        seen.append(transform(*colors))
    assert torch.equal(seen[0][0], seen[2][0])
    assert torch.equal(seen[0][1], seen[2][1])
    assert not torch.equal(seen[0][0], seen[1][0])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", ["gray", "RGB", 5])
def test_bands_and_bits_of_any_number(channels, kind):
    preprocessing = Preprocessing.identity(channels)
    rng = np.random.default_rng(0)
    pixels = rng.random((24, 32, preprocessing.in_channels), np.float32)
    if kind is not np.float32:
        pixels = (pixels * np.iinfo(kind).max).astype(kind)
    mask = rng.integers(0, 5, (24, 32), dtype=np.uint8)
    options = replace(EVERYTHING, color_jitter=0, hue=0, grayscale=0, jpeg=None)
    for seed in range(10):
        torch.manual_seed(seed)
        image, found = TrainTransform(preprocessing, options)(pixels, mask)
        assert image.shape == (preprocessing.in_channels, 24, 32)
        assert image.dtype == torch.float32
        assert image.is_contiguous()
        assert 0 <= image.min() <= image.max() <= 1
        assert found.dtype == torch.int64
        assert set(found.unique().tolist()) <= {0, 1, 2, 3, 4, 255}
