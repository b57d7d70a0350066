"""experiments/REPRODUCTION.md: every claim, the paper's value, ours, and the verdict.

Results themselves are not committed, records of them are: `report` copies the result.json of each run but smoke
to experiments/reproduction/<slug>/<preset>.json and renders the page from these records alone. So the page can be made
again by anyone, a run on one machine never drops the rows of another, and a claim shows the first preset of `RECORDED`
that ran it.
Smoke runs only show that an experiment works; their numbers mean nothing and are left out.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from entropax.training._atomic import write_atomically
from experiments import registry, results
from experiments.claims import in_words
from experiments.registry import Entry

PAGE = registry.ROOT / "REPRODUCTION.md"
RECORDS = registry.ROOT / "reproduction"
RECORDED = ("full", "default", "medium")
"""Presets that are recorded, the one whose numbers count first: "medium" adds what "default" leaves out."""

_HEAD = """# Reproduction

Written by `python -m experiments report` from the records in `experiments/reproduction`; not edited by hand. A row is
one claim: the paper's value and where it stands, ours, and the verdict. `reproduced` and `differs` follow from a
tolerance fixed beforehand; `not run` says why. Rates are in nats per unit time unless the claim says otherwise.
"""


class Report(NamedTuple):
    """What a report did: the page, and the records it took over from the results."""

    page: Path
    taken: list[Path]


def write_report(
    *,
    results_dir: Path = results.RESULTS,
    records: Path = RECORDS,
    page: Path = PAGE,
    entries: Mapping[str, Entry] | None = None,
) -> Report:
    """Takes over the records of the results there are and rewrites the page.

    Args:
        results_dir: directory of the results.
        records: directory of the committed records.
        page: the page.
        entries: the experiments by slug, by default those there are.

    Returns:
        The page and the records taken over.

    Raises:
        NotAResultError: a result or record is not one; the message names the file.
        OSError: the page or a record cannot be written.
    """
    entries = registry.experiments() if entries is None else entries
    taken = []
    for slug in entries:
        for preset in RECORDED:
            source = results_dir / slug / preset / results.RESULT
            if source.exists():
                target = records / slug / f"{preset}.json"
                write_atomically(target, results.as_bytes(results.read(source)))
                taken.append(target)
    write_atomically(page, render(entries.values(), records).encode())
    return Report(page, taken)


def render(entries: Iterable[Entry], records: Path = RECORDS) -> str:
    """The page, a function of the committed records and of the experiments' titles alone.

    Args:
        entries: the experiments.
        records: directory of the records.
    """
    sections = [_HEAD]
    for entry in sorted(entries, key=lambda entry: entry.name):
        paths = [records / entry.name / f"{preset}.json" for preset in RECORDED]
        sections.append(_section(entry, [results.read(path) for path in paths if path.exists()]))
    return "\n".join(sections)


def _section(entry: Entry, found: list[dict[str, Any]]) -> str:
    """One experiment; `found` are its records, the one that counts first."""
    arxiv = entry.constants.get("ARXIV")
    source = f" ([arXiv {arxiv}](https://arxiv.org/abs/{arxiv}))" if arxiv else ""
    lines = [f"## {entry.name}", "", f"{entry.constants.get('TITLE', '')}{source}", ""]
    if not found:
        return "\n".join([*lines, f"No recorded run: `python -m experiments run {entry.name}`.", ""])
    for record in found:
        version = record["versions"].get("jax", "?")
        lines.append(
            f"- preset {record['preset']}: seed {record['seed']}, {record['seconds']:.0f} s on {record['device']}, "
            f"jax {version}"
        )
    lines += ["", "| claim | paper | measured | preset | verdict |", "|---|---|---|---|---|"]
    for claim, preset in _rows(found):
        paper = f"{in_words(claim['paper'])} ({claim['source']})"
        cells = [claim["name"], paper, in_words(claim["measured"]), preset, f"{claim['verdict']}: {claim['reason']}"]
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _rows(found: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    """Each claim once: from the first record that ran it, else from the first that has it."""
    rows: dict[str, tuple[dict[str, Any], str]] = {}
    for record in found:
        for claim in record["claims"]:
            known = rows.get(claim["name"])
            if known is None or (known[0]["verdict"] == "not run" and claim["verdict"] != "not run"):
                rows[claim["name"]] = (claim, record["preset"])
    return list(rows.values())
