"""The contract of `entropax.thermodynamics`."""

import jax.numpy as jnp
import numpy as np

from entropax import thermodynamics
from entropax.thermodynamics import MeanRate, SpatialRate, StationarityDiagnostics, Trajectory
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(11)
B, S, V = RNG.standard_normal((3, 2, 3, 2))
D = np.array([0.2, 0.7]).reshape(2, 1, 1)
NO_NOISE = np.array([0.0, 0.7]).reshape(2, 1, 1)
A2, D2 = np.array([[1.5, -0.8], [0.5, 1.0]]), np.array([0.5, 1.2])
SAMPLES = RNG.standard_normal((4, 6))
POSITIONS, RATES = RNG.uniform(0.1, 0.9, (5, 2)), RNG.uniform(0.5, 2.0, 5)
POINTS = np.array([[0.3, 0.4], [0.8, 0.5], [0.1, 0.1]])
NAN = np.full(6, np.nan)
FACTORISES = "the factorisations of small matrices have no half-precision kernels"
HOLDS = {
    "bad_static": "it holds results that its function has checked",
    "bad_values": "it holds results that its function has checked",
    "second_order": "it holds results: the map is linear",
    "integer": "it holds results as they are",
}
TIMES = np.array([0.0, 0.4, 1.0])


def rotate(x):
    return jnp.stack([x[1], -jnp.sin(x[0])])


