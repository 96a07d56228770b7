"""The recipes that come with the package: one YAML file each, found by name."""

from pathlib import Path

from feedbackward.errors import InputError, nearest
from feedbackward.text_files import parse_yaml, read_text

__all__ = ["AUTO", "find_recipe", "list_recipes", "recipe_for"]

AUTO = "auto"
"""Stands for the recipe that suits what is given; see recipe_for."""


def list_recipes() -> list[str]:
    """The names of the packaged recipes, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.yaml"))


def recipe_for(encoder_weights: str | None, *, freeze_encoder: bool) -> str:
    """The name of the recipe for an encoder with these weights.

    Args:
        encoder_weights: As for create_model; None for random weights.
        freeze_encoder: Whether the encoder's weights are frozen.

    Raises:
        InputError: If random weights would be frozen.

    Example:
        >>> recipe_for("imagenet", freeze_encoder=True)
        'frozen'
    """
    if encoder_weights is None:
        if freeze_encoder:
            raise InputError("a frozen encoder with random weights has learned nothing; give --model.encoder_weights")
        return "scratch"
    return "frozen" if freeze_encoder else "pretrained"


def find_recipe(name_or_file: str) -> Path:
    """The file of a recipe, given its name or any path to a YAML or JSON file.

    Raises:
        InputError: If there is neither such a recipe nor such a file; the message names the nearest recipes. Or if the
            file is not plain YAML.

    Example:
        >>> find_recipe("cityscapes_vgg16_pwn").name
        'cityscapes_vgg16_pwn.yaml'
    """
    if name_or_file in list_recipes():
        return Path(__file__).parent / f"{name_or_file}.yaml"
    path = Path(name_or_file)
    if path.exists():
        # The parser's YAML reader, which is written in C, does not survive all that this one refuses.
        parse_yaml(read_text(path, expected="a recipe in YAML or JSON"), path)
        return path
    raise InputError(f"there is no recipe or file {name_or_file!r}; {nearest(path.stem, list_recipes())}")
