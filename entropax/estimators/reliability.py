"""Whether to believe an estimate: subsamples, extrapolation to infinite data, and named checks, for any estimator.

An estimator is a function of samples (arrays with one first axis of length n), which returns a number or a result
whose `value` is one: `estimator(x, y)`, or `estimator(x, y, key=key)` if it has a parameter `key` without a default.
A *batched* one takes r data sets of equal shape at once, (r, n, dx), (r, n, dy) and r keys, and returns r numbers:
jax.vmap of a pure estimator, or `variational_mutual_information`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Key, PRNGKey, Real, Scalar
from entropax.estimators.consistency import Saturation, agreement, saturation
from entropax.estimators.extrapolation import Extrapolation, extrapolate

Estimator = Callable[..., Any]


class SubsampledEstimate(eqx.Module):
    """An estimate extrapolated to infinite data from subsamples.

    Attributes:
        value: the extrapolated estimate; it may be negative.
        standard_error: of `value`, that of the line or that of the rows all chunks share, whichever is larger.
        half_width: of its t-interval.
        extrapolation: the line and its checks by name.
        estimates: the estimates on the chunks, one array for every gamma.
        whole: what the estimator returned for the smallest gamma, with its own diagnostics.
        interior_maximum: whether the held-out curve of all of `whole` has an interior maximum; None if the estimator
            does not say. So also:
        positive: whether their held-out estimate is positive.
        generalizes: whether it is at least half of that on training pairs.
        below_ceiling: whether they are a nat or more below their bound's ceiling.
        reliable: whether the extrapolation is, and what the estimator says does not speak against it.
    """

    value: Scalar
    standard_error: Scalar
    half_width: Scalar
    extrapolation: Extrapolation
    estimates: tuple[Float[Array, "_"], ...]
    whole: Any
    interior_maximum: Bool[Array, ""] | None
    positive: Bool[Array, ""] | None
    generalizes: Bool[Array, ""] | None
    below_ceiling: Bool[Array, ""] | None
    reliable: Bool[Array, ""]


def subsample_extrapolate(
    estimator: Estimator,
    *samples: Real[ArrayLike, "n ..."],
    key: PRNGKey,
    gammas: Sequence[int] = tuple(range(1, 11)),
    batched: bool = False,
    min_rows: int = 50,
    **options: Any,
) -> SubsampledEstimate:
    """Estimates on chunks of n / gamma samples, gamma = 1, 2, ..., extrapolated to infinite data with an error bar.

    One random permutation orders the samples; for every gamma it is cut into gamma equal chunks (the n mod gamma
    samples that are left over are not used there), each of which gives one estimate. `extrapolate` does the rest.

    Chunks share no samples at one gamma but are the same samples at another, so what these samples happen to be moves
    the line as a whole, and the line's own error, which takes the estimates for independent, is too small. That motion
    has the variance of one estimate on all samples, which the scatter at one gamma shows: the mean over the gammas of
    (scatter of its chunks)^2 / gamma. The error bar is the larger of its root and the line's error.

    Args:
        estimator: an estimator, as the module says.
        *samples: its samples, such as x and y, each with n rows.
        key: source of randomness of the permutation and of the estimator.
        gammas: numbers of chunks, increasing.
        batched: whether the estimator takes all chunks of one gamma at once.
        min_rows: least number of rows in a chunk; estimates on fewer are refused.
        **options: of `extrapolate`.

    Returns:
        A `SubsampledEstimate`.

    Raises:
        ValueError: the samples differ in length, chunks are too small, a batched estimator returns another number of
            values, and what `extrapolate` and the estimator raise.

    Jitted, mapped and differentiated through if the estimator can be (with fixed chunks).
    Source: arXiv 2506.00330.
    """
    arrays = as_samples(samples)
    _checks.require_key("key", key)
    gammas = tuple(gammas)
    n = arrays[0].shape[0]
    if not gammas or n // max(gammas) < max(min_rows, 1):
        raise ValueError(
            f"chunks must have {min_rows} rows or more, got {n} rows for gammas {gammas}: take smaller gammas"
        )
    order_key, estimator_key = jax.random.split(key)
    order = jax.random.permutation(order_key, n)
    results, estimates = [], []
    for gamma in gammas:
        rows = order[: n // gamma * gamma].reshape(gamma, -1)
        keys = jax.random.split(jax.random.fold_in(estimator_key, gamma), gamma)
        found, values = call_on(estimator, [z[rows] for z in arrays], keys, batched=batched)
        results.append(found)
        estimates.append(values)
    line = extrapolate(estimates, gammas=gammas, **options)
    said = {name: _said(results[0], name) for name in ("interior_maximum", "positive", "generalizes", "below_ceiling")}
    reliable = line.reliable
    for answer in said.values():
        reliable = reliable if answer is None else reliable & answer
    standard_error = jnp.maximum(line.standard_error, _shared_rows_error(line, estimates, gammas))
    wider = jnp.where(line.standard_error == 0, 1, line.standard_error)
    return SubsampledEstimate(
        value=line.value,
        standard_error=standard_error,
        half_width=line.half_width * (standard_error / wider),
        extrapolation=line,
        estimates=tuple(estimates),
        whole=results[0],
        **said,
        reliable=reliable,
    )


def _shared_rows_error(line: Extrapolation, estimates: Sequence[Array], gammas: Sequence[int]) -> Array:
    """The error of an estimate on all samples by the scatter between chunks at one gamma, pooled over those used."""
    squares = jnp.concatenate([(e - jnp.mean(e)) ** 2 / g for e, g in zip(estimates, gammas, strict=True)])
    freedom = np.concatenate([np.full(e.size, 1 - 1 / e.size) for e in estimates])
    used = line.used.astype(squares.dtype)
    variance = jnp.sum(used * squares) / jnp.sum(used * jnp.asarray(freedom, squares.dtype))
    return jnp.where(variance == 0, 0, jnp.sqrt(jnp.where(variance == 0, 1, variance)))


def as_samples(samples: Sequence[Any], *, minimum: int = 1) -> tuple[Array, ...]:
    """Samples as arrays of equal length: integers stay what they are.

    Args:
        samples: arrays.
        minimum: least number of rows.

    Returns:
        The arrays.

    Raises:
        ValueError: there are none, or they differ in length or are too short.
        TypeError: one is not real.
    """
    if not samples:
        raise ValueError("samples must be one array or more, got none")
    floats = iter(_checks.as_floats(**{f"samples[{i}]": z for i, z in enumerate(samples)}))
    arrays = tuple(
        given if jnp.issubdtype(jnp.result_type(z), jnp.floating) else jnp.asarray(z)
        for z, given in zip(samples, floats, strict=True)
    )
    if arrays[0].ndim < 1 or arrays[0].shape[0] < minimum:
        raise ValueError(f"samples[0] must have shape (n, ...) with n >= {minimum}, got {arrays[0].shape}")
    for i, z in enumerate(arrays):
        if z.shape[:1] != arrays[0].shape[:1]:
            raise ValueError(f"samples[{i}] must have shape ({arrays[0].shape[0]}, ...), got {z.shape}")
    return arrays


def call_on(
    estimator: Estimator, stacks: Sequence[Array], keys: Key[Array, "r"], *, batched: bool
) -> tuple[Any, Float[Array, "r"]]:
    """An estimator's results on r data sets of equal shape: all at once if it is batched, else one after another.

    Args:
        estimator: an estimator, as the module says.
        stacks: the data sets' samples, each with a first axis of length r.
        keys: one a data set.
        batched: whether the estimator takes them at once.

    Returns:
        What it returned (a list, if one after another), and the r values.

    Raises:
        ValueError: its values have another shape.
    """
    keyed = _wants_key(estimator)
    if batched:
        results = estimator(*stacks, **({"key": keys} if keyed else {}))
        values = jnp.asarray(getattr(results, "value", results))
    else:
        results = [
            estimator(*(stack[i] for stack in stacks), **({"key": keys[i]} if keyed else {}))
            for i in range(keys.shape[0])
        ]
        values = jnp.stack([jnp.asarray(getattr(result, "value", result)) for result in results])
    if values.shape != keys.shape:
        what = f"{keys.shape[0]} numbers at once" if batched else "a number"
        raise ValueError(f"estimator must return {what}, got shape {values.shape if batched else values.shape[1:]}")
    return results, values


def _wants_key(estimator: Estimator) -> bool:
    try:
        parameters = inspect.signature(estimator).parameters
    except (TypeError, ValueError):  # a callable that does not say
        return False
    return "key" in parameters and parameters["key"].default is inspect.Parameter.empty


def _said(results: Any, name: str) -> Array | None:
    """What the estimator's results say of a check, of all of them; None if they do not."""
    answers = [getattr(result, name, None) for result in (results if isinstance(results, list) else [results])]
    given = [jnp.all(answer) for answer in answers if answer is not None]
    return jnp.all(jnp.stack(given)) if given and len(given) == len(answers) else None


