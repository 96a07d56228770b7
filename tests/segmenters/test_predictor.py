import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from feedbackward.errors import InputError
from feedbackward.models.optimized import optimize
from feedbackward.nn import DenseCRF
from feedbackward.segmenters.predictor import Predictor, choose_device

CPU = torch.device("cpu")


def blocks(rng, height, width, side):
    """An image of blocks of one color, (height * side, width * side, 3)."""
    small = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return small, small.repeat(side, 0).repeat(side, 1)


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (31, 64)])
def test_any_size_gives_a_mask_of_that_size(trained, size):
    prediction = Predictor(trained, device=CPU).predict(np.full((*size, 3), 90, dtype=np.uint8))
    assert prediction.shape == size
    assert prediction.dtype == np.uint8
    assert prediction.max() < 3


def test_classes_follow_the_normalized_channels(strongest):
    small, image = blocks(np.random.default_rng(0), 5, 8, 8)
    prediction = Predictor(strongest, device=CPU).predict(image)
    normalized = (small / 255 - np.array([0.5, 0.4, 0.3])) / np.array([0.2, 0.3, 0.4])
    np.testing.assert_array_equal(prediction[4::8, 4::8], normalized.argmax(-1))


def test_scale_shrinks_what_the_network_sees_and_not_the_mask(strongest):
    small, image = blocks(np.random.default_rng(1), 5, 8, 16)
    prediction = Predictor(strongest, device=CPU, scale=0.5).predict(image)
    assert strongest.sizes == [(1, 3, 40, 64)]
    assert prediction.shape == (80, 128)
    normalized = (small / 255 - np.array([0.5, 0.4, 0.3])) / np.array([0.2, 0.3, 0.4])
    np.testing.assert_array_equal(prediction[8::16, 8::16], normalized.argmax(-1))


def test_scaled_score_maps_are_interpolated_not_the_mask(strongest):
    image = np.random.default_rng(2).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    logits = Predictor(strongest, device=CPU, scale=0.5).logits(image)
    seen = torch.from_numpy(image).permute(2, 0, 1)[None]
    seen = F.interpolate(seen, size=(6, 10), mode="bilinear", antialias=True) / 255
    expected = F.interpolate(strongest(strongest.normalization(seen)), size=(12, 20), mode="bilinear")
    torch.testing.assert_close(logits, expected[0])


def test_the_crf_refines_what_the_network_has_seen(strongest):
    _, image = blocks(np.random.default_rng(3), 3, 4, 8)
    crf = DenseCRF(iterations=2)
    found = Predictor(strongest, device=CPU, scale=0.5, crf=crf).logits(image)
    seen = F.interpolate(torch.from_numpy(image).permute(2, 0, 1)[None], size=(12, 16), mode="bilinear", antialias=True)
    scores = crf(strongest(strongest.normalization(seen / 255)), seen / 255)
    torch.testing.assert_close(found, F.interpolate(scores, size=(24, 32), mode="bilinear")[0])


def test_scale_leaves_at_least_one_pixel(strongest):
    strongest.forward = lambda image: image
    assert Predictor(strongest, device=CPU, scale=0.01).predict(np.zeros((9, 30, 3), np.uint8)).shape == (
        9,
        30,
    )


def test_the_network_is_in_eval_mode(strongest):
    assert not Predictor(strongest.train(), device=CPU).network.training


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_refuses_a_scale(strongest, scale):
    with pytest.raises(InputError, match="expected a positive factor"):
        Predictor(strongest, device=CPU, scale=scale)


def test_refuses_other_channels_and_too_many_classes(strongest):
    strongest.config["in_channels"] = 4
    with pytest.raises(InputError, match="takes images of 4 channels"):
        Predictor(strongest, device=CPU)
    strongest.config.update(in_channels=3, classes=300)
    with pytest.raises(InputError, match="has 300 classes"):
        Predictor(strongest, device=CPU)


def test_an_image_too_large_for_the_gpu_is_the_users_to_shrink(strongest):
    def full(image):
        raise torch.OutOfMemoryError("CUDA out of memory")

    strongest.forward = full
    with pytest.raises(InputError, match="does not hold an image of 8x9; use a smaller --scale"):
        Predictor(strongest, device=CPU).predict(np.zeros((8, 9, 3), np.uint8))


def test_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(InputError, match="sees no GPU here"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cpu") == CPU


def test_prediction_with_an_optimized_network(trained):
    image = np.random.default_rng(0).integers(0, 256, (45, 71, 3), dtype=np.uint8)
    expected = Predictor(copy.deepcopy(trained), device=CPU).predict(image)
    found = Predictor(optimize(trained), device=CPU).predict(image)
    np.testing.assert_array_equal(found, expected)
