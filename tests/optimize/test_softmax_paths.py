"""Series and divergences along a line of logits."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from entropax import optimize

RNG = np.random.default_rng(5)
Z, A = RNG.normal(0, 2, (2, 20, 5))


def test_small_steps_keep_their_digits():
    """In float32, at steps from 1e-4 to 10, to 1e-5 of mpmath: no cancellation at either end."""
    z, a = Z[0].astype(np.float32), A[0].astype(np.float32)
    with mpmath.workdps(40):
        for tau in (1e-4, 1e-2, 0.3, 1.0, 10.0):
            start, rates = ([mpmath.mpf(float(v)) for v in values] for values in (z, a))
            ends = start, [s + float(np.float32(tau)) * r for s, r in zip(start, rates, strict=True)]
            p, q = ([mpmath.exp(s) / mpmath.fsum(map(mpmath.exp, end)) for s in end] for end in ends)
            for direction, (u, v) in {"forward": (p, q), "reverse": (q, p)}.items():
                exact = float(mpmath.fsum(x * mpmath.log(x / y) for x, y in zip(u, v, strict=True)))
                np.testing.assert_allclose(
                    optimize.kl_path(z, a, np.float32(tau), direction=direction), exact, rtol=3e-5
                )


def test_the_bounds_hold(x64):
    """20 random paths at steps up to 3 either way, both directions."""
    spread = optimize.logit_spread(A)
    for tau in (-3.0, -0.5, 0.1, 3.0):
        for direction in ("forward", "reverse"):
            gap = optimize.kl_path(Z, A, tau, direction=direction) - optimize.kl_path_quadratic(Z, A, tau)
            bound = optimize.kl_remainder_bound(jnp.full(20, tau), spread, direction=direction)
            assert np.all(np.abs(gap) <= bound)


def test_coefficients_are_derivatives(x64):
    """c_m m! is the m-th derivative of log sum exp along the path, for m up to 5, by automatic differentiation."""
    z, a = jnp.asarray(Z[1]), jnp.asarray(A[1])
    derivative = lambda t: jax.nn.logsumexp(z + t * a)  # noqa: E731
    c = optimize.taylor_coefficients(z, a, order=5)
    factorial = 1
    for m in range(6):
        np.testing.assert_allclose(c[m] * factorial, derivative(0.0), rtol=1e-10)
        derivative, factorial = jax.grad(derivative), factorial * (m + 1)
    np.testing.assert_array_equal(optimize.taylor_coefficients(z, a, order=0), c[:1])
    np.testing.assert_allclose(optimize.taylor_coefficients(z, jnp.full(5, 2.0), order=3)[1:], [2, 0, 0], atol=1e-15)


@pytest.mark.fast
def test_errors():
    with pytest.raises(ValueError, match="direction must be one of 'forward', 'reverse', got 'back'"):
        optimize.kl_path(Z, A, 1.0, direction="back")
    with pytest.raises(ValueError, match="order must be at least 0, got -1"):
        optimize.taylor_coefficients(Z, A, order=-1)
