"""How entropy grows with the length of routes."""

import equinox as eqx
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import ArrayLike, Real, Scalar


class EntropyDistanceFit(eqx.Module):
    """A power law S = a D^b through routes.

    Attributes:
        value: the exponent b.
        prefactor: a, in nats over the unit of distance to the power b.
        r_squared: share of the variance of ln S that the law explains; NaN where ln S does not vary.
        standard_error: of b, if the scatter of ln S is independent and of one size.
    """

    value: Scalar
    prefactor: Scalar
    r_squared: Scalar
    standard_error: Scalar


def fit_entropy_distance(entropy: Real[ArrayLike, "routes"], distance: Real[ArrayLike, "routes"]) -> EntropyDistanceFit:
    """Least squares of ln S = ln a + b ln D over routes.

    Scatter of D at given S makes b smaller than the law's (regression dilution): S is explained by D, not the reverse.
    For N stops in a fixed area D is about 0.71 sqrt(N A) and ln N! about N ln N - N, so that b is a little above 2 with
    no scatter and no way from the depot to the stops.

    Args:
        entropy: S of every route in nats, positive, shape (routes,), of three routes at least.
        distance: D, positive and not all the same, shape (routes,).

    Returns:
        The fit.

    Raises:
        ValueError: a value is not positive, logarithms of distances are all the same, there are fewer than three, or
            shapes do not fit.

    Differentiable in both. Source: arXiv 2605.00008 (abstract: "non-linear scaling"); the power law is our reading.
    """
    S, D = (_checks.accumulated(x) for x in _checks.as_floats(entropy=entropy, distance=distance))
    _checks.require_ndim("entropy", S, 1, "(routes,)")
    _checks.require_same_shape(entropy=S, distance=D)
    if len(S) < 3:
        raise ValueError(f"entropy must have at least 3 routes, got {len(S)}")
    with _checks.evaluated_now(D):
        spread = _checks.positive("the spread of distance", jnp.ptp(jnp.log(D)))
    checks = (_checks.positive("entropy", S), _checks.positive("distance", D), spread)
    y, x = jnp.log(S), jnp.log(D)
    dy, dx = y - jnp.mean(y), x - jnp.mean(x)
    square = jnp.sum(dx**2)
    slope = jnp.sum(dx * dy) / square
    left = jnp.sum((dy - slope * dx) ** 2)
    fit = EntropyDistanceFit(
        value=slope,
        prefactor=jnp.exp(jnp.mean(y) - slope * jnp.mean(x)),
        r_squared=1 - left / jnp.sum(dy**2),
        standard_error=jnp.sqrt(left / ((len(S) - 2) * square)),
    )
    return _checks.enforce(fit, *checks)
