"""Files of histories and mergers: what is read, and what is refused."""

import h5py
import jax
import numpy as np
import pytest

from entropax.applications import clusters
from tests.applications.clusters.oracle import brute_force, random_history

pytestmark = pytest.mark.usefixtures("x64")


def csv_file(path, header, rows):
    path.write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in rows)]))
    return path


@pytest.mark.fast
def test_cosmic_time():
    """Today 13.80 Gyr and at z = 2.5 2.62 Gyr, by the integral of 1 / ((1 + z) H)."""
    z = np.array([0.0, 0.5, 2.5])
    per_gyr = 67.74 / 3.0856775814913673e19 * 3.15576e16
    a = [np.linspace(1e-9, 1 / (1 + x), 200_001) for x in z]
    expected = [np.trapezoid(1 / (x * per_gyr * np.sqrt(0.3089 / x**3 + 0.6911)), x) for x in a]
    np.testing.assert_allclose(clusters.cosmic_time(z), expected, rtol=1e-6)
    np.testing.assert_allclose(clusters.cosmic_time(z[[0, 2]]), [13.803, 2.622], atol=5e-4)


def test_histories_of_unequal_length_from_csv(tmp_path):
    """Own column names, gaps, clusters in the order of the file; the finder under vmap does as one by one."""
    rng = np.random.default_rng(0)
    rows, kept = [], {}
    for name, size in ((7, 120), (3, 90)):
        t, K = random_history(rng, size)
        t = 2.6 + (t - t[0]) * (6.0 / (t[-1] - t[0]))
        K[10:13] = np.nan
        kept[name] = (t, K)
        rows += [(name, repr(float(a)), "" if np.isnan(b) else repr(float(b))) for a, b in zip(t, K, strict=True)]
    path = csv_file(tmp_path / "tng.csv", ("halo", "age", "K0"), rows)
    read = clusters.read_histories(path, names={"cluster": "halo", "time": "age"})
    np.testing.assert_array_equal(read.clusters, [7, 3])
    assert read.K0.shape == (2, 120)
    tables = jax.vmap(lambda t, K, w: clusters.find_transformations(t, K, where=w, num_points=61))(
        read.t, read.K0, read.where
    )
    for i, (t, K) in enumerate(kept.values()):
        expected = brute_force(t, K)
        n = int(tables.value[i])
        assert n == len(expected)
        np.testing.assert_allclose(tables.t_start[i][:n], expected[:, 0], atol=1e-9)
        np.testing.assert_allclose(read.spans[i], [t[0], t[-1]])


def test_histories_and_mergers_from_hdf5(tmp_path):
    path = tmp_path / "tng.hdf5"
    t, K = np.linspace(3, 9, 20), np.random.default_rng(1).uniform(10, 90, (3, 20))
    with h5py.File(path, "w") as data:
        data["time"], data["K0"], data["cluster"] = t, K, [4, 5, 9]
        data["mergers/cluster"], data["mergers/time"] = [9, 4, 9], [3.5, 4.0, 8.0]
        data["mergers/mu"] = [0.5, 0.1, 0.02]
    read = clusters.read_histories(path)
    np.testing.assert_allclose(read.K0, K)
    np.testing.assert_allclose(read.t, np.broadcast_to(t, K.shape))
    names = {"cluster": "mergers/cluster", "time": "mergers/time", "mass_ratio": "mergers/mu"}
    found = clusters.read_mergers(path, read.clusters, names=names)
    np.testing.assert_array_equal(found.mask, [[True, False], [False, False], [True, True]])
    np.testing.assert_allclose(found.times[2], [3.5, 8.0])
    np.testing.assert_allclose(found.mass_ratio[0, 0], 0.1)
    assert found.angular_momentum is None


