"""Distances from samples to centres that compare coordinates one by one: Chebyshev, Hamming, Canberra, Bray-Curtis."""

from typing import Literal

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar
from entropax.nn import _pairwise


def chebyshev_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    variant: Literal["hard", "standard", "smooth"] = "hard",
    temperature: RealScalar = 1.0,
    sharpness: RealScalar = 10.0,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Chebyshev distance, max_k |x_k - w_ik| + eps, and the two soft forms of arXiv 2603.10225.

    The soft forms measure r_k = |x_k - w_ik| / (s_i + eps), with s_i the standard deviation (of a sample, n - 1) of
    |x_k - w_ik| over k: "standard" is the mean of r weighted by softmax(r / temperature), "smooth" is
    log sum_k exp(sharpness r_k) / sharpness; both plus eps. They do not change with the scale of x and w together.

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        variant: "hard" is the maximum.
        temperature: of "standard", positive; the mean tends to the maximum of r as it tends to zero.
        sharpness: of "smooth", positive; the same as it tends to infinity. The study keeps it in [1, 20].
        eps: at least 0, and positive in the soft forms, where s can vanish; 1e-4 in the study.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit (the soft forms need k >= 2), the variant is unknown, or a number is out of
            range.

    Differentiable in x, the centres and the numbers; "hard" where the largest difference is unique.
    """
    _checks.require_option("variant", variant, ("hard", "standard", "smooth"))
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    temperature, sharpness, eps = _pairwise.parameters(x.dtype, temperature=temperature, sharpness=sharpness, eps=eps)
    if variant == "hard":
        d, check = _pairwise.over_centers(_largest, block_size, x, w), _checks.nonnegative("eps", eps)
        return _checks.enforce((d + eps).astype(dtype), check)
    if x.shape[-1] < 2:
        raise ValueError(f"x must have shape (..., k) with k >= 2 for variant {variant!r}, got {x.shape}")
    measure, name, number = (
        (_weighted_largest, "temperature", temperature)
        if variant == "standard"
        else (_smooth_largest, "sharpness", sharpness)
    )
    d = _pairwise.over_centers(measure, block_size, x, w, number, eps) + eps
    return _checks.enforce(d.astype(dtype), _checks.positive(name, number), _checks.positive("eps", eps))


def hamming_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    variant: Literal["soft", "gumbel", "hard"] = "soft",
    temperature: RealScalar | None = None,
    threshold: RealScalar = 0.5,
    key: PRNGKey | None = None,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Hamming distance, the number of bits b(x)_k != b(w_i)_k, plus eps; the bits are made soft in two of three forms.

    "soft" has b(x) = sigmoid(x / T), "gumbel" sigmoid((x + g) / T) with Gumbel noise g, cut at +-10, "hard" the bit
    1[x > threshold]. The sum of |b(x)_k - b(w_i)_k| is the distance.

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        variant: of the bits.
        temperature: T, positive; by default that of arXiv 2603.10225: 1, 0.5 for "gumbel", 0.1 for "hard".
        threshold: of "hard".
        key: of the noise of "gumbel"; None, as in evaluation, for no noise.
        eps: at least 0; 1e-4 in the study.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit, the variant is unknown, a key is given to another variant than "gumbel", or a
            number is out of range.

    Differentiable in x, the centres, eps and, in the soft forms, T. "hard" is piecewise constant: its gradients are
    those of sigmoid((x - threshold) / T) where bits differ (straight-through), and no derivatives.
    """
    _checks.require_option("variant", variant, ("soft", "gumbel", "hard"))
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    if temperature is None:
        temperature = {"soft": 1.0, "gumbel": 0.5, "hard": 0.1}[variant]
    T, threshold, eps = _pairwise.parameters(x.dtype, temperature=temperature, threshold=threshold, eps=eps)
    if key is not None:
        if variant != "gumbel":
            raise ValueError(f"key must be None for variant {variant!r}, which has no noise")
        _checks.require_key("key", key)
        noises = [
            jnp.clip(jax.random.gumbel(k, a.shape, a.dtype), -10, 10)
            for k, a in zip(jax.random.split(key), (x, w), strict=True)
        ]
        x, w = x + noises[0], w + noises[1]
    bits = (lambda a: _hard_bits(a, threshold, T)) if variant == "hard" else (lambda a: jax.nn.sigmoid(a / T))
    d = _pairwise.over_centers(_total, block_size, bits(x), bits(w)) + eps
    return _checks.enforce(d.astype(dtype), _checks.positive("temperature", T), _checks.nonnegative("eps", eps))


