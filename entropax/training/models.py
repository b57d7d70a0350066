"""A model taken apart into what is trained, what a call changes, and its random state."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx

from entropax._typing import PyTree


class Parts(eqx.Module):
    """The arrays of a model.

    Args:
        params: what is differentiated: the nnx.Param, or a pytree's floating arrays.
        variables: what else a call reads or changes, such as the running statistics of a batch normalisation.
        random: keys and counts of the streams that Dropout draws from.
    """

    params: PyTree
    variables: PyTree
    random: PyTree


class Structure(eqx.Module):
    """A model without its arrays: `join` makes the model, `split` takes one of the same structure apart again."""

    graph: nnx.GraphDef | None = eqx.field(static=True)
    tree: PyTree  # of a model that is no nnx.Module: what is not an array

    def join(self, parts: Parts) -> Any:
        """The model with these arrays.

        Args:
            parts: arrays of this structure.

        Returns:
            A new model.
        """
        if self.graph is not None:
            return nnx.merge(self.graph, parts.params, parts.random, parts.variables)
        return eqx.combine(parts.params, parts.variables, self.tree)

    def parts_of(self, model: Any) -> Parts:
        """The arrays of a model of this structure.

        Args:
            model: a model of this structure, which is not changed.

        Returns:
            Its arrays.
        """
        return split_model(model)[1]


def split_model(model: Any) -> tuple[Structure, Parts]:
    """A model's structure and arrays; the model is not changed.

    Args:
        model: a flax.nnx.Module, or any pytree (an equinox.Module, a dictionary of arrays, one array).

    Returns:
        The structure, and the arrays that `Structure.join` puts back into it.

    Raises:
        TypeError: a parameter is not a real floating array. A complex one would go astray: jax.grad of a real loss by
            it is the conjugate of the way uphill.
        ValueError: the model has no parameters.
    """
    if isinstance(model, nnx.Module):
        graph, params, random, variables = nnx.split(model, nnx.Param, nnx.RngState, ...)
        structure = Structure(graph, None)
        parts = Parts(nnx.as_pure(params), nnx.as_pure(variables), nnx.as_pure(random))
    else:
        params, rest = eqx.partition(model, eqx.is_inexact_array)
        variables, tree = eqx.partition(rest, eqx.is_array)
        structure, parts = Structure(None, tree), Parts(params, variables, None)
    named = jax.tree_util.tree_leaves_with_path(parts.params)
    if not named:
        raise ValueError(f"model must have parameters (nnx.Param or floating arrays), got a {type(model).__name__}")
    for path, leaf in named:
        if not jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            raise TypeError(f"parameters must be floating arrays, got {leaf.dtype} for {jax.tree_util.keystr(path)}")
    return structure, parts
