"""A progress bar between the calls of a run."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from types import TracebackType
from typing import Any

import numpy as np


class ProgressBar:
    """Shows a run's step, speed and last metrics on standard error, when that is a terminal, or in a notebook.

    Notebooks show it through ipywidgets, and nothing where that is not installed.

    Args:
        total: number of steps of the run.
        start: number of steps done before.
        description: words before the bar.
    """

    def __init__(self, total: int, *, start: int = 0, description: str | None = None):
        self._bar: Any = None
        if not (sys.stderr.isatty() or _in_notebook()):
            return
        from rich import progress  # only where a bar is shown
        from rich.console import Console

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[metrics]}"),
            console=Console(stderr=True),
            refresh_per_second=4,
        )
        self._task = self._bar.add_task(description or "training", total=total, completed=start, metrics="")

    def __enter__(self) -> "ProgressBar":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: int, columns: Mapping[str, np.ndarray]) -> None:
        """Moves the bar to `step` and shows the last entries of up to three metrics, the loss first."""
        if self._bar is not None:
            names = [name for name in columns if name != "step" and columns[name].size]
            shown = sorted(names, key=lambda name: name != "loss")[:3]
            last = [f"{name} {float(columns[name][-1]):.4g}" for name in shown]
            self._bar.update(self._task, completed=step, metrics="  ".join(last))


def _in_notebook() -> bool:
    """Whether this is a notebook's kernel that can show a bar: importing ipykernel, to start others, does not count."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None and find_spec("ipywidgets") is not None
