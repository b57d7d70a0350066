"""Ordinal patterns: the order of a series' values within sliding windows, its distribution, entropy and complexity.

A window of `order` samples, `interval` apart, is reduced to the ranks of its values. Windows overlap, one starts at
every sample that leaves room: P = t - interval (order - 1) of them. Counts of patterns are piecewise constant in the
series; with a `temperature` every window spreads over all patterns instead, and gradients flow.
"""

import functools
import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar

MAX_ORDER = 8
"""Largest order: its 40,320 patterns still make a table."""

_TILE = 1 << 18  # entries of a block of windows times patterns


class OrdinalPatterns(eqx.Module):
    """The pattern of every window.

    Attributes:
        value: index of the pattern, shape (P,), in [0, order!).
        valid: whether the series was finite; the indices mean nothing if not.
    """

    value: Int[Array, "windows"]
    valid: Bool[Array, ""]


def ordinal_pattern_indices(x: Real[ArrayLike, "t"], *, order: int = 5, interval: int = 1) -> OrdinalPatterns:
    """The ordinal pattern of every window, as the Lehmer code of its ranks.

    index = sum_i (order - 1 - i)! #{j > i: x_j < x_i}: the place of the ranks among all permutations in
    lexicographic order, that of `itertools.permutations(range(order))`; 0 is increasing, order! - 1 decreasing. Of
    equal values the earlier counts as the smaller, as in a stable sort.

    Args:
        x: the series, shape (t,), of any real dtype; integers are compared as integers.
        order: number of samples in a window, 2 to 8.
        interval: samples from one of them to the next.

    Returns:
        Indices, shape (t - interval (order - 1),), and their validity.

    Raises:
        ValueError: a window is longer than the series, order or interval is out of range, or x is not finite (under a
            transformation `valid` is then false).

    Piecewise constant: no gradients; see `soft_ordinal_distribution`. Source: Bandt and Pompe 2002,
    doi 10.1103/PhysRevLett.88.174102.
    """
    x = _series(x)
    _require_windows(x, order, interval)
    valid = _checks.validity(_checks.finite("x", x))
    return OrdinalPatterns(_codes(x, interval, order)[: x.size - interval * (order - 1)], valid)


def ordinal_distribution(
    x: Real[ArrayLike, "t"],
    *,
    order: int = 5,
    interval: Int[ArrayLike, ""] = 1,
    weights: Real[ArrayLike, "windows"] | None = None,
) -> Float[Array, "patterns"]:
    """Relative frequencies of the ordinal patterns, p_k = sum of the weights of windows of pattern k / sum of weights.

    Args:
        x: the series, shape (t,), of any real dtype; integers are compared as integers.
        order: number of samples in a window, 2 to 8.
        interval: samples from one of them to the next; as an integer array it may differ from series to series under
            `jax.vmap`.
        weights: one for each of the t - interval (order - 1) windows, for example their variances; equal by default.
            They need an interval that is a Python integer.

    Returns:
        p, shape (order!,), in the order of `ordinal_pattern_indices`.

    Raises:
        ValueError: a window is longer than the series, order or interval is out of range, x is not finite, or weights
            are negative or all zero.

    Differentiable in the weights; piecewise constant in x, see `soft_ordinal_distribution`. Source: Bandt and Pompe
    2002, doi 10.1103/PhysRevLett.88.174102; weights: Fadlallah et al. 2013, doi 10.1103/PhysRevE.87.022911.
    """
    x = _series(x)
    checks = _require_windows(x, order, interval)
    if weights is None:
        p = _frequencies(x, interval, order)
    else:
        if not isinstance(interval, (int, np.integer)):
            raise TypeError("interval must be a Python integer where weights are given, got an array")
        w = _checks.as_float("weights", weights)
        _checks.require_shape("weights", w, (x.size - int(interval) * (order - 1),))
        some = _checks.Check(jnp.any(w > 0), "weights must not all be zero", lambda: "all zero")
        checks = (*checks, _checks.nonnegative("weights", w), some)
        p = _weighted_frequencies(x, w.astype(_result_dtype(x, w)), interval, order)
    return _checks.enforce(p, *checks)


