"""Training critics: what they find, a stack is a loop, nothing compiles twice, and they stop by held-out pairs."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import estimators, nn
from tests.contract.harness import CompileCounter, without_shape_hook

N, RHO = 400, 0.9
TRUTH = -0.5 * np.log(1 - RHO**2)  # 0.830 nats
SIZES = {"embed": 4, "width": 16, "depth": 1}
SEPARABLE = functools.partial(nn.SeparableCritic, 1, 1, **SIZES)
OPTIONS = {"epochs": 30, "batch_size": 64, "learning_rate": 5e-3}


def gaussian_pairs(seed, n=N, rho=RHO):
    x, e = np.random.default_rng(seed).standard_normal((2, n, 1)).astype(np.float32)
    return x, rho * x + np.sqrt(1 - rho**2).astype(np.float32) * e


def first_split(key):
    return jax.random.fold_in(key, 0)


@pytest.fixture(scope="module")
def together():
    """Two data sets trained together, the second of independent pairs."""
    (x, y), (u, v) = gaussian_pairs(0), gaussian_pairs(1, rho=0.0)
    keys = jax.random.split(jax.random.key(0), 2)
    data = np.stack([x, u]), np.stack([y, v])
    return data, keys, estimators.variational_mutual_information(*data, SEPARABLE, key=keys, **OPTIONS)


@pytest.mark.slow
def test_it_finds_the_information_of_a_gaussian_and_none_where_there_is_none(together):
    """Within 0.15 nats of 0.830 with 400 pairs, whose own sampling error is about 0.05; independent pairs give 0."""
    _, _, result = together
    assert abs(float(result.value[0]) - TRUTH) < 0.15
    assert bool(result.positive[0])
    assert bool(result.finite.all())
    assert bool(result.below_ceiling[0])
    assert abs(float(result.value[1])) < 0.1


@pytest.mark.slow
def test_data_sets_trained_together_get_what_they_get_alone(together):
    data, keys, result = together
    for i in range(2):
        alone = estimators.variational_mutual_information(data[0][i], data[1][i], SEPARABLE, key=keys[i], **OPTIONS)
        np.testing.assert_allclose(alone.test_curve, result.test_curve[i], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(alone.train_curve, result.train_curve[i], rtol=1e-3, atol=1e-4)
        assert alone.value.shape == ()


@pytest.mark.slow
def test_the_fields_belong_together(together):
    """Value and test value are the curves at the best epoch, which is that of the max-test rule; the critic is that
    epoch's: on the standardised training pairs it gives the value."""
    data, keys, result = together
    for i in range(2):
        chosen = estimators.max_test_epoch(result.test_curve[i])
        epoch = int(chosen.epoch)
        assert epoch == int(result.best_epoch[i])
        assert bool(result.interior_maximum[i]) == (0 < epoch < 30)
        np.testing.assert_array_equal(result.value[i], result.train_curve[i, epoch])
        np.testing.assert_array_equal(result.test_value[i], result.test_curve[i, epoch])
        np.testing.assert_allclose(result.smoothed_curve[i], chosen.smoothed, rtol=1e-6)
        critic = jax.tree.map(lambda a, i=i: a[i], result.critic)
        order = np.asarray(jax.random.permutation(jax.random.fold_in(first_split(keys[i]), 1), N))
        x, y = (
            (z[i][order] - np.asarray(c[i])) / np.asarray(s[i])
            for z, c, s in zip(data, result.center, result.scale, strict=True)
        )
        x, y = jnp.asarray(x), jnp.asarray(y)
        np.testing.assert_allclose(estimators.infonce(critic(x[:360], y[:360])), result.value[i], rtol=1e-4)
        np.testing.assert_allclose(estimators.infonce(critic(x[360:], y[360:])), result.test_value[i], rtol=1e-4)
        np.testing.assert_allclose(np.mean(x[:360]), 0, atol=1e-5)
        np.testing.assert_allclose(np.std(x[:360]), 1, rtol=1e-5)
    np.testing.assert_allclose([result.ceiling, result.test_ceiling], np.log([360, 40]), rtol=1e-12)


@pytest.mark.slow
def test_a_second_call_compiles_nothing(together):
    """With other data and keys, the same shapes."""
    (x, y), keys, _ = together
    other = jax.random.split(jax.random.key(5), 2)
    estimators.variational_mutual_information(x, y, SEPARABLE, key=keys, **OPTIONS)
    with CompileCounter() as counter:
        estimators.variational_mutual_information(1.5 * x, y - x, SEPARABLE, key=other, **OPTIONS)
    assert counter.count == 0


