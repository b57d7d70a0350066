"""How often a merger came before a transformation, and how often that would be by chance."""

from statistics import NormalDist
from typing import Any, Literal, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import betainc

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.applications.clusters.transformations import TransformationTable

Direction: TypeAlias = Literal["up", "down"]
DIRECTIONS = {"up": 1, "down": -1}
MAJOR, MINOR = (0.25, float("inf")), (0.1, 0.25)
"""Mass ratios of major and minor mergers, the upper end excluded; our reading."""

Range: TypeAlias = tuple[int | float, int | float] | None


class MergerList(eqx.Module):
    """Mergers of clusters, one row a cluster.

    Attributes:
        times: in Gyr, shape (c, m), in any order.
        mask: which entries are mergers, shape (c, m).
        mass_ratio: of the smaller to the larger, shape (c, m); None where it is not known.
        angular_momentum: specific, in any unit, shape (c, m); None where it is not known.
    """

    times: Float[Array, "c m"]
    mask: Bool[Array, "c m"]
    mass_ratio: Float[Array, "c m"] | None = None
    angular_momentum: Float[Array, "c m"] | None = None


class MergerFraction(eqx.Module):
    """The share of transformations with a merger shortly before.

    Attributes:
        value: the share; NaN without a transformation.
        standard_error: from the scatter of clusters, since windows of one cluster overlap.
        interval: Wilson's, as if events were independent, shape (2,).
        count: number of transformations whose window lies in the data.
        matched: how many of them a merger precedes.
        dropped: transformations left out because their window leaves the data.
        counts: of each cluster, shape (c,).
        matches: of each cluster, shape (c,).
        valid: whether times, spans and masks were fit ones.
    """

    value: Scalar
    standard_error: Scalar
    interval: Float[Array, "2"]
    count: Int[Array, ""]
    matched: Int[Array, ""]
    dropped: Int[Array, ""]
    counts: Int[Array, "c"]
    matches: Int[Array, "c"]
    valid: Bool[Array, ""]


class BinomialExcess(eqx.Module):
    """An observed share against a probability.

    Attributes:
        value: p, the probability of so many successes or more.
        z: (k / n - probability) in standard deviations of chance.
    """

    value: Scalar
    z: Scalar


def merger_fraction(
    table: TransformationTable,
    mergers: MergerList,
    spans: Real[ArrayLike, "c 2"],
    *,
    tau: int | float = 1.0,
    direction: Direction | None = None,
    mass_ratio_range: Range = None,
    angular_momentum_range: Range = None,
    confidence: int | float = 0.95,
) -> MergerFraction:
    """Share of transformations with a merger in (t_mid - tau, t_mid].

    Transformations whose window begins before the data are left out, here as in `random_control`.

    Args:
        table: transformations of c clusters: what `jax.vmap(find_transformations)` returns, arrays of shape (c, e).
        mergers: of the same clusters, times of shape (c, m).
        spans: first and last time of each cluster's data in Gyr, shape (c, 2).
        tau: width of the window in Gyr.
        direction: "up" or "down"; None takes both.
        mass_ratio_range: only mergers with lower <= ratio < upper, such as `MAJOR` and `MINOR`.
        angular_momentum_range: the same for the specific angular momentum.
        confidence: of Wilson's interval.

    Returns:
        The share and its errors. No gradients: counts.

    Raises:
        ValueError: shapes or options do not fit, a range for what the mergers do not tell, spans that do not increase.

    Source: arXiv 2503.01969.
    """
    times, eligible, dropped, merger_times, chosen, _, checks = selection(
        table, mergers, spans, tau, direction, mass_ratio_range, angular_momentum_range
    )
    hit = preceded(times, merger_times, chosen, tau) & eligible
    counts, matches = jnp.sum(eligible, -1), jnp.sum(hit, -1)
    count, matched = jnp.sum(counts), jnp.sum(matches)
    some = count > 0
    n, k = (jnp.where(some, x, 1).astype(times.dtype) for x in (count, matched))
    value, c = k / n, counts.shape[0]
    off = matches.astype(times.dtype) - value * counts.astype(times.dtype)
    scatter = jnp.sum(off**2) * (c / max(c - 1, 1))
    interval = wilson_interval(k, n, confidence=confidence)
    blank = jnp.where(some, 1, jnp.nan).astype(times.dtype)
    share, error, band = _checks.enforce((value * blank, jnp.sqrt(scatter) / n * blank, interval * blank), *checks)
    whole = [x.astype(jnp.int32) for x in (count, matched, jnp.sum(dropped), counts, matches)]
    return MergerFraction(share, error, band, *whole, valid=_checks.validity(*checks))


def poisson_null(rate: RealScalar, tau: RealScalar) -> Scalar:
    """Probability of a merger in a window of width tau, if mergers are a Poisson process, 1 - exp(-rate tau).

    Args:
        rate: of mergers, per Gyr, not negative.
        tau: in Gyr, not negative.

    Returns:
        The probability.

    Raises:
        ValueError: an argument is negative or no number.

    Differentiable in both.
    """
    r, width = _checks.as_numbers(rate=rate, tau=tau)
    return _checks.enforce(-jnp.expm1(-r * width), _checks.nonnegative("rate", r), _checks.nonnegative("tau", width))


