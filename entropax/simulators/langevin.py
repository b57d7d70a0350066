"""Langevin dynamics: linear systems, stepped exactly, and any drift with additive noise."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Float, Real

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, PRNGKey, RealScalar, Scalar
from entropax.simulators.base import Simulator

_MOST_DOUBLINGS = 64  # of the time step in an exact transition


def _diffusion_matrix(diffusion: Array, dim: int) -> Array:
    """D as a (d, d) matrix, from a matrix or a diagonal.

    Args:
        diffusion: D, shape (d,) for a diagonal, or (d, d).
        dim: d.

    Returns:
        The matrix, shape (d, d).

    Raises:
        ValueError: the shape is neither (d,) nor (d, d).
    """
    if diffusion.shape == (dim,):
        return jnp.diag(diffusion)
    if diffusion.shape == (dim, dim):
        return diffusion
    raise ValueError(f"diffusion must have shape ({dim},) or ({dim}, {dim}), got {diffusion.shape}")


@jax.jit
def _semidefinite_factor(matrix: Array) -> Array:
    """Lower triangular L with L L^T = matrix, for a matrix that may be singular: a vanishing pivot skips its column."""
    dim = matrix.shape[0]
    rows = jnp.arange(dim)
    floor = dim * jnp.finfo(matrix.dtype).eps * jnp.diag(matrix)  # what rounding can leave of a pivot that is zero

    def column(j: Array, factor: Array) -> Array:
        rest = matrix[:, j] - factor @ factor[j]
        vanishes = rest[j] <= floor[j]  # NaN does not vanish
        scaled = rest / jnp.sqrt(jnp.where(vanishes, 1.0, rest[j]))
        return factor.at[:, j].set(jnp.where(vanishes | (rows < j), 0.0, scaled))

    return jax.lax.fori_loop(0, dim, column, jnp.zeros_like(matrix))


def _lyapunov(drift_matrix: Array, right_side: Array) -> Array:
    """S with A S + S A^T = R, through the d^2 x d^2 Kronecker form."""
    dim = drift_matrix.shape[0]
    eye = jnp.eye(dim, dtype=drift_matrix.dtype)
    operator = jnp.kron(drift_matrix, eye) + jnp.kron(eye, drift_matrix)
    return _lapack.solve(operator, right_side.reshape(dim * dim, -1)).reshape(right_side.shape)


@jax.jit
def _stationary_covariance(drift_matrix: Array, diffusion: Array) -> tuple[Array, Array]:
    dim = drift_matrix.shape[0]
    both = jnp.stack([2 * diffusion, jnp.eye(dim, dtype=diffusion.dtype)], axis=-1)
    solution = _lyapunov(drift_matrix, both)
    covariance = (solution[..., 0] + solution[..., 0].T) / 2
    witness = (solution[..., 1] + solution[..., 1].T) / 2
    return covariance, _proves_stable(*jax.lax.stop_gradient((witness, drift_matrix)))


def _proves_stable(witness: Array, drift_matrix: Array) -> Array:
    """Whether W > 0 and A W + W A^T > 0, also after rounding: by Lyapunov's theorem A is then stable.

    W solves A W + W A^T = 1. Of a marginal A, a rotation say, it is as large as the inverse of the rounding error, and
    what it leaves of the equation is as large as 1.
    """
    dim = drift_matrix.shape[0]
    A, size, magnitude = drift_matrix, jnp.abs(drift_matrix), jnp.abs(witness)
    residual = A @ witness + witness @ A.T - jnp.eye(dim, dtype=A.dtype)
    rounding = (dim + 2) * jnp.finfo(A.dtype).eps * (size @ magnitude + magnitude @ size.T)
    # The largest sum over a row bounds the eigenvalues of what is added to 1.
    holds = jnp.max(jnp.sum(jnp.abs(residual) + rounding, axis=1)) < 1
    return holds & jnp.all(jnp.isfinite(jnp.linalg.cholesky(witness)))


def stationary_covariance(
    drift_matrix: Real[ArrayLike, "d d"],
    diffusion: Real[ArrayLike, "d"] | Real[ArrayLike, "d d"],
) -> Float[Array, "d d"]:
    """Covariance of the stationary law of dX = -A X dt + sqrt(2 D) dW: A S + S A^T = 2 D.

    Solved in the d^2 x d^2 Kronecker form, meant for d up to about 50.

    Args:
        drift_matrix: A, shape (d, d), every eigenvalue with positive real part, also after rounding errors.
        diffusion: D, shape (d,) for a diagonal or (d, d), symmetric and positive semidefinite; it may be singular.

    Returns:
        S, shape (d, d).

    Raises:
        ValueError: a shape does not fit, D is not symmetric or not positive semidefinite, or A is not stable.

    Differentiable in both arguments.
    """
    A, D = _linear_arguments(drift_matrix, diffusion)
    covariance, stable = _stationary_covariance(A, D)
    return _checks.enforce(covariance, _stability(A, stable))


@jax.jit
def _transition(drift_matrix: Array, diffusion: Array, dt: Array) -> tuple[Array, Array]:
    """P(dt) = e^{-A dt} and Q(dt) = int_0^dt e^{-A s} 2D e^{-A^T s} ds.

    From a time h at which |A| h <= 1/2 by P(2h) = P P and Q(2h) = Q + P Q P^T: sums of positive matrices, whereas the
    exponential of Van Loan's block also holds e^{+A^T dt}, which overflows.
    """
    dtype = drift_matrix.dtype
    rate = jax.lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(drift_matrix), axis=1)))
    # Where |A| dt = 2^63, every mode of an A that passed for stable has decayed: later is the same.
    longest = 2.0**63 / jnp.where(rate > 0, rate, 1)
    dt = jnp.where(dt > longest, longest, dt)
    doublings = jnp.maximum(jnp.ceil(jnp.log2(jnp.where(rate > 0, 2 * rate * dt, 1))), 0).astype(jnp.int32)
    h = dt * jnp.exp2(-doublings.astype(dtype))

    def add_term(m: Array, carry: tuple[Array, ...]) -> tuple[Array, ...]:
        propagator, covariance, p, q = carry
        p, q = -drift_matrix @ p, -(drift_matrix @ q + q @ drift_matrix.T)
        p, q = p * (h / m.astype(dtype)), q * (h / (m + 1).astype(dtype))
        return propagator + p, covariance + q, p, q

    start = jnp.eye(drift_matrix.shape[0], dtype=dtype), 2 * diffusion * h
    terms = 12 if dtype == jnp.float32 else 20  # |A| h / m! and (2 |A| h)^m / m! are rounded away
    propagator, covariance, _, _ = jax.lax.fori_loop(1, terms, add_term, (*start, *start))

    def double(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        propagator, covariance = carry
        further = covariance + propagator @ covariance @ propagator.T
        wanted = i < doublings
        return jnp.where(wanted, propagator @ propagator, propagator), jnp.where(wanted, further, covariance)

    propagator, covariance = jax.lax.fori_loop(0, _MOST_DOUBLINGS, double, (propagator, covariance))
    return propagator, (covariance + covariance.T) / 2


def _linear_arguments(drift_matrix: Any, diffusion: Any) -> tuple[Array, Array]:
    """A and D as matrices, D checked: what is solved with them comes after the eigenvalues of D."""
    A, D = _checks.as_floats(drift_matrix=drift_matrix, diffusion=diffusion)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise ValueError(f"drift_matrix must have shape (d, d), got {A.shape}")
    D = _diffusion_matrix(D, A.shape[0])
    return _checks.enforce(
        (A, D),
        _checks.nonnegative("the diagonal of diffusion", jnp.diag(D)),
        _checks.positive_semidefinite("diffusion", D),
    )


def _stability(drift_matrix: Array, stable: Array) -> _checks.Check:
    return _checks.Check(
        stable,
        "drift_matrix must be stable (every eigenvalue with positive real part, beyond rounding)",
        lambda: f"eigenvalues {jnp.linalg.eigvals(drift_matrix)}",
    )


class LinearLangevin(Simulator[Array]):
    """dX = -A X dt + sqrt(2 D) dW, stepped exactly for any dt.

    The transition over dt is Gaussian with mean e^{-A dt} X and covariance int_0^dt e^{-A s} 2D e^{-A^T s} ds
    (Van Loan 1978, doi 10.1109/TAC.1978.1101743). A state has shape (..., d): leading axes are independent copies.

    Attributes:
        drift_matrix: A, shape (d, d).
        diffusion: D, shape (d, d).
        dt: time step.
    """

    drift_matrix: Float[Array, "d d"]
    diffusion: Float[Array, "d d"]
    dt: Scalar

    def __init__(
        self,
        drift_matrix: Real[ArrayLike, "d d"],
        diffusion: Real[ArrayLike, "d"] | Real[ArrayLike, "d d"],
        *,
        dt: RealScalar,
    ):
        """Checks and converts the parameters.

        Args:
            drift_matrix: A, shape (d, d), stable.
            diffusion: D, shape (d,) for a diagonal or (d, d), symmetric and positive semidefinite; it may be singular.
            dt: time step, positive.

        Raises:
            ValueError: a shape does not fit, A is not stable, D is not symmetric or not positive semidefinite, or
                dt is no number or not positive.
        """
        A, D, dt = _checks.as_floats(drift_matrix=drift_matrix, diffusion=diffusion, dt=dt)
        _checks.as_numbers(dt=dt)
        A, D = _linear_arguments(A, D)
        _, stable = _stationary_covariance(A, D)
        checks = _stability(A, stable), _checks.positive("dt", dt)
        self.drift_matrix, self.diffusion, self.dt = _checks.enforce((A, D, dt), *checks)

    def stationary_covariance(self) -> Float[Array, "d d"]:
        """S with A S + S A^T = 2 D, shape (d, d).

        Returns:
            S. Differentiable in A and D.
        """
        return _stationary_covariance(self.drift_matrix, self.diffusion)[0]

    def drift(self, state: Float[Array, "*batch d"]) -> Float[Array, "*batch d"]:
        """-A X.

        Args:
            state: X, shape (..., d).

        Returns:
            The drift, shape (..., d).
        """
        return -state @ self.drift_matrix.T

    def drift_divergence(self, state: Float[Array, "*batch d"]) -> Float[Array, "*batch d"]:
        """The terms d b_i / d x_i = -A_ii of the drift's divergence.

        Args:
            state: X, shape (..., d).

        Returns:
            The terms, shape (..., d); their sum is div b = -tr A.
        """
        return jnp.broadcast_to(-jnp.diag(self.drift_matrix), state.shape)

    def vector_field(self, t: Any, y: Float[Array, "*batch d"], args: Any = None) -> Float[Array, "*batch d"]:
        """The drift in the signature of diffrax, for the dynamics without noise.

        Args:
            t: time, not used.
            y: X, shape (..., d).
            args: not used.

        Returns:
            -A X, shape (..., d).
        """
        del t, args
        return self.drift(y)

    def transition(self) -> tuple[Float[Array, "d d"], Float[Array, "d d"]]:
        """The propagator e^{-A dt} and the covariance of the noise over one step.

        Both are Taylor series over a short time, doubled until they reach dt; nothing in them grows with dt.

        Returns:
            e^{-A dt}, shape (d, d), and S - e^{-A dt} S e^{-A^T dt}, shape (d, d).
        """
        return _transition(self.drift_matrix, self.diffusion, self.dt)

    def init(self, *, key: PRNGKey, shape: tuple[int, ...] = ()) -> Float[Array, "*batch d"]:
        """Draws from the stationary law.

        Args:
            key: source of randomness.
            shape: leading axes of independent copies.

        Returns:
            States, shape (*shape, d).
        """
        _checks.require_key("key", key)
        covariance = self.stationary_covariance()
        noise = jax.random.normal(key, (*shape, covariance.shape[0]), covariance.dtype)
        return noise @ _semidefinite_factor(covariance).T

    def step(self, state: Float[Array, "*batch d"], *, key: PRNGKey) -> Float[Array, "*batch d"]:
        """An exact draw of the state dt later.

        Args:
            state: X, shape (..., d).
            key: source of randomness.

        Returns:
            The next state, shape (..., d).
        """
        return self.prepared().step(state, key=key)

    def prepared(self) -> Simulator[Array]:
        """The same steps with the matrix exponential and its factor computed once."""
        propagator, covariance = self.transition()
        return _GaussianTransition(
            system=self, propagator=propagator, factor=_semidefinite_factor(covariance), dt=self.dt
        )


class _GaussianTransition(Simulator[Array]):
    """X -> P X + L z with z standard normal: one step of a linear system."""

    system: LinearLangevin
    propagator: Array
    factor: Array
    dt: Scalar

    def init(self, *, key: PRNGKey) -> Array:
        return self.system.init(key=key)

    def step(self, state: Array, *, key: PRNGKey) -> Array:
        noise = jax.random.normal(key, state.shape, state.dtype)
        return state @ self.propagator.T + noise @ self.factor.T


class Langevin(Simulator[Array]):
    """dX = b(X) dt + sqrt(2 D) dW with a given drift and constant diagonal D, by Euler and Maruyama.

    First order in dt for averages. A state has any shape that the drift takes.

    Attributes:
        drift: b, a function from states to arrays of the same shape; a plain function or an equinox module, whose
            arrays can be differentiated by.
        diffusion: D, broadcastable to a state; zero where there is no noise.
        initial: the first state, or a function of a key that draws one.
        box: space with a method `wrap` for the positions, or None.
        dt: time step.
    """

    drift: Callable[[Any], Any]
    diffusion: Float[Array, "..."]
    initial: Any
    box: Any
    dt: Scalar

    def __init__(
        self,
        drift: Callable[[Any], Any],
        diffusion: Real[ArrayLike, "..."],
        *,
        dt: RealScalar,
        initial: Real[ArrayLike, "..."] | Callable[[Any], Any],
        box: Any = None,
    ):
        """Checks and converts the parameters.

        Args:
            drift: b, a function from states to arrays of the same shape.
            diffusion: D >= 0, broadcastable to a state.
            dt: time step, positive.
            initial: the first state, or a function of a key that draws one.
            box: space whose `wrap` brings positions back, or None for free space.

        Raises:
            TypeError: drift is not callable.
            ValueError: D is negative, or dt is no number or not positive.
        """
        if not callable(drift):
            raise TypeError(f"drift must be a function of the state, got {type(drift).__name__}")
        D, dt = _checks.as_floats(diffusion=diffusion, dt=dt)
        _checks.as_numbers(dt=dt)
        checks = (_checks.nonnegative("diffusion", D), _checks.positive("dt", dt))
        self.diffusion, self.dt = _checks.enforce((D, dt), *checks)
        self.drift = drift
        self.initial = initial if callable(initial) else _checks.as_float("initial", initial)
        self.box = box

    def init(self, *, key: PRNGKey) -> Any:
        """The first state.

        Args:
            key: source of randomness, used when `initial` is a function.
        """
        _checks.require_key("key", key)
        return self.initial(key) if callable(self.initial) else self.initial

    def vector_field(self, t: Any, y: Any, args: Any = None) -> Any:
        """The drift in the signature of diffrax.

        Args:
            t: time, not used.
            y: state.
            args: not used.

        Returns:
            The drift, the shape of y.
        """
        del t, args
        return self.drift(y)

    def step(self, state: Float[Array, "..."], *, key: PRNGKey) -> Float[Array, "..."]:
        """X + b(X) dt + sqrt(2 D dt) z, wrapped into the box.

        Args:
            state: X.
            key: source of randomness.

        Returns:
            The next state, of the same shape.

        Raises:
            ValueError: the drift returns another shape, or D does not broadcast to the state.
        """
        drift = self.drift(state)
        if jnp.shape(drift) != state.shape:
            raise ValueError(f"drift must return the shape of the state, {state.shape}, got {jnp.shape(drift)}")
        scale = noise_scale(_checks.broadcastable("diffusion", self.diffusion, state.shape), self.dt)
        moved = state + drift * self.dt + scale * jax.random.normal(key, state.shape, state.dtype)
        return moved if self.box is None else self.box.wrap(moved)


def noise_scale(diffusion: Array, dt: Array) -> Array:
    """sqrt(2 D dt), with a zero gradient where D is zero.

    Args:
        diffusion: D >= 0.
        dt: time step.

    Returns:
        The standard deviation of the noise in one step, of the shape of D.
    """
    present = diffusion > 0
    return jnp.where(present, jnp.sqrt(jnp.where(present, 2 * diffusion * dt, 1.0)), 0.0)
