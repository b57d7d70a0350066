import errno
import json
import os
import resource

import numpy as np
import pytest
import xarray

from experiments import results

pytestmark = pytest.mark.fast

RECORD = {
    "slug": "toy",
    "preset": "smoke",
    "seed": 0,
    "versions": {"jax": "1"},
    "device": "cpu",
    "seconds": 1.5,
    "claims": [
        {"name": "a", "paper": 1.0, "source": "eq. 1", "measured": 1.0, "verdict": "reproduced", "reason": "equal"}
    ],
}


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_data_set_survives_with_its_units(tmp_path):
    data = xarray.Dataset(
        {"rate": (("time", "site"), np.arange(6.0).reshape(3, 2), {"units": "nat/s"})},
        coords={"time": ("time", [0.0, 0.5, 1.0], {"units": "s"})},
        attrs={"speed": 0.25},
    )
    written = results.write(tmp_path, RECORD, data, b"png")
    assert [path.name for path in written] == ["data.nc", "figure.png", "result.json"]
    with xarray.open_dataset(tmp_path / "data.nc", engine="h5netcdf") as found:
        xarray.testing.assert_identical(found.load(), data)
    assert results.read(tmp_path / "result.json") == RECORD


def test_arrays_are_kept_as_npz_and_what_is_stale_goes(tmp_path):
    results.write(tmp_path, RECORD, xarray.Dataset({"x": ("i", [1.0])}), b"png")
    results.write(tmp_path, RECORD, {"x": [1.0, 2.0], "n": 3}, None)
    assert set(contents(tmp_path)) == {"data.npz", "result.json"}
    with np.load(tmp_path / "data.npz") as found:
        np.testing.assert_array_equal(found["x"], [1.0, 2.0])
        assert found["n"] == 3


def test_a_disk_that_fills_up_leaves_no_half_written_file(tmp_path):
    """The limit on a file's size makes write() stop in the middle of the data, as a full disk does."""
    results.write(tmp_path, RECORD, {"x": np.zeros(3)}, b"png")
    before = contents(tmp_path)
    noise = np.random.default_rng(0).normal(size=100_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match=r"cannot write .*data.npz: File too large"):
            results.write(tmp_path, RECORD | {"seed": 1}, {"x": noise}, b"other png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize(("count", "name"), [(0, "data.npz"), (1, "figure.png"), (2, "result.json")])
def test_a_disk_that_refuses_a_file_leaves_what_was_there(tmp_path, monkeypatch, code, count, name):
    """Whichever file it is, none of the new ones stands beside the old."""
    results.write(tmp_path, RECORD, {"x": np.zeros(3)}, b"png")
    before = contents(tmp_path)
    real, accepted = os.fsync, []

    def refuse(descriptor):
        if len(accepted) == count:
            raise OSError(code, os.strerror(code))
        accepted.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=f"cannot write .*/{name}: {os.strerror(code)}") as caught:
        results.write(tmp_path, RECORD | {"seed": 1}, {"x": np.ones(3)}, b"other png")
    assert caught.value.errno == code
    assert contents(tmp_path) == before


def test_a_disk_is_tried_before_a_run(tmp_path, monkeypatch):
    results.require_writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write .*Not a directory|cannot write .*File exists"):
        results.require_writable(tmp_path / "file")

    def read_only(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "replace", read_only)
    with pytest.raises(OSError, match=r"cannot write .*Read-only file system"):
        results.require_writable(tmp_path)
    assert sorted(contents(tmp_path / "new" / "folder")) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "new"]


def test_the_result_comes_last(tmp_path, monkeypatch):
    """Where result.json is new, the data and the figure are too."""
    order = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append(os.path.basename(b)), real(a, b)))
    results.write(tmp_path, RECORD, {"x": 1.0}, b"png")
    assert order[-1] == "result.json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"slug": "to', "result.json is not JSON"),
        ("[]", "is not the result of a run: its keys must be slug, preset"),
        (json.dumps({**RECORD, "extra": 1}), "is not the result of a run"),
        (json.dumps({**RECORD, "claims": [{"name": "a"}]}), "the keys of a claim must be name, paper"),
    ],
)
def test_a_file_that_is_no_result_is_named(tmp_path, text, message):
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        results.read(path)


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        results.write(tmp_path, RECORD | {"seconds": float("nan")}, {"x": 1.0}, None)
    assert contents(tmp_path) == {}
