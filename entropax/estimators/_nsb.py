"""The integral of Nemenman, Shafee and Bialek over the concentration of a Dirichlet prior.

With t = log beta the integrand is smooth on the scale of one and falls exponentially on both sides, so the trapezoid
rule converges geometrically once its step resolves the peak. The peak is found by looking again, ever closer, at where
the integrand is not negligible; that interval is held when one differentiates, which the integral does not notice.
"""

import math

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, polygamma

from entropax._typing import Array
from entropax.estimators._beta_function import log_beta

_LOOKS = 3  # each narrows a sharp peak by a factor of about 30
_LOOK_NODES = 64
_NODES = 512  # of the rule itself
_TOGETHER = 32  # nodes evaluated at once: what bounds the memory to 32 times the counts


def nsb_entropy(counts: Array, unobserved: float) -> Array:
    """Posterior mean of the entropy under the prior that is nearly flat in it.

    Args:
        counts: shape (k,).
        unobserved: how many states there are besides, with no count.

    Returns:
        The entropy in nats.
    """
    dtype = counts.dtype
    num_states = counts.size + unobserved
    if num_states == 1:
        return jnp.zeros((), dtype) * jnp.sum(counts)
    total = jnp.sum(counts)
    negligible = 4 - math.log(jnp.finfo(dtype).eps)
    # The weight falls as beta below 1 / K and as 1 / beta above N^2.
    start = jnp.asarray(-negligible - math.log(num_states), dtype)
    stop = negligible + 2 * jnp.log(jnp.maximum(total, 1))
    for _ in range(_LOOKS):
        start, stop = jax.lax.stop_gradient(_closer(counts, num_states, start, stop, negligible))
    t = start + (stop - start) * jnp.linspace(0, 1, _NODES, dtype=dtype)

    def node(t: Array) -> tuple[Array, Array]:
        return _log_weight(t, counts, num_states), _mean_entropy(t, counts, unobserved)

    # What a node needs is computed again on the way back: the gradient takes no more memory than the value.
    log_weights, entropies = jax.lax.map(jax.checkpoint(node), jax.lax.stop_gradient(t), batch_size=_TOGETHER)
    return jnp.sum(jax.nn.softmax(log_weights) * entropies)


def _closer(counts: Array, num_states: float, start: Array, stop: Array, negligible: float) -> tuple[Array, Array]:
    """The part of [start, stop] where the weight is not negligible, one node more on either side."""
    t = start + (stop - start) * jnp.linspace(0, 1, _LOOK_NODES, dtype=start.dtype)
    log_weights = jax.lax.map(lambda one: _log_weight(one, counts, num_states), t, batch_size=_TOGETHER)
    matters = log_weights > jnp.max(log_weights) - negligible
    first = jnp.argmax(matters)
    last = _LOOK_NODES - 1 - jnp.argmax(matters[::-1])
    return t[jnp.maximum(first - 1, 0)], t[jnp.minimum(last + 1, _LOOK_NODES - 1)]


def _log_weight(t: Array, counts: Array, num_states: float) -> Array:
    """log of the prior density of log beta times the evidence B(N, K beta) / prod B(n_i, beta), but for a constant."""
    beta = jnp.exp(t)
    seen = counts > 0
    evidence = log_beta(jnp.sum(counts), num_states * beta)
    evidence = evidence - jnp.sum(jnp.where(seen, log_beta(jnp.where(seen, counts, 1), beta), 0))
    return jnp.log(_prior(beta, num_states)) + evidence


def _prior(beta: Array, num_states: float) -> Array:
    """beta d xi / d beta, where xi = psi(K beta + 1) - psi(beta + 1) is the prior mean of the entropy.

    With g(x) = x psi_1(x + 1) it is g(K beta) - g(beta). As g tends to one, large beta takes the difference of 1 - g.
    """
    (g_all, rest_all), (g_one, rest_one) = _scaled_trigamma(num_states * beta), _scaled_trigamma(beta)
    return jnp.where(beta < 1, g_all - g_one, rest_one - rest_all)


def _scaled_trigamma(x: Array) -> tuple[Array, Array]:
    """g = x psi_1(x + 1) and 1 - g, the latter by its asymptotic series for large x."""
    large = x > 20
    inverse = 1 / jnp.where(large, x, 20)
    s = inverse**2
    tail = s * (1 / 30 - s * (1 / 42 - s * (1 / 30 - s * 5 / 66)))
    series = inverse * (1 / 2 - inverse * (1 / 6 - tail))
    near = jnp.where(large, 1, x)
    g = near * polygamma(1, near + 1)
    return jnp.where(large, 1 - series, g), jnp.where(large, series, 1 - g)


def _mean_entropy(t: Array, counts: Array, unobserved: float) -> Array:
    beta = jnp.exp(t)
    return dirichlet_mean_entropy(counts + beta, beta, unobserved)


def dirichlet_mean_entropy(parameters: Array, unobserved_parameter: Array, unobserved: float) -> Array:
    """Mean entropy under a Dirichlet distribution, psi(A + 1) - sum_i (a_i / A) psi(a_i + 1) with A the sum of a_i.

    Args:
        parameters: a, shape (..., k).
        unobserved_parameter: that of each further state, shape (...).
        unobserved: the number of further states.

    Returns:
        The mean, shape (...). Source: Wolpert and Wolf, Phys. Rev. E 52, 6841 (1995).
    """
    total = jnp.sum(parameters, axis=-1) + unobserved * unobserved_parameter
    moment = jnp.sum(parameters * digamma(parameters + 1), axis=-1)
    if unobserved:
        moment = moment + unobserved * unobserved_parameter * digamma(unobserved_parameter + 1)
    return digamma(total + 1) - moment / total
