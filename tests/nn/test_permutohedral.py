"""The lattice against the sum over all pairs of points."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from feedbackward.nn.permutohedral import PermutohedralLattice


def mean_of_neighbors(features: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    kernel = torch.exp(-torch.cdist(features, features).square() / 2)
    return kernel @ values / kernel.sum(1, keepdim=True)


@pytest.mark.parametrize(
    ("dims", "extent", "tolerance"), [(1, 8.0, 0.03), (2, 6.0, 0.07), (3, 4.0, 0.16), (5, 2.0, 0.22)]
)
def test_it_is_a_gaussian_filter_of_unit_deviation(dims: int, extent: float, tolerance: float) -> None:
    """Less accurate in many dimensions, where most points are at the border: the lattice has no vertices beyond it."""
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


def test_distant_points_do_not_affect_each_other() -> None:
    features = torch.tensor([[0.0, 0.0], [0.2, 0.1], [60.0, -70.0]])
    near, own, far = PermutohedralLattice(features).filter(torch.tensor([[0.0], [1.0], [0.0]]))
    assert near > 0.3
    assert own > 0.3
    assert far == 0


@given(dims=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_point_s_weights_are_barycentric_coordinates(dims: int, seed: int) -> None:
    features = 20 * torch.randn(30, dims, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    weights = PermutohedralLattice(features).weights
    assert weights.shape == (30, dims + 1)
    assert weights.min() > -1e-9
    torch.testing.assert_close(weights.sum(1), torch.ones(30, dtype=torch.float64))


@given(seed=st.integers(0, 99))
def test_it_is_linear_and_does_not_depend_on_the_order_of_the_points(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(20, 3, dtype=torch.float64, generator=generator)
    values = torch.randn(20, 2, dtype=torch.float64, generator=generator)
    lattice, order = PermutohedralLattice(features), torch.randperm(20, generator=generator)
    left, right = lattice.filter(values[:, :1]), lattice.filter(values[:, 1:])
    torch.testing.assert_close(lattice.filter(2 * values[:, :1] - values[:, 1:]), 2 * left - right)
    torch.testing.assert_close(PermutohedralLattice(features[order]).filter(values[order, :1]), left[order])
