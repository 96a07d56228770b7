"""Comparison with the authors' definition (boundary-iou-api, mask_to_boundary), written out pixel by pixel."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from feedbackward.metrics.boundary import count_boundary, edge_band

VOID = 255


def band_by_hand(mask: list[list[bool]], distance: int) -> set[tuple[int, int]]:
    """A mask minus itself eroded `distance` times by a 3x3 square, with zeros around the image."""
    inside = {(y, x) for y, row in enumerate(mask) for x, value in enumerate(row) if value}
    eroded = inside
    for _ in range(distance):
        eroded = {
            (y, x) for y, x in eroded if all((y + dy, x + dx) in eroded for dy in (-1, 0, 1) for dx in (-1, 0, 1))
        }
    return inside - eroded


def counts_by_hand(prediction: Tensor, mask: Tensor, classes: int, ratio: float) -> list[list[int]]:
    height, width = mask.shape
    distance = max(1, round(ratio * math.sqrt(height**2 + width**2)))
    prediction = torch.where(mask == VOID, VOID, prediction)
    bands = [
        [band_by_hand((labels == index).tolist(), distance) for index in range(classes)]
        for labels in (prediction, mask)
    ]
    hits = [len(of_prediction & of_mask) for of_prediction, of_mask in zip(*bands, strict=True)]
    union = [len(of_prediction | of_mask) for of_prediction, of_mask in zip(*bands, strict=True)]
    return [hits, union]


def random_labels(seed: int, size: tuple[int, int], blocks: int) -> Tensor:
    """Blocks of three classes and void."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 4, (-(-size[0] // blocks), -(-size[1] // blocks)), generator=generator)
    labels = coarse.repeat_interleave(blocks, 0).repeat_interleave(blocks, 1)[: size[0], : size[1]]
    return labels.masked_fill(labels == 3, VOID).to(torch.uint8)


@given(
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    blocks=st.integers(1, 9),
    ratio=st.sampled_from([0.02, 0.05, 0.1, 0.2]),
)
def test_counts_are_the_authors(seed: int, size: tuple[int, int], blocks: int, ratio: float) -> None:
    prediction, mask = random_labels(seed, size, blocks), random_labels(seed + 1, size, blocks + 1)
    found = count_boundary(prediction, mask, classes=3, ignore_index=VOID, ratio=ratio)
    assert found.tolist() == counts_by_hand(prediction, mask, 3, ratio)


def test_the_band_of_a_square() -> None:
    labels = torch.zeros(20, 20, dtype=torch.uint8)
    labels[4:15, 5:16] = 1
    band = edge_band(labels, 3) & (labels == 1)
    assert band.sum() == 11 * 11 - 5 * 5
    assert not band[7:12, 8:13].any()


def test_a_prediction_on_void_changes_nothing() -> None:
    mask = random_labels(3, (20, 30), 6)
    prediction = mask.masked_fill(mask == VOID, 1)
    hits, union = count_boundary(prediction, mask, classes=3, ignore_index=VOID, ratio=0.1)
    assert hits.tolist() == union.tolist()


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_an_edge_weighs_the_same_in_objects_of_any_size(shift: int) -> None:
    """A square shifted by a pixel: the IoU of a larger one is higher, its boundary IoU is not."""
    scores = []
    for side in (40, 160):
        mask = torch.zeros(400, 300, dtype=torch.uint8)
        mask[100 : 100 + side, 100 : 100 + side] = 1
        prediction = mask.roll(shift, 1)
        hits, union = count_boundary(prediction, mask, classes=2, ignore_index=VOID, ratio=0.02).tolist()
        scores.append(hits[1] / union[1])
    assert scores[0] == pytest.approx(scores[1], abs=0.02)
