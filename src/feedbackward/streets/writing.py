"""Streets as files in the layout of Cityscapes, for any program that reads Cityscapes."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from feedbackward.data.arguments import SPLITS, Size, Split, check_size
from feedbackward.data.cityscapes_labels import TRAIN_IDS
from feedbackward.errors import InputError
from feedbackward.io import check_empty, check_writable, nearest_existing
from feedbackward.streets.scene import Scene, draw_scene
from feedbackward.streets.seeds import check_seed, scene_name, scene_seed

_CITY = "streets"


def write_cityscapes(
    root: Path,
    *,
    counts: Mapping[Split, int],
    seed: int = 0,
    size: Size = (1024, 2048),
    on_scene: Callable[[], None] = lambda: None,
) -> None:
    """Write scenes as a data set in the layout of Cityscapes; Streets draws the same scenes from the same seed.

    Each scene becomes leftImg8bit/SPLIT/streets/NAME_leftImg8bit.png, and in gtFine/SPLIT/streets the files
    NAME_gtFine_labelIds.png, NAME_gtFine_labelTrainIds.png and NAME_gtFine_instanceIds.png (16 bits).

    Args:
        root: Folder to create; must be empty if it exists. It appears once all scenes are written.
        counts: Number of scenes in each split; splits with 0 are omitted.
        seed: Seed of the scenes, 0 or more.
        size: Height and width in pixels.
        on_scene: Called after each scene.

    Raises:
        InputError: If there is nothing to write, a number is out of range, or root is not empty or cannot be
            written.
    """
    check_seed(seed)
    check_size("size", size)
    _check_counts(counts)
    check_empty(root)
    check_writable(nearest_existing(root), what=str(root))
    root = root.resolve()  # a link to an empty folder stays
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{root.name}.", suffix=".part", dir=root.parent))
        try:
            for split, count in counts.items():
                for index in range(count):
                    scene = draw_scene(scene_seed(seed, split, index), size)
                    _write_scene(part, split, scene_name(split, index), scene)
                    on_scene()
            part.chmod(0o755)  # temporary folders are private
            if root.exists():
                root.rmdir()
            part.rename(root)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise InputError(f"{root} cannot be written: {error}; choose another folder") from error


def _check_counts(counts: Mapping[Split, int]) -> None:
    for split, count in counts.items():
        if split not in SPLITS:
            raise InputError(f"unknown split {split!r}; expected one of {', '.join(SPLITS)}")
        if count < 0:
            raise InputError(f"{count} scenes in split {split!r}; expected 0 or more")
    if not sum(counts.values()):
        raise InputError("no scenes to write; expected at least one")


def _write_scene(root: Path, split: Split, name: str, scene: Scene) -> None:
    pictures, annotations = root / "leftImg8bit" / split / _CITY, root / "gtFine" / split / _CITY
    for folder in (pictures, annotations):
        folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(scene.image).save(pictures / f"{name}_leftImg8bit.png")
    for kind, ids in (
        ("labelIds", scene.label_ids),
        ("labelTrainIds", TRAIN_IDS[scene.label_ids]),
        ("instanceIds", scene.instance_ids.astype(np.uint16)),
    ):
        Image.fromarray(ids).save(annotations / f"{name}_gtFine_{kind}.png")
