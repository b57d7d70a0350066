"""Error bars and p-values from one data set: bootstrap, subsampling, jackknife, permutation test.

They take the estimators that `reliability` describes: any function of samples, with or without a key, one data set at a
time or batched. Which to choose:

- `jackknife`: smooth estimators (plug-in, Gaussian, kernel density); it also estimates and removes bias of order 1 / n.
- `bootstrap`: smooth estimators that are not upset by repeated samples.
- `subsampling`: everything else, above all nearest-neighbour estimators. A bootstrap sample repeats samples, and at a
  repeated sample the distance to the nearest neighbour is zero: the entropy of Kozachenko and Leonenko becomes minus
  infinity, and Kraskov's information is biased upwards by the ties. Subsamples have no repeats.
- `permutation_test`: whether there is any dependence at all.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import scipy.special

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Key, PRNGKey, Real, Scalar
from entropax.estimators.reliability import Estimator, as_samples, call_on


class Resampled(eqx.Module):
    """An estimate and what resampling says of it.

    Attributes:
        value: the estimate on all samples, as the estimator gives it.
        standard_error: of `value`.
        bias: its estimated bias.
        interval: lower and upper end of an interval for it, shape (2,).
        estimates: the estimates on the resamples, shape (k,).
    """

    value: Scalar
    standard_error: Scalar
    bias: Scalar
    interval: Float[Array, "2"]
    estimates: Float[Array, "k"]

    @property
    def corrected(self) -> Scalar:
        """`value` less its estimated bias, whose variance is larger."""
        return self.value - self.bias


def _whole(estimator: Estimator, arrays: tuple[Array, ...], key: PRNGKey, batched: bool) -> Scalar:
    return call_on(estimator, [z[None] for z in arrays], key[None], batched=batched)[1][0]


def _on_rows(
    estimator: Estimator, arrays: tuple[Array, ...], rows: Int[Array, "k m"], key: PRNGKey, batched: bool
) -> Float[Array, "k"]:
    keys = jax.random.split(key, rows.shape[0])
    return call_on(estimator, [z[rows] for z in arrays], keys, batched=batched)[1]


def _tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    return (1 - confidence) / 2


def bootstrap(
    estimator: Estimator,
    *samples: Real[ArrayLike, "n ..."],
    key: PRNGKey,
    num_resamples: int = 200,
    confidence: float = 0.68,
    batched: bool = False,
) -> Resampled:
    """Efron's bootstrap: the estimator on n samples drawn with replacement, again and again.

    The standard deviation of those estimates is the standard error, their mean less the estimate the bias, and their
    quantiles the interval. It holds for estimators that depend smoothly on the empirical distribution. Do not use it
    with nearest-neighbour estimators: a resample repeats about a third of its samples, and ties are no draws from a
    density (see `subsampling`).

    Args:
        estimator: an estimator.
        *samples: its samples, each with n rows.
        key: source of randomness.
        num_resamples: number of resamples, at least 2.
        confidence: of the percentile interval.
        batched: whether the estimator takes all resamples at once, as r data sets.

    Returns:
        A `Resampled`.

    Raises:
        ValueError: the samples differ in length, or an option is out of range.

    Differentiable in the samples where the estimator is, with the draws held. Source: Efron 1979.
    """
    arrays = as_samples(samples, minimum=2)
    _checks.require_key("key", key)
    _checks.require_integer("num_resamples", num_resamples, minimum=2)
    tail = _tail(confidence)
    draw, first, rest = jax.random.split(key, 3)
    n = arrays[0].shape[0]
    value = _whole(estimator, arrays, first, batched)
    rows = jax.random.randint(draw, (num_resamples, n), 0, n)
    estimates = _on_rows(estimator, arrays, rows, rest, batched)
    ends = jnp.quantile(estimates, jnp.asarray([tail, 1 - tail], estimates.dtype))
    return Resampled(value, jnp.std(estimates, ddof=1), jnp.mean(estimates) - value, ends, estimates)


def subsampling(
    estimator: Estimator,
    *samples: Real[ArrayLike, "n ..."],
    key: PRNGKey,
    size: int | None = None,
    num_resamples: int = 200,
    confidence: float = 0.68,
    batched: bool = False,
) -> Resampled:
    """Subsampling (the delete-d jackknife): the estimator on m of the n samples, drawn without replacement.

    se^2 = m / (n - m) var(estimates): the estimates scatter as those on m samples do, less what they share. No sample
    is repeated, so nearest-neighbour estimators are served too. The bias of order 1 / n is (mean - value) m / (n - m),
    and the interval is the normal one about the value.

    Args:
        estimator: an estimator.
        *samples: its samples, each with n rows.
        key: source of randomness.
        size: m, from 1 to n - 1; half of n by default.
        num_resamples: number of subsamples, at least 2.
        confidence: of the interval.
        batched: whether the estimator takes all subsamples at once, as r data sets.

    Returns:
        A `Resampled`.

    Raises:
        ValueError: the samples differ in length, or an option is out of range.

    Differentiable in the samples where the estimator is, with the draws held. Source: Shao and Wu 1989; Politis and
    Romano 1994.
    """
    arrays = as_samples(samples, minimum=2)
    _checks.require_key("key", key)
    _checks.require_integer("num_resamples", num_resamples, minimum=2)
    tail = _tail(confidence)
    n = arrays[0].shape[0]
    size = n // 2 if size is None else size
    _checks.require_integer("size", size, minimum=1, maximum=n - 1)
    draw, first, rest = jax.random.split(key, 3)
    value = _whole(estimator, arrays, first, batched)
    rows = jax.vmap(lambda k: jax.random.permutation(k, n)[:size])(jax.random.split(draw, num_resamples))
    estimates = _on_rows(estimator, arrays, rows, rest, batched)
    ratio = size / (n - size)
    error = jnp.std(estimates, ddof=1) * ratio**0.5
    reach = -float(scipy.special.ndtri(tail)) * error
    bias = (jnp.mean(estimates) - value) * ratio
    return Resampled(value, error, bias, jnp.stack([value - reach, value + reach]), estimates)


def jackknife(
    estimator: Estimator,
    *samples: Real[ArrayLike, "n ..."],
    key: PRNGKey | None = None,
    num_blocks: int | None = None,
    confidence: float = 0.68,
    batched: bool = False,
) -> Resampled:
    """The jackknife: the estimator with every sample, or every block of them, left out in turn.

    With b blocks and the mean m of their estimates, se^2 = (b - 1) / b sum_i (e_i - m)^2, bias = (b - 1) (m - value);
    `corrected` is free of bias of order 1 / n. It fails for estimators that are not smooth in the samples (medians,
    quantiles). Blocks are rows that follow each other, so that correlations shorter than a block are accounted for.

    Args:
        estimator: an estimator.
        *samples: its samples, each with n rows.
        key: source of randomness, if the estimator takes one; every call gets the same key, so that its noise does not
            enter the error.
        num_blocks: number of blocks, from 2 to n; n by default. The last n mod num_blocks rows are never left out.
        confidence: of the normal interval about the value.
        batched: whether the estimator takes all data sets at once.

    Returns:
        A `Resampled`.

    Raises:
        ValueError: the samples differ in length, or an option is out of range.

    Differentiable in the samples where the estimator is. Source: Quenouille 1956; Efron and Stein 1981.
    """
    arrays = as_samples(samples, minimum=2)
    key = jax.random.key(0) if key is None else key
    _checks.require_key("key", key)
    tail = _tail(confidence)
    n = arrays[0].shape[0]
    blocks = n if num_blocks is None else num_blocks
    _checks.require_integer("num_blocks", blocks, minimum=2, maximum=n)
    length = n // blocks
    value = _whole(estimator, arrays, key, batched)
    kept = jnp.arange(n - length, dtype=jnp.int32)
    starts = length * jnp.arange(blocks, dtype=jnp.int32)
    rows = kept[None] + length * (kept[None] >= starts[:, None]).astype(jnp.int32)
    keys = jnp.broadcast_to(key, (blocks,))
    estimates = call_on(estimator, [z[rows] for z in arrays], keys, batched=batched)[1]
    error = jnp.std(estimates) * (blocks - 1) ** 0.5
    reach = -float(scipy.special.ndtri(tail)) * error
    bias = (jnp.mean(estimates) - value) * (blocks - 1)
    return Resampled(value, error, bias, jnp.stack([value - reach, value + reach]), estimates)


class PermutationTest(eqx.Module):
    """A test of independence.

    Attributes:
        value: the p-value, (1 + number of shuffled estimates at least as large) / (1 + their number).
        estimate: the estimate on the pairs as they are.
        shuffled: the estimates on shuffled pairs, shape (k,).
    """

    value: Scalar
    estimate: Scalar
    shuffled: Float[Array, "k"]


def permutation_test(
    estimator: Estimator,
    x: Real[ArrayLike, "n ..."],
    y: Real[ArrayLike, "n ..."],
    *,
    key: PRNGKey,
    num_permutations: int = 199,
    batched: bool = False,
) -> PermutationTest:
    """Tests independence of x and y: how often an estimate on shuffled pairs reaches that on the pairs as they are.

    Under independence the p-value is at most a with probability at most a, for any estimator and any n (pairs must be
    exchangeable: rows of a time series are not).

    Args:
        estimator: an estimator of dependence, larger for more.
        x: samples with n rows.
        y: samples with n rows.
        key: source of randomness.
        num_permutations: number of shuffles; the least p-value is one over one more.
        batched: whether the estimator takes all data sets at once.

    Returns:
        A `PermutationTest`.

    Raises:
        ValueError: the samples differ in length, or num_permutations is below one.

    The estimates are differentiable where the estimator is; the p-value is a count. Source: Phipson and Smyth 2010.
    """
    x, y = as_samples((x, y), minimum=2)
    _checks.require_key("key", key)
    _checks.require_integer("num_permutations", num_permutations, minimum=1)
    draw, first, rest = jax.random.split(key, 3)
    estimate = _whole(estimator, (x, y), first, batched)
    orders = jax.vmap(lambda k: jax.random.permutation(k, x.shape[0]))(jax.random.split(draw, num_permutations))
    keys: Key[Array, "k"] = jax.random.split(rest, num_permutations)
    stacks: list[Any] = [jnp.broadcast_to(x, (num_permutations, *x.shape)), y[orders]]
    shuffled = call_on(estimator, stacks, keys, batched=batched)[1]
    reached = jnp.sum((shuffled >= estimate).astype(estimate.dtype))
    p = (1 + reached) / (1 + num_permutations)
    # NaN estimates never reach anything, which would look like evidence.
    p = jnp.where(jnp.isfinite(estimate) & jnp.all(jnp.isfinite(shuffled)), p, jnp.nan)
    return PermutationTest(p, estimate, shuffled)
