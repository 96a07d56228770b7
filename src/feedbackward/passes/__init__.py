"""Passes over the graph of encoder and decoder: each makes it faster or leaner and computes the same."""

from feedbackward.passes.biases import biases_to_norms
from feedbackward.passes.checkpointing import checkpointed
from feedbackward.passes.folding import fold_norms
from feedbackward.passes.in_place import rectify_in_place, work_in_place
from feedbackward.passes.late_upsampling import upsample_late
from feedbackward.passes.lean_skips import lean_skips

__all__ = [
    "biases_to_norms",
    "checkpointed",
    "fold_norms",
    "lean_skips",
    "rectify_in_place",
    "upsample_late",
    "work_in_place",
]
