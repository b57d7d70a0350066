"""Schools of fish: Couzin's zones of repulsion, orientation and attraction on a periodic cube."""

import functools
import math
import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar
from entropax.simulators._fish_tiles import NearFish, near_fish, still_near_fish, urges_of_near_fish
from entropax.simulators.base import Simulator
from entropax.simulators.fish_zones import Zones, urges_of_all_pairs
from entropax.space.boxes import wrap_between

TURNS = ("nlerp", "slerp")
STARTS = ("uniform", "torus")
NEIGHBORS = ("auto", "all_pairs", "tiles")
_ALL_PAIRS_UP_TO = 1024  # fish: fewer are faster without tiles


class FishState(eqx.Module):
    """Positions and velocities of a school.

    Attributes:
        positions: in [0, L)^3, shape (n, 3), length.
        velocities: shape (n, 3), length by time; only their directions matter to the next step.
        near: lists of who is near whom, which `FishSchool` keeps over steps, or None. They hold no information:
            without them they are made in every step.
    """

    positions: Float[Array, "n 3"]
    velocities: Float[Array, "n 3"]
    near: NearFish | None = None


class FishSchool(Simulator[FishState]):
    """N self-propelled fish that avoid, follow and approach those they see (Couzin 2002, as in arXiv 2602.07948).

    Fish i sees j unless j lies in a cone behind it of half angle alpha: cos angle(v_i, r_j - r_i) > -cos(alpha). By
    the distance d to its nearest image j is in the zone of repulsion (d < r_r), orientation (r_r <= d < r_o) or
    attraction (r_o <= d < r_a). The fish wants to go

        away from those in the zone of repulsion, -sum u_ij, if there are any;
        else to w_o sum v_j / |v_j| over the zone of orientation + sum u_ij over that of attraction;
        else, or where a sum vanishes, straight on.

    It turns there by at most about theta_max a step, noise sigma N(0, 1) is added to its direction, which is
    normalised, and it swims on at speed v0, all from the old state: v' = v0 c', r' = (r + v' dt) mod L.

    With `softness` every edge, the cone's too, is a logistic step of that width in length, and "if there are any" is
    the probability 1 - prod_j (1 - m_ij) that there are. Then the step is smooth in the radii and the cone; as the
    width vanishes it tends to the sharp step, through which only the speed, the turn, the noise, the weight and the
    state have gradients.

    Up to 1024 fish all pairs are summed; more are cut into tiles that look at fish within reach alone, without any
    array of all pairs and exact at any density. Who is near is kept in the state from `init` on and found anew when a
    fish has moved by a twentieth of the reach, or the reach or the box is another. A state without such lists finds
    them in every step.

    Under jax.vmap a condition takes both its sides, so that tiles sum their pairs twice: run copies of large schools
    through jax.lax.map.

    Attributes:
        num_fish: N.
        box_size: L.
        speed: v0.
        repulsion_radius: r_r.
        orientation_radius: r_o.
        attraction_radius: r_a.
        max_turn: theta_max, radians a step (not a unit of time).
        noise: sigma.
        blind_angle: alpha, degrees.
        orientation_weight: w_o.
        torus_radius: R of a torus to start from.
        dt: time step.
        softness: width of the edges, or None for sharp ones.
        turn: "nlerp" or "slerp".
        start: "uniform" or "torus".
        tiled: whether fish look from tiles.
    """

    box_size: Scalar
    speed: Scalar
    repulsion_radius: Scalar
    orientation_radius: Scalar
    attraction_radius: Scalar
    max_turn: Scalar
    noise: Scalar
    blind_angle: Scalar
    orientation_weight: Scalar
    torus_radius: Scalar
    dt: Scalar
    softness: Scalar | None
    num_fish: int = eqx.field(static=True)
    turn: str = eqx.field(static=True)
    start: str = eqx.field(static=True)
    tiled: bool = eqx.field(static=True)

    def __init__(
        self,
        num_fish: int,
        *,
        box_size: RealScalar = 25.0,
        speed: RealScalar = 1.0,
        repulsion_radius: RealScalar = 1.0,
        orientation_radius: RealScalar = 5.0,
        attraction_radius: RealScalar = 10.0,
        max_turn: RealScalar = 0.3,
        noise: RealScalar = 0.1,
        blind_angle: RealScalar = 30.0,
        orientation_weight: RealScalar = 1.0,
        dt: RealScalar = 0.1,
        softness: RealScalar | None = None,
        turn: str = "nlerp",
        start: str = "uniform",
        torus_radius: RealScalar | None = None,
        neighbors: str = "auto",
    ):
        """Checks and converts the parameters.

        Args:
            num_fish: N >= 1.
            box_size: L > 0, length.
            speed: v0 > 0.
            repulsion_radius: r_r >= 0.
            orientation_radius: r_o > r_r.
            attraction_radius: r_a >= r_o. Beyond L / 2 it warns: only the nearest image of a fish is seen.
            max_turn: theta_max >= 0, radians a step.
            noise: sigma >= 0.
            blind_angle: alpha in [0, 180] degrees, half the cone behind a fish in which it sees nobody.
            orientation_weight: w_o in [0, 1].
            dt: > 0, time.
            softness: width of soft edges, > 0, length; None for sharp ones.
            turn: how a fish turns that wants to turn by theta > theta_max. "nlerp", the paper's, normalises
                (1 - s) c + s d with s = theta_max / theta: a little more than theta_max where theta < 2 theta_max, less
                beyond. "slerp" turns by exactly theta_max.
            start: "uniform" positions and headings, or a "torus" that mills about the cube's centre.
            torus_radius: R of that torus, > 0, length; L / 4 by default.
            neighbors: "all_pairs", "tiles", or "auto" by the number of fish.

        Raises:
            ValueError: a parameter is no number or out of its range, the radii are not ordered, or an option unknown.
        """
        _checks.require_integer("num_fish", num_fish, minimum=1)
        _checks.require_option("turn", turn, TURNS)
        _checks.require_option("start", start, STARTS)
        _checks.require_option("neighbors", neighbors, NEIGHBORS)
        numbers: dict[str, Any] = {
            "box_size": box_size,
            "speed": speed,
            "repulsion_radius": repulsion_radius,
            "orientation_radius": orientation_radius,
            "attraction_radius": attraction_radius,
            "max_turn": max_turn,
            "noise": noise,
            "blind_angle": blind_angle,
            "orientation_weight": orientation_weight,
            "dt": dt,
        }
        numbers |= {} if softness is None else {"softness": softness}
        numbers |= {} if torus_radius is None else {"torus_radius": torus_radius}
        values = dict(zip(numbers, _checks.as_numbers(**numbers), strict=True))
        for name, value in _checks.enforce(values, *_parameter_checks(values)).items():
            setattr(self, name, value)
        if softness is None:
            self.softness = None
        if torus_radius is None:
            self.torus_radius = self.box_size / 4
        self.num_fish = num_fish
        self.turn = turn
        self.start = start
        self.tiled = neighbors == "tiles" or (neighbors == "auto" and num_fish > _ALL_PAIRS_UP_TO)
        r, L = values["attraction_radius"], values["box_size"]
        if _checks.is_concrete(r, L) and float(r) > float(L) / 2:
            warnings.warn(
                f"attraction_radius {float(r):g} exceeds half the box, {float(L) / 2:g}: of every fish only the "
                "nearest image is seen",
                stacklevel=2,
            )

    def init(self, *, key: PRNGKey) -> FishState:
        """A school with uniform positions and isotropic headings, or a mill about the centre.

        The mill has fish i at the angle 2 pi i / N + 0.1 N(0, 1) about the z axis, at the radius R (1 + 0.15 N(0, 1))
        and the height L / 2 + 0.3 R N(0, 1), with the heading (-sin, cos, 0.1 N(0, 1)), normalised.

        Args:
            key: source of randomness.
        """
        _checks.require_key("key", key)
        n, dtype = self.num_fish, self.dt.dtype
        key_x, key_u = jax.random.split(key)
        if self.start == "uniform":
            x = self.box_size * jax.random.uniform(key_x, (n, 3), dtype)
            u = _unit(jax.random.normal(key_u, (n, 3), dtype).T)
        else:
            angle_noise, radius_noise, height_noise = jax.random.normal(key_x, (3, n), dtype)
            angle = 2 * math.pi / n * jnp.arange(n, dtype=dtype) + 0.1 * angle_noise
            R = self.torus_radius
            across, height = R * (1 + 0.15 * radius_noise), 0.3 * R * height_noise
            x = self.box_size / 2 + jnp.stack([across * jnp.cos(angle), across * jnp.sin(angle), height], axis=1)
            climb = 0.1 * jax.random.normal(key_u, (n,), dtype)
            u = _unit(jnp.stack([-jnp.sin(angle), jnp.cos(angle), climb]))
        x = self._wrap(x)
        return FishState(x, self.speed * u.T, near_fish(x.T, self._zones) if self.tiled else None)

    def step(self, state: FishState, *, key: PRNGKey) -> FishState:
        """One synchronous turn of all fish, and a stroke.

        Args:
            state: the school now; any representatives of the positions, velocities of any length but zero.
            key: source of randomness.

        Returns:
            The school dt later, positions in the box, speeds v0.

        Raises:
            ValueError: a shape is not (n, 3), a number is not finite, or a velocity is zero.
        """
        return _stroke(self, self._checked(state), key)

    def desired_direction(self, state: FishState) -> Float[Array, "n 3"]:
        """Where every fish wants to go, before limits and noise.

        Args:
            state: the school; any representatives of the positions.

        Returns:
            Unit vectors, shape (n, 3): the present heading where a fish sees nobody or its urges cancel.

        Raises:
            ValueError: a shape is not (n, 3), a number is not finite, or a velocity is zero.
        """
        return _wishes(self, self._checked(state))

    def _checked(self, state: FishState) -> FishState:
        """The state, which is NaN as a whole where a number is not finite: no fish would see such a one."""
        both = {"positions": state.positions, "velocities": state.velocities}
        for name, x in both.items():
            _checks.require_shape(name, x, (self.num_fish, 3))
        if state.near is not None:
            _checks.require_shape("near.positions", state.near.positions, (3, self.num_fish))
        with _checks.evaluated_now(state.velocities):
            moving = jnp.all(jnp.any(state.velocities != 0, axis=1))
        headed = _checks.Check(moving, "velocities must not be zero", lambda: "a fish without a heading")
        both = _checks.enforce(both, *(_checks.finite(name, x) for name, x in both.items()), headed)
        return FishState(**both, near=state.near)

    def _positions_and_headings(self, state: FishState) -> tuple[Array, Array]:
        """Positions in the box and unit vectors, both of shape (3, n)."""
        return self._wrap(state.positions).T, _unit(state.velocities.T)

    def _wrap(self, x: Array) -> Array:
        corner = jnp.broadcast_to(self.box_size, (1, 3))
        return wrap_between(x, jnp.zeros_like(corner), corner)

    @property
    def _zones(self) -> Zones:
        alpha = self.blind_angle * (math.pi / 180)
        return Zones(
            self.box_size,
            self.repulsion_radius,
            self.orientation_radius,
            self.attraction_radius,
            jnp.where(alpha > 0, -jnp.cos(alpha), -jnp.inf),
            self.orientation_weight,
            self.softness,
        )

    def _near(self, x: Array, near: NearFish | None) -> NearFish | None:
        """Lists that are right at positions x, or what was given where all pairs are summed."""
        if not self.tiled:
            return near
        return near_fish(x, self._zones) if near is None else still_near_fish(near, x, self._zones)

    def _desired(self, x: Array, u: Array, near: NearFish | None) -> Array:
        """Unit vectors, shape (3, n)."""
        if self.tiled:
            assert near is not None
            urges = urges_of_near_fish(x, u, near, self._zones)
        else:
            urges = urges_of_all_pairs(x, u, self._zones)
        if self.softness is None:
            return _direction(urges.away + urges.along, u)  # one of which is zero
        away, along = _direction(urges.away, u), _direction(urges.along, u)
        none_near, none_far = urges.alone_near[None], urges.alone_far[None]
        return _direction((1 - none_near) * away + none_near * ((1 - none_far) * along + none_far * u), u)


