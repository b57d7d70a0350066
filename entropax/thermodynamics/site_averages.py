"""The law of what one neuron of a multitasking network sees: its archetypes and the means of its examples."""

import math
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar
from entropax.simulators import dataset_entropy, sample_archetypes
from entropax.simulators.archetypes import dilution_check, quality_check

MOST_POINTS = 2**21
"""Of a product law, about 100 MB in float64 for three patterns."""
AVERAGES = ("exact", "gauss", "sampled")


class SiteLaw(eqx.Module):
    """A law with finitely many points: averages over neurons are sums over them.

    Attributes:
        signals: etahat = (1 / (r M)) sum_a eta^a, the mean of the examples over their quality, shape (K, points).
        archetypes: the mean of xi given the signals, shape (K, points).
        weights: probability of each point, shape (points,).
        dilution: d of the couplings.
        noise: rho, the data set's entropy; E etahat^2 = (1 - d) (1 + rho) where blanks stay blank.
        exchangeable: whether permuting the patterns leaves the law as it is.
    """

    signals: Float[Array, "patterns points"]
    archetypes: Float[Array, "patterns points"]
    weights: Float[Array, "points"]
    dilution: Scalar
    noise: Scalar
    exchangeable: bool = eqx.field(static=True)


def site_law(
    dilution: RealScalar,
    quality: RealScalar = 1.0,
    *,
    num_patterns: int,
    num_examples: int | None = None,
    average: Literal["exact", "gauss", "sampled"] = "exact",
    num_nodes: int = 40,
    num_samples: int = 100_000,
    blank_noise: bool = False,
    key: PRNGKey | None = None,
) -> SiteLaw:
    """The law of one neuron's archetypes and signals in an infinite network.

    The signal of an entry xi is xi u. "exact": u = (2k - M) / (r M), k binomial(M, (1 + r) / 2), so M + 2 points a
    pattern, or 3 when storing. "gauss": u = 1 + sqrt(rho) z, z standard normal, by Gauss-Hermite quadrature, its limit
    for many examples. The points of K patterns are the product, at most 2^21 of them; "sampled" draws points instead.

    Args:
        dilution: d in [0, 1).
        quality: r in (0, 1].
        num_patterns: K.
        num_examples: M of every archetype, or None for the archetypes themselves (storing, rho = 0).
        average: how the law is represented.
        num_nodes: of the quadrature. The averaged tanh is steep when it is cold: at T = 0.1 and rho = 0.3, 40
            nodes give overlaps within 2e-4 and 200 within 1e-6.
        num_samples: points drawn.
        blank_noise: whether the examples of a blank entry are random signs (`simulators.sample_examples`).
        key: source of randomness, for "sampled".

    Returns:
        The law. "exact" and "gauss" are differentiable in dilution and quality; at quality 1, "exact" to first order
        (from below) and "gauss" not: its gradient is not finite. "sampled" is piecewise constant in the dilution.

    Raises:
        TypeError: "sampled" without a key.
        ValueError: a parameter out of its range, an unknown average, or too many points.

    Source: arXiv 2308.04106.
    """
    d, r = _checks.as_numbers(dilution=dilution, quality=quality)
    _checks.require_integer("num_patterns", num_patterns, minimum=1)
    if num_examples is not None:
        _checks.require_integer("num_examples", num_examples, minimum=1)
    _checks.require_option("average", average, AVERAGES)
    _checks.require_integer("num_nodes", num_nodes, minimum=1)
    _checks.require_integer("num_samples", num_samples, minimum=1)
    checks = dilution_check(d), quality_check(r)
    noise = jnp.zeros_like(d) if num_examples is None else dataset_entropy(r, num_examples=num_examples)
    if average == "sampled":
        _checks.require_key("key", key)
        assert key is not None
        xi, signals = _sampled(d, r, num_patterns, num_examples, num_samples, blank_noise, key)
        weights = jnp.full((num_samples,), 1 / num_samples, d.dtype)
    else:
        if num_examples is None:
            one = _signs(jnp.ones((1,), d.dtype), jnp.ones((1,), d.dtype), d)
        elif average == "exact":
            one = _binomial(d, r, num_examples, blank_noise)
        else:
            one = _normal(d, r, noise, num_examples, num_nodes, blank_noise)
        if one[0].size ** num_patterns > MOST_POINTS:
            raise ValueError(
                f"num_patterns = {num_patterns} of {one[0].size} points each make more than {MOST_POINTS} points; "
                "take average='sampled' or fewer num_nodes"
            )
        signals, xi, weights = _product(*one, num_patterns)
    signals, xi, weights, d, noise = _checks.enforce((signals, xi, weights, d, noise), *checks)
    return SiteLaw(signals, xi, weights, d, noise, average != "sampled")


