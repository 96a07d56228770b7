"""A training on shards, cut and resumed too, ends with the weights of a training on the same files in folders."""

import tarfile

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data import FolderData
from feedbackward.data.shards import ShardsData
from feedbackward.errors import InputError
from feedbackward.training.own_data import prepare
from feedbackward.training.task import SegmentationTask

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:You're resuming from a checkpoint that ended before the epoch ended"),
]
QUIET = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)


@pytest.fixture
def data(tmp_path, serve, monkeypatch):
    """The same nine images and masks: in a folder, in three tars on disk, and in those over http."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for number in range(9):
        mask = rng.integers(0, 2, (4, 6)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
        image = np.clip(120 * mask[..., None] + rng.integers(0, 99, (32, 48, 3)), 0, 255).astype(np.uint8)
        for kind, array in (("images", image), ("masks", mask)):
            for split in ("train", "val"):
                path = tmp_path / "set" / kind / split / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    classes = tmp_path / "set/classes.yaml"
    classes.write_text("classes: [background, car]\n")
    for first in range(3):
        with tarfile.open(tmp_path / f"train-{first}.tar", "w") as tar:
            for number in range(first, 9, 3):
                tar.add(tmp_path / f"set/images/train/{number}.png", f"{number}.png")
                tar.add(tmp_path / f"set/masks/train/{number}.png", f"{number}.mask.png")
    options = {"batch_size": 2, "num_workers": 0}
    url = serve(tmp_path).url
    return {
        "folder": lambda: FolderData(root=tmp_path / "set", **options),
        "disk": lambda: ShardsData(**tars(tmp_path), classes=classes, **options),
        "http": lambda: ShardsData(**tars(url), classes=classes, **options),
    }


def tars(place):
    return {"train": f"{place}/train-{{0..2}}.tar", "val": f"{place}/train-{{0..2}}.tar"}


def train(data, *, cut=None, resume=None):
    """The weights after two epochs of four steps, or after a cut that saves a checkpoint."""

    class Cut(pl.Callback):
        def on_train_batch_end(self, trainer, *_):
            if cut is not None and trainer.global_step == 6:  # in the middle of the second epoch
                trainer.save_checkpoint(cut)
                trainer.should_stop = True

    pl.seed_everything(0 if resume is None else 5, verbose=False)
    task = SegmentationTask(
        name="test_resnet",
        class_table=ClassTable(("background", "car"), ((0, 0, 0), (1, 1, 1))),
        optimizer=lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
    )
    trainer = pl.Trainer(accelerator="cpu", max_epochs=2, callbacks=[Cut()], limit_val_batches=0, **QUIET)
    trainer.fit(task, data, ckpt_path=resume, weights_only=True)
    return task.state_dict()


def test_weights_are_those_of_the_folder_also_when_resumed_within_an_epoch(data, tmp_path):
    expected = train(data["folder"]())
    train(data["http"](), cut=tmp_path / "cut.ckpt")
    for weights in (train(data["disk"]()), train(data["http"](), resume=tmp_path / "cut.ckpt")):
        assert weights.keys() == expected.keys()
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_folder_of_shards_is_recognized(data, tmp_path):
    (tmp_path / "shards").mkdir()
    for name in ("train-0.tar", "train-1.tar", "val-0.tar"):
        (tmp_path / "shards" / name).write_bytes((tmp_path / f"train-{name[-5]}.tar").read_bytes())
    prepared = prepare(tmp_path / "shards", tmp_path / "out")
    pattern = f"{tmp_path}/shards/{{}}-*.tar"
    named = ("--data", "shards", "--data.train", pattern.format("train"), "--data.val", pattern.format("val"))
    assert prepared.arguments[:6] == named
    assert prepared.images == 6
    assert prepared.lines[0] == f"found shards in {tmp_path}/shards"
    with pytest.raises(InputError, match="contains shards, which are their own splits; omit --classes, --val and"):
        prepare(tmp_path / "shards", tmp_path / "out", val=0.2)
