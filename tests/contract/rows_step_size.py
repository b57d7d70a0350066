"""The contract of step sizes and of the singularities behind them."""

import jax.numpy as jnp
import numpy as np

from entropax import optimize
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(12)
Z, A = RNG.standard_normal((2, 2, 3))
W, V, X = RNG.standard_normal((3, 2, 3))
U = np.array([0.4, -1.5])
S = np.array([1.2, 2.0])
NOT_FINITE = np.where(np.arange(3) == 1, np.nan, Z)
PASSES = "a NaN of the network passes through, so that a training loop's stop rules see it"
OWN_FUNCTION = "the logits are the user's function, fresh at every call: jit the step around it"


def logits(W, x):
    return jnp.tanh(x @ W.T.astype(x.dtype)) * jnp.arange(1.0, 3.0, dtype=x.dtype).reshape(1, 2)


def bound(W, V, X, T):
    return optimize.convergence_radius_bound(logits, W, V, X, temperature=T)


def stepped(make):
    """One update of a transformation, and what its state says."""

    def call(W, V, X, length):
        transformation = make(length)
        updates, state = transformation.update(V, transformation.init(W), W, logits_fn=logits, batch=X)
        return updates, state.normalized_step, state.scale

    return call


def path(name, **more):
    return Row(
        name=f"optimize.{name}",
        arguments=lambda: (Z, A, 0.7),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((Z[:, :1], A, 0.7), r"z must have shape \(\.\.\., n\) with n >= 2 classes, got \(2, 1\)"),
            Bad((Z, A[:1], 0.7), r"a must have the shape of z, \(2, 3\), got \(1, 3\)"),
            Bad((Z, A, U), "tau must be a number"),
        ),
        bad_values=(
            Bad((np.full_like(Z, np.nan), A, 0.7), "z must be finite"),
            Bad((Z, A, np.inf), "tau must be finite"),
        ),
        half="float32",
        **more,
    )


def transformation(name, make, length, **more):
    return Row(
        name=f"optimize.{name}",
        call=stepped(make),
        arguments=lambda: (W, V, X, length),
        differentiable=(0, 1, 2, 3),
        bad_static=(
            Bad((W, V[:1], X, length), r"updates must have the shapes of params, here \(2, 3\), got \(1, 3\)"),
            Bad((W, V, X, U), r"must be a number, got an array of shape \(2,\)"),
        ),
        bad_values=(Bad((W, V, X, -1.0), "(limit|target) must be positive"),),
        exempt={
            "recompile": OWN_FUNCTION,
            "half": "updates keep their dtype, the state is of the dtype of the length",
            "integer": "parameters are floating",
        },
        **more,
    )


