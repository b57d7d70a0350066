"""Smoothed soft repulsion of disks, and sums over pairs of particles."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import Array, Float, Scalar
from entropax.space import NeighborTable, PeriodicBox
from entropax.space.boxes import nearest_image

PairTerm = Callable[[Array, Array], Array]
"""Function of distances (...) and unit vectors from j to i (d, ...) that returns contributions (m, ...)."""


class SoftRepulsion(eqx.Module):
    """k F(r) with F(r) = softplus_beta(2R - r) = log(1 + exp(beta (2R - r))) / beta, arXiv 2309.12991.

    Attributes:
        stiffness: k.
        radius: R.
        beta: sharpness; the limit is the overlap (2R - r)_+.
    """

    stiffness: Scalar
    radius: Scalar
    beta: Scalar

    def force(self, r: Float[Array, "..."], along: Float[Array, "d ..."]) -> Float[Array, "d ..."]:
        """k F(r) times the unit vector.

        Args:
            r: distances.
            along: unit vectors, axes first.
        """
        return (self.stiffness / self.beta * softplus(self._gap(r)))[None] * along

    def divergence(self, r: Float[Array, "..."], along: Float[Array, "d ..."]) -> Float[Array, "1 ..."]:
        """Divergence of the force in either particle's position, k (F(r) (d - 1) / r - sigmoid(beta (2R - r))).

        Args:
            r: distances.
            along: unit vectors, axes first.
        """
        transverse = (along.shape[0] - 1) / self.beta * softplus(self._gap(r)) / r
        return (self.stiffness * (transverse - jax.nn.sigmoid(self._gap(r))))[None]

    def _gap(self, r: Array) -> Array:
        return self.beta * (2 * self.radius - r)


@jax.custom_jvp
def softplus(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """log(1 + exp(x)) to rounding, several times faster on a CPU than by way of its logarithm.

    max(x, 0) + log1p(e) with e = exp(-|x|), and log1p(e) = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...) at
    s = e / (2 + e): as s^2 is at most 1/9, the n-th term is below 9^-n.

    Args:
        x: any shape. The derivative is the logistic function.
    """
    e = jnp.exp(-jnp.abs(x))
    s = e / (2 + e)
    square = s * s
    terms = math.ceil(-math.log(float(jnp.finfo(x.dtype).eps)) / math.log(9))
    series = jnp.full_like(x, 1 / (2 * terms - 1))
    for n in reversed(range(terms - 1)):
        series = series * square + 1 / (2 * n + 1)
    return jnp.maximum(x, 0) + 2 * s * series


@softplus.defjvp
def _softplus_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    return softplus(x), jax.nn.sigmoid(x) * dx


def pair_block(num_particles: int) -> int:
    """Pairs of a table evaluated at once; blocks past the last pair are skipped.

    A block costs one pass over the particles beside its pairs: with twice as many pairs that is little, and a quarter
    of a usual table fits into cache.

    Args:
        num_particles: n.
    """
    return max(4096, 2 * num_particles)


def sum_all_pairs(x: Float[Array, "n d"], term: PairTerm, *, box: PeriodicBox, sign: int) -> Float[Array, "m n"]:
    """sum_j term(r_ij, (x_i - x_j) / r_ij) for every i, over all pairs.

    Args:
        x: positions.
        term: what a pair contributes.
        box: the torus.
        sign: what exchanging the two particles multiplies a term by, 1 or -1.

    Returns:
        The sums, contributions first.
    """
    columns = x.T
    delta = _nearest_images([c[:, None] - c[None, :] for c in columns], box)
    # Self-pairs are masked by index: the root's slope at zero is infinite. Summed over its first axis (that is, over
    # i, whence the sign) the array keeps particles innermost, where the CPU vectorises.
    other = ~np.eye(x.shape[0], dtype=bool)
    return sign * jnp.sum(_evaluate(term, delta, jnp.asarray(other)), axis=1)


def sum_tabulated_pairs(
    x: Float[Array, "n d"], term: PairTerm, *, box: PeriodicBox, sign: int, table: NeighborTable, cutoff: float
) -> Float[Array, "m n"]:
    """sum_j term(r_ij, (x_i - x_j) / r_ij) for every i, over the pairs of a table nearer than a cutoff.

    Reverse mode evaluates the pairs again instead of keeping what they gave.

    Args:
        x: positions.
        term: what a pair contributes.
        box: the torus.
        sign: what exchanging the two particles multiplies a term by, 1 or -1.
        table: pairs, each once.
        cutoff: terms vanish beyond.

    Returns:
        The sums, contributions first.
    """
    n = x.shape[0]
    columns = x.T
    capacity = table.pairs.shape[0]
    block = min(pair_block(n), capacity)
    blocks = -(-capacity // block)
    pairs = jnp.pad(table.pairs, ((0, blocks * block - capacity), (0, 0))).reshape(blocks, block, 2)
    width = jax.eval_shape(term, x[:, 0], columns).shape[0]

    def contributions(columns: Array, index: Array) -> Array:
        i, j = pairs[index, :, 0], pairs[index, :, 1]
        valid = index * block + jnp.arange(block, dtype=jnp.int32) < table.count
        delta = _nearest_images([c[i] - c[j] for c in columns], box)
        # Each value is added twice: the barrier keeps either sum from evaluating the term for itself.
        values = jax.lax.optimization_barrier(_evaluate(term, delta, valid, cutoff))
        return jnp.stack([jax.ops.segment_sum(v, i, n) + sign * jax.ops.segment_sum(v, j, n) for v in values])

    evaluate = jax.checkpoint(contributions, prevent_cse=False)

    def add_block(total: Array, index: Array) -> tuple[Array, None]:
        nothing = lambda columns, index: jnp.zeros((width, n), x.dtype)  # noqa: E731
        return total + jax.lax.cond(index * block < table.count, evaluate, nothing, columns, index), None

    return jax.lax.scan(add_block, jnp.zeros((width, n), x.dtype), jnp.arange(blocks, dtype=jnp.int32))[0]


def _nearest_images(differences: list[Array], box: PeriodicBox) -> list[Array]:
    extents = box.extent.astype(differences[0].dtype)
    return [nearest_image(delta, L) for delta, L in zip(differences, extents, strict=True)]


def _evaluate(term: PairTerm, delta: list[Array], valid: Array, cutoff: float = math.inf) -> Array:
    """The term where a pair is valid, apart and nearer than the cutoff, else zero: at one point they push nowhere."""
    square = sum(component**2 for component in delta[1:]) + delta[0] ** 2
    apart = valid & (square > 0)
    r = jnp.sqrt(jnp.where(apart, square, 1))
    along = jnp.stack([component / r for component in delta])
    return jnp.where((apart & (r < cutoff))[None], term(r, along), 0)
