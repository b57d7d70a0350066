"""Variational bounds of mutual information, as functions of a matrix of scores.

A critic scores pairs, T_ij = f(x_i, y_j) (`entropax.nn` has some; any callable will do). The diagonal holds the n pairs
that were drawn together, the other entries stand for draws from the product of the marginals. A NaN among the scores
passes through every bound, so that a training loop's stop rules see it; -inf is a score like any other.

For n -> infinity the best critic of `donsker_varadhan`, `nwj` (f = 1 + log ratio), `tuba` and `infonce` reaches
I(X; Y), where log ratio is log p(x, y) / (p(x) p(y)).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar


def _scores(scores: Any) -> Array:
    t = _checks.accumulated(_checks.as_float("scores", scores))
    if t.ndim != 2 or t.shape[0] != t.shape[1] or t.shape[0] < 2:
        raise ValueError(f"scores must have shape (n, n) with n >= 2, got {t.shape}")
    return t


def _off_diagonal(t: Array, fill: float) -> Array:
    """The scores with the diagonal replaced: what is summed over the other n (n - 1) entries."""
    return jnp.where(jnp.eye(t.shape[0], dtype=bool), fill, t)


def _mean_joint(t: Array) -> Array:
    return jnp.mean(jnp.diagonal(t))


def _num_products(t: Array) -> int:
    return t.shape[0] * (t.shape[0] - 1)


def _log_mean_exp_products(t: Array) -> Array:
    return jax.nn.logsumexp(_off_diagonal(t, -jnp.inf)) - np.log(_num_products(t)).astype(t.dtype)


def _mean_exp_products(t: Array) -> Array:
    return jnp.sum(jnp.exp(_off_diagonal(t, -jnp.inf))) / _num_products(t)


def infonce(scores: Real[ArrayLike, "n n"]) -> Scalar:
    """InfoNCE, log n + mean_i [T_ii - logsumexp_j T_ij]: a lower bound of I(X; Y) that never exceeds log n.

    Of little variance, and biased down where I(X; Y) nears log n (see `infonce_ceiling`). A number added to a row of
    scores changes nothing.

    Args:
        scores: T, shape (n, n).

    Returns:
        The bound in nats, float32 for scores of lower precision.

    Raises:
        ValueError: the scores are not a square matrix of two rows or more.

    Differentiable in the scores. Source: arXiv 1807.03748, eq. 4; arXiv 2506.00330.
    """
    t = _scores(scores)
    # The logarithm of a mean, not of a sum less log n: equal scores then give zero exactly.
    top = jax.lax.stop_gradient(jnp.max(t, axis=1))
    log_mean = top + jnp.log(jnp.mean(jnp.exp(t - top[:, None]), axis=1))
    return jnp.mean(jnp.diagonal(t) - log_mean)


def infonce_ceiling(num_rows: int) -> float:
    """The largest value that InfoNCE can take on `num_rows` pairs, log num_rows in nats.

    Args:
        num_rows: number of pairs that are scored at once; in an evaluation that is not the size of training batches.

    Returns:
        The ceiling. An estimate less than a nat below it asks for more rows, or for another bound.

    Raises:
        ValueError: num_rows is below two.
    """
    _checks.require_integer("num_rows", num_rows, minimum=2)
    return float(np.log(num_rows))


def donsker_varadhan(scores: Real[ArrayLike, "n n"]) -> Scalar:
    """Donsker-Varadhan (MINE), mean_i T_ii - log mean_{i != j} exp(T_ij).

    A lower bound of I(X; Y) in the limit n -> infinity; at finite n the logarithm of a mean biases it up, and its
    variance grows exponentially with I(X; Y). A number added to all scores changes nothing.

    Args:
        scores: T, shape (n, n).

    Returns:
        The estimate in nats, float32 for scores of lower precision.

    Raises:
        ValueError: the scores are not a square matrix of two rows or more.

    Differentiable in the scores. Source: arXiv 1801.04062, eq. 10.
    """
    t = _scores(scores)
    return _mean_joint(t) - _log_mean_exp_products(t)


def tuba(scores: Real[ArrayLike, "n n"], log_baseline: Real[ArrayLike, "*n"] = 0.0) -> Scalar:
    """TUBA, 1 + mean_i [T_ii - log a(y_i)] - mean_{i != j} exp(T_ij) / a(y_j).

    An unbiased estimate of a lower bound of I(X; Y) for any positive a; its variance grows exponentially with I(X; Y).

    Args:
        scores: T, shape (n, n).
        log_baseline: log a(y_j), a number or shape (n,). Its best constant is log mean exp of the products' scores,
            which gives `donsker_varadhan`; 1 gives `nwj`.

    Returns:
        The estimate in nats, float32 for scores of lower precision.

    Raises:
        ValueError: the scores are not a square matrix of two rows or more, or the baseline has another shape.

    Differentiable in both arguments. Source: arXiv 1905.06922, eq. 7.
    """
    t, baseline = _checks.as_floats(scores=scores, log_baseline=log_baseline)
    t, baseline = _scores(t), _checks.accumulated(baseline)
    if baseline.shape not in ((), (t.shape[0],)):
        raise ValueError(f"log_baseline must be a number or have shape ({t.shape[0]},), got {baseline.shape}")
    t = t - jnp.broadcast_to(baseline, t.shape)
    return 1 + _mean_joint(t) - _mean_exp_products(t)


def nwj(scores: Real[ArrayLike, "n n"]) -> Scalar:
    """Nguyen-Wainwright-Jordan (f-GAN KL, MINE-f), mean_i T_ii - mean_{i != j} exp(T_ij - 1).

    An unbiased estimate of a lower bound of I(X; Y), never above `donsker_varadhan`; its variance grows exponentially
    with I(X; Y).

    Args:
        scores: T, shape (n, n).

    Returns:
        The estimate in nats, float32 for scores of lower precision.

    Raises:
        ValueError: the scores are not a square matrix of two rows or more.

    Differentiable in the scores. Source: arXiv 0809.0853; arXiv 1905.06922, eq. 8.
    """
    t = _scores(scores)
    return _mean_joint(t) - _mean_exp_products(t - 1)


def jensen_shannon_bound(scores: Real[ArrayLike, "n n"]) -> Scalar:
    """-mean_i softplus(-T_ii) - mean_{i != j} softplus(T_ij): at most 2 JS(p(x, y), p(x) p(y)) - 2 log 2.

    It bounds a Jensen-Shannon divergence, not I(X; Y). Its best critic is the log ratio, and it trains with little
    variance: `smile` follows its gradient and reports information.

    Args:
        scores: T, shape (n, n).

    Returns:
        The bound in nats, float32 for scores of lower precision.

    Raises:
        ValueError: the scores are not a square matrix of two rows or more.

    Differentiable in the scores. Source: arXiv 1606.00709; arXiv 1808.06670, eq. 4.
    """
    t = _scores(scores)
    products = jnp.sum(jax.nn.softplus(_off_diagonal(t, -jnp.inf))) / _num_products(t)
    return -jnp.mean(jax.nn.softplus(-jnp.diagonal(t))) - products


def smile(scores: Real[ArrayLike, "n n"], clip: RealScalar = 5.0, *, clip_joint: bool = False) -> Scalar:
    """SMILE, mean_i T_ii - log mean_{i != j} exp(clip(T_ij, -tau, tau)), with the gradient of `jensen_shannon_bound`.

    Clipping bounds the variance at the price of a bias; tau -> infinity is `donsker_varadhan`. The gradient is *not*
    that of the value: by construction jax.grad gives the gradient of the Jensen-Shannon bound, which trains the critic
    towards the log ratio. (Differentiate `donsker_varadhan` of clipped scores for the slope of the value.)

    Args:
        scores: T, shape (n, n).
        clip: tau, non-negative; infinity clips nothing.
        clip_joint: whether to clip the T_ii too, as some implementations do; it lowers large estimates.

    Returns:
        The estimate in nats, float32 for scores of lower precision.

    Raises:
        ValueError: the scores are not a square matrix of two rows or more, or tau is negative.

    The gradient by the scores is that of `jensen_shannon_bound`; by tau it is zero. Source: arXiv 1910.06222, eq. 11
    and section 4.
    """
    t, tau = _checks.as_floats(scores=scores, clip=clip)
    t = _scores(t)
    (tau,) = _checks.as_numbers(clip=tau)
    tau = _checks.enforce(_checks.accumulated(tau), _checks.within("clip", tau, 0, jnp.inf, "non-negative"))
    bounded = jnp.clip(t, -tau, tau)
    value = _mean_joint(bounded if clip_joint else t) - _log_mean_exp_products(bounded)
    trained = jensen_shannon_bound(t)
    # The difference of equal numbers is exactly zero: the value is not rounded, the slope is that of `trained`.
    return jax.lax.stop_gradient(value) + (trained - jax.lax.stop_gradient(trained))


def variational_kl(mean: Real[ArrayLike, "*batch k"], log_variance: Real[ArrayLike, "*batch k"]) -> Float[Array, "..."]:
    """KL(N(mean, diag s^2) | N(0, 1)) = sum_i (mean_i^2 + s_i^2 - 1 - log s_i^2) / 2, the price of a Gaussian code.

    Args:
        mean: shape (..., k).
        log_variance: log s^2, shape (..., k).

    Returns:
        One value a code, shape (...), in nats; float32 for inputs of lower precision.

    Raises:
        ValueError: the shapes differ, or there are no axes.

    Differentiable in both; a NaN passes through. Source: arXiv 1312.6114, appendix B; arXiv 2506.00330.
    """
    given = _checks.as_floats(mean=mean, log_variance=log_variance)
    mu, log_s2 = map(_checks.accumulated, given)
    _checks.require_same_shape(mean=mu, log_variance=log_s2)
    if mu.ndim < 1:
        raise ValueError("mean must have shape (..., k), got ()")
    return jnp.sum(mu**2 + jnp.expm1(log_s2) - log_s2, axis=-1) / 2


class MaxTestEpoch(eqx.Module):
    """Where a smoothed curve of the held-out bound is highest.

    Attributes:
        value: the smoothed curve at its highest point.
        epoch: the epoch of that point, counted from zero.
        interior: whether it is neither the first nor the last: if not, training was too short or learned nothing.
        valid: whether the curve is finite, without which `epoch` and `interior` mean nothing.
        smoothed: the smoothed curve, shape (epochs,).
    """

    value: Scalar
    epoch: Int[Array, ""]
    interior: Bool[Array, ""]
    valid: Bool[Array, ""]
    smoothed: Float[Array, "epochs"]


def max_test_epoch(curve: Real[ArrayLike, "epochs"], *, window: int = 5, sigma: float = 1.0) -> MaxTestEpoch:
    """The max-test rule: the epoch at which the held-out bound, smoothed, is highest.

    A running median removes outliers and a Gaussian filter the rest of the noise. Both see the curve reflected about
    its ends (edges repeated), the Gaussian cut off at four sigma.

    Args:
        curve: the bound on held-out pairs after every epoch, shape (epochs,).
        window: width of the median in epochs, odd.
        sigma: standard deviation of the Gaussian in epochs; 0 leaves it out.

    Returns:
        The epoch, the smoothed maximum and whether it is interior.

    Raises:
        ValueError: the curve is empty, has other axes or holds a value that is not finite, window is not odd, or sigma
            is negative.

    `value` and `smoothed` are differentiable in the curve; the epoch is piecewise constant. Source: arXiv 2506.00330.
    """
    _checks.require_integer("window", window, minimum=1)
    if window % 2 == 0:
        raise ValueError(f"window must be odd, got {window}")
    if not 0 <= sigma < float("inf"):
        raise ValueError(f"sigma must be non-negative and finite, got {sigma}")
    t = _checks.as_float("curve", curve)
    if t.ndim != 1 or t.size == 0:
        raise ValueError(f"curve must have shape (epochs,) with epochs >= 1, got {t.shape}")
    finite = _checks.finite("curve", t)
    valid = _checks.validity(finite)
    smoothed = _weighted(jnp.median(_windows(t, window // 2), axis=1), sigma)
    smoothed = _checks.enforce(smoothed, finite)
    epoch = jnp.argmax(smoothed).astype(jnp.int32)
    return MaxTestEpoch(
        value=jnp.max(smoothed),
        epoch=epoch,
        interior=(epoch > 0) & (epoch < t.size - 1),
        valid=valid,
        smoothed=smoothed,
    )


def _windows(t: Array, radius: int) -> Array:
    """Every entry with its neighbours to both sides, shape (n, 2 radius + 1), reflected about the ends."""
    index = np.arange(t.size)[:, None] + np.arange(-radius, radius + 1)[None]
    index = np.mod(index, 2 * t.size)
    return t[np.where(index < t.size, index, 2 * t.size - 1 - index)]


def _weighted(t: Array, sigma: float) -> Array:
    radius = int(4 * sigma + 0.5)
    if radius == 0:
        return t
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return _windows(t, radius) @ jnp.asarray(weights / weights.sum(), t.dtype)
