"""The lattice against the sum over all pairs of points."""

import pytest
import torch

from feedbackward.nn.permutohedral import PermutohedralLattice


def mean_of_neighbors(features: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    kernel = torch.exp(-torch.cdist(features, features).square() / 2)
    return kernel @ values / kernel.sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("dims", "extent", "tolerance"), [(1, 8.0, 0.03), (2, 6.0, 0.07), (3, 4.0, 0.16), (5, 2.0, 0.22)]
)
def test_it_is_a_gaussian_filter_of_unit_deviation(dims: int, extent: float, tolerance: float) -> None:
    """Less closely in many dimensions, where most points lie at the border: the lattice has no corners beyond it."""
    generator = torch.Generator().manual_seed(0)
    features = extent * torch.rand(600, dims, dtype=torch.float64, generator=generator) - extent / 3
    values = (features @ torch.randn(dims, 4, dtype=torch.float64, generator=generator)).sin()
    lattice = PermutohedralLattice(features)
    found = lattice.filter(values) / lattice.filter(torch.ones_like(values[:, :1]))
    expected = mean_of_neighbors(features, values)

    def error(result: torch.Tensor) -> float:
        return ((result - expected).norm() / (expected - expected.mean(0)).norm()).item()

    assert error(found) < tolerance
    for deviation in (0.65, 1.5):  # the tolerance tells deviations apart
        assert error(mean_of_neighbors(features / deviation, values)) > 1.2 * tolerance


def test_points_far_apart_do_not_meet() -> None:
    features = torch.tensor([[0.0, 0.0], [0.2, 0.1], [60.0, -70.0]])
    near, own, far = PermutohedralLattice(features).filter(torch.tensor([[0.0], [1.0], [0.0]]))
    assert near > 0.3
    assert own > 0.3
    assert far == 0
