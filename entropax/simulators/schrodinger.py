"""The focusing cubic Schroedinger equation on a torus, by Fourier collocation."""

from typing import Any, Literal

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Inexact, Int, PRNGKey, Real, RealScalar, Scalar
from entropax.simulators.base import Simulator
from entropax.simulators.wave_solve import solve_adaptively
from entropax.simulators.wave_steps import (
    COMPOSITIONS,
    ExponentialStep,
    SplitStep,
    apply_exponential_step,
    apply_split_step,
    bending,
    exponential_step,
    intensity,
    split_step,
)
from entropax.space import PeriodicBox, SpectralGrid

METHODS = (*COMPOSITIONS, "etdrk4")


def exponential_filter(
    wavenumbers: Real[ArrayLike, "*shape"],
    cutoff: RealScalar,
    *,
    order: int = 36,
    strength: RealScalar = 36.0,
) -> Float[Array, "*shape"]:
    """The smooth filter of aliases, s(k) = exp(-a (|k| / k_c)^p): 1 for long waves, e^-a at the cutoff.

    Args:
        wavenumbers: k, any shape.
        cutoff: k_c, positive, in the unit of k; two thirds of the highest wave is the rule for cubic terms.
        order: p.
        strength: a, positive.

    Returns:
        s, the shape of k.

    Raises:
        ValueError: the cutoff or strength is not positive, or the order is less than 1.

    Differentiable in all arguments but the order. Source: Hou and Li 2007, doi 10.1016/j.jcp.2007.04.014.
    """
    k, kc, a = _checks.as_floats(wavenumbers=wavenumbers, cutoff=cutoff, strength=strength)
    _checks.as_numbers(cutoff=kc, strength=a)
    _checks.require_integer("order", order, minimum=1)
    ratio = jnp.abs(k) / kc
    near = ratio < (1000 / a) ** (1 / order)  # beyond, s is zero in any precision, and the power may be no number
    s = jnp.where(near, jnp.exp(-a * jnp.where(near, ratio, 0) ** order), 0)
    return _checks.enforce(s, _checks.positive("cutoff", kc), _checks.positive("strength", a))


def nlse_rhs(
    psi_hat: Inexact[ArrayLike, "n"], wavenumbers: Real[ArrayLike, "n"], filter: Real[ArrayLike, "n"]
) -> Inexact[Array, "n"]:
    """Rate of the Fourier coefficients, dy/dt = -(i/2) k^2 s y + i s fft(|u|^2 u) with u = ifft(s y).

    Where the filter s vanishes a coefficient stays as it is. With s = 1 this is i psi_t = -psi_xx / 2 - |psi|^2 psi.

    Args:
        psi_hat: y = fft(psi), shape (n,).
        wavenumbers: k in the order of the transform, shape (n,).
        filter: s(k), shape (n,).

    Returns:
        dy/dt, shape (n,).

    Raises:
        ValueError: the shapes differ or y has not one axis.

    Differentiable in all arguments. Source: arXiv 2509.05901.
    """
    y = _checks.as_complex("psi_hat", psi_hat)
    _checks.require_ndim("psi_hat", y, 1, "(n,)")
    k, s = (array.astype(y.real.dtype) for array in _checks.as_floats(wavenumbers=wavenumbers, filter=filter))
    _checks.require_same_shape(psi_hat=y, wavenumbers=k, filter=s)
    return _rate(y, k**2 / 2 * s, s)


class WaveInvariants(eqx.Module):
    """What the equation conserves.

    Attributes:
        mass: int |psi|^2 dx.
        momentum: int Im(psi* psi_x) dx.
        energy: int (|psi_x|^2 - |psi|^4) / 2 dx.
    """

    mass: Float[Array, "*batch"]
    momentum: Float[Array, "*batch"]
    energy: Float[Array, "*batch"]


class WaveSolution(eqx.Module):
    """A solution by steps of its own choice.

    Attributes:
        value: psi at the times, shape (t, n); NaN from where it was not reached.
        converged: whether the last time was reached.
        steps: steps that were taken.
        rejected: steps that were tried again because their error was too large.
    """

    value: Inexact[Array, "t n"]
    converged: Array
    steps: Int[Array, ""]
    rejected: Int[Array, ""]


