"""Linear systems: the learned entropy production against the closed form tr(A^T D^-1 A S) - tr A."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx

from entropax import nn, thermodynamics
from entropax._typing import Array, PRNGKey
from entropax.simulators import LinearLangevin
from experiments.claims import Estimate
from experiments.thermodynamics import _score_learning as learning

ROTATION = ([[1.5, -0.8], [0.8, 1.5]], [1.0, 1.0])
# A swimmer in a trap, (x, g): dx = (v0 g - A x) dt + noise eps, dg = -gamma g dt + noise gamma.
TRAPPED = ([[0.7, -0.5], [0.0, 0.3]], [0.2, 0.3])
THREE = ([[1.0, 0.6, 0.0], [0.0, 2.0, -0.5], [0.3, 0.0, 1.5]], [0.5, 1.0, 0.25])
# Two such swimmers joined by a spring of stiffness 0.4.
COUPLED = (
    [[1.1, -0.4, -0.5, 0.0], [-0.4, 1.1, 0.0, -0.5], [0.0, 0.0, 0.3, 0.0], [0.0, 0.0, 0.0, 0.3]],
    [0.2, 0.2, 0.3, 0.3],
)
SYSTEMS = {"rotation": ROTATION, "trapped swimmer": TRAPPED, "three": THREE, "coupled swimmers": COUPLED}


@dataclass(frozen=True)
class LinearConfig:
    """Sizes of the part.

    Attributes:
        training: how each score is fitted.
        width: hidden units of the two layers of the network.
        samples: draws that the rate is averaged over.
    """

    training: learning.Training
    width: int
    samples: int


class LinearOutcome(NamedTuple):
    """Rates in nats per unit time."""

    closed: float
    learned: Estimate


class StationaryDraws(eqx.Module):
    """Fresh draws from the stationary law as batches.

    Attributes:
        system: the linear system.
        size: draws a batch.
    """

    system: LinearLangevin
    size: int = eqx.field(static=True)

    def __call__(self, step: Array, *, key: PRNGKey) -> Array:
        """A batch, shape (size, d)."""
        del step
        return self.system.init(key=key, shape=(self.size,))


def run(config: LinearConfig, *, key: PRNGKey, checkpoint_dir: Path) -> dict[str, LinearOutcome]:
    """Learns the score of each system and compares the rates.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fits.

    Returns:
        The outcome by system.
    """
    outcomes = {}
    for name, system_key in zip(SYSTEMS, jax.random.split(key, len(SYSTEMS)), strict=True):
        A, D = (jnp.asarray(values) for values in SYSTEMS[name])
        system = LinearLangevin(A, D, dt=1.0)
        key_net, key_fit, key_test = jax.random.split(system_key, 3)
        model = nn.MLPScore(D.size, width=config.width, depth=2, rngs=nnx.Rngs(key_net))
        score = learning.learn_score(
            model,
            StationaryDraws(system, config.training.batch),
            system,
            D,
            config.training,
            key=key_fit,
            checkpoint_dir=checkpoint_dir / name.replace(" ", "-"),
            description=name,
        )
        test = system.init(key=key_test, shape=(config.samples,))
        rate = thermodynamics.mean_rate(learning.evaluate(score, test, system, D).rate)
        closed = float(thermodynamics.linear_entropy_production(A, D))
        outcomes[name] = LinearOutcome(closed, Estimate(rate.value, rate.standard_error))
    return outcomes
