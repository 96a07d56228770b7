"""Recipes that name code, and those that do not."""

import sys
from pathlib import Path

import pytest
import yaml
from jsonargparse import ArgumentParser

from feedbackward.cli.fit_cli import FitCLI
from feedbackward.cli.main import main
from feedbackward.errors import InputError

RECIPE = {
    "model": {"name": "test_resnet", "encoder_weights": None},
    "data": {
        "class_path": "feedbackward.streets.StreetsData",
        "init_args": {"train_scenes": 2, "val_scenes": 2, "size": [32, 64]},
    },
    "trainer": {"accelerator": "cpu", "max_epochs": 1},
}
MODULE = """
from pathlib import Path
import torch
Path({ran!r}).touch()
class Loss(torch.nn.CrossEntropyLoss):
    def __init__(self): super().__init__(ignore_index=255)
def change(image, mask): return image, mask
"""


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a module of one's own creates when it is imported."""
    path = tmp_path / "ran"
    (tmp_path / "own_module.py").write_text(MODULE.format(ran=str(path)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("own_module", None)
    return path


def recipe(tmp_path: Path, **changes: object) -> Path:
    """A recipe with changed options, by dotted names."""
    content = yaml.safe_load(yaml.safe_dump(RECIPE))
    for name, value in changes.items():
        *groups, last = name.split("__")
        part = content
        for group in groups:
            part = part.setdefault(group, {})
        part[last] = value
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def parse(*args: object, command: str = "fit") -> FitCLI:
    return FitCLI(command, [str(arg) for arg in ("--run_dir", "run", *args)])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("model__loss", "own_module.Loss", "own_module.Loss"),
        ("model__loss", {"class_path": "own_module.Loss"}, "own_module.Loss"),
        ("model__loss", "torch.nn.modules.loss.Path.own_module.Loss", ""),
        ("model__optimizer", "os.system", "os.system"),
        (
            "model__optimizer",
            {"class_path": "subprocess.Popen", "init_args": {"args": "touch ran"}},
            "subprocess.Popen",
        ),
        ("model__scheduler", "torch.hub.load", "torch.hub.load"),
        ("model__scheduler", "torch.load", "torch.load"),
        ("model__scheduler", "torch.nn.modules.module.torch.load", "torch.serialization.load"),
        ("data", {"class_path": "own_module.Data"}, "own_module.Data"),
        ("data__init_args__augmentation", {"custom": "own_module.change"}, "own_module.change"),
        ("data__init_args__augmentation", {"custom": "builtins.eval"}, "builtins.eval"),
        (
            "data__init_args__augmentation",
            {"custom": {"class_path": "torchvision.transforms.v2.Lambda", "init_args": {"lambd": "os.system"}}},
            "",
        ),
        ("trainer__callbacks", [{"class_path": "own_module.Callback"}], "own_module.Callback"),
        (
            "trainer__callbacks",
            [{"class_path": "lightning.pytorch.callbacks.LambdaCallback", "init_args": {"setup": "os.system"}}],
            "os.system",
        ),
        ("trainer__logger", {"class_path": "own_module.Logger"}, "own_module.Logger"),
        ("trainer__plugins", [{"class_path": "own_module.Plugin"}], "own_module.Plugin"),
    ],
)
def test_a_recipe_cannot_name_code(option: str, value: object, named: str, ran: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        parse("--config", recipe(tmp_path, **{option: value}))
    assert not ran.exists()
    assert "\n" not in str(refused.value)
    if named:
        assert f"the recipe names {named}, whose code would run" in str(refused.value)
        assert "add --trust-recipe" in str(refused.value)


@pytest.mark.filterwarnings("ignore")
def test_a_second_file_cannot_name_code_either(ran: Path, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(yaml.safe_dump({**RECIPE["model"], "loss": "own_module.Loss"}))
    (tmp_path / "second.yaml").write_text("model: model.yaml")
    for args in (["--model", "model.yaml"], ["--config", "second.yaml"]):
        with pytest.raises(InputError, match=r"the recipe names own_module\.Loss"):
            parse("--config", recipe(tmp_path), *args)
        assert not ran.exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "args",
    [
        ["--trust-recipe"],
        ["--model.loss", "own_module.Loss"],
        ["--model.loss=own_module.Loss"],
        ["--data.init_args.augmentation", "{custom: own_module.change}"],
    ],
)
def test_it_can_where_the_user_trusts_it_or_has_typed_it(args: list[str], ran: Path, tmp_path: Path) -> None:
    cli = parse("--config", recipe(tmp_path, model__loss="own_module.Loss"), *args)
    assert type(cli.model.loss).__name__ == "Loss"
    assert ran.exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", ["data/own_module.v2", "./own_module.v2", "own_module.v2", "~/x.own_module.Loss"])
def test_a_path_that_the_user_has_typed_is_no_name(value: str, ran: Path, tmp_path: Path) -> None:
    (tmp_path / "own_module.v2").mkdir()
    with pytest.raises(InputError, match=r"the recipe names own_module\.Loss"):
        parse("--config", recipe(tmp_path, model__loss="own_module.Loss"), "--trainer.default_root_dir", value)
    assert not ran.exists()


@pytest.mark.filterwarnings("ignore")
def test_trust_is_not_part_of_a_recipe_and_not_saved(ran: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trust"):
        parse("--config", recipe(tmp_path, trust_recipe=True, model__loss="own_module.Loss"))
    assert not ran.exists()
    cli = parse("--config", recipe(tmp_path, model__loss="own_module.Loss"), "--trust-recipe")
    assert "trust" not in cli.full_config
    (tmp_path / "config.yaml").write_text(cli.full_config)
    with pytest.raises(InputError, match=r"the recipe names own_module\.Loss"):
        parse("--config", tmp_path / "config.yaml")
    assert cli._resume_command.endswith("--ckpt_path last --trust-recipe")


@pytest.mark.filterwarnings("ignore")
def test_other_parsers_are_not_restricted_afterwards(ran: Path, tmp_path: Path) -> None:
    parse("--config", recipe(tmp_path))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--loss", type=type)
    assert parser.parse_args(["--loss", "own_module.Loss"]).loss.__name__ == "Loss"


def test_the_command_line_refuses_it_with_one_line(ran: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = recipe(tmp_path, model__optimizer="os.system")
    with pytest.raises(SystemExit) as ended:
        main(["fit", "--config", str(path), "--run_dir", "run"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "run").exists()
