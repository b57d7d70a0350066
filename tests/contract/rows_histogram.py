"""Rows of entropax.estimators: counts, histograms and kernel densities."""

import numpy as np

from entropax import estimators
from entropax.estimators._corrections import CORRECTIONS
from tests.contract.harness import Bad, Row

COUNTS = np.array([[6.0, 3.0, 1.0, 2.0, 9.0], [2.0, 1.0, 1.0, 7.0, 0.0]])
TABLE = np.array([[6.0, 3.0, 1.0], [2.0, 1.0, 7.0]])
LABELS = np.array([0, 2, 1, 2, 2, 0])
OTHERS = np.array([1, 0, 1, 1, 0, 1])
RNG = np.random.default_rng(3)
X = RNG.standard_normal((12, 2))
Y = X[:, :1] + RNG.standard_normal((12, 1))
CONSTANT = X * np.array([1.0, 0.0])
NOT_FINITE = X.copy()
NOT_FINITE[3, 1] = np.nan

NO_AXIS = Bad((np.array(3.0),), r"counts must have shape \(\.\.\., k\) with k >= 1, got \(\)")
OF_COUNTS = (
    Bad((COUNTS - 5,), "counts must be non-negative and finite, got -2.0 at flat index 1"),
    Bad((0 * COUNTS,), "counts must have a positive sum"),
)
PRECISION = "counts above 256 and the functions of them have no meaning in bfloat16"
INTEGERS = {
    "gradient": "integers in",
    "integer": "takes nothing but integers",
    "strict": "no floating input: returns the default float",
    "half": "no floating input",
}
NO_LAPACK = {"half": "linear algebra has no bfloat16 kernels: the fault is JAX's and says so"}
PIECEWISE = {"gradient": "counts samples in bins or boxes, so it is piecewise constant in them; the soft form has rows"}


def entropy_row(correction: str) -> Row:
    """One correction of the entropy of counts, at counts where no singleton is made or lost by a step."""
    smooth_only = correction in ("chao-shen", "chao-wang-jost")
    # Their numbers of singletons jump at whole numbers.
    counts = COUNTS + 0.3 if smooth_only else np.maximum(COUNTS, 0.5)
    name = "estimators.discrete_entropy"
    return Row(
        name=name if correction == "plug-in" else f"{name}.{correction}",
        call=lambda n: estimators.discrete_entropy(n, correction=correction),
        arguments=lambda: (counts,),
        bad_static=(NO_AXIS,),
        bad_values=OF_COUNTS,
        exempt={"half": PRECISION},
        fast=correction == "plug-in",
        slow=correction == "nsb",
    )


def of_samples(name: str, call, pair: bool, **more) -> Row:
    """An estimator of samples x, or x and y."""
    settings = {
        "bad_static": (
            Bad((X[0], *((Y,) if pair else ())), r"x must have shape \(n, d\), got \(2,\)"),
            *((Bad((X, Y[:5]), r"y must have 12 samples like x, got shape \(5, 1\)"),) if pair else ()),
        ),
        "bad_values": (Bad((NOT_FINITE, *((Y,) if pair else ())), "x must be finite, got nan at flat index 7"),),
        "differentiable": (0, 1) if pair else (0,),
        **more,
    }
    return Row(name=f"estimators.{name}", call=call, arguments=lambda: (X, Y) if pair else (X,), **settings)


