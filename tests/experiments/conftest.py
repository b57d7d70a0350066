"""A small package of experiments and benchmarks on disk, laid out like the real one."""

import sys
import textwrap
from pathlib import Path

import pytest

ORBIT = '''
"""An experiment that computes a mean."""
from dataclasses import dataclass

import jax
import numpy as np
import xarray

from experiments.claims import Bounds, Claim, Estimate, Near, NotRun, Ordering, WithinErrors
from experiments.figures import label, new_figure
from experiments.running import Result, stage

SLUG = "toy-orbit"
TITLE = "A toy [orbit]"
ARXIV = "1234.56789"


@dataclass(frozen=True)
class Config:
    size: int


PRESETS = {"smoke": Config(16), "default": Config(64)}
CLAIMS = (
    Claim("mean", 0.0, "eq. 1", WithinErrors(6, 1.0)),
    Claim("size", 64.0, "Table 2", Near(relative=0.01)),
    Claim("growth", "grows", "Fig. 3", Ordering(("a", "b"))),
    Claim("cluster", 1.0, "Fig. 4", Near(absolute=0.1)),
    Claim("forgotten", 1.0, "Fig. 5", Near(absolute=0.1)),
)


def run(config, *, key, checkpoint_dir):
    marker = checkpoint_dir / "marker"
    resumed = marker.exists()
    marker.write_text("here")
    with stage("draw"):
        x = np.asarray(jax.random.normal(key, (config.size,)))
    if FAULT:
        raise FAULT

    def figure():
        figure, axes = new_figure()
        axes[0, 0].plot(x)
        axes[0, 0].set_xlabel(label("time", "1/gamma"))
        return figure

    return Result(
        measured={
            "mean": Estimate(x.mean(), x.std() / config.size**0.5),
            "size": config.size,
            "growth": {"a": 1.0, "b": 2.0},
            "cluster": NotRun("only in preset full"),
        },
        data=DATA(x),
        figure=figure,
        remarks={"size": "resumed"} if resumed else {},
    )


FAULT = None
DATA = lambda x: xarray.Dataset({"x": ("time", x, {"units": "length"})})
'''

RACE = '''
"""A benchmark of two sums."""
import numpy as np

from experiments.benchmarks.harness import Case

NAME = "toy-race"
DESCRIPTION = "sums"
PEER = "numpy"


def cases():
    x = np.arange(1000.0)
    yield Case(
        name="thousand",
        ours=x.sum,
        peers={"once": x.sum, "hundred times": lambda: [x.sum() for _ in range(100)][0]},
        difference=lambda a, b: abs(a - b),
        seconds=0.05,
    )
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The package's folder; its modules are forgotten after the test."""
    root = tmp_path / "toylab"
    files = {
        "__init__.py": "",
        "mechanics/__init__.py": "",
        "mechanics/toy_orbit.py": ORBIT,
        "mechanics/_parts.py": "raise RuntimeError('never imported')",
        "optics/__init__.py": "",
        "optics/toy_lens.py": "SLUG = 'toy-lens'\nTITLE = 'A lens'\nARXIV: str = ''\nraise RuntimeError('imported')",
        "benchmarks/__init__.py": "",
        "benchmarks/harness.py": "",
        "benchmarks/toy_race.py": RACE,
    }
    for name, content in files.items():
        write(root / name, content)
    monkeypatch.syspath_prepend(tmp_path)
    yield root
    for module in [module for module in sys.modules if module.split(".")[0] == "toylab"]:
        del sys.modules[module]


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(content))
