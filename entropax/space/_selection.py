"""The smallest of many, for every column at once: sorting networks along the leading axis.

A comparison sort of short rows is slow to compile to good machine code; a network of compare-exchanges (Batcher's
bitonic sorter, 1968) is the same for every column, so the columns fill the vector units. Ties are left in place.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

INSERT_UP_TO = 16
"""Length of the lists that are kept sorted by insertion: longer ones are by networks."""

_FOLD = 4

Pair = tuple[jax.Array, jax.Array]  # keys and what they carry, both (..., rows, columns)
Rows = tuple[tuple[jax.Array, ...], tuple[jax.Array, ...] | None]  # the same as one array a row, (columns,)


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


def insert_row(best: Rows, key: jax.Array, payload: jax.Array | None = None) -> Rows:
    """Inserts one key a column into sorted lists kept as separate rows: an insertion sort by selections.

    Selections, not minima: those would spend half their time on NaN. Rows of their own, not a stacked array: shifting
    that would copy it.

    Args:
        best: rows of keys, smallest first, and what they carry, or None for keys alone.
        key: shape (columns,); of equal keys the earlier stays.
        payload: what travels with the key, if anything does.

    Returns:
        Rows of as many smallest keys, and what they carry.
    """
    keys, carried = best
    below = [key < kept for kept in keys]

    def shifted(rows: tuple[jax.Array, ...], new: jax.Array) -> tuple[jax.Array, ...]:
        first = jnp.where(below[0], new, rows[0])
        others = (jnp.where(below[m - 1], rows[m - 1], jnp.where(below[m], new, rows[m])) for m in range(1, len(rows)))
        return (first, *others)

    return shifted(keys, key), None if carried is None or payload is None else shifted(carried, payload)


def insert_rows(best: Rows, keys: jax.Array, payload: jax.Array | None = None) -> Rows:
    """Keeps the smallest of a sorted list and further rows, by inserting row after row.

    One row costs a few operations on the whole list: less than a network while the list is short.

    Args:
        best: rows of keys, smallest first, and what they carry, or None for keys alone.
        keys: further keys, shape (rows, columns).
        payload: what travels with them, the same shape.

    Returns:
        Rows like `best`.
    """
    return jax.lax.scan(lambda kept, row: (insert_row(kept, *row), None), best, (keys, payload))[0]


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


def smallest_keys(keys: jax.Array, count: int) -> jax.Array:
    """The `count` smallest keys of every column, sorted, by as many minima: the fastest for few of a few hundred rows.

    Each minimum is over what exceeds the one before; how many keys are not above it tells equal ones.

    Args:
        keys: shape (rows, columns), rows >= count.
        count: how many to keep.

    Returns:
        Keys, shape (count, columns).
    """
    # At least a row is filled up. XLA drops the barrier on a CPU; what is padded it writes down all the same, while
    # otherwise every minimum would compute the keys for itself, at more than twice the time.
    fill = _FOLD - keys.shape[0] % _FOLD
    keys = jnp.pad(keys, ((0, fill), (0, 0)), constant_values=jnp.inf)
    keys = jax.lax.optimization_barrier(keys)
    parts = jnp.split(keys, _FOLD)  # joined before anything is written: long ways down columns are not vectorised
    minima, up_to = [jnp.min(functools.reduce(jnp.minimum, parts), axis=0)], []
    for _ in range(count - 1):
        last = minima[-1][None]
        up_to.append(jnp.sum(sum((part <= last).astype(jnp.int32) for part in parts), axis=0, dtype=jnp.int32))
        above = [jnp.where(part > last, part, jnp.inf) for part in parts]
        minima.append(jnp.min(functools.reduce(jnp.minimum, above), axis=0))
    smallest = []
    for place in range(count):
        key = minima[-1]
        for minimum, number in zip(minima[-2::-1], up_to[::-1], strict=True):
            key = jnp.where(number > place, minimum, key)
        smallest.append(key)
    return jnp.stack(smallest)


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