ROWS = [
    *(entropy_row(correction) for correction in CORRECTIONS),
    Row(
        name="estimators.discrete_entropy.concentration",
        call=lambda n, a: estimators.discrete_entropy(n, correction="bayes", concentration=a, num_states=9, base=2),
        arguments=lambda: (COUNTS + 1, np.array(0.7)),
        differentiable=(0, 1),
        bad_static=(Bad((COUNTS, np.ones(2)), r"concentration must have shape \(\), got \(2,\)"),),
        bad_values=(Bad((COUNTS, np.array(-1.0)), "concentration must be positive and finite, got -1.0"),),
        exempt={"half": PRECISION},
    ),
    *(
        Row(
            name="estimators.discrete_mutual_information" + ("" if c == "plug-in" else f".{c}"),
            call=lambda n, c=c: estimators.discrete_mutual_information(n, correction=c),
            arguments=lambda: (TABLE + 0.3,),
            bad_static=(Bad((TABLE[0],), r"counts must have shape \(a, b\) with a, b >= 1, got \(3,\)"),),
            bad_values=(
                Bad((TABLE - 2,), "counts must be non-negative and finite, got -1.0 at flat index 2"),
                Bad((0 * TABLE,), "counts must have a positive sum"),
            ),
            exempt={"half": PRECISION},
        )
        for c in ("plug-in", "grassberger", "shrinkage", "dirichlet", "bayes")
    ),
    Row(
        name="estimators.adjusted_mutual_information",
        call=estimators.adjusted_mutual_information,
        arguments=lambda: (TABLE,),
        differentiable=(),
        bad_static=(Bad((TABLE[0],), r"counts must have shape \(a, b\)"),),
        bad_values=(
            Bad((TABLE - 2,), "counts must be non-negative and finite, got -1.0"),
            Bad((TABLE + 0.5,), "counts must be whole numbers"),
        ),
        exempt={"gradient": "defined on whole numbers", "half": PRECISION},
    ),
    Row(
        name="estimators.label_counts",
        call=lambda labels: estimators.label_counts(labels, num_states=3),
        arguments=lambda: (LABELS,),
        differentiable=(),
        bad_static=(
            Bad((LABELS[None],), r"labels must have shape \(n,\), got \(1, 6\)"),
            Bad((X[0],), "labels must be integers, got dtype float32", TypeError),
        ),
        bad_values=(Bad((LABELS + 1,), r"labels must be in \[0, 3\), got 3 at flat index 1"),),
        exempt=INTEGERS,
    ),
    Row(
        name="estimators.contingency_table",
        call=lambda x, y: estimators.contingency_table(x, y, num_states=(3, 2)),
        arguments=lambda: (LABELS, OTHERS),
        differentiable=(),
        bad_static=(Bad((LABELS, OTHERS[:4]), r"y must have the shape of x, \(6,\), got \(4,\)"),),
        bad_values=(Bad((LABELS, OTHERS - 1), r"y must be in \[0, 2\), got -1 at flat index 1"),),
        exempt=INTEGERS,
    ),
    of_samples(
        "histogram_entropy",
        lambda x: estimators.histogram_entropy(x, bins=(3, 2)),
        pair=False,
        bad_values=(
            Bad((NOT_FINITE,), "x must be finite, got nan at flat index 7|x must vary"),
            Bad((CONSTANT,), "x must vary within every bin of every column, got a bin of width 0.0"),
        ),
    ),
    of_samples(
        "histogram_entropy.equal_frequency",
        lambda x: estimators.histogram_entropy(x, bins=3, binning="equal-frequency", correction="miller-madow"),
        pair=False,
        bad_values=(Bad((NOT_FINITE,), "x must be finite|x must vary"),),
    ),
    *(
        of_samples(
            f"histogram_entropy.soft_{binning}",
            lambda x, binning=binning: estimators.histogram_entropy(x, bins=3, binning=binning, temperature=0.4),
            pair=False,
            bad_values=(Bad((NOT_FINITE,), "x must be finite|x must vary"),),
        )
        for binning in ("equal-width", "equal-frequency")
    ),
    of_samples(
        "histogram_mutual_information",
        lambda x, y: estimators.histogram_mutual_information(x, y, bins=(2, 2, 3)),
        pair=True,
        exempt=PIECEWISE,
    ),
    of_samples(
        "histogram_mutual_information.soft",
        lambda x, y: estimators.histogram_mutual_information(x, y, bins=(2, 2, 3), temperature=0.4),
        pair=True,
    ),
    Row(
        name="estimators.histogram_mutual_information.temperature",
        slow=True,
        call=lambda t: estimators.histogram_mutual_information(
            X.astype(t.dtype), Y.astype(t.dtype), bins=3, binning="equal-frequency", temperature=t
        ),
        arguments=lambda: (np.array(0.4),),
        bad_static=(Bad((np.ones(2),), r"temperature must have shape \(\), got \(2,\)"),),
        bad_values=(Bad((np.array(-0.4),), "temperature must be positive and finite, got -0.4"),),
        exempt={"integer": "the temperature of a test of integers is none", "half": "the samples are no argument"},
    ),
    of_samples(
        "kernel_density_entropy",
        estimators.kernel_density_entropy,
        pair=False,
        bad_values=(
            Bad((NOT_FINITE,), "x must be finite, got nan at flat index 7"),
            Bad((CONSTANT,), "x must vary, and no column follow from the others, for the rule 'scott'"),
            Bad((X[:, :1] * np.array([[1.0, 2.0]]),), "x must vary, and no column follow from the others"),
        ),
        exempt=NO_LAPACK,
    ),
    of_samples(
        "kernel_density_entropy.box",
        lambda x: estimators.kernel_density_entropy(x, kernel="box", bandwidth=3.0),
        pair=False,
        exempt=PIECEWISE,
    ),
    *(
        Row(
            name=f"estimators.kernel_density_entropy.{name}",
            call=call,
            arguments=lambda: (X, np.array([0.8, 0.6]), np.array(0.4)),
            differentiable=(0, 1, 2) if name == "soft_box" else (0, 1),
            bad_static=(Bad((X, np.ones(3), np.array(0.4)), r"bandwidth must be a number or have shape \(2,\), got"),),
            bad_values=(
                Bad((X, np.array([0.8, -0.6]), np.array(0.4)), "bandwidth must be positive and finite, got -0.6"),
            ),
        )
        for name, call in (
            ("given", lambda x, h, t: estimators.kernel_density_entropy(x, bandwidth=h, leave_one_out=False)),
            (
                "soft_box",
                lambda x, h, t: estimators.kernel_density_entropy(x, kernel="box", bandwidth=h, temperature=t),
            ),
        )
    ),
    of_samples(
        "kernel_density_mutual_information",
        lambda x, y: estimators.kernel_density_mutual_information(x, y, bandwidth="silverman"),
        pair=True,
        bad_values=(
            Bad((NOT_FINITE, Y), "x must be finite, got nan at flat index 7"),
            Bad((CONSTANT, Y), "x and y must vary, and no column follow from the others, for the rule 'silverman'"),
        ),
        exempt=NO_LAPACK,
    ),
    of_samples(
        "kernel_density_mutual_information.given",
        lambda x, y: estimators.kernel_density_mutual_information(x, y, bandwidth=0.7),
        pair=True,
    ),
    *(
        of_samples(
            name,
            call,
            pair=True,
            bad_static=(
                Bad((X, Y[:5]), r"y must have 12 samples like x, got shape \(5, 1\)"),
                Bad((X[:3], Y[:3]), "x and y must have more samples than their 3 columns together, got 3"),
            ),
            bad_values=(
                Bad((NOT_FINITE, Y), "x must be finite, got nan at flat index 7|x and y must vary"),
                Bad((CONSTANT, Y), "x and y must vary, and no column follow from the others"),
                Bad((X, X[:, :1]), "x and y must vary, and no column follow from the others"),
            ),
            exempt=exempt,
        )
        for name, call, exempt in (
            ("canonical_correlations", estimators.canonical_correlations, NO_LAPACK),
            ("cca_mutual_information", estimators.cca_mutual_information, NO_LAPACK),
            (
                "gaussian_copula_mutual_information",
                estimators.gaussian_copula_mutual_information,
                {**NO_LAPACK, "gradient": "of ranks, so it is piecewise constant; the soft form has a row"},
            ),
            (
                "gaussian_copula_mutual_information.soft",
                lambda x, y: estimators.gaussian_copula_mutual_information(x, y, temperature=0.2),
                NO_LAPACK,
            ),
        )
    ),
]
