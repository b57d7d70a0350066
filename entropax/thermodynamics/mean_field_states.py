"""Closed forms of the multitasking network: its states without noise, their limits, and when learning sets in."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.simulators import dataset_entropy
from entropax.simulators.archetypes import dilution_check, quality_check
from entropax.thermodynamics.site_averages import binomial_weights

DISORDERED, SINGLE, HIERARCHICAL, PARALLEL = range(4)


def hierarchical_state(dilution: RealScalar, *, num_patterns: int) -> Float[Array, "patterns"]:
    """Overlaps m_k = (1 - d) d^(k - 1): pattern k is written where those before it are blank.

    A power law in the rank. Its energy per neuron in normalised storing couplings is -|m|^2 / (2 (1 - d)), and about
    log N / log(1 / d) patterns get a neuron of their own.

    Args:
        dilution: d in [0, 1).
        num_patterns: K.

    Returns:
        m, shape (K,). Differentiable in the dilution.

    Raises:
        ValueError: the dilution is no number or not in [0, 1), or K < 1.

    Source: arXiv 2308.04106.
    """
    (d,) = _checks.as_numbers(dilution=dilution)
    _checks.require_integer("num_patterns", num_patterns, minimum=1)
    # Powers as products: the slope of 0^0 is 0.
    powers = [jnp.ones_like(d)]
    for _ in range(num_patterns - 1):
        powers.append(powers[-1] * d)
    return _checks.enforce((1 - d) * jnp.stack(powers), dilution_check(d))


def majority_state(dilution: RealScalar) -> Float[Array, "3"]:
    """Overlaps of three patterns when the two lower ranks outvote the first where they agree against it.

    m = ((1 - d) - a, d (1 - d) + a, d^2 (1 - d) + a) with a = (1 - d)^3 / 2. Of lower energy than the hierarchical
    state beyond d = (1 + 2 sqrt 2) / 7.

    Args:
        dilution: d in [0, 1).

    Returns:
        m, shape (3,). Differentiable in the dilution.

    Raises:
        ValueError: the dilution is no number or not in [0, 1).

    Source: vertex enumeration of the ground states; the system of arXiv 2308.04106.
    """
    ranks = hierarchical_state(dilution, num_patterns=3)
    outvoted = ranks[0] ** 3 / 2
    return ranks + jnp.stack([-outvoted, outvoted, outvoted])


def parallel_state(dilution: RealScalar, *, num_patterns: int) -> Float[Array, "patterns"]:
    """Overlaps, all equal, of spins that take the sign of the sum of their patterns, at random where it is zero.

    m_mu = E |sum_nu xi^nu| / K; for two patterns (1 - d) (1 + d) / 2.

    Args:
        dilution: d in [0, 1).
        num_patterns: K.

    Returns:
        m, shape (K,). Differentiable in the dilution.

    Raises:
        ValueError: the dilution is no number or not in [0, 1), or K < 1.

    Source: arXiv 2308.04106 (the regime); the amplitude by convolution of the patterns' laws.
    """
    (d,) = _checks.as_numbers(dilution=dilution)
    _checks.require_integer("num_patterns", num_patterns, minimum=1)
    half = (1 - d) / 2
    law = jnp.ones((1,), d.dtype)
    for _ in range(num_patterns):
        law = half * jnp.pad(law, (0, 2)) + d * jnp.pad(law, (1, 1)) + half * jnp.pad(law, (2, 0))
    total = jnp.abs(jnp.arange(-num_patterns, num_patterns + 1, dtype=d.dtype))
    m = jnp.broadcast_to(law @ total / num_patterns, (num_patterns,))
    return _checks.enforce(m, dilution_check(d))


def critical_dilution(*, num_patterns: int) -> Scalar:
    """The dilution up to which the hierarchical state is self-consistent without noise: d + d^2 + ... + d^(K-1) = 1.

    There the first amplitude equals the sum of the others. 1 for two patterns, 0.618 for three, 1/2 for many.

    Args:
        num_patterns: K >= 2.

    Returns:
        d, in the default float.

    Raises:
        ValueError: K < 2.

    Source: arXiv 2308.04106 (the regimes); the condition from the zero-noise fields.
    """
    _checks.require_integer("num_patterns", num_patterns, minimum=2)
    # The sum is convex and increasing: Newton's iteration from above descends to the root.
    coefficients = np.concatenate([np.ones(num_patterns - 1), [-1.0]])
    d, before = 1.0, np.inf
    while d < before:
        before, d = d, float(d - np.polyval(coefficients, d) / np.polyval(np.polyder(coefficients), d))
    return jnp.asarray(before)


def one_step_overlap(quality: RealScalar, *, num_examples: int, average: Literal["exact", "gauss"] = "exact") -> Scalar:
    """Overlap with an archetype, on its non-blank entries, one step of zero noise after it was shown.

    E[xi sign(etahat)]: of the majority of M examples, ties counted as 0; by the central limit, erf(1 / sqrt(2 rho)).
    The same for both protocols and every dilution.

    Args:
        quality: r in (0, 1].
        num_examples: M.
        average: "exact" for the binomial law, "gauss" for its limit of many examples.

    Returns:
        The overlap. Differentiable in the quality.

    Raises:
        ValueError: the quality is no number or not in (0, 1], M < 1, or an unknown average.

    Source: signal to noise, arXiv 2308.04106.
    """
    (r,) = _checks.as_numbers(quality=quality)
    _checks.require_integer("num_examples", num_examples, minimum=1)
    _checks.require_option("average", average, ("exact", "gauss"))
    if average == "exact":
        majority = jnp.sign(2 * jnp.arange(num_examples + 1, dtype=r.dtype) - num_examples)
        return _checks.enforce(binomial_weights(r, num_examples) @ majority, quality_check(r))
    rho = dataset_entropy(r, num_examples=num_examples)
    noisy = rho > 0
    # Without noise the overlap is 1, flat in the quality to every order.
    value = jnp.where(noisy, jax.scipy.special.erf(1 / jnp.sqrt(2 * jnp.where(noisy, rho, 1))), 1)
    return _checks.enforce(value, quality_check(r))


def learning_threshold(quality: RealScalar, confidence: RealScalar = 0.5**0.5) -> Scalar:
    """Examples needed for a one-step overlap of erf(confidence): M = 2 confidence^2 (1 - r^2) / r^2.

    With the usual confidence 1 / sqrt 2 (one standard deviation) this is rho = 1, with and without a teacher.

    Args:
        quality: r in (0, 1].
        confidence: positive.

    Returns:
        M, a real number. Differentiable in both arguments.

    Raises:
        ValueError: an argument is no number or out of its range.

    Source: signal to noise, arXiv 2308.04106.
    """
    r, theta = _checks.as_numbers(quality=quality, confidence=confidence)
    threshold = 2 * theta**2 * (1 - r**2) / r**2
    return _checks.enforce(threshold, quality_check(r), _checks.positive("confidence", theta))


class RetrievalRegime(eqx.Module):
    """How a state multitasks.

    Attributes:
        value: 0 disordered, 1 a single pattern, 2 hierarchical (several, not all alike), 3 parallel (all alike).
        valid: whether the overlaps were finite.
    """

    value: Int[Array, "*batch"]
    valid: Bool[Array, ""]


def retrieval_regime(overlaps: Real[ArrayLike, "*batch patterns"], *, tolerance: float = 1e-3) -> RetrievalRegime:
    """Sorts states by their overlaps.

    Args:
        overlaps: m, shape (..., K), K >= 2.
        tolerance: overlaps below it count as zero, and those that differ by less as alike.

    Returns:
        The regime. Piecewise constant; `observables.retrieval_entropy` is the relaxed form, 0 for a single pattern and
        log K in the parallel regime.

    Raises:
        ValueError: fewer than two patterns, overlaps that are not finite, or a tolerance that is not positive.
    """
    m = _checks.as_float("overlaps", overlaps)
    if m.ndim < 1 or m.shape[-1] < 2:
        raise ValueError(f"overlaps must have shape (..., patterns) with two patterns or more, got {m.shape}")
    if not tolerance > 0:
        raise ValueError(f"tolerance must be positive, got {tolerance}")
    size = jnp.abs(m)
    raised = jnp.sum(size > tolerance, axis=-1)
    alike = jnp.max(size, axis=-1) - jnp.min(size, axis=-1) <= tolerance
    several = jnp.where(alike, PARALLEL, HIERARCHICAL)
    regime = jnp.where(raised == 0, DISORDERED, jnp.where(raised == 1, SINGLE, several))
    return RetrievalRegime(regime, _checks.validity(_checks.finite("overlaps", m)))
