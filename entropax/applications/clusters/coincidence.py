"""How often a merger came before a transformation, and how often that would be by chance."""

from statistics import NormalDist

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import betainc

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.applications.clusters._comparison import comparison
from entropax.applications.clusters.mergers import Direction, MergerList, Range
from entropax.applications.clusters.transformations import TransformationTable


class MergerFraction(eqx.Module):
    """The share of transformations with a merger shortly before.

    Attributes:
        value: the share; NaN without a transformation.
        standard_error: from the scatter of clusters, since windows of one cluster overlap; NaN where fewer than two
            clusters have transformations.
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
        mass_ratio_range: only mergers with lower <= ratio < upper, such as `MAJOR` and `MINOR`; never those whose ratio
            is NaN.
        angular_momentum_range: the same for the specific angular momentum.
        confidence: of Wilson's interval.

    Returns:
        The share and its errors. No gradients: counts.

    Raises:
        TypeError: a mask is not boolean.
        ValueError: shapes or options do not fit, a range that does not increase or is of what the mergers do not tell,
            spans that are not longer than tau, or times that are not finite.

    Source: arXiv 2503.01969.
    """
    given, checks = comparison(table, mergers, spans, tau, direction, mass_ratio_range, angular_momentum_range)
    counts, matches, dtype = given.counts(), given.matches(given.events, given.mergers), given.events.dtype
    count, matched = jnp.sum(counts), jnp.sum(matches)
    some = count > 0
    n, k = (jnp.where(some, x, 1).astype(dtype) for x in (count, matched))
    value, c = k / n, counts.shape[0]
    off = matches.astype(dtype) - value * counts.astype(dtype)
    # What one cluster alone has is its own mean: no scatter is seen, which is not that there is none.
    several = jnp.where(jnp.sum(counts > 0) > 1, 1, jnp.nan).astype(dtype)
    scatter = jnp.sum(off**2) * (c / max(c - 1, 1)) * several
    interval = wilson_interval(k, n, confidence=confidence)
    blank = jnp.where(some, 1, jnp.nan).astype(dtype)
    share, error, band = _checks.enforce((value * blank, jnp.sqrt(scatter) / n * blank, interval * blank), *checks)
    whole = [x.astype(jnp.int32) for x in (count, matched, jnp.sum(given.dropped), counts, matches)]
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
    # The ends are roots, whose product is that of the polynomial: no difference of what is nearly equal, 0 at k = 0 and
    # 1 at k = n.
    lower = share**2 / (middle + half)
    rest = (n - k) / n
    upper = jnp.where(2 * k > n, 1 - rest**2 / (rest + z**2 / (2 * n) + half), (middle + half) / (1 + z**2 / n))
    ends = jnp.stack([lower, upper])
    return _checks.enforce(ends, _checks.positive("trials", n), _successes(k, n))


def binomial_excess(successes: RealScalar, trials: RealScalar, probability: RealScalar) -> BinomialExcess:
    """Probability of k or more successes in n independent trials, and the excess in standard deviations.

    Args:
        successes: k, a whole number from 0 to n.
        trials: n, a whole number, positive.
        probability: of one success by chance, in (0, 1).

    Returns:
        p = I_probability(k, n - k + 1), the incomplete beta function, 1 at k = 0; and z = (k / n - probability) /
        sqrt(probability (1 - probability) / n).

    Raises:
        ValueError: an argument is out of range.

    Differentiable in the probability.
    """
    k, n, p = _checks.as_numbers(successes=successes, trials=trials, probability=probability)
    k, n = jax.lax.stop_gradient((k, n))
    with _checks.evaluated_now(p):
        inside = (p > 0) & (p < 1)
    with _checks.evaluated_now(k, n):
        whole = (k == jnp.round(k)) & (n == jnp.round(n))
        some = jnp.where(k > 0, k, 1)
    checks = (
        _checks.positive("trials", n),
        _successes(k, n),
        _checks.Check(whole, "successes and trials must be whole numbers", lambda: f"{float(k)} of {float(n)}"),
        _checks.Check(inside, "probability must lie in (0, 1)", lambda: f"{float(p)}"),
    )
    z = (k / n - p) / jnp.sqrt(p * (1 - p) / n)
    tail = jnp.where(k > 0, betainc(some, n - some + 1, p), 1)
    return _checks.enforce(BinomialExcess(tail, z), *checks)


def _successes(k: Array, n: Array) -> _checks.Check:
    with _checks.evaluated_now(k, n):
        ok = (k >= 0) & (k <= n)
    return _checks.Check(ok, "successes must lie in [0, trials]", lambda: f"{float(k)} of {float(n)}")
