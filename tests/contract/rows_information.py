"""Rows of entropax.information."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import information
from tests.contract.harness import Bad, Row, joint_simplex, simplex, symmetric

P = np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])
Q = np.array([[0.25, 0.35, 0.4], [0.5, 0.22, 0.28]])
NEGATIVE = np.array([[-0.2, 0.7, 0.5], [-0.6, 1.3, 0.3]])
SHORT = np.array([[0.5, 0.5], [0.5, 0.5]])
JOINT = np.random.default_rng(0).dirichlet(np.full(12, 2.0)).reshape(2, 3, 2)
BAD_JOINT = JOINT.copy()
BAD_JOINT[0, 0, 0] -= 0.5
COVARIANCE = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, 0.3], [0.2, 0.3, 1.5]])
INDEFINITE = COVARIANCE - 2.5 * np.eye(3)
CHAIN = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6]])
CHANNEL = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]])
SOURCE = np.array([0.2, 0.3, 0.5])
DISTORTION = np.array([[0.0, 1.0, 2.0], [1.1, 0.0, 0.9], [2.2, 1.2, 0.0]])

NO_AXIS = Bad((np.array(0.3),), r"p must have shape \(\.\.\., n\) with n >= 1, got \(\)")
NOT_ONE = Bad((NEGATIVE,), "p must be non-negative and sum to one over its last axis, got smallest entry -0.2")
NO_LAPACK = "linear algebra has no bfloat16 kernels: the fault is JAX's and says so"
LINALG = {"half": NO_LAPACK}


def one(name: str, call=None, **more) -> Row:
    """A measure of one distribution."""
    call = call or getattr(information, name)
    settings = {"project": {0: simplex}, "bad_static": (NO_AXIS,), "bad_values": (NOT_ONE,), **more}
    return Row(name=f"information.{name}", call=call, arguments=lambda: (P,), **settings)


def ordered(name: str) -> Row:
    """A measure of one distribution with an order."""
    return Row(
        name=f"information.{name}",
        call=getattr(information, name),
        arguments=lambda: (P, np.array(1.3)),
        differentiable=(0, 1),
        project={0: simplex},
        bad_static=(Bad((P, np.array([1.0, 2.0])), r"order must have shape \(\), got \(2,\)"),),
        bad_values=(
            Bad((P, np.array(-1.0)), "order must be .*got -1.0"),
            Bad((NEGATIVE, np.array(1.3)), "p must be non-negative"),
        ),
    )


def two(name: str, call=None, **more) -> Row:
    """A measure of two distributions."""
    settings = {
        "differentiable": (0, 1),
        "project": {0: simplex, 1: simplex},
        "bad_static": (Bad((P, SHORT), r"q must have the shape of p, \(2, 3\), got \(2, 2\)"),),
        "bad_values": (
            Bad((NEGATIVE, Q), "p must be non-negative"),
            Bad((P, 1.1 * Q), "q must be non-negative and sum to one.*sum 1.1"),
        ),
        **more,
    }
    call = call or getattr(information, name)
    return Row(name=f"information.{name}", call=call, arguments=lambda: (P, Q), **settings)


def of_joint(name: str, call=None, **more) -> Row:
    """A measure of a joint distribution."""
    settings = {
        "project": {0: joint_simplex},
        "bad_static": (Bad((SOURCE,), "joint must have at least . axes"),),
        "bad_values": (Bad((BAD_JOINT,), "joint must be non-negative and sum to one over all its axes"),),
        **more,
    }
    return Row(
        name=f"information.{name}",
        call=call or getattr(information, name),
        arguments=lambda: (JOINT,),
        **settings,
    )


def squared_norm(x: jax.Array) -> jax.Array:
    """A smooth convex function."""
    return jnp.sum(x**2) + jnp.sum(jnp.exp(x))


X, Y = np.array([0.3, -1.2, 0.8]), np.array([-0.4, 0.1, 2.0])
XW, YW = np.array([0.22, 0.31, 0.47]), np.array([0.4, 0.27, 0.33])
NOT_FINITE = np.array([0.3, np.nan, 0.8])

ROWS = [
    one("entropy", fast=True),
    one("perplexity"),
    one("varentropy"),
    one("min_entropy"),
    ordered("renyi_entropy"),
    ordered("tsallis_entropy"),
    Row(
        name="information.binary_entropy",
        call=information.binary_entropy,
        arguments=lambda: (np.array([0.2, 0.7]),),
        bad_static=(Bad(lambda: (jnp.array([1j]),), "p must be real", TypeError),),
        bad_values=(Bad((np.array([1.2, -0.1]),), r"p must be in \[0, 1\], got 1.2 at flat index 0"),),
    ),
    Row(
        name="information.entropy_from_logits",
        call=information.entropy_from_logits,
        arguments=lambda: (np.array([[0.3, -1.2, 2.0], [0.0, 0.4, -0.5]]),),
        bad_static=(Bad((np.array(0.3),), r"logits must have shape \(\.\.\., n\)"),),
        bad_values=(Bad((np.full((2, 3), np.nan),), "logits must be finite or -inf"),),
    ),
    two("cross_entropy"),
    two("kl_divergence", fast=True),
    Row(
        name="information.js_divergence",
        call=lambda p, q, w: information.js_divergence(p, q, weight=w),
        arguments=lambda: (P, Q, np.array(0.4)),
        differentiable=(0, 1, 2),
        project={0: simplex, 1: simplex},
        bad_static=(Bad((P, SHORT, np.array(0.4)), "q must have the shape of p"),),
        bad_values=(Bad((P, Q, np.array(1.4)), r"weight must be in \[0, 1\], got 1.4"),),
    ),
    *(
        Row(
            name=f"information.{name}",
            call=getattr(information, name),
            arguments=lambda: (P, Q, np.array(1.3)),
            differentiable=(0, 1, 2),
            project={0: simplex, 1: simplex},
            bad_static=(Bad((P, SHORT, np.array(1.3)), "q must have the shape of p"),),
            bad_values=(
                Bad((P, Q, np.array(-1.0)), "order must be .*got -1.0"),
                Bad((P, 1.1 * Q, np.array(1.3)), "q must be non-negative and sum to one"),
            ),
        )
        for name in ("renyi_divergence", "tsallis_divergence")
    ),
    two("total_variation"),
    two("hellinger_distance"),
    two("chi_squared"),
    two("f_divergence", lambda p, q: information.f_divergence("js", p, q)),
    two("f_divergence.own", lambda p, q: information.f_divergence(lambda u: (u - 1) ** 2 / (u + 1), p, q)),
    Row(
        name="information.bregman_divergence",
        call=lambda x, y: information.bregman_divergence(squared_norm, x, y),
        arguments=lambda: (X, Y),
        differentiable=(0, 1),
        bad_static=(Bad((X, Y[:2]), "y must have the shape of x"),),
        bad_values=(Bad((NOT_FINITE, Y), "x must be finite, got nan at flat index 1"),),
    ),
    Row(
        name="information.wasserstein_1d",
        call=lambda x, y, u, v: information.wasserstein_1d(x, y, x_weights=u, y_weights=v, order=2.0),
        arguments=lambda: (X, Y, XW, YW),
        differentiable=(0, 1, 2, 3),
        project={2: simplex, 3: simplex},
        bad_static=(Bad((X, Y, XW[:2], YW), r"x_weights must have shape \(3,\), got \(2,\)"),),
        bad_values=(
            Bad((NOT_FINITE, Y, XW, YW), "x must be finite"),
            Bad((X, Y, XW, 2 * YW), "y_weights must be non-negative and sum to one"),
        ),
    ),
    of_joint("conditional_entropy"),
    of_joint("mutual_information", fast=True),
    of_joint("conditional_mutual_information"),
    of_joint("total_correlation"),
    of_joint("dual_total_correlation"),
    of_joint("o_information"),
    of_joint("interaction_information"),
    of_joint("variation_of_information"),
    of_joint("normalized_mutual_information"),
    Row(
        name="information.gaussian_entropy",
        call=information.gaussian_entropy,
        arguments=lambda: (COVARIANCE,),
        project={0: symmetric},
        bad_static=(Bad((COVARIANCE[:2],), r"covariance must have shape \(\.\.\., d, d\)"),),
        bad_values=(Bad((INDEFINITE,), "covariance must be symmetric and positive definite, got eigenvalues"),),
        exempt=LINALG,
    ),
    Row(
        name="information.gaussian_kl",
        call=information.gaussian_kl,
        arguments=lambda: (X, COVARIANCE, Y, COVARIANCE + 0.3 * np.eye(3)),
        differentiable=(0, 1, 2, 3),
        project={1: symmetric, 3: symmetric},
        bad_static=(Bad((X[:2], COVARIANCE, Y, COVARIANCE), r"mean_p must have shape \(3,\), got \(2,\)"),),
        bad_values=(Bad((X, COVARIANCE, Y, INDEFINITE), "covariance_q must be symmetric and positive definite"),),
        exempt=LINALG,
    ),
    Row(
        name="information.gaussian_mutual_information",
        call=lambda S: information.gaussian_mutual_information(S, split=1),
        arguments=lambda: (COVARIANCE,),
        project={0: symmetric},
        bad_static=(Bad((COVARIANCE[:1, :1],), "split must be at least 1 and at most 0"),),
        bad_values=(Bad((INDEFINITE,), "covariance must be symmetric and positive definite"),),
        exempt=LINALG,
    ),
    Row(
        name="information.student_t_mutual_information",
        call=lambda S, nu: information.student_t_mutual_information(S, nu, split=1),
        arguments=lambda: (COVARIANCE, np.array(3.5)),
        differentiable=(0, 1),
        project={0: symmetric},
        bad_static=(Bad((COVARIANCE[:2], np.array(3.5)), "dispersion must have shape"),),
        bad_values=(Bad((COVARIANCE, np.array(-1.0)), "degrees_of_freedom must be positive"),),
        exempt=LINALG,
    ),
    Row(
        name="information.stationary_distribution",
        call=information.stationary_distribution,
        arguments=lambda: (CHAIN,),
        project={0: simplex},
        bad_static=(Bad((CHAIN[:2],), r"transition must have shape \(n, n\)"),),
        bad_values=(
            Bad((2 * CHAIN,), "transition must be non-negative and sum to one"),
            Bad((np.eye(3),), "transition must have a unique stationary distribution"),
        ),
    ),
    Row(
        name="information.entropy_rate",
        call=information.entropy_rate,
        arguments=lambda: (CHAIN,),
        project={0: simplex},
        bad_static=(Bad((CHAIN[:2],), r"transition must have shape \(n, n\)"),),
        bad_values=(Bad((2 * CHAIN,), "transition must be non-negative and sum to one"),),
    ),
    Row(
        name="information.channel_capacity",
        call=information.channel_capacity,
        arguments=lambda: (CHANNEL,),
        project={0: simplex},
        select=lambda result: (result.value, result.input_distribution),
        bad_static=(Bad((SOURCE,), r"channel must have shape \(x, y\)"),),
        bad_values=(Bad((2 * CHANNEL,), "channel must be non-negative and sum to one"),),
        exempt=LINALG,
        rtol=1e-5,
    ),
    Row(
        name="information.rate_distortion",
        call=lambda p, d, s: information.rate_distortion(p, d, slope=s),
        arguments=lambda: (SOURCE, DISTORTION, np.array(2.0)),
        differentiable=(0, 1, 2),
        project={0: simplex},
        select=lambda result: (result.value, result.distortion, result.test_channel),
        bad_static=(
            Bad((SOURCE, DISTORTION[:2], np.array(2.0)), r"distortion must have shape \(3, y\), got \(2, 3\)"),
        ),
        bad_values=(Bad((SOURCE, DISTORTION, np.array(-2.0)), "slope must be non-negative"),),
        exempt=LINALG,
        rtol=1e-5,
    ),
    *(
        Row(
            name=f"information.{name}.fields",
            call=make,
            arguments=lambda: (CHANNEL,),
            differentiable=(),
            bad_static=(Bad((SOURCE,), "must have shape|too many indices"),),
            exempt={
                "gradient": "a container: the gradients are those of the function that returns it",
                "bad_static": "a container of results, which only its function makes",
                "bad_values": "a container of results, which only its function makes",
                **LINALG,
            },
        )
        for name, make in (
            ("ChannelCapacity", information.channel_capacity),
            ("RateDistortion", lambda d: information.rate_distortion(SOURCE.astype(d.dtype), 1 - d, slope=1.5)),
        )
    ),
    Row(
        name="information.Generator.function",
        call=lambda u: information.GENERATORS["squared_hellinger"].function(u),
        arguments=lambda: (np.array([0.3, 1.7]),),
        exempt={
            "bad_static": "a function of any shape, checked by f_divergence",
            "bad_values": "a function of any values, checked by f_divergence",
            "integer": "the ratio that f_divergence passes is always floating",
        },
    ),
]
