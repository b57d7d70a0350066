"""Estimators from nearest neighbours against typed values, other packages, brute force and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from entropax import estimators
from tests.contract.harness import without_shape_hook

RNG = np.random.default_rng(17)
I = np.arange(1, 65)  # noqa: E741
X = np.sin(1.7 * I) + 0.3 * np.cos(5.1 * I)
Y = np.sin(1.7 * I + 0.8) + 0.5 * np.cos(2.9 * I)

FIRST = {3: 0.7646813847, 4: 0.7547583739, 5: 0.7285924284}
FIRST_STANDARDIZED = {3: 0.7651789694, 4: 0.7671870694, 5: 0.7285744491}
SECOND = {3: 0.7735397067, 4: 0.7672689701, 5: 0.7827121422}

x64 = pytest.mark.usefixtures("x64")


def close(value, expected, digits=5.1e-11):
    np.testing.assert_allclose(value, expected, atol=digits, rtol=0)


# ---------------------------------------------------------------------------------------------------- exact values


@x64
@pytest.mark.parametrize("k", [3, 4, 5])
def test_typed_values_of_other_packages(k):
    """KSG as benchmark-mi, infomeasure and scikit-learn print it."""
    close(estimators.ksg_mutual_information(X, Y, k=k), FIRST[k])
    close(estimators.ksg_mutual_information(X, Y, k=k, standardize=True), FIRST_STANDARDIZED[k])
    close(estimators.ksg_mutual_information(X, Y, k=k, variant=2), SECOND[k])


@x64
def test_typed_entropy():
    """psi(n) - psi(k) + log 2 + <log r>, the radius to the k-th neighbour other than oneself: infomeasure's value."""
    for norm in ("euclidean", "chebyshev"):
        close(estimators.kozachenko_leonenko_entropy(X, k=4, norm=norm), 0.6715081564)
    plane = np.stack([X, Y], axis=1)
    difference = np.abs(plane[:, None] - plane)
    for norm, order, volume in (("euclidean", 2, np.pi), ("chebyshev", np.inf, 4.0)):
        radius = np.sort(np.linalg.norm(difference, axis=-1, ord=order), axis=1)[:, 4]
        expected = digamma(64) - digamma(4) + np.log(volume) + 2 * np.log(radius).mean()
        close(estimators.kozachenko_leonenko_entropy(plane, k=4, norm=norm), expected, 1e-12)


@x64
def test_scikit_learn_agrees():
    """On continuous data, where its noise breaks no ties and nothing is clipped."""
    x = RNG.normal(size=(500, 2))
    y = x[:, 0] + 0.5 * RNG.standard_cauchy(500)
    theirs = mutual_info_regression(x[:, :1], y, n_neighbors=3, random_state=0)[0]
    close(estimators.ksg_mutual_information(x[:, 0], y, k=3, standardize=True), theirs, 1e-10)
    labels = np.digitize(y, [-1.0, 0.5])
    labels[7] = 9  # occurs once
    labels[[3, 20]] = 4  # fewer than k others
    theirs = mutual_info_classif(x[:, :1], labels, n_neighbors=3, random_state=0)[0]
    close(estimators.ross_mutual_information(x[:, 0], labels, k=3, standardize=True), theirs, 1e-10)
    close(estimators.ross_mutual_information(x[:, 0], labels > 0, k=3), _ross(x[:, 0], labels > 0, 3), 1e-12)


def _ross(x, labels, k):
    """Ross's formula, sample by sample, for frequent labels and no ties."""
    total = 0.0
    for i in range(len(x)):
        distance = np.abs(np.delete(x, i) - x[i])
        same = np.delete(labels, i) == labels[i]
        radius = np.sort(distance[same])[k - 1]
        total += digamma(k) - digamma(same.sum() + 1) - digamma((distance <= radius).sum())
    return digamma(len(x)) + total / len(x)


def _distances(z):
    """Maximum-norm distances to the other samples; one's own is infinite."""
    distance = np.abs(z[:, None] - z[None]).max(axis=-1)
    np.fill_diagonal(distance, np.inf)
    return distance


def _ksg(parts, k):
    radius = np.sort(np.maximum.reduce([_distances(part) for part in parts]), axis=1)[:, k - 1]
    return [(_distances(part) < radius[:, None]).sum(axis=1) for part in parts], radius


