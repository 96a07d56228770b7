"""A loss with another ignore_index than the class table's would count void as a class, or fail in the first step."""

import pytest
import torch
from segmentation_models_pytorch import losses as smp
from torch import nn

from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyLoss, DiceLoss, FocalLoss, SumLoss


@pytest.mark.parametrize(
    ("loss", "found"),
    [
        (DiceLoss(ignore_index=7), "7"),
        (SumLoss([CrossEntropyLoss(), FocalLoss(ignore_index=0)], [1.0, 1.0]), "0"),
        (nn.CrossEntropyLoss(), "-100"),
        (nn.NLLLoss(), "-100"),
        (smp.SoftCrossEntropyLoss(smooth_factor=0.1), "-100"),
        (smp.FocalLoss("multiclass"), "None"),
        (SumLoss([CrossEntropyLoss(), smp.LovaszLoss("multiclass")], [1.0, 1.0]), "None"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else value,
)
def test_another_ignore_index_is_refused(make_task, loss, found):
    message = rf"Loss\) has ignore_index {found}, but the class table has 255; give the loss ignore_index=255$"
    with pytest.raises(InputError, match=message):
        make_task(loss=loss)


@pytest.mark.parametrize(
    "loss",
    [
        SumLoss([CrossEntropyLoss(), FocalLoss()], [1.0, 1.0]),
        nn.CrossEntropyLoss(ignore_index=255),
        smp.DiceLoss("multiclass", ignore_index=255),
        smp.SoftCrossEntropyLoss(smooth_factor=0.1, ignore_index=255),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_the_same_ignore_index_is_accepted(make_task, loss):
    task = make_task(loss=loss)
    logits, mask = torch.randn(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.int64)
    mask[:, :2] = 255
    assert task.loss(logits, mask).isfinite()


def test_a_loss_of_others_without_ignore_index_would_count_void_silently():
    logits, mask = torch.zeros(1, 3, 1, 2), torch.tensor([[[0, 255]]])
    loss = smp.FocalLoss("multiclass")
    moved = logits.clone()
    moved[..., 1] = 5.0
    assert loss(moved, mask) > loss(logits, mask) + 1
