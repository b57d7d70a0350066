"""What the experiment on cross-entropy without logits measures: memory, time, precision, and what a filter does."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import losses
from experiments.losses._peaked_head import TrainedHead

MIB = 2**20


def ours(e: jax.Array, c: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean loss without logits."""
    return jnp.mean(losses.linear_cross_entropy(e, c, labels))


def dense(e: jax.Array, c: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean loss of the logits, by optax."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(e @ c.T, labels))


LOSSES = {"without logits": ours, "optax": dense}


def problem(tokens: int, width: int, vocabulary: int, key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Vectors, a table and labels, drawn."""
    keys = jax.random.split(key, 3)
    return (
        jax.random.normal(keys[0], (tokens, width)),
        jax.random.normal(keys[1], (vocabulary, width)) / width**0.5,
        jax.random.randint(keys[2], (tokens,), 0, vocabulary),
    )


def temporary_memory(tokens: int, width: int, vocabulary: int) -> dict[str, float]:
    """MiB of temporary buffers of the compiled value and gradients, results not counted; nothing is run."""
    shapes = (
        jax.ShapeDtypeStruct((tokens, width), jnp.float32),
        jax.ShapeDtypeStruct((vocabulary, width), jnp.float32),
        jax.ShapeDtypeStruct((tokens,), jnp.int32),
    )
    compiled = {
        name: jax.jit(jax.value_and_grad(loss, (0, 1))).lower(*shapes).compile() for name, loss in LOSSES.items()
    }
    return {name: _temporaries(program) / MIB for name, program in compiled.items()}


def _temporaries(program: Any) -> int:
    return program.memory_analysis().temp_size_in_bytes


def seconds(calls: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of every call over interleaved rounds, warm."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            jax.block_until_ready(call())
            if turn:  # the first compiles
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def loss_times(arrays: tuple[jax.Array, ...], rounds: int) -> dict[str, float]:
    """Seconds for value and gradients."""
    programs = {name: jax.jit(jax.value_and_grad(loss, (0, 1))) for name, loss in LOSSES.items()}
    return seconds({name: lambda f=f: f(*arrays) for name, f in programs.items()}, rounds)


def half_precision(arrays: tuple[jax.Array, ...]) -> tuple[float, float]:
    """Relative error of the loss, and the smaller cosine of the two gradients, of bfloat16 inputs against float64."""
    e, c, labels = arrays[0].astype(jnp.bfloat16), arrays[1].astype(jnp.bfloat16), arrays[2]
    value, gradients = jax.jit(jax.value_and_grad(ours, (0, 1)))(e, c, labels)
    wide = [np.asarray(x, np.float64) for x in (e, c)]
    logits = wide[0] @ wide[1].T
    largest = logits.max(axis=1, keepdims=True)
    p = np.exp(logits - largest)
    total = p.sum(axis=1, keepdims=True)
    rows, labels = np.arange(len(labels)), np.asarray(labels)
    truth = np.mean((np.log(total) + largest)[:, 0] - logits[rows, labels])
    p /= total
    p[rows, labels] -= 1
    exact = p @ wide[1] / len(rows), p.T @ wide[0] / len(rows)
    return abs(float(value) - truth) / truth, min(
        cosine(np.asarray(a, np.float64), b) for a, b in zip(gradients, exact, strict=True)
    )


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    """Of the angle between two arrays."""
    return float(np.sum(x * y) / np.sqrt(np.sum(x * x) * np.sum(y * y)))


def backward(head: TrainedHead, options: Mapping[str, Any]) -> tuple[Callable[[], Any], Any]:
    """The backward pass of the mean loss alone, ready to be called, and the gradients by vectors and table."""
    mean = lambda e, c: jnp.mean(losses.linear_cross_entropy(e, c, head.labels, **options))  # noqa: E731
    _, pull = jax.jit(lambda e, c: jax.vjp(mean, e, c))(head.hidden, head.embedding)
    apply = jax.jit(lambda pull, g: pull(g))
    one = jnp.ones(())
    return lambda: apply(pull, one), apply(pull, one)


def relative_error(near: Any, exact: Any) -> float:
    """The larger of the two gradients' relative errors, in the root mean square."""
    return max(float(jnp.linalg.norm(a - b) / jnp.linalg.norm(b)) for a, b in zip(near, exact, strict=True))


def entries_above(head: TrainedHead, eps: float) -> float:
    """Probabilities of a token that are at least eps: their mean number."""
    p = jax.nn.softmax(head.hidden @ head.embedding.T)
    return float(jnp.mean(jnp.sum(p >= eps, axis=1)))


def kept_share(head: TrainedHead, eps: float, blocks: tuple[int, int], order: np.ndarray) -> float:
    """The share of tiles that a filter keeps, counted from the probabilities.

    Args:
        head: the model.
        eps: threshold.
        blocks: tokens and vocabulary entries of a tile.
        order: of the vocabulary.
    """
    slopes = np.array(jax.nn.softmax(head.hidden @ head.embedding.T))
    slopes[np.arange(len(slopes)), np.asarray(head.labels)] -= 1
    large = np.abs(slopes)[:, order] >= eps
    starts = [np.arange(0, size, block) for size, block in zip(large.shape, blocks, strict=True)]
    tiles = np.logical_or.reduceat(np.logical_or.reduceat(large, starts[0], axis=0), starts[1], axis=1)
    return float(tiles.mean())