@x64
@pytest.mark.parametrize("law", ["normal", "lattice"])
def test_brute_force_in_several_dimensions(law):
    """Plain, conditional and mixed estimates; on the lattice almost all distances tie and some samples coincide."""
    data = RNG.normal(size=(300, 6)) if law == "normal" else RNG.integers(0, 5, (300, 6)).astype(float)
    x, y, z = data[:, :2], data[:, 2:5] + data[:, :1], data[:, 5:]
    (near_x, near_y), radius = _ksg([x, y], 4)
    expected = digamma(4) + digamma(300) - np.mean(digamma(near_x + 1) + digamma(near_y + 1))
    close(estimators.ksg_mutual_information(x, y, k=4), expected, 1e-11)

    coincide = radius == 0
    joint = np.concatenate([x, y], axis=1)
    own = np.where(coincide, (_distances(joint) == 0).sum(axis=1) + 1, 4)
    counts = [
        np.where(coincide, (_distances(part) == 0).sum(axis=1), near) + 1 for part, near in ((x, near_x), (y, near_y))
    ]
    expected = np.mean(digamma(own) - digamma(counts[0]) - digamma(counts[1])) + np.log(300)
    close(estimators.mixed_mutual_information(x, y, k=4), expected, 1e-11)

    radius = np.sort(_distances(data), axis=1)[:, 3]
    xz, yz = np.concatenate([x, z], axis=1), np.concatenate([y, z], axis=1)
    radius = np.sort(_distances(np.concatenate([x, y, z], axis=1)), axis=1)[:, 3]
    near = [digamma((_distances(part) < radius[:, None]).sum(axis=1) + 1) for part in (z, xz, yz)]
    expected = digamma(4) + np.mean(near[0] - near[1] - near[2])
    close(estimators.ksg_conditional_mutual_information(x, y, z, k=4), expected, 1e-11)


@x64
def test_second_variant_by_brute_force():
    x, y = RNG.normal(size=(300, 2)), RNG.normal(size=(300, 1))
    apart = np.maximum(_distances(x), _distances(y))
    nearest = np.argsort(apart, axis=1)[:, :4]
    counts = []
    for z in (x, y):
        reach = np.take_along_axis(_distances(z), nearest, axis=1).max(axis=1)
        counts.append((_distances(z) <= reach[:, None]).sum(axis=1))
    expected = digamma(4) - 1 / 4 + digamma(300) - np.mean(digamma(counts[0]) + digamma(counts[1]))
    close(estimators.ksg_mutual_information(x, y, k=4, variant=2), expected, 1e-11)


@pytest.mark.fast
@x64
def test_embeddings_of_transfer_entropy():
    """The embedded series by hand."""
    u, s, r = 2, 3, 2
    t = np.arange(max(u + s, 1 + 2 * r), 64)
    source = np.stack([X[t - u], X[t - u - s]], axis=1)
    target = np.stack([Y[t - 1], Y[t - 1 - r], Y[t - 1 - 2 * r]], axis=1)
    expected = estimators.ksg_conditional_mutual_information(source, Y[t], target, k=3)
    options = {"source_length": 2, "target_length": 3, "source_stride": s, "target_stride": r, "delay": u}
    close(estimators.transfer_entropy(X, Y, k=3, **options), expected, 1e-13)


@x64
def test_invariances():
    """Swapping the variables, reordering the samples, a common scale; each variable's own if standardised."""
    mi = estimators.ksg_mutual_information
    order = RNG.permutation(64)
    for variant in (1, 2):
        base = mi(X, Y, variant=variant)
        close(mi(Y, X, variant=variant), base, 1e-14)
        close(mi(X[order], Y[order], variant=variant), base, 1e-13)
        close(mi(4 * X, 4 * Y, variant=variant), base, 1e-14)
        close(mi(4 * X, Y / 8, variant=variant, standardize=True), mi(X, Y, variant=variant, standardize=True), 1e-13)
    base = estimators.kozachenko_leonenko_entropy(np.stack([X, Y], axis=1))
    close(estimators.kozachenko_leonenko_entropy(4 * np.stack([X, Y], axis=1)), base + 2 * np.log(4), 1e-13)
    close(estimators.neighbor_kl_divergence(4 * X, 4 * Y[:50]), estimators.neighbor_kl_divergence(X, Y[:50]), 1e-13)


# ------------------------------------------------------------------------------------------- ties and faulty input


