"""Finds the prediction of every ground-truth image, and names those missing or double before any is scored.

Cityscapes file names follow the official evaluator; other data sets match by path within the two folders.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from feedbackward.errors import InputError, listed

_SCENE = re.compile(r"[^_]+_\d{6}_\d{6}")
_LABELS = "_gtFine_labelIds.png"
_INSTANCES = "_gtFine_instanceIds.png"


@dataclass(frozen=True)
class ClassPair:
    """The two masks of one image."""

    ground_truth: Path
    prediction: Path


@dataclass(frozen=True)
class CityscapesPair:
    """The three maps of one image."""

    ground_truth: Path
    instances: Path
    prediction: Path


def find_cityscapes_pairs(ground_truth: Path, predictions: Path) -> list[CityscapesPair]:
    """Match CITY_SEQUENCE_FRAME_gtFine_labelIds.png with CITY_SEQUENCE_FRAME*.png, both in any subfolder.

    Args:
        ground_truth: Folder with the label maps, each with its instance map beside it.
        predictions: Folder with the predictions; files of other names are left alone.

    Returns:
        The pairs, in the order of the ground truth's paths.

    Raises:
        InputError: If there is no ground truth, or its files are named otherwise; if an instance map or a
            prediction is missing; if an image has several predictions.
    """
    label_files = _find(ground_truth, f"*{_LABELS}", "ground truth")
    candidates = defaultdict(list)
    for path in _find(predictions, "*.png", "predictions"):
        if match := _SCENE.match(path.name):
            candidates[match[0]].append(path)
    scenes = [path.name.removesuffix(_LABELS) for path in label_files]
    instances = [path.with_name(scene + _INSTANCES) for path, scene in zip(label_files, scenes, strict=True)]

    _refuse(
        "ground-truth files not named CITY_SEQUENCE_FRAME_gtFine_labelIds.png with six digits each",
        [path for path, scene in zip(label_files, scenes, strict=True) if not _SCENE.fullmatch(scene)],
        f"{len(label_files)} label maps",
        "name them as in Cityscapes, such as munster_000000_000019_gtFine_labelIds.png",
    )
    _refuse(
        "missing instance maps",
        [path for path in instances if not path.is_file()],
        f"{len(label_files)} images",
        f"put the *{_INSTANCES} files of the data set beside its label maps",
    )
    _refuse_missing([scene for scene in scenes if not candidates[scene]], scenes, f"{predictions}/.../SCENE*.png")
    double = {scene: listed(candidates[scene]) for scene in scenes if len(candidates[scene]) > 1}
    _refuse(
        "double predictions",
        [f"{scene} ({paths})" for scene, paths in double.items()],
        f"{len(scenes)} images",
        "keep exactly one file for every image",
    )
    return [
        CityscapesPair(labels, instance_map, candidates[scene][0])
        for labels, instance_map, scene in zip(label_files, instances, scenes, strict=True)
    ]


def find_class_pairs(ground_truth: Path, predictions: Path) -> list[ClassPair]:
    """Match the PNG masks of two folders by their paths within them.

    Returns:
        The pairs, in the order of the ground truth's paths.

    Raises:
        InputError: If there is no ground truth or a prediction is missing.
    """
    masks = _find(ground_truth, "*.png", "ground truth")
    _find(predictions, "*.png", "predictions")
    pairs = [ClassPair(mask, predictions / mask.relative_to(ground_truth)) for mask in masks]
    missing = [pair.prediction.relative_to(predictions) for pair in pairs if not pair.prediction.is_file()]
    _refuse_missing(missing, pairs, f"{predictions}/PATH")
    return pairs


def _find(folder: Path, pattern: str, what: str) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"the folder of the {what}, {folder}, does not exist")
    files = sorted(path for path in folder.rglob(pattern) if not path.name.startswith("."))
    if not files:
        raise InputError(f"no {what} in {folder}: expected files named {pattern}, in subfolders too")
    return files


def _refuse_missing(missing: Sequence[object], images: Sequence[object], expected: str) -> None:
    _refuse(
        "missing predictions",
        missing,
        f"{len(images)} images",
        f"exactly one is expected for every image, as {expected}; to score one split, give its ground truth",
    )


def _refuse(problem: str, items: Sequence[object], total: str, remedy: str) -> None:
    """Raise an InputError that lists the items, if there are any."""
    if items:
        raise InputError(f"{len(items)} {problem} among {total}: {listed(items)}; {remedy}")
