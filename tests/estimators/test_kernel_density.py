"""Kernel density estimators against scipy, scikit-learn, typed values and closed forms; and their memory."""

import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import KernelDensity

from entropax import estimators
from entropax.estimators import kernel_density as module

INDEX = np.arange(1, 65)
X = (np.sin(1.7 * INDEX) + 0.3 * np.cos(5.1 * INDEX))[:, None]
Y = (np.sin(1.7 * INDEX + 0.8) + 0.5 * np.cos(2.9 * INDEX))[:, None]
Z = np.concatenate([X, Y], axis=1)


def test_typed_values(x64):
    """infomeasure's box kernel, side 0.5, a sample counting itself: H(x) 0.9294477787, MI 0.7170103184."""
    options = {"kernel": "box", "bandwidth": 0.5, "leave_one_out": False}
    np.testing.assert_allclose(estimators.kernel_density_entropy(X, **options), 0.9294477787, atol=5.1e-11)
    mi = estimators.kernel_density_mutual_information(X, Y, **options)
    np.testing.assert_allclose(mi, 0.7170103184, atol=5.1e-11)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_rules_against_scipy(x64, rule):
    """With the sample's own kernel kept in it is scipy's mean log density, in two columns; and without, one by one."""
    whole = estimators.kernel_density_entropy(Z, bandwidth=rule, leave_one_out=False)
    density = stats.gaussian_kde(Z.T, rule)
    np.testing.assert_allclose(whole, -np.mean(density.logpdf(Z.T)), rtol=1e-12)
    kernel = stats.multivariate_normal(np.zeros(2), density.covariance)
    logs = [math.log(np.mean(kernel.pdf(np.delete(Z, i, 0) - Z[i]))) for i in range(64)]
    np.testing.assert_allclose(estimators.kernel_density_entropy(Z, bandwidth=rule), -np.mean(logs), rtol=1e-12)


@pytest.mark.fast
def test_given_bandwidths_against_sklearn(x64):
    """One standard deviation for each column: scikit-learn's density of the scaled samples."""
    h = np.array([0.3, 0.6])
    model = KernelDensity(bandwidth=1.0, kernel="gaussian", rtol=1e-12).fit(Z / h)
    expected = -np.mean(model.score_samples(Z / h)) + np.sum(np.log(h))
    value = estimators.kernel_density_entropy(Z, bandwidth=h, leave_one_out=False)
    np.testing.assert_allclose(value, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "options",
    [{"bandwidth": np.array([0.3, 0.6])}, {"kernel": "box", "bandwidth": np.array([1.3, 1.6])}, {"bandwidth": "scott"}],
)
def test_mutual_information_is_of_one_density(x64, options):
    """I = H(x) + H(y) - H(x, y), the marginals with the joint density's bandwidths."""
    joint = float(estimators.kernel_density_entropy(Z, **options))
    if isinstance(options["bandwidth"], str):
        marginals = [{"bandwidth": v.std(ddof=1) * 64 ** (-1 / 6)} for v in (X, Y)]
    else:
        marginals = [{**options, "bandwidth": h} for h in options["bandwidth"]]
    of_x, of_y = (
        float(estimators.kernel_density_entropy(v, **each)) for v, each in zip((X, Y), marginals, strict=True)
    )
    value = estimators.kernel_density_mutual_information(X, Y, **options)
    np.testing.assert_allclose(value, of_x + of_y - joint, rtol=1e-10)


@pytest.mark.fast
def test_linear_maps(x64):
    """By a rule H(A x + b) = H(x) + log |det A| and I is unchanged when x and y are mapped."""
    A = np.array([[2.0, 0.7], [-0.4, 1.1]])
    h = [float(estimators.kernel_density_entropy(z)) for z in (Z, Z @ A.T + 5)]
    np.testing.assert_allclose(h[1], h[0] + math.log(abs(np.linalg.det(A))), rtol=1e-11)
    two = np.concatenate([Y, np.roll(Y, 3)], axis=1)
    mi = [float(estimators.kernel_density_mutual_information(X * s, two @ B)) for s, B in ((1, np.eye(2)), (3, A))]
    np.testing.assert_allclose(mi[0], mi[1], rtol=1e-10)


def test_the_soft_box_tends_to_the_box(x64):
    """As its temperature does to zero; and it has a gradient in x, where the box has none."""
    hard = float(estimators.kernel_density_entropy(X, kernel="box", bandwidth=0.7))
    soft = [
        float(estimators.kernel_density_entropy(X, kernel="box", bandwidth=0.7, temperature=t))
        for t in (0.3, 0.03, 1e-4)
    ]
    errors = np.abs(np.array(soft) - hard)
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-3
    hard_slope, soft_slope = (
        jax.grad(lambda x, t=t: estimators.kernel_density_entropy(x, kernel="box", bandwidth=0.7, temperature=t))(
            jnp.asarray(X)
        )
        for t in (None, 0.1)
    )
    assert not np.any(hard_slope)
    assert np.all(np.isfinite(soft_slope))
    assert np.any(soft_slope)


def test_duplicates_and_outliers(x64):
    """Samples at one point count for each other; a lone one is far in the gaussian's tail, infinitely for the box."""
    twice = np.repeat(X, 2, axis=0)
    assert np.isfinite(float(estimators.kernel_density_entropy(twice, bandwidth=1e-3)))
    lone = np.concatenate([X, [[1e4]]])
    value, slope = jax.value_and_grad(lambda x: estimators.kernel_density_entropy(x, bandwidth=0.1))(jnp.asarray(lone))
    # The outlier alone adds (distance / h)^2 / 2 / 65 to lowest order.
    np.testing.assert_allclose(value, (1e4 - X.max()) ** 2 / 0.02 / 65, rtol=1e-3)
    assert np.isfinite(slope).all()
    assert float(estimators.kernel_density_entropy(lone, kernel="box", bandwidth=0.5)) == np.inf


