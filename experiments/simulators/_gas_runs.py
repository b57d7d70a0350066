"""Expansions of a hard-disc gas into twice its volume, and the entropy that cells of different sizes see."""

import functools
import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ive, xlogy

from entropax.observables import ideal_expansion_entropy, occupation_numbers, pooled_entropy
from entropax.simulators import HardDisks, stream_freely

FASTEST = 8.0
"""Velocity cells cover [-8, 8] at T = 1."""

TIMES = 32
"""Times at which every expansion is looked at."""


@dataclass(frozen=True)
class RunConfig:
    """Sizes of the expansions; the box is 1 x 1 and T = 1.

    Attributes:
        num_disks: of the gas with collisions.
        copies: independent copies, pooled.
        streaming: particles of the gas without collisions.
        position_cells: cells along x.
        equilibration: time in the left half before the partition is taken out.
        paths: mean free paths, in box lengths, longest first.
        velocity_cells: sizes dv, smallest first, whole fractions of 8.
        end: last time of the sweep.
        ratio: (dv / 2L) / nu of the collapse.
    """

    num_disks: int = 512
    copies: int = 24
    streaming: int = 200_000
    position_cells: int = 10
    equilibration: float = 1.0
    paths: tuple[float, ...] = (2.0, 0.2, 0.1)
    velocity_cells: tuple[float, ...] = (0.5, 1.0, 2.0)
    end: float = 4.0
    ratio: float = 1.0


def diameter_of(path: float, density: float) -> float:
    """The diameter whose mean free path at this density is `path`."""
    return 1 / (2 * math.sqrt(2) * density * path)


@functools.partial(jax.jit, static_argnames=("dv", "cells"))
def pooled(x: jax.Array, v: jax.Array, *, dv: float, cells: int) -> jax.Array:
    """Entropy per particle in (x, v_x) cells of all copies, corrected for sampling; axes are (copies, n, 2)."""
    number = round(2 * FASTEST / dv)
    z = jnp.stack([x[..., 0], v[..., 0]], axis=-1)
    low, high = jnp.array([0.0, -FASTEST]), jnp.array([1.0, FASTEST])
    return pooled_entropy(occupation_numbers(z, lower=low, upper=high, cells=(cells, number)), dv / cells)


