"""What the published exponents are made of: their own procedures, repeated on our orbits.

The package's file holds two numbers for every flow. The first of its spectrum comes from 30 periods of an orbit with
500 points each: tangent vectors are moved by Euler's step of first order, U <- (I + h J) U in older releases and the
implicit U <- (I - h J)^-1 U in newer ones, and orthonormalised, from unit vectors on, no transient left out; the sum of
the logarithms is divided by the time of the last step at which one of them was below 1e-8 by chance (a way to stop
early that does not stop), by the whole time where none was. Where angles are mapped to bounded coordinates, J is that
of the mapped equations, taken at mapped points as if they were not. Starts are averaged with weights exp(-1000 min
|lambda_i|), which leaves the one whose smallest exponent is least by chance.

Which step a value is of shows in its sum, which neither gives right: GlycolyticOscillation has -2.41 in the file, -2.40
by implicit and -3.37 by explicit steps, and a mean divergence of -2.77.

Its maximum is the largest of the same spectrum in some entries. In others it comes from twin orbits at a relative
distance of 1e-10: the slope of the logarithm of their distance, by least squares, up to the last of 5000 points (50
periods) where they are nearer than 1e-3, averaged over starts. Where shear alone parts twins, linearly in time, that is
positive without chaos.
"""

import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax.observables.attractors import orthonormalized, runge_kutta_step
from experiments.simulators._chaos_orbits import kept

EULER, POINTS = 500, 100
"""Points a period: of Euler's steps, and of the distances."""
SPECTRUM, TWINS = 30, 50
"""Periods of the two procedures."""
APART, FAR = 1e-10, 1e-3
"""Relative distances: of the twins at the start, and up to which their slope is fitted."""


def repeated(name: str, system: Any, starts: np.ndarray, steps: int, *, folder: Path) -> dict[str, float]:
    """What both procedures give from points on the attractor, per unit of time.

    "twins" and "twins_error" by twin orbits; by Euler's steps the "weighted" mean of the starts, the "lowest" and the
    "highest" of them, and by implicit ones the same, as "implicit_weighted" and so on.

    Args:
        name: of the flow.
        system: the flow.
        starts: shape (n, d).
        steps: Runge-Kutta steps a period that its orbits take, a multiple of 500 or rounded up to one.
        folder: for results that a run which goes on finds again.
    """

    def measure() -> dict[str, Any]:
        twins = starts * (1 + APART * (np.random.default_rng(1).random(starts.shape) - 0.5))
        sizes, distances, growth, last = _followed(system, jnp.asarray(starts), jnp.asarray(twins), -(-steps // EULER))
        return {"sizes": sizes, "distances": distances, "growth": growth, "last": last}

    found = kept(folder / f"{name}-published.npz", measure)
    period = float(system.period)
    slopes = np.array([_slope(*row, period) for row in zip(found["sizes"], found["distances"], strict=True)])
    explicit, implicit = (found["growth"][:, i] * EULER / (period * found["last"][:, i, None]) for i in (0, 1))
    return {
        "twins": float(slopes.mean()),
        "twins_error": float(slopes.std(ddof=1) / len(slopes) ** 0.5),
        **_averaged(explicit),
        **{f"implicit_{name}": value for name, value in _averaged(implicit).items()},
    }


def _averaged(spectra: np.ndarray) -> dict[str, float]:
    """The largest exponents of the starts, their mean by the package's weights and their range."""
    quality = -1000 * np.abs(spectra).min(axis=1)
    weights = np.exp(quality - quality.max())  # relative to the best: all may underflow
    first = spectra.max(axis=1)
    return {
        "weighted": float(weights @ first / weights.sum()),
        "lowest": float(first.min()),
        "highest": float(first.max()),
    }


def _slope(sizes: np.ndarray, distances: np.ndarray, period: float) -> float:
    """The slope of the logarithm of the distance up to the last point where twins are near, per unit of time."""
    near = np.flatnonzero(distances < FAR * sizes)
    count = int(near[-1]) if len(near) else 0
    if count < 2 or not (distances[:count] > 0).all():
        return np.nan
    spacing = period * (TWINS / (len(distances) - 1))
    return float(np.polyfit(np.arange(count), np.log(distances[:count]), 1)[0] / spacing)


@functools.partial(jax.jit, static_argnames="substeps")
def _followed(
    system: Any, starts: jax.Array, twins: jax.Array, substeps: int
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Sizes of the points, distances of the twins, shape (n, 5000), growth of tangents, shape (n, 2, d), and divisors.

    Of the two tangent frames the first is moved by explicit steps, the second by implicit ones.
    """
    coarse = system.period / EULER
    fine = coarse / substeps
    field = jax.vmap(system.vector_field, in_axes=(None, 0))
    last_of_all = SPECTRUM * EULER

    def jacobian(time: jax.Array, y: jax.Array) -> jax.Array:
        """Of the equations, or of the mapped ones at the mapped point taken for the point itself."""
        if system.definition.bounded is None:
            return jax.jacfwd(system.vector_field, argnums=1)(time, y)
        rate = lambda y: jax.jvp(system.bounded, (y,), (system.vector_field(time, y),))[1]  # noqa: E731
        mapped = system.bounded(y)
        return jnp.linalg.solve(jax.jacfwd(system.bounded)(mapped).T, jax.jacfwd(rate)(mapped).T).T

    def one(start: jax.Array, twin: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
        def euler(carry: Any, step: jax.Array) -> tuple[Any, None]:
            time, pair, tangents, growth, last = carry
            step_of = coarse * jacobian(time, pair[0])
            moved = tangents[0] + step_of @ tangents[0], jnp.linalg.solve(jnp.eye(start.size) - step_of, tangents[1])
            tangents, lengths = jax.vmap(orthonormalized)(jnp.stack(moved))
            logs = jnp.log(lengths)
            within = step < last_of_all
            last = jnp.where(within & (step > 10) & (jnp.min(jnp.abs(logs), axis=1) < 1e-8), step, last)
            move = lambda i, y: runge_kutta_step(field, time + i * fine, y, fine)  # noqa: E731
            pair = jax.lax.fori_loop(0, substeps, move, pair)
            return (time + coarse, pair, tangents, growth + jnp.where(within, logs, 0), last), None

        def point(carry: Any, steps: jax.Array) -> tuple[Any, Any]:
            here, there = system.bounded(carry[1])
            seen = jnp.linalg.norm(here), jnp.linalg.norm(here - there)
            return jax.lax.scan(euler, carry, steps)[0], seen

        nothing = jnp.zeros((2, start.size)), jnp.full(2, last_of_all)
        begin = jnp.zeros_like(coarse), jnp.stack([start, twin]), jnp.stack([jnp.eye(start.size)] * 2), *nothing
        steps = jnp.arange(TWINS * EULER).reshape(TWINS * POINTS, EULER // POINTS)
        end, (sizes, distances) = jax.lax.scan(point, begin, steps)
        return sizes, distances, end[3], end[4]

    return jax.vmap(one)(starts, twins)
