"""Steps within the radius of convergence: edges, composition, dtypes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import nn, optimize

W = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
X = jnp.asarray(np.random.default_rng(1).normal(size=(5, 3)), jnp.float32)


def linear(w, x):
    return x @ w


def updated(transformation, updates, params, logits_fn=linear, batch=X):
    return transformation.update(updates, transformation.init(params), params, logits_fn=logits_fn, batch=batch)


@pytest.mark.fast
def test_what_moves_no_difference_of_logits_has_no_limit():
    """A shift of all logits, and an update of zeros: infinite radius, nothing done, finite gradients."""
    for step in (jnp.ones((3, 4)), jnp.zeros((3, 4))):
        assert optimize.convergence_radius_bound(linear, W, step, X) == jnp.inf
        for transformation in (optimize.radius_clip(), optimize.radius_step()):
            moved, state = updated(transformation, step, W)
            np.testing.assert_array_equal(moved, step)
            assert state.normalized_step == 0
            assert state.scale == 1
    assert optimize.normalized_step({"w": jnp.zeros(3)}, 2.0) == 0
    assert optimize.normalized_step({"w": jnp.ones(3)}, jnp.inf) == 0
    assert np.all(np.isfinite(jax.grad(lambda u: optimize.normalized_step(u, 2.0))(jnp.zeros(3))))


@pytest.mark.fast
def test_the_length_of_a_step():
    """Clipping leaves r at most the limit, setting makes it the target; r is 1 / the radius along the update."""
    step = 40 * jnp.asarray(np.random.default_rng(2).normal(size=(3, 4)), jnp.float32)
    r = 1 / optimize.convergence_radius_bound(linear, W, step, X)
    assert r > 2
    for make in (optimize.radius_clip, optimize.radius_step):
        moved, state = updated(make(1.5), step, W)
        np.testing.assert_allclose(state.normalized_step, r, rtol=1e-6)
        np.testing.assert_allclose(1 / optimize.convergence_radius_bound(linear, W, moved, X), 1.5, rtol=1e-6)
        short, _ = updated(make(1.5), step / 1000, W)
        left = 1 / optimize.convergence_radius_bound(linear, W, short, X)
        np.testing.assert_allclose(left, r / 1000 if make is optimize.radius_clip else 1.5, rtol=1e-5)
    np.testing.assert_allclose(optimize.convergence_radius_bound(linear, W, step, X, temperature=3.0), 3 / r, rtol=1e-6)
    np.testing.assert_allclose(optimize.convergence_radius_bound(lambda w, x: x @ w / 3, W, step, X), 3 / r, rtol=1e-6)


def test_it_trains_a_network_within_a_chain():
    """Adam of a wild rate: with the clip behind it a network learns, without it does not."""
    x = jnp.asarray(np.random.default_rng(3).normal(size=(64, 3)), jnp.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    structure, start = nnx.split(nn.MLP(3, 2, width=16, depth=1, rngs=nnx.Rngs(0)))
    logits = lambda p, x: nnx.merge(structure, p)(x)  # noqa: E731
    loss = lambda p: jnp.mean(optax.losses.softmax_cross_entropy_with_integer_labels(logits(p, x), y))  # noqa: E731

    def final(*last):
        optimizer = optax.chain(optax.adam(100.0), *last)

        @jax.jit
        def train(params):
            def step(carry, _):
                params, state = carry
                value, gradient = jax.value_and_grad(loss)(params)
                updates, state = optax.with_extra_args_support(optimizer).update(
                    gradient, state, params, logits_fn=logits, batch=x
                )
                return (optax.apply_updates(params, updates), state), value

            (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=100)
            return loss(params)

        return float(train(start))

    assert final(optimize.radius_clip()) < 0.3 < np.log(2) < final()


@pytest.mark.fast
def test_dtypes_and_leaves_that_are_not_floating():
    """bfloat16 updates stay so; an integer leaf of params has no tangent; NaN passes."""
    params = {"w": W.astype(jnp.bfloat16), "count": jnp.int32(3)}
    step = {"w": 100 * W, "count": jnp.zeros((), jnp.float32)}
    logits = lambda p, x: x.astype(jnp.bfloat16) @ p["w"]  # noqa: E731
    moved, state = updated(optimize.radius_clip(), step, params, logits)
    assert moved["w"].dtype == jnp.float32
    assert state.scale < 1
    _, state = updated(optimize.radius_clip(), {**step, "w": step["w"].at[0, 0].set(jnp.nan)}, params, logits)
    assert np.isnan(state.scale)


def test_behind_transformations_of_parts_and_without_retracing():
    """In bfloat16, behind optax.multi_transform, under jit: the state keeps its types, so one compilation serves."""
    params = {"w": W.astype(jnp.bfloat16), "b": jnp.zeros(4, jnp.bfloat16)}
    logits = lambda p, x: x.astype(jnp.bfloat16) @ p["w"] + p["b"][None]  # noqa: E731
    parts = optax.multi_transform({"fast": optax.sgd(300.0), "slow": optax.adam(1e-3)}, {"w": "fast", "b": "slow"})
    optimizer = optax.chain(parts, optimize.radius_clip())

    @jax.jit
    def step(params, state):
        gradient = jax.grad(lambda p: jnp.sum(jax.nn.log_softmax(logits(p, X))[:, 0].astype(jnp.float32)))(params)
        updates, state = optimizer.update(gradient, state, params, logits_fn=logits, batch=X)
        return optax.apply_updates(params, updates), updates, state

    state = optimizer.init(params)
    for _ in range(2):
        before = params
        params, updates, state = step(params, state)
        assert {leaf.dtype for leaf in jax.tree.leaves((params, updates))} == {jnp.dtype(jnp.bfloat16)}
        assert state[-1].scale < 1
        np.testing.assert_allclose(optimize.convergence_radius_bound(logits, before, updates, X), 1, rtol=2.0**-5)
    assert step._cache_size() == 1


@pytest.mark.fast
def test_classes_that_are_ruled_out_do_not_count():
    """A logit of -inf is no term of the partition function: the radius is that of the classes left."""
    step = 10 + jnp.asarray(np.random.default_rng(4).normal(size=(3, 4)), jnp.float32)
    padded = lambda w, x: jnp.concatenate([x @ w, jnp.full((5, 2), -jnp.inf)], axis=1)  # noqa: E731
    expected = optimize.convergence_radius_bound(linear, W, step, X)
    np.testing.assert_allclose(optimize.convergence_radius_bound(padded, W, step, X), expected, rtol=1e-6)
    nothing = lambda w, x: padded(w, x).at[0].set(-jnp.inf)  # noqa: E731
    rest = optimize.convergence_radius_bound(linear, W, step, X[1:])
    np.testing.assert_allclose(optimize.convergence_radius_bound(nothing, W, step, X), rest, rtol=1e-6)


@pytest.mark.fast
def test_errors():
    transformation = optimize.radius_clip()
    with pytest.raises(ValueError, match="params must be given"):
        transformation.update(W, transformation.init(W), None, logits_fn=linear, batch=X)
    with pytest.raises(TypeError, match="logits_fn"):
        transformation.update(W, transformation.init(W), W)
    with pytest.raises(ValueError, match=r"logits_fn must return logits of shape \(\.\.\., n\)"):
        updated(transformation, W, W, lambda w, x: jnp.sum(w))
    with pytest.raises(TypeError, match="logits_fn must return floating logits"):
        updated(transformation, W, W, lambda w, x: jnp.argmax(x @ w, axis=-1))
    with pytest.raises(ValueError, match="limit must be positive, got 0"):
        optimize.radius_clip(0.0)
    with pytest.raises(ValueError, match="at least one array"):
        optimize.normalized_step({}, 1.0)
