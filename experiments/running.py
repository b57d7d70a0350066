"""Running one experiment: its presets, its stages, what it returns, and what is recorded of it."""

import importlib.metadata
import os
import platform
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import entropax
from experiments import claims, figures, registry, terminal

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

PRESETS = ("smoke", "default", "medium", "full")
"""Presets by size; "medium" is for experiments whose "full" needs an accelerator and whose parts fit a CPU smaller."""
REQUIRED = ("smoke", "default", "full")
PACKAGES = ("jax", "jaxlib", "flax", "optax", "equinox", "diffrax", "optimistix", "numpy")


@dataclass(frozen=True)
class Result:
    """What an experiment's `run` returns.

    Attributes:
        measured: what was measured, by the name of the claim; a claim left out is not run.
        data: the numbers behind the figure: an xarray.Dataset with units, or arrays by name.
        figure: a matplotlib figure, or a function that draws one (called in the house's style), or None.
        remarks: words by the name of a claim, added to the reason of its verdict: why it differs.
    """

    measured: Mapping[str, claims.Measured]
    data: "xarray.Dataset | Mapping[str, Any]"
    figure: "Figure | Callable[[], Figure] | None" = None
    remarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """One run, done and written.

    Attributes:
        record: what result.json holds.
        files: the files written.
        peak_memory: largest memory of this process so far in bytes, on the host.
        peak_device_memory: the same on the accelerator, None without one.
    """

    record: dict[str, Any]
    files: list[Path]
    peak_memory: int
    peak_device_memory: int | None


@contextmanager
def stage(title: str) -> Iterator[None]:
    """Prints a part of a run when it starts and the time it took when it ends.

    Args:
        title: what is done, as a command: "train the score".
    """
    start = time.perf_counter()
    terminal.stage_started(title)
    yield
    terminal.stage_ended(title, time.perf_counter() - start)


def run_experiment(
    slug: str, *, preset: str, seed: int, resume: bool, results: Path, root: Path = registry.ROOT
) -> Outcome:
    """Runs one experiment, judges its claims and writes its results.

    Args:
        slug: the experiment.
        preset: one of its presets.
        seed: seed of its key.
        resume: whether to go on from the checkpoints of a run that was interrupted.
        results: directory of all results.
        root: folder of the package the experiment is in.

    Returns:
        What was recorded, and where.

    Raises:
        UnknownNameError: there is no such experiment or preset; the message lists those there are.
        OSError: the results cannot be written, tried before the run.
        UnusableCheckpointError: a checkpoint it should resume from is damaged or another run's.
        ValueError: the experiment breaks its contract.
    """
    entry = registry.find("experiment", slug, registry.experiments(root))
    module = entry.load()
    if preset not in module.PRESETS:
        raise registry.unknown("preset", preset, module.PRESETS)
    from experiments import results as files  # imports the library, which `list` need not wait for

    directory = results.absolute() / entry.name / preset
    files.require_writable(directory)
    checkpoint_dir = _checkpoint_directory(directory / "checkpoints", resume=resume)

    import jax

    start = time.perf_counter()
    try:
        result: Result = module.run(module.PRESETS[preset], key=jax.random.key(seed), checkpoint_dir=checkpoint_dir)
    except ValueError as error:
        if resume and str(checkpoint_dir) in str(error):
            raise registry.UnusableCheckpointError(str(error)) from error
        raise
    seconds = time.perf_counter() - start
    record = {
        "slug": entry.name,
        "preset": preset,
        "seed": seed,
        "versions": versions(),
        "device": device(),
        "seconds": round(seconds, 3),
        "claims": judged(module, result),
    }
    with figures.style():
        figure = result.figure() if callable(result.figure) else result.figure
    png = None if figure is None else figures.as_png(figure)
    written = files.write(directory, record, result.data, png)
    shutil.rmtree(checkpoint_dir, ignore_errors=True)
    return Outcome(record, written, peak_memory(), peak_device_memory())


def judged(module: ModuleType, result: Result) -> list[dict[str, Any]]:
    """The claims of an experiment with what was measured and the verdicts, as result.json holds them.

    Args:
        module: the experiment.
        result: what its run returned.

    Raises:
        ValueError: something was measured or remarked upon that is no claim.
    """
    names = [claim.name for claim in module.CLAIMS]
    for what, given in (("measured", result.measured), ("remarks", result.remarks)):
        strays = sorted(set(given) - set(names))
        if strays:
            raise ValueError(f"{what} holds {', '.join(strays)}, which are not among the claims {', '.join(names)}")
    rows = []
    for claim in module.CLAIMS:
        measured = result.measured.get(claim.name, claims.NotRun("not measured in this preset"))
        verdict, reason = claims.judge(claim, measured)
        remark = result.remarks.get(claim.name)
        rows.append(
            {
                "name": claim.name,
                "paper": claim.paper_value,
                "source": claim.source,
                "measured": claims.as_json(measured),
                "verdict": verdict,
                "reason": f"{reason}; {remark}" if remark else reason,
            }
        )
    return rows


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of the packages that are installed, by default those that compute."""
    found = {"python": platform.python_version(), "entropax": entropax.__version__}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def device() -> str:
    """The devices that jax computes on, in words."""
    import jax

    devices = jax.devices()
    words = f"{len(devices)} x {devices[0].device_kind}" if len(devices) > 1 else devices[0].device_kind
    return f"{words} ({os.cpu_count()} cores)" if devices[0].platform == "cpu" else words


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_device_memory() -> int | None:
    """Largest memory in use so far on the first accelerator, in bytes; None on a CPU."""
    import jax

    statistics = jax.devices()[0].memory_stats()
    return statistics.get("peak_bytes_in_use") if statistics else None


def _checkpoint_directory(directory: Path, *, resume: bool) -> Path:
    """The directory of a run's checkpoints: as it was left for a resume, else without what an earlier run left."""
    if resume and not directory.exists():
        terminal.note(f"nothing to resume in {directory}; starting from the beginning")
    elif resume:
        terminal.note(f"resuming from {directory}")
    elif directory.exists():
        terminal.note(f"discarding the checkpoints of an interrupted run in {directory} (--resume goes on from them)")
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
