"""What a run leaves on disk: results/<slug>/<preset>/{result.json, data.nc or data.npz, figure.png}.

Every file is whole or absent: its bytes are made first, written beside it and moved over it when those of all files are
on the disk. So a disk that fills up leaves the files of the run before. result.json comes last: where it is new the
others are too.
"""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from entropax.training._atomic import write_atomically, write_together
from experiments import terminal
from experiments.registry import ROOT

RESULTS = ROOT.parent / "results"
"""Where results go unless another directory is given."""

RESULT, FIGURE, DATASET, ARRAYS = "result.json", "figure.png", "data.nc", "data.npz"
FIELDS = ("slug", "preset", "seed", "versions", "device", "seconds", "claims")
CLAIM_FIELDS = ("name", "paper", "source", "measured", "verdict", "reason")


class NotAResultError(terminal.ReportedError, ValueError):
    """A file is no result of a run; the message names it."""


def require_writable(directory: Path) -> None:
    """Makes the directory and writes a trial file, so that a long run does not end at a full or read-only disk.

    Raises:
        OSError: it cannot be made or written.
    """
    trial = directory / f".trial.{os.getpid()}"
    try:
        write_atomically(trial, b"\0" * 4096)
    finally:
        if directory.is_dir():
            trial.unlink(missing_ok=True)


def write(
    directory: Path, record: Mapping[str, Any], data: xarray.Dataset | Mapping[str, Any], figure_png: bytes | None
) -> list[Path]:
    """Writes the files of one run.

    Args:
        directory: where they go.
        record: what result.json holds, with the keys `FIELDS`.
        data: a data set, or arrays by name.
        figure_png: the figure, None if there is none.

    Returns:
        The files written.

    Raises:
        OSError: the disk is full or read-only; what stood there before still does.
    """
    name, content = _data_file(data)
    files = {name: content}
    if figure_png is not None:
        files[FIGURE] = figure_png
    files[RESULT] = as_bytes(record)
    write_together({directory / file_name: content for file_name, content in files.items()})
    for stale in {DATASET, ARRAYS, FIGURE} - set(files):
        (directory / stale).unlink(missing_ok=True)
    return [directory / file_name for file_name in files]


def as_bytes(record: Mapping[str, Any]) -> bytes:
    """A record as indented JSON, the same bytes for the same record."""
    return (json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read(path: Path) -> dict[str, Any]:
    """Reads one result.json.

    Raises:
        NotAResultError: it is no such file; the message names it.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotAResultError(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict) or set(record) != set(FIELDS):
        raise NotAResultError(f"{path} is not the result of a run: its keys must be {', '.join(FIELDS)}")
    if not isinstance(record["claims"], list) or not all(isinstance(claim, dict) for claim in record["claims"]):
        raise NotAResultError(f"{path} is not the result of a run: its claims must be a list of objects")
    for claim in record["claims"]:
        if set(claim) != set(CLAIM_FIELDS):
            raise NotAResultError(f"{path}: the keys of a claim must be {', '.join(CLAIM_FIELDS)}, got {sorted(claim)}")
    return record


def _data_file(data: xarray.Dataset | Mapping[str, Any]) -> tuple[str, bytes]:
    """Name and bytes of the data's file."""
    file = io.BytesIO()
    if isinstance(data, xarray.Dataset):
        data.to_netcdf(file, engine="h5netcdf")
        return DATASET, file.getvalue()
    arrays: dict[str, Any] = {name: np.asarray(array) for name, array in data.items()}
    np.savez_compressed(file, **arrays)
    return ARRAYS, file.getvalue()
