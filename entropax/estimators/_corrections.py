"""Entropy from counts: one function for each correction of the plug-in estimate.

Each takes the counts, shape (..., k), the number of further states without a count, and the parameter of a Dirichlet
prior, and returns the entropy, shape (...), in nats. n_i are the counts, N their sum, p_i = n_i / N and K the number of
states.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma

from entropax._typing import Array
from entropax.estimators._nsb import dirichlet_mean_entropy, nsb_entropy

PRIORS = ("laplace", "jeffreys", "perks", "minimax")


def concentration_of(prior: str, counts: Array, unobserved: float) -> Array:
    """The parameter of the symmetric Dirichlet prior of this name, shape (...)."""
    total = jnp.sum(counts, axis=-1)
    num_states = counts.shape[-1] + unobserved
    return {
        "laplace": lambda: jnp.ones_like(total),
        "jeffreys": lambda: jnp.full_like(total, 1 / 2),
        "perks": lambda: jnp.full_like(total, 1 / num_states),
        "minimax": lambda: jnp.sqrt(total) / num_states,
    }[prior]()


def shannon(p: Array) -> Array:
    """-sum p log p over the last axis; terms at p = 0 are 0 with a zero gradient."""
    positive = p > 0
    return -jnp.sum(jnp.where(positive, p * jnp.log(jnp.where(positive, p, 1)), 0), axis=-1)


def _total(counts: Array) -> Array:
    return jnp.sum(counts, axis=-1, keepdims=True)


def _seen(counts: Array) -> tuple[Array, Array]:
    """Which states were observed, and the counts with 1 in place of 0."""
    seen = counts > 0
    return seen, jnp.where(seen, counts, 1)


def _sum_seen(counts: Array, term: Callable[[Array, Array], Array]) -> Array:
    """Sum over the observed states of p_i term(n_i, N)."""
    seen, n = _seen(counts)
    total = _total(counts)
    return jnp.sum(jnp.where(seen, n / total * term(n, total), 0), axis=-1)


def _number_of(counts: Array, value: int) -> Array:
    return jnp.sum(counts == value, axis=-1).astype(counts.dtype)


def _alternating(n: Array) -> Array:
    """(-1)^n; between the integers cos(pi n), which is flat at them."""
    return jnp.cos(jnp.pi * jnp.mod(n, 2))


def plug_in(counts: Array, unobserved: float, concentration: Array) -> Array:
    """-sum p log p."""
    return shannon(counts / _total(counts))


def miller_madow(counts: Array, unobserved: float, concentration: Array) -> Array:
    """Plug-in plus (number of observed states - 1) / (2 N)."""
    observed = jnp.sum(counts > 0, axis=-1).astype(counts.dtype)
    total = jnp.sum(counts, axis=-1)
    return plug_in(counts, unobserved, concentration) + (observed - 1) / (2 * total)


def grassberger(counts: Array, unobserved: float, concentration: Array) -> Array:
    """log N - sum p_i G(n_i), G(n) = psi(n) + (-1)^n [psi((n + 1) / 2) - psi(n / 2)] / 2."""

    def term(n: Array, total: Array) -> Array:
        return jnp.log(total) - digamma(n) - _alternating(n) * (digamma((n + 1) / 2) - digamma(n / 2)) / 2

    return _sum_seen(counts, term)


def grassberger_1988(counts: Array, unobserved: float, concentration: Array) -> Array:
    """log N - sum p_i [psi(n_i) + (-1)^n_i / (n_i (n_i + 1))]."""
    return _sum_seen(counts, lambda n, total: jnp.log(total) - digamma(n) - _alternating(n) / (n * (n + 1)))


def chao_shen(counts: Array, unobserved: float, concentration: Array) -> Array:
    """-sum C p log(C p) / (1 - (1 - C p)^N) with the coverage C = 1 - f_1 / N."""
    total = _total(counts)
    singletons = _number_of(counts, 1)[..., None]
    coverage = 1 - jnp.where(singletons < total, singletons, total - 1) / total  # not 0 where all are singletons
    seen = counts > 0
    p = jnp.where(seen, coverage * counts / total, 1)
    certain = p >= 1
    inclusion = jnp.where(certain, 1, -jnp.expm1(total * jnp.log1p(-jnp.where(certain, 0, p))))
    return -jnp.sum(jnp.where(seen, p * jnp.log(p) / jnp.where(certain, 1, inclusion), 0), axis=-1)


def zhang(counts: Array, unobserved: float, concentration: Array) -> Array:
    """sum p_i [psi(N) - psi(n_i)], the closed form of Zhang's z-estimator."""
    return _sum_seen(counts, lambda n, total: digamma(total) - digamma(n))


