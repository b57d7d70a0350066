"""A gas of hard discs in a box, moved exactly from event to event."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, PRNGKey, Real, RealScalar, Scalar, Shaped
from entropax.simulators import _disk_events
from entropax.simulators._disk_cells import Layout, Room
from entropax.simulators.base import Simulator
from entropax.simulators.disk_collisions import BOUNDARIES
from entropax.space.boxes import wrap_between

_ALL_PAIRS_UP_TO = 768  # discs: fewer are faster without cells
_DISKS_PER_CELL = 16
_DENSEST = 0.9  # just below the closest packing of discs, 0.907


class EventInfo(eqx.Module):
    """What happened to a gas since its state was made.

    Attributes:
        pair_events: collisions.
        wall_events: reflections.
        handled: all that the loop did: also predictions that had gone stale and discs that changed their cell.
        elapsed: time up to which the motion is exact; shorter than asked for where `overflow` is set.
        order: fingerprint of the sequence of collisions and reflections. Two runs whose fingerprints are equal had the
            same events in the same order (but for chance, one in 2^32); between them the motion is differentiable.
        overflow: whether `max_events` were used up, or a cell had no room (then the state is not exact).
    """

    pair_events: Int[Array, "*time"]
    wall_events: Int[Array, "*time"]
    handled: Int[Array, "*time"]
    elapsed: Float[Array, "*time"]
    order: Shaped[Array, "*time"]
    overflow: Bool[Array, "*time"]


class DiskState(eqx.Module):
    """A microstate, or several along a leading axis of times.

    Attributes:
        positions: of the centres, shape (n, 2).
        velocities: shape (n, 2).
        info: what happened so far.
    """

    positions: Float[Array, "*time n 2"]
    velocities: Float[Array, "*time n 2"]
    info: EventInfo


class HardDisks(Simulator[DiskState]):
    """Hard discs of mass one in a box, between reflecting or periodic walls, with an optional partition.

    Discs fly freely until two touch, r.r = s^2, and exchange momentum along r, or one touches a wall. Every event is
    computed exactly; its cost does not grow with the number of discs, of which more than a few hundred are sorted into
    cells. Positions and velocities are piecewise smooth functions of the start: derivatives are exact as long as the
    order of events stays the same (`info.order` tells), and grow exponentially with the number of collisions. Forward
    mode works always, reverse mode with `bounded=True`. Only float64 will do. Rounding moves a contact by some
    2e-16 v t, t counted from the start of a call: a run over 10^6 crossings of the box is several calls. Source: arXiv
    2403.07519.

    Attributes:
        diameter: s.
        box: lengths of the box [0, Lx] x [0, Ly], shape (2,).
        temperature: T of the initial state, whose energy is N T.
        partition: x of a wall that keeps the discs left of it, or None.
        dt: time step.
        num_disks: N.
        boundary: "reflecting" or "periodic".
        max_events: most events handled in one step or between two times.
        bounded: whether a step is a scan over `max_events` places, which reverse mode can differentiate.
    """

    diameter: Scalar
    box: Float[Array, "2"]
    temperature: Scalar
    partition: Scalar | None
    dt: Scalar
    num_disks: int = eqx.field(static=True)
    boundary: str = eqx.field(static=True)
    max_events: int = eqx.field(static=True)
    bounded: bool = eqx.field(static=True)
    _plans: tuple[tuple[Layout, tuple[int, int]], ...] = eqx.field(static=True)

    def __init__(
        self,
        num_disks: int,
        *,
        diameter: RealScalar = 0.01,
        box: Real[ArrayLike, "2"] | tuple[float, float] = (2.0, 1.0),
        temperature: RealScalar = 1.0,
        partition: RealScalar | None = None,
        boundary: str = "reflecting",
        dt: RealScalar = 0.1,
        max_events: int | None = None,
        bounded: bool = False,
    ):
        """Checks and converts the parameters.

        Args:
            num_disks: N >= 2.
            diameter: s >= 0; discs of no diameter do not collide.
            box: lengths (Lx, Ly) > 0. Centres stay s/2 away from reflecting walls.
            temperature: T > 0.
            partition: x of an inner wall in (0, Lx], or None; `opened` takes it out.
            boundary: "reflecting" or "periodic".
            dt: > 0.
            max_events: most events handled in one step or between two times of a trajectory, stale predictions (about
                a third as many again) and changes of cells included; 10^8 by default, to be given where `bounded`.
            bounded: whether reverse mode is wanted.

        Raises:
            TypeError: the parameters are not float64.
            ValueError: a parameter is out of its range, the discs fill more than 0.9 of the room, or a box is too small
                for its boundary.
        """
        _checks.require_integer("num_disks", num_disks, minimum=2, maximum=2**15 if bounded else 2**30)
        _checks.require_option("boundary", boundary, BOUNDARIES)
        if bounded and max_events is None:
            raise ValueError("max_events must be given where bounded is set, got None")
        max_events = 10**8 if max_events is None else max_events
        _checks.require_integer("max_events", max_events, minimum=1, maximum=2**30)
        box = np.asarray(box) if isinstance(box, tuple) else box
        numbers = {"diameter": diameter, "box": box, "temperature": temperature, "dt": dt}
        if partition is not None:
            numbers["partition"] = partition
        values = dict(zip(numbers, _checks.as_floats(**numbers), strict=True))
        _require_float64(values["box"])
        _checks.require_shape("box", values["box"], (2,))
        _checks.as_numbers(**{name: value for name, value in values.items() if name != "box"})
        values = _checks.enforce(values, *_parameter_checks(num_disks, boundary, values))
        self.diameter, self.box = values["diameter"], values["box"]
        self.temperature, self.dt, self.partition = values["temperature"], values["dt"], values.get("partition")
        self.num_disks, self.boundary = num_disks, boundary
        self.max_events, self.bounded = max_events, bounded
        self._plans = (self._plan(self.partition), self._plan(None))

    def opened(self) -> "HardDisks":
        """The same gas without its partition.

        Returns:
            A gas whose discs, at the next step, go where the partition was.
        """
        return eqx.tree_at(lambda gas: gas.partition, self, None, is_leaf=lambda leaf: leaf is None)

    def init(self, *, key: PRNGKey) -> DiskState:
        """Discs uniform on a jittered lattice in the room they have, velocities of Maxwell with energy N T exactly.

        Total momentum vanishes. The lattice is no equilibrium: `advance` by a few mean free times, with the partition
        in place, makes it one.

        Args:
            key: source of randomness.

        Raises:
            ValueError: the discs do not fit on the lattice.
        """
        _checks.require_key("key", key)
        sites_key, jitter_key, velocity_key = jax.random.split(key, 3)
        count, dtype = self.num_disks, self.box.dtype
        lattice = self._planned()[1]
        spacing = self._lengths() / jnp.array(lattice, dtype)
        sites = jax.random.permutation(sites_key, lattice[0] * lattice[1])[:count]
        corner = jnp.stack([sites // lattice[1], sites % lattice[1]], axis=1).astype(dtype) * spacing[None]
        free = spacing - self.diameter
        positions = corner + self.diameter / 2 + free[None] * jax.random.uniform(jitter_key, (count, 2), dtype)
        v = jax.random.normal(velocity_key, (count, 2), dtype)
        v = v - jnp.mean(v, axis=0, keepdims=True)
        v = v * jnp.sqrt(2 * count * self.temperature / jnp.sum(v**2))
        room = _checks.nonnegative("the spacing of the lattice less the diameter", free)
        return _checks.enforce(self.state(positions, v), room)

    def state(self, positions: Real[ArrayLike, "n 2"], velocities: Real[ArrayLike, "n 2"]) -> DiskState:
        """A state of given positions and velocities to which nothing has happened yet.

        Args:
            positions: of the centres, shape (n, 2).
            velocities: shape (n, 2).

        Returns:
            The state, its counts at zero.

        Raises:
            TypeError: they are not float64.
            ValueError: they are not N vectors, or not finite.
        """
        x, v = _checks.as_floats(positions=positions, velocities=velocities)
        _require_float64(x)
        for name, vectors in (("positions", x), ("velocities", v)):
            _checks.require_shape(name, vectors, (self.num_disks, 2))
        x, v = _checks.enforce((x, v), _checks.finite("positions", x), _checks.finite("velocities", v))
        none = jnp.zeros((), jnp.int32)
        return DiskState(
            x, v, EventInfo(none, none, none, jnp.zeros((), x.dtype), jnp.zeros((), jnp.uint32), jnp.asarray(False))
        )

    def step(self, state: DiskState, *, key: PRNGKey) -> DiskState:
        """All events within dt.

        Args:
            state: the microstate.
            key: not used, the motion is deterministic.
        """
        del key
        return self.advance(state, self.dt)

    def advance(self, state: DiskState, duration: RealScalar) -> DiskState:
        """All events within a given time.

        Args:
            state: the microstate.
            duration: >= 0.

        Returns:
            The state then; `info.overflow` where it was not reached.

        Raises:
            TypeError: the state or the duration is not float64.
            ValueError: discs overlap or are not in their room, or the duration is negative.

        Differentiable in positions, velocities, duration, diameter, box and partition between two changes of the order
        of events; in reverse mode where the gas is `bounded`.
        """
        (time,) = _checks.as_numbers(duration=duration)
        end = self._run(state, time[None], _checks.nonnegative("duration", time))
        return jax.tree.map(lambda leaf: leaf[0], end)

    def trajectory(self, state: DiskState, times: Real[ArrayLike, "t"]) -> DiskState:
        """The states at given times from now; the events are predicted once for all of them.

        Args:
            state: the microstate at time zero.
            times: increasing, from zero on, shape (t,).

        Returns:
            The states along a new first axis of times.

        Raises:
            TypeError: the state or the times are not float64.
            ValueError: discs overlap or are not in their room, or the times do not increase.

        Differentiable as `advance`.
        """
        (grid,) = _checks.as_floats(times=times)
        _checks.require_ndim("times", grid, 1, "(t,)")
        with _checks.evaluated_now(grid):
            increasing = jnp.all(jnp.diff(grid) > 0) & jnp.all(jnp.isfinite(grid)) & jnp.all(grid >= 0)
        return self._run(state, grid, _checks.Check(increasing, "times must increase, from zero on", lambda: f"{grid}"))

    def _run(self, state: DiskState, times: Array, check: _checks.Check) -> DiskState:
        _require_float64(times)
        _require_float64(state.positions)
        _checks.require_shape("positions", state.positions, (self.num_disks, 2))
        _checks.require_shape("velocities", state.velocities, (self.num_disks, 2))
        states, gap, inside = _trajectory(self, state, times)
        with _checks.evaluated_now(self.box, self.diameter, self.partition):
            grid, extent = np.asarray(self._planned()[0].grid), self._room().extent
            narrowest = jnp.min(jnp.where(grid > 1, extent / grid.astype(extent.dtype), jnp.inf))
            least = _least_gap(self.diameter, self.box)
        checks = (
            check,
            _checks.Check(
                narrowest >= self.diameter,
                "discs must fit the cells planned when the gas was made (make a new one of other sizes)",
                lambda: f"a diameter of {self.diameter:.6g} and cells of {narrowest:.6g}",
            ),
            _checks.Check(inside, "the discs must be finite and in their room", lambda: "discs that are not"),
            _checks.Check(
                gap >= least,
                "the discs must not overlap",
                lambda: f"a pair {float(jnp.sqrt(gap + self.diameter**2)):.6g} apart at diameter {self.diameter:.6g}",
            ),
        )
        return _checks.enforce(states, *checks)

    def _lengths(self) -> Array:
        """Lengths of what the discs have of the box."""
        return self.box if self.partition is None else self.box.at[0].set(self.partition)

    def _room(self) -> Room:
        periodic = jnp.array(self._planned()[0].periodic)
        margin = jnp.where(periodic, 0.0, self.diameter)
        return Room(margin / 2, self._lengths() - margin, self.diameter)

    def _planned(self) -> tuple[Layout, tuple[int, int]]:
        return self._plans[1 if self.partition is None else 0]

    def _plan(self, partition: Array | None) -> tuple[Layout, tuple[int, int]]:
        """Cells and starting lattice; without numbers to plan with, all pairs and a square lattice."""
        around = self.boundary == "periodic"
        periodic = (around and partition is None, around)
        fewest = (3 if periodic[0] else 1, 3 if periodic[1] else 1)
        if not _checks.is_concrete(self.box, self.diameter, partition):
            side = math.isqrt(self.num_disks - 1) + 1
            return Layout(periodic, fewest, None), (side, side)
        lengths = [float(length) for length in np.asarray(self.box)]
        lengths[0] = lengths[0] if partition is None else float(partition)
        columns = max(1, math.ceil(math.sqrt(self.num_disks * lengths[0] / lengths[1])))
        lattice = columns, -(-self.num_disks // columns)
        # As many discs in a cell as there will be on average once the partition is out.
        side = math.sqrt(_DISKS_PER_CELL * math.prod(np.asarray(self.box).tolist()) / self.num_disks)
        widths = [
            length - (0 if axis else float(self.diameter)) for length, axis in zip(lengths, periodic, strict=True)
        ]
        most = [int(width / float(self.diameter)) if self.diameter > 0 else 2**14 for width in widths]
        columns, rows = (
            min(max(low, int(width / side)), max(low, high))
            for width, low, high in zip(widths, fewest, most, strict=True)
        )
        grid = (columns, rows)
        if self.num_disks <= _ALL_PAIRS_UP_TO or grid[0] * grid[1] < 25:
            return Layout(periodic, fewest, None), lattice
        crowd = (2 if partition is None else 1) * self.num_disks / (grid[0] * grid[1])  # half the box may hold them all
        return Layout(periodic, grid, min(self.num_disks, math.ceil(crowd + 8 * math.sqrt(crowd)))), lattice


@eqx.filter_jit
def _trajectory(gas: HardDisks, state: DiskState, times: Array) -> tuple[DiskState, Array, Array]:
    """The states, the smallest gap r.r - s^2 at the start, and whether all discs were in the room."""
    layout, room = gas._planned()[0], gas._room()
    lower, upper = room.lower[None], (room.lower + room.extent)[None]
    periodic = jnp.array(layout.periodic)[None]
    positions = jnp.where(periodic, wrap_between(state.positions, lower, upper), state.positions)
    slack = 1e-9 * room.extent[None]
    inside = jnp.all((positions >= lower - slack) & (positions <= upper + slack) & jnp.isfinite(state.velocities))
    before = state.info
    start, gap = _disk_events.schedule(positions, state.velocities, room, layout)
    sound = inside & (gap >= _least_gap(gas.diameter, gas.box))
    start = start._replace(time=jnp.where(sound, start.time, jnp.inf), order=before.order)

    def window(s: _disk_events.Schedule, until: Array) -> tuple[_disk_events.Schedule, DiskState]:
        fixed = jax.lax.stop_gradient(until)
        if gas.bounded:
            s = _disk_events.advance_bounded(s, room, fixed, layout, gas.max_events)
        else:
            s = _disk_events.advance(s, room, fixed, layout, s.handled + gas.max_events)
        late = s.time < fixed
        then = jnp.where(late, s.time, until)
        info = EventInfo(
            before.pair_events + s.pairs,
            before.wall_events + s.walls,
            before.handled + s.handled,
            before.elapsed + then,
            s.order,
            before.overflow | late | s.full,
        )
        x, v = (s.motion[:2] + s.motion[2:] * then).T, s.motion[2:].T
        return s, DiskState(jnp.where(periodic, wrap_between(x, lower, upper), x), v, info)

    return jax.lax.scan(window, start, times)[1], gap, inside


def _least_gap(diameter: Array, box: Array) -> Array:
    """The r.r - s^2 down to which discs in contact may have been rounded: 1e-9 s, and the last digits of positions."""
    return -2 * diameter * (1e-9 * diameter + 1e-15 * jnp.max(box))


def _parameter_checks(num_disks: int, boundary: str, values: dict[str, Any]) -> list[_checks.Check]:
    diameter, box = values["diameter"], values["box"]
    with _checks.evaluated_now(values):
        partition = values.get("partition", box[0])
        lengths = box.at[0].set(partition)
        packing = num_disks * math.pi / 4 * diameter**2 / (lengths[0] * lengths[1])
        loose = packing <= _DENSEST
        wide = jnp.all(lengths > (3.0 if boundary == "periodic" else 1.0) * diameter)
        left = (partition > 0) & (partition <= box[0])
    needed = "three diameters, for one of two images to be near" if boundary == "periodic" else "one diameter"
    return [
        *(_checks.positive(name, values[name]) for name in ("box", "temperature", "dt")),
        _checks.nonnegative("diameter", diameter),
        _checks.Check(left, "partition must be in (0, Lx]", lambda: f"{partition}"),
        _checks.Check(loose, f"the packing fraction must be at most {_DENSEST}", lambda: f"{packing:.6g}"),
        _checks.Check(wide, f"the box must be wider than {needed}", lambda: f"{lengths} at diameter {diameter}"),
    ]


def _require_float64(array: jax.Array) -> None:
    if array.dtype != jnp.float64:
        raise TypeError(
            f"hard discs must be float64, got {array.dtype}: in single precision discs overlap and collisions are "
            "lost; compute under jax.enable_x64(True)"
        )
