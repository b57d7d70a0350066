"""Weights that ship: a model's arrays as safetensors, with a checksum."""

import functools
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors import SafetensorError, deserialize
from safetensors.flax import save

from entropax.training._atomic import write_atomically

# The names that the format gives to numbers; safetensors' own reader knows no bfloat16.
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "BF16": "bfloat16",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}


def save_weights(model: Any, path: str | os.PathLike[str]) -> str:
    """Writes a model's arrays (parameters and statistics, not its random streams) to a safetensors file.

    The file is whole or absent, and holds names, shapes, dtypes and numbers only.

    Args:
        model: a flax.nnx.Module or a pytree, each array of which this process holds whole.
        path: the file, usually ending in .safetensors.

    Returns:
        The SHA-256 checksum of the file in hexadecimal, to be published beside it.

    Raises:
        ValueError: the model has no arrays, or one of them is spread over processes.
        OSError: the file cannot be written.
    """
    arrays, _ = _take_apart(model)
    for name, leaf in arrays.items():
        if not (leaf.is_fully_addressable or leaf.is_fully_replicated):
            raise ValueError(f"array {name} is spread over processes; gather the model before saving it")
    data = save({name: jnp.asarray(np.asarray(leaf)) for name, leaf in arrays.items()})
    write_atomically(path, data)
    return hashlib.sha256(data).hexdigest()


def load_weights(model: Any, path: str | os.PathLike[str], *, sha256: str | None = None) -> Any:
    """A copy of a model with the arrays of a safetensors file.

    Args:
        model: a model of the same structure as the one saved; it is not changed, and the copy keeps its random streams
            and the placement of its arrays.
        path: the file.
        sha256: the checksum that the file must have.

    Returns:
        The model with the arrays of the file.

    Raises:
        ValueError: the file has another checksum, is damaged, or its names, shapes or dtypes are not the model's.
        OSError: the file cannot be read.
    """
    path = Path(path)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256.lower():
        raise ValueError(f"{path} has the SHA-256 checksum {found}, expected {sha256}")
    try:
        loaded = {name: _as_array(tensor) for name, tensor in deserialize(data)}
    except (SafetensorError, ValueError, KeyError) as error:
        raise ValueError(f"{path} is not a whole safetensors file: {error}") from error
    expected, put_together = _take_apart(model)
    if set(loaded) != set(expected):
        missing, surplus = sorted(set(expected) - set(loaded)), sorted(set(loaded) - set(expected))
        raise ValueError(f"{path} does not fit the model: it lacks {missing[:4]} and has {surplus[:4]} besides")
    for name, leaf in expected.items():
        if loaded[name].shape != leaf.shape or loaded[name].dtype != leaf.dtype:
            raise ValueError(
                f"{path} does not fit the model: array {name} is {loaded[name].dtype}{list(loaded[name].shape)}, "
                f"expected {leaf.dtype}{list(leaf.shape)}"
            )
    return put_together([jax.device_put(loaded[name], leaf.sharding) for name, leaf in expected.items()])


def _take_apart(model: Any) -> tuple[dict[str, jax.Array], Callable[[list[jax.Array]], Any]]:
    """The arrays that ship, by name, and the function that makes a model of others in their order."""
    if isinstance(model, nnx.Module):
        graph, random, shipped = nnx.split(model, nnx.RngState, ...)
        random, shipped = nnx.as_pure(random), nnx.as_pure(shipped)
        rebuild = functools.partial(nnx.merge, graph, random)
    else:
        shipped, rest = eqx.partition(model, lambda leaf: eqx.is_array(leaf) and not _is_key(leaf))
        rebuild = functools.partial(eqx.combine, rest)
    paths, structure = jax.tree_util.tree_flatten_with_path(shipped)
    if not paths:
        raise ValueError(f"model must have arrays, got a {type(model).__name__} without")
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): jnp.asarray(leaf) for path, leaf in paths}
    return named, lambda leaves: rebuild(jax.tree.unflatten(structure, leaves))


def _as_array(tensor: Mapping[str, Any]) -> np.ndarray:
    dtype = jnp.dtype(_DTYPES[tensor["dtype"]])
    return np.frombuffer(tensor["data"], dtype).reshape(tensor["shape"])


def _is_key(leaf: jax.Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
