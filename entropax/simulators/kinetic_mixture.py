"""A gas of light and heavy particles, its velocity distributions stepped through three epochs with one time step."""

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from entropax import _checks, _lapack
from entropax._typing import Array, PRNGKey, RealScalar, Scalar
from entropax.simulators.base import Simulator
from entropax.simulators.disparate_mass import circle_average, fokker_planck_of, implicit_fokker_planck
from entropax.simulators.maxwell_collisions import collisions_of_both
from entropax.simulators.mixture_moments import MixtureMoments, exchanged, gaussian_moments
from entropax.simulators.velocity_space import (
    VelocityGrid,
    as_distribution,
    isotropic_maxwellian,
    maxwellian,
    moments_of,
    with_moments,
)


class MixtureState(eqx.Module):
    """Distributions of both species over velocities, each in its own thermal velocity and on its own grid.

    Attributes:
        light: f_L, shape (N_L, N_L).
        heavy: f_H, shape (N_H, N_H).
    """

    light: Float[Array, "nl nl"]
    heavy: Float[Array, "nh nh"]


class KineticMixture(Simulator[MixtureState]):
    """Boltzmann equations of a mixture with mass ratio eps^2, expanded in eps: Maxwell molecules in the plane.

        d_t f_L = eps^-2 [Q(f_L) + n_H (<f_L> - f_L)] + n_H div[(v - u_L) f_L + T_H grad f_L],
        d_t f_H = eps^-1 Q(f_H) + n_L div[(v - u_L / eps) f_H + T_L grad f_H],

    in relaxation times of the temperatures, <f_L> the average over circles about eps u_H (`disparate_mass`). The light
    species forgets its angles and becomes Maxwellian on times eps^2, the heavy one on times eps, and their temperatures
    meet on times 1.

    `scheme="penalized"` takes any dt: the light gas is isotropised exactly; collisions within a species are penalised
    by n (M - f), integrated exactly, so that

        f' = e^-x f + x e^-x (Q(f) / n + f) + (1 - (1 + x) e^-x) M,   x = n dt / eps^p,

    a positive combination that tends to the Maxwellian M; the Fokker-Planck terms are implicit; and the moments are set
    to the closed-form solution of the expanded operators' moment equations, so mass, momentum and energy are kept to
    rounding. It is first order in dt at fixed eps, and as eps -> 0 its temperatures are those of `two_temperatures`.
    `scheme="explicit"` is Euler's method on the equations above, stable up to dt = 2 eps^2 / (n_L + n_H) only.

    Attributes:
        eps: square root of the mass ratio light to heavy.
        initial: moments of the Gaussians that `init` makes.
        dt: time step, in relaxation times.
        light_grid: velocities of the light species.
        heavy_grid: velocities of the heavy species.
        num_radii: radii of `spectral_collision`.
        num_angles: its angles.
        scheme: "penalized" or "explicit".
    """

    eps: Scalar
    initial: MixtureMoments
    dt: Scalar
    light_grid: VelocityGrid
    heavy_grid: VelocityGrid
    num_radii: int = eqx.field(static=True)
    num_angles: int = eqx.field(static=True)
    scheme: Literal["penalized", "explicit"] = eqx.field(static=True)

    def __init__(
        self,
        eps: RealScalar,
        *,
        dt: RealScalar,
        initial: MixtureMoments | None = None,
        light_grid: VelocityGrid | None = None,
        heavy_grid: VelocityGrid | None = None,
        num_radii: int = 32,
        num_angles: int = 12,
        scheme: Literal["penalized", "explicit"] = "penalized",
    ):
        """Checks and converts the parameters.

        Args:
            eps: square root of the mass ratio, in (0, 1): 0.1 for a heavy particle 100 times as heavy.
            dt: time step, positive, in relaxation times.
            initial: moments of the first state's Gaussians, from `gaussian_moments`; by default a light gas that drifts
                and is hot along its drift, and a cooler heavy one that is hot across it.
            light_grid: velocities of the light species, by default 48 x 48 with support 5.5.
            heavy_grid: velocities of the heavy species, by default 48 x 48 with support 4.5.
            num_radii: radii of `spectral_collision`.
            num_angles: its angles.
            scheme: "penalized" for any dt, "explicit" for Euler's method.

        Raises:
            ValueError: eps is not in (0, 1), dt is not positive, a count is less than one or the scheme is unknown.
        """
        e, dt = _checks.as_numbers(eps=eps, dt=dt)
        _checks.require_integer("num_radii", num_radii, minimum=1)
        _checks.require_integer("num_angles", num_angles, minimum=1)
        _checks.require_option("scheme", scheme, ("penalized", "explicit"))
        inside = _checks.within("eps", e, jnp.finfo(e.dtype).tiny, 1 - jnp.finfo(e.dtype).eps, "in (0, 1)")
        self.eps, self.dt = _checks.enforce((e, dt), inside, _checks.positive("dt", dt))
        moments = _drifting_gases() if initial is None else initial
        self.initial = jax.tree.map(lambda x: jnp.asarray(x, e.dtype), moments)
        self.light_grid = VelocityGrid(48, support=5.5) if light_grid is None else light_grid
        self.heavy_grid = VelocityGrid(48, support=4.5) if heavy_grid is None else heavy_grid
        self.num_radii, self.num_angles, self.scheme = num_radii, num_angles, scheme

    def init(self, *, key: PRNGKey) -> MixtureState:
        """Gaussians with the initial moments.

        Args:
            key: not used, since nothing is drawn.

        Returns:
            The state.

        Raises:
            ValueError: a grid is so coarse, or so narrow, that a Gaussian on it misses its density by a tenth.
        """
        _checks.require_key("key", key)
        pairs = ("light", self.initial.light, self.light_grid), ("heavy", self.initial.heavy, self.heavy_grid)
        made, checks = [], []
        for name, moments, grid in pairs:
            f = maxwellian(moments.density, moments.velocity, moments.covariance, grid=grid)
            with _checks.evaluated_now(f):
                share = moments_of(f, grid).density / moments.density
            made.append(f)
            checks.append(_checks.Check(jnp.abs(share - 1) < 0.1, _RESOLVED.format(name), _of_density(share)))
        return _checks.enforce(MixtureState(*made), *checks)

    def moments(self, state: MixtureState) -> MixtureMoments:
        """Densities, velocities and second moments of both species.

        Args:
            state: the distributions.

        Returns:
            The moments.

        Raises:
            ValueError: a distribution does not have its grid's shape.
        """
        light, heavy = self._distributions(state)
        return MixtureMoments(moments_of(light, self.light_grid), moments_of(heavy, self.heavy_grid))

    def vector_field(self, t: Any, y: MixtureState, args: Any = None) -> MixtureState:
        """The time derivatives of both distributions, in the signature of diffrax.

        Args:
            t: time, not used.
            y: the distributions.
            args: not used.

        Returns:
            d_t f_L and d_t f_H. Stiff: rates up to (n_L + n_H) / eps^2.
        """
        del t, args
        return _rates(self, y)

    def step(self, state: MixtureState, *, key: PRNGKey) -> MixtureState:
        """The distributions dt later.

        Args:
            state: the distributions.
            key: not used, since the dynamics is deterministic.

        Returns:
            The next state.

        Raises:
            ValueError: a distribution does not have its grid's shape.
        """
        if self.scheme == "penalized":
            return _penalized_step(self, state)
        return jax.tree.map(lambda f, rate: f + self.dt * rate, state, self.vector_field(None, state))

    def _distributions(self, state: MixtureState) -> tuple[Array, Array]:
        light = as_distribution("the light distribution", state.light, self.light_grid)
        return light, as_distribution("the heavy distribution", state.heavy, self.heavy_grid)


