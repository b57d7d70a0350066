"""The contract of `entropax.losses`."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import losses
from entropax.losses import ScoreEvaluation, StationaryResiduals
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(3)
X, B, S = RNG.standard_normal((3, 4, 2, 2))
SLOPES = RNG.standard_normal((2, 4, 2, 2))
DIV_B = RNG.standard_normal((4, 2))
A = RNG.standard_normal((4, 4)) / 2
D = np.array([0.2, 0.7]).reshape(2, 1)
NOT_FINITE = np.where(np.arange(4)[:, None, None] == 1, np.nan, X)
HOLDS = {
    "bad_static": "it holds results that its function has checked",
    "bad_values": "it holds results that its function has checked",
    "integer": "it holds results as they are",
    "second_order": "it holds results: the map is linear",
}
INTEGERS = "its argument is a result, whose fields are floating"
PASSES = "a NaN of the network passes through, so that a training loop's stop rules see it"


def key():
    return jax.random.key(5)


def score(A):
    return lambda x: jnp.sin(A.astype(x.dtype) @ x.reshape(-1)).reshape(x.shape) - x


def on_propulsions(A, x, sigma, key):
    return losses.denoising_score_matching_loss(score(A), x, sigma=sigma, key=key, target=np.array([[0], [1]]))


def by_dynamics(A, x, b, D, dt, key):
    return losses.dynamics_denoising_loss(score(A), x, b, diffusion=D, dt=dt, key=key)


def probes(A, x, key):
    return losses.evaluate_score(score(A), x, divergence="hutchinson", key=key, num_probes=2)


ROWS = [
    Row(
        name="losses.evaluate_score",
        call=lambda A, x: losses.evaluate_score(score(A), x),
        arguments=lambda: (A, X),
        differentiable=(0, 1),
        bad_static=(Bad((A, X[0, 0]), r"samples must have shape \(n, \*shape\) with at least two axes"),),
        bad_values=(Bad((A, NOT_FINITE), "samples must be finite"),),
        fast=True,
    ),
    Row(
        name="losses.evaluate_score.hutchinson",
        call=probes,
        arguments=lambda: (A, X, key()),
        differentiable=(0, 1),
        bad_static=(
            Bad(lambda: (A, X, None), "key must be given"),
            Bad(lambda: (A, X, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
        ),
        bad_values=(Bad(lambda: (A, NOT_FINITE, key()), "samples must be finite"),),
    ),
    Row(
        name="losses.implicit_score_matching_loss",
        call=lambda s, slopes: losses.implicit_score_matching_loss(ScoreEvaluation(s, slopes)),
        arguments=lambda: (S, SLOPES),
        differentiable=(0, 1),
        half="float32",
        bad_static=(Bad((S, SLOPES[:, :3]), r"slopes must have shape \(p, 4, 2, 2\)"),),
        exempt={"bad_values": PASSES, "integer": INTEGERS},
        fast=True,
    ),
    Row(
        name="losses.stationary_residuals",
        call=lambda s, slopes, b, div_b, D: losses.stationary_residuals(ScoreEvaluation(s, slopes), b, div_b, D),
        arguments=lambda: (S, SLOPES, B, DIV_B, D),
        differentiable=(0, 1, 2, 3, 4),
        half="float32",
        bad_static=(
            Bad((S, SLOPES, B[:3], DIV_B, D), r"drift must have shape \(4, 2, 2\)"),
            Bad((S, SLOPES, B, DIV_B[:3], D), r"drift_slopes must have shape \(4, ...\)"),
            Bad((S, SLOPES, B, DIV_B, np.ones(3)), "diffusion must be broadcastable"),
        ),
        bad_values=(Bad((S, SLOPES, B, DIV_B, -D), "diffusion must be non-negative"),),
        exempt={"integer": INTEGERS},
    ),
    Row(
        name="losses.stationary_fokker_planck_loss",
        call=lambda div, dot: losses.stationary_fokker_planck_loss(StationaryResiduals(div, dot)),
        arguments=lambda: (SLOPES[:, :, 0, 0], S[:, 0, 0]),
        differentiable=(0, 1),
        half="float32",
        bad_static=(Bad((S[0], S[:, 0, 0]), r"velocity_divergence must have shape \(p, 4\)"),),
        exempt={"bad_values": PASSES, "integer": INTEGERS},
    ),
    Row(
        name="losses.denoising_score_matching_loss",
        call=on_propulsions,
        arguments=lambda: (A, X, np.float64(0.3), key()),
        differentiable=(0, 1, 2),
        half="float32",
        bad_static=(
            Bad(lambda: (A, X[0, 0], 0.3, key()), r"samples must have shape"),
            Bad(lambda: (A, X[..., :1].repeat(3, 1), 0.3, key()), "target must be broadcastable"),
            Bad(lambda: (A, X, 0.3, 7), "key must be a key", TypeError),
        ),
        bad_values=(
            Bad(lambda: (A, X, np.float64(0.0), key()), "sigma must be positive"),
            Bad(lambda: (A, NOT_FINITE, np.float64(0.3), key()), "samples must be finite"),
        ),
        fast=True,
    ),
    Row(
        name="losses.dynamics_denoising_loss",
        call=by_dynamics,
        arguments=lambda: (A, X, B, D, np.float64(0.1), key()),
        differentiable=(0, 1, 2, 3, 4),
        half="float32",
        bad_static=(
            Bad(lambda: (A, X, B[:3], D, 0.1, key()), r"drift must have shape \(4, 2, 2\)"),
            Bad(lambda: (A, X, B, np.ones(3), 0.1, key()), "diffusion must be broadcastable"),
            Bad(lambda: (A, X, B, D, 0.1, 7), "key must be a key", TypeError),
        ),
        bad_values=(
            Bad(lambda: (A, X, B, -D, np.float64(0.1), key()), "diffusion must be non-negative"),
            Bad(lambda: (A, X, B, D, np.float64(0.0), key()), "dt must be positive"),
            Bad(lambda: (A, NOT_FINITE, B, D, np.float64(0.1), key()), "samples must be finite"),
        ),
    ),
    Row(
        name="losses.ScoreEvaluation",
        members=("divergence",),
        call=lambda s, slopes: ScoreEvaluation(s, slopes).divergence,
        arguments=lambda: (S, SLOPES),
        differentiable=(1,),
        exempt=HOLDS,
    ),
    Row(
        name="losses.StationaryResiduals",
        members=("value",),
        call=lambda div, dot: StationaryResiduals(div, dot).value,
        arguments=lambda: (SLOPES[:, :, 0, 0], S[:, 0, 0]),
        differentiable=(0, 1),
        exempt=HOLDS,
    ),
]
