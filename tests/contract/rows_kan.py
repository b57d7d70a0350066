"""The contract of B-splines and of what is measured on Kolmogorov-Arnold networks."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import nn
from tests.contract.harness import Bad, Row

X = np.array([[-0.83, 0.21], [0.34, 0.68], [0.07, -0.46]])
ENDS = np.array([-1.0, -0.3, 0.2, 1.1])
KNOTS = np.array([-2.1, -1.2, -0.8, -0.1, 0.4, 0.9, 1.7, 2.3])
C = np.array([0.5, -0.2, 0.7, 0.1])
SAMPLES = np.array([-0.9, -0.4, 0.1, 0.35, 0.8])
VALUES = np.array([0.6, -0.2, 0.3, 0.9, 1.4])
NETWORK = jax.tree.map(np.asarray, nn.KAN((2, 2), rngs=nnx.Rngs(0)))
COEFFICIENTS = np.random.default_rng(3).standard_normal((6, 2, 2))
FALL = Bad((X, KNOTS[::-1].copy()), "knots must be finite and increase")
FEW = Bad((X, KNOTS[:4]), r"knots must have shape \(m,\) with m >= order \+ 2 = 5, got \(4,\)")
SIZES = "a choice of the grid search, piecewise constant in its data but for the regression's c and d"


def network(coefficients):
    """A network of these coefficients."""
    cast = jax.tree.map(lambda leaf: jnp.asarray(leaf, coefficients.dtype), NETWORK)
    cast.layers[0].coefficients[...] = coefficients
    return cast


ROWS = [
    Row(
        name="nn.bspline_basis",
        call=lambda x, t: nn.bspline_basis(x, t, order=3),
        arguments=lambda: (X, KNOTS),
        differentiable=(0, 1),
        bad_static=(FEW,),
        bad_values=(FALL, Bad((X, np.where(KNOTS > 2, np.nan, KNOTS)), "knots must be finite and increase")),
        fast=True,
    ),
    Row(
        name="nn.extend_knots",
        call=lambda t: nn.extend_knots(t, order=2),
        arguments=lambda: (ENDS,),
        bad_static=(Bad((ENDS[:1],), r"knots must have shape \(n,\) with n >= 2, got \(1,\)"),),
        bad_values=(Bad((ENDS[::-1].copy(),), "knots must be finite and increase"),),
        fast=True,
    ),
    Row(
        name="nn.kan_edge",
        call=lambda x, c, b, s, t: nn.kan_edge(x, c, b, s, t),
        arguments=lambda: (X, C, np.array(0.6), np.array(1.3), KNOTS),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(
            Bad((X, C[:3], np.array(0.6), np.array(1.3), KNOTS), r"coefficients must have shape \(4,\), got \(3,\)"),
            Bad((X, C, C, np.array(1.3), KNOTS), r"base_weight must have shape \(\), got \(4,\)"),
        ),
        bad_values=(
            Bad((X, C, np.array(0.6), np.array(1.3), KNOTS[::-1].copy()), "knots must be finite and increase"),
        ),
    ),
    Row(
        name="nn.edge_norms",
        call=lambda x, c: nn.edge_norms(network(c), x),
        arguments=lambda: (X, COEFFICIENTS),
        differentiable=(0, 1),
        bad_static=(Bad((X[:, :1], COEFFICIENTS), r"x must have shape \(n, 2\) with n >= 1, got \(3, 1\)"),),
        half="float32",
        exempt={
            "bad_values": "finite networks take any input, and their parameters are not looked at",
            "integer": "the coefficients are a network's, which are floating",
        },
    ),
    Row(
        name="nn.kan_regularizer",
        call=lambda x, c, w: nn.kan_regularizer(network(c), x, entropy_weight=w),
        arguments=lambda: (X, COEFFICIENTS, np.array(1.5)),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((X[0], COEFFICIENTS, np.array(1.5)), r"x must have shape \(n, 2\) with n >= 1, got \(2,\)"),
            Bad((X, COEFFICIENTS, np.ones(2)), "entropy_weight must be a number"),
        ),
        bad_values=(Bad((X, COEFFICIENTS, np.array(-1.0)), "entropy_weight must be non-negative"),),
        half="float32",
        exempt={"integer": "the coefficients are a network's, which are floating"},
    ),
    Row(
        name="nn.fit_symbolic",
        call=lambda x, y: nn.fit_symbolic(x, y, jnp.tanh, points=5, rounds=2),
        arguments=lambda: (SAMPLES, VALUES),
        differentiable=(),
        bad_static=(
            Bad((SAMPLES, VALUES[:4]), "y must have the shape of x"),
            Bad((SAMPLES[:1], VALUES[:1]), r"x must have shape \(n,\) with n >= 2, got \(1,\)"),
        ),
        bad_values=(
            Bad((SAMPLES, np.ones(5)), "y must vary"),
            Bad((SAMPLES, np.where(VALUES > 1, np.nan, VALUES)), "y must be finite"),
        ),
        half="float32",
        exempt={"gradient": SIZES},
    ),
]
