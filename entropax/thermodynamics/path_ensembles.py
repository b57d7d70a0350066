"""Ensembles of paths: process free energies, whose derivatives are path averages and their covariances.

Maximum entropy on paths tilts a process by observables of its steps. Here multipliers carry the sign of large
deviations, path weight exp(+lam . A); those of states (`information.maximum_entropy`) have the sign of equilibrium.
Of the free energy F(lam) = log <exp(sum_t lam_t . J_t)> the gradient is the mean of J_t in the tilted process, and the
Hessian its covariance: the Gibbs-Maxwell relation, which is Green and Kubo's at any lam, not only near equilibrium
(arXiv 1105.5662). The Legendre transform F - lam . <J> = -KL(tilted || untilted) is minus the caliber.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, Scalar
from entropax.information._numerics import weighted_exp, weighted_logsumexp
from entropax.thermodynamics.jump_processes import connected, off_diagonal, require_rates

_Checked = tuple[_checks.Check, ...]

# ----------------------------------------------------------------------------------------------------- discrete time


def _steps(observable: Array, multipliers: Array, name: str) -> tuple[Array, Array]:
    """J as (k, n, n) and lam with a last axis of k."""
    if observable.ndim == 2:
        return observable[None], multipliers[..., None]
    if multipliers.ndim == 0 or multipliers.shape[-1] != observable.shape[0]:
        raise ValueError(
            f"{name} must have one entry on its last axis for each of {observable.shape[0]} observables, "
            f"got shape {multipliers.shape}"
        )
    return observable, multipliers


def _process(transition: Any, initial: Any, observable: Any, multipliers: Any) -> tuple[tuple[Array, ...], _Checked]:
    T, p0, J, lam = _checks.as_floats(
        transition=transition, initial=initial, observable=observable, multipliers=multipliers
    )
    if T.ndim not in (2, 3) or T.shape[-1] != T.shape[-2] or T.shape[-1] < 1:
        raise ValueError(f"transition must have shape (n, n) or (t, n, n), got {T.shape}")
    _checks.require_shape("initial", p0, T.shape[-1:])
    if J.ndim not in (2, 3) or J.shape[-2:] != T.shape[-2:]:
        n = T.shape[-1]
        raise ValueError(f"observable must have shape ({n}, {n}) or (k, {n}, {n}), got {J.shape}")
    if lam.ndim != J.ndim - 1 or lam.shape[0] < 1 or (T.ndim == 3 and lam.shape[0] != T.shape[0]):
        wanted = "(t,)" if J.ndim == 2 else "(t, k)"
        raise ValueError(f"multipliers must have shape {wanted}, one row a step, got {lam.shape}")
    _steps(J, lam, "multipliers")
    rows = _checks.distribution("transition", T)
    checks = (
        rows._replace(ok=jnp.all(rows.ok)),
        _checks.distribution("initial", p0),
        _checks.finite("observable", J),
        _checks.finite("multipliers", lam),
    )
    return (T, p0, J, lam), checks


@jax.jit
def _free_energy(T: Array, p0: Array, J: Array, lam: Array) -> Array:
    J, lam = _steps(J, lam, "multipliers")
    driven = T.ndim == 3

    def exponents(lam: Array) -> Array:
        return jnp.tensordot(lam, J, axes=1)

    def step(log_weights: Array, inputs: tuple[Array, ...]) -> tuple[Array, None]:
        lam, *kernel = inputs
        return weighted_logsumexp(log_weights[:, None] + exponents(lam), kernel[0] if driven else T), None

    first = T[0] if driven else T
    log_weights = weighted_logsumexp(exponents(lam[0]), p0[:, None] * first)
    rest = (lam[1:], T[1:]) if driven else (lam[1:],)
    # Reverse mode keeps one vector a step and recomputes the n x n terms.
    log_weights, _ = jax.lax.scan(jax.checkpoint(step, prevent_cse=False), log_weights, rest)
    return weighted_logsumexp(log_weights[:, None], jnp.ones_like(log_weights)[:, None])[0]


_mean = jax.jit(jax.grad(_free_energy, argnums=3))
_covariance = jax.jit(jax.hessian(_free_energy, argnums=3))


def process_free_energy(
    transition: Real[ArrayLike, "n n"] | Real[ArrayLike, "t n n"],
    initial: Real[ArrayLike, "n"],
    observable: Real[ArrayLike, "n n"] | Real[ArrayLike, "k n n"],
    multipliers: Real[ArrayLike, "t"] | Real[ArrayLike, "t k"],
) -> Scalar:
    """Free energy of a tilted process, F = log sum_paths p0(x_0) prod_t T(x_t | x_t-1) exp(lam_t . J(x_t-1, x_t)).

    The sum over paths is a product of tilted matrices, carried as logarithms: neither long paths nor strong tilts
    overflow. Ensembles of constant resistance, capacitance and inductance are multipliers of the current, of its sum
    (lam_t = sum of what comes after) and of its change (lam_t = mu_t - mu_t+1).

    Args:
        transition: T, shape (n, n), T_ij the probability of j after i; or (t, n, n), one for each step of a protocol.
        initial: p0, shape (n,).
        observable: J of a step from i to j, shape (n, n), or k of them, (k, n, n).
        multipliers: lam, shape (t,), or (t, k) for k observables.

    Returns:
        F in nats; zero for lam = 0.

    Raises:
        ValueError: shapes do not fit, a row or p0 is no distribution, or J or lam is not finite.

    Differentiable in all arguments, to any order; reverse mode keeps n numbers a step. Source: arXiv 1105.5662.
    """
    arguments, checks = _process(transition, initial, observable, multipliers)
    return _checks.enforce(_free_energy(*arguments), *checks)


def path_mean(
    transition: Real[ArrayLike, "n n"] | Real[ArrayLike, "t n n"],
    initial: Real[ArrayLike, "n"],
    observable: Real[ArrayLike, "n n"] | Real[ArrayLike, "k n n"],
    multipliers: Real[ArrayLike, "t"] | Real[ArrayLike, "t k"],
) -> Float[Array, "..."]:
    """Means of the observables at every step of the tilted process, <J_t> = dF / d lam_t.

    Args:
        transition: T, shape (n, n) or (t, n, n); see `process_free_energy`.
        initial: p0, shape (n,).
        observable: J, shape (n, n) or (k, n, n).
        multipliers: lam, shape (t,) or (t, k).

    Returns:
        The means, the shape of lam.

    Raises:
        ValueError: as `process_free_energy`.

    Differentiable in all arguments. Source: arXiv 1105.5662.
    """
    arguments, checks = _process(transition, initial, observable, multipliers)
    return _checks.enforce(_mean(*arguments), *checks)


def path_covariance(
    transition: Real[ArrayLike, "n n"] | Real[ArrayLike, "t n n"],
    initial: Real[ArrayLike, "n"],
    observable: Real[ArrayLike, "n n"] | Real[ArrayLike, "k n n"],
    multipliers: Real[ArrayLike, "t"] | Real[ArrayLike, "t k"],
) -> Float[Array, "..."]:
    """Covariances between the observables of any two steps of the tilted process, d2F / d lam_t d lam_s.

    They are the responses d<J_t> / d lam_s, whatever the distance from equilibrium. Work and memory are those of one
    tangent for every entry of lam.

    Args:
        transition: T, shape (n, n) or (t, n, n); see `process_free_energy`.
        initial: p0, shape (n,).
        observable: J, shape (n, n) or (k, n, n).
        multipliers: lam, shape (t,) or (t, k).

    Returns:
        The covariances, shape (t, t) or (t, k, t, k).

    Raises:
        ValueError: as `process_free_energy`.

    Differentiable in all arguments. Source: arXiv 1105.5662.
    """
    arguments, checks = _process(transition, initial, observable, multipliers)
    return _checks.enforce(_covariance(*arguments), *checks)


def maxcal_transition(
    transition: Real[ArrayLike, "n n"],
    observable: Real[ArrayLike, "n n"] | Real[ArrayLike, "k n n"],
    multipliers: Real[ArrayLike, ""] | Real[ArrayLike, "k"],
) -> Float[Array, "n n"]:
    """The kernel closest to a prior one with given means of every step: P(j | i) = T_ij exp(lam . J_ij) / Z_i.

    Of a Gaussian prior and the displacement J = x_j - x_i it shifts the mean by lam times the variance: mean
    displacement and its square give dynamics with drift. Constraints on averages over whole paths give
    `maxcal_rates` instead.

    Args:
        transition: T, shape (n, n), rows summing to one.
        observable: J, shape (n, n), or k of them, (k, n, n).
        multipliers: lam, a number, or shape (k,).

    Returns:
        P, shape (n, n).

    Raises:
        ValueError: shapes do not fit, a row is no distribution, or J or lam is not finite.

    Differentiable in all arguments. Source: arXiv 1105.5662.
    """
    T, J, lam = _checks.as_floats(transition=transition, observable=observable, multipliers=multipliers)
    if T.ndim != 2 or T.shape[0] != T.shape[1] or T.shape[0] < 1:
        raise ValueError(f"transition must have shape (n, n), got {T.shape}")
    J, lam = _observables(J, lam, T.shape)
    rows = _checks.distribution("transition", T)
    exponents = jnp.tensordot(lam, J, axes=1)
    logs = weighted_logsumexp(exponents.T, T.T)
    kernel = weighted_exp(T, exponents - logs[:, None])
    checks = _checks.finite("observable", J), _checks.finite("multipliers", lam)
    return _checks.enforce(kernel, rows._replace(ok=jnp.all(rows.ok)), *checks)


def _observables(J: Array, lam: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """J as (k, n, n) and lam as (k,), for multipliers that do not change in time."""
    if J.ndim not in (2, 3) or J.shape[-2:] != shape:
        raise ValueError(f"observable must have shape {shape} or (k, *{shape}), got {J.shape}")
    if lam.ndim != J.ndim - 2:
        wanted = "()" if J.ndim == 2 else f"({J.shape[0]},)"
        raise ValueError(f"multipliers must have shape {wanted}, got {lam.shape}")
    return _steps(J, lam, "multipliers")


# --------------------------------------------------------------------------------------------------- continuous time


def _tilted_generator(rates: Any, observable: Any, multipliers: Any) -> tuple[Array, Array, Array, _Checked]:
    """Largest eigenvalue, its right eigenvector, the tilted rates off the diagonal, and the checks."""
    k, J, lam = _checks.as_floats(rates=rates, observable=observable, multipliers=multipliers)
    off = off_diagonal(require_rates(k))
    J, lam = _observables(J, lam, k.shape)
    checks = (
        _checks.nonnegative("rates", off),
        _checks.finite("observable", J),
        _checks.finite("multipliers", lam),
    )
    exponents = jnp.tensordot(lam, J, axes=1)
    hops = weighted_exp(off, exponents)
    stay = jnp.diagonal(exponents) - jnp.sum(off, axis=1)
    matrix = hops + jnp.diag(stay)
    *fixed, certain = _perron(stop_gradient(matrix))
    root, right = _implicit_pair(*stop_gradient(tuple(fixed)), matrix)
    one_class = _checks.Check(
        connected(stop_gradient(off)),
        "rates must lead from every state to every other",
        lambda: "a process that falls apart",
    )
    resolved = _checks.Check(
        certain,
        "the largest eigenvalue of the tilted generator must be resolved in the dtype",
        lambda: f"a tilt by exponents up to {float(jnp.max(jnp.abs(exponents))):.3g}",
    )
    return root, right, hops, (*checks, one_class, resolved)


@jax.jit
def _perron(matrix: Array) -> tuple[Array, Array, Array]:
    """Largest eigenvalue of a matrix with non-negative off-diagonal entries, its right eigenvector with sum one.

    By Noda's iteration (1971), inverse iteration with the upper one of the bounds min (M x)_i / x_i <= root <=
    max (M x)_i / x_i as the shift: it converges from any positive vector, quadratically.
    """
    n, eps = matrix.shape[0], jnp.finfo(matrix.dtype).eps
    shift = jnp.max(-jnp.diagonal(matrix)) + jnp.max(jnp.abs(matrix))
    positive = matrix + shift * jnp.eye(n, dtype=matrix.dtype)
    enough = 16 * n * eps * jnp.max(jnp.sum(positive, axis=1))

    def bounds(x: Array) -> tuple[Array, Array]:
        ratios = (positive @ x) / x
        return jnp.min(ratios), jnp.max(ratios)

    def unfinished(carry: tuple[Array, ...]) -> Array:
        _, lower, upper, count = carry
        return (upper - lower > enough) & (count < 50)

    def improve(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        x, _, upper, count = carry
        y = jnp.abs(jnp.linalg.solve(upper * jnp.eye(n, dtype=x.dtype) - positive, x))
        y = y / jnp.sum(y)
        y = jnp.where(jnp.all(jnp.isfinite(y) & (y > 0)), y, x)
        return y, *bounds(y), count + 1

    x = jnp.full(n, 1 / n, matrix.dtype)
    x, lower, upper, _ = jax.lax.while_loop(unfinished, improve, (x, *bounds(x), jnp.zeros((), jnp.int32)))
    # Rounding alone may leave the bounds apart by the condition of the eigenvector.
    certain = upper - lower <= jnp.sqrt(eps) * jnp.max(jnp.sum(positive, axis=1))
    return (lower + upper) / 2 - shift, x, certain


@jax.custom_jvp
def _implicit_pair(root: Array, right: Array, matrix: Array) -> tuple[Array, Array]:
    """The eigenvalue and eigenvector found, with their derivatives by the matrix."""
    del matrix
    return root, right


@_implicit_pair.defjvp
def _implicit_pair_rule(
    primals: tuple[Any, ...], tangents: tuple[Any, ...]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    matrix, d_matrix = primals[-1], tangents[-1]
    root, right = _implicit_pair(*primals)
    n = right.shape[0]
    # (M - root) dr - r d root = -dM r, and the sum of r stays.
    ones = jnp.ones((1, n), matrix.dtype)
    shifted = matrix - root * jnp.eye(n, dtype=matrix.dtype)
    bordered = jnp.block([[shifted, -right[:, None]], [ones, jnp.zeros((1, 1), matrix.dtype)]])
    moved = jnp.linalg.solve(bordered, jnp.append(-d_matrix @ right, jnp.zeros((), matrix.dtype)))
    return (root, right), (moved[-1], moved[:-1])


def scgf(
    rates: Real[ArrayLike, "n n"],
    observable: Real[ArrayLike, "n n"] | Real[ArrayLike, "k n n"],
    multipliers: Real[ArrayLike, ""] | Real[ArrayLike, "k"],
) -> Scalar:
    """Scaled cumulant generating function psi(lam) = lim log <exp(lam . A_T)> / T of a jump process.

    A_T sums J_ij over the jumps from i to j and integrates J_ii over the time spent in i. psi is the largest
    eigenvalue of the tilted generator; its derivatives at zero are the mean rate of A and the rates of its covariance,
    at any lam those of the process that `maxcal_rates` returns.

    Args:
        rates: k, shape (n, n), k_ij the rate of jumps from i to j, every state reachable from every other; the
            diagonal is not read.
        observable: J, shape (n, n), or k of them, (k, n, n); on the diagonal what accrues per unit time.
        multipliers: lam, a number, or shape (k,).

    Returns:
        psi in nats per unit time; zero at lam = 0.

    Raises:
        ValueError: shapes do not fit, a rate is negative, a value is not finite, or the process is not connected.

    Differentiable in all arguments, in both modes and to any order. Source: arXiv 1105.5662; Lebowitz and Spohn,
    cond-mat/9811220.
    """
    root, _, _, checks = _tilted_generator(rates, observable, multipliers)
    return _checks.enforce(root, *checks)


def maxcal_rates(
    rates: Real[ArrayLike, "n n"],
    observable: Real[ArrayLike, "n n"] | Real[ArrayLike, "k n n"],
    multipliers: Real[ArrayLike, ""] | Real[ArrayLike, "k"],
) -> Float[Array, "n n"]:
    """Rates of the process of maximum caliber: k_ij exp(lam . J_ij) r_j / r_i, r the tilted generator's eigenvector.

    Among all processes with a given long-time mean of A it is the closest to the prior one; that mean is the gradient
    of `scgf`, and the divergence per unit time lam . grad psi - psi.

    Args:
        rates: k, shape (n, n), the prior process; see `scgf`.
        observable: J, shape (n, n) or (k, n, n).
        multipliers: lam, a number, or shape (k,).

    Returns:
        The rates, shape (n, n), with minus the rate of leaving on the diagonal.

    Raises:
        ValueError: as `scgf`.

    Differentiable in all arguments, in both modes and to any order. Source: arXiv 1105.5662; Chetrite and Touchette,
    arXiv 1405.5157.
    """
    _, right, tilted, checks = _tilted_generator(rates, observable, multipliers)
    hops = tilted * (right[None, :] / right[:, None])
    return _checks.enforce(hops - jnp.diag(jnp.sum(hops, axis=1)), *checks)
