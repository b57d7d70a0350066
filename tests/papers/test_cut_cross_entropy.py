"""What arXiv 2411.09009 states of cross-entropy without logits in memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses
from entropax.losses import _fused_tiles as tiles

pytestmark = pytest.mark.usefixtures("x64")
E = np.array([[0.5, -1, 0.3], [1.2, 0.1, -0.4], [-0.7, 0.8, 0.9], [0.2, 0.2, 0.2]])
C = np.array([[1, 0, 0.5], [-0.5, 0.7, 0.2], [0.3, -0.3, 1], [0.9, 0.4, -0.6], [0, 1, 1]])
LABELS = np.array([0, 3, -100, 4])
BIAS = np.array([0.1, -0.2, 0.3, 0, 0.05])
PRINTED = 6e-11  # half a unit of the tenth digit


def printed(values, expected):
    np.testing.assert_allclose(values, expected, rtol=0, atol=PRINTED)


def mean(*arrays, count=3, **options):
    return jnp.sum(losses.linear_cross_entropy(*arrays, LABELS, token_block=3, vocab_block=2, **options)) / count


def gradients(**options):
    return jax.jit(jax.grad(lambda *arrays: mean(*arrays, **options), (0, 1)))(jnp.asarray(E), jnp.asarray(C))


def dense(e, c, labels, bias=None):
    logits = e @ c.T + (0 if bias is None else bias[None])
    return jax.nn.logsumexp(logits, axis=1) - logits[jnp.arange(len(labels)), labels]


def problem(seed, n=7, d=5, v=11):
    """Tokens, a table, labels and a bias, in float64."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1.5, (n, d)), rng.normal(0, 1, (v, d)), rng.integers(0, v, n), rng.normal(0, 1, v)


@pytest.mark.fast
def test_1_values_of_four_tokens():
    """Mean, sum, every loss, the ignored one zero; and the log-normalisers."""
    each = losses.linear_cross_entropy(E, C, LABELS)
    printed(each, [1.1109354758, 0.8182725660, 0, 1.4400172901])
    printed(jnp.sum(each), 3.3692253320)
    printed(jnp.sum(each) / 3, 1.1230751107)
    every = losses.linear_softmax_statistics(E, C, np.array([0, 3, 1, 4])).log_normalizer
    printed(every, [1.7609354758, 2.1782725660, 2.4179429115, 1.8400172901])


@pytest.mark.fast
def test_2_gradients_of_the_mean():
    """Rows of both gradients; that of the ignored token is exactly zero."""
    by_hidden, by_embedding = gradients()
    printed(by_hidden[0], [-0.1536802476, 0.0286577887, 0.0124725307])
    printed(by_embedding[0], [0.0256242952, 0.2481352228, -0.0938244261])
    assert np.all(np.asarray(by_hidden[2]) == 0)


def test_3_a_softcap():
    """Logits capped at two."""
    printed(mean(E, C, softcap=2.0), 1.1538037438)
    by_hidden, by_embedding = gradients(softcap=2.0)
    printed(by_hidden[0], [-0.1360727024, 0.0300338677, 0.0023218481])
    printed(by_embedding[0], [0.0116879866, 0.2246515925, -0.0797392175])


def test_4_a_bias():
    """A bias of every vocabulary entry."""
    printed(mean(E, C, bias=BIAS), 1.1638552129)
    printed(gradients(bias=BIAS)[0][0], [-0.1546978464, 0.0124839730, 0.0309480805])


def test_5_a_shift_and_the_z_loss():
    """Hidden vectors that predict the next label; the mean squared log-normaliser of the tokens that count."""
    printed(mean(E, C, shift=1, count=2), 1.3044391937)
    by_hidden, _ = gradients(shift=1, count=2)
    printed(by_hidden[0], [-0.1805203714, -0.1570133169, 0.5687087960])
    printed(mean(E, C, z_loss=1.0) - mean(E, C), 3.7438095833)


def test_6_tiles_equal_the_dense_loss():
    """For blocks that divide the sizes and blocks that do not; and for a vocabulary in another order."""
    e, c, labels, bias = (jnp.asarray(x) for x in problem(0))
    value, slopes = jax.value_and_grad(lambda *a: jnp.sum(dense(*a[:2], labels, a[2])), (0, 1, 2))(e, c, bias)
    for token_block, vocab_block in ((1, 4), (3, 99)):

        def ours(e, c, b, token_block=token_block, vocab_block=vocab_block):
            blocks = {"token_block": token_block, "vocab_block": vocab_block}
            return jnp.sum(losses.linear_cross_entropy(e, c, labels, bias=b, **blocks))

        here, by = jax.jit(jax.value_and_grad(ours, (0, 1, 2)))(e, c, bias)
        np.testing.assert_allclose(here, value, rtol=1e-13)
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=1e-13), by, slopes)
    order = np.random.default_rng(1).permutation(11)
    moved = losses.linear_cross_entropy(e, c[order], jnp.argsort(order)[labels], bias=bias[order], vocab_block=4)
    np.testing.assert_allclose(moved, dense(e, c, labels, bias), rtol=1e-13)


