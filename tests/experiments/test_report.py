import copy

import pytest

from experiments import registry, report, results
from experiments.claims import Estimate, Quotient, judge
from experiments.registry import Entry
from tests.experiments.test_results import RECORD


def claim(name, verdict="reproduced", measured=1.0, reason="equal"):
    return {"name": name, "paper": 1.0, "source": "eq. 1", "measured": measured, "verdict": verdict, "reason": reason}


def save(directory, slug, preset, *claims, **changes):
    record = copy.deepcopy(RECORD) | {"slug": slug, "preset": preset, "claims": list(claims)} | changes
    results.write(directory / slug / preset, record, {"x": 1.0}, None)


ENTRIES = {
    name: Entry(name, "room", f"lab.room.{name}", {"TITLE": f"On {name}", "ARXIV": arxiv})
    for name, arxiv in (("alpha", "1234.56789"), ("beta", ""))
}


@pytest.fixture
def write_report(tmp_path):
    def write(results_dir):
        paths = {"records": tmp_path / "records", "page": tmp_path / "REPRODUCTION.md"}
        return report.write_report(results_dir=results_dir, entries=ENTRIES, **paths).page.read_text()

    return write


def rows(page):
    return [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| claim")]


@pytest.mark.fast
def test_the_page_has_a_row_for_every_claim(tmp_path, write_report):
    off = claim("flow", "differs", {"value": 2.0, "standard_error": 0.1}, "off by 10 | standard errors")
    save(tmp_path / "mine", "alpha", "default", claim("rate"), off, claim("mips", "not run", None, "only in full"))
    page = write_report(tmp_path / "mine")
    assert rows(page) == [
        "| rate | 1 (eq. 1) | 1 | default | reproduced: equal |",
        r"| flow | 1 (eq. 1) | 2 ± 0.1 | default | differs: off by 10 \| standard errors |",
        "| mips | 1 (eq. 1) |  | default | not run: only in full |",
    ]
    assert "On alpha ([arXiv 1234.56789](https://arxiv.org/abs/1234.56789))" in page
    assert "- preset default: seed 0, 2 s on cpu, jax 1" in page
    assert "No recorded run: `python -m experiments run beta`." in page


@pytest.mark.fast
def test_rows_of_other_experiments_and_machines_stay(tmp_path, write_report):
    save(tmp_path / "theirs", "alpha", "full", claim("rate", measured=5.0), claim("mips", measured=7.0))
    save(tmp_path / "theirs", "beta", "default", claim("size"))
    write_report(tmp_path / "theirs")
    save(tmp_path / "mine", "alpha", "default", claim("rate", measured=3.0), claim("mips", "not run", None, "full"))
    page = write_report(tmp_path / "mine")
    assert rows(page) == [
        "| rate | 1 (eq. 1) | 5 | full | reproduced: equal |",
        "| mips | 1 (eq. 1) | 7 | full | reproduced: equal |",
        "| size | 1 (eq. 1) | 1 | default | reproduced: equal |",
    ]
    assert "preset full: seed 0" in page
    assert "preset default: seed 0" in page


@pytest.mark.fast
def test_a_claim_that_the_larger_preset_did_not_run_comes_from_the_smaller(tmp_path, write_report):
    save(tmp_path, "alpha", "full", claim("ring", "not run", None, "no time"), claim("mips"))
    save(tmp_path, "alpha", "default", claim("ring", measured=3.0), claim("extra", measured=4.0))
    assert rows(write_report(tmp_path)) == [
        "| ring | 1 (eq. 1) | 3 | default | reproduced: equal |",
        "| mips | 1 (eq. 1) | 1 | full | reproduced: equal |",
        "| extra | 1 (eq. 1) | 4 | default | reproduced: equal |",
    ]


@pytest.mark.fast
def test_smoke_runs_do_not_count(tmp_path, write_report):
    save(tmp_path, "alpha", "smoke", claim("rate", "differs"))
    assert rows(write_report(tmp_path)) == []


@pytest.mark.fast
def test_the_page_is_the_same_without_the_results(tmp_path, write_report):
    save(tmp_path / "mine", "alpha", "default", claim("rate"))
    assert write_report(tmp_path / "mine") == write_report(tmp_path / "nothing")


@pytest.mark.fast
def test_a_newer_run_replaces_the_record(tmp_path, write_report):
    save(tmp_path, "alpha", "default", claim("rate", measured=1.0))
    write_report(tmp_path)
    save(tmp_path, "alpha", "default", claim("rate", measured=2.0))
    assert rows(write_report(tmp_path)) == ["| rate | 1 (eq. 1) | 2 | default | reproduced: equal |"]


@pytest.mark.fast
def test_a_broken_result_is_named_and_the_page_stays(tmp_path, write_report):
    save(tmp_path, "alpha", "default", claim("rate"))
    page = write_report(tmp_path)
    (tmp_path / "alpha/default/result.json").write_text("{")
    with pytest.raises(ValueError, match=r"alpha/default/result.json is not JSON"):
        write_report(tmp_path)
    assert (tmp_path / "REPRODUCTION.md").read_text() == page


@pytest.mark.fast
def test_the_committed_page_follows_from_the_committed_records():
    assert report.PAGE.read_text(encoding="utf-8") == report.render(registry.experiments().values())


def as_measured(found):
    """The measurement that a record holds as JSON."""
    if not isinstance(found, dict):
        return float(found)
    numbers = {name: float(number) for name, number in found.items()}
    if set(numbers) == {"value", "standard_error"}:
        return Estimate(**numbers)
    if {"numerator", "denominator", "value"} <= set(numbers):
        return Quotient(**{name: number for name, number in numbers.items() if name != "value"})
    return numbers


RECORDS = sorted(report.RECORDS.glob("*/*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_committed_records_are_of_the_present_claims(path):
    """Same names, values of the paper and sources; and the present checks give the verdicts recorded."""
    record = results.read(path)
    module = registry.experiments()[record["slug"]].load()
    assert (path.parent.name, path.stem) == (record["slug"], record["preset"])
    assert record["preset"] in module.PRESETS

    def of(claim):
        return {"name": claim.name, "paper": claim.paper_value, "source": claim.source}

    recorded = [{field: row[field] for field in ("name", "paper", "source")} for row in record["claims"]]
    assert recorded == [of(claim) for claim in module.CLAIMS]
    verdicts = {
        row["name"]: "not run" if row["measured"] is None else judge(claim, as_measured(row["measured"])).verdict
        for row, claim in zip(record["claims"], module.CLAIMS, strict=True)
    }
    assert {row["name"]: row["verdict"] for row in record["claims"]} == verdicts


@pytest.mark.fast
def test_there_are_committed_records_to_hold():
    assert {path.parent.name for path in RECORDS} == set(registry.experiments())
