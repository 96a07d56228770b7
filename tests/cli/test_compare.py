"""`feedbackward compare` on two short trainings."""

import json
import re

import numpy as np
import pytest
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
    assert html.count("<figcaption>image</figcaption>") == html.count("<figcaption>second</figcaption>") > 0
    main(["compare", *(str(run.root) for run in runs), "--output", str(page), "--overwrite"])
    assert page.read_text() == html


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