@eqx.filter_jit
def _stroke(school: FishSchool, state: FishState, key: PRNGKey) -> FishState:
    x, u = school._positions_and_headings(state)
    near = school._near(x, state.near)
    heading = _turned(u, school._desired(x, u, near), school.max_turn, school.turn)
    noisy = _unit(heading + school.noise * jax.random.normal(key, state.positions.shape, x.dtype).T)
    velocities = school.speed * jnp.where(school.noise > 0, noisy, heading).T
    return FishState(school._wrap(x.T + school.dt * velocities), velocities, None if state.near is None else near)


@eqx.filter_jit
def _wishes(school: FishSchool, state: FishState) -> Array:
    x, u = school._positions_and_headings(state)
    return school._desired(x, u, school._near(x, state.near)).T


def turn_towards(
    current: Real[ArrayLike, "n 3"], desired: Real[ArrayLike, "n 3"], max_turn: RealScalar, *, turn: str = "nlerp"
) -> Float[Array, "n 3"]:
    """Directions turned towards others by at most an angle.

    Within the angle theta_max the result is the desired direction d. Beyond it "nlerp" gives (1 - s) c + s d with
    s = theta_max / theta, normalised: a little more than theta_max where theta < 2 theta_max (0.2% at 0.2), less
    beyond. "slerp" turns by exactly theta_max. Where d is opposite to c there is no direction to turn to: c stays.

    Args:
        current: directions c, shape (n, 3), of any length but zero.
        desired: directions d, shape (n, 3), of any length but zero.
        max_turn: theta_max >= 0, radians.
        turn: "nlerp" or "slerp".

    Returns:
        Unit vectors, shape (n, 3).

    Raises:
        ValueError: shapes do not fit, a direction vanishes or is not finite, the angle is negative, or the option is
            unknown.

    Differentiable in all, but at theta_max itself. Source: arXiv 2602.07948.
    """
    _checks.require_option("turn", turn, TURNS)
    c, d, most = _checks.as_floats(current=current, desired=desired, max_turn=max_turn)
    _checks.as_numbers(max_turn=most)
    if c.ndim != 2 or c.shape[1] != 3:
        raise ValueError(f"current must have shape (n, 3), got {c.shape}")
    _checks.require_same_shape(current=c, desired=d)
    directions = [
        _checks.Check(
            jnp.all(jnp.isfinite(v)) & jnp.all(jnp.sum(v**2, axis=1) > 0),
            f"{name} must be finite and not zero",
            lambda v=v: f"lengths {jnp.linalg.norm(v, axis=1)}",
        )
        for name, v in (("current", c), ("desired", d))
    ]
    checks = *directions, _checks.nonnegative("max_turn", most)
    # The angle is enforced too: a turn that nobody makes would leave it a gradient of zero.
    return _checks.enforce(_turn_towards(c, d, _checks.enforce(most, *checks), turn), *checks)


