"""Factorisations within one function run one after another.

jaxlib 0.10.1 on CPU runs a batched call of LAPACK in a thread of XLA's pool, where it waits for its parts to be run by
the same pool. Independent calls run at once, and as many as the pool has threads wait for ever: on 2 threads the
gradient of `gaussian_kl`, written with independent calls, did not come back for 256 matrices of 32 x 32. Under jaxlib
0.12.0.1 it did.
"""

import os
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import _lapack, information, simulators, thermodynamics

DEADLOCK = """
import jax
import jax.numpy as jnp
from entropax import information, simulators, thermodynamics

def matrices(seed, d):
    x = jax.random.normal(jax.random.key(seed), (256, d, d))
    return x @ x.mT + d * jnp.eye(d)

def mutual_information(S):
    return information.gaussian_mutual_information(S, split=16)

def covariance(A, D):
    return simulators.LinearLangevin(A, D, dt=0.1).stationary_covariance()

S, T, mean = matrices(0, 32), matrices(1, 32), jnp.ones((256, 32))
systems = matrices(2, 6), matrices(3, 6)
for function, arguments in [
    (information.gaussian_entropy, (S,)),
    (information.gaussian_kl, (mean, S, -mean, T)),
    (mutual_information, (S,)),
    (jax.vmap(thermodynamics.linear_entropy_production), systems),
    (jax.vmap(covariance), systems),
]:
    total = lambda *arguments: jnp.sum(function(*arguments))
    for run in jax.jit(function), jax.jit(jax.value_and_grad(total, tuple(range(len(arguments))))):
        for _ in range(100):
            jax.block_until_ready(run(*arguments))
"""


@pytest.mark.slow
def test_batched_functions_and_gradients_come_back_on_two_threads():
    # NPROC is the size of XLA's pool. Threads of OpenBLAS itself do not deadlock, but are slow beside other processes.
    environment = os.environ | {"NPROC": "2", "OPENBLAS_NUM_THREADS": "1"}
    environment.pop("XLA_FLAGS", None)  # more virtual devices make the pool larger
    subprocess.run([sys.executable, "-c", DEADLOCK], env=environment, check=True, timeout=240)


def lapack_calls(function, *arguments):
    """The calls of LAPACK in a compiled function, each with those that it needs."""
    text = jax.jit(function).lower(*arguments).compile().as_text()
    operands = {}
    for line in text[text.index("\nENTRY ") :].splitlines():
        if found := re.match(r"\s+(?:ROOT )?%?([\w.\-]+) = (.*)", line):
            operands[found[1]] = found[2]
    needs = {}  # instructions stand after their operands
    for name, rest in operands.items():
        direct = [other for other in re.findall(r"%([\w.\-]+)", rest) if other in needs]
        needs[name] = set(direct).union(*(needs[other] for other in direct))
    calls = {name for name, rest in operands.items() if 'custom_call_target="lapack_' in rest}
    assert len(calls) == text.count('custom_call_target="lapack_'), "a call outside the entry"
    return {name: needs[name] & calls for name in calls}


def controlled_mean(x, y):
    rate = thermodynamics.mean_rate(x, controls=y)
    return rate.value, rate.standard_error


GAUSSIAN = {
    "entropy": (information.gaussian_entropy, "S"),
    "kl": (information.gaussian_kl, "mSmS"),
    "mutual information": (lambda S: information.gaussian_mutual_information(S, split=2), "S"),
    "student": (lambda S: information.student_t_mutual_information(S, 3.0, split=2), "S"),
}
LINEAR = {
    "linear rate": (jax.vmap(thermodynamics.linear_entropy_production), "SS"),
    "linear rate, diagonal": (jax.vmap(thermodynamics.linear_entropy_production), "Sm"),
    "covariance": (jax.vmap(simulators.stationary_covariance), "SS"),
    "controls": (jax.vmap(controlled_mean), "mx"),
}


@pytest.mark.parametrize("name", [*GAUSSIAN, *LINEAR])
def test_calls_of_lapack_are_a_chain(name, getkey):
    function, kinds = (GAUSSIAN | LINEAR)[name]
    make = {
        "S": lambda x: x @ x.mT + 5 * jnp.eye(5)[None],
        "m": lambda x: jnp.abs(x[:, :, 0]),
        "x": lambda x: x[:, :, :2],
    }
    arguments = tuple(make[kind](jax.random.normal(getkey(), (4, 5, 5))) for kind in kinds)

    def total(*arguments):
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(function(*arguments)))

    gradient = jax.grad(total, tuple(range(len(arguments))))
    runs = [function, gradient]
    if name in GAUSSIAN:
        runs += [lambda *a: jax.jvp(function, a, a), lambda *a: jax.jvp(gradient, a, a)]
    for run in runs:
        needs = lapack_calls(run, *arguments)
        assert needs
        assert sorted(map(len, needs.values())) == list(range(len(needs)))


@pytest.mark.fast
@pytest.mark.parametrize("y", [0.0, np.inf, -np.inf, np.nan])
def test_waiting_changes_no_value(y):
    x = jnp.array([1.0, -0.0, jnp.inf, jnp.nan])

    def waiting(x):
        return _lapack.after(x, jnp.array(y))

    np.testing.assert_array_equal(jax.jit(waiting)(x), x)
    np.testing.assert_array_equal(jax.grad(lambda x: waiting(x)[0])(x), [1, 0, 0, 0])
