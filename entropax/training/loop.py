"""The training loop: many steps in one compiled call, resumed to the same bits."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from entropax import _checks
from entropax._typing import PRNGKey, PyTree
from entropax.training._checkpoints import Checkpoint, CheckpointStore
from entropax.training._compiled import Carry, Program, advance, is_number, join_arrays, own_copy, split_arrays
from entropax.training._metrics_log import MetricsLog
from entropax.training._progress import ProgressBar
from entropax.training.batches import HostBatches
from entropax.training.meshes import Placement, as_placement
from entropax.training.stopping import StopRule


class RunResult(eqx.Module):
    """What a run leaves.

    Args:
        state: the state after the last step.
        history: the metrics of every step, arrays of length `steps` by name, and "step" itself, counted from zero.
        steps: number of steps done, those before a resume included.
        stopped_early: whether the stop rule, or the end of an iterator's data, ended the run before its last step.
        first_nonfinite_step: the first step with a metric that was NaN or infinite, None if there is none.
    """

    state: PyTree
    history: dict[str, np.ndarray]
    steps: int
    stopped_early: bool
    first_nonfinite_step: int | None


def run(
    update: Callable[..., Any],
    state: PyTree,
    batch_at: Any,
    *,
    steps: int,
    key: PRNGKey,
    steps_per_call: int = 100,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    log_path: str | os.PathLike[str] | None = None,
    mesh: Mesh | Placement | None = None,
    progress: bool = True,
    description: str | None = None,
    stop: StopRule | None = None,
) -> RunResult:
    """Repeats a pure update: state, metrics = update(state, batch_at(step, key=k2), key=k1).

    `steps_per_call` steps run in one compiled loop, compiled once whatever the number of steps; between calls metrics
    are read, logged and shown and checkpoints saved. The keys of step i are k1, k2 = split(fold_in(key, i)), so a run
    that was killed at any moment and is started again with the same arguments ends with the same bits as one that was
    not (on the same device, with the same versions and the same `steps_per_call`).

    A function is compiled once for each object, so pass the same `update` again rather than a new lambda. Data that a
    function closes over is a constant of the compiled program; to hand large data over as an argument, make the
    function a pytree, such as jax.tree_util.Partial(function, data) or an equinox.Module.

    On several hosts call `jax.distributed.initialize()` first and pass a mesh of all devices; every process makes the
    same call with the same arguments, `checkpoint_dir` is on a disk that all of them see, and process 0 writes the log.

    Args:
        update: pure function (state, batch, *, key) -> (state, metrics): the new state has the structure, shapes and
            dtypes of the old; metrics is a dictionary of real arrays without axes.
        state: any pytree; its arrays and numbers are carried along (as copies: what is passed stays as it is),
            anything else in it (functions, strings) is static.
        batch_at: pure function (step, *, key) -> batch, traced inside the loop, `step` an int32 array; or an iterator
            of batches on the host, which needs `get_state` and `set_state` to be checkpointed (`BatchIterator`).
        steps: number of steps of the whole run.
        key: a key made by jax.random.key.
        steps_per_call: steps in one compiled call.
        checkpoint_dir: directory of the checkpoints. If it holds one, the run resumes from it.
        checkpoint_every: steps between checkpoints, 10 steps_per_call by default; the end of the run is always saved.
        log_path: file for the metrics as JSON lines; on a resume it is cut back to the steps of the checkpoint.
        mesh: a mesh or `Placement`; of a mesh the first axis carries the batches and the second the parameters.
        progress: whether to show a progress bar, if standard error is a terminal.
        description: words before the bar.
        stop: rule that ends the run early, asked after every step.

    Returns:
        A `RunResult`. A NaN among the metrics does not end the run unless `stop` says so (`NonFinite`); it is reported
        in `first_nonfinite_step`.

    Raises:
        ValueError: a count below one, metrics that are not scalars, or a checkpoint directory that is damaged, is not
            one, or belongs to a run with another state or key.
        TypeError: a key of the old style, metrics that are not a dictionary, a state whose structure, shapes or dtypes
            the update changes.
        OSError: a checkpoint or the log cannot be written.
    """
    checkpoint_every = _checked_counts(steps, steps_per_call, checkpoint_dir, checkpoint_every)
    _checks.require_key("key", key)
    if not (stop is None or isinstance(stop, StopRule)):
        raise TypeError(f"stop must be a StopRule or None, got {type(stop).__name__}")
    placement = as_placement(mesh)
    host = None
    if not callable(batch_at):
        host = HostBatches(batch_at, steps_per_call, placement, saved=checkpoint_dir is not None)
    functions, static_functions = split_arrays((update, None if host else batch_at, stop))
    state, static_state = split_arrays(state, is_number)
    program = Program(static_functions, static_state, placement, steps_per_call)
    carry = Carry(state, stop.init() if stop else (), np.asarray(False))
    inputs = (key, functions)
    if placement is None:
        carry = own_copy(carry)
    else:
        carry = own_copy(carry, placement.state_shardings(jax.tree.map(jnp.asarray, carry)))
        inputs = own_copy(inputs, placement.replicated)

    with contextlib.ExitStack() as opened:
        store = None
        at = Checkpoint(0, carry, {"step": np.arange(0)}, None)
        if checkpoint_dir is not None:
            store = opened.enter_context(CheckpointStore(checkpoint_dir, key=key))
            at = store.restore(carry) or at
            if at.step > steps:
                raise ValueError(f"steps must be at least the {at.step} done in {checkpoint_dir}, got {steps}")
            if host and at.step:
                host.set_state(at.iterator_state)
        record = _Record(at.history)
        if jax.process_index() == 0:
            if log_path is not None:
                record.log = opened.enter_context(MetricsLog(log_path, at.history))
            if progress:
                record.bar = opened.enter_context(ProgressBar(steps, start=at.step, description=description))
        carry, saved, launched = at.carry, at.step, at.step
        ended = bool(carry.stopped)
        del state, at  # the first call takes the buffers over

        def save() -> int:
            if store and record.step > saved:
                store.save(Checkpoint(record.step, carry, record.table(), host and host.get_state()))
            return record.step

        # One call runs while the metrics of the one before are read. Should the rule have stopped that one, the call
        # that runs does nothing.
        while launched < steps and not ended:
            count = min(_next_multiple(launched, steps_per_call), _next_multiple(launched, checkpoint_every), steps)
            count -= launched
            batches = None
            if host:
                batches, count = host.draw(count)
                if count == 0:
                    break
            arguments = (np.int32(launched), np.int32(count), *inputs, batches)
            carry, done, table = advance(carry, *arguments, program=program)
            ended = record.read_last()
            record.last = (count, done, table)
            launched += count
            if store and launched % checkpoint_every == 0:
                ended = record.read_last()
                saved = save()
        record.read_last()
        save()

    history = record.table()
    return RunResult(
        state=join_arrays(carry.state, static_state),
        history=history,
        steps=record.step,
        stopped_early=record.step < steps,
        first_nonfinite_step=_first_nonfinite_step(history),
    )


def _checked_counts(steps: int, steps_per_call: int, checkpoint_dir: Any, checkpoint_every: int | None) -> int:
    """The steps between checkpoints, after checking all counts."""
    _checks.require_integer("steps", steps, minimum=1)
    _checks.require_integer("steps_per_call", steps_per_call, minimum=1)
    if checkpoint_every is None:
        return 10 * steps_per_call
    if checkpoint_dir is None:
        raise ValueError(f"checkpoint_every needs a checkpoint_dir, got checkpoint_every={checkpoint_every} without")
    _checks.require_integer("checkpoint_every", checkpoint_every, minimum=1)
    return checkpoint_every


class _Record:
    """The metrics of a run: kept, logged and shown.

    Args:
        history: those of the steps before a resume.
    """

    def __init__(self, history: dict[str, np.ndarray]):
        self._parts = [history]
        self.step = len(history["step"])
        self.last: tuple[int, jax.Array, dict[str, jax.Array]] | None = None
        self.log: MetricsLog | None = None
        self.bar: ProgressBar | None = None

    def read_last(self) -> bool:
        """Waits for the last call, given as its step count, the steps it did, and its table; whether it fell short."""
        if self.last is None:
            return False
        (count, done, table), self.last = self.last, None
        done = int(done)
        rows = {"step": np.arange(self.step, self.step + done)}
        rows |= {name: np.asarray(column)[:done] for name, column in table.items()}
        self._parts.append(rows)
        self.step += done
        if self.log:
            self.log.append(rows)
        if self.bar:
            self.bar.show(self.step, rows)
        return done < count

    def table(self) -> dict[str, np.ndarray]:
        """The metrics of all steps, "step" first."""
        parts = [part for part in self._parts if len(part["step"])] or self._parts[:1]
        names = ["step", *(name for name in parts[0] if name != "step")]
        self._parts = [{name: np.concatenate([part[name] for part in parts]) for name in names}]
        return self._parts[0]


def _next_multiple(step: int, every: int) -> int:
    return (step // every + 1) * every


def _first_nonfinite_step(columns: dict[str, np.ndarray]) -> int | None:
    bad = np.zeros(len(columns["step"]), bool)
    for column in columns.values():
        if jnp.issubdtype(column.dtype, jnp.floating):
            bad |= ~np.isfinite(column.astype(np.float64))
    return int(np.argmax(bad)) if bad.any() else None
