"""Every packaged recipe goes through the real parser."""

from dataclasses import replace
from importlib.resources import files

import pytest
import torch
import yaml

from feedbackward.cli import fit, fit_cli
from feedbackward.data.camvid import CamVidData
from feedbackward.data.cityscapes import CityscapesData
from feedbackward.data.cityscapes_labels import CITYSCAPES
from feedbackward.decoder_config import PAPER
from feedbackward.errors import InputError
from feedbackward.losses import IoULoss
from feedbackward.metrics import CityscapesMetric
from feedbackward.models import list_encoders, list_models
from feedbackward.streets import StreetsData
from feedbackward.training.recipes import find_recipe, list_recipes


@pytest.fixture
def parse(tmp_path, monkeypatch):
    """The parts that a recipe builds; encoders start from scratch, since the tests have no network."""
    monkeypatch.chdir(tmp_path)

    def _parse(recipe, *more, build=True):
        args = ["--config", recipe, "--model.encoder_weights", "null", *more]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fit_cli.FitCLI, "run", lambda self: built.append(self))
            if not build:
                patch.setattr(fit_cli.FitCLI, "instantiate_classes", lambda self: None)
            built = []
            fit.main("fit", args)
        return built[0]

    return _parse


def test_the_recipes():
    assert list_recipes() == [
        "camvid_mobilenetv2",
        "camvid_vgg16_pwn",
        "camvid_vgg16_pwp",
        "cityscapes_deeplab_largefov",
        "cityscapes_fcn8s",
        "cityscapes_segnet",
        "cityscapes_vgg16_pwn",
        "cityscapes_vgg16_pwp",
        "frozen",
        "pretrained",
        "scratch",
        "streets_demo",
        "streets_mobilenetv2",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), "pretrained"),
        (("--model.encoder_weights", "null"), "scratch"),
        (("--model.encoder_weights=null",), "scratch"),
        (("--model.encoder_weights", "encoder.pth"), "pretrained"),
        (("--model.freeze_encoder", "true"), "frozen"),
        (("--model.freeze_encoder=weights", "--model.encoder_weights", "encoder.pth"), "frozen"),
        (("--model.freeze_encoder", "false"), "pretrained"),
    ],
)
def test_the_recipe_that_suits_what_is_given(tmp_path, monkeypatch, given, expected):
    monkeypatch.chdir(tmp_path)
    parts = {}
    for recipe in ("auto", expected):
        monkeypatch.setattr(fit_cli.FitCLI, "instantiate_classes", lambda self: None)
        monkeypatch.setattr(fit_cli.FitCLI, "run", lambda self, recipe=recipe: parts.update({recipe: self}))
        fit.main("fit", ["--config", recipe, "--data", "camvid", "--data.root", "somewhere", *given])
    assert parts["auto"].full_config == parts[expected].full_config
    assert parts["auto"].folder.root.name == expected


def test_random_weights_are_not_frozen():
    given = ["--model.freeze_encoder", "true", "--model.encoder_weights", "null"]
    with pytest.raises(InputError, match="a frozen encoder with random weights has learned nothing"):
        fit.main("fit", ["--config", "auto", "--data", "camvid", *given])


def test_the_configuration_of_a_run_has_the_preset_s_options(parse):
    parsed = parse("cityscapes_vgg16_pwp", "--data.root", "somewhere", build=False)
    model = yaml.safe_load(parsed.full_config)["model"]
    assert model["decoder"] == replace(PAPER, permute="possible").to_dict()
    assert model["encoder_norm"] == "batch"


def test_a_preset_s_decoder_cannot_be_changed(parse):
    with pytest.raises(InputError, match="vgg16_pwp has its own decoder"):
        parse("cityscapes_vgg16_pwp", "--data.root", "somewhere", "--model.decoder.output_stride", "2")


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_is_accepted(parse, recipe):
    more = [] if recipe.startswith("streets") else ["--data.root", "somewhere"]
    if recipe in ("scratch", "pretrained", "frozen"):
        more = ["--data", "camvid", *more]
    parsed = parse(recipe, *more, build=False)
    assert parsed.folder.root.parts == ("runs", recipe)
    assert yaml.safe_load(parsed.full_config)["model"]["name"] in (*list_models(), *list_encoders())


