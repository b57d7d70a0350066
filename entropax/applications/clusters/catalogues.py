"""Histories and mergers of simulated clusters from files of the user, in HDF5 or CSV."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Real, RealScalar
from entropax.applications.clusters._histories import MIN_POINTS
from entropax.applications.clusters.mergers import MergerList

WHERE_FROM = (
    "entropax ships no data. TNG-Cluster's catalogues and merger trees are public at "
    "https://www.tng-project.org/cluster/ (free registration): "
    "write the histories that you take from them to a file as `read_histories` describes"
)
HISTORY_NAMES = {"cluster": "cluster", "time": "time", "entropy": "K0"}
MERGER_NAMES = {
    "cluster": "cluster",
    "time": "time",
    "mass_ratio": "mass_ratio",
    "angular_momentum": "angular_momentum",
}
OPTIONAL = ("mass_ratio", "angular_momentum")


class CatalogueError(ValueError):
    """A file that does not hold what it should; the message names the file, the cluster and the fault."""


class Histories(eqx.Module):
    """Histories of clusters, padded to one length.

    Attributes:
        clusters: their numbers in the file, shape (c,).
        t: times in Gyr, increasing beyond the last point too, shape (c, n).
        K0: central entropy in keV cm^2, 1 where there is none, shape (c, n).
        where: which points are there, shape (c, n).
        spans: first and last time with a point, shape (c, 2).
    """

    clusters: np.ndarray
    t: Float[Array, "c n"]
    K0: Float[Array, "c n"]
    where: Bool[Array, "c n"]
    spans: Float[Array, "c 2"]


def cosmic_time(
    redshift: Real[ArrayLike, "*shape"], *, hubble: RealScalar = 67.74, matter: RealScalar = 0.3089
) -> Float[Array, "*shape"]:
    """Age of a flat universe of matter and a cosmological constant, for snapshots that give redshifts.

    t = 2 / (3 H0 sqrt(1 - m)) arsinh(sqrt((1 - m) / m) (1 + z)^(-3/2)), m the share of matter.

    Args:
        redshift: z, above -1, any shape.
        hubble: H0 in km/s/Mpc, positive; by default that of the IllustrisTNG runs.
        matter: m, share of matter in (0, 1); by default theirs.

    Returns:
        t in Gyr.

    Raises:
        ValueError: an argument is out of range.

    Differentiable in all.
    """
    z, H, m = _checks.as_floats(redshift=redshift, hubble=hubble, matter=matter)
    _checks.as_numbers(hubble=H, matter=m)
    with _checks.evaluated_now(m):
        inside = (m > 0) & (m < 1)
    checks = (
        _checks.positive("1 + redshift", 1 + z, batch_ndim=z.ndim),
        _checks.positive("hubble", H),
        _checks.Check(inside, "matter must lie in (0, 1)", lambda: f"{float(m)}"),
    )
    per_gyr = H * (3.15576e16 / 3.0856775814913673e19)  # Gyr in s over Mpc in km
    time = 2 / (3 * per_gyr * jnp.sqrt(1 - m)) * jnp.arcsinh(jnp.sqrt((1 - m) / m) * (1 + z) ** -1.5)
    return _checks.enforce(time, *checks)


def read_histories(path: str | Path, *, names: Mapping[str, str] | None = None) -> Histories:
    """Histories of the central entropy from a file.

    CSV (.csv): one row a point, with a header and the columns `cluster` (a whole number), `time` (Gyr) and `K0`
    (keV cm^2), in any order of columns; rows of a cluster in the order of time. HDF5 (.hdf5, .h5): data sets `time` of
    shape (n,) or (c, n), `K0` of shape (c, n), and `cluster` of shape (c,), by default 0, 1, ... In both, NaN or
    nothing for K0 is a gap.

    Args:
        path: the file.
        names: other names of columns or data sets, by "cluster", "time" and "entropy".

    Returns:
        The histories, padded. `jax.vmap` over t, K0 and where, with num_points, finds their transformations.

    Raises:
        FileNotFoundError: there is no such file; the message says where data come from.
        CatalogueError: the file lacks a column, times of a cluster do not increase, an entropy is not positive and
            finite, a cluster has fewer than five points, or its number is not whole or, in HDF5, not its own.
        ImportError: h5py is not installed and the file is HDF5.
    """
    known = _named(HISTORY_NAMES, names)
    file = _existing(path, "histories of the central entropy")
    if _is_hdf5(file):
        columns = _read_hdf5(file, known)
        clusters, rows = _rows_of_matrices(file, columns, known)
    else:
        clusters, rows = _rows_of_columns(file, _read_csv(file, known, optional=()), ("time", "entropy"))
    return _padded(file, clusters, [_checked_history(file, c, t, K) for c, (t, K) in zip(clusters, rows, strict=True)])


def read_mergers(path: str | Path, clusters: ArrayLike, *, names: Mapping[str, str] | None = None) -> MergerList:
    """Mergers from a file, one entry a merger: `cluster`, `time` in Gyr, perhaps `mass_ratio` and `angular_momentum`.

    CSV (.csv) with a header, or HDF5 (.hdf5, .h5) with data sets of one length.

    Args:
        path: the file.
        clusters: numbers of the clusters in the order wanted, such as `Histories.clusters`.
        names: other names of columns or data sets, by "cluster", "time", "mass_ratio" and "angular_momentum".

    Returns:
        The mergers of those clusters, padded; a cluster without one has an empty row.

    Raises:
        FileNotFoundError: there is no such file; the message says where data come from.
        CatalogueError: the file lacks a column, a time is not finite, a cluster has no whole number, or a merger is of
            a cluster that is not wanted.
        ValueError: `clusters` holds none, or one twice.
        ImportError: h5py is not installed and the file is HDF5.
    """
    known = _named(MERGER_NAMES, names)
    file = _existing(path, "mergers")
    columns = _read_hdf5(file, known) if _is_hdf5(file) else _read_csv(file, known, optional=OPTIONAL)
    lengths = {key: column.shape for key, column in columns.items()}
    if len(set(lengths.values())) != 1 or any(len(shape) != 1 for shape in lengths.values()):
        raise CatalogueError(f"{file}: columns of mergers must have one length, got {lengths}")
    if not np.all(np.isfinite(columns["time"])):
        row = int(np.flatnonzero(~np.isfinite(columns["time"]))[0])
        raise CatalogueError(f"{file}: time of merger {row} must be finite, got {columns['time'][row]}")
    _require_numbers(file, columns["cluster"])
    wanted = np.asarray(clusters).reshape(-1)
    if not wanted.size or np.unique(wanted).size != wanted.size:
        raise ValueError(f"clusters must be different, and one or more, got {wanted.tolist()[:8]}")
    unknown = np.setdiff1d(columns["cluster"], wanted)
    if unknown.size:
        raise CatalogueError(f"{file}: mergers of clusters that have no history: {unknown[:5].astype(int).tolist()}")
    most = max([1, *(int(np.sum(columns["cluster"] == c)) for c in wanted)])
    tables = {key: np.zeros((wanted.size, most)) for key in columns if key != "cluster"}
    mask = np.zeros((wanted.size, most), bool)
    for row, cluster in enumerate(wanted):
        mine = columns["cluster"] == cluster
        mask[row, : mine.sum()] = True
        for key, table in tables.items():
            table[row, : mine.sum()] = columns[key][mine]
    arrays = {key: jnp.asarray(table) for key, table in tables.items()}
    return MergerList(arrays["time"], jnp.asarray(mask), arrays.get("mass_ratio"), arrays.get("angular_momentum"))


def _named(defaults: Mapping[str, str], names: Mapping[str, str] | None) -> dict[str, str]:
    unknown = sorted(set(names or {}) - set(defaults))
    if unknown:
        raise ValueError(f"names must be of {', '.join(defaults)}, got {unknown}")
    return {**defaults, **(names or {})}


def _existing(path: str | Path, what: str) -> Path:
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no file of {what} at {file}. {WHERE_FROM}")
    return file


def _is_hdf5(file: Path) -> bool:
    if file.suffix.lower() in (".hdf5", ".h5"):
        return True
    if file.suffix.lower() == ".csv":
        return False
    raise CatalogueError(f"{file}: the name must end in .csv, .hdf5 or .h5, got {file.suffix!r}")


def _read_csv(file: Path, names: Mapping[str, str], optional: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CatalogueError(
            f"{file}: must be UTF-8, got {error.object[error.start]:#04x} at byte {error.start}"
        ) from error
    with io.StringIO(text, newline="") as lines:
        reader = csv.DictReader(lines)
        header = reader.fieldnames or []
        missing = [name for key, name in names.items() if key not in optional and name not in header]
        if missing:
            raise CatalogueError(f"{file}: no column {missing[0]!r}; there are {', '.join(header) or 'none'}")
        present = {key: name for key, name in names.items() if name in header}
        columns: dict[str, list[float]] = {key: [] for key in present}
        for row in reader:
            if None in row:
                raise CatalogueError(f"{file}, line {reader.line_num}: has more entries than there are columns")
            for key, name in present.items():
                columns[key].append(_number(file, reader.line_num, name, row[name]))
    return {key: np.asarray(column, float) for key, column in columns.items()}


def _number(file: Path, line: int, name: str, text: str | None) -> float:
    try:
        return float(text) if text and text.strip() else float("nan")
    except ValueError as error:
        raise CatalogueError(f"{file}, line {line}: {name} must be a number, got {text!r}") from error


def _read_hdf5(file: Path, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    try:
        import h5py
    except ImportError as error:
        raise ImportError("reading HDF5 needs h5py: pip install 'entropax[experiments]'") from error
    try:
        with h5py.File(file) as data:
            columns = {}
            for key, name in names.items():
                if name not in data:
                    continue
                node = data[name]
                if not isinstance(node, h5py.Dataset):
                    raise CatalogueError(f"{file}: {name!r} must be a data set, got a group")
                columns[key] = np.asarray(node[()], float)
            held = sorted(data)
    except OSError as error:
        raise CatalogueError(f"{file}: not a readable HDF5 file ({error})") from error
    needed = [names[key] for key in ("time", "entropy") if key in names and key not in columns]
    needed += [names["cluster"]] if "mass_ratio" in names and "cluster" not in columns else []
    if needed:
        raise CatalogueError(f"{file}: no data set {needed[0]!r}; there are {', '.join(held) or 'none'}")
    return columns


def _rows_of_matrices(file: Path, columns: dict[str, np.ndarray], names: Mapping[str, str]) -> tuple[Any, list]:
    K, t = columns["entropy"], columns["time"]
    if K.ndim != 2 or t.shape not in (K.shape, K.shape[1:]):
        raise CatalogueError(
            f"{file}: {names['entropy']} must have shape (c, n) and {names['time']} (n,) or (c, n), "
            f"got {K.shape} and {t.shape}"
        )
    clusters = columns["cluster"] if "cluster" in columns else np.arange(K.shape[0])
    if clusters.shape != K.shape[:1]:
        raise CatalogueError(f"{file}: {names['cluster']} must have shape {K.shape[:1]}, got {clusters.shape}")
    _require_numbers(file, clusters)
    if np.unique(clusters).size != clusters.size:
        raise CatalogueError(f"{file}: {names['cluster']} must hold different numbers, got one twice")
    return clusters, list(zip(np.broadcast_to(t, K.shape), K, strict=True))


def _require_numbers(file: Path, clusters: np.ndarray) -> None:
    bad = np.flatnonzero(~(np.round(clusters) == clusters))
    if bad.size:
        raise CatalogueError(f"{file}: numbers of clusters must be whole, got {clusters[bad[0]]:g} in entry {bad[0]}")


def _rows_of_columns(file: Path, columns: dict[str, np.ndarray], keys: tuple[str, str]) -> tuple[Any, list]:
    _require_numbers(file, columns["cluster"])
    clusters, first = np.unique(columns["cluster"], return_index=True)
    clusters = clusters[np.argsort(first)]
    return clusters, [tuple(columns[key][columns["cluster"] == c] for key in keys) for c in clusters]


def _checked_history(file: Path, cluster: float, t: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    who = f"{file}, cluster {cluster:g}"
    gap = np.isnan(K)
    if not np.all(np.isfinite(t)):
        raise CatalogueError(f"{who}: times must be finite, got {t[~np.isfinite(t)][0]}")
    if np.any(np.diff(t) <= 0):
        i = int(np.flatnonzero(np.diff(t) <= 0)[0])
        raise CatalogueError(f"{who}: times must increase, got {t[i]:g} before {t[i + 1]:g} (snapshots count down?)")
    bad = ~gap & ~((K > 0) & np.isfinite(K))
    if np.any(bad):
        raise CatalogueError(f"{who}: entropies must be positive and finite, got {K[bad][0]:g}")
    if np.sum(~gap) < MIN_POINTS:
        raise CatalogueError(f"{who}: needs {MIN_POINTS} points or more, got {np.sum(~gap)}")
    return t, np.where(gap, np.nan, K)


def _padded(file: Path, clusters: Any, rows: list[tuple[np.ndarray, np.ndarray]]) -> Histories:
    if not rows:
        raise CatalogueError(f"{file}: holds no histories")
    n = max(t.size for t, _ in rows)
    times, entropies, where = np.zeros((len(rows), n)), np.ones((len(rows), n)), np.zeros((len(rows), n), bool)
    spans = np.zeros((len(rows), 2))
    for i, (t, K) in enumerate(rows):
        there = np.isfinite(K)
        times[i] = np.concatenate([t, t[-1] + np.arange(1, n - t.size + 1)])
        entropies[i, : t.size] = np.where(there, K, 1)
        where[i, : t.size] = there
        spans[i] = t[there][[0, -1]]
    return Histories(np.asarray(clusters), *(jnp.asarray(x) for x in (times, entropies, where, spans)))