class ShuffledControl(eqx.Module):
    """The same protocol on pairs that were torn apart, whose information is zero.

    Attributes:
        value: the extrapolated estimate.
        standard_error: of `value`.
        estimate: all of it.
        zero: whether `value` is within so many standard errors of zero.
    """

    value: Scalar
    standard_error: Scalar
    estimate: SubsampledEstimate
    zero: Bool[Array, ""]


def shuffled_control(
    estimator: Estimator,
    x: Real[ArrayLike, "n ..."],
    y: Real[ArrayLike, "n ..."],
    *,
    key: PRNGKey,
    num_errors: float = 3.0,
    **options: Any,
) -> ShuffledControl:
    """Runs `subsample_extrapolate` with the rows of y permuted at random: a sound estimator then finds zero.

    Args:
        estimator: an estimator of I(X; Y).
        x: samples with n rows.
        y: samples with n rows.
        key: source of randomness.
        num_errors: number of standard errors allowed.
        **options: of `subsample_extrapolate`.

    Returns:
        A `ShuffledControl`.

    Raises:
        ValueError: what `subsample_extrapolate` raises.

    Differentiable as that is. Source: arXiv 2506.00330.
    """
    x, y = as_samples((x, y))
    _checks.require_key("key", key)
    shuffle, protocol = jax.random.split(key)
    torn = y[jax.random.permutation(shuffle, y.shape[0])]
    estimate = subsample_extrapolate(estimator, x, torn, key=protocol, **options)
    zero = jnp.abs(estimate.value) <= num_errors * estimate.standard_error
    return ShuffledControl(estimate.value, estimate.standard_error, estimate, zero)