def expand(config: RunConfig, diameter: float, times: jax.Array, *, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Positions and velocities of all copies at zero and at the times, shape (copies, 1 + t, n, 2)."""
    gas = HardDisks(config.num_disks, diameter=diameter, box=(1.0, 1.0), partition=0.5)
    x, v, overflow = _expand(gas, config.equilibration, times, jax.random.split(key, config.copies))
    if bool(overflow):
        raise RuntimeError("a gas ran out of events or of room in a cell")
    return x, v


@jax.jit
def _expand(
    gas: HardDisks, equilibration: float, times: jax.Array, keys: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    def one(key: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        start = gas.advance(gas.init(key=key), equilibration)
        path = gas.opened().trajectory(start, times)
        x = jnp.concatenate([start.positions[None], path.positions])
        v = jnp.concatenate([start.velocities[None], path.velocities])
        return x, v, start.info.overflow | jnp.any(path.info.overflow)

    x, v, overflow = jax.vmap(one)(keys)
    return x, v, jnp.any(overflow)


@functools.partial(jax.jit, static_argnames=("dv", "cells"))
def gains(x: jax.Array, v: jax.Array, *, dv: float, cells: int) -> jax.Array:
    """s(t) - s(0) at the times after zero; axes are (copies, times, n, 2)."""
    by_time = jnp.moveaxis(x, 1, 0), jnp.moveaxis(v, 1, 0)
    entropies = jax.lax.map(lambda at: pooled(*at, dv=dv, cells=cells), by_time)
    return entropies[1:] - entropies[0]


def sweep(config: RunConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Gains by mean free path (infinite first), velocity cell and time, and the exact ones without collisions."""
    times = jnp.arange(1, TIMES + 1, dtype=float) * (config.end / TIMES)  # of integers it would compile twice
    streaming_key, key = jax.random.split(key)
    cells = config.position_cells
    result = [[stream_gains(config, dv, times, key=streaming_key) for dv in config.velocity_cells]]
    for index, path in enumerate(config.paths):
        diameter = diameter_of(path, config.num_disks)
        x, v = expand(config, diameter, times, key=jax.random.fold_in(key, index))
        result.append([gains(x, v, dv=dv, cells=cells) for dv in config.velocity_cells])
    exact = [
        exact_gains(times, dv=dv, cells=cells, images=math.ceil(FASTEST * config.end)) for dv in config.velocity_cells
    ]
    return {"times": np.asarray(times), "gain": np.asarray(result), "exact": np.asarray(exact)}


def collapse(config: RunConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Gains against w = t dv / (2 L), without collisions and with dv / (2 L) = ratio nu, by dv and w.

    The cells are a fourth of the sweep's: the scaling is that of cells which are small against the thermal velocity.
    """
    w = jnp.arange(1, TIMES + 1) / TIMES
    sizes = tuple(dv / 4 for dv in config.velocity_cells)
    free, colliding = [], []
    for index, dv in enumerate(sizes):
        one, two = jax.random.split(jax.random.fold_in(key, index))
        free.append(stream_gains(config, dv, 2 * w / dv, key=one))
        frequency = dv / 2 / config.ratio
        diameter = frequency / (2 * config.num_disks * math.sqrt(math.pi))
        x, v = expand(config, diameter, 2 * w / dv, key=two)
        colliding.append(gains(x, v, dv=dv, cells=config.position_cells))
    return {
        "w": np.asarray(w),
        "cells": np.asarray(sizes),
        "free": np.asarray(free),
        "colliding": np.asarray(colliding),
        "limit": two_processes(np.asarray(w), config.ratio),
    }


def two_processes(w: np.ndarray, ratio: float) -> np.ndarray:
    """Gain against w in the limit of fine cells and rare collisions, dv / (2 L) = ratio nu.

    Streaming without collisions makes stripes, of which a velocity cell sees the moving average q over w periods. A
    disc that has collided belongs to none: what is left of the stripes at v_x is the part S that has not collided,
    exp(-nu(v) t) averaged over v_y, and the density over the last one is 1 + S (2 q - 1). The frequency of a disc of
    speed v is 2 n s times its mean speed relative to the others, and nu t = w / ratio on average.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(48)
    weights = weights / weights.sum()
    u = (nodes[:, None] ** 2 + nodes[None] ** 2) / 2
    frequency = ((1 + u) * ive(0, u / 2) + u * ive(1, u / 2)) / math.sqrt(2)
    phase = (np.arange(1000) + 0.5) / 1000
    on = lambda y: np.floor(y) / 2 + np.minimum(y % 1, 0.5)  # noqa: E731  of the square wave, up to y
    gain = []
    for at in w:
        left = np.exp(-frequency * at / ratio) @ weights
        density = 1 + left[:, None] * (2 * (on(phase + at) - on(phase)) / at - 1)[None]
        gain.append(math.log(2) - weights @ np.mean(xlogy(density, density), axis=1))
    return np.asarray(gain)


@functools.partial(jax.jit, static_argnames=("dv", "cells", "images"))
def exact_gains(times: jax.Array, *, dv: float, cells: int, images: int) -> jax.Array:
    """s(t) - s(0) of the ideal gas in closed form."""
    entropy = functools.partial(ideal_expansion_entropy, velocity_cell=dv, num_cells=cells, images=images)
    return jax.vmap(entropy)(times) - entropy(0.0)


def stream_gains(config: RunConfig, dv: float, times: jax.Array, *, key: jax.Array) -> jax.Array:
    """Gains of the gas without collisions, from independent particles."""
    key_x, key_v = jax.random.split(key)
    x = jax.random.uniform(key_x, (config.streaming, 2)) * jnp.array([[0.5, 1.0]])
    v = jax.random.normal(key_v, x.shape)
    return _streamed(x, v, times, dv=dv, cells=config.position_cells)


@functools.partial(jax.jit, static_argnames=("dv", "cells"))
def _streamed(x: jax.Array, v: jax.Array, times: jax.Array, *, dv: float, cells: int) -> jax.Array:
    def entropy(t: jax.Array) -> jax.Array:
        moved, turned = stream_freely(x, v, t, box=jnp.ones(2))
        return pooled(moved[None], turned[None], dv=dv, cells=cells)

    entropies = jax.lax.map(entropy, jnp.concatenate([jnp.zeros(1), times]))
    return entropies[1:] - entropies[0]
