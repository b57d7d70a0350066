"""The worst case over distributions of which no entry exceeds 1 / k, with a divergence from uniform held against it."""

import functools
import math

import jax
import jax.numpy as jnp

from entropax._typing import Array


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def worst_case(d: Array, temperature: Array, k: int) -> Array:
    """max_p sum_k p_k d_k - t KL(p | uniform) over distributions with p <= 1 / k, by envelope differentiable.

    Args:
        d: violations, shape (..., n); minus infinity rules a class out.
        temperature: t >= 0, infinity included, shape (...).
        k: from 1 to n.
    """
    free = _log_mean_exp(d, temperature)
    if k == 1:
        return free
    p = maximizer(d, temperature, k)
    finite = jnp.where(jnp.isinf(temperature), 0, temperature)
    mean = jnp.sum(jnp.where(p > 0, p, 0) * jnp.where(p > 0, d, 0), axis=-1)
    capped = mean - finite * divergence_from_uniform(p)
    return jnp.where(jnp.max(p, axis=-1) >= 1 / k, capped, free)


@worst_case.defjvp
def _worst_case_jvp(k: int, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    d, temperature = primals
    p = maximizer(d, temperature, k)
    slope = jnp.sum(p * tangents[0], axis=-1) - divergence_from_uniform(p) * tangents[1]
    return worst_case(d, temperature, k), slope


def maximizer(d: Array, t: Array, k: int) -> Array:
    """The p of `worst_case`."""
    possible = d > -jnp.inf
    top = jax.lax.stop_gradient(jnp.max(d, axis=-1, keepdims=True))
    gap = jnp.where(possible, d - top, 0) / jnp.where(t == 0, 1, t)[..., None]
    # The least number for minus infinity, of which a softmax over the classes left might be NaN.
    x = jnp.where(possible, jnp.maximum(gap, jnp.finfo(d.dtype).min), jnp.finfo(d.dtype).min)
    if k == 1:
        largest = (d >= top).astype(d.dtype)
        soft, hard = jax.nn.softmax(x, axis=-1), largest / jnp.sum(largest, axis=-1, keepdims=True)
    else:
        rank = jnp.argsort(jnp.argsort(-d, axis=-1), axis=-1)
        num_capped = _num_capped(jax.lax.stop_gradient(x), k)[..., None]
        free = rank >= num_capped
        rest = 1 - num_capped.astype(d.dtype) / k
        soft = jnp.where(free, rest * jax.nn.softmax(jnp.where(free, x, -jnp.inf), axis=-1), 1 / k)
        hard = (rank < k).astype(d.dtype) / k
    return jnp.where((t == 0)[..., None], hard, soft)


def divergence_from_uniform(p: Array) -> Array:
    """KL(p | uniform) = log n + sum_k p_k log p_k."""
    present = p > 0
    return math.log(p.shape[-1]) + jnp.sum(jnp.where(present, p * jnp.log(jnp.where(present, p, 1)), 0), axis=-1)


def _log_mean_exp(d: Array, t: Array) -> Array:
    """T log mean exp(d / t): the maximum of d at t = 0, the mean at infinity, accurate between."""
    mean, top = jnp.mean(d, axis=-1), jnp.max(d, axis=-1)
    inside = jnp.where((t > 0) & (t < jnp.inf), t, 1)
    x = (d - mean[..., None]) / inside[..., None]
    near = jnp.max(jnp.abs(x), axis=-1) < 1  # a hot softmax: t log n would cancel
    hot = mean + inside * jnp.log1p(jnp.mean(jnp.expm1(jnp.where(near[..., None], x, 0)), axis=-1))
    cold = top + inside * jnp.log(jnp.mean(jnp.exp((d - top[..., None]) / inside[..., None]), axis=-1))
    return jnp.where(t == 0, top, jnp.where(jnp.isinf(t), mean, jnp.where(near, hot, cold)))


def _num_capped(x: Array, k: int) -> Array:
    """How many of the largest x reach 1 / k: the fewest that leave min(1 / k, exp(x_i) / Z) below it for the rest."""
    ordered = -jnp.sort(-x, axis=-1)
    left = jnp.log1p(-jnp.arange(k, dtype=x.dtype) / k).reshape((1,) * (x.ndim - 1) + (k,))
    log_z = jax.lax.cumlogsumexp(ordered, axis=x.ndim - 1, reverse=True)[..., :k] - left
    fits = (ordered[..., :k] - log_z <= -math.log(k)).at[..., -1].set(True)
    return jnp.argmax(fits, axis=-1)
