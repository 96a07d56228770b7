"""Masks of classes that overlap: their files, their class file, and the same geometry for all layers."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision import tv_tensors

from feedbackward.data.augmentation import Augmentation
from feedbackward.data.class_file import read_class_file
from feedbackward.data.folder import FolderData, layered_class_file
from feedbackward.data.random_changes import LimitedCrop
from feedbackward.data.resize import resize_mask
from feedbackward.data.sources import find_source
from feedbackward.data.transforms import TrainTransform
from feedbackward.errors import InputError
from feedbackward.importing import recognize
from feedbackward.preprocessing import Preprocessing
from feedbackward.training.own_data import prepare

CLASSES = "masks: layers\nclasses: [{name: wet, color: [0, 0, 200]}, cracked]\n"
WET = np.array([[0, 255, 255, 255], [0, 0, 255, 255]], np.uint8)
CRACKED = np.array([[0, 0, 0, 1], [1, 1, 1, 1]], np.uint8)
AUGMENTED = Augmentation(
    vertical_flip=0.5, rotation=30, scale=(0.5, 2), crop=(20, 24), color_jitter=0.3, blur=1, noise=0.1, dropout=3
)


@pytest.fixture
def root(tmp_path, write):
    """Two classes, one with masks of 0 and 255, one with 0 and 1."""
    for split in ("train", "val"):
        for name in ("a", "b"):
            write(tmp_path / "images" / split / f"{name}.png", np.zeros((2, 4, 3), np.uint8))
            write(tmp_path / "masks" / split / "wet" / f"{name}.png", WET)
            write(tmp_path / "masks" / split / "cracked" / f"{name}.png", CRACKED)
    (tmp_path / "classes.yaml").write_text(CLASSES)
    return tmp_path


def test_a_mask_has_a_layer_for_each_class(root):
    data = FolderData(root=root, num_workers=0, eval_batch_size=2)
    table = data.class_table
    assert (table.names, table.overlapping, table.logits, table.ignore_index) == (("wet", "cracked"), True, 4, 255)
    mask = data.dataset("val")[0]["mask"]
    assert mask.dtype == torch.int64
    assert mask.tolist() == [(WET // 255).tolist(), CRACKED.tolist()]
    data.setup("validate")
    (batch,) = data.val_dataloader()
    assert batch["mask"].shape == (2, 2, 2, 4)


def test_void_needs_a_value(root, write):
    void = CRACKED.copy()
    void[0, 0] = 255
    path = write(root / "masks" / "val" / "cracked" / "b.png", void)
    with pytest.raises(InputError, match=f"{path}: value 1 .* expected 0, 255. .* set 'ignore:' in"):
        FolderData(root=root).dataset("val")
    (root / "classes.yaml").write_text(CLASSES + "ignore: 9\n")
    write(path, np.where(void == 255, 9, void).astype(np.uint8))
    assert FolderData(root=root).dataset("val")[1]["mask"][1].tolist() == void.tolist()


def test_with_255_ignored_present_is_1(root, write):
    """A class that does not occur in a split may have void there, so that its masks have 0 and 255."""
    (root / "classes.yaml").write_text(CLASSES + "ignore: 255\n")
    assert FolderData(root=root).dataset("val")[0]["mask"].tolist() == [WET.tolist(), CRACKED.tolist()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda masks, write: (masks / "cracked" / "a.png").unlink(), r"masks/val/cracked: images without a mask .* a"),
        (lambda masks, write: write(masks / "wet" / "c.png", WET), r"masks/val/wet: masks without an image \(1\): c"),
        (
            lambda masks, write: write(masks / "dry" / "a.png", WET),
            "masks/val contains dry; expected a folder for each",
        ),
        (lambda masks, write: (masks / "wet").rename(masks / ".wet"), "no folder .*masks/val/wet"),
        (
            lambda masks, write: (masks / "wet" / "a.png").rename(masks / "wet" / "a.bmp"),
            "a.bmp and .*a.png are masks of one image in different formats",
        ),
        (lambda masks, write: write(masks / "cracked" / "a.png", CRACKED[:1]), "is 2x4 and .*cracked/a.png is 1x4"),
        (lambda masks, write: write(masks / "wet" / "a.png", CRACKED * 3), r"wet/a.png: value 3 \(5 of 8 pixels\)"),
    ],
)
def test_files_that_do_not_fit_are_refused(change, message, root, write):
    change(root / "masks" / "val", write)
    with pytest.raises(InputError, match=message):
        FolderData(root=root).dataset("val")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("classes: [{name: a, value: 3}]", "class 'a' has a value; with masks: layers remove it"),
        ("classes: [{name: a, color: [[1, 2, 3], [4, 5, 6]]}]", "class 'a' has 2 colors; with masks: layers give one"),
        ("classes: [a]\nignore: [1, 2, 3]", "value 1 is given twice"),
        ("classes: [a]\nignore: white", "ignore is 'white'; with masks: layers give a value from 2"),
        ("classes: [a, b]\nthreshold: 128", "threshold is for masks of indices"),
        ("classes: [a, background]", "overlapping class 'background': expected a name"),
        ("classes: [a/b]", "overlapping class 'a/b': expected a name that can be a folder's"),
    ],
)
def test_class_files_that_do_not_fit_are_refused(text, message, tmp_path):
    path = tmp_path / "classes.yaml"
    path.write_text(f"masks: layers\n{text}\n")
    with pytest.raises(InputError, match=message):
        read_class_file(path)


def test_what_reads_single_masks_says_so(root):
    with pytest.raises(InputError, match=r"classes overlap .* score the network with `feedbackward validate`"):
        find_source("folder").read_classes(root / "classes.yaml")
    with pytest.raises(InputError, match=r"classes overlap .* `feedbackward train` .* read them as they are"):
        recognize(root)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.json", '{"masks": "layers", "classes": ["wet", "cracked"]}'),
        ("classes.json", '{"classes": ["wet", "cracked"], "masks": "layers"}'),
        ("classes.yml", "{classes: [wet, cracked], masks: layers}"),
        ("classes.yaml", "classes: [wet, cracked]\nmasks: !!str layers"),
    ],
)
def test_layers_are_recognized_however_the_class_file_is_written(name, text, root):
    (root / "classes.yaml").unlink()
    (root / name).write_text(text)
    assert FolderData(root=root).class_table.overlapping
    assert layered_class_file(root) == root / name
    with pytest.raises(InputError, match=f"{name}: classes overlap"):
        recognize(root)


def test_a_damaged_class_file_is_named(root, tmp_path):
    (root / "classes.yaml").write_text("masks: layers\nclasses: [wet, cracked\n")
    for act in (recognize, lambda folder: prepare(folder, tmp_path / "converted")):
        with pytest.raises(InputError, match=r"classes\.yaml is not valid YAML"):
            act(root)


def test_a_folder_without_training_images_is_told_the_layout(root, tmp_path):
    shutil.rmtree(root / "images" / "train")
    with pytest.raises(InputError, match=r"images/train/NAME.jpg .* masks/train/CLASS/NAME.png where classes overlap"):
        prepare(root, tmp_path / "converted")


@pytest.mark.parametrize("seed", range(4))
def test_all_layers_and_the_image_are_changed_alike(seed):
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (30, 40, 3), np.uint8)
    layers = generator.integers(0, 2, (3, 30, 40), np.uint8)
    transform = TrainTransform(Preprocessing.identity("RGB"), AUGMENTED)

    def apply(mask):
        torch.manual_seed(seed)
        return transform(image, mask)

    changed, masks = apply(layers)
    assert masks.shape == (3, 20, 24)
    for layer, mask in zip(layers, masks, strict=True):
        alone = apply(layer)
        assert torch.equal(alone[0], changed)
        assert torch.equal(alone[1], mask)
    assert len(masks.unique()) == 3  # present, absent and void


def test_layers_are_resized_one_by_one():
    layers = np.random.default_rng(0).integers(0, 4, (5, 12, 10), np.uint8)
    for size in ((6, 5), (7, 9), (24, 20)):
        np.testing.assert_array_equal(resize_mask(layers, size), np.stack([resize_mask(each, size) for each in layers]))


def test_a_custom_transform_gets_all_layers():
    def own(image, mask):
        assert mask.shape == (2, 2, 4)
        return image[:, ::-1], mask[..., ::-1]

    options = replace(AUGMENTED, vertical_flip=0, rotation=0, scale=(1, 1), crop=None, dropout=0, horizontal_flip=0)
    layers = np.stack([WET // 255, CRACKED])
    mask = TrainTransform(Preprocessing.identity("RGB"), replace(options, custom=own))(
        np.zeros((2, 4, 3), np.uint8), layers
    )[1]
    assert mask.tolist() == layers[..., ::-1].tolist()


@pytest.mark.parametrize("left", [(0, 255), (1, 0)], ids=["nothing", "another class"])
def test_crops_full_of_one_class_or_of_none_are_drawn_again(left):
    right = (1, 255) if left == (0, 255) else (0, 1)
    layers = torch.tensor([left] * 10 + [right] * 10).T[:, None].repeat(1, 10, 1)
    image = tv_tensors.Image(torch.zeros(3, 10, 20))

    def shares(limit):
        torch.manual_seed(0)
        crops = (LimitedCrop((10, 10), limit, 255)(image, tv_tensors.Mask(layers))[1] for _ in range(30))
        return [(crop[0] == 1).float().mean().item() for crop in crops]

    limited, free = shares(0.8), shares(1)
    assert min(free) < 0.19 <= min(limited) <= max(limited) < 0.81 < max(free)
