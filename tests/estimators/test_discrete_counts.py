"""Corrections of the entropy of counts against their defining sums, other packages and exact expectations."""

import itertools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.special import digamma
from scipy.stats import multinomial
from sklearn.metrics import adjusted_mutual_info_score

from entropax import estimators, information
from entropax.estimators._corrections import CORRECTIONS

C = np.array([0, 0, 1, 2, 2, 2, 1, 0, 3, 0, 1, 2])
D = np.array([1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1])
COUNTS = np.array([4.0, 3.0, 4.0, 1.0])
SPARSE = np.array([5, 1, 0, 2, 1, 1, 9, 0, 2, 1])


def entropy(counts, correction, **options) -> float:
    return float(estimators.discrete_entropy(np.asarray(counts, float), correction=correction, **options))


@pytest.mark.fast
@pytest.mark.parametrize(
    ("correction", "value", "options"),
    [
        ("plug-in", 1.2860573369, {}),
        ("miller-madow", 1.4110573369, {}),
        ("shrinkage", 1.3862943611, {}),
        ("chao-shen", 1.4065983622, {}),
        ("chao-wang-jost", 1.4226551227, {}),
        ("bonachela", 1.2755950399, {}),
        ("zhang", 1.4226551227, {}),
        ("dirichlet", 1.3334730391, {"concentration": "laplace"}),
        ("dirichlet", 1.3334730391, {"concentration": 1.0}),
    ],
)
def test_typed_values(x64, correction, value, options):
    """Values of infomeasure 0.6.3 on one typed sample, at their ten digits."""
    counts = estimators.label_counts(C, num_states=4)
    np.testing.assert_array_equal(counts, COUNTS)
    np.testing.assert_allclose(
        estimators.discrete_entropy(counts, correction=correction, **options), value, rtol=0, atol=5.1e-11
    )


@pytest.mark.fast
def test_grassberger_of_both_years(x64):
    """Both formulas, and how the value 1.4357334258 of infomeasure differs: it has (-1)^n / (n + 1) in the bracket.

    The paper's is (-1)^n / (n (n + 1)), the one whose bias cancels to leading order (see the exact bias below).
    """
    n, p = COUNTS, COUNTS / 12
    late = math.log(12) - np.sum(p * (digamma(n) + (-1) ** n * (digamma((n + 1) / 2) - digamma(n / 2)) / 2))
    early = math.log(12) - np.sum(p * (digamma(n) + (-1) ** n / (n * (n + 1))))
    np.testing.assert_allclose(entropy(n, "grassberger"), late, rtol=1e-14)
    np.testing.assert_allclose(entropy(n, "grassberger-1988"), early, rtol=1e-14)
    np.testing.assert_allclose(entropy(n, "grassberger"), 1.4774917175, atol=5e-11)
    typed = entropy(n, "grassberger-1988") + np.sum(p * (-1) ** n * (1 / (n * (n + 1)) - 1 / (n + 1)))
    np.testing.assert_allclose(typed, 1.4357334258, atol=5.1e-11)


def nsb_by_mpmath(counts, num_states: int) -> float:
    """The integral of Nemenman, Shafee and Bialek over log beta in 30 digits, from their formulas as they stand."""
    counts = [int(c) for c in counts if c > 0]
    total, unseen = sum(counts), num_states - len(counts)
    with mpmath.workdps(30):
        numerator = denominator = mpmath.mpf(0)
        for j in range(-220, 260):
            b = mpmath.e ** (mpmath.mpf(j) / 6)
            slope = num_states * mpmath.psi(1, num_states * b + 1) - mpmath.psi(1, b + 1)
            log_evidence = mpmath.loggamma(num_states * b) - mpmath.loggamma(total + num_states * b)
            log_evidence += sum(mpmath.loggamma(c + b) - mpmath.loggamma(b) for c in counts)
            weight = b * slope * mpmath.exp(log_evidence)
            moment = sum((c + b) * mpmath.psi(0, c + b + 1) for c in counts) + unseen * b * mpmath.psi(0, b + 1)
            mean = mpmath.psi(0, total + num_states * b + 1) - moment / (total + num_states * b)
            numerator, denominator = numerator + weight * mean, denominator + weight
        return float(numerator / denominator)