ROWS = [
    Row(
        name="thermodynamics.probability_flow_velocity",
        call=thermodynamics.probability_flow_velocity,
        arguments=lambda: (B, S, D),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((B, S[0], D), "score must have the shape of drift"),
            Bad((B, S, np.ones(3)), "diffusion must be broadcastable"),
        ),
        bad_values=(Bad((B, S, -D), "diffusion must be non-negative"),),
        fast=True,
    ),
    Row(
        name="thermodynamics.total_entropy_production",
        call=lambda v, D: thermodynamics.total_entropy_production(v, D, axis=(0, 2)),
        arguments=lambda: (V, D),
        differentiable=(0, 1),
        bad_static=(Bad((V, np.ones(3)), "diffusion must be broadcastable"), Bad((V[0], D[0]), "axis must name axes")),
        bad_values=(Bad((V, NO_NOISE), "for swimmers the g part"), Bad((V, -D), "diffusion must be positive")),
        fast=True,
    ),
    Row(
        name="thermodynamics.medium_entropy_production",
        call=lambda b, v, D: thermodynamics.medium_entropy_production(b, v, D, axis=(1, 2)),
        arguments=lambda: (B, V, D),
        differentiable=(0, 1, 2),
        bad_static=(Bad((B, V[0], D), "velocity must have the shape of drift"),),
        bad_values=(Bad((B, V, NO_NOISE), "for swimmers the g part"),),
    ),
    Row(
        name="thermodynamics.system_entropy_production",
        call=thermodynamics.system_entropy_production,
        arguments=lambda: (V, S),
        differentiable=(0, 1),
        bad_static=(Bad((V, S[0]), "score must have the shape of velocity"),),
        bad_values=(Bad((V, S * np.nan), "score must be finite"),),
    ),
    Row(
        name="thermodynamics.score_free_entropy_production",
        call=lambda b, div, D: thermodynamics.score_free_entropy_production(b, div, D, num_blocks=3),
        arguments=lambda: (SAMPLES.T.reshape(6, 4), SAMPLES[0], np.array([0.5, 1.0, 0.7, 0.2])),
        differentiable=(0, 1, 2),
        bad_static=(Bad((SAMPLES, SAMPLES[0], np.ones(6)), r"must have shapes \(n, \*shape\) and \(n, ...\)"),),
        bad_values=(
            Bad((SAMPLES.T, SAMPLES[0], np.zeros(4)), "for swimmers the g part"),
            Bad((SAMPLES.T, NAN, np.ones(4)), "drift_divergence must be finite"),
        ),
    ),
    Row(
        name="thermodynamics.linear_entropy_production",
        call=thermodynamics.linear_entropy_production,
        arguments=lambda: (A2, D2),
        differentiable=(0, 1),
        bad_static=(
            Bad((A2[:1], D2), r"drift_matrix must have shape \(d, d\)"),
            Bad((A2, np.ones(3)), r"diffusion must have shape \(2,\)"),
        ),
        bad_values=(
            Bad((-A2, D2), "drift_matrix must be stable"),
            Bad((A2, np.array([0.0, 1.0])), "for swimmers the g part"),
        ),
        exempt={"half": FACTORISES},
        fast=True,
    ),
    Row(
        name="thermodynamics.mean_rate",
        call=lambda x, y: thermodynamics.mean_rate(x, num_blocks=3, controls=y),
        arguments=lambda: (SAMPLES[0], SAMPLES[1][:, None]),
        differentiable=(0, 1),
        bad_static=(
            Bad((SAMPLES[0][:2], SAMPLES[1][:2, None]), "num_blocks must be at least 2 and at most 2"),
            Bad((SAMPLES, SAMPLES[1][:, None]), r"samples must have shape \(n,\)"),
        ),
        bad_values=(
            Bad((NAN, SAMPLES[1][:, None]), "samples must be finite"),
            Bad((SAMPLES[0], NAN[:, None]), "controls must be finite"),
        ),
        exempt={"half": "the regression on controls has no half-precision kernels"},
    ),
    Row(
        name="thermodynamics.generator",
        call=lambda x, b, D: thermodynamics.generator(lambda y: jnp.sin(y) * y[0], x, b, D),
        arguments=lambda: (SAMPLES[0][:2], SAMPLES[1][:2], D2),
        differentiable=(0, 1, 2),
        bad_static=(Bad((SAMPLES[0][:2], SAMPLES[1], D2), "drift must have the shape of state"),),
        bad_values=(Bad((SAMPLES[0][:2], SAMPLES[1][:2], -D2), "diffusion must be non-negative"),),
    ),
    Row(
        name="thermodynamics.stationarity_diagnostics",
        call=thermodynamics.stationarity_diagnostics,
        arguments=lambda: tuple(SAMPLES),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((SAMPLES[0], SAMPLES[1][:3], SAMPLES[2], SAMPLES[3]), "must have the shape of"),),
        bad_values=(Bad((SAMPLES[0], NAN, SAMPLES[2], SAMPLES[3]), "velocity_dot_score must be finite"),),
    ),
    Row(
        name="thermodynamics.spatial_rate",
        call=lambda x, r, low, high: thermodynamics.spatial_rate(x, r, lower=low, upper=high, bins=(2, 2)),
        arguments=lambda: (POSITIONS, RATES, np.zeros(2), np.ones(2)),
        differentiable=(1, 3),
        bad_static=(Bad((POSITIONS, RATES[:2], np.zeros(2), np.ones(2)), r"rates must have shape \(5,\)"),),
        bad_values=(Bad((POSITIONS, RATES, np.ones(2), np.zeros(2)), "upper - lower must be positive"),),
    ),
    Row(
        name="thermodynamics.smooth_spatial_rate",
        call=lambda x, r, y, h: thermodynamics.smooth_spatial_rate(x, r, y, bandwidth=h),
        arguments=lambda: (POSITIONS, RATES, POINTS, np.float64(0.3)),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((POSITIONS, RATES, POINTS[:, :1], 0.3), r"points must have shape \(m, 2\)"),),
        bad_values=(Bad((POSITIONS, RATES, POINTS, np.float64(0.0)), "bandwidth must be positive"),),
    ),
    Row(
        name="thermodynamics.probability_flow",
        call=lambda x, t: thermodynamics.probability_flow(rotate, x, t, rtol=1e-10, atol=1e-10, max_steps=256),
        arguments=lambda: (np.array([1.0, 0.3]), TIMES),
        differentiable=(0, 1),
        select=lambda trajectory: trajectory.value,
        bad_static=(
            Bad((np.ones(2), np.zeros(1)), "times must hold at least 2 values"),
            Bad((np.ones(2), np.ones((2, 2))), r"times must have shape \(t,\)"),
        ),
        bad_values=(Bad((np.ones(2), TIMES[::-1]), "times must be increasing"),),
        exempt={
            "forward": "the default adjoint is for reverse mode; tests/thermodynamics tests the forward one",
            "second_order": "the default adjoint is for reverse mode",
            "half": "adaptive steps are below the resolution of half precision",
        },
        rtol=1e-5,
    ),
    Row(
        name="thermodynamics.MeanRate",
        call=lambda x: MeanRate(value=x, standard_error=x, count=3),
        arguments=lambda: (np.float64(1.0),),
        exempt=HOLDS,
    ),
    Row(
        name="thermodynamics.SpatialRate",
        call=lambda x: SpatialRate(value=x, density=x, occupied=x > 0),
        arguments=lambda: (RATES,),
        exempt=HOLDS,
    ),
    Row(
        name="thermodynamics.StationarityDiagnostics",
        call=lambda x: StationarityDiagnostics(*[MeanRate(x, x, 2)] * 3, x, x, MeanRate(x, x, 2)),
        arguments=lambda: (np.float64(1.0),),
        exempt=HOLDS,
    ),
    Row(
        name="thermodynamics.Trajectory",
        call=lambda x: Trajectory(value=x, converged=jnp.all(x > 0), num_steps=jnp.int32(1)),
        arguments=lambda: (POSITIONS,),
        exempt=HOLDS,
    ),
]
