"""The fully connected CRF with which DeepLab refines its scores: pixels that are close and alike get the same class.

"Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials" (Krähenbühl and Koltun, 2011).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from feedbackward.errors import InputError
from feedbackward.nn.permutohedral import PermutohedralLattice


class DenseCRF(nn.Module):
    """Mean-field inference with two Gaussian kernels and the Potts model, without learned parameters.

    The kernel k is normalized symmetrically to k_ij / sqrt(sum_l k_il * sum_l k_jl), as in the later code of the CRF's
    authors, so that its weight has the same effect at every image size; each pixel is one of its own neighbors. The
    defaults are those of the script released with DeepLab-LargeFOV, for images at full resolution.

    Args:
        iterations: Number of mean-field updates.
        appearance_weight: Weight of the appearance kernel, between pixels that are close and similar in color.
        appearance_xy: Spatial standard deviation of the appearance kernel, in pixels.
        appearance_rgb: Color standard deviation of the appearance kernel, for values from 0 to 255.
        smoothness_weight: Weight of the smoothness kernel, between pixels that are close.
        smoothness_xy: Standard deviation of the smoothness kernel, in pixels.

    Raises:
        InputError: If a standard deviation is not positive or iterations is negative.

    Example:
        >>> scores, image = torch.zeros(1, 4, 8, 8), torch.rand(1, 3, 8, 8)
        >>> DenseCRF()(scores, image).exp().sum(1).allclose(torch.ones(1, 8, 8))
        True
    """

    def __init__(
        self,
        *,
        iterations: int = 10,
        appearance_weight: float = 4.0,
        appearance_xy: float = 49.0,
        appearance_rgb: float = 5.0,
        smoothness_weight: float = 3.0,
        smoothness_xy: float = 3.0,
    ) -> None:
        super().__init__()
        deviations = {
            "appearance_xy": appearance_xy,
            "appearance_rgb": appearance_rgb,
            "smoothness_xy": smoothness_xy,
        }
        for name, value in deviations.items():
            if not value > 0:
                raise InputError(f"{name} is {value}; expected a standard deviation above 0")
        if iterations < 0:
            raise InputError(f"iterations is {iterations}; expected 0 or more")
        self.iterations = iterations
        self.appearance_weight = appearance_weight
        self.appearance_xy = appearance_xy
        self.appearance_rgb = appearance_rgb
        self.smoothness_weight = smoothness_weight
        self.smoothness_xy = smoothness_xy

    @torch.no_grad()
    def forward(
        self, logits: Float[Tensor, "n classes h w"], image: Float[Tensor, "n 3 i j"]
    ) -> Float[Tensor, "n classes h w"]:
        """Refine logits.

        Args:
            logits: Class scores.
            image: The image they belong to, with values in [0, 1], not normalized.

        Returns:
            The logarithms of the refined probabilities.

        Raises:
            InputError: If the sizes of logits and image differ.
        """
        if logits.shape[-2:] != image.shape[-2:]:
            sizes = " and ".join("x".join(map(str, tensor.shape[-2:])) for tensor in (logits, image))
            raise InputError(f"logits and image have the sizes {sizes}; expected the same size: resize one of them")
        with torch.autocast(logits.device.type, enabled=False):  # sums over many pixels overflow float16
            return torch.stack([self._refine(*pair) for pair in zip(logits.float(), image.float(), strict=True)])

    def _refine(self, logits: Float[Tensor, "classes h w"], image: Float[Tensor, "3 h w"]) -> Tensor:
        rows, columns = (torch.arange(size, device=image.device, dtype=image.dtype) for size in image.shape[1:])
        place = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), -1).flatten(0, 1)  # (pixels, 2)
        color = 255 * image.flatten(1).T  # (pixels, 3)
        kernels = (
            (self.smoothness_weight, place / self.smoothness_xy),
            (self.appearance_weight, torch.cat([place / self.appearance_xy, color / self.appearance_rgb], 1)),
        )
        filters = [(weight, *_normalized(PermutohedralLattice(features))) for weight, features in kernels]

        unary = logits.flatten(1).T.log_softmax(1)  # (pixels, classes)
        refined = unary
        for _ in range(self.iterations):
            probability = refined.exp()
            messages = sum(weight * scale * lattice.filter(scale * probability) for weight, scale, lattice in filters)
            refined = (unary + messages).log_softmax(1)
        return refined.T.reshape(logits.shape)


def _normalized(lattice: PermutohedralLattice) -> tuple[Float[Tensor, "points 1"], PermutohedralLattice]:
    """Scale to apply before and after the filter, which normalizes its kernel symmetrically."""
    return lattice.filter(torch.ones_like(lattice.weights[:, :1])).rsqrt(), lattice
