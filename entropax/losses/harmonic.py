"""Harmonic losses: cross-entropy of probabilities that fall with the distance to class centres by a power law."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from entropax import _checks, nn
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar
from entropax.losses._classification import examples


def harmonic_loss(
    distances: Real[ArrayLike, "*batch v"],
    labels: Real[ArrayLike, "..."],
    exponent: RealScalar = 1.0,
    *,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """Harmonic loss, -log p_y = n log d_y + log sum_j d_j^(-n).

    Its derivative by d_i is n (1[i = y] - p_i) / d_i. A common factor of the distances changes nothing, so that it is
    finite weights that it is least at, and exponent n of squared distances is exponent 2 n of distances. On a centre
    (d_y = 0) the loss is 0, on that of another class infinite.

    Args:
        distances: d from the samples to the centres of the classes, at least 0, shape (..., v) with v >= 2; see
            `nn.euclidean_distance` and its relatives.
        labels: integers of shape (...), or distributions of shape (..., v), for which the loss is the mean.
        exponent: n, positive.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for distances of lower precision.

    Raises:
        ValueError: a shape does not fit, there are fewer than two classes, a distance is negative or not finite, a
            label is out of range or no distribution, or the exponent is not positive.
        TypeError: labels are neither integers nor floating, or where is not boolean.

    Differentiable in the distances, in labels that are distributions and in the exponent; beside a distance of zero the
    gradient is set to zero. Source: arXiv 2502.01628, 2603.10225.
    """
    given = examples(distances, labels, where, name="distances")
    return given.finish(-given.pick(nn.harmonic_log_probs(given.logits, exponent)))


def original_harmonic_loss(
    features: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    labels: Real[ArrayLike, "..."],
    exponent: RealScalar = 1.0,
    *,
    expand: bool = False,
    block_size: int | None = None,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """The harmonic loss as it was first published: the law is put on the squared Euclidean distance.

    p_i is in proportion to (|x - w_i|^2)^(-n). The published code divides by the least distance of a row (or, in
    language models, by the number of features too), which leaves p as it is, and adds 1e-8 to p, which caps the loss
    near 18.4 and its gradient with it; that is left out.

    Args:
        features: x, shape (..., k).
        centers: w, shape (v, k) with v >= 2.
        labels: integers of shape (...), or distributions of shape (..., v).
        exponent: n, positive: 1 for small models; the square root of k, or k, for language models.
        expand: see `nn.euclidean_distance`.
        block_size: see `nn.euclidean_distance`.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for features of lower precision.

    Raises:
        ValueError: what `nn.euclidean_distance` and `harmonic_loss` raise.
        TypeError: what they raise.

    Differentiable in the features, the centres, in labels that are distributions and in the exponent. Source: arXiv
    2502.01628.
    """
    x, w = (_checks.accumulated(a) for a in _checks.as_floats(features=features, centers=centers))
    squares = nn.euclidean_distance(x, w, squared=True, expand=expand, block_size=block_size)
    return harmonic_loss(squares, labels, exponent, where=where)


def blockwise_harmonic_loss(
    features: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    labels: Int[ArrayLike, "*batch"],
    exponent: RealScalar = 1.0,
    *,
    distance: Callable[[Array, Array], Array] = nn.euclidean_distance,
    block_size: int = 1024,
    where: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "*batch"]:
    """`harmonic_loss` of any distance without the distances to all centres in memory, in reverse mode either.

    One pass over blocks of centres adds up log sum_j d_j^(-n); the backward pass computes each block again.

    Args:
        features: x, shape (..., k).
        centers: w, shape (v, k) with v >= 2.
        labels: integers of shape (...).
        exponent: n, positive.
        distance: from features (..., k) and centres (b, k) to distances (..., b), each of which depends on its own
            centre alone. It must not vanish: bind an eps where a sample may sit on a centre.
        block_size: b, centres at a time.
        where: which examples count, broadcastable to (...); the others give 0 and no gradient.

    Returns:
        The losses in nats, shape (...), float32 for features of lower precision.

    Raises:
        ValueError: a shape does not fit, a label is out of range, a distance is not positive and finite, or the
            exponent is not positive.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the features, the centres and the exponent. The function runs eagerly as a loop that a new
    `distance` compiles again: jit what calls it.
    """
    _checks.require_integer("block_size", block_size, minimum=1)
    x, w = (_checks.accumulated(a) for a in _checks.as_floats(features=features, centers=centers))
    if w.ndim != 2 or x.ndim < 1 or x.shape[-1] != w.shape[1]:
        raise ValueError(f"centers must have shape (v, k) with the k of features {x.shape}, got {w.shape}")
    (n,) = (number.astype(x.dtype) for number in _checks.as_numbers(exponent=exponent))
    # The rows of a constant stand in for the logits, whose shape is all that the checks need.
    given = examples(jnp.broadcast_to(jnp.zeros((), x.dtype), (*x.shape[:-1], w.shape[0])), labels, where, soft=False)
    if given.where is not None:
        x = jnp.where(given.where[..., None], x, jax.lax.stop_gradient(jnp.ones_like(x)))
    own = w[given.labels]
    rows, targets = x.reshape(-1, x.shape[-1]), own.reshape(-1, w.shape[1])
    d = jax.vmap(lambda a, b: distance(a, b[None])[0])(rows, targets).reshape(given.labels.shape)
    log_sum, sound = _log_sum(distance, x, w, n, block_size)
    checks = (
        _checks.Check(_kept(given.where, sound), "distances must be positive and finite", lambda: "others"),
        _checks.positive("exponent", n),
    )
    return given.finish(n * jnp.log(d) + log_sum, *checks)


def _kept(where: Array | None, ok: Array) -> Array:
    return ok if where is None else ok | ~where


def _log_sum(
    distance: Callable[[Array, Array], Array], x: Array, w: Array, n: Array, block_size: int
) -> tuple[Array, Array]:
    """log sum_j d_j^(-n) over all centres, and whether all distances are positive and finite."""
    count = w.shape[0]
    size = min(block_size, count)
    blocks = jnp.pad(w, ((0, -count % size), (0, 0)), mode="edge").reshape(-1, size, w.shape[1])
    inside = (jnp.arange(blocks.shape[0] * size) < count).reshape(-1, size)

    @jax.checkpoint
    def add(carry: tuple[Array, Array], block: tuple[Array, Array]) -> tuple[tuple[Array, Array], None]:
        log_sum, sound = carry
        centers, real = block
        d = distance(x, centers)
        scores = jnp.where(real.reshape((1,) * (d.ndim - 1) + real.shape), -n * jnp.log(d), -jnp.inf)
        ok = jnp.all((d > 0) & jnp.isfinite(d), axis=-1)
        return (jnp.logaddexp(log_sum, jax.nn.logsumexp(scores, axis=-1)), sound & ok), None

    start = jnp.full(x.shape[:-1], -jnp.inf, x.dtype), jnp.ones(x.shape[:-1], bool)
    return jax.lax.scan(add, start, (blocks, inside))[0]
