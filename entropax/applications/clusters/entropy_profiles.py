"""Entropy against radius: a floor and a power law, and its fit."""

import math
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar

PIVOT = 100.0
"""Radius in kpc at which the power law is K100."""
MAX_STEPS = 256


class EntropyProfileFit(eqx.Module):
    """A fitted profile.

    Attributes:
        value: K0 and K100 in keV cm^2 and alpha, shape (3,).
        standard_error: of each, to first order, shape (3,).
        covariance: of the three, shape (3, 3).
        chi_squared: weighted sum of squared residuals.
        converged: whether this is a minimum, beyond which Newton's method would go no further than a thousandth of the
            standard errors, and these are finite.
        iterations: steps of the search before Newton's.
    """

    value: Float[Array, "3"]
    standard_error: Float[Array, "3"]
    covariance: Float[Array, "3 3"]
    chi_squared: Scalar
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


def entropy_profile(
    radii: Real[ArrayLike, "n"], K0: RealScalar, K100: RealScalar, alpha: RealScalar
) -> Float[Array, "n"]:
    """A floor and a power law, K(r) = K0 + K100 (r / 100 kpc)^alpha.

    Args:
        radii: r in kpc, positive, shape (n,).
        K0: floor in keV cm^2, not negative.
        K100: of the power law at 100 kpc in keV cm^2, positive.
        alpha: its exponent, 1.1 to 1.2 in most clusters.

    Returns:
        K in keV cm^2, shape (n,).

    Raises:
        ValueError: shapes do not fit or a value is out of range.

    Differentiable in all. Source: Cavagnolo et al. 2009, arXiv 0902.1802.
    """
    r, floor, norm, slope = _checks.as_floats(radii=radii, K0=K0, K100=K100, alpha=alpha)
    _checks.require_ndim("radii", r, 1, "(n,)")
    _checks.as_numbers(K0=floor, K100=norm, alpha=slope)
    checks = (
        _checks.positive("radii", r),
        _checks.nonnegative("K0", floor),
        _checks.positive("K100", norm),
        _checks.finite("alpha", slope),
    )
    return _checks.enforce(floor + norm * (r / PIVOT) ** slope, *checks)


def fit_entropy_profile(
    radii: Real[ArrayLike, "n"],
    entropy: Real[ArrayLike, "n"],
    *,
    relative_error: Real[ArrayLike, "n"] | None = None,
) -> EntropyProfileFit:
    """Fits a floor and a power law by weighted least squares in log K.

    Minimises sum_i ((log K_i - log(K0 + K100 (r_i / 100 kpc)^alpha)) / e_i)^2 over log K0, log K100 and alpha with
    Levenberg and Marquardt's method. A profile without a floor drives log K0 to minus infinity: the fit is then not
    converged, or its standard error exceeds K0. K0 is not the mean in an aperture of `central_entropy`.

    Args:
        radii: r in kpc, positive, shape (n,), n >= 4.
        entropy: K in keV cm^2, positive, shape (n,).
        relative_error: e, standard errors of log K, positive, shape (n,). None: all equal, and of the size that the
            scatter about the fit gives them.

    Returns:
        The fit.

    Raises:
        ValueError: shapes do not fit or a value is not positive.

    Differentiable in all, by the implicit function theorem at the minimum. Source: as `entropy_profile`.
    """
    given = jnp.ones(()) if relative_error is None else relative_error
    r, K, e = (_checks.accumulated(x) for x in _checks.as_floats(radii=radii, entropy=entropy, relative_error=given))
    if relative_error is None:
        e = jnp.ones_like(K)
    if r.ndim != 1 or r.shape[0] < 4:
        raise ValueError(f"radii must have shape (n,) with n >= 4, got {r.shape}")
    _checks.require_same_shape(radii=r, entropy=K, relative_error=e)
    checks = (_checks.positive("radii", r), _checks.positive("entropy", K), _checks.positive("relative_error", e))
    r, K, e = _checks.enforce((r, K, e), *checks)
    return _checks.enforce(_fit(r, K, e, relative_error is None), *checks)


Data: TypeAlias = tuple[Array, Array, Array]


