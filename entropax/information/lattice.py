"""Shannon's lattice of information: variables on one set of outcomes, up to relabelling.

Outcomes are numbered 0 ... n - 1 and have probabilities p; a variable is an integer label for each of them. X >= Y
("X refines Y") if Y is a function of X; the join of two variables is the pair, their meet the most that both determine
(Gacs and Korner's common information). Outcomes of probability zero play no part: they link nothing in a meet and
nothing has to tell them apart.

Labels may be any integers. What is differentiable is differentiable in p. Source: Shannon 1953, "The lattice theory of
information"; Rajski 1961; Delsol et al., arXiv 2306.15540.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Int, Real, Scalar
from entropax.information import _partitions
from entropax.information._numerics import in_base

Labels = Int[ArrayLike, "outcomes"] | Bool[ArrayLike, "outcomes"]


class Partition(eqx.Module):
    """A variable as the classes of outcomes that it does not tell apart.

    Attributes:
        value: number of every outcome's class, 0, 1, ..., shape (outcomes,); -1 where an outcome is impossible.
        num_classes: number of classes.
        valid: whether the labels mean anything: p was a distribution, and what else the function asks for held.
    """

    value: Int[Array, "outcomes"]
    num_classes: Int[Array, ""]
    valid: Bool[Array, ""]


class Relation(eqx.Module):
    """Whether a relation between variables holds.

    Attributes:
        value: whether it does.
        valid: whether the answer means anything: p was a distribution.
    """

    value: Bool[Array, ""]
    valid: Bool[Array, ""]


# --------------------------------------------------------------------------------------------------------- operations


def join(*labels: Labels) -> Partition:
    """Joint information, the coarsest variable that refines all given: (X, Y, ...).

    Args:
        *labels: one variable or more, each with a label an outcome, shape (outcomes,).

    Returns:
        The classes of the joint variable, in the lexicographic order of the labels; no outcome counts as impossible.

    Raises:
        TypeError: labels are not integers.
        ValueError: no variable is given, or shapes differ.
    """
    if not labels:
        raise ValueError("join needs one variable or more, got none")
    first = jnp.asarray(labels[0])
    if first.ndim != 1:
        raise ValueError(f"labels must have shape (outcomes,), got {first.shape}")
    names = {f"labels[{i}]": value for i, value in enumerate(labels)}
    return _join(*_partitions.require_labels(first, ndim=1, **names))


@jax.jit
def _join(*labels: Array) -> Partition:
    number = _partitions.classes(*labels)
    return Partition(number, jnp.max(number) + 1, jnp.asarray(True))


def meet(a: Labels, b: Labels, p: Real[ArrayLike, "outcomes"]) -> Partition:
    """Common information of Gacs and Korner, the finest variable that is a function of X and of Y.

    Two outcomes share a class if a chain of possible outcomes leads from one to the other in which neighbours agree in
    X or in Y. H(meet) <= I(X; Y), with equality if X and Y are independent given it. Not continuous in p.

    Args:
        a: labels of X, shape (outcomes,).
        b: labels of Y, shape (outcomes,).
        p: probabilities, shape (outcomes,).

    Returns:
        The classes, numbered by their first outcome, with their validity.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ or p is no distribution.

    Cost: every sweep passes labels on along the chains and follows them, so that the sweeps grow with the logarithm of
    a chain's length (16 for one of 100,000 outcomes in random order). Source: Gacs and Korner 1973.
    """
    p, ok = _partitions.require_probabilities(p)
    a, b = _partitions.require_labels(p, a=a, b=b)
    number, count = _meet(a, b, p > 0)
    return Partition(number, count, _checks.validity(ok))


@jax.jit
def _meet(a: Array, b: Array, possible: Array) -> tuple[Array, Array]:
    links = _partitions.classes(a), _partitions.classes(b)
    outcomes = possible.shape[0]

    def sweep(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        before, _ = carry
        label = before
        for number in links:
            label = jnp.where(possible, jax.ops.segment_min(label, number, outcomes)[number], outcomes)
        # A label is an outcome of the same component: what was found goes to the old one, and the new one's is taken.
        label = label.at[before].min(label, mode="drop")
        label = jnp.where(possible, label[jnp.minimum(label, outcomes - 1)], outcomes)
        return label, jnp.any(label != before)

    start = jnp.where(possible, jnp.arange(outcomes), outcomes)
    label, _ = jax.lax.while_loop(lambda carry: carry[1], sweep, (start, jnp.asarray(True)))
    return _numbered(possible, label)


def _numbered(possible: Array, *keys: Array) -> tuple[Array, Array]:
    """Classes of the possible outcomes, -1 elsewhere, and their number."""
    number = jnp.where(possible, _partitions.classes(~possible, *keys), -1)
    return number, jnp.max(number) + 1


def complement(a: Labels, p: Real[ArrayLike, "outcomes"], *, within: Labels | None = None) -> Partition:
    """A complement of Y in X: a variable Y' <= X whose join with Y is X and whose meet with Y is constant.

    It numbers the classes of X inside every class of Y. Complements are not unique; this one has the fewest classes.

    Args:
        a: labels of Y, shape (outcomes,).
        p: probabilities, shape (outcomes,).
        within: labels of X, which must refine Y; by default the outcome itself, the total information.

    Returns:
        The classes of the complement, with their validity.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, or X does not refine Y.
    """
    p, ok = _partitions.require_probabilities(p)
    whole = jnp.arange(p.shape[0]) if within is None else within
    a, whole = _partitions.require_labels(p, a=a, within=whole)
    checks = [ok]
    if within is not None:
        with _checks.evaluated_now(a, whole, p):
            finer = _determines(whole, a, p > 0)
        checks.append(_checks.Check(finer, "within must refine a", lambda: "a class of it with several labels of a"))
    number, count = _complement(a, whole, p > 0)
    return Partition(number, count, _checks.validity(*checks))


_determines = jax.jit(_partitions.determines)


@jax.jit
def _complement(a: Array, whole: Array, possible: Array) -> tuple[Array, Array]:
    number, outer = _partitions.classes(~possible, a, whole), _partitions.classes(a)
    outcomes = possible.shape[0]
    first = jax.ops.segment_min(jnp.where(possible, number, outcomes), outer, outcomes)[outer]
    rank = jnp.where(possible, number - first, -1)
    return rank, jnp.max(rank) + 1


def refines(a: Labels, b: Labels, p: Real[ArrayLike, "outcomes"]) -> Relation:
    """Whether X >= Y: Y is a function of X almost surely, H(Y | X) = 0. Decided by the classes, without rounding.

    Args:
        a: labels of X, shape (outcomes,).
        b: labels of Y, shape (outcomes,).
        p: probabilities, shape (outcomes,).

    Returns:
        The answer, with its validity.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ or p is no distribution.
    """
    p, ok = _partitions.require_probabilities(p)
    a, b = _partitions.require_labels(p, a=a, b=b)
    return Relation(_determines(a, b, p > 0), _checks.validity(ok))


def same_information(a: Labels, b: Labels, p: Real[ArrayLike, "outcomes"]) -> Relation:
    """Whether X and Y are one element of the lattice: each is a function of the other almost surely.

    Args:
        a: labels of X, shape (outcomes,).
        b: labels of Y, shape (outcomes,).
        p: probabilities, shape (outcomes,).

    Returns:
        The answer, with its validity.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ or p is no distribution.
    """
    p, ok = _partitions.require_probabilities(p)
    a, b = _partitions.require_labels(p, a=a, b=b)
    return Relation(_determines(a, b, p > 0) & _determines(b, a, p > 0), _checks.validity(ok))


# ------------------------------------------------------------------------------------------------- entropic measures

_entropy = jax.jit(_partitions.entropy_of)
_conditional_entropy = jax.jit(_partitions.conditional_entropy_of)
_mutual_information = jax.jit(_partitions.mutual_information_of)
_distance = jax.jit(_partitions.distance_of)
_rajski = jax.jit(_partitions.rajski_of)


def partition_entropy(labels: Labels, p: Real[ArrayLike, "outcomes"], *, base: int | float | None = None) -> Scalar:
    """Entropy of a labelled variable, H(X) = -sum_c p(c) log p(c) over its classes.

    Args:
        labels: of X, shape (outcomes,).
        p: probabilities of the outcomes, shape (outcomes,).
        base: base of the logarithm; nats by default.

    Returns:
        H(X).

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, or base is not greater than 1.

    Differentiable in p; a class of probability zero takes a zero gradient (its slope is infinite).
    """
    p, ok = _partitions.require_probabilities(p)
    (labels,) = _partitions.require_labels(p, labels=labels)
    return _checks.enforce(in_base(_entropy(labels, p), base), ok)


def partition_conditional_entropy(
    a: Labels, given: Labels, p: Real[ArrayLike, "outcomes"], *, base: int | float | None = None
) -> Scalar:
    """Conditional entropy of labelled variables, H(X | Y); exactly zero where Y refines X.

    Args:
        a: labels of X, shape (outcomes,).
        given: labels of Y, shape (outcomes,).
        p: probabilities of the outcomes, shape (outcomes,).
        base: base of the logarithm; nats by default.

    Returns:
        H(X | Y).

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, or base is not greater than 1.

    Differentiable in p; a pair of labels of probability zero takes a zero gradient (its slope is 0 or infinite).
    """
    p, ok = _partitions.require_probabilities(p)
    a, given = _partitions.require_labels(p, a=a, given=given)
    return _checks.enforce(in_base(_conditional_entropy(a, given, p), base), ok)


def partition_mutual_information(
    a: Labels, b: Labels, p: Real[ArrayLike, "outcomes"], *, base: int | float | None = None
) -> Scalar:
    """Mutual information of labelled variables, I(X; Y).

    Args:
        a: labels of X, shape (outcomes,).
        b: labels of Y, shape (outcomes,).
        p: probabilities of the outcomes, shape (outcomes,).
        base: base of the logarithm; nats by default.

    Returns:
        I(X; Y).

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, or base is not greater than 1.

    Differentiable in p, as `mutual_information`.
    """
    p, ok = _partitions.require_probabilities(p)
    a, b = _partitions.require_labels(p, a=a, b=b)
    return _checks.enforce(in_base(_mutual_information(a, b, p), base), ok)


def shannon_distance(
    a: Labels, b: Labels, p: Real[ArrayLike, "outcomes"], *, base: int | float | None = None
) -> Scalar:
    """Shannon's distance, d(X, Y) = H(X | Y) + H(Y | X), a metric on the lattice.

    Args:
        a: labels of X, shape (outcomes,).
        b: labels of Y, shape (outcomes,).
        p: probabilities of the outcomes, shape (outcomes,).
        base: base of the logarithm; nats by default.

    Returns:
        The distance, zero exactly where both carry the same information. For joint arrays it is
        `variation_of_information`.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ, p is no distribution, or base is not greater than 1.

    Differentiable in p; a pair of labels of probability zero takes a zero gradient. Source: Shannon 1953.
    """
    p, ok = _partitions.require_probabilities(p)
    a, b = _partitions.require_labels(p, a=a, b=b)
    return _checks.enforce(in_base(_distance(a, b, p)[0], base), ok)


def rajski_distance(a: Labels, b: Labels, p: Real[ArrayLike, "outcomes"]) -> Scalar:
    """Rajski's distance, D(X, Y) = (H(X | Y) + H(Y | X)) / H(X, Y), a metric on the lattice within [0, 1].

    Args:
        a: labels of X, shape (outcomes,).
        b: labels of Y, shape (outcomes,).
        p: probabilities of the outcomes, shape (outcomes,).

    Returns:
        The distance: 0 for the same information, two constants included, and 1 for independent variables.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ or p is no distribution.

    Differentiable in p; a pair of labels of probability zero takes a zero gradient. Source: Rajski 1961.
    """
    p, ok = _partitions.require_probabilities(p)
    a, b = _partitions.require_labels(p, a=a, b=b)
    return _checks.enforce(_rajski(a, b, p), ok)


def dependency_coefficient(a: Labels, b: Labels, p: Real[ArrayLike, "outcomes"]) -> Scalar:
    """Dependency coefficient, rho(X, Y) = I(X; Y) / H(X, Y) = 1 - D(X, Y).

    Args:
        a: labels of X, shape (outcomes,).
        b: labels of Y, shape (outcomes,).
        p: probabilities of the outcomes, shape (outcomes,).

    Returns:
        The coefficient in [0, 1]: 0 for independent variables and 1 for the same information.

    Raises:
        TypeError: labels are not integers.
        ValueError: shapes differ or p is no distribution.

    Differentiable in p; a pair of labels of probability zero takes a zero gradient. Source: arXiv 2306.15540.
    """
    p, ok = _partitions.require_probabilities(p)
    a, b = _partitions.require_labels(p, a=a, b=b)
    return _checks.enforce(1 - _rajski(a, b, p), ok)
