import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from entropax.space import PeriodicBox
from entropax.thermodynamics import smooth_spatial_rate, spatial_rate
from tests.contract.harness import without_shape_hook


@pytest.fixture
def cloud():
    rng = np.random.default_rng(4)
    return rng.uniform(-1.1, 1.1, (200, 2)), rng.uniform(0, 3, 200)


@pytest.mark.parametrize("bins", [(4, 7), (1, 3)])
def test_bins_against_scipy(cloud, bins, x64):
    """Means and counts of scipy's binned_statistic_dd; particles outside are left out; empty cells are zero."""
    positions, rates = cloud
    edges = [np.linspace(-1, 1, n + 1) for n in bins]
    inside = np.all(np.abs(positions) < 1, axis=1)
    expected, count = (
        scipy.stats.binned_statistic_dd(positions[inside], rates[inside], kind, bins=edges).statistic
        for kind in ("mean", "count")
    )
    result = spatial_rate(positions, rates, lower=-np.ones(2), upper=np.ones(2), bins=bins)
    np.testing.assert_allclose(result.value, np.nan_to_num(expected), rtol=1e-12)
    np.testing.assert_allclose(result.density, count / (4 / np.prod(bins)), rtol=1e-12)
    np.testing.assert_array_equal(result.occupied, count > 0)


def test_the_upper_edge_is_outside_and_empty_cells_are_zero(x64):
    result = spatial_rate(
        np.array([[0.0], [1.0]]), np.array([2.0, 5.0]), lower=np.zeros(1), upper=np.ones(1), bins=(2,)
    )
    np.testing.assert_array_equal(result.value, [2.0, 0.0])
    np.testing.assert_array_equal(result.occupied, [True, False])


@pytest.mark.fast
def test_the_smooth_form_is_a_weighted_mean(cloud, x64):
    """Gaussian weights from numpy, and scipy's kernel density for the number of particles per area."""
    positions, rates = cloud
    points, h = np.array([[0.0, 0.0], [0.9, -0.4]]), 0.3
    weights = np.exp(-np.sum((points[:, None] - positions[None]) ** 2, axis=-1) / (2 * h**2))
    result = smooth_spatial_rate(positions, rates, points, bandwidth=h)
    np.testing.assert_allclose(result.value, weights @ rates / weights.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(result.density, weights.sum(axis=1) / (2 * np.pi * h**2), rtol=1e-12)


def test_the_smooth_form_tends_to_the_nearest_particle(cloud, x64):
    """As the bandwidth shrinks the mean is that of the nearest particle, also where every weight underflows."""
    positions, rates = cloud
    points = np.array([[0.0, 0.0], [30.0, 0.0]])
    nearest = np.argmin(np.sum((points[:, None] - positions[None]) ** 2, axis=-1), axis=1)
    np.testing.assert_allclose(
        smooth_spatial_rate(positions, rates, points, bandwidth=1e-3).value, rates[nearest], rtol=1e-12
    )


def test_the_smooth_form_respects_the_box(x64):
    """On a torus a particle beyond the face counts at its nearest image."""
    box = PeriodicBox(-jnp.ones(1), jnp.ones(1))
    positions, rates = jnp.asarray([[0.95], [-0.2]]), jnp.asarray([1.0, 0.0])
    near = smooth_spatial_rate(positions, rates, jnp.asarray([[-0.95]]), bandwidth=0.1, box=box)
    assert float(near.value[0]) > 0.999
    far = smooth_spatial_rate(positions, rates, jnp.asarray([[-0.95]]), bandwidth=0.1)
    assert float(far.value[0]) < 0.001


def test_the_smooth_form_has_gradients_where_bins_have_none(cloud, x64):
    positions, rates = (jnp.asarray(a) for a in cloud)
    low, high, points = -jnp.ones(2), jnp.ones(2), jnp.zeros((1, 2))
    smooth = jax.grad(lambda x: smooth_spatial_rate(x, rates, points, bandwidth=0.3).value[0])(positions)
    hard = jax.grad(lambda x: jnp.sum(spatial_rate(x, rates, lower=low, upper=high, bins=(4, 4)).value))(positions)
    assert np.linalg.norm(smooth) > 0.01
    assert np.all(np.asarray(hard) == 0)


def test_bad_arguments_are_refused(cloud):
    positions, rates = cloud
    with without_shape_hook():
        with pytest.raises(ValueError, match=r"rates must have shape \(200,\)"):
            spatial_rate(positions, rates[:3], lower=-np.ones(2), upper=np.ones(2), bins=(2, 2))
        with pytest.raises(ValueError, match="bins must have one entry an axis, 2, got"):
            spatial_rate(positions, rates, lower=-np.ones(2), upper=np.ones(2), bins=(2,))
        with pytest.raises(ValueError, match="upper - lower must be positive"):
            spatial_rate(positions, rates, lower=np.ones(2), upper=-np.ones(2), bins=(2, 2))
        with pytest.raises(ValueError, match="bandwidth must be positive"):
            smooth_spatial_rate(positions, rates, np.zeros((1, 2)), bandwidth=0.0)
        with pytest.raises(ValueError, match=r"points must have shape \(m, 2\)"):
            smooth_spatial_rate(positions, rates, np.zeros((1, 3)), bandwidth=0.1)
        with pytest.raises(ValueError, match=r"bandwidth must have shape \(\)"):
            smooth_spatial_rate(positions, rates, np.zeros((3, 2)), bandwidth=np.full(3, 0.1))
