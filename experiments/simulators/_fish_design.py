"""School parameters by gradient: an index of disorder that is asked for, and how long a run gradients survive.

The school is small and its edges soft. What is sought are the radius of orientation, the noise and the weight of
orientation at which schools from random starts have a given mean index at the end of the horizon. The residual is that
of the sharp school and the sharp index, the slope that of the soft ones: so the sharp school is what arrives.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import observables, simulators
from entropax.simulators import FishSchool, FishState


@dataclass(frozen=True)
class FishDesignConfig:
    """The school and the descent.

    Attributes:
        num_fish: N.
        box_size: L; the attraction reaches half as far.
        num_steps: horizon of the descent, steps of 0.1.
        starts: schools in a step of the descent, new ones each time.
        targets: indices asked for.
        iterations: steps of Adam.
        rate: of Adam.
        softness: of the zones' edges, length.
        width: of the histograms' edges, bins.
        judged: fresh schools that judge what was found.
        horizon: steps of the longest gradient.
    """

    num_fish: int = 32
    box_size: float = 12.0
    num_steps: int = 20
    starts: int = 8
    targets: tuple[float, ...] = (0.6, 0.5)
    iterations: int = 30
    rate: float = 0.2
    softness: float = 0.5
    width: float = 0.5
    judged: int = 64
    horizon: int = 320


PARAMETERS = ("orientation radius", "noise", "orientation weight")
_EVERY = 20  # steps between the horizons at which gradients are looked at


def physical(z: jax.Array, config: FishDesignConfig) -> jax.Array:
    """r_o in (1, L / 2), sigma in (0, 0.6) and w_o in (0, 1) from numbers without bounds.

    Args:
        z: shape (3,).
        config: sizes.
    """
    low, high = jnp.array([1.0, 0.0, 0.0], z.dtype), jnp.array([config.box_size / 2, 0.6, 1.0], z.dtype)
    return low + (high - low) * jax.nn.sigmoid(z)


def start_of_descent() -> jax.Array:
    """A disordered school: short-sighted, noisy, half attentive."""
    return jnp.array([-2.0, -0.5, 0.0])


def _school(z: jax.Array, config: FishDesignConfig, *, soft: bool) -> FishSchool:
    r, noise, weight = physical(z, config)
    return FishSchool(
        config.num_fish,
        box_size=config.box_size,
        repulsion_radius=0.9,
        orientation_radius=r,
        attraction_radius=config.box_size / 2,
        max_turn=0.3,
        noise=noise,
        blind_angle=30.0,
        orientation_weight=weight,
        dt=0.1,
        softness=config.softness if soft else None,
    )


def _index(state: FishState, config: FishDesignConfig, *, soft: bool) -> jax.Array:
    width = config.width if soft else None
    return observables.oceanic_schooling_index(state.positions, state.velocities, config.box_size, width=width)


def _mean_index(z: jax.Array, keys: jax.Array, config: FishDesignConfig, *, soft: bool) -> tuple[jax.Array, jax.Array]:
    """Mean over the starts of the index at the end, and the indices."""
    school = _school(z, config, soft=soft)

    def one(key: jax.Array) -> jax.Array:
        start_key, run_key = jax.random.split(key)
        start = school.init(key=start_key)
        final, _ = simulators.simulate(school, start, config.num_steps, key=run_key, observe=None)
        return _index(final, config, soft=soft)

    values = jax.vmap(one)(keys)
    return jnp.mean(values), values


# The two in one program could call LAPACK twice at once, which on a CPU may wait for ever.
_soft = jax.jit(jax.value_and_grad(functools.partial(_mean_index, soft=True), has_aux=True), static_argnames="config")
_sharp = jax.jit(functools.partial(_mean_index, soft=False), static_argnames="config")


@functools.partial(jax.jit, static_argnames="config")
def _along(z: jax.Array, keys: jax.Array, config: FishDesignConfig) -> tuple[jax.Array, jax.Array]:
    """Soft indices along runs from several starts, and their slopes, shapes (starts, times) and (starts, times, 3)."""

    def indices(z: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        school = _school(z, config, soft=True)
        start_key, run_key = jax.random.split(key)
        observe = functools.partial(_index, config=config, soft=True)
        start = school.init(key=start_key)
        _, found = simulators.simulate(school, start, config.horizon, key=run_key, observe=observe, every=_EVERY)
        return found, found

    slopes, values = jax.vmap(jax.jacfwd(indices, has_aux=True), (None, 0))(z, keys)
    return values, slopes


def gradient_check(config: FishDesignConfig, *, key: jax.Array) -> float:
    """Reverse mode through the horizon against central differences with the same noise, relative.

    Args:
        config: sizes.
        key: source of randomness.
    """
    keys = jax.random.split(key, config.starts)
    z, h = start_of_descent(), 1e-6
    _, slope = _soft(z, keys, config)
    moved = [[_soft(z + sign * h * e, keys, config)[0][0] for sign in (1, -1)] for e in jnp.eye(3)]
    differences = np.array([(ahead - behind) / (2 * h) for ahead, behind in moved])
    return float(np.linalg.norm(slope - differences) / np.linalg.norm(differences))


def horizons(config: FishDesignConfig, *, key: jax.Array, starts: int = 16) -> dict[str, np.ndarray]:
    """How slopes grow with the horizon, and where their mean over starts drowns in their spread.

    Args:
        config: sizes.
        key: source of randomness.
        starts: number of starts.

    Returns:
        "steps"; "size", the root mean square over starts of the slope's norm; "signal", the norm of the mean slope over
        that of its standard error.
    """
    _, slopes = _along(start_of_descent(), jax.random.split(key, starts), config)
    slopes = np.asarray(slopes)
    mean, error = slopes.mean(axis=0), slopes.std(axis=0, ddof=1) / np.sqrt(starts)
    return {
        "steps": _EVERY * np.arange(1, slopes.shape[1] + 1),
        "size": np.sqrt(np.mean(np.sum(slopes**2, axis=-1), axis=0)),
        "signal": np.linalg.norm(mean, axis=-1) / np.linalg.norm(error, axis=-1),
    }


def useful_horizon(found: dict[str, np.ndarray], least: float = 2.0) -> float:
    """The last horizon before the signal falls below so many standard errors.

    Args:
        found: from `horizons`.
        least: standard errors.
    """
    drowned = np.flatnonzero(found["signal"] < least)
    last = len(found["steps"]) if not drowned.size else int(drowned[0])
    return float(found["steps"][last - 1]) if last else 0.0


def reach(target: float, config: FishDesignConfig, *, key: jax.Array) -> dict[str, Any]:
    """Parameters whose schools have a given mean index, and what fresh schools say of them.

    Args:
        target: the index.
        config: sizes.
        key: source of randomness.

    Returns:
        "path": indices of the sharp schools along the descent; "parameters": their path, shape (iterations + 1, 3);
        "index" and "standard_error": of fresh sharp schools at the end.
    """
    z = start_of_descent()
    optimizer = optax.chain(optax.clip_by_global_norm(0.05), optax.adam(config.rate))  # slopes have heavy tails
    state = optimizer.init(z)
    path, points = [], [np.asarray(physical(z, config))]
    tail = []
    for iteration in range(config.iterations):
        keys = jax.random.split(jax.random.fold_in(key, iteration), config.starts)
        value, _ = _sharp(z, keys, config)
        _, slope = _soft(z, keys, config)
        updates, state = optimizer.update(2 * (value - target) * slope, state)
        z = z + jnp.asarray(updates)
        path.append(float(value))
        points.append(np.asarray(physical(z, config)))
        if iteration >= 2 * config.iterations // 3:
            tail.append(z)
    z = jnp.mean(jnp.stack(tail), axis=0)  # the noise of few starts averages out
    points[-1] = np.asarray(physical(z, config))
    # As many starts a call as in the descent: nothing compiles anew.
    fresh = jax.random.split(jax.random.fold_in(key, config.iterations), config.judged)
    blocks = fresh[: config.judged // config.starts * config.starts].reshape(-1, config.starts)
    judged = np.concatenate([np.asarray(_sharp(z, keys, config)[1]) for keys in blocks])
    return {
        "path": np.array(path),
        "parameters": np.array(points),
        "index": float(judged.mean()),
        "standard_error": float(judged.std(ddof=1) / np.sqrt(judged.size)),
    }
