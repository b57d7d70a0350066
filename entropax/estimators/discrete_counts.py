"""Entropy and mutual information of discrete variables from how often their states were seen."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Float, Int, Real, RealScalar, Scalar
from entropax.estimators import _corrections
from entropax.estimators._beta_function import log_beta
from entropax.estimators._corrections import CORRECTIONS, PRIORS, WITH_PRIOR
from entropax.information._numerics import in_base

_EXPECTATION_TILE = 2**14  # terms of the expected mutual information that are held at once


def label_counts(labels: Int[ArrayLike, "n"], *, num_states: int) -> Float[Array, "num_states"]:
    """How often each state occurs among the labels.

    Args:
        labels: states, integers in [0, num_states), shape (n,).
        num_states: the number of states.

    Returns:
        The counts, shape (num_states,), in the default float so that they enter `discrete_entropy` as they are.

    Raises:
        TypeError: the labels are no integers.
        ValueError: they have not one axis, or one is no state (under a transformation all counts are NaN).

    Integers in, so nothing to differentiate.
    """
    labels = _labels("labels", labels)
    _checks.require_integer("num_states", num_states, minimum=1)
    return _checks.enforce(_count(labels, num_states), _states("labels", labels, num_states))


def contingency_table(
    x: Int[ArrayLike, "n"], y: Int[ArrayLike, "n"], *, num_states: tuple[int, int]
) -> Float[Array, "a b"]:
    """How often each pair of states occurs.

    Args:
        x: states of one variable, integers in [0, a), shape (n,).
        y: states of the other, integers in [0, b), shape (n,).
        num_states: (a, b).

    Returns:
        The counts, shape (a, b), in the default float.

    Raises:
        TypeError: the labels are no integers.
        ValueError: x and y differ in length, or a label is no state (under a transformation all counts are NaN).

    Integers in, so nothing to differentiate.
    """
    x, y = _labels("x", x), _labels("y", y)
    _checks.require_same_shape(x=x, y=y)
    if not isinstance(num_states, tuple) or len(num_states) != 2:
        raise ValueError(f"num_states must be a pair of integers, got {num_states!r}")
    for size in num_states:
        _checks.require_integer("num_states", size, minimum=1)
    a, b = num_states
    table = _count(x * b + y, a * b).reshape(a, b)
    return _checks.enforce(table, _states("x", x, a), _states("y", y, b))


def _labels(name: str, labels: Any) -> Array:
    with _checks.evaluated_now(labels):
        labels = jnp.asarray(labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"{name} must be integers, got dtype {labels.dtype}")
    _checks.require_ndim(name, labels, 1, "(n,)")
    return labels


def _states(name: str, labels: Array, num_states: int) -> _checks.Check:
    return _checks.within(name, labels, 0, num_states - 1, f"in [0, {num_states})")


@functools.partial(jax.jit, static_argnames="length")
def _count(labels: Array, length: int) -> Array:
    return jnp.bincount(labels, length=length).astype(jnp.result_type(float))


def discrete_entropy(
    counts: Real[ArrayLike, "*batch k"],
    *,
    correction: str = "plug-in",
    num_states: int | None = None,
    concentration: RealScalar | str | None = None,
    base: int | float | None = None,
) -> Float[Array, "*batch"]:
    """Shannon entropy of a discrete variable from counts, with the bias of small samples corrected.

    With n_i the counts, N their sum, p_i = n_i / N, K the number of states, f_1 and f_2 the numbers of states seen once
    and twice:

    - "plug-in": -sum p log p. Biased low by about (K - 1) / 2N.
    - "miller-madow": plug-in + (states seen - 1) / 2N (Miller 1955).
    - "grassberger": log N - sum p_i G(n_i), G(n) = psi(n) + (-1)^n [psi((n + 1) / 2) - psi(n / 2)] / 2 (Grassberger,
      arXiv physics/0307138); the choice when nothing is known of the unseen states.
    - "grassberger-1988": log N - sum p_i [psi(n_i) + (-1)^n_i / (n_i (n_i + 1))] (Phys. Lett. A 128, 369).
    - "chao-shen": Horvitz-Thompson sum over the states seen, with Good's coverage 1 - f_1 / N (Chao and Shen 2003).
    - "zhang": sum p_i [psi(N) - psi(n_i)] (Zhang 2012, in Schuermann's closed form, arXiv 1504.02915).
    - "chao-wang-jost": Zhang's plus an estimate of the rest from f_1 and f_2 (Chao, Wang and Jost 2013).
    - "bonachela": sum of (n_i + 1) / (N + 2) sum_{j = n_i + 2}^{N + 2} 1 / j over all states, least squared error on
      average over p (Bonachela et al., arXiv 0804.4561); for few states.
    - "shrinkage": plug-in of the James-Stein mean of p and the uniform distribution (Hausser and Strimmer, arXiv
      0811.3579); its weight is limited to [0, 1].
    - "dirichlet": plug-in of p = (n_i + a) / (N + K a), that is of pseudo-counts a.
    - "bayes": posterior mean of the entropy under the symmetric Dirichlet prior (Wolpert and Wolf 1995).
    - "nsb": the same, averaged over a with the prior that is nearly flat in the entropy (Nemenman, Shafee and Bialek,
      arXiv physics/0108025), by an integral to full precision; the choice when K is known and samples are few.

    Args:
        counts: n, shape (..., k), non-negative with a positive sum; states that were not seen count zero. Sums of
            weights and soft counts are allowed.
        correction: one of the above.
        num_states: K, at least k; by default k. It matters where unseen states do: to "bonachela", "shrinkage",
            "dirichlet", "bayes" and "nsb".
        concentration: a > 0 of "dirichlet" and "bayes": a number, or "laplace" (1), "jeffreys" (1/2, the default),
            "perks" (1 / K) or "minimax" (sqrt(N) / K).
        base: base of the logarithm; nats by default.

    Returns:
        The estimate, shape (...).

    Raises:
        ValueError: counts have no axis, a negative entry or no positive sum; the correction or the prior is unknown; a
            concentration is given to a correction without prior or is not positive; num_states is less than k; base is
            not greater than 1.

    Differentiable in the counts (and in a), as the corrections are smooth in them but for the numbers of states seen
    not at all, once or twice, which are held. A state that was not seen takes a zero gradient where its slope is
    infinite.
    """
    n, a, prior = _prepare(counts, correction, concentration)
    if n.ndim < 1 or n.shape[-1] < 1:
        raise ValueError(f"counts must have shape (..., k) with k >= 1, got {n.shape}")
    if num_states is not None:
        _checks.require_integer("num_states", num_states, minimum=n.shape[-1])
    unobserved = 0 if num_states is None else num_states - n.shape[-1]
    value = _entropy(n, a, prior, correction, float(unobserved))
    return _checks.enforce(in_base(value, base), *_of_counts("counts", n, n.ndim - 1), *_of_concentration(a))


def _prepare(counts: Any, correction: str, concentration: Any) -> tuple[Array, Array, str | None]:
    """Counts, concentration, and the name of the prior where one was given."""
    _checks.require_option("correction", correction, CORRECTIONS)
    if concentration is not None and correction not in WITH_PRIOR:
        raise ValueError(f"concentration must be None with correction {correction!r}, got {concentration!r}")
    if concentration is None or isinstance(concentration, str):
        prior = "jeffreys" if concentration is None else concentration
        _checks.require_option("concentration", prior, PRIORS)
        n = _checks.as_float("counts", counts)
        return n, jnp.ones((), n.dtype), prior
    n, a = _checks.as_floats(counts=counts, concentration=concentration)
    _checks.require_ndim("concentration", a, 0, "()")
    return n, a, None


def _of_counts(name: str, counts: Array, batch_ndim: int) -> tuple[_checks.Check, ...]:
    axes = tuple(range(batch_ndim, counts.ndim))
    with _checks.evaluated_now(counts):
        ok = jnp.sum(counts, axis=axes) > 0
    some = _checks.Check(ok, f"{name} must have a positive sum", lambda: f"{jnp.sum(counts, axis=axes)}")
    return _checks.nonnegative(name, counts, batch_ndim=batch_ndim), some


def _of_concentration(a: Array) -> tuple[_checks.Check, ...]:
    return (_checks.positive("concentration", a),)


@functools.partial(jax.jit, static_argnames=("prior", "correction", "unobserved"))
def _entropy(counts: Array, a: Array, prior: str | None, correction: str, unobserved: float) -> Array:
    if prior is None:
        a = jnp.broadcast_to(a, counts.shape[:-1])
    else:
        a = _corrections.concentration_of(prior, counts, unobserved)
    return CORRECTIONS[correction](counts, unobserved, a)


def discrete_mutual_information(
    counts: Real[ArrayLike, "a b"],
    *,
    correction: str = "plug-in",
    concentration: RealScalar | str | None = None,
    base: int | float | None = None,
) -> Scalar:
    """Mutual information of two discrete variables from a contingency table.

    "shrinkage" and "dirichlet" estimate the joint distribution and return its mutual information, so that it is not
    negative (Hausser and Strimmer, arXiv 0811.3579). "bayes" is the posterior mean under a Dirichlet prior of the joint
    distribution, whose marginals are Dirichlet with the parameters added up. Every other correction is that of three
    entropies, H(X) + H(Y) - H(X, Y), which may be negative and is left so.

    Args:
        counts: how often each pair of states was seen, shape (a, b); see `contingency_table`.
        correction: as in `discrete_entropy`.
        concentration: of the prior of one cell, as in `discrete_entropy`.
        base: base of the logarithm; nats by default.

    Returns:
        I(X; Y).

    Raises:
        ValueError: counts have not two axes, a negative entry or no positive sum, or an option is as `discrete_entropy`
            refuses it.

    Differentiable in the counts, as `discrete_entropy`.
    """
    n, a, prior = _prepare(counts, correction, concentration)
    _require_table(n)
    value = _mutual_information(n, a, prior, correction)
    return _checks.enforce(in_base(value, base), *_of_counts("counts", n, 0), *_of_concentration(a))


def _require_table(counts: Array) -> None:
    if counts.ndim != 2 or 0 in counts.shape:
        raise ValueError(f"counts must have shape (a, b) with a, b >= 1, got {counts.shape}")


@functools.partial(jax.jit, static_argnames=("prior", "correction"))
def _mutual_information(counts: Array, a: Array, prior: str | None, correction: str) -> Array:
    cells = counts.reshape(-1)
    if prior is not None:
        a = _corrections.concentration_of(prior, cells, 0.0)
    if correction == "plug-in":
        return information.mutual_information(counts / jnp.sum(counts))
    if correction == "shrinkage":
        return information.mutual_information(_corrections.shrunk(cells, 0.0)[0].reshape(counts.shape))
    if correction == "dirichlet":
        return information.mutual_information(_corrections.pseudo_counted(cells, 0.0, a)[0].reshape(counts.shape))
    estimate = CORRECTIONS[correction]
    of_x = estimate(jnp.sum(counts, axis=1), 0.0, a * counts.shape[1])
    of_y = estimate(jnp.sum(counts, axis=0), 0.0, a * counts.shape[0])
    return of_x + of_y - estimate(cells, 0.0, a)


def adjusted_mutual_information(counts: Real[ArrayLike, "a b"], *, normalizer: str = "arithmetic") -> Scalar:
    """Mutual information adjusted for chance, (I - E I) / (N(H(X), H(Y)) - E I).

    E I is the mean of the plug-in estimate over all tables with the same marginals, when one variable's labels are
    permuted at random (the hypergeometric model): independent labels give 0 on average, equal ones 1.

    Args:
        counts: whole numbers, shape (a, b); see `contingency_table`. (Not adjusted:
            `information.normalized_mutual_information` of the table over its sum.)
        normalizer: "arithmetic", "geometric", "min" or "max" of the entropies.

    Returns:
        The adjusted mutual information; NaN where both variables are constant.

    Raises:
        ValueError: counts have not two axes, an entry is negative or no whole number, their sum is not positive, or the
            option is unknown.

    Not differentiable: it is defined on whole numbers. Time grows as a b times the largest count. Source: Vinh, Epps
    and Bailey, JMLR 11, 2837 (2010).
    """
    _checks.require_option("normalizer", normalizer, ("arithmetic", "geometric", "min", "max"))
    n = _checks.as_float("counts", counts)
    _require_table(n)
    with _checks.evaluated_now(n):
        whole = jnp.all(n == jnp.round(n))
    checks = (*_of_counts("counts", n, 0), _checks.Check(whole, "counts must be whole numbers", lambda: f"{n}"))
    return _checks.enforce(_adjusted(n, normalizer), *checks)


@functools.partial(jax.jit, static_argnames="normalizer")
def _adjusted(counts: Array, normalizer: str) -> Array:
    total = jnp.sum(counts)
    rows, columns = jnp.sum(counts, axis=1), jnp.sum(counts, axis=0)
    value = information.mutual_information(counts / total)
    expected = _expected_mutual_information(rows, columns)
    h_x, h_y = _corrections.shannon(rows / total), _corrections.shannon(columns / total)
    scale = {
        "arithmetic": lambda: (h_x + h_y) / 2,
        "geometric": lambda: jnp.sqrt(h_x * h_y),
        "min": lambda: jnp.minimum(h_x, h_y),
        "max": lambda: jnp.maximum(h_x, h_y),
    }[normalizer]()
    return (value - expected) / (scale - expected)


def _expected_mutual_information(rows: Array, columns: Array) -> Array:
    """Sum over cells and their possible counts n of (n / N) log(N n / (a_i b_j)) times the probability of n."""
    rows, columns = rows[None, :, None], columns[None, None, :]
    total = jnp.sum(rows)
    block = max(1, _EXPECTATION_TILE // (rows.size * columns.size))
    least, most = jnp.maximum(rows + columns - total, 0), jnp.minimum(rows, columns)
    positive_rows, positive_columns = jnp.maximum(rows, 1), jnp.maximum(columns, 1)

    def add(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        first, expected = carry
        n = (first + jnp.arange(block, dtype=rows.dtype))[:, None, None]
        possible = (n <= most) & (n >= least)
        inside = jnp.where(possible, n, least)
        # The hypergeometric probability C(a, n) C(N - a, b - n) / C(N, b).
        log_probability = (
            _log_binomial(rows, inside) + _log_binomial(total - rows, columns - inside) - _log_binomial(total, columns)
        )
        log_ratio = jnp.log(total / positive_rows) + jnp.log(jnp.maximum(inside, 1) / positive_columns)
        terms = inside / total * log_ratio * jnp.exp(log_probability)
        return first + block, expected + jnp.sum(jnp.where(possible, terms, 0))

    start = (jnp.ones((), rows.dtype), jnp.zeros((), rows.dtype))
    return jax.lax.while_loop(lambda carry: carry[0] <= jnp.max(most), add, start)[1]


def _log_binomial(n: Array, k: Array) -> Array:
    """log of the binomial coefficient."""
    return -jnp.log(n + 1) - log_beta(n - k + 1, k + 1)
