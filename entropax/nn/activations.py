"""Activations without a singularity in the complex plane."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar


def ria(x: Real[ArrayLike, "*shape"], beta: RealScalar = 1.0) -> Float[Array, "*shape"]:
    """The rectifier averaged over Gaussian noise of width 1 / beta, x Phi(beta x) + phi(beta x) / beta.

    An entire function (`optimize.activation_radius` is infinite) that is convex, above ReLU, and tends to it as beta
    grows. Its derivative is Phi(beta x), so that it stays between a softplus and a ReLU in shape.

    Args:
        x: pre-activations, any shape.
        beta: sharpness, positive.

    Returns:
        The activations, the shape of x.

    Raises:
        ValueError: beta is not positive.

    Differentiable in both, in closed form. Source: arXiv 2603.13552.
    """
    x, beta = _checks.as_floats(x=x, beta=beta)
    if beta.ndim:
        raise ValueError(f"beta must be a number, got an array of shape {beta.shape}")
    return _checks.enforce(_ria(x, beta), _checks.positive("beta", beta))


def gauss_glu(
    value: Real[ArrayLike, "*shape"], gate: Real[ArrayLike, "*shape"], beta: RealScalar = 1.0
) -> Float[Array, "*shape"]:
    """A linear unit gated by the normal distribution function, value * Phi(beta gate).

    Like SwiGLU and GEGLU, but entire: no singularity limits its Taylor series. Value and gate are two projections of
    one input.

    Args:
        value: what passes, any shape.
        gate: what decides, the shape of value.
        beta: sharpness, positive.

    Returns:
        The activations, the shape of value.

    Raises:
        ValueError: shapes differ, or beta is not positive.

    Differentiable in all. Source: arXiv 2603.13552.
    """
    value, gate, beta = _checks.as_floats(value=value, gate=gate, beta=beta)
    _checks.require_same_shape(value=value, gate=gate)
    if beta.ndim:
        raise ValueError(f"beta must be a number, got an array of shape {beta.shape}")
    return _checks.enforce(value * jax.scipy.special.ndtr(beta * gate), _checks.positive("beta", beta))


def _density(x: Array) -> Array:
    return jnp.exp(-(x**2) / 2) * float(1 / np.sqrt(2 * np.pi))


@jax.custom_jvp
def _ria(x: Array, beta: Array) -> Array:
    return x * jax.scipy.special.ndtr(beta * x) + _density(beta * x) / beta


@_ria.defjvp
def _ria_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    # The derivative is Phi(beta x): the terms in phi cancel, which rounding would not let them do.
    (x, beta), (dx, dbeta) = primals, tangents
    return _ria(x, beta), jax.scipy.special.ndtr(beta * x) * dx - _density(beta * x) / beta**2 * dbeta
