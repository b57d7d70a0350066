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
