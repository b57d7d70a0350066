"""Testing an amortised estimator on data sets it was not trained on, beside canonical correlation and KSG."""

import time
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import estimators, nn
from experiments.estimators._mist_training import sides

LEVELS = np.linspace(0.05, 0.95, 19)
"""Levels of the calibration curve."""
WITHIN, OUTSIDE = estimators.IN_DISTRIBUTION_FAMILIES, estimators.OUT_OF_DISTRIBUTION_FAMILIES
FAMILIES = WITHIN + OUTSIDE
GAUSSIAN = ("multi_normal-dense-base",)


@dataclass(frozen=True)
class Test:
    """What is tested.

    Attributes:
        num_samples: values of n.
        repeats: data sets for each value of n and each family, on average; d is random.
        resamples: of the bootstrap.
        bootstrapped: number of data sets whose bootstrap is taken.
        critic_steps: steps of the neural critic whose training is timed.
        baselines: whether the baselines are computed.
    """

    num_samples: tuple[int, ...] = (20, 50, 100)
    repeats: int = 12
    resamples: int = 40
    bootstrapped: int = 60
    critic_steps: int = 500
    baselines: bool = True


class TestSets(eqx.Module):
    """Data sets of all families and sizes, padded.

    Attributes:
        x: shape (m, n, d).
        y: shape (m, n, d).
        valid: rows that are data, shape (m, n).
        truth: I(X; Y) in nats, shape (m,).
        family: index into `FAMILIES`, shape (m,).
        dim: d, shape (m,).
        num_samples: n, shape (m,).
    """

    x: jax.Array
    y: jax.Array
    valid: jax.Array
    truth: np.ndarray
    family: np.ndarray
    dim: np.ndarray
    num_samples: np.ndarray


def draw(config: Test, dims: tuple[int, int], *, key: jax.Array) -> TestSets:
    """Draws the test sets: as many of each n, of random family, d and parameters."""
    most, count = max(config.num_samples), len(FAMILIES) * config.repeats
    batch = estimators.meta_batch(
        key=key,
        batch_size=count * len(config.num_samples),
        families=FAMILIES,
        dims=dims,
        num_samples=(most, most),
        dtype=jnp.float32,
    )
    x, y = sides(batch)
    # The first n of many rows are a data set of n rows.
    n = np.repeat(config.num_samples, count)
    valid = jnp.arange(most)[None, :] < jnp.asarray(n)[:, None]
    return TestSets(
        x, y, valid, np.asarray(batch.mutual_information), np.asarray(batch.family), np.asarray(batch.dim), n
    )


def read(model: estimators.AmortizedEstimator, sets: TestSets, *, temperature: float = 0.1) -> tuple[Any, Any]:
    """The estimates, shape (m,), and the quantiles at `LEVELS` as the network gives them, shape (m, 19)."""
    levels = jnp.asarray(LEVELS, jnp.float32)
    guess, quantiles = np.zeros(len(sets.truth)), np.zeros((len(sets.truth), len(LEVELS)))
    for n in np.unique(sets.num_samples):  # soft ranks take n^2 operations, on padding too
        rows = np.flatnonzero(sets.num_samples == n)
        guess[rows], quantiles[rows] = _read(model, sets.x[rows, :n], sets.y[rows, :n], levels, temperature)
    return guess, quantiles


