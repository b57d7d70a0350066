"""The training loop, checkpoints, device meshes and weights.

To fit one model to one loss, call `fit`: it threads parameters, batch statistics and random state, averages the
parameters, serves line searches and stops early. For anything else (two networks, policy gradients, own state) write a
pure `update` and call `run`, which `fit` is built on. Both run many steps in one compiled call, log metrics, save
checkpoints and resume from them to the same bits.

- When to stop: `Patience`, `NonFinite`, `AnyOf` of them, or an own `StopRule`.
- Several devices: make a mesh with `device_mesh` (or jax.make_mesh) and pass it as `mesh`, or a `Placement` to say
  which axis carries what. Several hosts: call jax.distributed.initialize() first.
- Data on the host: an iterator with `get_state` and `set_state` (`BatchIterator`).
- An optimiser that keeps its learning rate across widths: `mup_adamw`.
- Weights that ship: `save_weights`, `load_weights`.
"""

from entropax.training.batches import BatchIterator
from entropax.training.fitting import FitResult, fit
from entropax.training.loop import RunResult, run
from entropax.training.meshes import Placement, device_mesh
from entropax.training.mup import mup_adamw
from entropax.training.stopping import AnyOf, NonFinite, Patience, StopRule
from entropax.training.weights import load_weights, save_weights

__all__ = [
    "AnyOf",
    "BatchIterator",
    "FitResult",
    "NonFinite",
    "Patience",
    "Placement",
    "RunResult",
    "StopRule",
    "device_mesh",
    "fit",
    "load_weights",
    "mup_adamw",
    "run",
    "save_weights",
]
