"""The rules: what each operation of an encoder does to the signal on the way back (the paper's Section 4).

A rule takes a Step and the arguments of the encoder's own call, and returns which values get which signal: pairs of a
tensor of the encoder, or (value, index) of one of several, and the signal. What depends on no image gets none.
"""

from feedbackward.transform.rules import attention, branches, layers, layout, pieces, pointwise, resolution

__all__ = ["attention", "branches", "layers", "layout", "pieces", "pointwise", "resolution"]
