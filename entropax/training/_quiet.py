"""Silence around orbax, whose threads print the fault that it raises as well."""

import contextlib
import gc
import logging
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

_CALM, _LONGEST = 0.5, 15.0
"""Seconds without a thread of orbax's after which a fault has been reported in full: tensorstore's own threads, which
nobody can wait for, come a little later. And seconds after which that is not waited for any longer."""

# The hooks are the process's: one at a time replaces them, so that each puts back what it found.
_LOCK = threading.RLock()


@contextlib.contextmanager
def quiet_orbax() -> Iterator[None]:
    """Keeps orbax's and tensorstore's reports of a fault off standard error while the body runs.

    A fault of the disk is raised to the caller. Orbax also logs a traceback for each of its threads, tensorstore's
    threads may find the event loop closed that they report to, and tasks and coroutines left half way complain when
    they are collected: the same fault many times over. Only these reports are dropped; what others log or raise passes.
    After a fault what orbax started is waited for.
    """
    with _LOCK, _without_reports():
        before = set(threading.enumerate())
        try:
            yield
        except Exception as error:
            _let_go(error)  # tasks that wait for others, which now end ...
            _wait(before)
            _let_go(error)  # ... and what these leave
            raise


@contextlib.contextmanager
def _without_reports() -> Iterator[None]:
    """Puts filters before the log and both hooks for exceptions that nobody catches, and takes them away again."""
    in_thread, unraisable = threading.excepthook, sys.unraisablehook

    def thread_hook(arguments: Any) -> None:
        if not _through_orbax(arguments.exc_traceback):
            in_thread(arguments)

    def unraisable_hook(arguments: Any) -> None:
        closed = arguments.exc_type is RuntimeError and str(arguments.exc_value) == "Event loop is closed"
        code = getattr(arguments.object, "cr_code", None)  # a coroutine has one
        if not closed and (code is None or not _is_orbax(code.co_filename)):
            unraisable(arguments)

    logs = [logging.getLogger(name) for name in ("absl", "asyncio")]
    for log in logs:
        log.addFilter(_not_of_orbax)
    threading.excepthook, sys.unraisablehook = thread_hook, unraisable_hook
    try:
        yield
    finally:
        for log in logs:
            log.removeFilter(_not_of_orbax)
        threading.excepthook, sys.unraisablehook = in_thread, unraisable


def _wait(before: set[threading.Thread]) -> None:
    """Waits until no thread of orbax's is left but those of `before`, and none has been started for a while."""
    start = last = time.monotonic()
    while (now := time.monotonic()) - last < _CALM and now - start < _LONGEST:
        if any(type(thread).__module__.startswith("orbax.") for thread in set(threading.enumerate()) - before):
            last = now
        time.sleep(0.02)


def _let_go(error: BaseException | None) -> None:
    """Collects what the frames of an exception, and of those it follows from, still hold."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            error = error.__cause__ or error.__context__
        gc.collect()


def _not_of_orbax(record: logging.LogRecord) -> bool:
    if record.levelno < logging.ERROR or not record.exc_info:
        return True
    _, error, frames = record.exc_info
    return not (_through_orbax(frames) or "tensorstore" in str(error))


def _through_orbax(frames: TracebackType | None) -> bool:
    return any(_is_orbax(frame.f_code.co_filename) for frame, _ in traceback.walk_tb(frames))


def _is_orbax(file: str) -> bool:
    return "orbax" in Path(file).parts
