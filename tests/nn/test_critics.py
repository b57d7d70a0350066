"""Critics against a loop over pairs; codes, their draws, and what decoders make of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import estimators, nn

X = jnp.asarray(np.random.default_rng(0).standard_normal((40, 3)), jnp.float32)
Y = jnp.asarray(np.random.default_rng(1).standard_normal((35, 2)), jnp.float32)
SIZES = {"width": 6, "depth": 2}


def by_pair(critic, score):
    return np.array([[float(score(critic, x[None], y[None])) for y in Y[:4]] for x in X[:3]])


def test_every_critic_is_its_formula_pair_by_pair():
    rngs = nnx.Rngs(0)
    bilinear = nn.BilinearCritic(3, 2, embed=4, **SIZES, rngs=rngs)
    bilinear.coupling[...] = jax.random.normal(jax.random.key(0), (4, 4))
    cases = [
        (nn.SeparableCritic(3, 2, embed=4, **SIZES, rngs=rngs), lambda c, x, y: c.x_encoder(x)[0] @ c.y_encoder(y)[0]),
        (bilinear, lambda c, x, y: c.x_encoder(x)[0] @ c.coupling[...] @ c.y_encoder(y)[0]),
        (nn.ConcatenatedCritic(3, 2, **SIZES, rngs=rngs), lambda c, x, y: c.mlp(jnp.concatenate([x, y], 1))[0, 0]),
        (
            nn.HybridCritic(3, 2, embed=4, **SIZES, rngs=rngs),
            lambda c, x, y: c.head.mlp(jnp.concatenate(c.embeddings(x, y), 1))[0, 0],
        ),
        (
            nn.HybridCritic(3, 2, embed=4, **SIZES, head_width=5, head_depth=1, rngs=rngs),
            lambda c, x, y: c.head.mlp(jnp.concatenate(c.embeddings(x, y), 1))[0, 0],
        ),
        (
            nn.VariationalCritic(3, 2, embed=4, **SIZES, rngs=rngs),
            lambda c, x, y: c.x_encoder(x).mean[0] @ c.y_encoder(y).mean[0],
        ),
    ]
    for critic, score in cases:
        np.testing.assert_allclose(critic(X, Y)[:3, :4], by_pair(critic, score), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda **o: nn.SeparableCritic(3, 2, embed=4, **SIZES, **o),
        lambda **o: nn.BilinearCritic(3, 2, embed=4, **SIZES, **o),
        lambda **o: nn.ConcatenatedCritic(3, 2, **SIZES, **o),
        lambda **o: nn.HybridCritic(3, 2, embed=4, **SIZES, **o),
    ],
    ids=["separable", "bilinear", "concatenated", "hybrid"],
)
def test_scores_may_start_at_zero_and_still_learn(make):
    """All scores are zero, and so is InfoNCE, exactly; the gradient that leads away from there is not."""
    critic = make(zero_output=True, rngs=nnx.Rngs(0))
    x, y = X[:8], X[:8, :2]
    value, gradient = nnx.value_and_grad(lambda c: estimators.infonce(c(x, y)))(critic)
    assert float(value) == 0
    assert float(jnp.abs(critic(X, Y)).max()) == 0
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient)) > 1e-3


def test_the_embedding_bounds_the_rank_of_separable_scores():
    critic = nn.SeparableCritic(3, 2, embed=2, **SIZES, rngs=nnx.Rngs(0))
    singular = np.linalg.svd(np.asarray(critic(X, Y)), compute_uv=False)
    assert singular[1] > 1e-3
    assert singular[2] < 1e-5 * singular[0]


def test_draws_of_a_code_have_its_mean_and_variance():
    """40,000 draws: means within 5 standard errors, variances within 5 of theirs."""
    code = nn.GaussianCode(jnp.array([[1.0, -2.0]] * 40_000), jnp.log(jnp.array([[0.25, 4.0]] * 40_000)))
    draws = np.asarray(code.sample(key=jax.random.key(3)))
    np.testing.assert_array_less(np.abs(draws.mean(0) - [1, -2]), 5 * np.array([0.5, 2.0]) / 200)
    np.testing.assert_allclose(draws.var(0), [0.25, 4.0], rtol=5 * np.sqrt(2 / 40_000))


@pytest.mark.fast
def test_the_logarithm_of_a_variance_is_clipped():
    encoder = nn.GaussianEncoder(3, 2, **SIZES, rngs=nnx.Rngs(0))
    wild = encoder(1e6 * X).log_variance
    assert float(wild.min()) == -10
    assert float(wild.max()) == 4
    narrow = nn.GaussianEncoder(3, 2, log_variance=(-1.0, 0.5), **SIZES, rngs=nnx.Rngs(0))
    assert float(narrow(1e6 * X).log_variance.max()) == 0.5


def test_decoders_have_the_shapes_of_the_samples_and_are_asked_for():
    rngs = nnx.Rngs(0)
    critic = nn.VariationalCritic(3, 2, embed=4, **SIZES, decode=True, rngs=rngs)
    x, y = critic.decode(*critic.embeddings(X, Y))
    assert (x.shape, y.shape) == ((40, 3), (35, 2))
    with pytest.raises(ValueError, match="decode needs a critic made with decode=True"):
        nn.VariationalCritic(3, 2, embed=4, **SIZES, rngs=rngs).decode(*critic.embeddings(X, Y))


def test_a_head_may_be_a_function_or_a_critic():
    rngs = nnx.Rngs(0)
    distance = lambda zx, zy: -jnp.sum((zx[:, None] - zy[None]) ** 2, axis=-1)  # noqa: E731
    critic = nn.VariationalCritic(3, 2, embed=4, **SIZES, head=distance, rngs=rngs)
    np.testing.assert_allclose(critic(X, Y), distance(*critic.embeddings(X, Y)), rtol=1e-6)
    head = nn.ConcatenatedCritic(4, 4, **SIZES, rngs=rngs)
    critic = nn.VariationalCritic(3, 2, embed=4, **SIZES, head=head, rngs=rngs)
    assert len(jax.tree.leaves(nnx.state(critic, nnx.Param))) == 12 + 6
    np.testing.assert_allclose(critic(X, Y), head(*critic.embeddings(X, Y)), rtol=1e-5, atol=1e-6)
