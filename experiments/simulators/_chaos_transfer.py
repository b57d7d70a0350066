"""Features for the classification of series from an autoencoder of chaotic ones, against those of the series alone.

The paper classifies the 90 series sets of the UCR archive, which no package index carries. Three stand in: two that are
defined by a formula, Cylinder-Bell-Funnel (Saito 1994) and Synthetic Control (Alcock and Manolopoulos 1999), and the
handwritten digits of scikit-learn read row by row. About twenty statistics of every channel stand in for the hundreds
of the package tsfresh.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import estimators, nn, training
from experiments.simulators._chaos_orbits import FINE, Orbit

WINDOW = 100
DATA_SETS = ("cylinder-bell-funnel", "synthetic control", "digits by rows")
WAYS = ("raw", "random period", "transfer, 2 systems", "transfer")
OPTIMIZER = optax.adam(1e-3)


@dataclass(frozen=True)
class TransferConfig:
    """Sizes.

    Attributes:
        steps: of the autoencoder's training.
        windows: that it is trained on.
        train: series for training the classifier.
        test: series for testing it.
    """

    steps: int = 300
    windows: int = 2000
    train: int = 120
    test: int = 600


def accuracies(orbits: list[Orbit], config: TransferConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Accuracies of a ridge classifier on features of every kind, by way, one for each data set.

    "raw": statistics of the series; otherwise statistics of the codes of an autoencoder: trained on all flows at the
    dominant period of the series ("transfer") or at a random one, or on two flows.

    Args:
        orbits: of the flows.
        config: sizes.
        key: source of randomness.
    """
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for number, name in enumerate(DATA_SETS):
        keys = jax.random.split(jax.random.fold_in(key, number), 4)
        rng = np.random.default_rng(int(jax.random.randint(keys[0], (), 0, 2**31 - 1)))
        x, y = _data_set(name, config.train + config.test, rng)
        x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
        period = _period(x[: config.train])
        found["raw"].append(_accuracy(_statistics(x[:, None]), y, config.train))
        sources = {
            "random period": (orbits, float(rng.integers(10, 100))),
            "transfer, 2 systems": (orbits[:: len(orbits) // 2][:2], period),
            "transfer": (orbits, period),
        }
        for way, (flows, points) in sources.items():
            windows = _windows(flows, points, config.windows, rng)
            network = _pretrained(windows, config.steps, keys[1])
            codes = np.asarray(_codes(network, jnp.asarray(x, jnp.float32)))
            found[way].append(_accuracy(_statistics(codes), y, config.train))
    return {way: np.array(values) for way, values in found.items()}


def _data_set(name: str, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Series and labels, shuffled."""
    if name == "digits by rows":
        from sklearn.datasets import load_digits

        rows, labels = map(np.asarray, load_digits(return_X_y=True))
        chosen = rng.permutation(len(labels))[:count]
        return rows[chosen] + 1e-3 * rng.normal(size=(len(chosen), 64)), labels[chosen]
    if name == "cylinder-bell-funnel":
        return _cylinder_bell_funnel(count, rng)
    return _synthetic_control(count, rng)


def _cylinder_bell_funnel(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels, t = rng.integers(0, 3, count), np.arange(128)
    start = rng.integers(16, 33, count)[:, None]
    end = start + rng.integers(32, 97, count)[:, None]
    ramp = (t - start) / (end - start)
    shape = np.select([labels[:, None] == 0, labels[:, None] == 1], [np.ones_like(ramp), ramp], 1 - ramp)
    height = 6 + rng.normal(size=(count, 1))
    return height * shape * ((t >= start) & (t <= end)) + rng.normal(size=(count, 128)), labels


def _synthetic_control(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Normal, cyclic, rising, falling, shifted up, shifted down."""
    labels, t = rng.integers(0, 6, count), np.arange(60)
    x = 30 + 2 * rng.uniform(-3, 3, (count, 60))
    amplitude, cycle = rng.uniform(10, 15, (count, 1)), rng.uniform(10, 15, (count, 1))
    slope, size = rng.uniform(0.2, 0.5, (count, 1)), rng.uniform(7.5, 20, (count, 1))
    later = t >= rng.integers(20, 40, count)[:, None]
    parts = [0 * x, amplitude * np.sin(2 * np.pi * t / cycle), slope * t, -slope * t, size * later, -size * later]
    return x + np.choose(labels[:, None], parts), labels


def _period(x: np.ndarray) -> float:
    """Twice the median over series of their dominant period where it is significant, in samples."""
    found = jax.vmap(estimators.dominant_period)(jnp.asarray(x))
    significant = np.asarray(found.p_value) < 0.05
    values = np.asarray(found.value)
    return 2 * float(np.median(values[significant] if significant.any() else values))


def _windows(orbits: list[Orbit], points_per_period: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Windows of the standardised first coordinates at so many points a period, as many of every flow."""
    rows = []
    for index in range(count):
        series = orbits[index % len(orbits)].bounded[:, 0]
        step = FINE / points_per_period
        start = rng.uniform(0, len(series) - 1 - step * WINDOW)
        window = np.interp(start + step * np.arange(WINDOW), np.arange(len(series)), series)
        rows.append((window - series.mean()) / series.std())
    return np.stack(rows)


class Windows(eqx.Module):
    """Random batches of 64 windows."""

    windows: jax.Array

    def __call__(self, step: jax.Array, *, key: jax.Array) -> jax.Array:
        """One batch, shape (64, 100)."""
        rows = jax.random.randint(jax.random.fold_in(key, step), (64,), 0, len(self.windows))
        return self.windows[rows]


def _loss(network: nn.CausalAutoencoder, windows: jax.Array, *, key: jax.Array) -> jax.Array:
    del key
    return jnp.mean((jax.vmap(network)(windows[..., None])[..., 0] - windows) ** 2)


def _pretrained(windows: np.ndarray, steps: int, key: jax.Array) -> Any:
    return training.fit(
        _loss,
        nn.CausalAutoencoder(rngs=nnx.Rngs(key)),
        Windows(jnp.asarray(windows, jnp.float32)),
        OPTIMIZER,
        steps=steps,
        steps_per_call=steps,
        key=key,
        progress=False,
    ).model


@jax.jit
def _codes(network: nn.CausalAutoencoder, series: jax.Array) -> jax.Array:
    """Codes, shape (n, channels, s)."""
    return jnp.swapaxes(jax.vmap(network.encode)(series[..., None]), 1, 2)


def _statistics(x: np.ndarray) -> np.ndarray:
    """Statistics of every channel of series of shape (n, channels, t), joined: shape (n, features)."""
    x = np.asarray(x, np.float64)
    mean, deviation = x.mean(axis=2, keepdims=True), x.std(axis=2, keepdims=True) + 1e-12
    z, steps = (x - mean) / deviation, np.diff(x, axis=2)
    power = np.abs(np.fft.rfft(z, axis=2)[..., 1:]) ** 2
    bands = [band.sum(axis=2) / x.shape[2] for band in np.array_split(power, 5, axis=2)]
    time = np.linspace(-1, 1, x.shape[2])
    columns = [
        mean[..., 0],
        deviation[..., 0],
        (z**3).mean(axis=2),
        (z**4).mean(axis=2),
        *np.quantile(x, (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1), axis=2),
        np.abs(steps).mean(axis=2),
        steps.std(axis=2),
        *[(z[..., lag:] * z[..., :-lag]).mean(axis=2) for lag in (1, 2, 3, 5, 8)],
        (np.diff(np.sign(z), axis=2) != 0).mean(axis=2),
        (z * time).mean(axis=2),
        x.argmax(axis=2) / x.shape[2],
        x.argmin(axis=2) / x.shape[2],
        *bands,
    ]
    return np.concatenate(columns, axis=1)


def _accuracy(features: np.ndarray, labels: np.ndarray, train: int) -> float:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 3, 10)))
    return float(classifier.fit(features[:train], labels[:train]).score(features[train:], labels[train:]))
