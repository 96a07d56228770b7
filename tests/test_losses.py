"""The losses against loops over pixels and classes, against torch, and under changes that must not affect them."""

import math

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch import Tensor
from torch.testing import assert_close

from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyIoULoss, CrossEntropyLoss, IoULoss, cross_entropy, iou_loss


def batch(*, classes: int = 4, void: float = 0.2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, classes, 5, 7, generator=generator, dtype=torch.float64)
    mask = torch.randint(0, classes - 1, (2, 5, 7), generator=generator)  # the last class is absent
    return logits, mask.where(torch.rand(mask.shape, generator=generator) > void, 255)


def iou_loss_by_hand(logits: Tensor, mask: Tensor) -> float:
    classes = logits.shape[1]
    intersection, union, present = [0.0] * classes, [0.0] * classes, set()
    for n, y, x in torch.cartesian_prod(*(torch.arange(size) for size in mask.shape)).tolist():
        label = mask[n, y, x].item()
        if label == 255:
            continue
        present.add(label)
        exponentials = [math.exp(score) for score in logits[n, :, y, x].tolist()]
        for c in range(classes):
            p = exponentials[c] / sum(exponentials)
            t = float(label == c)
            intersection[c] += p * t
            union[c] += p + t - p * t
    return 1 - sum(intersection[c] / union[c] for c in present) / len(present)


def cross_entropy_by_hand(logits: Tensor, mask: Tensor, weight: list[float]) -> float:
    total, norm = 0.0, 0.0
    for n, y, x in torch.cartesian_prod(*(torch.arange(size) for size in mask.shape)).tolist():
        label = mask[n, y, x].item()
        if label != 255:
            scores = logits[n, :, y, x].tolist()
            total += weight[label] * (math.log(sum(math.exp(score) for score in scores)) - scores[label])
            norm += weight[label]
    return total / norm


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Logits from flat to nearly certain, and a mask in which classes may be missing and some pixels are void."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    classes, scale, void = draw(st.integers(1, 5)), draw(st.floats(0, 30)), draw(st.sampled_from([0.0, 0.3, 0.9]))
    size = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    logits = scale * torch.randn(size[0], classes, *size[1:], generator=generator, dtype=torch.float64)
    mask = torch.randint(0, classes, size, generator=generator)
    return logits, mask.where(torch.rand(size, generator=generator) >= void, 255)


@given(batches())
def test_iou_loss_is_between_zero_and_one(logits_and_mask: tuple[Tensor, Tensor]) -> None:
    assert -1e-12 <= iou_loss(*logits_and_mask).item() <= 1 + 1e-12


@given(batches())
def test_cross_entropy_equals_torch_s_mean(logits_and_mask: tuple[Tensor, Tensor]) -> None:
    logits, mask = logits_and_mask
    weight = torch.linspace(0.5, 2, logits.shape[1], dtype=torch.float64)
    for options in ({}, {"weight": weight}):
        expected = F.cross_entropy(logits, mask, ignore_index=255, **options)
        # torch gives nan where every pixel is void.
        assert_close(cross_entropy(logits, mask, **options), expected.nan_to_num(0))


UNWEIGHTED = [IoULoss(), CrossEntropyLoss(), CrossEntropyIoULoss()]


@pytest.mark.parametrize("loss", UNWEIGHTED)
@given(batches())
def test_a_constant_added_to_all_scores_of_a_pixel_changes_nothing(
    loss: torch.nn.Module, logits_and_mask: tuple[Tensor, Tensor]
) -> None:
    logits, mask = logits_and_mask
    offsets = torch.linspace(-5, 5, mask.numel(), dtype=torch.float64).reshape(mask.shape)
    assert_close(loss(logits + offsets.unsqueeze(1), mask), loss(logits, mask))


@pytest.mark.parametrize("loss", UNWEIGHTED)
@given(batches())
def test_the_order_of_the_classes_does_not_matter(
    loss: torch.nn.Module, logits_and_mask: tuple[Tensor, Tensor]
) -> None:
    logits, mask = logits_and_mask
    reversed_mask = mask.where(mask == 255, logits.shape[1] - 1 - mask)
    assert_close(loss(logits.flip(1), reversed_mask), loss(logits, mask))


@pytest.mark.parametrize("loss", UNWEIGHTED)
@given(batches())
def test_the_places_of_the_pixels_do_not_matter(loss: torch.nn.Module, logits_and_mask: tuple[Tensor, Tensor]) -> None:
    logits, mask = logits_and_mask
    assert_close(loss(logits.flip(2, 3).transpose(2, 3), mask.flip(1, 2).transpose(1, 2)), loss(logits, mask))


@pytest.mark.parametrize("loss", UNWEIGHTED)
@given(batches())
def test_duplicating_every_pixel_changes_nothing(loss: torch.nn.Module, logits_and_mask: tuple[Tensor, Tensor]) -> None:
    logits, mask = logits_and_mask
    assert_close(loss(torch.cat([logits, logits]), torch.cat([mask, mask])), loss(logits, mask))


