"""Semantic information: what labels say by their truth functions (Lu's G theory).

Beside a Shannon channel P(y | x), which says how often a label is given, stands a semantic channel of truth functions
T(theta_j | x), which say how true it is (`information.truth`). The information of a label about an instance is the log
of its truth over its average truth, the logical probability T(theta_j): positive where it is truer than usual, negative
where it misleads.

Arrays over instances and labels have shape (x, labels); conditional distributions of the instances have one row a
label. Truth 0 of something that happens makes minus infinity: that is its score. For finite slopes raise the truth
functions first, as by jnp.maximum(truth, 1e-12). Source: Lu, arXiv 2510.15871, Entropy 27(5):461.
"""

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, Scalar
from entropax.information._numerics import divergence_of_marginals, in_base, p_log, ratio


def _truth(truth: Array, num_instances: int) -> tuple[_checks.Check, ...]:
    if truth.ndim != 2 or truth.shape[0] != num_instances or truth.shape[1] < 1:
        raise ValueError(f"truth must have shape ({num_instances}, labels), got {truth.shape}")
    return (_checks.within("truth", truth, 0, 1, "in [0, 1]"),)


def _with_prior(
    truth: Real[ArrayLike, "x labels"], prior: Real[ArrayLike, "x"]
) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    truth, prior = _checks.as_floats(truth=truth, prior=prior)
    if prior.ndim != 1 or prior.shape[0] < 1:
        raise ValueError(f"prior must have shape (x,), got {prior.shape}")
    return truth, prior, (*_truth(truth, prior.shape[0]), _checks.distribution("prior", prior))


def _with_joint(
    truth: Real[ArrayLike, "x labels"], joint: Real[ArrayLike, "x labels"]
) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    truth, joint = _checks.as_floats(truth=truth, joint=joint)
    if joint.ndim != 2 or min(joint.shape) < 1:
        raise ValueError(f"joint must have shape (x, labels), got {joint.shape}")
    checks = _truth(truth, joint.shape[0])
    _checks.require_same_shape(joint=joint, truth=truth)
    return truth, joint, (*checks, _checks.distribution("joint", joint, num_axes=2))


def _sometimes_true(logical: Array, used: Array | bool = True) -> _checks.Check:
    ok = (logical > 0) | ~jnp.asarray(used)

    def got() -> str:
        return f"logical probability 0 of label {int(jnp.argmin(ok))}"

    return _checks.Check(jnp.all(ok), "every label must be true of something possible", got)


def logical_probability(truth: Real[ArrayLike, "x labels"], prior: Real[ArrayLike, "x"]) -> Float[Array, "labels"]:
    """Logical probability of a label, its average truth T(theta_j) = sum_x P(x) T(theta_j | x).

    It is not how often the label is given, and does not sum to one over the labels.

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        prior: P(x), shape (x,).

    Returns:
        T(theta_j), shape (labels,), in [0, 1].

    Raises:
        ValueError: shapes do not fit, a truth value is outside [0, 1], or the prior is no distribution.

    Differentiable in both. Source: arXiv 2510.15871.
    """
    truth, prior, checks = _with_prior(truth, prior)
    return _checks.enforce(prior @ truth, *checks)


def semantic_bayes(truth: Real[ArrayLike, "x labels"], prior: Real[ArrayLike, "x"]) -> Float[Array, "labels x"]:
    """Prediction from a label's meaning, P(x | theta_j) = P(x) T(theta_j | x) / T(theta_j).

    A truth function learned under one prior serves under any other.

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        prior: P(x), shape (x,).

    Returns:
        One distribution of the instances a label, shape (labels, x).

    Raises:
        ValueError: shapes do not fit, a truth value is outside [0, 1], the prior is no distribution, or a label is true
            of nothing possible.

    Differentiable in both. Source: arXiv 2510.15871.
    """
    truth, prior, checks = _with_prior(truth, prior)
    weight = (prior[:, None] * truth).T
    logical = jnp.sum(weight, axis=1)
    safe = jnp.where(logical > 0, logical, 1)
    value = ratio(weight, jnp.broadcast_to(safe[:, None], weight.shape))
    return _checks.enforce(value, *checks, _sometimes_true(logical))


