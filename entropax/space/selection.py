"""The smallest of many, for every column at once: sorting networks along the leading axis.

A comparison sort of short rows is slow to compile to good machine code; a network of compare-exchanges (Batcher's
bitonic sorter, 1968) is the same for every column, so the columns fill the vector units. Ties are left in place.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

Pair = tuple[jax.Array, jax.Array]  # keys and what they carry, both (..., rows, columns)


def sort_rows(keys: jax.Array, payload: jax.Array) -> Pair:
    """Sorts along the axis before the last, ascending; its length must be a power of two.

    Args:
        keys: what to sort by, shape (..., rows, columns).
        payload: what travels with the keys, the same shape.

    Returns:
        The sorted keys and their payload.
    """
    return _run_network(keys, payload, *_sorting_network(keys.shape[-2]))


def merge_smallest(a: Pair, b: Pair) -> Pair:
    """The smaller half, sorted, of two sorted lists of one power-of-two length.

    Args:
        a: keys and payload sorted along the axis before the last.
        b: the same, of the same shape.

    Returns:
        Keys and payload, of the shape of one list.
    """
    b_keys, b_payload = b[0][..., ::-1, :], b[1][..., ::-1, :]
    take = b_keys < a[0]  # ascending against descending: the element-wise minimum holds the smallest, bitonic
    keys, payload = jnp.where(take, b_keys, a[0]), jnp.where(take, b_payload, a[1])
    return _run_network(keys, payload, *_merging_network(keys.shape[-2]))


def insert_rows(best: Pair, keys: jax.Array, payload: jax.Array) -> Pair:
    """Keeps the smallest of a sorted list and further rows, by inserting row after row.

    One row costs a few operations on the whole list: less than a network while the list is short.

    Args:
        best: keys and payload, sorted, shape (count, columns).
        keys: further keys, shape (rows, columns).
        payload: what travels with them, the same shape.

    Returns:
        Keys and payload, of the shape of `best`.
    """

    def insert(best: Pair, row: Pair) -> tuple[Pair, None]:
        (keys, payload), (key, carried) = best, row
        before_key = jnp.concatenate([jnp.full_like(keys[:1], -jnp.inf), keys[:-1]])
        before_payload = jnp.concatenate([payload[:1], payload[:-1]])
        here = jnp.where(key < keys, carried, payload)
        payload = jnp.where(key < before_key, before_payload, here)
        return (jnp.minimum(keys, jnp.maximum(before_key, key)), payload), None

    return jax.lax.scan(insert, best, (keys[:, None], payload[:, None]))[0]


def smallest_rows(keys: jax.Array, payload: jax.Array, count: int) -> Pair:
    """The `count` smallest keys of every column, sorted; `count` a power of two.

    Args:
        keys: shape (rows, columns), any number of rows.
        payload: the same shape.
        count: how many to keep.

    Returns:
        Keys and payload of shape (count, columns), filled with infinite keys where rows are lacking.
    """
    rows, columns = keys.shape
    lists = power_of_two(-(-rows // count))
    fill = ((0, lists * count - rows), (0, 0))
    keys = jnp.pad(keys, fill, constant_values=jnp.inf).reshape(lists, count, columns)
    payload = jnp.pad(payload, fill, constant_values=-1).reshape(lists, count, columns)
    best = sort_rows(keys, payload)
    while lists > 1:
        lists //= 2
        best = merge_smallest((best[0][:lists], best[1][:lists]), (best[0][lists:], best[1][lists:]))
    return best[0][0], best[1][0]


def power_of_two(number: int) -> int:
    """The smallest power of two not below `number`.

    Args:
        number: at least 1.

    Returns:
        The power.
    """
    return 1 << (number - 1).bit_length()


def _run_network(keys: jax.Array, payload: jax.Array, partner: np.ndarray, keep_smaller: np.ndarray) -> Pair:
    if not len(partner):
        return keys, payload

    def stage(carry: Pair, wires: tuple[jax.Array, jax.Array]) -> tuple[Pair, None]:
        keys, payload = carry
        other, smaller = wires
        other_keys, other_payload = (jnp.take(x, other, axis=-2, mode="clip") for x in (keys, payload))
        take = jnp.where(smaller[:, None], other_keys < keys, other_keys > keys)
        return (jnp.where(take, other_keys, keys), jnp.where(take, other_payload, payload)), None

    return jax.lax.scan(stage, (keys, payload), (jnp.asarray(partner), jnp.asarray(keep_smaller)))[0]


@functools.cache
def _sorting_network(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Partner of every row at every stage, and whether the row keeps the smaller key."""
    rows = np.arange(size)
    stages = []
    run = 2
    while run <= size:
        step = run // 2
        while step:
            stages.append((rows ^ step, ((rows & step) == 0) == ((rows & run) == 0)))
            step //= 2
        run *= 2
    return _wires(stages, size)


@functools.cache
def _merging_network(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The stages that sort a bitonic list."""
    rows = np.arange(size)
    steps = [size >> shift for shift in range(1, size.bit_length())]
    return _wires([(rows ^ step, (rows & step) == 0) for step in steps], size)


def _wires(stages: list[tuple[np.ndarray, np.ndarray]], size: int) -> tuple[np.ndarray, np.ndarray]:
    partner = np.array([stage[0] for stage in stages], np.int32).reshape(-1, size)
    return partner, np.array([stage[1] for stage in stages], bool).reshape(-1, size)
