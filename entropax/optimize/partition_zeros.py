"""The complex zeros of a partition function along a line, which limit the Taylor series of its logarithm."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Inexact, Int, Real
from entropax.optimize.softmax_paths import log_partition_series

_PAIRS = 16
"""Classes whose zeros with the most likely one alone are starts of the search."""
_ORDERS = (8, 16, 32, 48)
"""Orders at which the Taylor series says where it stops to converge: starts that tend to the nearest zero."""
_RADII, _ANGLES = 6, 8
"""A polar grid of further starts."""
_CONTOUR = 512
"""Points of the circle on which zeros are counted."""
_INSIDE = 0.95
"""Radius of that circle over the modulus found: the rule of equal weights then errs by 0.95^512 = 4e-12."""
_AT_ONCE = 64
"""Examples searched at a time."""


class PartitionZero(eqx.Module):
    """The zero of a partition function that is nearest to the origin.

    Attributes:
        value: its modulus rho*, the radius of convergence of log F at 0; infinite without a zero, NaN if none was
            found, an upper bound if `num_nearer` is not 0.
        zero: the zero itself, in the upper half-plane; its conjugate is one too.
        residual: |F| over the sum of the moduli of its terms, at the zero.
        converged: whether the search found a zero with |Im t| >= pi / spread, as all zeros have, and no zero is nearer,
            or there is none.
        num_nearer: zeros in the disc of radius 0.95 rho*, counted by the argument principle: 0 for the nearest zero.
    """

    value: Float[Array, "*batch"]
    zero: Inexact[Array, "*batch"]
    residual: Float[Array, "*batch"]
    converged: Bool[Array, "*batch"]
    num_nearer: Int[Array, "*batch"]


def binary_radius(delta: Real[ArrayLike, "*shape"], spread: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """Radius of convergence with two classes, rho* = sqrt(delta^2 + pi^2) / Delta_a: exact.

    The zeros of exp(z_1 + a_1 t) + exp(z_2 + a_2 t) are at (-delta + i pi (2 k + 1)) / (a_1 - a_2). With more classes
    it is what the two say alone, a proxy. It grows linearly in the margin delta, where a Hessian would allow steps as
    exp(delta).

    Args:
        delta: z_1 - z_2, the difference of the logits, any shape.
        spread: |a_1 - a_2|, that of their rates of change, the shape of delta or a number.

    Returns:
        rho*, at least pi / spread; infinite where the spread is 0.

    Raises:
        ValueError: delta is not finite, or the spread negative or not finite.

    Differentiable in both, the spread away from 0. Source: arXiv 2603.13552.
    """
    delta, spread = (_checks.accumulated(x) for x in _checks.as_floats(delta=delta, spread=spread))
    if spread.ndim:
        _checks.require_same_shape(delta=delta, spread=spread)
    checks = _checks.finite("delta", delta), _checks.nonnegative("spread", spread)
    # Enforced before, where a branch drops the gradient, and after, where it drops the NaN.
    delta, spread = _checks.enforce((delta, spread), *checks)
    some = spread > 0
    modulus = jnp.hypot(delta, jnp.full_like(delta, np.pi))
    return _checks.enforce(jnp.where(some, modulus / jnp.where(some, spread, 1), jnp.inf), *checks)


def partition_zero(
    z: Real[ArrayLike, "*batch n"], a: Real[ArrayLike, "*batch n"], *, num_steps: int = 40
) -> PartitionZero:
    """The zero nearest to the origin of F(t) = sum_k exp(z_k + a_k t), t complex.

    |t| is the radius of convergence at 0 of log F, and so of the cross-entropy along linearised logits z + a t.
    Newton's method runs from many starts: the zeros that the most likely class has with each of its nearest rivals
    alone, where the Taylor series points, and a grid. Of the zeros found the nearest counts, and the argument principle
    says whether any is nearer still.

    Args:
        z: logits, shape (..., n).
        a: their rates of change, shape (..., n).
        num_steps: Newton steps from every start.

    Returns:
        A `PartitionZero`, each field of shape (...).

    Raises:
        ValueError: shapes differ, there are fewer than two classes, an entry is not finite, or num_steps < 1.

    value and zero are differentiable in z and a, by the implicit function theorem, where the zero is simple and no
    other is as near. The work is at most 68 starts times num_steps times n. Source: arXiv 2603.13552.
    """
    _checks.require_integer("num_steps", num_steps, minimum=1)
    z, a = (_checks.accumulated(x) for x in _checks.as_floats(z=z, a=a))
    if z.ndim < 1 or z.shape[-1] < 2:
        raise ValueError(f"z must have shape (..., n) with n >= 2 classes, got {z.shape}")
    _checks.require_same_shape(z=z, a=a)
    batch = z.ndim - 1
    checks = _checks.finite("z", z, batch_ndim=batch), _checks.finite("a", a, batch_ndim=batch)
    found = _nearest(z, a, num_steps)
    value, zero = _checks.enforce((found.value, found.zero), *checks)
    return eqx.tree_at(lambda f: (f.value, f.zero), found, (value, zero))


@functools.partial(jax.jit, static_argnums=2)
def _nearest(z: Array, a: Array, num_steps: int) -> PartitionZero:
    shape = z.shape[:-1]
    rows = z.reshape(-1, z.shape[-1]), a.reshape(-1, z.shape[-1])
    search = functools.partial(_search, num_steps=num_steps)
    held = jax.lax.stop_gradient(rows)
    start, converged, nearer = jax.lax.map(lambda row: search(*row), held, batch_size=_AT_ONCE)
    found = jax.vmap(_polished)(*rows, start, converged, nearer)
    return jax.tree.map(lambda leaf: leaf.reshape(shape), found)


def _polished(z: Array, a: Array, start: Array, converged: Array, nearer: Array) -> PartitionZero:
    """The result, with its derivatives.

    Two Newton steps from a constant that is a zero already change it by rounding only, and their derivatives up to the
    third order are those of the implicit function.
    """
    spread = jax.lax.stop_gradient(jnp.max(a) - jnp.min(a))
    some = spread > 0
    safe = jnp.where(some, a, jnp.arange(a.size, dtype=a.dtype))  # any with a zero
    t = jnp.where(some & converged, start, jnp.asarray(1j * np.pi, start.dtype))
    z = z - jax.lax.stop_gradient(jnp.max(z))
    safe = safe - jax.lax.stop_gradient((jnp.max(safe) + jnp.min(safe)) / 2)
    for _ in range(2):
        t = t - _newton(z, safe, t)[0]
    residual = jax.lax.stop_gradient(_newton(z, safe, t)[1])
    modulus = jnp.sqrt(jnp.real(t) ** 2 + jnp.imag(t) ** 2)
    # A factor, so that it spoils the gradients of what was not found.
    lost = jnp.where(converged | ~some, 1.0, jnp.nan).astype(modulus.dtype)
    infinite = jnp.asarray(complex(np.inf, 0), t.dtype)
    return PartitionZero(
        jnp.where(some, modulus * lost, jnp.inf),
        jnp.where(some, jax.lax.complex(jnp.real(t) * lost, jnp.imag(t) * lost), infinite),
        jnp.where(some, residual, 0),
        (converged & (nearer == 0)) | ~some,
        jnp.where(some, nearer, 0),
    )


def _newton(z: Array, a: Array, t: Array) -> tuple[Array, Array, Array]:
    """F / F', |F| / sum of |terms|, and F' / F at one point, without overflow."""
    growth = z + a * jnp.real(t)
    size = jnp.exp(growth - jax.lax.stop_gradient(jnp.max(growth)))
    phase = a * jnp.imag(t)
    real, imaginary = size * jnp.cos(phase), size * jnp.sin(phase)
    value = jax.lax.complex(jnp.sum(real), jnp.sum(imaginary))
    slope = jax.lax.complex(jnp.sum(a * real), jnp.sum(a * imaginary))
    return value / slope, jnp.abs(value) / jnp.sum(size), slope / value


def _search(z: Array, a: Array, *, num_steps: int) -> tuple[Array, Array, Array]:
    """The nearest zero of one example, whether it is one, and how many zeros are nearer."""
    spread = jnp.max(a) - jnp.min(a)
    unit = jnp.where(spread > 0, spread, 1)
    z = z - jnp.max(z)
    a = (a - (jnp.max(a) + jnp.min(a)) / 2) / unit  # spread 1: every zero has |Im t| >= pi

    def descend(t: Array) -> Array:
        def step(_: Array, t: Array) -> Array:
            move = _newton(z, a, t)[0]
            size = jnp.abs(move)
            # Zeros are 2 pi apart on average: a longer step leaps over some. At a pole of F / F' turn upwards.
            move = move * jnp.minimum(1, np.pi / size).astype(move.dtype)
            return t - jnp.where(jnp.isfinite(size), move, jnp.asarray(-1j, t.dtype))

        return jax.lax.fori_loop(0, num_steps, step, t)

    ends = jax.vmap(descend)(_starts(z, a))
    ends = _upper(jnp.real(ends), jnp.imag(ends))
    eps = float(jnp.finfo(a.dtype).eps)
    # exp(a t) rounds in proportion to |a t| <= |t| / 2.
    small = jax.vmap(lambda t: _newton(z, a, t)[1])(ends) <= 16 * eps * (1 + jnp.abs(ends))
    is_zero = small & (jnp.imag(ends) >= np.pi * (1 - eps**0.5))
    modulus = jnp.where(is_zero, jnp.abs(ends), jnp.inf)
    nearest = ends[jnp.argmin(modulus)]
    return nearest / unit.astype(nearest.dtype), jnp.any(is_zero), _count(z, a, _INSIDE * jnp.abs(nearest))


def _starts(z: Array, a: Array) -> Array:
    """Where Newton's method begins, in the upper half-plane."""
    top = jnp.argmax(z)
    gap, turn = z - z[top], a - a[top]
    turns = turn != 0
    safe = jnp.where(turns, turn, 1)
    size = jnp.where(turns, jnp.hypot(gap, jnp.full_like(gap, np.pi)) / jnp.abs(safe), jnp.inf)
    order = jnp.argsort(size)[: min(_PAIRS, z.size - 1)]
    pairs = _upper(-gap / safe, np.pi / safe)[order]  # exp(gap + turn t) = -1; at turn 0 just some point
    guesses = _from_series(z, a)
    guesses = jnp.where(jnp.isfinite(jnp.abs(guesses)), guesses, pairs[0])
    # The grid reaches from pi, where the first zero can be, to the nearest of those, which is about where it is.
    reach = jnp.maximum(1.5 * jnp.abs(pairs[0]) / np.pi, 2)
    radii = np.pi * reach ** jnp.linspace(0, 1, _RADII, dtype=a.dtype)[:, None]
    angles = jnp.asarray(np.pi * (np.arange(_ANGLES) + 0.5) / _ANGLES, a.dtype)[None, :]
    grid = _upper(radii * jnp.cos(angles), radii * jnp.sin(angles))
    return jnp.concatenate([pairs, guesses, grid.reshape(-1)])


