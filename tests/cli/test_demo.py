"""The demo with a recipe so small that it takes seconds."""

import re

import pytest
import yaml

from feedbackward.cli import demo
from feedbackward.cli.main import main
from feedbackward.data.files import read_image
from feedbackward.errors import InputError

RECIPE = """
model:
  name: test_resnet
  decoder: {output_stride: 2}
  encoder_weights: null
data:
  class_path: feedbackward.streets.StreetsData
  init_args: {train_scenes: 2, val_scenes: 2, test_scenes: 2, size: [64, 128], batch_size: 2, num_workers: 0}
trainer: {max_epochs: 1, accelerator: cpu}
"""


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    monkeypatch.setattr(demo, "RECIPE", str(tmp_path / "tiny.yaml"))
    monkeypatch.setattr(demo, "SIZE", (64, 128))
    monkeypatch.setattr(demo, "SCENES", 2)
    monkeypatch.chdir(tmp_path)


def test_a_demo_ends_with_pictures_and_a_report(tmp_path, capsys):
    demo.main([])
    run = tmp_path / "runs/demo"
    assert (run / "report.html").is_file()
    assert len(list((run / "predictions/overlays").rglob("*.jpg"))) == 2
    masks = list((run / "predictions/masks").rglob("*.png"))
    assert [read_image(mask).shape for mask in masks] == [(64, 128, 3)] * 2
    printed = capsys.readouterr().out
    assert "unseen scenes:" in printed
    assert "iIoU is comparable only at 1024x2048" in printed
    assert printed.splitlines()[-2:] == ["pictures: runs/demo/predictions", "report:   runs/demo/report.html"]


def test_the_network_of_the_demo_is_trained_again_as_its_card_says(tmp_path):
    demo.main([])
    card = (tmp_path / "runs/demo/model/README.md").read_text()
    (tmp_path / "recipe.yaml").write_text(re.search(r"```yaml\n(.*?)```", card, flags=re.DOTALL)[1])
    main([*re.search("`feedbackward (fit .*)`", card)[1].split(), "--run_dir", "again"])
    first, second = (yaml.safe_load((tmp_path / run / "config.yaml").read_text()) for run in ("runs/demo", "again"))
    assert first.pop("run_dir") != second.pop("run_dir")
    assert first == second


def test_the_first_free_folder_is_taken(tmp_path, monkeypatch):
    chosen = []

    def stop(command, args):
        chosen.append(args[args.index("--run_dir") + 1])
        raise InputError("far enough")

    monkeypatch.setattr(demo.fit, "main", stop)
    for folder in ("runs/demo", "runs/demo-2", "runs/demo-3"):
        with pytest.raises(InputError, match="far enough"):
            demo.main([])
        assert chosen[-1] == folder
        (tmp_path / folder).mkdir(parents=True)


def test_a_folder_with_content_is_refused_before_the_training(tmp_path):
    (tmp_path / "out/predictions").mkdir(parents=True)
    with pytest.raises(InputError, match=r"--output out is not empty; choose a new folder"):
        demo.main(["--output", "out"])
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["predictions"]
