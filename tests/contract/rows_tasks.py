"""Rows of the tasks with known mutual information."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from entropax.estimators import GaussianTask, StudentTask, TransformedTask, UniformNoiseTask
from tests.contract.harness import Bad, Row, simplex, symmetric

S = np.array([[1.0, 0.4, 0.3], [0.4, 2.0, -0.2], [0.3, -0.2, 1.5]])
E = np.array([0.2, 0.8])
X = np.array([[0.3, -1.2, 0.8], [-0.4, 0.1, 2.0]])
Z = np.array([-1.3, 0.2, 2.1])
WEIGHTS, CENTERS = np.array([0.3, 0.7]), np.array([0.0, 2.5])

NO_LAPACK = "linear algebra has no bfloat16 kernels: the fault is JAX's and says so"
INTEGERS = "an integer matrix near this one is not positive definite"
ELEMENTWISE = "any real array of any shape is accepted, and every value has an image"
NOT_REAL = (Bad(lambda: (jnp.array([1j]),), "must be real", TypeError),)
NOTHING_TO_DIFFERENTIATE = {
    "gradient": "its only array is the key: it draws its own parameters",
    "strict": "no floating input: the dtype is an option, held by its own tests",
    "integer": "no floating input",
    "half": "no floating input",
    "bad_values": "no input but the key and static configuration",
}


def key():
    return jax.random.key(3)


def both(task, key):
    return task.sample(3, key=key), task.mutual_information


def meta(key):
    return estimators.meta_batch(key=key, batch_size=2, dims=(1, 2), num_samples=(2, 3))


def elementwise(name, **more):
    return Row(
        name=f"estimators.{name}",
        call=getattr(estimators, name),
        arguments=lambda: (X,),
        bad_static=NOT_REAL,
        exempt={"bad_values": ELEMENTWISE},
        **more,
    )


ROWS = [
    elementwise("half_cube", rtol=1e-5),
    elementwise("normal_cdf", fast=True),
    elementwise("wiggly_x"),
    elementwise("wiggly_y"),
    Row(
        name="estimators.swiss_roll",
        call=estimators.swiss_roll,
        arguments=lambda: (np.array([[0.2], [0.7]]),),
        bad_static=(Bad((X,), r"x must have shape \(n, 1\), got \(2, 3\)"),),
        exempt={"bad_values": "every value has an image"},
    ),
    Row(
        name="estimators.spiral",
        call=estimators.spiral,
        arguments=lambda: (X, np.array(0.4)),
        differentiable=(0, 1),
        bad_static=(
            Bad((X[0], np.array(0.4)), r"x must have shape \(n, d\)"),
            Bad((X[:, :1], np.array(0.4)), "plane must name two of the 1 coordinates"),
        ),
        exempt={"bad_values": "every value has an image"},
    ),
    Row(
        name="estimators.normal_to_mixture",
        call=estimators.normal_to_mixture,
        arguments=lambda: (Z, WEIGHTS, CENTERS),
        differentiable=(0, 1, 2),
        project={1: simplex},
        bad_static=(Bad((Z, WEIGHTS, CENTERS[:1]), "centers must have the shape of weights"),),
        bad_values=(
            Bad((Z, 2 * WEIGHTS, CENTERS), "weights must be non-negative and sum to one"),
            Bad((Z, WEIGHTS, CENTERS * np.nan), "centers must be finite"),
        ),
    ),
    Row(
        name="estimators.latent_correlation",
        call=lambda alpha, beta, lambd, eta: estimators.latent_correlation(
            3, 2, num_pairs=1, alpha=alpha, beta=beta, lambd=lambd, eta=eta
        ),
        arguments=lambda: tuple(np.array(v) for v in (0.5, 0.7, 1.5, 2.0)),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((np.ones(2), *np.ones(3)), "alpha must be a number"),),
        bad_values=(Bad((np.array(np.nan), *(np.array(1.0),) * 3), "alpha must be finite"),),
        fast=True,
    ),
    Row(
        name="estimators.GaussianTask.sample",
        call=lambda covariance, key: both(GaussianTask(covariance, dim_x=1), key),
        arguments=lambda: (S, key()),
        project={0: symmetric},
        bad_static=(
            Bad(lambda: (S[:1], key()), r"covariance must have shape \(d, d\)"),
            Bad(lambda: (S[:1, :1], key()), "dim_x must be at least 1 and at most 0"),
            Bad(lambda: (S, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
        ),
        bad_values=(Bad(lambda: (-S, key()), "covariance must be symmetric and positive definite"),),
        exempt={"half": NO_LAPACK, "integer": INTEGERS},
        members=("mutual_information",),
    ),
    Row(
        name="estimators.StudentTask.sample",
        slow=True,
        call=lambda dispersion, key: both(StudentTask(dispersion, 2.5, dim_x=1), key),
        arguments=lambda: (S, key()),
        project={0: symmetric},
        bad_static=(Bad(lambda: (S[:1], key()), r"dispersion must have shape \(d, d\)"),),
        bad_values=(Bad(lambda: (-S, key()), "dispersion must be symmetric and positive definite"),),
        exempt={"half": NO_LAPACK, "integer": INTEGERS},
    ),
    Row(
        name="estimators.StudentTask.mutual_information",
        slow=True,
        call=lambda dispersion, df: StudentTask(dispersion, df, dim_x=1).mutual_information,
        arguments=lambda: (S, np.array(2.5)),
        differentiable=(0, 1),
        project={0: symmetric},
        bad_static=(Bad((S, np.ones(2)), "degrees_of_freedom must have shape"),),
        bad_values=(Bad((S, np.array(-1.0)), "degrees_of_freedom must be positive"),),
        exempt={"half": NO_LAPACK, "integer": INTEGERS},
    ),
    Row(
        name="estimators.UniformNoiseTask.sample",
        call=lambda half_widths, key: both(UniformNoiseTask(half_widths), key),
        arguments=lambda: (E, key()),
        bad_static=(Bad(lambda: (E[None], key()), r"half_widths must have shape \(d,\)"),),
        bad_values=(Bad(lambda: (-E, key()), "half_widths must be positive"),),
        members=("mutual_information",),
    ),
    Row(
        name="estimators.TransformedTask.mutual_information",
        call=lambda half_widths, key: both(
            TransformedTask(UniformNoiseTask(half_widths), estimators.wiggly_x, estimators.wiggly_y), key
        ),
        arguments=lambda: (E, key()),
        bad_static=(Bad(lambda: (E[None], key()), r"half_widths must have shape \(d,\)"),),
        bad_values=(Bad(lambda: (-E, key()), "half_widths must be positive"),),
        members=("sample",),
    ),
    Row(
        name="estimators.Task",
        members=("sample",),
        call=lambda half_widths, key: UniformNoiseTask(half_widths).sample(3, key=key),
        arguments=lambda: (E, key()),
        bad_static=(Bad(lambda: (E, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),),
        bad_values=(Bad(lambda: (-E, key()), "half_widths must be positive"),),
        exempt={"gradient": "abstract: held by the rows of its subclasses"},
    ),
    Row(
        name="estimators.meta_batch",
        call=meta,
        arguments=lambda: (key(),),
        differentiable=(),
        bad_static=(Bad(lambda: (jnp.zeros(2, jnp.uint32),), "key must be a key", TypeError),),
        exempt=NOTHING_TO_DIFFERENTIATE,
    ),
    Row(
        name="estimators.MetaBatch",
        call=lambda key: meta(key).mutual_information,
        arguments=lambda: (key(),),
        differentiable=(),
        bad_static=(Bad(lambda: (jnp.zeros(2, jnp.uint32),), "key must be a key", TypeError),),
        exempt=NOTHING_TO_DIFFERENTIATE,
    ),
    Row(
        name="estimators.sample_task",
        call=lambda key: estimators.sample_task("multi_student-lvm-asinh", 3, dim=2, key=key),
        arguments=lambda: (key(),),
        differentiable=(),
        bad_static=(Bad(lambda: (jnp.zeros(2, jnp.uint32),), "key must be a key", TypeError),),
        exempt=NOTHING_TO_DIFFERENTIATE,
    ),
    Row(
        name="estimators.TaskSample",
        call=lambda key: estimators.sample_task("multi_student-lvm-asinh", 3, dim=2, key=key).x,
        arguments=lambda: (key(),),
        differentiable=(),
        bad_static=(Bad(lambda: (jnp.zeros(2, jnp.uint32),), "key must be a key", TypeError),),
        exempt=NOTHING_TO_DIFFERENTIATE,
    ),
]
