"""Checkpoints of a run: whole or absent, checked when read, never unpickled.

A checkpoint directory holds a marker file and one folder a checkpoint, written by orbax under another name and renamed
when complete. Each has the arrays and a JSON record: format, step, key, and the name, shape, dtype and checksum of
every array, those of the metrics so far included, so that what is read back is known to be what this run wrote.
"""

import json
import os
import re
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax._typing import PRNGKey, PyTree
from entropax.training._atomic import write_atomically
from entropax.training._quiet import quiet_orbax

FORMAT = {"format": "entropax.training", "version": 2}
MARKER = "entropax-training.json"
KEPT = 2
FIELDS = ("step", "key", "leaves", "history", "iterator_state")


class Checkpoint(NamedTuple):
    """What a checkpoint holds: a run after `step` steps."""

    step: int
    carry: PyTree
    history: dict[str, np.ndarray]
    iterator_state: Any


class CheckpointStore:
    """The checkpoints of one run in one directory, the last two kept.

    Args:
        directory: the directory, made if it is not there.
        key: the run's key, recorded and compared.

    Raises:
        ValueError: the directory holds other things.
        OSError: it cannot be made or written.
    """

    def __init__(self, directory: str | os.PathLike[str], *, key: PRNGKey):
        import orbax.checkpoint as ocp  # slow to import, and only here needed

        self.directory = Path(directory).absolute()
        self._key = _key_record(key)
        _claim(self.directory)
        self._args = ocp.args
        try:
            self._manager = ocp.CheckpointManager(
                self.directory,
                item_names=("arrays", "record"),
                options=ocp.CheckpointManagerOptions(
                    max_to_keep=KEPT,
                    step_format_fixed_length=9,
                    cleanup_tmp_directories=True,
                    # The state's buffers are donated to the next call, so they may not be read while it runs.
                    enable_async_checkpointing=False,
                ),
            )
        except OSError as error:
            raise type(error)(error.errno, f"cannot use checkpoint_dir {self.directory}: {error.strerror}") from error

    def __enter__(self) -> "CheckpointStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._manager.close()

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes one checkpoint; if that fails the earlier ones stand and nothing of it stays.

        Raises:
            OSError: it cannot be written; `errno` says why, where that is known.
        """
        leaves = _named_leaves(checkpoint.carry)
        record = FORMAT | {
            "step": checkpoint.step,
            "key": self._key,
            "leaves": {name: _describe(leaf) | {"crc32": _checksum(leaf)} for name, leaf in leaves.items()},
            "history": {name: _describe(c) | {"crc32": _crc32(c)} for name, c in checkpoint.history.items()},
            "iterator_state": _iterator_record(checkpoint.iterator_state),
        }
        arrays = {"state": _stored(leaves), "history": {k: np.asarray(v) for k, v in checkpoint.history.items()}}
        items = self._args.Composite(arrays=self._args.StandardSave(arrays), record=self._args.JsonSave(record))
        try:
            with quiet_orbax():
                self._manager.save(checkpoint.step, args=items)
        except Exception as error:  # orbax and tensorstore raise many kinds for one fault, a disk that refuses
            self._remove_unfinished(checkpoint.step)
            what, code = f"cannot save the checkpoint of step {checkpoint.step} in {self.directory}", _errno(error)
            if code is None:
                raise OSError(f"{what}: {_first_line(error)}") from error
            raise OSError(code, f"{what}: {os.strerror(code)}") from error

    def restore(self, carry: PyTree) -> Checkpoint | None:
        """The newest checkpoint, or None where there is none yet.

        Args:
            carry: the run's initial state: the names, shapes, dtypes and placement expected.

        Raises:
            ValueError: the checkpoint is damaged, or was made by a run with another state or key.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        record = self._read_record(step)
        leaves = _named_leaves(carry)
        self._require_same_run(step, record, leaves)
        wanted = {
            "state": {
                name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
                for name, leaf in _stored(leaves).items()
            },
            "history": {
                name: np.empty(tuple(column["shape"]), np.dtype(jnp.dtype(column["dtype"])))
                for name, column in record["history"].items()
            },
        }
        items = self._args.Composite(arrays=self._args.StandardRestore(wanted))
        try:
            with quiet_orbax():
                arrays = self._manager.restore(step, args=items)["arrays"]
        except Exception as error:  # damage shows as many kinds of error
            raise self._damaged(step, _first_line(error)) from error
        restored = {name: _as_leaf(arrays["state"], number, leaf) for number, (name, leaf) in enumerate(leaves.items())}
        for name, leaf in restored.items():
            expected = record["leaves"][name]["crc32"]
            if expected is not None and _checksum(leaf) not in (expected, None):
                raise self._damaged(step, f"array {name} does not match its checksum")
        history = {name: np.asarray(arrays["history"][name]) for name in record["history"]}
        for name, column in history.items():
            if _crc32(column) != record["history"][name]["crc32"]:
                raise self._damaged(step, f"the column {name} of its metrics does not match its checksum")
        return Checkpoint(
            step,
            jax.tree.unflatten(jax.tree.structure(carry), list(restored.values())),
            history,
            _iterator_state(record["iterator_state"]),
        )

    def _remove_unfinished(self, step: int) -> None:
        """Removes what a save that failed has written, so that it does not fill the disk."""
        if jax.process_index() == 0:
            for folder in self.directory.glob(f"{step:09d}.orbax-checkpoint-tmp*"):
                shutil.rmtree(folder, ignore_errors=True)

    def _read_record(self, step: int) -> dict[str, Any]:
        try:
            record = self._manager.restore(step, args=self._args.Composite(record=self._args.JsonRestore()))["record"]
        except Exception as error:  # damage shows as many kinds of error
            raise self._damaged(step, _first_line(error)) from error
        found = {name: record.get(name) for name in FORMAT} if isinstance(record, dict) else record
        if found != FORMAT:
            raise ValueError(f"checkpoint of step {step} in {self.directory} has format {found}, expected {FORMAT}")
        fault = _fault(record, step)
        if fault:
            raise self._damaged(step, fault)
        return record

    def _damaged(self, step: int, what: str) -> ValueError:
        earlier = [other for other in self._manager.all_steps() if other < step]
        back = f"step {max(earlier)}" if earlier else "the beginning"
        return ValueError(
            f"the checkpoint of step {step} in {self.directory} cannot be read: {what}. "
            f"Delete its folder {step:09d} to resume from {back}."
        )

    def _require_same_run(self, step: int, record: Mapping[str, Any], leaves: Mapping[str, jax.Array]) -> None:
        start = f"the checkpoint of step {step} in {self.directory} was made by another run: "
        saved = record["leaves"]
        if set(saved) != set(leaves):
            missing, surplus = sorted(set(leaves) - set(saved)), sorted(set(saved) - set(leaves))
            raise ValueError(start + f"it lacks the arrays {missing[:3]} and has {surplus[:3]} besides")
        for name, leaf in leaves.items():
            found = {field: saved[name][field] for field in ("shape", "dtype")}
            if found != _describe(leaf):
                raise ValueError(start + f"array {name} is {_words(found)}, expected {_words(_describe(leaf))}")
        if record["key"] != self._key:
            raise ValueError(start + f"its key is {record['key']}, expected {self._key}")


