"""Data sets: descriptions, readers that check what they open, and a Lightning datamodule for each.

- `DataSource`, `find_source`, `list_sources`: the registry of data sets.
- `ClassTable`, `CITYSCAPES`, `CAMVID`, `read_class_file`: classes and their colors.
- `CityscapesData`, `CamVidData`, `FolderData`, `ShardsData`: datamodules; `feedbackward.streets` has another one.
- `SegmentationDataModule`, `Item`, `Augmentation`: the base of custom datamodules.
"""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.classes import ClassTable as ClassTable
    from feedbackward.data.augmentation import Augmentation as Augmentation
    from feedbackward.data.camvid import CamVidData as CamVidData
    from feedbackward.data.camvid_labels import CAMVID as CAMVID
    from feedbackward.data.cityscapes import CityscapesData as CityscapesData
    from feedbackward.data.cityscapes_labels import CITYSCAPES as CITYSCAPES
    from feedbackward.data.class_file import read_class_file as read_class_file
    from feedbackward.data.datamodule import Item as Item
    from feedbackward.data.datamodule import SegmentationDataModule as SegmentationDataModule
    from feedbackward.data.folder import FolderData as FolderData
    from feedbackward.data.shards import ShardsData as ShardsData
    from feedbackward.data.sources import DataSource as DataSource
    from feedbackward.data.sources import find_source as find_source
    from feedbackward.data.sources import list_sources as list_sources

_MODULES = {
    "CAMVID": "camvid_labels",
    "CITYSCAPES": "cityscapes_labels",
    "Augmentation": "augmentation",
    "CamVidData": "camvid",
    "CityscapesData": "cityscapes",
    "ClassTable": "encodings",
    "DataSource": "sources",
    "FolderData": "folder",
    "Item": "datamodule",
    "SegmentationDataModule": "datamodule",
    "ShardsData": "shards",
    "find_source": "sources",
    "list_sources": "sources",
    "read_class_file": "class_file",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
