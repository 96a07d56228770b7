"""How scores are named and written for people."""

import math

TITLES = {
    "mean_iou": "mean IoU",
    "pixel_accuracy": "pixel accuracy",
    "mean_accuracy": "mean accuracy",
    "iiou_class": "iIoU class",
    "iou_category": "IoU category",
    "iiou_category": "iIoU category",
    "iou": "IoU",
    "accuracy": "accuracy",
    "iiou": "iIoU",
}


def percent(value: float) -> str:
    """A score from 0 to 1 in percent; a dash where it does not exist.

    Example:
        >>> percent(0.4567)
        '45.7'
    """
    return "-" if math.isnan(value) else f"{100 * value:.1f}"
