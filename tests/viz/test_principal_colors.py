"""Principal components as colors, against NumPy's singular value decomposition."""

import numpy as np
import pytest

from feedbackward.viz.principal_colors import principal_colors


def test_red_is_the_first_component() -> None:
    rng = np.random.default_rng(0)
    feature = (rng.normal(size=(12, 8)) * 3.0 ** np.arange(0, -8, -1)) @ rng.normal(size=(8, 30 * 40))
    (picture,) = principal_colors([feature.reshape(12, 30, 40)])
    centered = feature - feature.mean(1, keepdims=True)
    _, _, rows = np.linalg.svd(centered, full_matrices=False)
    for band in range(3):
        correlation = np.corrcoef(picture[..., band].ravel(), rows[band])[0, 1]
        assert abs(correlation) > 0.97, band


@pytest.mark.parametrize("channels", [4, 300])
def test_one_color_means_one_mixture_in_both(channels: int) -> None:
    rng = np.random.default_rng(0)
    mixtures = rng.normal(size=(2, channels))
    where = rng.integers(0, 2, (6, 9))
    feature = np.moveaxis(mixtures[where], -1, 0)
    first, second = principal_colors([feature, 7 * feature[:, ::-1]])
    np.testing.assert_array_equal(second, first[::-1])
    assert len(np.unique(first.reshape(-1, 3), axis=0)) == 2


def test_few_channels_and_constants() -> None:
    (gray,) = principal_colors([np.arange(12.0).reshape(1, 3, 4)])
    assert (gray[..., 0] == gray[..., 1]).all()
    assert (gray[..., 0] == gray[..., 2]).all()
    assert gray[0, 0, 0] == 0
    assert gray[-1, -1, 0] == 255
    (two,) = principal_colors([np.random.default_rng(0).normal(size=(2, 3, 4))])
    assert (two[..., 2] == 128).all()
    (constant,) = principal_colors([np.ones((5, 3, 4))])
    assert (constant == 128).all()