def wilson_interval(successes: RealScalar, trials: RealScalar, *, confidence: int | float = 0.95) -> Float[Array, "2"]:
    """Wilson's interval of a share k / n, the values that a score test does not reject.

    Args:
        successes: k, from 0 to n.
        trials: n, positive.
        confidence: two-sided, in (0, 1).

    Returns:
        Lower and upper end, shape (2,).

    Raises:
        ValueError: an argument is out of range.

    Differentiable in both. Source: Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    k, n = _checks.as_numbers(successes=successes, trials=trials)
    _checks.require_within("confidence", confidence, 0, 1, open_below=True, open_above=True)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = k / n
    middle = share + z**2 / (2 * n)
    # At k = 0 and k = n the root's slope is finite, since z^2 / 4 n^2 stays.
    half = z * jnp.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    ends = jnp.stack([middle - half, middle + half]) / (1 + z**2 / n)
    return _checks.enforce(ends, _checks.positive("trials", n), _successes(k, n))


def binomial_excess(successes: RealScalar, trials: RealScalar, probability: RealScalar) -> BinomialExcess:
    """Probability of k or more successes in n independent trials, and the excess in standard deviations.

    Args:
        successes: k, a whole number from 1 to n.
        trials: n, a whole number.
        probability: of one success by chance, in (0, 1).

    Returns:
        p = I_probability(k, n - k + 1), the incomplete beta function, and z = (k / n - p) / sqrt(p (1 - p) / n).

    Raises:
        ValueError: an argument is out of range.

    Differentiable in the probability.
    """
    k, n, p = _checks.as_numbers(successes=successes, trials=trials, probability=probability)
    k, n = jax.lax.stop_gradient((k, n))
    with _checks.evaluated_now(p):
        inside = (p > 0) & (p < 1)
    with _checks.evaluated_now(k):
        some = k >= 1
    checks = (
        _checks.positive("trials", n),
        _successes(k, n),
        _checks.Check(some, "successes must be at least 1", lambda: f"{float(k)}"),
        _checks.Check(inside, "probability must lie in (0, 1)", lambda: f"{float(p)}"),
    )
    z = (k / n - p) / jnp.sqrt(p * (1 - p) / n)
    return _checks.enforce(BinomialExcess(betainc(k, n - k + 1, p), z), *checks)


def _successes(k: Array, n: Array) -> _checks.Check:
    with _checks.evaluated_now(k, n):
        ok = (k >= 0) & (k <= n)
    return _checks.Check(ok, "successes must lie in [0, trials]", lambda: f"{float(k)} of {float(n)}")


def preceded(times: Array, merger_times: Array, chosen: Array, tau: float) -> Array:
    """Whether a merger lies in (t - tau, t].

    Args:
        times: t, shape (c, e), Gyr.
        merger_times: shape (c, m), Gyr.
        chosen: which mergers count, shape (c, m).
        tau: width of the window, Gyr.

    Returns:
        Shape (c, e).
    """
    since = times[:, :, None] - merger_times[:, None, :]
    return jnp.any((since >= 0) & (since < tau) & chosen[:, None, :], axis=-1)


def selection(
    table: TransformationTable,
    mergers: MergerList,
    spans: Any,
    tau: float,
    direction: Direction | None,
    mass_ratio_range: Range,
    angular_momentum_range: Range,
) -> tuple[Array, Array, Array, Array, Array, Array, tuple[_checks.Check, ...]]:
    """What takes part in a comparison of events with mergers.

    Args:
        table: transformations of c clusters.
        mergers: of the same clusters.
        spans: first and last time of each cluster, shape (c, 2), Gyr.
        tau: width of the window before an event, Gyr.
        direction: of the events, "up" or "down", or None for both.
        mass_ratio_range: of the mergers, or None for all.
        angular_momentum_range: likewise.

    Returns:
        Times of the events, which of them count and which are dropped, shape (c, e); times of the mergers and which of
        them count, shape (c, m); spans; and what must hold of all.
    """
    times, merger_times, ends = _checks.as_floats(
        **{"table.t_mid": table.t_mid, "mergers.times": mergers.times, "spans": spans}
    )
    _checks.require_ndim("table.t_mid", times, 2, "(c, e): transformations of a population")
    c = times.shape[0]
    if merger_times.ndim != 2 or merger_times.shape[0] != c:
        raise ValueError(f"mergers.times must have shape ({c}, m), got {merger_times.shape}")
    _checks.require_shape("mergers.mask", mergers.mask, merger_times.shape)
    _checks.require_shape("spans", ends, (c, 2))
    _checks.require_within("tau", tau, 0, float("inf"), open_below=True, open_above=True)
    _checks.require_option("direction", direction, (None, *DIRECTIONS))
    events = jnp.asarray(table.mask)
    if direction is not None:
        events = events & (table.direction == DIRECTIONS[direction])
    inside = (times - tau >= ends[:, :1]) & (times <= ends[:, 1:])
    chosen = jnp.asarray(mergers.mask)
    for name, bounds in (("mass_ratio", mass_ratio_range), ("angular_momentum", angular_momentum_range)):
        if bounds is not None:
            values = getattr(mergers, name)
            if values is None:
                raise ValueError(f"mergers.{name} must be known to choose by {name}_range, got None")
            chosen = chosen & (values >= bounds[0]) & (values < bounds[1])
    with _checks.evaluated_now(ends):
        long_enough = jnp.all(ends[:, 1] - ends[:, 0] > tau)
        shortest = jnp.min(ends[:, 1] - ends[:, 0])
    with _checks.evaluated_now(merger_times, mergers.mask):
        known = jnp.where(mergers.mask, merger_times, 0)
    checks = (
        _checks.Check(long_enough, "spans must be longer than tau", lambda: f"one of {float(shortest):.4g} Gyr"),
        _checks.finite("mergers.times", known),
        _checks.finite("table.t_mid", jnp.where(table.mask, times, 0)),
    )
    return times, events & inside, events & ~inside, known, chosen, ends, checks
