"""The protocol around estimators with known answers: chunks, keys, controls, agreement, saturation, dimensions."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators
from tests.contract.harness import without_shape_hook


def gaussian(x, y):
    """I of a bivariate Gaussian by the correlation of the samples; its bias is 1 / (2 n)."""
    x, y = x[:, 0] - jnp.mean(x), y[:, 0] - jnp.mean(y)
    return -0.5 * jnp.log1p(-(jnp.sum(x * y) ** 2) / (jnp.sum(x**2) * jnp.sum(y**2)))


def pairs(key, n, rho):
    x, e = jax.random.normal(key, (2, n, 1))
    return x, rho * x + np.sqrt(1 - rho**2) * e


SAID = ("interior_maximum", "positive", "generalizes", "below_ceiling")


class Said(eqx.Module):
    """A result with diagnostics."""

    value: jax.Array
    interior_maximum: jax.Array
    positive: jax.Array
    generalizes: jax.Array
    below_ceiling: jax.Array


def test_chunks_are_equal_disjoint_and_all_there(getkey):
    """The chunks of gamma hold n // gamma rows each, no row twice, rows of x and y together; one permutation."""
    seen = []

    def spy(x, y):
        np.testing.assert_array_equal(y, -x)
        seen.append(np.asarray(x))
        return jnp.mean(x)

    x = jnp.arange(100.0)
    estimators.subsample_extrapolate(spy, x, -x, key=getkey(), gammas=(1, 3, 4), min_rows=20)
    assert [len(chunk) for chunk in seen] == [100, 33, 33, 33, 25, 25, 25, 25]
    order = seen[0]
    np.testing.assert_array_equal(np.sort(order), np.arange(100))
    np.testing.assert_array_equal(np.concatenate(seen[1:4]), order[:99])
    np.testing.assert_array_equal(np.concatenate(seen[4:]), order)
    assert not np.array_equal(order, np.arange(100))


def test_keys_are_handed_to_those_who_ask(getkey):
    """A required `key` gets one of its own for every chunk; one with a default, or bound, is left alone."""
    seen = []

    def keyed(x, *, key):
        seen.append(tuple(jax.random.key_data(key).tolist()))
        return jnp.mean(x)

    x = jnp.arange(100.0)
    options = {"gammas": (1, 2, 3), "min_rows": 20}
    estimators.subsample_extrapolate(keyed, x, key=getkey(), **options)
    assert len(set(seen)) == 6
    bound = functools.partial(keyed, key=jax.random.key(7))
    seen.clear()
    estimators.subsample_extrapolate(bound, x, key=getkey(), **options)
    assert set(seen) == {tuple(jax.random.key_data(jax.random.key(7)).tolist())}


