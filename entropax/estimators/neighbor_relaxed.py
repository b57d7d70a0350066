"""A relaxation of the KSG counts that has gradients."""

import functools

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, RealScalar, Scalar
from entropax.estimators._samples import as_samples, standardized
from entropax.space import nearest_neighbors

_PAIRS = 1 << 18  # held at once


def relaxed_ksg_mutual_information(
    x: Real[ArrayLike, "n *dx"],
    y: Real[ArrayLike, "n *dy"],
    temperature: RealScalar,
    *,
    k: int = 4,
    standardize: bool = False,
) -> Scalar:
    """KSG's first estimate with soft counts, I = psi(k) + psi(n) - <psi(n_x + 1) + psi(n_y + 1)>.

    n_x(i) = sum_j sigmoid((1 - |x_j - x_i| / r_i) / temperature), over j other than i and those exactly at r_i, the
    distance of the k-th neighbour of i in (x, y). As the temperature falls to zero it tends to
    `ksg_mutual_information`, variant 1. A soft count sees the samples around the boundary, a fraction `temperature` of
    the radius wide: warm ones are smoother and more biased.

    This is the route that trains an encoder with few neighbours, where the value is least biased: on minibatches of
    256, k = 4 and temperature 0.1, a projection onto one of six coordinates is found to a cosine above 0.98 in
    150 steps of Adam, where entropy differences need k = 32.

    Args:
        x: samples, shape (n, dx) or (n,).
        y: samples, shape (n, dy) or (n,), row by row those of x.
        temperature: positive, a number without unit; 0.1 to 0.3 for training.
        k: number of the neighbour, at most n - 1.
        standardize: whether every column is given mean 0 and standard deviation 1 first.

    Returns:
        I in nats, negative values included. Samples whose radius is zero (k coincide with them) count as in the limit.

    Raises:
        ValueError: k is not less than n, the sizes differ, a sample is not finite, or the temperature is not positive.

    Differentiable in x, y and temperature to any order, except where neighbours change places: there the estimate
    jumps, as the one at the radius is not counted. Finite differences on one data set scatter by these jumps; over data
    sets they average out, and the mean gradient is the slope of the mean. Reverse mode recomputes pairs in blocks, so
    memory grows as n. Time grows as n^2. The hard estimate it tends to: arXiv cond-mat/0305641.
    """
    (x, y), checks = as_samples(k=k, x=x, y=y)
    temperature = _checks.accumulated(_checks.as_numbers(temperature=temperature)[0]).astype(x.dtype)
    if standardize:
        x, y = standardized(x), standardized(y)
    value = _relaxed(x, y, temperature, k)
    return _checks.enforce(value, *checks, _checks.positive("temperature", temperature))


@functools.partial(jax.jit, static_argnames="k")
def _relaxed(x: Array, y: Array, temperature: Array, k: int) -> Array:
    n = x.shape[0]
    radius = nearest_neighbors(jnp.concatenate([x, y], axis=1), k, metric="chebyshev").distances[:, -1]
    terms = [digamma(_soft_counts(z, radius, temperature) + 1) for z in (x, y)]
    constant = digamma(jnp.asarray(k, x.dtype)) + digamma(jnp.asarray(n, x.dtype))
    return constant - jnp.mean(terms[0] + terms[1])


def _soft_counts(z: Array, radius: Array, temperature: Array) -> Array:
    """Soft numbers of other samples within a radius of each, shape (n,)."""
    n, d = z.shape
    rows = max(1, min(n, _PAIRS // n))
    blocks = -(-n // rows)
    fill = blocks * rows - n

    @jax.checkpoint
    def count(block: tuple[Array, Array, Array]) -> Array:
        here, radius, index = block
        distance = jnp.max(jnp.abs(here[:, None, :] - z[None, :, :]), axis=-1)
        positive = radius > 0
        ratio = distance / jnp.where(positive, radius, 1)[:, None]
        counts = (index[:, None] != jnp.arange(n)[None]) & (distance != radius[:, None]) & positive[:, None]
        return jnp.sum(jnp.where(counts, jax.nn.sigmoid((1 - ratio) / temperature), 0), axis=1)

    here = jnp.pad(z, ((0, fill), (0, 0))).reshape(blocks, rows, d)
    radius = jnp.pad(radius, (0, fill)).reshape(blocks, rows)
    index = jnp.arange(blocks * rows).reshape(blocks, rows)
    return jax.lax.map(count, (here, radius, index)).reshape(-1)[:n]
