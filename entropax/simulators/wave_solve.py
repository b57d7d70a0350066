"""Adaptive integration of complex vector fields by Dormand and Prince's method of order 8."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp

from entropax._typing import Array
from entropax.simulators.wave_steps import intensity

_SAFETY = 0.95  # of the step that the error asks for: the waves are smooth, and hardly a step is tried again


@eqx.filter_jit
def solve_adaptively(
    rate: Callable[..., Array],
    psi: Array,
    times: Array,
    arguments: Any,
    rtol: Array,
    atol: Array,
    max_step: Array,
    max_steps: int,
    adjoint: diffrax.AbstractAdjoint,
) -> tuple[Array, Array, Array, Array]:
    """Waves whose Fourier coefficients move by a rate, at increasing times.

    Args:
        rate: dy/dt as rate(y, *arguments).
        psi: the wave at the first time, shape (n,).
        times: shape (t,).
        arguments: of the rate.
        rtol: relative tolerance of a coefficient.
        atol: absolute tolerance of a coefficient.
        max_step: longest step.
        max_steps: most steps.
        adjoint: of diffrax.

    Returns:
        The waves, shape (t, n), NaN where they were not reached; whether all were; steps taken, and rejected.
    """
    with warnings.catch_warnings():
        # Of complex states in general; what is used here is tested against exact waves and finite differences.
        warnings.filterwarnings("ignore", message="Complex dtype support in Diffrax")
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(partial(_signature, rate)),
            diffrax.Dopri8(),
            times[0],
            times[-1],
            None,
            jnp.fft.fft(psi),
            arguments,
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=diffrax.PIDController(rtol, atol, norm=_rms, dtmax=max_step, safety=_SAFETY),
            max_steps=max_steps,
            adjoint=adjoint,
            throw=False,
        )
    converged = solution.result == diffrax.RESULTS.successful
    y = solution.ys
    reached = jnp.isfinite(y.real) & jnp.isfinite(y.imag)
    waves = jnp.fft.ifft(jnp.where(reached, y, jnp.nan))
    return waves, converged, solution.stats["num_accepted_steps"], solution.stats["num_rejected_steps"]


def _signature(rate: Callable[..., Array], t: Any, y: Array, arguments: tuple) -> Array:
    del t
    return rate(y, *arguments)


def _rms(error: Array) -> Array:
    """Root mean square of moduli."""
    return jnp.sqrt(jnp.mean(intensity(error)))