def canberra_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    variant: Literal["standard", "robust", "weighted"] = "standard",
    floor: RealScalar = 1e-2,
    power: RealScalar = 0.5,
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Canberra distance, sum_k |x_k - w_ik| / (|x_k| + |w_ik|) + eps, where 0 / 0 is 0.

    "standard" has eps for the least denominator, "robust" the floor. "weighted" is the mean of
    |x_k - w_ik| / (a_k + eps), a_k = |x_k| + |w_ik|, under weights in proportion to (a_k + eps)^power.

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        variant: of the denominators and weights.
        floor: of "robust", positive.
        power: of "weighted".
        eps: at least 0; the study of arXiv 2603.10225 has 1e-4.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs.

    Raises:
        ValueError: a shape does not fit, the variant is unknown, or a number is out of range.

    Differentiable in x, the centres and the numbers, away from zero coordinates and from equal ones.
    """
    _checks.require_option("variant", variant, ("standard", "robust", "weighted"))
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    floor, power, eps = _pairwise.parameters(x.dtype, floor=floor, power=power, eps=eps)
    if variant == "weighted":
        d = _pairwise.over_centers(_weighted_canberra, block_size, x, w, power, eps)
    else:
        d = _pairwise.over_centers(_canberra, block_size, x, w, floor if variant == "robust" else eps)
    checks = (_checks.positive("floor", floor), _checks.finite("power", power), _checks.nonnegative("eps", eps))
    return _checks.enforce((d + eps).astype(dtype), *checks)


def bray_curtis_distance(
    x: Real[ArrayLike, "*batch k"],
    centers: Real[ArrayLike, "v k"],
    *,
    variant: Literal["abs", "standard", "normalized"] = "abs",
    eps: RealScalar = 0.0,
    block_size: int | None = None,
) -> Float[Array, "*batch v"]:
    """Bray-Curtis distance, sum_k |x_k - w_ik| / D + eps.

    D is sum_k (|x_k| + |w_ik|) + eps in "abs", and |sum_k (x_k + w_ik)| + eps, at least 10 eps, in "standard", whose D
    can vanish where features have both signs. "normalized" first scales |x| + eps and |w_i| + eps to sum one.

    Args:
        x: samples, shape (..., k).
        centers: w, shape (v, k).
        variant: of the denominator. The three agree where x and w are positive and have the same sum.
        eps: at least 0; the study of arXiv 2603.10225 has 1e-3.
        block_size: centres at a time, which bounds the memory of the differences; None for all.

    Returns:
        The distances, shape (..., v), in the dtype of the inputs; infinite where D vanishes and the numerator does not.

    Raises:
        ValueError: a shape does not fit, the variant is unknown, or eps is negative.

    Differentiable in x, the centres and eps, away from zero coordinates and from equal ones.
    """
    _checks.require_option("variant", variant, ("abs", "standard", "normalized"))
    x, w, dtype = _pairwise.operands(x, centers)
    _pairwise.require_block_size(block_size)
    (eps,) = _pairwise.parameters(x.dtype, eps=eps)
    if variant == "normalized":
        x, w = _shares(x, eps), _shares(w, eps)
    measure = _bray_curtis_signed if variant == "standard" else _bray_curtis
    d = _pairwise.over_centers(measure, block_size, x, w, eps) + eps
    return _checks.enforce(d.astype(dtype), _checks.nonnegative("eps", eps))


def _largest(x: Array, w: Array) -> Array:
    return jnp.max(_pairwise.magnitude(x - w), axis=-1)


def _total(x: Array, w: Array) -> Array:
    return jnp.sum(_pairwise.magnitude(x - w), axis=-1)


def _scaled(x: Array, w: Array, eps: Array) -> Array:
    """|x - w| over its standard deviation."""
    a = _pairwise.magnitude(x - w)
    variance = jnp.var(a, axis=-1, ddof=1, keepdims=True)
    return a / (_pairwise.safe_sqrt(variance) + eps)


def _weighted_largest(x: Array, w: Array, temperature: Array, eps: Array) -> Array:
    r = _scaled(x, w, eps)
    return jnp.sum(jax.nn.softmax(r / temperature, axis=-1) * r, axis=-1)


def _smooth_largest(x: Array, w: Array, sharpness: Array, eps: Array) -> Array:
    return jax.nn.logsumexp(sharpness * _scaled(x, w, eps), axis=-1) / sharpness


@jax.custom_jvp
def _hard_bits(a: Array, threshold: Array, temperature: Array) -> Array:
    """1[a > threshold], whose tangent is that of sigmoid((a - threshold) / temperature)."""
    return (a > threshold).astype(a.dtype)


@_hard_bits.defjvp
def _hard_bits_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    soft = jax.jvp(lambda a, threshold, T: jax.nn.sigmoid((a - threshold) / T), primals, tangents)[1]
    return _hard_bits(*primals), soft


def _canberra(x: Array, w: Array, floor: Array) -> Array:
    return jnp.sum(
        _pairwise.ratio(
            _pairwise.magnitude(x - w), jnp.maximum(_pairwise.magnitude(x) + _pairwise.magnitude(w), floor)
        ),
        axis=-1,
    )


def _weighted_canberra(x: Array, w: Array, power: Array, eps: Array) -> Array:
    a = _pairwise.magnitude(x) + _pairwise.magnitude(w) + eps
    positive = a > 0
    weights = jnp.where(positive, jnp.where(positive, a, 1) ** power, 0)
    return _pairwise.ratio(
        jnp.sum(weights * _pairwise.ratio(_pairwise.magnitude(x - w), a), -1), jnp.sum(weights, axis=-1)
    )


def _bray_curtis(x: Array, w: Array, eps: Array) -> Array:
    return _pairwise.ratio(_total(x, w), jnp.sum(_pairwise.magnitude(x) + _pairwise.magnitude(w), axis=-1) + eps)


def _bray_curtis_signed(x: Array, w: Array, eps: Array) -> Array:
    return _pairwise.ratio(_total(x, w), jnp.maximum(_pairwise.magnitude(jnp.sum(x + w, axis=-1)) + eps, 10 * eps))


def _shares(x: Array, eps: Array) -> Array:
    a = _pairwise.magnitude(x) + eps
    return _pairwise.ratio(a, jnp.sum(a, axis=-1, keepdims=True))
