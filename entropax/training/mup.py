"""An optimiser whose learning rates carry over from a small network to a wide one."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax

from entropax._typing import PyTree


def mup_adamw(
    learning_rate: float = 0.03,
    *,
    vector_learning_rate: float = 6e-4,
    warmup: int = 100,
    weight_decay: float = 0.0,
    b1: float = 0.9,
    b2: float = 0.95,
    clip: float | None = 1.0,
) -> optax.GradientTransformation:
    """AdamW with a learning rate for each matrix, learning_rate / fan_in, and one for all other parameters.

    Matrices are the parameters named "kernel" (of flax's layers), shape (fan_in, ...); embeddings, scales and biases
    are the others. With networks initialised accordingly (`nn.Decoder`) the best `learning_rate` hardly depends on the
    width (muP, arXiv 2203.03466).

    Args:
        learning_rate: of a matrix, times its fan-in.
        vector_learning_rate: of everything else.
        warmup: steps over which both rise linearly to their values, which they then keep; 0 for none.
        weight_decay: of matrices, times their learning rate.
        b1: decay of the mean gradient.
        b2: decay of the mean square.
        clip: largest norm of a gradient over all parameters, None for any.

    Returns:
        An optax optimiser.

    Raises:
        ValueError: a rate is not positive, or warmup or weight_decay negative.

    Source: the optimiser of arXiv 2601.03220, whose values are the defaults.
    """
    for name, value in {"learning_rate": learning_rate, "vector_learning_rate": vector_learning_rate}.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be positive and finite, got {value}")
    for name, value in {"warmup": warmup, "weight_decay": weight_decay}.items():
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value}")

    def rates(params: PyTree) -> PyTree:
        def rate(path: Any, leaf: Any) -> float:
            return -learning_rate / leaf.shape[0] if _is_matrix(path, leaf) else -vector_learning_rate

        return jax.tree_util.tree_map_with_path(rate, params)

    def scale(updates: PyTree, params: PyTree = None) -> PyTree:
        return jax.tree.map(lambda update, rate: update * jnp.asarray(rate, update.dtype), updates, rates(updates))

    def matrices(params: PyTree) -> PyTree:
        return jax.tree_util.tree_map_with_path(_is_matrix, params)

    parts = [
        optax.identity() if clip is None else optax.clip_by_global_norm(clip),
        optax.scale_by_adam(b1, b2),
        optax.add_decayed_weights(weight_decay, matrices),
        optax.stateless(scale),
        optax.scale_by_schedule(lambda count: jnp.minimum(1.0, (count + 1) / max(warmup, 1))),
    ]
    return optax.chain(*parts)


def _is_matrix(path: Any, leaf: Any) -> bool:
    return leaf.ndim >= 2 and "kernel" in jax.tree_util.keystr(path[-1:])