def soft_ordinal_distribution(
    x: Real[ArrayLike, "t"],
    temperature: RealScalar,
    *,
    order: int = 5,
    interval: Int[ArrayLike, ""] = 1,
) -> Float[Array, "patterns"]:
    """Frequencies of ordinal patterns of which every window takes a share, with gradients.

    A window x takes pattern r (its ranks) with probability proportional to
    prod_{i<j} s(+-(x_j - x_i) / T), s(z) = 1 / (1 + exp(-z)), one factor for each pair, + where r_j > r_i. Normalised
    over all patterns this is exp(sum_i r_i x_i / T) / Z, which is largest for the ranks of x. As T -> 0 it tends to the
    hard pattern; values that are equal share their mass among the patterns they lie between, where the hard form takes
    the earlier as the smaller.

    Args:
        x: the series, shape (t,).
        temperature: T > 0 in units of x; differences well above it count as an order.
        order: number of samples in a window, 2 to 8.
        interval: samples from one of them to the next, a Python integer or an integer array.

    Returns:
        p, shape (order!,), in the order of `ordinal_pattern_indices`.

    Raises:
        ValueError: a window is longer than the series, order or interval is out of range, x is not finite, or the
            temperature is not positive.

    Differentiable in x and the temperature. Memory grows as t order, in reverse mode too: blocks of windows are
    computed again. The relaxation is entropax's own.
    """
    x, temperature = _checks.as_floats(x=x, temperature=temperature)
    _checks.require_ndim("x", x, 1, "(t,)")
    _checks.require_ndim("temperature", temperature, 0, "()")
    checks = (*_require_windows(x, order, interval), _checks.positive("temperature", temperature))
    x, temperature = _checks.accumulated(x), _checks.accumulated(temperature)
    return _checks.enforce(_soft_frequencies(x, temperature, interval, order), *checks)


def permutation_entropy(
    x: Real[ArrayLike, "t"],
    *,
    order: int = 5,
    interval: Int[ArrayLike, ""] = 1,
    temperature: RealScalar | None = None,
    normalize: bool = True,
    base: int | float | None = None,
) -> Scalar:
    """Permutation entropy, H = -sum_k p_k log p_k / log order! over the ordinal patterns.

    Biased low in short series: for patterns of equal probability by (order! - 1) / (2 P log order!) with P windows.

    Args:
        x: the series, shape (t,).
        order: number of samples in a window, 2 to 8.
        interval: samples from one of them to the next, a Python integer or an integer array.
        temperature: None counts patterns; otherwise p is `soft_ordinal_distribution`'s at this temperature.
        normalize: whether to divide by log order!, the entropy of patterns of equal probability.
        base: of the logarithm where it is not normalised; nats by default, 2 for bits.

    Returns:
        H, in [0, 1] where normalised.

    Raises:
        ValueError: as `ordinal_distribution` and `soft_ordinal_distribution`; a base is given though it cancels.

    Differentiable in x and the temperature where one is given; counts have no gradients. Source: Bandt and Pompe 2002,
    doi 10.1103/PhysRevLett.88.174102.
    """
    if normalize and base is not None:
        raise ValueError(f"base must be None where normalize is true, which cancels it, got {base!r}")
    p = pattern_distribution(x, order, interval, temperature)
    return _entropy(p, base=math.factorial(order) if normalize else base)


