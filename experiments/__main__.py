"""The command line: list, run, report, bench."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments import registry, terminal

DEFAULT_RESULTS = registry.ROOT.parent / "results"


@dataclass(frozen=True)
class List:
    """Lists the experiments."""

    def __call__(self) -> None:
        """Prints the table."""
        terminal.print_experiments(registry.experiments().values())


@dataclass(frozen=True)
class Run:
    """Runs one experiment and prints its claims beside what was measured."""

    slug: tyro.conf.Positional[str]
    """The experiment, as `list` shows it."""
    preset: str = "default"
    """smoke (a minute or two), default (minutes on two CPU cores), medium (an hour there; some experiments have it) or
    full (a GPU or TPU)."""
    seed: int = 0
    """Seed of the run's random key, 0 to 4294967295."""
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on from the checkpoints of an interrupted run."""
    results: Path = DEFAULT_RESULTS
    """Directory of the results."""

    def __call__(self) -> None:
        """Runs it."""
        from experiments.running import run_experiment

        outcome = run_experiment(
            self.slug, preset=self.preset, seed=self.seed, resume=self.resume, results=self.results
        )
        title = registry.experiments()[outcome.record["slug"]].constants.get("TITLE", "")
        terminal.print_outcome(outcome.record, title, outcome.files, outcome.peak_memory, outcome.peak_device_memory)


@dataclass(frozen=True)
class Report:
    """Rewrites experiments/REPRODUCTION.md from the results."""

    results: Path = DEFAULT_RESULTS
    """Directory of the results."""

    def __call__(self) -> None:
        """Writes the page."""
        from experiments.report import write_report

        report = write_report(results_dir=self.results)
        terminal.note(f"took over {len(report.taken)} results from {self.results}; wrote {report.page}")


@dataclass(frozen=True)
class Bench:
    """Times ours against a peer in one run, or alone where there is none; without a name lists the benchmarks."""

    name: tyro.conf.Positional[str | None] = None
    """The benchmark."""
    results: Path = DEFAULT_RESULTS
    """Directory of the results."""

    def __call__(self) -> None:
        """Runs the benchmark or lists them."""
        if self.name is None:
            terminal.print_benchmarks(registry.benchmarks().values())
            return
        from experiments.benchmarks.harness import run_benchmark

        record, path = run_benchmark(self.name, results=self.results)
        terminal.print_benchmark(record, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the command line, by default the process's own.

    Returns:
        The exit status: 0 when the command finished, whatever the verdicts; 2 for a name that is not known or a seed
        out of range; 1 when results cannot be written or read, a checkpoint cannot be resumed from, a peer is not
        installed or computes something else; 130 when interrupted.
    """
    command = tyro.cli(List | Run | Report | Bench, args=arguments, prog="python -m experiments")
    try:
        command()
    except registry.UnknownNameError as error:
        terminal.error(str(error))
        return 2
    except KeyboardInterrupt:
        further = "; run again with --resume to go on from the last checkpoint" if isinstance(command, Run) else ""
        terminal.error(f"interrupted{further}")
        return 130
    except OSError as error:
        terminal.error(str(error) if error.filename or not error.strerror else error.strerror)
        return 1
    except terminal.ReportedError as error:
        terminal.error(str(error))
        return error.status
    except (registry.MissingPeerError, registry.UnusableCheckpointError) as error:
        terminal.error(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
