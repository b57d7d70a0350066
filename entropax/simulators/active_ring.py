"""Two active swimmers on a ring, in relative coordinates: the smallest interacting active system."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float

from entropax import _checks
from entropax._typing import Array, PRNGKey, RealScalar, Scalar
from entropax.simulators.base import Simulator
from entropax.simulators.langevin import noise_scale
from entropax.space.boxes import wrap_between


class ActiveRing(Simulator[Array]):
    """Two swimmers on a ring, seen from one of them (system (i) of arXiv 2309.12991).

    With x in [0, 2W) the other's distance and g its relative propulsion,

        dx = (v0(x) g + F(x)) dt + sqrt(2 eps) dW,   dg = -gamma g dt + sqrt(2 gamma) dW',

    where F(x) = k softplus_beta(2R - dist) points away from contact at x = 0 = 2W. The step is Euler-Maruyama in x and
    exact in g. A state has shape (..., 2): leading axes are independent copies. The law is symmetric under
    (x, g) -> (2W - x, -g) when v0 is.

    Attributes:
        speed: v0, a number or a function of positions.
        stiffness: k.
        persistence: gamma, the rate at which g forgets.
        noise: eps.
        half_width: W.
        radius: R.
        beta: sharpness of the softplus.
        dt: time step.
    """

    speed: Scalar | Callable[[Any], Any]
    stiffness: Scalar
    persistence: Scalar
    noise: Scalar
    half_width: Scalar
    radius: Scalar
    beta: Scalar
    dt: Scalar

    def __init__(
        self,
        speed: RealScalar | Callable[[Any], Any] = 0.25,
        *,
        stiffness: RealScalar = 2.5,
        persistence: RealScalar = 0.1,
        noise: RealScalar = 0.1,
        half_width: RealScalar = 8.0,
        radius: RealScalar = 1.0,
        beta: RealScalar = 7.5,
        dt: RealScalar = 0.01,
    ):
        """Checks and converts the parameters; the defaults are the paper's.

        Args:
            speed: v0, a number, or a 2W-periodic function of positions (..., ) (an equinox module to differentiate
                by its arrays).
            stiffness: k >= 0.
            persistence: gamma > 0.
            noise: eps >= 0.
            half_width: W > 0.
            radius: R > 0; the swimmers touch at distance 2R, which must be less than W.
            beta: sharpness of the softplus, > 0.
            dt: time step, > 0.

        Raises:
            ValueError: a parameter is no number or out of its range.
        """
        numbers = {
            "stiffness": stiffness,
            "persistence": persistence,
            "noise": noise,
            "half_width": half_width,
            "radius": radius,
            "beta": beta,
            "dt": dt,
        }
        if not callable(speed):
            numbers["speed"] = speed
        values = dict(zip(numbers, _checks.as_numbers(**numbers), strict=True))
        positive = ("persistence", "half_width", "radius", "beta", "dt")
        with _checks.evaluated_now(values["half_width"], values["radius"]):
            room = values["half_width"] - 2 * values["radius"]
        checks = [_checks.positive(name, values[name]) for name in positive]
        checks += [_checks.nonnegative(name, values[name]) for name in ("stiffness", "noise")]
        checks.append(_checks.positive("half_width - 2 radius", room))
        if not callable(speed):
            checks.append(_checks.finite("speed", values["speed"]))
        values = _checks.enforce(values, *checks)
        self.speed = speed if callable(speed) else values["speed"]
        for name in (*positive, "stiffness", "noise"):
            setattr(self, name, values[name])

    @property
    def diffusion(self) -> Float[Array, "2"]:
        """D = (eps, gamma)."""
        return jnp.stack([self.noise, self.persistence])

    def activity(self, position: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """v0 at the given positions.

        Args:
            position: x, any shape.

        Returns:
            Speeds, the shape of x.
        """
        return self.speed(position) if callable(self.speed) else jnp.broadcast_to(self.speed, position.shape)

    def force(self, position: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """F(x) = k softplus_beta(2R - dist), positive (away from 0) on the first half of the ring.

        Args:
            position: x, any shape, wrapped into [0, 2W).

        Returns:
            F, the shape of x.
        """
        x, near = self._fold(position)
        magnitude = self.stiffness * jax.nn.softplus(self.beta * (2 * self.radius - near)) / self.beta
        return jnp.where(x < self.half_width, magnitude, -magnitude)

    def force_slope(self, position: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
        """F'(x) = -k sigmoid(beta (2R - dist)).

        Args:
            position: x, any shape.

        Returns:
            F', the shape of x.
        """
        _, near = self._fold(position)
        return -self.stiffness * jax.nn.sigmoid(self.beta * (2 * self.radius - near))

    def _fold(self, position: Array) -> tuple[Array, Array]:
        x = jnp.mod(position, 2 * self.half_width)
        return x, jnp.minimum(x, 2 * self.half_width - x)

    def drift(self, state: Float[Array, "*batch 2"]) -> Float[Array, "*batch 2"]:
        """b = (v0 g + F, -gamma g).

        Args:
            state: (x, g), shape (..., 2).

        Returns:
            The drift, shape (..., 2).
        """
        x, g = state[..., 0], state[..., 1]
        return jnp.stack([self.activity(x) * g + self.force(x), -self.persistence * g], axis=-1)

    def drift_divergence(self, state: Float[Array, "*batch 2"]) -> Float[Array, "*batch 2"]:
        """(d b_x / d x, d b_g / d g) = (v0' g + F', -gamma).

        Args:
            state: (x, g), shape (..., 2).

        Returns:
            The two terms, shape (..., 2); their sum is div b.
        """
        x, g = state[..., 0], state[..., 1]
        _, slope = jax.jvp(self.activity, (x,), (jnp.ones_like(x),))
        along_x = slope * g + self.force_slope(x)
        return jnp.stack([along_x, jnp.broadcast_to(-self.persistence, x.shape)], axis=-1)

    def mirror(self, state: Float[Array, "*batch 2"]) -> Float[Array, "*batch 2"]:
        """The same configuration with the swimmers exchanged, (2W - x, -g).

        Args:
            state: (x, g), shape (..., 2).

        Returns:
            The exchanged states, shape (..., 2).
        """
        return jnp.stack([2 * self.half_width - state[..., 0], -state[..., 1]], axis=-1)

    def init(self, *, key: PRNGKey, shape: tuple[int, ...] = ()) -> Float[Array, "*batch 2"]:
        """x uniform where the swimmers do not touch, g standard normal.

        Args:
            key: source of randomness.
            shape: leading axes of independent copies.

        Returns:
            States, shape (*shape, 2).
        """
        _checks.require_key("key", key)
        key_x, key_g = jax.random.split(key)
        dtype = self.half_width.dtype
        contact = 2 * self.radius
        x = contact + jax.random.uniform(key_x, shape, dtype) * (2 * self.half_width - 2 * contact)
        return jnp.stack([x, jax.random.normal(key_g, shape, dtype)], axis=-1)

    def step(self, state: Float[Array, "*batch 2"], *, key: PRNGKey) -> Float[Array, "*batch 2"]:
        """Euler-Maruyama in x, exact Ornstein-Uhlenbeck in g.

        Args:
            state: (x, g), shape (..., 2).
            key: source of randomness.

        Returns:
            The state dt later, x in [0, 2W).
        """
        x, g = state[..., 0], state[..., 1]
        noise = jax.random.normal(key, (2, *x.shape), state.dtype)
        drift = self.activity(x) * g + self.force(x)
        moved = x + self.dt * drift + noise_scale(self.noise, self.dt) * noise[0]
        x = wrap_between(moved, jnp.zeros_like(self.half_width), 2 * self.half_width)
        return jnp.stack([x, ornstein_uhlenbeck_step(g, self.persistence, self.dt, noise[1])], axis=-1)


def ornstein_uhlenbeck_step(
    g: Float[Array, "*shape"], persistence: Scalar, dt: Scalar, noise: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """The exact step of dg = -gamma g dt + sqrt(2 gamma) dW: g e^{-gamma dt} + sqrt(1 - e^{-2 gamma dt}) z.

    Args:
        g: propulsions, any shape; the stationary law is standard normal.
        persistence: gamma.
        dt: time step.
        noise: z, standard normal, of the shape of g.

    Returns:
        The propulsions dt later.
    """
    return g * jnp.exp(-persistence * dt) + jnp.sqrt(-jnp.expm1(-2 * persistence * dt)) * noise