def empirical_site_law(
    archetypes: Real[ArrayLike, "patterns neurons"],
    dilution: RealScalar,
    examples: Real[ArrayLike, "patterns examples neurons"] | None = None,
    quality: RealScalar = 1.0,
) -> SiteLaw:
    """The law of the neurons of one network, each a point: self-consistency for given data rather than its average.

    Args:
        archetypes: xi, shape (K, N).
        dilution: d, the nominal one of the couplings, in [0, 1).
        examples: eta, shape (K, M, N), or None for stored archetypes.
        quality: r in (0, 1].

    Returns:
        The law, with N points. Differentiable in all arrays.

    Raises:
        ValueError: shapes do not fit or a parameter is out of its range.
    """
    arrays = {"archetypes": archetypes, "dilution": dilution, "quality": quality}
    if examples is not None:
        arrays["examples"] = examples
    xi, d, r, *rest = _checks.as_floats(**arrays)
    _checks.as_numbers(dilution=d, quality=r)
    _checks.require_ndim("archetypes", xi, 2, "(patterns, neurons)")
    signals, noise = xi, jnp.zeros_like(d)
    checks = [dilution_check(d), quality_check(r), _checks.finite("archetypes", xi)]
    if rest:
        (eta,) = rest
        _checks.require_ndim("examples", eta, 3, "(patterns, examples, neurons)")
        _checks.require_shape("examples", eta, (xi.shape[0], eta.shape[1], xi.shape[1]))
        noise = dataset_entropy(r, num_examples=eta.shape[1])
        signals = jnp.mean(eta, axis=1) / r
        checks.append(_checks.finite("examples", eta))
    weights = jnp.full((xi.shape[1],), 1 / xi.shape[1], xi.dtype)
    signals, xi, weights, d, noise = _checks.enforce((signals, xi, weights, d, noise), *checks)
    return SiteLaw(signals, xi, weights, d, noise, False)


def binomial_weights(quality: Array, num_examples: int) -> Array:
    """P(k of M examples agree with the archetype), k = 0 ... M; its slope in r is right at r = 1 too.

    Args:
        quality: r in (0, 1].
        num_examples: M.

    Returns:
        Probabilities, shape (M + 1,).
    """
    agree, differ = (1 + quality) / 2, (1 - quality) / 2
    k = jnp.arange(num_examples + 1, dtype=quality.dtype)
    left = num_examples - k
    some = jnp.where(differ > 0, differ, 1)
    ways = [math.log(math.comb(num_examples, number)) for number in range(num_examples + 1)]
    choose = jnp.asarray(ways, quality.dtype)  # exact but for one rounding, which differences of gammaln are not
    general = jnp.where(differ > 0, jnp.exp(choose + k * jnp.log(agree) + left * jnp.log(some)), 0)
    # Of the two terms with a slope where no example differs, the logarithm of `differ` would lose it.
    none, one = agree**num_examples, num_examples * agree ** (num_examples - 1) * differ
    return jnp.where(left == 0, none, jnp.where(left == 1, one, general))