class RigorousEstimate(eqx.Module):
    """An estimate and every check of it by name; a check that was not made is None.

    Attributes:
        value: the estimate for infinite data.
        standard_error: of `value`.
        half_width: of its t-interval.
        estimate: the protocol's result.
        alternatives: those of other seeds or bounds.
        control: that of shuffled pairs.
        sweep: the estimates by dimension, and where they saturate.
        linear: the estimates follow a line in gamma.
        enough: on gammas enough.
        stable: which does not hang on the whole sample's estimate.
        interior_maximum: the held-out curve has an interior maximum.
        positive: the held-out estimate is positive.
        generalizes: it is at least half of that on training pairs.
        below_ceiling: the estimate is a nat or more below its bound's ceiling.
        saturated: the estimate is stable in the embedding's dimension.
        agrees: it agrees with the alternatives within error bars.
        shuffled_zero: shuffled pairs give zero within error bars.
        reliable: whether no check that was made failed.
    """

    value: Scalar
    standard_error: Scalar
    half_width: Scalar
    estimate: SubsampledEstimate
    alternatives: tuple[SubsampledEstimate, ...]
    control: ShuffledControl
    sweep: Saturation | None
    linear: Bool[Array, ""]
    enough: Bool[Array, ""]
    stable: Bool[Array, ""]
    interior_maximum: Bool[Array, ""] | None
    positive: Bool[Array, ""] | None
    generalizes: Bool[Array, ""] | None
    below_ceiling: Bool[Array, ""] | None
    saturated: Bool[Array, ""] | None
    agrees: Bool[Array, ""] | None
    shuffled_zero: Bool[Array, ""]
    reliable: Bool[Array, ""]


