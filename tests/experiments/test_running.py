import json

import numpy as np
import pytest

from experiments import registry, results, running
from tests.experiments.conftest import ORBIT, write


def run(toy, tmp_path, **options):
    options = {"preset": "default", "seed": 0, "resume": False, "results": tmp_path / "results"} | options
    return running.run_experiment("toy-orbit", root=toy, **options)


@pytest.mark.fast
def test_a_run_judges_its_claims_and_writes_its_results(toy, tmp_path, capsys):
    outcome = run(toy, tmp_path, seed=3)
    directory = tmp_path / "results/toy-orbit/default"
    assert {path.name for path in directory.iterdir()} == {"result.json", "data.nc", "figure.png"}
    record = json.loads((directory / "result.json").read_text())
    assert record == outcome.record == results.read(directory / "result.json")
    assert list(record) == ["slug", "preset", "seed", "versions", "device", "seconds", "claims"]
    assert (record["slug"], record["preset"], record["seed"]) == ("toy-orbit", "default", 3)
    assert set(record["claims"][0]) == {"name", "paper", "source", "measured", "verdict", "reason"}
    assert {claim["name"]: claim["verdict"] for claim in record["claims"]} == {
        "mean": "reproduced",
        "size": "reproduced",
        "growth": "reproduced",
        "cluster": "not run",
        "forgotten": "not run",
    }
    assert record["claims"][3]["reason"] == "only in preset full"
    assert record["claims"][4]["reason"] == "not measured in preset default"
    assert {"python", "entropax", "jax", "numpy"} <= set(record["versions"])
    assert (directory / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert outcome.peak_memory > 10 * 2**20
    progress = capsys.readouterr().err
    assert "draw ..." in progress
    assert "draw: done in" in progress


@pytest.mark.fast
def test_the_seed_makes_the_run(toy, tmp_path):
    first, again, other = (run(toy, tmp_path, seed=seed).record["claims"][0]["measured"] for seed in (1, 1, 2))
    assert first == again
    assert first["value"] != other["value"]


@pytest.mark.fast
def test_arrays_do_for_a_data_set(toy, tmp_path):
    write(
        toy / "mechanics/toy_orbit.py",
        ORBIT.replace('xarray.Dataset({"x": ("time", x, {"units": "length"})})', '{"x": x}'),
    )
    run(toy, tmp_path, preset="smoke")
    with np.load(tmp_path / "results/toy-orbit/smoke/data.npz") as found:
        assert found["x"].shape == (16,)


@pytest.mark.fast
def test_an_unknown_preset_lists_the_known_ones(toy, tmp_path):
    with pytest.raises(registry.UnknownNameError, match="unknown preset 'huge'; known: smoke, default"):
        run(toy, tmp_path, preset="huge")
    assert not (tmp_path / "results").exists()


@pytest.mark.fast
def test_a_resumed_run_finds_the_checkpoints_of_the_one_that_died(toy, tmp_path, capsys):
    checkpoints = interrupt(toy, tmp_path)
    assert (checkpoints / "marker").exists()
    assert not (checkpoints.parent / "result.json").exists()
    size = run(toy, tmp_path, resume=True).record["claims"][1]
    assert size["reason"].endswith("; resumed")
    assert "resuming from" in capsys.readouterr().err
    assert not checkpoints.exists()

    run(toy, tmp_path, resume=True)
    assert "nothing to resume" in capsys.readouterr().err


def interrupt(toy, tmp_path, **options):
    """A run that dies and leaves checkpoints; the directory of these."""
    write(toy / "mechanics/toy_orbit.py", ORBIT.replace("FAULT = None", "FAULT = KeyboardInterrupt()"))
    with pytest.raises(KeyboardInterrupt):
        run(toy, tmp_path, **options)
    registry.experiments(toy)["toy-orbit"].load().FAULT = None
    return tmp_path / "results/toy-orbit/default/checkpoints"


@pytest.mark.fast
def test_a_run_that_does_not_resume_starts_without_checkpoints_and_says_so(toy, tmp_path, capsys):
    interrupt(toy, tmp_path)
    assert "resumed" not in run(toy, tmp_path).record["claims"][1]["reason"]
    assert "discarding the checkpoints of an interrupted run" in capsys.readouterr().err


@pytest.mark.fast
def test_checkpoints_say_of_which_run_they_are(toy, tmp_path):
    found = json.loads((interrupt(toy, tmp_path) / "run.json").read_text())
    assert list(found) == ["slug", "preset", "seed", "config", "versions"]
    assert (found["slug"], found["preset"], found["seed"]) == ("toy-orbit", "default", 0)
    assert found["config"] == {"size": "64"}
    assert set(found["versions"]) == {"entropax", "jax", "flax", "optax"}


@pytest.mark.fast
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, r"seed was 0, is 1\. Run without --resume"),
        ({"config": 32}, r"config.size was 64, is 32\. Run"),
        ({"versions": "0.0.1"}, r"versions.jax was .*, is 0.0.1\. Run"),
    ],
)
def test_a_run_resumes_only_what_was_made_with_its_settings(toy, tmp_path, monkeypatch, change, message):
    checkpoints = interrupt(toy, tmp_path)
    before = {path.name: path.read_bytes() for path in checkpoints.iterdir()}
    module = registry.experiments(toy)["toy-orbit"].load()
    if "config" in change:
        module.PRESETS["default"] = module.Config(change["config"])
    if "versions" in change:
        real = running.versions
        monkeypatch.setattr(running, "versions", lambda: real() | {"jax": change["versions"]})
    with pytest.raises(registry.UnusableCheckpointError, match=message):
        run(toy, tmp_path, resume=True, seed=change.get("seed", 0))
    assert {path.name: path.read_bytes() for path in checkpoints.iterdir()} == before