@pytest.mark.slow
def test_batched_is_the_same_as_one_after_another(getkey, x64):
    """jax.vmap of an estimator on all chunks at once, with and without keys."""

    def noisy(x, y, *, key):
        return gaussian(x, y) + 0.01 * jax.random.normal(key)

    x, y = pairs(getkey(), 400, 0.8)
    for estimator in (gaussian, noisy):
        key = getkey()
        one = estimators.subsample_extrapolate(estimator, x, y, key=key, gammas=range(1, 6))
        all_ = estimators.subsample_extrapolate(jax.vmap(estimator), x, y, key=key, gammas=range(1, 6), batched=True)
        for a, b in zip(one.estimates, all_.estimates, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        np.testing.assert_allclose(one.value, all_.value, rtol=1e-12)


def test_the_bias_of_an_estimator_is_removed(getkey, x64):
    """The plug-in Gaussian estimate at rho = 0 is 1 / (2 n) too large; extrapolated it is not.

    Mean over 400 data sets of 300 pairs, each mean within 4 of its standard errors; the bias of the plug-in is seen
    with the same yardstick at more than 10.
    """

    @jax.jit
    @jax.vmap
    def both(key):
        data, protocol = jax.random.split(key)
        x, y = pairs(data, 300, 0.0)
        got = estimators.subsample_extrapolate(gaussian, x, y, key=protocol, gammas=range(1, 6), max_curvature=1e9)
        return got.value, got.estimates[0][0]

    extrapolated, plain = (np.asarray(z) for z in both(jax.random.split(getkey(), 400)))
    error = lambda z: z.std(ddof=1) / np.sqrt(z.size)  # noqa: E731
    assert abs(extrapolated.mean()) < 4 * error(extrapolated)
    assert plain.mean() > 10 * error(plain)
    assert extrapolated.min() < 0  # not clipped


def test_the_error_bar_is_the_scatter_of_estimates_over_data_sets(getkey, x64):
    """Of 400 data sets of 600 pairs, rho = 0.8: the root mean square of the error bars is within 10% of the standard
    deviation of the estimates (which 400 tell to 3.5%), where the line's own error is at least 10% below it."""

    @jax.jit
    @jax.vmap
    def both(key):
        data, protocol = jax.random.split(key)
        x, y = pairs(data, 600, 0.8)
        got = estimators.subsample_extrapolate(gaussian, x, y, key=protocol, gammas=range(1, 7), max_curvature=1e9)
        return got.value, got.standard_error, got.extrapolation.standard_error

    values, errors, of_line = (np.asarray(z) for z in both(jax.random.split(getkey(), 400)))
    truth = values.std(ddof=1)
    assert abs(np.sqrt(np.mean(errors**2)) / truth - 1) < 0.1
    assert np.sqrt(np.mean(of_line**2)) < 0.9 * truth


@pytest.mark.parametrize("name", SAID)
def test_what_the_estimator_says_counts(getkey, name):
    """A check that fails on the whole sample makes the estimate unreliable; one that is not made is None."""
    x, y = pairs(getkey(), 400, 0.9)
    key = getkey()

    def saying(x, y, wrong=None):
        answers = {check: jnp.asarray(check != wrong) for check in SAID}
        return Said(gaussian(x, y), **answers)

    options = {"key": key, "gammas": range(1, 6), "max_curvature": 1e9}
    silent = estimators.subsample_extrapolate(gaussian, x, y, **options)
    assert silent.interior_maximum is None
    assert bool(silent.reliable)
    assert bool(estimators.subsample_extrapolate(saying, x, y, **options).reliable)
    failed = estimators.subsample_extrapolate(functools.partial(saying, wrong=name), x, y, **options)
    assert not bool(getattr(failed, name))
    assert not bool(failed.reliable)


def test_shuffled_pairs_give_zero_and_the_flag_sees_what_does_not(getkey):
    x, y = pairs(getkey(), 600, 0.9)
    key = getkey()
    sound = estimators.shuffled_control(gaussian, x, y, key=key, gammas=range(1, 6))
    assert bool(sound.zero)
    assert abs(float(sound.value)) < 0.05
    wrong = estimators.shuffled_control(lambda x, y: gaussian(x, y) + 0.3, x, y, key=key, gammas=range(1, 6))
    assert not bool(wrong.zero)


@pytest.mark.fast
def test_agreement_is_the_largest_pairwise_distance(x64):
    got = estimators.agreement(np.array([1.0, 1.2, 0.9]), np.array([0.1, 0.1, 0.2]))
    np.testing.assert_allclose(got.value, 0.2 / np.sqrt(0.02))
    np.testing.assert_allclose(got.mean, (100 * 1.0 + 100 * 1.2 + 25 * 0.9) / 225)
    assert bool(got.agree)
    assert not bool(estimators.agreement(np.array([1.0, 1.2, 1.9]), np.array([0.1, 0.1, 0.2])).agree)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("values", "dimension", "saturated"),
    [
        ([0.3, 0.9, 1.0, 1.01, 0.99], 4, True),
        ([0.3, 0.6, 0.8, 1.0, 1.2], 16, False),
        ([1.0, 1.0, 1.0, 1.0, 1.0], 1, True),
        ([1.0, 1.0, 0.5, 1.0, 1.0], 8, True),  # a value that falls out spoils the smaller ones
    ],
)
def test_saturation_is_the_least_dimension_from_which_on_nothing_changes(values, dimension, saturated):
    got = estimators.saturation((1, 2, 4, 8, 16), np.array(values), np.full(5, 0.01))
    assert int(got.dimension) == dimension
    assert bool(got.saturated) == saturated
    np.testing.assert_allclose(got.value, values[(1, 2, 4, 8, 16).index(dimension)], rtol=1e-6)


