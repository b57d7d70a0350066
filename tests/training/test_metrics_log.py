"""The metrics log: valid JSON, exact numbers, each step once."""

import json
import sys
import types

import jax.numpy as jnp
import numpy as np
import pytest

from entropax import training
from entropax.training._metrics_log import MetricsLog, json_lines

pytestmark = pytest.mark.fast


def strict(text):
    def refuse(constant):
        raise ValueError(constant)

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_every_number_comes_back_in_its_dtype():
    values = np.random.default_rng(0).normal(size=50) * 10.0 ** np.arange(-25, 25)
    for dtype in (np.float16, np.float32, np.float64, jnp.bfloat16):
        with np.errstate(over="ignore"):
            column = values.astype(dtype)
        rows = strict(json_lines({"step": np.arange(50), "x": column}))
        back = np.array([float(row["x"]) for row in rows]).astype(dtype)
        np.testing.assert_array_equal(back, column)


def test_what_json_cannot_say_is_a_string():
    columns = {"step": np.arange(3), "x": np.float32([np.nan, np.inf, -np.inf]), "ok": np.array([True, False, True])}
    rows = strict(json_lines(columns))
    assert [row["x"] for row in rows] == ["NaN", "Infinity", "-Infinity"]
    assert [row["ok"] for row in rows] == [True, False, True]
    assert np.isnan(float(rows[0]["x"]))


def test_names_are_escaped():
    assert strict(json_lines({'100% "sure"': np.int32([7])})) == [{'100% "sure"': 7}]


def test_a_resume_cuts_the_log_back(tmp_path):
    """Lines of steps after the checkpoint, and half a line, are gone; the rest stands."""
    path = tmp_path / "log.jsonl"
    rows = {"step": np.arange(4), "x": np.float32([0.1, 0.2, 0.3, 0.4])}
    path.write_text(json_lines(rows) + '{"step": 4, "x"')
    with MetricsLog(path, {name: column[:2] for name, column in rows.items()}) as log:
        log.append({name: column[2:3] for name, column in rows.items()})
    assert [row["step"] for row in strict(path.read_text())] == [0, 1, 2]


def test_a_file_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("dear diary\n")
    with pytest.raises(ValueError, match=r"notes.txt holds something that is not a metrics log: .*dear diary"):
        MetricsLog(path, {})
    assert path.read_text() == "dear diary\n"
    with pytest.raises(ValueError, match="log_path must name a file, got the folder"):
        MetricsLog(tmp_path, {})
    with pytest.raises(OSError, match=r"cannot write .*notes.txt/log.jsonl"):
        MetricsLog(path / "log.jsonl", {})


def test_a_bar_is_shown_on_a_terminal_only(capsys, monkeypatch):
    from entropax.training._progress import ProgressBar

    def show():
        with ProgressBar(10, description="fitting") as bar:
            bar.show(10, {"step": np.arange(10), "accuracy": np.ones(10), "loss": np.full(10, 0.25)})
        return capsys.readouterr()

    assert show() == ("", "")
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))  # as whoever starts a kernel has it
    assert show() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")
    shown = show()
    assert shown.out == ""
    for words in ("fitting", "10/10", "loss 0.25  accuracy 1"):
        assert words in shown.err


def test_progress_can_be_switched_off(capsys, monkeypatch):
    import jax

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    training.run(
        lambda s, b, *, key: (s, {}), 0.0, lambda step, *, key: (), steps=1, key=jax.random.key(0), progress=False
    )
    assert capsys.readouterr() == ("", "")
