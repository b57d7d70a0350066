"""Waves of the cubic Schroedinger equation: `Schrodinger` against the paper's package, on its four cases.

Both solve to t = 20 on 512 points and return one hundred snapshots, in float64. Twice each:

- at equal tolerance: `Schrodinger.solve` (Dopri8 with dense output) and the package (DOP853), both with rtol 1e-9,
  atol 1e-11 on the Fourier coefficients, steps up to 0.1 and the same filter; their snapshots agree.
- at equal error: split steps of order 8 against the same run of the package. The error of each is its largest distance,
  over all snapshots and points, from a solution on twice as many points with steps short enough that the errors of
  steps and grid have vanished. Ours must not be the larger one.

The package is timed without its monitor of conserved quantities and its progress bar. It is one thread of numpy and
scipy, whose calls gain nothing from more.
"""

import contextlib
import io
from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from entropax import simulators
from entropax.simulators import Schrodinger
from experiments.benchmarks.harness import Case
from experiments.simulators._nlse_cases import LENGTH, SNAPSHOTS, T_END, starts

NAME = "nlse"
DESCRIPTION = "Schroedinger waves of four cases to t = 20 on 512 points, float64, one hundred snapshots"
PEER = "simple-idealized-1d-nlse"

STEPS = {"soliton": 7, "two solitons": 5, "breathing packet": 7, "noisy packet": 7}
"""Split steps between two snapshots, the fewest whose error is not above the package's."""
FINE_STEPS = 40
"""The same for the solution that errors are measured from."""
AGREEMENT = 1e-7
"""Largest distance between the snapshots of two solutions at one tolerance; measured were at most 1e-8."""


def cases() -> Iterator[Case]:
    """Four waves, each at equal tolerance and at equal error."""
    from simple_idealized_1d_nlse import NLSESolver

    times = np.linspace(0, T_END, SNAPSHOTS)
    for name, psi in starts(512).items():
        with contextlib.redirect_stdout(io.StringIO()):
            package = NLSESolver(domain_length=LENGTH, num_points=512, verbose=False)
        theirs = {"one thread": partial(_package, package, np.asarray(psi))}
        with jax.enable_x64(True):
            system = Schrodinger(jnp.asarray(psi), length=LENGTH, dt=T_END / (SNAPSHOTS - 1) / STEPS[name])
            yield Case(
                name=f"{name}, equal tolerance",
                ours=partial(_tolerance, system, jnp.asarray(times)),
                peers=theirs,
                difference=lambda a, b: np.max(np.abs(a - b)),
                tolerance=AGREEMENT,
                seconds=15.0,
            )
            exact = fine_solution(np.asarray(psi))
            yield Case(
                name=f"{name}, equal error",
                ours=partial(_split_steps, system, STEPS[name]),
                peers=theirs,
                difference=partial(_ratio_of_errors, exact),
                tolerance=1.0,
                seconds=15.0,
            )


def fine_solution(psi: np.ndarray) -> np.ndarray:
    """Snapshots of the wave that passes through the given points, from twice as many.

    Args:
        psi: start, shape (n,).

    Returns:
        The wave at every second point, shape (snapshots, n).
    """
    n = psi.size
    modes = np.zeros(2 * n, complex)
    modes[np.fft.fftfreq(n, 1 / n).astype(int)] = 2 * np.fft.fft(psi)
    dt = T_END / (SNAPSHOTS - 1) / FINE_STEPS
    fine = Schrodinger(jnp.asarray(np.fft.ifft(modes)), length=LENGTH, dt=dt)
    return np.asarray(_split_steps(fine, FINE_STEPS))[:, ::2]


def _tolerance(system: Schrodinger, times: jax.Array) -> jax.Array:
    return system.solve(system.initial, times, rtol=1e-9, atol=1e-11, max_step=0.1).value


def _split_steps(system: Schrodinger, every: int) -> jax.Array:
    key, total = jax.random.key(0), every * (SNAPSHOTS - 1)
    later = simulators.simulate(system, system.initial, total, key=key, observe=_itself, every=every)[1]
    return jnp.concatenate([system.initial[None], later])


def _itself(psi: jax.Array) -> jax.Array:
    return psi


def _package(solver: "object", psi: np.ndarray) -> np.ndarray:
    options = {"t_final": T_END, "n_snapshots": SNAPSHOTS, "show_progress": False, "monitor_conservation": False}
    return solver.solve(psi, **options)["psi"]  # pyright: ignore[reportAttributeAccessIssue]


def _ratio_of_errors(exact: np.ndarray, ours: jax.Array, theirs: np.ndarray) -> float:
    return float(np.max(np.abs(np.asarray(ours) - exact)) / np.max(np.abs(theirs - exact)))