@pytest.mark.slow
def test_each_split_is_read_where_the_others_are_best():
    """Curves are means over splits, the first of which is what one split alone would be; of two splits each is read
    where the other's held-out curve is highest."""
    x, y = gaussian_pairs(0)
    options = {"key": jax.random.key(0), "epochs": 6, "batch_size": 64}
    one = estimators.variational_mutual_information(x, y, make_scale, **options)
    two = estimators.variational_mutual_information(x, y, make_scale, num_splits=2, **options)
    assert int(one.best_epoch) == int(one.split_epochs[0])
    np.testing.assert_array_equal(one.value, one.train_curve[one.best_epoch])
    assert two.split_values.shape == two.split_epochs.shape == (2,)
    np.testing.assert_allclose(two.value, np.mean(two.split_values), rtol=1e-6)
    assert int(two.best_epoch) == int(estimators.max_test_epoch(two.test_curve).epoch)
    first, second = ((one_of, 2 * mean - one_of) for one_of, mean in zip(curves(one), curves(two), strict=True))
    for i, other in ((0, 1), (1, 0)):
        assert int(two.split_epochs[i]) == int(estimators.max_test_epoch(second[other]).epoch)
        np.testing.assert_allclose(two.split_values[i], first[i][two.split_epochs[i]], rtol=1e-4)
    assert float(np.std(two.split_values)) > 0
    without = estimators.variational_mutual_information(x, y, make_scale, num_splits=2, keep_critic=False, **options)
    assert without.critic is None
    np.testing.assert_allclose(without.train_curve, two.train_curve, rtol=1e-6)


def curves(result):
    """On training pairs and on held-out ones."""
    return result.train_curve, result.test_curve


def test_no_pair_is_held_out_twice_before_all_were_once():
    """Five splits of a fifth each: a critic with one answer for all reads, on held-out pairs, the data in five parts.

    The bound is the mean diagonal score, of which the mean over the five parts is that over all pairs; the score is
    the first column of x, not standardised. With splits drawn afresh the two would differ.
    """
    x, y = gaussian_pairs(7)
    result = estimators.variational_mutual_information(
        x,
        y,
        make_first,
        key=jax.random.key(2),
        bound=mean_diagonal,
        optimizer=optax.sgd(0.0),
        epochs=2,
        num_splits=5,
        test_fraction=0.2,
        standardize=False,
        read="test",
    )
    np.testing.assert_allclose(result.value, x.mean(), atol=1e-6)
    np.testing.assert_allclose(result.train_value, x.mean(), atol=1e-6)  # each pair is in four of the training sets
    assert float(np.std(result.split_values)) > 1e-3


@pytest.mark.slow
def test_the_estimate_is_read_where_one_asks():
    """On training pairs, on held-out ones or as the mean of both, from the same critics; a critic whose held-out value
    is less than half of the other does not generalise."""
    x, y = gaussian_pairs(8, n=120, rho=0.5)
    found = {
        read: estimators.variational_mutual_information(
            x, y, SEPARABLE, key=jax.random.key(0), read=read, num_splits=2, **OPTIONS
        )
        for read in ("train", "test", "mean")
    }
    train, test = found["train"].value, found["test"].value
    np.testing.assert_allclose(found["mean"].value, (train + test) / 2, rtol=1e-6)
    for result in found.values():
        np.testing.assert_allclose(result.train_value, train, rtol=1e-6)
        np.testing.assert_allclose(result.test_value, test, rtol=1e-6)
        np.testing.assert_allclose(result.value, np.mean(result.split_values), rtol=1e-5)
        assert bool(result.generalizes) == bool(test >= train / 2)
    with without_shape_hook(), pytest.raises(ValueError, match="read must be one of 'train', 'test', 'mean', got 'x'"):
        estimators.variational_mutual_information(x, y, SEPARABLE, key=jax.random.key(0), read="x")


def mean_diagonal(scores):
    return jnp.mean(jnp.diagonal(scores))


class First(eqx.Module):
    """Scores that are the first column of x; the parameter does nothing."""

    s: jax.Array

    def __call__(self, x, y):
        return jnp.broadcast_to(x[:, :1], (x.shape[0], y.shape[0])) + 0 * self.s


def make_first(*, rngs):
    return First(jax.random.normal(rngs.params(), ()))


class Scale(eqx.Module):
    """A critic that is a plain pytree: s x y."""

    s: jax.Array

    def __call__(self, x, y):
        return self.s * (x @ y.T)


def make_scale(*, rngs):
    return Scale(0.1 + 0.01 * jax.random.normal(rngs.params(), ()))


@pytest.mark.slow
def test_the_start_counts():
    """Curves begin before training, with what a fresh critic reads; where nothing can be learned from 30 pairs of ten
    columns the best critic is that one, and if its scores are zero the estimate is, exactly."""
    x, y = np.random.default_rng(1).standard_normal((2, 30, 10)).astype(np.float32)
    make = functools.partial(nn.SeparableCritic, 10, 10, **SIZES, zero_output=True)
    result = estimators.variational_mutual_information(
        x, y, make, key=jax.random.key(0), epochs=10, num_splits=3, test_fraction=0.3, read="mean", learning_rate=1e-2
    )
    assert result.train_curve.shape == result.test_curve.shape == (11,)
    assert float(result.train_curve[0]) == float(result.test_curve[0]) == 0
    assert float(result.train_curve[-1]) > 0.3
    assert not bool(result.interior_maximum)
    assert float(result.value) == 0


