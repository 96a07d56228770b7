"""The recipes that come with the package: one YAML file each, found by name."""

from pathlib import Path

from feedbackward.errors import InputError, nearest

__all__ = ["find_recipe", "list_recipes"]


def list_recipes() -> list[str]:
    """The names of the packaged recipes, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.yaml"))


def find_recipe(name_or_file: str) -> Path:
    """The file of a recipe, given its name or any path to a YAML or JSON file.

    Raises:
        InputError: If there is neither such a recipe nor such a file; the message names the nearest recipes.

    Example:
        >>> find_recipe("cityscapes_vgg16_pwn").name
        'cityscapes_vgg16_pwn.yaml'
    """
    if name_or_file in list_recipes():
        return Path(__file__).parent / f"{name_or_file}.yaml"
    path = Path(name_or_file)
    if path.is_file():
        return path
    raise InputError(f"there is no recipe or file {name_or_file!r}; {nearest(path.stem, list_recipes())}")
