"""Streets as a data set: scene i of a split is drawn when it is asked for, and kept while there is room."""

import torch
from torch.utils.data import Dataset, get_worker_info

from feedbackward.data.cityscapes_labels import TRAIN_IDS
from feedbackward.data.datamodule import SPLITS, Item, Split
from feedbackward.data.transforms import EvalTransform, Size, TrainTransform, check_size
from feedbackward.errors import InputError
from feedbackward.streets.scene import Scene, draw_scene

_KEPT_BYTES = 2**30
_AS_DRAWN = EvalTransform(None)


class Streets(Dataset[Item]):
    """The synthetic street scenes of a split.

    A scene depends on seed, split and index alone: not on the order in which scenes are asked for, the number of
    scenes or the process that draws it, and no two splits of a seed share one. Drawing costs tens of milliseconds,
    so the scenes drawn are kept, up to 1 GiB of them in all processes of a loader together.

    Args:
        split: "train", "val" or "test"; the items of the latter two carry label_ids and instance_ids.
        scenes: Number of scenes.
        seed: Which streets; any whole number from 0.
        size: Height and width in pixels. InputSizes of one shape show the same scenes.
        transform: What makes tensors of the pixels.

    Raises:
        InputError: If a number is out of its range.

    Example:
        >>> item = Streets("val", scenes=10, size=(64, 128))[3]
        >>> item["name"], tuple(item["image"].shape), tuple(item["mask"].shape)
        ('streets_000001_000003', (3, 64, 128), (64, 128))
    """

    def __init__(
        self,
        split: Split,
        *,
        scenes: int,
        seed: int = 0,
        size: Size = (256, 512),
        transform: TrainTransform | EvalTransform = _AS_DRAWN,
    ) -> None:
        check_seed(seed)
        check_size("size", size)
        if scenes < 1:
            raise InputError(f"{scenes} scenes in split {split!r}; expected 1 or more")
        self.split = split
        self.scenes = scenes
        self.seed = seed
        self.size = size
        self._transform = transform
        self._kept: dict[int, Scene] = {}

    def __len__(self) -> int:
        return self.scenes

    def __getitem__(self, index: int) -> Item:
        if not 0 <= index < self.scenes:
            raise IndexError(f"scene {index} of {self.scenes}")
        scene = self._scene(index)
        image, mask = self._transform(scene.image, TRAIN_IDS[scene.label_ids])
        item: Item = {"name": scene_name(self.split, index), "image": image, "mask": mask}
        if self.split != "train":
            item["label_ids"] = torch.tensor(scene.label_ids)
            item["instance_ids"] = torch.tensor(scene.instance_ids)
        return item

    def _scene(self, index: int) -> Scene:
        if index in self._kept:
            return self._kept[index]
        scene = draw_scene(scene_seed(self.seed, self.split, index), self.size)
        size = sum(array.nbytes for array in scene)
        worker = get_worker_info()
        processes = 1 if worker is None else worker.num_workers
        if (len(self._kept) + 1) * size * processes <= _KEPT_BYTES:
            self._kept[index] = scene
        return scene


def scene_name(split: Split, index: int) -> str:
    """The scene's name as in Cityscapes, CITY_SEQUENCE_FRAME: the sequence is the split's, 0 train, 1 val, 2 test."""
    return f"streets_{SPLITS.index(split):06d}_{index:06d}"


def scene_seed(seed: int, split: Split, index: int) -> tuple[int, int, int]:
    """What a scene is drawn from."""
    return seed, SPLITS.index(split), index


def check_seed(seed: int) -> None:
    """Refuse a seed below 0.

    Raises:
        InputError: If it is.
    """
    if seed < 0:
        raise InputError(f"seed is {seed}; expected a whole number from 0")
