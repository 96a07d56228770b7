"""The method as a graph transform: trace an encoder, look up the rules, append the decoder nodes."""

from feedbackward.transform.decoder_graph import DecodedNode, DecoderGraph
from feedbackward.transform.registry import REGISTRY, Registry, UnsupportedOperationsError, rule
from feedbackward.transform.shapes import InputSizes, MetaCopy, ShapeInfo, infer_shapes
from feedbackward.transform.step import HeadInput, OutputFeature, Permute, Policy, Retrace, Step
from feedbackward.transform.trace import trace
from feedbackward.transform.transpose import transpose

__all__ = [
    "REGISTRY",
    "DecodedNode",
    "DecoderGraph",
    "HeadInput",
    "InputSizes",
    "MetaCopy",
    "OutputFeature",
    "Permute",
    "Policy",
    "Registry",
    "Retrace",
    "ShapeInfo",
    "Step",
    "UnsupportedOperationsError",
    "infer_shapes",
    "rule",
    "trace",
    "transpose",
]
