"""A layer of splines, value and gradients: `KANLayer` under vmap against the spline layers of jaxkan.

Both compute the mean square of the layer's outputs on a batch and its gradients, by the parameters alone and by the
inputs too, under jit, with the same numbers in their parameters, and neither has a bias. jaxkan's layer takes batches.
XLA runs both on all cores, so there is one variant.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax.nn import KANLayer
from experiments.benchmarks.harness import Case

NAME = "kan-layer"
DESCRIPTION = "spline layer of a Kolmogorov-Arnold network, forward and backward, float32"
PEER = "jaxkan"

NUM_IN, NUM_OUT, INTERVALS, ORDER, BATCH = 64, 64, 5, 3, 4096
TOLERANCE = 1e-4
"""Of gradients in float32, relative to the largest of each."""


def cases() -> Iterator[Case]:
    """Gradients by the parameters, and by the inputs too."""
    from jaxkan.layers.Spline import SplineLayer

    ours = KANLayer(NUM_IN, NUM_OUT, intervals=INTERVALS, order=ORDER, rngs=nnx.Rngs(0))
    theirs = SplineLayer(n_in=NUM_IN, n_out=NUM_OUT, k=ORDER, G=INTERVALS, add_bias=False)
    # Theirs are (out, in) where ours are (in, out), the basis last.
    theirs.c_basis = nnx.Param(ours.coefficients[...].T)
    theirs.c_spl = nnx.Param(ours.spline_weight[...].T)
    theirs.c_res = nnx.Param(ours.base_weight[...].T)
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (BATCH, NUM_IN)), jnp.float32)
    for inputs in (False, True):
        by = "parameters and inputs" if inputs else "parameters"
        yield Case(
            name=f"[{NUM_IN} -> {NUM_OUT}], G = {INTERVALS}, k = {ORDER}, batch {BATCH}, gradients by {by}",
            ours=_gradients(ours, jax.vmap, inputs, x),
            peers={"SplineLayer": _gradients(theirs, lambda layer: layer, inputs, x)},
            difference=_difference,
            tolerance=TOLERANCE,
            seconds=15.0,
        )


def _gradients(layer: Any, batched: Callable[[Any], Any], inputs: bool, x: jax.Array) -> Callable[[], tuple[Any, ...]]:
    """A call that returns the gradients."""
    graph, params, rest = nnx.split(layer, nnx.Param, ...)

    @jax.jit
    def gradients(params: Any, x: jax.Array) -> tuple[Any, ...]:
        def loss(params: Any, x: jax.Array) -> jax.Array:
            return jnp.mean(batched(nnx.merge(graph, params, rest))(x) ** 2)

        return jax.grad(loss, argnums=(0, 1) if inputs else (0,))(params, x)

    return lambda: gradients(nnx.as_pure(params), x)


def _difference(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> float:
    """The largest of all differences, each in units of the largest entry of its array."""
    names = {"coefficients": "c_basis", "spline_weight": "c_spl", "base_weight": "c_res"}
    pairs = [(ours[0][mine].T, theirs[0][other]) for mine, other in names.items()]
    pairs += zip(ours[1:], theirs[1:], strict=True)
    return max(float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(a))) for a, b in pairs)
