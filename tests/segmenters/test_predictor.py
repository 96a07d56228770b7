import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.models import create_model, optimize
from feedbackward.nn import DenseCRF
from feedbackward.preprocessing import Resize
from feedbackward.segmenters import Predictor
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.finite import is_finite
from feedbackward.segmenters.tiles import Tiles

HALF = Resize(scale=0.5)


def blocks(rng, height, width, side):
    """An image of blocks of one color, (height * side, width * side, 3)."""
    small = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return small, small.repeat(side, 0).repeat(side, 1)


def strongest_channel(small):
    return ((small / 255 - np.array([0.5, 0.4, 0.3])) / np.array([0.2, 0.3, 0.4])).argmax(-1)


@pytest.fixture
def image():
    return np.random.default_rng(2).integers(0, 256, (12, 20, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (31, 64)])
def test_any_size_gives_a_mask_of_that_size(trained, size):
    prediction = Predictor(trained).predict(np.full((*size, 3), 90, dtype=np.uint8))
    assert prediction.shape == size
    assert prediction.dtype == np.uint8
    assert prediction.max() < 3


def test_the_class_is_that_of_the_largest_logit(strongest):
    small, image = blocks(np.random.default_rng(0), 5, 8, 8)
    prediction = Predictor(strongest).predict(image)
    np.testing.assert_array_equal(prediction[4::8, 4::8], strongest_channel(small))


def test_a_scale_changes_the_network_s_input_and_not_the_mask_s_size(strongest):
    small, image = blocks(np.random.default_rng(1), 5, 8, 16)
    prediction = Predictor(strongest, resize=HALF).predict(image)
    assert [seen.shape for seen in strongest.seen] == [(1, 3, 40, 64)]
    assert prediction.shape == (80, 128)
    np.testing.assert_array_equal(prediction[8::16, 8::16], strongest_channel(small))


def test_logits_are_interpolated_and_not_masks(strongest, image):
    logits = Predictor(strongest, resize=HALF).logits([image])[0]
    seen = torch.from_numpy(image).permute(2, 0, 1)[None]
    seen = F.interpolate(seen, size=(6, 10), mode="bilinear", antialias=True) / 255
    expected = F.interpolate(strongest(strongest.preprocessing(seen)), size=(12, 20), mode="bilinear")
    np.testing.assert_allclose(logits, expected[0].detach(), rtol=1e-5)


def test_the_crf_refines_at_the_size_of_the_network_s_input(strongest):
    _, image = blocks(np.random.default_rng(3), 3, 4, 8)
    crf = DenseCRF(iterations=2)
    found = Predictor(strongest, resize=HALF, crf=crf).logits([image])[0]
    seen = F.interpolate(torch.from_numpy(image).permute(2, 0, 1)[None], size=(12, 16), mode="bilinear", antialias=True)
    refined = crf(strongest(strongest.preprocessing(seen / 255)), seen / 255)
    expected = F.interpolate(refined, size=(24, 32), mode="bilinear")[0]
    np.testing.assert_allclose(found, expected.detach(), rtol=1e-4, atol=1e-5)


def test_logits_of_a_batch_without_gradient(strongest, image):
    logits = Predictor(strongest).logits([image, image[::-1]])
    assert (logits.shape, logits.dtype) == ((2, 3, 12, 20), torch.float32)
    assert not logits.requires_grad
    torch.testing.assert_close(logits[1], Predictor(strongest).logits([image[::-1]])[0])


def test_a_network_is_put_into_evaluation_mode(strongest):
    Predictor(strongest.train())
    assert not strongest.training


def test_a_file_of_classes_is_predicted(one_hot, image):
    np.testing.assert_array_equal(Predictor(one_hot).predict(image), np.zeros((12, 20)))


def test_a_file_of_classes_is_neither_resized_nor_refined(one_hot, image):
    with pytest.raises(InputError, match="the exported file outputs classes, but a CRF needs logits"):
        Predictor(one_hot, crf=DenseCRF())
    with pytest.raises(InputError, match="the exported file outputs classes, but resizing needs logits"):
        Predictor(one_hot, resize=HALF)
    one_hot.preprocessing = replace(one_hot.preprocessing, resize=HALF)
    with pytest.raises(InputError, match="outputs classes, but resizing needs logits"):
        Predictor(one_hot).predict(image)


