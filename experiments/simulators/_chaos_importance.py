"""Training on the stretches of an orbit where a forecaster errs, against uniform stretches at the same budget."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import estimators, metrics, nn, training
from experiments.losses._stacks import OwnBatches, StackLoss, stack

SERIES, STRETCH, WINDOW, AHEAD = 1000, 148, 50, 200
"""Points of the series at 100 a period, of a stretch, of what the network looks back on, and of the forecast."""
OPTIMIZER = optax.chain(optax.clip_by_global_norm(20.0), optax.adam(5e-3))


@dataclass(frozen=True)
class ImportanceConfig:
    """Sizes.

    Attributes:
        rounds: of drawing stretches and training on them.
        epochs: of training in a round.
        stretches: drawn in a round.
        width: of the two layers.
        baseline_epochs: of training on the whole series.
    """

    rounds: int = 5
    epochs: int = 30
    stretches: int = 10
    width: int = 20
    baseline_epochs: int = 200


def compare(series: np.ndarray, config: ImportanceConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Errors (sMAPE, of 200) of three ways to train the same network for every series.

    "importance" and "uniform" see the same number of stretches for the same number of epochs; the first round of both
    is uniform and they start as the same networks. "baseline" trains on the series as ten stretches that cover it.

    Args:
        series: univariate, shape (n, 1200) at least: the series, and what follows it.
        config: sizes.
        key: source of randomness.

    Returns:
        By name of the way, shape (n,).
    """
    known, future = series[:, :SERIES], series[:, SERIES : SERIES + AHEAD]
    center, scale = known.mean(axis=1, keepdims=True), known.std(axis=1, keepdims=True)
    x = jnp.asarray((known - center) / scale, jnp.float32)
    make_key, fit_key, draw_key = jax.random.split(key, 3)
    make = lambda rngs: nn.LSTMForecaster(width=config.width, layers=2, rngs=rngs)  # noqa: E731
    networks = stack(make, jax.random.split(make_key, len(x)))
    trained = {"baseline": _fit(networks, _covering(x), config.baseline_epochs, fit_key)}
    for way in ("importance", "uniform"):
        model = networks
        for number in range(config.rounds):
            keys = jax.random.split(jax.random.fold_in(draw_key, number), len(x))
            weighted = way == "importance" and number > 0
            starts = _starts(model, x, keys, config.stretches, weighted)
            model = _fit(model, _stretches(x, starts), config.epochs, jax.random.fold_in(fit_key, number))
        trained[way] = model
    return {
        way: np.asarray(metrics.smape(future, np.asarray(_run_on(model, x), np.float64) * scale + center))
        for way, model in trained.items()
    }


def _covering(x: jax.Array) -> jax.Array:
    starts = jnp.linspace(0, SERIES - STRETCH, SERIES // STRETCH + 1).astype(jnp.int32)
    return _stretches(x, jnp.tile(starts, (len(x), 1)))


def _stretches(x: jax.Array, starts: jax.Array) -> jax.Array:
    """Stretches of every series from its starts, shape (n, k, 148)."""
    cut = lambda one, start: jax.lax.dynamic_slice_in_dim(one, start, STRETCH)  # noqa: E731
    return jax.vmap(lambda one, some: jax.vmap(partial(cut, one))(some))(x, starts)


@partial(jax.jit, static_argnames=("count", "weighted"))
def _starts(networks: Any, x: jax.Array, keys: jax.Array, count: int, weighted: bool) -> jax.Array:
    room = SERIES - STRETCH

    def one(network: Any, series: jax.Array, key: jax.Array) -> jax.Array:
        if not weighted:
            return jax.random.randint(key, (count,), 0, room)
        errors = (network(series[:-1, None])[:, 0] - series[1:]) ** 2
        # A stretch begins a window before the point that the network misses, as the package's do, so that the network
        # is trained on it; and it ends with the series, where the package's go on into what is to be forecast.
        missed = estimators.importance_sampling_indices(errors[WINDOW:], num=count, key=key).value
        return jnp.minimum(missed, room)

    return jax.vmap(one)(networks, x, keys)


def _error(network: Any, stretches: jax.Array, *, key: jax.Array) -> jax.Array:
    del key
    guesses = jax.vmap(lambda one: network(one[:-1, None])[:, 0])(stretches)
    return jnp.mean((guesses[:, 10:] - stretches[:, 11:]) ** 2)  # after the state has filled


def _fit(networks: Any, stretches: jax.Array, epochs: int, key: jax.Array) -> Any:
    return training.fit(
        StackLoss(_error),
        networks,
        OwnBatches((stretches,), size=stretches.shape[1] // 2),
        OPTIMIZER,
        steps=2 * epochs,
        steps_per_call=2 * epochs,
        key=key,
        progress=False,
    ).model


@jax.jit
def _run_on(networks: Any, x: jax.Array) -> jax.Array:
    """Forecasts of 200 points on from a series, from the last 50 points each."""

    def one(network: Any, series: jax.Array) -> jax.Array:
        def step(window: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            guess = jnp.clip(network(window[:, None])[-1, 0], -10, 10)
            return jnp.concatenate([window[1:], guess[None]]), guess

        return jax.lax.scan(step, series[-WINDOW:], None, length=AHEAD)[1]

    return jax.vmap(one)(networks, x)
