"""Mean-field theory of the multitasking Hebbian network: order parameters and free energies of its equilibrium.

It stands here and not with the simulator because nothing in it moves: it is the equilibrium of infinitely many neurons
at finitely many patterns, which the dynamics of `simulators.Hebbian` samples.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, Bool, Float, Int, PyTree, Real, RealScalar, Scalar
from entropax.thermodynamics.mean_field_states import hierarchical_state
from entropax.thermodynamics.site_averages import SiteLaw


class SelfConsistency(eqx.Module):
    """A solution of the self-consistency equations.

    Attributes:
        value: m, overlaps with the archetypes, shape (K,).
        signal_overlaps: n, overlaps with the examples, shape (K,); m itself when storing.
        free_energy: f per neuron.
        residual: largest |F(n) - n| at the last iteration.
        iterations: number of iterations made.
        converged: whether the residual is within the tolerance. Gradients of a solution that is not are NaN.
    """

    value: Float[Array, "patterns"]
    signal_overlaps: Float[Array, "patterns"]
    free_energy: Scalar
    residual: Scalar
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


class Equilibrium(eqx.Module):
    """The solution of lowest free energy among those reached from several starts.

    Attributes:
        value: m, shape (K,).
        free_energy: f per neuron.
        branch: the start it was reached from: j for the symmetric mixture of the first j + 1 patterns, K for the
            hierarchical one, K + 1 for overlaps that fall by little from pattern to pattern.
        converged: whether all of them converged.
    """

    value: Float[Array, "patterns"]
    free_energy: Scalar
    branch: Int[Array, ""]
    converged: Bool[Array, ""]


def self_consistency(
    start: Real[ArrayLike, "patterns"],
    temperature: RealScalar,
    law: SiteLaw,
    gains: Real[ArrayLike, "patterns"] | None = None,
    *,
    damping: RealScalar = 0.0,
    tolerance: float | None = None,
    max_iterations: int = 100_000,
) -> SelfConsistency:
    """Iterates n_mu = E[etahat^mu tanh(h / T)] / (1 + rho), h = sum_nu g_nu n_nu etahat^nu / (1 - d), from a start.

    The overlaps with the archetypes are m_mu = E[xi^mu tanh(h / T)], for both protocols of learning. At T = 0 the
    hyperbolic tangent is the sign, 0 at 0. Which solution is reached depends on the start: the hierarchical and the
    symmetric one lie in different basins; compare their `free_energy`. Entries equal at the start (and in gain) stay
    exactly equal where the law is exchangeable, as the equations say and rounding would not.

    Args:
        start: n at the start, shape (K,).
        temperature: T >= 0, in units where order sets in at 1.
        law: of the patterns and signals, from `site_law` or `empirical_site_law`.
        gains: g > 0, shape (K,), factors of the patterns' couplings; 1 by default.
        damping: share of the old value that an iteration keeps, in [0, 1).
        tolerance: of the residual; 32 machine epsilons by default. Near T = 1 the error is some 1 / |1 - T| times that.
        max_iterations: after which it stops without having converged.

    Returns:
        The solution. Differentiable in temperature, law and gains by the implicit function theorem, to any order and in
        both modes, where it converged; the gradient in the start is zero.

    Raises:
        ValueError: shapes do not fit, or a parameter is out of its range.

    Source: arXiv 2308.04106.
    """
    n, T, signals, kept = _checks.as_floats(start=start, temperature=temperature, law=law.signals, damping=damping)
    _checks.as_numbers(temperature=T, damping=kept)
    num_patterns = signals.shape[0]
    _checks.require_shape("start", n, (num_patterns,))
    g = _gains(gains, num_patterns, n.dtype)
    if tolerance is None:
        tolerance = 32 * float(jnp.finfo(n.dtype).eps)
    elif not tolerance > 0:
        raise ValueError(f"tolerance must be positive, got {tolerance}")
    _checks.require_integer("max_iterations", max_iterations, minimum=1)
    with _checks.evaluated_now(kept):
        damped = (kept >= 0) & (kept < 1)
    checks = (
        _checks.finite("start", n),
        _checks.nonnegative("temperature", T),
        _checks.positive("gains", g),
        _checks.Check(damped, "damping must be in [0, 1)", lambda: f"{kept}"),
    )
    T, g = _checks.enforce((T, g), *checks)
    control = kept, jnp.asarray(tolerance, n.dtype), jnp.asarray(max_iterations)
    return _solve(n, (T, law, g), control)


@jax.jit
def _solve(start: Array, parameters: PyTree, control: tuple[Array, Array, Array]) -> SelfConsistency:
    temperature, law, gains = parameters
    n, residual, iterations, converged = _fixed_point(start, parameters, control)
    activity = _activity(n, temperature, law, gains)
    m = law.archetypes @ (law.weights * activity)
    return SelfConsistency(m, n, _free_energy(n, temperature, law, gains), residual, iterations, converged)


def _fields(n: Array, law: SiteLaw, gains: Array) -> Array:
    """h = sum_nu g_nu n_nu etahat^nu / (1 - d), at every point."""
    return (gains * n) @ law.signals / (1 - law.dilution)


def _activity(n: Array, temperature: Array, law: SiteLaw, gains: Array) -> Array:
    """tanh(h / T), the sign of h at T = 0."""
    field = _fields(n, law, gains)
    cold = temperature == 0
    # Terms that cancel leave rounding errors, whose sign is none.
    rounding = 4 * n.size * jnp.finfo(field.dtype).eps * (jnp.abs(gains * n) @ jnp.abs(law.signals))
    sign = jnp.where(jnp.abs(field) * (1 - law.dilution) > rounding, jnp.sign(field), 0)
    return jnp.where(cold, sign, jnp.tanh(field / jnp.where(cold, 1, temperature)))


def _map(n: Array, parameters: PyTree) -> Array:
    """F(n), whose fixed points are the solutions."""
    temperature, law, gains = parameters
    return law.signals @ (law.weights * _activity(n, temperature, law, gains)) / (1 + law.noise)


@jax.custom_jvp
def _fixed_point(
    start: Array, parameters: PyTree, control: tuple[Array, Array, Array]
) -> tuple[Array, Array, Array, Array]:
    damping, tolerance, most = control
    _, law, gains = parameters
    alike = (start[:, None] == start[None]) & (gains[:, None] == gains[None])
    if not law.exchangeable:
        alike = jnp.eye(start.shape[0], dtype=bool)
    groups = alike.astype(start.dtype)
    groups = groups / jnp.sum(groups, axis=1, keepdims=True)

    def proceed(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        n, _, iteration = carry
        image = groups @ _map(n, parameters)
        return damping * n + (1 - damping) * image, jnp.max(jnp.abs(image - n)), iteration + 1

    def unfinished(carry: tuple[Array, Array, Array]) -> Array:
        _, residual, iteration = carry
        return (residual > tolerance) & (iteration < most)

    begin = start, jnp.full((), jnp.inf, start.dtype), jnp.zeros_like(most)
    n, residual, iterations = jax.lax.while_loop(unfinished, proceed, begin)
    return n, residual, iterations, residual <= tolerance


@_fixed_point.defjvp
def _fixed_point_rule(primals: tuple[Array, PyTree, PyTree], tangents: tuple[Array, PyTree, PyTree]) -> Any:
    """(1 - dF/dn) dn = dF/dparameters; of the map itself, whose symmetry is not imposed on perturbations."""
    start, parameters, control = primals
    n, residual, iterations, converged = _fixed_point(start, parameters, control)
    slope = jax.jacfwd(_map)(n, parameters)
    _, change = jax.jvp(lambda p: _map(n, p), (parameters,), (tangents[1],))
    eye = jnp.eye(n.shape[0], dtype=n.dtype)
    # The inverse, and a product that is linear in the tangent: the ordered solve is not.
    moved = _lapack.solve(eye - slope, eye) @ change * jnp.where(converged, 1.0, jnp.nan).astype(n.dtype)
    none = lambda x: np.zeros(x.shape, jax.dtypes.float0)  # noqa: E731
    tangent = moved, jnp.zeros_like(residual), none(iterations), none(converged)
    return (n, residual, iterations, converged), tangent


def mean_field_free_energy(
    signal_overlaps: Real[ArrayLike, "patterns"],
    temperature: RealScalar,
    law: SiteLaw,
    gains: Real[ArrayLike, "patterns"] | None = None,
) -> Scalar:
    """f(n) = (1 + rho) sum_mu g_mu n_mu^2 / (2 (1 - d)) - T E log 2 cosh(h / T), with h as in `self_consistency`.

    Per neuron. Its stationary points are the self-consistent n. For the unsupervised rule it is f along overlaps that
    are the same for all examples of a pattern, where its relevant stationary points lie.

    Args:
        signal_overlaps: n, shape (K,); overlaps with the archetypes when storing.
        temperature: T >= 0; at 0, f is the energy.
        law: of the patterns and signals.
        gains: g > 0, shape (K,); 1 by default.

    Returns:
        f. Differentiable in all arrays; at T = 0 not where a field vanishes.

    Raises:
        ValueError: shapes do not fit, the temperature is negative, or an entry is not finite.

    Source: arXiv 2308.04106.
    """
    n, T, signals = _checks.as_floats(signal_overlaps=signal_overlaps, temperature=temperature, law=law.signals)
    _checks.as_numbers(temperature=T)
    _checks.require_shape("signal_overlaps", n, (signals.shape[0],))
    g = _gains(gains, signals.shape[0], n.dtype)
    checks = (
        _checks.finite("signal_overlaps", n),
        _checks.nonnegative("temperature", T),
        _checks.positive("gains", g),
    )
    n, T, g = _checks.enforce((n, T, g), *checks)
    return _free_energy(n, T, law, g)


@jax.jit
def _free_energy(n: Array, temperature: Array, law: SiteLaw, gains: Array) -> Array:
    field = _fields(n, law, gains)
    cold = temperature == 0
    scaled = field / jnp.where(cold, 1, temperature)
    # T log 2 cosh(h / T) tends to |h| and is even and smooth in h where T > 0.
    potential = jnp.where(cold, jnp.abs(field), temperature * jnp.logaddexp(scaled, -scaled))
    return (1 + law.noise) * jnp.sum(gains * n**2) / (2 * (1 - law.dilution)) - law.weights @ potential


def equilibrium_state(
    temperature: RealScalar,
    law: SiteLaw,
    *,
    tolerance: float | None = None,
    max_iterations: int = 100_000,
) -> Equilibrium:
    """The state of lowest free energy among those that symmetric, hierarchical and graded starts lead to.

    Args:
        temperature: T >= 0, in units where order sets in at 1.
        law: of the patterns and signals.
        tolerance: as in `self_consistency`.
        max_iterations: as in `self_consistency`.

    Returns:
        The state; over a grid of temperatures and dilutions, by jax.vmap, the phase diagram. Differentiable in
        temperature and law within a phase.

    Raises:
        ValueError: the temperature is no number or negative.

    Source: arXiv 2308.04106.
    """
    (T,) = _checks.as_numbers(temperature=temperature)
    num_patterns = law.signals.shape[0]
    dtype = law.signals.dtype
    count = jnp.arange(1, num_patterns + 1)
    symmetric = jnp.where(count[None] <= count[:, None], 1 / count[:, None].astype(dtype), 0)
    first = hierarchical_state(jax.lax.stop_gradient(law.dilution), num_patterns=num_patterns)
    # The majority of three patterns and its kin: no pattern outweighs the others together.
    graded = 1 - 0.4 * jnp.arange(num_patterns, dtype=dtype) / max(num_patterns - 1, 1)
    starts = jnp.concatenate([symmetric, first[None].astype(dtype), graded[None] / num_patterns])
    solve = lambda start: self_consistency(  # noqa: E731
        start, T, law, tolerance=tolerance, max_iterations=max_iterations
    )
    solutions = jax.vmap(solve)(starts)
    # Branches that lead to one state differ by rounding: the earlier one is taken.
    close = 64 * jnp.finfo(dtype).eps
    branch = jnp.argmax(solutions.free_energy <= jnp.min(solutions.free_energy) + close)
    return Equilibrium(solutions.value[branch], solutions.free_energy[branch], branch, jnp.all(solutions.converged))


def _gains(gains: Real[ArrayLike, "patterns"] | None, num_patterns: int, dtype: jnp.dtype) -> Array:
    if gains is None:
        return jnp.ones((num_patterns,), dtype)
    g = _checks.as_float("gains", gains).astype(dtype)
    _checks.require_shape("gains", g, (num_patterns,))
    return g
