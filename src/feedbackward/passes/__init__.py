"""Passes over the graph of encoder and decoder: each changes it to compute the same in less time or memory.

A pass is a function of an fx.GraphModule. A list of them runs on a copy of the graph; see apply_passes.
"""

from feedbackward.passes.apply import Pass, apply_passes
from feedbackward.passes.biases import biases_to_norms
from feedbackward.passes.checkpointing import checkpoint_segments
from feedbackward.passes.folding import fold_norms
from feedbackward.passes.in_place import rectify_in_place, work_in_place
from feedbackward.passes.late_upsampling import upsample_after_norms, upsample_late
from feedbackward.passes.lean_skips import lean_skips
from feedbackward.passes.low_rank import merge_low_rank, update_weights

__all__ = [
    "Pass",
    "apply_passes",
    "biases_to_norms",
    "checkpoint_segments",
    "fold_norms",
    "lean_skips",
    "merge_low_rank",
    "rectify_in_place",
    "update_weights",
    "upsample_after_norms",
    "upsample_late",
    "work_in_place",
]