def _signs(u: Array, probabilities: Array, dilution: Array) -> tuple[Array, Array, Array]:
    """Signal, mean archetype and weight of one pattern whose non-blank entries have signal xi u."""
    zero = jnp.zeros((1,), u.dtype)
    half = (1 - dilution) / 2 * probabilities
    ones = jnp.ones_like(u)
    return (
        jnp.concatenate([u, zero, -u]),
        jnp.concatenate([ones, zero, -ones]),
        jnp.concatenate([half, dilution[None], half]),
    )


def _binomial(d: Array, r: Array, num_examples: int, blank_noise: bool) -> tuple[Array, Array, Array]:
    """As `_signs`, for binomial u; xi = 1 with k and xi = -1 with M - k agreeing examples have the same signal."""
    p = binomial_weights(r, num_examples)
    signal = (2 * jnp.arange(num_examples + 1, dtype=r.dtype) - num_examples) / (r * num_examples)
    weight, surplus = (1 - d) / 2 * (p + p[::-1]), (1 - d) / 2 * (p - p[::-1])
    blank = jnp.zeros((1,), r.dtype)
    if blank_noise:
        weight = weight + d * binomial_weights(jnp.zeros_like(r), num_examples)
    possible = weight > 0
    archetype = jnp.where(possible, surplus / jnp.where(possible, weight, 1), 0)
    if blank_noise:
        return signal, archetype, weight
    return tuple(jnp.concatenate(pair) for pair in ((signal, blank), (archetype, blank), (weight, d[None])))  # pyright: ignore[reportReturnType]


def _normal(
    d: Array, r: Array, noise: Array, num_examples: int, num_nodes: int, blank_noise: bool
) -> tuple[Array, Array, Array]:
    """As `_signs`, for normal u."""
    nodes, probabilities = np.polynomial.hermite_e.hermegauss(num_nodes)
    z, p = jnp.asarray(nodes, d.dtype), jnp.asarray(probabilities / probabilities.sum(), d.dtype)
    signal, archetype, weight = _signs(1 + jnp.sqrt(noise) * z, p, d)
    if not blank_noise:
        return signal, archetype, weight
    # The one blank point becomes as many as the quadrature has: z / (r sqrt(M)).
    spread = z / (r * num_examples**0.5)
    return (
        jnp.concatenate([signal[:num_nodes], spread, signal[-num_nodes:]]),
        jnp.concatenate([archetype[:num_nodes], jnp.zeros_like(z), archetype[-num_nodes:]]),
        jnp.concatenate([weight[:num_nodes], d * p, weight[-num_nodes:]]),
    )


def _sampled(
    d: Array, r: Array, num_patterns: int, num_examples: int | None, size: int, blank_noise: bool, key: PRNGKey
) -> tuple[Array, Array]:
    """Archetypes and signals of `size` neurons."""
    key_pattern, key_count, key_blank = jax.random.split(key, 3)
    xi = sample_archetypes(d, num_patterns=num_patterns, num_neurons=size, key=key_pattern)
    if num_examples is None:
        return xi, xi

    def mean_signal(key: PRNGKey, probability: Array) -> Array:
        count = jax.random.binomial(key, num_examples, probability, xi.shape, d.dtype)
        return (2 * count - num_examples) / (r * num_examples)

    signals = xi * mean_signal(key_count, (1 + r) / 2)
    if blank_noise:
        signals = jnp.where(xi == 0, mean_signal(key_blank, jnp.full_like(r, 0.5)), signals)
    return xi, signals


def _product(signal: Array, archetype: Array, weight: Array, num_patterns: int) -> tuple[Array, Array, Array]:
    """The law of `num_patterns` independent patterns."""
    grid = lambda x: jnp.meshgrid(*[x] * num_patterns, indexing="ij")  # noqa: E731
    signals, archetypes = (jnp.stack([axis.reshape(-1) for axis in grid(x)]) for x in (signal, archetype))
    weights = weight
    for _ in range(num_patterns - 1):
        weights = (weights[:, None] * weight[None]).reshape(-1)
    return signals, archetypes, weights
