"""Tasks with known mutual information: the claimed values against densities, integrals and published numbers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from entropax import estimators, information
from entropax.estimators import BENCHMARK_TASKS, GaussianTask, StudentTask, TransformedTask, UniformNoiseTask

RHO, PAIRS = 0.4133392866, 1.0216512475
STUDENT = {
    (1, 1): 0.2241714275,
    (2, 1): 0.4319456220,
    (2, 2): 0.1931471806,
    (3, 2): 0.2909219227,
    (3, 3): 0.1787118531,
    (5, 2): 0.4481506769,
    (5, 3): 0.2985436227,
}
DENSE = {2: 0.2938933325, 3: 0.4133392866, 5: 0.5928118328, 25: 1.2921837217, 50: 1.6242653743}

# name -> (dim_x, dim_y, mutual information to ten digits)
PUBLISHED = {
    "1v1-normal-0.75": (1, 1, RHO),
    "normal_cdf-1v1-normal-0.75": (1, 1, RHO),
    "1v1-additive-0.1": (1, 1, 1.7094379124),
    "1v1-additive-0.75": (1, 1, 0.3333333333),
    "1v1-bimodal-0.75": (1, 1, RHO),
    "wiggly-1v1-normal-0.75": (1, 1, RHO),
    "half_cube-1v1-normal-0.75": (1, 1, RHO),
    "student-identity-1-1-1": (1, 1, STUDENT[1, 1]),
    "asinh-student-identity-1-1-1": (1, 1, STUDENT[1, 1]),
    "swissroll_x-normal_cdf-1v1-normal-0.75": (2, 1, RHO),
    **{f"multinormal-dense-{d}-{d}-0.5": (d, d, value) for d, value in DENSE.items()},
    **{f"multinormal-sparse-{d}-{d}-2-2.0": (d, d, PAIRS) for d in (2, 3, 5, 25)},
    **{f"student-identity-{d}-{d}-{df}": (d, d, value) for (d, df), value in STUDENT.items() if d > 1},
    **{
        f"{prefix}-multinormal-sparse-{d}-{d}-2-2.0": (d, d, PAIRS)
        for prefix in ("normal_cdf", "half_cube", "spiral", "spiral-normal_cdf")
        for d in (3, 5, 25)
    },
    **{f"asinh-student-identity-{d}-{d}-{df}": (d, d, STUDENT[d, df]) for d, df in ((2, 1), (3, 2), (5, 2))},
}


def test_names_and_dimensions():
    assert list(BENCHMARK_TASKS) == list(PUBLISHED)
    assert len(BENCHMARK_TASKS) == 40
    for name in ("1v1-bimodal-0.75", "swissroll_x-normal_cdf-1v1-normal-0.75", "spiral-multinormal-sparse-3-3-2-2.0"):
        task = BENCHMARK_TASKS[name]
        assert (task.dim_x, task.dim_y) == PUBLISHED[name][:2]
        assert task.description
    with pytest.raises(KeyError, match="none of the 40 benchmark tasks: 1v1-normal"):
        BENCHMARK_TASKS["normal"]


@pytest.mark.slow
def test_exact_values():
    """Every task's value, at the ten digits printed in float64, and every fourth to 4e-6 in float32."""
    single = {name: float(BENCHMARK_TASKS[name].mutual_information) for name in list(PUBLISHED)[::4]}
    with jax.enable_x64(True):
        double = {name: float(BENCHMARK_TASKS[name].mutual_information) for name in PUBLISHED}
    for name, (_, _, value) in PUBLISHED.items():
        assert double[name] == pytest.approx(value, abs=6e-11), name
        assert single.get(name, value) == pytest.approx(value, abs=4e-6), name


# ------------------------------------------------------------------------------------ samples against log densities

N = 20_000
NOISE = UniformNoiseTask(np.array([1.0]))


def _unspiral(x, plane):
    i, j = plane
    angle = -np.sum(x**2, axis=1) / x.shape[1]
    x = x.copy()
    x[:, i], x[:, j] = (
        np.cos(angle) * x[:, i] - np.sin(angle) * x[:, j],
        np.sin(angle) * x[:, i] + np.cos(angle) * x[:, j],
    )
    return x


def _mixture_score(x, weights, centers):
    return stats.norm.ppf(sum(w * stats.norm.cdf(x - c) for w, c in zip(weights, centers, strict=True)))


