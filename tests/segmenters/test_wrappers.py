import numpy as np
import pytest
import torch
from torch.nn import functional as F

from feedbackward.errors import InputError
from feedbackward.nn import DenseCRF
from feedbackward.preprocessing import Preprocessing
from feedbackward.segmenters import Normalized, Refined, Scaled
from feedbackward.segmenters.wrappers import scale_size

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))


@pytest.fixture
def pixels():
    """Two 8-bit images, (2, 3, 12, 20)."""
    return torch.randint(256, (2, 3, 12, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def crf():
    return DenseCRF(iterations=2)


def wrappers(segmenter):
    inner = Normalized(segmenter)
    return [inner, Refined(inner, DenseCRF(iterations=1)), Scaled(inner, 0.5)]


def resized(pixels, size):
    return F.interpolate(pixels, size=size, mode="bilinear", antialias=True)


def test_wrappers_describe_the_segmenter(strongest):
    for wrapper in wrappers(strongest):
        assert (wrapper.classes, wrapper.class_table) == (3, strongest.class_table)
        assert (wrapper.device, wrapper.outputs_logits) == (torch.device("cpu"), True)


def test_wrappers_take_images_in_the_unit_range(strongest):
    for wrapper in wrappers(strongest):
        assert wrapper.preprocessing == Preprocessing.identity(3)


def test_8_bit_images_and_images_in_the_unit_range_give_the_same(strongest, pixels):
    for wrapper in (Normalized(strongest), Refined(Normalized(strongest), DenseCRF(iterations=1))):
        torch.testing.assert_close(wrapper.logits(pixels), wrapper.logits(pixels / 255), rtol=0, atol=0)


class TestNormalized:
    def test_each_channel_is_normalized(self, strongest, pixels):
        Normalized(strongest).logits(pixels)
        torch.testing.assert_close(strongest.seen[0], (pixels / 255 - MEAN) / STD)

    def test_the_memory_format_is_kept(self, strongest, pixels):
        Normalized(strongest).logits((pixels / 255).contiguous(memory_format=torch.channels_last))
        assert strongest.seen[0].is_contiguous(memory_format=torch.channels_last)

    def test_8_bit_images_become_contiguous(self, strongest, pixels):
        Normalized(strongest).logits(pixels.contiguous(memory_format=torch.channels_last))
        assert strongest.seen[0].is_contiguous()

    def test_images_move_to_the_segmenters_device(self, strongest, pixels):
        Normalized(strongest.to("meta")).logits(pixels)
        assert strongest.seen[0].device.type == "meta"

    def test_logits_are_float32(self, strongest, pixels):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            strongest.forward = lambda image: torch.einsum("nchw,cd->ndhw", image, torch.eye(3))
            assert strongest(pixels / 255).dtype == torch.bfloat16
            assert Normalized(strongest).logits(pixels).dtype == torch.float32

    def test_gradients_pass(self, strongest, pixels):
        Normalized(strongest).logits(pixels).sum().backward()
        assert strongest.gain.grad is not None

    def test_arrays_stay_arrays(self, one_hot, pixels):
        logits = Normalized(one_hot).logits(pixels.numpy())
        assert isinstance(logits, np.ndarray)
        np.testing.assert_array_equal(logits, Normalized(one_hot).logits(pixels).numpy())


class TestScaled:
    def test_the_segmenter_receives_the_scaled_image(self, strongest, pixels):
        Scaled(Normalized(strongest), 0.5).logits(pixels)
        torch.testing.assert_close(strongest.seen[0], (resized(pixels, (6, 10)) / 255 - MEAN) / STD)

    def test_logits_are_interpolated_to_the_images_size(self, strongest, pixels):
        inner = Normalized(strongest)
        expected = F.interpolate(inner.logits(resized(pixels, (6, 10))), size=(12, 20), mode="bilinear")
        torch.testing.assert_close(Scaled(inner, 0.5).logits(pixels), expected)

    def test_images_of_floating_point(self, strongest, pixels):
        Scaled(Normalized(strongest), 0.5).logits(pixels / 255)
        torch.testing.assert_close(strongest.seen[0], (resized(pixels / 255, (6, 10)) - MEAN) / STD)

    def test_a_factor_that_rounds_to_the_same_size(self, strongest, pixels):
        inner = Normalized(strongest)
        torch.testing.assert_close(Scaled(inner, 1.01).logits(pixels), inner.logits(pixels), rtol=0, atol=0)

    @pytest.mark.parametrize(
        ("size", "factor", "scaled"), [((9, 30), 0.01, (1, 1)), ((361, 5), 0.5, (180, 2)), ((10, 7), 2, (20, 14))]
    )
    def test_sizes(self, size, factor, scaled):
        assert scale_size(size, factor) == scaled

    def test_a_file_of_classes_is_refused(self, one_hot):
        with pytest.raises(InputError, match="outputs classes, but a scale needs logits: export it without --argmax"):
            Scaled(one_hot, 0.5)


class TestRefined:
    def test_the_crf_receives_logits_and_unnormalized_image(self, strongest, crf, pixels):
        inner = Normalized(strongest)
        expected = crf(inner.logits(pixels), pixels / 255)
        torch.testing.assert_close(Refined(inner, crf).logits(pixels), expected)

    def test_refining_computed_logits_gives_the_same(self, strongest, crf, pixels):
        inner = Normalized(strongest)
        refined = Refined(inner, crf)
        found = refined.refine(inner.logits(pixels), pixels / 255)
        torch.testing.assert_close(found, refined.logits(pixels), rtol=0, atol=0)

    def test_a_file_of_classes_is_refused(self, one_hot, crf):
        with pytest.raises(InputError, match="outputs classes, but a CRF needs logits: export it without --argmax"):
            Refined(one_hot, crf)


def test_wrappers_compose(strongest, crf, pixels):
    found = Scaled(Refined(Normalized(strongest), crf), 0.5).logits(pixels)
    seen = resized(pixels, (6, 10)) / 255
    refined = crf(strongest((seen - MEAN) / STD), seen)
    torch.testing.assert_close(found, F.interpolate(refined, size=(12, 20), mode="bilinear"))
