"""The precision of a training where none is given: bfloat16 where that is faster."""

import pytest
import torch

import feedbackward as fb
from feedbackward.training.precision import is_faster_in_bfloat16


@pytest.mark.parametrize(
    ("name", "faster"),
    [
        ("resnet18", True),
        ("vgg16_pwn", True),
        ("segnet", True),
        ("mobilenetv2_100", False),
        ("convnext_tiny", False),  # wide, but half of its convolutions are depthwise
        ("test_resnet", False),
    ],
)
@pytest.mark.parametrize("supported", [False, True])
def test_wide_encoders_without_groups_are_faster(name, faster, supported, monkeypatch):
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: supported)
    with torch.device("meta"):
        network = fb.create_model(name, classes=2, encoder_weights=None)
    assert is_faster_in_bfloat16(network) == (faster and supported)
