"""Parameters of a flow that maximise the complexity of its ordinal patterns while its Lyapunov exponent stays as it is.

The flow is Rossler's, whose exponent is small beside its period: gradients reach over several periods (along Lorenz'
they drown in their scatter within one). Patterns are soft, pooled over many starts on the attractor, and the ascent
follows the level set of the largest exponent: along the gradient of the complexity without its part along that of the
exponent, and back towards the level by Newton's step. The exponent dips wherever a periodic window opens, so the level
is left again and again: of the points of the path those count that long orbits put on it. Starts are fixed: what the
gradient leaves out is that the attractor moves beneath them, which a new solve after every step makes up for.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators, observables
from entropax.observables.attractors import runge_kutta_step
from entropax.simulators import chaos

FLOW, NAMES = "Rossler", ("a", "b", "c")
STEPS = 50
"""Time steps in the catalogue's period."""


@dataclass(frozen=True)
class DesignConfig:
    """Sizes of the ascent.

    Attributes:
        starts: points on the attractor.
        periods: from each; that long is the horizon of the gradients.
        iterations: steps of the ascent.
        size: of a step, in the logarithms of the parameters.
        horizons: periods over which the growth of gradients is measured.
        judges: orbits that judge every point of the path, and others that judge the result.
        long: their periods.
    """

    starts: int = 512
    periods: int = 6
    iterations: int = 24
    size: float = 0.025
    horizons: tuple[int, ...] = (2, 6, 18)
    judges: int = 24
    long: int = 150


def rossler(logs: jax.Array) -> chaos.ChaoticFlow:
    """Rossler's flow with the parameters a, b and c, given by their logarithms.

    Args:
        logs: shape (3,).
    """
    flow = chaos.get_system(FLOW).with_parameters(**dict(zip(NAMES, jnp.exp(logs), strict=True)))
    assert isinstance(flow, chaos.ChaoticFlow)
    return flow


class Rates(eqx.Module):
    """The vector field at given logarithms of the parameters."""

    logs: jax.Array

    def __call__(self, t: Any, y: jax.Array) -> jax.Array:
        """dy/dt."""
        return rossler(self.logs).vector_field(t, y)


def _step() -> float:
    return chaos.get_system(FLOW).definition.period / STEPS


