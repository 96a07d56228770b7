"""Finds the prediction of every ground-truth file, and reports missing and duplicate ones before any is scored.

Cityscapes file names follow the official evaluator; other data sets match by the path within the two folders.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from feedbackward.data.formats import IMAGE_SUFFIXES
from feedbackward.data.listing import warn_left_out, why_left_out
from feedbackward.data.members import File
from feedbackward.data.shard_files import read_shards
from feedbackward.errors import InputError, listed

_SCENE = re.compile(r"[^_]+_\d{6}_\d{6}")
_LABELS = "_gtFine_labelIds.png"
_INSTANCES = "_gtFine_instanceIds.png"


@dataclass(frozen=True)
class PredictionPair:
    """The ground truth and the prediction of an image.

    Args:
        ground_truth: The mask.
        prediction: The predicted mask.
        instances: The instance map, for data sets with instance scores.
    """

    ground_truth: File
    prediction: Path
    instances: Path | None = None


class Pairing(Protocol):
    """Finds the prediction of each ground-truth file."""

    def __call__(self, ground_truth: str, predictions: Path, *, source: str | None = None) -> list[PredictionPair]:
        """The pairs.

        Args:
            ground_truth: What contains the ground truth, a folder unless the data set says otherwise.
            predictions: Folder of the predictions.
            source: The images that a network predicts, if the predictions are not files of the user: messages then
                name these images.

        Raises:
            InputError: If a file is missing or superfluous.
        """
        ...


def pair_by_scene(ground_truth: str | Path, predictions: Path, *, source: str | None = None) -> list[PredictionPair]:
    """Match CITY_SEQUENCE_FRAME_gtFine_labelIds.png with CITY_SEQUENCE_FRAME*.png, both in any subfolder.

    Args:
        ground_truth: Folder of the label images, each with its instance map in the same folder.
        predictions: Folder of the predictions; files with other names are ignored.
        source: As in Pairing.

    Returns:
        The pairs, in the order of the ground truth's paths.

    Raises:
        InputError: If there is no ground truth or its files are named differently, an instance map or a prediction is
            missing, or an image has several predictions.
    """
    label_files = _find(Path(ground_truth), f"*{_LABELS}", "ground truth")
    candidates = defaultdict(list)
    for path in _find(predictions, "*.png", "predictions"):
        if match := _SCENE.match(path.name):
            candidates[match[0]].append(path)
    scenes = [path.name.removesuffix(_LABELS) for path in label_files]
    instances = [path.with_name(scene + _INSTANCES) for path, scene in zip(label_files, scenes, strict=True)]

    _refuse(
        "ground-truth files not named CITY_SEQUENCE_FRAME_gtFine_labelIds.png with six digits each",
        [path for path, scene in zip(label_files, scenes, strict=True) if not _SCENE.fullmatch(scene)],
        len(label_files),
        "name them as in Cityscapes, for example munster_000000_000019_gtFine_labelIds.png",
    )
    _refuse(
        "missing instance maps",
        [path for path in instances if not path.is_file()],
        len(label_files),
        f"copy the data set's *{_INSTANCES} files next to its label images",
    )
    _refuse_missing([scene for scene in scenes if not candidates[scene]], scenes, predictions, source, ".../SCENE*.png")
    duplicates = {scene: listed(candidates[scene]) for scene in scenes if len(candidates[scene]) > 1}
    _refuse(
        "duplicate predictions",
        [f"{scene} ({paths})" for scene, paths in duplicates.items()],
        len(scenes),
        "keep exactly one file per image",
    )
    return [
        PredictionPair(labels, candidates[scene][0], instance_map)
        for labels, instance_map, scene in zip(label_files, instances, scenes, strict=True)
    ]


def pair_by_path(ground_truth: str | Path, predictions: Path, *, source: str | None = None) -> list[PredictionPair]:
    """Match the masks of two folders by their paths within them, whatever their formats.

    A warning counts the files that are left out: those of another type, and predictions without ground truth.

    Args:
        ground_truth: Folder of the masks.
        predictions: Folder of the predictions.
        source: As in Pairing.

    Returns:
        The pairs, in the order of the ground truth's paths.

    Raises:
        InputError: If there is no ground truth, a prediction is missing, or two files differ in the suffix only.
    """
    return _pair(_by_path(Path(ground_truth), "ground truth"), predictions, source)


def pair_by_key(ground_truth: str, predictions: Path, *, source: str | None = None) -> list[PredictionPair]:
    """Match the masks of shards by their keys with the paths of predictions, whatever their formats.

    Args:
        ground_truth: Shards, a pattern of find_tars.
        predictions: Folder of the predictions; a warning counts the files that are left out.
        source: As in Pairing.

    Returns:
        The pairs, in the order of the keys.

    Raises:
        InputError: If there are no masks, or a prediction is missing.
    """
    found = read_shards([ground_truth])
    warn_left_out(ground_truth, found.left_out)
    masks = dict(sorted((key, mask) for shard in found.shards for key, mask in shard.masks.items()))
    if not masks:
        raise InputError(f"no masks in {ground_truth}; expected members named KEY.mask.png or KEY.seg.png")
    return _pair(masks, predictions, source)


def _pair(masks: Mapping[str, File], predictions: Path, source: str | None) -> list[PredictionPair]:
    predicted = _by_path(predictions, "predictions")
    _refuse_missing([name for name in masks if name not in predicted], masks, predictions, source, "PATH")
    extra = [path for name, path in predicted.items() if name not in masks]
    warn_left_out(source or predictions, {"without ground truth": extra} if extra else {})
    return [PredictionPair(mask, predicted[name]) for name, mask in masks.items()]


def _by_path(folder: Path, what: str) -> dict[str, Path]:
    """The images of a folder and its subfolders, by their paths within it without the suffix."""
    found: dict[str, Path] = {}
    left_out = defaultdict[str, list[Path]](list)
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        if reason := why_left_out(path, IMAGE_SUFFIXES):
            left_out[reason].append(path)
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise InputError(f"{found[name]} and {path} have the same name; remove or rename one of them")
        found[name] = path
    warn_left_out(folder, left_out)
    if not found:
        _refuse_empty(folder, what, f"images ({' '.join(IMAGE_SUFFIXES)})")
    return found


def _find(folder: Path, pattern: str, what: str) -> list[Path]:
    files = sorted(path for path in folder.rglob(pattern) if not path.name.startswith("."))
    if not files:
        _refuse_empty(folder, what, f"files named {pattern}")
    return files


def _refuse_empty(folder: Path, what: str, expected: str) -> NoReturn:
    if not folder.is_dir():
        raise InputError(f"the folder of the {what} does not exist: {folder}")
    raise InputError(f"no {what} in {folder}: expected {expected} in it or its subfolders")


def _refuse_missing(missing: Sequence[object], masks: Sized, predictions: Path, source: str | None, name: str) -> None:
    what, each = ("predictions", "image") if source is None else ("images to predict", "mask")
    _refuse(
        f"missing {what}",
        missing,
        len(masks),
        f"expected exactly one per {each}, named {source or predictions}/{name}; to score a single split, give its "
        f"ground truth alone",
    )


def _refuse(problem: str, items: Sequence[object], total: int, remedy: str) -> None:
    """Raise an InputError that lists the items, if there are any."""
    if items:
        raise InputError(f"{problem} ({len(items)} of {total}): {listed(items)}; {remedy}")
