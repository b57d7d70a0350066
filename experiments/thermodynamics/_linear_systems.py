"""Linear systems, whose entropy production is known in closed form, learned from draws of their stationary law."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import nn, simulators, thermodynamics
from experiments.claims import Estimate
from experiments.thermodynamics._score_fits import ScoreLoss, StationaryBatches, fit_score, flow_samples


@dataclass(frozen=True)
class LinearConfig:
    """Sizes of the fits to linear systems.

    Attributes:
        steps: optimiser steps for each system.
        batch: fresh samples in each step.
        learning_rate: the largest, of Adam.
        width: of the score network's hidden layers.
        depth: their number.
        physics: weight of the stationary Fokker-Planck residual.
        samples: draws that the learned rate is averaged over.
    """

    steps: int = 1500
    batch: int = 1024
    learning_rate: float = 3e-3
    width: int = 48
    depth: int = 2
    physics: float = 1.0
    samples: int = 400_000


def systems() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Drift matrix A and diagonal D of every system, dX = -A X dt + sqrt(2 D) dW.

    A rotation; a swimmer in a trap (A = 0.7, v0 = 0.5, eps = 0.2, gamma = 0.3); a three-dimensional system; two such
    swimmers joined by a spring of 0.4.
    """
    trap, speed, eps, gamma, spring = 0.7, 0.5, 0.2, 0.3, 0.4
    stiffness = np.array([[trap + spring, -spring], [-spring, trap + spring]])
    coupled = np.block([[stiffness, -speed * np.eye(2)], [np.zeros((2, 2)), gamma * np.eye(2)]])
    return {
        "rotation, 2-D": (np.array([[1.5, -0.8], [0.8, 1.5]]), np.array([1.0, 1.0])),
        "trapped swimmer, 2-D": (np.array([[trap, -speed], [0.0, gamma]]), np.array([eps, gamma])),
        "cycle, 3-D": (np.array([[1, 0.6, 0], [0, 2, -0.5], [0.3, 0, 1.5]]), np.array([0.5, 1.0, 0.25])),
        "coupled swimmers, 4-D": (coupled, np.array([eps, eps, gamma, gamma])),
    }


class _LinearSlopes(eqx.Module):
    """The diagonal of -A at every sample."""

    diagonal: jax.Array

    def __call__(self, batch: jax.Array) -> jax.Array:
        return jnp.broadcast_to(-self.diagonal, batch.shape)


def learn_linear_systems(config: LinearConfig, *, key: jax.Array, checkpoint_dir: Path) -> dict[str, dict[str, Any]]:
    """Learns every system's score and returns its rate beside the closed form."""
    rows = {}
    for number, (name, (A, D)) in enumerate(systems().items()):
        net_key, fit_key, draw_key = jax.random.split(jax.random.fold_in(key, number), 3)
        system = simulators.LinearLangevin(A, D, dt=0.1)
        spread = np.sqrt(np.diag(np.asarray(system.stationary_covariance())))
        network = nn.MLPScore(
            D.size,
            width=config.width,
            depth=config.depth,
            scale=tuple(float(s) for s in spread),
            rngs=nnx.Rngs(net_key),
        )
        loss = ScoreLoss(
            system.drift,
            _LinearSlopes(jnp.diag(system.drift_matrix)),
            jnp.diag(system.diffusion),
            physics=config.physics,
            divergence="exact",
        )
        fitted = fit_score(
            loss,
            network,
            StationaryBatches(system, config.batch),
            steps=config.steps,
            learning_rate=config.learning_rate,
            ema=0.99,
            key=fit_key,
            checkpoint_dir=checkpoint_dir / f"linear-{number}",
            description=name,
        )
        model = fitted.ema_model
        samples = system.init(key=draw_key, shape=(config.samples,))
        flow = flow_samples(model, loss, samples, block=min(100_000, config.samples))
        rate = thermodynamics.mean_rate(flow.rates.sum(axis=1))
        rows[name] = {
            "learned": Estimate(rate.value, rate.standard_error),
            "exact": float(thermodynamics.linear_entropy_production(A, D)),
            "residual": float(flow.diagnostics().residual_abs),
        }
    return rows
