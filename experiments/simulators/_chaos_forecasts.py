"""Forecasts of coarse series of many chaotic systems by networks and by methods without one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import metrics, nn, training
from experiments.losses._stacks import OwnBatches, StackLoss, stack

PERIOD = 15
"""Points a period."""
TRAIN, AHEAD = 10 * PERIOD, 2 * PERIOD
PAPER = {
    "N-BEATS": 50.6,
    "LSTM": 67.8,
    "transformer": 94.0,
    "linear": 105.2,
    "FFT": 116.3,
    "naive seasonal": 125.7,
    "naive drift": 128.8,
    "naive mean": 153.5,
}
"""Median errors of the paper's package over 131 systems, univariate, 15 points a period."""
MODELS = (*PAPER, "echo state")
NETWORKS = ("echo state", "N-BEATS", "LSTM", "transformer")


@dataclass(frozen=True)
class ForecastConfig:
    """Sizes of the forecasters.

    Attributes:
        segments: stretches of 12 periods of every system.
        networks: which of them take part.
        steps: of their training.
        blocks: of N-BEATS.
        width: of N-BEATS' layers, of the reservoir half as many again.
        embed: of the transformer.
    """

    segments: int = 2
    networks: tuple[str, ...] = NETWORKS
    steps: int = 150
    blocks: int = 4
    width: int = 64
    embed: int = 32


def segments(series: np.ndarray, count: int) -> np.ndarray:
    """Stretches of 12 periods of a univariate series at 15 points a period, one after the other.

    Args:
        series: shape (n,).
        count: number of stretches.

    Returns:
        Shape (count, 180).
    """
    length = TRAIN + AHEAD
    return np.stack([series[i * length : (i + 1) * length] for i in range(count)])


