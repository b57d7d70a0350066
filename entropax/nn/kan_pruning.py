"""How much the edges of a Kolmogorov-Arnold network do: norms, the regulariser that thins them out, pruning."""

import itertools

import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.nn.kan import KAN


def edge_norms(network: KAN, x: Real[ArrayLike, "n num_in"]) -> tuple[Float[Array, "_ _"], ...]:
    """Mean size of every edge's function over samples, |phi_ij|_1 = mean_s |phi_ij(x_i^s)|.

    Args:
        network: of any kind of layers.
        x: samples, shape (n, num_in).

    Returns:
        For every layer an array (num_in, num_out).

    Raises:
        ValueError: x has another shape.

    Differentiable in x and the network's parameters, but for the kinks at functions' zeros. Source: arXiv 2404.19756.
    """
    values = _checks.as_float("x", x)
    if values.ndim != 2 or values.shape[0] < 1 or values.shape[1] != network.widths[0]:
        raise ValueError(f"x must have shape (n, {network.widths[0]}) with n >= 1, got {values.shape}")
    norms = []
    for layer in network.layers:
        edges = layer.edges(values)
        norms.append(jnp.mean(jnp.abs(_checks.accumulated(edges)), axis=0))
        values = jnp.sum(edges, axis=-2)
    return tuple(norms)


def kan_regularizer(
    network: KAN, x: Real[ArrayLike, "n num_in"], *, l1_weight: RealScalar = 1.0, entropy_weight: RealScalar = 2.0
) -> Scalar:
    """What to add to a loss, times a small lambda, for few and strong edges: sum over layers of mu_1 L + mu_2 S.

    L = sum_ij |phi_ij|_1 and S = -sum_ij p_ij log p_ij with p_ij = |phi_ij|_1 / L, the entropy in nats of which edge is
    used: 0 for a single one, log n for n equal ones.

    Args:
        network: of any kind of layers.
        x: samples, shape (n, num_in).
        l1_weight: mu_1, at least 0.
        entropy_weight: mu_2, at least 0.

    Returns:
        The regulariser.

    Raises:
        ValueError: x has another shape, or a weight is negative.

    Differentiable in x, the network's parameters and the weights, but for the kinks at functions' zeros. Source: arXiv
    2404.19756, eq. 2.20.
    """
    norms = edge_norms(network, x)
    mu_1, mu_2 = (
        w.astype(norms[0].dtype) for w in _checks.as_numbers(l1_weight=l1_weight, entropy_weight=entropy_weight)
    )
    checks = _checks.nonnegative("l1_weight", mu_1), _checks.nonnegative("entropy_weight", mu_2)
    total = sum((mu_1 * jnp.sum(n) + mu_2 * _edge_entropy(n) for n in norms), jnp.zeros((), norms[0].dtype))
    return _checks.enforce(total, *checks)


def prune_nodes(network: KAN, x: Real[ArrayLike, "n num_in"], *, threshold: float = 0.01) -> KAN:
    """A network without the hidden nodes that do little.

    The score of a node is the lesser of its strongest incoming and its strongest outgoing edge (`edge_norms`); below
    the threshold it goes, with its edges. The functions of the others stay as they are. What the node gave to the next
    layer goes too: of a node of weak input that is nearly a constant, phi(0), which need not be small. So train on
    after pruning, or compare the outputs.

    Args:
        network: of any kind of layers; not changed.
        x: samples, shape (n, num_in).
        threshold: of the score, in units of the edges' values, at least 0.

    Returns:
        A new, narrower network. Its sizes depend on values, so this cannot be traced.

    Raises:
        ValueError: x has another shape, the threshold is negative, a norm is not finite, or a layer would lose all its
            nodes.
        TypeError: called under a transformation.

    Not differentiable: a choice. Source: arXiv 2404.19756, section 2.5.
    """
    _checks.require_within("threshold", threshold, 0, float("inf"))
    norms = edge_norms(network, x)
    if not _checks.is_concrete(norms):
        raise TypeError("prune_nodes must be called outside of jax's transformations: the sizes depend on values")
    sizes = [np.asarray(n) for n in norms]
    for i, size in enumerate(sizes):
        if not np.isfinite(size).all():
            bad = tuple(int(j) for j in np.argwhere(~np.isfinite(size))[0])
            raise ValueError(f"x must give every edge a finite norm, got {size[bad]} of edge {bad} of layer {i}")
    keep = [np.arange(network.widths[0])]
    for i, (into, out_of) in enumerate(itertools.pairwise(sizes), start=1):
        score = np.minimum(into.max(axis=0), out_of.max(axis=1))
        keep.append(np.flatnonzero(score >= threshold))
        if not keep[-1].size:
            raise ValueError(
                f"threshold must leave a node in every layer, got {threshold}: the largest score of layer {i} is "
                f"{score.max():.3g}"
            )
    keep.append(np.arange(network.widths[-1]))
    new = nnx.clone(network)
    new.layers = nnx.List(layer.select(a, b) for layer, a, b in zip(network.layers, keep[:-1], keep[1:], strict=True))
    return new


def _edge_entropy(norms: Array) -> Array:
    """-sum p log p of the edges' shares, 0 where there is none."""
    total = jnp.sum(norms)
    some = total > 0
    p = norms / jnp.where(some, total, 1)
    used = p > 0
    return -jnp.sum(jnp.where(used, p * jnp.log(jnp.where(used, p, 1)), 0))
