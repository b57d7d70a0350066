"""Importing the package is quick: it costs little over jax, and a room loads when it is first touched."""

import subprocess
import sys

import pytest

import entropax

# Processor seconds, which other work on the machine does not lengthen as it does the clock's; the best of a few
# processes, of which the first writes the byte code and warms the disk's cache.
ATTEMPTS = 3

MEASURE = """
import importlib, time, jax
def seconds(name):
    start = time.process_time()
    importlib.import_module(name)
    return time.process_time() - start
print(*[seconds(name) for name in {names!r}])
"""


def best_seconds(*names: str, limit: float) -> float:
    """Seconds that importing the last of the names takes after jax and the others; stops at the first within limit."""
    best = float("inf")
    for _ in range(ATTEMPTS):
        run = subprocess.run(
            [sys.executable, "-c", MEASURE.format(names=names)], capture_output=True, text=True, check=True, timeout=120
        )
        best = min(best, float(run.stdout.split()[-1]))
        if best <= limit:
            break
    return best


@pytest.mark.fast
def test_the_package_costs_little_over_jax():
    assert best_seconds("entropax", limit=0.3) <= 0.3


@pytest.mark.parametrize("room", entropax._ROOMS)
def test_a_room_costs_little_over_the_package(room):
    assert best_seconds("entropax", f"entropax.{room}", limit=1.5) <= 1.5


@pytest.mark.fast
def test_the_package_loads_no_room():
    code = "import sys, entropax; print(*[m for m in sys.modules if m.startswith('entropax.')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.split() == ["entropax._checks"]


@pytest.mark.fast
def test_an_unknown_room_lists_the_known_ones():
    with pytest.raises(AttributeError, match="no attribute 'thermodynamic'; its rooms are applications, estimators"):
        _ = entropax.thermodynamic
    assert set(entropax._ROOMS) <= set(dir(entropax))