@functools.partial(jax.jit, static_argnames="turn")
def _turn_towards(current: Array, desired: Array, max_turn: Array, turn: str) -> Array:
    return _turned(_unit(current.T), _unit(desired.T), max_turn, turn).T


def _turned(c: Array, d: Array, max_turn: Array, turn: str) -> Array:
    """Unit vectors c turned towards unit vectors d, shape (3, n)."""
    cosine = jnp.sum(c * d, axis=0)
    # The arc cosine has an infinite slope at 0 and loses half the digits near it.
    theta = jnp.arctan2(_length(jnp.cross(c, d, axis=0)), cosine)
    within = theta <= max_turn
    if turn == "nlerp":
        s = max_turn / jnp.where(within, 1, theta)
        part = _direction((1 - s)[None] * c + s[None] * d, c)
    else:
        across = _direction(d - cosine[None] * c, jnp.zeros_like(c))
        part = _direction(jnp.cos(max_turn) * c + jnp.sin(max_turn) * across, c)
        part = jnp.where(jnp.any(across != 0, axis=0)[None], part, c)
    return jnp.where(within[None], d, part)


def _length(v: Array) -> Array:
    """Lengths of the columns, with zero gradient at zero."""
    square = jnp.sum(v**2, axis=0)
    none = square == 0
    return jnp.where(none, 0, jnp.sqrt(jnp.where(none, 1, square)))


