import json
import os
import subprocess
import sys

import pytest

from experiments import registry, running
from experiments.__main__ import main
from tests.experiments.conftest import ORBIT, RACE, write


@pytest.fixture
def lab(toy, monkeypatch):
    """The command line over the small package."""
    from experiments.benchmarks import harness

    for function in (registry.experiments, registry.benchmarks):
        monkeypatch.setattr(function, "__defaults__", (toy,))
    for function in (running.run_experiment, harness.run_benchmark):
        monkeypatch.setitem(function.__kwdefaults__, "root", toy)
    return toy


@pytest.mark.fast
def test_list_shows_slug_title_and_source(lab, capsys):
    assert main(["list"]) == 0
    table = capsys.readouterr().out
    for word in ("toy-orbit", "A toy [orbit]", "1234.56789", "mechanics", "toy-lens"):
        assert word in table


@pytest.mark.fast
def test_run_shows_claims_beside_what_was_measured(lab, tmp_path, capsys):
    write(lab / "mechanics/toy_orbit.py", ORBIT.replace('"size": config.size', '"size": 70'))
    assert main(["run", "toy-orbit", "--results", str(tmp_path), "--seed", "5"]) == 0  # though a claim differs
    out = capsys.readouterr().out
    for words in (
        "toy-orbit, preset default, seed 5: A toy [orbit]",
        "off by 9.38%, 1% allowed",
        "a: 1, b: 2",
        "Table 2",
        "2 reproduced, 1 differs, 2 not run",
        "peak memory",
        "result.json",
    ):
        assert words in out
    assert json.loads((tmp_path / "toy-orbit/default/result.json").read_text())["seed"] == 5


