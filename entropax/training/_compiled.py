"""The compiled part of a run: many steps in one loop, and the split of a pytree into arrays and what is static."""

import dataclasses
import functools
from collections.abc import Callable, Hashable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import PRNGKey, PyTree
from entropax.training.meshes import Placement, spread

# ----------------------------------------------------------------------------- arrays and what is static in a pytree


@dataclasses.dataclass(frozen=True)
class Static:
    """A pytree without its arrays: hashable, so that it can be part of what is compiled for."""

    structure: Any
    names: tuple[str, ...]
    leaves: tuple[Hashable, ...]


_DYNAMIC = object()


def is_array(leaf: Any) -> bool:
    """Whether a leaf is an array.

    Args:
        leaf: of a pytree.

    Returns:
        True for arrays and scalars of jax or numpy.
    """
    return isinstance(leaf, (jax.Array, np.ndarray, np.generic))


def is_number(leaf: Any) -> bool:
    """Whether a leaf is an array or a number.

    Args:
        leaf: of a pytree.

    Returns:
        True for arrays and Python numbers.
    """
    return is_array(leaf) or isinstance(leaf, (bool, int, float, complex))


def split_arrays(tree: PyTree, is_dynamic: Callable[[Any], bool] = is_array) -> tuple[dict[str, Any], Static]:
    """The arrays of a pytree by name, and the rest.

    Args:
        tree: any pytree.
        is_dynamic: which leaves count as arrays.
    """
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = tuple(jax.tree_util.keystr(path) for path, _ in paths)
    arrays = {name: leaf for name, (_, leaf) in zip(names, paths, strict=True) if is_dynamic(leaf)}
    return arrays, Static(structure, names, tuple(_DYNAMIC if is_dynamic(leaf) else leaf for _, leaf in paths))


def join_arrays(arrays: dict[str, Any], static: Static) -> PyTree:
    """The pytree that `split_arrays` took apart.

    Args:
        arrays: arrays by name, which may be others than those taken out.
        static: the rest.

    Returns:
        The pytree.
    """
    leaves = [
        arrays[name] if leaf is _DYNAMIC else leaf for name, leaf in zip(static.names, static.leaves, strict=True)
    ]
    return jax.tree.unflatten(static.structure, leaves)


def own_copy(tree: PyTree, shardings: PyTree = None) -> PyTree:
    """The arrays in buffers of their own, so that donating them destroys nothing of the caller's; strongly typed.

    Args:
        tree: a pytree of arrays.
        shardings: how to lay them out, as `spread` takes it; None leaves them on their devices.

    Returns:
        The copy.
    """
    # In two puts: one that also spreads over devices may keep the caller's buffer on the first of them.
    copied = jax.device_put(jax.tree.map(_strong, tree), may_alias=False)
    return copied if shardings is None else spread(copied, shardings)


def _is_weak(leaf: jax.Array) -> bool:
    return getattr(leaf, "weak_type", False)  # an array of keys has no such attribute


def _strong(leaf: Any) -> jax.Array:
    leaf = jnp.asarray(leaf)
    return jax.lax.convert_element_type(leaf, leaf.dtype) if _is_weak(leaf) else leaf


# ---------------------------------------------------------------------------------------------------------- the loop


class Carry(eqx.Module):
    """What one step hands to the next, and a checkpoint holds."""

    state: dict[str, Any]
    rule: PyTree
    stopped: Any


@dataclasses.dataclass(frozen=True)
class Program:
    """What a call is compiled for; equal programs share one compiled loop.

    Args:
        functions: the update, the batch function (None: batches are handed in) and the stop rule (or None).
        state: the state without its arrays.
        placement: how the run is spread over devices.
        length: the most steps of a call.
    """

    functions: Static
    state: Static
    placement: Placement | None
    length: int


