"""A gradient through the synthetic population: fit what share of mergers heats, and how fast cores cool."""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import least_squares

from entropax.applications import clusters

TRUTH = {"effective": 0.7, "cooling_time": 0.6}
START = {"effective": 0.3, "cooling_time": 1.2}
STEP = 1e-8
"""Of finite differences: ramps have kinks where they pass a step of the simulation, of which few lie within this."""
FEATURES = ("upward excess", "downward excess", "log K0 today", "its square", "log K0 halfway")


@dataclass(frozen=True)
class DesignConfig:
    """Sizes of the fit.

    Attributes:
        simulated: clusters whose histories are given, and clusters of the model, with the same draws at every step.
    """

    simulated: int = 3000


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
def with_slopes(parameters: jax.Array, key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """The features, shape (count, 5), and their slopes by both parameters, shape (count, 5, 2)."""

    def twice(parameters: jax.Array) -> tuple[jax.Array, jax.Array]:
        seen = features(parameters, key, count)
        return seen, seen

    slopes, seen = jax.jacfwd(twice, has_aux=True)(parameters)
    return seen, slopes


def gradient_check(config: DesignConfig, *, key: jax.Array) -> float:
    """Largest difference of the means' slopes from central differences with the same draws, relative to the largest."""
    at, step = as_parameters({"effective": 0.55, "cooling_time": 0.8}), STEP

    def mean(parameters: jax.Array, part: int) -> np.ndarray:
        return np.asarray(with_slopes(parameters, key, config.simulated)[part]).mean(0)

    exact = mean(at, 1)
    differences = [(mean(at + step * e, 0) - mean(at - step * e, 0)) / (2 * step) for e in jnp.eye(2)]
    return float(np.max(np.abs(exact - np.stack(differences, axis=1))) / np.max(np.abs(exact)))


def fit(config: DesignConfig, *, key: jax.Array) -> dict[str, Any]:
    """Matches the means of the features of an observed population by least squares, with slopes through the model.

    Args:
        config: sizes.
        key: source of randomness: of the observed population, and of the model's draws.

    Returns:
        Estimates and standard errors by name; the number of evaluations; chi squared of the means; and "signal", the
        slopes by each parameter in their standard errors over clusters, of the feature that says most about it: the
        smaller of the two.
    """
    observed_key, model_key = jax.random.split(key)
    n = config.simulated
    seen, slopes = (np.asarray(x) for x in with_slopes(as_parameters(TRUTH), observed_key, n))
    covariance = np.cov(seen.T) * (2 / n)  # of the difference of two means
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))

    @lru_cache(maxsize=4)
    def model(logit_p: float, log_t22: float) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.asarray(x).mean(0) for x in with_slopes(jnp.asarray([logit_p, log_t22]), model_key, n))

    found = least_squares(
        lambda x: whiten @ (model(*x)[0] - seen.mean(0)),
        np.asarray(as_parameters(START)),
        jac=lambda x: whiten @ model(*x)[1],  # pyright: ignore[reportArgumentType] (its stub knows names alone)
        xtol=1e-5,
    )
    errors = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
    p, t22 = 1 / (1 + np.exp(-found.x[0])), np.exp(found.x[1])
    in_errors = np.abs(slopes.mean(0)) / (slopes.std(0, ddof=1) / np.sqrt(n))
    return {
        "effective": (p, errors[0] * p * (1 - p)),
        "cooling_time": (t22, errors[1] * t22),
        "evaluations": int(found.nfev),
        "mismatch": float(2 * found.cost),
        "signal": float(np.min(np.max(in_errors, axis=0))),
    }
