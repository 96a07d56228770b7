"""The trackers get the scores and the pictures of a training.

W&B, MLflow and trackio are replaced by stubs; where they are installed, they are tested too.
"""

import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import mlflow as lightning_mlflow
from lightning.pytorch.loggers import wandb as lightning_wandb
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.training import trackers
from feedbackward.training.pictures import Pictures
from feedbackward.training.trackers import TRACKERS, open_trackers, tracker_names

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
]

VARIABLES = ("MLFLOW_TRACKING_URI", "TRACKIO_DIR")
STUBS = {
    "wandb/__init__.py": """
runs, run = [], None
from wandb.wandb_run import Run
def init(**options):
    global run
    run = Run(options)
    runs.append(run)
    return run
class Image:
    def __init__(self, data, caption, file_type):
        self.data = data
""",
    "wandb/sdk/lib/__init__.py": "class RunDisabled: pass",
    "wandb/wandb_run.py": """
import wandb
class Run:
    def __init__(self, options):
        self.options, self.scores, self.pictures = options, {}, {}
    def define_metric(self, *args, **options):
        pass
    def log(self, values):
        for name, value in values.items():
            if isinstance(value, list):
                self.pictures[name] = value[0].data
            else:
                self.scores[name] = value
    def finish(self, exit_code):
        self.exit_code = exit_code
        wandb.run = None
""",
    "mlflow/__init__.py": """
import os
def set_tracking_uri(uri):
    os.environ["MLFLOW_TRACKING_URI"] = uri
""",
    "mlflow/entities.py": """
class Metric:
    def __init__(self, key, value, timestamp, step):
        self.key, self.value = key, value
""",
    "mlflow/utils/mlflow_tags.py": "MLFLOW_RUN_NAME = 'mlflow.runName'",
    "mlflow/tracking/__init__.py": """
from types import SimpleNamespace
clients = []
class MlflowClient:
    def __init__(self, uri):
        self.uri, self.scores, self.pictures = uri, {}, {}
        clients.append(self)
    def get_experiment_by_name(self, name):
        return None
    def create_experiment(self, name, artifact_location):
        self.experiment, self.artifacts = name, artifact_location
        return "1"
    def create_run(self, experiment_id, tags):
        self.tags = tags
        return SimpleNamespace(info=SimpleNamespace(run_id="r"))
    def log_batch(self, run_id, metrics):
        self.scores |= {metric.key: metric.value for metric in metrics}
    def log_image(self, run_id, picture, artifact_file):
        self.pictures[artifact_file] = picture
    def get_run(self, run_id):
        return True
    def set_terminated(self, run_id, status):
        self.status = status
""",
    "mlflow/tracking/context.py": "def resolve_tags(tags): return tags",
    "trackio/__init__.py": """
runs, finished = [], []
class Run:
    def __init__(self, options):
        self.options, self.config, self.scores, self.pictures = options, {}, {}, {}
    def log(self, values, step):
        for name, value in values.items():
            if isinstance(value, Image):
                self.pictures[name] = value.data
            else:
                self.scores[name] = value
def init(**options):
    runs.append(Run(options))
    return runs[-1]
def finish():
    finished.append(runs[-1])
class Image:
    def __init__(self, data, caption):
        self.data = data
""",
    "trackio/utils.py": "import os, pathlib\nTRACKIO_DIR = pathlib.Path(os.environ.get('TRACKIO_DIR', 'cache'))",
}


@pytest.fixture
def stubs(tmp_path, monkeypatch):
    """Packages that record what they are given."""
    for name, content in STUBS.items():
        path = tmp_path / "stubs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(tmp_path / "stubs")
    before = {name: sys.modules.pop(name) for name in [*sys.modules] if _is_stub(name)}
    monkeypatch.setattr(lightning_wandb, "_WANDB_AVAILABLE", True)
    monkeypatch.setattr(lightning_mlflow, "_MLFLOW_AVAILABLE", True)
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    yield
    for name in [*sys.modules]:
        if _is_stub(name):
            del sys.modules[name]
    sys.modules.update(before)


