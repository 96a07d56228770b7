"""What follows the name of an image in the name of its mask, if both lie in one folder."""

MASK_SUFFIXES: tuple[str, ...] = (
    "_mask",
    "-mask",
    ".mask",
    "_masks",
    "_label",
    "_labels",
    "-label",
    "_gt",
    "-gt",
    "_seg",
    "_segmentation",
)
MASK_SUFFIXES += ("_annotation", "_groundtruth", "_gtFine_labelIds", "_L")