@pytest.mark.parametrize(
    ("counts", "num_states"), [(COUNTS, 4), (SPARSE, 10), (SPARSE, 1000), ([12], 4), ([40, 40, 40, 40], 4)]
)
def test_nsb_is_the_integral(x64, counts, num_states):
    """To rounding. On the typed sample it is 1.2897355914 (infomeasure's 1.2590237315 is not the integral)."""
    value = entropy(counts, "nsb", num_states=num_states)
    np.testing.assert_allclose(value, nsb_by_mpmath(counts, num_states), rtol=1e-13)
    if len(counts) == num_states == 4 and counts is COUNTS:
        np.testing.assert_allclose(value, 1.2897355914, atol=5e-11)


def test_nsb_against_published_values(x64):
    """The two examples of the package ndd, to the accuracy of its quadrature (1e-10 and 5e-6 from the integral)."""
    one = [7, 3, 5, 8, 9, 1, 3, 3, 1, 0, 2, 5, 2, 11, 4, 23, 5, 0, 8, 0]
    two = [4, 12, 4, 5, 3, 1, 5, 1, 2, 2, 2, 2, 11, 3, 4, 12, 12, 1, 2]
    np.testing.assert_allclose(entropy(one, "nsb"), 2.623634344902917, atol=2e-10)
    np.testing.assert_allclose(entropy(two, "nsb", num_states=100), 2.8060922529931225, atol=1e-5)


def test_nsb_of_many_counts(x64):
    """A posterior that is narrow in beta: 400 states, 10^6 samples. Its error bar is about 1e-3 there."""
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.full(400, 0.3))
    value = entropy(rng.multinomial(10**6, p), "nsb")
    np.testing.assert_allclose(value, float(information.entropy(p)), atol=4e-3)


def test_nsb_in_single_precision():
    """float32 keeps six digits at a hundred samples."""
    value = estimators.discrete_entropy(np.asarray(SPARSE, np.float32), correction="nsb", num_states=1000)
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, nsb_by_mpmath(SPARSE, 1000), rtol=3e-6)


def chao_wang_jost_as_printed(counts) -> float:
    """Chao, Wang and Jost 2013, eq. 7, its sum term by term."""
    n = np.asarray([c for c in counts if c > 0])
    total, f1, f2 = int(n.sum()), int(np.sum(n == 1)), int(np.sum(n == 2))
    first = sum(c / total * sum(1 / mpmath.mpf(k) for k in range(c, total)) for c in n.tolist())
    if f1 == 0:
        return float(first)
    rate = mpmath.mpf(2 * f2) / ((total - 1) * f1 + 2 * f2) if f2 else mpmath.mpf(2) / ((total - 1) * (f1 - 1) + 2)
    if rate == 1:
        return float(first)
    series = sum((1 - rate) ** r / r for r in range(1, total))
    with mpmath.workdps(60):
        return float(first + mpmath.mpf(f1) / total * (1 - rate) ** (1 - total) * (-mpmath.log(rate) - series))


@pytest.mark.parametrize("counts", [SPARSE, [1] * 30, [1, 1, 7], [1] * 5 + [300], [3, 4], [1] * 50 + [2] * 3 + [100]])
def test_chao_wang_jost_is_the_printed_sum(x64, counts):
    with mpmath.workdps(60):
        expected = chao_wang_jost_as_printed(counts)
    np.testing.assert_allclose(entropy(counts, "chao-wang-jost"), expected, rtol=1e-13)


@pytest.mark.fast
def test_zhang_and_bonachela_are_the_printed_sums(x64):
    """Zhang 2012, sum_{v < N} z_v / v with z_v = sum p_i prod_{j < v} [1 - (n_i - 1) / (N - 1 - j)]; Bonachela 2008."""
    total = int(SPARSE.sum())
    z = 0.0
    for v in range(1, total):
        products = [c / total * np.prod([1 - (c - 1) / (total - 1 - j) for j in range(v)]) for c in SPARSE if c]
        z += sum(products) / v
    np.testing.assert_allclose(entropy(SPARSE, "zhang"), z, rtol=1e-13)
    b = sum((c + 1) / (total + 2) * sum(1 / j for j in range(c + 2, total + 3)) for c in SPARSE)
    np.testing.assert_allclose(entropy(SPARSE, "bonachela"), b, rtol=1e-13)
    more = b + 5 / (total + 2) * sum(1 / j for j in range(2, total + 3))
    np.testing.assert_allclose(entropy(SPARSE, "bonachela", num_states=15), more, rtol=1e-13)


