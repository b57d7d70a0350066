"""Patterns with blanks, noisy examples of them, and the entropies of both: what a Hebbian network learns from."""

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar
from entropax.information import binary_entropy


def dilution_check(dilution: Array) -> _checks.Check:
    """The blank fraction lies in [0, 1): a network of blanks alone stores nothing.

    Args:
        dilution: d, a number.

    Returns:
        The check, for `_checks.enforce`.
    """
    with _checks.evaluated_now(dilution):
        ok = (dilution >= 0) & (dilution < 1)
    return _checks.Check(ok, "dilution must be in [0, 1)", lambda: f"{dilution}")


def quality_check(quality: Array) -> _checks.Check:
    """The quality of the examples lies in (0, 1]: at 0 they say nothing.

    Args:
        quality: r, a number.

    Returns:
        The check, for `_checks.enforce`.
    """
    with _checks.evaluated_now(quality):
        ok = (quality > 0) & (quality <= 1)
    return _checks.Check(ok, "quality must be in (0, 1]", lambda: f"{quality}")


def pattern_entropy(dilution: RealScalar) -> Scalar:
    """Entropy of one entry of an archetype, -d log d - (1 - d) log((1 - d) / 2), in nats.

    Args:
        dilution: d, the blank fraction, in [0, 1).

    Returns:
        The entropy, between 0 (all blank) and log 3 (d = 1/3).

    Raises:
        ValueError: the dilution is no number or not in [0, 1).

    Differentiable in the dilution; at 0 (an infinite slope) the gradient is that of the finite terms.
    Source: arXiv 2308.04106.
    """
    (d,) = _checks.as_numbers(dilution=dilution)
    # Which entries are blank, and one bit for each that is not.
    entropy = binary_entropy(jnp.clip(d, 0, 1)) + (1 - d) * jnp.log(jnp.asarray(2, d.dtype))
    return _checks.enforce(entropy, dilution_check(d))


def dataset_entropy(quality: RealScalar, *, num_examples: int) -> Scalar:
    """How much the examples leave unsaid, rho = (1 - r^2) / (M r^2): the variance of their mean over its square.

    0 is perfect knowledge of the archetypes; about 1 is where learning sets in (`thermodynamics.learning_threshold`).
    What one example leaves unsaid of a non-blank entry is `information.binary_entropy((1 + r) / 2)` nats.

    Args:
        quality: r in (0, 1]; an entry of an example agrees with the archetype with probability (1 + r) / 2.
        num_examples: M, of every archetype.

    Returns:
        rho.

    Raises:
        ValueError: the quality is no number or not in (0, 1], or M < 1.

    Differentiable in the quality. Source: arXiv 2308.04106.
    """
    (r,) = _checks.as_numbers(quality=quality)
    _checks.require_integer("num_examples", num_examples, minimum=1)
    return _checks.enforce((1 - r**2) / (num_examples * r**2), quality_check(r))


def sample_archetypes(
    dilution: RealScalar, *, num_patterns: int, num_neurons: int, key: PRNGKey
) -> Float[Array, "patterns neurons"]:
    """Archetypes with independent entries: 0 with probability d, else 1 or -1 with equal probabilities.

    With one key, a larger dilution blanks more of the same entries.

    Args:
        dilution: d in [0, 1).
        num_patterns: K.
        num_neurons: N.
        key: source of randomness.

    Returns:
        xi, shape (K, N), in the dtype of the dilution. Piecewise constant in it: averages over archetypes have
        gradients in `thermodynamics.site_law`.

    Raises:
        ValueError: the dilution is no number or not in [0, 1), or K or N < 1.
    """
    (d,) = _checks.as_numbers(dilution=dilution)
    _checks.require_integer("num_patterns", num_patterns, minimum=1)
    _checks.require_integer("num_neurons", num_neurons, minimum=1)
    _checks.require_key("key", key)
    key_blank, key_sign = jax.random.split(key)
    shape = (num_patterns, num_neurons)
    signs = jax.random.rademacher(key_sign, shape, d.dtype)
    blank = jax.random.uniform(key_blank, shape, jnp.promote_types(d.dtype, jnp.float32)) < d
    return _checks.enforce(jnp.where(blank, 0, signs), dilution_check(d))


def sample_examples(
    archetypes: Real[ArrayLike, "patterns neurons"],
    quality: RealScalar,
    *,
    num_examples: int,
    key: PRNGKey,
    blank_noise: bool = False,
) -> Float[Array, "patterns examples neurons"]:
    """Noisy copies, eta = xi chi with independent chi = 1 with probability (1 + r) / 2, else -1.

    Args:
        archetypes: xi, shape (K, N).
        quality: r in (0, 1].
        num_examples: M, of every archetype.
        key: source of randomness.
        blank_noise: whether blank entries become 1 or -1 at random; by default they stay blank.

    Returns:
        eta, shape (K, M, N). Piecewise constant in the quality: averages over examples have gradients in
        `thermodynamics.site_law`.

    Raises:
        ValueError: the archetypes are no matrix, the quality is no number or not in (0, 1], or M < 1.
    """
    xi, r = _checks.as_floats(archetypes=archetypes, quality=quality)
    _checks.as_numbers(quality=r)
    _checks.require_ndim("archetypes", xi, 2, "(patterns, neurons)")
    _checks.require_integer("num_examples", num_examples, minimum=1)
    _checks.require_key("key", key)
    key_flip, key_blank = jax.random.split(key)
    shape = (xi.shape[0], num_examples, xi.shape[1])
    uniform = jax.random.uniform(key_flip, shape, jnp.promote_types(r.dtype, jnp.float32))
    examples = jnp.where(uniform < (1 + r) / 2, xi[:, None], -xi[:, None])
    if blank_noise:
        examples = jnp.where(xi[:, None] == 0, jax.random.rademacher(key_blank, shape, xi.dtype), examples)
    return _checks.enforce(examples, quality_check(r), _checks.finite("archetypes", xi))