def chao_wang_jost(counts: Array, unobserved: float, concentration: Array) -> Array:
    """Zhang's plus what the numbers of singletons and doubletons say of the unseen states.

    That term is (f_1 / N) (1 - A)^(1 - N) [-log A - sum_{r < N} (1 - A)^r / r], whose bracket is the tail of a
    logarithm's series: (f_1 / N) times the integral over s > 0 of (1 - A) e^(-N s) / (1 - (1 - A) e^-s).
    """
    total = jnp.sum(counts, axis=-1)
    f1, f2 = _number_of(counts, 1), _number_of(counts, 2)
    by_doubletons = 2 * f2 / jnp.where(f2 > 0, (total - 1) * f1 + 2 * f2, 1)
    by_singletons = 2 / jnp.where(f1 > 0, (total - 1) * (f1 - 1) + 2, 1)
    rate = jnp.where(f1 == 0, 1, jnp.where(f2 > 0, by_doubletons, by_singletons))
    return zhang(counts, unobserved, concentration) + f1 / total * _unseen(rate, total)


def _unseen(rate: Array, total: Array) -> Array:
    """The integral over u = N s, by the trapezoid rule in log u, which converges geometrically."""
    dtype = total.dtype
    negligible = -jnp.log(jnp.finfo(dtype).eps).astype(dtype) + 2
    start = jax.lax.stop_gradient(jnp.log(total * rate) - negligible)
    stop = jnp.broadcast_to(jnp.log(negligible), start.shape)
    u = jnp.exp(jnp.linspace(start, stop, 257, axis=-1))
    step = (stop - start) / 256
    rate, total = rate[..., None], total[..., None]
    below = total * rate - (1 - rate) * total * jnp.expm1(-u / total)
    return jnp.sum(u * jnp.exp(-u) * (1 - rate) / below, axis=-1) * step


def bonachela(counts: Array, unobserved: float, concentration: Array) -> Array:
    """sum over all states of (n_i + 1) / (N + 2) sum_{j = n_i + 2}^{N + 2} 1 / j."""
    total = _total(counts)
    terms = (counts + 1) * (digamma(total + 3) - digamma(counts + 2))
    rest = unobserved * (digamma(total[..., 0] + 3) - digamma(jnp.full_like(total[..., 0], 2)))
    return (jnp.sum(terms, axis=-1) + rest) / (total[..., 0] + 2)


def shrunk(counts: Array, unobserved: float) -> tuple[Array, Array]:
    """The distribution shrunk towards the uniform one, and the probability of each further state."""
    total = _total(counts)
    num_states = counts.shape[-1] + unobserved
    p, target = counts / total, 1 / num_states
    misfit = (total - 1) * (jnp.sum((target - p) ** 2, axis=-1, keepdims=True) + unobserved * target**2)
    variance = 1 - jnp.sum(p**2, axis=-1, keepdims=True)
    apart = misfit > 0
    weight = jnp.where(apart, jnp.clip(variance / jnp.where(apart, misfit, 1), 0, 1), 1)
    return weight * target + (1 - weight) * p, weight[..., 0] * target


def pseudo_counted(counts: Array, unobserved: float, concentration: Array) -> tuple[Array, Array]:
    """The posterior mean distribution (n_i + a) / (N + K a), and the probability of each further state."""
    total = jnp.sum(counts, axis=-1) + (counts.shape[-1] + unobserved) * concentration
    return (counts + concentration[..., None]) / total[..., None], concentration / total


def _shannon_of(distribution: tuple[Array, Array], unobserved: float) -> Array:
    p, rest = distribution
    return shannon(p) + unobserved * shannon(rest[..., None]) if unobserved else shannon(p)


def shrinkage(counts: Array, unobserved: float, concentration: Array) -> Array:
    """Plug-in of the James-Stein estimate of the distribution."""
    return _shannon_of(shrunk(counts, unobserved), unobserved)


def dirichlet(counts: Array, unobserved: float, concentration: Array) -> Array:
    """Plug-in of the posterior mean of the distribution."""
    return _shannon_of(pseudo_counted(counts, unobserved, concentration), unobserved)


def bayes(counts: Array, unobserved: float, concentration: Array) -> Array:
    """Posterior mean of the entropy."""
    return dirichlet_mean_entropy(counts + concentration[..., None], concentration, unobserved)


def nsb(counts: Array, unobserved: float, concentration: Array) -> Array:
    """Posterior mean of the entropy, over concentrations too."""
    return jnp.vectorize(lambda n: nsb_entropy(n, unobserved), signature="(k)->()")(counts)


CORRECTIONS: dict[str, Callable[[Array, float, Array], Array]] = {
    "plug-in": plug_in,
    "miller-madow": miller_madow,
    "grassberger": grassberger,
    "grassberger-1988": grassberger_1988,
    "chao-shen": chao_shen,
    "chao-wang-jost": chao_wang_jost,
    "zhang": zhang,
    "bonachela": bonachela,
    "shrinkage": shrinkage,
    "dirichlet": dirichlet,
    "bayes": bayes,
    "nsb": nsb,
}
WITH_PRIOR = ("dirichlet", "bayes")