_RESOLVED = "the {} grid must resolve the initial Gaussian: spacing at most twice, support four times its deviation"


def _of_density(share: Array) -> Callable[[], str]:
    return lambda: f"{float(share):.3g} of its density"


def _collisions(mixture: KineticMixture, light: Array, heavy: Array) -> tuple[Array, Array]:
    grids = mixture.light_grid, mixture.heavy_grid
    return collisions_of_both(light, grids[0], heavy, grids[1], mixture.num_radii, mixture.num_angles)


@eqx.filter_jit
def _rates(mixture: KineticMixture, y: MixtureState) -> MixtureState:
    moments = mixture.moments(y)
    light, heavy, e = moments.light, moments.heavy, mixture.eps
    isotropised = circle_average(y.light, e * heavy.velocity, mixture.light_grid)
    among_light, among_heavy = _collisions(mixture, y.light, y.heavy)
    fast = among_light + heavy.density * (isotropised - y.light)
    heating = fokker_planck_of(y.light, light.velocity, heavy.temperature, mixture.light_grid)
    pushed = fokker_planck_of(y.heavy, light.velocity / e, light.temperature, mixture.heavy_grid)
    return MixtureState(fast / e**2 + heavy.density * heating, among_heavy / e + light.density * pushed)


@eqx.filter_jit
def _penalized_step(mixture: KineticMixture, state: MixtureState) -> MixtureState:
    e, dt = mixture.eps, mixture.dt
    before = mixture.moments(state)
    after = exchanged(before, e, dt)
    n_l, n_h = before.light.density, before.heavy.density

    # Within eps^2: the light gas becomes isotropic. The circles' centre, eps u_H for small dt, is the one about
    # which the exact decay arrives at the light velocity asked for.
    isotropised = -jnp.expm1(-n_h * dt / e**2)
    centre = before.light.velocity + (after.light_velocity - before.light.velocity) / isotropised
    light = state.light + isotropised * (circle_average(state.light, centre, mixture.light_grid) - state.light)
    # Then Maxwellian, and within eps the heavy gas too.
    among_light, among_heavy = _collisions(mixture, light, state.heavy)
    light = _relaxed(light, among_light, dt / e**2, mixture.light_grid)
    heavy = _relaxed(state.heavy, among_heavy, dt / e, mixture.heavy_grid)
    # Within 1: each is a bath for the other. The drift that the light gas exerts on the heavy one is its mean over
    # the step: with it the implicit step arrives at the heavy velocity asked for.
    own = after.light_velocity
    light = implicit_fokker_planck(light, own, after.heavy_temperature, n_h * dt, mixture.light_grid)
    push = after.heavy_velocity + (after.heavy_velocity - before.heavy.velocity) / (n_l * dt)
    heavy = _lapack.after(heavy, light[0, 0])
    heavy = implicit_fokker_planck(heavy, push, after.light_temperature, n_l * dt, mixture.heavy_grid)

    light = with_moments(light, n_l, after.light_velocity, after.light_temperature, mixture.light_grid)
    heavy = _lapack.after(heavy, light[0, 0])
    heavy = with_moments(heavy, n_h, after.heavy_velocity, after.heavy_temperature, mixture.heavy_grid)
    return MixtureState(light, heavy)


