"""Scores of classes that overlap, against numpy."""

import numpy as np
import pytest
import torch

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.metrics import OverlappingMetric, Scores

TABLE = ClassTable(("a", "b", "never"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)), overlapping=True)


def test_each_class_is_scored_against_the_rest():
    random = np.random.default_rng(0)
    truth = random.choice([0, 1, 255], (5, 3, 8, 9), p=[0.5, 0.4, 0.1])
    predicted = random.integers(0, 2, truth.shape)
    truth[:, 2][truth[:, 2] == 1] = 0
    predicted[:, 2] = 0
    metric = OverlappingMetric(TABLE)
    for part in (slice(0, 2), slice(2, 5)):
        metric.update(torch.from_numpy(predicted[part]), torch.from_numpy(truth[part]))
    scores = metric.compute()

    right, known = 0, 0
    for index, name in enumerate(TABLE.names[:2]):
        t, p = (values[:, index][truth[:, index] != 255] == 1 for values in (truth, predicted))
        both = (t & p).sum()
        expected = {
            "iou": both / (t | p).sum(),
            "dice": 2 * both / (t.sum() + p.sum()),
            "precision": both / p.sum(),
            "accuracy": both / t.sum(),
        }
        assert {score: values[name] for score, values in scores.per_class.items()} == pytest.approx(expected)
        right, known = right + (t == p).sum(), known + t.size
    known += (truth[:, 2] != 255).sum()
    right += (truth[:, 2] != 255).sum()
    assert all(np.isnan(values["never"]) for values in scores.per_class.values())
    ious = scores.per_class["iou"]
    assert scores.scalars["mean_iou"] == pytest.approx((ious["a"] + ious["b"]) / 2)
    assert scores.scalars["pixel_accuracy"] == pytest.approx(right / known)
    assert any("1 of 3 classes are neither" in note for note in scores.notes)
    assert Scores.from_dict(scores.to_dict()).to_dict() == scores.to_dict()


def test_other_values_are_refused():
    with pytest.raises(InputError, match="the ground truth contains the value 2, expected 0 to 1"):
        OverlappingMetric(TABLE).update(torch.zeros(1, 3, 1, 1).long(), torch.full((1, 3, 1, 1), 2))
