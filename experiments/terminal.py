"""What the command line prints: tables on standard output, progress and notes on standard error."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich import box, progress
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.claims import in_words
from experiments.registry import Entry


class ReportedError(Exception):
    """An error whose message says all: the command line prints it without a traceback.

    Attributes:
        status: the exit status that it leads to.
    """

    status = 1


STYLES = {"reproduced": "green", "differs": "yellow", "not run": "dim"}


def _output() -> Console:
    # In a file or a log a line may be long; a terminal has its width.
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=120)


def _errors() -> Console:
    return Console(stderr=True, highlight=False)


def note(message: str) -> None:
    """Prints a line on standard error."""
    _errors().print(escape(message), soft_wrap=True)


def error(message: str) -> None:
    """Prints an error on standard error."""
    _errors().print(f"[red]error:[/red] {escape(message)}", soft_wrap=True)


def stage_started(title: str) -> None:
    """Prints that a part of a run starts."""
    note(f"- {title} ...")


def stage_ended(title: str, seconds: float) -> None:
    """Prints that a part of a run is done."""
    note(f"- {title}: done in {seconds:.1f} s")


T = TypeVar("T")


def track(items: Iterable[T], description: str) -> Iterable[T]:
    """Goes through items with a progress bar on standard error, silently where that is not a terminal.

    Args:
        items: what to go through; its length, if it has one, is the bar's.
        description: words before the bar.

    Returns:
        The items, one by one.
    """
    console = _errors()
    return progress.track(items, description, console=console, disable=not console.is_terminal)


def _table(*columns: str | tuple[str, Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name, options = (column, {}) if isinstance(column, str) else column
        table.add_column(name, **options)
    return table


def print_experiments(entries: Iterable[Entry]) -> None:
    """Prints every experiment: slug, paper, arXiv number, room."""
    table = _table(("slug", {"no_wrap": True}), "title", "arXiv", "room")
    for entry in entries:
        table.add_row(
            entry.name, escape(entry.constants.get("TITLE", "")), entry.constants.get("ARXIV", ""), entry.room
        )
    _output().print(table)


def print_benchmarks(entries: Iterable[Entry]) -> None:
    """Prints every benchmark: name, peer, what is timed."""
    table = _table(("name", {"no_wrap": True}), "peer", "what is timed")
    for entry in entries:
        table.add_row(entry.name, entry.constants.get("PEER") or "-", escape(entry.constants.get("DESCRIPTION", "")))
    _output().print(table)


def print_outcome(
    record: Mapping[str, Any],
    title: str,
    files: Sequence[Path],
    peak_memory: int,
    peak_device_memory: int | None,
) -> None:
    """Prints a run: a row a claim with the paper's value, ours and the verdict, then time, memory and files.

    Claims that were not run are one line for each reason.

    Args:
        record: what result.json holds.
        title: the paper's.
        files: those written.
        peak_memory: in bytes.
        peak_device_memory: in bytes, None without an accelerator.
    """
    output = _output()
    output.print(f"{record['slug']}, preset {record['preset']}, seed {record['seed']}: {escape(title)}", soft_wrap=True)
    table = _table("claim", "paper", "measured", ("verdict", {"no_wrap": True}), "why")
    not_run: dict[str, list[str]] = {}
    for claim in record["claims"]:
        verdict = claim["verdict"]
        if verdict == "not run":
            not_run.setdefault(claim["reason"], []).append(claim["name"])
            continue
        table.add_row(
            escape(claim["name"]),
            f"{escape(in_words(claim['paper']))}\n[dim]{escape(claim['source'])}[/dim]",
            escape(in_words(claim["measured"])),
            f"[{STYLES[verdict]}]{verdict}[/]",
            escape(claim["reason"]),
        )
    if table.row_count:
        output.print(table)
    for reason, names in not_run.items():
        which = names[0] if len(names) == 1 else f"{len(names)} claims"
        output.print(f"[dim]not run: {escape(which)}: {escape(reason)}[/dim]", soft_wrap=True)
    verdicts = [claim["verdict"] for claim in record["claims"]]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in STYLES)
    memory = f"peak memory {_gigabytes(peak_memory)}"
    if peak_device_memory is not None:
        memory += f", {_gigabytes(peak_device_memory)} on the device"
    output.print(f"{counts}; {record['seconds']:.1f} s on {record['device']}; {memory}", soft_wrap=True)
    output.print("written: " + escape(", ".join(map(str, files))), soft_wrap=True)


def print_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table of an experiment's own on standard error, where its other progress goes.

    Args:
        title: the line above it.
        columns: heads; the first column is names, the others are numbers.
        rows: cells.
    """
    first, *others = columns
    table = _table((first, {"no_wrap": True}), *((head, {"justify": "right"}) for head in others))
    for row in rows:
        table.add_row(*map(escape, row))
    console = _errors() if _errors().is_terminal else Console(stderr=True, highlight=False, width=240)
    console.print(escape(title), soft_wrap=True)
    console.print(table)


