"""Test configuration: strict ranks, eight virtual CPU devices, annotations checked at run time."""

import itertools
import os
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from jaxtyping import install_import_hook

install_import_hook("entropax", "beartype.beartype")

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")

MOST_MAPS = 20_000
"""Memory maps of a process: Linux allows 65,530, and XLA's compiler crashes when it gets no more."""
_finished = itertools.count(1)


def pytest_runtest_teardown() -> None:
    """Forgets compiled programs, each of which holds several maps, long before there are too many."""
    maps = Path("/proc/self/maps")
    if next(_finished) % 16 == 0 and maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()


@pytest.fixture
def getkey():
    """A function that hands out a fresh key at every call, the same sequence in every test."""
    keys = iter(jax.random.split(jax.random.key(20230921), 256))
    return lambda: next(keys)


@pytest.fixture
def x64():
    """Runs the test in float64."""
    with jax.enable_x64(True):
        yield
