"""Data sets: class tables, readers that check what they open, and a Lightning datamodule for each."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.data.camvid import CAMVID as CAMVID
    from feedbackward.data.camvid import CamVidData as CamVidData
    from feedbackward.data.cityscapes import CityscapesData as CityscapesData
    from feedbackward.data.cityscapes_labels import CITYSCAPES as CITYSCAPES
    from feedbackward.data.class_file import read_class_file as read_class_file
    from feedbackward.data.datamodule import Item as Item
    from feedbackward.data.datamodule import SegmentationDataModule as SegmentationDataModule
    from feedbackward.data.folder import FolderData as FolderData
    from feedbackward.data.transforms import Augmentation as Augmentation

_MODULES = {
    "CAMVID": "camvid",
    "CITYSCAPES": "cityscapes_labels",
    "Augmentation": "transforms",
    "CamVidData": "camvid",
    "CityscapesData": "cityscapes",
    "FolderData": "folder",
    "Item": "datamodule",
    "SegmentationDataModule": "datamodule",
    "read_class_file": "class_file",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
