"""best.ckpt of a training that is resumed."""

import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.models import create_model
from feedbackward.training.best_and_last import restore_best
from feedbackward.training.run_folder import RunFolder


def write(path, *, epochs, unfinished=False):
    """A checkpoint after some epochs, or within the next one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    network = create_model("test_resnet", classes=2, encoder_weights=None)
    checkpoint = {
        "epoch": epochs - (not unfinished),
        "state_dict": {f"network.{name}": value for name, value in network.state_dict().items()},
        "feedbackward": {"network": network.describe()},
        "callbacks": {"History": {"epochs": [{}] * epochs}},
    }
    torch.save(checkpoint, path)
    return path


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


def test_a_missing_or_older_one_is_that_of_the_last_epoch(folder):
    last = write(folder.last, epochs=3)
    restore_best(folder, last, 3)
    assert folder.best.read_bytes() == last.read_bytes()
    write(folder.best, epochs=2)
    restore_best(folder, last, 3)
    assert folder.best.read_bytes() == last.read_bytes()


def test_the_one_of_the_best_epoch_stays(folder):
    best = write(folder.best, epochs=2).read_bytes()
    restore_best(folder, write(folder.last, epochs=3), 2)
    assert folder.best.read_bytes() == best


def test_another_run_that_is_continued_has_its_best_one_beside_it(folder, tmp_path):
    source, best = write(tmp_path / "other/last.ckpt", epochs=3), write(tmp_path / "other/best.ckpt", epochs=2)
    restore_best(folder, source, 2)
    assert folder.best.read_bytes() == best.read_bytes()


@pytest.mark.parametrize(("epochs", "unfinished"), [(3, False), (2, True)])
def test_without_it_the_training_is_not_resumed(folder, epochs, unfinished):
    last = write(folder.last, epochs=epochs, unfinished=unfinished)
    with pytest.raises(InputError, match=r"last\.ckpt cannot be resumed: its best epoch so far is 2, and there is no"):
        restore_best(folder, last, 2)