def _is_stub(name):
    return name.partition(".")[0] in ("wandb", "mlflow", "trackio")


@pytest.fixture
def fit(make_task, make_trainer, stripes, tmp_path):
    """Train for an epoch with trackers; returns the score and the task."""

    def _fit(names, folder="runs/leaves_2"):
        loggers = open_trackers(tracker_names(names), tmp_path / folder, project="leaves")
        trainer = make_trainer(max_epochs=1, callbacks=[Pictures(count=1)], logger=loggers)
        task = make_task()
        trainer.fit(task, stripes)
        return trainer.callback_metrics["val/mean_iou"].item(), task

    return _fit


def check_picture(picture, stripes, task):
    """Left half the image and half the colors of its true classes, right those of the predicted ones, below titles."""
    item = stripes.dataset("val")[2]  # of batches of two, the second; its first scene
    image = (item["image"].numpy() * 255).round().astype(int).transpose(1, 2, 0)
    colors = np.array([*task.class_table.colors])
    with torch.no_grad():
        logits = task.eval()(item["image"][None])
    prediction = torch.nn.functional.interpolate(logits, scale_factor=2, mode="bilinear").argmax(dim=1)[0].numpy()
    shown = np.asarray(picture, int)[-14:]  # the first rows are void in the mask
    for half, classes in ((shown[:, :24], item["mask"].numpy()), (shown[:, -24:], prediction)):
        blend = image[2:] // 2 + colors[classes[5::2, 1::2]] // 2
        np.testing.assert_allclose(half, blend, atol=1)


def test_wandb(fit, stubs, stripes, tmp_path):
    score, task = fit("wandb")
    import wandb

    (run,) = wandb.runs
    wanted = {"name": "leaves_2", "project": "leaves", "dir": str(tmp_path / "runs/leaves_2")}
    assert wanted.items() <= run.options.items()
    assert run.scores["val/mean_iou"] == pytest.approx(score)
    assert list(run.pictures) == ["val/scene_2"]
    check_picture(run.pictures["val/scene_2"], stripes, task)
    assert run.exit_code == 0


def test_each_training_of_a_process_has_its_own_run_of_wandb(fit, stubs):
    fit("wandb", "one")
    fit("wandb", "two")
    import wandb

    assert [run.options["name"] for run in wandb.runs] == ["one", "two"]


def test_mlflow(fit, stubs, stripes, tmp_path, monkeypatch):
    score, task = fit("mlflow")
    from mlflow.tracking import clients

    run = tmp_path / "runs/leaves_2"
    assert clients[0].uri == f"sqlite:///{run}/mlflow.db"
    assert clients[0].artifacts == f"file://{run}/mlflow"
    assert (clients[0].experiment, clients[0].tags) == ("leaves", {"mlflow.runName": "leaves_2"})
    assert clients[0].scores["val/mean_iou"] == pytest.approx(score)
    assert list(clients[0].pictures) == ["val/scene_2/epoch_1.jpg"]
    check_picture(clients[0].pictures["val/scene_2/epoch_1.jpg"], stripes, task)
    assert clients[0].status == "FINISHED"

    fit("mlflow", "second")  # mlflow has set the variable to the database of the first
    assert clients[1].uri == f"sqlite:///{tmp_path}/second/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")  # after the import
    fit("mlflow", "other")
    assert (clients[2].uri, clients[2].artifacts) == ("http://server", None)
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://server"


def test_trackio(fit, stubs, stripes, tmp_path):
    score, task = fit("trackio")
    import trackio
    from trackio.utils import TRACKIO_DIR

    (run,) = trackio.runs
    assert run.options == {"project": "leaves", "name": "leaves_2"}
    assert tmp_path / "runs/leaves_2/trackio" == TRACKIO_DIR
    assert run.scores["val/mean_iou"] == pytest.approx(score)
    check_picture(run.pictures["val/scene_2"], stripes, task)
    assert trackio.finished == [run]
    task.trainer.logger.log_hyperparams({"model": {"name": "test_resnet"}})
    assert run.config == {"model": {"name": "test_resnet"}}


