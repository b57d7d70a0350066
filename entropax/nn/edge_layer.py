"""What all layers with a function on every edge share."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float


class EdgeLayer(nnx.Module):
    """A layer y_j = sum_i phi_ij(x_i) whose functions are combinations phi_ij = sum_g K_gij f_gi(x_i).

    Acts on the last axis: (..., num_in) to (..., num_out). A layer of its own kind defines `features` and `weights`,
    and keeps its nnx.Param with the axes of inputs and outputs last; then sums, single edges, grids of samples and
    pruning are those of this class. All features and one matrix product: with a batch that is one GEMM.

    Attributes:
        num_in: size of the input.
        num_out: size of the output.
    """

    num_in: int
    num_out: int

    def features(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch features num_in"]:
        """f, the functions that an edge combines.

        Args:
            x: shape (..., num_in), floating of at least 32 bits.

        Returns:
            Shape (..., features, num_in).
        """
        raise NotImplementedError(f"{type(self).__name__} must define features")

    def weights(self) -> Float[Array, "features num_in num_out"]:
        """K, what they are combined with.

        Returns:
            Shape (features, num_in, num_out).
        """
        raise NotImplementedError(f"{type(self).__name__} must define weights")

    def __call__(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch num_out"]:
        """Applies the layer.

        Args:
            x: shape (..., num_in).

        Returns:
            y, shape (..., num_out).

        Raises:
            ValueError: the last axis has another size than num_in.
        """
        features, weights = self._operands(x)
        return jnp.einsum("...gi,gio->...o", features, weights)

    def edges(self, x: Float[Array, "*batch num_in"]) -> Float[Array, "*batch num_in num_out"]:
        """The values of all functions, which sum to the output over the inputs.

        Args:
            x: shape (..., num_in).

        Returns:
            phi_ij(x_i), shape (..., num_in, num_out).

        Raises:
            ValueError: the last axis has another size than num_in.
        """
        features, weights = self._operands(x)
        return jnp.einsum("...gi,gio->...io", features, weights)

    def select(self, inputs: Any, outputs: Any) -> "EdgeLayer":
        """A layer of some of the inputs and outputs, their functions unchanged.

        Args:
            inputs: indices of those that stay.
            outputs: indices of those that stay.

        Returns:
            A new layer.
        """
        inputs, outputs = np.asarray(inputs, int), np.asarray(outputs, int)
        graph, params, rest = nnx.split(self, nnx.Param, ...)
        layer = nnx.merge(
            graph, nnx.map_state(lambda _, p: p.replace(p[...][..., inputs, :][..., outputs]), params), rest
        )
        layer.num_in, layer.num_out = len(inputs), len(outputs)
        return layer

    def _operands(self, x: Array) -> tuple[Array, Array]:
        if x.ndim < 1 or x.shape[-1] != self.num_in:
            raise ValueError(f"x must have shape (..., {self.num_in}), got {x.shape}")
        x, weights = _checks.as_floats(x=x, weights=self.weights())
        return self.features(_checks.accumulated(x)).astype(x.dtype), weights
