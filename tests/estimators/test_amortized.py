"""The amortised estimator: ranges, invariances, gradients, quantiles in order, and the weights that ship."""

import math
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import estimators, nn
from entropax.estimators.amortized import WEIGHTS
from tests.contract.harness import without_shape_hook

RNG = np.random.default_rng(1)
X = jnp.asarray(RNG.standard_normal((30, 2)), jnp.float32)
Y = X + jnp.asarray(RNG.standard_normal((30, 2)), jnp.float32)
SIZES = {
    "embed": 8,
    "heads": 2,
    "embedding_width": 16,
    "interaction_blocks": 0,
    "encoder_blocks": 1,
    "num_inducing": 3,
    "hidden": 8,
    "num_seeds": 2,
    "decoder_blocks": 0,
    "head_width": 16,
}


@pytest.fixture(scope="module")
def model() -> estimators.AmortizedEstimator:
    return estimators.AmortizedEstimator.untrained(
        preprocessing="canonical", dims=(1, 3), num_samples=(10, 60), rngs=nnx.Rngs(2), **SIZES
    )


def test_estimate_is_the_network_on_the_rows(model) -> None:
    """The function, the module and the network on the preprocessed rows agree."""
    rows = estimators.paired_rows(X, Y, max_dim=3, temperature=0.1)
    value = estimators.amortized_mutual_information(X, Y, model=model)
    np.testing.assert_allclose(value, model.network(rows), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(value, model(X, Y))


def test_invariance_with_hard_ranks(model) -> None:
    """Increasing maps, the order of rows, and the order and signs of a side's coordinates do not matter."""

    def estimate(x, y):
        return float(estimators.amortized_mutual_information(x, y, model=model, temperature=0.0))

    expected, order = estimate(X, Y), RNG.permutation(30)
    for x, y in ((jnp.exp(X), Y**3), (X[order], Y[order]), (X[:, ::-1], Y), (-X, Y)):
        np.testing.assert_allclose(estimate(x, y), expected, atol=1e-5)


@pytest.mark.slow
def test_gradient_of_soft_ranks_and_none_of_hard(model) -> None:
    """The default has a gradient that is finite and not zero; hard ranks have none."""
    gradient = jax.grad(lambda x: estimators.amortized_mutual_information(x, Y, model=model))(X)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 1e-5
    hard = jax.grad(lambda x: estimators.amortized_mutual_information(x, Y, model=model, temperature=0.0))(X)
    assert not np.any(hard)


@pytest.mark.slow
def test_quantiles_in_order(model) -> None:
    """Quantiles rise with their level, in whatever order the levels are given, and are those of the network, sorted."""
    levels = jnp.asarray([0.9, 0.05, 0.5, 0.25], jnp.float32)
    values = np.asarray(estimators.amortized_quantiles(X, Y, levels, model=model))
    order = np.argsort(levels)
    assert np.all(np.diff(values[order]) >= 0)
    rows = estimators.paired_rows(X, Y, max_dim=3, temperature=0.1)
    raw = model.network.heads.quantiles(model.network.summarize(rows), levels)
    np.testing.assert_allclose(np.sort(values), np.sort(raw), rtol=1e-4, atol=1e-6)
    interval = estimators.amortized_interval(X, Y, model=model, confidence=0.8)
    ends = estimators.amortized_quantiles(X, Y, jnp.asarray([0.1, 0.9], jnp.float32), model=model)
    np.testing.assert_allclose([interval.lower, interval.upper], ends, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(interval.value, model(X, Y), rtol=1e-5, atol=1e-7)


@pytest.mark.fast
def test_refusals(model) -> None:
    """Outside the range of the training data it refuses, and says how to have it all the same."""
    wide = jnp.ones((30, 4))
    long = jnp.tile(X, (3, 1)) + jnp.arange(90.0)[:, None]
    for x, y, match in (
        (wide, wide, "x must have at most the model's 3 coordinates, got 4"),
        (X[:5], Y[:5], r"n, the number of rows of x, must lie in \[10, 60\].*got 5; extrapolate=True"),
        (long, long, r"must lie in \[10, 60\].*got 90"),
        (X, Y[:, :1], "y must have as many coordinates as x, 2, .*got 1; extrapolate=True"),
        (X, Y[:20], "y must have as many rows as x, 30, got 20"),
        (X[:1], Y[:1], "x must have at least 2 rows, got 1"),
        (X.at[0, 0].set(jnp.nan), Y, "x must be finite, got nan"),
    ):
        with without_shape_hook(), pytest.raises(ValueError, match=match):
            estimators.amortized_mutual_information(x, y, model=model)
    with pytest.raises(ValueError, match="at most the model's 3"):
        estimators.amortized_mutual_information(wide, wide, model=model, extrapolate=True)
    with pytest.raises(ValueError, match="confidence must be in"):
        estimators.amortized_interval(X, Y, model=model, confidence=1.0)
    small = nn.SetTransformer(5, **SIZES, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="network must take rows of 12 features, got one for 5"):
        estimators.AmortizedEstimator(small, preprocessing="canonical", dims=(1, 3), num_samples=(10, 60))


def test_extrapolation(model) -> None:
    """Told so, it takes few samples and unequal sides."""
    assert np.isfinite(estimators.amortized_mutual_information(X[:5], Y[:5], model=model, extrapolate=True))
    assert np.isfinite(estimators.amortized_mutual_information(X, Y[:, :1], model=model, extrapolate=True))


def test_calibration_curve_counts() -> None:
    """The fraction of targets at or below their quantile; of uniform targets and true quantiles, the level."""
    quantiles = np.array([[0.0, 1.0], [2.0, 3.0], [1.0, 1.0], [0.0, 5.0]])
    np.testing.assert_allclose(estimators.calibration_curve(quantiles, np.array([0.5, 2.0, 2.0, 9.0])), [0.25, 0.5])
    levels = np.linspace(0.1, 0.9, 9)
    targets = (np.arange(1000) + 0.5) / 1000
    curve = estimators.calibration_curve(np.tile(levels, (1000, 1)), targets)
    np.testing.assert_allclose(curve, levels, atol=1e-3)


def test_shipped_weights_load_and_refuse_tampering(tmp_path, monkeypatch) -> None:
    """The weights match their checksum, fit in 8 MB, come with a card, and are read once."""
    first = estimators.pretrained_mist()
    assert estimators.pretrained_mist() is first
    assert (WEIGHTS / "mist.safetensors").stat().st_size <= 8e6
    assert "Range of validity" in (WEIGHTS / "MIST.md").read_text(encoding="utf-8")
    for name in ("mist.json", "mist.safetensors"):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    damaged = bytearray((tmp_path / "mist.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "mist.safetensors").write_bytes(damaged)
    monkeypatch.setattr("entropax.estimators.amortized.WEIGHTS", tmp_path)
    with pytest.raises(ValueError, match="checksum"):
        estimators.pretrained_mist.__wrapped__()


@pytest.mark.slow
def test_first_use_inside_jit() -> None:
    """The weights may be read while a function is traced: what is kept of them are arrays."""
    estimators.pretrained_mist.cache_clear()
    inside = jax.jit(estimators.amortized_mutual_information)(X, Y)
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(estimators.pretrained_mist()))
    np.testing.assert_allclose(inside, estimators.amortized_mutual_information(X, Y), rtol=1e-4, atol=1e-6)


def test_shipped_estimate_is_quick() -> None:
    """One estimate of the most coordinates and samples takes less than 50 ms after compilation: the best of 200, as
    other work on the machine lengthens the rest."""
    model = estimators.pretrained_mist()
    shape = (min(500, model.num_samples[1]), model.dims[1])
    x, y = RNG.standard_normal((2, *shape)).astype(np.float32)
    estimate = lambda: jax.block_until_ready(estimators.amortized_mutual_information(x, y))  # noqa: E731
    estimate()
    best = math.inf
    for _ in range(200):
        start = time.perf_counter()
        estimate()
        best = min(best, time.perf_counter() - start)
        if best < 0.05:
            break
    assert best < 0.05
