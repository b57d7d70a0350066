"""What a mixture of Maxwell molecules does to its moments: exactly, to leading order in eps, and at eps = 0."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float, Real

from entropax import _checks
from entropax._typing import Array, ArrayLike, RealScalar, Scalar
from entropax.simulators.velocity_space import VelocityMoments


class MixtureMoments(eqx.Module):
    """Moments of the light and the heavy species, each in its own thermal velocity.

    Attributes:
        light: of the light species.
        heavy: of the heavy species.
    """

    light: VelocityMoments
    heavy: VelocityMoments

    def __init__(self, light: VelocityMoments, heavy: VelocityMoments):
        """Keeps the two.

        Args:
            light: of the light species.
            heavy: of the heavy species.
        """
        self.light, self.heavy = light, heavy

    def momentum(self, eps: RealScalar) -> Float[Array, "2"]:
        """n_L u_L + n_H u_H / eps, which collisions keep.

        Args:
            eps: square root of the mass ratio.

        Returns:
            The momentum, shape (2,).
        """
        (e,) = _checks.as_numbers(eps=jnp.asarray(eps, self.light.velocity.dtype))
        return self.light.density * self.light.velocity + self.heavy.density * self.heavy.velocity / e

    @property
    def energy(self) -> Scalar:
        """(n_L <|v_L|^2> + n_H <|v_H|^2>) / 2, which collisions keep."""
        return sum(
            (s.density * jnp.trace(s.second) / 2 for s in (self.light, self.heavy)), jnp.zeros_like(self.light.density)
        )


def gaussian_moments(
    density: RealScalar, velocity: Real[ArrayLike, "2"], second: Real[ArrayLike, "2 2"]
) -> VelocityMoments:
    """Moments of one species from plain numbers, checked.

    Args:
        density: n > 0.
        velocity: u, shape (2,).
        second: <v v>, shape (2, 2), with <v v> - u u symmetric and positive definite.

    Returns:
        The moments, of one dtype.

    Raises:
        ValueError: a shape does not fit, n is not positive or the covariance is not positive definite.

    Differentiable in all arguments.
    """
    n, u, A = _checks.as_floats(density=density, velocity=velocity, second=second)
    _checks.as_numbers(density=n)
    _checks.require_shape("velocity", u, (2,))
    _checks.require_shape("second", A, (2, 2))
    moments = VelocityMoments(n, u, A)
    with _checks.evaluated_now(u, A):
        covariance = moments.covariance
    checks = _checks.positive("density", n), _checks.positive_definite("second less velocity velocity", covariance)
    return _checks.enforce(moments, *checks)


@jax.jit
def _rate(moments: MixtureMoments, e: Array) -> MixtureMoments:
    """The exact rates, from the weak forms with v' - v = -+ a (g . Omega) Omega averaged over Omega."""
    light, heavy = moments.light, moments.heavy
    n_l, u_l, A = light.density, light.velocity, light.second
    n_h, u_h, B = heavy.density, heavy.velocity, heavy.second
    a = 2 / (1 + e**2)
    b = e * a
    cross = jnp.outer(u_h, u_l)
    G = A - e * (cross + cross.T) + e**2 * B  # <g g>, g = v_L - eps v_H
    recoil = (jnp.trace(G) * jnp.eye(2, dtype=G.dtype) + 2 * G) / 8  # mean of (g . Omega)^2 Omega Omega
    g_light = A - e * cross
    g_heavy = cross.T - e * B
    drift = u_l - e * u_h
    light_rate = n_l * _isotropic_rate(light) + n_h * (-a / 2 * (g_light + g_light.T) + a**2 * recoil)
    heavy_rate = n_h * _isotropic_rate(heavy) / e + n_l / e**2 * (b / 2 * (g_heavy + g_heavy.T) + b**2 * recoil)
    return MixtureMoments(
        VelocityMoments(jnp.zeros_like(n_l), -a / 2 * n_h / e**2 * drift, light_rate / e**2),
        VelocityMoments(jnp.zeros_like(n_h), b / 2 * n_l / e**2 * drift, heavy_rate),
    )


def _isotropic_rate(moments: VelocityMoments) -> Array:
    """What collisions within a species do to <v v>: the stress without its trace decays at half the collision rate."""
    return (moments.temperature * jnp.eye(2, dtype=moments.second.dtype) - moments.covariance) / 2


def mixture_moment_rate(moments: MixtureMoments, eps: RealScalar) -> MixtureMoments:
    """Exact time derivatives of densities, velocities and second moments at any eps: a closed system.

    For Maxwell molecules with B = 1/(2 pi) per direction the second moments determine their own rates, whatever the
    distributions: an oracle for the kinetic scheme. Stiff (rates up to 1/eps^2): use an implicit solver.

    Args:
        moments: of both species.
        eps: square root of the mass ratio, positive.

    Returns:
        The rates, in the structure of the moments, in relaxation times.

    Raises:
        ValueError: eps is no number or not positive.

    Differentiable in both arguments. Source: weak form of the collision operators, the setting of arXiv 2411.13240.
    """
    (e,) = _checks.as_numbers(eps=jnp.asarray(eps, moments.light.density.dtype))
    return _checks.enforce(_rate(moments, e), _checks.positive("eps", e))


