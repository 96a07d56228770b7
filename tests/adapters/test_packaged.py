"""The adapters that come with the package, on the weights and images that lie beside the project, if they do."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

import feedbackward as fb
from feedbackward.adapters import card_of, find_adapter
from feedbackward.cli.main import main

SHARED = Path(__file__).parents[2].parent / "shared"
BACKBONE = SHARED / "weights" / "tf_efficientnet_lite0.safetensors"
CLASSES = {"coffee_leaves": ("background", "leaf", "symptom"), "nuclei": ("background", "nucleus")}
LEAST_IOU = {"coffee_leaves": 0.85, "nuclei": 0.80}
"""What ten images of val reach at least; the cards have the scores of all."""

needs_backbone = pytest.mark.skipif(not BACKBONE.exists(), reason=f"{BACKBONE} does not exist")


def test_they_are_listed():
    assert fb.list_adapters() == sorted(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_each_is_small_and_has_a_card(name):
    path = find_adapter(name)
    assert path.stat().st_size <= 300_000
    with safe_open(path, "pt") as file:
        assert "feedbackward_adapter" in file.metadata()
    card = card_of(name).read_text(encoding="utf-8")
    for words in ("license:", "tf_efficientnet_lite0", "mean IoU", *CLASSES[name]):
        assert words in card


@needs_backbone
@pytest.mark.parametrize("name", CLASSES)
def test_each_predicts_its_data(name):
    segmenter = fb.load(name, backbone=BACKBONE)
    assert segmenter.class_table.names == CLASSES[name]
    images = SHARED / "data" / name / "images" / "val"
    if not images.is_dir():
        pytest.skip(f"{images} does not exist")
    counts = np.zeros((len(CLASSES[name]), 2), np.int64)
    for path in sorted(images.iterdir())[:10]:
        truth = np.array(Image.open(SHARED / "data" / name / "masks" / "val" / f"{path.stem}.png").convert("RGB"))
        # Coffee leaves: green leaves and red symptoms; nuclei: white.
        index = (truth[..., 0] > 0) * (len(counts) - 1) + (truth[..., 0] == 0) * (truth[..., 1] > 0)
        mask = segmenter(path).mask
        for label in range(len(counts)):
            counts[label] += ((mask == label) & (index == label)).sum(), ((mask == label) | (index == label)).sum()
    assert (counts[:, 0] / counts[:, 1]).mean() > LEAST_IOU[name]


@needs_backbone
def test_predict_takes_one_by_its_name(tmp_path):
    Image.fromarray(np.full((60, 90, 3), 128, np.uint8)).save(tmp_path / "photo.jpg")
    command = ["predict", "coffee_leaves", str(tmp_path / "photo.jpg"), "--backbone", str(BACKBONE)]
    main([*command, "--output", str(tmp_path / "out"), "--quiet"])
    with Image.open(tmp_path / "out" / "masks" / "photo.png") as mask:
        assert mask.size == (90, 60)
