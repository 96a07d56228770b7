"""Street scenes as a data set: each is drawn when it is first read, then cached up to a limit."""

import torch
from torch.utils.data import Dataset, get_worker_info

from feedbackward.data.arguments import Size, Split, check_size
from feedbackward.data.cityscapes_labels import TRAIN_IDS
from feedbackward.data.datamodule import Item
from feedbackward.data.transforms import EvalTransform, TrainTransform
from feedbackward.errors import InputError
from feedbackward.preprocessing import Preprocessing
from feedbackward.streets.scene import Scene, draw_scene
from feedbackward.streets.seeds import check_seed, scene_name, scene_seed

CACHE_BYTES = 2**30
"""The memory for drawn scenes, in all processes of a data loader together."""
_AS_DRAWN = EvalTransform(Preprocessing.identity("RGB"))


class Streets(Dataset[Item]):
    """The synthetic street scenes of a split.

    A scene depends only on seed, split and index, not on the order in which scenes are read, their number or the
    process that draws them; the splits of a seed have no scene in common. Drawing takes tens of milliseconds, so
    drawn scenes are cached, up to 1 GiB in all processes of a data loader together.

    Args:
        split: "train", "val" or "test"; the items of the latter two have label_ids and instance_ids.
        scenes: Number of scenes.
        seed: Seed of the scenes, 0 or more.
        size: Height and width in pixels. Sizes of the same aspect ratio show the same scenes.
        transform: Converts image and mask to tensors.

    Raises:
        InputError: If a number is out of range.

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
        self._cache: dict[int, Scene] = {}

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
        if index in self._cache:
            return self._cache[index]
        scene = draw_scene(scene_seed(self.seed, self.split, index), self.size)
        size = sum(array.nbytes for array in scene)
        worker = get_worker_info()
        processes = 1 if worker is None else worker.num_workers
        if (len(self._cache) + 1) * size * processes <= CACHE_BYTES:
            self._cache[index] = scene
        return scene
