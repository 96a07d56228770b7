"""Calibration against torchmetrics and by hand."""

import warnings

import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCalibrationError

from feedbackward.errors import InputError
from feedbackward.explaining import calibrate, calibration
from feedbackward.models import Feedbackward
from feedbackward.segmenters import Predictor


@pytest.fixture
def predicted() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(1, 4, 40, 50, generator=generator)
    noise = torch.randn(1, 4, 40, 50, generator=generator)
    return logits.softmax(1), (logits + 2 * noise).argmax(1)


def test_the_error_equals_torchmetrics(predicted: tuple[torch.Tensor, torch.Tensor]) -> None:
    probabilities, mask = predicted
    mask[0, :5] = 255
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = MulticlassCalibrationError(num_classes=4, n_bins=15, norm="l1", ignore_index=255)
        expected = metric(probabilities, mask)
    share, chosen = probabilities[0].max(0)
    halves = [
        calibration(share[rows].numpy(), chosen[rows].numpy(), mask[0][rows].numpy(), ignore_index=255)
        for rows in (slice(0, 17), slice(17, None))
    ]
    found = halves[0] + halves[1]
    assert found.error == pytest.approx(expected.item(), abs=1e-6)
    assert found.count == 35 * 50
    assert found.accuracy == pytest.approx(((chosen == mask[0]) & (mask[0] != 255)).sum().item() / (35 * 50))
    assert found.mean_confidence == pytest.approx(share[5:].mean().item())


def test_bins_contain_their_upper_ends() -> None:
    confidence = np.array([[1 / 15, 1.0, 0.5, 2 / 15 + 1e-6]])
    found = calibration(confidence, np.zeros((1, 4), int), np.zeros((1, 4), int), ignore_index=255)
    assert np.flatnonzero(found.pixels).tolist() == [0, 2, 7, 14]


def test_without_labeled_pixels_it_is_undefined() -> None:
    found = calibration(np.ones((1, 2)), np.zeros((1, 2), int), np.full((1, 2), 255), ignore_index=255)
    assert found.count == 0
    assert np.isnan([found.error, found.accuracy, found.mean_confidence]).all()


def test_over_several_images(network: Feedbackward) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (24, 32, 3), dtype=np.uint8) for _ in range(2)]
    masks = [rng.integers(0, 3, (24, 32)) for _ in range(2)]
    predictor = Predictor(network, probabilities=True)
    found = calibrate(predictor, zip(images, masks, strict=True))
    results = [predictor(image) for image in images]
    right = np.concatenate([result.mask == mask for result, mask in zip(results, masks, strict=True)])
    assert found.count == right.size
    assert found.accuracy == pytest.approx(right.mean())
    assert found.mean_confidence == pytest.approx(np.mean([result.confidence.mean() for result in results]))
    with pytest.raises(InputError, match="an image is 24x32 and its mask 24x31"):
        calibrate(predictor, [(images[0], masks[0][:, 1:])])
