"""A training that is killed, interrupted or out of disk space, and resumed, ends as one that was not: bit for bit.

Run as a script, this file trains in processes that it forks, as imports take longer than these trainings.
"""

import errno
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only
from PIL import Image

from feedbackward.cli.main import main
from feedbackward.training import best_and_last
from feedbackward.training.results import RunResults
from feedbackward.training.task import SegmentationTask

RECIPE = """
model:
  name: test_resnet
  decoder: {output_stride: 2}
  encoder_weights: null
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.01}}
  scheduler: feedbackward.training.schedules.PolynomialDecay
data:
  class_path: feedbackward.data.camvid.CamVidData
  init_args: {batch_size: 2, num_workers: 0, augmentation: {crop: [16, 16]}}
trainer:
  max_epochs: 2
  accelerator: cpu
  accumulate_grad_batches: 2
  callbacks:
    class_path: lightning.pytorch.callbacks.EMAWeightAveraging
    init_args: {decay: 0.9}
"""
"""Six batches and three steps an epoch, with all that has a state: momentum, schedule, averages, early stopping."""
VARIES = ("seconds", "waited", "unfinished", "loops", "sessions")
"""What depends on the time, and the counters of Lightning's loops, whose forms are different in equal positions."""


def kill(*args):
    os.kill(os.getpid(), signal.SIGKILL)


def terminate(*args):
    os.kill(os.getpid(), signal.SIGTERM)


