import pytest
import torch
from torch import nn
from torch.nn import functional as F

from feedbackward.classes import ClassTable
from feedbackward.models import create_model
from feedbackward.models.network import SegmentationNetwork
from feedbackward.preprocessing import Preprocessing

TABLE = ClassTable(("red", "green", "blue"), ((200, 0, 0), (0, 200, 0), (0, 0, 200)))


class StrongestChannel(SegmentationNetwork):
    """The class is the largest channel of the normalized image at half the resolution."""

    def __init__(self, *, classes=3, channels=3):
        mean, std = (0.5, 0.4, 0.3)[:channels], (0.2, 0.3, 0.4)[:channels]
        super().__init__({"name": "strongest", "classes": classes}, Preprocessing(mean, std))
        self.gain = nn.Parameter(torch.ones(()))
        self.class_table = TABLE
        self.seen = []

    def forward(self, image):
        self.seen.append(image)
        small = F.interpolate(image, scale_factor=0.5, mode="bilinear", align_corners=False)
        return F.interpolate(small * self.gain, size=image.shape[-2:], mode="bilinear", align_corners=False)


class OneHot:
    """An exported file that outputs classes, as a segmenter: every pixel has the first class."""

    class_table, classes, device, outputs_logits = TABLE, 3, None, False
    preprocessing = Preprocessing.identity(3)

    def padded_size(self, size):
        return size

    def logits(self, images):
        logits = images * 0
        logits[:, 0] = 1
        return logits


@pytest.fixture
def strongest():
    return StrongestChannel()


@pytest.fixture
def make_strongest():
    return StrongestChannel


@pytest.fixture
def one_hot():
    return OneHot()


@pytest.fixture(scope="session")
def trained():
    """A real, tiny network; its weights are random."""
    torch.manual_seed(3)
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.class_table = TABLE
    return network.eval()
