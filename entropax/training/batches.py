"""Where a run's batches come from: a pure function of the step, or an iterator on the host."""

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from entropax._typing import PyTree
from entropax.training.meshes import Placement


@runtime_checkable
class BatchIterator(Protocol):
    """An iterator of batches that can be saved and resumed, such as those of grain.

    `get_state` returns bytes or what JSON holds; after `set_state` of it the iterator yields the same batches again.
    Batches are pytrees of arrays, all of the same shapes.
    """

    def __next__(self) -> PyTree:
        """The next batch."""
        ...

    def get_state(self) -> Any:
        """Where the iterator stands.

        Returns:
            The state: bytes, or what JSON holds.
        """
        ...

    def set_state(self, state: Any) -> None:
        """Goes to where it stood.

        Args:
            state: what `get_state` returned.
        """
        ...


class HostBatches:
    """Draws the batches of one call from an iterator and stacks them, always to the same shape.

    Args:
        source: yields the batches.
        length: length of the stack; rows that no step reads repeat the last batch.
        placement: where the stack lives.
        saved: whether the iterator must be one that can be saved.

    Raises:
        TypeError: `source` is no iterator, or none that can be saved where it must.
        ValueError: it would be saved by several processes.
    """

    def __init__(self, source: Any, length: int, placement: Placement | None, *, saved: bool):
        if saved and not isinstance(source, BatchIterator):
            raise TypeError(
                "with a checkpoint_dir an iterator needs __next__, get_state and set_state to be resumed, "
                f"got {type(source).__name__}; or make batch_at a pure function of the step"
            )
        if saved and jax.process_count() > 1:
            raise ValueError(
                "with several processes a checkpoint does not hold the iterator of each; "
                "make batch_at a pure function of the step"
            )
        self._iterator = _as_iterator(source)
        self._length = length
        self._placement = placement

    def get_state(self) -> Any:
        """The iterator's state.

        Returns:
            What its own `get_state` returns.
        """
        return self._iterator.get_state()

    def set_state(self, state: Any) -> None:
        """Moves the iterator.

        Args:
            state: what `get_state` returned.
        """
        self._iterator.set_state(state)

    def draw(self, count: int) -> tuple[PyTree, int]:
        """The next `count` batches stacked along a new first axis, and how many came before the data ran out.

        Args:
            count: how many, at most the length of the stack.

        Returns:
            The stack, `length` long whatever the count, or None where the data had already run out; and how many
            batches it holds.

        Raises:
            ValueError: the batches differ in structure, shapes or dtypes.
        """
        batches = []
        for _ in range(count):
            try:
                batches.append(jax.tree.map(np.asarray, next(self._iterator)))
            except StopIteration:
                break
        if not batches:
            return None, 0
        _require_alike(batches)
        filled = batches + batches[-1:] * (self._length - len(batches))
        stack = jax.tree.map(lambda *leaves: np.stack(leaves), *filled)
        return (stack if self._placement is None else self._placement.put_batches(stack)), len(batches)


def _as_iterator(source: Any) -> Any:
    if hasattr(source, "__next__"):
        return source
    if isinstance(source, Iterable):
        return iter(source)
    raise TypeError(f"batch_at must be a function (step, *, key) -> batch or an iterator, got {type(source).__name__}")


def _require_alike(batches: list[PyTree]) -> None:
    def shapes(batch: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", batch)

    first = shapes(batches[0])
    for batch in batches[1:]:
        if shapes(batch) != first:
            raise ValueError(
                f"the iterator's batches must all be like the first, {first}, got {shapes(batch)}; "
                "drop or pad a last, smaller batch"
            )
