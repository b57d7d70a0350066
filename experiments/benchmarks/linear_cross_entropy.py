"""Cross-entropy of a linear head and its gradients, against optax's loss of the logits.

The name of a case says, besides the sizes, what the compiled programs hold in temporary buffers: that is what a loss
without logits is for. In time both are near their floor of four and three matrix products.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import losses
from experiments.benchmarks.harness import Case

NAME = "linear-cross-entropy"
DESCRIPTION = "cross-entropy of a linear head, value and gradients, and its temporary memory"
PEER = "optax"

SIZES = ((2048, 256, 8192), (2048, 256, 65536))
"""Tokens, width, vocabulary."""


def cases() -> Iterator[Case]:
    """Every size."""
    import optax

    dense = lambda e, c, labels: optax.softmax_cross_entropy_with_integer_labels(e @ c.T, labels)  # noqa: E731
    for tokens, width, vocabulary in SIZES:
        keys = jax.random.split(jax.random.key(0), 3)
        arrays = (
            jax.random.normal(keys[0], (tokens, width)),
            jax.random.normal(keys[1], (vocabulary, width)) / 4,
            jax.random.randint(keys[2], (tokens,), 0, vocabulary),
        )
        ours, theirs = (_compiled(loss, arrays) for loss in (losses.linear_cross_entropy, dense))
        held = [program.memory_analysis().temp_size_in_bytes / 2**20 for program in (ours, theirs)]
        yield Case(
            name=f"{tokens} tokens, width {width}, vocabulary {vocabulary}, float32; "
            f"temporaries {held[0]:.1f} MiB against {held[1]:.1f} MiB (1/{held[1] / held[0]:.0f})",
            ours=partial(ours, *arrays),
            peers={"logits": partial(theirs, *arrays)},
            difference=_largest_difference,
            tolerance=1e-5,
        )


def _compiled(loss: Any, arrays: tuple[jax.Array, ...]) -> Any:
    mean = lambda e, c, labels: jnp.mean(loss(e, c, labels))  # noqa: E731
    return jax.jit(jax.value_and_grad(mean, (0, 1))).lower(*arrays).compile()


def _largest_difference(ours: Any, theirs: Any) -> float:
    """The largest difference of a value or a gradient, relative to the largest entry."""
    pairs = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)
