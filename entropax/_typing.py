"""Aliases for jaxtyping annotations.

`Float[Array, ""]` rejects a plain 0.5, so scalar inputs have aliases of their own. Inputs are annotated with the
`ArrayLike` forms (jax or numpy arrays, Python numbers), results with `Array`. `Int` is any integer, unsigned too:
labels come as bytes.
"""

from typing import TypeAlias

from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, Integer as Int, Key, Num, PyTree, Real, Shaped

RealScalar: TypeAlias = Real[ArrayLike, ""]
"""A real number, Python's or an array without axes."""

Scalar: TypeAlias = Float[Array, ""]
"""A floating result without axes."""

PRNGKey: TypeAlias = Key[Array, ""]
"""One new-style key, made by `jax.random.key`."""

__all__ = [
    "Array",
    "ArrayLike",
    "Bool",
    "Float",
    "Inexact",
    "Int",
    "Key",
    "Num",
    "PRNGKey",
    "PyTree",
    "Real",
    "RealScalar",
    "Scalar",
    "Shaped",
]
