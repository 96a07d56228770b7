"""The weighted sum of losses, alone and in a recipe of `feedbackward fit`."""

import math
from pathlib import Path

import pytest
import torch
import yaml
from segmentation_models_pytorch import losses as smp
from torch import Tensor, nn
from torch.testing import assert_close

from feedbackward.cli import fit, fit_cli
from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyLoss, DiceLoss, FocalLoss, LovaszLoss, SumLoss

PAGE = (Path(__file__).parents[2] / "docs" / "losses.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.split("A sum in a recipe:\n\n```yaml\n")[1].split("```")[0]
RECIPE = f"""
{EXAMPLE}
  name: test_resnet
  encoder_weights: null
data:
  class_path: feedbackward.streets.StreetsData
"""


def test_it_is_the_weighted_sum(batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch
    parts = [CrossEntropyLoss(), DiceLoss(), nn.CrossEntropyLoss(ignore_index=255)]
    expected = 1.0 * parts[0](logits, mask) + 0.25 * parts[1](logits, mask) + 0.0 * parts[2](logits, mask)
    assert_close(SumLoss(parts, [1.0, 0.25, 0.0])(logits, mask), expected)


def test_losses_of_others_see_float32_too(batch: tuple[Tensor, Tensor]) -> None:
    logits, mask = batch[0].to(torch.bfloat16), batch[1]
    theirs = smp.DiceLoss("multiclass", ignore_index=255)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = SumLoss([theirs], [1.0])(logits, mask)
    assert_close(value, theirs(logits.float(), mask))


def test_a_loss_per_pixel_is_not_summed_silently(batch: tuple[Tensor, Tensor]) -> None:
    per_pixel = nn.CrossEntropyLoss(ignore_index=255, reduction="none")
    with pytest.raises((RuntimeError, TypeError)):
        SumLoss([per_pixel], [1.0])(batch[0].requires_grad_(), batch[1]).backward()


@pytest.mark.parametrize(
    ("losses", "weights", "message"),
    [
        ([], [], "SumLoss has no losses; give at least one, and a weight for each"),
        ([DiceLoss()], [1.0, 2.0], r"losses \(1\) and weights \(2\) differ in number; give one per loss"),
        ([DiceLoss()], [-1.0], r"loss weights \[-1.0\]: expected finite numbers of at least 0"),
        ([DiceLoss()], [math.nan], "loss weights .* expected finite numbers"),
        ([DiceLoss(), DiceLoss()], [0.0, 0.0], "loss weights .* at least one of them greater"),
    ],
)
def test_bad_arguments_are_refused(losses: list[nn.Module], weights: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SumLoss(losses, weights)


@pytest.fixture
def parse(tmp_path, monkeypatch):
    """The parts that `feedbackward fit` builds from the recipe, without training."""
    monkeypatch.chdir(tmp_path)
    built = []
    monkeypatch.setattr(fit_cli.FitCLI, "run", lambda self: built.append(self))

    def _parse(recipe: str, *more: str) -> fit_cli.FitCLI:
        (tmp_path / "recipe.yaml").write_text(recipe)
        fit.main("fit", ["--config", "recipe.yaml", *more])
        return built[0]

    return _parse


def test_a_recipe_names_losses_and_weights(parse) -> None:
    """The example of the documentation."""
    parsed = parse(RECIPE)
    loss = parsed.model.loss
    assert isinstance(loss, SumLoss)
    focal, lovasz = loss.losses
    assert isinstance(focal, FocalLoss)
    assert focal.gamma == 1.5
    assert isinstance(lovasz, LovaszLoss)
    assert loss.weights == (1.0, 0.5)
    saved = yaml.safe_load(parsed.full_config)["model"]["loss"]["init_args"]["losses"]
    assert [part["class_path"] for part in saved] == ["feedbackward.losses.FocalLoss", "feedbackward.losses.LovaszLoss"]


def test_the_options_of_a_loss_on_the_command_line(parse) -> None:
    parsed = parse(RECIPE, "--model.loss", "feedbackward.losses.TverskyLoss", "--model.loss.alpha", "0.3",
                   "--model.loss.beta", "0.7")  # fmt: skip
    assert (parsed.model.loss.alpha, parsed.model.loss.beta) == (0.3, 0.7)


@pytest.mark.parametrize(
    ("found", "other", "message"),
    [
        ("[1, 0.5]", "[1]", r"losses \(2\) and weights \(1\) differ in number"),
        ("{gamma: 1.5}", "{gamma: -1}", r"gamma -1\.0: expected a finite number"),
        (
            "{gamma: 1.5}",
            "{ignore_index: 7}",
            r"the loss \(FocalLoss\) has ignore_index 7, but the class table has 255",
        ),
        ("feedbackward.losses.LovaszLoss", "torch.nn.CrossEntropyLoss", r"CrossEntropyLoss\) has ignore_index -100"),
    ],
)
def test_a_mistake_in_a_recipe(found: str, other: str, message: str, parse) -> None:
    with pytest.raises(InputError, match=message):
        parse(RECIPE.replace(found, other))
