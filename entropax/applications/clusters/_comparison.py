"""Transformations and mergers of a population, made ready to be compared."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array
from entropax.applications.clusters.mergers import Direction, MergerList, Range
from entropax.applications.clusters.transformations import TransformationTable

DIRECTIONS = {"up": 1, "down": -1}


class Comparison(eqx.Module):
    """What takes part in a comparison of c clusters' transformations with their mergers.

    Attributes:
        events: middle times of the transformations, shape (c, e), Gyr.
        eligible: which of them count, shape (c, e).
        dropped: which would, but that their window leaves the data, shape (c, e).
        mergers: times, shape (c, m), Gyr.
        chosen: which of them count, shape (c, m).
        spans: first and last time of each cluster, shape (c, 2), Gyr.
        tau: width of the window before an event, Gyr.
    """

    events: Array
    eligible: Array
    dropped: Array
    mergers: Array
    chosen: Array
    spans: Array
    tau: float

    def counts(self) -> Array:
        """Events of each cluster, shape (c,)."""
        return jnp.sum(self.eligible, -1)

    def matches(self, events: Array, mergers: Array) -> Array:
        """Events of each cluster with a merger in (t - tau, t], shape (c,), if they were at these times."""
        since = events[:, :, None] - mergers[:, None, :]
        preceded = jnp.any((since >= 0) & (since < self.tau) & self.chosen[:, None, :], axis=-1)
        return jnp.sum(preceded & self.eligible, -1)


def comparison(
    table: TransformationTable,
    mergers: MergerList,
    spans: Any,
    tau: float,
    direction: Direction | None,
    mass_ratio_range: Range,
    angular_momentum_range: Range,
) -> tuple[Comparison, tuple[_checks.Check, ...]]:
    """Chooses events and mergers, and says what must hold of them; the arguments are those of `merger_fraction`."""
    times, merger_times, ends = _checks.as_floats(
        **{"table.t_mid": table.t_mid, "mergers.times": mergers.times, "spans": spans}
    )
    _checks.require_ndim("table.t_mid", times, 2, "(c, e): transformations of a population")
    c = times.shape[0]
    if not c:
        raise ValueError(f"table.t_mid must hold one cluster or more, got shape {times.shape}")
    if merger_times.ndim != 2 or merger_times.shape[0] != c:
        raise ValueError(f"mergers.times must have shape ({c}, m), got {merger_times.shape}")
    _checks.require_shape("mergers.mask", mergers.mask, merger_times.shape)
    for name, mask in (("table.mask", table.mask), ("mergers.mask", mergers.mask)):
        if jnp.result_type(mask) != jnp.bool_:
            raise TypeError(f"{name} must be boolean, got dtype {jnp.result_type(mask)}")
    _checks.require_shape("spans", ends, (c, 2))
    _checks.require_within("tau", tau, 0, float("inf"), open_below=True, open_above=True)
    _checks.require_option("direction", direction, (None, *DIRECTIONS))
    events = jnp.asarray(table.mask)
    if direction is not None:
        events = events & (table.direction == DIRECTIONS[direction])
    inside = (times - tau >= ends[:, :1]) & (times <= ends[:, 1:])
    chosen = jnp.asarray(mergers.mask)
    for name, bounds in (("mass_ratio", mass_ratio_range), ("angular_momentum", angular_momentum_range)):
        if bounds is not None:
            values = getattr(mergers, name)
            if values is None:
                raise ValueError(f"mergers.{name} must be known to choose by {name}_range, got None")
            _checks.require_shape(f"mergers.{name}", values, merger_times.shape)
            if not bounds[0] < bounds[1]:
                raise ValueError(f"{name}_range must increase, got {bounds}")
            chosen = chosen & (values >= bounds[0]) & (values < bounds[1])
    with _checks.evaluated_now(ends):
        long_enough = jnp.all(ends[:, 1] - ends[:, 0] > tau)
        shortest = jnp.min(ends[:, 1] - ends[:, 0])
    with _checks.evaluated_now(merger_times, mergers.mask):
        known = jnp.where(mergers.mask, merger_times, 0)
    checks = (
        _checks.Check(long_enough, "spans must be longer than tau", lambda: f"one of {float(shortest):.4g} Gyr"),
        _checks.finite("mergers.times", known),
        _checks.finite("table.t_mid", jnp.where(table.mask, times, 0)),
    )
    return Comparison(times, events & inside, events & ~inside, known, chosen, ends, float(tau)), checks
