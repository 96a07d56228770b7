"""predict and evaluate in several processes, here threads connected by a store of torch, do what one does."""

import json
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.distributed import DistStoreError, HashStore

from feedbackward.cli import evaluate as evaluate_command
from feedbackward.cli import shared_folder
from feedbackward.cli.destination import Destination
from feedbackward.cli.predict import build_parser
from feedbackward.cli.predict_report import Reporter
from feedbackward.cli.prediction_run import PredictionRun
from feedbackward.errors import InputError
from feedbackward.processes import Processes
from feedbackward.segmenters.journal import JOURNAL

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture
def scenes(tmp_path):
    """Seven images in two folders, one of which is damaged, with masks for the other six."""
    rng = np.random.default_rng(0)
    for number in range(7):
        name = f"{'ab'[number % 2]}/scene_{number}.png"
        for kind, array in (
            ("images", rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)),
            ("masks", rng.integers(0, 3, (24, 32), dtype=np.uint8)),
        ):
            path = tmp_path / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    (tmp_path / "images/a/scene_2.png").write_bytes(b"no image")
    (tmp_path / "masks/a/scene_2.png").unlink()
    (tmp_path / "classes.yaml").write_text("classes: [road, sky, car]\n")
    return tmp_path


def new_store():
    store = HashStore()
    store.set_timeout(timedelta(seconds=20))
    return store


def together(count, work):
    """The results of work(processes) in several processes; the error of the first that fails."""
    store = new_store()
    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(work, Processes(rank, count, store if count > 1 else None)) for rank in range(count)]
        for future in as_completed(futures):
            future.result()
        return [future.result() for future in futures]


def predict_in(options, reporter, processes):
    with ExitStack() as held:
        return PredictionRun(options, reporter, processes).predict(held)


def predict(count, model, scenes, *more, output="out"):
    args = [str(model), str(scenes / "images"), "--output", str(scenes / output), "--json", "--device", "cpu", *more]
    options = build_parser().parse_args([*args, "--save", "masks", "shares", "coco"])

    def work(processes):
        reporter = Reporter(as_json=options.json, quiet=not processes.is_first)
        return predict_in(options, reporter, processes)

    return together(count, work)


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_place(summary):
    """A summary without the time and the output folder."""
    return {**{name: summary[name] for name in summary if name not in ("seconds", "written")}}


@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_outputs_and_the_summary_are_those_of_one_process(model, scenes, capsys, count):
    assert predict(1, model, scenes, output="alone") == [1]
    alone = json.loads(capsys.readouterr().out)
    assert predict(count, model, scenes) == [1, *[0] * (count - 1)]
    summary = json.loads(capsys.readouterr().out)
    assert without_place(summary) == without_place(alone)
    assert summary["predicted"] == 6
    found, expected = contents(scenes / "out"), contents(scenes / "alone")
    assert len(expected) == 6 * 3 + 5  # and coco.json, shares.json, shares.csv, skipped.csv, the journal
    assert sorted(found.pop(Path(JOURNAL)).splitlines()) == sorted(expected.pop(Path(JOURNAL)).splitlines())
    assert found == expected


@pytest.mark.parametrize(("before", "after"), [(1, 2), (3, 2), (2, 1), (2, 2)])
def test_another_number_of_processes_goes_on(model, scenes, capsys, monkeypatch, before, after):
    predict(1, model, scenes, output="alone")
    writing = Destination.write

    def interrupted(destination, job, result):
        if job.image.stem in ("scene_3", "scene_6"):
            raise KeyboardInterrupt
        writing(destination, job, result)

    with monkeypatch.context() as patch:
        patch.setattr(Destination, "write", interrupted)
        patch.setattr(Processes, "gather", _ends_with_the_others)
        with pytest.raises(KeyboardInterrupt):
            predict(before, model, scenes)
    done = {path for path in contents(scenes / "out") if path.parts[0] == "masks"}
    assert 0 < len(done) < 6
    times = {path: (scenes / "out" / path).stat().st_mtime_ns for path in done}
    capsys.readouterr()
    predict(after, model, scenes)
    summary = json.loads(capsys.readouterr().out)
    assert (summary["done_before"], summary["predicted"]) == (len(done), 6 - len(done))
    assert {path: (scenes / "out" / path).stat().st_mtime_ns for path in done} == times
    found, expected = contents(scenes / "out"), contents(scenes / "alone")
    assert found.keys() == expected.keys()
    assert all(found[path] == expected[path] for path in found if path != Path(JOURNAL))


