"""Changes of resolution, pixel by pixel."""

import torch
from torch.testing import assert_close

from feedbackward.nn import downsample_like, pad_like, pad_to, resize_logits, upsample_like


def test_nearest_upsampling_repeats_pixels_also_to_odd_sizes() -> None:
    signal = torch.arange(6.0).reshape(1, 1, 2, 3)
    up = upsample_like(signal, torch.zeros(1, 8, 4, 6))
    assert_close(up, signal.repeat_interleave(2, 2).repeat_interleave(2, 3))
    odd = upsample_like(signal, torch.zeros(1, 8, 3, 5))
    assert odd[0, 0].tolist() == [[0, 0, 1, 1, 2], [0, 0, 1, 1, 2], [3, 3, 4, 4, 5]]


def test_bilinear_logits_keep_a_linear_ramp_between_pixel_centres() -> None:
    ramp = torch.arange(8.0, dtype=torch.float64).expand(1, 2, 4, 8)
    resized = resize_logits(ramp, (8, 16))
    assert_close(
        resized[..., 1:-1],
        ((torch.arange(16.0, dtype=torch.float64) + 0.5) / 2 - 0.5)[1:-1].expand(1, 2, 8, 14),
    )


def test_logits_of_the_right_size_are_left_alone() -> None:
    logits = torch.randn(1, 2, 4, 8)
    assert resize_logits(logits, (4, 8)) is logits


def test_padding_repeats_the_last_row_and_column() -> None:
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert pad_to(image, (3, 4))[0, 0].tolist() == [[1, 2, 2, 2], [3, 4, 4, 4], [3, 4, 4, 4]]
    assert pad_to(image, (2, 2)) is image


def test_zeros_are_added_behind_each_axis() -> None:
    signal = torch.tensor([[[1.0, 2.0]]])
    assert pad_like(signal, torch.ones(1, 2, 3)).tolist() == [[[1, 2, 0], [0, 0, 0]]]


def test_a_smaller_image_has_the_means_of_what_its_pixels_cover() -> None:
    signal = torch.arange(8.0).reshape(1, 1, 2, 4)
    assert downsample_like(signal, torch.zeros(1, 5, 1, 2))[0, 0].tolist() == [[2.5, 4.5]]
