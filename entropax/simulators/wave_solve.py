"""Adaptive integration of complex vector fields by Dormand and Prince's method of order 8."""

from collections.abc import Callable
from functools import partial
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp

from entropax._typing import Array
from entropax.simulators.wave_steps import intensity

_SAFETY = 0.97  # of the step that the error asks for: the waves are smooth, and hardly a step is tried again


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

    The state is a real array, (2, n) for real and imaginary parts: diffrax does not vouch for complex ones, and sums of
    stages are twice as fast. Errors are judged by moduli all the same.

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
    controller = diffrax.PIDController(rtol, atol, norm=_rms, dtmax=max_step, safety=_SAFETY)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(partial(_in_parts, rate)),
        _UnrolledDopri8(),
        times[0],
        times[-1],
        None,
        _parts(jnp.fft.fft(psi)),
        arguments,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=_ByModulus(rtol, atol, _rms, controller),
        max_steps=max_steps,
        adjoint=adjoint,
        throw=False,
    )
    parts = jnp.asarray(solution.ys)
    parts = jnp.where(jnp.isfinite(parts), parts, jnp.nan)
    waves = jnp.fft.ifft(jax.lax.complex(parts[:, 0], parts[:, 1]))
    converged = solution.result == diffrax.RESULTS.successful
    return waves, converged, solution.stats["num_accepted_steps"], solution.stats["num_rejected_steps"]


def _parts(z: Array) -> Array:
    return jnp.stack([z.real, z.imag])


def _complex(parts: Array) -> Array:
    return jax.lax.complex(parts[0], parts[1])


def _in_parts(rate: Callable[..., Array], t: Any, y: Array, arguments: tuple) -> Array:
    del t
    return _parts(rate(_complex(y), *arguments))


def _rms(error: Array) -> Array:
    """Root mean square of moduli."""
    return jnp.sqrt(jnp.mean(intensity(error)))


class _UnrolledDopri8(diffrax.Dopri8):
    """diffrax's Dopri8, its stages written out: a loop over them takes as long as the short transforms within."""

    def init(self, terms: Any, t0: Any, t1: Any, y0: Array, args: Any) -> Any:
        return terms.vf(t0, y0, args)

    def step(
        self, terms: Any, t0: Any, t1: Any, y0: Array, args: Any, solver_state: Any, made_jump: Any
    ) -> tuple[Any, Any, Any, Any, diffrax.RESULTS]:
        h, tableau = t1 - t0, self.tableau
        y1, rate, increments = y0, solver_state, [h * solver_state]
        for fraction, weights in zip(tableau.c, tableau.a_lower, strict=True):
            y1 = y0 + _weighted(weights, increments)
            rate = terms.vf(t0 + float(fraction) * h, y1, args)
            increments.append(h * rate)
        # The last stage is the solution, and its rate the first of the next step.
        error = _weighted(tableau.b_error, increments)
        dense = {"y0": y0, "y1": y1, "k": jnp.stack(increments)}
        return y1, error, dense, rate, diffrax.RESULTS.successful


def _weighted(weights: Any, increments: list[Array]) -> Array:
    terms = [float(weight) * k for weight, k in zip(weights, increments, strict=True) if weight]
    return sum(terms[1:], terms[0])


class _ByModulus(diffrax.AbstractAdaptiveStepSizeController):
    """A controller that sees real and imaginary parts as the complex numbers they are of."""

    rtol: Any
    atol: Any
    norm: Callable[[Any], Any]
    inner: diffrax.PIDController

    def wrap(self, direction: Any) -> "_ByModulus":
        del direction  # times increase
        return self

    def init(
        self, terms: Any, t0: Any, t1: Any, y0: Array, dt0: Any, args: Any, func: Any, error_order: Any
    ) -> tuple[Any, Any]:
        def complex_rate(terms: Any, t: Any, y: Array, args: Any) -> Array:
            return _complex(func(terms, t, _parts(y), args))

        return self.inner.init(terms, t0, t1, _complex(y0), dt0, args, complex_rate, error_order)

    def adapt_step_size(
        self,
        t0: Any,
        t1: Any,
        y0: Any,
        y1_candidate: Any,
        args: Any,
        y_error: Any,
        error_order: Any,
        controller_state: Any,
    ) -> Any:
        before, after, error = _complex(y0), _complex(y1_candidate), _complex(y_error)
        return self.inner.adapt_step_size(t0, t1, before, after, args, error, error_order, controller_state)
