"""The code of documentation pages runs, and their recipes are valid."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import PIL.Image
import pytest
import yaml

from feedbackward.cli.fit import main

PAGE = (Path(__file__).parents[1] / "docs" / "augmentation.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small data set in the folder `mine` of the current folder."""
    rng = np.random.default_rng(0)
    for kind, shape, most in (("images", (24, 32, 3), 256), ("masks", (24, 32), 2)):
        folder = tmp_path / "mine" / kind / "train"
        folder.mkdir(parents=True)
        for name in ("a.png", "b.png"):
            PIL.Image.fromarray(rng.integers(0, most, shape, dtype=np.uint8)).save(folder / name)
    (tmp_path / "mine" / "classes.yaml").write_text("classes: [background, car]\nignore: null\n")
    monkeypatch.chdir(tmp_path)


def test_the_example_of_one_s_own_step(
    mine: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = blocks("python")
    module = ModuleType("docs_example")  # in which workers find its function
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(block, "augmentation.md", "exec"), module.__dict__)
    assert "torch.Size([3, " in capsys.readouterr().out


@pytest.mark.parametrize("index", [0, 1])
def test_the_recipes(index: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = blocks("yaml")[index]
    recipe = tmp_path / "augmentation.yaml"
    recipe.write_text(block)
    with pytest.raises(SystemExit) as caught:
        main("fit", ["--config", "camvid_mobilenetv2", "--config", str(recipe), "--print_config"])
    assert caught.value.code == 0
    found = yaml.safe_load(capsys.readouterr().out)["data"]["init_args"]["augmentation"]
    assert found.items() >= yaml.safe_load(block)["data"]["init_args"]["augmentation"].items()


def test_options_that_are_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    from feedbackward.data import Augmentation

    assert "keep the recommended values" in PAGE
    assert "`Augmentation(rotation=10)` starts from flips alone" in PAGE
    with pytest.raises(SystemExit):
        main("fit", ["--config", "camvid_mobilenetv2", "--data.augmentation.rotation", "10", "--print_config"])
    found = yaml.safe_load(capsys.readouterr().out)["data"]["init_args"]["augmentation"]
    assert (found["rotation"], found["horizontal_flip"], found["scale"]) == (10, 0.5, [0.75, 1.5])
    own = Augmentation(rotation=10)
    assert (own.horizontal_flip, own.scale) == (0.5, (1, 1))


def test_the_table_has_every_option() -> None:
    from dataclasses import fields

    from feedbackward.data import Augmentation

    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, flags=re.MULTILINE)))
    assert sorted(named) == sorted(field.name for field in fields(Augmentation))
