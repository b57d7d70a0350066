"""entropax: entropy you can differentiate.

Every estimator, loss and simulator is a pure function of arrays that jits, vmaps and differentiates. The rooms load
when they are first touched:

- `information`: exact measures of a given distribution.
- `space`: periodic boxes, neighbour search, spectral grids.
- `metrics`: what one reports, not trains: calibration, ranking, coverage, segmentation.
- `training`: the training loop, checkpoints, device meshes.
- `nn`: networks (Flax NNX): scores, attention.
- `simulators`: dynamics under one protocol, and `simulate`.
- `estimators`: measures estimated from samples, with error bars.
- `losses`: training losses, one value an example.
- `optimize`: step sizes that an entropy's singularities allow.
- `observables`: from a simulator's state to numbers.
- `thermodynamics`: entropy production and probability flow.
- `applications`: alloys, clusters of galaxies, logistics.
"""

import importlib
from typing import TYPE_CHECKING, Any

import jax
import jaxlib

from entropax._checks import require_sound_release

require_sound_release(jax=jax.__version__, jaxlib=jaxlib.__version__)

__version__ = "0.1.0"

_ROOMS = (
    "applications",
    "estimators",
    "information",
    "losses",
    "metrics",
    "nn",
    "observables",
    "optimize",
    "simulators",
    "space",
    "thermodynamics",
    "training",
)

if TYPE_CHECKING:
    from entropax import (
        applications as applications,
        estimators as estimators,
        information as information,
        losses as losses,
        metrics as metrics,
        nn as nn,
        observables as observables,
        optimize as optimize,
        simulators as simulators,
        space as space,
        thermodynamics as thermodynamics,
        training as training,
    )


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"entropax.{name}")
    raise AttributeError(f"module 'entropax' has no attribute {name!r}; its rooms are {', '.join(_ROOMS)}")


def __dir__() -> list[str]:
    return sorted([*_ROOMS, "__version__"])
