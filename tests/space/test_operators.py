"""Divergence operators against closed forms, reverse-mode Jacobians and exact averages over probes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import space
from tests.contract.harness import CompileCounter

MATRIX = np.random.default_rng(0).standard_normal((6, 6))


def swirl(x):
    """A field of a 2 x 3 array whose Jacobian is full."""
    flat = x.reshape(-1)
    return (jnp.sin(jnp.asarray(MATRIX, x.dtype) @ flat) + flat**3).reshape(x.shape)


@pytest.fixture
def point():
    return np.random.default_rng(1).standard_normal((2, 3))


@pytest.mark.parametrize("block_size", [None, 1, 4, 6, 100])
def test_diagonal_is_that_of_the_jacobian(block_size, point, x64):
    """Whatever the blocks, the value and the diagonal are those of jax.jacrev."""
    x = jnp.asarray(point)
    value, diagonal = space.value_and_jacobian_diagonal(swirl, x, block_size=block_size)
    jacobian = jax.jacrev(swirl)(x).reshape(6, 6)
    np.testing.assert_allclose(value, swirl(x), rtol=1e-14)
    np.testing.assert_allclose(diagonal, np.diagonal(jacobian).reshape(2, 3), rtol=1e-12)
    np.testing.assert_allclose(space.divergence(swirl, x, block_size=block_size), np.trace(jacobian), rtol=1e-12)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 1, 2)])
def test_any_shape(shape):
    """The divergence of the identity is the number of coordinates, of a number and of nothing too."""
    x = jnp.ones(shape)
    assert float(space.divergence(lambda y: y, x)) == x.size
    value, diagonal = space.value_and_jacobian_diagonal(lambda y: y, x)
    assert value.shape == diagonal.shape == shape


def test_one_coordinate_does_not_spoil_another():
    """An infinite slope stays where it is; sums over one particle or one degree of freedom need that."""
    x = jnp.asarray([0.0, 4.0])
    _, diagonal = space.value_and_jacobian_diagonal(lambda y: jnp.stack([jnp.sqrt(y[0]), y[1] ** 2]), x)
    np.testing.assert_array_equal(diagonal, [np.inf, 8.0])


@pytest.mark.parametrize("block_size", [None, 2])
def test_gradients_by_the_field_and_the_point(block_size, point, x64):
    """d div f / d a and d div f / dx in reverse and forward mode, for f = sin(a x) |x|^2, against the closed form."""
    x = jnp.asarray(point)

    def divergence(a, x):
        return space.divergence(lambda y: jnp.sin(a * y) * jnp.sum(y**2), x, block_size=block_size)

    def closed(a, x):
        return jnp.sum(a * jnp.cos(a * x) * jnp.sum(x**2) + 2 * x * jnp.sin(a * x))

    for transform in (jax.grad, jax.jacfwd):
        ours, expected = transform(divergence, argnums=(0, 1)), transform(closed, argnums=(0, 1))
        for got, want in zip(jax.jit(ours)(0.7, x), expected(0.7, x), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def test_batches(point, x64):
    """vmap over points equals a loop."""
    xs = jnp.stack([jnp.asarray(point), 2 * jnp.asarray(point)])
    for block_size in (None, 2):
        batched = jax.vmap(lambda x, size=block_size: space.divergence(swirl, x, block_size=size))(xs)
        np.testing.assert_allclose(batched, [space.divergence(swirl, x) for x in xs], rtol=1e-12)


def test_blocks_compile_once(point):
    """A second bare call with blocks and the same shapes compiles nothing, under an eager vmap neither."""
    x = jnp.asarray(point)
    other = x + 1
    batched = jax.vmap(lambda y: space.divergence(swirl, y, block_size=2))
    space.divergence(swirl, x, block_size=2), batched(x[None])
    with CompileCounter() as counter:
        space.divergence(swirl, other, block_size=2), batched(other[None])
    assert counter.count == 0


def test_hutchinson_is_unbiased(point, x64, monkeypatch):
    """The mean of the estimate over all 2^6 sign probes is the divergence, exactly; so is that of every term."""
    x = jnp.asarray(point)
    signs = jnp.asarray(list(itertools.product([-1.0, 1.0], repeat=6))).reshape(-1, 2, 3)
    monkeypatch.setattr(jax.random, "rademacher", lambda key, shape, dtype: signs.astype(dtype))
    value, terms = space.value_and_hutchinson_diagonal(swirl, x, key=jax.random.key(0), num_probes=len(signs))
    np.testing.assert_allclose(value, swirl(x), rtol=1e-14)
    _, diagonal = space.value_and_jacobian_diagonal(swirl, x)
    np.testing.assert_allclose(jnp.mean(terms, axis=0), diagonal, rtol=1e-11, atol=1e-13)
    # The variance of a sum is that of the symmetrised off-diagonal part: sum_{i<j} (J_ij + J_ji)^2.
    jacobian = np.asarray(jax.jacrev(swirl)(x)).reshape(6, 6)
    expected = np.sum(np.triu(jacobian + jacobian.T, 1) ** 2)
    np.testing.assert_allclose(np.var(np.sum(terms, axis=(1, 2))), expected, rtol=1e-10)


@pytest.mark.parametrize("distribution", ["rademacher", "normal"])
def test_hutchinson_mean_and_variance(distribution, getkey, x64):
    """With 40,000 probes the mean of z.Jz is tr J within 4 standard errors, its variance the known one within 5%.

    Var z.Jz is 2 |S|^2 for normal probes and 2 |S|^2 - 2 sum S_ii^2 for signs, S the symmetric part of J; the
    relative standard error of a variance from 40,000 draws is about 1%.
    """
    J = MATRIX
    symmetric = (J + J.T) / 2
    variance = 2 * np.sum(symmetric**2) - (2 * np.sum(np.diag(J) ** 2) if distribution == "rademacher" else 0)
    _, terms = space.value_and_hutchinson_diagonal(
        lambda x: jnp.asarray(J) @ x, jnp.zeros(6), key=getkey(), num_probes=40_000, distribution=distribution
    )
    draws = np.asarray(terms).sum(axis=1)
    assert abs(draws.mean() - np.trace(J)) < 4 * np.sqrt(variance / 40_000)
    np.testing.assert_allclose(draws.var(), variance, rtol=0.05)


def test_signs_are_exact_on_a_diagonal_jacobian(getkey, x64):
    """One sign probe gives the divergence exactly where every f_i depends on x_i alone."""
    x = jnp.linspace(-1.0, 2.0, 5)
    estimate = space.hutchinson_divergence(jnp.sin, x, key=getkey())
    np.testing.assert_allclose(estimate, np.sum(np.cos(x)), rtol=1e-14)


def test_probes_are_averaged(point, getkey, x64):
    """hutchinson_divergence is the mean over probes of the sums of the terms with the same key."""
    key = getkey()
    _, terms = space.value_and_hutchinson_diagonal(swirl, jnp.asarray(point), key=key, num_probes=3)
    estimate = space.hutchinson_divergence(swirl, jnp.asarray(point), key=key, num_probes=3)
    np.testing.assert_allclose(estimate, np.mean(np.sum(terms, axis=(1, 2))), rtol=1e-12)
    assert len(np.unique(np.sum(terms, axis=(1, 2)))) == 3


@pytest.mark.fast
def test_errors(getkey):
    x = jnp.ones(3)
    with pytest.raises(ValueError, match=r"field must return the shape of the point, \(3,\), got \(\)"):
        space.divergence(jnp.sum, x)
    with pytest.raises(ValueError, match="block_size must be at least 1, got 0"):
        space.divergence(jnp.sin, x, block_size=0)
    with pytest.raises(ValueError, match="num_probes must be at least 1, got 0"):
        space.hutchinson_divergence(jnp.sin, x, key=getkey(), num_probes=0)
    with pytest.raises(ValueError, match="distribution must be one of 'rademacher', 'normal', got 'uniform'"):
        space.hutchinson_divergence(jnp.sin, x, key=getkey(), distribution="uniform")
