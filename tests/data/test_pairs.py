from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feedbackward.data.encodings import IndexEncoding
from feedbackward.data.pairs import ImageDataset, Pair, PairDataset, check_pairs, match
from feedbackward.data.transforms import EvalTransform
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing, Resize

RGB = Preprocessing.identity("RGB")
ENCODING = IndexEncoding({0: 0, 1: 1}, ignored=[255], hint="")


def files(*names):
    return {name: Path(f"{name}.png") for name in names}


@pytest.fixture
def pair(tmp_path, write, picture):
    """Make a pair of the given size, with a constant mask."""

    def make(name, size=(6, 8), mask_size=None, value=0):
        return Pair(
            name,
            write(tmp_path / "images" / f"{name}.png", np.resize(picture, (*size, 3))),
            write(tmp_path / "masks" / f"{name}.png", np.full(mask_size or size, value, np.uint8)),
        )

    return make


def test_pairs_are_matched_by_name():
    pairs = match(files("b", "a"), files("a", "b"), where="", hint="")
    assert [pair.name for pair in pairs] == ["a", "b"]


def test_empty_folders_are_refused():
    with pytest.raises(InputError, match=r"no images in here\. do that"):
        match({}, files("a"), where="here", hint="do that")
    with pytest.raises(InputError, match=r"no masks in here, but images \(2\)\. do that"):
        match(files("a", "b"), {}, where="here", hint="do that")


def test_images_and_masks_without_a_partner_are_listed():
    with pytest.raises(InputError, match=r"in here: images without a mask \(1\): a; masks without an image \(1\): c"):
        match(files("a", "b"), files("b", "c"), where="here", hint="")
    many = [f"n{number:02}" for number in range(12)]
    with pytest.raises(InputError, match=r"images without a mask \(12\): n00, .*n09 and 2 more\. do that"):
        match(files("a", *many), files("a"), where="here", hint="do that")


def test_valid_pairs_pass_the_check(pair):
    check_pairs([pair("a"), pair("b", size=(3, 4), value=255)], ENCODING, preprocessing=RGB, one_size=False)


def test_check_refuses_a_mask_of_another_size(pair):
    expected = r"images/b\.png is 6x8 but its mask .*masks/b\.png is 5x8 \(height x width\)"
    with pytest.raises(InputError, match=expected):
        check_pairs([pair("a"), pair("b", mask_size=(5, 8))], ENCODING, preprocessing=RGB, one_size=False)


def test_check_refuses_a_value_outside_the_table(pair):
    with pytest.raises(InputError, match=r"masks/b\.png: value 2 \(48 of 48 pixels\)"):
        check_pairs([pair("a"), pair("b", value=2)], ENCODING, preprocessing=RGB, one_size=False)


def test_check_refuses_a_damaged_image(pair):
    broken = pair("b")
    broken.image.write_bytes(broken.image.read_bytes()[:60])
    with pytest.raises(InputError, match=r"images/b\.png cannot be read"):
        check_pairs([pair("a"), broken], ENCODING, preprocessing=RGB, one_size=False)


def test_check_refuses_several_sizes_if_one_is_required(pair):
    with pytest.raises(InputError, match=r"a\.png is 6x8, .*b\.png is 3x4 .*batch_size 1"):
        check_pairs([pair("a"), pair("b", size=(3, 4))], ENCODING, preprocessing=RGB, one_size=True)


def test_check_refuses_values_outside_the_range(pair):
    for value_range, expected in (
        ((0, 100), r"images/a\.png: an image of type uint8 has values from \d+ to \d+, expected 0 to 100"),
        ((0, 4095), r"images/a\.png: an image of type uint8 cannot have the values 0 to 4095"),
    ):
        reading = replace(RGB, value_range=value_range)
        with pytest.raises(InputError, match=expected):
            check_pairs([pair("a")], ENCODING, preprocessing=reading, one_size=False)


def test_check_refuses_masks_without_a_labeled_pixel(pair):
    with pytest.raises(InputError, match=r"all 2 masks, such as .*masks/a\.png, contain nothing but ignored pixels"):
        check_pairs([pair("a", value=255), pair("b", value=255)], ENCODING, preprocessing=RGB, one_size=False)


def test_items(pair, picture):
    item = PairDataset([pair("a", value=1)], ENCODING, EvalTransform(Preprocessing.identity("RGB")))[0]
    assert set(item) == {"name", "image", "mask"}
    assert item["name"] == "a"
    np.testing.assert_array_equal(item["mask"], np.ones((6, 8)))
    np.testing.assert_allclose(item["image"].permute(1, 2, 0) * 255, picture, atol=1e-4)


def test_images_without_masks(pair):
    images = ImageDataset(
        {"a": pair("a").image}, EvalTransform(replace(Preprocessing.identity("RGB"), resize=Resize(size=(3, 4))))
    )
    assert len(images) == 1
    assert set(images[0]) == {"name", "image"}
    assert images[0]["image"].shape == (3, 3, 4)
