"""Facts of MIST (arXiv 2511.18945) about its data: targets and maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators
from entropax.estimators import tasks_meta

POINTS = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])


def target(dim, *, df=None, num_pairs=0, alpha=0.0, beta=0.0, lambd=0.0, eta=0.0):
    """The target of a Gaussian coupling, or of a Student one when df is given."""
    with jax.enable_x64(True):
        fields = (jnp.asarray(float(value)) for value in (dim, num_pairs, alpha, beta, lambd, eta))
        value = tasks_meta.Coupling(*fields).mutual_information()
        excess = 0.0 if df is None else tasks_meta.student_excess(dim, dim, jnp.asarray(df))
        return float(value + excess)


def dense(r):
    return {"alpha": (r / (1 - r)) ** 0.5}


def sparse(num_pairs, strength):
    return {"num_pairs": num_pairs, "lambd": strength, "eta": strength}


@pytest.mark.fast
@pytest.mark.parametrize(
    ("dim", "parameters", "expected"),
    [
        (4, {"num_pairs": 2, "alpha": 0.5, "lambd": 1.5, "beta": 0.7, "eta": 2.0}, 0.5427051722),
        (5, sparse(3, 1.2), 0.6422413875),
        (8, dense(0.25), 0.3763696389),
        (3, {**dense(0.4), "df": 2.5}, 0.5180179640),
        (4, {**sparse(2, 2.2), "df": 7.3}, 1.2363547686),
        (6, {**sparse(4, 0.9), "df": 1.7}, 1.0356395455),
    ],
)
def test_targets(dim, parameters, expected):
    """Item 5: the exact mutual information of lvm, sparse, dense and Student families."""
    assert target(dim, **parameters) == pytest.approx(expected, abs=6e-11)


@pytest.mark.fast
def test_additive_noise():
    """Item 6: uniform noise of half width .1, .3, .5, .75, 1.6, and the five coordinates together."""
    with jax.enable_x64(True):
        values = tasks_meta.additive_noise_information(jnp.array([0.1, 0.3, 0.5, 0.75, 1.6]))
    np.testing.assert_allclose(values, [1.7094379, 0.8108256, 0.5, 0.3333333, 0.15625], atol=5.1e-8)
    assert np.asarray(values).sum() == pytest.approx(3.5098468695, abs=6e-11)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("name", "expected", "digits"),
    [
        ("wiggly_x", [-2.50838456, -0.63650308, 0.15034003, 1.44358505, 3.04697675], 8),
        ("wiggly_y", [-1.56000094, -0.35169992, -0.07160259, 0.69436163, 2.76340821], 8),
        ("half_cube", [-2.82842712, -0.35355339, 0.0, 1.0, 5.19615242], 8),
    ],
)
def test_transforms(name, expected, digits):
    """Item 7: the wiggles and the half cube at five points."""
    with jax.enable_x64(True):
        values = getattr(estimators, name)(POINTS)
    np.testing.assert_allclose(values, expected, rtol=0, atol=0.51 * 10.0**-digits)
