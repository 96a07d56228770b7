"""The folder of a training: its configuration, the versions it ran with, and its results."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from feedbackward.errors import InputError
from feedbackward.io import check_writable, lock_folder, nearest_existing, remove_parts, write_json
from feedbackward.machine import describe_machine

LOCK_TIMEOUT = 10
"""Seconds to wait for a lock: the workers of a training that was killed hold it until they notice."""


@dataclass(frozen=True)
class RunFolder:
    """The paths in a run folder.

    Args:
        root: The folder; it contains config.yaml, versions.json, metrics.json, report.html, first_batch.jpg,
            csv/ (or what another tracker writes), checkpoints/best.ckpt and last.ckpt, model/ (the best
            network, for from_pretrained), and if the encoder was frozen adapter.safetensors and its card adapter.md.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The full configuration, for `feedbackward fit --config`."""
        return self.root / "config.yaml"

    @property
    def versions(self) -> Path:
        """The packages, Python and the machine that the run used."""
        return self.root / "versions.json"

    @property
    def metrics(self) -> Path:
        """Best and last scores, curves, and facts about the training."""
        return self.root / "metrics.json"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.root / "report.html"

    @property
    def first_batch(self) -> Path:
        """The picture of the first training batch."""
        return self.root / "first_batch.jpg"

    @property
    def checkpoints(self) -> Path:
        """The folder of best.ckpt and last.ckpt."""
        return self.root / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint from which a training is resumed."""
        return self.checkpoints / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint of the best epoch."""
        return self.checkpoints / "best.ckpt"

    @property
    def model(self) -> Path:
        """The folder of the best network: config.json and model.safetensors."""
        return self.root / "model"

    @property
    def adapter(self) -> Path:
        """What the best network has learned on its frozen encoder."""
        return self.root / "adapter.safetensors"

    @property
    def adapter_card(self) -> Path:
        """The model card of the adapter."""
        return self.adapter.with_suffix(".md")

    @property
    def results(self) -> tuple[Path, ...]:
        """The files and folders that a training writes and commands read."""
        own = (self.config, self.versions, self.metrics, self.report, self.first_batch)
        return (*own, self.checkpoints, self.model, self.adapter, self.adapter_card)

    def checkpoint(self, which: str) -> Path:
        """The path of the "best" or "last" checkpoint.

        Raises:
            InputError: If the run has not saved one.
        """
        path = self.checkpoints / f"{which}.ckpt"
        if not path.is_file():
            raise InputError(
                f"no {which} checkpoint in the run folder: {path} does not exist; name the folder of a "
                f"training with --run_dir, or give the path of a checkpoint with --ckpt_path"
            )
        return path

    @property
    def resume_command(self) -> str:
        """The command that goes on from the last checkpoint."""
        return f"feedbackward fit --config {self.config} --ckpt_path last"

    def failed_batch(self, rank: int) -> Path:
        """The batch that ended the training in one of its processes, for numpy.load."""
        return self.root / f"failed_batch{f'_{rank}' if rank else ''}.npz"

    @property
    def is_written(self) -> bool:
        """Whether a training has written here."""
        return self.config.is_file() and self.versions.is_file()

    def check(self, *, resume: bool) -> None:
        """Check that a training can be written here, without creating any file.

        Args:
            resume: Whether to continue the training in the folder.

        Raises:
            InputError: If the folder cannot be written, or contains a training and resume is False.
        """
        if not resume and any(self.checkpoints.glob("*.ckpt")):
            raise InputError(
                f"{self.root} contains a training already; continue it with {self.resume_command}, or choose another "
                f"folder with --run_dir"
            )
        check_writable(nearest_existing(self.root), what=f"the run folder {self.root}")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other trainings out of the folder, and remove what one that was killed has left half written.

        The lock ends with the process, however it ends.

        Raises:
            InputError: If another training writes to the folder.
        """
        with lock_folder(self.root, remedy="choose another folder with --run_dir", seconds=LOCK_TIMEOUT):
            for folder in (self.root, self.checkpoints, self.model):
                remove_parts(folder)
            yield

    def write_versions(self) -> None:
        """Write versions.json: the packages, Python and the machine that the run uses."""
        write_json(self.versions, describe_machine())


class PlannedRun:
    """A training that is about to begin; until it has the lock of its folder, another one may write there.

    Args:
        folder: The folder.
        resumed: The checkpoint of the folder that it goes on from, if it does.

    Raises:
        InputError: As RunFolder.check.
    """

    def __init__(self, folder: RunFolder, *, resumed: Path | None) -> None:
        self._folder, self._resumed = folder, resumed
        folder.check(resume=resumed is not None)
        self._version = _version(resumed)

    def check_unchanged(self) -> None:
        """Check again, with the lock.

        Raises:
            InputError: If another training has written to the folder meanwhile.
        """
        self._folder.check(resume=self._resumed is not None)
        if _version(self._resumed) != self._version:
            raise InputError(
                f"another training has gone on from {self._resumed} and written it again; give the command once more"
            )


def _version(path: Path | None) -> tuple[int, int, int] | None:
    if path is None or not path.is_file():
        return None
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
