import signal
import subprocess
import sys

import pytest

from feedbackward.errors import InputError
from feedbackward.io import write_whole
from feedbackward.training import run_folder
from feedbackward.training.run_folder import PlannedRun, RunFolder

HOLD = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that has locked the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / ".lock")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_training_in_a_folder_is_refused(tmp_path, other, monkeypatch):
    monkeypatch.setattr(run_folder, "LOCK_TIMEOUT", 0.1)
    with (
        pytest.raises(InputError, match=r"another command writes to .*; wait for its end, or .* --run_dir$"),
        RunFolder(tmp_path).lock(),
    ):
        pass


def test_the_lock_ends_with_its_process(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    with RunFolder(tmp_path).lock():
        pass
    with RunFolder(tmp_path).lock():
        pass


def test_what_a_training_that_was_killed_left_half_written_is_removed(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    (folder.checkpoints / ".0123.part").touch()
    folder.last.touch()
    with folder.lock():
        assert [path.name for path in folder.checkpoints.iterdir()] == ["last.ckpt"]


def test_a_training_that_another_one_has_preceded_is_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    planned = PlannedRun(folder, resumed=None)
    planned.check_unchanged()
    folder.checkpoints.mkdir(parents=True)
    folder.last.touch()
    with pytest.raises(InputError, match=r"continue it with feedbackward fit --config \S+ --ckpt_path last, or choose"):
        planned.check_unchanged()


def test_a_checkpoint_that_another_training_has_written_again_is_not_resumed(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    folder.last.write_bytes(b"epoch 1")
    planned = PlannedRun(folder, resumed=folder.last)
    planned.check_unchanged()
    write_whole(folder.last, lambda file: file.write(b"epoch 2"))
    with pytest.raises(InputError, match=r"another training has gone on from .*last\.ckpt and written it again"):
        planned.check_unchanged()
