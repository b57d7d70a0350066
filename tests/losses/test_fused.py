"""Losses of linear heads against the same computed from the logits."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import PartitionSpec as P

from entropax import losses
from tests.contract.harness import without_shape_hook

N, D, V = 9, 4, 24
RNG = np.random.default_rng(0)
HIDDEN, EMBEDDING, BIAS = RNG.normal(0, 1.5, (N, D)), RNG.normal(0, 1, (V, D)), RNG.normal(0, 1, V)
OTHER_HIDDEN, OTHER_EMBEDDING = RNG.normal(0, 1.5, (N, 3)), RNG.normal(0, 1, (V, 3))
LABELS = RNG.integers(0, V, N)
WEIGHTS = RNG.normal(0, 1, (4, N))
BLOCKS = {"token_block": 4, "vocab_block": 7}


def logits_of(hidden, embedding, bias=None, softcap=None):
    logits = hidden @ embedding.T + (0 if bias is None else bias[None])
    return logits if softcap is None else softcap * jnp.tanh(logits / softcap)


def dense_statistics(hidden, embedding, bias, other_hidden, other_embedding, other_bias, softcap=None):
    """Log-probability, log-normaliser, entropy and divergence by the textbook's formulas."""
    logits = logits_of(hidden, embedding, bias, softcap)
    log_p = jax.nn.log_softmax(logits)
    log_q = jax.nn.log_softmax(logits_of(other_hidden, other_embedding, other_bias, softcap))
    p = jnp.exp(log_p)
    picked = jnp.take_along_axis(log_p, LABELS[:, None], axis=1)[:, 0]
    entropy, kl = -jnp.sum(p * log_p, axis=1), jnp.sum(p * (log_p - log_q), axis=1)
    return picked, jax.nn.logsumexp(logits, axis=1), entropy, kl


def close(actual, expected, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=atol), actual, expected)


@pytest.mark.usefixtures("x64")
def test_statistics_and_their_gradients():
    """All four, weighted at random, by all six arrays, capped, for blocks that divide nothing."""
    softcap = 2.0
    arrays = tuple(map(jnp.asarray, (HIDDEN, EMBEDDING, BIAS, OTHER_HIDDEN, OTHER_EMBEDDING, BIAS[::-1])))

    def ours(e, c, b, f, r, s):
        found = losses.linear_softmax_statistics(
            e, c, LABELS, f, r, bias=b, reference_bias=s, softcap=softcap, **BLOCKS
        )
        return jnp.sum(jnp.stack(found) * WEIGHTS), found

    def truth(*arrays):
        found = dense_statistics(*arrays, softcap=softcap)
        return jnp.sum(jnp.stack(found) * WEIGHTS), found

    (_, here), by = jax.jit(jax.value_and_grad(ours, tuple(range(6)), has_aux=True))(*arrays)
    (_, there), expected = jax.jit(jax.value_and_grad(truth, tuple(range(6)), has_aux=True))(*arrays)
    close(tuple(here), there, 1e-13)
    close(by, expected, 1e-13)


@pytest.mark.usefixtures("x64")
def test_a_second_derivative_of_the_loss():
    """Forward over reverse, where an upstream gradient is zero too."""
    arrays = jnp.asarray(HIDDEN), jnp.asarray(EMBEDDING), jnp.asarray(RNG.normal(0, 1, N) * (np.arange(N) > 2))
    directions = tuple(jnp.asarray(RNG.normal(0, 1, x.shape)) for x in arrays)
    ours = lambda e, c, w: jnp.sum(w * losses.linear_cross_entropy(e, c, LABELS, z_loss=0.1, **BLOCKS))  # noqa: E731

    def truth(e, c, w):
        logits = logits_of(e, c)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, LABELS)
        return jnp.sum(w * (loss + 0.1 * jax.nn.logsumexp(logits, axis=1) ** 2))

    products = [jax.jit(lambda f=f: jax.jvp(jax.grad(f, (0, 1, 2)), arrays, directions))() for f in (ours, truth)]
    close(*products, 1e-12)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("filter_eps", [None, 1e-12])
def test_masks(filter_eps):
    """What does not count gives zero and no gradient whatever stands there, by `where` and by a label alike."""
    counts = np.arange(N) % 3 > 0
    hidden = np.where(counts[:, None], HIDDEN, np.nan)
    labels = {"where": np.where(counts, LABELS, 10**6), "ignore_index": np.where(counts, LABELS, 3 - V)}

    def total(e, c, way):
        options = {"where": counts} if way == "where" else {"ignore_index": 3 - V}
        loss = losses.linear_cross_entropy(e, c, labels[way], filter_eps=filter_eps, **options, **BLOCKS)
        return jnp.sum(loss), loss

    dense = lambda e, c: optax.softmax_cross_entropy_with_integer_labels(e @ c.T, LABELS)  # noqa: E731
    expected = jax.grad(lambda e, c: jnp.sum(dense(e, c)[counts]), (0, 1))(jnp.asarray(HIDDEN), jnp.asarray(EMBEDDING))
    for way in labels:
        by, loss = jax.grad(total, (0, 1), has_aux=True)(jnp.asarray(hidden), jnp.asarray(EMBEDDING), way)
        close(loss, jnp.where(counts, dense(HIDDEN, EMBEDDING), 0), 1e-13)
        close(by, expected, 1e-13)


