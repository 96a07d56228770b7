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
    """The class is the largest channel of the normalized image, seen at half the resolution."""

    def __init__(self):
        config = {"name": "strongest", "classes": 3, "in_channels": 3}
        super().__init__(config, Preprocessing((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))
        self.gain = nn.Parameter(torch.ones(()))
        self.class_table = TABLE
        self.sizes = []

    def forward(self, image):
        self.sizes.append(tuple(image.shape))
        small = F.interpolate(image, scale_factor=0.5, mode="bilinear", align_corners=False)
        return F.interpolate(small * self.gain, size=image.shape[-2:], mode="bilinear", align_corners=False)


@pytest.fixture
def strongest():
    return StrongestChannel()


@pytest.fixture(scope="session")
def trained():
    """A real, tiny network; its weights are random."""
    torch.manual_seed(3)
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.class_table = TABLE
    return network.eval()


@pytest.fixture(scope="session")
def checkpoint(trained, tmp_path_factory):
    """A file as `feedbackward fit` leaves it, with what else Lightning puts there."""
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    torch.save(
        {
            "epoch": 3,
            "state_dict": {
                "loss.weight": torch.ones(3),
                **{f"network.{name}": tensor for name, tensor in trained.state_dict().items()},
            },
            "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}],
            "feedbackward": {"config": trained.config, "class_table": TABLE.to_dict()},
        },
        path,
    )
    return path