GOOD = [(1, t, 20 + t) for t in range(6)]


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        (("cluster", "age", "K0"), GOOD, r"no column 'time'; there are cluster, age, K0"),
        (
            ("cluster", "time", "K0"),
            GOOD[::-1],
            r"cluster 1: times must increase, got 5 before 4 \(snapshots count down",
        ),
        (("cluster", "time", "K0"), [*GOOD, (1, 9, -3)], r"cluster 1: entropies must be positive and finite, got -3"),
        (("cluster", "time", "K0"), GOOD[:4], r"cluster 1: needs 5 points or more, got 4"),
        (("cluster", "time", "K0"), [*GOOD, (1, 9, "x")], r"line 8: K0 must be a number, got 'x'"),
        (("cluster", "time", "K0"), [*GOOD, (1, "", 3)], r"cluster 1: times must be finite, got nan"),
        (("cluster", "time", "K0"), [], r"holds no histories"),
        (
            ("cluster", "time", "K0"),
            [*GOOD, (1, 9, "inf")],
            r"cluster 1: entropies must be positive and finite, got inf",
        ),
        (("cluster", "time", "K0"), [*GOOD, (1, 9, 3, 4)], r"line 8: has more entries than there are columns"),
        (
            ("cluster", "time", "K0"),
            [*GOOD, ("", 9, 3)],
            r"numbers of clusters must be whole, got nan in entry 6",
        ),
        (("cluster", "time", "K0"), [*GOOD, (1.5, 9, 3)], r"numbers of clusters must be whole, got 1.5 in entry 6"),
    ],
)
def test_bad_histories_are_told(tmp_path, header, rows, words):
    with pytest.raises(clusters.CatalogueError, match=words) as error:
        clusters.read_histories(csv_file(tmp_path / "bad.csv", header, rows))
    assert "bad.csv" in str(error.value)


def test_other_faults_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file of histories.*at .*none.csv\. .*tng-project.org"):
        clusters.read_histories(tmp_path / "none.csv")
    with pytest.raises(clusters.CatalogueError, match=r"the name must end in .csv, .hdf5 or .h5, got '.txt'"):
        clusters.read_histories(csv_file(tmp_path / "a.txt", ("a",), []))
    (tmp_path / "a.h5").write_text("no such thing")
    with pytest.raises(clusters.CatalogueError, match="not a readable HDF5 file"):
        clusters.read_histories(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as data:
        data["time"], data["entropy"] = np.arange(5.0), np.ones((2, 5))
    with pytest.raises(clusters.CatalogueError, match=r"no data set 'K0'; there are entropy, time"):
        clusters.read_histories(tmp_path / "b.h5")
    with pytest.raises(clusters.CatalogueError, match=r"time must have shape"):
        clusters.read_histories(tmp_path / "b.h5", names={"entropy": "time"})
    with pytest.raises(ValueError, match=r"names must be of cluster, time, entropy, got \['K'\]"):
        clusters.read_histories(tmp_path / "b.h5", names={"K": "entropy"})
    path = csv_file(tmp_path / "m.csv", ("cluster", "time"), [(1, 3.0), (8, 4.0)])
    with pytest.raises(clusters.CatalogueError, match=r"mergers of clusters that have no history: \[8\]"):
        clusters.read_mergers(path, np.array([1, 2]))
    for wanted in ([], [1, 8, 1]):
        with pytest.raises(ValueError, match=r"clusters must be different, and one or more, got \["):
            clusters.read_mergers(path, np.array(wanted))
    nameless = csv_file(tmp_path / "n.csv", ("cluster", "time"), [(1, 3.0), ("", 4.0)])
    with pytest.raises(clusters.CatalogueError, match=r"numbers of clusters must be whole, got nan in entry 1"):
        clusters.read_mergers(nameless, np.array([1]))
    (tmp_path / "latin.csv").write_bytes("cluster,time,K0\n1,2,h\xe9\n".encode("latin-1"))
    with pytest.raises(clusters.CatalogueError, match=r"latin.csv: must be UTF-8, got 0xe9 at byte 21"):
        clusters.read_histories(tmp_path / "latin.csv")
    with h5py.File(tmp_path / "twice.h5", "w") as data:
        data["time"], data["K0"], data["cluster"] = np.arange(5.0), np.ones((2, 5)), [3, 3]
    with pytest.raises(clusters.CatalogueError, match=r"cluster must hold different numbers, got one twice"):
        clusters.read_histories(tmp_path / "twice.h5")
