"""Scikit-learn's handwritten digits, and two ways to split them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

CLASSES = 10


def images() -> tuple[np.ndarray, np.ndarray]:
    """All 1797 images of 8 x 8 pixels in [0, 1], shape (1797, 64), float32, and their digits, int32."""
    from sklearn.datasets import load_digits

    x, y = map(np.asarray, load_digits(return_X_y=True))
    return x.astype(np.float32) / 16, y.astype(np.int32)


class Digits(NamedTuple):
    """Images, shape (n, 64), and their digits, split at random."""

    x: jax.Array
    y: jax.Array
    x_test: jax.Array
    y_test: jax.Array


def split(seed: int, *, num_test: int = 500) -> Digits:
    """One split for all networks.

    Args:
        seed: of the split.
        num_test: images held out.
    """
    x, y = images()
    order = np.random.default_rng(seed).permutation(y.size)
    test, train = order[:num_test], order[num_test:]
    return Digits(*map(jnp.asarray, (x[train], y[train], x[test], y[test])))


def splits(
    seeds: int, seed: int, *, classes: tuple[int, ...] = tuple(range(CLASSES)), test: float = 0.3
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A split for each network: images (s, n, 64) and labels (s, n), "train" and "test".

    Args:
        seeds: s.
        seed: of the splits.
        classes: digits to keep, ascending; labels are their places in this tuple.
        test: share of the test images.
    """
    x, y = images()
    kept = np.isin(y, classes)
    x, y = x[kept], np.searchsorted(classes, y[kept])
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(len(y)) for _ in range(seeds)])
    cut = round(test * len(y))
    parts = {"test": orders[:, :cut], "train": orders[:, cut:]}
    return {name: (x[order], y[order]) for name, order in parts.items()}
