"""Kernel density estimates of continuous variables: their entropy and mutual information, and the curve itself.

The density at every sample is a sum over all samples, n^2 kernels in all. They are evaluated in tiles of bounded size,
for the gradient once more, so memory grows as n.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar

KERNELS = ("gaussian", "box")
RULES = ("scott", "silverman")
_TILE = 2**18  # kernels that are held at once: they stay in the second-level cache


def kernel_density_entropy(
    x: Real[ArrayLike, "n d"],
    *,
    kernel: str = "gaussian",
    bandwidth: Real[ArrayLike, "..."] | str = "scott",
    temperature: RealScalar | None = None,
    leave_one_out: bool = True,
) -> Scalar:
    """Differential entropy from a kernel density, H = -mean_i log f(x_i), f the density of the other samples.

    Args:
        x: samples, shape (n, d) with n >= 2.
        kernel: "gaussian", or "box", which counts the samples in a cube around each sample.
        bandwidth: of the gaussian, a rule or its standard deviation: "scott" and "silverman" take the covariance of the
            samples times n^(-2 / (d + 4)) and (n (d + 2) / 4)^(-2 / (d + 4)), so that the estimate follows any linear
            map of x exactly. Of the box, the side of the cube. A number holds for all columns, shape (d,) one for each.
        temperature: None for the box itself; else the width of the sigmoids that soften its faces, in units of its
            side. (Soft boxes are densities as well, and tend to the box.) Not for the gaussian.
        leave_one_out: whether a sample is kept from its own density. If it is not, the estimate is biased low, the more
            so the narrower the kernel.

    Returns:
        The entropy in nats; infinite where a sample has no other within its box.

    Raises:
        ValueError: x has not the shape (n, d), an option is unknown or does not go with the kernel, a coordinate is not
            finite, the bandwidth or temperature is not positive, or a rule meets samples with a singular covariance (a
            constant column).

    Differentiable in x, bandwidth and temperature, in memory that grows as n too. The box counts, so its gradient in x
    is zero almost everywhere: soften it or take the gaussian. Source: Ivanov and Rozhkova 1981 (leave-one-out); Scott
    1992 and Silverman 1986 (rules).
    """
    samples, h, tau, rule = _prepare({"x": x}, kernel, bandwidth, temperature)
    value, pivots = _entropy(samples[0], h, tau, rule, kernel, temperature is not None, leave_one_out)
    return _checks.enforce(value, *_of_values({"x": samples[0]}, h, tau, rule, pivots))


def kernel_density_mutual_information(
    x: Real[ArrayLike, "n dx"],
    y: Real[ArrayLike, "n dy"],
    *,
    kernel: str = "gaussian",
    bandwidth: Real[ArrayLike, "..."] | str = "scott",
    temperature: RealScalar | None = None,
    leave_one_out: bool = True,
) -> Scalar:
    """Mutual information from kernel densities, I = mean_i log [f(x_i, y_i) / (f(x_i) f(y_i))].

    The bandwidth is that of the joint density, and the densities of x and of y are its marginals; so the rules count
    dx + dy columns.

    Args:
        x: samples of one variable, shape (n, dx) with n >= 2.
        y: samples of the other, shape (n, dy).
        kernel: as in `kernel_density_entropy`.
        bandwidth: as there; of an array, one entry for each of the dx + dy columns.
        temperature: as there.
        leave_one_out: as there.

    Returns:
        The mutual information in nats, negative where it comes out so; -infinity where a sample has no other within its
        joint box (and NaN where it has none in a marginal).

    Raises:
        ValueError: as `kernel_density_entropy`, or x and y differ in n.

    Differentiable as `kernel_density_entropy`. Source: Moon, Rajagopalan and Lall, Phys. Rev. E 52, 2318 (1995).
    """
    named = {"x": x, "y": y}
    samples, h, tau, rule = _prepare(named, kernel, bandwidth, temperature)
    value, pivots = _mutual_information(*samples, h, tau, rule, kernel, temperature is not None, leave_one_out)
    return _checks.enforce(value, *_of_values(dict(zip(named, samples, strict=True)), h, tau, rule, pivots))


def gaussian_kde(
    x: Real[ArrayLike, "n"], points: Real[ArrayLike, "m"], *, bandwidth: RealScalar | str = "scott"
) -> Float[Array, "m"]:
    """The density of one variable, f(y) = mean_i exp(-(y - x_i)^2 / (2 h^2)) / (h sqrt(2 pi)).

    Args:
        x: samples, shape (n,) with n >= 2.
        points: y, where the density is wanted, shape (m,).
        bandwidth: h, or a rule: "scott" takes n^(-1/5) and "silverman" (3 n / 4)^(-1/5) standard deviations.

    Returns:
        The density, shape (m,). n m kernels are evaluated, in tiles of bounded size.

    Raises:
        ValueError: a shape does not fit, the rule is unknown, a number is not finite, the bandwidth is not positive, or
            a rule meets samples that are all the same.

    Differentiable in everything. Source: Scott 1992, Silverman 1986.
    """
    rule = bandwidth if isinstance(bandwidth, str) else None
    if rule is not None:
        _checks.require_option("bandwidth", rule, RULES)
    samples, at, h = _checks.as_floats(x=x, points=points, bandwidth=1.0 if rule is not None else bandwidth)
    _checks.as_numbers(bandwidth=h)
    _checks.require_ndim("points", at, 1, "(m,)")
    _checks.require_ndim("x", samples, 1, "(n,)")
    if samples.shape[0] < 2 or at.shape[0] < 1:
        raise ValueError(f"x must hold 2 or more samples and points 1 or more, got {samples.shape} and {at.shape}")
    density, h = _density(samples, at, h, rule)
    with _checks.evaluated_now(h):
        words = "bandwidth must be positive" if rule is None else f"x must vary for the rule {rule!r}"
        wide = _checks.Check(h > 0, words, lambda: f"a bandwidth of {h}")
    return _checks.enforce(density, _checks.finite("x", samples), _checks.finite("points", at), wide)


@functools.partial(jax.jit, static_argnames="rule")
def _density(x: Array, points: Array, h: Array, rule: str | None) -> tuple[Array, Array]:
    """The density at the points, and the bandwidth."""
    n, m = x.shape[0], points.shape[0]
    if rule is not None:
        h = _rule(rule, n, 1) ** 0.5 * jnp.std(x, ddof=1)
    rows = min(m, max(1, _TILE // n))

    @jax.checkpoint
    def block(first: Array) -> Array:
        here = points[jnp.minimum(first + jnp.arange(rows), m - 1)]
        return jnp.mean(jnp.exp(-(((here[:, None] - x[None, :]) / h) ** 2) / 2), axis=1)

    sums = jax.lax.map(block, rows * jnp.arange(-(-m // rows))).reshape(-1)[:m]
    return sums / (h * math.sqrt(2 * math.pi)), h


def _prepare(
    named: dict[str, Any], kernel: str, bandwidth: Any, temperature: Any
) -> tuple[tuple[Array, ...], Array, Array, str | None]:
    """Samples, bandwidth of every column, temperature, and the rule where one is given."""
    _checks.require_option("kernel", kernel, KERNELS)
    rule = bandwidth if isinstance(bandwidth, str) else None
    if rule is not None:
        _checks.require_option("bandwidth", rule, RULES)
        if kernel == "box":
            raise ValueError(f"bandwidth must be given as a number with kernel 'box', got {rule!r}")
    if temperature is not None and kernel != "box":
        raise ValueError(f"temperature must be None with kernel {kernel!r}, got {temperature!r}")
    *samples, h, tau = _checks.as_floats(
        **named,
        bandwidth=1.0 if rule is not None else bandwidth,
        temperature=1.0 if temperature is None else temperature,
    )
    for name, array in zip(named, samples, strict=True):
        _checks.require_ndim(name, array, 2, "(n, d)")
        if array.shape[0] < 2 or array.shape[1] < 1:
            raise ValueError(f"{name} must have shape (n, d) with n >= 2 and d >= 1, got {array.shape}")
        if array.shape[0] != samples[0].shape[0]:
            raise ValueError(f"{name} must have {samples[0].shape[0]} samples like x, got shape {array.shape}")
    columns = sum(array.shape[1] for array in samples)
    if h.shape not in ((), (columns,)):
        raise ValueError(f"bandwidth must be a number or have shape ({columns},), got shape {h.shape}")
    _checks.require_ndim("temperature", tau, 0, "()")
    return tuple(samples), jnp.broadcast_to(h, (columns,)), tau, rule


def _of_values(
    named: dict[str, Array], h: Array, tau: Array, rule: str | None, pivots: Array
) -> tuple[_checks.Check, ...]:
    checks = [_checks.finite(name, array) for name, array in named.items()]
    checks += [_checks.positive("bandwidth", h), _checks.positive("temperature", tau)]
    if rule is not None:
        # A combination of columns that is constant up to rounding leaves a pivot of rounding's size.
        ok = jnp.all(pivots > 64 * pivots.size * float(jnp.finfo(pivots.dtype).eps))
        words = f"{' and '.join(named)} must vary, and no column follow from the others, for the rule {rule!r}"
        checks.append(_checks.Check(ok, words, lambda: f"squared pivots of the correlation {pivots}"))
    return tuple(checks)


def _covariance(x: Array) -> Array:
    centred = x - jnp.mean(x, axis=0, keepdims=True)
    return centred.T @ centred / (x.shape[0] - 1)


@functools.partial(jax.jit, static_argnames=("rule", "kernel", "soft", "leave_one_out"))
def _entropy(
    x: Array, h: Array, tau: Array, rule: str | None, kernel: str, soft: bool, leave_one_out: bool
) -> tuple[Array, Array]:
    """The entropy, and the squared pivots of the correlation matrix (for a rule)."""
    if rule is None:
        scales, scaled, pivots = h, x / h[None, :], jnp.ones_like(h)
    else:
        scales, scaled, pivots = _whitened(x, _covariance(x), _rule(rule, *x.shape))
    return -jnp.mean(_log_density(scaled, scales, tau, kernel, soft, leave_one_out)), pivots


@functools.partial(jax.jit, static_argnames=("rule", "kernel", "soft", "leave_one_out"))
def _mutual_information(
    x: Array, y: Array, h: Array, tau: Array, rule: str | None, kernel: str, soft: bool, leave_one_out: bool
) -> tuple[Array, Array]:
    """The mutual information, and the squared pivots of the joint correlation matrix (for a rule)."""
    joint, split = jnp.concatenate([x, y], axis=1), x.shape[1]
    if rule is None:
        scales, scaled, pivots = h, joint / h[None, :], jnp.ones_like(h)
        of_y = scales[split:], scaled[:, split:]
    else:
        covariance, factor = _covariance(joint), _rule(rule, *joint.shape)
        scales, scaled, pivots = _whitened(joint, covariance, factor)
        of_y = _whitened(y, _lapack.after(covariance[split:, split:], scaled[:1, :1]), factor)[:2]
    # The first columns of the whitened pairs are the whitened x.
    parts = (scales, scaled), (scales[:split], scaled[:, :split]), of_y
    joint_log, x_log, y_log = (
        _log_density(scaled, scales, tau, kernel, soft, leave_one_out) for scales, scaled in parts
    )
    return jnp.mean(joint_log - x_log - y_log), pivots


def _whitened(x: Array, covariance: Array, factor: float) -> tuple[Array, Array, Array]:
    """Scales and coordinates in which the kernel is round, and the squared pivots of the correlation matrix."""
    L, transposed = _lapack.whiten(factor * covariance, (x - jnp.mean(x, axis=0, keepdims=True)).T)
    scales = jnp.diagonal(L)
    return scales, transposed.T, scales**2 / (factor * jnp.diagonal(covariance))


def _rule(rule: str, n: int, d: int) -> float:
    """The squared factor of the covariance."""
    effective = n if rule == "scott" else n * (d + 2) / 4
    return effective ** (-2 / (d + 4))


def _log_density(u: Array, scales: Array, tau: Array, kernel: str, soft: bool, leave_one_out: bool) -> Array:
    """log f at every sample, shape (n,), from coordinates in which the kernel is round; prod(scales) is its volume."""
    n, d = u.shape
    norm = d * math.log(2 * math.pi) / 2 if kernel == "gaussian" else 0.0
    log_mean = _log_sums(u, tau, kernel, soft, leave_one_out) - math.log(n - 1 if leave_one_out else n)
    return log_mean - norm - jnp.sum(jnp.log(scales))


def _log_sums(u: Array, tau: Array, kernel: str, soft: bool, leave_one_out: bool) -> Array:
    """log sum_j k(u_i - u_j), by blocks of rows i; j = i is left out by index, whatever else lies at one point."""
    n, d = u.shape
    rows = min(n, max(1, _TILE // n))
    num_blocks = -(-n // rows)
    columns = [u[:, k] for k in range(d)]

    @jax.checkpoint
    def block(first: Array) -> Array:
        index = jnp.minimum(first + jnp.arange(rows), n - 1)
        log_kernel = jnp.zeros((rows, n), u.dtype)
        for column in columns:
            log_kernel = log_kernel + _log_kernel(column[index][:, None] - column[None, :], tau, kernel, soft)
        if leave_one_out:
            log_kernel = jnp.where(index[:, None] == jnp.arange(n)[None, :], -jnp.inf, log_kernel)
        return jax.nn.logsumexp(log_kernel, axis=1)

    return jax.lax.map(block, rows * jnp.arange(num_blocks)).reshape(-1)[:n]


def _log_kernel(difference: Array, tau: Array, kernel: str, soft: bool) -> Array:
    """Of one column, entry by entry; the gaussian up to its norm."""
    if kernel == "gaussian":
        return -(difference**2) / 2
    if not soft:
        return jnp.where(jnp.abs(difference) <= 1 / 2, 0, -jnp.inf).astype(difference.dtype)
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b - a)), with a - b = 1 / tau.
    inside = jax.nn.log_sigmoid((1 / 2 + difference) / tau) + jax.nn.log_sigmoid((1 / 2 - difference) / tau)
    return inside + jnp.log(-jnp.expm1(-1 / tau))