CHECKS = (
    "linear",
    "enough",
    "stable",
    "interior_maximum",
    "positive",
    "generalizes",
    "below_ceiling",
    "saturated",
    "agrees",
    "shuffled_zero",
)


def rigorous_estimate(
    estimator: Estimator,
    x: Real[ArrayLike, "n ..."],
    y: Real[ArrayLike, "n ..."],
    *,
    key: PRNGKey,
    alternatives: Sequence[Estimator] = (),
    by_dimension: Mapping[int, Estimator] | None = None,
    num_seeds: int = 3,
    num_errors: float = 2.0,
    **options: Any,
) -> RigorousEstimate:
    """The whole protocol: extrapolation with an error bar, and every check of consistency as a named boolean.

    Args:
        estimator: an estimator of I(X; Y).
        x: samples with n rows.
        y: samples with n rows.
        key: source of randomness.
        alternatives: estimators that should agree with it: the same again (another seed), or by another bound.
        by_dimension: estimators by the dimension of the critic's embedding. Each runs `num_seeds` times on all samples;
            the error of a dimension's mean is the scatter between seeds.
        num_seeds: runs for each dimension, at least 2.
        num_errors: standard errors allowed between estimates, and between dimensions.
        **options: of `subsample_extrapolate`.

    Returns:
        A `RigorousEstimate`.

    Raises:
        ValueError: what `subsample_extrapolate` raises.

    Source: arXiv 2506.00330.
    """
    x, y = as_samples((x, y))
    _checks.require_key("key", key)
    _checks.require_integer("num_seeds", num_seeds, minimum=2)
    keys = jax.random.split(key, 3 + len(alternatives))
    estimate = subsample_extrapolate(estimator, x, y, key=keys[0], **options)
    others = tuple(
        subsample_extrapolate(other, x, y, key=k, **options) for other, k in zip(alternatives, keys[3:], strict=True)
    )
    control = shuffled_control(estimator, x, y, key=keys[1], **options)
    sweep = None
    if by_dimension:
        batched = options.get("batched", False)
        stacks = [jnp.broadcast_to(z, (num_seeds, *z.shape)) for z in (x, y)]
        runs = [
            call_on(other, stacks, jax.random.split(jax.random.fold_in(keys[2], d), num_seeds), batched=batched)[1]
            for d, other in by_dimension.items()
        ]
        # An estimator without randomness has no scatter: then only the relative tolerance decides.
        tiny = float(jnp.finfo(runs[0].dtype).tiny) ** 0.5
        errors = [jnp.maximum(jnp.std(run, ddof=1) / num_seeds**0.5, tiny) for run in runs]
        means = jnp.stack([jnp.mean(run) for run in runs])
        sweep = saturation(tuple(by_dimension), means, jnp.stack(errors), num_errors=num_errors)
    agrees = None
    if others:
        everyone = (estimate, *others)
        errors = jnp.stack([one.standard_error for one in everyone])
        agrees = agreement(jnp.stack([one.value for one in everyone]), errors, num_errors=num_errors).agree
    line = estimate.extrapolation
    checks = {
        "linear": line.linear,
        "enough": line.enough,
        "stable": line.stable,
        "interior_maximum": estimate.interior_maximum,
        "positive": estimate.positive,
        "generalizes": estimate.generalizes,
        "below_ceiling": estimate.below_ceiling,
        "saturated": None if sweep is None else sweep.saturated,
        "agrees": agrees,
        "shuffled_zero": control.zero,
    }
    return RigorousEstimate(
        value=estimate.value,
        standard_error=estimate.standard_error,
        half_width=estimate.half_width,
        estimate=estimate,
        alternatives=others,
        control=control,
        sweep=sweep,
        **checks,
        reliable=jnp.all(jnp.stack([check for check in checks.values() if check is not None])),
    )