def test_6_what_filtering_leaves_out():
    """Every entry of the error of G is below eps, so |dE error| <= eps sum |C_j| over the columns left out."""
    e, c, labels, _ = (jnp.asarray(x) for x in problem(2, n=12, v=40))

    def slopes(**options):
        def total(e, c):
            return jnp.sum(losses.linear_cross_entropy(e, c, labels, token_block=2, vocab_block=4, **options))

        return jax.jit(jax.grad(total, (0, 1)))(e, c)

    exact = slopes()
    errors = []
    for eps, order in ((1e-9, None), (3e-2, "mean_logit"), (3e-2, np.random.default_rng(0).permutation(40))):
        near = slopes(filter_eps=eps, vocab_order=order)
        errors.append(np.max(np.abs(near[0] - exact[0])))
        assert np.all(np.abs(near[0] - exact[0]) <= eps * np.sum(np.abs(c), axis=0)[None])
        assert np.all(np.abs(near[1] - exact[1]) <= eps * np.sum(np.abs(e), axis=0)[None])
    assert errors[0] < 1e-8
    assert min(errors[1:]) > 1e-4  # something is left out


def test_6_the_automatic_threshold():
    """Machine epsilon over 32: 2^-12 in bfloat16, 2^-28 in float32."""
    from entropax.losses._fused_arguments import filtering, options_of, tokens

    for dtype, eps in ((jnp.bfloat16, 2.44140625e-4), (jnp.float32, 2.0**-28)):
        given = tokens(jnp.asarray(E, dtype), jnp.asarray(C, dtype), LABELS, None, None, -100, 0, None)
        options = options_of(given, None, 8, 8, "float32")
        assert filtering(options, given, "auto", True, True).filter_eps == eps


def test_7_rows_of_g_sum_to_zero_and_no_logits_in_memory():
    """A constant added to all logits changes nothing; the compiled program has no buffer of tokens x vocabulary."""
    e, c, labels, bias = (jnp.asarray(x) for x in problem(3))
    by_bias = jax.grad(lambda b: losses.linear_cross_entropy(e, c, labels, bias=b, vocab_block=3)[0])(bias)
    np.testing.assert_allclose(jnp.sum(by_bias), 0, atol=1e-15)
    n, d, v = 512, 8, 4096

    def temporary(loss, v):
        shapes = jax.ShapeDtypeStruct((n, d), jnp.float32), jax.ShapeDtypeStruct((v, d), jnp.float32)
        compiled = jax.jit(jax.grad(lambda e, c: jnp.sum(loss(e, c, jnp.zeros(n, jnp.int32))), (0, 1))).lower(*shapes)
        return compiled.compile().memory_analysis().temp_size_in_bytes

    def ours(*arrays):
        return losses.linear_cross_entropy(*arrays, token_block=128, vocab_block=128)

    assert temporary(dense, v) > 4 * n * v
    assert temporary(ours, v) < 4 * n * v / 20
    assert temporary(ours, 4 * v) - temporary(ours, v) < 4 * n * v / 20  # and flat in the vocabulary


@pytest.mark.fast
def test_7_all_labels_ignored():
    """Zeros and no gradient; the mean, 0 / 0, is left to the caller."""
    labels = np.full(4, -100)
    assert np.all(np.asarray(losses.linear_cross_entropy(E, C, labels)) == 0)
    by = jax.grad(lambda e: jnp.sum(losses.linear_cross_entropy(e, C, labels)))(jnp.asarray(E))
    assert np.all(np.asarray(by) == 0)


@pytest.mark.parametrize(("dtype", "term"), [(jnp.bfloat16, 1e-4), (jnp.float16, 1e-4), (jnp.float32, 5e-8)])
def test_8_compensated_sums(dtype, term):
    """One plus ten thousand small terms: exact to one unit in the last place with the carry, stalled without."""
    term = jnp.asarray(term, dtype)
    exact = 1 + 1e4 * float(term)

    def total(compensated):
        start = tiles.Sum(jnp.ones((), dtype), jnp.zeros((), jnp.float32) if compensated else None)
        return jax.jit(lambda s: jax.lax.fori_loop(0, 10_000, lambda _, s: tiles.add(s, term), s))(start)

    assert abs(float(total(True).total) - exact) <= float(jnp.finfo(dtype).eps)
    assert float(total(False).total) == 1