def _orbit(logs: jax.Array, start: jax.Array, steps: int) -> jax.Array:
    """States at every step."""
    field, dt = Rates(logs), jnp.asarray(_step(), start.dtype)

    @partial(jax.checkpoint, prevent_cse=False)
    def period(y: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        def move(y: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
            moved = runge_kutta_step(field, jnp.zeros_like(dt), y, dt)
            return moved, moved

        return jax.lax.scan(move, y, None, length=STEPS)

    return jax.lax.scan(period, start, None, length=steps // STEPS)[1].reshape(-1, start.size)


@partial(jax.jit, static_argnames=("periods", "hard"))
def measures(logs: jax.Array, starts: jax.Array, periods: int, hard: bool = False) -> tuple[jax.Array, jax.Array]:
    """Complexity of the pooled ordinal patterns of x, and the mean largest exponent.

    Patterns have order 4 and samples three tenths of a period apart; the temperature of soft ones is a
    tenth of the standard deviation of x.

    Args:
        logs: of the parameters, one row for each start, shape (n, 3).
        starts: shape (n, 3).
        periods: length of the orbits.
        hard: whether patterns are counted.
    """

    def one(logs: jax.Array, start: jax.Array) -> tuple[jax.Array, jax.Array]:
        x = _orbit(logs, start, periods * STEPS)[:: STEPS // 10, 0]  # ten samples a period
        if hard:
            p = estimators.ordinal_distribution(x, order=4, interval=3)
        else:
            p = estimators.soft_ordinal_distribution(x, 0.5, order=4, interval=3)
        field = Rates(logs)
        exponent = observables.maximum_lyapunov_exponent(field, start, _step(), num_steps=periods * STEPS)
        return p, exponent

    p, exponents = jax.vmap(one)(logs, starts)
    return estimators.statistical_complexity(jnp.mean(p, axis=0)), jnp.mean(exponents)


@partial(jax.jit, static_argnames="periods")
def slopes(logs: jax.Array, starts: jax.Array, periods: int) -> tuple[jax.Array, jax.Array]:
    """Both measures, shape (2,), and what every start adds to their gradients, shape (2, n, 3)."""
    values, pull = jax.vjp(lambda logs: jnp.stack(measures(logs, starts, periods)), logs)
    return values, jax.vmap(lambda seed: pull(seed)[0])(jnp.eye(2, dtype=logs.dtype))


def attractor(logs: jax.Array, count: int) -> jax.Array:
    """Points on the attractor, from the catalogue's starting point: 20 periods on, then one a period and a half."""
    gap = 3 * STEPS // 2
    steps = -(-(20 * STEPS + count * gap) // STEPS) * STEPS
    points = _orbit_jit(logs, chaos.get_system(FLOW).initial_conditions, steps)
    return points[20 * STEPS :: gap][:count]


_orbit_jit = jax.jit(_orbit, static_argnames="steps")


def design(config: DesignConfig) -> dict[str, Any]:
    """Checks gradients, says how far they reach, ascends, and judges the result on long orbits with counted patterns.

    Args:
        config: sizes.

    Returns:
        The gradients' mismatch; their size and its standard error over each horizon; path, complexity, exponent and
        the place of the best; "before" and "after", complexity and exponent on other orbits and their standard errors.
    """
    flow = chaos.get_system(FLOW)
    logs = jnp.log(jnp.stack([flow.parameters[name] for name in NAMES]))
    starts = attractor(logs, config.starts)
    everywhere = lambda logs: jnp.tile(logs, (config.starts, 1))  # noqa: E731
    mismatch = _mismatch(everywhere(logs), starts, config.periods)
    reach = np.array([_signal(everywhere(logs), starts, n) for n in config.horizons])

    path, values = [], []
    for _ in range(config.iterations + 1):
        path.append(np.exp(np.asarray(logs)))
        values.append(judged := _judged(logs, starts[: config.judges], config.long))
        _, parts = slopes(everywhere(logs), starts, config.periods)
        up, along = parts.sum(axis=1)
        square = jnp.vdot(along, along)
        tangent = up - jnp.vdot(up, along) / square * along
        back = (values[0][1] - judged[1]) / square * along
        far = jnp.linalg.norm(back)
        logs = logs + config.size * tangent / jnp.linalg.norm(tangent)
        logs = logs + back * jnp.where(far > config.size, config.size / jnp.where(far > 0, far, 1), 1)
        starts = attractor(logs, config.starts)
    # Of the points of the path on the level of the exponent, within two standard errors, the most complex one.
    complexity, exponent, _, error = np.array(values).T
    allowed = np.abs(exponent - exponent[0]) <= 2 * np.hypot(error, error[0])
    best = int(np.argmax(np.where(allowed, complexity, -1)))
    fresh = [jnp.log(jnp.asarray(path[index])) for index in (0, best)]
    before, after = (_judged(p, attractor(p, 2 * config.judges + 1)[1::2], config.long) for p in fresh)
    return {
        "mismatch": mismatch,
        "horizons": np.array(config.horizons),
        "reach": reach,
        "path": np.stack(path),
        "complexity": complexity,
        "exponent": exponent,
        "best": best,
        "before": before,
        "after": after,
    }


def _mismatch(logs: jax.Array, starts: jax.Array, periods: int) -> float:
    """The largest relative difference between gradients and central differences with the same starts."""
    _, parts = slopes(logs, starts, periods)
    gradient = np.asarray(parts.sum(axis=1))
    h = 1e-6
    columns = []
    for axis in np.eye(3):
        ahead, behind = (np.stack(measures(logs + sign * h * axis, starts, periods)) for sign in (1, -1))
        columns.append((ahead - behind) / (2 * h))
    differences = np.stack(columns, axis=1)
    scale = np.linalg.norm(differences, axis=1)
    return float(np.max(np.linalg.norm(gradient - differences, axis=1) / scale))


def _signal(logs: jax.Array, starts: jax.Array, periods: int) -> tuple[float, float]:
    """Length of the gradient of the complexity, and of its standard error over starts."""
    _, parts = slopes(logs, starts, periods)
    each = np.asarray(parts[0])
    return float(np.linalg.norm(each.sum(axis=0))), float(np.linalg.norm(each.std(axis=0, ddof=1) * len(each) ** 0.5))


def _judged(logs: jax.Array, starts: jax.Array, periods: int) -> np.ndarray:
    """Complexity of counted patterns and exponent on long orbits, and the standard errors of both over the orbits."""
    each = np.stack(_orbit_by_orbit(logs, starts, periods), axis=1)
    return np.concatenate([each.mean(axis=0), each.std(axis=0, ddof=1) / len(each) ** 0.5])


@partial(jax.jit, static_argnames="periods")
def _orbit_by_orbit(logs: jax.Array, starts: jax.Array, periods: int) -> tuple[jax.Array, jax.Array]:
    return jax.vmap(lambda start: measures(logs[None], start[None], periods, True))(starts)
