"""Gaussian filtering in many dimensions at once, on the permutohedral lattice, in time linear in the points.

"Fast High-Dimensional Filtering Using the Permutohedral Lattice" (Adams, Baek and Davis, 2010): points spread their
values to the corners of the simplex that they lie in, the corners are blurred along the lattice's axes, and the points
take the values back.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


class PermutohedralLattice:
    """A Gaussian filter of unit standard deviation between points.

    What filter() returns approximates, up to one factor for all points, the sum over j of exp(-|f_i - f_j|² / 2) v_j.

    Args:
        features: Where each point lies, in standard deviations.

    Example:
        >>> lattice = PermutohedralLattice(torch.tensor([[0.0, 0.0], [0.1, 0.0], [50.0, 50.0]]))
        >>> near, _, far = lattice.filter(torch.tensor([[0.0], [1.0], [0.0]]))
        >>> near.item() > 0.3, far.item()
        (True, 0.0)
    """

    def __init__(self, features: Float[Tensor, "points d"]) -> None:
        corners, self.weights = _simplex(_elevate(features))  # (points, d + 1, d), (points, d + 1)
        dims = features.shape[1]
        # A corner's coordinates as one number; a step along an axis is then an addition.
        margin = dims + 1
        lowest = corners.amin((0, 1)) - margin
        extent = corners.amax((0, 1)) + margin - lowest + 1
        stride = torch.cat([extent.new_ones(1), extent.cumprod(0)[:-1]])
        keys, self.corners = torch.unique(((corners - lowest) * stride).sum(-1), return_inverse=True)
        steps = torch.cat([stride.sum() - (dims + 1) * stride, stride.sum()[None]])
        self.neighbors = [(_find(keys, keys + step), _find(keys, keys - step)) for step in steps]

    def filter(self, values: Float[Tensor, "points k"]) -> Float[Tensor, "points k"]:
        """Filter each of the k values of the points."""
        spread = (self.weights[..., None] * values[:, None, :]).flatten(0, 1)  # (points * (d + 1), k)
        # One row more, of zeros, stands for the corners that no point has touched.
        lattice = values.new_zeros(len(self.neighbors[0][0]) + 1, values.shape[1])
        lattice.index_add_(0, self.corners.flatten(), spread)
        for before, behind in self.neighbors:
            lattice[:-1] += 0.5 * (lattice[before] + lattice[behind])
        return torch.einsum("pc,pck->pk", self.weights, lattice[self.corners]) / (1 + 0.5 ** (len(self.neighbors) - 1))


def _elevate(features: Float[Tensor, "points d"]) -> Float[Tensor, "points d_1"]:
    """Into the hyperplane of d + 1 coordinates that sum to 0, so scaled that the blur has the wanted deviation."""
    dims = features.shape[1]
    axis = torch.arange(1, dims + 1, device=features.device, dtype=features.dtype)
    scaled = features * ((dims + 1) * (2 / 3) ** 0.5 / (axis * (axis + 1)).sqrt())
    sums = scaled.flip(1).cumsum(1).flip(1)  # of this coordinate and those behind it
    return torch.cat([sums, sums.new_zeros(len(sums), 1)], 1) - torch.cat(
        [sums.new_zeros(len(sums), 1), axis * scaled], 1
    )


def _simplex(
    elevated: Float[Tensor, "points d_1"],
) -> tuple[Int64[Tensor, "points d_1 d"], Float[Tensor, "points d_1"]]:
    """The corners of the simplex around each point, without their last coordinate, and its weight at each."""
    dims = elevated.shape[1] - 1
    nearest = (elevated / (dims + 1)).round() * (dims + 1)
    rank = (elevated - nearest).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    rank = rank + (nearest.sum(1, keepdim=True) / (dims + 1)).round().long()
    turn = (rank < 0).long() - (rank > dims).long()  # back onto the hyperplane
    rank, nearest = rank + turn * (dims + 1), nearest + turn * (dims + 1)

    share = (elevated - nearest) / (dims + 1)
    weights = elevated.new_zeros(len(elevated), dims + 2)
    weights.scatter_add_(1, dims - rank, share).scatter_add_(1, dims + 1 - rank, -share)
    weights[:, 0] += 1 + weights[:, dims + 1]

    corner = torch.arange(dims + 1, device=elevated.device)
    canonical = corner[:, None] - (dims + 1) * (corner[None, :] > dims - corner[:, None])  # (corner, rank)
    corners = nearest.long()[:, None, :] + canonical[:, rank].transpose(0, 1)
    return corners[..., :-1], weights[:, :-1]


def _find(keys: Int64[Tensor, " corners"], wanted: Int64[Tensor, " corners"]) -> Int64[Tensor, " corners"]:
    """The index of each wanted key, or the number of keys where it is not among them."""
    index = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return index.where(keys[index] == wanted, len(keys))
