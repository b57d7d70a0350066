"""The meta-distribution: layout, laws of the parameters, covariances and targets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from entropax import estimators, information
from entropax.estimators import tasks_meta

FAMILIES = sorted({*estimators.TRAINING_FAMILIES, *estimators.OUT_OF_DISTRIBUTION_FAMILIES})


@pytest.fixture(scope="module")
def batch():
    return estimators.meta_batch(
        key=jax.random.key(1), batch_size=256, dims=(1, 4), num_samples=(10, 20), max_dim=5, max_samples=24
    )


@pytest.mark.fast
def test_family_lists():
    assert len(estimators.TRAINING_FAMILIES) == len(set(estimators.TRAINING_FAMILIES)) == 16
    assert len(estimators.IN_DISTRIBUTION_FAMILIES) == 6
    assert set(estimators.IN_DISTRIBUTION_FAMILIES) <= set(estimators.TRAINING_FAMILIES)
    assert len(estimators.OUT_OF_DISTRIBUTION_FAMILIES) == 7
    assert not set(estimators.OUT_OF_DISTRIBUTION_FAMILIES) & set(estimators.TRAINING_FAMILIES)


def test_layout(batch):
    """x in the first d columns, y in the next d, zeros elsewhere; sides and valid say which is which."""
    assert batch.rows.shape == (256, 24, 10)
    dim, n, rows = np.asarray(batch.dim), np.asarray(batch.num_samples), np.asarray(batch.rows)
    assert dim.min() == 1
    assert dim.max() == 4
    assert n.min() == 10
    assert n.max() == 20
    column = np.arange(10)
    sides = np.where(column < dim[:, None], 0, np.where(column < 2 * dim[:, None], 1, -1))
    np.testing.assert_array_equal(batch.sides, sides)
    np.testing.assert_array_equal(batch.valid, np.arange(24) < n[:, None])
    full = np.asarray(batch.valid)[:, :, None] & (sides >= 0)[:, None, :]
    assert np.all(rows[~full] == 0)
    assert np.all(rows[full] != 0)
    assert np.isfinite(rows).all()


def test_every_family_is_drawn_evenly(batch):
    """Chi-squared test at the level 1e-4: sixteen families in 256 draws."""
    counts = np.bincount(np.asarray(batch.family), minlength=16)
    assert counts.size == 16
    assert np.sum((counts - 16.0) ** 2 / 16) < 44.3  # the quantile 0.9999 for 15 degrees of freedom


@pytest.mark.parametrize("structure", ["dense", "sparse", "2pair", "lvm"])
def test_coupling_against_latents(structure):
    """The closed form and the mixing both agree with the covariance written out from the latent variables."""
    dim, num_pairs, alpha, beta, lambd, eta = {
        "dense": (4, 0, 0.6, 0.0, 0.0, 0.0),
        "sparse": (5, 3, 0.0, 0.0, 1.2, 1.2),
        "2pair": (2, 2, 0.0, 0.0, 4.0, 4.0),
        "lvm": (6, 2, 0.5, 0.7, 1.5, 2.0),
    }[structure]
    coordinate = np.eye(dim)
    paired, single = coordinate[:, :num_pairs], coordinate[:, num_pairs:]
    ones, none = np.ones((dim, 1)), np.zeros
    x = [alpha * ones, beta * ones, none((dim, 1)), lambd * paired, coordinate, none((dim, dim)), eta * single]
    y = [alpha * ones, none((dim, 1)), beta * ones, lambd * paired, none((dim, dim)), coordinate, 0 * single]
    latents = np.vstack([np.hstack([*x, 0 * single]), np.hstack([*y, eta * single])])
    covariance = latents @ latents.T
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    with jax.enable_x64(True):
        fields = (jnp.asarray(float(v)) for v in (dim, num_pairs, alpha, beta, lambd, eta))
        coupling = tasks_meta.Coupling(*fields)
        mixing = np.asarray(tasks_meta._normal_mixing(coupling, jnp.asarray(dim), dim + 2))
        value = float(coupling.mutual_information())
    covariance_of_rows = mixing.T @ mixing
    np.testing.assert_allclose(covariance_of_rows[: 2 * dim, : 2 * dim], correlation, atol=1e-14)
    slogdet = lambda m: np.linalg.slogdet(m)[1]  # noqa: E731
    x_block, y_block = correlation[:dim, :dim], correlation[dim:, dim:]
    assert value == pytest.approx((slogdet(x_block) + slogdet(y_block) - slogdet(correlation)) / 2, rel=1e-12)


@pytest.mark.parametrize("df", [1.0, 2.5, 10.0])
def test_student_excess(df, x64):
    value = tasks_meta.student_excess(3, 4, jnp.asarray(df))
    assert float(value) == pytest.approx(
        float(information.student_t_mutual_information(np.eye(7), df, split=3)), abs=1e-12
    )


def test_targets_in_single_precision():
    """Targets computed in float32 inside the batch are those of float64 to 1e-4 of the largest summand."""
    rng = np.random.default_rng(0)
    fields = np.array(
        [(d, rng.integers(1, d + 1), *rng.uniform([0, 0, 0.1, 0.1], [1, 1.5, 5, 5])) for d in rng.integers(2, 33, 500)]
    )
    df = rng.uniform(1, 10, 500)

    def values(dtype):
        inputs = [jnp.asarray(f, dtype) for f in fields.astype(np.float32).T]
        nu = jnp.asarray(df.astype(np.float32), dtype)
        excess = tasks_meta.student_excess(inputs[0], inputs[0], nu)
        return np.asarray(tasks_meta.Coupling(*inputs).mutual_information()), np.asarray(excess)

    single = values(jnp.float32)
    with jax.enable_x64(True):
        double = values(jnp.float64)
    np.testing.assert_allclose(single[0], double[0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(single[1], double[1], rtol=0, atol=5e-5)


N = 20_000


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_know_what_the_target_says(family):
    """From the rows alone, with the map undone, the target is found again.

    Gaussian: that of the sample correlation, whose error is below 5 / sqrt(n). Student: the correlation by Kendall's
    tau leaves an excess that names the degrees of freedom; with them the squared radius follows Fisher's law
    (Kolmogorov-Smirnov test of 20,000 rows at the level 1e-5, which tells df = 4 from 5). Additive noise: its half
    widths are the largest deviations, short of them by about one in n.
    """
    base, *_, transform = family.split("-")
    drawn = estimators.sample_task(family, N, dim=2, key=jax.random.key(5))
    x, y = (np.asarray(side, np.float64) for side in (drawn.x, drawn.y))
    x, y = {
        "base": lambda: (x, y),
        "halfcube": lambda: tuple(np.sign(v) * np.abs(v) ** (2 / 3) for v in (x, y)),
        "asinh": lambda: (np.sinh(x), np.sinh(y)),
        "wigglify": lambda: (_inverse(estimators.wiggly_x, x), _inverse(estimators.wiggly_y, y)),
    }[transform]()
    target, rows = float(drawn.mutual_information), np.hstack([x, y])
    if base == "multi_additive_noise":
        assert stats.kstest(x[:, 0], "uniform").pvalue > 1e-5
        widths = np.abs(y - x).max(axis=0)
        np.testing.assert_allclose(target, sum(e - np.log(2 * e) if e < 0.5 else 0.25 / e for e in widths), rtol=2e-3)
    elif base == "multi_normal":
        assert stats.kstest(x[:, 0], "norm").pvalue > 1e-5
        estimate = float(information.gaussian_mutual_information(np.corrcoef(rows.T), split=2))
        assert abs(estimate - target) < 5 / N**0.5
    else:
        tau = [[stats.kendalltau(a, b).statistic for b in rows.T] for a in rows.T]
        correlation = np.sin(np.pi / 2 * np.array(tau))
        excess = target - float(information.gaussian_mutual_information(correlation, split=2))
        grid = np.linspace(0.5, 20, 2000)
        df = np.interp(-excess, -special_excess(2, grid), grid)
        squared_radius = np.sum(rows * np.linalg.solve(correlation, rows.T).T, axis=1)
        assert stats.kstest(squared_radius / 4, "f", args=(4, df)).pvalue > 1e-5


def special_excess(dim, df):
    """The Student constant by scipy, for blocks of equal size."""
    f = lambda z: special.gammaln(z / 2) - z / 2 * special.digamma(z / 2)  # noqa: E731
    return f(df) + f(df + 2 * dim) - 2 * f(df + dim)


def _inverse(increasing, values):
    grid = np.linspace(-60, 60, 600_001)
    return np.interp(values, np.asarray(increasing(grid), np.float64), grid)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"families": ("normal-dense-base",)}, "family must be multi_normal-S-T"),
        ({"families": ("multi_normal-base",)}, "family must be"),
        ({"families": ("multi_additive_noise-dense-base",)}, "family must be"),
        ({"families": ("multi_additive_noise-a-b-base",)}, "family must be"),
        ({"families": ("normal",)}, "family must be"),
        ({"families": ()}, "families must name at least one"),
        ({"dims": (3, 2)}, r"dims\[1\] must be at least 3, got 2"),
        ({"num_samples": (0, 9)}, r"num_samples\[0\] must be at least 1"),
        ({"max_dim": 31}, "max_dim must be at least 32"),
        ({"max_samples": 499}, "max_samples must be at least 500"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"dtype": jnp.bfloat16}, "dtype must be float32 or float64"),
    ],
)
def test_refusals(change, match):
    with pytest.raises(ValueError, match=match):
        estimators.meta_batch(**{"key": jax.random.key(0), "batch_size": 2, **change})
