"""Lightning's loggers by name, with what they write in the run folder.

W&B and MLflow write elsewhere if their own environment variables say so, such as WANDB_MODE and MLFLOW_TRACKING_URI.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from feedbackward.errors import InputError, nearest
from feedbackward.training.trackio_logger import TrackioLogger

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_MLFLOW_SERVER = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True)
class Tracker:
    """A kind of logger.

    Args:
        open: Builds the logger from the run folder and the name of the project.
        package: What has to be installed.
    """

    open: Callable[[Path, str], Logger]
    package: str | None = None


class _FinishedWandb(WandbLogger):
    """Lightning leaves the run open, and the next training of the process would write into it."""

    @rank_zero_only
    def finalize(self, status: str) -> None:
        super().finalize(status)
        if self._experiment is not None:
            self._experiment.finish(exit_code=int(status != "success"))


class _OwnMlflow(MLFlowLogger):
    """mlflow puts the database of a run into the variable, where the next training would take it for a server."""

    @property
    @rank_zero_experiment
    def experiment(self) -> "MlflowClient":
        given = os.environ.get(_MLFLOW_SERVER)
        client = super().experiment
        if given is None:
            os.environ.pop(_MLFLOW_SERVER, None)
        else:
            os.environ[_MLFLOW_SERVER] = given
        return client


def _mlflow(root: Path, project: str) -> Logger:
    server = os.environ.get(_MLFLOW_SERVER)
    return _OwnMlflow(
        experiment_name=project,
        run_name=root.name,
        tracking_uri=server or f"sqlite:///{root / 'mlflow.db'}",
        artifact_location=None if server else (root / "mlflow").as_uri(),
    )


TRACKERS: dict[str, Tracker] = {
    "csv": Tracker(lambda root, _: CSVLogger(root, name="csv")),
    "tensorboard": Tracker(
        lambda root, _: TensorBoardLogger(root, name="tensorboard", version="", default_hp_metric=False), "tensorboard"
    ),
    "wandb": Tracker(lambda root, project: _FinishedWandb(name=root.name, project=project, save_dir=root), "wandb"),
    "mlflow": Tracker(_mlflow, "mlflow"),
    "trackio": Tracker(
        lambda root, project: TrackioLogger(project=project, name=root.name, folder=root / "trackio"), "trackio"
    ),
}


def tracker_names(text: str) -> list[str]:
    """The names in the value of --tracker, whose packages are installed.

    Args:
        text: Names of TRACKERS, with commas between them.

    Raises:
        InputError: If a name is unknown, or its package is not installed.

    Example:
        >>> tracker_names("csv")
        ['csv']
    """
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in TRACKERS:
            raise InputError(f"--tracker: unknown tracker {name!r}; {nearest(name, TRACKERS)}")
        package = TRACKERS[name].package
        if package is not None and find_spec(package) is None:
            raise InputError(f"--tracker {name} needs the package {package}: pip install {package}")
    return names


def open_trackers(names: list[str], folder: Path, *, project: str) -> list[Logger]:
    """The loggers of a training.

    Args:
        names: Result of tracker_names.
        folder: The run folder, which is created; its name is that of the run.
        project: The name under which the trackers list the run beside others.

    Raises:
        InputError: If trackio is used with another folder in this process already.
    """
    root = folder.resolve()
    root.mkdir(parents=True, exist_ok=True)
    return [TRACKERS[name].open(root, project) for name in names]
