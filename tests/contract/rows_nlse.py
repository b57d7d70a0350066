"""The contract of Schroedinger waves: simulators, observables, and the measures that came with them."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import information, metrics, observables, simulators
from entropax.simulators import Schrodinger
from tests.contract.harness import Bad, Row, simplex

RNG = np.random.default_rng(12)
X = np.linspace(-2.0, 2.0, 8, endpoint=False)
RE = np.exp(-((X - 0.3) ** 2)) * (1.1 + 0.2 * RNG.normal(size=8))
IM = 0.6 * np.exp(-((X + 0.2) ** 2)) * (1 + 0.3 * RNG.normal(size=8))
K = 2 * np.pi * np.fft.fftfreq(8, 0.5)
FILTER = np.exp(-((np.abs(K) / 7) ** 6))
LENGTH, DT = np.float64(4.0), np.float64(0.05)
P = RNG.dirichlet(np.ones(5))
A, B, C = RNG.normal(size=5), RNG.normal(size=4) + 0.3, RNG.normal(size=3)
NUMBER = np.float64(0.7)
PAIR, SPEEDS = np.array([1.2, 0.8]), np.array([0.9, -0.4])
COMPLEX = "complex numbers have no half precision"
STATE = "an integer wave is complex all the same, and its rate is not an integer's"
STEP = "an integer counts, and is no change of a count"
HOLDS = dict.fromkeys(("bad_static", "bad_values", "integer", "half"), "it holds what a function computed")


def parts(z):
    """Real and imaginary part, which the checks can read."""
    return jnp.stack([z.real, z.imag])


def wave(re, im):
    return jax.lax.complex(*jnp.broadcast_arrays(re, im))


def system(re, im, length, dt, method="yoshida4"):
    return Schrodinger(wave(re, im), length=length, dt=dt, method=method)


def step(method):
    def call(re, im, length, dt):
        one = system(re, im, length, dt, method)
        return parts(one.step(one.initial, key=jax.random.key(0)))

    return call


def solve(re, im, length):
    one = system(re, im, length, 0.1)
    times = jnp.array([0.0, 0.03, 0.05], length.dtype)
    rtol = 1e-9 if times.dtype == jnp.float64 else 1e-5
    return parts(one.solve(one.initial, times, rtol=rtol, atol=rtol / 100, max_steps=64).value)


def everything(re, im, length, dt):
    """What a system does beside stepping and solving."""
    one = system(re, im, length, dt)
    psi, kept = one.init(key=jax.random.key(0)), one.invariants(one.initial)
    prepared = one.prepared().step(psi, key=jax.random.key(0))
    field = one.vector_field(0.0, psi)
    numbers = jnp.stack([kept.mass, kept.momentum, kept.energy])
    return numbers, parts(field), parts(prepared), one.points, one.wavenumbers, one.grid.spacing


def measured(name, **options):
    """A row of an observable that gives a number of a wave."""
    return Row(
        name=f"observables.{name}",
        call=lambda re, im: getattr(observables, name)(wave(re, im), **options),
        arguments=lambda: (RE, IM),
        differentiable=(0, 1),
        bad_static=(Bad((RE[:1], IM[:1]), "psi must have shape"),),
        bad_values=(Bad((0 * RE, 0 * IM), "psi must not be zero everywhere"),),
        exempt={"half": COMPLEX, "integer": STATE},
    )


def packet(name, *numbers, bad, **options):
    """A row of a closed form, given positions and its parameters."""
    return Row(
        name=f"simulators.{name}",
        call=lambda x, *rest: parts(getattr(simulators, name)(x, *rest, **options)),
        arguments=lambda: (X, *map(np.float64, numbers)),
        differentiable=tuple(range(len(numbers) + 1)),
        bad_static=(Bad((X, X, *map(np.float64, numbers[1:])), "must be a number"),),
        bad_values=(bad,),
        half="float32",
    )


ROWS = [
    Row(
        name="simulators.Schrodinger.step",
        call=step("kahan_li8"),
        arguments=lambda: (RE, IM, LENGTH, DT),
        differentiable=(0, 1, 2, 3),
        bad_static=(
            Bad((RE[:7], IM[:7], LENGTH, DT), r"initial must have shape \(n,\) with n even and at least 8, got \(7,\)"),
            Bad((RE[:6], IM[:6], LENGTH, DT), r"initial must have shape \(n,\) with n even and at least 8, got \(6,\)"),
        ),
        bad_values=(
            Bad((RE, IM, -LENGTH, DT), "length must be positive"),
            Bad((RE, IM, LENGTH, 0 * DT), "dt must be positive"),
            Bad((0 * RE, 0 * IM, LENGTH, DT), "initial must not be zero everywhere"),
        ),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="simulators.Schrodinger.prepared",
        members=("init", "invariants", "vector_field", "grid", "points", "wavenumbers"),
        call=everything,
        arguments=lambda: (RE, IM, LENGTH, DT),
        differentiable=(0, 1, 2),
        select=lambda output: output[:3],
        bad_static=(Bad((RE[:7], IM[:7], LENGTH, DT), "initial must have shape"),),
        bad_values=(Bad((RE, IM, -LENGTH, DT), "length must be positive"),),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="simulators.Schrodinger.solve",
        call=solve,
        arguments=lambda: (RE, IM, LENGTH),
        differentiable=(0, 1, 2),
        bad_static=(Bad((RE[:7], IM[:7], LENGTH), "initial must have shape"),),
        bad_values=(Bad((RE, IM, -LENGTH), "length must be positive"),),
        rtol=1e-5,
        slow=True,
        exempt={
            "half": COMPLEX,
            "integer": STATE,
            "leaks": "jax's leak checker fails inside diffrax's loops",
            "forward": "diffrax's default adjoint is for reverse mode; forward mode by its own is tested beside it",
            "second_order": "diffrax's default adjoint has no forward mode over it",
        },
    ),
    Row(
        name="simulators.WaveInvariants",
        call=lambda x: simulators.WaveInvariants(x, 2 * x, x**2).energy,
        arguments=lambda: (X,),
        exempt=HOLDS,
    ),
    Row(
        name="simulators.WaveSolution",
        call=lambda x: simulators.WaveSolution(x[None], jnp.asarray(True), jnp.asarray(1), jnp.asarray(0)).value ** 2,
        arguments=lambda: (X,),
        exempt=HOLDS,
    ),
    Row(
        name="simulators.nlse_rhs",
        call=lambda re, im, k, s: parts(simulators.nlse_rhs(wave(re, im), k, s)),
        arguments=lambda: (RE, IM, K, FILTER),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((RE, IM, K[:7], FILTER), "wavenumbers must have the shape of psi_hat"),),
        exempt={
            "half": COMPLEX,
            "integer": STATE,
            "bad_values": "every finite wave, wavenumber and filter has a rate, and others give what is not finite",
        },
    ),
    Row(
        name="simulators.exponential_filter",
        call=lambda k, cutoff, a: simulators.exponential_filter(k, cutoff, order=4, strength=a),
        arguments=lambda: (X + 0.1, np.float64(1.7), np.float64(2.0)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, X, np.float64(2.0)), "cutoff must be a number"),),
        bad_values=(
            Bad((X, np.float64(-1.0), np.float64(2.0)), "cutoff must be positive"),
            Bad((X, np.float64(1.0), np.float64(0.0)), "strength must be positive"),
        ),
    ),
    packet("soliton", 1.2, 0.1, 0.6, bad=Bad((X, -NUMBER, NUMBER, NUMBER), "amplitude must be positive"), time=0.3),
    packet("breather_packet", 1.1, 0.5, 0.4, bad=Bad((X, -NUMBER, NUMBER, NUMBER), "amplitude must be positive")),
    packet("akhmediev_breather", 0.3, 0.2, bad=Bad((X, NUMBER, np.float64(0.6)), r"modulation must be in \(0, 1/2\)")),
    Row(
        name="simulators.noisy_gaussian",
        call=lambda x, a, s, c, e: parts(simulators.noisy_gaussian(x, a, s, c, e, key=jax.random.key(1))),
        arguments=lambda: (X, NUMBER, np.float64(1.5), np.float64(0.2), np.float64(0.1)),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((X, X, NUMBER, NUMBER, NUMBER), "amplitude must be a number"),),
        bad_values=(Bad((X, NUMBER, -NUMBER, NUMBER, NUMBER), "width must be positive"),),
        half="float32",
        exempt={"integer": "jax draws other noise in other precisions, so results differ"},
    ),
    Row(
        name="simulators.superposed_solitons",
        call=lambda x, a, x0, v: parts(simulators.superposed_solitons(x, a, x0, v)),
        arguments=lambda: (X, PAIR, np.array([-0.5, 0.7]), SPEEDS),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((X, PAIR, PAIR[:1], SPEEDS), "positions must have the shape of amplitudes"),),
        bad_values=(Bad((X, -PAIR, PAIR, SPEEDS), "amplitudes must be positive"),),
        half="float32",
    ),
    Row(
        name="simulators.soliton_collision_shift",
        call=simulators.soliton_collision_shift,
        arguments=lambda: (PAIR, SPEEDS),
        differentiable=(0, 1),
        bad_static=(Bad((PAIR[:1], SPEEDS), r"amplitudes must have shape \(2,\)"),),
        bad_values=(
            Bad((-PAIR, SPEEDS), "amplitudes must be positive"),
            Bad((PAIR, np.ones(2)), "velocities must differ"),
        ),
    ),
    Row(
        name="simulators.modulation_growth_rate",
        call=simulators.modulation_growth_rate,
        arguments=lambda: (np.array([0.3, 0.9, 5.0]), NUMBER),
        differentiable=(0, 1),
        bad_static=(Bad((X, X), "amplitude must be a number"),),
        bad_values=(Bad((np.array([0.3, 0.9, 5.0]), -NUMBER), "amplitude must be positive"),),
        half="float32",
    ),
    measured("intensity_distribution"),
    measured("mode_distribution"),
    measured("spatial_entropy"),
    measured("spectral_entropy"),
    Row(
        name="observables.energy_centre",
        call=lambda re, im, x: observables.energy_centre(wave(re, im), x),
        arguments=lambda: (RE, IM, X),
        differentiable=(0, 1, 2),
        bad_static=(Bad((RE, IM, X[:7]), r"points must have shape \(8,\)"),),
        bad_values=(Bad((0 * RE, 0 * IM, X), "psi must not be zero everywhere"),),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="observables.spectral_moments",
        call=lambda re, im: jax.tree.leaves(observables.spectral_moments(wave(re, im))),
        arguments=lambda: (RE, IM),
        differentiable=(0, 1),
        bad_static=(Bad((RE[:1], IM[:1]), "psi must have shape"),),
        bad_values=(Bad((0 * RE, 0 * IM), "psi must not be zero everywhere"),),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="observables.SpectralMoments",
        call=lambda x: observables.SpectralMoments(x, 2 * x).mean ** 2,
        arguments=lambda: (X,),
        exempt=HOLDS,
    ),
    Row(
        name="observables.spectral_richness",
        call=lambda re, im, f, t: observables.spectral_richness(wave(re, im), fraction=f, temperature=t),
        arguments=lambda: (RE, IM, np.float64(0.1), NUMBER),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((RE, IM, X, NUMBER), "fraction must be a number"),),
        bad_values=(
            Bad((RE, IM, np.float64(1.5), NUMBER), r"fraction must be in \(0, 1\)"),
            Bad((RE, IM, NUMBER, -NUMBER), "temperature must be positive"),
        ),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="observables.wave_entropies",
        call=lambda re, im: observables.wave_entropies(wave(re, im)),
        arguments=lambda: (RE, IM),
        slow=True,
        differentiable=(0, 1),
        select=lambda e: [
            e.spatial,
            e.normalized,
            e.spectral,
            e.renyi_2,
            e.renyi_inf,
            e.tsallis_half,
            e.tsallis_2,
            e.disequilibrium,
            e.complexity,
        ],
        bad_static=(Bad((RE[:4], IM[:4]), r"psi must have shape \(n,\) with n >= 8, got \(4,\)"),),
        bad_values=(Bad((0 * RE, 0 * IM), "psi must not be zero everywhere"),),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="observables.WaveEntropies",
        call=lambda x: observables.WaveEntropies(*[x] * 12).sample ** 2,
        arguments=lambda: (NUMBER,),
        exempt=HOLDS,
    ),
    Row(
        name="observables.amplitude_entropy",
        call=lambda re, im, t: jax.tree.leaves(observables.amplitude_entropy(wave(re, im), bins=3, temperature=t)),
        arguments=lambda: (RE, IM, NUMBER),
        differentiable=(0, 1, 2),
        bad_static=(Bad((RE[None], IM[None], NUMBER), r"psi must have shape \(n,\)"),),
        bad_values=(Bad((RE, IM, -NUMBER), "temperature must be positive"),),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="observables.AmplitudeEntropy",
        call=lambda x: observables.AmplitudeEntropy(x, 2 * x).shifted ** 2,
        arguments=lambda: (NUMBER,),
        exempt=HOLDS,
    ),
    Row(
        name="observables.phase_space_statistics",
        call=lambda re, im: observables.phase_space_statistics(wave(re, im)),
        arguments=lambda: (RE, IM),
        slow=True,
        differentiable=(0, 1),
        select=lambda s: [
            s.pearson,
            s.phase_mean,
            s.phase_deviation,
            s.circular_mean,
            s.circular_deviation,
            s.radius,
            s.centroid,
            s.eccentricity,
            s.skewness,
            s.kurtosis,
        ],
        bad_static=(Bad((RE[:4], IM[:4]), r"psi must have shape \(n,\) with n >= 8, got \(4,\)"),),
        bad_values=(Bad((RE, 0 * IM), "psi must vary in its real and in its imaginary part"),),
        exempt={"half": COMPLEX, "integer": STATE},
    ),
    Row(
        name="observables.PhaseSpaceStatistics",
        call=lambda x: observables.PhaseSpaceStatistics(*[x] * 12).kurtosis ** 2,
        arguments=lambda: (NUMBER,),
        exempt=HOLDS,
    ),
    Row(
        name="observables.intensity_statistics",
        call=observables.intensity_statistics,
        arguments=lambda: (RE**2,),
        bad_static=(Bad((RE[None],), r"intensities must have shape \(n,\) with n > 1"),),
        bad_values=(
            Bad((-(RE**2),), "intensities must be non-negative"),
            Bad((np.ones(8),), "intensities must not all be equal"),
        ),
        half="float32",
    ),
    Row(
        name="observables.IntensityStatistics",
        call=lambda x: observables.IntensityStatistics(*[x] * 6).kurtosis ** 2,
        arguments=lambda: (NUMBER,),
        exempt=HOLDS,
    ),
    Row(
        name="metrics.cliffs_delta",
        call=lambda x, y, t: metrics.cliffs_delta(x, y, temperature=t),
        arguments=lambda: (A, B, NUMBER),
        differentiable=(0, 1, 2),
        bad_static=(Bad((A[None], B, NUMBER), r"x must have shape \(n,\)"),),
        bad_values=(
            Bad((A * np.nan, B, NUMBER), "x and y must be finite"),
            Bad((A, B, -NUMBER), "temperature must be positive"),
        ),
        half="float32",
    ),
    Row(
        name="metrics.kruskal_wallis",
        call=lambda x, y, z, t: metrics.kruskal_wallis(x, y, z, temperature=t),
        arguments=lambda: (A, B, C, NUMBER),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((A[None], B, C, NUMBER), r"samples\[0\] must have shape \(n,\)"),),
        bad_values=(Bad((A, B * np.nan, C, NUMBER), "samples must be finite"),),
        half="float32",
    ),
    Row(
        name="metrics.RankTest",
        call=lambda x: metrics.RankTest(x, 2 * x, 1).value ** 2,
        arguments=lambda: (NUMBER,),
        exempt=HOLDS,
    ),
    Row(
        name="information.disequilibrium",
        call=information.disequilibrium,
        arguments=lambda: (P,),
        project={0: simplex},
        bad_static=(Bad((NUMBER,), "p must have"),),
        bad_values=(Bad((-P,), "p must be non-negative"),),
        fast=True,
    ),
    Row(
        name="information.lmc_complexity",
        call=information.lmc_complexity,
        arguments=lambda: (P,),
        project={0: simplex},
        bad_static=(Bad((P[:1] / P[:1],), r"p must have shape \(..., n\) with n >= 2"),),
        bad_values=(Bad((-P,), "p must be non-negative"),),
    ),
]