@pytest.mark.fast
@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["thesis.txt", ".hidden"])
def test_what_is_no_runs_is_left_alone(toy, tmp_path, resume, name):
    checkpoints = tmp_path / "results/toy-orbit/default/checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / name).write_text("all of it")
    with pytest.raises(registry.UnusableCheckpointError, match=rf"checkpoints holds {name} but no file run.json"):
        run(toy, tmp_path, resume=resume)
    assert (checkpoints / name).read_text() == "all of it"


@pytest.mark.fast
@pytest.mark.parametrize("resume", [False, True])
def test_an_empty_directory_is_used(toy, tmp_path, resume):
    """As a run leaves it that is killed before it has said which it is."""
    checkpoints = tmp_path / "results/toy-orbit/default/checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / ".run.json.7.draft").write_text('{"slug": "to')
    assert "resumed" not in run(toy, tmp_path, resume=resume).record["claims"][1]["reason"]


@pytest.mark.fast
@pytest.mark.parametrize("seed", [-1, 2**32, 99999999999999999999])
def test_a_seed_that_makes_no_key_of_its_own_is_refused(toy, tmp_path, seed):
    with pytest.raises(running.BadSeedError, match=rf"seed must lie in \[0, 4294967295\], got {seed}"):
        run(toy, tmp_path, seed=seed)
    assert not (tmp_path / "results").exists()


@pytest.mark.fast
def test_a_damaged_checkpoint_is_told_from_other_faults(toy, tmp_path):
    fault = "FAULT = ValueError('the checkpoint in ' + CHECKPOINTS + ' cannot be read')"
    checkpoints = tmp_path / "results/toy-orbit/default/checkpoints"
    write(toy / "mechanics/toy_orbit.py", ORBIT.replace("FAULT = None", f"CHECKPOINTS = {str(checkpoints)!r}\n{fault}"))
    with pytest.raises(registry.UnusableCheckpointError, match="cannot be read"):
        run(toy, tmp_path, resume=True)
    with pytest.raises(ValueError, match="cannot be read") as caught:
        run(toy, tmp_path, resume=False)
    assert type(caught.value) is ValueError


@pytest.mark.fast
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"size": config.size,', '"sizes": config.size, "size": 1,', "measured holds sizes, which are not among"),
        ('{"size": "resumed"} if resumed else {}', '{"extent": "x"}', "remarks holds extent, which are not among"),
    ],
)
def test_a_measurement_without_a_claim_is_an_error(toy, tmp_path, old, new, message):
    write(toy / "mechanics/toy_orbit.py", ORBIT.replace(old, new))
    with pytest.raises(ValueError, match=message):
        run(toy, tmp_path)


def test_results_that_cannot_be_written_are_noticed_before_the_run(toy, tmp_path):
    write(toy / "mechanics/toy_orbit.py", ORBIT.replace("FAULT = None", "FAULT = AssertionError('it ran')"))
    (tmp_path / "results").write_text("a file where the directory should be")
    with pytest.raises(OSError, match="cannot write"):
        run(toy, tmp_path)
