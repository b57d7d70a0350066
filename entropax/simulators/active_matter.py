"""Interacting active swimmers: self-propelled particles with soft repulsion on a torus."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, PRNGKey, Real, RealScalar, Scalar
from entropax.simulators._repulsion import PairTerm, SoftRepulsion, pair_block, sum_all_pairs, sum_tabulated_pairs
from entropax.simulators.active_ring import ornstein_uhlenbeck_step
from entropax.simulators.base import Simulator
from entropax.simulators.langevin import noise_scale
from entropax.space import NeighborTable, PeriodicBox, cell_counts, neighbor_table, update_neighbor_table

_ALL_PAIRS_UP_TO = 512  # particles: fewer are faster without a table


def swimmer_box(
    num_particles: int, packing_fraction: RealScalar, *, dim: int = 2, radius: RealScalar = 1.0
) -> PeriodicBox:
    """The torus [-W, W]^d in which particles fill a given fraction of the volume, (2W)^d phi = N V_d(R).

    Args:
        num_particles: N.
        packing_fraction: phi, in (0, 1]: overlapping particles count in full, so larger ones are refused as too dense.
        dim: d.
        radius: R of a particle.

    Returns:
        The box.

    Raises:
        ValueError: an argument is no number or out of its range.
    """
    _checks.require_integer("num_particles", num_particles, minimum=1)
    _checks.require_integer("dim", dim, minimum=1)
    phi, R = _checks.as_numbers(packing_fraction=packing_fraction, radius=radius)
    with _checks.evaluated_now(phi, R):
        volume = math.pi ** (dim / 2) / math.gamma(dim / 2 + 1) * R**dim
        width = (num_particles * volume / phi) ** (1 / dim) / 2
        dense = (phi > 0) & (phi <= 1)
        width = _checks.enforce(
            width,
            _checks.Check(dense, "packing_fraction must be in (0, 1] (larger is too dense)", lambda: f"{phi}"),
            _checks.positive("radius", R),
        )
        corner = jnp.broadcast_to(width, (dim,))
        return PeriodicBox(-corner, corner)


def _packing_fraction(num_particles: int, radius: Array, box: PeriodicBox) -> Array:
    """phi = N V_d(R) / volume of the box."""
    dim = box.ndim
    volume = math.pi ** (dim / 2) / math.gamma(dim / 2 + 1) * radius**dim
    return num_particles * volume / box.volume.astype(radius.dtype)


class SwimmerState(eqx.Module):
    """Positions and propulsions, and the table of near pairs if the simulator keeps one.

    Attributes:
        phase: phase[0] positions on the torus, phase[1] propulsions g, shape (2, n, d).
        table: near pairs, or None where all pairs are taken.
    """

    phase: Float[Array, "2 n d"]
    table: NeighborTable | None

    @property
    def overflow(self) -> Bool[Array, ""]:
        """Whether the table ever lost pairs: then the forces since are wrong, and a larger `capacity` is needed."""
        return jnp.asarray(False) if self.table is None else self.table.overflow


class ActiveSwimmers(Simulator[SwimmerState]):
    """N active Ornstein-Uhlenbeck particles with soft repulsion, on a torus (arXiv 2309.12991).

        dx_i = (v0 g_i - A x_i + k sum_j F(r_ij) r_ij / |r_ij|) dt + sqrt(2 eps) dW
        dg_i = -gamma g_i dt + sqrt(2 gamma) dW'

    with F(r) = softplus_beta(2R - r) = log(1 + exp(beta (2R - r))) / beta by minimum image. The step is Euler-Maruyama
    in x and exact in g. Up to 512 particles all pairs are summed; more take a table of the pairs nearer than a cutoff,
    where F has fallen to 1e-8 / beta, plus a skin, made anew when a particle has moved by half the skin.

    Under jax.vmap a condition takes both its sides, so that every step of a batch makes its tables anew. Run copies
    that keep a table through jax.lax.map instead, or without a table.

    Attributes:
        speed: v0, a number or a function of positions (n, d) that returns (n,).
        stiffness: k.
        trap: A.
        persistence: gamma.
        noise: eps.
        radius: R.
        beta: sharpness of the softplus.
        box: the torus.
        dt: time step.
        num_particles: N.
        tabulated: whether near pairs are kept in a table.
        cutoff: range of the tabulated repulsion.
        skin: by how much the table's radius exceeds it.
        cells: the table's cells along each axis.
        capacity: pairs that the table has room for.
    """

    speed: Scalar | Callable[[Any], Any]
    stiffness: Scalar
    trap: Scalar
    persistence: Scalar
    noise: Scalar
    radius: Scalar
    beta: Scalar
    box: PeriodicBox
    dt: Scalar
    num_particles: int = eqx.field(static=True)
    tabulated: bool = eqx.field(static=True)
    cutoff: float = eqx.field(static=True)
    skin: float = eqx.field(static=True)
    cells: tuple[int, ...] = eqx.field(static=True)
    capacity: int = eqx.field(static=True)

    def __init__(
        self,
        num_particles: int,
        *,
        speed: RealScalar | Callable[[Any], Any],
        packing_fraction: RealScalar | None = None,
        box: PeriodicBox | None = None,
        dim: int = 2,
        stiffness: RealScalar = 2.5,
        trap: RealScalar = 0.0,
        persistence: RealScalar = 0.1,
        noise: RealScalar = 0.1,
        radius: RealScalar = 1.0,
        beta: RealScalar = 7.5,
        dt: RealScalar = 1e-3,
        neighbors: str = "auto",
        skin: float = 0.4,
        capacity: int | None = None,
    ):
        """Checks and converts the parameters.

        The paper's trapped swimmers are ActiveSwimmers(64, speed=..., packing_fraction=0.1, trap=0.05); its phase
        separation is ActiveSwimmers(4096, speed=0.025, packing_fraction=0.5, stiffness=1.0, persistence=1e-4,
        noise=0.0, dt=0.1).

        Args:
            num_particles: N >= 2.
            speed: v0, a number, or a function of positions (n, d) that returns (n,) (an equinox module to
                differentiate by its arrays). Its sign does not matter to the law.
            packing_fraction: phi in (0, 1]; give it or the box.
            box: the torus; the particles must fill at most its volume.
            dim: d, with a packing fraction.
            stiffness: k >= 0.
            trap: A >= 0.
            persistence: gamma > 0.
            noise: eps >= 0.
            radius: R > 0.
            beta: > 0.
            dt: > 0.
            neighbors: "all_pairs", "table", or "auto" by the number of particles and the size of the box.
            skin: of the table, > 0, in units of length.
            capacity: pairs that the table has room for; by default 2.4 times what a uniform density holds.

        Raises:
            ValueError: a parameter is no number or out of its range, or a table does not fit into the box.
        """
        _checks.require_integer("num_particles", num_particles, minimum=2)
        _checks.require_option("neighbors", neighbors, ("auto", "all_pairs", "table"))
        if (packing_fraction is None) == (box is None):
            raise ValueError(f"give packing_fraction or box, one of them, got {packing_fraction} and {box}")
        numbers: dict[str, Any] = {
            "stiffness": stiffness,
            "trap": trap,
            "persistence": persistence,
            "noise": noise,
            "radius": radius,
            "beta": beta,
            "dt": dt,
        }
        if not callable(speed):
            numbers["speed"] = speed
        values = dict(zip(numbers, _checks.as_numbers(**numbers), strict=True))
        positive, nonnegative = ("persistence", "radius", "beta", "dt"), ("stiffness", "trap", "noise")
        checks = {name: _checks.positive(name, values[name]) for name in positive}
        checks |= {name: _checks.nonnegative(name, values[name]) for name in nonnegative}
        if not callable(speed):
            checks["speed"] = _checks.finite("speed", values["speed"])
        # A table is planned from radius and beta: a traced fault of another parameter must not make tracers of them.
        planned = ("radius", "beta")
        others = {name: value for name, value in values.items() if name not in planned}
        values |= _checks.enforce(others, *checks.values())
        values |= _checks.enforce({name: values[name] for name in planned}, *(checks[name] for name in planned))
        self.speed = speed if callable(speed) else values["speed"]
        for name in (*positive, *nonnegative):
            setattr(self, name, values[name])
        if box is None:
            assert packing_fraction is not None
            box = swimmer_box(num_particles, packing_fraction, dim=dim, radius=self.radius)
        else:
            with _checks.evaluated_now(self.radius, box):
                phi = _packing_fraction(num_particles, self.radius, box)
                fits = phi <= 1 + _checks.sum_tolerance(phi.dtype, 1)
            dense = "box must have room for the particles, a packing fraction of at most 1 (larger is too dense)"
            box = _checks.enforce(box, _checks.Check(fits, dense, lambda: f"{phi}"))
        self.box = box
        self.num_particles = num_particles
        self.skin = float(skin)
        if not self.skin > 0:
            raise ValueError(f"skin must be positive, got {skin}")
        self.tabulated, self.cutoff, self.cells, self.capacity = self._plan_table(neighbors, capacity)

    def _plan_table(self, neighbors: str, capacity: int | None) -> tuple[bool, float, tuple[int, ...], int]:
        """Whether to keep a table, its cutoff, cells and capacity; they are static and need concrete parameters."""
        if neighbors == "all_pairs" or (neighbors == "auto" and self.num_particles <= _ALL_PAIRS_UP_TO):
            return False, math.inf, (), 0
        if not _checks.is_concrete(self.radius, self.beta, self.box):
            raise ValueError("a neighbour table needs concrete radius, beta and box, got traced ones: use 'all_pairs'")
        # softplus_beta(2R - r) is exp(-beta (r - 2R)) / beta out there.
        cutoff = 2 * float(self.radius) + math.log(1e8) / float(self.beta)
        extent = np.asarray(self.box.upper, np.float64) - np.asarray(self.box.lower, np.float64)
        if neighbors == "auto" and extent.min() < 3 * (cutoff + self.skin):
            return False, math.inf, (), 0
        cells = cell_counts(self.box, cutoff + self.skin)
        if capacity is None:
            dim = extent.size
            ball = math.pi ** (dim / 2) / math.gamma(dim / 2 + 1) * (cutoff + self.skin) ** dim
            per_particle = self.num_particles * ball / extent.prod() / 2
            capacity = math.ceil(self.num_particles * (2.4 * per_particle + 2))
            block = pair_block(self.num_particles)
            if capacity > block:
                capacity = block * math.ceil(capacity / block)  # else every sum would pad the table
        _checks.require_integer("capacity", capacity, minimum=1)
        return True, cutoff, cells, capacity

    @property
    def diffusion(self) -> Float[Array, "2 1 1"]:
        """D = (eps, gamma), broadcastable to a phase."""
        return jnp.stack([self.noise, self.persistence])[:, None, None]

    def table(self, positions: Float[Array, "n d"]) -> NeighborTable:
        """The table of near pairs at given positions.

        Args:
            positions: shape (n, d), on the torus.

        Returns:
            The pairs nearer than the cutoff plus the skin.

        Raises:
            ValueError: the simulator takes all pairs and keeps no table.
        """
        if not self.tabulated:
            raise ValueError(f"neighbors must be 'table' for a table, got a system of all {self.num_particles}^2 pairs")
        radius = self.cutoff + self.skin
        return neighbor_table(positions, box=self.box, radius=radius, cells=self.cells, capacity=self.capacity)

    def init(self, *, key: PRNGKey) -> SwimmerState:
        """Positions uniform for phi < 0.25 and Gaussian of deviation W / 2, wrapped, above; g standard normal.

        Args:
            key: source of randomness.
        """
        _checks.require_key("key", key)
        key_x, key_g = jax.random.split(key)
        shape, dtype = (self.num_particles, self.box.ndim), self.dt.dtype
        dense = _packing_fraction(self.num_particles, self.radius, self.box) >= 0.25
        lower, extent = self.box.lower.astype(dtype), self.box.extent.astype(dtype)
        uniform = lower[None] + extent[None] * jax.random.uniform(key_x, shape, dtype)
        center = lower + extent / 2
        gaussian = center[None] + extent[None] / 4 * jax.random.normal(key_x, shape, dtype)
        x = self.box.wrap(jnp.where(dense, gaussian, uniform))
        phase = jnp.stack([x, jax.random.normal(key_g, shape, dtype)])
        return SwimmerState(phase, self.table(x) if self.tabulated else None)

    def step(self, state: SwimmerState, *, key: PRNGKey) -> SwimmerState:
        """Euler-Maruyama in x, exact Ornstein-Uhlenbeck in g.

        Args:
            state: the state now; any representatives of the positions.
            key: source of randomness.

        Returns:
            The state dt later, positions on the torus.

        Raises:
            ValueError: the phase has another shape than (2, n, d).
        """
        _checks.require_shape("phase", state.phase, (2, self.num_particles, self.box.ndim))
        x, g = state.phase
        x = self.box.wrap(x)  # the trap and the speed are no periodic functions
        key_x, key_g = jax.random.split(key)
        moved = x + self.dt * self._velocity(x, g, state.table) + _kick(x, self.noise, self.dt, key_x)
        g = ornstein_uhlenbeck_step(g, self.persistence, self.dt, jax.random.normal(key_g, g.shape, g.dtype))
        x = self.box.wrap(moved)
        table = state.table
        if table is not None:
            radius = self.cutoff + self.skin
            table = update_neighbor_table(table, x, box=self.box, radius=radius, skin=self.skin, cells=self.cells)
        return SwimmerState(jnp.stack([x, g]), table)

    def activity(self, positions: Float[Array, "n d"]) -> Float[Array, "n"]:
        """v0 at the given positions.

        Args:
            positions: shape (n, d).

        Returns:
            Speeds, shape (n,).
        """
        return self.speed(positions) if callable(self.speed) else jnp.broadcast_to(self.speed, positions.shape[:1])

    def drift(self, phase: Real[ArrayLike, "2 n d"], table: NeighborTable | None = None) -> Float[Array, "2 n d"]:
        """b = (v0 g - A x + pair forces, -gamma g).

        Args:
            phase: positions on the torus and propulsions, shape (2, n, d).
            table: near pairs at these positions; made here when the simulator keeps one and none is given.

        Returns:
            The drift, shape (2, n, d).

        Raises:
            ValueError: the shape is another, positions are off the torus, or the table lost pairs.
        """
        z, checks, table = self._checked(phase, table)
        b = jnp.stack([self._velocity(z[0], z[1], table), -self.persistence * z[1]])
        return _checks.enforce(b, *checks)

    def pair_force(self, positions: Real[ArrayLike, "n d"], table: NeighborTable | None = None) -> Float[Array, "n d"]:
        """k sum_j F(r_ij) r_ij / |r_ij| on every particle.

        Args:
            positions: shape (n, d), on the torus.
            table: near pairs at these positions; made here when the simulator keeps one and none is given.

        Returns:
            The forces, shape (n, d); they sum to zero.

        Raises:
            ValueError: the shape is another, positions are off the torus, or the table lost pairs.
        """
        x = _checks.as_float("positions", positions)
        _checks.require_shape("positions", x, (self.num_particles, self.box.ndim))
        z, checks, table = self._checked(jnp.stack([x, jnp.zeros_like(x)]), table)
        return _checks.enforce(self._pair_force(z[0], table), *checks)

    def drift_divergence(
        self, phase: Real[ArrayLike, "2 n d"], table: NeighborTable | None = None
    ) -> Float[Array, "2 n"]:
        """div_i b of every particle, for positions and propulsions.

        -A d + k sum_j [F (d - 1) / r - sigmoid(beta (2R - r))] + g . grad v0, and -gamma d. Two particles at one
        point, where the force jumps through zero, add nothing to each other's.

        Args:
            phase: positions on the torus and propulsions, shape (2, n, d).
            table: near pairs at these positions; made here when the simulator keeps one and none is given.

        Returns:
            The divergences, shape (2, n); their sum is div b.

        Raises:
            ValueError: the shape is another, positions are off the torus, or the table lost pairs.
        """
        z, checks, table = self._checked(phase, table)
        x, g = z
        dim = x.shape[1]

        repulsion = self._pair_sum(x, table, self._repulsion.divergence, sign=1)[0]
        along_x = repulsion - dim * self.trap
        if callable(self.speed):
            along_x = along_x + jnp.sum(g * jax.vmap(jax.grad(lambda y: self.activity(y[None])[0]))(x), axis=1)
        along_g = jnp.broadcast_to(-dim * self.persistence, along_x.shape)
        return _checks.enforce(jnp.stack([along_x, along_g]), *checks)

    def _checked(
        self, phase: Any, table: NeighborTable | None
    ) -> tuple[Array, list[_checks.Check], NeighborTable | None]:
        z = _checks.as_float("phase", phase)
        _checks.require_shape("phase", z, (2, self.num_particles, self.box.ndim))
        inside = _checks.Check(
            jnp.all(self.box.contains(z[0])),
            f"positions must lie on the torus, between {self.box.lower} and {self.box.upper}",
            lambda: f"between {jnp.min(z[0], axis=0)} and {jnp.max(z[0], axis=0)}",
        )
        checks = [inside]
        if self.tabulated and table is None:
            table = self.table(self.box.wrap(jax.lax.stop_gradient(z[0])))
        if table is not None:
            checks.append(_checks.no_overflow("table", table.overflow, table.count, table.pairs.shape[0]))
        return z, checks, table

    def _velocity(self, x: Array, g: Array, table: NeighborTable | None) -> Array:
        center = (self.box.lower + self.box.upper).astype(x.dtype) / 2
        trap = self.trap * (x - center[None])
        return self.activity(x)[:, None] * g - trap + self._pair_force(x, table)

    @property
    def _repulsion(self) -> SoftRepulsion:
        return SoftRepulsion(self.stiffness, self.radius, self.beta)

    def _pair_force(self, x: Array, table: NeighborTable | None) -> Array:
        return self._pair_sum(x, table, self._repulsion.force, sign=-1).T

    def _pair_sum(self, x: Array, table: NeighborTable | None, term: PairTerm, *, sign: int) -> Array:
        if table is None:
            return sum_all_pairs(x, term, box=self.box, sign=sign)
        return sum_tabulated_pairs(x, term, box=self.box, sign=sign, table=table, cutoff=self.cutoff)


@jax.jit
def _kick(x: Array, noise: Array, dt: Array, key: PRNGKey) -> Array:
    """sqrt(2 eps dt) times normal numbers, which are not drawn without noise."""

    def draw() -> Array:
        return noise_scale(noise, dt) * jax.random.normal(key, x.shape, x.dtype)

    return jax.lax.cond(noise > 0, draw, lambda: jnp.zeros_like(x))