class Schrodinger(Simulator[Array]):
    """i psi_t + psi_xx / 2 + |psi|^2 psi = 0 on a torus of length L, n points from -L/2.

    A state is psi, complex of shape (n,). `method` says how `step` advances it by dt:

    - "strang", "yoshida4", "kahan_li8": split steps of order 2, 4 and 8, with one, three and seventeen drifts a step.
      They keep the mass to rounding and the energy to their order. Use "kahan_li8" for accuracy, and long ones for long
      waves only: dt k^2 of a stage beyond pi can feed an instability. A stage that turns a phase by 2^23 or more is NaN
      in float64 on a CPU.
    - "etdrk4": exponential Runge-Kutta of order 4, with the filter of aliases, for comparison.

    `solve` chooses its steps by an error tolerance. The filter acts there, in "etdrk4" and in `vector_field`; split
    steps solve the equation without it.

    Attributes:
        initial: psi that `init` returns, shape (n,).
        length: L.
        dt: time step.
        filter: s(k), shape (n,).
        method: as above.
    """

    initial: Inexact[Array, "n"]
    length: Scalar
    dt: Scalar
    filter: Float[Array, "n"]
    method: Literal["strang", "yoshida4", "kahan_li8", "etdrk4"] = eqx.field(static=True)

    def __init__(
        self,
        initial: Inexact[ArrayLike, "n"],
        *,
        length: RealScalar,
        dt: RealScalar,
        method: Literal["strang", "yoshida4", "kahan_li8", "etdrk4"] = "kahan_li8",
        dealiasing: float | None = 2 / 3,
    ):
        """Checks and converts the parameters.

        Args:
            initial: psi at the start on the grid, shape (n,), n even and at least 8; its precision is that of the run.
            length: L, positive.
            dt: time step, positive.
            method: of `step`.
            dealiasing: cutoff of the filter as a part of the highest wave, or None for no filter.

        Raises:
            ValueError: n is odd or less than 8, psi is zero everywhere or not finite, the length or dt is not positive,
                the method is unknown, or the cutoff is not in (0, 1].
        """
        psi = _checks.as_complex("initial", initial)
        if psi.ndim != 1 or psi.shape[0] < 8 or psi.shape[0] % 2:
            raise ValueError(f"initial must have shape (n,) with n even and at least 8, got {psi.shape}")
        _checks.require_option("method", method, METHODS)
        if dealiasing is not None:
            _checks.require_within("dealiasing", dealiasing, 0.0, 1.0, open_below=True)
        L, dt = (number.astype(psi.real.dtype) for number in _checks.as_numbers(length=length, dt=dt))
        with _checks.evaluated_now(psi):
            present = _checks.Check(jnp.any(psi != 0), "initial must not be zero everywhere", lambda: "zeros")
        checks = (present, _checks.finite("initial", psi), _checks.positive("length", L), _checks.positive("dt", dt))
        self.initial, self.length, self.dt = _checks.enforce((psi, L, dt), *checks)
        half = psi.shape[0] // 2
        # Relative to the highest wave, the wavenumbers do not depend on the length.
        waves = jnp.fft.fftfreq(2 * half, 1 / (2 * half)).astype(L.dtype) / half
        self.filter = jnp.ones_like(waves) if dealiasing is None else exponential_filter(waves, dealiasing)
        self.method = method

    @property
    def grid(self) -> SpectralGrid:
        """The grid, for derivatives and integrals."""
        half = self.length[None] / 2
        return SpectralGrid(PeriodicBox(-half, half), self.initial.shape)

    @property
    def points(self) -> Float[Array, "n"]:
        """x_j = -L/2 + j L/n, shape (n,)."""
        return self.grid.points[:, 0]

    @property
    def wavenumbers(self) -> Float[Array, "n"]:
        """k, 2 pi / L times integers in the order of the transform, shape (n,)."""
        return self.grid.wavenumbers(0)

    def init(self, *, key: PRNGKey) -> Inexact[Array, "n"]:
        """The initial wave.

        Args:
            key: not used, since nothing is drawn.

        Returns:
            psi, shape (n,).
        """
        _checks.require_key("key", key)
        return self.initial

    def invariants(self, psi: Inexact[ArrayLike, "*batch n"]) -> WaveInvariants:
        """Mass, momentum and energy, with derivatives exact for the waves of the grid.

        Args:
            psi: waves on the grid, shape (..., n).

        Returns:
            The three, each of shape (...).

        Raises:
            ValueError: the last axis is not that of the grid.

        Differentiable in psi and the length.
        """
        psi = self._on_grid("psi", psi)
        cell, k = self.length / psi.shape[-1], self.wavenumbers
        power = intensity(jnp.fft.fft(psi)) * (cell / psi.shape[-1])
        k = k.reshape((1,) * (psi.ndim - 1) + k.shape)
        density = intensity(psi)
        kinetic = jnp.sum(k**2 * power, axis=-1)
        return WaveInvariants(
            mass=cell * jnp.sum(density, axis=-1),
            momentum=jnp.sum(k * power, axis=-1),
            energy=(kinetic - cell * jnp.sum(density**2, axis=-1)) / 2,
        )

    def vector_field(self, t: Any, y: Inexact[ArrayLike, "n"], args: Any = None) -> Inexact[Array, "n"]:
        """Rate of the Fourier coefficients, `nlse_rhs`, in the signature of diffrax.

        Args:
            t: time, not used.
            y: fft(psi), shape (n,).
            args: not used.

        Returns:
            dy/dt, shape (n,).
        """
        del t, args
        return nlse_rhs(self._on_grid("y", y), self.wavenumbers, self.filter)

    def step(self, state: Inexact[ArrayLike, "n"], *, key: PRNGKey) -> Inexact[Array, "n"]:
        """psi dt later.

        Args:
            state: psi, shape (n,).
            key: not used, since the dynamics is deterministic.

        Returns:
            psi, shape (n,).

        Raises:
            ValueError: the shape is not the grid's.

        Differentiable in the state, the length and dt.
        """
        return _step(self, self._on_grid("state", state))

    def prepared(self) -> Simulator[Array]:
        """The same steps with the rotations or exponentials computed once."""
        if self.method == "etdrk4":
            parts = exponential_step(self.dt, self.wavenumbers**2 / 2 * self.filter)
        else:
            parts = split_step(self.dt, self.wavenumbers, COMPOSITIONS[self.method])
        return _PreparedStep(system=self, parts=parts, dt=self.dt)

    def solve(
        self,
        state: Inexact[ArrayLike, "n"],
        times: Real[ArrayLike, "t"],
        *,
        rtol: float = 1e-9,
        atol: float = 1e-11,
        max_step: float = 0.1,
        max_steps: int = 1 << 18,
        adjoint: diffrax.AbstractAdjoint | None = None,
    ) -> WaveSolution:
        """psi at given times by Dormand and Prince's method of order 8 with dense output, its steps chosen by an error.

        The error of a step in every Fourier coefficient, relative to atol + rtol |y|, has a root mean square below 1.

        Args:
            state: psi at the first time, shape (n,).
            times: increasing, shape (t,), t > 1.
            rtol: relative tolerance of a coefficient; in float32 at least 1e-6.
            atol: absolute tolerance of a coefficient, n times that of a wave's amplitude.
            max_step: longest step.
            max_steps: most steps; more make `converged` false.
            adjoint: a diffrax adjoint. The default, recursive checkpointing, is for reverse mode;
                `diffrax.ForwardMode()` serves forward mode.

        Returns:
            The solution.

        Raises:
            ValueError: a shape does not fit, the times do not increase, a tolerance or step is not positive, or rtol is
                below what the precision can hold.

        Differentiable in the state and the length; in which mode the adjoint decides.
        """
        psi = self._on_grid("state", state)
        (t,) = (array.astype(psi.real.dtype) for array in _checks.as_floats(times=times))
        if t.ndim != 1 or t.shape[0] < 2:
            raise ValueError(f"times must have shape (t,) with t > 1, got {t.shape}")
        finest = 4 * float(jnp.finfo(t.dtype).eps)
        _checks.require_within("rtol", rtol, 0.0, 1.0, open_below=True)
        if rtol < finest:
            raise ValueError(
                f"rtol must be at least {finest:.2g}, which {t.dtype} can hold, got {rtol}; "
                "work in float64 (jax.enable_x64) for less"
            )
        _checks.require_within("atol", atol, 0.0, float("inf"), open_below=True)
        _checks.require_within("max_step", max_step, 0.0, float("inf"), open_below=True)
        _checks.require_integer("max_steps", max_steps, minimum=1)
        with _checks.evaluated_now(t):
            increasing = jnp.all(jnp.diff(t) > 0) & jnp.all(jnp.isfinite(t))
        ordered = _checks.Check(increasing, "times must be finite and increase", lambda: f"{t}")
        adjoint = diffrax.RecursiveCheckpointAdjoint() if adjoint is None else adjoint
        relative, absolute, longest = (jnp.asarray(number, t.dtype) for number in (rtol, atol, max_step))
        # Times out of order would only be looked for in vain: any others take their place.
        safe = jnp.where(increasing, t, jnp.arange(t.shape[0], dtype=t.dtype) * longest)
        found = solve_adaptively(
            _rate, psi, safe, self._rate_arguments(), relative, absolute, longest, max_steps, adjoint
        )
        value, converged, steps, rejected = found
        return WaveSolution(_checks.enforce(value, ordered), converged, steps, rejected)

    def _rate_arguments(self) -> tuple[Array, Array]:
        return self.wavenumbers**2 / 2 * self.filter, self.filter

    def _on_grid(self, name: str, psi: Any) -> Array:
        psi = _checks.as_complex(name, psi)
        n = self.initial.shape[0]
        if psi.ndim < 1 or psi.shape[-1] != n:
            raise ValueError(f"{name} must have the grid's {n} points on its last axis, got shape {psi.shape}")
        return psi.astype(self.initial.dtype)


class _PreparedStep(Simulator[Array]):
    """One step of a `Schrodinger` by coefficients that are known."""

    system: Schrodinger
    parts: SplitStep | ExponentialStep
    dt: Scalar

    def init(self, *, key: PRNGKey) -> Array:
        return self.system.init(key=key)

    def step(self, state: Array, *, key: PRNGKey) -> Array:
        if isinstance(self.parts, ExponentialStep):
            return apply_exponential_step(state, self.parts, self.system.filter)
        return apply_split_step(state, self.parts)


@eqx.filter_jit
def _step(system: Schrodinger, psi: Array) -> Array:
    return system.prepared().step(psi, key=jax.random.key(0))


@jax.jit
def _rate(y: Array, frequencies: Array, filter: Array) -> Array:
    """-i w y + i s fft(|u|^2 u), with the filter in w."""
    bent = bending(y, filter)
    return jax.lax.complex(frequencies * y.imag - bent.imag, bent.real - frequencies * y.real)
