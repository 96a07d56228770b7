"""The study's command on synthetic streets in Cityscapes' layout, and the networks that only the study has."""

import json
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest
import torch

from feedbackward.cli.main import main
from feedbackward.models import MODELS, create_model
from feedbackward.nn import fuse

STUDY = Path(__file__).parents[2] / "benchmarks" / "study"
NETWORKS = ("segnet", "deeplab_largefov", "vgg16_pwp", "fcn8s", "vgg16_pwn")
SMALL = ("--model.encoder_weights", "null", "--model.options", '{"encoder_name": "vgg16_quarter"}')
SMALL += ("--data.size", "[32,64]", "--data.num_workers", "0", "--trainer.max_epochs", "1")


@pytest.fixture(scope="module")
def networks():
    """The study's own networks, registered while the tests run."""
    before = dict(MODELS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUDY))
        yield import_module("networks")
    MODELS.clear()
    MODELS.update(before)


def run(*arguments: object, code: int = 0) -> str:
    command = [sys.executable, STUDY, *arguments]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_table_1_by_one_command(tmp_path):
    main(
        ["streets", "--output", str(tmp_path / "data"), "--train", "4", "--val", "2", "--test", "1", "--size", "64,128"]
    )
    command = ("cityscapes", "--data", tmp_path / "data", "--seeds", "0", "--processes", "2")
    command += ("--output", tmp_path / "runs", "--results", tmp_path / "results")
    run(*command, "--", *SMALL)

    lines = (tmp_path / "results" / "cityscapes.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:12]]
    assert [row[0].split(",")[0] for row in rows[::2]] == ["SegNet", "DeepLab-LargeFOV", "VGG-PWP", "FCN-8s", "VGG-PWN"]
    assert rows[8][1:5] == ["67.3", "45.3", "88.1", "73.5"]
    for name, row in zip(NETWORKS, rows[1::2], strict=True):
        scores = json.loads((tmp_path / f"results/cityscapes/{name}_seed0.json").read_text())["best"]["scalars"]
        names = ("mean_iou", "iiou_class", "iou_category", "iiou_category")
        assert row[1:5] == [f"{100 * scores[score]:.1f}" for score in names]
        with zipfile.ZipFile(tmp_path / f"runs/cityscapes/{name}_seed0/test/submission.zip") as submission:
            assert len(submission.namelist()) == 1

    (tmp_path / "results/cityscapes/segnet_seed0.json").unlink()
    again = run(*command, "--rows", "segnet,fcn8s", "--", *SMALL)  # the run folder has its report: nothing is trained
    assert "segnet_seed0: mean IoU" in again
    assert "fcn8s_seed0" not in again
    assert "no row fcn; there are segnet" in run(*command, "--rows", "fcn", code=1)


def test_flipped_kernels_are_the_same_network_where_kernels_are_symmetric(networks):
    options = {"encoder_name": "vgg16_quarter", "encoder_weights": None, "encoder_norm": "batch", "classes": 3}
    plain, flipped = (create_model(name, **options).eval() for name in ("feedbackward", "flipped_kernels"))
    flipped.load_state_dict(plain.state_dict())
    image = torch.rand(1, 3, 40, 50)
    assert not torch.allclose(plain(image), flipped(image))
    for weight in plain.encoder.parameters():
        if weight.ndim == 4:
            weight.data = weight.data + weight.data.flip(2, 3)
    flipped.load_state_dict(plain.state_dict())
    torch.testing.assert_close(plain(image), flipped(image))


def test_without_skips_the_image_is_seen_through_the_deepest_features_alone(networks):
    options = {"encoder_name": "vgg16_quarter", "encoder_weights": None, "encoder_norm": "batch", "classes": 3}
    network = create_model("without_skips", **options, output_stride=1).eval()
    assert not network.way_back().graph.find_nodes(op="call_function", target=fuse)
    deepest = network.encoder.get_submodule("features.30")
    assert isinstance(deepest, torch.nn.MaxPool2d)
    handle = deepest.register_forward_hook(lambda _, __, value: torch.zeros_like(value))
    try:
        first, second = network(torch.rand(1, 3, 40, 50)), network(torch.rand(1, 3, 40, 50))
    finally:
        handle.remove()
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize("size", [(32, 64), (33, 47)])
def test_peers_take_any_size(networks, size):
    network = create_model("smp", architecture="FPN", encoder_name="mobilenet_v2", encoder_weights=None, classes=5)
    assert network.eval()(torch.rand(1, 3, *size)).shape == (1, 5, *size)