@pytest.mark.usefixtures("x64")
def test_shifted_sequences():
    """Two sequences, a hidden vector predicting the label after next; the last two predict nothing."""
    hidden, labels = HIDDEN[:8].reshape(2, 4, D), LABELS[:8].reshape(2, 4)
    where = np.array([[True], [False]])
    loss = losses.linear_cross_entropy(hidden, EMBEDDING, labels, shift=2, where=where, **BLOCKS)
    expected = optax.softmax_cross_entropy_with_integer_labels(hidden[:, :2] @ EMBEDDING.T, labels[:, 2:])
    close(loss, jnp.where(where, expected, 0), 1e-13)
    with pytest.raises(ValueError, match="shift must be at least 0 and at most 3, got 4"):
        losses.linear_cross_entropy(hidden, EMBEDDING, labels, shift=4)


@pytest.mark.parametrize("filter_eps", [None, pytest.param(1e-7, marks=pytest.mark.slow)])
def test_a_vocabulary_on_eight_devices(filter_eps):
    """Loss, statistics and gradients equal those of one device, with the tokens split over a second axis."""
    mesh = jax.make_mesh((2, 4), ("data", "vocab"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
    labels = np.where(np.arange(8) == 5, -100, LABELS[:8])
    arrays = tuple(
        jnp.asarray(x, jnp.float32) for x in (HIDDEN[:8], EMBEDDING, BIAS, OTHER_HIDDEN[:8], OTHER_EMBEDDING)
    )
    options = {"token_block": 3, "vocab_block": 4}

    def loss(e, c, b, f, r, labels, axis_name):
        each = losses.linear_cross_entropy(
            e, c, labels, bias=b, z_loss=0.1, axis_name=axis_name, filter_eps=filter_eps, **options
        )
        found = losses.linear_softmax_statistics(e, c, labels, f, r, bias=b, axis_name=axis_name, **options)
        return each, found

    def total(*arrays, sharded):
        if sharded:
            parts = (P("data"), P("vocab"), P("vocab"), P("data"), P("vocab"), P("data"))
            apply = jax.shard_map(
                lambda *a: loss(*a, axis_name="vocab"), mesh=mesh, in_specs=parts, out_specs=P("data")
            )
        else:
            apply = lambda *a: loss(*a, axis_name=None)  # noqa: E731
        each, found = apply(*arrays, jnp.asarray(labels))
        return jnp.sum(jnp.stack([each, *found]) * jnp.asarray(WEIGHTS[[0, 1, 2, 3, 0], :8], jnp.float32)), (
            each,
            found,
        )

    one, eight = (
        jax.jit(jax.value_and_grad(lambda *a, s=s: total(*a, sharded=s), tuple(range(5)), has_aux=True))(*arrays)
        for s in (False, True)
    )
    close(eight, one, 2e-5)


@pytest.mark.usefixtures("x64")
def test_tiles_that_a_filter_keeps():
    """Those in which an entry of |p - 1[label]| of a token that counts reaches eps, counted from the probabilities."""
    from entropax.losses import _fused_blocks as blocks, _fused_tiles as tiles

    n, v, eps = 8, 24, 0.02
    options = tiles.Options(2, 3, filter_eps=eps)
    order, counted = jnp.asarray(RNG.permutation(v)), np.arange(n) < 6
    table = tiles.Table(jnp.asarray(2 * EMBEDDING), jnp.asarray(BIAS))
    inputs = blocks.Inputs(jnp.asarray(HIDDEN[:n]), table, jnp.asarray(LABELS[:n]), jnp.asarray(counted), order)
    (normalizer, target), (*_, maxima) = blocks._forward_rule(options, inputs)
    upstream = jnp.asarray(counted * 0.3), jnp.asarray(counted * -0.3)
    kept = blocks.kept_tiles(options, inputs, normalizer, target, maxima, upstream)
    slopes = jax.nn.softmax(logits_of(HIDDEN[:n], 2 * EMBEDDING, BIAS)) - np.eye(v)[LABELS[:n]]
    large = (np.abs(slopes) >= eps) & counted[:, None]
    expected = large[:, order].reshape(4, 2, 8, 3).any(axis=(1, 3)).T
    np.testing.assert_array_equal(kept, expected)
    assert 0.1 < expected.mean() < 0.9


def test_bfloat16_inputs():
    """Against float64 of the same numbers: the loss within 1e-3, gradients of cosine 0.9999 at least."""
    hidden, embedding = (jnp.asarray(RNG.normal(0, s, (m, 32)), jnp.bfloat16) for m, s in ((64, 1.0), (1000, 0.5)))
    labels = jnp.asarray(RNG.integers(0, 1000, 64))
    value, by = jax.value_and_grad(
        lambda e, c: jnp.mean(losses.linear_cross_entropy(e, c, labels, token_block=16, vocab_block=128)), (0, 1)
    )(hidden, embedding)
    assert value.dtype == jnp.float32
    assert all(g.dtype == jnp.bfloat16 for g in by)
    wide = [np.asarray(x, np.float64) for x in (hidden, embedding)]
    logits = wide[0] @ wide[1].T
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    np.testing.assert_allclose(float(value), -np.mean(np.log(p[np.arange(64), labels])), rtol=1e-5)
    g = (p - np.eye(1000)[labels]) / 64
    for ours, truth in zip(by, (g @ wide[1], g.T @ wide[0]), strict=True):
        ours = np.asarray(ours, np.float64)
        cosine = np.sum(ours * truth) / np.sqrt(np.sum(ours**2) * np.sum(truth**2))
        assert cosine > 0.9999


@pytest.mark.parametrize("function", [losses.linear_cross_entropy, losses.linear_softmax_statistics])
def test_compensated_gradients(function):
    """The same gradients from compensated sums."""
    arrays = jnp.asarray(HIDDEN, jnp.float32), jnp.asarray(EMBEDDING, jnp.float32)

    def by(accumulation):
        def total(*a):
            return sum(map(jnp.sum, jax.tree.leaves(function(*a, LABELS, accumulation=accumulation, **BLOCKS))))

        return jax.jit(jax.grad(total, (0, 1)))(*arrays)

    close(by("kahan"), by("float32"), 3e-6)


@pytest.mark.usefixtures("x64")
def test_large_logits_cost_the_entropy_no_digits():
    """Logits near 10^4 that differ by parts of one, in float32: the entropy to a part in 10^5; -inf forbids entries."""
    rng = np.random.default_rng(3)
    bias = np.where(np.arange(V) < 3, -np.inf, 1e4 + np.round(rng.normal(0, 2, V) * 64) / 64).astype(np.float32)
    found = losses.linear_softmax_statistics(
        jnp.zeros((2, D), jnp.float32), jnp.zeros((V, D), jnp.float32), np.array([3, 4]), bias=bias, vocab_block=2
    )
    p = np.exp(np.float64(bias) - 1e4)
    p /= p.sum()
    expected = -np.sum(p[3:] * np.log(p[3:]))
    np.testing.assert_allclose(found.entropy, expected, rtol=1e-5)


@pytest.mark.fast
def test_the_arguments_of_tokamax():
    """Weights (h, v), the sum by default; what tokamax alone can do is refused."""
    each = losses.linear_cross_entropy(HIDDEN, EMBEDDING, LABELS)
    ours = losses.linear_softmax_cross_entropy_loss
    np.testing.assert_allclose(ours(HIDDEN, LABELS, EMBEDDING.T), jnp.sum(each), rtol=1e-6)
    np.testing.assert_allclose(ours(HIDDEN, LABELS, EMBEDDING.T, reduction="mean"), jnp.mean(each), rtol=1e-6)
    np.testing.assert_allclose(ours(HIDDEN, LABELS, EMBEDDING.T, reduction="none"), each, rtol=1e-6)
    with (
        without_shape_hook(),
        pytest.raises(ValueError, match="implementation must be one of None, 'chunked_xla', got 'mosaic_tpu'"),
    ):
        ours(HIDDEN, LABELS, EMBEDDING.T, implementation="mosaic_tpu")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"softcap": 0.0}, "softcap must be a positive number or None, got 0.0"),
        ({"filter_eps": -1.0}, "filter_eps must be a positive number, 'auto' or None, got -1.0"),
        ({"vocab_order": "random"}, "vocab_order must be one of 'mean_logit', got 'random'"),
        ({"vocab_order": np.zeros(V, int)}, "vocab_order must be a permutation of 0 to 23"),
        ({"vocab_order": np.arange(V - 1)}, r"vocab_order must have shape \(24,\), got \(23,\)"),
        ({"accumulation": "bfloat16"}, "accumulation must be one of 'float32', 'kahan'"),
        ({"vocab_block": 0}, "vocab_block must be at least 1, got 0"),
        ({"where": np.ones(N - 1, bool)}, r"where must be broadcastable to shape \(9,\), got \(8,\)"),
    ],
)
def test_options_that_do_not_exist(options, match):
    with without_shape_hook(), pytest.raises(ValueError, match=match):
        losses.linear_cross_entropy(HIDDEN, EMBEDDING, LABELS, **options)


@pytest.mark.fast
def test_labels_in_bytes():
    """Among uint8, -100 is 156, which is a label."""
    embedding, hidden = RNG.normal(0, 1, (300, D)), HIDDEN[:3]
    labels = np.array([155, 156, 157])
    found, expected = (losses.linear_cross_entropy(hidden, embedding, labels.astype(t)) for t in (np.uint8, np.int32))
    close(found, expected, 0)
    assert float(jnp.min(found)) > 0


def test_half_a_reference_and_no_tokens():
    with pytest.raises(ValueError, match="reference_hidden and reference_embedding must be given together"):
        losses.linear_softmax_statistics(HIDDEN, EMBEDDING, LABELS, HIDDEN)
    assert losses.linear_cross_entropy(HIDDEN[:0], EMBEDDING, LABELS[:0]).shape == (0,)
