"""A gradient through the synthetic population: fit what share of mergers heats, and how fast cores cool."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix

from entropax.applications import clusters

TRUTH = {"effective": 0.7, "cooling_time": 0.6}
START = {"effective": 0.3, "cooling_time": 1.2}
FEATURES = ("upward excess", "downward excess", "log K0 today", "its square", "log K0 halfway")


@dataclass(frozen=True)
class DesignConfig:
    """Sizes of the fit.

    Attributes:
        observed: clusters whose histories are given.
        simulated: clusters of the model, with the same draws at every step.
        checked: clusters on which the gradient is compared with finite differences, in float64.
    """

    observed: int = 1000
    simulated: int = 4000
    checked: int = 200


def features(parameters: jax.Array, key: jax.Array, count: int) -> jax.Array:
    """What is seen of each cluster, shape (count, 5).

    Args:
        parameters: logit of p_c and log of t22.
        key: of the draws.
        count: number of clusters.
    """
    core = clusters.ClusterCore(effective=jax.nn.sigmoid(parameters[0]), cooling_time=jnp.exp(parameters[1]))
    population = clusters.simulate_population(core, count, key=key, every=5)
    y = jnp.log10(population.K0)
    t = np.linspace(2.6, 13.8, y.shape[1])
    excess = jax.vmap(lambda K: clusters.transformation_excess(t, K))(population.K0)
    return jnp.stack([excess.upward, excess.downward, y[:, -1], y[:, -1] ** 2, y[:, y.shape[1] // 2]], axis=1)


def as_parameters(values: dict[str, float]) -> jax.Array:
    """Logit of p_c and log of t22."""
    p = values["effective"]
    return jnp.asarray([np.log(p / (1 - p)), np.log(values["cooling_time"])])


@partial(jax.jit, static_argnames="count")
def _means(parameters: jax.Array, key: jax.Array, count: int) -> jax.Array:
    return jnp.mean(features(parameters, key, count), axis=0)


@partial(jax.jit, static_argnames="count")
def _slopes(parameters: jax.Array, key: jax.Array, count: int) -> jax.Array:
    """Of each cluster's features by both parameters, shape (count, 5, 2)."""
    return jax.jacfwd(features)(parameters, key, count)


def gradient_check(config: DesignConfig, *, key: jax.Array) -> float:
    """Largest difference of the means' slopes from central differences with the same draws, relative to the largest."""
    at = as_parameters({"effective": 0.55, "cooling_time": 0.8})
    exact = np.asarray(jax.jit(jax.jacrev(_means), static_argnames="count")(at, key, count=config.checked))
    step = 1e-5
    differences = [
        (_means(at + step * e, key, config.checked) - _means(at - step * e, key, config.checked)) / (2 * step)
        for e in jnp.eye(2)
    ]
    return float(np.max(np.abs(exact - np.stack(differences, axis=1))) / np.max(np.abs(exact)))


def gradient_signal(config: DesignConfig, *, key: jax.Array) -> float:
    """Slopes of the upward excess by both parameters in their standard errors over clusters: the smaller one."""
    slopes = np.asarray(_slopes(as_parameters(TRUTH), key, config.simulated))[:, 0]
    return float(np.min(np.abs(slopes.mean(0)) / (slopes.std(0, ddof=1) / np.sqrt(len(slopes)))))


def fit(config: DesignConfig, *, key: jax.Array) -> dict[str, Any]:
    """Matches the means of the features of an observed population by Levenberg and Marquardt's method.

    Args:
        config: sizes.
        key: source of randomness: of the observed population, and of the model's draws.

    Returns:
        Estimates and standard errors by name, the number of steps, and whether they converged.
    """
    observed_key, model_key = jax.random.split(key)
    seen = np.asarray(features(as_parameters(TRUTH), observed_key, config.observed))
    target = jnp.asarray(seen.mean(0))
    covariance = np.cov(seen.T) * (1 / config.observed + 1 / config.simulated)
    whiten = jnp.asarray(np.linalg.inv(np.linalg.cholesky(covariance)), target.dtype)

    def residuals(parameters: jax.Array, _: None) -> jax.Array:
        return whiten @ (_means(parameters, model_key, config.simulated) - target)

    solver = optimistix.LevenbergMarquardt(rtol=1e-4, atol=1e-4)
    found = optimistix.least_squares(residuals, solver, as_parameters(START), max_steps=64, throw=False)
    jacobian = np.asarray(jax.jacfwd(residuals)(found.value, None))
    errors = np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    p, t22 = float(jax.nn.sigmoid(found.value[0])), float(jnp.exp(found.value[1]))
    return {
        "effective": (p, errors[0] * p * (1 - p)),
        "cooling_time": (t22, errors[1] * t22),
        "steps": int(found.stats["num_steps"]),
        "converged": bool(found.result == optimistix.RESULTS.successful),
        "mismatch": float(np.sum(np.asarray(residuals(found.value, None)) ** 2)),
    }