def print_benchmark(record: Mapping[str, Any], path: Path) -> None:
    """Prints a benchmark: for each case our time, and a row a variant of the peer, the fastest first, with the ratio.

    Then, of cases without a peer, our time for one unit and how many are done in a second.

    Args:
        record: what is kept as JSON.
        path: where.
    """
    output = _output()
    output.print(f"{record['name']}: {escape(record['description'])}", soft_wrap=True)
    for show, raced in ((_races, True), (_times, False)):
        cases = [case for case in record["cases"] if ("peer" in case) is raced]
        if cases:
            table, explanation = show({**record, "cases": cases})
            output.print(table)
            output.print(explanation, soft_wrap=True)
    output.print(f"written: {escape(str(path))}", soft_wrap=True)


NUMBERS = {"justify": "right", "no_wrap": True}


def _times(record: Mapping[str, Any]) -> tuple[Table, str]:
    table = _table("case", ("median", NUMBERS), ("best", NUMBERS), ("a second", NUMBERS))
    for case in record["cases"]:
        median, best = case["ours"]["median"], case["ours"]["best"]
        each = (f"{_seconds(seconds)} / {case['unit']}" for seconds in (median, best))
        table.add_row(escape(case["name"]), *each, f"{1 / median:,.0f}")
    return (
        table,
        f"Over the rounds of each case, warm; how many are done in a second is by the median. {record['device']}.",
    )


def _races(record: Mapping[str, Any]) -> tuple[Table, str]:
    table = _table(
        "case", ("entropax", NUMBERS), (record["peer"], NUMBERS), "setting", ("ratio", NUMBERS), "difference"
    )
    for case in record["cases"]:
        first = (
            escape(case["name"]),
            f"{_seconds(case['ours']['median'])} / {case['unit']}",
            "" if case["difference"] is None else f"{case['difference']:.1e}",
        )
        for variant, seconds in sorted(case["variants"].items(), key=lambda item: item[0] != case["peer"]["variant"]):
            name, ours, difference = first
            peers = f"{_seconds(seconds)} / {case['unit']}"
            table.add_row(name, ours, peers, escape(variant), _ratio(case["ratios"].get(variant)), difference)
            first = ("", "", "")
    return table, (
        "Medians of interleaved rounds, all warm; the ratio is the median of the rounds' ratios, with its quartiles: "
        f"above 1 entropax is faster. {record['peer']}'s fastest setting stands first; one without a ratio was so slow "
        "that it was timed twice only."
    )


def _ratio(ratio: Mapping[str, float] | None) -> str:
    return f"[bold]{ratio['median']:.3g}[/bold] ({ratio['lower']:.3g} to {ratio['upper']:.3g})" if ratio else ""


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


def _seconds(seconds: float) -> str:
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
