"""The 34 labels of Cityscapes: label ids, train ids, categories and colors.

Sources: Cordts et al. (2016), "The Cityscapes dataset for semantic urban scene understanding", and the label
table of cityscapesScripts. The license plate (label id -1) does not occur in the annotations and is omitted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import ClassTable
from feedbackward.data.encodings import IndexEncoding, MaskClasses

VOID = 255
"""The train id of labels that evaluation ignores."""


@dataclass(frozen=True)
class Label:
    """One label of Cityscapes.

    Args:
        id: The label id, 0 to 33: the value in the label images and in a submission.
        name: The official name.
        train_id: The class index a network is trained with, 0 to 18; 255 where evaluation ignores the label.
        category: The name of its category.
        color: The official (red, green, blue).
        has_instances: Whether instance maps distinguish its objects.
    """

    id: int
    name: str
    train_id: int
    category: str
    color: tuple[int, int, int]
    has_instances: bool

    @property
    def evaluated(self) -> bool:
        """Whether ground-truth pixels of this label count in the scores."""
        return self.train_id != VOID


LABELS = (
    Label(0, "unlabeled", 255, "void", (0, 0, 0), False),
    Label(1, "ego vehicle", 255, "void", (0, 0, 0), False),
    Label(2, "rectification border", 255, "void", (0, 0, 0), False),
    Label(3, "out of roi", 255, "void", (0, 0, 0), False),
    Label(4, "static", 255, "void", (0, 0, 0), False),
    Label(5, "dynamic", 255, "void", (111, 74, 0), False),
    Label(6, "ground", 255, "void", (81, 0, 81), False),
    Label(7, "road", 0, "flat", (128, 64, 128), False),
    Label(8, "sidewalk", 1, "flat", (244, 35, 232), False),
    Label(9, "parking", 255, "flat", (250, 170, 160), False),
    Label(10, "rail track", 255, "flat", (230, 150, 140), False),
    Label(11, "building", 2, "construction", (70, 70, 70), False),
    Label(12, "wall", 3, "construction", (102, 102, 156), False),
    Label(13, "fence", 4, "construction", (190, 153, 153), False),
    Label(14, "guard rail", 255, "construction", (180, 165, 180), False),
    Label(15, "bridge", 255, "construction", (150, 100, 100), False),
    Label(16, "tunnel", 255, "construction", (150, 120, 90), False),
    Label(17, "pole", 5, "object", (153, 153, 153), False),
    Label(18, "polegroup", 255, "object", (153, 153, 153), False),
    Label(19, "traffic light", 6, "object", (250, 170, 30), False),
    Label(20, "traffic sign", 7, "object", (220, 220, 0), False),
    Label(21, "vegetation", 8, "nature", (107, 142, 35), False),
    Label(22, "terrain", 9, "nature", (152, 251, 152), False),
    Label(23, "sky", 10, "sky", (70, 130, 180), False),
    Label(24, "person", 11, "human", (220, 20, 60), True),
    Label(25, "rider", 12, "human", (255, 0, 0), True),
    Label(26, "car", 13, "vehicle", (0, 0, 142), True),
    Label(27, "truck", 14, "vehicle", (0, 0, 70), True),
    Label(28, "bus", 15, "vehicle", (0, 60, 100), True),
    Label(29, "caravan", 255, "vehicle", (0, 0, 90), True),
    Label(30, "trailer", 255, "vehicle", (0, 0, 110), True),
    Label(31, "train", 16, "vehicle", (0, 80, 100), True),
    Label(32, "motorcycle", 17, "vehicle", (0, 0, 230), True),
    Label(33, "bicycle", 18, "vehicle", (119, 11, 32), True),
)
"""All labels; LABELS[i].id is i."""

EVALUATED = tuple(label for label in LABELS if label.evaluated)
"""The 19 labels that count; EVALUATED[i].train_id is i."""

CATEGORIES = tuple(dict.fromkeys(label.category for label in LABELS))
"""The eight category names in the official order; "void" has no evaluated label."""

MEAN_INSTANCE_SIZE = {
    24: 3462.4756337644,
    25: 3930.4788056518,
    26: 12794.0202738185,
    27: 27855.1264367816,
    28: 35732.1511111111,
    31: 67583.7075812274,
    32: 6298.7200839748,
    33: 4672.3249222261,
}
"""Label id -> mean pixels of one instance at 2048x1024, constants of the official evaluator."""

CITYSCAPES = ClassTable(
    names=tuple(label.name for label in EVALUATED),
    colors=tuple(label.color for label in EVALUATED),
    values=tuple(label.id for label in EVALUATED),
    void_value=0,
)
"""The 19 classes in the order of their train ids; their mask values are the label ids, unlabeled for void."""

LABEL_ID_ENCODING = IndexEncoding(
    {label.id: label.train_id for label in EVALUATED},
    ignored=[label.id for label in LABELS if not label.evaluated],
    hint="Files named labelIds contain label ids; 255 occurs in train ids (labelTrainIds), which are not supported",
)
"""Decodes label images, whose values are label ids, into train ids."""

CITYSCAPES_CLASSES = MaskClasses(CITYSCAPES, LABEL_ID_ENCODING, LABEL_ID_ENCODING)
"""The classes and their encoding in the label images."""


def _table(entries: dict[int, int], *, elsewhere: int) -> NDArray[np.uint8]:
    table = np.full(256, elsewhere, dtype=np.uint8)
    table[list(entries)] = list(entries.values())
    table.setflags(write=False)
    return table


TRAIN_IDS = _table({label.id: label.train_id for label in LABELS}, elsewhere=VOID)
"""uint8 (256,): TRAIN_IDS[label_ids] are the train ids; 255 for ignored labels and all other values."""

LABEL_IDS = _table({label.train_id: label.id for label in EVALUATED}, elsewhere=0)
"""uint8 (256,): LABEL_IDS[train_ids] are the label ids; 0 (unlabeled) for 255 and all other values."""
