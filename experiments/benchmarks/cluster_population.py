"""A hundred thousand synthetic histories of cores: simulated, and differentiated by two parameters."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications import clusters
from experiments.applications._cluster_design import TRUTH, as_parameters, with_slopes
from experiments.benchmarks.harness import Case

NAME = "cluster-population"
DESCRIPTION = "synthetic histories of cores, 560 steps each, float32"
PEER = ""

HISTORIES, CHUNK, DIFFERENTIATED = 100_000, 10_000, 3000


def cases() -> Iterator[Case]:
    """Histories alone, and what is seen of them with its slopes by the share of mergers that heat and by t22."""
    key = jax.random.key(0)
    yield Case(
        name=f"{HISTORIES:,} histories",
        ours=partial(
            clusters.simulate_population, clusters.ClusterCore(), HISTORIES, key=key, every=5, batch_size=CHUNK
        ),
        unit="history",
        per=HISTORIES,
    )
    at = jnp.asarray(np.asarray(as_parameters(TRUTH), np.float32))
    yield Case(
        name=f"{DIFFERENTIATED:,} histories with slopes",
        ours=partial(with_slopes, at, key, DIFFERENTIATED),
        unit="history",
        per=DIFFERENTIATED,
    )