def test_iou_loss_is_the_formula() -> None:
    logits, mask = batch()
    assert iou_loss(logits, mask).item() == pytest.approx(iou_loss_by_hand(logits, mask), abs=1e-12)


def test_iou_loss_is_taken_over_the_batch_not_per_image() -> None:
    logits, mask = batch()
    per_image = torch.stack([iou_loss(logits[i : i + 1], mask[i : i + 1]) for i in range(2)]).mean()
    assert abs(iou_loss(logits, mask) - per_image) > 1e-4


def test_iou_loss_is_zero_for_certainty_and_one_for_its_opposite() -> None:
    mask = torch.tensor([[[0, 1], [255, 1]]])
    right = F.one_hot(mask.where(mask != 255, 0), 2).permute(0, 3, 1, 2).double() * 1000
    assert_close(iou_loss(right, mask), torch.tensor(0.0, dtype=torch.float64))
    assert_close(iou_loss(-right, mask), torch.tensor(1.0, dtype=torch.float64))


@pytest.mark.parametrize("weight", [None, [0.5, 2.0, 1.0, 3.0]])
def test_cross_entropy_is_the_weighted_mean(weight: list[float] | None) -> None:
    logits, mask = batch()
    tensor = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    expected = cross_entropy_by_hand(logits, mask, weight or [1.0] * 4)
    assert cross_entropy(logits, mask, weight=tensor).item() == pytest.approx(expected, abs=1e-12)


LOSSES = [IoULoss(), CrossEntropyLoss(), CrossEntropyLoss([0.5, 2.0, 1.0, 3.0]), CrossEntropyIoULoss()]


@pytest.mark.parametrize("loss", LOSSES)
def test_void_pixels_never_count(loss: torch.nn.Module) -> None:
    logits, mask = batch()
    logits.requires_grad_()
    void = (mask == 255).unsqueeze(1).expand_as(logits)
    loss(logits, mask).backward()
    assert logits.grad is not None
    assert (logits.grad[void] == 0).all()
    assert (logits.grad[~void] != 0).any()
    changed = logits.detach().where(~void, 7.0)
    assert_close(loss(changed, mask), loss(logits, mask).detach())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_of_only_void_has_loss_and_gradient_zero(loss: torch.nn.Module) -> None:
    logits, mask = batch()
    logits.requires_grad_()
    value = loss(logits, torch.full_like(mask, 255))
    value.backward()
    assert value.item() == 0
    assert_close(logits.grad, torch.zeros_like(logits))


def test_if_all_pixels_have_weight_zero_the_loss_is_zero() -> None:
    logits, mask = batch()
    only_absent = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    assert cross_entropy(logits, mask, weight=only_absent).item() == 0


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_matches_finite_differences(loss: torch.nn.Module) -> None:
    logits, mask = batch()
    assert torch.autograd.gradcheck(lambda x: loss(x, mask), logits.requires_grad_())


@pytest.mark.parametrize("loss", LOSSES)
def test_under_autocast_the_loss_is_computed_in_float32(loss: torch.nn.Module) -> None:
    logits = batch()[0].to(torch.bfloat16)
    mask = batch()[1]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits, mask)
    assert value.dtype == torch.float32
    assert_close(value, loss(logits.float(), mask))


def test_half_precision_does_not_overflow() -> None:
    logits = torch.zeros(1, 2, 400, 400, dtype=torch.float16)  # 160,000 pixels; float16 ends at 65,504
    mask = torch.zeros(1, 400, 400, dtype=torch.int64)
    assert iou_loss(logits, mask).item() == pytest.approx(0.5, abs=1e-5)
    assert cross_entropy(logits, mask).item() == pytest.approx(math.log(2), abs=1e-5)


def test_another_ignore_index() -> None:
    logits, mask = batch()
    moved = mask.where(mask != 255, 11)
    for loss in (IoULoss, CrossEntropyLoss, CrossEntropyIoULoss):
        assert_close(loss(ignore_index=11)(logits, moved), loss()(logits, mask))


def test_the_combined_loss_is_the_sum_of_both() -> None:
    logits, mask = batch()
    weight = [0.5, 2.0, 1.0, 3.0]
    expected = cross_entropy_by_hand(logits, mask, weight) + iou_loss_by_hand(logits, mask)
    assert CrossEntropyIoULoss(weight)(logits, mask).item() == pytest.approx(expected, abs=1e-12)


def test_weights_stay_out_of_the_state_dict() -> None:
    assert CrossEntropyIoULoss([1.0, 2.0]).state_dict() == {}


@pytest.mark.parametrize("weight", [[1.0, -1.0], [1.0, math.nan], [1.0, math.inf], [0.0, 0.0], []])
def test_bad_weights_are_refused(weight: list[float]) -> None:
    with pytest.raises(InputError, match=r"class weights .* expected finite numbers"):
        CrossEntropyLoss(weight)


def test_wrong_number_of_weights_is_refused() -> None:
    with pytest.raises(InputError, match="2 class weights for 4 classes; give one weight per class"):
        CrossEntropyLoss([1.0, 2.0])(*batch())
