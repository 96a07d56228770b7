"""Fixtures of tests that predict many times with one small network."""

import pytest
import torch

from feedbackward import loading
from feedbackward.classes import ClassTable
from feedbackward.cli import prediction_plan
from feedbackward.loading import load_segmenter
from feedbackward.models import create_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a network with three classes."""
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.class_table = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))
    folder = tmp_path_factory.mktemp("network")
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def segmenter(model):
    return load_segmenter(str(model), device="cpu")


@pytest.fixture
def loaded_once(segmenter, monkeypatch):
    """Commands get the loaded network: Python's warnings, which loading suppresses, are not safe in threads."""
    monkeypatch.setattr(prediction_plan, "_load", lambda *_, **__: segmenter)
    monkeypatch.setattr(loading, "load_segmenter", lambda *_, **__: segmenter)