ROWS = [
    Row(
        name="optimize.logit_spread",
        call=optimize.logit_spread,
        arguments=lambda: (A,),
        bad_static=(Bad((A[:, :1],), r"a must have shape \(\.\.\., n\) with n >= 2 classes, got \(2, 1\)"),),
        bad_values=(Bad((np.full_like(A, np.nan),), "a must be finite"),),
        half="float32",
        exempt={"second_order": "it is linear between kinks"},
        fast=True,
    ),
    Row(
        name="optimize.convergence_radius_bound",
        call=bound,
        arguments=lambda: (W, V, X, 0.8),
        differentiable=(0, 1, 2, 3),
        bad_static=(
            Bad((W, V[:1], X, 0.8), r"direction must have the shapes of params, here \(2, 3\), got \(1, 3\)"),
            Bad((W, (V,), X, 0.8), "direction must have the structure of params"),
            Bad((W, V, X, U), "temperature must be a number"),
        ),
        bad_values=(Bad((W, V, X, -0.8), "temperature must be positive"),),
        exempt={"recompile": OWN_FUNCTION, "integer": "parameters are floating"},
        half="float32",
    ),
    Row(
        name="optimize.normalized_step",
        call=lambda u, v, rho: optimize.normalized_step({"u": u, "v": v}, rho),
        arguments=lambda: (U, A, 0.8),
        differentiable=(0, 1, 2),
        bad_static=(Bad((U, A, U), "radius must be a number"),),
        bad_values=(Bad((U, A, 0.0), "radius must be positive, got 0"),),
        half="float32",
    ),
    transformation("radius_clip", optimize.radius_clip, 0.05),
    transformation("radius_step", optimize.radius_step, 0.7),
    Row(
        name="optimize.RadiusState",
        call=lambda u: tuple(optimize.RadiusState(u, 2 * u)),
        arguments=lambda: (U,),
        exempt={
            "bad_static": "it holds what a transformation has computed",
            "bad_values": "it holds what a transformation has computed",
            "integer": "it holds what a transformation has computed",
            "second_order": "it holds what a transformation has computed",
        },
    ),
    Row(
        name="optimize.binary_radius",
        call=optimize.binary_radius,
        arguments=lambda: (U, S),
        differentiable=(0, 1),
        bad_static=(Bad((U, S[:1]), r"spread must have the shape of delta, \(2,\), got \(1,\)"),),
        bad_values=(
            Bad((np.full_like(U, np.nan), S), "delta must be finite"),
            Bad((U, -S), "spread must be non-negative"),
        ),
        half="float32",
    ),
    Row(
        name="optimize.partition_zero",
        call=lambda z, a: optimize.partition_zero(z, a, num_steps=25),
        arguments=lambda: (Z, A),
        differentiable=(0, 1),
        select=lambda found: (found.value, jnp.real(found.zero), jnp.imag(found.zero)),
        bad_static=(
            Bad((Z[:, :1], A), r"z must have shape \(\.\.\., n\) with n >= 2 classes, got \(2, 1\)"),
            Bad((Z, A[:1]), r"a must have the shape of z, \(2, 3\), got \(1, 3\)"),
        ),
        bad_values=(Bad((np.full_like(Z, np.nan), A), "z must be finite"),),
        half="float32",
    ),
    Row(
        name="optimize.PartitionZero",
        call=lambda z, a: optimize.PartitionZero(*optimize.partition_zero(z, a, num_steps=25).__dict__.values()),
        arguments=lambda: (Z, A),
        differentiable=(),
        exempt={
            "gradient": "the row of its function holds them",
            "bad_static": "it holds what its function has computed",
            "bad_values": "it holds what its function has computed",
            "half": "the row of its function holds it",
        },
        slow=True,
    ),
    Row(
        name="optimize.taylor_coefficients",
        call=lambda z, a: optimize.taylor_coefficients(z, a, order=5),
        arguments=lambda: (Z, A),
        differentiable=(0, 1),
        bad_static=(
            Bad((Z[:, :1], A), r"z must have shape \(\.\.\., n\) with n >= 2 classes, got \(2, 1\)"),
            Bad((Z, A[:1]), r"a must have the shape of z, \(2, 3\), got \(1, 3\)"),
        ),
        bad_values=(Bad((Z, np.full_like(A, np.inf)), "a must be finite"),),
        half="float32",
    ),
    path("kl_path", call=optimize.kl_path),
    path("kl_path.reverse", call=lambda z, a, tau: optimize.kl_path(z, a, 3 * tau, direction="reverse"), slow=True),
    path("kl_path_quadratic", call=optimize.kl_path_quadratic),
    Row(
        name="optimize.kl_remainder_bound",
        call=optimize.kl_remainder_bound,
        arguments=lambda: (U, S),
        differentiable=(0, 1),
        bad_static=(Bad((U, S[:1]), r"spread must have the shape of tau, \(2,\), got \(1,\)"),),
        bad_values=(
            Bad((np.full_like(U, np.nan), S), "tau must be finite"),
            Bad((U, -S), "spread must be non-negative"),
        ),
        half="float32",
    ),
    Row(
        name="optimize.activation_radius",
        call=lambda h, hdot: optimize.activation_radius(h, hdot, kind="gelu_tanh"),
        arguments=lambda: (3 * U, S),
        differentiable=(0, 1),
        bad_static=(Bad((U, S[:1]), r"hdot must have the shape of h, \(2,\), got \(1,\)"),),
        bad_values=(
            Bad((np.full_like(U, np.nan), S), "h must be finite"),
            Bad((U, np.full_like(S, np.inf)), "hdot must be finite"),
        ),
        half="float32",
    ),
]
