"""Whether samples differ, judged by their ranks alone."""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, RealScalar, Scalar
from entropax.metrics.ranking import soft_wins, wins


def cliffs_delta(x: Real[ArrayLike, "n"], y: Real[ArrayLike, "m"], *, temperature: RealScalar | None = None) -> Scalar:
    """Cliff's delta, (#(x_i > y_j) - #(x_i < y_j)) / (n m): how far one sample lies above another.

    Twice the area under the receiver operating characteristic less one. With `temperature` the sign of every
    difference is relaxed to tanh((x_i - y_j) / (2 temperature)), which has gradients and tends to the sign.

    Args:
        x: one sample, shape (n,).
        y: the other, shape (m,).
        temperature: in units of the samples, positive; None for the hard form.

    Returns:
        Delta, in [-1, 1], 0 for samples that overlap evenly; float32 for samples of lower precision.

    Raises:
        ValueError: a sample has not one axis or is empty, an entry is not finite, or the temperature is not positive.

    Differentiable in both samples and the temperature in the relaxed form ((n + m)^2 time, n + m memory); the hard form
    is a step (time (n + m) log(n + m)). Source: Cliff 1993, doi 10.1037/0033-2909.114.3.494.
    """
    samples = _samples(x=x, y=y)
    pooled = jnp.concatenate(samples)
    n, m = (sample.shape[0] for sample in samples)
    second = jnp.concatenate([jnp.zeros(n, pooled.dtype), jnp.ones(m, pooled.dtype)])
    won, checks = _wins(pooled, second, temperature)
    return _checks.enforce(2 * (jnp.mean(won[:n]) / m) - 1, _checks.finite("x and y", pooled), *checks)


class RankTest(eqx.Module):
    """A test by ranks.

    Attributes:
        value: the statistic.
        p_value: probability of at least this value if all samples come from one law, by the chi-squared law that the
            statistic has in large samples.
        degrees: degrees of freedom of that law.
    """

    value: Scalar
    p_value: Scalar
    degrees: int = eqx.field(static=True)


def kruskal_wallis(*samples: Real[ArrayLike, "_"], temperature: RealScalar | None = None) -> RankTest:
    """Kruskal and Wallis's H: whether the mean ranks r_g of several samples differ more than chance lets them.

    H = 12 / (n (n + 1)) sum_g n_g (r_g - (n + 1) / 2)^2, divided by 1 - sum (t^3 - t) / (n^3 - n) for t ties each.
    With `temperature` the ranks are 1/2 + sum_j sigmoid((x_i - x_j) / temperature), which have gradients and tend to
    the ranks, and no correction for ties is made.

    Args:
        *samples: two or more, each of shape (n_g,).
        temperature: in units of the samples, positive; None for the hard form.

    Returns:
        H, its p-value and degrees of freedom; float32 for samples of lower precision.

    Raises:
        ValueError: there are fewer than two samples, one has not one axis or is empty, an entry is not finite, all
            entries are equal (hard form), or the temperature is not positive.

    Differentiable in the samples and the temperature in the relaxed form (n^2 time, n memory); the hard form is a step
    (n log n time). Source: Kruskal and Wallis 1952, doi 10.1080/01621459.1952.10483441.
    """
    if len(samples) < 2:
        raise ValueError(f"samples must be two or more, got {len(samples)}")
    groups = _samples(**{f"samples[{g}]": sample for g, sample in enumerate(samples)})
    pooled = jnp.concatenate(groups)
    n = pooled.shape[0]
    won, checks = _wins(pooled, jnp.ones_like(pooled), temperature)
    checks = [_checks.finite("samples", pooled), *checks]
    # Half a win over itself is among them: the rank less a half, and less its mean n / 2.
    centred = won - n / 2
    spread, start = jnp.zeros((), pooled.dtype), 0
    for group in groups:
        size = group.shape[0]
        spread = spread + size * jnp.mean(centred[start : start + size]) ** 2
        start += size
    H = 12 * spread / (float(n) * (n + 1))
    if temperature is None:
        H = H / jnp.where((untied := _untied(pooled)) > 0, untied, 1)
        with _checks.evaluated_now(pooled):
            varied = jnp.any(pooled != pooled[0])
        checks.append(_checks.Check(varied, "samples must not all be equal", lambda: f"{pooled[0]} throughout"))
    degrees = len(groups) - 1
    p = jax.scipy.special.gammaincc(jnp.asarray(degrees / 2, H.dtype), H / 2)
    value, p = _checks.enforce((H, p), *checks)
    return RankTest(value, p, degrees)


def _samples(**samples: ArrayLike) -> list[Array]:
    arrays = [_checks.accumulated(x) for x in _checks.as_floats(**samples)]
    for name, x in zip(samples, arrays, strict=True):
        if x.ndim != 1 or x.shape[0] < 1:
            raise ValueError(f"{name} must have shape (n,) with n >= 1, got {x.shape}")
    return arrays


def _wins(pooled: Array, below: Array, temperature: RealScalar | None) -> tuple[Array, list[_checks.Check]]:
    if temperature is None:
        return wins(jax.lax.stop_gradient(pooled), below), []
    (t,) = _checks.as_numbers(temperature=temperature)
    t = t.astype(pooled.dtype)
    return soft_wins(pooled, below, t), [_checks.positive("temperature", t)]


def _untied(pooled: Array) -> Array:
    """1 - sum (t^3 - t) / (n^3 - n): each of t equal entries adds t^2 - 1."""
    ordered = jnp.sort(jax.lax.stop_gradient(pooled))
    first, last = (jnp.searchsorted(ordered, ordered, side=side) for side in ("left", "right"))
    n, ties = float(ordered.shape[0]), (last - first).astype(pooled.dtype)
    return 1 - jnp.sum(ties**2 - 1) / max(n**3 - n, 1)