@functools.partial(jax.jit, static_argnames="program", donate_argnames="carry")
def advance(
    carry: Carry,
    first: Any,
    count: Any,
    key: PRNGKey,
    functions: dict[str, Any],
    batches: PyTree,
    *,
    program: Program,
) -> tuple[Carry, Any, dict[str, Any]]:
    """`count` steps from step `first` on, fewer if the rule stops.

    The number of steps is an argument of the loop and not of the compilation, so that calls of any length up to
    `program.length` share one compiled program.

    Args:
        carry: what a step hands to the next; it is donated.
        first: the step to start from, counted from zero.
        count: number of steps.
        key: source of randomness of the run.
        functions: arrays of the update, the batches and the rule.
        batches: batches of an iterator, or None.
        program: what is static.

    Returns:
        The carry, the number of steps done, and a column for each metric of which the first entries are theirs.
    """
    update, batch_at, stop = join_arrays(functions, program.functions)
    placement = program.placement

    # Jitted so that it is traced once for the shapes of the metrics and for the loop.
    @functools.partial(jax.jit, inline=True)
    def one_step(carry: Carry, done: jax.Array) -> tuple[Carry, dict[str, jax.Array]]:
        update_key, batch_key = jax.random.split(jax.random.fold_in(key, first + done))
        if batch_at is None:
            batch = jax.tree.map(lambda stack: stack[done], batches)
        else:
            batch = batch_at(first + done, key=batch_key)
        if placement is not None:
            batch = placement.constrain_batch(batch)
        state, metrics = _named_result(update(join_arrays(carry.state, program.state), batch, key=update_key))
        state = _require_like(carry.state, state, program.state)
        rule, stopped = carry.rule, carry.stopped
        if stop is not None:
            rule, stopped = stop.update(rule, metrics)
            rule = jax.tree.map(lambda old, new: jnp.asarray(new, old.dtype), carry.rule, rule)
            stopped = jnp.asarray(stopped, bool)
        if placement is not None:
            state = placement.constrain_state(state)
            rule, stopped = jax.lax.with_sharding_constraint((rule, stopped), placement.replicated)
        return Carry(state, rule, stopped), metrics

    def body(loop: tuple) -> tuple:
        done, carry, table = loop
        carry, metrics = one_step(carry, done)
        return done + 1, carry, {name: column.at[done].set(metrics[name]) for name, column in table.items()}

    start = jnp.int32(0)
    _, metrics = jax.eval_shape(one_step, carry, start)
    table = {name: jnp.zeros(program.length, metric.dtype) for name, metric in metrics.items()}
    done, carry, table = jax.lax.while_loop(
        lambda loop: (loop[0] < count) & ~loop[1].stopped, body, (start, carry, table)
    )
    if placement is not None:
        done, table = jax.lax.with_sharding_constraint((done, table), placement.replicated)
    return carry, done, table


def _named_result(result: Any) -> tuple[PyTree, dict[str, jax.Array]]:
    """What an update returned, after checking that it is a state and scalar metrics."""
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
        what = type(result).__name__
        if isinstance(result, tuple):
            what += " of " + ", ".join(type(item).__name__ for item in result)
        raise TypeError(f"update must return (state, dictionary of metrics), got {what}")
    state, metrics = result
    return state, {name: _scalar_metric(name, value) for name, value in metrics.items()}


def _scalar_metric(name: Any, value: Any) -> jax.Array:
    if not isinstance(name, str) or name == "step":
        raise ValueError(f"metrics must be named by strings other than 'step', got {name!r}")
    if not is_number(value):
        raise TypeError(f"metric {name!r} must be a real number or array, got {type(value).__name__}")
    value = jnp.asarray(value)
    if value.shape != ():
        raise ValueError(f"metric {name!r} must be a scalar, got shape {value.shape}")
    if not (jnp.isrealobj(value) and (jnp.issubdtype(value.dtype, jnp.number) or value.dtype == jnp.bool_)):
        raise TypeError(f"metric {name!r} must be real, got dtype {value.dtype}")
    return value


def _require_like(old: dict[str, Any], new: PyTree, static: Static) -> dict[str, jax.Array]:
    """The arrays of the new state, after checking that they fit the places of the old."""
    arrays, new_static = split_arrays(new, is_number)
    if new_static != static:
        changed = set(static.names) ^ set(new_static.names) or {
            name
            for name, before, after in zip(static.names, static.leaves, new_static.leaves, strict=True)
            if before != after
        }
        where = f" at state{min(changed)}" if changed else f": expected {static.structure}, got {new_static.structure}"
        raise TypeError(f"update must keep the structure of the state, and what in it is no array; it differs{where}")
    return {name: _require_same_kind(name, old[name], jnp.asarray(after)) for name, after in arrays.items()}


def _require_same_kind(name: str, before: jax.Array, after: jax.Array) -> jax.Array:
    if after.shape != before.shape or (after.dtype != before.dtype and not _is_weak(after)):
        raise TypeError(
            f"update must keep the state's shapes and dtypes: state{name} was {before.dtype}{list(before.shape)} "
            f"and became {after.dtype}{list(after.shape)}"
        )
    return jax.lax.convert_element_type(after, before.dtype) if _is_weak(after) else after
