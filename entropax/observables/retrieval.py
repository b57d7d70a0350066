"""What a network of spins retrieves: overlaps with patterns and examples, losses, and how evenly it multitasks."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar
from entropax.information import entropy
from entropax.simulators import dataset_entropy
from entropax.simulators.archetypes import dilution_check


def mattis_overlap(
    archetypes: Real[ArrayLike, "patterns neurons"], spins: Real[ArrayLike, "*batch neurons"]
) -> Float[Array, "*batch patterns"]:
    """Mattis magnetisations, m_mu = (1/N) sum_i xi_i^mu s_i.

    Args:
        archetypes: xi, shape (K, N).
        spins: s, shape (..., N).

    Returns:
        m, shape (..., K). Differentiable in both arguments.

    Raises:
        ValueError: shapes do not fit or an entry is not finite.

    Source: arXiv 2308.04106.
    """
    xi, s = _patterns_and_spins(archetypes, spins)
    return _checks.enforce(s @ xi.T / xi.shape[1], *_all_finite(xi, s))


def example_overlap(
    examples: Real[ArrayLike, "patterns examples neurons"],
    spins: Real[ArrayLike, "*batch neurons"],
    quality: RealScalar,
) -> Float[Array, "*batch patterns"]:
    """Overlaps with the examples' mean, n_mu = sum_{i,a} eta_i^{mu,a} s_i / ((1 + rho) r N M).

    Args:
        examples: eta, shape (K, M, N).
        spins: s, shape (..., N).
        quality: r in (0, 1].

    Returns:
        n, shape (..., K). Differentiable in all arguments.

    Raises:
        ValueError: shapes do not fit, an entry is not finite, or the quality is not in (0, 1].

    Source: arXiv 2308.04106.
    """
    eta, s, r = _checks.as_floats(examples=examples, spins=spins, quality=quality)
    _checks.as_numbers(quality=r)
    _checks.require_ndim("examples", eta, 3, "(patterns, examples, neurons)")
    mean, s = _patterns_and_spins(jnp.mean(eta, axis=1), s)
    scale = (1 + dataset_entropy(r, num_examples=eta.shape[1])) * r
    return _checks.enforce(s @ mean.T / (scale * mean.shape[1]), _checks.finite("examples", eta), _finite_spins(s))


def quadratic_loss(
    archetypes: Real[ArrayLike, "patterns neurons"],
    spins: Real[ArrayLike, "*batch neurons"],
    *,
    mirrored: bool = False,
) -> Float[Array, "*batch patterns"]:
    """The usual loss of a reconstruction, L_mu = |xi^mu - s|^2 / (2N); mirrored, that of the image -xi^mu.

    For spins of +-1 they are 1 - d/2 - m_mu and 1 - d/2 + m_mu, with d the blank fraction of xi^mu.

    Args:
        archetypes: xi, shape (K, N).
        spins: s, shape (..., N).
        mirrored: whether to compare with -xi^mu.

    Returns:
        L, shape (..., K). Differentiable in both arguments.

    Raises:
        ValueError: shapes do not fit or an entry is not finite.

    Source: arXiv 2308.04106.
    """
    xi, s = _patterns_and_spins(archetypes, spins)
    squares = jnp.sum(xi**2, axis=1).reshape((1,) * (s.ndim - 1) + (-1,)) + jnp.sum(s**2, axis=-1)[..., None]
    cross = s @ xi.T
    loss = (squares + 2 * cross if mirrored else squares - 2 * cross) / (2 * xi.shape[1])
    return _checks.enforce(loss, *_all_finite(xi, s))


def loss_energy(
    archetypes: Real[ArrayLike, "patterns neurons"], spins: Real[ArrayLike, "*batch neurons"], dilution: RealScalar
) -> Float[Array, "*batch"]:
    """The energy of stored patterns by the losses: low where, of L_mu and its mirror image, one is small.

        H = (N / (2 (1 - d))) sum_mu [L_mu L'_mu - ((L_mu + L'_mu) / 2)^2] + sum_{mu,i} (xi_i^mu)^2 / (2 N (1 - d)).

    For spins of +-1 this is the energy of the normalised storing couplings, term by term: (L + L') / 2 = 1 - d_mu / 2
    with the empirical blank fraction d_mu does not depend on the spins, so cost and losses are minimised together.

    Args:
        archetypes: xi, shape (K, N).
        spins: s of +-1, shape (..., N).
        dilution: d, the nominal one of the couplings, in [0, 1).

    Returns:
        H, shape (...). Differentiable in all arguments.

    Raises:
        ValueError: shapes do not fit, an entry is not finite, or the dilution is not in [0, 1).

    Source: arXiv 2308.04106.
    """
    (d,) = _checks.as_numbers(dilution=dilution)
    xi, s, d = _checks.as_floats(archetypes=archetypes, spins=spins, dilution=d)
    loss, mirror = (quadratic_loss(xi, s, mirrored=mirrored) for mirrored in (False, True))
    size = xi.shape[1]
    alike = jnp.sum(loss * mirror - ((loss + mirror) / 2) ** 2, axis=-1)
    own = jnp.sum(xi**2) / (2 * size * (1 - d))
    return _checks.enforce(size / (2 * (1 - d)) * alike + own, dilution_check(d))


def retrieval_entropy(overlaps: Real[ArrayLike, "*batch patterns"]) -> Float[Array, "*batch"]:
    """How evenly patterns are retrieved: the entropy of p_mu = m_mu^2 / |m|^2, from 0 (one) to log K (all alike).

    Its exponential counts the patterns handled at a time: the relaxed form of `thermodynamics.retrieval_regime`.

    Args:
        overlaps: m, shape (..., K), not all zero.

    Returns:
        The entropy in nats, shape (...). Differentiable in the overlaps, also where some are zero.

    Raises:
        ValueError: overlaps have no axis, are not finite or all zero.
    """
    m = _checks.as_float("overlaps", overlaps)
    if m.ndim < 1 or m.shape[-1] < 1:
        raise ValueError(f"overlaps must have shape (..., patterns), got {m.shape}")
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(m), axis=-1, keepdims=True))
    ok = jnp.isfinite(largest[..., 0]) & (largest[..., 0] > 0)
    m = _checks.enforce(m, _checks.Check(ok, "overlaps must be finite and not all zero", lambda: f"{overlaps}"))
    # Divided by the largest first: tiny overlaps would vanish when squared.
    squares = (m / largest) ** 2
    return entropy(squares / jnp.sum(squares, axis=-1, keepdims=True))


def _patterns_and_spins(archetypes: ArrayLike, spins: ArrayLike) -> tuple[Array, Array]:
    xi, s = _checks.as_floats(archetypes=archetypes, spins=spins)
    _checks.require_ndim("archetypes", xi, 2, "(patterns, neurons)")
    if 0 in xi.shape:
        raise ValueError(f"archetypes must not be empty, got shape {xi.shape}")
    if s.ndim < 1 or s.shape[-1] != xi.shape[1]:
        raise ValueError(f"spins must have shape (..., {xi.shape[1]}), got {s.shape}")
    return xi, s


def _finite_spins(spins: Array) -> _checks.Check:
    return _checks.finite("spins", spins, batch_ndim=spins.ndim - 1)


def _all_finite(archetypes: Array, spins: Array) -> tuple[_checks.Check, ...]:
    return _checks.finite("archetypes", archetypes), _finite_spins(spins)
