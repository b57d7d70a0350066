"""A run's metrics as JSON lines: {"step": 0, "loss": 1.25}, one line a step."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from entropax.training._atomic import write_atomically

# What JSON cannot say is a string, which float() and most readers take back.
_NOT_NUMBERS = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"', "True": "true", "False": "false"}


def json_lines(columns: Mapping[str, np.ndarray]) -> str:
    """The rows of a table of columns as JSON lines.

    A floating entry is written with the fewest digits that give it back in its own dtype; NaN and infinities become
    the strings "NaN", "Infinity" and "-Infinity", as JSON has no such numbers.

    Args:
        columns: arrays of one length by name.

    Returns:
        One line a row, each ended by a newline.
    """
    texts = [[_NOT_NUMBERS.get(text, text) for text in map(str, _plain(column))] for column in columns.values()]
    labels = [f"{json.dumps(name)}: " for name in columns]
    rows = zip(*([label + text for text in column] for label, column in zip(labels, texts, strict=True)), strict=True)
    return "".join("{" + ", ".join(row) + "}\n" for row in rows)


def _plain(column: np.ndarray) -> np.ndarray:
    """bfloat16 and its kind as float32, which holds them exactly; str() knows the others."""
    known = np.issubdtype(column.dtype, np.number) or column.dtype == np.bool_
    return column if known else column.astype(np.float32)


class MetricsLog:
    """A log that holds each step once, also after a crash and a resume.

    On opening, the file is rewritten to hold exactly the rows of `restored` (those of the steps before the resume);
    later rows are appended and flushed.

    Args:
        path: the file, made with its folder.
        restored: columns of the steps done before, empty for a new run.

    Raises:
        ValueError: `path` holds something that is not a metrics log.
        OSError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], restored: Mapping[str, np.ndarray]):
        self.path = Path(path)
        _require_log(self.path)
        if self.path.is_file() or not self.path.exists():
            write_atomically(self.path, json_lines(restored).encode())
        self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed by close

    def __enter__(self) -> "MetricsLog":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def append(self, columns: Mapping[str, np.ndarray]) -> None:
        """Appends the rows and hands them to the operating system."""
        try:
            self._file.write(json_lines(columns))
            self._file.flush()
        except OSError as error:
            raise type(error)(error.errno, f"cannot write the metrics to {self.path}: {error.strerror}") from error

    def close(self) -> None:
        """Closes the file."""
        with contextlib.suppress(OSError):  # rows that could not be written were reported by append
            self._file.close()


def _require_log(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"log_path must name a file, got the folder {path}")
    if not path.is_file():
        return
    with open(path, "rb") as file:
        first = file.readline(4096)
    if first and not first.startswith(b'{"step": '):
        raise ValueError(
            f"log_path {path} holds something that is not a metrics log: its first line is {first[:60]!r}, "
            f'expected {{"step": ...}}; name another file'
        )
