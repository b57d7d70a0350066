"""Integrators at equal error, the law of soliton shifts, and ensembles of noisy packets."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import Schrodinger
from experiments.simulators._nlse_cases import LENGTH, points, starts

TRANSFORMS = {"strang": 2, "yoshida4": 6, "etdrk4": 10, "kahan_li8": 34}
"""Fourier transforms in a step, which is where the time goes."""
TARGET = 1e-5
"""Error at which integrators are compared."""


@dataclass(frozen=True)
class StudyConfig:
    """Sizes of the studies.

    Attributes:
        end: time to which integrators solve the collision of case 2.
        steps: numbers of steps, by method.
        tolerances: relative tolerances of Dopri8.
        pairs: pairs of solitons in the scan, amplitude of the second and speed of both.
        seeds: noisy packets in the ensemble.
        num_points: their grid.
        ensemble_end: their last time.
    """

    end: float = 10.0
    steps: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("strang", (2000, 8000, 32000)),
        ("yoshida4", (1000, 2000, 4000, 8000)),
        ("etdrk4", (500, 1000, 2000, 4000)),
        ("kahan_li8", (100, 200, 400, 800)),
    )
    tolerances: tuple[float, ...] = (1e-5, 1e-7, 1e-9)
    pairs: tuple[tuple[float, float], ...] = ((1.5, 2.0), (1.0, 2.0), (2.0, 1.5), (1.5, 3.0), (1.0, 3.0), (2.5, 3.0))
    seeds: int = 24
    num_points: int = 512
    ensemble_end: float = 20.0


def compare_integrators(config: StudyConfig) -> dict[str, np.ndarray]:
    """Errors of every integrator on the collision of case 2, against its number of Fourier transforms.

    The error is the largest distance from a solution of order 8 with a fine step, on the same points and with the same
    filter: none for split steps, the package's for the others.

    Args:
        config: sizes.

    Returns:
        By method: rows of (transforms, error).
    """
    psi = jnp.asarray(starts(512)["two solitons"])

    @jax.jit
    def run(system: Schrodinger, steps: jax.Array) -> jax.Array:
        prepared, key = system.prepared(), jax.random.key(0)
        return jax.lax.fori_loop(0, steps, lambda _, psi: prepared.step(psi, key=key), system.initial)

    def solved(method: Any, steps: int) -> jax.Array:
        return run(Schrodinger(psi, length=LENGTH, dt=config.end / steps, method=method), jnp.asarray(steps))

    times = jnp.array([0.0, config.end])
    adaptive = Schrodinger(psi, length=LENGTH, dt=0.1)
    plain = solved("kahan_li8", 4 * dict(config.steps)["kahan_li8"][-1])
    filtered = adaptive.solve(psi, times, rtol=1e-12, atol=1e-12).value[-1]
    found: dict[str, Any] = {}
    for method, counts in config.steps:
        reference = filtered if method == "etdrk4" else plain
        errors = [float(jnp.max(jnp.abs(solved(method, n) - reference))) for n in counts]
        found[method] = np.array([[TRANSFORMS[method] * n, e] for n, e in zip(counts, errors, strict=True)])
    rows = []
    for rtol in config.tolerances:
        solution = adaptive.solve(psi, times, rtol=rtol, atol=rtol / 100)
        error = float(jnp.max(jnp.abs(solution.value[-1] - filtered)))
        rows.append([26 * int(solution.steps + solution.rejected), error])
    return found | {"dopri8": np.array(rows)}


def transforms_at(rows: np.ndarray, error: float = TARGET) -> float:
    """Fourier transforms that an integrator needs for an error, by lines between logarithms; NaN outside its rows.

    Args:
        rows: (transforms, error).
        error: wanted.
    """
    order = np.argsort(rows[:, 1])
    logs = np.log(rows[order])
    return float(np.exp(np.interp(np.log(error), logs[:, 1], logs[:, 0], left=np.nan, right=np.nan)))


def scan_shifts(config: StudyConfig) -> dict[str, np.ndarray]:
    """Shifts of colliding solitons, A_1 = 2, that start 20 apart and are measured when they are 16 apart again.

    Args:
        config: sizes.

    Returns:
        "measured" and "theory", shape (pairs, 2).
    """
    x = jnp.asarray(points(512))

    @jax.jit
    @jax.vmap
    def collide(amplitude: jax.Array, speed: jax.Array) -> tuple[jax.Array, jax.Array]:
        A, v = jnp.stack([jnp.full_like(amplitude, 2.0), amplitude]), jnp.stack([speed, -speed])
        psi = simulators.superposed_solitons(x, A, jnp.array([-10.0, 10.0]), v)
        system = Schrodinger(psi, length=LENGTH, dt=18 / speed / 480)
        after, _ = simulators.simulate(system, psi, 480, key=jax.random.key(0), observe=None)
        density = after.real**2 + after.imag**2
        sides = jnp.stack([jnp.where(x > 0, density, 0), jnp.where(x < 0, density, 0)])
        centres = jnp.sum(sides * x[None], axis=1) / jnp.sum(sides, axis=1)
        return centres - jnp.array([8.0, -8.0]), simulators.soliton_collision_shift(A, v)

    measured, theory = collide(*(jnp.asarray(column) for column in zip(*config.pairs, strict=True)))
    return {"measured": np.asarray(measured), "theory": np.asarray(theory)}


def ensemble(config: StudyConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Noisy packets of case 4 with our own noise.

    Args:
        config: sizes.
        key: of the noise.

    Returns:
        "time"; "spectral_entropy", shape (seeds, times); "peak", the largest intensity of each.
    """
    x = jnp.asarray(points(config.num_points))
    every = 4
    steps = every * round(config.ensemble_end / 0.05 / every)

    @jax.jit
    def run(keys: jax.Array) -> tuple[jax.Array, jax.Array]:
        def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
            psi = simulators.noisy_gaussian(x, key=key)
            system = Schrodinger(psi, length=LENGTH, dt=config.ensemble_end / steps)
            return simulators.simulate(system, psi, steps, key=key, observe=_entropy_and_peak, every=every)[1]

        return jax.lax.map(one, keys, batch_size=8)

    entropy, peak = run(jax.random.split(key, config.seeds))
    return {
        "time": config.ensemble_end / steps * every * np.arange(1, steps // every + 1),
        "spectral_entropy": np.asarray(entropy),
        "peak": np.asarray(jnp.max(peak, axis=1)),
    }


def _entropy_and_peak(psi: jax.Array) -> tuple[jax.Array, jax.Array]:
    return observables.spectral_entropy(psi), jnp.max(psi.real**2 + psi.imag**2)