def test_any_pytree_is_a_critic_and_the_gradient_is_that_of_its_bound():
    """One SGD step on all training pairs is the analytic one."""
    x, y = gaussian_pairs(2)
    key = jax.random.key(3)
    options = {
        "optimizer": optax.sgd(0.5),
        "epochs": 1,
        "batch_size": 10**6,
        "max_rows": 10**6,
        "window": 1,
        "sigma": 0.0,
    }
    result = estimators.variational_mutual_information(x, y, make_scale, key=key, **options)
    split = first_split(key)
    start = make_scale(rngs=nnx.Rngs(jax.random.fold_in(split, 0))).s
    order = np.asarray(jax.random.permutation(jax.random.fold_in(split, 1), N))[:360]
    x, y = (
        (z[order] - np.asarray(c)) / np.asarray(s) for z, c, s in zip((x, y), result.center, result.scale, strict=True)
    )
    slope = jax.grad(lambda s: estimators.infonce(s * (x @ y.T)))(start)
    np.testing.assert_allclose(result.critic.s, start + 0.5 * slope, rtol=1e-4)


@pytest.mark.parametrize("decode", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_variational_critic_is_trained_on_draws_and_read_at_means(decode):
    """SMILE on noisy codes, with and without decoders: the information of a Gaussian within 0.2 nats."""
    x, y = gaussian_pairs(4)
    make = functools.partial(nn.VariationalCritic, 1, 1, decode=decode, **SIZES)
    result = estimators.variational_mutual_information(
        x, y, make, key=jax.random.key(1), bound=estimators.smile, **OPTIONS | {"epochs": 120}
    )
    assert abs(float(result.value) - TRUTH) < 0.2
    assert result.ceiling == np.inf
    codes = result.critic.encode(jnp.asarray(x), jnp.asarray(y))
    assert float(codes[0].log_variance.max()) < 2.5  # the price keeps variances near one, and the bound below it


@pytest.mark.slow
def test_one_diverging_data_set_leaves_the_others_alone():
    """A data set so large that its scores overflow ends as NaN; the other's curves are as without it."""
    x, y = gaussian_pairs(0)
    keys = jax.random.split(jax.random.key(0), 2)
    options = OPTIONS | {"epochs": 3, "standardize": False}
    both = estimators.variational_mutual_information(
        np.stack([x, 1e30 * x]), np.stack([y, 1e30 * y]), make_scale, key=keys, **options
    )
    one = estimators.variational_mutual_information(np.stack([x, x]), np.stack([y, y]), make_scale, key=keys, **options)
    assert not bool(both.finite[1])
    assert np.isnan(both.value[1])
    assert np.isfinite(both.value[0])
    np.testing.assert_allclose(both.test_curve[0], one.test_curve[0], rtol=1e-5)


def test_an_interrupted_call_resumes(tmp_path):
    """The result of a second call with the same directory is that of the first, read from its checkpoint."""
    x, y = gaussian_pairs(0)
    call = functools.partial(
        estimators.variational_mutual_information, x, y, make_scale, key=jax.random.key(0), epochs=2, batch_size=64
    )
    first = call(checkpoint_dir=tmp_path / "critic")
    np.testing.assert_array_equal(call(checkpoint_dir=tmp_path / "critic").train_curve, first.train_curve)


def test_constant_columns_are_no_fault():
    x, y = gaussian_pairs(0)
    x = np.concatenate([x, np.full_like(x, 3.0)], 1)
    make = functools.partial(nn.SeparableCritic, 2, 1, **SIZES)
    result = estimators.variational_mutual_information(x, y, make, key=jax.random.key(0), epochs=2, batch_size=64)
    assert bool(result.finite)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch_size": 1}, "batch_size must be at least 2, got 1"),
        ({"max_rows": 1}, "max_rows must be at least 2, got 1"),
        ({"num_splits": 0}, "num_splits must be at least 1, got 0"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be at least 1, got 0"),
        ({"test_fraction": 0.001}, "test_fraction must leave two pairs or more on either side, got 0.001 of 400"),
    ],
)
def test_bad_options(options, message):
    x, y = gaussian_pairs(0)
    with without_shape_hook(), pytest.raises(ValueError, match=message):
        estimators.variational_mutual_information(x, y, SEPARABLE, key=jax.random.key(0), **options)


def test_the_trained_critic_differentiates_the_estimate_by_the_samples(together):
    """The gradient of the bound by the samples is right (float64 differences) and can steer them."""
    data, _, result = together
    critic = jax.tree.map(lambda a: a[0], result.critic)
    with jax.enable_x64(True):
        critic = jax.tree.map(lambda a: jnp.asarray(np.asarray(a), jnp.float64) if a.dtype == np.float32 else a, critic)
        x, y = (jnp.asarray(z[0][:32], jnp.float64) for z in data)
        estimate = jax.jit(lambda y: estimators.infonce(critic(x, y)))
        gradient = jax.grad(estimate)(y)
        direction = jnp.asarray(np.random.default_rng(0).standard_normal(y.shape))
        slope = (estimate(y + 1e-5 * direction) - estimate(y - 1e-5 * direction)) / 2e-5
        np.testing.assert_allclose(jnp.vdot(gradient, direction), slope, rtol=1e-6)
        assert float(jnp.abs(gradient).max()) > 1e-4