def _inverse(increasing, values):
    grid = np.linspace(-12, 12, 400_001)
    return np.interp(values, np.asarray(increasing(grid)), grid)


UNDO = {
    "normal_cdf": lambda x, y: (stats.norm.ppf(x), stats.norm.ppf(y)),
    "half_cube": lambda x, y: tuple(np.sign(v) * np.abs(v) ** (2 / 3) for v in (x, y)),
    "asinh": lambda x, y: (np.sinh(x), np.sinh(y)),
    "spiral": lambda x, y: (_unspiral(x, (0, 1)), _unspiral(y, (1, 2))),
    "wiggly": lambda x, y: (_inverse(estimators.wiggly_x, x), _inverse(estimators.wiggly_y, y)),
    "swissroll_x": lambda x, y: ((21 * np.linalg.norm(x, axis=1, keepdims=True) / (1.5 * np.pi) - 1) / 2, y),
}


def _log_ratio(name, x, y):
    """log p(x, y) / p(x) p(y) by scipy, after undoing the maps that the name lists from the outermost in."""
    while (prefix := name.split("-")[0]) in UNDO:
        x, y = UNDO[prefix](x, y)
        name = name[len(prefix) + 1 :]
    family, *parts = name.split("-")
    rows, dim = np.hstack([x, y]), x.shape[1]
    if family == "1v1" and parts[0] == "additive":
        e = float(parts[1])
        assert np.all(np.abs(y - x) <= e)
        assert np.all((x >= 0) & (x <= 1))
        overlap = np.minimum(y + e, 1) - np.maximum(y - e, 0)  # p(y) = overlap / 2 e
        return -np.log(overlap[:, 0])
    if family == "1v1" and parts[0] == "bimodal":
        rows = np.hstack([_mixture_score(x, (0.3, 0.7), (0, 5)), _mixture_score(y, (0.5, 0.5), (-1, 3))])
    if family == "student":
        law = lambda v: stats.multivariate_t(np.zeros(v.shape[1]), np.eye(v.shape[1]), df=int(parts[-1])).logpdf(v)  # noqa: E731
        return law(rows) - law(x) - law(y)
    correlation = np.eye(2 * dim)
    if family == "multinormal" and parts[0] == "dense":
        correlation = 0.5 * (correlation + 1)
    else:  # the first pairs are correlated, all else is independent
        for i, rho in enumerate([0.8, 0.8] if family == "multinormal" else [0.75]):
            correlation[i, dim + i] = correlation[dim + i, i] = rho
    law = lambda v, part: stats.multivariate_normal(np.zeros(v.shape[1]), correlation[part, part]).logpdf(v)  # noqa: E731
    return law(rows, slice(None)) - law(rows[:, :dim], slice(dim)) - law(rows[:, dim:], slice(dim, None))


QUICK = ("1v1-bimodal-0.75", "1v1-additive-0.1")
# The same families and maps in other dimensions.
LIKE_OTHERS = [n for n in PUBLISHED if "-25-25" in n or "-50-50" in n or "-3-3-" in n]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[pytest.mark.fast] if n in QUICK else [pytest.mark.slow] if n in LIKE_OTHERS else [])
        for n in PUBLISHED
    ],
)
def test_samples_have_the_mutual_information(name, x64):
    """The mean log density ratio of 20,000 pairs is the claimed value within 4.5 standard errors.

    The densities are scipy's and the maps are undone by formulas of their own, so sampler, map and value are held
    together. Forty tests at 7e-6 each; the standard errors are below 0.02, so a value 0.1 off fails.
    """
    x, y = (np.asarray(side) for side in BENCHMARK_TASKS[name].sample(N, key=jax.random.key(7)))
    dim_x, dim_y, value = PUBLISHED[name]
    assert x.shape == (N, dim_x)
    assert y.shape == (N, dim_y)
    assert x.dtype == np.float64
    ratios = _log_ratio(name, x, y)
    error = ratios.std() / N**0.5
    assert error < 0.02
    assert abs(ratios.mean() - value) < 4.5 * error
    # The ratio is one on average over the product of the marginals: shuffled pairs, where the variance allows it.
    if dim_x == 1:
        shuffled = np.exp(_log_ratio(name, x, np.roll(y, 1, axis=0))) if "additive" not in name else np.ones(2)
        assert abs(shuffled.mean() - 1) < 5 * shuffled.std() / N**0.5 + 1e-12


