from dataclasses import replace

import pytest

from feedbackward.data.augmentation import RECOMMENDED, Augmentation, check_augmentation
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing, Resize

RGB = Preprocessing.identity("RGB")
FOR_ALL = Augmentation(vertical_flip=0.5, rotation=9, scale=(0.5, 2), crop_limit=0.9, blur=1, noise=0.1, dropout=3)


def test_all_but_the_flip_is_off_by_default():
    assert Augmentation() == Augmentation(
        horizontal_flip=0.5,
        scale=(1, 1),
        crop=None,
        color_jitter=0,
        vertical_flip=0,
        rotation=0,
        crop_limit=1,
        hue=0,
        grayscale=0,
        blur=0,
        noise=0,
        jpeg=None,
        dropout=0,
        custom=None,
    )
    assert Augmentation(scale=(0.75, 1.5)) == RECOMMENDED


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"horizontal_flip": 1.5}, "horizontal_flip is 1.5; expected 0 to 1"),
        ({"color_jitter": -1}, "color_jitter is -1; expected 0 to 1"),
        ({"scale": (2.0, 0.5), "crop": (4, 4)}, r"scale is \[2.0, 0.5\]; expected \[smallest, largest\]"),
        ({"crop": (0, 4)}, r"crop is \[0, 4\]; expected \[height, width\]"),
        ({"vertical_flip": 2}, "vertical_flip is 2; expected 0 to 1"),
        ({"rotation": 181}, "rotation is 181; expected 0 to 180"),
        ({"rotation": float("nan")}, "rotation is nan; expected 0 to 180"),
        ({"hue": 0.6}, "hue is 0.6; expected 0 to 0.5"),
        ({"grayscale": -0.1}, "grayscale is -0.1; expected 0 to 1"),
        ({"blur": -1}, "blur is -1; expected 0 to 100"),
        ({"noise": 25}, "noise is 25; expected 0 to 1"),
        ({"jpeg": 0}, "jpeg is 0; expected 1 to 100"),
        ({"dropout": -1}, "dropout is -1; expected 0 to 1000"),
        ({"dropout_size": (0.5, 0.1)}, r"dropout_size is \[0.5, 0.1\]; expected \[smallest, largest\]"),
        ({"dropout_size": (16, 32)}, r"dropout_size is \[16, 32\]; .* at most 1"),
        ({"crop_limit": 0, "crop": (4, 4)}, "crop_limit is 0; expected above 0 and at most 1"),
        ({"crop_limit": 0.75}, "crop_limit is given and images are not cropped; set crop, or scale"),
        ({"custom": "mine.augment"}, "custom is 'mine.augment'; expected a function of image and mask"),
    ],
)
def test_refused_augmentations(values, message):
    with pytest.raises(InputError, match=f"^augmentation: {message}"):
        Augmentation(**values)


@pytest.mark.parametrize("channels", ["gray", "RGB", "BGR", 4])
def test_what_suits_images_of_any_kind(channels):
    check_augmentation(FOR_ALL, replace(Preprocessing.identity(channels), value_range=(0, 4095)), workers=1)


@pytest.mark.parametrize(
    ("values", "channels", "message"),
    [
        ({"color_jitter": 0.1}, 5, "color_jitter is for gray and RGB images, and these have 5 bands; omit it"),
        ({"hue": 0.1}, "gray", "hue is for RGB images, and these are gray; omit it"),
        ({"hue": 0.1}, 4, "hue is for RGB images, and these have 4 bands; omit it"),
        ({"grayscale": 0.1}, "gray", "grayscale is for RGB images, and these are gray; omit it"),
        ({"grayscale": 0.1}, 2, "grayscale is for RGB images, and these have 2 bands; omit it"),
        ({"jpeg": 50}, 4, "jpeg is for 8-bit gray and RGB images, and these have 4 bands; omit it"),
    ],
)
def test_options_for_other_images(values, channels, message):
    with pytest.raises(InputError, match=f"^augmentation: {message}$"):
        check_augmentation(Augmentation(**values), Preprocessing.identity(channels), workers=0)


def test_jpeg_and_a_range_of_more_than_8_bits():
    check_augmentation(Augmentation(jpeg=50), replace(RGB, value_range=(0, 255)), workers=0)
    with pytest.raises(InputError, match=r"jpeg is for 8-bit images, and these have the value_range \[0, 4095\]; omit"):
        check_augmentation(Augmentation(jpeg=50), replace(RGB, value_range=(0, 4095)), workers=0)


def test_a_crop_that_is_larger_than_every_image():
    sized = replace(RGB, resize=Resize(size=(8, 8)))
    check_augmentation(Augmentation(crop=(12, 12), scale=(1, 2)), sized, workers=0)
    with pytest.raises(InputError, match=r"the crop \[12, 12\] is larger than every image, at most \[8, 8\]"):
        check_augmentation(Augmentation(crop=(12, 12)), sized, workers=0)


def test_a_function_that_workers_cannot_have():
    local = Augmentation(custom=lambda image, mask: (image, mask))
    check_augmentation(local, RGB, workers=0)
    with pytest.raises(
        InputError, match=r"custom cannot be sent to the processes .*lambda.*, or set num_workers to 0$"
    ):
        check_augmentation(local, RGB, workers=2)
