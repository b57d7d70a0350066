"""Running one experiment: its presets, its stages, what it returns, and what is recorded of it."""

import dataclasses
import importlib.metadata
import json
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
RUN = "run.json"
"""In a run's checkpoints: which run they are of."""
RESUMED = ("entropax", "jax", "flax", "optax")
"""Packages that must be the same when a run resumes."""


class BadSeedError(terminal.ReportedError, ValueError):
    """A seed that makes no key of its own."""

    status = 2


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
        BadSeedError: the seed is negative or has more than 32 bits.
        OSError: the results cannot be written, tried before the run.
        UnusableCheckpointError: a checkpoint it should resume from is damaged or another run's, or what stands in the
            place of its checkpoints is something else.
        ValueError: the experiment breaks its contract.
    """
    entry = registry.find("experiment", slug, registry.experiments(root))
    module = entry.load()
    if preset not in module.PRESETS:
        raise registry.unknown("preset", preset, module.PRESETS)
    if not 0 <= seed < 2**32:  # jax would cut it to 32 bits
        raise BadSeedError(f"seed must lie in [0, 4294967295], got {seed}")
    from experiments import results as files  # imports the library, which `list` need not wait for

    directory = results.absolute() / entry.name / preset
    files.require_writable(directory)
    config = module.PRESETS[preset]
    this = {"slug": entry.name, "preset": preset, "seed": seed, "config": _parts(config)}
    this |= {"versions": {name: version for name, version in versions().items() if name in RESUMED}}
    checkpoint_dir = _checkpoint_directory(directory / "checkpoints", this, resume=resume)

    import jax

    start = time.perf_counter()
    try:
        result: Result = module.run(config, key=jax.random.key(seed), checkpoint_dir=checkpoint_dir)
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
        "claims": judged(module, result, preset),
    }
    with figures.style():
        figure = result.figure() if callable(result.figure) else result.figure
    png = None if figure is None else figures.as_png(figure)
    written = files.write(directory, record, result.data, png)
    shutil.rmtree(checkpoint_dir, ignore_errors=True)
    return Outcome(record, written, peak_memory(), peak_device_memory())


def judged(module: ModuleType, result: Result, preset: str) -> list[dict[str, Any]]:
    """The claims of an experiment with what was measured and the verdicts, as result.json holds them.

    Args:
        module: the experiment.
        result: what its run returned.
        preset: the preset that ran, for the words of a claim that was not measured.

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
        measured = result.measured.get(claim.name, claims.NotRun(f"not measured in preset {preset}"))
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


def _checkpoint_directory(directory: Path, this: Mapping[str, Any], *, resume: bool) -> Path:
    """The directory of a run's checkpoints: as it was left for a resume, else without what an earlier run left.

    Args:
        directory: the directory; a file `RUN` in it says of which run the checkpoints are.
        this: what that file says of this run.
        resume: whether to go on.

    Raises:
        UnusableCheckpointError: the directory is not that of a run, or of another one than the one to resume.
    """
    from entropax.training._atomic import write_atomically  # imports the library, which a wrong name need not wait for

    marker = directory / RUN
    drafts = set(directory.glob(f".{RUN}.*.draft"))  # of a run that was killed as it began
    found = sorted(entry.name for entry in directory.iterdir() if entry not in drafts) if directory.exists() else []
    if found and not marker.exists():
        raise registry.UnusableCheckpointError(
            f"{directory} holds {', '.join(found[:4])}{', ...' * (len(found) > 4)} but no file {RUN}, so it is not "
            "that of a run's checkpoints and is left alone: move it away, or name other --results"
        )
    if resume and not found:
        terminal.note(f"nothing to resume in {directory}; starting from the beginning")
    elif resume:
        _require_same_run(marker, this)
        terminal.note(f"resuming from {directory}")
        return directory
    elif found:
        terminal.note(f"discarding the checkpoints of an interrupted run in {directory} (--resume goes on from them)")
        shutil.rmtree(directory)
    write_atomically(marker, (json.dumps(this, indent=2) + "\n").encode())
    return directory


def _require_same_run(marker: Path, this: Mapping[str, Any]) -> None:
    """Raises UnusableCheckpointError, which says what differs, unless the checkpoints are those of this run."""
    try:
        before = _flat(json.loads(marker.read_text(encoding="utf-8")))
    except ValueError as error:
        raise registry.UnusableCheckpointError(f"{marker} is not JSON: {error}; run without --resume") from error
    now = _flat(this)
    changed = [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
    if changed:
        words = "; ".join(f"{name} was {before.get(name)}, is {now.get(name)}" for name in changed)
        raise registry.UnusableCheckpointError(
            f"the checkpoints in {marker.parent} are those of another run: {words}. Run without --resume to start anew."
        )


def _parts(config: Any) -> Any:
    """The fields of a config, dataclasses within taken apart too, as text that tells any two values apart."""
    if not dataclasses.is_dataclass(config):
        return repr(config)
    return {field.name: _parts(getattr(config, field.name)) for field in dataclasses.fields(config)}


def _flat(tree: Any, name: str = "") -> dict[str, Any]:
    """The leaves of nested dictionaries by their dotted names."""
    if not isinstance(tree, dict):
        return {name: tree}
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= _flat(value, f"{name}.{key}" if name else str(key))
    return leaves
