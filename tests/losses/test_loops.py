"""The losses of any batch, summed up pixel by pixel in plain Python."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from feedbackward.losses import CrossEntropyLoss, FocalLoss, IoULoss, LovaszLoss, TverskyLoss

VOID = 255


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """Logits and a mask of up to 24 pixels, in which classes may be missing and any pixel may be void."""
    classes = draw(st.integers(2, 4))
    size = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    pixels = math.prod(size)
    scores = draw(st.lists(st.floats(-20, 20), min_size=pixels * classes, max_size=pixels * classes))
    labels = draw(st.lists(st.sampled_from([*range(classes), VOID]), min_size=pixels, max_size=pixels))
    logits = torch.tensor(scores, dtype=torch.float64).view(*size, classes).permute(0, 3, 1, 2)
    return logits, torch.tensor(labels).view(size)


def pixels_of(logits: Tensor, mask: Tensor) -> list[tuple[list[float], int]]:
    """The probabilities and the label of each pixel that is not void."""
    rows = zip(logits.permute(0, 2, 3, 1).reshape(-1, logits.shape[1]).tolist(), mask.flatten().tolist(), strict=True)
    found = []
    for scores, label in rows:
        if label != VOID:
            powers = [math.exp(score - max(scores)) for score in scores]
            found.append(([power / sum(powers) for power in powers], label))
    return found


def cross_entropy(pixels: list[tuple[list[float], int]]) -> float:
    return sum(-math.log(shares[label]) for shares, label in pixels) / len(pixels)


def focal(pixels: list[tuple[list[float], int]]) -> float:
    return sum(-((1 - shares[label]) ** 2) * math.log(shares[label]) for shares, label in pixels) / len(pixels)


def tversky(pixels: list[tuple[list[float], int]], alpha: float, beta: float) -> float:
    terms = []
    for wanted in {label for _, label in pixels}:
        hits = sum(shares[wanted] for shares, label in pixels if label == wanted)
        wrong = sum(shares[wanted] for shares, label in pixels if label != wanted)
        missed = sum(1 - shares[wanted] for shares, label in pixels if label == wanted)
        terms.append(1 - hits / (hits + alpha * wrong + beta * missed))
    return sum(terms) / len(terms)


def lovasz(pixels: list[tuple[list[float], int]]) -> float:
    """Errors in descending order, each times the growth of the Jaccard loss when its pixel becomes wrong."""
    terms = []
    for wanted in {label for _, label in pixels}:
        errors = sorted(
            ((abs((label == wanted) - shares[wanted]), label == wanted) for shares, label in pixels), reverse=True
        )
        total, before, term = sum(inside for _, inside in errors), 0.0, 0.0
        missed = extra = 0
        for error, inside in errors:
            missed, extra = missed + inside, extra + (not inside)
            loss = 1 - (total - missed) / (total + extra)
            term, before = term + error * (loss - before), loss
        terms.append(term)
    return sum(terms) / len(terms)


@pytest.mark.parametrize(
    ("loss", "loop"),
    [
        (CrossEntropyLoss(), cross_entropy),
        (FocalLoss(), focal),
        (IoULoss(), lambda pixels: tversky(pixels, 1, 1)),
        (TverskyLoss(alpha=0.3, beta=1.2), lambda pixels: tversky(pixels, 0.3, 1.2)),
        (LovaszLoss(), lovasz),
    ],
    ids=lambda value: type(value).__name__,
)
@given(batch=batches())
def test_it_is_the_sum_over_pixels(loss, loop, batch: tuple[Tensor, Tensor]) -> None:  # type: ignore[no-untyped-def]
    pixels = pixels_of(*batch)
    expected = loop(pixels) if pixels else 0.0
    assert loss(*batch).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)