@x64
def test_constant_columns_carry_no_information():
    """Also where a label is rare (20 of 2,000), where noise added to the feature would inform."""
    constant = np.full(64, 3.7)
    for standardize in (False, True):
        close(estimators.ksg_mutual_information(constant, Y, standardize=standardize), 0, 1e-13)
    labels = np.arange(2000) < 20
    flat = np.full(2000, 0.1)
    close(estimators.ross_mutual_information(flat, labels), 0, 1e-13)
    assert estimators.kozachenko_leonenko_entropy(constant) == -np.inf


@pytest.mark.slow
def test_ties_never_give_nan():
    """Half of the samples repeated many times over."""
    x = np.concatenate([np.repeat(X[:4], 10), X[:24]])
    y = np.concatenate([np.repeat(Y[:4], 10), Y[:24]])
    for variant in (1, 2):
        assert np.isfinite(estimators.ksg_mutual_information(x, y, variant=variant))
    assert np.isfinite(estimators.ksg_conditional_mutual_information(x, y, x))
    assert np.isfinite(estimators.mixed_mutual_information(x, y))
    assert np.isfinite(estimators.ross_mutual_information(x, y > 0))
    assert np.isfinite(estimators.transfer_entropy(x, y))
    assert np.isfinite(estimators.relaxed_ksg_mutual_information(x, y, 0.1))
    assert estimators.kozachenko_leonenko_entropy(x) == -np.inf
    gradient = jax.grad(lambda x: estimators.relaxed_ksg_mutual_information(x, y, 0.1))(jnp.asarray(x, jnp.float32))
    assert np.all(np.isfinite(gradient))
    with pytest.raises(ValueError, match="x must not have 5 coincident samples"):
        estimators.kozachenko_leonenko_mutual_information(x, Y)
    with pytest.raises(ValueError, match="x must not coincide with k other samples of x or y"):
        estimators.neighbor_kl_divergence(x, Y)


@pytest.mark.fast
def test_faults_are_named():
    with pytest.raises(ValueError, match="k must be less than the number of samples in x, 64, got 64"):
        estimators.ksg_mutual_information(X, Y, k=64)
    with without_shape_hook(), pytest.raises(ValueError, match="y must have as many samples as x, 64, got 60"):
        estimators.ksg_mutual_information(X, Y[:60])
    with pytest.raises(ValueError, match="variant must be one of 1, 2, got 3"):
        estimators.ksg_mutual_information(X, Y, variant=3)
    with pytest.raises(ValueError, match="y must be finite, got nan at flat index 5"):
        estimators.ksg_mutual_information(X, np.where(I == 6, np.nan, Y))
    with pytest.raises(ValueError, match="delay must be at least 1, got 0"):
        estimators.transfer_entropy(X, Y, delay=0)
    traced = jax.jit(lambda x: estimators.ksg_mutual_information(x, Y))(np.where(I == 6, np.nan, X))
    assert np.isnan(traced)


# ---------------------------------------------------------------------------------------------------- closed forms


def replicated(estimate, sample, runs=10, seed=0):
    """Mean of the estimate over data sets and its standard error."""
    rng = np.random.default_rng(seed)
    values = np.array([float(estimate(*sample(rng))) for _ in range(runs)])
    return values.mean(), values.std(ddof=1) / np.sqrt(runs)


def normal_pair(rng, rho=0.75, n=1000, d=1):
    x, e = rng.normal(size=(2, n, d)).astype(np.float32)
    return x, (rho * x + np.sqrt(1 - rho**2) * e).astype(np.float32)


def hold(mean_and_error, truth, bias):
    """Within the bias stated and four standard errors, which fails a right estimate once in 15,000 tests.

    An error of bias + 8 standard errors is found with a probability above 0.9999.
    """
    mean, error = mean_and_error
    assert abs(mean - truth) < bias + 4 * error, (mean, error, truth)


MUTUAL = {
    "normal": (normal_pair, 0.4133392866, 0.01),
    "normal, rho 0.6": (lambda rng: normal_pair(rng, 0.6), 0.2231435513, 0.01),
    "uniform + uniform 0.3": (
        lambda rng: (lambda x: (x, x + rng.uniform(-0.3, 0.3, 1000)))(rng.uniform(size=1000)),
        0.8108256238,
        0.03,
    ),
    "cubes": (lambda rng: tuple(np.sign(z) * np.abs(z) ** 1.5 for z in normal_pair(rng)), 0.4133392866, 0.02),
    "independent": (lambda rng: normal_pair(rng, 0.0), 0.0, 0.01),
    "two pairs": (lambda rng: normal_pair(rng, 0.8, d=2), 1.0216512475, 0.06),
}