def _unit(v: Array) -> Array:
    """The columns normalised; zero stays zero."""
    length = _length(v)
    return v / jnp.where(length == 0, 1, length)[None]


def _direction(v: Array, otherwise: Array) -> Array:
    """The columns normalised; another vector where they vanish or are what rounding may leave of sums that do."""
    length = _length(v)
    some = ~(length <= jnp.finfo(v.dtype).eps ** (2 / 3))  # NaN is something
    return jnp.where(some[None], v / jnp.where(some, length, 1)[None], otherwise)


def _parameter_checks(values: dict[str, Array]) -> list[_checks.Check]:
    checks = [_checks.positive(name, values[name]) for name in ("box_size", "speed", "dt")]
    checks += [_checks.nonnegative(name, values[name]) for name in ("repulsion_radius", "max_turn", "noise")]
    checks += [_checks.positive(name, values[name]) for name in ("softness", "torus_radius") if name in values]
    checks.append(_checks.within("blind_angle", values["blind_angle"], 0, 180, "in [0, 180] degrees"))
    checks.append(_checks.within("orientation_weight", values["orientation_weight"], 0, 1, "in [0, 1]"))
    radii = [values[f"{zone}_radius"] for zone in ("repulsion", "orientation", "attraction")]
    with _checks.evaluated_now(*radii):
        ordered = (radii[0] < radii[1]) & (radii[1] <= radii[2]) & jnp.isfinite(radii[2])
    words = "radii must be ordered, repulsion_radius < orientation_radius <= attraction_radius"
    checks.append(_checks.Check(ordered, words, lambda: ", ".join(f"{float(r):g}" for r in radii)))
    return checks
