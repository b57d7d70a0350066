"""Substitutable groups of elements, and what they say of new alloys (arXiv 2502.14631; Nature Comput. Sci. 2021).

Two alloys a = H + S and b = H + T share the host H and differ by the groups S and T. That they behave alike is evidence
that S and T can be exchanged; that S and T can be exchanged is evidence that a new alloy behaves like a known one from
which it differs so. An alloy is a set of elements: a row of zeros and ones.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Shaped
from entropax.information import Combination

_BLOCK = 2**24  # pairs of alloys compared at a time: what bounds the memory of large tables


class Substitutions(eqx.Module):
    """Which alloys differ by which exchange of groups: all that a table's element sets say before any label.

    Attributes:
        first: the one alloy of every pair of alloys that is compared, shape (pairs,).
        second: the other alloy, shape (pairs,).
        exchange: which exchange of groups leads from the one to the other, shape (pairs,).
        predictive: whether the one alloy may be predicted from the other, shape (pairs,): neither group is empty.
        groups: the two groups of every exchange, rows of elements, shape (exchanges, 2, elements).
        n_alloys: number of alloys; static.
    """

    first: Int[Array, "pairs"]
    second: Int[Array, "pairs"]
    exchange: Int[Array, "pairs"]
    predictive: Bool[Array, "pairs"]
    groups: Bool[Array, "exchanges 2 elements"]
    n_alloys: int = eqx.field(static=True)

    @property
    def single(self) -> Int[Array, "exchanges 2"]:
        """The two elements of every exchange of one element for another, -1 in the other rows."""
        one = jnp.all(jnp.sum(self.groups, axis=-1) == 1, axis=-1)
        return jnp.where(one[:, None], jnp.argmax(self.groups, axis=-1), -1)


def find_substitutions(
    members: Shaped[ArrayLike, "alloys elements"],
    *,
    kmax: int = 1,
    empty_host: bool = False,
    allow_empty: bool = False,
) -> Substitutions:
    """All pairs of alloys that differ by an exchange of groups of at most kmax elements.

    Computed on the host from concrete arrays; equal element sets are not compared.

    Args:
        members: 1 where an alloy has an element, else 0, shape (alloys, elements); alloys to be predicted stand among
            the known ones.
        kmax: the most elements of a group.
        empty_host: whether alloys that share nothing and are themselves the groups are compared too; possible for
            kmax of 2 and more.
        allow_empty: whether a group is also compared with nothing, where the host is an alloy itself; never used in
            predictions.

    Returns:
        The pairs and the exchanges.

    Raises:
        TypeError: members are traced, or kmax is no integer.
        ValueError: members is no table of zeros and ones, an alloy has no elements, or kmax is below 1.
    """
    if not _checks.is_concrete(members):
        raise TypeError("members must be a concrete array: pairs are counted on the host")
    table: np.ndarray = np.asarray(members)
    if table.ndim != 2:
        raise ValueError(f"members must have shape (alloys, elements), got {table.shape}")
    if not np.isin(table, (0, 1)).all():
        raise ValueError("members must be zeros and ones, got other values")
    table = table.astype(bool)
    bare = np.flatnonzero(~np.any(table, axis=1))
    if bare.size:
        raise ValueError(f"members must give every alloy an element, got none in row {bare[0]}")
    _checks.require_integer("kmax", kmax, minimum=1)
    first, second = _pairs(table, kmax, empty_host, allow_empty)
    groups, exchange = _exchanges(table[first] & ~table[second], table[second] & ~table[first])
    with _checks.evaluated_now():
        return Substitutions(
            first=jnp.asarray(first, jnp.int32),
            second=jnp.asarray(second, jnp.int32),
            exchange=jnp.asarray(exchange, jnp.int32),
            predictive=jnp.asarray(np.all(groups.any(axis=-1), axis=-1)[exchange]),
            groups=jnp.asarray(groups),
            n_alloys=len(table),
        )


def _pairs(table: np.ndarray, kmax: int, empty_host: bool, allow_empty: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pairs first < second of alloys whose differences are within kmax."""
    numbers = table.astype(np.float32)
    sizes = table.sum(axis=1, dtype=np.int32)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    rows_at_once = max(1, _BLOCK // max(1, len(table)))
    for start in range(0, len(table), rows_at_once):
        block = slice(start, start + rows_at_once)
        shared = (numbers[block] @ numbers.T).astype(np.int32)
        one, other = sizes[block, None] - shared, sizes[None] - shared
        differ = (one + other > 0) if allow_empty else (one > 0) & (other > 0)
        hosted = (shared > 0) | empty_host
        later = np.arange(len(table))[None] > np.arange(start, start + len(shared))[:, None]
        rows, columns = np.nonzero(later & differ & hosted & (one <= kmax) & (other <= kmax))
        found.append((rows + start, columns))
    first, second = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return first, second


def _exchanges(ones: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct unordered pairs of groups, and which one every pair of rows is."""
    both = np.concatenate([ones, others])
    packed = np.ascontiguousarray(np.packbits(both, axis=1))
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).reshape(-1)
    _, where, which = np.unique(keys, return_index=True, return_inverse=True)
    distinct, which = both[where], which.reshape(2, -1)
    low, high = which.min(axis=0), which.max(axis=0)
    codes, exchange = np.unique(low * len(distinct) + high, return_inverse=True)
    count = max(len(distinct), 1)
    return np.stack([distinct[codes // count], distinct[codes % count]], axis=1), exchange.reshape(-1)


def substitutability(
    substitutions: Substitutions,
    labels: Real[ArrayLike, "alloys"],
    alpha: RealScalar,
    *,
    known: Bool[ArrayLike, "alloys"] | None = None,
) -> Float[Array, "exchanges 4"]:
    """Evidence that the groups of every exchange are substitutable, from alloys that differ by it.

    A pair with equal labels gives m({similar}) = alpha, one with different labels m({dissimilar}) = alpha, and the rest
    is open; Dempster's rule pools all pairs of the same exchange.

    Args:
        substitutions: from `find_substitutions`.
        labels: 1 for an alloy that is a single-phase high-entropy alloy, 0 for one that is not, shape (alloys,). A
            number between is the probability of 1: then counts are expected counts of independent labels.
        alpha: what a pair is worth, in (0, 1).
        known: which alloys may be used, shape (alloys,); all by default. Labels of the others are not read.

    Returns:
        Masses on {}, {similar}, {dissimilar}, {similar, dissimilar} of every exchange, shape (exchanges, 4). An
        exchange that no known pair shows is all ignorance.

    Raises:
        ValueError: shapes do not fit, a known label is outside [0, 1], or alpha is outside (0, 1).

    Differentiable in labels and alpha. Source: arXiv 2502.14631.
    """
    labels, alpha = _checks.as_floats(labels=labels, alpha=alpha)
    labels, known, check = _known_labels(substitutions, labels, known)
    _checks.enforce((), check)  # before anything that follows from a fault is refused
    n_for, n_against = _counts(substitutions, labels, known)
    return _checks.enforce(information.simple_support_pool(n_for, n_against, alpha), check)


@jax.jit
def _counts(substitutions: Substitutions, labels: Array, known: Array) -> tuple[Array, Array]:
    """Numbers of known pairs with equal and with different labels, by exchange."""
    y, z = labels[substitutions.first], labels[substitutions.second]
    usable = known[substitutions.first] & known[substitutions.second]
    agree = y * z + (1 - y) * (1 - z)
    n_for, n_against = (
        jax.ops.segment_sum(jnp.where(usable, n, 0), substitutions.exchange, num_segments=len(substitutions.groups))
        for n in (agree, 1 - agree)
    )
    return n_for, n_against


def predict_alloys(
    substitutions: Substitutions,
    similarity: Real[ArrayLike, "exchanges 4"],
    labels: Real[ArrayLike, "alloys"],
    d: RealScalar,
    *,
    known: Bool[ArrayLike, "alloys"] | None = None,
) -> Combination:
    """Evidence whether every alloy is a single-phase high-entropy alloy, from the known ones that resemble it.

    A known alloy b with label y that differs from a by the exchange of S for T gives m({y}) = d m_ST(similar), and the
    rest is open; Dempster's rule pools them, log(1 - P) = sum of log(1 - d m_ST(similar)). No alloy is used for itself.

    Args:
        substitutions: from `find_substitutions`.
        similarity: masses of every exchange, shape (exchanges, 4), as `substitutability` or `fuse_sources` gives them.
        labels: 1, 0 or a probability between, shape (alloys,).
        d: what a wholly substitutable neighbour is worth, in (0, 1].
        known: which alloys may be used, shape (alloys,); all by default.

    Returns:
        Masses on {}, {HEA}, {not HEA}, {HEA, not HEA} of every alloy, shape (alloys, 4), and the conflict of the
        evidence, shape (alloys,). An alloy without known neighbours is all ignorance.

    Raises:
        ValueError: shapes do not fit, masses are none, a known label is outside [0, 1], d is outside (0, 1], or
            certain evidence contradicts itself.

    Differentiable in similarity, labels and d; at a certain neighbour (d = 1, m(similar) = 1) the slopes of the alloys
    that it settles are given as zero. The score m(HEA) + m(open) / 2 is the first entry of
    `information.pignistic`. Source: arXiv 2502.14631.
    """
    similarity, labels, d = _checks.as_floats(similarity=similarity, labels=labels, d=d)
    _checks.require_shape("similarity", similarity, (len(substitutions.groups), 4))
    _checks.require_ndim("d", d, 0, "()")
    labels, known, check = _known_labels(substitutions, labels, known)
    masses = _mass_checks("similarity", similarity)
    worth = _checks.Check((d > 0) & (d <= 1), "d must be in (0, 1]", lambda: f"{d}")
    checks = *masses, worth, check
    similarity = _checks.enforce(similarity, *masses)  # its empty sets are not read: their gradients are NaN here
    _checks.enforce((), *checks)  # before anything that follows from a fault is refused
    # 1 - d m(similar), of parts that are not negative; what rounding leaves above one is taken off, not its slope.
    left = (1 - d) + d * (similarity[:, 2] + similarity[:, 3])
    certain = left == 0
    doubts = jnp.log(jnp.where(certain, 1, left))
    doubts = doubts - jax.lax.stop_gradient(jnp.maximum(doubts, 0))
    pooled = information.pool_supports(*_pooled_doubts(substitutions, doubts, certain, labels, known))
    return _checks.enforce(pooled, *checks)


@jax.jit
def _pooled_doubts(
    substitutions: Substitutions, doubts: Array, certain: Array, labels: Array, known: Array
) -> tuple[Array, Array]:
    """Sums of the logarithms of doubt, by alloy, over the known ones of label 1 and over those of label 0.

    Certain exchanges stand apart, with doubts of zero: minus infinity in a sum would have NaN for slopes.
    """
    targets = jnp.concatenate([substitutions.first, substitutions.second])
    others = jnp.concatenate([substitutions.second, substitutions.first])
    doubts, certain = (jnp.concatenate([x[substitutions.exchange]] * 2) for x in (doubts, certain))
    usable = jnp.concatenate([substitutions.predictive] * 2) & known[others]
    by_alloy = functools.partial(jax.ops.segment_sum, segment_ids=targets, num_segments=substitutions.n_alloys)

    def pooled(weights: Array) -> Array:
        settled = by_alloy((certain & (weights > 0)).astype(jnp.int32)) > 0
        return jnp.where(settled, -jnp.inf, by_alloy(weights * doubts))

    return pooled(jnp.where(usable, labels[others], 0)), pooled(jnp.where(usable, 1 - labels[others], 0))


def _mass_checks(name: str, masses: Array) -> tuple[_checks.Check, ...]:
    """All rows are masses on the subsets of two outcomes, none of them on the empty set."""
    with _checks.evaluated_now(masses):
        sound, empty = _checks.distribution(name, masses), masses[..., 0]
        nothing = _checks.Check(
            jnp.all(empty == 0), f"{name} must be zero on the empty set, entry 0", lambda: f"{np.asarray(empty)}"
        )
        return sound._replace(ok=jnp.all(sound.ok)), nothing


def _known_labels(
    substitutions: Substitutions, labels: Array, known: Bool[ArrayLike, "alloys"] | None
) -> tuple[Array, Array, _checks.Check]:
    """Labels, zero where not known; which are known; and the check of them."""
    shape = (substitutions.n_alloys,)
    _checks.require_shape("labels", labels, shape)
    with _checks.evaluated_now(labels, known):
        which = jnp.ones(shape, bool) if known is None else jnp.asarray(known)
        if which.dtype != jnp.bool_:
            raise TypeError(f"known must be boolean, got dtype {which.dtype}")
        _checks.require_shape("known", which, shape)
        labels = jnp.where(which, labels, 0)
    return labels, which, _checks.within("labels", labels, 0, 1, "in [0, 1] where they are known")


class Ranking(eqx.Module):
    """Alloys in the order in which to try them.

    Attributes:
        value: indices, the most promising alloy first, shape (alloys,).
        valid: whether the masses were; without axes.
    """

    value: Int[Array, "alloys"]
    valid: Bool[Array, ""]


def rank_alloys(masses: Real[ArrayLike, "alloys 4"]) -> Ranking:
    """Alloys by falling m(HEA), and where that is equal by rising ignorance.

    Args:
        masses: of `predict_alloys`, shape (alloys, 4).

    Returns:
        The order; ties keep theirs.

    Raises:
        ValueError: another shape, or masses that are negative, do not sum to one or lie on the empty set.

    An order of integers: it has no gradients.
    """
    masses = _checks.as_float("masses", masses)
    if masses.ndim != 2 or masses.shape[1] != 4:
        raise ValueError(f"masses must have shape (alloys, 4), got {masses.shape}")
    valid = _checks.validity(*_mass_checks("masses", masses))
    return Ranking(jnp.lexsort((masses[:, 3], -masses[:, 1])).astype(jnp.int32), valid)


def element_distance(
    substitutions: Substitutions, similarity: Real[ArrayLike, "exchanges 4"]
) -> Float[Array, "elements elements"]:
    """Distances of elements by what they can be exchanged for, d_ij = sqrt(1 - m_ij(similar)).

    Args:
        substitutions: from `find_substitutions`.
        similarity: masses of every exchange, shape (exchanges, 4).

    Returns:
        A symmetric matrix, shape (elements, elements), zero on its diagonal; 1 where nothing is known.

    Raises:
        ValueError: another shape, or masses that are negative, do not sum to one or lie on the empty set.

    Differentiable in similarity; the slope of wholly similar elements is infinite and given as zero. Source: arXiv
    2502.14631.
    """
    similarity = _checks.as_float("similarity", similarity)
    _checks.require_shape("similarity", similarity, (len(substitutions.groups), 4))
    checks = _mass_checks("similarity", similarity)
    similarity = _checks.enforce(similarity, *checks)
    doubt = similarity[:, 2] + similarity[:, 3]
    apart = jnp.where(doubt > 0, jnp.sqrt(jnp.where(doubt > 0, doubt, 1)), 0)
    elements = substitutions.groups.shape[-1]
    i, j = substitutions.single.T
    # An index beyond the matrix is dropped: exchanges of larger groups.
    i, j = (jnp.where(index < 0, elements, index) for index in (i, j))
    matrix = 1 - jnp.eye(elements, dtype=similarity.dtype)
    matrix = matrix.at[i, j].set(apart, mode="drop").at[j, i].set(apart, mode="drop")
    return _checks.enforce(matrix, *checks)


def fuse_sources(
    sources: Real[ArrayLike, "sources exchanges 4"], reliabilities: Real[ArrayLike, "sources"]
) -> Combination:
    """Similarities of several sources together: each discounted by its reliability, then Dempster's rule.

    Args:
        sources: masses of every exchange by source, shape (sources, exchanges, 4): of data by `substitutability`, of
            knowledge by `judgement_masses`.
        reliabilities: r in [0, 1] by source, shape (sources,).

    Returns:
        Masses of every exchange, shape (exchanges, 4), and the sources' conflict, shape (exchanges,).

    Raises:
        ValueError: shapes do not fit, masses are none, a reliability is outside [0, 1], or wholly reliable sources
            contradict each other wholly.

    Differentiable in both. Source: arXiv 2502.14631.
    """
    sources, reliabilities = _checks.as_floats(sources=sources, reliabilities=reliabilities)
    if sources.ndim != 3 or sources.shape[2] != 4:
        raise ValueError(f"sources must have shape (sources, exchanges, 4), got {sources.shape}")
    if not len(sources):
        raise ValueError(f"sources must hold at least one, got shape {sources.shape}")
    _checks.require_shape("reliabilities", reliabilities, sources.shape[:1])
    inside = _checks.within("reliabilities", reliabilities, 0, 1, "in [0, 1]")
    sources, reliabilities = _checks.enforce((sources, reliabilities), *_mass_checks("sources", sources), inside)
    discounted = information.discount(sources, reliabilities[:, None])
    return information.dempster_combine_many(jnp.swapaxes(discounted, 0, 1))
