"""The rules: what the decoder does to the signal at each operation of an encoder (the paper's Section 4).

A rule takes a Step and the arguments of the encoder's own call. It returns pairs of an encoder value and the signal for
it; (value, index) names one tensor of a value of several. Values that do not depend on the image get no signal.

The registry is imported from here by all who look up rules, so that it is never empty.
"""

from feedbackward.transform.registry import REGISTRY, kind_of
from feedbackward.transform.rules import attention, branches, layers, layout, pieces, pointwise, resolution

__all__ = ["REGISTRY", "attention", "branches", "kind_of", "layers", "layout", "pieces", "pointwise", "resolution"]
