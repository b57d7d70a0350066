"""What is claimed of the benchmark, and where it stands."""

from experiments.claims import Bounds, Claim, Exceeds, Near, Ordering, WithinErrors
from experiments.simulators._chaos_annotations import COMPATIBLE, FIRST, MAXIMUM, REPEATED, THEMSELVES
from experiments.simulators._chaos_forecasts import PAPER

STORED = "stored results of the paper's package"
OURS = "our analysis of the stored results of the paper's package"
MEDIAN = "forecast: median sMAPE of {}"
SPEARMAN = "forecast: Spearman of sMAPE with exponent x period, {}"
STATISTICS = "attractors: share of all systems with means and deviations within 3 standard errors of the published"
RANKED = ("N-BEATS", "LSTM", "linear", "naive mean")

CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(MEDIAN.format(name), PAPER[name], f"{STORED}, 131 systems", WithinErrors(3, resolution=15))
        for name in PAPER
    ),
    Claim("forecast: order of the medians", " < ".join(RANKED), STORED, Ordering(RANKED)),
    Claim("forecast: N-BEATS, error in the first and the second period", "grows", "abstract", Ordering(("1", "2"))),
    *(
        Claim(SPEARMAN.format(name), 0.0, f"positive, {value}: {OURS}", Exceeds(0))
        for name, value in (("N-BEATS", 0.34), ("LSTM", 0.23), ("linear", 0.23))
    ),
    Claim(SPEARMAN.format("naive seasonal"), -0.02, OURS, WithinErrors(2, resolution=0.25)),
    Claim(
        "importance sampling: median sMAPE",
        "importance 90.9 < uniform 98.6",
        STORED,
        Ordering(("importance", "uniform")),
    ),
    Claim(
        "importance sampling: median sMAPE, of uniform less of importance",
        7.7,
        f"{STORED}: 98.6 and 90.9",
        WithinErrors(2, resolution=20),
    ),
    Claim(
        "importance sampling: mean sMAPE, of uniform less of importance",
        -1.8,
        f"{STORED}: 92.4 and 94.2",
        WithinErrors(2, resolution=20),
    ),
    Claim(
        "transfer: mean accuracy", "raw .757, random period .754, transfer .796", STORED, Ordering(("raw", "transfer"))
    ),
    Claim("transfer: mean accuracy against random periods", "higher", STORED, Ordering(("random period", "transfer"))),
    Claim(
        "transfer: mean accuracy by number of systems",
        "higher with more",
        f"{STORED}: .461 to .555",
        Ordering(("transfer, 2 systems", "transfer")),
    ),
    Claim(
        "equations: median sMAPE (of 2), polynomial", 0.1875, f"{STORED}, 131 systems", WithinErrors(3, resolution=0.15)
    ),
    Claim(
        "equations: median sMAPE (of 2), Fourier", 0.6797, f"{STORED}, 131 systems", WithinErrors(3, resolution=0.25)
    ),
    Claim("equations: order of the libraries", "polynomial < Fourier", STORED, Ordering(("polynomial", "Fourier"))),
    Claim(
        "annotations: exponents less divergence, median in nats a period",
        0.0,
        "Liouville's formula",
        Near(absolute=0.02),
    ),
    Claim(
        "annotations: gap to the divergence, ours and published",
        "ours is smaller",
        "Liouville's formula",
        Ordering(("ours", "published")),
    ),
    Claim(
        "annotations: largest exponent, median deviation from the published", 0.0, "package dysts", Near(absolute=0.1)
    ),
    Claim(MAXIMUM, "at least 0.9", "package dysts, maximum_lyapunov_estimated", Bounds(lower=0.9)),
    Claim(FIRST, "at least 0.9", "package dysts, lyapunov_spectrum_estimated", Bounds(lower=0.9)),
    Claim(THEMSELVES, "at least 0.9", "package dysts, against itself", Bounds(lower=0.9)),
    Claim(COMPATIBLE, "at least 0.9", "package dysts, both values", Bounds(lower=0.9)),
    Claim(REPEATED, "at least 0.9", "package dysts, both values and its code", Bounds(lower=0.9)),
    Claim(STATISTICS, "at least 0.95", "package dysts, mean and std; 5% for chance and errata", Bounds(lower=0.95)),
    Claim("design: gradient against finite differences", 0.0, "float64, relative", Near(absolute=1e-4)),
    Claim("design: gain of complexity on long orbits", 0.0, "positive, two standard errors", Exceeds(2)),
    Claim("design: change of the exponent on long orbits", 0.0, "held fixed", WithinErrors(3, resolution=0.005)),
)
