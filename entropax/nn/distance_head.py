"""A head of class centres instead of a linear layer: the harmonic law of distances."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.nn import _pairwise, distances

TORCH_UNIFORM = nnx.initializers.variance_scaling(1 / 3, "fan_in", "uniform", in_axis=-1, out_axis=-2)
"""Uniform in +-1 / sqrt(k): how the study's layers start."""


def harmonic_log_probs(distances: Real[ArrayLike, "*batch v"], exponent: RealScalar = 1.0) -> Float[Array, "*batch v"]:
    """Logarithms of the harmonic probabilities, p_i = d_i^(-n) / sum_j d_j^(-n).

    The softmax of -n log d, in the log domain throughout, so that no exponent overflows. A positive factor of all
    distances changes nothing. Where distances vanish, their classes share all probability.

    Args:
        distances: d, at least 0, shape (..., v).
        exponent: n, positive. With squared distances n has the effect of 2 n.

    Returns:
        log p in nats, shape (..., v); -inf beside a distance of zero.

    Raises:
        ValueError: a distance is negative or not finite, the exponent is not positive, or there are no classes.

    Differentiable in both; beside a distance of zero the gradient is set to zero. Source: arXiv 2502.01628, 2603.10225.
    """
    d = _checks.as_float("distances", distances)
    if d.ndim < 1 or d.shape[-1] < 1:
        raise ValueError(f"distances must have shape (..., v) with v >= 1, got {d.shape}")
    dtype, d = d.dtype, _checks.accumulated(d)
    (n,) = _pairwise.parameters(d.dtype, exponent=exponent)
    zero = d == 0
    touched = jnp.any(zero, axis=-1, keepdims=True)
    ordinary = jax.nn.log_softmax(-n * jnp.log(jnp.where(touched, 1, d)), axis=-1)
    shared = -jnp.log(jnp.sum(zero, axis=-1, keepdims=True, dtype=d.dtype))
    log_p = jnp.where(touched, jnp.where(zero, shared, -jnp.inf), ordinary)
    checks = _checks.nonnegative("distances", d, batch_ndim=d.ndim - 1), _checks.positive("exponent", n)
    return _checks.enforce(log_p.astype(dtype), *checks)


class DistanceHead(nnx.Module):
    """The last layer of a classifier as class centres: log p_i = -n log d(x, w_i) - log sum_j d(x, w_j)^(-n).

    The centres live among the features and become prototypes of their classes, and the loss has its least value at
    finite weights. Its log-probabilities go into any loss that takes logits. Source: arXiv 2502.01628, 2603.10225.

    Attributes:
        centers: w, shape (num_classes, num_in).
        exponent: n, not trained.
        distance: the distance.
    """

    def __init__(
        self,
        num_in: int,
        num_classes: int,
        *,
        distance: Callable[..., Array] = distances.euclidean_distance,
        exponent: float = 1.0,
        rngs: nnx.Rngs,
    ):
        """Makes the centres, uniform in +-1 / sqrt(num_in).

        Args:
            num_in: k, size of the features.
            num_classes: v.
            distance: from features (..., k) and centres (v, k) to distances (..., v): one of this room's, with its
                options bound by functools.partial, a `MahalanobisDistance`, or another. It should not vanish in
                training: a small eps, or the fact that no sample sits on a centre.
            exponent: n, positive: 1, or the square root of num_in, or num_in for peaked heads.
            rngs: source of randomness.

        Raises:
            ValueError: a size or the exponent is not positive.
        """
        _checks.require_integer("num_in", num_in, minimum=1)
        _checks.require_integer("num_classes", num_classes, minimum=1)
        if not exponent > 0:
            raise ValueError(f"exponent must be positive, got {exponent}")
        self.num_in = num_in
        self.exponent = exponent
        self.distance = distance
        self.centers = nnx.Param(TORCH_UNIFORM(rngs.params(), (num_classes, num_in), jnp.float32))

    def distances(self, x: Float[Array, "*batch k"], **options: Any) -> Float[Array, "*batch v"]:
        """The distances to all centres.

        Args:
            x: features, shape (..., num_in).
            **options: handed to the distance, such as the key of noisy bits (`hamming_distance`) in training.

        Returns:
            The distances, shape (..., num_classes).

        Raises:
            ValueError: the last axis has another size than num_in.
        """
        d, dtype = self._distances(x, options)
        return d.astype(dtype)

    def __call__(self, x: Float[Array, "*batch k"], **options: Any) -> Float[Array, "*batch v"]:
        """The log-probabilities of the classes.

        Args:
            x: features, shape (..., num_in).
            **options: handed to the distance.

        Returns:
            log p in nats, shape (..., num_classes).

        Raises:
            ValueError: the last axis has another size than num_in.
        """
        d, dtype = self._distances(x, options)
        return harmonic_log_probs(d, self.exponent).astype(dtype)

    def _distances(self, x: Array, options: dict[str, Any]) -> tuple[Array, Any]:
        """Distances in float32 at least, as the exponent multiplies their rounding, and the dtype to return."""
        if x.ndim < 1 or x.shape[-1] != self.num_in:
            raise ValueError(f"x must have shape (..., {self.num_in}), got {x.shape}")
        x, w = _checks.as_floats(x=x, centers=self.centers[...])
        return self.distance(_checks.accumulated(x), _checks.accumulated(w), **options), x.dtype


