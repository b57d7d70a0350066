"""Where the activation functions of a network stop being analytic."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real

KINDS = ("relu", "sigmoid", "softplus", "silu", "tanh", "gelu_tanh", "gelu")
_POLES = 128
"""Poles of tanh whose preimages are kept for gelu_tanh: enough for |h| up to 20, where it is the identity or zero."""


def _gelu_tanh_singularities() -> np.ndarray:
    """Where sqrt(2 / pi) (x + 0.044715 x^3) is i pi (k + 1/2), a pole of tanh, in the upper right quarter-plane."""
    poles = 1j * np.pi * (np.arange(-_POLES, _POLES) + 0.5) / math.sqrt(2 / np.pi)
    roots = np.concatenate([np.roots([0.044715, 0, 1, -pole]) for pole in poles])
    real, imaginary = np.real(roots), np.imag(roots)
    real = np.where(np.abs(real) < 1e-9, 0, real)
    return np.stack([real, imaginary])[:, (real >= 0) & (imaginary > 0)]


_GELU_TANH = _gelu_tanh_singularities()


def activation_radius(
    h: Real[ArrayLike, "*shape"], hdot: Real[ArrayLike, "*shape"], *, kind: str
) -> Float[Array, "*shape"]:
    """How far a pre-activation can go along h + tau hdot before its activation stops being analytic in complex tau.

    rho = min_s |s - h| / |hdot| over the singularities s: i pi (2 k + 1) of the logistic function, softplus and SiLU;
    i pi (k + 1/2) of tanh; where the argument of its tanh is one of those for GELU by tanh (the default of
    jax.nn.gelu), up to |h| = 20, beyond which they are too faint for floats; the kink at 0 of ReLU; none of the exact
    GELU, nor of `nn.ria` and `nn.gauss_glu`, which are entire. A network's radius is the least over its layers; for
    ReLU a low quantile over units says more than the minimum.

    Args:
        h: pre-activations, any shape.
        hdot: dh/dtau along the direction, the shape of h.
        kind: "relu", "sigmoid", "softplus", "silu", "tanh", "gelu_tanh" or "gelu".

    Returns:
        rho, the shape of h, in the unit of tau; infinite where hdot is 0 or nothing is singular.

    Raises:
        ValueError: an unknown kind, shapes that differ, or an entry that is not finite.

    Differentiable in both, away from hdot = 0, and from h = 0 for ReLU. Source: arXiv 2603.13552.
    """
    _checks.require_option("kind", kind, KINDS)
    h, hdot = (_checks.accumulated(x) for x in _checks.as_floats(h=h, hdot=hdot))
    _checks.require_same_shape(h=h, hdot=hdot)
    checks = (_checks.finite("h", h), _checks.finite("hdot", hdot))
    return _checks.enforce(_radius(h, hdot, kind), *checks)


def _radius(h: Array, hdot: Array, kind: str) -> Array:
    moves = hdot != 0
    speed = jnp.abs(jnp.where(moves, hdot, 1))
    if kind == "gelu":
        return jnp.full_like(h, jnp.inf)
    return jnp.where(moves, _distance(h, kind) / speed, jnp.inf)


def _distance(h: Array, kind: str) -> Array:
    """From h to the nearest singularity."""
    if kind == "relu":
        return jnp.abs(h)
    if kind in ("sigmoid", "softplus", "silu"):
        return _hypot(h, np.pi)
    if kind == "tanh":
        return _hypot(h, np.pi / 2)
    real, imaginary = jnp.asarray(_GELU_TANH, h.dtype)
    off = jnp.expand_dims(jnp.abs(h), -1) - real.reshape((1,) * h.ndim + (-1,))
    nearest = jnp.argmin(jax.lax.stop_gradient(off) ** 2 + imaginary.reshape((1,) * h.ndim + (-1,)) ** 2, axis=-1)
    return _hypot(jnp.abs(h) - real[nearest], imaginary[nearest])


def _hypot(x: Array, y: Array | float) -> Array:
    """sqrt(x^2 + y^2) for y that is never 0, without overflow, differentiable any number of times."""
    return jnp.hypot(x, jnp.broadcast_to(jnp.asarray(y, x.dtype), x.shape))
