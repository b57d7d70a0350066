import subprocess
import sys

import pytest

from experiments import registry
from tests.experiments.conftest import write

pytestmark = pytest.mark.fast


def test_experiments_are_found_by_their_place_and_read_without_importing(toy):
    entries = registry.experiments(toy)
    assert list(entries) == ["toy-orbit", "toy-lens"]
    lens = entries["toy-lens"]  # its module raises when imported
    assert (lens.room, lens.module) == ("optics", "toylab.optics.toy_lens")
    assert lens.constants == {"SLUG": "toy-lens", "TITLE": "A lens", "ARXIV": ""}
    assert not any(module.startswith("toylab") for module in sys.modules)


def test_benchmarks_are_found_beside_the_harness(toy):
    entries = registry.benchmarks(toy)
    assert list(entries) == ["toy-race"]
    assert entries["toy-race"].constants["PEER"] == "numpy"


def test_a_name_is_found_with_hyphens_or_underscores(toy):
    entries = registry.experiments(toy)
    assert registry.find("experiment", "toy_orbit", entries) is entries["toy-orbit"]


def test_an_unknown_name_lists_the_known_ones(toy):
    with pytest.raises(registry.UnknownNameError, match="unknown experiment 'orbit'; known: toy-orbit, toy-lens"):
        registry.find("experiment", "orbit", registry.experiments(toy))


def test_a_slug_that_is_not_the_files_name_is_an_error(toy):
    write(toy / "optics/toy_mirror.py", "SLUG = 'mirror'")
    with pytest.raises(ValueError, match=r"toy_mirror.py: SLUG must be 'toy-mirror', got 'mirror'"):
        registry.experiments(toy)


def test_one_slug_in_two_folders_is_an_error(toy):
    write(toy / "optics/toy_orbit.py", "SLUG = 'toy-orbit'")
    with pytest.raises(ValueError, match="'toy-orbit' also stands in folder mechanics"):
        registry.experiments(toy)


def test_a_benchmarks_name_must_be_its_files(toy):
    write(toy / "benchmarks/toy_walk.py", "NAME = 'walk'")
    with pytest.raises(ValueError, match="NAME must be 'toy-walk', got 'walk'"):
        registry.benchmarks(toy)


def test_listing_imports_neither_jax_nor_matplotlib():
    """A table of names appears at once: the library loads when something runs."""
    code = """
import sys
from experiments.__main__ import main
assert main(["list"]) == 0 and main(["bench"]) == 0
heavy = {"jax", "matplotlib", "xarray"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=60)


# ------------------------------------------------------------------------------------- the experiments that there are


@pytest.mark.parametrize("entry", registry.experiments().values(), ids=lambda entry: entry.name)
def test_every_experiment_keeps_its_contract(entry):
    import dataclasses

    from experiments.running import PRESETS, REQUIRED

    assert {"SLUG", "TITLE", "ARXIV"} <= set(entry.constants)
    module = entry.load()
    assert tuple(module.PRESETS) == tuple(name for name in PRESETS if name in module.PRESETS)
    assert set(REQUIRED) <= set(module.PRESETS)
    assert dataclasses.is_dataclass(module.Config)
    assert module.Config.__dataclass_params__.frozen
    assert all(type(config) is module.Config for config in module.PRESETS.values())
    names = [claim.name for claim in module.CLAIMS]
    assert names
    assert len(set(names)) == len(names)
    assert all(claim.source for claim in module.CLAIMS)
    assert callable(module.run)


@pytest.mark.parametrize("entry", registry.benchmarks().values(), ids=lambda entry: entry.name)
def test_every_benchmark_keeps_its_contract(entry):
    assert {"NAME", "DESCRIPTION", "PEER"} <= set(entry.constants)
    assert callable(entry.load().cases)
