from dataclasses import replace

import numpy as np
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.nn import DenseCRF
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.segmenters import Normalized, Refined

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))


@pytest.fixture
def pixels():
    """Two images in [0, 1], (2, 3, 12, 20)."""
    return torch.rand(2, 3, 12, 20, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def crf():
    return DenseCRF(iterations=2)


def wrappers(segmenter):
    inner = Normalized(segmenter)
    return [inner, Refined(inner, DenseCRF(iterations=1))]


def test_wrappers_describe_the_segmenter(strongest):
    for wrapper in wrappers(strongest):
        assert (wrapper.classes, wrapper.class_table) == (3, strongest.class_table)
        assert (wrapper.device, wrapper.outputs_logits) == (torch.device("cpu"), True)


def test_wrappers_take_images_in_the_unit_range_read_as_the_segmenter_does(strongest):
    strongest.preprocessing = replace(strongest.preprocessing, value_range=(0, 4095), resize=Resize(scale=0.5))
    for wrapper in wrappers(strongest):
        identity = Preprocessing.identity("RGB")
        assert wrapper.preprocessing == replace(identity, value_range=(0, 4095), resize=Resize(scale=0.5))


class TestNormalized:
    def test_each_channel_is_normalized(self, strongest, pixels):
        Normalized(strongest).logits(pixels)
        torch.testing.assert_close(strongest.seen[0], (pixels - MEAN) / STD)

    def test_the_memory_format_is_kept(self, strongest, pixels):
        Normalized(strongest).logits(pixels.contiguous(memory_format=torch.channels_last))
        assert strongest.seen[0].is_contiguous(memory_format=torch.channels_last)

    def test_images_move_to_the_segmenters_device(self, strongest, pixels):
        Normalized(strongest.to("meta")).logits(pixels)
        assert strongest.seen[0].device.type == "meta"

    def test_logits_are_float32(self, strongest, pixels):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            strongest.forward = lambda image: torch.einsum("nchw,cd->ndhw", image, torch.eye(3))
            assert strongest(pixels).dtype == torch.bfloat16
            assert Normalized(strongest).logits(pixels).dtype == torch.float32

    def test_gradients_pass(self, strongest, pixels):
        Normalized(strongest).logits(pixels).sum().backward()
        assert strongest.gain.grad is not None

    def test_arrays_stay_arrays(self, one_hot, pixels):
        logits = Normalized(one_hot).logits(pixels.numpy())
        assert isinstance(logits, np.ndarray)
        np.testing.assert_array_equal(logits, Normalized(one_hot).logits(pixels).numpy())


class TestRefined:
    def test_the_crf_receives_logits_and_unnormalized_image(self, strongest, crf, pixels):
        inner = Normalized(strongest)
        expected = crf(inner.logits(pixels), pixels)
        torch.testing.assert_close(Refined(inner, crf).logits(pixels), expected)

    def test_refining_computed_logits_gives_the_same(self, strongest, crf, pixels):
        inner = Normalized(strongest)
        refined = Refined(inner, crf)
        found = refined.refine(inner.logits(pixels), pixels)
        torch.testing.assert_close(found, refined.logits(pixels), rtol=0, atol=0)

    def test_a_file_of_classes_is_refused(self, one_hot, crf):
        with pytest.raises(InputError, match="outputs classes, but a CRF needs logits: export it without --argmax"):
            Refined(one_hot, crf)
