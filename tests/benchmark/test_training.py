import torch
from torch import nn

from feedbackward.benchmark.training import measure_training, saved_bytes
from feedbackward.models import create_model

OURS = "feedbackward/test_resnet?retrace=transitions&output_stride=2"


def test_saved_bytes():
    """A convolution saves its input, a batch norm its input and two statistics, a ReLU its output."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    pixels = 2 * 16 * 24
    norm = network[1]
    kept = 4 * (3 * pixels + 8 * pixels + 8 * pixels + 2 * 8)
    running = 4 * (norm.running_mean.numel() + norm.running_var.numel())
    assert saved_bytes(network, torch.rand(2, 3, 16, 24)) in (kept, kept + running)


def test_checkpointing_saves_less():
    plain, checkpointed = measure_training(
        [OURS, f"{OURS}&grad_checkpointing=true"], size=(32, 64), batch=2, threads=1, repeats=3
    )
    assert checkpointed.saved_bytes < 0.8 * plain.saved_bytes


def test_networks_of_different_numbers_of_classes(tmp_path):
    names = [str(tmp_path / f"{classes}") for classes in (5, 2)]
    for name, classes in zip(names, (5, 2), strict=True):
        create_model("test_resnet", encoder_weights=None, classes=classes).save_pretrained(name)
    steps = measure_training(names, size=(32, 64), threads=1, repeats=1)
    assert [step.name for step in steps] == names


def test_training_steps():
    names = [OURS, "segnet?encoder_name=vgg11"]
    ours, theirs = measure_training(names, size=(32, 64), batch=2, threads=1, repeats=3)
    assert ours.name == OURS
    assert 0 < ours.saved_bytes < theirs.saved_bytes
    assert ours.quartiles[0] <= ours.seconds <= ours.quartiles[1]


def test_half_precision_saves_less():
    full, half = measure_training(
        [OURS], size=(64, 128), runtimes=["channels_last", "bfloat16"], batch=2, threads=1, repeats=1
    )
    assert (full.runtime, half.runtime) == ("channels_last", "bfloat16")
    assert 0.4 * full.saved_bytes < half.saved_bytes < 0.9 * full.saved_bytes