def _relaxed(f: Array, collision: Array, time: Array, grid: VelocityGrid) -> Array:
    """Collisions within one species, e^-x f + x e^-x (Q / n + f) + (1 - (1 + x) e^-x) M with x = n t.

    For Maxwell molecules the gain Q / n + f and the Maxwellian M have at least the entropy of f, so the mixture has.
    Source: exponential Runge-Kutta of Dimarco and Pareschi 2011 (doi 10.1137/100811052), first order.

    Args:
        f: the distribution.
        collision: Q(f).
        time: t, in collision times at density one.
        grid: its grid.
    """
    moments = moments_of(f, grid)
    n = moments.density
    equilibrium = isotropic_maxwellian(n, moments.velocity, moments.temperature, grid)
    x = n * time
    once = x * jnp.exp(-x)
    return jnp.exp(-x) * f + once * (collision / n + f) + (-jnp.expm1(-x) - once) * equilibrium


def _drifting_gases() -> MixtureMoments:
    return MixtureMoments(
        gaussian_moments(1.0, jnp.array([0.5, 0.0]), jnp.diag(jnp.array([1.75, 0.5]))),
        gaussian_moments(1.0, jnp.array([0.3, 0.0]), jnp.diag(jnp.array([0.29, 0.8]))),
    )
