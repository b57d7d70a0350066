"""Entropy and Kullback-Leibler divergence of many distributions at once, against scipy.stats.entropy.

scipy runs on one thread; its best thread count is found by handing blocks of rows to a pool of threads, which numpy's
loops run in parallel.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import information
from experiments.benchmarks.harness import Case

NAME = "entropy"
DESCRIPTION = "entropy and KL divergence of batches of distributions, float64"
PEER = "scipy"

SHAPES = ((1, 1_000), (1_000, 1_000), (100_000, 50))
"""Number of distributions, number of outcomes."""


def cases() -> Iterator[Case]:
    """Both measures at every size."""
    from scipy.stats import entropy

    threads = sorted({1, 2, os.cpu_count() or 1})
    functions = {"entropy": jax.jit(information.entropy), "KL divergence": jax.jit(information.kl_divergence)}
    with ThreadPoolExecutor(max(threads)) as pool, jax.enable_x64(True):
        for rows, outcomes in SHAPES:
            p, q = np.random.default_rng(0).dirichlet(np.ones(outcomes), (2, rows))
            for name, arguments in (("entropy", (p,)), ("KL divergence", (p, q))):
                yield Case(
                    name=f"{name}, {rows} x {outcomes}",
                    ours=partial(functions[name], *map(jnp.asarray, arguments)),
                    peers={
                        f"{count} threads" if count > 1 else "1 thread": partial(
                            _by_rows, pool, count, entropy, *arguments
                        )
                        for count in threads
                        if count <= rows
                    },
                    difference=_largest_difference,
                    tolerance=1e-10,
                    seconds=5.0,
                )


def _by_rows(pool: ThreadPoolExecutor, threads: int, measure: Callable[..., Any], *arguments: np.ndarray) -> np.ndarray:
    """The measure of every row, the rows shared among the threads."""
    if threads == 1:
        return measure(*arguments, axis=-1)
    blocks = zip(*(np.array_split(argument, threads) for argument in arguments), strict=True)
    return np.concatenate(list(pool.map(lambda block: measure(*block, axis=-1), blocks)))


def _largest_difference(ours: Any, theirs: Any) -> float:
    return float(np.max(np.abs(np.asarray(ours) - theirs)))
