"""8-bit files beside float32, of a tiny network; nothing here depends on how long anything takes."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.data.camvid import CAMVID
from feedbackward.models import create_model


@pytest.fixture
def camvid(tmp_path):
    """Two images and masks of each split."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for folder, shape, most in ((split, (40, 56, 3), 256), (f"{split}annot", (40, 56), 12)):
            (tmp_path / "camvid" / folder).mkdir(parents=True)
            for name in ("a", "b"):
                file = tmp_path / "camvid" / folder / f"{name}.png"
                Image.fromarray(rng.integers(0, most, shape, dtype=np.uint8)).save(file)
    return tmp_path / "camvid"


@pytest.mark.usefixtures("exporting")
def test_a_network_has_a_result_for_each_file(script, monkeypatch, camvid, tmp_path, capsys):
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=len(CAMVID))
    network.class_table = CAMVID
    network.save_pretrained(tmp_path / "tiny")
    file = tmp_path / "int8.json"
    options = ["--data", str(camvid), "--size", "64,96", "--repeats", "1", "--json", str(file)]
    monkeypatch.setattr("sys.argv", ["int8.py", str(tmp_path / "tiny"), *options])
    script("int8").main()
    whole, small = json.loads(file.read_text())["results"]
    assert (whole["name"], whole["precision"], small["precision"]) == ("tiny", "float32", "int8")
    assert small["file_bytes"] < 0.4 * whole["file_bytes"]
    assert 0 < small["mean_iou"] < 0.3
    assert abs(small["mean_iou"] - whole["mean_iou"]) < 0.05
    assert "mean IoU" in capsys.readouterr().out