def forecast_all(series: np.ndarray, config: ForecastConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Forecasts of the last two periods of every series from the ten before, by every method.

    Args:
        series: shape (n, 180).
        config: sizes.
        key: source of randomness.

    Returns:
        Forecasts by method, each of shape (n, 30).
    """
    past = series[:, :TRAIN]
    center, scale = past.mean(axis=1, keepdims=True), past.std(axis=1, keepdims=True)
    standard = ((past - center) / scale).astype(np.float32)
    keys: dict[str, jax.Array] = dict(zip(NETWORKS, jax.random.split(key, len(NETWORKS)), strict=True))
    found = {
        "naive mean": np.zeros_like(standard[:, :AHEAD]),
        "naive drift": _drift(standard),
        "naive seasonal": np.concatenate([standard[:, -PERIOD:]] * (AHEAD // PERIOD), axis=1),
        "FFT": _fourier(standard),
        "linear": np.stack([_linear(one.astype(np.float64)) for one in standard]),
    }
    for name in config.networks:
        found[name] = _by_network(name, standard, config, keys[name])
    return {name: np.asarray(found[name], np.float64) * scale + center for name in MODELS if name in found}


def error_by_horizon(actual: np.ndarray, forecast: np.ndarray) -> np.ndarray:
    """sMAPE of every step, shape (n, 30).

    Args:
        actual: shape (n, 30).
        forecast: the same.
    """
    return np.asarray(metrics.smape(actual[..., None], forecast[..., None]))


def _by_network(name: str, standard: np.ndarray, config: ForecastConfig, key: jax.Array) -> np.ndarray:
    if name == "echo state":
        return _echo_state(standard, config, key)
    makers: dict[str, tuple[Callable[..., Any], Callable[..., jax.Array], int, int | None]] = {
        "N-BEATS": (
            lambda rngs: nn.NBeats(PERIOD, blocks=config.blocks, width=config.width, depth=2, rngs=rngs),
            _last_only,
            PERIOD,
            None,
        ),
        "LSTM": (lambda rngs: nn.LSTMForecaster(width=25, layers=2, rngs=rngs), _every_row, 4 * PERIOD, 8),
        "transformer": (
            lambda rngs: nn.TransformerForecaster(length=PERIOD, embed=config.embed, heads=4, rngs=rngs),
            _every_row,
            PERIOD,
            32,
        ),
    }
    make, ahead, length, batch = makers[name]
    return _network(standard, make, ahead, length=length, batch=batch, steps=config.steps, key=key)


# ------------------------------------------------------------------------------------------------- without a network


def _drift(x: np.ndarray) -> np.ndarray:
    slope = (x[:, -1:] - x[:, :1]) / (x.shape[1] - 1)
    return x[:, -1:] + slope * np.arange(1, AHEAD + 1)


def _fourier(x: np.ndarray, kept: int = 10) -> np.ndarray:
    """The strongest waves of the series about its line, carried on."""
    t, ahead = np.arange(TRAIN), np.arange(TRAIN, TRAIN + AHEAD)
    lines = np.polyfit(t, x.T, 1)
    spectrum = np.fft.rfft(x - (lines[0][:, None] * t + lines[1][:, None]), axis=1)
    number = np.arange(spectrum.shape[1])
    weakest = np.sort(np.abs(spectrum), axis=1)[:, -kept][:, None]
    strong = np.where(np.abs(spectrum) >= weakest, spectrum, 0)
    weight = np.where((number == 0) | (number == TRAIN // 2), 1, 2) / TRAIN
    waves = np.exp(2j * np.pi * np.outer(number, ahead) / TRAIN)
    return (strong * weight @ waves).real + lines[0][:, None] * ahead + lines[1][:, None]


def _linear(x: np.ndarray) -> np.ndarray:
    """Autoregression with the number of lags that forecasts the last sixth best."""

    def fitted(past: np.ndarray, lags: int, ahead: int) -> np.ndarray:
        rows = np.lib.stride_tricks.sliding_window_view(past, lags + 1)
        design = np.column_stack([rows[:, :-1], np.ones(len(rows))])
        weights = np.linalg.lstsq(design, rows[:, -1], rcond=None)[0]
        window = list(past[-lags:])
        for _ in range(ahead):
            # A fit may be unstable; what leaves the range of the series ten times over is held there.
            window.append(float(np.clip(np.dot(weights[:-1], window[-lags:]) + weights[-1], -10, 10)))
        return np.array(window[lags:])

    held = TRAIN // 6
    errors = {n: np.mean((fitted(x[:-held], n, held) - x[-held:]) ** 2) for n in (3, 5, 10, PERIOD)}
    return fitted(x, min(errors, key=errors.__getitem__), AHEAD)


def _echo_state(x: np.ndarray, config: ForecastConfig, key: jax.Array) -> np.ndarray:
    """A reservoir of its own for every series, with a readout by ridge regression, run on its own forecasts."""
    networks = stack(lambda rngs: nn.EchoState(width=3 * config.width // 2, radius=0.9, rngs=rngs), _keys(key, len(x)))
    return np.asarray(_echo_forecasts(networks, jnp.asarray(x)))


@jax.jit
def _echo_forecasts(networks: Any, series: jax.Array) -> jax.Array:
    def one(network: nn.EchoState, x: jax.Array) -> jax.Array:
        states = network(x[:, None])
        washed, targets = states[PERIOD:-1], x[PERIOD + 1 :]
        design = jnp.concatenate([washed, x[PERIOD:-1, None]], axis=1)
        gram = design.T @ design + 1e-3 * jnp.eye(design.shape[1], dtype=x.dtype)
        weights = jnp.linalg.solve(gram, design.T @ targets)

        def step(carry: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            state, last = carry
            ahead = jnp.clip(jnp.concatenate([state, last[None]]) @ weights, -10, 10)
            return (network(ahead[None, None], state)[-1], ahead), ahead

        return jax.lax.scan(step, (states[-1], x[-1]), None, length=AHEAD)[1]

    return jax.vmap(one)(networks, series)


# ---------------------------------------------------------------------------------------------------------- networks


def _last_only(network: Any, window: jax.Array) -> jax.Array:
    """Forecast of the sample after a window, by a network of windows."""
    return network(window)


def _every_row(network: Any, window: jax.Array) -> jax.Array:
    """Forecasts of the sample after each of a window."""
    return network(window[:, None])[:, 0]


def _squared_error(network: Any, windows: jax.Array, *, key: jax.Array, ahead: Callable[..., jax.Array]) -> jax.Array:
    del key
    guesses = jax.vmap(lambda window: ahead(network, window[:-1]))(windows)
    return jnp.mean((guesses - windows[:, -guesses.shape[1] :]) ** 2)


def _network(
    x: np.ndarray,
    make: Callable[..., Any],
    ahead: Callable[..., jax.Array],
    *,
    length: int,
    batch: int | None,
    steps: int,
    key: jax.Array,
) -> np.ndarray:
    """Trains a network for every series on its windows, and runs it on its own forecasts.

    Windows begin at every sample: where they begin a period apart, a position in them stands for a phase, which a
    network with positions learns, and which is wrong once the window moves on with the forecasts.
    """
    make_key, fit_key = jax.random.split(key)
    networks = stack(make, _keys(make_key, len(x)))
    windows = np.lib.stride_tricks.sliding_window_view(x, length + 1, axis=1)
    fitted = training.fit(
        StackLoss(partial(_squared_error, ahead=ahead)),
        networks,
        OwnBatches((jnp.asarray(windows),), size=batch),
        optax.chain(optax.clip_by_global_norm(float(len(x))), optax.adam(optax.cosine_decay_schedule(5e-3, steps))),
        steps=steps,
        key=fit_key,
        steps_per_call=steps,
        progress=False,
    ).model
    return np.asarray(_rollout(fitted, jnp.asarray(x[:, -length:]), ahead))


@partial(jax.jit, static_argnames="ahead")
def _rollout(networks: Any, windows: jax.Array, ahead: Callable[..., jax.Array]) -> jax.Array:
    def one(network: Any, window: jax.Array) -> jax.Array:
        def step(window: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            guess = jnp.clip(ahead(network, window)[-1], -10, 10)
            return jnp.concatenate([window[1:], guess[None]]), guess

        return jax.lax.scan(step, window, None, length=AHEAD)[1]

    return jax.vmap(one)(networks, windows)


def _keys(key: jax.Array, count: int) -> jax.Array:
    return jax.random.split(key, count)