def statistical_complexity(p: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Jensen-Shannon statistical complexity of a distribution, C = Q JSD(p, u) H(p) / log n.

    u is uniform over the n outcomes, and Q makes the largest divergence, that of one sure outcome, 1:
    1 / Q = -[(1 + 1/n) log(n + 1) - 2 log 2n + log n] / 2. Zero for order (H = 0) and for noise (p = u).

    Args:
        p: probabilities, shape (..., n), n > 1, each row summing to one.

    Returns:
        C, shape (...), in [0, 1).

    Raises:
        ValueError: p has fewer than two outcomes, a negative entry, or does not sum to one.

    Differentiable in p; where p_i = 0 (an infinite slope) the gradient is taken as zero. Source: Lamberti et al. 2004,
    doi 10.1016/j.physa.2003.11.005; Rosso et al. 2007, doi 10.1103/PhysRevLett.99.154102.
    """
    p = _checks.as_float("p", p)
    if p.ndim < 1 or p.shape[-1] < 2:
        raise ValueError(f"p must have shape (..., n) with n >= 2, got {p.shape}")
    return _checks.enforce(_complexity(p), _checks.distribution("p", p))


def largest_divergence(n: int) -> float:
    """The largest Jensen-Shannon divergence from the uniform distribution, that of a sure outcome.

    Args:
        n: number of outcomes.

    Returns:
        The divergence in nats, -((1 + 1/n) log(n + 1) - 2 log 2n + log n) / 2. Source: arXiv 2407.11970.
    """
    return -((1 + 1 / n) * math.log(n + 1) - 2 * math.log(2 * n) + math.log(n)) / 2


def pattern_distribution(x: ArrayLike, order: int, interval: ArrayLike, temperature: RealScalar | None) -> Array:
    """The hard distribution of patterns, or the soft one where there is a temperature.

    Args:
        x: series, shape (t,).
        order: values in a pattern.
        interval: steps between them.
        temperature: of `soft_ordinal_distribution`, or None.

    Returns:
        Probabilities, shape (order!,).

    Raises:
        ValueError: as the two raise.
    """
    if temperature is None:
        return ordinal_distribution(x, order=order, interval=interval)
    return soft_ordinal_distribution(x, temperature, order=order, interval=interval)


# ------------------------------------------------------------------------------------------------------------- checks


def _series(x: ArrayLike) -> Array:
    """`x` as an array with one axis; integers stay integers, whose order a float might not keep."""
    floating = _checks.as_float("x", x)
    _checks.require_ndim("x", floating, 1, "(t,)")
    with _checks.evaluated_now(x):
        return jnp.asarray(x) if jnp.issubdtype(jnp.result_type(x), jnp.integer) else floating


def _require_windows(x: Array, order: int, interval: ArrayLike) -> tuple[_checks.Check, ...]:
    """Checks of the values of x and of an interval that is an array; raises where a window cannot fit."""
    _checks.require_integer("order", order, minimum=2, maximum=MAX_ORDER)
    longest = (x.size - 1) // (order - 1)
    if longest < 1:
        raise ValueError(f"x must have at least {order} samples, one window of this order, got {x.size}")
    if not isinstance(interval, (jax.Array, np.ndarray)):
        _checks.require_integer("interval", interval, minimum=1, maximum=longest)
        return (_checks.finite("x", x),)
    if not jnp.issubdtype(interval.dtype, jnp.integer) or interval.ndim:
        raise TypeError(f"interval must be one integer, got shape {interval.shape} and dtype {interval.dtype}")
    return (_checks.finite("x", x), fits("interval", interval, longest))


def fits(name: str, interval: ArrayLike, longest: int, *, batch_ndim: int = 0) -> _checks.Check:
    """The check that intervals leave room for a window.

    Args:
        name: of the argument.
        interval: integers of any shape.
        longest: the largest that fits.
        batch_ndim: leading axes that are judged separately.

    Returns:
        The check.
    """
    words = f"at least 1 and at most {longest}, for a window to fit"
    return _checks.within(name, jnp.asarray(interval), 1, longest, words, batch_ndim=batch_ndim)


def _result_dtype(*arrays: Array) -> jnp.dtype:
    """That of the floating arrays, at least float32; the default float where there are none."""
    floating = [a.dtype for a in arrays if jnp.issubdtype(a.dtype, jnp.floating)]
    dtype = jnp.result_type(*floating) if floating else jnp.result_type(float)
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.dtype(jnp.float32)


# ------------------------------------------------------------------------------------------------------------ kernels


_entropy = jax.jit(information.entropy, static_argnames="base")


@jax.jit
def _complexity(p: Array) -> Array:
    n = p.shape[-1]
    divergence = information.js_divergence(p, jnp.full_like(p, 1 / n)) / largest_divergence(n)
    return divergence * information.entropy(p, base=n)


def _columns(x: Array, interval: ArrayLike, order: int) -> list[Array]:
    """The samples of every window, each of shape (t,); those beyond the last window wrap around."""
    shift = jnp.asarray(interval, jnp.int32)  # a traced number: one program for all intervals
    return [jnp.roll(x, -k * shift) for k in range(order)]


def _inside(x: Array, interval: ArrayLike, order: int) -> Array:
    """Which of the t windows do not wrap around."""
    return jnp.arange(x.size, dtype=jnp.int32) < x.size - jnp.asarray(interval, jnp.int32) * (order - 1)


@functools.partial(jax.jit, static_argnames="order")
def _codes(x: Array, interval: ArrayLike, order: int) -> Array:
    """Lehmer codes of all t windows: digit i, of base order - i, counts the later values that are smaller."""
    column = _columns(x, interval, order)
    code = jnp.zeros(x.shape, jnp.int32)
    for i in range(order - 1):
        digit = sum((column[j] < column[i]).astype(jnp.int32) for j in range(i + 1, order))
        code = code * (order - i) + digit
    return code


def _binned(x: Array, amounts: Array, interval: ArrayLike, order: int) -> Array:
    """The amounts of all t windows added by pattern; those of windows that wrap around go to a last bin, cut off."""
    patterns = math.factorial(order)
    code = jnp.where(_inside(x, interval, order), _codes(x, interval, order), patterns)
    return jnp.zeros(patterns + 1, amounts.dtype).at[code].add(amounts, mode="promise_in_bounds")[:-1]


@functools.partial(jax.jit, static_argnames="order")
def _frequencies(x: Array, interval: ArrayLike, order: int) -> Array:
    counts = _binned(x, jnp.ones((), jnp.int32), interval, order).astype(_result_dtype(x))
    return counts / jnp.sum(counts)


@functools.partial(jax.jit, static_argnames="order")
def _weighted_frequencies(x: Array, weights: Array, interval: ArrayLike, order: int) -> Array:
    amounts = _binned(x, jnp.pad(weights, (0, x.size - weights.size)), interval, order)
    return amounts / jnp.sum(amounts)


@functools.partial(jax.jit, static_argnames="order")
def _soft_frequencies(x: Array, temperature: Array, interval: ArrayLike, order: int) -> Array:
    patterns = math.factorial(order)
    block = min(x.size, max(1, _TILE // patterns))
    ranks = np.array(list(itertools.permutations(range(order))), x.dtype) - (order - 1) / 2
    ranks = jnp.asarray(ranks, x.dtype)
    windows, inside = jnp.stack(_columns(x, interval, order), axis=-1), _inside(x, interval, order)
    padding = -x.size % block
    windows = jnp.pad(windows, ((0, padding), (0, 0))).reshape(-1, block, order)
    inside = jnp.pad(inside, (0, padding)).reshape(-1, block)

    @jax.checkpoint
    def add(total: Array, one: tuple[Array, Array]) -> tuple[Array, None]:
        window, counted = one
        # Ranks are centred, and so are windows: a large offset would drown the differences.
        centred = (window - jnp.mean(window, axis=-1, keepdims=True)) / temperature
        share = jax.nn.softmax(jnp.matmul(centred, ranks.T, precision="highest"), axis=-1)
        return total + jnp.sum(jnp.where(counted[:, None], share, 0), axis=0), None

    total, _ = jax.lax.scan(add, jnp.zeros(patterns, x.dtype), (windows, inside))
    return total / jnp.sum(total)