# ---------------------------------------------------------------------------------------------- numerical integrals


def _entropy(density, low, high):
    def integrand(t):
        p = density(t)
        return -p * np.log(p) if p > 0 else 0.0

    return integrate.quad(integrand, low, high, limit=500, epsabs=1e-11)[0]


@pytest.mark.fast
@pytest.mark.parametrize("e", [0.1, 0.3, 0.5, 0.75, 1.6])
def test_uniform_noise_by_quadrature(e, x64):
    """I = h(Y) - h(N) with the trapezoidal density of Y integrated numerically."""
    density = lambda y: max(min(y + e, 1) - max(y - e, 0), 0) / (2 * e)  # noqa: E731
    corners = sorted([-e, min(e, 1 - e), max(e, 1 - e), 1 + e])
    entropy = sum(_entropy(density, a, b) for a, b in itertools.pairwise(corners) if b > a)
    value = float(UniformNoiseTask(np.array([e])).mutual_information)
    assert value == pytest.approx(entropy - np.log(2 * e), abs=1e-9)


@pytest.mark.parametrize("df", [1.0, 5.0])
def test_student_by_quadrature(df, x64):
    """I = 2 h(X) - h(X, Y), the joint entropy of the isotropic law by its radius, r = sqrt(x^2 + y^2)."""
    marginal = 2 * _entropy(stats.t(df).pdf, 0, np.inf)
    joint = lambda r: (1 + r**2 / df) ** (-(df + 2) / 2) / (2 * np.pi)  # noqa: E731
    radial = integrate.quad(lambda r: -2 * np.pi * r * joint(r) * np.log(joint(r)), 0, np.inf, epsabs=1e-11)[0]
    value = float(StudentTask(np.eye(2), df, dim_x=1).mutual_information)
    assert value == pytest.approx(2 * marginal - radial, abs=1e-8)


@pytest.mark.fast
def test_bimodal_density_integrates_to_its_information():
    """Two-dimensional quadrature of the density that the copula and the two-humped marginals give."""
    rho = 0.75
    x, w_x = np.polynomial.legendre.leggauss(400)
    gx, gy = 2.5 + 8.5 * x, 1.0 + 8.0 * x  # [-6, 11] and [-7, 9] hold all but 1e-8 of the mass
    p_x = 0.3 * stats.norm.pdf(gx) + 0.7 * stats.norm.pdf(gx - 5)
    p_y = 0.5 * stats.norm.pdf(gy + 1) + 0.5 * stats.norm.pdf(gy - 3)
    z_x, z_y = _mixture_score(gx, (0.3, 0.7), (0, 5))[:, None], _mixture_score(gy, (0.5, 0.5), (-1, 3))[None, :]
    log_copula = -np.log(1 - rho**2) / 2 - (rho**2 * (z_x**2 + z_y**2) - 2 * rho * z_x * z_y) / (2 * (1 - rho**2))
    mass = np.outer(8.5 * w_x * p_x, 8.0 * w_x * p_y) * np.exp(log_copula)
    assert mass.sum() == pytest.approx(1, abs=1e-7)
    assert (mass * log_copula).sum() == pytest.approx(RHO, abs=1e-6)


@pytest.mark.fast
def test_student_with_correlation():
    """rho = 0.6 and nu = 5 give 0.2402718297 (mpmath)."""
    with jax.enable_x64(True):
        task = StudentTask(np.array([[1.0, 0.6], [0.6, 1.0]]), 5.0, dim_x=1)
        assert float(task.mutual_information) == pytest.approx(0.2402718297, abs=6e-11)


# ------------------------------------------------------------------------------------------------------- the classes


@pytest.mark.fast
def test_latent_correlation(x64):
    """Against the covariance summed over the latent variables; unequal sides."""
    dim_x, dim_y, pairs, alpha, beta, lambd, eta = 4, 3, 2, 0.5, 0.7, 1.5, 2.0
    rows = []
    for side, dim in enumerate((dim_x, dim_y)):
        for i in range(dim):
            row = np.zeros(3 + pairs + 2 * (dim_x + dim_y))
            row[0], row[1 + side] = alpha, beta
            if i < pairs:
                row[3 + i] = lambd
            own = 3 + pairs + (i if side == 0 else dim_x + i)
            row[own] = 1
            row[own + dim_x + dim_y] = eta if i >= pairs else 0
            rows.append(row)
    covariance = np.array(rows) @ np.array(rows).T
    deviation = np.sqrt(np.diag(covariance))
    matrix = estimators.latent_correlation(dim_x, dim_y, num_pairs=pairs, alpha=alpha, beta=beta, lambd=lambd, eta=eta)
    np.testing.assert_allclose(matrix, covariance / np.outer(deviation, deviation), atol=1e-15)


