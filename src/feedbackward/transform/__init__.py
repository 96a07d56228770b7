"""The method as a graph transform: trace an encoder, look up the rules, append the decoder nodes."""

from feedbackward.transform.decoder_graph import DecodedNode, DecoderGraph
from feedbackward.transform.last_layer import without_widening
from feedbackward.transform.registry import Registry, UnsupportedOperationsError, rule
from feedbackward.transform.rules import REGISTRY
from feedbackward.transform.shapes import InputSizes, MetaCopy, ShapeInfo, infer_shapes
from feedbackward.transform.step import Step
from feedbackward.transform.trace import trace
from feedbackward.transform.transpose import transpose

__all__ = [
    "REGISTRY",
    "DecodedNode",
    "DecoderGraph",
    "InputSizes",
    "MetaCopy",
    "Registry",
    "ShapeInfo",
    "Step",
    "UnsupportedOperationsError",
    "infer_shapes",
    "rule",
    "trace",
    "transpose",
    "without_widening",
]
