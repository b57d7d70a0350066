"""Controls of a coincidence: transformations at random times, and mergers at shifted ones."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, estimators
from entropax._typing import Array, ArrayLike, Bool, Float, Int, PRNGKey, Real, Scalar
from entropax.applications.clusters._comparison import Comparison, comparison
from entropax.applications.clusters.mergers import Direction, MergerList, Range
from entropax.applications.clusters.transformations import TransformationTable

BATCH = 8
"""Draws that are made at once."""


class Control(eqx.Module):
    """An observed share of transformations after a merger, against the same by chance.

    Attributes:
        value: the excess, observed - chance.
        observed: share with a merger in the window before.
        chance: mean of the draws.
        standard_deviation: of the draws.
        p_value: (1 + number of draws >= observed) / (1 + number of draws): valid, and too large where draws tie.
        draws: share of each draw, shape (r,).
        counts: transformations of each cluster, shape (c,).
        matches: those with a merger before, shape (c,).
        expected: mean number of them in the draws, shape (c,).
        valid: whether times, spans and masks were fit ones.
    """

    value: Scalar
    observed: Scalar
    chance: Scalar
    standard_deviation: Scalar
    p_value: Scalar
    draws: Float[Array, "r"]
    counts: Int[Array, "c"]
    matches: Int[Array, "c"]
    expected: Float[Array, "c"]
    valid: Bool[Array, ""]


def random_control(
    table: TransformationTable,
    mergers: MergerList,
    spans: Real[ArrayLike, "c 2"],
    *,
    key: PRNGKey,
    tau: int | float = 1.0,
    direction: Direction | None = None,
    mass_ratio_range: Range = None,
    angular_momentum_range: Range = None,
    num_draws: int = 1000,
) -> Control:
    """The share of `merger_fraction` against that of random times, as many in each cluster as it has transformations.

    Random times are uniform over a cluster's span without its first tau, where windows would leave the data. The test
    takes transformations for independent: where those of one cluster come close together their windows share mergers,
    draws scatter less than the truth, and p-values are a little too small; `shuffled_control` keeps that.

    Args:
        table: transformations of c clusters, arrays of shape (c, e).
        mergers: of the same clusters.
        spans: first and last time of each cluster's data in Gyr, shape (c, 2), longer than tau.
        key: source of randomness.
        tau: width of the window in Gyr.
        direction: "up" or "down"; None takes both.
        mass_ratio_range: as in `merger_fraction`.
        angular_momentum_range: as there.
        num_draws: number of random samples.

    Returns:
        Observed, chance, their difference and a one-sided p-value. No gradients: counts.

    Raises:
        ValueError: as `merger_fraction`.

    Source: arXiv 2503.01969.
    """
    given = comparison(table, mergers, spans, tau, direction, mass_ratio_range, angular_momentum_range)
    return _control(_at_random_times, *given, key, num_draws)


def shuffled_control(
    table: TransformationTable,
    mergers: MergerList,
    spans: Real[ArrayLike, "c 2"],
    *,
    key: PRNGKey,
    tau: int | float = 1.0,
    direction: Direction | None = None,
    mass_ratio_range: Range = None,
    angular_momentum_range: Range = None,
    num_draws: int = 1000,
) -> Control:
    """The share of `merger_fraction` against that of mergers moved in time, each cluster's by one random shift.

    Times leave a span at its end and enter at its start. Mergers keep their distances, transformations theirs: where
    mergers are independent of the transformations and as likely after a shift, as those of a Poisson process of
    constant rate are, the p-value is exact. Of other stationary mergers the seam, where end and start meet, is not.

    Args:
        table: transformations of c clusters, arrays of shape (c, e).
        mergers: of the same clusters; those outside the spans do not count.
        spans: first and last time of each cluster's data in Gyr, shape (c, 2), longer than tau.
        key: source of randomness.
        tau: width of the window in Gyr.
        direction: "up" or "down"; None takes both.
        mass_ratio_range: as in `merger_fraction`.
        angular_momentum_range: as there.
        num_draws: number of shifted samples.

    Returns:
        Observed, chance, their difference and a one-sided p-value. No gradients: counts.

    Raises:
        ValueError: as `merger_fraction`.

    Source: arXiv 2503.01969; the shifts are our reading.
    """
    given, checks = comparison(table, mergers, spans, tau, direction, mass_ratio_range, angular_momentum_range)
    inside = (given.mergers >= given.spans[:, :1]) & (given.mergers <= given.spans[:, 1:])
    given = eqx.tree_at(lambda g: g.chosen, given, given.chosen & inside)
    return _control(_with_mergers_moved, given, checks, key, num_draws)


def excess_bootstrap(
    control: Control, *, key: PRNGKey, num_resamples: int = 1000, confidence: int | float = 0.95
) -> estimators.Resampled:
    """The excess over chance with the errors of a bootstrap that draws whole clusters.

    Args:
        control: what `random_control` or `shuffled_control` returns.
        key: source of randomness.
        num_resamples: number of resamples.
        confidence: of the percentile interval.

    Returns:
        The excess with its standard error and interval.

    Raises:
        ValueError: an option is out of range, or there are fewer than two clusters.
    """
    dtype = control.expected.dtype
    samples = (x.astype(dtype) for x in (control.matches, control.counts, control.expected))
    return estimators.bootstrap(
        _excess, *samples, key=key, num_resamples=num_resamples, confidence=confidence, batched=True
    )


def _excess(matches: Array, counts: Array, expected: Array, *, key: Array) -> Array:
    del key
    total = jnp.sum(counts, axis=-1)
    return jnp.sum(matches - expected, axis=-1) / jnp.where(total > 0, total, jnp.nan)


def _control(
    draw: Callable[..., Array], given: Comparison, checks: tuple[_checks.Check, ...], key: PRNGKey, num_draws: int
) -> Control:
    """Compares with matches of each cluster in draws from chance."""
    _checks.require_key("key", key)
    _checks.require_integer("num_draws", num_draws, minimum=1)
    found = _compared(draw, given, jax.random.split(key, num_draws))
    return _checks.enforce(eqx.tree_at(lambda c: c.valid, found, _checks.validity(*checks)), *checks)


@eqx.filter_jit
def _compared(draw: Callable[..., Array], given: Comparison, keys: Array) -> Control:
    observed = given.matches(given.events, given.mergers)
    drawn = jax.lax.map(lambda key: draw(given, key=key), keys, batch_size=BATCH)
    return _against(observed, drawn, given.counts(), given.events.dtype)


def _at_random_times(given: Comparison, *, key: PRNGKey) -> Array:
    share = jax.random.uniform(key, given.events.shape, given.events.dtype)
    times = (given.spans[:, :1] + given.tau) * (1 - share) + given.spans[:, 1:] * share
    return given.matches(times, given.mergers)


def _with_mergers_moved(given: Comparison, *, key: PRNGKey) -> Array:
    start, span = given.spans[:, :1], given.spans[:, 1:] - given.spans[:, :1]
    shift = span * jax.random.uniform(key, start.shape, start.dtype)
    return given.matches(given.events, start + jnp.mod(given.mergers - start + shift, span))


def _against(matches: Array, drawn: Array, counts: Array, dtype: jnp.dtype) -> Control:
    """Matches of each cluster (c,) against those of each draw (r, c)."""
    count = jnp.sum(counts)
    total = jnp.where(count > 0, count.astype(dtype), jnp.nan)
    observed, draws = (jnp.sum(x, -1).astype(dtype) / total for x in (matches, drawn))
    chance, r = jnp.mean(draws), drawn.shape[0]
    as_large = jnp.sum(jnp.sum(drawn, -1) >= jnp.sum(matches))
    p_value = (1 + as_large).astype(dtype) / (1 + r) * jnp.where(count > 0, 1, jnp.nan).astype(dtype)
    return Control(
        value=observed - chance,
        observed=observed,
        chance=chance,
        standard_deviation=jnp.std(draws),
        p_value=p_value,
        draws=draws,
        counts=counts.astype(jnp.int32),
        matches=matches.astype(jnp.int32),
        expected=jnp.mean(drawn.astype(dtype), axis=0),
        valid=jnp.asarray(True),
    )
