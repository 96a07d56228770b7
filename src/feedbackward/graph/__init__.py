"""The method as a graph transform: trace an encoder, look up the rules, write the way back behind it."""

from feedbackward.graph.biases import biases_to_norms
from feedbackward.graph.checkpointing import checkpointed
from feedbackward.graph.folding import fold_norms
from feedbackward.graph.in_place import rectify_in_place, work_in_place
from feedbackward.graph.late_upsampling import upsample_late
from feedbackward.graph.lean_skips import lean_skips
from feedbackward.graph.measure import Ghost, Measures, Sizes, measure
from feedbackward.graph.registry import REGISTRY, Registry, UnsupportedOperationsError, rule
from feedbackward.graph.step import HeadInput, OutputFeature, Permute, Policy, Retrace, Step
from feedbackward.graph.trace import trace
from feedbackward.graph.transpose import transpose
from feedbackward.graph.way_back import Passed, WayBack

__all__ = [
    "REGISTRY",
    "Ghost",
    "HeadInput",
    "Measures",
    "OutputFeature",
    "Passed",
    "Permute",
    "Policy",
    "Registry",
    "Retrace",
    "Sizes",
    "Step",
    "UnsupportedOperationsError",
    "WayBack",
    "biases_to_norms",
    "checkpointed",
    "fold_norms",
    "lean_skips",
    "measure",
    "rectify_in_place",
    "rule",
    "trace",
    "transpose",
    "upsample_late",
    "work_in_place",
]
