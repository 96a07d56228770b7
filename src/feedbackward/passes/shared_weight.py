"""The encoder's weight that a convolution of the decoder applies."""

from typing import Any

from torch import Tensor, fx, nn

from feedbackward.nn import permute_weight


def shared_weight(convolution: fx.Node, root: nn.Module) -> Tensor | None:
    """The parameter as the convolution applies it, with swapped axes or not; None where the weight is computed.

    Args:
        convolution: A call of same_conv2d.
        root: The module that its graph runs on.
    """
    source = convolution.args[1]
    assert isinstance(source, fx.Node)
    swap = source if source.target is permute_weight else None
    if swap is not None:
        (source,) = swap.all_input_nodes
    if source.op != "get_attr":
        return None
    owner, _, name = str(source.target).rpartition(".")
    weight: Tensor = getattr(root.get_submodule(owner), name)
    groups: Any = None if swap is None else swap.kwargs["groups"]
    return weight if swap is None else permute_weight(weight, groups=groups)