def test_images_are_resized_as_in_the_training(strongest):
    small, image = blocks(np.random.default_rng(1), 5, 8, 16)
    strongest.preprocessing = replace(strongest.preprocessing, resize=Resize(size=(40, 128)))
    prediction = Predictor(strongest).predict(image)
    assert [seen.shape for seen in strongest.seen] == [(1, 3, 40, 128)]
    np.testing.assert_array_equal(prediction[8::16, 8::16], strongest_channel(small))
    Predictor(strongest, resize=Resize()).predict(image)
    assert strongest.seen[-1].shape == (1, 3, 80, 128)


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_the_same_image_in_more_bits_gives_the_same_classes(strongest, kind):
    small, image = blocks(np.random.default_rng(1), 5, 8, 16)
    deep = image.astype(np.uint16) * 257 if kind is np.uint16 else image.astype(np.float32) / 255
    for resize in (None, HALF):
        prediction = Predictor(strongest, resize=resize).predict(deep)
        np.testing.assert_array_equal(prediction[8::16, 8::16], strongest_channel(small))


def test_a_range_of_values_belongs_to_the_network(strongest):
    small, image = blocks(np.random.default_rng(1), 5, 8, 8)
    strongest.preprocessing = replace(strongest.preprocessing, value_range=(0, 510))
    prediction = Predictor(strongest).predict(image.astype(np.uint16) * 2)
    np.testing.assert_array_equal(prediction[4::8, 4::8], strongest_channel(small))


def test_an_image_seen_from_behind(strongest):
    _, image = blocks(np.random.default_rng(0), 5, 8, 8)
    found = Predictor(strongest).predict(image[..., ::-1])
    np.testing.assert_array_equal(found, Predictor(strongest).predict(image[..., ::-1].copy()))


def test_other_channels(make_strongest, image):
    with pytest.raises(InputError, match="an image has 3 channels, and the network takes 2"):
        Predictor(make_strongest(channels=2)).predict(image)


def test_an_image_too_large_for_the_gpu(strongest):
    def full(image):
        raise torch.OutOfMemoryError("CUDA out of memory")

    strongest.forward = full
    with pytest.raises(InputError, match="out of memory with 1 image of 8x9; use a smaller batch"):
        Predictor(strongest).predict(np.zeros((8, 9, 3), np.uint8))


def test_an_optimized_network_predicts_the_same(trained):
    image = np.random.default_rng(0).integers(0, 256, (45, 71, 3), dtype=np.uint8)
    expected = Predictor(copy.deepcopy(trained)).predict(image)
    np.testing.assert_array_equal(Predictor(optimize(trained)).predict(image), expected)


def test_a_batch_gives_what_its_images_give(trained):
    images = list(np.random.default_rng(5).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8))
    predictor = Predictor(trained, probabilities=True)
    for image, result in zip(images, predictor.segment(images), strict=True):
        assert result.image is image
        np.testing.assert_array_equal(result.mask, predictor.predict(image))
        expected = predictor.logits([image])[0].softmax(0).numpy()
        np.testing.assert_allclose(result.probabilities, expected, atol=1e-6)


def test_the_probabilities_of_an_image_and_its_flip_are_averaged(trained):
    image = np.random.default_rng(6).integers(0, 256, (20, 32, 3), dtype=np.uint8)
    plain = Predictor(trained)
    one = plain.logits([image])[0].softmax(0)
    other = plain.logits([np.ascontiguousarray(image[:, ::-1])])[0].softmax(0).flip(-1)
    found = Predictor(trained, augment=Augment(flip=True), probabilities=True).segment([image])[0].probabilities
    np.testing.assert_allclose(found, ((one + other) / 2).numpy(), atol=1e-5)


TILES = Tiles((128, 128), overlap=32)