@pytest.mark.parametrize("law", MUTUAL)
def test_mutual_information_of_known_laws(law):
    """1,000 samples, k = 4: the bias stated beside the law, the error from ten data sets."""
    sample, truth, bias = MUTUAL[law]
    for variant in (1, 2):
        result = replicated(lambda x, y, v=variant: estimators.ksg_mutual_information(x, y, variant=v), sample)
        hold(result, truth, bias)


ENTROPIES = {
    "Laplace, b = 2": (lambda rng: rng.laplace(scale=2, size=1000), 2.3862943611),
    "Gamma(3, scale 2)": (lambda rng: rng.gamma(3, 2, 1000), 2.5407256909),
    "Beta(2, 5)": (lambda rng: rng.beta(2, 5, 1000), -0.4845307150),
    "exponential, rate 3": (lambda rng: rng.exponential(1 / 3, 1000), -0.0986122887),
    "Cauchy": (lambda rng: rng.standard_cauchy(1000), 2.5310242470),
    "logistic": (lambda rng: rng.logistic(size=1000), 2.0),
    "von Mises, kappa 2": (lambda rng: rng.vonmises(0, 2, 1000), 1.2663212920),
}


@pytest.mark.parametrize("law", ENTROPIES)
def test_entropies_of_known_laws(law):
    """1,000 samples, k = 4: bias below 0.02 in one dimension."""
    sample, truth = ENTROPIES[law]
    hold(replicated(estimators.kozachenko_leonenko_entropy, lambda rng: (sample(rng),)), truth, 0.02)


def test_divergence_of_normals():
    """KL(N(0, I) | N(m, s^2 I)) in two dimensions; bias below 0.03."""
    s, m = 1.5, 0.5
    truth = 2 * np.log(s) + (2 + 2 * m**2) / (2 * s**2) - 1
    sample = lambda rng: (rng.normal(size=(1000, 2)), m + s * rng.normal(size=(1300, 2)))  # noqa: E731
    hold(replicated(estimators.neighbor_kl_divergence, sample), truth, 0.03)


def test_conditional_information_of_known_laws():
    """Common cause: I(X; Y | Z) = 0 although X and Y depend; and a linear coupling, T = log(1 + c^2) / 2."""

    def common_cause(rng):
        z, a, b = rng.normal(size=(3, 1000))
        return z + a, z + b, z

    hold(replicated(estimators.ksg_conditional_mutual_information, common_cause), 0.0, 0.02)

    def coupled(rng, c=0.8):
        x, e = rng.normal(size=(2, 1000))
        y = np.zeros(1000)
        for t in range(1, 1000):
            y[t] = 0.5 * y[t - 1] + c * x[t - 1] + e[t]
        return x, y

    hold(replicated(estimators.transfer_entropy, coupled), np.log(1 + 0.8**2) / 2, 0.04)
    hold(replicated(lambda x, y: estimators.transfer_entropy(y, x), coupled), 0.0, 0.03)


def test_mixtures_of_discrete_and_continuous():
    """X uniform on {0..4} with Y uniform on (X, X + 2), and a zero-inflated Poisson count of an exponential rate."""

    def steps(rng):
        x = rng.integers(0, 5, 1000)
        return x, x + rng.uniform(0, 2, 1000)

    def poisson(rng):
        x = rng.exponential(size=1000)
        return x, np.where(rng.uniform(size=1000) < 0.15, 0, rng.poisson(x)).astype(float)

    hold(replicated(lambda x, y: estimators.ross_mutual_information(y, x), steps), 1.0549201680, 0.03)
    hold(replicated(lambda x, y: estimators.mixed_mutual_information(x.astype(float), y), steps), 1.0549201680, 0.03)
    hold(replicated(estimators.mixed_mutual_information, poisson), 0.2560580573, 0.03)


def test_discrete_data_tend_to_the_plug_in():
    """The mixed estimate of repeated tables; KSG of the same data is far off, as its docstring warns."""
    c = np.tile([0, 0, 1, 2, 2, 2, 1, 0, 3, 0, 1, 2], 80).astype(float)
    d = np.tile([1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1], 80).astype(float)
    assert abs(float(estimators.mixed_mutual_information(c, d)) - 0.3043031696) < 0.01
