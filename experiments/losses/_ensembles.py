"""Small classifiers, one for every seed, trained side by side on scikit-learn's digits or other arrays."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import nn, training


class Classifier(nnx.Module):
    """A multilayer perceptron with a head.

    Attributes:
        trunk: from inputs to features.
        head: from features to logits or log-probabilities.
        rectified: whether features are.
    """

    def __init__(
        self,
        num_in: int,
        num_features: int,
        head: nnx.Module,
        *,
        width: int,
        depth: int,
        rectified: bool = True,
        rngs: nnx.Rngs,
    ):
        """Makes the trunk: `depth` hidden layers of `width`, rectified."""
        self.rectified = rectified
        self.trunk = nn.MLP(num_in, num_features, width=width, depth=depth, activation=jax.nn.relu, rngs=rngs)
        self.head = head

    def features(self, x: Any) -> Any:
        """The features."""
        features = self.trunk(x)
        return jax.nn.relu(features) if self.rectified else features

    def __call__(self, x: Any) -> Any:
        """The logits."""
        return self.head(self.features(x))


def digits(seeds: int, seed: int, *, classes: tuple[int, ...] = tuple(range(10)), test: float = 0.3) -> dict[str, Any]:
    """Digits in [0, 1], split anew for every seed: x (s, n, 64) and y (s, n), "train" and "test".

    Args:
        seeds: s.
        seed: of the splits.
        classes: digits to keep; labels are their places in this tuple.
        test: share of the test images.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    kept = np.isin(labels, classes)
    x, y = (images[kept] / 16).astype(np.float32), np.searchsorted(classes, labels[kept])
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(len(y)) for _ in range(seeds)])
    cut = round(test * len(y))
    parts = {"test": orders[:, :cut], "train": orders[:, cut:]}
    return {name: (x[order], y[order]) for name, order in parts.items()}


def fit(
    make: Callable[[nnx.Rngs], Any],
    loss: Callable[[Any, Any, Any], Any],
    x: Any,
    y: Any,
    *,
    key: jax.Array,
    steps: int,
    batch: int | None,
    optimizer: optax.GradientTransformation,
    record: Callable[[Any], Any] | None = None,
    record_every: int = 100,
) -> training.FitResult:
    """Fits one network for every seed, on batches drawn with replacement.

    The sum of the seeds' losses is minimised; every optimiser that acts on single parameters leaves them independent.

    Args:
        make: the network, from its `rngs`.
        loss: from one network, inputs and labels of a batch to a number.
        x: inputs, shape (s, n, d).
        y: labels, shape (s, n).
        key: source of randomness.
        steps: of the optimiser.
        batch: examples in a step, None for all.
        optimizer: of optax.
        record: from the stack of networks to what is kept of it.
        record_every: steps between records.
    """
    seeds, count = y.shape
    make_key, fit_key = jax.random.split(key)
    networks = jax.vmap(lambda key: make(nnx.Rngs(key)))(jax.random.split(make_key, seeds))
    x, y = jnp.asarray(x), jnp.asarray(y)

    def batch_at(step: Any, *, key: jax.Array) -> Any:
        if batch is None:
            return x, y
        rows = jax.random.randint(key, (seeds, batch), 0, count)
        return jnp.take_along_axis(x, rows[..., None], axis=1), jnp.take_along_axis(y, rows, axis=1)

    def total(networks: Any, examples: Any, *, key: jax.Array) -> Any:
        return jnp.sum(jax.vmap(loss)(networks, *examples))

    return training.fit(
        total,
        networks,
        batch_at,
        optimizer,
        steps=steps,
        key=fit_key,
        record=record,
        record_every=min(record_every, steps),
        steps_per_call=min(200, steps),
        progress=False,
    )


@jax.jit
def outputs(networks: Any, x: Any) -> tuple[Any, Any]:
    """Logits and features of every seed's network on its inputs, shape (s, n, d)."""
    return jax.vmap(lambda network, x: (network(x), network.features(x)))(networks, jnp.asarray(x))


def accuracy(logits: Any, y: Any) -> np.ndarray:
    """The share of right answers of every seed."""
    return np.mean(np.argmax(np.asarray(logits), axis=-1) == np.asarray(y), axis=-1)


def mean_and_error(values: Any) -> tuple[float, float]:
    """Mean and standard error over seeds; no error of a single one."""
    values = np.asarray(values, float)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