def test_camvid_of_the_paper_differs_only_in_the_data(parse):
    configs = [
        yaml.safe_load(parse(recipe, "--data.root", "somewhere", build=False).full_config)
        for recipe in ("cityscapes_vgg16_pwp", "camvid_vgg16_pwp")
    ]
    assert configs[0]["model"] == configs[1]["model"]
    assert configs[0]["trainer"] == configs[1]["trainer"]


@pytest.mark.parametrize("name", ["vgg16_pwp", "segnet", "deeplab_largefov", "fcn8s"])
def test_cityscapes_of_the_paper_differs_only_in_the_network(parse, name):
    options = ("--data.root", "somewhere", "--run_dir", "run")
    ours, other = (
        yaml.safe_load(parse(f"cityscapes_{network}", *options, build=False).full_config)
        for network in ("vgg16_pwn", name)
    )
    assert (ours["model"].pop("name"), other["model"].pop("name")) == ("vgg16_pwn", name)
    for config in (ours, other):
        del config["model"]["decoder"], config["model"]["encoder_norm"]
    assert ours == other


@pytest.mark.parametrize("variant", ["pwn", "pwp"])
def test_the_training_of_the_paper(parse, variant):
    """Section 4: decimated to 512x1024, Adam with defaults, 0.001 constant, batch 2, flips, IoU loss, early stop."""
    built = parse(f"cityscapes_vgg16_{variant}", "--data.root", "somewhere")
    data, task, trainer = built.datamodule, built.model, built.trainer

    assert isinstance(data, CityscapesData)
    assert data.preprocessing.resize.size == (512, 1024)
    assert data.batch_size == 2
    assert data.train_annotations == "fine"
    augmentation = data.augmentation
    assert (augmentation.horizontal_flip, augmentation.scale, augmentation.crop) == (0.5, (1.0, 1.0), None)
    assert augmentation.color_jitter == 0
    assert data.scoring == "cityscapes"
    assert isinstance(task.val_metric, CityscapesMetric)

    assert isinstance(task.loss, IoULoss)
    optimizer = task.configure_optimizers()  # an optimizer alone: the rate is constant
    assert type(optimizer) is torch.optim.Adam
    assert optimizer.defaults == torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.001).defaults

    permute = {"pwn": "necessary", "pwp": "possible"}[variant]
    assert (task.network.config["encoder_name"], task.network.classes) == ("vgg16", 19)
    assert task.network.decoder_config == replace(PAPER, permute=permute)
    recipe = yaml.safe_load(find_recipe(f"cityscapes_vgg16_{variant}").read_text())
    assert recipe["model"]["encoder_weights"] == "imagenet"

    (stopping,) = trainer.early_stopping_callbacks
    assert (stopping.monitor, stopping.mode, stopping.patience) == ("val/mean_iou", "max", 5)
    assert trainer.accumulate_grad_batches == 1


def test_the_camvid_recipe_of_the_small_encoder(parse):
    built = parse("camvid_mobilenetv2", "--data.root", "somewhere")
    assert isinstance(built.datamodule, CamVidData)
    network = built.model.network
    assert (network.config["encoder_name"], network.decoder_graph().stride) == ("mobilenetv2_100", 4)
    assert 2.2e6 < sum(parameter.numel() for parameter in built.model.parameters()) < 2.3e6
    recipe = yaml.safe_load(find_recipe("camvid_mobilenetv2").read_text())
    assert recipe["model"]["encoder_weights"] is None


def test_streets_need_no_data(parse):
    built = parse("streets_mobilenetv2")
    assert isinstance(built.datamodule, StreetsData)
    assert built.model.network.class_table == CITYSCAPES
    assert isinstance(built.model.val_metric, CityscapesMetric)


def test_recipes_are_part_of_the_package():
    packaged = files("feedbackward.training.recipes")
    assert {path.name for path in packaged.iterdir() if path.name.endswith(".yaml")} == {
        f"{name}.yaml" for name in list_recipes()
    }


def test_find_recipe(tmp_path):
    assert find_recipe("camvid_vgg16_pwn").name == "camvid_vgg16_pwn.yaml"
    (tmp_path / "own.yaml").write_text("{}")
    assert find_recipe(str(tmp_path / "own.yaml")) == tmp_path / "own.yaml"
    with pytest.raises(InputError, match=r"'cityscapes_vgg'; did you mean cityscapes_vgg16"):
        find_recipe("cityscapes_vgg")
    with pytest.raises(InputError, match="camvid_mobilenetv2, camvid_vgg16_pwn"):
        find_recipe("zzz")