def two_temperature_rate(
    light_temperature: RealScalar,
    heavy_temperature: RealScalar,
    light_density: RealScalar,
    heavy_density: RealScalar,
    *,
    dimension: int = 2,
) -> tuple[Scalar, Scalar]:
    """dT_L/dt and dT_H/dt at eps = 0, when both species are Maxwellians: the last epoch.

        dT_H/dt = (4/d) n_L (T_L - T_H),   n_L dT_L/dt = -n_H dT_H/dt   (Maxwell molecules, int B dOmega = 1).

    Args:
        light_temperature: T_L > 0.
        heavy_temperature: T_H > 0.
        light_density: n_L > 0.
        heavy_density: n_H > 0.
        dimension: d of the velocities.

    Returns:
        dT_L/dt and dT_H/dt, per relaxation time.

    Raises:
        ValueError: an argument is no number or not positive, or d is less than one.

    Differentiable in all arguments. Source: Degond and Lucquin-Desreux 1996, the limit of arXiv 2411.13240.
    """
    T_l, T_h, n_l, n_h, _ = _temperature_arguments(light_temperature, heavy_temperature, light_density, heavy_density)
    _checks.require_integer("dimension", dimension, minimum=1)
    gap = 4 / dimension * (T_l - T_h)
    return _checks.enforce((-n_h * gap, n_l * gap), *_temperature_checks(T_l, T_h, n_l, n_h))


def two_temperatures(
    time: RealScalar,
    light_temperature: RealScalar,
    heavy_temperature: RealScalar,
    light_density: RealScalar,
    heavy_density: RealScalar,
    *,
    dimension: int = 2,
) -> tuple[Scalar, Scalar]:
    """T_L and T_H at a time, the solution of `two_temperature_rate`: their gap decays as exp(-(4/d) (n_L + n_H) t).

    Args:
        time: t >= 0, in relaxation times.
        light_temperature: T_L > 0 at the start. Light drift energy that has turned to heat belongs to it.
        heavy_temperature: T_H > 0 at the start.
        light_density: n_L > 0.
        heavy_density: n_H > 0.
        dimension: d of the velocities.

    Returns:
        T_L(t) and T_H(t).

    Raises:
        ValueError: an argument is no number, t is negative or another one not positive, or d is less than one.

    Differentiable in all arguments.
    """
    T_l, T_h, n_l, n_h, t = _temperature_arguments(
        light_temperature, heavy_temperature, light_density, heavy_density, time
    )
    _checks.require_integer("dimension", dimension, minimum=1)
    closed = -jnp.expm1(-4 / dimension * (n_l + n_h) * t) * (T_l - T_h) / (n_l + n_h)
    checks = *_temperature_checks(T_l, T_h, n_l, n_h), _checks.nonnegative("time", t)
    return _checks.enforce((T_l - n_h * closed, T_h + n_l * closed), *checks)


def _temperature_arguments(
    T_l: RealScalar, T_h: RealScalar, n_l: RealScalar, n_h: RealScalar, t: RealScalar = 0.0
) -> tuple[Array, ...]:
    return _checks.as_numbers(
        light_temperature=T_l, heavy_temperature=T_h, light_density=n_l, heavy_density=n_h, time=t
    )


def _temperature_checks(T_l: Array, T_h: Array, n_l: Array, n_h: Array) -> list[_checks.Check]:
    values = {"light_temperature": T_l, "heavy_temperature": T_h, "light_density": n_l, "heavy_density": n_h}
    return [_checks.positive(name, value) for name, value in values.items()]


class Exchange(eqx.Module):
    """Velocities and temperatures of both species after they have exchanged momentum and energy for a while.

    Attributes:
        light_velocity: u_L, shape (2,).
        heavy_velocity: u_H, shape (2,).
        light_temperature: T_L.
        heavy_temperature: T_H.
    """

    light_velocity: Float[Array, "2"]
    heavy_velocity: Float[Array, "2"]
    light_temperature: Scalar
    heavy_temperature: Scalar


@jax.jit
def exchanged(moments: MixtureMoments, e: Array, t: Array) -> Exchange:
    """The solution of the expanded operators' own moment equations, for any t: momentum and energy are kept.

    With d = u_L - eps u_H and k = n_H / eps^2 + n_L,

        d' = -k d,   T_H' = 2 n_L (T_L - T_H),   n_L T_L' = -n_H T_H' + n_L n_H |d|^2 / eps^2.

    Args:
        moments: of both species at time zero.
        e: eps, square root of the mass ratio, in (0, 1).
        t: time, >= 0.

    Returns:
        Velocities and temperatures at t. Differentiable in all arguments. Source: moments of the operators of arXiv
        2411.13240.
    """
    light, heavy = moments.light, moments.heavy
    n_l, n_h, T_l, T_h = light.density, heavy.density, light.temperature, heavy.temperature
    weight = n_h + e**2 * n_l
    drift = light.velocity - e * heavy.velocity
    friction, relaxation = weight / e**2, 2 * (n_l + n_h)
    stopped = -jnp.expm1(-friction * t) * drift / weight
    heat = -jnp.expm1(-2 * friction * t) * (drift @ drift) / (2 * weight)  # of the drift energy, by n_L n_H
    # The gap T_L - T_H obeys D' = -relaxation D + source |d|^2.
    source = n_h / e**2
    excess = 2 * friction - relaxation  # positive for eps < 1
    gap = jnp.exp(-relaxation * t) * (T_l - T_h - source * (drift @ drift) * jnp.expm1(-excess * t) / excess)
    thermal = n_l * T_l + n_h * T_h + n_l * n_h * heat
    total = n_l + n_h
    return Exchange(
        light_velocity=light.velocity - n_h * stopped,
        heavy_velocity=heavy.velocity + e * n_l * stopped,
        light_temperature=(thermal + n_h * gap) / total,
        heavy_temperature=(thermal - n_l * gap) / total,
    )
