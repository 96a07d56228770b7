"""Resizing and padding against formulas for each pixel."""

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.testing import assert_close

from feedbackward.nn import downsample_like, is_one_size, pad_like, pad_to, resize_logits, upsample_like

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
margins = st.tuples(st.integers(0, 5), st.integers(0, 5))


def image_of(size: tuple[int, int]) -> Tensor:
    """Two channels whose values are all different."""
    return torch.arange(2.0 * size[0] * size[1], dtype=torch.float64).reshape(1, 2, *size)


def larger(size: tuple[int, int], margin: tuple[int, int]) -> tuple[int, int]:
    return size[0] + margin[0], size[1] + margin[1]


@given(size=sizes, margin=margins)
def test_nearest_upsampling_repeats_pixels(size: tuple[int, int], margin: tuple[int, int]) -> None:
    image, target = image_of(size), larger(size, margin)
    rows, columns = ([i * was // now for i in range(now)] for was, now in zip(size, target, strict=True))
    up = upsample_like(image, torch.zeros(1, 3, *target))
    assert torch.equal(up, image[:, :, rows][:, :, :, columns])


@given(size=sizes, factor=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_downsampling_undoes_nearest_upsampling(size: tuple[int, int], factor: tuple[int, int]) -> None:
    image = image_of(size)
    up = upsample_like(image, torch.zeros(1, 3, size[0] * factor[0], size[1] * factor[1]))
    assert_close(downsample_like(up, image), image)


@given(size=sizes, margin=margins)
def test_downsampling_takes_the_mean_of_the_covered_pixels(size: tuple[int, int], margin: tuple[int, int]) -> None:
    target, image = size, image_of(larger(size, margin))
    (height, width), (rows, columns) = target, image.shape[2:]
    down = downsample_like(image, torch.zeros(1, 3, *target))
    for y in range(height):
        for x in range(width):
            top, bottom = y * rows // height, -(-(y + 1) * rows // height)
            left, right = x * columns // width, -(-(x + 1) * columns // width)
            assert_close(down[:, :, y, x], image[:, :, top:bottom, left:right].mean((2, 3)))


def interpolation(was: int, now: int) -> Tensor:
    """The matrix of linear interpolation between pixel centers; beyond the outermost ones the edge is repeated."""
    matrix = torch.zeros(now, was, dtype=torch.float64)
    for i in range(now):
        place = min(max((i + 0.5) * was / now - 0.5, 0), was - 1)
        low = int(place)
        matrix[i, low] += 1 - (place - low)
        matrix[i, min(low + 1, was - 1)] += place - low
    return matrix


@given(size=sizes, target=sizes)
def test_logits_are_interpolated_bilinearly(size: tuple[int, int], target: tuple[int, int]) -> None:
    logits = image_of(size).sin()
    rows, columns = (interpolation(was, now) for was, now in zip(size, target, strict=True))
    assert_close(resize_logits(logits, target), rows @ logits @ columns.T)


@given(size=sizes)
def test_logits_of_the_right_size_are_unchanged(size: tuple[int, int]) -> None:
    image = image_of(size)
    assert resize_logits(image, size) is image
    assert pad_to(image, size) is image


@given(size=sizes, margin=margins)
def test_padding_an_image_repeats_its_last_row_and_column(size: tuple[int, int], margin: tuple[int, int]) -> None:
    image, target = image_of(size), larger(size, margin)
    rows, columns = ([min(i, was - 1) for i in range(now)] for was, now in zip(size, target, strict=True))
    assert torch.equal(pad_to(image, target), image[:, :, rows][:, :, :, columns])


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=4))
def test_padding_like_another_tensor_adds_zeros_at_each_end(axes: list[tuple[int, int]]) -> None:
    signal, like = torch.ones([size for size, _ in axes]), torch.ones([size + margin for size, margin in axes])
    padded = pad_like(signal, like)
    assert padded.shape == like.shape
    assert torch.equal(padded[tuple(slice(size) for size, _ in axes)], signal)
    assert padded.sum() == signal.numel()


class PadToTwice(nn.Module):
    """Doubles an image's height by padding, and notes whether its size was known."""

    def __init__(self, note: Callable[[bool], None]) -> None:
        super().__init__()
        self.note = note

    def forward(self, image: Tensor) -> Tensor:
        self.note(is_one_size(image))
        height, width = image.shape[-2:]
        return pad_to(image, (2 * height, width))


@pytest.mark.usefixtures("exporting")
def test_an_exported_graph_pads_every_size() -> None:
    sides = {2: torch.export.Dim("height", min=2, max=64), 3: torch.export.Dim("width", min=2, max=64)}
    found: list[bool] = []
    module = PadToTwice(found.append)
    exported = torch.export.export(module, (torch.zeros(1, 2, 6, 7),), dynamic_shapes=(sides,), strict=False).module()
    assert not any(found)
    for size in ((6, 7), (3, 20)):
        image = image_of(size).float()
        assert torch.equal(exported(image), pad_to(image, (2 * size[0], size[1])))


def test_outside_an_export_every_size_is_known() -> None:
    found: list[bool] = []
    PadToTwice(found.append)(torch.zeros(1, 2, 6, 7))
    assert found == [True]
