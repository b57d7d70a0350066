"""Kernels for GPUs, interpreted on a CPU, against the loss of the logits; and that Triton takes them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses
from entropax.losses import _fused_kernels
from tests.contract.harness import without_shape_hook

N, D, V = 40, 24, 53
KEYS = jax.random.split(jax.random.key(0), 5)
HIDDEN, EMBEDDING = jax.random.normal(KEYS[0], (N, D)), jax.random.normal(KEYS[1], (V, D)) / 2
BIAS, WEIGHTS = jax.random.normal(KEYS[2], (V,)), jax.random.normal(KEYS[3], (N,))
LABELS = jax.random.randint(KEYS[4], (N,), 0, V).at[jnp.array([0, 7])].set(-100)
KERNEL = {"implementation": "pallas", "token_block": 16, "vocab_block": 16}


def gradients(labels, **options):
    """Value and gradients of a weighted sum of losses, and the losses."""

    def total(hidden, embedding, bias):
        loss = losses.linear_cross_entropy(hidden, embedding, labels, bias=bias, **options)
        return jnp.sum(WEIGHTS * loss), loss

    return jax.jit(jax.value_and_grad(total, (0, 1, 2), has_aux=True))


def dense(labels, softcap=None):
    """The same from the logits."""

    def total(hidden, embedding, bias):
        logits = hidden @ embedding.T + bias[None]
        logits = logits if softcap is None else softcap * jnp.tanh(logits / softcap)
        picked = jnp.take_along_axis(logits, jnp.maximum(labels, 0)[:, None], axis=1)[:, 0]
        loss = jnp.where(labels >= 0, jax.nn.logsumexp(logits, axis=1) - picked, 0)
        return jnp.sum(WEIGHTS * loss), loss

    return jax.jit(jax.value_and_grad(total, (0, 1, 2), has_aux=True))


@pytest.mark.parametrize(
    "options",
    [
        {"softcap": 3.0},
        pytest.param({"vocab_order": jnp.arange(V)[::-1], "filter_eps": 1e-9}, marks=pytest.mark.slow),
        pytest.param({}, marks=pytest.mark.slow),
    ],
    ids=["capped", "ordered", "plain"],
)
def test_equal_to_the_loss_of_logits(options):
    """Losses and gradients, with blocks that divide nothing, masked tokens and a bias, in float32."""
    found = gradients(LABELS, **KERNEL, **options)(HIDDEN, EMBEDDING, BIAS)
    expected = dense(LABELS, options.get("softcap"))(HIDDEN, EMBEDDING, BIAS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=3e-6), found, expected)


@pytest.mark.parametrize(
    "flags", [pytest.param({}, marks=pytest.mark.slow), {"filter_hidden_grad": False}], ids=["both", "embedding"]
)
def test_filtering_leaves_out_the_same_tiles_as_the_scan(flags):
    """Sixteen entries have nearly all the probability: the scan's gradients, which are not quite the exact ones."""
    options = {"filter_eps": 0.02, "vocab_order": "mean_logit", **flags}
    likely = jax.random.permutation(KEYS[0], V)[:16]
    labels, arrays = likely[LABELS % 16], (HIDDEN / 4, EMBEDDING, BIAS.at[likely].add(8))
    found = gradients(labels, **KERNEL, **options)(*arrays)
    scan = gradients(labels, **KERNEL | {"implementation": "scan"}, **options)(*arrays)
    exact = dense(labels)(*arrays)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, scan)
    by_hidden, by_embedding, _ = (float(jnp.max(jnp.abs(a - b))) for a, b in zip(found[1], exact[1], strict=True))
    assert by_embedding > 1e-4
    assert (by_hidden < 1e-5) == bool(flags)


def test_programs_of_several_blocks_stop_at_the_last(monkeypatch):
    """Blocks that divide all, and programs of the forward kernel of three blocks each, the last of them of two."""
    monkeypatch.setattr(_fused_kernels, "NUM_PROGRAMS", 6)
    hidden, embedding, bias = (
        jnp.tile(x, (2, 2)[: x.ndim])[: 80 if i else 48] for i, x in enumerate((HIDDEN, EMBEDDING, BIAS))
    )
    labels = jnp.tile(LABELS, 2)[:48]

    def total(loss):
        return jax.jit(jax.value_and_grad(lambda *x: jnp.sum(loss(*x)), (0, 1)))(hidden[:, :32], embedding[:, :32])

    found = total(lambda e, c: losses.linear_cross_entropy(e, c, labels, bias=bias, **KERNEL))
    scan = total(lambda e, c: losses.linear_cross_entropy(e, c, labels, bias=bias))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), found, scan)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_triton_takes_the_kernels(dtype):
    """Both passes become Triton modules for CUDA, which needs no GPU: one forward, one backward."""
    program = gradients(LABELS, implementation="pallas", filter_eps="auto", vocab_order="mean_logit")
    arrays = HIDDEN.astype(dtype), EMBEDDING.astype(dtype), BIAS
    text = program.trace(*arrays).lower(lowering_platforms=("cuda",)).as_text()
    assert text.count("triton") >= 2
    assert "stablehlo.while" not in text


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        ((HIDDEN[:8], EMBEDDING, LABELS[:8]), {}, "at least 16 entries for token_block, got 8"),
        ((HIDDEN[:, :8], EMBEDDING[:, :8], LABELS), {}, "at least 16 entries for the width of hidden, got 8"),
        ((HIDDEN, EMBEDDING, LABELS), {"vocab_block": 24}, "vocab_block must be a power of two from 16 to 53"),
        ((HIDDEN, EMBEDDING, LABELS), {"accumulation": "kahan"}, "accumulation must be 'float32'"),
        (
            (HIDDEN, EMBEDDING, LABELS),
            {"implementation": "cuda"},
            "must be one of 'scan', 'pallas', got 'cuda'",
        ),
    ],
)
def test_what_the_kernels_refuse(arguments, options, match):
    with without_shape_hook(), pytest.raises(ValueError, match=match):
        losses.linear_cross_entropy(*arguments, **{"implementation": "pallas"} | options)


@pytest.mark.usefixtures("x64")
def test_they_refuse_double_precision():
    with pytest.raises(ValueError, match="float32 or narrower with implementation 'pallas', got float64"):
        losses.linear_cross_entropy(*(np.asarray(x, float) for x in (HIDDEN, EMBEDDING)), LABELS, **KERNEL)
