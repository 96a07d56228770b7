"""Two processes connected by gloo do what one does: scores, losses, gradients and a whole training.

Run as a script by torchrun, this file is one of the two processes; the tests compare what they write with what this
process computes alone.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import asdict
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import lightning.pytorch as pl
import pytest
import torch
from PIL import Image
from torch import distributed, nn
from torch.testing import assert_close
from torch.utils.data import Dataset

from feedbackward import losses
from feedbackward.classes import ClassTable
from feedbackward.cli.main import main as run_command
from feedbackward.data.cityscapes_labels import CITYSCAPES
from feedbackward.data.datamodule import SegmentationDataModule
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.losses.overlapping import OverlappingLoss
from feedbackward.processes import launched_processes
from feedbackward.training.history import History
from feedbackward.training.sync_norms import SyncNorms
from feedbackward.training.task import SegmentationTask

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
]

COLORS = ((0, 0, 0), (1, 1, 1), (2, 2, 2))
TABLES = {
    "classes": ClassTable(("a", "b", "c"), COLORS),
    "cityscapes": CITYSCAPES,
    "overlapping": ClassTable(("a", "b", "c"), COLORS, overlapping=True),
}
LOSSES = {
    "cross-entropy": losses.CrossEntropyLoss(),
    "weighted": losses.CrossEntropyLoss([1.0, 5.0, 0.5]),
    "focal": losses.FocalLoss(weight=[1.0, 5.0, 0.5]),
    "iou": losses.IoULoss(),
    "dice": losses.DiceLoss(),
    "tversky": losses.TverskyLoss(alpha=0.3, beta=0.7),
    "boundary": losses.BoundaryLoss(),
    "hard": losses.OHEMCrossEntropyLoss(threshold=0.3),
    "sum": losses.SumLoss([losses.CrossEntropyIoULoss(), losses.BoundaryLoss()], [1.0, 0.5]),
    "overlapping": OverlappingLoss(losses.CrossEntropyIoULoss()),
}
QUIET = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)


class Noise(Dataset):
    """Images of 32x48 pixels; the share of void pixels and the classes differ from one to the next."""

    def __init__(self, length, *, kind):
        self.length, self.kind = length, kind

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        mask = (
            torch.randint(1 + index % 3, (8, 12), generator=generator).repeat_interleave(4, 0).repeat_interleave(4, 1)
        )
        item = {"image": torch.rand(3, 32, 48, generator=generator) + mask / 3, "name": str(index)}
        void = torch.arange(32)[:, None].expand(32, 48) < 5 * (index % 6)
        if self.kind == "overlapping":
            mask = torch.stack([mask == index for index in range(3)]).long()
        if self.kind == "cityscapes":
            labels = (mask + 24).masked_fill(void, 0)
            instances = torch.where(void, labels, labels * 1000 + torch.arange(48) // 9)
            item |= {"label_ids": labels.to(torch.uint8), "instance_ids": instances.to(torch.int32)}
            mask = mask + 11
        return item | {"mask": mask.masked_fill(void, 255)}


class NoiseData(SegmentationDataModule):
    def __init__(self, *, kind="classes", **options):
        super().__init__(num_workers=0, **{"batch_size": 4, "eval_batch_size": 2, **options})
        self.kind = kind

    @property
    def class_table(self):
        return TABLES[self.kind]

    def dataset(self, split):
        return Noise({"train": 8, "val": 5, "test": 5}[split], kind=self.kind)


def make_task(kind="classes", **options):
    torch.manual_seed(0)
    return SegmentationTask(
        name="test_efficientnet",
        decoder=DecoderConfig(output_stride=2),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        class_table=TABLES[kind],
        scoring="cityscapes" if kind == "cityscapes" else "classes",
        **options,
    )


def make_trainer(**options):
    count = distributed.get_world_size() if distributed.is_initialized() else 1
    together = {"strategy": "ddp", "devices": 2, "sync_batchnorm": True, "plugins": SyncNorms()} if count > 1 else {}
    return pl.Trainer(accelerator="cpu", **{**QUIET, **together, **options})


def act(stage, kind):
    """The scores of validate or test, and what they log."""
    task, trainer = make_task(kind), make_trainer()
    getattr(trainer, stage)(task, NoiseData(kind=kind), verbose=False)
    (scores,) = task.results.values()
    return {"scores": asdict(scores), "logged": dict(trainer.callback_metrics)}


def fit(batch_size, folder, *, resume=None, epochs=2):
    """A training: the weights, the curves and the scores at its end, and a checkpoint."""
    pl.seed_everything(0, verbose=False)
    task, history = make_task(), History()
    trainer = make_trainer(max_epochs=epochs, callbacks=[history], num_sanity_val_steps=1)
    trainer.fit(task, NoiseData(batch_size=batch_size), ckpt_path=resume, weights_only=True)
    trainer.save_checkpoint(folder / "fit.ckpt")
    curves = [{**record, "seconds": 0.0, "waited": 0.0} for record in history.epochs]
    return {"weights": task.network.state_dict(), "curves": curves, "best": history.best}


def gradients(rank, processes):
    """The value of each loss of four images, or of this process's share of them, and its gradient."""
    found = {}
    for name, loss in LOSSES.items():
        torch.manual_seed(0)
        layer = nn.Conv2d(3, 6 if name == "overlapping" else 3, 3, padding=1).double()
        dataset = Noise(8, kind="overlapping" if name == "overlapping" else "classes")
        items = [dataset[index] for index in (2, 3, 7, 5)[rank::processes]]
        image, mask = (torch.stack([item[key] for item in items]) for key in ("image", "mask"))
        with losses.joint_batch():
            value = loss(layer(image.double()), mask)
        value.backward()
        gradient = layer.weight.grad
        if processes > 1:
            distributed.all_reduce(gradient)
        found[name] = {"value": value.detach(), "gradient": gradient / processes}
    return found


