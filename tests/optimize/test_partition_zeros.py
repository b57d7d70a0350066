"""The nearest zero of a partition function against the roots of polynomials."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import optimize


def nearest_by_roots(z):
    """With a = 0, 1, ..., n - 1 the partition function is a polynomial in exp(t), whose roots numpy finds."""
    roots = np.roots(np.exp(z)[::-1])
    return np.min(np.abs(np.log(roots.astype(complex))))


def test_against_the_roots_of_polynomials(x64):
    """150 random examples of 6 classes from flat to peaked: the same radius, and nothing nearer by the count."""
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(0, s, (50, 6)) for s in (0.3, 2, 8)])
    found = optimize.partition_zero(z, np.broadcast_to(np.arange(6.0), z.shape))
    np.testing.assert_allclose(found.value, [nearest_by_roots(row) for row in z], rtol=1e-9)
    assert np.all(found.converged)
    assert np.all(found.num_nearer == 0)
    single = optimize.partition_zero(z.astype(np.float32), np.broadcast_to(np.arange(6, dtype=np.float32), z.shape))
    assert single.value.dtype == jnp.float32
    np.testing.assert_allclose(single.value, found.value, rtol=1e-5)


def test_the_count_sees_a_nearer_zero(x64):
    """Stopped after one Newton step, what is not the nearest zero is not called one."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(50, 6))
    found = optimize.partition_zero(z, np.broadcast_to(np.arange(6.0), z.shape), num_steps=1)
    exact = np.array([nearest_by_roots(row) for row in z])
    right = np.isclose(found.value, exact, rtol=1e-6)
    assert not np.all(found.converged)
    assert np.all(right[np.asarray(found.converged)])


def test_without_a_zero(x64):
    """Logits that move together have none: infinite, converged, without a gradient."""
    z = jnp.array([0.3, -1, 2])
    found = optimize.partition_zero(z, jnp.full(3, 0.7))
    assert found.value == jnp.inf
    assert bool(found.converged)
    assert np.all(jax.grad(lambda z: optimize.partition_zero(z, jnp.full(3, 0.7)).value)(z) == 0)
    assert optimize.binary_radius(1.0, 0.0) == jnp.inf


def test_two_classes_are_exact(x64):
    """The search finds the closed form, and its gradient is the closed form's."""
    z, a = jnp.array([1.5, -0.5]), jnp.array([0.3, 1.1])
    by_search = jax.value_and_grad(lambda z, a: optimize.partition_zero(z, a).value, argnums=(0, 1))
    closed = jax.value_and_grad(lambda z, a: optimize.binary_radius(z[0] - z[1], jnp.abs(a[0] - a[1])), argnums=(0, 1))
    for ours, exact in zip(jax.tree.leaves(by_search(z, a)), jax.tree.leaves(closed(z, a)), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-12)


@pytest.mark.fast
def test_errors():
    with pytest.raises(ValueError, match="num_steps must be at least 1"):
        optimize.partition_zero(jnp.zeros(3), jnp.arange(3.0), num_steps=0)
    with pytest.raises(ValueError, match="a must be finite, got nan"):
        optimize.partition_zero(jnp.zeros(3), jnp.array([1, jnp.nan, 0]))