def test_participation_ratio_counts_shared_directions(x64):
    """Three equal shared directions of five and four columns: 3 exactly when the noise is orthogonal to them."""
    basis = np.linalg.qr(np.concatenate([np.ones((64, 1)), np.random.default_rng(0).normal(size=(64, 9))], 1))[0][:, 1:]
    zx = basis[:, :5]
    zy = np.concatenate([basis[:, :3], basis[:, 8:]], 1)
    for squared in (False, True):
        np.testing.assert_allclose(estimators.participation_ratio(zx, zy, squared=squared), 3.0, rtol=1e-10)
    # Against numpy's singular values, unequal ones.
    zy = zy * np.array([1.0, 2.0, 3.0, 4.0]) + 0.3 * basis[:, 1:2]
    s = np.linalg.svd(zx.T @ (zy - zy.mean(0)) / 64, compute_uv=False)
    for squared, power in ((False, 1), (True, 2)):
        got = estimators.participation_ratio(zx, zy, squared=squared, standardize=False)
        np.testing.assert_allclose(got, np.sum(s**power) ** 2 / np.sum(s ** (2 * power)), rtol=1e-10)
    scaled = estimators.participation_ratio(zx * 7, zy * np.array([1.0, 9.0, 0.1, 3.0]))
    np.testing.assert_allclose(scaled, estimators.participation_ratio(zx, zy), rtol=1e-10)
    constant = np.concatenate([zx, np.ones((64, 1))], 1)
    np.testing.assert_allclose(
        estimators.participation_ratio(constant, zy), estimators.participation_ratio(zx, zy), rtol=1e-10
    )


@pytest.mark.slow
def test_the_whole_protocol_names_every_check(getkey):
    """On a sound estimator all checks pass; one with a constant added fails the control, and one by another law agrees
    no more."""
    x, y = pairs(getkey(), 1000, 0.9)
    options = {"key": getkey(), "gammas": range(1, 7), "max_curvature": 1e9}
    sweep = {1: lambda x, y: 0.5 * gaussian(x, y), 2: gaussian, 4: gaussian}
    good = estimators.rigorous_estimate(gaussian, x, y, alternatives=(gaussian,), by_dimension=sweep, **options)
    assert bool(good.reliable)
    assert int(good.sweep.dimension) == 2
    assert abs(float(good.value) - -0.5 * np.log(1 - 0.81)) < 0.1
    assert good.interior_maximum is None
    shifted = lambda x, y: gaussian(x, y) + 0.3  # noqa: E731
    wrong = estimators.rigorous_estimate(shifted, x, y, alternatives=(gaussian,), **options)
    assert not bool(wrong.shuffled_zero)
    assert not bool(wrong.agrees)
    assert not bool(wrong.reliable)
    assert wrong.saturated is None


@pytest.mark.fast
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda k: estimators.subsample_extrapolate(jnp.mean, key=k), "samples must be one array or more, got none"),
        (lambda k: estimators.subsample_extrapolate(jnp.mean, np.ones(99), key=k), "chunks must have 50 rows or more"),
        (
            lambda k: estimators.subsample_extrapolate(lambda x: x, np.ones(400), key=k, gammas=(1, 2, 3)),
            r"estimator must return a number, got shape \(400,\)",
        ),
        (
            lambda k: estimators.subsample_extrapolate(jnp.mean, np.ones(400), key=k, gammas=(1, 2, 3), batched=True),
            r"estimator must return 1 numbers at once, got shape \(\)",
        ),
        (lambda k: estimators.saturation((1, 1), np.ones(2), np.ones(2)), "dimensions must be two or more that incr"),
    ],
)
def test_bad_calls(call, message):
    with without_shape_hook(), pytest.raises(ValueError, match=message):
        call(jax.random.key(0))
