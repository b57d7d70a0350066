"""A synthetic population of cores that cool, are heated by mergers and active nuclei, and are measured with scatter."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, simulators
from entropax._typing import Array, Bool, Float, PRNGKey, RealScalar, Scalar
from entropax.applications.clusters.mergers import MergerList

START, DURATION = 2.6, 11.2
"""Cosmic time of redshift 2.5 in Gyr, and the time from there to today."""


class CoreState(eqx.Module):
    """A core at one time.

    Attributes:
        time: in Gyr.
        y: log10 of the entropy in keV cm^2.
        scatter: of its measurement, in dex.
        heated: sum of the sizes of all ramps up to now, in dex.
        ramp_starts: when each ramp starts, shape (k,): effective mergers, then active nuclei.
        ramp_sizes: A of each, in dex, shape (k,).
        merger_times: effective ones, then those without effect; in Gyr, shape (2 m,).
        mass_ratios: shape (2 m,).
        nucleus_times: starts of the nucleus's episodes, shape (a,).
        overflow: whether there were more mergers or episodes than places.
    """

    time: Scalar
    y: Scalar
    scatter: Scalar
    heated: Scalar
    ramp_starts: Float[Array, "k"]
    ramp_sizes: Float[Array, "k"]
    merger_times: Float[Array, "m2"]
    mass_ratios: Float[Array, "m2"]
    nucleus_times: Float[Array, "a"]
    overflow: Bool[Array, ""]


class ClusterCore(simulators.Simulator[CoreState]):
    """The core of one cluster, y = log10 K.

    Cooling dy/dt = -(1 / ln 10) max(0, 1 - (floor / K)^2) / t_cool with t_cool = t22 (K / 22)^0.9. Mergers come at
    `merger_rate`; one of mass ratio mu heats with probability p_c mu^mass_exponent, `delay` later. Episodes of the
    active nucleus come at `agn_rate` and heat at once. Heating is a ramp of A dex, A uniform, over `ramp_duration`,
    multiplied by 2 max(0, 1 - y / ceiling). A measured y scatters about the true one as an Ornstein-Uhlenbeck process.

    Mergers that heat and those that do not are drawn as two independent Poisson streams, which by the theorem of
    thinning is the same: their times are smooth in rates and p_c, and a merger that enters or leaves the span does so
    where its ramp has no effect yet. So expectations have exact pathwise gradients in every parameter.

    Attributes:
        dt: step in Gyr.
        cooling_time: t22, cooling time at 22 keV cm^2, in Gyr.
        cooling_slope: exponent of K in t_cool; 0.9 is isobaric with Lambda as sqrt(T).
        floor: entropy below which nothing cools, in keV cm^2.
        initial_entropy: median at the start, in keV cm^2.
        initial_scatter: standard deviation of y at the start, in dex.
        merger_rate: per Gyr.
        effective: p_c, probability that a merger of mass ratio 1 heats.
        mass_exponent: of the mass ratio in that probability; 0 makes all mergers equal.
        delay: from a merger to its ramp, in Gyr.
        agn_rate: episodes of the nucleus per Gyr.
        ramp_low: least A in dex.
        ramp_high: largest A in dex.
        ramp_duration: in Gyr.
        ceiling: y at which heating has no effect.
        jitter: standard deviation of the measured y, in dex.
        jitter_time: correlation time of that, in Gyr.
        max_mergers: places for mergers of either stream.
        max_episodes: places for episodes.
    """

    dt: Scalar
    cooling_time: Scalar
    cooling_slope: Scalar
    floor: Scalar
    initial_entropy: Scalar
    initial_scatter: Scalar
    merger_rate: Scalar
    effective: Scalar
    mass_exponent: Scalar
    delay: Scalar
    agn_rate: Scalar
    ramp_low: Scalar
    ramp_high: Scalar
    ramp_duration: Scalar
    ceiling: Scalar
    jitter: Scalar
    jitter_time: Scalar
    max_mergers: int = eqx.field(static=True)
    max_episodes: int = eqx.field(static=True)

    def __init__(
        self,
        dt: RealScalar = 0.02,
        *,
        cooling_time: RealScalar = 0.6,
        cooling_slope: RealScalar = 0.9,
        floor: RealScalar = 15.0,
        initial_entropy: RealScalar = 15.0,
        initial_scatter: RealScalar = 0.15,
        merger_rate: RealScalar = 0.45,
        effective: RealScalar = 0.7,
        mass_exponent: RealScalar = 0.0,
        delay: RealScalar = 0.2,
        agn_rate: RealScalar = 0.2,
        ramp_low: RealScalar = 0.5,
        ramp_high: RealScalar = 1.0,
        ramp_duration: RealScalar = 0.5,
        ceiling: RealScalar = 3.0,
        jitter: RealScalar = 0.05,
        jitter_time: RealScalar = 0.3,
        max_mergers: int = 20,
        max_episodes: int = 12,
    ):
        """Checks and converts the parameters, which are those of the class.

        Args:
            dt: positive.
            cooling_time: positive.
            cooling_slope: finite.
            floor: not negative.
            initial_entropy: positive.
            initial_scatter: not negative.
            merger_rate: not negative.
            effective: in [0, 1].
            mass_exponent: in [0, 0.79]: the streams' densities of the mass ratio then fall.
            delay: not negative.
            agn_rate: not negative.
            ramp_low: finite.
            ramp_high: finite.
            ramp_duration: positive.
            ceiling: positive.
            jitter: not negative.
            jitter_time: positive.
            max_mergers: at least 1.
            max_episodes: at least 1.

        Raises:
            ValueError: a parameter is out of range or no number.
        """
        given = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        for name in ("max_mergers", "max_episodes"):
            _checks.require_integer(name, given[name], minimum=1)
            setattr(self, name, given.pop(name))
        dtype = _checks.accumulated(jnp.zeros((), _checks.as_numbers(**given)[0].dtype)).dtype
        numbers = {name: _converted(value, dtype) for name, value in given.items()}
        step = numbers.pop("dt")  # apart from the others, whose checks would make it a traced number
        self.dt = _checks.enforce(step, _checks.positive("dt", step))
        numbers = _checks.enforce(numbers, *(_parameter_check(name, x) for name, x in numbers.items()))
        for name, x in numbers.items():
            setattr(self, name, x)

    def init(self, *, key: PRNGKey) -> CoreState:
        """Draws the start, and all mergers and episodes of 11.2 Gyr.

        Args:
            key: a key made by jax.random.key.

        Returns:
            The state at 2.6 Gyr. Differentiable in the parameters.
        """
        _checks.require_key("key", key)
        dtype = self.dt.dtype
        start, scatter, first, second, third, sizes, one, two = jax.random.split(key, 8)
        share = self.effective * _mean_power(self.mass_exponent)
        heating = _arrivals(self.merger_rate * share, self.max_mergers, first)
        idle = _arrivals(self.merger_rate * (1 - share), self.max_mergers, second)
        episodes = _arrivals(self.agn_rate, self.max_episodes, third)
        uniform = jax.random.uniform(sizes, (self.max_mergers + self.max_episodes,), dtype)
        heating_ratios = _mass_ratios(self.mass_exponent, jax.random.uniform(one, heating.shape, dtype))
        idle_ratios = _idle_mass_ratios(self.effective, self.mass_exponent, jax.random.uniform(two, idle.shape, dtype))
        lost = jnp.stack([heating[-1], idle[-1], episodes[-1]]) < START + DURATION
        return CoreState(
            time=jnp.asarray(START, dtype),
            y=jnp.log10(self.initial_entropy) + self.initial_scatter * jax.random.normal(start, (), dtype),
            scatter=self.jitter * jax.random.normal(scatter, (), dtype),
            heated=jnp.zeros((), dtype),
            ramp_starts=jnp.concatenate([heating + self.delay, episodes]),
            ramp_sizes=self.ramp_low * (1 - uniform) + self.ramp_high * uniform,
            merger_times=jnp.concatenate([heating, idle]),
            mass_ratios=jnp.concatenate([heating_ratios, idle_ratios]),
            nucleus_times=episodes,
            overflow=jnp.any(lost),
        )

    def step(self, state: CoreState, *, key: PRNGKey) -> CoreState:
        """Advances by dt: Euler's rule for the cooling, the exact integral of the ramps, the exact scatter.

        Args:
            state: the state.
            key: a key made by jax.random.key.

        Returns:
            The state after dt. Differentiable in the parameters and the state.
        """
        time = state.time + self.dt
        heated = jnp.sum(state.ramp_sizes * _ramp(time, state.ramp_starts, self.ramp_duration))
        K = 10**state.y
        cooling_time = self.cooling_time * (K / 22) ** self.cooling_slope
        cooling = jax.nn.relu(1 - (self.floor / K) ** 2) / (math.log(10) * cooling_time)
        heating = 2 * jax.nn.relu(1 - state.y / self.ceiling) * (heated - state.heated)
        kept = jnp.exp(-self.dt / self.jitter_time)
        fresh = self.jitter * jnp.sqrt(1 - kept**2) * jax.random.normal(key, (), state.y.dtype)
        return eqx.tree_at(
            lambda s: (s.time, s.y, s.scatter, s.heated),
            state,
            (time, state.y - self.dt * cooling + heating, kept * state.scatter + fresh, heated),
        )


class Population(eqx.Module):
    """Histories of a synthetic population, and what made them.

    Attributes:
        t: times in Gyr, shape (n,).
        K0: measured entropy in keV cm^2, shape (c, n).
        K0_true: without scatter, shape (c, n).
        agn_rate: heating by the nucleus in dex/Gyr, before it is multiplied by what the core takes up, shape (c, n).
        mergers: their times and mass ratios, arrays of shape (c, m).
        effective: which of them heat, shape (c, m).
        spans: first and last time, shape (c, 2).
        overflow: whether a cluster had more mergers or episodes than places, shape (c,).
    """

    t: Float[Array, "n"]
    K0: Float[Array, "c n"]
    K0_true: Float[Array, "c n"]
    agn_rate: Float[Array, "c n"]
    mergers: MergerList
    effective: Bool[Array, "c m"]
    spans: Float[Array, "c 2"]
    overflow: Bool[Array, "c"]


def simulate_population(
    core: ClusterCore,
    num_clusters: int,
    *,
    key: PRNGKey,
    every: int = 1,
    num_steps: int | None = None,
    batch_size: int | None = None,
) -> Population:
    """Histories of independent clusters from 2.6 to 13.8 Gyr.

    Args:
        core: the parameters of all clusters.
        num_clusters: c.
        key: source of randomness; cluster i depends on it and i alone.
        every: steps from one recorded time to the next; must divide the number of steps, 11.2 Gyr / dt.
        num_steps: that number. Needed only where core.dt is traced.
        batch_size: clusters that are stepped at once, to bound memory; None takes all.

    Returns:
        The population. Differentiable in the parameters: K0, K0_true, agn_rate and the mergers' times.

    Raises:
        ValueError: the number of steps is not a whole multiple of `every`, or an option is out of range.

    Source: our stand-in for the simulated clusters of arXiv 2503.01969; its parameters are not the paper's.
    """
    _checks.require_integer("num_clusters", num_clusters, minimum=1)
    _checks.require_integer("every", every, minimum=1)
    _checks.require_key("key", key)
    if batch_size is not None:
        _checks.require_integer("batch_size", batch_size, minimum=1)
    if num_steps is None:
        if not _checks.is_concrete(core.dt):
            raise ValueError("num_steps must be given where core.dt is traced: 11.2 Gyr / dt")
        num_steps = max(1, round(DURATION / float(core.dt)))
    _checks.require_integer("num_steps", num_steps, minimum=1)
    if num_steps % every:
        raise ValueError(f"num_steps must be a multiple of every = {every}, got {num_steps}")
    with _checks.evaluated_now(core.dt):
        whole = jnp.abs(num_steps * core.dt - DURATION) <= 1e-4 * DURATION
    check = _checks.Check(
        whole, f"core.dt must divide {DURATION} Gyr", lambda: f"{num_steps} x {float(core.dt):.6g} Gyr"
    )
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(num_clusters))
    return _checks.enforce(_population(core, keys, num_steps, every, batch_size), check)


@eqx.filter_jit
def _population(core: ClusterCore, keys: Array, steps: int, every: int, batch_size: int | None) -> Population:
    def one(key: PRNGKey) -> tuple[Any, Any]:
        first, rest = jax.random.split(key)
        state = core.init(key=first)
        _, (y, scatter) = simulators.simulate(core, state, steps, key=rest, observe=_observed, every=every)
        y, scatter = (
            jnp.concatenate([start[None], later])
            for start, later in zip((state.y, state.scatter), (y, scatter), strict=True)
        )
        # Not the sum of all steps, whose rounding would add up.
        time = state.time + core.dt * every * jnp.arange(y.shape[0], dtype=y.dtype)
        half = every * core.dt / 2
        starts, sizes = state.nucleus_times, state.ramp_sizes[core.max_mergers :]
        edges = (_ramp(time[:, None] + shift, starts[None], core.ramp_duration) @ sizes for shift in (-half, half))
        before, after = edges
        return state, (time, y, y + scatter, (after - before) / (2 * half))

    state, (time, y, measured, rate) = (
        jax.vmap(one)(keys) if batch_size is None else jax.lax.map(one, keys, batch_size=batch_size)
    )
    inside = ~(state.merger_times >= START + DURATION)  # NaN stays to be seen
    end = jnp.asarray(START + DURATION, y.dtype)
    spans = jnp.broadcast_to(jnp.stack([time[0, 0], time[0, -1]]), (keys.shape[0], 2))
    effective = jnp.broadcast_to(jnp.arange(2 * core.max_mergers) < core.max_mergers, inside.shape)
    mergers = MergerList(jnp.where(inside, state.merger_times, end), inside, state.mass_ratios)
    return Population(time[0], 10**measured, 10**y, rate, mergers, effective & inside, spans, state.overflow)


def _observed(state: CoreState) -> tuple[Array, Array]:
    return state.y, state.scatter


def _ramp(time: Array, starts: Array, duration: Array) -> Array:
    """How much of each ramp is over, from 0 to 1."""
    return jnp.clip((time - starts) / duration, 0, 1)


def _arrivals(rate: Array, places: int, key: PRNGKey) -> Array:
    """Times of a Poisson process from the start on; long after the end at rate zero, with zero gradient there."""
    gaps = jnp.cumsum(jax.random.exponential(key, (places,), rate.dtype))
    none = rate == 0
    return START + jnp.where(none, 100 * DURATION, gaps / jnp.where(none, 1, rate))


_LEAST_RATIO, _RATIO_SLOPE = 0.01, -1.8
"""Mass ratios have a density as mu^-1.8 on [0.01, 1]."""


def _power_integral(exponent: Array) -> Array:
    """Integral of mu^exponent over the mass ratios; the exponent is below -1."""
    return (jnp.asarray(_LEAST_RATIO, exponent.dtype) ** (exponent + 1) - 1) / -(exponent + 1)


def _mean_power(kappa: Array) -> Array:
    """Mean of mu^kappa, the share of mergers that heat at p_c = 1."""
    slope = jnp.asarray(_RATIO_SLOPE, kappa.dtype)
    return _power_integral(slope + kappa) / _power_integral(slope)


def _mass_ratios(kappa: Array, uniform: Array) -> Array:
    """Mass ratios with a density as mu^(-1.8 + kappa), by the inverse of its distribution function."""
    power = _RATIO_SLOPE + kappa + 1
    least = jnp.asarray(_LEAST_RATIO, kappa.dtype) ** power
    return (least + uniform * (1 - least)) ** (1 / power)


@jax.jit
def _idle_mass_ratios(effective: Array, kappa: Array, uniform: Array) -> Array:
    """Mass ratios of mergers without effect, density as mu^-1.8 (1 - p_c mu^kappa), by bisection; no gradients."""
    p, k = jax.lax.stop_gradient((effective, kappa))

    def integral(log_mu: Array) -> Array:
        parts = []
        for power in (jnp.asarray(_RATIO_SLOPE + 1, k.dtype), _RATIO_SLOPE + 1 + k):
            least = jnp.asarray(_LEAST_RATIO, k.dtype) ** power
            parts.append((jnp.exp(power * log_mu) - least) / power)
        return parts[0] - p * parts[1]

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        below = integral(middle) < wanted
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    wanted = uniform * integral(jnp.zeros_like(k))
    ends = jnp.full_like(uniform, math.log(_LEAST_RATIO)), jnp.zeros_like(uniform)
    return jnp.exp(jax.lax.fori_loop(0, 30, halve, ends)[0])


def _converted(value: Any, dtype: Any) -> Array:
    with _checks.evaluated_now(value):
        return jnp.asarray(value, dtype)


def _parameter_check(name: str, x: Array) -> _checks.Check:
    if name == "effective":
        return _checks.within(name, x, 0, 1, "in [0, 1]")
    if name == "mass_exponent":
        return _checks.within(name, x, 0, 0.79, "in [0, 0.79]")
    if name in ("cooling_slope", "ramp_low", "ramp_high"):
        return _checks.finite(name, x)
    if name in ("dt", "cooling_time", "initial_entropy", "ramp_duration", "ceiling", "jitter_time"):
        return _checks.positive(name, x)
    return _checks.nonnegative(name, x)
