"""What every loss promises: changes that must not affect it, void pixels, finite gradients, precision."""

from copy import deepcopy

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch import Tensor, nn
from torch.testing import assert_close

from feedbackward.errors import InputError
from feedbackward.losses import (
    BoundaryLoss,
    CrossEntropyIoULoss,
    CrossEntropyLoss,
    DiceLoss,
    FocalLoss,
    IoULoss,
    LovaszLoss,
    OHEMCrossEntropyLoss,
    SumLoss,
    TverskyLoss,
    cross_entropy,
)

REFUSE_ONE_CLASS = [
    DiceLoss(),
    TverskyLoss(alpha=0.3, beta=0.7),
    TverskyLoss(alpha=0.0, beta=2.0),
    FocalLoss(),
    FocalLoss(0.5),
    LovaszLoss(),
    OHEMCrossEntropyLoss(threshold=0.7),
    OHEMCrossEntropyLoss(share=0.3),
    OHEMCrossEntropyLoss(share=0.3, threshold=0.4),
    BoundaryLoss(),
    BoundaryLoss(tolerance=0),
]
UNWEIGHTED = [IoULoss(), CrossEntropyLoss(), CrossEntropyIoULoss(), *REFUSE_ONE_CLASS]
WEIGHT = [0.5, 2.0, 1.0, 3.0]
LOSSES = [
    *UNWEIGHTED,
    CrossEntropyLoss(WEIGHT),
    CrossEntropyIoULoss(WEIGHT),
    FocalLoss(1.0, WEIGHT),
    SumLoss([CrossEntropyLoss(WEIGHT), LovaszLoss()], [0.5, 2.0]),
]


def described(loss: nn.Module) -> str:
    options = [str(value) for value in vars(loss).values() if isinstance(value, float)]
    return "-".join([type(loss).__name__, *options, *(["weight"] if list(loss.buffers()) else [])])


unweighted = pytest.mark.parametrize("loss", UNWEIGHTED, ids=described)
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=described)


