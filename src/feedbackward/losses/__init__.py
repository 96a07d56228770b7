"""Training losses: modules called with logits (N, classes, H, W) and mask (N, H, W) int64.

They never count pixels of ignore_index, are computed in float32 even under autocast, and are 0 with a zero gradient
for a batch of only such pixels.

- `CrossEntropyLoss`, `FocalLoss`, `OHEMCrossEntropyLoss`: means over pixels.
- `IoULoss`, `DiceLoss`, `TverskyLoss`, `LovaszLoss`: means over the classes present in the batch.
- `BoundaryLoss`: a mean over the classes that have a boundary in the batch.
- `CrossEntropyIoULoss`, `SumLoss`: sums of losses.
- `joint_batch`: within it, the losses of the batches of all processes of a training as one.
- `boundary_loss`, `cross_entropy`, `focal_loss`, `ohem_cross_entropy`, `iou_loss`, `tversky_loss`, `lovasz_loss`: the
  functions behind the modules.
"""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.losses.boundary import BoundaryLoss as BoundaryLoss
    from feedbackward.losses.boundary import boundary_loss as boundary_loss
    from feedbackward.losses.cross_entropy_iou import CrossEntropyIoULoss as CrossEntropyIoULoss
    from feedbackward.losses.dice import DiceLoss as DiceLoss
    from feedbackward.losses.entropy import CrossEntropyLoss as CrossEntropyLoss
    from feedbackward.losses.entropy import cross_entropy as cross_entropy
    from feedbackward.losses.focal import FocalLoss as FocalLoss
    from feedbackward.losses.focal import focal_loss as focal_loss
    from feedbackward.losses.iou import IoULoss as IoULoss
    from feedbackward.losses.iou import iou_loss as iou_loss
    from feedbackward.losses.joint import joint_batch as joint_batch
    from feedbackward.losses.lovasz import LovaszLoss as LovaszLoss
    from feedbackward.losses.lovasz import lovasz_loss as lovasz_loss
    from feedbackward.losses.ohem import OHEMCrossEntropyLoss as OHEMCrossEntropyLoss
    from feedbackward.losses.ohem import ohem_cross_entropy as ohem_cross_entropy
    from feedbackward.losses.tversky import TverskyLoss as TverskyLoss
    from feedbackward.losses.tversky import tversky_loss as tversky_loss
    from feedbackward.losses.weighted_sum import SumLoss as SumLoss

# No module has the name of a function: importing it would replace the function.
_MODULES = {
    "BoundaryLoss": "boundary",
    "CrossEntropyIoULoss": "cross_entropy_iou",
    "CrossEntropyLoss": "entropy",
    "DiceLoss": "dice",
    "FocalLoss": "focal",
    "IoULoss": "iou",
    "LovaszLoss": "lovasz",
    "OHEMCrossEntropyLoss": "ohem",
    "SumLoss": "weighted_sum",
    "TverskyLoss": "tversky",
    "boundary_loss": "boundary",
    "cross_entropy": "entropy",
    "focal_loss": "focal",
    "iou_loss": "iou",
    "joint_batch": "joint",
    "lovasz_loss": "lovasz",
    "ohem_cross_entropy": "ohem",
    "tversky_loss": "tversky",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
