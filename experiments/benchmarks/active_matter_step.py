"""Steps of interacting active swimmers in the phase-separating system: our pair table against jax-md's neighbour list.

Both advance the same state by the same equations (arXiv 2309.12991: phi = 0.5, v0 = 0.025, gamma = 1e-4, k = 1,
eps = 0, beta = 7.5, dt = 0.1) in float64, with the same cutoff and skin, rebuilding their lists when a particle has
moved by half the skin. Without noise in x, and with the same noise in g, the positions agree to rounding. The three
formats of jax-md's list are timed: Dense, its default, in every round whatever it takes; the fastest counts.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import simulators
from experiments.benchmarks.harness import Case

NAME = "active-matter-step"
DESCRIPTION = "Active swimmers at phi = 0.5, float64: amortised time of a step, rebuilds included"
PEER = "jax-md"

STEPS = 100
FORMATS = ("Dense", "Sparse", "OrderedSparse")
"""jax-md's: rows of neighbours (its default), pairs, and pairs once."""
TOLERANCE = 1e-9
"""Largest distance allowed between the two ends of a particle, in units of length; measured were at most 8e-13."""
SETTLING = 300
"""Steps before the comparison: from the Gaussian start to disks that barely overlap."""


def cases() -> Iterator[Case]:
    """The paper's training size and its largest transfer."""
    for particles in (4096, 32_768):
        with jax.enable_x64(True):
            system = simulators.ActiveSwimmers(
                particles,
                speed=0.025,
                packing_fraction=0.5,
                stiffness=1.0,
                persistence=1e-4,
                noise=0.0,
                dt=0.1,
                neighbors="table",
            )
            key = jax.random.key(0)
            state, _ = simulators.simulate(system, system.init(key=key), SETTLING, key=key, observe=None)
            theirs = {_label(name): _jax_md(system, state, name) for name in FORMATS}
        yield Case(
            name=f"{particles} particles, {STEPS} steps",
            ours=partial(_ours, system, state, key),
            peers=theirs,
            always=(_label("Dense"),),
            unit="step",
            per=STEPS,
            difference=partial(_difference, float(system.box.extent[0])),
            tolerance=TOLERANCE,
            seconds=40.0,
        )


def _ours(system: simulators.ActiveSwimmers, state: simulators.SwimmerState, key: jax.Array) -> tuple[Any, Any]:
    with jax.enable_x64(True):
        last, _ = simulators.simulate(system, state, STEPS, key=key, observe=None)
        return last.phase[0], last.overflow


def _label(name: str) -> str:
    return f"{name} neighbour list"


def _difference(width: float, ours: tuple[Any, Any], theirs: tuple[Any, Any]) -> float:
    """Largest distance between the two ends of a particle, through the box's walls where that is shorter."""
    if bool(ours[1]) or bool(theirs[1]):
        return float("inf")  # a list that overflowed computed something else
    apart = np.asarray(ours[0]) - np.asarray(theirs[0])  # in numpy: the two are float64 whatever jax's default is
    return float(np.max(np.linalg.norm(apart - width * np.round(apart / width), axis=1)))


def _jax_md(
    system: simulators.ActiveSwimmers, state: simulators.SwimmerState, name: str
) -> Callable[[], tuple[Any, Any]]:
    """The same dynamics on a neighbour list of jax-md's."""
    from jax_md import partition, space

    width = float(system.box.extent[0])
    displacement, shift = space.periodic(width)  # pyright: ignore[reportArgumentType]
    neighbors: Any = partition.neighbor_list(
        displacement,  # pyright: ignore[reportArgumentType]
        width,  # pyright: ignore[reportArgumentType]
        system.cutoff,
        dr_threshold=system.skin,
        capacity_multiplier=1.25,
        format=partition.NeighborListFormat[name],
    )
    half = width / 2
    start, propulsion = state.phase[0] + half, state.phase[1]
    allocated = neighbors.allocate(start)
    pair_displacement = jax.vmap(jax.vmap(displacement)) if name == "Dense" else jax.vmap(displacement)

    def force(x: jax.Array, pairs: Any) -> jax.Array:
        n = x.shape[0]
        if name == "Dense":
            j = pairs.idx
            i = jnp.broadcast_to(jnp.arange(n)[:, None], j.shape)
        else:
            i, j = pairs.idx
        real = (i < n) & (j < n)  # jax-md pads with the index n
        delta = pair_displacement(x[jnp.where(real, i, 0)], x[jnp.where(real, j, 0)])
        r = jnp.sqrt(jnp.where(real, jnp.sum(delta**2, axis=-1), 1.0))
        gap = system.beta * (2 * system.radius - r)
        size = system.stiffness * jax.nn.softplus(gap) / system.beta / r
        size = jnp.where(real & (r < system.cutoff), size, 0.0)
        push = size[..., None] * delta
        if name == "Dense":
            return jnp.sum(push, axis=1)
        on_i = jax.ops.segment_sum(push, i, n)
        return on_i - jax.ops.segment_sum(push, j, n) if name == "OrderedSparse" else on_i

    @jax.jit
    def run(x: jax.Array, g: jax.Array, pairs: Any) -> tuple[Any, Any]:
        key = jax.random.key(0)
        decay = jnp.exp(-system.persistence * system.dt)
        spread = jnp.sqrt(-jnp.expm1(-2 * system.persistence * system.dt))

        def step(carry: Any, index: jax.Array) -> tuple[Any, None]:
            x, g, pairs = carry
            noise = jax.random.normal(jax.random.split(jax.random.fold_in(key, index))[1], x.shape, x.dtype)
            x = shift(x, system.dt * (system.speed * g + force(x, pairs)))
            g = g * decay + spread * noise
            return (x, g, pairs.update(x)), None

        (x, _, pairs), _ = jax.lax.scan(step, (x, g, pairs), jnp.arange(STEPS))
        return x - half, pairs.did_buffer_overflow

    def call() -> tuple[Any, Any]:
        with jax.enable_x64(True):
            return run(start, propulsion, allocated)

    return call