def _residuals(p: Array, data: Data) -> Array:
    """(log model - log K) / e with p = (log K0, log K100, alpha)."""
    log_x, log_K, e = data
    return (jnp.logaddexp(p[0], p[1] + p[2] * log_x) - log_K) / e


def _half_square(p: Array, data: Data) -> Array:
    return jnp.sum(_residuals(p, data) ** 2) / 2


def _search(data: Data) -> tuple[Array, Array]:
    """Nearly the minimum, and the number of steps; no gradients.

    Newton's steps after it double the digits, so half of them do here. With all, the search goes up and down by
    rounding and does not end.
    """
    # With float64 switched on optimistix makes its damping float64 whatever the data are. Data that are not finite,
    # of which it would make an error at run time, are NaN in the result anyway.
    wide = jnp.result_type(float)
    log_x, log_K, e = jax.lax.stop_gradient(data)
    fit_ones = jnp.all(jnp.isfinite(log_x + log_K + e))
    stand_in = jnp.linspace(-1, 1, log_x.shape[0], dtype=log_x.dtype)
    safe = [jnp.where(fit_ones, x, other) for x, other in ((log_x, stand_in), (log_K, stand_in), (e, 1))]
    log_x, log_K, e = (x.astype(wide) for x in safe)
    start = jnp.stack([jnp.min(log_K) - math.log(2), jnp.mean(log_K - 1.1 * log_x), jnp.asarray(1.1, wide)])
    tolerance = float(jnp.finfo(wide).eps) ** 0.5
    solver = optimistix.LevenbergMarquardt(rtol=tolerance, atol=tolerance)
    found = optimistix.least_squares(
        _residuals, solver, start, args=(log_x, log_K, e), max_steps=MAX_STEPS, throw=False
    )
    return found.value.astype(data[0].dtype), jnp.asarray(found.stats["num_steps"], jnp.int32)


def _inverse(matrix: Array) -> Array:
    """Of a matrix of three rows, by cross products: no call of LAPACK."""
    a, b, c = matrix
    columns = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], axis=1)
    return columns / jnp.dot(a, jnp.cross(b, c))


def _newton(p: Array, data: Data) -> Array:
    return _inverse(jax.hessian(_half_square)(p, data)) @ jax.grad(_half_square)(p, data)


def _at_minimum(p: Array, data: Data, errors: Array) -> Array:
    """Whether another step is short against the errors of (log K0, log K100, alpha), and goes down.

    The errors are those of the logarithms of the data; the rounding of p bounds the length where they are none.
    """
    p, data = jax.lax.stop_gradient((p, data))
    step, slope = _newton(p, data), jax.grad(_half_square)(p, data)
    rounding = jnp.finfo(p.dtype).eps ** 0.5 * (1 + jnp.abs(p))
    a, b, c = curvature = jax.hessian(_half_square)(p, data)
    minors = a[0], a[0] * b[1] - a[1] * b[0], jnp.dot(a, jnp.cross(b, c))
    convex = jnp.all(jnp.stack(minors) > 0) & jnp.all(jnp.isfinite(curvature))
    return jnp.all(jnp.abs(step) <= 1e-3 * errors + rounding) & convex & jnp.all(jnp.isfinite(slope))


@eqx.filter_jit
def _fit(r: Array, K: Array, e: Array, scaled: bool) -> EntropyProfileFit:
    data = jnp.log(r / PIVOT), jnp.log(K), e
    p, steps = jax.lax.stop_gradient(_search(data))
    for _ in range(2):  # from the minimum Newton's steps are zero; they carry first and second derivatives
        p = p - _newton(p, data)
    chi_squared, slopes = 2 * _half_square(p, data), jax.jacfwd(_residuals)(p, data)
    spread = chi_squared / (r.shape[0] - 3) if scaled else jnp.ones_like(chi_squared)
    value = jnp.exp(p).at[2].set(p[2])
    per_parameter = value.at[2].set(1)
    covariance = spread * per_parameter[:, None] * _inverse(slopes.T @ slopes) * per_parameter[None]
    errors = jnp.sqrt(jnp.diag(covariance))
    done = _at_minimum(p, data, jax.lax.stop_gradient(errors / per_parameter)) & jnp.all(jnp.isfinite(errors))
    return EntropyProfileFit(value, errors, covariance, chi_squared, done, steps)
