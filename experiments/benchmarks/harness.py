"""Times ours and a peer in interleaved rounds and keeps the ratio, or ours alone."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np

from entropax.training._atomic import write_atomically
from experiments import registry, terminal
from experiments.results import RESULTS, as_bytes, require_writable
from experiments.running import device, stage, versions

MIN_ROUNDS, MAX_ROUNDS = 5, 200
MIN_CALL = 2e-3
"""Shorter calls are repeated within a round until it lasts about this many seconds, well above the clock's noise."""

LONG = 1.0
"""Seconds of a call above which a single trial says enough of how long it takes."""

HOPELESS = 3.0
"""A variant of the peer that takes this many times as long as its fastest is not timed further."""


class DisagreementError(terminal.ReportedError, ValueError):
    """Ours and the peer computed different things; the message says how far apart they are."""


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        name: what is compared: sizes, dtype.
        ours: does the work once and returns what it computed, arrays of any kind.
        peers: the same work by the peer, by variant (thread counts, settings); the fastest counts. None where there is
            no peer.
        always: variants that are timed in every round however slow they are, such as the peer's default.
        unit: what is counted, like "step".
        per: how many of them one call does.
        difference: how far the results of `ours` and a peer's variant are apart; None where they cannot be compared.
        tolerance: largest difference allowed.
        seconds: time to spend on the rounds, warm-up not counted; at least `MIN_ROUNDS` are done.
    """

    name: str
    ours: Callable[[], Any]
    peers: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    always: tuple[str, ...] = ()
    unit: str = "call"
    per: int = 1
    difference: Callable[[Any, Any], Any] | None = None
    tolerance: float = 0.0
    seconds: float = 10.0


def run_benchmark(name: str, *, results: Path = RESULTS, root: Path = registry.ROOT) -> tuple[dict[str, Any], Path]:
    """Runs one benchmark and keeps its record at <results>/bench/<name>.json.

    Args:
        name: the benchmark.
        results: directory of all results.
        root: folder of the package it is in.

    Returns:
        The record and its file.

    Raises:
        UnknownNameError: there is none of this name; the message lists those there are.
        MissingPeerError: its peer is not installed.
        OSError: the record cannot be written, tried before the run.
        DisagreementError: ours and the peer computed different things.
    """
    entry = registry.find("benchmark", name, registry.benchmarks(root))
    path = results / "bench" / f"{entry.name}.json"
    require_writable(path.parent)
    module = entry.load()
    record = {
        "name": entry.name,
        "description": module.DESCRIPTION,
        "peer": module.PEER,
        "versions": versions() | (versions((module.PEER,)) if module.PEER else {}),
        "device": device(),
        "cases": [measure(case) for case in _with_peer(module.PEER, module.cases())],
    }
    write_atomically(path, as_bytes(record))
    return record, path


def measure(case: Case) -> dict[str, Any]:
    """Times one case.

    All callables run once to compile and warm up; then every round times each once, in alternating order, so that a
    slow spell of the machine strikes them alike. Ratios are taken round by round.

    Args:
        case: the case.

    Returns:
        Times in seconds for one `unit`: "ours" and "peer", its variant with the smallest median, with their best and
        median; every variant's time in "variants"; in "ratios" the time of each variant that was timed in every round
        over ours, as the median of the rounds with its quartiles; and "ratio", that of "peer". Without peers "ours"
        alone.

    Raises:
        DisagreementError: the results are further apart than the tolerance.
    """
    with stage(case.name):
        calls = {None: case.ours, **case.peers}
        difference = _largest_difference(case, {variant: _finished(call) for variant, call in calls.items()})
        trials = {variant: _trial(call) for variant, call in calls.items()}
        limit = HOPELESS * min((trials[variant] for variant in case.peers), default=0.0)
        timed = [variant for variant in case.peers if trials[variant] <= limit or variant in case.always]
        times = _interleaved(
            {variant: calls[variant] for variant in (None, *timed)},
            {variant: max(1, round(MIN_CALL / max(trial, 1e-7))) for variant, trial in trials.items()},
            seconds=case.seconds,
        )
    times = {variant: each / case.per for variant, each in times.items()}
    ours = {"name": case.name, "unit": case.unit, "rounds": len(times[None]), "ours": _summary(times[None])}
    if not case.peers:
        return ours
    medians = {
        variant: float(np.median(times[variant])) if variant in times else trials[variant] / case.per
        for variant in case.peers
    }
    best = min(timed, key=lambda variant: medians[variant])
    ratios = {variant: _quartiles(times[variant] / times[None]) for variant in timed}
    return ours | {
        "peer": {"variant": best, **_summary(times[best])},
        "variants": medians,
        "ratio": ratios[best],
        "ratios": ratios,
        "difference": difference,
    }


def _interleaved(
    calls: Mapping[str | None, Callable[[], Any]], repeats: Mapping[str | None, int], *, seconds: float
) -> dict[str | None, np.ndarray]:
    """Seconds of every call in every round."""
    times: dict[str | None, list[float]] = {variant: [] for variant in calls}
    start, rounds = time.perf_counter(), 0
    while rounds < MIN_ROUNDS or (rounds < MAX_ROUNDS and time.perf_counter() - start < seconds):
        for variant in list(calls)[:: 1 if rounds % 2 else -1]:
            times[variant].append(_time(calls[variant], repeats[variant]))
        rounds += 1
    return {variant: np.asarray(each) for variant, each in times.items()}


def _with_peer(peer: str, cases: Iterator[Case]) -> Iterator[Case]:
    """The cases; an import that fails says how to install the peer."""
    try:
        yield from cases
    except ModuleNotFoundError as error:
        raise registry.MissingPeerError(
            f"this benchmark needs {peer} ({error.msg}): .venv/bin/pip install -e '.[bench]'"
        ) from error


def _largest_difference(case: Case, outcomes: Mapping[str | None, Any]) -> float | None:
    if case.difference is None or not case.peers:
        return None
    ours = outcomes[None]
    difference = max(float(case.difference(ours, outcomes[variant])) for variant in case.peers)
    if not difference <= case.tolerance:
        raise DisagreementError(
            f"{case.name}: ours and the peer's result differ by {difference:.3g}, at most {case.tolerance:.3g} allowed"
        )
    return difference


def _finished(call: Callable[[], Any]) -> Any:
    """The result of a call, computed to the end."""
    return jax.block_until_ready(call())


def _trial(call: Callable[[], Any]) -> float:
    """Seconds that a call takes, by one warm trial or the better of two."""
    first = _time(call, 1)
    return first if first > LONG else min(first, _time(call, 1))


def _time(call: Callable[[], Any], repeats: int) -> float:
    """Seconds that one of `repeats` calls takes, without pauses of the garbage collector."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(repeats):
            _finished(call)
        return (time.perf_counter() - start) / repeats
    finally:
        if collecting:
            gc.enable()


def _quartiles(values: np.ndarray) -> dict[str, float]:
    lower, median, upper = np.percentile(values, [25, 50, 75])
    return {"median": float(median), "lower": float(lower), "upper": float(upper)}


def _summary(seconds: np.ndarray) -> dict[str, float]:
    return {"best": float(seconds.min()), "median": float(np.median(seconds))}