def fill_disk(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


MOMENTS = {
    "within an epoch": (0, (SegmentationTask, "training_step"), 10, kill),
    "before the first checkpoint": (10, (SegmentationTask, "training_step"), 3, kill),
    "while a checkpoint is written": (0, (os, "fsync"), 2, kill),
    "in a validation": (0, (SegmentationTask, "validation_step"), 4, kill),  # the first two are Lightning's trial
    "between last and best": (10, (best_and_last, "copy_checkpoint"), 1, kill),
    "after the last epoch": (10, (RunResults, "finish"), 1, kill),
    "terminated": (10, (SegmentationTask, "training_step"), 9, terminate),
    "full disk": (0, (os, "fsync"), 6, fill_disk),
}
"""--checkpoint_minutes, a function, the number of the call of it, and what happens then."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run([sys.executable, __file__, str(folder)], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "results.json").read_text())


@pytest.fixture(scope="module")
def moments(results):
    return {name: results[name] for name in MOMENTS}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_resumed_training_ends_as_one_that_was_not_interrupted(moments, moment):
    found = moments[moment]
    act = MOMENTS[moment][-1]
    assert found["status"] == {kill: -signal.SIGKILL, terminate: 130, fill_disk: 2}[act]
    assert found["resumed"] == 0, found["log"]
    assert found["differences"] == []
    assert found["parts"] == []


def test_the_moments_are_what_they_are_called(moments):
    expected = {name: ["last.ckpt"] for name in MOMENTS}
    expected["before the first checkpoint"] = []
    expected["within an epoch"] = expected["after the last epoch"] = ["best.ckpt", "last.ckpt"]
    expected["terminated"] = expected["full disk"] = ["best.ckpt", "last.ckpt"]
    found = {name: [file for file in result["left"] if not file.endswith(".part")] for name, result in moments.items()}
    assert found == expected
    with_parts = {name for name, result in moments.items() if found[name] != result["left"]}
    assert with_parts == {"while a checkpoint is written"}


def test_a_full_disk_is_one_line_that_names_the_last_checkpoint(results):
    (line,) = [line for line in results["full disk"]["log"].splitlines() if line.startswith("error: ")]
    assert "last.ckpt cannot be written: [Errno 28] No space left on device; the last checkpoint is " in line
    assert line.endswith("/config.yaml --ckpt_path last")


def test_a_signal_prints_how_to_resume(results):
    log = results["terminated"]["log"]
    assert "the training ends after this step, with a checkpoint; a second signal ends it at once\n" in log
    assert "interrupted; resume with: feedbackward fit --config " in log


def test_two_processes_end_together_at_a_loss_that_is_not_finite(results):
    found = results["two processes"]
    assert found["statuses"] == [1, 1]
    (line,) = [line for line in found["log"].splitlines() if line.startswith("error: ")]
    assert "error: the training loss is nan in epoch 2, batch 2 (train_" in line
    assert "/two/failed_batch*.npz; the last checkpoint is " in line
    assert found["left"] == ["best.ckpt", "last.ckpt"]
    assert found["saved"] == ["failed_batch.npz", "failed_batch_1.npz"]  # the losses of a joint batch are joint


@pytest.mark.slow
def test_twenty_trainings_that_are_killed_at_random(tmp_path):
    rng = random.Random(0)
    write_data(tmp_path / "data")
    start = run_process(tmp_path, "uncut")
    assert start.wait() == 0
    began, ended = ((tmp_path / "uncut" / name).stat().st_mtime for name in ("config.yaml", "report.html"))
    cut = 0
    for number in range(20):
        options = ["--checkpoint_minutes", str(rng.choice([0, 10]))]
        process = run_process(tmp_path, str(number), *options)
        while not (tmp_path / str(number) / "config.yaml").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0, ended - began))
        process.kill()
        process.wait()
        if not (tmp_path / str(number) / "report.html").exists():
            cut += 1
            assert run_process(tmp_path, str(number), *options, "--ckpt_path", "last").wait() == 0
        assert differences(tmp_path / str(number), tmp_path / "uncut") == []
    assert cut >= 10  # else this machine is too unsteady for moments at random


def run_process(root, name, *options):
    (root / "recipe.yaml").write_text(RECIPE)
    code = "from feedbackward.cli.main import main; main()"
    return subprocess.Popen([sys.executable, "-c", code, *arguments(root, name, *options)], stdout=subprocess.DEVNULL)


def arguments(root, name, *options):
    where = ["--data.root", str(root / "data"), "--run_dir", str(root / name)]
    return ["fit", "--config", str(root / "recipe.yaml"), *where, *options]


def write_data(root):
    rng = np.random.default_rng(0)
    for split, count in (("train", 13), ("val", 3)):
        for number in range(count):
            mask = np.repeat(rng.integers(0, 3, (1, 4), dtype=np.uint8), 6, axis=1).repeat(16, axis=0)
            image = np.eye(3, dtype=np.uint8)[mask] * 200 + rng.integers(0, 50, (16, 24, 3), dtype=np.uint8)
            for folder, array in ((split, image), (f"{split}annot", mask)):
                (root / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(root / folder / f"{split}_{number}.png")


def differences(run, uncut):
    """The paths of what differs in the checkpoints of two runs."""
    found = []
    for name in ("best", "last"):
        checkpoints = [torch.load(each / f"checkpoints/{name}.ckpt", weights_only=True) for each in (run, uncut)]
        found += differing(*checkpoints, name)
    return found


def differing(first, second, path):
    if isinstance(first, dict) and first.keys() == second.keys():
        inner = ((name, first[name], second[name]) for name in first if name not in VARIES)
    elif isinstance(first, list | tuple) and len(first) == len(second):
        inner = ((str(index), *pair) for index, pair in enumerate(zip(first, second, strict=True)))
    else:
        same = torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second
        return [] if same else [path]
    return [difference for name, *pair in inner for difference in differing(*pair, f"{path}/{name}")]


def fork(args, log, *, moment=None):
    """Train in a process of its own, in which something may happen at a moment; returns its exit status."""
    return wait(start(args, log, moment=moment))


def wait(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def start(args, log, *, moment=None, environment=None):
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 70
    try:
        for stream in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
        if environment is not None:  # of torchrun
            os.environ.update(environment)
            rank_zero_only.rank = int(environment["RANK"])
        RunResults.finish = lambda *args: None  # the network and the report, which take most of the time
        SegmentationTask.training_step = with_noise(SegmentationTask.training_step)
        if moment is not None:
            (owner, name), number, act = moment
            setattr(owner, name, at_call(getattr(owner, name), number, act))
        main(args)
        status = 0
    except SystemExit as error:
        status = error.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def with_noise(step):
    """The training step of a network that draws random numbers, as with dropout."""

    def noisy(task, batch, number):
        return step(task, {**batch, "image": batch["image"] + 0.05 * torch.randn_like(batch["image"])}, number)

    return noisy


def at_call(function, number, act):
    calls = []

    def call(*args, **kwargs):
        calls.append(None)
        if len(calls) == number:
            act(*args)
        return function(*args, **kwargs)

    return call


def train_all(root):
    write_data(root / "data")
    (root / "recipe.yaml").write_text(RECIPE)
    assert fork(arguments(root, "uncut"), root / "uncut.log") == 0
    results = {}
    for name, (minutes, *moment) in MOMENTS.items():
        run, log = root / name.replace(" ", "_"), root / f"{name}.log"
        options = ["--checkpoint_minutes", str(minutes)]
        status = fork(arguments(root, run.name, *options), log, moment=moment)
        left = sorted(path.name for path in run.glob("checkpoints/*"))
        results[name] = {
            "status": status,
            "left": left,
            "resumed": fork(arguments(root, run.name, *options, "--ckpt_path", "last"), log),
            "differences": differences(run, root / "uncut"),
            "parts": [str(path) for path in run.rglob("*.part")],
            "log": log.read_text(),
        }
    results["two processes"] = train_two(root)
    (root / "results.json").write_text(json.dumps(results))


def train_two(root):
    """Train in two processes, one of which has an image of nan in the second epoch."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "0"}
    run, log, children = root / "two", root / "two.log", []
    args = arguments(root, "two", "--trainer.devices", "2", "--trainer.strategy", "ddp")
    for rank in map(str, range(2)):
        moment = ((SegmentationTask, "training_step"), 5, spoil) if rank == "1" else None
        environment = {**common, "RANK": rank, "LOCAL_RANK": rank, "GROUP_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
        children.append(start(args, log, moment=moment, environment=environment))
    return {
        "statuses": [wait(child) for child in children],
        "log": log.read_text(),
        "left": sorted(path.name for path in run.glob("checkpoints/*")),
        "saved": sorted(path.name for path in run.glob("*.npz")),
    }


def spoil(task, batch, number):
    batch["image"].fill_(torch.nan)


if __name__ == "__main__":
    torch.set_num_threads(1)
    train_all(Path(sys.argv[1]))
