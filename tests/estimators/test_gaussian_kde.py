"""The density of one variable against scipy's."""

import jax
import numpy as np
import pytest
from scipy import stats

from entropax.estimators import gaussian_kde
from tests.contract.harness import without_shape_hook


def test_densities_are_scipy_s(x64):
    """Both rules and a given bandwidth, at more points than a tile holds."""
    rng = np.random.default_rng(2)
    x, points = np.abs(rng.normal(size=500)), np.linspace(0, 3, 611)
    for rule in ("scott", "silverman"):
        np.testing.assert_allclose(gaussian_kde(x, points, bandwidth=rule), stats.gaussian_kde(x, rule)(points))
    factor = 0.2 / x.std(ddof=1)
    np.testing.assert_allclose(gaussian_kde(x, points, bandwidth=0.2), stats.gaussian_kde(x, factor)(points))
    slope = jax.grad(lambda h: gaussian_kde(x, points, bandwidth=h)[100])(0.2)
    ahead, behind = (float(stats.gaussian_kde(x, h / x.std(ddof=1))(points[100])[0]) for h in (0.2001, 0.1999))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-4, rtol=1e-5)


@pytest.mark.fast
def test_wrong_samples_are_named():
    """Constant samples have no rule."""
    with without_shape_hook():  # our words, not those of the check of annotations
        with pytest.raises(ValueError, match="x must vary for the rule 'scott'"):
            gaussian_kde(np.ones(5), np.zeros(3))
        with pytest.raises(ValueError, match="bandwidth must be positive"):
            gaussian_kde(np.ones(5), np.zeros(3), bandwidth=-1.0)
        with pytest.raises(ValueError, match="bandwidth must be one of 'scott', 'silverman'"):
            gaussian_kde(np.ones(5), np.zeros(3), bandwidth="wide")
