"""`feedbackward compare` on two short trainings."""

import json
import re
import shutil

import numpy as np
import pytest
import yaml
from PIL import Image

import feedbackward as fb
from feedbackward.cli.main import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two trainings on the same four images, which differ in learning rate and seed."""
    folder = tmp_path_factory.mktemp("runs")
    random = np.random.default_rng(0)
    for number in range(8):
        image = random.integers(0, 90, (48, 64, 3)).astype(np.uint8)
        mask = np.zeros((48, 64), np.uint8)
        image[10:30, number * 4 : number * 4 + 20] += 120
        mask[10:30, number * 4 : number * 4 + 20] = 1
        for kind, array in (("images", image), ("masks", mask)):
            (folder / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / "data" / kind / f"{number}.png")
    options = {"encoder": "test_resnet", "weights": "none", "epochs": 1, "val": 0.5}
    first = fb.train(folder / "data", **options, lr=0.01, output=folder / "first")
    second = fb.train(folder / "data", **options, lr=0.002, output=folder / "second")
    return first, second


def test_scores_options_and_scenes_are_side_by_side(runs, tmp_path, capsys):
    page = tmp_path / "compare.html"
    main(["compare", *(str(run.root) for run in runs), "--output", str(page)])
    printed, html = capsys.readouterr().out, page.read_text()
    scores = [json.loads(run.metrics.read_text())["best"] for run in runs]
    row = "".join(rf"<td>{100 * score['scalars']['mean_iou']:.1f}</td>" for score in scores)
    assert f"<tr><td>mean IoU</td>{row}</tr>" in html
    assert "<td>model.optimizer.init_args.lr</td><td>0.01</td><td>0.002</td>" in html
    assert "0.002" in printed
    assert "run_dir" not in html
    best = max(score["per_class"]["iou"]["foreground"] for score in scores)
    assert re.search(rf'IoU of foreground</td>.*<td class="best">{100 * best:.1f}</td>', html)
    assert (
        html.count("<figcaption>image</figcaption>") == html.count("<figcaption>prediction of second</figcaption>") > 0
    )
    main(["compare", *(str(run.root) for run in runs), "--output", str(page), "--overwrite"])
    assert page.read_text() == html


def variant(run, folder, images):
    """A copy of a run whose validation images are these, by name."""
    shutil.copytree(run.root, folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    options = config["data"]["init_args"]
    data = folder / "other_data"
    shutil.copytree(options["root"], data)
    for kind in ("images", "masks"):
        shutil.rmtree(data / kind / "val")
        (data / kind / "val").mkdir()
    for name, image in images.items():
        Image.fromarray(image).save(data / "images" / "val" / f"{name}.png")
        Image.fromarray(np.zeros(image.shape[:2], np.uint8)).save(data / "masks" / "val" / f"{name}.png")
    options["root"] = str(data)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return str(folder)


def photographs(numbers, seed=0):
    return {f"{n:02}": np.random.default_rng((seed, n)).integers(0, 255, (48, 64, 3), np.uint8) for n in numbers}


def scenes_of(html):
    return re.findall(r'<div class="scene"><h3>(.*?)</h3>', html)


def test_scenes_are_drawn_from_the_images_that_all_runs_have(runs, tmp_path):
    first = variant(runs[0], tmp_path / "first", photographs(range(10)))
    second = variant(runs[1], tmp_path / "second", photographs(range(4, 20)))
    page = tmp_path / "page.html"
    main(["compare", first, second, "--output", str(page)])
    assert scenes_of(page.read_text()) == ["04", "06", "07", "09"]
    assert "eft out" not in page.read_text()


def test_images_that_only_share_their_names_are_left_out(runs, tmp_path, capsys):
    first = variant(runs[0], tmp_path / "first", photographs(range(3)))
    second = variant(runs[1], tmp_path / "second", photographs([0, 1], seed=1) | photographs([2]))
    page = tmp_path / "page.html"
    main(["compare", first, second, "--output", str(page)])
    note = "eft out: images that have the same name in all runs, but are different images (2): 00, 01"
    assert scenes_of(page.read_text()) == ["02"]
    assert f"L{note}." in page.read_text()
    assert f"l{note}" in capsys.readouterr().out
    third = variant(runs[1], tmp_path / "third", photographs(range(3), seed=2))
    main(["compare", first, third, "--output", str(page), "--overwrite"])
    assert scenes_of(page.read_text()) == []
    assert "no validation images in common" in page.read_text()


@pytest.mark.parametrize("name", ["image", "truth"])
def test_runs_may_have_the_name_of_a_picture(runs, tmp_path, name):
    def pictures(other):
        page = tmp_path / f"{other.name}.html"
        main(["compare", str(runs[0].root), str(other), "--output", str(page)])
        return re.findall(r'<img src="([^"]*)"', page.read_text())

    shutil.copytree(runs[1].root, tmp_path / name)
    assert pictures(tmp_path / name) == pictures(runs[1].root) != []


def test_mistakes_are_one_line(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    first = str(runs[0].root)
    (tmp_path / "empty").mkdir()
    (tmp_path / "compare.html").touch()
    for arguments, message in (
        ([first], "1 run to compare; give at least two run folders"),
        ([first, "empty", "--output", "a.html"], "empty is not the folder of a training: metrics.json is missing"),
        ([first, first, "--output", "a.html"], "two runs are named first; rename one of the folders"),
        ([first, first], "compare.html exists already; choose another name or add --overwrite"),
    ):
        with pytest.raises(SystemExit):
            main(["compare", *arguments])
        assert capsys.readouterr().err.strip() == f"error: {message}"
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (("curves", 0, "val/mean_iou"), "high", "curves[0].val/mean_iou is 'high'; expected a number or nothing"),
        (("curves", 0, "train/loss"), float("inf"), "curves[0].train/loss is inf; expected a finite number"),
        (
            ("best", "per_class", "iou", "foreground"),
            "0.5",
            "best.per_class.iou.foreground is '0.5'; expected a number",
        ),
        (
            ("best", "per_class", "iou", "foreground"),
            float("nan"),
            "best.per_class.iou.foreground is nan; expected a fin",
        ),
        (("best", "scalars", "mean_iou"), float("inf"), "best.scalars.mean_iou is inf; expected a finite number"),
        (("training_seconds",), float("-inf"), "training_seconds is -inf; expected a finite number"),
        (("training_seconds",), 10**400, f"training_seconds is 1{'0' * 59}; expected a finite number"),
    ],
)
def test_damaged_scores_are_refused(runs, tmp_path, capsys, path, value, found):
    damaged = tmp_path / "damaged"
    shutil.copytree(runs[1].root, damaged)
    metrics = json.loads((damaged / "metrics.json").read_text())
    holder = metrics
    for key in path[:-1]:
        holder = holder[key]
    assert path[-1] in holder
    holder[path[-1]] = value
    (damaged / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(SystemExit):
        main(["compare", str(runs[0].root), str(damaged), "--output", str(tmp_path / "page.html")])
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"error: {damaged / 'metrics.json'}: {found}")
    assert error.endswith(": restore the file, or train again")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "page.html").exists()
