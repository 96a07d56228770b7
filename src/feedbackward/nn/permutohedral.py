"""High-dimensional Gaussian filtering on the permutohedral lattice, in time linear in the number of points.

"Fast High-Dimensional Filtering Using the Permutohedral Lattice" (Adams, Baek and Davis, 2010): each point's value is
splatted onto the vertices of its enclosing simplex, the vertices are blurred along the lattice's axes, and the result
is sliced at the points.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


class PermutohedralLattice:
    """A Gaussian filter between points, with unit standard deviation.

    For point i with value v_i at position f_i, `filter` approximates sum_j exp(-|f_i - f_j|² / 2) v_j, up to a
    constant factor.

    Args:
        features: Position of each point, in standard deviations.

    Example:
        >>> lattice = PermutohedralLattice(torch.tensor([[0.0, 0.0], [0.1, 0.0], [50.0, 50.0]]))
        >>> near, _, far = lattice.filter(torch.tensor([[0.0], [1.0], [0.0]]))
        >>> near.item() > 0.3, far.item()
        (True, 0.0)
    """

    def __init__(self, features: Float[Tensor, "points d"]) -> None:
        vertices, self.weights = _enclosing_simplex(_elevate(features))  # (points, d + 1, d), (points, d + 1)
        dims = features.shape[1]
        # A vertex's coordinates as one number, so that a step along an axis is an addition.
        margin = dims + 1
        lowest = vertices.amin((0, 1)) - margin
        extent = vertices.amax((0, 1)) + margin - lowest + 1
        stride = torch.cat([extent.new_ones(1), extent.cumprod(0)[:-1]])
        keys, self.vertices = torch.unique(((vertices - lowest) * stride).sum(-1), return_inverse=True)
        steps = torch.cat([stride.sum() - (dims + 1) * stride, stride.sum()[None]])
        self.neighbors = [(_find(keys, keys + step), _find(keys, keys - step)) for step in steps]

    def filter(self, values: Float[Tensor, "points k"]) -> Float[Tensor, "points k"]:
        """Filter the points' values, each of the k columns separately."""
        splatted = (self.weights[..., None] * values[:, None, :]).flatten(0, 1)  # (points * (d + 1), k)
        # The last row is the value of every vertex that belongs to no point's simplex: zero.
        lattice = values.new_zeros(len(self.neighbors[0][0]) + 1, values.shape[1])
        lattice.index_add_(0, self.vertices.flatten(), splatted)
        for following, preceding in self.neighbors:
            lattice[:-1] += 0.5 * (lattice[following] + lattice[preceding])
        sliced = torch.einsum("pv,pvk->pk", self.weights, lattice[self.vertices])
        return sliced / (1 + 0.5 ** (len(self.neighbors) - 1))


def _elevate(features: Float[Tensor, "points d"]) -> Float[Tensor, "points d_1"]:
    """Map the points into the hyperplane of d + 1 coordinates with sum 0, scaled to the blur's standard deviation."""
    dims = features.shape[1]
    axis = torch.arange(1, dims + 1, device=features.device, dtype=features.dtype)
    scaled = features * ((dims + 1) * (2 / 3) ** 0.5 / (axis * (axis + 1)).sqrt())
    sums = scaled.flip(1).cumsum(1).flip(1)  # of this coordinate and all after it
    return torch.cat([sums, sums.new_zeros(len(sums), 1)], 1) - torch.cat(
        [sums.new_zeros(len(sums), 1), axis * scaled], 1
    )


def _enclosing_simplex(
    elevated: Float[Tensor, "points d_1"],
) -> tuple[Int64[Tensor, "points d_1 d"], Float[Tensor, "points d_1"]]:
    """The vertices of each point's simplex, without their last coordinate, and the point's barycentric coordinates."""
    dims = elevated.shape[1] - 1
    nearest = (elevated / (dims + 1)).round() * (dims + 1)
    rank = (elevated - nearest).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    rank = rank + (nearest.sum(1, keepdim=True) / (dims + 1)).round().long()
    wrap = (rank < 0).long() - (rank > dims).long()  # back onto the hyperplane
    rank, nearest = rank + wrap * (dims + 1), nearest + wrap * (dims + 1)

    share = (elevated - nearest) / (dims + 1)
    weights = elevated.new_zeros(len(elevated), dims + 2)
    weights.scatter_add_(1, dims - rank, share).scatter_add_(1, dims + 1 - rank, -share)
    weights[:, 0] += 1 + weights[:, dims + 1]

    vertex = torch.arange(dims + 1, device=elevated.device)
    canonical = vertex[:, None] - (dims + 1) * (vertex[None, :] > dims - vertex[:, None])  # (vertex, rank)
    vertices = nearest.long()[:, None, :] + canonical[:, rank].transpose(0, 1)
    return vertices[..., :-1], weights[:, :-1]


def _find(keys: Int64[Tensor, " vertices"], wanted: Int64[Tensor, " vertices"]) -> Int64[Tensor, " vertices"]:
    """The index of each wanted key in the sorted keys, or their number where it is missing."""
    index = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return index.where(keys[index] == wanted, len(keys))
