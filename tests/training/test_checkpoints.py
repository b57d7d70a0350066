"""Checkpoints are whole or absent, resume to the same bits, and say what is wrong with a directory that is not one."""

import errno
import json
import logging
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import training
from entropax.training._quiet import quiet_orbax

# When reading or writing fails, threads of tensorstore may report to an event loop that orbax has closed by then.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOT = pathlib.Path(__file__).parents[2]


def double(state, batch, *, key):
    return {"x": state["x"] + jax.random.normal(key, (3,)), "n": state["n"] + 1}, {"sum": jnp.sum(state["x"])}


def step_number(step, *, key):
    return step


def start():
    return {"x": jnp.zeros(3), "n": jnp.int32(0)}


def run(directory, *, steps=20, state=None, key=0, **options):
    return training.run(
        double,
        start() if state is None else state,
        step_number,
        steps=steps,
        key=jax.random.key(key),
        steps_per_call=5,
        checkpoint_dir=directory,
        checkpoint_every=10,
        **options,
    )


def child(directory, kill, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.interrupted_fit", str(directory), str(kill)], cwd=ROOT, **options
    )


def saved_steps(directory):
    return sorted(int(path.name) for path in directory.glob("[0-9]*") if path.name.isdigit())


def test_killed_runs_resume_to_the_same_bits(tmp_path):
    """SIGKILL at any moment, then SIGKILL with a checkpoint all but named: the third run ends with the same bits."""
    directory = tmp_path / "run"
    process = child(directory, 0)
    deadline = time.monotonic() + 120
    while not (directory.exists() and max(saved_steps(directory), default=0) >= 60) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    first = max(saved_steps(directory))
    assert 60 <= first <= 300

    assert child(directory, first + 60).wait(120) == -signal.SIGKILL
    assert max(saved_steps(directory)) == first + 40
    assert any(f"{first + 60:09d}" in path.name for path in directory.iterdir())  # the one that never got its name

    assert child(directory, 0).wait(180) == 0
    with np.load(f"{directory}.resumed.npz") as resumed, np.load(f"{directory}.uninterrupted.npz") as whole:
        assert set(resumed) == set(whole)
        assert any("drop" in name for name in whole)
        assert any("normalise" in name for name in whole)
        for name in whole:
            assert resumed[name].dtype == whole[name].dtype
            assert resumed[name].tobytes() == whole[name].tobytes(), name
        losses = whole["history loss"]
    lines = [json.loads(line) for line in pathlib.Path(f"{directory}.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(400))
    np.testing.assert_array_equal(np.float32([line["loss"] for line in lines]), losses)


def test_a_second_call_continues_and_a_third_returns_what_is_there(tmp_path):
    run(tmp_path / "a", steps=20)
    longer = run(tmp_path / "a", steps=34)
    whole = training.run(double, start(), step_number, steps=34, key=jax.random.key(0), steps_per_call=5)
    again = run(tmp_path / "a", steps=34)
    for result in (longer, again):
        assert result.steps == 34
        assert not result.stopped_early
        np.testing.assert_array_equal(result.state["x"], whole.state["x"])
        assert int(result.state["n"]) == 34
        np.testing.assert_array_equal(result.history["sum"], whole.history["sum"])
        np.testing.assert_array_equal(result.history["step"], np.arange(34))
    assert saved_steps(tmp_path / "a") == [30, 34]


def test_keys_and_empty_arrays_in_the_state(tmp_path):
    def update(state, batch, *, key):
        return state | {"key": jax.random.fold_in(state["key"], 1)}, {}

    for _ in range(2):
        result = training.run(
            update,
            {"key": jax.random.key(3), "empty": jnp.zeros((0, 2)), "half": jnp.ones(3, jnp.bfloat16)},
            step_number,
            steps=3,
            key=jax.random.key(0),
            checkpoint_dir=tmp_path,
        )
    assert jnp.issubdtype(result.state["key"].dtype, jax.dtypes.prng_key)
    assert result.state["empty"].shape == (0, 2)
    assert result.state["half"].dtype == jnp.bfloat16


def test_a_stopped_run_stays_stopped(tmp_path):
    stop = training.Patience("sum", patience=4)

    def flat(state, batch, *, key):
        return state, {"sum": jnp.float32(1)}

    for _ in range(2):
        result = training.run(
            flat, start(), step_number, steps=50, key=jax.random.key(0), checkpoint_dir=tmp_path, stop=stop
        )
        assert (result.steps, result.stopped_early) == (5, True)


@pytest.mark.fast
def test_a_run_that_stops_where_a_checkpoint_is_due(tmp_path):
    """The rule is met at the last step of a call, and the call after it, already under way, changes nothing."""

    def flat(state, batch, *, key):
        return state | {"n": state["n"] + 1}, {"sum": jnp.float32(1)}

    options = {"steps_per_call": 5, "checkpoint_every": 5, "stop": training.Patience("sum", patience=9)}
    for _ in range(2):
        result = training.run(
            flat, start(), step_number, steps=50, key=jax.random.key(0), checkpoint_dir=tmp_path, **options
        )
        assert (result.steps, int(result.state["n"]), result.stopped_early) == (10, 10, True)
    assert saved_steps(tmp_path) == [5, 10]


class Counting:
    """An iterator with a checkpoint."""

    def __init__(self):
        self.position = 0

    def __next__(self):
        self.position += 1
        return {"x": np.float32([self.position] * 2)}

    def get_state(self):
        return {"position": self.position}

    def set_state(self, state):
        self.position = state["position"]


def test_an_iterator_resumes_where_it_stood(tmp_path):
    def update(state, batch, *, key):
        return state + jnp.sum(batch["x"]), {"x": batch["x"][0]}

    options = {"key": jax.random.key(0), "steps_per_call": 4, "checkpoint_dir": tmp_path}
    training.run(update, jnp.float32(0), Counting(), steps=9, **options)
    result = training.run(update, jnp.float32(0), Counting(), steps=14, **options)
    np.testing.assert_array_equal(result.history["x"], np.arange(1, 15))
    assert float(result.state) == 2 * sum(range(1, 15))


# ------------------------------------------------------------------------------------------------- what can be wrong


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished") / "run"
    run(directory)
    return directory


@pytest.fixture
def copy(finished, tmp_path):
    return pathlib.Path(shutil.copytree(finished, tmp_path / "copy"))


def largest_file(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


@pytest.mark.fast
def test_another_key_or_state_is_named(finished):
    with pytest.raises(ValueError, match=r"step 20 in .*run was made by another run: its key is .*\[0, 0\].*\[0, 1\]"):
        run(finished, key=1)
    with pytest.raises(ValueError, match=r"array state\['x'\] is float32\[3\], expected float32\[4\]"):
        run(finished, state={"x": jnp.zeros(4), "n": jnp.int32(0)})
    with pytest.raises(ValueError, match=r"array state\['n'\] is int32\[\], expected float32\[\]"):
        run(finished, state={"x": jnp.zeros(3), "n": jnp.float32(0)})
    with pytest.raises(ValueError, match=r"lacks the arrays \[\"state\['y'\]\"\] and has \[\"state\['n'\]\"\] besides"):
        run(finished, state={"x": jnp.zeros(3), "y": jnp.int32(0)})
    with pytest.raises(ValueError, match=r"steps must be at least the 20 done in .*run, got 10"):
        run(finished, steps=10)


@pytest.mark.fast
def test_a_directory_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(ValueError, match=r"checkpoint_dir .* holds thesis.txt and is not that of a training run"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_checkpoints_of_another_program_are_named(tmp_path):
    import orbax.checkpoint as ocp

    with ocp.CheckpointManager(tmp_path) as manager:
        manager.save(3, args=ocp.args.StandardSave({"x": jnp.zeros(3)}))
    with pytest.raises(ValueError, match=r"holds 3 and is not that of a training run"):
        run(tmp_path)


def test_a_marker_of_another_version_is_named(copy):
    (copy / "entropax-training.json").write_text('{"format": "entropax.training", "version": 99}')
    with pytest.raises(ValueError, match=r"'version': 99.*expected .*'version': 2"):
        run(copy)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove arrays", "remove record", "garbage record"])
def test_damage_is_found_and_the_directory_named(copy, damage):
    step = copy / "000000020"
    record = step / "record" / "metadata"
    if damage == "flip":
        # every data file has one byte changed, as a failing disk might
        for path in (step / "arrays").rglob("d/*"):
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 0x10
            path.write_bytes(data)
    elif damage == "truncate":
        path = largest_file(step / "arrays")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "remove arrays":
        shutil.rmtree(step / "arrays")
    elif damage == "remove record":
        shutil.rmtree(step / "record")
    else:
        record.write_text("{")
    with pytest.raises(
        ValueError, match=r"checkpoint of step 20 in .*copy cannot be read: .*Delete its folder 000000020.*step 10"
    ):
        run(copy)
    shutil.rmtree(step)
    assert run(copy).steps == 20  # and the advice is good


def change(record, *path, to):
    *way, last = path
    for name in way:
        record = record[name]
    record[last] = to(record[last])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        # data that reads well but is not what was written
        (
            lambda r: change(r, "leaves", "state['x']", "crc32", to=lambda c: c ^ 1),
            r"array state\['x'\] does not match",
        ),
        (
            lambda r: change(r, "history", "sum", "crc32", to=lambda c: c ^ 1),
            "column sum of its metrics does not match",
        ),
        # records that are not whole, or another checkpoint's
        (lambda r: r.pop("leaves"), "its record lacks leaves"),
        (lambda r: [r.pop("key"), r.pop("history")], "its record lacks key, history"),
        (lambda r: change(r, "step", to=lambda s: 10), "its record is that of step 10"),
        (lambda r: r["leaves"]["state['x']"].pop("crc32"), r"describes array state\['x'\] by \['dtype', 'shape'\]"),
        (lambda r: change(r, "history", "sum", "shape", to=lambda s: [19]), "are not those of 20 steps"),
    ],
)
def test_a_record_that_does_not_fit_is_found(copy, change, message):
    path = copy / "000000020" / "record" / "metadata"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=rf"checkpoint of step 20 in .*copy cannot be read: .*{message}"):
        run(copy)


def test_nothing_is_unpickled(copy, monkeypatch):
    """A resume with unpickling made impossible; and no file of a checkpoint is a pickle."""
    import pickle

    def refuse(*arguments, **options):
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    assert run(copy, steps=22).steps == 22
    assert not [path for path in copy.rglob("*") if path.is_file() and path.read_bytes()[:1] == b"\x80"]


@pytest.mark.skipif(os.access("/sys", os.W_OK) and not os.path.ismount("/sys"), reason="no read-only file system")
def test_a_directory_that_cannot_be_made(tmp_path):
    with pytest.raises(OSError, match=r"cannot write /sys/entropax/entropax-training.json"):
        run("/sys/entropax")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write .*file/run/entropax-training.json"):
        run(tmp_path / "file" / "run")


def test_a_full_disk_leaves_the_earlier_checkpoints(tmp_path):
    """A limit on file sizes stands for the full disk: the save fails with a clear error, the one before is intact."""
    directory = tmp_path / "run"
    big = {"x": jnp.zeros(3), "n": jnp.int32(0), "pad": jax.random.normal(jax.random.key(0), (50_000,))}

    def update(state, batch, *, key):
        new, metrics = double(state, batch, key=key)
        return state | new, metrics

    def go(steps):
        options = {"key": jax.random.key(0), "checkpoint_dir": directory, "checkpoint_every": 10}
        return training.run(update, big, step_number, steps=steps, **options)

    go(10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(OSError, match=rf"cannot save the checkpoint of step 20 in {directory}"):
            go(20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert saved_steps(directory) == [10]
    assert go(20).steps == 20


FULL_DISK = """
import resource, signal, sys
import jax, jax.numpy as jnp
from entropax import training

def update(state, batch, *, key):
    return state | {"n": state["n"] + 1}, {"n": state["n"]}

def run(steps):
    state = {"n": jnp.int32(0), "pad": jax.random.normal(jax.random.key(0), (50_000,))}
    options = dict(steps_per_call=5, checkpoint_every=10, checkpoint_dir=sys.argv[1], progress=False)
    return training.run(update, state, lambda step, *, key: step, steps=steps, key=jax.random.key(0), **options)

run(20)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    run(30)
except OSError as error:
    print("error:", error, file=sys.stderr)
    raise SystemExit(1)
"""


def test_a_full_disk_is_one_line_and_leaves_nothing_unfinished(tmp_path):
    """What orbax's threads have to say about it, they say once, through the exception."""
    directory = tmp_path / "run"
    command = [sys.executable, "-c", FULL_DISK, str(directory)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    message = f"error: [Errno {errno.EFBIG}] cannot save the checkpoint of step 30 in {directory}: File too large"
    assert ended.stderr.splitlines() == [message]
    assert ended.returncode == 1
    assert sorted(path.name for path in directory.iterdir()) == ["000000010", "000000020", "entropax-training.json"]


def test_only_orbax_is_silenced(caplog):
    """While a checkpoint is saved, another thread's fault and another's log come through, and hooks are put back."""
    hooks = threading.excepthook, sys.unraisablehook
    seen = []
    threading.excepthook = lambda arguments: seen.append(arguments.exc_value)
    fault = KeyError("mine")

    def fail():
        raise fault

    try:
        with quiet_orbax():
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
            logging.getLogger("absl").error("mine too")
        assert seen == [fault]
        assert "mine too" in caplog.text
    finally:
        ours, threading.excepthook = threading.excepthook, hooks[0]
    assert ours is not hooks[0]
    assert sys.unraisablehook is hooks[1]