def _fault(record: Mapping[str, Any], step: int) -> str | None:
    """What is wrong with the record of a step, in words; None if nothing is."""
    missing = [field for field in FIELDS if field not in record]
    if missing:
        return f"its record lacks {', '.join(missing)}"
    if record["step"] != step:
        return f"its record is that of step {record['step']}"
    for field in ("leaves", "history"):
        for name, description in record[field].items():
            if set(description) != {"shape", "dtype", "crc32"}:
                return f"its record describes array {name} by {sorted(description)}"
    if "step" not in record["history"] or any(column["shape"] != [step] for column in record["history"].values()):
        return f"the metrics in its record are not those of {step} steps"
    return None


def _claim(directory: Path) -> None:
    """Makes the directory ours, or says why it is not."""
    marker = directory / MARKER
    if directory.is_dir() and not marker.exists():
        found = sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith("."))
        if found:
            raise ValueError(
                f"checkpoint_dir {directory} holds {', '.join(found[:4])}{', ...' * (len(found) > 4)} and is not that "
                f"of a training run (no file {MARKER}); expected a new or empty directory, or one made by run or fit"
            )
    if marker.exists():
        try:
            found = json.loads(marker.read_bytes())
        except ValueError:
            found = "no JSON"
        if found != FORMAT:
            raise ValueError(f"{marker} holds {found}, expected {FORMAT}")
    elif jax.process_index() == 0:
        write_atomically(marker, json.dumps(FORMAT).encode())


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _named_leaves(tree: PyTree) -> dict[str, jax.Array]:
    """The arrays by name; what is already named, the arrays of a dictionary, keeps its name."""
    named = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator=""): leaf for path, leaf in named}


def _stored(leaves: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """The arrays as they are stored, by number: keys by their words; empty arrays, which hold nothing, left out."""
    return {
        str(number): jax.random.key_data(leaf) if _is_key(leaf) else leaf
        for number, leaf in enumerate(leaves.values())
        if leaf.size
    }


def _as_leaf(stored: Mapping[str, jax.Array], number: int, like: jax.Array) -> jax.Array:
    if not like.size:
        return like
    if _is_key(like):
        return jax.random.wrap_key_data(stored[str(number)], impl=jax.random.key_impl(like))
    return stored[str(number)]


def _describe(leaf: Any) -> dict[str, Any]:
    return {"shape": list(leaf.shape), "dtype": str(leaf.dtype)}


def _words(description: Mapping[str, Any]) -> str:
    return f"{description['dtype']}{description['shape']}"


def _checksum(leaf: jax.Array) -> int | None:
    """CRC-32 of the array's bytes; None where this process does not hold all of it."""
    data = jax.random.key_data(leaf) if _is_key(leaf) else leaf
    if not (data.is_fully_addressable or data.is_fully_replicated):
        return None
    return _crc32(np.asarray(data))


def _crc32(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def _key_record(key: PRNGKey) -> dict[str, Any]:
    return {"implementation": str(jax.random.key_impl(key)), "words": np.asarray(jax.random.key_data(key)).tolist()}


def _iterator_record(state: Any) -> Any:
    return {"bytes": state.hex()} if isinstance(state, bytes) else {"json": state}


def _iterator_state(record: Mapping[str, Any]) -> Any:
    return bytes.fromhex(record["bytes"]) if "bytes" in record else record["json"]


def _errno(error: BaseException) -> int | None:
    """The operating system's number of a fault; tensorstore has it in the text."""
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"os_error_code='(\d+)'", str(error))
    return int(found[1]) if found else None


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else 'no message'}"[:300]
