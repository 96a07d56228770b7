"""The decoder's weight: a convolution's own filters, regrouped to map its outputs to its inputs.

Section 3 of "Feedbackward Decoding for Semantic Segmentation" (Wang et al.).
"""

from jaxtyping import Float
from torch import Tensor


def permute_weight(
    weight: Float[Tensor, "out in_per_group *kernel"], *, groups: int = 1
) -> Float[Tensor, "in out_per_group *kernel"]:
    """Swap the two channel axes of a convolution's weight inside each group; the filters stay intact.

    The filters are not flipped, so the result is the paper's regrouping and not the adjoint of the convolution.

    Args:
        weight: Weight of a convolution, in the layout of F.conv2d, or of a linear layer.
        groups: Number of groups of the convolution; it divides both channel counts.

    Returns:
        The weight of a convolution from `out` to `in` channels with the same groups; for groups=1 a view of `weight`.

    Example:
        >>> import torch
        >>> permute_weight(torch.zeros(64, 3, 5, 5)).shape
        torch.Size([3, 64, 5, 5])
    """
    # (g*o, i, m, n) -> (g, o, i, m, n) -> (g, i, o, m, n) -> (g*i, o, m, n)
    outputs, inputs_per_group = weight.shape[:2]
    grouped = weight.reshape(groups, outputs // groups, inputs_per_group, *weight.shape[2:])
    return grouped.transpose(1, 2).flatten(0, 1)