@pytest.mark.parametrize("options", [{}, {"resize": HALF}, {"resize": Resize(scale=1.5)}, {"augment": Augment(True)}])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_tiles_give_the_result_of_the_whole_image(strongest, options, kind):
    _, image = blocks(np.random.default_rng(4), 30, 40, 10)
    largest = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[kind]
    image = (image / 255 * largest).astype(kind)
    (whole,) = Predictor(strongest, **options, probabilities=True).segment([image])
    strongest.seen.clear()
    predictor = Predictor(strongest, tiles=TILES, **options, probabilities=True)
    (tiled,) = predictor.segment([image])
    assert max(max(seen.shape[-2:]) for seen in strongest.seen) <= 128
    # 8-bit pixels of resized images may be rounded the other way.
    np.testing.assert_allclose(tiled.probabilities, whole.probabilities, atol=0.02 if "resize" in options else 1e-5)
    assert (tiled.mask == whole.mask).mean() > 0.99
    (first, second) = predictor.segment([image, image])
    for mask in (first.mask, second.mask, predictor.predict(image)):
        assert mask.dtype == np.uint8
        assert (mask == tiled.mask).mean() > 0.999  # equal but for rounding


def test_a_large_image_in_bands(strongest):
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    predictor = Predictor(strongest, tiles=TILES)
    bands = list(predictor.in_bands(lambda top, bottom: image[top:bottom], (300, 200), lambda logits: logits.argmax(0)))
    assert all(band.shape[1] == 200 for band in bands)
    np.testing.assert_array_equal(np.concatenate(bands), predictor.predict(image))


def test_a_file_of_classes_is_not_resized_in_tiles(one_hot):
    one_hot.preprocessing = replace(one_hot.preprocessing, resize=HALF)
    predictor = Predictor(one_hot, tiles=TILES)
    with pytest.raises(InputError, match="outputs classes, but resizing needs logits"):
        predictor.predict(np.zeros((400, 400, 3), np.uint8))


@pytest.mark.parametrize("size", [(12, 20), (140, 150)])
def test_logits_that_are_not_finite_are_refused(strongest, one_hot, size, monkeypatch):
    """Of a network, and of a file that runs on arrays, where one pixel is enough; whole and in tiles."""
    strongest.gain.data.fill_(torch.inf)
    plain = one_hot.logits

    def damaged(images):
        logits = plain(images)
        logits[..., -1, -1] = np.nan
        return logits

    monkeypatch.setattr(one_hot, "logits", damaged, raising=False)
    for segmenter in (strongest, one_hot):
        predictor = Predictor(segmenter, tiles=Tiles((128, 128), overlap=32))
        with pytest.raises(InputError, match="the network's logits are not finite, so they choose no classes; the net"):
            predictor(np.full((*size, 3), 255, np.uint8))


def test_large_logits_whose_sum_overflows_are_finite():
    assert is_finite(np.full(4, 3e38, np.float32))
    assert not is_finite(torch.tensor([3e38, -torch.inf]))


@pytest.mark.parametrize("size", [(96, 160), (67, 131), (200, 33)])
@pytest.mark.parametrize("resize", [None, Resize(scale=0.5), Resize(size=(64, 96))])
@pytest.mark.parametrize("encoder", ["test_resnet", "swin_tiny_patch4_window7_224"])
def test_masks_are_those_of_the_logits_of_the_whole_image(size, resize, encoder):
    """A network's logits are interpolated in bands; swin pads the image."""
    torch.manual_seed(0)
    network = create_model(encoder, classes=7, encoder_weights=None).eval()
    network.class_table = ClassTable(tuple("abcdefg"), ((0, 0, 0),) * 7)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    predictor = Predictor(network, resize=resize)
    logits = predictor.logits([image])[0].numpy()
    mask = predictor.predict(image)
    assert mask.shape == size
    chosen = np.take_along_axis(logits, mask[None].astype(int), 0)[0]
    np.testing.assert_allclose(chosen, logits.max(0), atol=1e-5)
    assert (mask == logits.argmax(0)).mean() > 0.999
    result = Predictor(network, resize=resize, probabilities=True)(image)
    np.testing.assert_allclose(result.probabilities, torch.from_numpy(logits).softmax(0).numpy(), atol=1e-5)
    np.testing.assert_array_equal(result.mask, mask)
