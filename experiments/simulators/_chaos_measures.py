"""What the parts of the benchmark give, claim by claim."""

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.claims import Estimate
from experiments.simulators._chaos_annotations import annotated
from experiments.simulators._chaos_claims import MEDIAN, RANKED, SPEARMAN, STATISTICS
from experiments.simulators._chaos_forecasts import PAPER, PERIOD
from experiments.simulators._chaos_statistics import summary
from experiments.simulators._chaos_transfer import DATA_SETS, WAYS

if TYPE_CHECKING:
    import xarray

Words = dict[str, str]
Numbers = dict[str, Any]


def measures(found: dict[str, dict[str, Any]], parts: dict[str, Any], data: "xarray.Dataset") -> tuple[Numbers, Words]:
    """What is measured of every part that was run, by claim, and remarks on it.

    Args:
        found: by flow.
        parts: by part.
        data: the experiment's data set.
    """
    pieces = [annotated(data)]
    if "statistics" in parts:
        share, words = summary(parts["statistics"])
        pieces.append(({STATISTICS: share}, {STATISTICS: words}))
    if "forecast" in parts:
        pieces.append(_forecast(parts["forecast"], len(found), data))
    if "importance" in parts:
        pieces.append(_importance(parts["importance"]))
    if "transfer" in parts:
        pieces.append(_transfer(parts["transfer"], len(found)))
    if "equation_error" in data:
        pieces.append(_equations(found))
    if "design" in parts:
        pieces.append(_designed(parts["design"]))
    measured: Numbers = {}
    remarks: Words = {}
    for numbers, words in pieces:
        measured |= numbers
        remarks |= words
    return measured, remarks


def _forecast(by_step: dict[str, np.ndarray], flows: int, data: "xarray.Dataset") -> tuple[Numbers, Words]:
    errors = {name: values.mean(axis=1) for name, values in by_step.items()}
    medians = {name: _median(values) for name, values in errors.items()}
    measured: Numbers = {MEDIAN.format(name): medians[name] for name in PAPER if name in medians}
    words = f"{flows} flows, the last two periods of stretches of one orbit"
    smaller = f"{words}; smaller networks than the package's, one window length instead of a search"
    networks = ("N-BEATS", "LSTM", "transformer") if flows < 100 else ()
    remarks = {MEDIAN.format(name): smaller if name in networks else words for name in medians if name in PAPER}
    if set(RANKED) <= set(medians):
        measured["forecast: order of the medians"] = {name: medians[name].value for name in RANKED}
    halves = np.median(by_step["N-BEATS"].reshape(flows, 2, PERIOD).mean(axis=2), axis=0)
    measured["forecast: N-BEATS, error in the first and the second period"] = dict(zip("12", halves, strict=True))
    if flows >= 10:
        difficulty = data.published_exponent.values * data.period.values
        for name in ("N-BEATS", "LSTM", "linear", "naive seasonal"):
            measured[SPEARMAN.format(name)] = Estimate(_spearman(errors[name], difficulty), (flows - 1) ** -0.5)
    return measured, remarks


def _importance(errors: dict[str, np.ndarray]) -> tuple[Numbers, Words]:
    difference = errors["uniform"] - errors["importance"]
    medians = _median_difference(errors["uniform"], errors["importance"])
    measured: Numbers = {
        "importance sampling: median sMAPE": {
            name: float(np.median(errors[name])) for name in ("importance", "uniform")
        },
        "importance sampling: median sMAPE, of uniform less of importance": medians,
        "importance sampling: mean sMAPE, of uniform less of importance": Estimate(
            difference.mean(), difference.std(ddof=1) / len(difference) ** 0.5
        ),
    }
    words = (
        f"better on {np.mean(difference > 0):.0%} of {len(difference)} systems; trained on the whole series: "
        f"{np.median(errors['baseline']):.1f}"
    )
    return measured, {"importance sampling: median sMAPE": words}


def _transfer(accuracies: dict[str, np.ndarray], flows: int) -> tuple[Numbers, Words]:
    mean = {way: float(accuracies[way].mean()) for way in WAYS}
    measured = {
        name: {way: mean[way] for way in pair}
        for name, pair in (
            ("transfer: mean accuracy", ("raw", "transfer")),
            ("transfer: mean accuracy against random periods", ("random period", "transfer")),
            ("transfer: mean accuracy by number of systems", ("transfer, 2 systems", "transfer")),
        )
    }
    words = f"on {', '.join(DATA_SETS)} instead of the UCR archive, {flows} flows"
    return measured, dict.fromkeys(measured, words)


def _equations(found: dict[str, dict[str, Any]]) -> tuple[Numbers, Words]:
    libraries = {
        name: np.array([one["equations"][name] for one in found.values()]) for name in ("polynomial", "Fourier")
    }
    exact = np.median([one["equations"]["polynomial, true derivatives"] for one in found.values()])
    measured: Numbers = {
        f"equations: median sMAPE (of 2), {name}": _median(values) for name, values in libraries.items()
    }
    measured["equations: order of the libraries"] = {name: float(np.median(v)) for name, v in libraries.items()}
    words = f"derivatives by central differences at 100 points a period; with true ones the median is {exact:.2g}"
    return measured, {"equations: median sMAPE (of 2), polynomial": words}


def _designed(found: dict[str, np.ndarray]) -> tuple[Numbers, Words]:
    change = found["after"][:2] - found["before"][:2]
    errors = np.hypot(found["after"][2:], found["before"][2:])
    measured = {
        "design: gradient against finite differences": float(found["mismatch"]),
        "design: gain of complexity on long orbits": Estimate(change[0], errors[0]),
        "design: change of the exponent on long orbits": Estimate(change[1], errors[1]),
    }
    words = "gradient over its standard error: " + ", ".join(
        f"{size / error:.2g} over {periods} periods"
        for periods, (size, error) in zip(found["horizons"], found["reach"], strict=True)
    )
    return measured, {"design: gradient against finite differences": words}


def _median(values: np.ndarray) -> Estimate:
    """A median and its standard error by the bootstrap (2000 draws, a generator of its own)."""
    return Estimate(float(np.median(values)), float(np.median(values[_draws(len(values))], axis=1).std()))


def _median_difference(first: np.ndarray, second: np.ndarray) -> Estimate:
    """The difference of two medians over the same systems, drawn together in the bootstrap."""
    draws = _draws(len(first))
    differences = np.median(first[draws], axis=1) - np.median(second[draws], axis=1)
    return Estimate(float(np.median(first) - np.median(second)), float(differences.std()))


def _draws(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, count, (2000, count))


def _spearman(x: np.ndarray, y: np.ndarray) -> float:
    rank = lambda z: np.argsort(np.argsort(z))  # noqa: E731
    return float(np.corrcoef(rank(x), rank(y))[0, 1])