class MahalanobisDistance(nnx.Module):
    """A Mahalanobis distance whose precision matrix is learned, sqrt((x - w)^T P (x - w) + eps) + eps.

    "diagonal": P = diag(exp(clip(v, -10, 10)) + eps), v starts at 0. "cholesky": P = L L^T + eps I with L lower
    triangular, its diagonal at least eps, 0.1 I at first. "full": P = (P0 + P0^T) / 2 + (0.01 + 10 eps) I, P0 starts at
    1.01 I; nothing keeps it positive semidefinite, and where it is not, distances are NaN. All as arXiv 2603.10225 has
    them (there "full" is "standard").

    Attributes:
        kind: of the matrix.
        eps: of the matrix, under and outside the root.
        parameter: v, L or P0.
    """

    def __init__(
        self,
        num_in: int,
        *,
        kind: Literal["diagonal", "cholesky", "full"] = "diagonal",
        eps: float = 1e-4,
        block_size: int | None = None,
    ):
        """Makes the matrix; nothing is random.

        Args:
            num_in: k, size of the features.
            kind: of the matrix.
            eps: at least 0.
            block_size: centres at a time, see `mahalanobis_distance`.

        Raises:
            ValueError: the size is not positive, the kind unknown, or eps negative.
        """
        _checks.require_integer("num_in", num_in, minimum=1)
        _checks.require_option("kind", kind, ("diagonal", "cholesky", "full"))
        _pairwise.require_block_size(block_size)
        if not eps >= 0:
            raise ValueError(f"eps must be non-negative, got {eps}")
        self.num_in, self.kind, self.eps, self.block_size = num_in, kind, eps, block_size
        start: Any = {
            "diagonal": lambda: jnp.zeros(num_in, jnp.float32),
            "cholesky": lambda: 0.1 * jnp.eye(num_in, dtype=jnp.float32),
            "full": lambda: 1.01 * jnp.eye(num_in, dtype=jnp.float32),
        }
        self.parameter = nnx.Param(start[kind]())

    def precision(self) -> Float[Array, "..."]:
        """P, shape (k, k), or its diagonal, shape (k,), by the kind.

        Returns:
            P for the kinds "cholesky" and "full", its diagonal for "diagonal".
        """
        a, eps = self.parameter[...], self.eps
        if self.kind == "diagonal":
            return jnp.exp(jnp.clip(a, -10, 10)) + eps
        identity = jnp.eye(self.num_in, dtype=a.dtype)
        if self.kind == "cholesky":
            diagonal = jnp.maximum(jnp.diag(a), eps)
            L = jnp.tril(a, -1) + jnp.diag(diagonal)
            return L @ L.T + eps * identity
        return (a + a.T) / 2 + (0.01 + 10 * eps) * identity

    def __call__(self, x: Float[Array, "*batch k"], centers: Float[Array, "v k"]) -> Float[Array, "*batch v"]:
        """The distances from samples to centres.

        Args:
            x: shape (..., num_in).
            centers: shape (v, num_in).

        Returns:
            The distances, shape (..., v).

        Raises:
            ValueError: a shape does not fit.
        """
        x, centers, P = _checks.as_floats(x=x, centers=centers, precision=self.precision())
        x, centers, dtype = _pairwise.operands(x, centers)
        if x.shape[-1] != self.num_in:
            raise ValueError(f"x must have shape (..., {self.num_in}), got {x.shape}")
        (eps,) = _pairwise.parameters(x.dtype, eps=self.eps)
        d = distances.mahalanobis_of(x, centers, _checks.accumulated(P), eps, self.block_size)
        return (d + eps).astype(dtype)