def test_trackio_has_one_folder_in_a_process(stubs, tmp_path, monkeypatch):
    open_trackers(["trackio"], tmp_path / "one", project="leaves")
    with pytest.raises(InputError, match=r"to one folder in a process, .*one/trackio in this one, .*TRACKIO_DIR"):
        open_trackers(["trackio"], tmp_path / "two", project="leaves")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "one/trackio"))
    open_trackers(["trackio"], tmp_path / "two", project="leaves")


real = pytest.mark.filterwarnings("ignore")  # those of the packages themselves


@real
def test_the_real_wandb(fit, tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    score, _ = fit("wandb")
    (run,) = (tmp_path / "runs/leaves_2/wandb").glob("offline-run-*")
    (records,) = run.glob("*.wandb")  # names and values are plain text in it
    logged = re.search(rb"val/mean_iou[^0-9]{1,9}([0-9.e-]+)", records.read_bytes())
    assert float(logged[1]) == pytest.approx(score)
    (picture,) = run.glob("files/media/images/val/scene_2_*")
    with Image.open(picture) as image:
        assert image.width >= 2 * 24


@real
def test_the_real_mlflow(fit, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("one", "two"):  # in one process
        score, _ = fit("mlflow", name)
        assert "MLFLOW_TRACKING_URI" not in os.environ
        client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/{name}/mlflow.db")
        (run,) = client.search_runs([client.get_experiment_by_name("leaves").experiment_id])
        assert (run.info.run_name, run.info.status) == (name, "FINISHED")
        assert run.data.metrics["val/mean_iou"] == pytest.approx(score)
        (picture,) = client.list_artifacts(run.info.run_id, "val/scene_2")
        assert picture.path == "val/scene_2/epoch_1.jpg"
        assert (tmp_path / name / "mlflow" / run.info.run_id / "artifacts" / picture.path).is_file()


@real
def test_the_real_trackio(fit, tmp_path, monkeypatch):
    pytest.importorskip("trackio")
    monkeypatch.delenv("TRACKIO_DIR", raising=False)
    for name in [name for name in sys.modules if _is_stub(name)]:
        monkeypatch.delitem(sys.modules, name)  # so that it reads its folder anew
    score, _ = fit("trackio")
    from trackio.sqlite_storage import SQLiteStorage

    assert [*(tmp_path / "runs/leaves_2/trackio").glob("leaves*.db")]
    logged = SQLiteStorage.get_logs("leaves", "leaves_2")
    assert {"val/mean_iou": pytest.approx(score)}.items() <= {
        name: value for record in logged for name, value in record.items()
    }.items()
    assert any("val/scene_2" in record for record in logged)


def test_csv_and_tensorboard(fit, stripes, tmp_path):
    _, task = fit("csv,tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "runs/leaves_2/tensorboard"), {"images": 0}).Reload()
    assert "val/mean_iou" in events.Tags()["scalars"]
    (picture,) = events.Images("val/scene_2")
    shown = Image.open(io.BytesIO(picture.encoded_image_string))
    check_picture(shown, stripes, task)
    folder = tmp_path / "runs/leaves_2/csv/version_0"
    assert "val/mean_iou" in (folder / "metrics.csv").read_text()
    with Image.open(folder / "val/scene_2/epoch_1.jpg") as jpeg:
        assert jpeg.size == shown.size


def test_names_of_trackers(monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: name)
    assert tracker_names("csv, tensorboard,csv") == ["csv", "tensorboard"]
    with pytest.raises(InputError, match="unknown tracker 'tenserboard'; did you mean tensorboard"):
        tracker_names("csv,tenserboard")
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    for name in ("tensorboard", "wandb", "mlflow", "trackio"):
        with pytest.raises(InputError, match=f"--tracker {name} needs the package {name}: pip install {name}"):
            tracker_names(name)


def test_the_documentation_lists_all_trackers():
    page = (Path(__file__).parents[2] / "docs/train.md").read_text(encoding="utf-8")
    section = page[page.index("## Trackers") :]
    assert all(f"`{name}`" in section for name in TRACKERS)