def semantic_information(
    truth: Real[ArrayLike, "x labels"], prior: Real[ArrayLike, "x"], *, base: int | float | None = None
) -> Float[Array, "x labels"]:
    """Semantic information of a label about an instance, I(x; theta_j) = log[T(theta_j | x) / T(theta_j)].

    For a Gaussian truth function it is -log T(theta_j), the information of Carnap and Bar-Hillel, less a squared error.

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        prior: P(x), shape (x,).
        base: base of the logarithm; nats by default.

    Returns:
        The information, shape (x, labels); negative where the label misleads, minus infinity where it is false, 0 for
        a tautology.

    Raises:
        ValueError: shapes do not fit, a truth value is outside [0, 1], the prior is no distribution, a label is true of
            nothing possible, or base is not greater than 1.

    Differentiable in both; an infinite entry takes a zero gradient. Source: arXiv 2510.15871.
    """
    truth, prior, checks = _with_prior(truth, prior)
    logical = prior @ truth
    sometimes = _sometimes_true(logical)
    some = jnp.where(logical > 0, logical, 1)
    value = jnp.where(truth > 0, jnp.log(jnp.where(truth > 0, truth, 1)) - jnp.log(some)[None], -jnp.inf)
    return _checks.enforce(in_base(value, base), *checks, sometimes)


def semantic_kl_information(
    truth: Real[ArrayLike, "x labels"],
    posterior: Real[ArrayLike, "labels x"],
    prior: Real[ArrayLike, "x"],
    *,
    base: int | float | None = None,
) -> Float[Array, "labels"]:
    """Average semantic information of a label, I(X; theta_j) = sum_x P(x | y_j) log[T(theta_j | x) / T(theta_j)].

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        posterior: P(x | y_j), how the instances of a label are in fact distributed, shape (labels, x).
        prior: P(x), shape (x,).
        base: base of the logarithm; nats by default.

    Returns:
        Lu's generalised Kullback-Leibler information, shape (labels,): at most KL(P(x | y_j) | P(x)), which the optimal
        truth function attains. Maximising it over truth functions is maximising likelihood.

    Raises:
        ValueError: shapes do not fit, a truth value is outside [0, 1], the prior or a row of the posterior is no
            distribution, a label is true of nothing possible, or base is not greater than 1.

    Differentiable in all three. Source: arXiv 2510.15871.
    """
    posterior, truth, prior = _checks.as_floats(posterior=posterior, truth=truth, prior=prior)
    truth, prior, checks = _with_prior(truth, prior)
    _checks.require_shape("posterior", posterior, truth.shape[::-1])
    rows = _checks.distribution("posterior", posterior)
    logical = prior @ truth
    some = jnp.where(logical > 0, logical, 1)
    value = jnp.sum(p_log(posterior, truth.T), axis=1) - jnp.log(some) * jnp.sum(posterior, axis=1)
    return _checks.enforce(in_base(value, base), *checks, rows._replace(ok=jnp.all(rows.ok)), _sometimes_true(logical))


def semantic_entropy(
    truth: Real[ArrayLike, "x labels"], joint: Real[ArrayLike, "x labels"], *, base: int | float | None = None
) -> Scalar:
    """Semantic entropy of the labels, H(Y_theta) = -sum_j P(y_j) log T(theta_j): a cross-entropy with logical odds.

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        joint: P(x, y), shape (x, labels), summing to one.
        base: base of the logarithm; nats by default.

    Returns:
        H(Y_theta). (Not the entropy over meanings of sampled answers that language models are judged by.)

    Raises:
        ValueError: shapes differ, a truth value is outside [0, 1], the joint is no distribution, a label in use is true
            of nothing possible, or base is not greater than 1.

    Differentiable in both. Source: arXiv 2510.15871.
    """
    truth, joint, checks = _with_joint(truth, joint)
    value, sometimes = _label_entropy(truth, joint)
    return _checks.enforce(in_base(value, base), *checks, sometimes)


