"""B-splines of any order: the functions on the edges of a Kolmogorov-Arnold network."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar

_SPELT_OUT = 32
"""So many functions, or fewer, are written down one by one."""


def bspline_basis(
    x: Real[ArrayLike, "*shape"], knots: Real[ArrayLike, "m"], *, order: int = 3
) -> Float[Array, "*shape n"]:
    """The B-splines on a row of knots, by the recursion of Cox and de Boor.

    B_(g,0)(x) = 1 for t_g <= x < t_(g+1), else 0;
    B_(g,k)(x) = (x - t_g) / (t_(g+k) - t_g) B_(g,k-1)(x) + (t_(g+k+1) - x) / (t_(g+k+1) - t_(g+1)) B_(g+1,k-1)(x).

    Inside [t_k, t_(m-1-k)] they sum to one; beyond the first and the last knot all are zero. Of order 0 the last
    interval is closed, so that the end of the range is not lost.

    Args:
        x: where, any shape.
        knots: t, increasing, shape (m,) with m >= order + 2; `extend_knots` adds those outside of a range.
        order: k, the degree of the pieces, at least 0.

    Returns:
        The m - k - 1 functions at each x, shape (..., m - k - 1).

    Raises:
        ValueError: the order is negative, there are too few knots, or they do not increase.

    Differentiable in x and the knots; of order 1 with kinks, and of order 0 not at all, at the knots. Source: de Boor
    1978; arXiv 2404.19756.
    """
    _checks.require_integer("order", order, minimum=0)
    x, t = _checks.as_floats(x=x, knots=knots)
    if t.ndim != 1 or t.shape[0] < order + 2:
        raise ValueError(f"knots must have shape (m,) with m >= order + 2 = {order + 2}, got {t.shape}")
    dtype, x, t = x.dtype, _checks.accumulated(x), _checks.accumulated(t)
    basis = cox_de_boor(x.reshape(-1), t[:, None], order)
    return _checks.enforce(basis.T.reshape(*x.shape, -1).astype(dtype), _increasing(t))


def extend_knots(knots: Real[ArrayLike, "n"], *, order: int = 3) -> Float[Array, "m"]:
    """Knots with `order` more on either side, so that the splines of that order span the range up to both ends.

    The steps outside are those of an even division of the range, (t_G - t_0) / G.

    Args:
        knots: ends of the G intervals of a range, increasing, shape (G + 1,).
        order: k, at least 0.

    Returns:
        The knots, shape (G + 1 + 2 k,), on which there are G + k functions.

    Raises:
        ValueError: the order is negative, there are fewer than two knots, or they do not increase.

    Differentiable in the knots. Source: arXiv 2404.19756.
    """
    _checks.require_integer("order", order, minimum=0)
    t = _checks.as_float("knots", knots)
    if t.ndim != 1 or t.shape[0] < 2:
        raise ValueError(f"knots must have shape (n,) with n >= 2, got {t.shape}")
    dtype, t = t.dtype, _checks.accumulated(t)
    return _checks.enforce(extended(t[:, None], order)[:, 0].astype(dtype), _increasing(t))


def kan_edge(
    x: Real[ArrayLike, "*shape"],
    coefficients: Real[ArrayLike, "n"],
    base_weight: RealScalar,
    spline_weight: RealScalar,
    knots: Real[ArrayLike, "m"],
    *,
    order: int = 3,
) -> Float[Array, "*shape"]:
    """One edge of a Kolmogorov-Arnold network, phi(x) = w_b SiLU(x) + w_s sum_g c_g B_g(x).

    Beyond the outermost knots the spline vanishes and w_b SiLU(x) is all there is.

    Args:
        x: where, any shape.
        coefficients: c, shape (n,) with n = m - order - 1.
        base_weight: w_b.
        spline_weight: w_s.
        knots: t, increasing, shape (m,).
        order: k, at least 0.

    Returns:
        The values, of the shape of x.

    Raises:
        ValueError: a shape does not fit, the order is negative, or the knots do not increase.

    Differentiable in all. Source: arXiv 2404.19756.
    """
    x, c, w_b, w_s, t = _checks.as_floats(
        x=x, coefficients=coefficients, base_weight=base_weight, spline_weight=spline_weight, knots=knots
    )
    basis = bspline_basis(x, t, order=order)
    _checks.require_shape("coefficients", c, basis.shape[-1:])
    _checks.require_shape("base_weight", w_b, ())
    _checks.require_shape("spline_weight", w_s, ())
    return _checks.enforce(w_b * jax.nn.silu(x) + w_s * (basis @ c), _increasing(t))


def _increasing(t: Array) -> _checks.Check:
    with _checks.evaluated_now(t):
        ok = jnp.all(jnp.diff(t) > 0) & jnp.all(jnp.isfinite(t))
    return _checks.Check(ok, "knots must be finite and increase", lambda: f"{t}")


def extended(t: Array, order: int) -> Array:
    """Knots of several inputs with `order` more on either side.

    Args:
        t: knots, shape (G + 1, inputs).
        order: k.

    Returns:
        Shape (G + 2 k + 1, inputs).
    """
    step = (t[-1:] - t[:1]) / (t.shape[0] - 1)
    outside = jnp.arange(1, order + 1, dtype=t.dtype)[:, None] * step
    return jnp.concatenate([t[:1] - outside[::-1], t, t[-1:] + outside])


@functools.partial(jax.jit, static_argnames="order")
def cox_de_boor(x: Array, t: Array, order: int) -> Array:
    """The functions of inputs with knots of their own.

    Their slopes are made of the functions of one order less, B'_(g,k) = k [B_(g,k-1) / (t_(g+k) - t_g) -
    B_(g+1,k-1) / (t_(g+k+1) - t_(g+1))]: a reverse pass through the recursion keeps every step of it.

    Args:
        x: shape (..., inputs).
        t: shape (m, inputs) or (m, 1).
        order: k.

    Returns:
        Shape (..., m - k - 1, inputs).
    """
    return _cox_de_boor(x, t, order, order == 0)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _cox_de_boor(x: Array, t: Array, order: int, closed: bool) -> Array:
    """`cox_de_boor`, with the last interval of order 0 closed or open."""
    return _recursion(x, t, order, closed)


def _cox_de_boor_slopes(order: int, closed: bool, primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> Any:
    (x, t), (dx, dt) = primals, tangents
    value = _cox_de_boor(x, t, order, closed)
    change = jnp.zeros_like(value)
    if order and type(dx) is not SymbolicZero:
        weight = _per_function(order / (t[order:] - t[:-order]), x) * _cox_de_boor(x, t, order - 1, False)
        change = change + (weight[..., :-1, :] - weight[..., 1:, :]) * dx[..., None, :]
    if order and type(dt) is not SymbolicZero:
        change = change + jax.jvp(lambda t: _recursion(x, t, order, closed), (t,), (dt,))[1]
    return value, change


_cox_de_boor.defjvp(_cox_de_boor_slopes, symbolic_zeros=True)


def _recursion(x: Array, t: Array, order: int, closed: bool) -> Array:
    t = _per_function(t, x)
    x = x[..., None, :]
    inside = (x >= t[..., :-1, :]) & (x < t[..., 1:, :])
    if closed:
        inside = inside.at[..., -1, :].set(inside[..., -1, :] | (x[..., 0, :] == t[..., -1, :]))
    basis = jnp.where(jnp.isnan(x), x, inside.astype(x.dtype))
    # Far outside the ramps would overflow, and 0 of infinity is not 0.
    x = jnp.clip(x, t[..., :1, :], t[..., -1:, :])
    for k in range(1, order + 1):
        rise = (x - t[..., : -k - 1, :]) / (t[..., k:-1, :] - t[..., : -k - 1, :])
        fall = (t[..., k + 1 :, :] - x) / (t[..., k + 1 :, :] - t[..., 1:-k, :])
        basis = rise * basis[..., :-1, :] + fall * basis[..., 1:, :]
    return basis


def _per_function(rows: Array, x: Array) -> Array:
    """Rows (n, inputs) with axes of length one for those that x has in front."""
    return rows.reshape((1,) * (x.ndim - 1) + rows.shape)


@functools.partial(jax.jit, static_argnames=("start", "stop", "intervals", "order"))
def uniform_basis(x: Array, *, start: float, stop: float, intervals: int, order: int) -> Array:
    """The same functions on evenly spaced knots, extended, by a closed form: all of them are one, shifted.

    N_k(v) = 1/k! sum_(j <= k/2) (-1)^j C(k + 1, j) max(s - j, 0)^k with s = min(v, k + 1 - v), v in steps from the
    function's first knot. It is symmetric, so terms beyond the middle are left out, and with them their rounding.

    Args:
        x: shape (..., inputs).
        start: a, where the range begins.
        stop: b, where it ends.
        intervals: G.
        order: k.

    Returns:
        Shape (..., G + k, inputs).
    """
    first = jnp.arange(-order, intervals, dtype=x.dtype)
    u = (x - start) * (intervals / (stop - start))
    if first.size <= _SPELT_OUT and order:
        # XLA makes one loop of the gradient by x then; of a sum over an axis it writes out the terms first.
        functions = [_cardinal(u - (g - order), order)[..., None, :] for g in range(first.size)]
        return jnp.concatenate(functions, axis=-2)  # a stack's gradient is transposed
    v = u[..., None, :] - first.reshape((1,) * (x.ndim - 1) + (-1, 1))
    if order:
        return _cardinal(v, order)
    last = (first == intervals - 1).reshape((1,) * (x.ndim - 1) + (-1, 1))
    # The end is asked of x: rounding may take v past 1 there.
    inside = (v >= 0) & jnp.where(last, (x <= stop)[..., None, :], v < 1)
    return jnp.where(jnp.isnan(v), v, inside.astype(x.dtype))


def _cardinal(v: Array, order: int) -> Array:
    """N_k(v) for k of at least 1."""
    # A selection, not a minimum or an absolute value: its slope in the middle is +-1, never their average 0, and so
    # the second derivative on a knot is right.
    s = jnp.where(v < (order + 1) / 2, v, order + 1 - v)
    terms = [
        ((-1) ** j * math.comb(order + 1, j) / math.factorial(order)) * jax.nn.relu(s - j) ** order
        for j in range(order // 2 + 1)
    ]
    return functools.reduce(jnp.add, terms)
