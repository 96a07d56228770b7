"""A thin structure is where it was after every resizing, to a tenth of a pixel."""

import numpy as np
import pytest
import torch
from torch import nn

from feedbackward.classes import ClassTable
from feedbackward.data.augmentation import Augmentation
from feedbackward.data.transforms import EvalTransform, TrainTransform
from feedbackward.exporting import export, load_exported
from feedbackward.models.network import SegmentationNetwork
from feedbackward.nn import resize_logits
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.segmenters import Predictor

HEIGHT, WIDTH, THICKNESS = 60, 90, 4
TABLE = ClassTable(("ground", "pole"), ((0, 0, 0), (255, 255, 255)))
RESIZES = [
    Resize(size=(20, 30)),
    Resize(size=(45, 60)),
    Resize(scale=0.5),
    Resize(longest_side=120),
    Resize(size=(60, 45)),
]
PLACES = range(8, 32)


def pole(left, axis):
    """An image of a pole, upright (axis 1) or lying (axis 0), and its mask."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    np.moveaxis(mask, axis, 0)[left : left + THICKNESS] = 1
    return np.repeat(mask[..., None] * 255, 3, axis=2), mask


def center(values, axis):
    """The center of mass along an axis, in pixels from the edge of the first one."""
    weights = np.asarray(values, float).sum(1 - axis)
    return (weights * (np.arange(len(weights)) + 0.5)).sum() / weights.sum()


def seen(resize):
    return Preprocessing((0.0,) * 3, (1.0,) * 3, resize=resize)


def mean_shift(found, axis):
    """The mean distance of what `found` returns for each place of the pole from the pole, in pixels of the image."""
    shifts = []
    for left in PLACES:
        image, mask = pole(left, axis)
        result = np.asarray(found(image, mask), float)
        if not result.any():  # thinner than a pixel of a small mask
            continue
        shifts.append(center(result, axis) * mask.shape[axis] / result.shape[axis] - center(mask, axis))
    assert len(shifts) > len(PLACES) / 3
    return abs(np.mean(shifts))


class Brightness(SegmentationNetwork):
    """Each pixel is a pole as far as it is bright."""

    def __init__(self, resize):
        super().__init__({"model": "brightness", "classes": 2, "in_channels": 3}, seen(resize))
        self.one = nn.Parameter(torch.ones(1, 3, 1, 1))
        self.class_table = TABLE

    def forward(self, image):
        bright = (image * self.one).mean(1, keepdim=True)
        return torch.cat([0.5 - bright, bright - 0.5], dim=1)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("resize", RESIZES, ids=str)
class TestResizing:
    def test_training_image(self, resize, axis):
        transform = TrainTransform(seen(resize), Augmentation(horizontal_flip=0))
        assert mean_shift(lambda image, mask: transform(image, mask)[0][0], axis) < 0.05

    def test_training_mask(self, resize, axis):
        transform = TrainTransform(seen(resize), Augmentation(horizontal_flip=0))
        assert mean_shift(lambda image, mask: transform(image, mask)[1] == 1, axis) < 0.1

    @pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
    def test_random_scale(self, resize, axis, factor):
        height, width = resize.output_size((HEIGHT, WIDTH))
        crop = round(height * factor), round(width * factor)  # the whole scaled image
        transform = TrainTransform(seen(resize), Augmentation(horizontal_flip=0, scale=(factor, factor), crop=crop))
        assert mean_shift(lambda image, mask: transform(image, mask)[0][0], axis) < 0.05
        assert mean_shift(lambda image, mask: transform(image, mask)[1] == 1, axis) < 0.1

    def test_evaluation(self, resize, axis):
        transform = EvalTransform(seen(resize))

        def enlarged(image, mask):
            return resize_logits(transform.image(image)[None], mask.shape)[0, 0]

        assert mean_shift(enlarged, axis) < 0.05

    def test_prediction(self, resize, axis):
        predictor = Predictor(Brightness(resize))
        assert mean_shift(lambda image, mask: predictor.predict(image), axis) < 0.1


@pytest.mark.parametrize("axis", [0, 1])
def test_exported_file(axis, tmp_path):
    export(Brightness(Resize(size=(45, 60))), tmp_path / "brightness.onnx")
    predictor = Predictor(load_exported(tmp_path / "brightness.onnx"))
    assert predictor.preprocessing.resize == Resize(size=(45, 60))
    assert mean_shift(lambda image, mask: predictor.predict(image), axis) < 0.1
