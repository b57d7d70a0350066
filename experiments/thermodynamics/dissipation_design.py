"""Designing dissipation: gradient descent through a simulation and an estimator of entropy production.

Two designs. A swimmer in a trap (v0 and the trap's stiffness) is given a prescribed entropy production rate and size.
Two swimmers on a ring are given an activity profile v0(x) that dissipates most at a fixed mean of v0(x)^2 over the
ring (not at a fixed mean active power, which is eps times the rate). Every gradient is that of a simulated trajectory:
simulate, observe the drift, estimate the rate without a score, differentiate.

Horizon. The gradient forgets the start as fast as the dynamics does. In the trap that is 1 / min(A, gamma); on the
ring the slowest relaxation takes about 20 time units, so the horizon is 40 and more, half of it run before the first
observation. The ring's repulsion contracts and its free flight is neutral: nothing grows exponentially, and longer
horizons cost only memory (square root of the steps) and variance. In dense two-dimensional systems collisions make
trajectories chaotic, and the horizon must stay below their Lyapunov time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import simulators, thermodynamics, training
from experiments.claims import Bounds, Claim, Estimate, Near, WithinErrors
from experiments.figures import label, new_figure
from experiments.running import Result, stage
from experiments.thermodynamics import _ring_reference

if TYPE_CHECKING:
    import xarray

SLUG = "dissipation-design"
TITLE = "Designing dissipation: gradient descent through simulation to an entropy production rate"
ARXIV = ""


@dataclass(frozen=True)
class TrapConfig:
    """A swimmer in a one-dimensional trap.

    Attributes:
        speed: v0 at the start.
        stiffness: A at the start.
        persistence: gamma.
        noise: eps.
        target_rate: the prescribed entropy production rate, nats per unit time.
        target_size: the prescribed mean of x^2.
        chains: independent copies.
        dt: time step (the step is exact).
        burn_in: steps before the first observation, inside the gradient's horizon.
        observed: steps after that.
        every: steps between observations.
        iterations: optimiser steps.
        learning_rate: of Adam, in the logarithms of v0 and A.
        gradient_repeats: independent estimates of the gradient at the start.
    """

    speed: float = 0.5
    stiffness: float = 0.7
    persistence: float = 0.3
    noise: float = 0.2
    target_rate: float = 1.0
    target_size: float = 1.5
    chains: int = 2000
    dt: float = 0.5
    burn_in: int = 80
    observed: int = 80
    every: int = 8
    iterations: int = 150
    learning_rate: float = 0.05
    gradient_repeats: int = 16


@dataclass(frozen=True)
class RingConfig:
    """Two swimmers on a ring with a profile v0(x) = sum_k c_k cos(k pi x / W), normalised to a mean square.

    Attributes:
        mean_square: mean of v0(x)^2 over the ring; 0.0625 is that of the uniform v0 = 0.25.
        modes: number of cosines past the constant.
        chains: independent copies.
        dt: time step.
        horizon: time that the gradient reaches back.
        every: steps between observations.
        iterations: optimiser steps.
        learning_rate: of Adam, in the coefficients.
        horizons: times for the figure of the gradient against its horizon.
        gradient_repeats: independent estimates of each gradient.
        difference_chains: copies in the check against finite differences.
        difference_horizon: time of that check.
        reference_cells: finite volumes of the reference.
    """

    mean_square: float = 0.0625
    modes: int = 4
    chains: int = 2000
    dt: float = 0.02
    horizon: float = 40.0
    every: int = 20
    iterations: int = 60
    learning_rate: float = 0.08
    horizons: tuple[float, ...] = (5.0, 10.0, 20.0, 40.0, 80.0)
    gradient_repeats: int = 6
    difference_chains: int = 64
    difference_horizon: float = 20.0
    reference_cells: int = 256


@dataclass(frozen=True)
class Config:
    """Both designs.

    Attributes:
        trap: the swimmer in a trap.
        ring: the two swimmers on a ring.
    """

    trap: TrapConfig = field(default_factory=TrapConfig)
    ring: RingConfig = field(default_factory=RingConfig)


PRESETS: dict[str, Config] = {
    "smoke": Config(
        TrapConfig(chains=100, burn_in=16, observed=16, iterations=3, gradient_repeats=2),
        RingConfig(
            chains=50,
            horizon=2.0,
            iterations=2,
            horizons=(1.0, 2.0),
            gradient_repeats=2,
            difference_chains=8,
            difference_horizon=2.0,
            reference_cells=128,
        ),
    ),
    "default": Config(),
    "full": Config(
        TrapConfig(chains=20_000, gradient_repeats=64),
        RingConfig(
            modes=8,
            chains=20_000,
            dt=0.01,
            horizon=80.0,
            every=40,
            iterations=200,
            horizons=(5.0, 10.0, 20.0, 40.0, 80.0, 160.0),
            gradient_repeats=16,
        ),
    ),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("trap: d rate / d v0", 1.5, "closed form 2 v0 gamma / (eps (A + gamma))", Near(relative=0.02)),
    Claim("trap: rate of the design", 1.0, "closed form v0^2 gamma / (eps (A + gamma))", Near(relative=0.02)),
    Claim("trap: size of the design", 1.5, "closed form eps / A + v0^2 / (A (A + gamma))", Near(relative=0.02)),
    Claim("ring: gradient against finite differences", 0.0, "same noise, float64", Near(absolute=1e-4)),
    Claim("ring: gradient against the steady state's", 0.0, "finite volumes x Hermite", WithinErrors(2.0, 0.05)),
    Claim("ring: rate of the design over that of uniform activity", "above 1", "finite volumes", Bounds(lower=1.0)),
    Claim("ring: rate of the design over the best one", 1.0, "BFGS on finite volumes", Near(relative=0.02)),
)


# -------------------------------------------------------------------------------------------------------------- trap


def observe_state(state: jax.Array) -> jax.Array:
    """The whole state."""
    return state


def trap_statistics(log_parameters: jax.Array, config: TrapConfig, *, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Entropy production rate and mean of x^2 of the trapped swimmer, estimated from one simulation.

    Args:
        log_parameters: (log v0, log A), shape (2,).
        config: sizes.
        key: source of randomness.

    Returns:
        Both numbers; differentiable in the parameters.
    """
    speed, stiffness = jnp.exp(log_parameters)
    gamma = config.persistence
    drift_matrix = jnp.array([[1.0, 0.0], [0.0, 0.0]]) * stiffness - jnp.array([[0.0, 1.0], [0.0, 0.0]]) * speed
    drift_matrix = drift_matrix + jnp.array([[0.0, 0.0], [0.0, gamma]])
    diffusion = jnp.array([config.noise, gamma])
    system = simulators.LinearLangevin(drift_matrix, diffusion, dt=config.dt)
    start_key, burn_key, observe_key = jax.random.split(key, 3)
    state = jax.random.normal(start_key, (config.chains, 2))
    state, _ = simulators.simulate(system, state, config.burn_in, key=burn_key, observe=None)
    _, states = simulators.simulate(
        system, state, config.observed, key=observe_key, observe=observe_state, every=config.every
    )
    states = states.reshape(-1, 2)
    slopes = jnp.broadcast_to(-jnp.diag(drift_matrix), states.shape)
    rate = thermodynamics.score_free_entropy_production(system.drift(states), slopes, diffusion)
    return rate.value, jnp.mean(states[:, 0] ** 2)


