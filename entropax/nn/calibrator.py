"""A network that gives every example its own temperature."""

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real
from entropax.nn.layers import MLP


class Calibrator(nnx.Module):
    """The temperature of an example from what a classifier says of transformed copies of it.

    T = least + softplus(network(features)), to be used as softmax(logits / T) and trained by
    `losses.correctness_aware_loss`: a prediction that survives small changes of the input tends to be right. Acts on
    the last axis of `topk_features`.

    Attributes:
        num_features: size of the input.
        least_temperature: what T exceeds.
    """

    def __init__(
        self, num_features: int = 20, *, width: int = 5, least_temperature: int | float = 1e-2, rngs: nnx.Rngs
    ):
        """Makes two layers with a ReLU between them.

        Args:
            num_features: copies times k, 5 times 4 by default.
            width: size of the hidden layer.
            least_temperature: positive; it keeps logits / T finite where all predictions are right.
            rngs: source of randomness.

        Raises:
            ValueError: a size or the least temperature is not positive.

        Source: arXiv 2404.13016, the sizes included; the output's form is our reading.
        """
        if not 0 < least_temperature < float("inf"):
            raise ValueError(f"least_temperature must be positive and finite, got {least_temperature}")
        self.num_features = num_features
        self.least_temperature = least_temperature
        self.network = MLP(num_features, 1, width=width, depth=1, activation=jax.nn.relu, rngs=rngs)

    def __call__(self, features: Float[Array, "*batch num_features"]) -> Float[Array, "*batch"]:
        """The temperatures.

        Args:
            features: shape (..., num_features).

        Returns:
            T, shape (...).

        Raises:
            ValueError: the last axis has another size than num_features.
        """
        if features.ndim < 1 or features.shape[-1] != self.num_features:
            raise ValueError(f"features must have shape (..., {self.num_features}), got {features.shape}")
        return self.least_temperature + jax.nn.softplus(self.network(features)[..., 0])


def topk_features(
    logits: Real[ArrayLike, "*batch n"], transformed_logits: Real[ArrayLike, "*batch m n"], *, k: int = 4
) -> Float[Array, "*batch m_times_k"]:
    """Probabilities of the k classes that the original ranks first, of every transformed copy.

    Args:
        logits: of the original, shape (..., n).
        transformed_logits: of its m copies, shape (..., m, n); the original itself, logits[..., None, :], for a
            calibrator that sees no copies.
        k: number of classes, from 1 to n; of equal logits the first come first.

    Returns:
        softmax(transformed)[..., j, c_i] for copies j and ranks i, copy by copy, shape (..., m k).

    Raises:
        ValueError: shapes do not fit, or k is out of range.

    Differentiable in transformed_logits; the ranking is held. Source: arXiv 2404.13016.
    """
    z, copies = _checks.as_floats(logits=logits, transformed_logits=transformed_logits)
    if z.ndim < 1:
        raise ValueError(f"logits must have shape (..., n), got {z.shape}")
    batch, n = z.shape[:-1], z.shape[-1]
    if copies.ndim != z.ndim + 1 or copies.shape[:-2] != batch or copies.shape[-1] != n:
        shape = ", ".join([*map(str, batch), "m", str(n)])
        raise ValueError(f"transformed_logits must have shape ({shape}), got {copies.shape}")
    _checks.require_integer("k", k, minimum=1, maximum=n)
    _, classes = jax.lax.top_k(jax.lax.stop_gradient(z), k)
    classes = jnp.broadcast_to(classes[..., None, :], (*copies.shape[:-1], k))
    first = jnp.take_along_axis(jax.nn.softmax(copies, axis=-1), classes, axis=-1)
    return first.reshape(*batch, copies.shape[-2] * k)
