"""The contract of the differential operators of `entropax.space` and of what `entropax.nn` does besides networks."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import nn, space
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(5)
X, A = RNG.standard_normal((2, 2)), RNG.standard_normal((4, 4)) / 2
NOT_FINITE = "the point goes to the user's field; what NaN means there is the field's business"
PHASE = np.stack([RNG.uniform(0, 3, (4, 2)), RNG.standard_normal((4, 2))])
OTHERS = np.array([3, 1])


def key():
    return jax.random.key(5)


def field(A, x):
    """A field of a 2 x 2 array whose Jacobian is not diagonal: x |A x|^2 / 4 + sin(A x)."""
    mixed = (A.astype(x.dtype) @ x.reshape(-1)).reshape(x.shape)
    return x * jnp.sum(mixed**2) / 4 + jnp.sin(mixed)


def flat(A, x):
    return (A @ x.reshape(-1))[None]


WRONG_SHAPE = Bad((A, np.zeros(4)), r"field must return the shape of the point, \(4,\), got \(1, 4\)")


def of(operator, **options):
    """The operator on `field`, or, for a point with one axis, on a field of the wrong shape."""

    def call(A, x, *keys):
        f = field if x.ndim == 2 else flat
        return operator(lambda y: f(A, y), x, **options, **({"key": keys[0]} if keys else {}))

    return call


ROWS = [
    Row(
        name="space.divergence",
        call=of(space.divergence),
        arguments=lambda: (A, X),
        differentiable=(0, 1),
        bad_static=(WRONG_SHAPE,),
        exempt={"bad_values": NOT_FINITE},
        fast=True,
    ),
    Row(
        name="space.value_and_jacobian_diagonal",
        call=of(space.value_and_jacobian_diagonal),
        arguments=lambda: (A, X),
        differentiable=(0, 1),
        bad_static=(WRONG_SHAPE,),
        exempt={"bad_values": NOT_FINITE},
    ),
    Row(
        name="space.hutchinson_divergence",
        call=of(space.hutchinson_divergence, num_probes=2),
        arguments=lambda: (A, X, key()),
        differentiable=(0, 1),
        bad_static=(
            Bad(lambda: (A, np.zeros(4), key()), "field must return the shape of the point"),
            Bad(lambda: (A, X, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
            Bad(lambda: (A, X, jax.random.split(key())), "key must be a single key"),
        ),
        exempt={"bad_values": NOT_FINITE},
    ),
    Row(
        name="space.value_and_hutchinson_diagonal",
        call=of(space.value_and_hutchinson_diagonal, num_probes=2, distribution="normal"),
        arguments=lambda: (A, X, key()),
        differentiable=(0, 1),
        bad_static=(Bad(lambda: (A, X, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),),
        exempt={"bad_values": NOT_FINITE},
    ),
    Row(
        name="nn.neighborhood",
        call=lambda phase, lower, upper, forces: nn.neighborhood(
            phase, jnp.asarray(OTHERS), 0, space.PeriodicBox(lower, upper), forces=forces
        ),
        arguments=lambda: (PHASE, np.zeros(2), np.full(2, 3.0), PHASE[1] ** 2),
        differentiable=(0, 1, 2, 3),
        bad_static=(
            Bad((PHASE[0], np.zeros(2), np.ones(2), PHASE[1]), r"phase must have shape \(2, n, d\)"),
            Bad((PHASE, np.zeros(2), np.ones(2), PHASE[1, :2]), r"forces must have shape"),
        ),
        exempt={"bad_values": "any phase is valid, and a box refuses its own corners"},
        select=lambda seen: jnp.concatenate([seen.displacements, seen.forces]),
    ),
]
