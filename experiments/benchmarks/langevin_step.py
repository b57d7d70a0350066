"""Euler-Maruyama steps of Langevin dynamics: `simulate` against diffrax's SDE solver.

Both integrate particles in the double well U(x) = x^4/4 - x^2/2 at temperature D from the same start and return their
last positions. diffrax draws its noise in two ways: from a virtual Brownian tree, which knows the path at any time, or
step by step as we do; the faster one counts. The noise differs, so what is compared is the mean of x^2.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from entropax import simulators
from experiments.benchmarks.harness import Case

NAME = "langevin-step"
DESCRIPTION = "Euler-Maruyama steps in a double well, float32"
PEER = "diffrax"

STEPS, DT, DIFFUSION = 500, 0.01, 0.5


def drift(x: jax.Array) -> jax.Array:
    """Minus the gradient of x^4/4 - x^2/2."""
    return x - x**3


def cases() -> Iterator[Case]:
    """A few and many particles."""
    import diffrax
    import lineax

    def diffusion(t: Any, x: jax.Array, args: Any) -> lineax.AbstractLinearOperator:
        return lineax.DiagonalLinearOperator(jnp.full_like(x, (2 * DIFFUSION) ** 0.5))

    @partial(jax.jit, static_argnames="tree")
    def solve(x: jax.Array, key: jax.Array, *, tree: bool) -> jax.Array:
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        end = STEPS * DT
        path = (
            diffrax.VirtualBrownianTree(0.0, end, tol=DT / 2, shape=shape, key=key)
            if tree
            else diffrax.UnsafeBrownianPath(shape, key)
        )
        terms = diffrax.MultiTerm(diffrax.ODETerm(lambda t, x, args: drift(x)), diffrax.ControlTerm(diffusion, path))
        solution = diffrax.diffeqsolve(
            terms, diffrax.Euler(), 0.0, end, DT, x, max_steps=STEPS + 1, adjoint=diffrax.DirectAdjoint()
        )
        assert solution.ys is not None
        return solution.ys[-1]

    system = simulators.Langevin(drift, DIFFUSION, dt=DT, initial=jnp.zeros(()))
    key = jax.random.key(0)
    for particles in (1_000, 30_000):
        x = jnp.zeros(particles)
        standard_error = (2.0 / particles) ** 0.5  # of a mean of x^2, whose variance is below 1 here
        yield Case(
            name=f"{particles} particles, {STEPS} steps",
            ours=partial(_simulate, system, x, key),
            peers={
                "UnsafeBrownianPath": partial(solve, x, key, tree=False),
                "VirtualBrownianTree": partial(solve, x, key, tree=True),
            },
            unit="step",
            per=STEPS,
            difference=lambda ours, theirs: abs(jnp.mean(ours**2) - jnp.mean(theirs**2)),
            tolerance=4 * standard_error,
            seconds=15.0,
        )


def _simulate(system: simulators.Langevin, x: jax.Array, key: jax.Array) -> jax.Array:
    return simulators.simulate(system, x, STEPS, key=key, observe=None)[0]
