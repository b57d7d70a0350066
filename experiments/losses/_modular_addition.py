"""Addition modulo a prime, learned from part of its table: when does test accuracy follow training accuracy?"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import losses, nn
from experiments.losses import _stacks

EMBED, WIDTH = 16, 100
START = 0.1
"""Standard deviation of the embeddings at first: large ones memorise the table and stay."""
RATE, DECAY = 3e-3, 0.3
"""Of AdamW."""
EXPONENT = 1.0
"""Of the squared distance."""
TRAINED = 0.8
"""Share of the table that is trained on."""


class Adder(nnx.Module):
    """Embeddings of two numbers, a perceptron, and a vector for every possible sum.

    Attributes:
        embeddings: of the numbers, shape (p, 16).
        trunk: the perceptron.
        sums: the vectors of the sums, shape (p, 16): centres, or rows of the last linear layer.
    """

    def __init__(self, prime: int, *, rngs: nnx.Rngs):
        """Makes the parts."""
        self.embeddings = nnx.Param(START * jax.random.normal(rngs.params(), (prime, EMBED)))
        self.trunk = nn.MLP(2 * EMBED, EMBED, width=WIDTH, depth=1, activation=jax.nn.relu, rngs=rngs)
        self.sums = nnx.Param(jax.random.normal(rngs.params(), (prime, EMBED)) / np.sqrt(EMBED))

    def features(self, pairs: Any) -> Any:
        """Of pairs of numbers, shape (n, 2)."""
        return self.trunk(self.embeddings[...][pairs].reshape(pairs.shape[0], 2 * EMBED))


def learn(harmonic: bool, *, prime: int, seeds: int, steps: int, key: jax.Array) -> dict[str, Any]:
    """Learns the table by full-batch AdamW, and follows both accuracies.

    Args:
        harmonic: whether the last layer is the original harmonic one (squared Euclidean distance, exponent 1) or
            linear with softmax; the networks start alike.
        prime: p.
        seeds: networks, each with a split of its own.
        steps: of the optimiser.
        key: source of randomness.

    Returns:
        Accuracies by time and seed, the lag of the second behind the first in steps, and how flat embeddings are.
    """
    table = np.stack(np.meshgrid(np.arange(prime), np.arange(prime), indexing="ij"), -1).reshape(-1, 2)
    rng = np.random.default_rng(int(jax.random.randint(key, (), 0, 2**31 - 1)))
    pairs = np.stack([rng.permutation(table) for _ in range(seeds)])
    answers = pairs.sum(-1) % prime
    cut = round(TRAINED * len(table))

    def loss(network: Any, pairs: Any, answers: Any, *, key: Any) -> Any:
        del key
        f, w = network.features(pairs), network.sums[...]
        if harmonic:
            return jnp.mean(losses.original_harmonic_loss(f, w, answers, EXPONENT, expand=True))
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(f @ w.T, answers))

    def right(network: Any, pairs: Any, answers: Any) -> Any:
        f, w = network.features(pairs), network.sums[...]
        scores = -nn.euclidean_distance(f, w, squared=True, expand=True) if harmonic else f @ w.T
        hits = (jnp.argmax(scores, axis=-1) == answers).astype(f.dtype)
        return jnp.mean(hits[:cut]), jnp.mean(hits[cut:])

    every = max(1, steps // 200)
    fitted = _stacks.fit_own(
        lambda rngs: Adder(prime, rngs=rngs),
        loss,
        (pairs[:, :cut], answers[:, :cut]),
        key=key,
        steps=steps,
        batch=None,
        optimizer=optax.adamw(RATE, weight_decay=DECAY),
        record=lambda networks: jax.vmap(right)(networks, jnp.asarray(pairs), jnp.asarray(answers)),
        record_every=every,
    )
    train, test = (np.asarray(a) for a in fitted.recorded)
    moments = every * (1 + np.arange(len(train)))
    train_step, test_step = (_first(a, level, moments) for a, level in ((train, 0.99), (test, 0.95)))
    end = float(steps)
    lag = np.where(test_step < 0, end, test_step) - np.where(train_step < 0, end, train_step)
    lag = np.where(train_step < 0, end, np.maximum(lag, 0))
    embeddings = np.asarray(fitted.model.embeddings[...])
    flatness, plane = zip(*map(_principal, embeddings), strict=True)
    return {
        "train": train,
        "test": test,
        "steps": moments,
        "test_step": test_step,
        "lag": lag,
        "flatness": np.asarray(flatness),
        "plane": plane[0],
    }


def _first(accuracy: np.ndarray, level: float, moments: np.ndarray) -> np.ndarray:
    """The first moment at which every seed's accuracy is at the level, -1 if none is."""
    there = accuracy >= level
    return np.where(there.any(0), moments[np.argmax(there, axis=0)], -1)


def _principal(embeddings: np.ndarray) -> tuple[float, np.ndarray]:
    """The share of variance in two principal directions, and the embeddings in their plane."""
    centred = embeddings - embeddings.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    return float(np.sum(s[:2] ** 2) / np.sum(s**2)), u[:, :2] * s[:2]