def test_bayes_is_the_mean_over_the_posterior(x64):
    """Mean entropy of 200,000 draws from the Dirichlet posterior, within four standard errors."""
    draws = np.random.default_rng(0).dirichlet(COUNTS + 0.7, 200_000)
    h = np.asarray(information.entropy(draws / draws.sum(axis=1, keepdims=True)))
    value = entropy(COUNTS, "bayes", concentration=0.7)
    assert abs(value - h.mean()) < 4 * h.std() / math.sqrt(len(h))


def test_priors_by_name(x64):
    for name, a in (("laplace", 1.0), ("jeffreys", 0.5), ("perks", 1 / 7), ("minimax", math.sqrt(12) / 7)):
        for correction in ("dirichlet", "bayes"):
            named = entropy(COUNTS, correction, num_states=7, concentration=name)
            np.testing.assert_allclose(named, entropy(COUNTS, correction, num_states=7, concentration=a), rtol=1e-14)


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_states_that_were_not_seen(x64, correction):
    """num_states stands for zeros at the end; batches are rows."""
    padded = np.concatenate([COUNTS, np.zeros(3)])
    np.testing.assert_allclose(entropy(COUNTS, correction, num_states=7), entropy(padded, correction), rtol=1e-13)
    both = estimators.discrete_entropy(np.stack([COUNTS, COUNTS + 1]), correction=correction)
    np.testing.assert_allclose(both, [entropy(COUNTS, correction), entropy(COUNTS + 1, correction)], rtol=1e-13)
    bits = entropy(COUNTS, correction, base=2)
    np.testing.assert_allclose(bits * math.log(2), entropy(COUNTS, correction), rtol=1e-13)


@pytest.mark.parametrize("correction", [c for c in CORRECTIONS if c not in ("dirichlet", "shrinkage")])
def test_consistent(x64, correction):
    """At 10^8 samples with exact frequencies every estimate is within 10^-6 of the entropy."""
    p = np.array([0.4, 0.3, 0.2, 0.1])
    np.testing.assert_allclose(entropy(1e8 * p, correction), float(information.entropy(p)), atol=1e-6)


def test_exact_bias(x64):
    """Bias by enumeration of all 286 outcomes of 10 draws from 4 states: corrections halve it at least.

    Grassberger's are made for Poisson counts, whose total is not fixed, so psi(N) stands for log N when theirs are
    compared: (-1)^n / (n + 1) in place of the (-1)^n / (n (n + 1)) of 1988 then has more than twice the bias.
    """
    p, total = np.array([0.4, 0.3, 0.2, 0.1]), 10
    outcomes = np.array([n for n in itertools.product(range(total + 1), repeat=4) if sum(n) == total], float)
    weights = multinomial.pmf(outcomes, total, p)
    truth = float(information.entropy(p))

    def bias(correction):
        return float(weights @ np.asarray(estimators.discrete_entropy(outcomes, correction=correction))) - truth

    plug_in = bias("plug-in")
    assert plug_in < -0.13
    for correction in ("miller-madow", "grassberger", "grassberger-1988", "chao-shen", "chao-wang-jost", "zhang"):
        assert abs(bias(correction)) < abs(plug_in) / 2, correction
    n = np.where(outcomes > 0, outcomes, 1)
    slip = np.sum(outcomes / total * (-1) ** n * (1 / (n * (n + 1)) - 1 / (n + 1)), axis=1)
    of_poisson = bias("grassberger-1988") - (math.log(total) - digamma(total))
    assert abs(of_poisson) < abs(of_poisson + weights @ slip) / 2


