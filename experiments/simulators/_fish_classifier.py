"""Which state a frame shows: a small network on the seven entropies against one on the order parameters alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import training
from entropax.nn import MLP
from experiments.simulators._fish_cases import ENTROPIES, MEASURES

FEATURES = {"order parameters": ("P", "M"), "entropies": ENTROPIES}


def accuracies(runs: dict[str, np.ndarray], *, steps: int, key: jax.Array) -> dict[str, Any]:
    """Trains on the frames of some seeds and judges those of others.

    Frames are those of the second half of each run; the last third of the seeds is held out. The features are scaled
    by the training frames.

    Args:
        runs: measures of each case, shape (seeds, frames, measures).
        steps: of Adam.
        key: source of randomness.

    Returns:
        The share of held-out frames named rightly and its confusion matrix, by set of features; and "parallel or
        torus", the shares among the frames of the torus and the dynamic parallel state.
    """
    seeds = min(run.shape[0] for run in runs.values())
    held_out = max(1, seeds // 3)
    found: dict[str, Any] = {}
    for name, features in FEATURES.items():
        columns = [MEASURES.index(feature) for feature in features]

        def frames(part: slice, columns: list[int] = columns) -> tuple[np.ndarray, np.ndarray]:
            pieces = [run[part, run.shape[1] // 2 :][..., columns].reshape(-1, len(columns)) for run in runs.values()]
            labels = np.concatenate([np.full(len(piece), label) for label, piece in enumerate(pieces)])
            return np.concatenate(pieces).astype(np.float32), labels

        x, y = frames(slice(None, -held_out))
        test_x, test_y = frames(slice(-held_out, None))
        mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
        model = _fitted((x - mean) / deviation, y, len(runs), steps, key)
        guess = np.argmax(model(jnp.asarray((test_x - mean) / deviation)), axis=-1)
        confusion = np.zeros((len(runs), len(runs)))
        np.add.at(confusion, (test_y, guess), 1)
        found[name] = {
            "accuracy": balanced(confusion),
            "confusion": confusion / confusion.sum(axis=1, keepdims=True),
            "torus and dynamic parallel": balanced(confusion[1:3]),
        }
    return found


def balanced(confusion: np.ndarray) -> float:
    """Mean over the rows of the share on the diagonal; rows start at the label of the last columns but their number.

    Args:
        confusion: counts (true, guessed), or its rows 1 and 2.
    """
    first = 0 if confusion.shape[0] == confusion.shape[1] else 1
    shares = [row[first + i] / row.sum() for i, row in enumerate(confusion)]
    return float(np.mean(shares))


def _fitted(x: np.ndarray, y: np.ndarray, classes: int, steps: int, key: jax.Array) -> Any:
    counts = np.bincount(y, minlength=classes)
    weights = jnp.asarray(1 / counts[y] / classes, jnp.float32)  # cases have unlike numbers of frames
    batch = (jnp.asarray(x), jnp.asarray(y), weights)

    def loss(model: MLP, batch: tuple[jax.Array, ...], *, key: jax.Array) -> jax.Array:
        features, labels, share = batch
        return jnp.sum(share * optax.softmax_cross_entropy_with_integer_labels(model(features), labels))

    model = MLP(x.shape[1], classes, width=32, depth=1, rngs=nnx.Rngs(key))
    fitted = training.fit(
        loss, model, lambda step, *, key: batch, optax.adam(1e-2), steps=steps, key=key, progress=False
    )
    return fitted.model