@eqx.filter_jit
def _read(model: Any, x: Any, y: Any, levels: Any, temperature: float) -> tuple[jax.Array, jax.Array]:
    def one(pair: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        summary = model.network.summarize(_rows(model, *pair, None, temperature))
        return model.network.heads(summary), model.network.heads.quantiles(summary, levels)

    return jax.lax.map(one, (x, y), batch_size=8)


def _rows(model: Any, x: Any, y: Any, valid: Any, temperature: float) -> jax.Array:
    return estimators.paired_rows(
        x, y, max_dim=model.dims[1], preprocessing=model.preprocessing, temperature=temperature, mask=valid
    )


def bootstrap(model: estimators.AmortizedEstimator, sets: TestSets, config: Test, *, key: jax.Array) -> np.ndarray:
    """The 0.05 and 0.95 quantiles of the point estimate over resampled rows, for some of the sets within.

    Returns:
        Row numbers of the sets and both ends, shape (3, count).
    """
    within = np.flatnonzero(sets.family < len(WITHIN))
    chosen = within[:: max(1, len(within) // config.bootstrapped)]
    keys = jax.random.split(key, len(chosen))
    n = jnp.asarray(sets.num_samples[chosen])
    ends = _bootstrap(model, sets.x[chosen], sets.y[chosen], sets.valid[chosen], n, keys, config.resamples)
    return np.stack([chosen, *np.asarray(ends).T])


@eqx.filter_jit
def _bootstrap(model: Any, x: Any, y: Any, valid: Any, n: Any, keys: Any, resamples: int) -> jax.Array:
    def one(given: tuple) -> jax.Array:
        x, y, valid, n, key = given

        def resampled(key: jax.Array) -> jax.Array:
            rows = jax.random.randint(key, valid.shape, 0, n)
            return model.network(_rows(model, x[rows], y[rows], valid, 0.0), valid)

        values = jax.vmap(resampled)(jax.random.split(key, resamples))
        return jnp.quantile(values, jnp.asarray([0.05, 0.95], values.dtype))

    return jax.lax.map(one, (x, y, valid, n, keys))


def baselines(sets: TestSets) -> dict[str, np.ndarray]:
    """Canonical correlation and KSG (k = 5) with all coordinates; NaN where n is too small for the former.

    In float64, as correlations of many coordinates of few samples are singular up to rounding.
    """
    results = {name: np.full(len(sets.truth), np.nan) for name in ("cca", "ksg")}
    x, y = np.asarray(sets.x, np.float64), np.asarray(sets.y, np.float64)
    with jax.enable_x64(True):
        for index, (n, d) in enumerate(zip(sets.num_samples, sets.dim, strict=True)):
            if n > 2 * d + 1:
                results["cca"][index] = float(estimators.cca_mutual_information(x[index, :n, :d], y[index, :n, :d]))
            # The maximum norm does not see the columns of zeros: one program serves every d.
            results["ksg"][index] = float(estimators.ksg_mutual_information(x[index, :n], y[index, :n], k=5))
    return results


def seconds_of_one_estimate(model: estimators.AmortizedEstimator, n: int, *, key: jax.Array) -> float:
    """Shortest time of one compiled estimate of n samples of the most coordinates."""
    x, y = jax.random.normal(key, (2, n, model.dims[1]))
    estimate = lambda: jax.block_until_ready(model(x, y))  # noqa: E731
    estimate()
    return min(_seconds(estimate) for _ in range(20))


def seconds_of_one_critic(model: estimators.AmortizedEstimator, n: int, steps: int, *, key: jax.Array) -> float:
    """Time to train one neural critic by InfoNCE on n samples, compilation left out: 2 x 64 units, full batches."""
    x, y = jax.random.normal(key, (2, n, model.dims[1]))
    critic = nn.MLP(2 * model.dims[1], 1, width=64, depth=2, rngs=nnx.Rngs(0))
    graph, params = nnx.split(critic, nnx.Param)
    optimizer = optax.adam(5e-4)

    def loss(params: Any) -> jax.Array:
        pairs = jnp.concatenate(jnp.broadcast_arrays(x[:, None, :], y[None, :, :]), axis=-1)
        scores = nnx.merge(graph, params)(pairs)[..., 0]
        return -jnp.mean(jnp.diag(scores) - jax.nn.logsumexp(scores, axis=1))

    @jax.jit
    def fit(params: Any) -> Any:
        def step(carry: Any, _: None) -> tuple[Any, None]:
            params, state = carry
            updates, state = optimizer.update(jax.grad(loss)(params), state)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(step, (params, optimizer.init(params)), None, length=steps)[0][0]

    compiled = fit.lower(params).compile()
    return _seconds(lambda: jax.block_until_ready(compiled(params)))


def _seconds(call: Any) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
