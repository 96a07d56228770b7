"""A logger of Lightning for trackio, which has the functions of W&B and keeps its runs in local files."""

import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from feedbackward.errors import InputError

FOLDER = "TRACKIO_DIR"
"""The environment variable that trackio reads its folder from, when it is imported."""


class TrackioLogger(Logger):
    """Logs to a run of trackio.

    Args:
        project: The project.
        name: The run.
        folder: Where trackio stores it, unless the environment variable TRACKIO_DIR is set.

    Raises:
        InputError: If this process uses trackio with another folder already.
    """

    def __init__(self, *, project: str, name: str, folder: Path) -> None:
        super().__init__()
        _import_trackio(Path(os.environ.get(FOLDER, folder)))
        self._project = project
        self._run_name = name
        self._run: Any = None

    @property
    def name(self) -> str:
        """The project."""
        return self._project

    @property
    def version(self) -> str:
        """The run."""
        return self._run_name

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run of trackio, created on first use."""
        if self._run is None:
            import trackio

            self._run = trackio.init(project=self._project, name=self._run_name)
        return self._run

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *_: Any, **__: Any) -> None:
        """Store the configuration, before the first metrics."""
        self.experiment.config.update(params if isinstance(params, dict) else vars(params))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log values by name."""
        self.experiment.log(dict(metrics), step=step)

    @rank_zero_only
    def finalize(self, status: str) -> None:  # noqa: ARG002
        """Write what is left."""
        if self._run is not None:
            import trackio

            trackio.finish()


def _import_trackio(folder: Path) -> None:
    """Import trackio, which then reads its folder from the environment, once in a process."""
    given = os.environ.get(FOLDER)
    os.environ[FOLDER] = str(folder)
    try:
        from trackio.utils import TRACKIO_DIR
    finally:
        if given is None:
            del os.environ[FOLDER]
    if Path(TRACKIO_DIR) != folder:
        raise InputError(
            f"trackio writes to one folder in a process, {TRACKIO_DIR} in this one, and not to {folder}; set the "
            f"environment variable {FOLDER} to a folder for all trainings of the process before the first one"
        )
