"""Comparison with a flood fill written out pixel by pixel."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from feedbackward.metrics.objects import count_objects

VOID = 255


def objects_by_hand(mask: Tensor) -> list[tuple[int, set[tuple[int, int]]]]:
    values = {(y, x): value for y, row in enumerate(mask.tolist()) for x, value in enumerate(row) if value != VOID}
    found, left = [], set(values)
    while left:
        start = left.pop()
        region, border = {start}, [start]
        while border:
            y, x = border.pop()
            for place in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if place in left and values[place] == values[start]:
                    left.remove(place)
                    region.add(place)
                    border.append(place)
        found.append((values[start], region))
    return found


def counts_by_hand(prediction: Tensor, mask: Tensor, classes: int) -> list[list[list[int]]]:
    counts = torch.zeros(4, 3, classes, dtype=torch.int64)
    for label, region in objects_by_hand(mask):
        hits = sum(int(prediction[place]) == label for place in region)
        size = 0 if len(region) < 1024 else 1 if len(region) < 9216 else 2
        counts[:, size, label] += torch.tensor([1, hits * 2 >= len(region), len(region), hits])
    result: list[list[list[int]]] = counts.tolist()
    return result


@given(
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    common=st.floats(0, 1),
    void=st.floats(0, 0.6),
)
def test_objects_are_those_of_a_flood_fill(seed: int, size: tuple[int, int], common: float, void: float) -> None:
    generator = torch.Generator().manual_seed(seed)

    def random(most: int) -> Tensor:
        return torch.randint(0, most, size, generator=generator, dtype=torch.uint8)

    mask = random(3).masked_fill(torch.rand(size, generator=generator) < common, 0)
    mask = mask.masked_fill(torch.rand(size, generator=generator) < void, VOID)
    prediction = torch.where(torch.rand(size, generator=generator) < 0.5, mask, random(3))
    found = count_objects(prediction, mask, classes=3, ignore_index=VOID)
    assert found.tolist() == counts_by_hand(prediction, mask, 3)


def test_a_spiral_is_one_object() -> None:
    size = 63
    mask = torch.full((size, size), VOID, dtype=torch.uint8)
    y, x, dy, dx = 0, 0, 0, 1
    for _ in range(size * size // 2):
        mask[y, x] = 0
        ahead, beyond = (y + dy, x + dx), (y + 2 * dy, x + 2 * dx)
        blocked = not all(0 <= place < size for place in ahead)
        if blocked or (all(0 <= place < size for place in beyond) and mask[beyond] == 0):
            dy, dx = dx, -dy
        if mask[y + dy, x + dx] == 0:
            break
        y, x = y + dy, x + dx
    assert len(objects_by_hand(mask)) == 1
    assert count_objects(mask, mask, classes=1, ignore_index=VOID)[0].sum() == 1


def test_sizes_and_found() -> None:
    mask = torch.full((300, 300), VOID, dtype=torch.uint8)
    for index, (side, top) in enumerate(((31, 0), (32, 40), (95, 80), (96, 200))):
        mask[top : top + side, :side] = 0
        mask[top : top + side, 150 : 150 + side] = 1 if index % 2 else 0
    prediction = mask.clone()
    prediction[40:56, :32] = 1  # half of an object of class 0
    prediction[0:16, :31] = 1  # more than half
    objects, found, pixels, hits = count_objects(prediction, mask, classes=2, ignore_index=VOID).tolist()
    assert objects == [[2, 0], [3, 1], [1, 1]]
    assert found == [[1, 0], [3, 1], [1, 1]]
    assert pixels == [[2 * 31**2, 0], [32**2 + 2 * 95**2, 32**2], [96**2, 96**2]]
    assert hits[0][0] == 2 * 31**2 - 16 * 31
    assert hits[1] == [32**2 // 2 + 2 * 95**2, 32**2]
