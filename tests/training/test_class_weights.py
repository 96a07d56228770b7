"""Class weights against values by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyIoULoss, CrossEntropyLoss, IoULoss, SumLoss
from feedbackward.training.class_weights import read_masks, set_class_weights, weights_from_masks

TABLE = ClassTable(("a", "b", "never"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
MASKS = [np.array([[0, 0, 0, 1], [0, 0, 255, 1]], np.uint8), np.array([[0, 0], [0, 0]], np.uint8)]
"""Nine pixels of a, two of b; b occurs in the first mask alone, of seven pixels."""


@pytest.mark.parametrize(
    ("scheme", "ratio"),
    [
        ("inverse_frequency", 9 / 2),
        ("median_frequency", (9 / 11) / (2 / 7)),
        ("effective_number", (1 - 0.999 ** (9 / 5.5)) / (1 - 0.999 ** (2 / 5.5))),
    ],
)
def test_the_weights_of_rare_classes_are_larger(scheme, ratio):
    a, b, never = weights_from_masks(MASKS, TABLE, scheme).tolist()
    assert b / a == pytest.approx(ratio, rel=1e-5)
    assert (9 * a + 2 * b) / 11 == pytest.approx(1)
    assert never == 0


def test_masks_of_void_alone_are_refused():
    with pytest.raises(InputError, match="the training masks have no pixel of any class"):
        weights_from_masks([np.full((2, 2), 255, np.uint8)], TABLE, "inverse_frequency")


def test_every_part_of_a_loss_that_takes_weights_gets_them():
    weights = torch.tensor([1.0, 2.0, 0.0])
    for loss in (CrossEntropyIoULoss(), nn.CrossEntropyLoss(), SumLoss([IoULoss(), CrossEntropyLoss()], [1.0, 1.0])):
        set_class_weights(loss, weights)
        found = [part.weight for part in loss.modules() if getattr(part, "weight", None) is not None]
        assert [part.tolist() for part in found] == [[1, 2, 0]]
        with pytest.raises(InputError, match="has class weights already"):
            set_class_weights(loss, weights)
    with pytest.raises(InputError, match=r"the loss \(IoULoss\) takes no class weights"):
        set_class_weights(IoULoss(), weights)


def test_masks_are_read_from_any_data_set(stripes):
    dataset = stripes.dataset("train")
    for mask, item in zip(read_masks(dataset), dataset.items, strict=True):
        np.testing.assert_array_equal(mask, item["mask"])
