"""The configuration of a run without the places of its machine, and the command that repeats it elsewhere."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from feedbackward.data.sources import find_source, list_sources
from feedbackward.models.encoder import IMAGENET
from feedbackward.training.run_folder import RunFolder

OUTPUTS = (
    "run_dir",
    "ckpt_path",
    "checkpoint_minutes",
    "tracker",
    "trainer.default_root_dir",
    "trainer.logger",
    "data.init_args.cache",
    "data.init_args.cache_gb",
)
"""Options that say where a run writes or is resumed; they change nothing about the training."""
PLACEHOLDERS = {
    "data.init_args.root": "FOLDER",
    "data.init_args.classes": "CLASSES",
    "model.encoder_weights": "WEIGHTS",
    "model.start_from": "MODEL",
}
"""Options that may name something on this machine, and what stands for it in a command."""
PLACE = "PATH"
"""What stands for any other path."""


def split_places(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Divide a configuration into a recipe for any machine, and the paths that it needs.

    Args:
        config: The configuration of a run. Outputs, and options of the trainer that are not set, are left out.

    Returns:
        The recipe; the paths by the dotted names of their options. Those inside lists, as in callbacks[0].dirpath, have
        placeholders in the recipe.

    Example:
        >>> split_places({"data": {"init_args": {"root": "/photos", "batch_size": 2}}, "run_dir": "runs/a"})
        ({'data': {'init_args': {'batch_size': 2}}}, {'data.init_args.root': '/photos'})
    """
    places: dict[str, str] = {}
    return _without(config, "", places), places


def _without(config: Mapping[str, Any], prefix: str, places: dict[str, str]) -> dict[str, Any]:
    kept = {}
    for name, value in config.items():
        option = f"{prefix}{name}"
        if option in OUTPUTS or (prefix == "trainer." and value is None):
            continue
        if _is_place(option, value):
            places[option] = value
        else:
            kept[name] = _inside(value, option, places)
    return kept


def _inside(value: Any, option: str, places: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return _without(value, f"{option}.", places)
    if isinstance(value, list):
        return [_item(item, f"{option}[{index}]", places) for index, item in enumerate(value)]
    return value


def _item(value: Any, option: str, places: dict[str, str]) -> Any:
    """The item of a list, whose places have to stay in it."""
    if isinstance(value, dict):
        return {name: _item(inner, f"{option}.{name}", places) for name, inner in value.items()}
    if _is_place(option, value):
        places[option] = value
        return PLACE
    return _inside(value, option, places)


def _is_place(option: str, value: object) -> bool:
    if not isinstance(value, str) or value == IMAGENET:
        return False
    path = os.path.expanduser(value)  # noqa: PTH111 - Path's refuses names that only look like a home folder
    return os.path.isabs(path) or (option in PLACEHOLDERS and Path(path).exists())  # noqa: PTH117


def repeat_command(places: Mapping[str, str]) -> str:
    """The command that repeats a training with its recipe in recipe.yaml.

    Example:
        >>> repeat_command({"data.init_args.root": "/photos"})
        'feedbackward fit --config recipe.yaml --data.root FOLDER'
    """
    named = (name for name in places if not _in_list(name))
    options = (f" --{name.replace('.init_args', '')} {PLACEHOLDERS.get(name, PLACE)}" for name in named)
    return f"feedbackward fit --config recipe.yaml{''.join(options)}"


def places_in_recipe(places: Mapping[str, str]) -> list[str]:
    """The options whose paths have placeholders in the recipe.

    Example:
        >>> places_in_recipe({"data.init_args.root": "/photos", "trainer.callbacks[0].init_args.dirpath": "/saved"})
        ['trainer.callbacks[0].init_args.dirpath']
    """
    return [name for name in places if _in_list(name)]


def _in_list(name: str) -> bool:
    return "[" in name  # the command line has no names for items


def shown_place(path: str) -> str:
    """The name of a file or folder without its place; that of the run folder if it is a run's network.

    Example:
        >>> shown_place("/home/me/model.safetensors")
        'model.safetensors'
    """
    place = Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - files of the hub's cache are links
    runs = (folder for folder in (place, *place.parents[:2]) if RunFolder(folder).is_written)
    return next(runs, place).name


def data_name(data: Mapping[str, Any]) -> str:
    """The name of a data set: that of its folder, or of the class if it has its own classes.

    Args:
        data: Class path and arguments of the datamodule.

    Example:
        >>> data_name({"class_path": "feedbackward.data.camvid.CamVidData", "init_args": {"root": "/data/x"}})
        'CamVid'
        >>> data_name({"class_path": "feedbackward.data.folder.FolderData", "init_args": {"root": "/data/leaves"}})
        'leaves'
    """
    folders = [source.datamodule for source in map(find_source, list_sources()) if source.classes is None]
    if data["class_path"] in folders and "root" in data["init_args"]:
        return Path(data["init_args"]["root"]).expanduser().resolve().name
    return str(data["class_path"]).rpartition(".")[2].removesuffix("Data")


def flat(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The options by dotted names.

    Example:
        >>> dict(flat({"model": {"name": "resnet18", "crf": {}}}))
        {'model.name': 'resnet18', 'model.crf': {}}
    """
    for name, value in options.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
