"""Cross-entropy of a linear head and its gradients, against optax's loss of the logits and the loops of jax-cce.

The name of a case says, besides the sizes, what the compiled programs hold in temporary buffers: that is what a loss
without logits is for. In time ours and the logits are near their floors of four and three matrix products.

On a GPU the kernels and the scan are timed too, at the sizes of Gemma 2 (2B), exact and with gradient filtering.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import losses
from experiments.benchmarks.harness import Case

NAME = "linear-cross-entropy"
DESCRIPTION = "cross-entropy of a linear head, value and gradients, and its temporary memory"
PEER = "jax-cce"

SIZES = ((2048, 256, 8192), (2048, 256, 65536))
"""Tokens, width, vocabulary."""

GEMMA = (8192, 2304, 256000)

BLOCK = 4096
"""Vocabulary entries that jax-cce takes at a time, its default."""


def cases() -> Iterator[Case]:
    """Every size."""
    import jax_cce
    import optax

    dense = lambda e, c, labels: optax.softmax_cross_entropy_with_integer_labels(e @ c.T, labels)  # noqa: E731
    loops = partial(jax_cce.linear_cross_entropy, chunk_size=BLOCK)
    for tokens, width, vocabulary in SIZES:
        arrays = _arrays(tokens, width, vocabulary, jnp.float32)
        programs = {"ours": losses.linear_cross_entropy, "optax's logits": dense, f"jax-cce, blocks of {BLOCK}": loops}
        yield _case(f"{tokens} tokens, width {width}, vocabulary {vocabulary}, float32", programs, arrays, 1e-5)
    if jax.default_backend() == "gpu":
        yield from _on_a_gpu(dense)


def _on_a_gpu(dense: Callable[..., jax.Array]) -> Iterator[Case]:
    """Kernels against the scan and the logits, on predictions as peaked as those of a trained model."""
    arrays = _arrays(*GEMMA, jnp.bfloat16, peak=18.0)
    for name, options in {"exact": {}, "filtered": {"filter_eps": "auto", "vocab_order": "mean_logit"}}.items():
        ours = partial(losses.linear_cross_entropy, implementation="pallas", **options)
        others = {"scan": partial(losses.linear_cross_entropy, **options), "optax's logits": dense}
        yield _case(f"kernels, {name}, at the sizes of Gemma 2 (2B), bfloat16", {"ours": ours, **others}, arrays, 0.02)


def _arrays(tokens: int, width: int, vocabulary: int, dtype: Any, *, peak: float = 0.0) -> tuple[jax.Array, ...]:
    """Random vectors whose logits have deviation 1, but the label's `peak` more; labels by Zipf's law, as words are."""
    keys = jax.random.split(jax.random.key(0), 3)
    embedding = jax.random.normal(keys[1], (vocabulary, width)) / width**0.5
    labels = (vocabulary ** jax.random.uniform(keys[2], (tokens,))).astype(jnp.int32) - 1
    hidden = jax.random.normal(keys[0], (tokens, width)) + peak * embedding[labels]
    return hidden.astype(dtype), embedding.astype(dtype), labels


def _case(
    name: str, functions: Mapping[str, Callable[..., jax.Array]], arrays: tuple[jax.Array, ...], tolerance: float
) -> Case:
    """Compiles the functions, of which the first is ours; the name says what each holds in temporary buffers."""
    programs = {each: _compiled(function, arrays) for each, function in functions.items()}
    held = {each: program.memory_analysis().temp_size_in_bytes / 2**20 for each, program in programs.items()}
    buffers = ", ".join(f"{mib:.1f} MiB ({each})" for each, mib in held.items())
    calls = {each: partial(program, *arrays) for each, program in programs.items()}
    return Case(
        name=f"{name}; temporaries {buffers}",
        ours=calls.pop("ours"),
        peers=calls,
        always=tuple(calls),
        difference=_largest_difference,
        tolerance=tolerance,
    )


def _compiled(loss: Any, arrays: tuple[jax.Array, ...]) -> Any:
    mean = lambda e, c, labels: jnp.mean(loss(e, c, labels))  # noqa: E731
    return jax.jit(jax.value_and_grad(mean, (0, 1))).lower(*arrays).compile()


def _largest_difference(ours: Any, theirs: Any) -> float:
    """The largest difference of a value or a gradient, relative to the largest entry."""
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)