@pytest.mark.fast
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "orbit"], "unknown experiment 'orbit'; known: toy-orbit, toy-lens"),
        (["run", "toy-orbit", "--preset", "huge"], "unknown preset 'huge'; known: smoke, default"),
        (["bench", "race"], "unknown benchmark 'race'; known: toy-race"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(lab, tmp_path, capsys, arguments, message):
    assert main([*arguments, "--results", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.err.strip() == f"error: {message}"
    assert captured.out == ""


@pytest.mark.fast
@pytest.mark.parametrize("command", [["run", "toy-orbit"], ["bench", "toy-race"]])
def test_a_disk_that_cannot_be_written_is_an_error_without_traceback(lab, tmp_path, capsys, command):
    (tmp_path / "results").write_text("")
    assert main([*command, "--results", str(tmp_path / "results")]) == 1
    assert "error: cannot write" in capsys.readouterr().err


@pytest.mark.fast
def test_an_interrupted_run_says_how_to_go_on(lab, tmp_path, capsys):
    write(lab / "mechanics/toy_orbit.py", ORBIT.replace("FAULT = None", "FAULT = KeyboardInterrupt()"))
    assert main(["run", "toy-orbit", "--results", str(tmp_path)]) == 130
    assert "run again with --resume" in capsys.readouterr().err


TRAINED = """
    from dataclasses import dataclass

    from experiments.claims import Claim, Near
    from experiments.running import Result
    from entropax import training

    SLUG = "toy-lens"

    @dataclass(frozen=True)
    class Config:
        steps: int = 4

    PRESETS = {"default": Config()}
    CLAIMS = (Claim("sum", 6.0, "0 + 1 + 2 + 3", Near(absolute=0.1)),)
    FAULT = None

    def batch_at(step, *, key):
        return step

    def update(total, step, *, key):
        return total + step, {"total": total}

    def run(config, *, key, checkpoint_dir):
        options = dict(steps=config.steps, steps_per_call=2, checkpoint_every=2, checkpoint_dir=checkpoint_dir / "sum")
        result = training.run(update, 0.0, batch_at, key=key, progress=False, **options)
        if FAULT:
            raise FAULT
        return Result({"sum": result.state}, {"total": result.history["total"]})
"""


def test_a_run_resumes_unless_its_checkpoint_is_not_its_own(lab, tmp_path, capsys):
    write(lab / "optics/toy_lens.py", TRAINED)
    command = ["run", "toy-lens", "--results", str(tmp_path)]
    module = registry.experiments()["toy-lens"].load()
    module.FAULT = KeyboardInterrupt()
    assert main(command) == 130
    module.FAULT = None
    assert main([*command, "--resume", "--seed", "1"]) == 1  # another seed is another run
    message = capsys.readouterr().err
    assert "are those of another run: seed was 0, is 1. Run without --resume" in message
    assert "Traceback" not in message

    checkpoints = tmp_path / "toy-lens/default/checkpoints/sum"
    marker = checkpoints / "entropax-training.json"
    content = marker.read_bytes()
    marker.unlink()
    assert main([*command, "--resume"]) == 1  # a directory of something else
    assert f"{checkpoints} holds" in capsys.readouterr().err

    marker.write_bytes(content)
    assert main([*command, "--resume"]) == 0
    assert "reproduced" in capsys.readouterr().out


@pytest.mark.fast
def test_claims_that_were_not_run_are_a_line_for_each_reason(lab, tmp_path, capsys):
    source = ORBIT.replace('"growth": {"a": 1.0, "b": 2.0},', "")
    write(lab / "mechanics/toy_orbit.py", source)
    assert main(["run", "toy-orbit", "--results", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "not run: cluster: only in preset full" in lines
    assert "not run: 2 claims: not measured in preset default" in lines
    assert not any("growth" in line or "forgotten" in line for line in lines)


@pytest.mark.fast
def test_a_result_that_is_none_is_an_error_without_traceback(lab, tmp_path, capsys, monkeypatch):
    from experiments import report

    for name in ("PAGE", "RECORDS"):
        monkeypatch.setitem(report.write_report.__kwdefaults__, name.lower(), tmp_path / name)
    path = tmp_path / "toy-orbit/default/result.json"
    write(path, '{"slug": "to')
    assert main(["report", "--results", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {path} is not JSON: ")


@pytest.mark.fast
def test_results_that_differ_are_an_error_without_traceback(lab, tmp_path, capsys):
    write(lab / "benchmarks/toy_race.py", RACE.replace("abs(a - b)", "1.0"))
    assert main(["bench", "toy-race", "--results", str(tmp_path)]) == 1
    message = "error: thousand: ours and the peer's result differ by 1, at most 0 allowed"
    assert message in capsys.readouterr().err.splitlines()


@pytest.mark.fast
def test_a_seed_out_of_range_is_an_error_without_traceback(lab, tmp_path, capsys):
    assert main(["run", "toy-orbit", "--seed", "99999999999999999999", "--results", str(tmp_path)]) == 2
    assert capsys.readouterr().err.strip() == "error: seed must lie in [0, 4294967295], got 99999999999999999999"


@pytest.mark.fast
def test_help_names_every_preset(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    words = capsys.readouterr().out
    assert all(f"{preset} (" in words for preset in running.PRESETS)


@pytest.mark.fast
def test_bench_shows_the_ratio_and_keeps_it(lab, tmp_path, capsys):
    assert main(["bench", "toy-race", "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "thousand" in out
    assert "once" in out
    assert "hundred times" in out
    record = json.loads((tmp_path / "bench/toy-race.json").read_text())
    assert record["cases"][0]["peer"]["variant"] == "once"


@pytest.mark.fast
def test_bench_without_a_name_lists_the_benchmarks(lab, capsys):
    assert main(["bench"]) == 0
    assert "toy-race" in capsys.readouterr().out


@pytest.mark.fast
def test_a_missing_peer_says_how_to_install_it(lab, tmp_path, capsys):
    source = "NAME = 'toy-far'\nDESCRIPTION = ''\nPEER = 'faraway'\ndef cases():\n    import faraway_package\n    yield"
    write(lab / "benchmarks/toy_far.py", source)
    assert main(["bench", "toy-far", "--results", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "needs faraway (No module named 'faraway_package'): .venv/bin/pip install -e '.[bench]'" in message
    assert not (tmp_path / "bench/toy-far.json").exists()


def test_the_module_runs_as_a_command():
    def call(*arguments):
        command = [sys.executable, "-m", "experiments", *arguments]
        environment = os.environ | {"COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)

    for command in ("list", "run", "report", "bench"):
        assert command in call("--help").stdout
    unknown = call("run", "no-such-paper")
    assert unknown.returncode == 2
    assert "unknown experiment 'no-such-paper'; known: " in unknown.stderr
    assert "Traceback" not in unknown.stderr
    assert all(slug in unknown.stderr for slug in registry.experiments())
