"""What a failed check does to results and gradients, inside jit and out of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import _checks

GOOD, BAD = jnp.array([1.0, -2.0, 0.0]), jnp.array([1.0, -2.0, jnp.nan])


def squares(x):
    return _checks.enforce(x**2, _checks.finite("x", x))


def signs(x):
    return _checks.enforce((x > 0).astype(jnp.float32), _checks.finite("x", x))


@pytest.mark.fast
@pytest.mark.parametrize("function", [squares, signs])
def test_a_failed_check_spoils_every_entry(function):
    """Those that are truth values too, whose product with NaN a compiler takes for a selection; a good one none."""
    assert np.all(np.isnan(jax.jit(function)(BAD)))
    np.testing.assert_array_equal(jax.jit(function)(GOOD), function(GOOD))
    with pytest.raises(ValueError, match="x must be finite, got nan at flat index 2"):
        function(BAD)


@pytest.mark.fast
def test_gradients_are_spoiled_too():
    slope = jax.jit(jax.grad(lambda x: squares(x).sum()))
    assert np.all(np.isnan(slope(BAD)))
    np.testing.assert_array_equal(slope(GOOD), 2 * GOOD)


@pytest.mark.fast
def test_checks_by_example_spoil_their_own():
    """And signs of zeros are kept."""
    rows = jnp.array([[-0.0, 1.0], [jnp.inf, 0.0]])
    found = jax.jit(lambda x: _checks.enforce(x * 1, _checks.finite("x", x, batch_ndim=1)))(rows)
    np.testing.assert_array_equal(found[0], rows[0])
    assert np.signbit(found[0, 0])
    assert np.all(np.isnan(found[1]))


@pytest.mark.fast
@pytest.mark.parametrize("transformed", [jax.grad, jax.jacfwd, lambda f: lambda x: jax.vjp(f, x)])
def test_what_is_differentiated_outside_jit_is_refused_in_words(transformed):
    """There a bad value is known, and the error says which: it is not one about tracers."""
    with pytest.raises(ValueError, match="x must be finite, got nan at flat index 2"):
        transformed(lambda x: squares(x).sum())(BAD)

    def total(p):
        return _checks.enforce(jnp.sum(p), _checks.distribution("p", p))

    with pytest.raises(ValueError, match=r"p must be non-negative and sum .* smallest entry 0.5 and sum 1.1"):
        transformed(total)(jnp.array([0.5, 0.6]))

    def root(matrix):
        return _checks.enforce(jnp.sum(matrix), _checks.positive_definite("matrix", matrix))

    with pytest.raises(ValueError, match=r"matrix must be symmetric and positive definite, got eigenvalues from -1"):
        transformed(root)(-jnp.eye(2))

    def odd(x):
        return _checks.enforce(x**2, _checks.Check(x > 0, "x must be positive", lambda: f"{x:.3f}"))

    with pytest.raises(ValueError, match="x must be positive, got another value under differentiation"):
        transformed(odd)(-1.0)
