"""One small network and one image for all explanations."""

import pytest
import torch
from torch import Tensor

from feedbackward.classes import ClassTable
from feedbackward.models import Feedbackward, create_model

TABLE = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))


@pytest.fixture(scope="session")
def network() -> Feedbackward:
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.class_table = TABLE
    return network.eval()


@pytest.fixture(scope="session")
def overlapping() -> Feedbackward:
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=4)
    network.class_table = ClassTable(("wet", "cracked"), ((0, 0, 200), (200, 0, 0)), overlapping=True)
    return network.eval()


@pytest.fixture(scope="session")
def image() -> Tensor:
    """A preprocessed image of odd height and width."""
    return torch.randn(1, 3, 65, 97, generator=torch.Generator().manual_seed(0))