def test_values_are_differentiable_in_the_parameters(x64):
    """d/d alpha of the information of a dense model, against the closed form at the matching correlation."""

    def value(alpha):
        return GaussianTask(estimators.latent_correlation(2, 2, alpha=alpha), dim_x=2).mutual_information

    def closed(alpha):  # eigenvalues 1 + d alpha^2 of the all-ones direction; the rest cancels
        return jnp.log1p(2 * alpha**2) - jnp.log1p(4 * alpha**2) / 2

    np.testing.assert_allclose(jax.value_and_grad(value)(0.8), jax.value_and_grad(closed)(0.8), rtol=1e-12)


def test_batches(x64):
    """vmap over keys equals a loop; vmap over parameters draws from each."""
    task = GaussianTask(np.array([[1.0, 0.5], [0.5, 1.0]]), dim_x=1)
    keys = jax.random.split(jax.random.key(0), 3)
    x, y = jax.vmap(lambda key: task.sample(5, key=key))(keys)
    for i in range(3):
        one = task.sample(5, key=keys[i])
        np.testing.assert_allclose(x[i], one[0], rtol=1e-12)
        np.testing.assert_allclose(y[i], one[1], rtol=1e-12)
    noise = jax.vmap(lambda e: UniformNoiseTask(e[None]).sample(500, key=keys[0]))(jnp.array([0.1, 0.9]))
    widths = np.abs(noise[1] - noise[0]).max(axis=(1, 2))
    np.testing.assert_allclose(widths, [0.1, 0.9], rtol=0.02)


def test_images_keep_the_dtype_and_the_value():
    base = GaussianTask(np.array([[1.0, 0.5], [0.5, 1.0]], np.float32), dim_x=1)
    task = TransformedTask(base, estimators.swiss_roll)
    assert task.description == "an image of jointly normal"
    assert (task.dim_x, task.dim_y) == (2, 1)
    assert task.mutual_information == base.mutual_information
    x, y = task.sample(4, key=jax.random.key(0))
    assert x.dtype == y.dtype == jnp.float32
    np.testing.assert_array_equal(y, base.sample(4, key=jax.random.key(0))[1])


@pytest.mark.fast
@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: GaussianTask(np.eye(2), dim_x=2), ValueError, "dim_x must be at least 1 and at most 1, got 2"),
        (lambda: GaussianTask(-np.eye(2), dim_x=1), ValueError, "covariance must be symmetric and positive definite"),
        (lambda: StudentTask(np.eye(2), 0.0, dim_x=1), ValueError, "degrees_of_freedom must be positive"),
        (lambda: UniformNoiseTask(np.array([0.1, -1.0])), ValueError, "half_widths must be positive"),
        (lambda: TransformedTask(np.eye(2)), TypeError, "base must be a Task"),
        (
            lambda: TransformedTask(NOISE, jnp.sum),
            ValueError,
            r"map_x must map \(n, 1\) to \(n, d\)",
        ),
        (
            lambda: UniformNoiseTask(np.array([1.0])).sample(0, key=jax.random.key(0)),
            ValueError,
            "num_samples must be at least",
        ),
        (
            lambda: UniformNoiseTask(np.array([1.0])).sample(3, key=jax.random.PRNGKey(0)),
            TypeError,
            "key must be a key",
        ),
    ],
)
def test_refusals(make, error, match):
    from tests.contract.harness import without_shape_hook

    with without_shape_hook(), pytest.raises(error, match=match):
        make()


def test_gaussian_information_is_that_of_information():
    covariance = estimators.latent_correlation(3, 2, num_pairs=1, alpha=0.3, lambd=1.0)
    task = GaussianTask(covariance, dim_x=3)
    assert task.mutual_information == information.gaussian_mutual_information(covariance, split=3)
    assert task.dim_y == 2
