import pytest
import torch
from torch.nn import functional as F

from feedbackward.errors import InputError
from feedbackward.segmenters import Normalized
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.augmented import Augmented


class Plain:
    """A segmenter of images in [0, 1] with a given function for its logits, which notes what it sees."""

    class_table, classes, device, outputs_logits = None, 3, None, True

    def __init__(self, function, *, smallest=1, only=None):
        self.function, self.smallest, self.only, self.seen = function, smallest, only, []

    def padded_size(self, size):
        return self.only or tuple(max(side, self.smallest) for side in size)

    def logits(self, images):
        self.seen.append(tuple(images.shape[-2:]))
        return self.function(images)


@pytest.fixture
def images():
    return torch.rand(2, 3, 12, 21, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def shift(images):
    """Not equivariant: each pixel gets the value of its left neighbor."""
    return 5 * images.roll(1, -1)


def test_by_default_the_image_itself(images):
    found = Augmented(Plain(shift), Augment()).logits(images)
    torch.testing.assert_close(found, shift(images).log_softmax(1))


def test_flips_are_averaged_as_probabilities(images):
    found = Augmented(Plain(shift), Augment(flip=True)).logits(images)
    # In the flipped image the left neighbor is the right one.
    expected = (shift(images).softmax(1) + (5 * images.roll(-1, -1)).softmax(1)) / 2
    torch.testing.assert_close(found.exp(), expected)


@pytest.mark.parametrize("width", [16, 21, 1])
def test_the_average_over_flips_of_an_equivariant_segmenter(images, width):
    def blur(images):
        return F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)

    narrow = images[..., :width]
    found = Augmented(Plain(blur), Augment(flip=True)).logits(narrow)
    torch.testing.assert_close(found, blur(narrow).log_softmax(1))


def test_scales_are_those_of_the_image(images):
    segmenter = Plain(torch.clone)
    found = Augmented(segmenter, Augment(scales=(0.5, 1.0, 1.5))).logits(images)
    assert segmenter.seen == [(6, 10), (12, 21), (18, 32)]
    views = [
        F.interpolate(F.interpolate(images, size=size, mode="bilinear", antialias=True), size=(12, 21), mode="bilinear")
        for size in segmenter.seen
    ]
    torch.testing.assert_close(found.exp(), sum(view.softmax(1) for view in views) / 3)


def test_each_scale_is_flipped(images):
    segmenter = Plain(torch.clone)
    Augmented(segmenter, Augment(flip=True, scales=(1.0, 2.0))).logits(images)
    assert segmenter.seen == [(12, 21), (12, 21), (24, 42), (24, 42)]


def test_a_thin_line_stays_at_its_pixel():
    image = torch.zeros(1, 3, 64, 96)
    image[:, 0, :, 37] = 1
    found = Augmented(Plain(lambda images: 20 * images), Augment(flip=True, scales=(0.75, 1.0, 1.25))).logits(image)
    line = found[0, 0, 32].exp() - found[0, 0, 32, 0].exp()
    assert abs((line * torch.arange(96)).sum() / line.sum() - 37) < 0.1


def test_improbable_classes_stay_finite():
    found = Augmented(Plain(lambda images: 1000 * images), Augment(flip=True)).logits(torch.eye(3).reshape(1, 3, 1, 3))
    assert torch.isfinite(found).all()


def test_a_network(trained):
    image = torch.rand(1, 3, 45, 71)
    with torch.inference_mode():
        found = Augmented(Normalized(trained), Augment(flip=True)).logits(image)
        views = [Normalized(trained).logits(image), Normalized(trained).logits(image.flip(-1)).flip(-1)]
    torch.testing.assert_close(found.exp(), (views[0].softmax(1) + views[1].softmax(1)) / 2)
    assert found.dtype == torch.float32


def test_the_size_that_scaled_images_need():
    augmented = Augmented(Plain(torch.clone, smallest=33), Augment(scales=(0.75, 1.0)))
    assert augmented.padded_size((20, 100)) == (44, 100)
    assert Augmented(Plain(torch.clone, only=(96, 128)), Augment(flip=True)).padded_size((20, 300)) == (96, 128)


def test_a_file_of_classes(one_hot):
    with pytest.raises(InputError, match="outputs classes, but an average over flips and scales needs logits"):
        Augmented(one_hot, Augment(flip=True))


def test_a_file_for_one_size():
    with pytest.raises(InputError, match="takes images of 96x128 only, but scales need other sizes"):
        Augmented(Plain(torch.clone, only=(96, 128)), Augment(scales=(1.0, 1.25)))


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, -1.0), (float("nan"),)])
def test_scales_that_are_not_positive(scales):
    with pytest.raises(InputError, match="expected positive factors, such as"):
        Augment(scales=scales)