@st.composite
def batches(draw: st.DrawFn, *, least: int = 2) -> tuple[Tensor, Tensor]:
    """Logits from flat to nearly certain, and a mask in which classes may be missing and some pixels are void."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    classes, scale, void = draw(st.integers(least, 5)), draw(st.floats(0, 30)), draw(st.sampled_from([0.0, 0.3, 0.9]))
    size = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    logits = scale * torch.randn(size[0], classes, *size[1:], generator=generator, dtype=torch.float64)
    mask = torch.randint(0, classes, size, generator=generator)
    return logits, mask.where(torch.rand(size, generator=generator) >= void, 255)


@pytest.mark.parametrize("loss", [DiceLoss(), TverskyLoss(alpha=0.3, beta=0.7), LovaszLoss()], ids=described)
@given(batches())
def test_means_over_classes_are_between_zero_and_one(loss: nn.Module, logits_and_mask: tuple[Tensor, Tensor]) -> None:
    assert -1e-12 <= loss(*logits_and_mask).item() <= 1 + 1e-12


@given(batches(least=1))
def test_iou_loss_is_between_zero_and_one(logits_and_mask: tuple[Tensor, Tensor]) -> None:
    assert -1e-12 <= IoULoss()(*logits_and_mask).item() <= 1 + 1e-12


@given(batches(least=1))
def test_cross_entropy_equals_torch_s_mean(logits_and_mask: tuple[Tensor, Tensor]) -> None:
    logits, mask = logits_and_mask
    weight = torch.linspace(0.5, 2, logits.shape[1], dtype=torch.float64)
    for options in ({}, {"weight": weight}):
        expected = F.cross_entropy(logits, mask, ignore_index=255, **options)
        # torch gives nan where every pixel is void.
        assert_close(cross_entropy(logits, mask, **options), expected.nan_to_num(0))


@given(batches())
def test_the_hardest_pixels_are_between_all_and_the_worst(logits_and_mask: tuple[Tensor, Tensor]) -> None:
    mean = cross_entropy(*logits_and_mask).item()
    hard = OHEMCrossEntropyLoss(share=0.5)(*logits_and_mask).item()
    hardest = OHEMCrossEntropyLoss(share=1e-6)(*logits_and_mask).item()
    assert mean - 1e-12 <= hard <= hardest + 1e-12


@given(batches(), st.floats(0, 5))
def test_the_focal_loss_is_at_most_the_cross_entropy(logits_and_mask: tuple[Tensor, Tensor], gamma: float) -> None:
    assert FocalLoss(gamma)(*logits_and_mask).item() <= cross_entropy(*logits_and_mask).item() + 1e-12


@unweighted
@given(batches())
def test_a_constant_added_to_all_scores_of_a_pixel_changes_nothing(
    loss: nn.Module, logits_and_mask: tuple[Tensor, Tensor]
) -> None:
    logits, mask = logits_and_mask
    offsets = torch.linspace(-5, 5, mask.numel(), dtype=torch.float64).reshape(mask.shape)
    assert_close(loss(logits + offsets.unsqueeze(1), mask), loss(logits, mask))


@unweighted
@given(batches())
def test_the_order_of_the_classes_does_not_matter(loss: nn.Module, logits_and_mask: tuple[Tensor, Tensor]) -> None:
    logits, mask = logits_and_mask
    reversed_mask = mask.where(mask == 255, logits.shape[1] - 1 - mask)
    assert_close(loss(logits.flip(1), reversed_mask), loss(logits, mask))


@unweighted
@given(batches())
def test_the_places_of_the_pixels_do_not_matter(loss: nn.Module, logits_and_mask: tuple[Tensor, Tensor]) -> None:
    logits, mask = logits_and_mask
    assert_close(loss(logits.flip(2, 3).transpose(2, 3), mask.flip(1, 2).transpose(1, 2)), loss(logits, mask))


# A share of an odd number of pixels is rounded up.
@pytest.mark.parametrize("loss", [loss for loss in UNWEIGHTED if getattr(loss, "share", None) is None], ids=described)
@given(batches())
def test_duplicating_every_pixel_changes_nothing(loss: nn.Module, logits_and_mask: tuple[Tensor, Tensor]) -> None:
    logits, mask = logits_and_mask
    assert_close(loss(torch.cat([logits, logits]), torch.cat([mask, mask])), loss(logits, mask))


@every_loss
def test_void_pixels_never_count(loss: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    logits.requires_grad_()
    void = (mask == 255).unsqueeze(1).expand_as(logits)
    loss(logits, mask).backward()
    assert logits.grad is not None
    assert (logits.grad[void] == 0).all()
    assert (logits.grad[~void] != 0).any()
    changed = logits.detach().where(~void, 7.0)
    assert_close(loss(changed, mask), loss(logits, mask).detach())


@pytest.mark.parametrize(
    "loss", [loss for loss in LOSSES if not isinstance(loss, BoundaryLoss)], ids=described
)  # a boundary is where pixels are neighbors
def test_void_pixels_can_be_left_out(loss: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    valid = mask != 255
    without = logits.movedim(1, -1)[valid].T[None, :, None], mask[valid][None, None]
    assert_close(loss(*without), loss(logits, mask))


def with_void(loss: nn.Module, void: int) -> nn.Module:
    changed = deepcopy(loss)
    for module in changed.modules():
        if hasattr(module, "ignore_index"):
            module.ignore_index = void
    return changed


@every_loss
@pytest.mark.parametrize("void", [-100, -1, 0, 1, 3, 4, 65535])
def test_void_may_have_any_value(loss: nn.Module, void: int, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch[0], batch[1].where(batch[1] != void, 2)  # the batch has the classes 0 to 2 and 255
    results = []
    for function, values in ((loss, mask), (with_void(loss, void), mask.where(mask != 255, void))):
        leaf = logits.clone().requires_grad_()
        value = function(leaf, values)
        value.backward()
        results.append((value.detach(), leaf.grad))
    assert_close(results[1], results[0], rtol=0, atol=0)


@every_loss
def test_a_batch_of_only_void_has_loss_and_gradient_zero(loss: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    logits.requires_grad_()
    value = loss(logits, torch.full_like(mask, 255))
    value.backward()
    assert value.item() == 0
    assert_close(logits.grad, torch.zeros_like(logits))


@every_loss
@pytest.mark.parametrize("sign", [1, -1])
def test_certainty_has_finite_gradients(loss: nn.Module, sign: int, batch: tuple[Tensor, Tensor]) -> None:
    mask = batch[1]
    right = F.one_hot(mask.where(mask != 255, 3), 4).permute(0, 3, 1, 2)
    logits = (sign * 1000 * right).float().requires_grad_()
    value = loss(logits, mask)
    value.backward()
    assert value.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (value == 0) == (sign == 1)


@every_loss
def test_the_gradient_matches_finite_differences(loss: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    assert torch.autograd.gradcheck(lambda x: loss(x, mask), logits.requires_grad_())


@every_loss
def test_under_autocast_the_loss_is_computed_in_float32(loss: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch[0].to(torch.bfloat16), batch[1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits, mask)
    assert value.dtype == torch.float32
    assert_close(value, loss(logits.float(), mask))


@every_loss
def test_half_precision_does_not_overflow(loss: nn.Module) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 4, 300, 300, generator=generator).half()  # 90,000 pixels; float16 ends at 65,504
    mask = torch.randint(0, 4, (1, 300, 300), generator=generator)
    assert_close(loss(logits, mask), loss(logits.double(), mask), check_dtype=False, rtol=1e-5, atol=1e-6)


@every_loss
def test_weights_stay_out_of_the_state_dict(loss: nn.Module) -> None:
    assert loss.state_dict() == {}


@pytest.mark.parametrize("loss", REFUSE_ONE_CLASS, ids=described)
def test_one_class_is_refused(loss: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(InputError, match=r"the logits have one class.*; give the rest a class of its own"):
        loss(batch[0][:, :1], batch[1])


@pytest.mark.parametrize("loss", [IoULoss(), CrossEntropyLoss(), CrossEntropyIoULoss()], ids=described)
def test_of_one_class_there_is_nothing_to_learn(loss: nn.Module, batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch[0][:, :1].requires_grad_(), batch[1].where(batch[1] == 255, 0)
    value = loss(logits, mask)
    value.backward()
    assert value.item() == 0
    assert_close(logits.grad, torch.zeros_like(logits))
