"""Test configuration: strict ranks, eight virtual CPU devices, annotations checked at run time."""

import os

os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from jaxtyping import install_import_hook

install_import_hook("entropax", "beartype.beartype")

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")


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