@pytest.mark.slow
def test_tiles(x64, monkeypatch):
    """The value does not depend on the size of the tiles, nor on whether they divide the samples."""
    expected = float(estimators.kernel_density_entropy(Z))
    for rows in (1, 7, 64):
        monkeypatch.setattr(module, "_TILE", 64 * rows)
        jax.clear_caches()
        np.testing.assert_allclose(estimators.kernel_density_entropy(Z), expected, rtol=1e-13)
    jax.clear_caches()


@pytest.mark.parametrize("which", ["value", "gradient"])
def test_memory_of_fifty_thousand_samples(which):
    """What the compiler allots for N = 50,000 pairs stays below 64 MiB; all pairs at once would take 9.3 GiB."""
    estimate = estimators.kernel_density_mutual_information
    call = estimate if which == "value" else jax.grad(estimate)
    x = jax.ShapeDtypeStruct((50_000, 1), jnp.float32)
    analysis = jax.jit(call).lower(x, x).compile().memory_analysis()
    assert analysis.temp_size_in_bytes < 64 * 2**20


@pytest.mark.slow
def test_peak_memory_of_a_process():
    """Value and gradient at N = 50,000 in a process of its own: at most 2 GiB resident, jax itself included."""
    program = """
import resource
import jax, jax.numpy as jnp
from entropax import estimators
x = jax.random.normal(jax.random.key(0), (50_000, 1))
y = x + jax.random.normal(jax.random.key(1), (50_000, 1))
value, slope = jax.value_and_grad(estimators.kernel_density_mutual_information)(x, y)
assert abs(float(value) - 0.3466) < 0.02, value  # log(2) / 2
assert bool(jnp.all(jnp.isfinite(slope)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 2


@pytest.mark.parametrize(
    ("distribution", "exact"),
    [
        (stats.laplace(scale=2), 2.3862943611),
        (stats.gamma(3, scale=2), 2.5407256909),
        (stats.beta(2, 5), -0.4845307150),
        (stats.logistic(), 2.0),
        (stats.vonmises(2), 1.2663212920),
    ],
)
def test_entropies_of_closed_form(distribution, exact):
    """4,000 samples by Silverman's rule.

    The error has two parts: the mean surprise of this sample by the true density, within four standard errors of the
    entropy, and what smoothing adds to it, at most 0.03 nats (about h^2 / 2 of the Fisher information and 1 / n h).
    """
    x = distribution.rvs(size=(4_000, 1), random_state=np.random.default_rng(8))
    surprise = -distribution.logpdf(x)
    assert abs(surprise.mean() - exact) < 4 * surprise.std() / math.sqrt(4_000)
    value = float(estimators.kernel_density_entropy(x.astype(np.float32), bandwidth="silverman"))
    assert abs(value - surprise.mean()) < 0.03, (value, surprise.mean())


@pytest.mark.parametrize(("rho", "exact"), [(0.75, 0.4133392866), (0.6, 0.2231435513), (0.0, 0.0)])
def test_bivariate_normal(rho, exact):
    """4,000 pairs by Scott's rule: within 0.04 (sampling error has sd rho / 63)."""
    rng = np.random.default_rng(9)
    x = rng.standard_normal((4_000, 1)).astype(np.float32)
    y = (rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((4_000, 1))).astype(np.float32)
    assert abs(float(estimators.kernel_density_mutual_information(x, y)) - exact) < 0.04


def test_gradient_ascent_finds_the_informative_direction(x64):
    """Of three columns one tells of y: ascending the gradient, a projection turns towards it."""
    rng = np.random.default_rng(10)
    source = rng.standard_normal((400, 3))
    y = np.tanh(2 * source[:, :1]) + 0.3 * rng.standard_normal((400, 1))

    @jax.jit
    def step(w):
        slope = jax.grad(lambda w: estimators.kernel_density_mutual_information(source @ w[:, None], y))(w)
        w = w + slope / jnp.linalg.norm(slope) * 0.2
        return w / jnp.linalg.norm(w)

    w = jnp.asarray([0.3, 0.7, 0.65])
    for _ in range(25):
        w = step(w)
    assert abs(float(w[0])) > 0.97


@pytest.mark.fast
def test_faults():
    with pytest.raises(ValueError, match="bandwidth must be given as a number with kernel 'box', got 'scott'"):
        estimators.kernel_density_entropy(X, kernel="box")
    with pytest.raises(ValueError, match="bandwidth must be one of 'scott', 'silverman', got 'isj'"):
        estimators.kernel_density_entropy(X, bandwidth="isj")
    with pytest.raises(ValueError, match=r"temperature must be None with kernel 'gaussian', got 0.1"):
        estimators.kernel_density_entropy(X, temperature=0.1)
    with pytest.raises(ValueError, match="kernel must be one of 'gaussian', 'box', got 'epanechnikov'"):
        estimators.kernel_density_entropy(X, kernel="epanechnikov")
    with pytest.raises(ValueError, match=r"x must have shape \(n, d\) with n >= 2 and d >= 1, got \(1, 1\)"):
        estimators.kernel_density_entropy(X[:1])
    constant = np.ones((20, 1), np.float32)
    with pytest.raises(ValueError, match="x must vary, and no column follow from the others, for the rule 'scott'"):
        estimators.kernel_density_entropy(constant)
    assert np.isfinite(float(estimators.kernel_density_entropy(constant, bandwidth=1.0)))