def everything(folder, *, rank=0, processes=1):
    found = {f"{stage} {kind}": act(stage, kind) for stage, kind in (("validate", "classes"), ("test", "classes"))}
    found |= {f"validate {kind}": act("validate", kind) for kind in ("cityscapes", "overlapping")}
    found["gradients"] = gradients(rank, processes)
    found["fit"] = fit(4 // processes, folder)
    return found


def command(*args):
    run_command([str(arg) for arg in args])


def numbers(data, at=""):
    """The numbers of nested data by their path."""
    if data is None or isinstance(data, str):
        return {}
    if not isinstance(data, dict | list):
        return {at: torch.as_tensor(data).double()}
    items = data.items() if isinstance(data, dict) else enumerate(data)
    return {place: number for key, value in items for place, number in numbers(value, f"{at}/{key}").items()}


def torchrun(*args, machines, timeout=600):
    """Start one process on each machine, or two on one, and wait for them; machines are network namespaces."""
    started = []
    for address, prefix in machines.items():
        together = ["--standalone", "--nproc-per-node=2"]
        if len(machines) > 1:
            first = next(iter(machines))
            together = ["--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint={first}:29500"]
            together += [f"--rdzv-conf=is_host={int(address == first)}", "--rdzv-id=test", f"--local-addr={address}"]
        command = [*prefix, sys.executable, "-m", "torch.distributed.run", *together, *map(str, args)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
    try:
        outputs = [process.communicate(timeout=timeout)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    return max(process.returncode for process in started), "".join(outputs)


def prepare(folder):
    """What both processes work with: a checkpoint of one process, a network, five images and their masks."""
    alone = pl.Trainer(accelerator="cpu", max_epochs=1, **QUIET)
    task = make_task()
    alone.fit(task, NoiseData())
    alone.save_checkpoint(folder / "alone.ckpt")
    task.network.save_pretrained(folder / "network")
    dataset = Noise(5, kind="classes")
    for item in map(dataset.__getitem__, range(5)):
        pixels = item["image"].clamp(0, 1).mul(255).byte().permute(1, 2, 0).numpy()
        for kind, array in (("images", pixels), ("masks", item["mask"].byte().numpy())):
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(array).save(folder / kind / f"{item['name']}.png")
    (folder / "classes.yaml").write_text("classes: [a, b, c]\n")
    for kind, split in product(("images", "masks"), ("train", "val")):
        shutil.copytree(folder / kind, folder / "data" / kind / split)
    shutil.copy(folder / "classes.yaml", folder / "data")


def fit_options(folder, *, run, epochs):
    data = ["--data", "folder", "--data.root", folder / "data", "--data.size", "[32,48]", "--data.num_workers", 0]
    small = ["--model.name", "test_resnet", "--data.batch_size", 2, "--trainer.max_epochs", epochs]
    return ["--config", "streets_mobilenetv2", *data, *small, "--trainer.accelerator", "cpu", "--run_dir", run]


def run_commands(folder, name):
    """Predict and score the images on the command line."""
    command("validate", "--config", folder / "run/config.yaml", "--json", folder / f"{name}_validate.json")
    output = [folder / name, "--save", "masks", "shares", "--quiet", "--device", "cpu"]
    command("predict", folder / "network", folder / "images", "--output", *output)
    launched_processes().wait()  # until the other one has predicted its share too
    scored = [
        "--ground-truth",
        folder / "masks",
        "--classes",
        folder / "classes.yaml",
        "--json",
        folder / f"{name}.json",
    ]
    command("evaluate", "--dataset", "folder", *scored, "--predictions", folder / name / "masks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    prepare(folder)
    return folder


@pytest.fixture(scope="module")
def ranks(folder):
    """What each of two processes has found."""
    return found_by(folder, machines={"": []})


def found_by(folder, *, machines):
    status, output = torchrun(__file__, folder, machines=machines)
    assert status == 0, output
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize(
    ("stage", "kind"),
    [("validate", "classes"), ("test", "classes"), ("validate", "cityscapes"), ("validate", "overlapping")],
)
def test_scores_are_those_of_one_process(ranks, stage, kind):
    expected = act(stage, kind)
    assert any("loss" in name for name in expected["logged"])
    for found in ranks:
        found = found[f"{stage} {kind}"]
        assert_close(numbers(found["scores"]), numbers(expected["scores"]), rtol=1e-12, atol=0, equal_nan=True)
        assert found["scores"]["confusion"] == expected["scores"]["confusion"]
        assert_close(numbers(found["logged"]), numbers(expected["logged"]), rtol=1e-6, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_of_a_loss_is_that_of_the_joint_batch(ranks, name):
    expected = gradients(0, 1)[name]
    assert expected["gradient"].abs().max() > 1e-4
    for found in ranks:
        assert_close(found["gradients"][name], expected, rtol=1e-9, atol=1e-12)


def assert_same_training(found, expected):
    assert_close(numbers(found["weights"]), numbers(expected["weights"]), rtol=1e-3, atol=1e-4)
    assert_close(numbers(found["curves"]), numbers(expected["curves"]), rtol=1e-3, atol=1e-3)


def test_a_training_is_that_of_one_process_with_the_joint_batches(ranks, tmp_path):
    expected = fit(4, tmp_path)
    for found in ranks:
        assert_same_training(found["fit"], expected)
        assert [record["scored"] for record in found["fit"]["curves"]] == [5, 5]


def test_another_number_of_processes_resumes(ranks, folder, tmp_path):
    expected = fit(4, tmp_path, resume=folder / "alone.ckpt")
    for found in ranks:
        assert_same_training(found["resumed"], expected)
    straight = fit(4, tmp_path, epochs=3)
    assert_same_training(fit(4, tmp_path, resume=folder / "fit.ckpt", epochs=3), straight)


@pytest.mark.filterwarnings("ignore")  # Lightning's, which the command quietens
def test_the_commands_under_torchrun(ranks, folder):
    assert (folder / "run/report.html").is_file()
    run_commands(folder, "alone")
    alone, together = (json.loads((folder / f"{name}_validate.json").read_text()) for name in ("alone", "together"))
    assert_close(numbers(together), numbers(alone), rtol=1e-9, atol=0, equal_nan=True)
    for path in ("alone.json", *(f"alone/{name}" for name in ("shares.json", *(f"masks/{n}.png" for n in range(5))))):
        assert (folder / path).read_bytes() == (folder / path.replace("alone", "together", 1)).read_bytes()


@pytest.mark.filterwarnings("ignore")
def test_an_error_of_one_process_is_no_lost_connection(scenes, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("gloo")

    monkeypatch.setattr(SegmentationTask, "training_step", fail)
    with pytest.raises(RuntimeError, match=r"^gloo$"):
        command("fit", *scenes, "--run_dir", tmp_path / "run")


def test_fewer_images_than_processes_are_refused():
    data = NoiseData()
    data.setup("validate")
    data.trainer = SimpleNamespace(world_size=4, global_rank=0)
    with pytest.raises(
        InputError, match=r"5 images to score in batches of 2 are 3 for 4 processes, .* smaller data.eval"
    ):
        data.val_dataloader()


@pytest.mark.slow
def test_two_machines(ranks, tmp_path):
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the command ip")
    prepare(tmp_path)
    with two_namespaces() as machines:
        for found, expected in zip(found_by(tmp_path, machines=machines), ranks, strict=True):
            assert_close(numbers(found), numbers(expected), rtol=1e-4, atol=1e-5, equal_nan=True)


@contextmanager
def two_namespaces():
    """The addresses of two network namespaces with a cable between them, and what starts a command in each."""
    machines = {f"10.213.7.{number}": f"feedbackward{number}" for number in (1, 2)}

    def ip(*args):
        subprocess.run(["ip", *args], check=True, capture_output=True, text=True)

    try:
        for name in machines.values():
            ip("netns", "add", name)
        first, second = machines.values()
        ip("link", "add", "fb0", "netns", first, "type", "veth", "peer", "name", "fb0", "netns", second)
        for address, name in machines.items():
            ip("-n", name, "address", "add", f"{address}/24", "dev", "fb0")
            for device in ("lo", "fb0"):
                ip("-n", name, "link", "set", device, "up")
        yield {
            address: ["ip", "netns", "exec", name, "env", "GLOO_SOCKET_IFNAME=fb0"]
            for address, name in machines.items()
        }
    finally:
        for name in machines.values():
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_ends_the_others(folder, tmp_path, rank):
    program = (
        "import os, signal, sys\n"
        "from feedbackward.cli.main import main\n"
        "from feedbackward.training.console import EpochLines\n"
        "def stop(self, trainer, pl_module):\n"
        f"    if trainer.current_epoch == 2 and trainer.global_rank == {rank}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "EpochLines.on_train_epoch_start = stop\n"
        "main(sys.argv[1:])\n"
    )
    (tmp_path / "program.py").write_text(program)
    options = fit_options(folder, run=tmp_path / "run", epochs=50)
    status, output = torchrun(tmp_path / "program.py", "fit", *options, machines={"": []})
    assert status == 1
    assert output.count("error: ") == 1
    assert re.search(r"error: the connection to the other processes was lost \(.*\); the last checkpoint is ", output)
    assert (tmp_path / "run/checkpoints/last.ckpt").is_file()


def main(folder):
    """Compute everything together with the other process."""
    distributed.init_process_group("gloo")
    rank = distributed.get_rank()
    found = everything(folder, rank=rank, processes=2)
    found["resumed"] = fit(2, folder / "resumed", resume=folder / "alone.ckpt")
    torch.save(found, folder / f"{rank}.pt")
    command("fit", *fit_options(folder, run=folder / "run", epochs=1))
    run_commands(folder, "together")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
