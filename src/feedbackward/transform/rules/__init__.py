"""The rules: what the decoder does to the signal at each operation of an encoder (the paper's Section 4).

A rule takes a Step and the arguments of the encoder's own call. It returns pairs of an encoder value and the signal for
it; (value, index) refers to one tensor of a value that contains several. Values that do not depend on the image get no
signal.

Import the registry from here to look up rules: this module registers all of them.
"""

from feedbackward.transform.registry import REGISTRY, kind_of
from feedbackward.transform.rules import attention, branches, layers, layout, pieces, pointwise, resolution

__all__ = ["REGISTRY", "attention", "branches", "kind_of", "layers", "layout", "pieces", "pointwise", "resolution"]
