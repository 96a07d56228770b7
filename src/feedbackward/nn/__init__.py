"""Tensor functions and layers, independent of graphs and networks."""

from feedbackward.nn.classifier import Classifier, Parts
from feedbackward.nn.conv import same_conv2d
from feedbackward.nn.crf import DenseCRF
from feedbackward.nn.fusion import add_in_place, fuse, keep_both, rectify_and_fuse, with_coarser
from feedbackward.nn.low_rank import LowRank, updated_weight
from feedbackward.nn.norms import BATCH_NORMS, DecoderNorm, create_norm, refuse_single_values
from feedbackward.nn.resize import Coarse, downsample_like, is_one_size, pad_like, pad_to, resize_logits, upsample_like
from feedbackward.nn.thin_classifier import ThinClassifier
from feedbackward.nn.weights import permute_weight

__all__ = [
    "BATCH_NORMS",
    "Classifier",
    "Coarse",
    "DecoderNorm",
    "DenseCRF",
    "LowRank",
    "Parts",
    "ThinClassifier",
    "add_in_place",
    "create_norm",
    "downsample_like",
    "fuse",
    "is_one_size",
    "keep_both",
    "pad_like",
    "pad_to",
    "permute_weight",
    "rectify_and_fuse",
    "refuse_single_values",
    "resize_logits",
    "same_conv2d",
    "updated_weight",
    "upsample_like",
    "with_coarser",
]