def _from_series(z: Array, a: Array) -> Array:
    """The pair of zeros that explains four neighbours among the coefficients b_m = m c_m, at each of some orders.

    Zeros t and its conjugate alone make b_m = -2 Re t^(-m), which obeys b_(m + 1) = p b_m - q b_(m - 1) with
    p = 2 Re(1 / t) and q = 1 / |t|^2.
    """
    b = log_partition_series(z, a, _ORDERS[-1] + 1)
    b = b * jnp.arange(b.size, dtype=b.dtype)  # of K', whose poles are simple
    m = np.array(_ORDERS)
    last, here, before, first = b[m + 1], b[m], b[m - 1], b[m - 2]
    # Divided by its size before squares underflow.
    size = jnp.maximum(jnp.abs(first), jnp.abs(before))
    last, here, before, first = (term / size for term in (last, here, before, first))
    determinant = here * first - before**2
    p = (last * first - here * before) / determinant
    q = (last * before - here**2) / determinant
    return _upper(p / (2 * q), jnp.sqrt(jnp.maximum(4 * q - p**2, 0)) / (2 * q))


def _upper(real: Array, imaginary: Array) -> Array:
    """Points of the upper half-plane: zeros come in conjugate pairs."""
    return jax.lax.complex(real, jnp.abs(imaginary))


def _count(z: Array, a: Array, radius: Array) -> Array:
    """Zeros in a disc: the mean of t F' / F over its edge, by the argument principle."""
    angles = jnp.asarray(2 * np.pi * (np.arange(_CONTOUR) + 0.5) / _CONTOUR, radius.dtype)
    edge = jax.lax.complex(radius * jnp.cos(angles), radius * jnp.sin(angles))
    turns = jax.vmap(lambda t: t * _newton(z, a, t)[2])(edge)
    return jnp.round(jnp.nan_to_num(jnp.mean(jnp.real(turns)))).astype(int)
