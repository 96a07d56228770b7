"""The explanation of a pixel against its parts, and the prediction against fb.load."""

import json

import numpy as np
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.explaining import Explanation, explain_pixel, grad_cam, skip_effects
from feedbackward.explaining.explanation import Prediction
from feedbackward.explaining.image import explained_image
from feedbackward.models import Feedbackward
from feedbackward.segmenters import Predictor


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)


@pytest.fixture(scope="module")
def explanation(network: Feedbackward, pixels: np.ndarray) -> Explanation:
    return Explanation(network, pixels)


def test_the_prediction_is_that_of_predict(explanation: Explanation, network: Feedbackward, pixels: np.ndarray) -> None:
    result = Predictor(network, probabilities=True)(pixels)
    np.testing.assert_array_equal(explanation.prediction.mask, result.mask)
    np.testing.assert_allclose(explanation.prediction.confidence, result.confidence, atol=1e-5)


def test_a_pixel(explanation: Explanation, network: Feedbackward, pixels: np.ndarray) -> None:
    x, y = 50, 20
    found = explanation.pixel(x, y)
    seen = network.preprocessing(explanation.image.unit)
    shares = explanation.prediction.probabilities[:, y, x]
    names = network.class_table.names
    assert dict(found.probabilities) == pytest.approx(dict(zip(names, shares, strict=True)))
    assert found.class_name == names[shares.argmax()] == found.probabilities[0][0]
    changes = {effect.path: effect.change[y, x].item() for effect in skip_effects(network, seen)}
    assert [change for _, _, change in found.skips] == pytest.approx(sorted(changes.values(), reverse=True)[:5])
    assert all(changes[path] == pytest.approx(change) for path, _, change in found.skips)
    assert [(stride, feature.shape, signal.shape) for stride, feature, signal in found.depths] == [
        (stride, shape, shape)
        for stride, shape in ((32, (3, 3, 3)), (16, (5, 6, 3)), (8, (9, 12, 3)), (4, (18, 24, 3)))
    ]
    cam = grad_cam(network, seen, int(shares.argmax()), at=(x, y)).numpy()
    bright = found.cams["feature"].astype(int).sum(2)
    away = np.hypot(*np.ogrid[-y : 72 - y, -x : 96 - x]) > 10  # from the ring
    most, least = away & (cam >= np.quantile(cam, 0.95)), away & (cam <= np.quantile(cam, 0.05))
    assert bright[most].mean() > bright[least].mean()


def test_it_is_plain_data(network: Feedbackward, pixels: np.ndarray) -> None:
    found = explain_pixel(network, pixels, 95, 71).to_dict()
    assert json.loads(json.dumps(found)) == found
    assert (found["x"], found["y"], found["size"]) == (95, 71, {"height": 72, "width": 96})
    assert found["grad_cam"]["signal"].startswith("data:image/jpeg;base64,")


def test_of_one_of_classes_that_overlap(overlapping: Feedbackward, pixels: np.ndarray) -> None:
    found = explain_pixel(overlapping, pixels, 3, 4, task="cracked")
    assert {name for name, _ in found.probabilities} == {"background", "cracked"}


def test_a_pixel_outside(explanation: Explanation) -> None:
    with pytest.raises(InputError, match="the pixel 0,72 is outside the image; expected x from 0 to 95 and y from 0"):
        explanation.pixel(0, 72)


def test_the_surest_pixel_is_in_the_middle_of_its_class(network: Feedbackward) -> None:
    prediction = Prediction(network, explained_image(np.zeros((60, 90, 3), np.uint8), network.preprocessing))
    prediction.logits = np.zeros((3, 60, 90), np.float32)
    prediction.logits[1, 10:31, 40:61] = 5
    prediction.mask = prediction.logits.argmax(0)
    x, y = prediction.surest_pixel(1)
    assert abs(x - 50) <= 7
    assert abs(y - 20) <= 7
    assert prediction.largest_classes(3) == [0, 1]


def test_logits_that_are_no_numbers_are_refused(network: Feedbackward, pixels: np.ndarray) -> None:
    with torch.no_grad():
        kept = network.head.pointwise.bias[0].item()
        network.head.pointwise.bias[0] = float("nan")
        try:
            with pytest.raises(InputError, match="logits are not finite"):
                Explanation(network, pixels)
        finally:
            network.head.pointwise.bias[0] = kept