def test_mutual_information_of_labels(x64):
    """MI 0.3043031696 (scikit-learn agrees), NMI 0.3096838328, AMI 0.1642211930 of the typed labels."""
    table = estimators.contingency_table(C, D, num_states=(4, 2))
    np.testing.assert_allclose(estimators.discrete_mutual_information(table), 0.3043031696, atol=5.1e-11)
    nmi = information.normalized_mutual_information(table / 12)
    np.testing.assert_allclose(nmi, 0.3096838328, atol=5.1e-11)
    np.testing.assert_allclose(estimators.adjusted_mutual_information(table), 0.1642211930, atol=5.1e-11)
    for correction, value in (
        ("miller-madow", 0.2626365029),
        ("chao-shen", 0.0953799794),
        ("chao-wang-jost", 0.1079046447),
        ("zhang", 0.2504329004),
    ):
        mi = estimators.discrete_mutual_information(table, correction=correction)
        np.testing.assert_allclose(mi, value, atol=5.1e-11)  # infomeasure's: three corrected entropies


@pytest.mark.parametrize("normalizer", ["arithmetic", "geometric", "min", "max"])
def test_adjusted_mutual_information(x64, normalizer):
    """Against scikit-learn, at small and large counts."""
    rng = np.random.default_rng(0)
    for n, a, b in ((5, 3, 4), (60, 3, 4), (4000, 3, 4)):
        x = rng.integers(0, a, n)
        y = (x + rng.integers(0, 3, n)) % b
        ours = estimators.adjusted_mutual_information(
            estimators.contingency_table(x, y, num_states=(a, b)), normalizer=normalizer
        )
        theirs = adjusted_mutual_info_score(x, y, average_method=normalizer)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.fast
@pytest.mark.parametrize("correction", ["shrinkage", "dirichlet", "bayes"])
def test_mutual_information_under_a_prior(x64, correction):
    """From the joint estimate; that of the posterior mean against draws; of independent variables near 0."""
    table = np.array([[5.0, 2.0, 1.0], [0.0, 3.0, 9.0]])
    value = float(estimators.discrete_mutual_information(table, correction=correction))
    total, p = table.sum(), table / table.sum()
    if correction == "shrinkage":
        weight = (1 - np.sum(p**2)) / ((total - 1) * np.sum((1 / 6 - p) ** 2))
        joint = weight / 6 + (1 - weight) * p
    elif correction == "dirichlet":
        joint = (table + 0.5) / (total + 3)
    if correction != "bayes":
        np.testing.assert_allclose(value, float(information.mutual_information(joint)), rtol=1e-12)
        return
    draws = np.random.default_rng(1).dirichlet(table.reshape(-1) + 0.5, 100_000).reshape(-1, 2, 3)
    ratio = draws / (draws.sum(axis=1, keepdims=True) * draws.sum(axis=2, keepdims=True))
    mi = np.sum(draws * np.log(ratio), axis=(1, 2))
    assert abs(value - mi.mean()) < 4 * mi.std() / math.sqrt(len(mi))


@pytest.mark.fast
def test_faults():
    with pytest.raises(ValueError, match=r"correction must be one of 'plug-in', 'miller-madow'.*got 'jackknife'"):
        estimators.discrete_entropy(COUNTS, correction="jackknife")
    with pytest.raises(ValueError, match=r"concentration must be None with correction 'nsb', got 1.0"):
        estimators.discrete_entropy(COUNTS, correction="nsb", concentration=1.0)
    with pytest.raises(ValueError, match="concentration must be one of 'laplace'"):
        estimators.discrete_entropy(COUNTS, correction="bayes", concentration="haldane")
    with pytest.raises(ValueError, match="num_states must be at least 4, got 3"):
        estimators.discrete_entropy(COUNTS, num_states=3)
    with pytest.raises(ValueError, match="counts must have a positive sum"):
        estimators.discrete_entropy(np.zeros((2, 3)))
    good_and_bad = jax.jit(estimators.discrete_entropy)(np.array([[1.0, 2.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(np.isnan(good_and_bad), [False, True])
    assert np.isnan(jax.jit(lambda x: estimators.label_counts(x, num_states=2))(np.array([0, 5]))).all()