def _label_entropy(truth: Array, joint: Array) -> tuple[Array, _checks.Check]:
    logical, used = jnp.sum(joint, axis=1) @ truth, jnp.sum(joint, axis=0)
    return -jnp.sum(p_log(used, logical)), _sometimes_true(logical, used > 0)


def fuzzy_entropy(
    truth: Real[ArrayLike, "x labels"], joint: Real[ArrayLike, "x labels"], *, base: int | float | None = None
) -> Scalar:
    """Fuzzy entropy, H(Y_theta | X) = -sum P(x, y_j) log T(theta_j | x): the mean semantic distortion.

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        joint: P(x, y), shape (x, labels), summing to one.
        base: base of the logarithm; nats by default.

    Returns:
        H(Y_theta | X); 0 where every label given is fully true, infinite if one is false.

    Raises:
        ValueError: shapes differ, a truth value is outside [0, 1], the joint is no distribution, or base is not greater
            than 1.

    Differentiable in both. Source: arXiv 2510.15871.
    """
    truth, joint, checks = _with_joint(truth, joint)
    return _checks.enforce(in_base(-jnp.sum(p_log(joint, truth)), base), *checks)


def semantic_mutual_information(
    truth: Real[ArrayLike, "x labels"], joint: Real[ArrayLike, "x labels"], *, base: int | float | None = None
) -> Scalar:
    """Semantic mutual information, G = I(X; Y_theta) = H(Y_theta) - H(Y_theta | X) = sum P(x, y) log[T(y|x) / T(y)].

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        joint: P(x, y), shape (x, labels), summing to one.
        base: base of the logarithm; nats by default.

    Returns:
        G, at most Shannon's R = I(X; Y), which the optimal truth functions attain; it may be negative. Scaling a truth
        function leaves it as it is.

    Raises:
        ValueError: shapes differ, a truth value is outside [0, 1], the joint is no distribution, a label in use is true
            of nothing possible, or base is not greater than 1.

    Differentiable in both: maximising G by gradients learns the truth functions. Source: arXiv 2510.15871.
    """
    truth, joint, checks = _with_joint(truth, joint)
    value, sometimes = _semantic_mutual_information(truth, joint)
    return _checks.enforce(in_base(value, base), *checks, sometimes)


def _semantic_mutual_information(truth: Array, joint: Array) -> tuple[Array, _checks.Check]:
    entropy, sometimes = _label_entropy(truth, joint)
    return entropy + jnp.sum(p_log(joint, truth)), sometimes


def information_efficiency(truth: Real[ArrayLike, "x labels"], joint: Real[ArrayLike, "x labels"]) -> Scalar:
    """Information efficiency, eta = G / R: semantic over Shannon's mutual information.

    Args:
        truth: T(theta_j | x), shape (x, labels), in [0, 1].
        joint: P(x, y), shape (x, labels), summing to one.

    Returns:
        eta, at most 1; NaN where X and Y are independent.

    Raises:
        ValueError: shapes differ, a truth value is outside [0, 1], the joint is no distribution, or a label in use is
            true of nothing possible.

    Differentiable in both. Source: arXiv 2510.15871.
    """
    truth, joint, checks = _with_joint(truth, joint)
    semantic, sometimes = _semantic_mutual_information(truth, joint)
    marginals = jnp.sum(joint, axis=1, keepdims=True), jnp.sum(joint, axis=0, keepdims=True)
    shannon = divergence_of_marginals(joint, *marginals)
    return _checks.enforce(semantic / shannon, *checks, sometimes)
