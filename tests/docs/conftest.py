"""A folder with all that the code of the pages names: data sets, images, networks, adapters."""

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.models import create_model, list_encoders, list_models
from feedbackward.streets.writing import write_cityscapes
from feedbackward.transform import REGISTRY

DATA = {
    "DATA": ["background", "leaf"],
    "photos": ["background", "leaf"],
    "more_photos": ["background", "leaf", "stem"],
    "mine": ["background", "car"],
}
"""The data sets that the pages name, and their classes."""
NETWORKS = {
    "MODEL": ["background", "car"],
    "runs/mine/model": ["background", "car"],
    "runs/demo/model": ["background", "car"],
    "runs/DATA/model": ["background", "leaf"],
    "coffee_leaves": ["background", "leaf", "symptom"],
}
"""The saved networks that the pages name, and their classes; a path takes precedence over an adapter of the package."""
BACKBONE = "efficientnet.safetensors"
"""The weights of the encoder of all these."""
TRAINED_BY_PAGE = {"train.md", "fine_tuning.md", "losses.md", "training_loop.md"}
"""Pages that make their own networks."""


def write_data(root: Path, classes: list[str]) -> None:
    """A data set in our own layout, with squares of each class on a background of noise."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        for number in range(count):
            mask = np.zeros((64, 64), np.uint8)
            for index in range(1, len(classes)):
                mask[8 * index : 8 * index + 24, 4 * number : 4 * number + 24] = index
            image = rng.integers(0, 60, (64, 64, 3)) + 60 * mask[..., None]
            for kind, array in (("images", image), ("masks", mask)):
                folder = root / kind / split
                folder.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(array.astype(np.uint8)).save(folder / f"{number}.png")
    (root / "classes.yaml").write_text(f"classes: [{', '.join(classes)}]\n")


def write_layers(root: Path) -> None:
    """A data set with a folder of masks for each of two classes that overlap."""
    write_data(root, ["background", "wet", "cracked"])
    for split in ("train", "val"):
        for path in sorted((root / "masks" / split).glob("*.png")):
            mask = np.asarray(PIL.Image.open(path))
            path.unlink()
            for name, layer in (("wet", mask > 0), ("cracked", mask == 2)):
                folder = root / "masks" / split / name
                folder.mkdir(exist_ok=True)
                PIL.Image.fromarray(layer.astype(np.uint8)).save(folder / path.name)
    (root / "classes.yaml").write_text("masks: layers\nclasses: [wet, cracked]\n")


def write_networks(root: Path) -> None:
    """Untrained networks under the names of the pages, adapters, and the weights of their encoder."""
    torch.manual_seed(0)
    for path, names in NETWORKS.items():
        save_network(root / path, ClassTable(tuple(names), tuple((60 * i, 0, 100) for i in range(len(names)))))
    overlapping = ClassTable(("wet", "cracked"), ((0, 0, 200), (200, 0, 0)), overlapping=True)
    save_network(root / "runs/roads/model", overlapping)
    backbone = root / BACKBONE
    save_file(timm.create_model("test_resnet").state_dict(), backbone)  # with the encoder's own classifier
    for name in ("leaves", "cells"):
        network = create_model("test_resnet", classes=2, encoder_weights=backbone, freeze_encoder=True)
        network.class_table = ClassTable(("background", name), ((0, 0, 0), (0, 160, 0)))
        network.save_adapter(root / f"{name}.safetensors")


def save_network(folder: Path, table: ClassTable) -> None:
    network = create_model("test_resnet", classes=table.logits, encoder_weights=None)
    network.class_table = table
    network.save_pretrained(folder)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the pages name, made once."""
    root = tmp_path_factory.mktemp("pages")
    for name, classes in DATA.items():
        write_data(root / name, classes)
    write_layers(root / "roads")
    write_networks(root)
    images = sorted((root / "DATA" / "images" / "val").iterdir())
    shutil.copytree(images[0].parent, root / "NEW_IMAGES")
    write_cityscapes(root / "runs/demo/scenes", counts={"test": 1}, size=(64, 128))
    picture = PIL.Image.open(images[0])
    for name in ("photo.jpg", "street.jpg", "street.png", "more.png", "aerial.tif"):
        picture.resize((96, 64)).save(root / name)
    return root


@pytest.fixture
def folder(
    request: pytest.FixtureRequest, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exporting: None
) -> Path:
    """The current folder, from which modules can be imported, with a copy of all that the pages name.

    Encoders are small, and pretrained weights random: nothing is downloaded.
    """
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    page = request.node.callspec.params["page"].name
    if page in TRAINED_BY_PAGE:
        shutil.rmtree(tmp_path / "runs")
    if page == "export.md":
        convnet = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU())
        network = fb.Feedbackward(convnet, classes=2)
        network.class_table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
        fb.export(network, tmp_path / "camvid.onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(REGISTRY, "_entries", dict(REGISTRY._entries))
    monkeypatch.setattr(fb, "create_model", small_model)
    return tmp_path


def small_model(name: str, **options: object) -> torch.nn.Module:
    """`fb.create_model` with a small encoder in place of any of timm's."""
    assert name in {*list_encoders(), *list_models()}
    if name in list_models():
        return create_model(name, **(options | {"encoder_weights": None}))
    if options.get("encoder_weights") == "imagenet":
        options["encoder_weights"] = BACKBONE
    return create_model("test_resnet", **options)