def _ends_with_the_others(processes, data):
    """Like Processes.gather until the images are predicted; there torchrun ends all processes because one has ended."""
    if isinstance(data, dict):
        raise KeyboardInterrupt
    return [data] * processes.count if processes.is_first else []


def test_overwriting_starts_over(model, scenes, capsys):
    predict(3, model, scenes)
    (scenes / "out/run.2.jsonl").write_text("{}")  # of a process that was killed
    capsys.readouterr()
    predict(2, model, scenes, "--overwrite")
    assert json.loads(capsys.readouterr().out)["done_before"] == 0
    assert sorted(path.name for path in (scenes / "out").glob("run*")) == [JOURNAL]


def test_nothing_is_written_if_one_process_refuses(model, scenes):
    foreign = scenes / "out/masks/b/scene_3.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"mine")
    store = new_store()
    options = build_parser().parse_args(
        [str(model), str(scenes / "images"), "--output", str(scenes / "out"), "--save", "masks", "--device", "cpu"]
    )
    store.set_timeout(timedelta(seconds=1))  # of the first one, which waits for the other
    with ThreadPoolExecutor(2) as pool:
        quiet = Reporter(as_json=False, quiet=True)
        first, second = (pool.submit(predict_in, options, quiet, Processes(rank, 2, store)) for rank in range(2))
        with pytest.raises(InputError, match="does not come from this command"):
            second.result()
        with pytest.raises(DistStoreError):
            first.result()
    assert contents(scenes / "out") == {Path("masks/b/scene_3.png"): b"mine"}


def test_a_machine_with_an_output_folder_of_its_own_is_refused(model, scenes, monkeypatch, tmp_path):
    monkeypatch.setattr(shared_folder, "SHOWN_AFTER", 0.2)
    options = build_parser().parse_args(
        [str(model), str(scenes / "images"), "--output", str(tmp_path / "elsewhere"), "--device", "cpu"]
    )
    store = new_store()

    def first():
        processes = Processes(0, 2, store)
        processes.gather(0)
        processes.broadcast("of this run")

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / shared_folder.SHARED).write_text("of an earlier run")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(first)
        with pytest.raises(InputError, match="give an --output that all machines share"):
            predict_in(options, Reporter(as_json=False, quiet=True), Processes(1, 2, store))


def evaluate(count, scenes, *more):
    args = ["--dataset", "folder", "--ground-truth", str(scenes / "masks"), "--classes", str(scenes / "classes.yaml")]
    options = evaluate_command.build_parser().parse_args([*args, "--workers", "1", *map(str, more)])
    together(count, lambda processes: evaluate_command.evaluate(options, processes))


@pytest.mark.parametrize("count", [2, 4, 9])
def test_the_scores_of_a_folder_are_those_of_one_process(model, scenes, capsys, count):
    predict(1, model, scenes)
    capsys.readouterr()
    printed = []
    for name, processes in (("alone", 1), ("together", count)):
        files = [option for kind in ("json", "per-image") for option in (f"--{kind}", scenes / f"{name}.{kind}")]
        evaluate(processes, scenes, "--predictions", scenes / "out/masks", *files, "--boundary", "0.02", "--by-size")
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    for kind in ("json", "per-image"):
        assert (scenes / f"together.{kind}").read_text() == (scenes / f"alone.{kind}").read_text()
    assert len((scenes / "alone.per-image").read_text().splitlines()) == 7


def test_the_scores_of_a_network_are_those_of_one_process(model, scenes):
    for name, processes in (("alone", 1), ("together", 3)):
        with_model = ["--model", model, "--source", scenes / "images", "--device", "cpu"]
        evaluate(processes, scenes, *with_model, "--json", scenes / f"{name}.json")
    assert (scenes / "together.json").read_text() == (scenes / "alone.json").read_text()