class _TrapUpdate(eqx.Module):
    """One step of Adam on the squared logarithmic errors of rate and size."""

    config: TrapConfig = eqx.field(static=True)

    def optimizer(self) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(self.config.learning_rate, self.config.iterations, 0.02))

    def __call__(self, state: Any, batch: Any, *, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        def loss(parameters: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            rate, size = trap_statistics(parameters, self.config, key=key)
            # Away from the target the estimate can be negative: compare on the target's scale.
            errors = rate / self.config.target_rate - 1, size / self.config.target_size - 1
            return errors[0] ** 2 + errors[1] ** 2, (rate, size)

        parameters, memory = state
        (value, (rate, size)), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
        updates, memory = self.optimizer().update(gradient, memory)
        parameters = optax.apply_updates(parameters, updates)
        return (parameters, memory), {"loss": value, "rate": rate, "size": size}


def _no_batch(step: jax.Array, *, key: jax.Array) -> None:
    del step, key


@eqx.filter_jit
def _trap_gradients(log_parameters: jax.Array, config: TrapConfig, keys: jax.Array) -> jax.Array:
    """d rate / d v0 for every key, shape (repeats,)."""

    def rate(parameters: jax.Array, key: jax.Array) -> jax.Array:
        return trap_statistics(parameters, config, key=key)[0]

    # One after another: a batch of them would hold every trajectory at once.
    gradients = jax.lax.map(lambda key: jax.grad(rate)(log_parameters, key), keys)
    return gradients[:, 0] / jnp.exp(log_parameters[0])  # d/dv0 = (d/dlog v0) / v0


def closed_forms(config: TrapConfig, speed: float, stiffness: float) -> tuple[float, float]:
    """Rate and mean of x^2 of the trapped swimmer."""
    total = stiffness + config.persistence
    rate = speed**2 * config.persistence / (config.noise * total)
    return rate, config.noise / stiffness + speed**2 / (stiffness * total)


def design_trap(config: TrapConfig, *, key: jax.Array, checkpoint_dir: Path) -> dict[str, Any]:
    """Checks the gradient at the start and descends to the target."""
    gradient_key, run_key = jax.random.split(key)
    start = jnp.log(jnp.array([config.speed, config.stiffness]))
    gradients = np.asarray(_trap_gradients(start, config, jax.random.split(gradient_key, config.gradient_repeats)))
    update = _TrapUpdate(config)
    result = training.run(
        update,
        (start, update.optimizer().init(start)),
        _no_batch,
        steps=config.iterations,
        key=run_key,
        steps_per_call=min(10, config.iterations),
        checkpoint_dir=checkpoint_dir / "trap",
        description="trap design",
    )
    speed, stiffness = np.exp(np.asarray(result.state[0]))
    rate, size = closed_forms(config, float(speed), float(stiffness))
    return {
        "gradient": Estimate(gradients.mean(), gradients.std(ddof=1) / np.sqrt(gradients.size)),
        "speed": float(speed),
        "stiffness": float(stiffness),
        "rate": rate,
        "size": size,
        "history": result.history,
    }


# -------------------------------------------------------------------------------------------------------------- ring


class ActivityProfile(eqx.Module):
    """v0(x) = N sum_k c_k cos(k pi x / W), with N such that the mean of v0^2 over the ring is fixed.

    Attributes:
        coefficients: c, shape (modes + 1,); their scale does not matter.
        mean_square: mean of v0^2 over the ring.
        half_width: W.
    """

    coefficients: jax.Array
    mean_square: float = eqx.field(static=True)
    half_width: float = eqx.field(static=True)

    def __call__(self, x: jax.Array) -> jax.Array:
        """The activity at positions of any shape."""
        c = self.coefficients
        waves = jnp.cos(jnp.arange(c.size, dtype=x.dtype) * (jnp.pi / self.half_width) * x[..., None])
        norm = jnp.sqrt(self.mean_square / (c[0] ** 2 + jnp.sum(c[1:] ** 2) / 2))
        return norm * waves @ c


def reference_profile(coefficients: np.ndarray, config: RingConfig, half_width: float) -> Callable:
    """The same profile in numpy, for the reference solution."""
    c = np.asarray(coefficients, np.float64)
    norm = np.sqrt(config.mean_square / (c[0] ** 2 + np.sum(c[1:] ** 2) / 2))
    return lambda x: norm * np.cos(np.arange(c.size) * np.pi / half_width * np.asarray(x)[..., None]) @ c


def ring_rate(
    coefficients: jax.Array,
    start: jax.Array,
    config: RingConfig,
    horizon: float,
    *,
    key: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Entropy production rate over the second half of a simulation, and the last state.

    Args:
        coefficients: of the activity profile, shape (modes + 1,).
        start: states (x, g), shape (chains, 2).
        config: sizes.
        horizon: time simulated.
        key: source of randomness.

    Returns:
        The rate, differentiable in the coefficients, and the states at the end.
    """
    half_width = 8.0
    profile = ActivityProfile(coefficients, config.mean_square, half_width)
    system = simulators.ActiveRing(profile, half_width=jnp.asarray(half_width, start.dtype), dt=config.dt)
    every = min(config.every, max(1, round(horizon / config.dt / 4)))
    steps = round(horizon / config.dt / 2 / every) * every
    first_key, second_key = jax.random.split(key)
    state, _ = simulators.simulate(system, start, steps, key=first_key, observe=None)
    state, states = simulators.simulate(system, state, steps, key=second_key, observe=observe_state, every=every)
    states = states.reshape(-1, 2)
    rate = thermodynamics.score_free_entropy_production(
        system.drift(states), system.drift_divergence(states), system.diffusion
    )
    return rate.value, state


_ring_gradient = eqx.filter_jit(jax.value_and_grad(ring_rate, has_aux=True))
_ring_value = eqx.filter_jit(ring_rate)


class _RingUpdate(eqx.Module):
    """One step of Adam up the rate; the chains go on from where they are."""

    config: RingConfig = eqx.field(static=True)

    def optimizer(self) -> optax.GradientTransformation:
        return optax.adam(optax.cosine_decay_schedule(self.config.learning_rate, self.config.iterations, 0.05))

    def __call__(self, state: Any, batch: Any, *, key: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        coefficients, chains, memory = state
        (rate, chains), gradient = jax.value_and_grad(ring_rate, has_aux=True)(
            coefficients, chains, self.config, self.config.horizon, key=key
        )
        updates, memory = self.optimizer().update(-gradient, memory)
        coefficients = jnp.asarray(optax.apply_updates(coefficients, updates))
        norm = jnp.sqrt(coefficients[0] ** 2 + jnp.sum(coefficients[1:] ** 2) / 2)
        return (coefficients / norm, chains, memory), {"rate": rate, "gradient": jnp.linalg.norm(gradient)}


def _reference_rate(coefficients: np.ndarray, config: RingConfig) -> float:
    profile = reference_profile(coefficients, config, 8.0)
    return _ring_reference.solve_ring(profile, num_cells=config.reference_cells, num_modes=20).entropy_production


def _uniform(config: RingConfig) -> np.ndarray:
    return np.concatenate([[1.0], np.zeros(config.modes)])


def difference_check(config: RingConfig, *, key: jax.Array) -> tuple[float, np.ndarray, np.ndarray]:
    """The simulated gradient against central differences with the same noise, in float64.

    Returns:
        The norm of the difference over that of the gradient, the gradient, and the differences.
    """
    with jax.enable_x64(True):
        system = simulators.ActiveRing(0.25, half_width=jnp.asarray(8.0, jnp.float64))
        start = system.init(key=jax.random.fold_in(key, 0), shape=(config.difference_chains,))
        noise = jax.random.fold_in(key, 1)
        at = jnp.asarray(_uniform(config) + 0.1, jnp.float64)  # off the symmetric point, where some slopes vanish
        (_, _), gradient = _ring_gradient(at, start, config, config.difference_horizon, key=noise)
        step = 1e-6
        differences = [
            float(
                _ring_value(at + step * e, start, config, config.difference_horizon, key=noise)[0]
                - _ring_value(at - step * e, start, config, config.difference_horizon, key=noise)[0]
            )
            / (2 * step)
            for e in np.eye(at.size)
        ]
        found = np.asarray(gradient)
    return float(np.linalg.norm(found - differences) / np.linalg.norm(differences)), found, np.asarray(differences)


def reference_gradient(config: RingConfig, at: np.ndarray) -> np.ndarray:
    """Gradient of the steady state's rate, by central differences of the finite-volume solution."""
    step = 1e-4
    slopes = [_reference_rate(at + step * e, config) - _reference_rate(at - step * e, config) for e in np.eye(at.size)]
    return np.asarray(slopes) / (2 * step)


def gradients_by_horizon(config: RingConfig, chains: jax.Array, *, key: jax.Array) -> tuple[np.ndarray, np.ndarray]:
    """The simulated gradient at uniform activity for growing horizons.

    Returns:
        Means and standard errors, shape (horizons, modes + 1).
    """
    at = jnp.asarray(_uniform(config), chains.dtype)
    means, errors = [], []
    for i, horizon in enumerate(config.horizons):
        rows = []
        for j in range(config.gradient_repeats):
            noise = jax.random.fold_in(jax.random.fold_in(key, i), j)
            (_, chains), gradient = _ring_gradient(at, chains, config, horizon, key=noise)
            rows.append(np.asarray(gradient))
        means.append(np.mean(rows, axis=0))
        errors.append(np.std(rows, axis=0, ddof=1) / np.sqrt(len(rows)))
    return np.asarray(means), np.asarray(errors)


def best_profile(config: RingConfig) -> tuple[np.ndarray, float]:
    """The profile that dissipates most, by quasi-Newton on the finite-volume solution."""
    from scipy.optimize import minimize

    found = minimize(lambda c: -_reference_rate(c, config), _uniform(config) + 0.05, method="BFGS", tol=1e-6)
    return found.x, -float(found.fun)


def design_ring(config: RingConfig, *, key: jax.Array, checkpoint_dir: Path) -> dict[str, Any]:
    """Checks the gradients and ascends to the most dissipating profile."""
    keys = jax.random.split(key, 5)
    with stage("check the gradient against finite differences"):
        mismatch, _, _ = difference_check(config, key=keys[0])
    uniform = _uniform(config)
    system = simulators.ActiveRing(float(np.sqrt(config.mean_square)), dt=config.dt)
    chains = system.init(key=keys[1], shape=(config.chains,))
    burn_in = round(max(config.horizons) / config.dt)
    chains, _ = simulators.simulate(system, chains, burn_in, key=keys[2], observe=None)
    with stage("gradient against its horizon"):
        gradients, errors = gradients_by_horizon(config, chains, key=keys[3])
        exact = reference_gradient(config, uniform)
    with stage("design the activity profile"):
        update = _RingUpdate(config)
        start = jnp.asarray(uniform, chains.dtype)
        result = training.run(
            update,
            (start, chains, update.optimizer().init(start)),
            _no_batch,
            steps=config.iterations,
            key=keys[4],
            steps_per_call=min(5, config.iterations),
            checkpoint_dir=checkpoint_dir / "ring",
            description="ring design",
        )
        coefficients = np.asarray(result.state[0], np.float64)
    with stage("reference solutions"):
        best, best_rate = best_profile(config)
    # Along the exact gradient, where one number and one error say it all.
    direction = exact / np.linalg.norm(exact)
    along = gradients[-1] @ direction / np.linalg.norm(exact) - 1
    along_error = np.sqrt(np.sum((errors[-1] * direction) ** 2)) / np.linalg.norm(exact)
    return {
        "mismatch": mismatch,
        "along": Estimate(along, along_error),
        "gradients": gradients,
        "errors": errors,
        "exact": exact,
        "coefficients": coefficients,
        "best": best,
        "rate": _reference_rate(coefficients, config),
        "uniform_rate": _reference_rate(uniform, config),
        "best_rate": best_rate,
        "history": result.history,
    }


# --------------------------------------------------------------------------------------------------------------- run


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs both designs.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the optimisations' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    trap_key, ring_key = jax.random.split(key)
    with stage("design the trap"):
        trap = design_trap(config.trap, key=trap_key, checkpoint_dir=checkpoint_dir)
    ring = design_ring(config.ring, key=ring_key, checkpoint_dir=checkpoint_dir)
    measured = {
        "trap: d rate / d v0": trap["gradient"],
        "trap: rate of the design": trap["rate"],
        "trap: size of the design": trap["size"],
        "ring: gradient against finite differences": ring["mismatch"],
        "ring: gradient against the steady state's": ring["along"],
        "ring: rate of the design over that of uniform activity": ring["rate"] / ring["uniform_rate"],
        "ring: rate of the design over the best one": ring["rate"] / ring["best_rate"],
    }
    data = _dataset(config, trap, ring)
    return Result(measured=measured, data=data, figure=lambda: _draw(config, data))


def _dataset(config: Config, trap: dict[str, Any], ring: dict[str, Any]) -> "xarray.Dataset":
    import xarray

    x = np.linspace(0.0, 16.0, 257)
    profiles, densities = [], []
    for coefficients in (_uniform(config.ring), ring["coefficients"], ring["best"]):
        profile = reference_profile(coefficients, config.ring, 8.0)
        solution = _ring_reference.solve_ring(profile, num_cells=config.ring.reference_cells, num_modes=20)
        values = profile(x)
        profiles.append(values if values.sum() > 0 else -values)  # the sign of v0 is that of g: no difference
        densities.append(np.interp(x, solution.x, solution.marginal, period=16.0))
    return xarray.Dataset(
        {
            "trap_rate": ("iteration", trap["history"]["rate"], {"units": "nats per unit time"}),
            "trap_size": ("iteration", trap["history"]["size"], {"units": "length^2"}),
            "ring_rate": ("ascent", ring["history"]["rate"], {"units": "nats per unit time"}),
            "gradient": (("horizon", "mode"), ring["gradients"], {"units": "nats per unit time"}),
            "gradient_error": (("horizon", "mode"), ring["errors"], {"units": "nats per unit time"}),
            "reference_gradient": ("mode", ring["exact"], {"units": "nats per unit time"}),
            "activity": (("design", "x"), np.asarray(profiles), {"units": "length per unit time"}),
            "density": (("design", "x"), np.asarray(densities), {"units": "1 / length"}),
            "coefficients": ("mode", ring["coefficients"], {"units": "1"}),
        },
        coords={
            "x": ("x", x, {"units": "length"}),
            "horizon": ("horizon", np.asarray(config.ring.horizons), {"units": "time"}),
            "design": ["uniform", "by gradient", "best"],
        },
        attrs={
            "trap_speed": trap["speed"],
            "trap_stiffness": trap["stiffness"],
            "ring_rate_uniform": ring["uniform_rate"],
            "ring_rate_design": ring["rate"],
            "ring_rate_best": ring["best_rate"],
        },
    )


def _draw(config: Config, data: "xarray.Dataset") -> Any:
    figure, axes = new_figure(2, 2, height=2.9, width=8.4)
    (trap, gradient), (ascent, profile) = axes
    trap.plot(data.trap_rate, marker="", label="rate")
    trap.plot(data.trap_size, marker="", label=r"$\langle x^2\rangle$")
    for target in (config.trap.target_rate, config.trap.target_size):
        trap.axhline(target, color="0.6", lw=0.8, ls=":")
    trap.set(
        title="Trap: to a given rate and size",
        xlabel="iteration",
        ylabel="estimate (nats / time, length²)",
    )
    trap.legend()
    for mode in range(1, min(4, data.sizes["mode"])):
        line = gradient.errorbar(
            data.horizon, data.gradient[:, mode], 2 * data.gradient_error[:, mode], capsize=2, label=f"$c_{mode}$"
        )
        gradient.axhline(float(data.reference_gradient[mode]), color=line[0].get_color(), lw=0.8, ls=":")
    gradient.set(
        title="Ring: d rate / d c at uniform activity",
        xlabel=label("horizon of the gradient", "time") + "; bars: 2 s.e.\ndotted: steady state, finite volumes",
        ylabel=label("gradient", "nats / time"),
        xscale="log",
    )
    gradient.set_xticks(config.ring.horizons, [f"{horizon:g}" for horizon in config.ring.horizons])
    gradient.minorticks_off()
    gradient.legend(ncols=3)
    ascent.plot(data.ring_rate, marker="", label="simulated")
    ascent.axhline(data.attrs["ring_rate_best"], color="0.3", lw=0.9, ls="--", label="best, finite volumes")
    ascent.axhline(data.attrs["ring_rate_uniform"], color="0.3", lw=0.9, ls=":", label="uniform, finite volumes")
    ascent.set(title="Ring: ascent of the rate", xlabel="iteration", ylabel=label("rate", "nats / time"))
    ascent.legend()
    for row, style in enumerate((":", "-", "--")):
        name = str(data.design[row].values)
        profile.plot(data.x, data.activity[row], ls=style, marker="", label=f"$v_0$, {name}")
    profile.fill_between(data.x, 0, data.density[1], color="0.85", lw=0, label="density of the design (1 / length)")
    profile.set(
        title=f"Ring: activity at fixed mean of $v_0^2$ = {config.ring.mean_square}",
        xlabel=label("distance $x$", "length"),
        ylabel=label("$v_0$", "length / time"),
    )
    profile.legend(fontsize=7)
    return figure
