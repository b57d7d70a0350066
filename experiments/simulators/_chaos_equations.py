"""Right-hand sides found again from orbits by sparse regression."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators, metrics
from experiments.simulators._chaos_orbits import FINE, Orbit

LIBRARIES: dict[str, Any] = {
    "polynomial": lambda x: estimators.polynomial_features(x, degree=2),
    "Fourier": lambda x: estimators.fourier_features(x, num_frequencies=10),
}


def derivative_errors(found: Orbit) -> dict[str, float]:
    """The median over coordinates of sMAPE (of 2) of the derivatives at held-out points, for both libraries.

    1000 points at 100 a period are regressed on, with their derivatives by central differences as one would have them
    from data; of the next 200 points the true derivatives are compared. "polynomial, true derivatives" is the first
    library regressed on those.

    Args:
        found: an orbit of at least 13 periods.
    """
    times, points = (jnp.asarray(array[:: FINE // 100][:1202]) for array in (found.times, found.points))
    slopes = _slopes(found.system, times, points)
    measured = (points[2:] - points[:-2]) / (2 * (times[1] - times[0]))
    points, slopes = points[1:-1], slopes[1:-1]
    cases = {name: (library, measured) for name, library in LIBRARIES.items()}
    cases["polynomial, true derivatives"] = LIBRARIES["polynomial"], slopes
    errors = {}
    for name, (library, targets) in cases.items():
        features = library(points)
        fitted = estimators.sparse_regression(features[:1000], targets[:1000], 0.1, ridge=0.05).value
        per_coordinate = metrics.smape(slopes[1000:].T, (features[1000:] @ fitted).T) / 100
        errors[name] = float(np.median(per_coordinate))
    return errors


@jax.jit
def _slopes(system: Any, times: jax.Array, points: jax.Array) -> jax.Array:
    return jax.vmap(lambda t, y: system.vector_field(t, y))(times, points)
