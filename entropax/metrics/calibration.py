"""Errors of calibration: how far confidence is from the frequency of being right."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, Scalar

Confidence = Real[ArrayLike, "n"]
Correct = Real[ArrayLike, "n"] | Bool[ArrayLike, "n"]
Mask = Bool[ArrayLike, "n"] | None


def expected_calibration_error(
    confidence: Confidence, correct: Correct, *, num_bins: int = 15, where: Mask = None
) -> Scalar:
    """Expected calibration error, ECE = sum_b |sum_{i in b} (correct_i - confidence_i)| / n over bins of equal width.

    Bin b holds (b - 1) / B < confidence <= b / B, the first also 0. Noise of the bins makes it positive for calibrated
    predictions too, by the order of sqrt(B / n).

    Args:
        confidence: probabilities of being right, in [0, 1], shape (n,).
        correct: whether each was right, booleans or numbers in [0, 1], shape (n,).
        num_bins: B.
        where: which examples count, shape (n,), all by default.

    Returns:
        The error, in [0, 1], float32 for inputs of lower precision.

    Raises:
        ValueError: shapes differ, an entry is outside [0, 1], no example counts, or num_bins is not positive.
        TypeError: where is not boolean.

    Differentiable in confidence and correct within a bin, with jumps where a confidence crosses an edge: a metric, not
    a loss. Source: Naeini et al. 2015; arXiv 1706.04599.
    """
    given = _predictions(confidence, correct, where)
    return given.finish(_mean_gap(given, _equal_width(given.confidence, num_bins), num_bins))


def adaptive_calibration_error(
    confidence: Confidence, correct: Correct, *, num_bins: int = 15, where: Mask = None
) -> Scalar:
    """Adaptive calibration error: `expected_calibration_error` over bins of equal mass, in the order of confidence.

    Sizes of bins differ by at most one; examples of equal confidence are taken in the order given.

    Args:
        confidence: probabilities of being right, in [0, 1], shape (n,).
        correct: whether each was right, booleans or numbers in [0, 1], shape (n,).
        num_bins: B.
        where: which examples count, shape (n,), all by default.

    Returns:
        The error, in [0, 1], float32 for inputs of lower precision.

    Raises:
        ValueError: shapes differ, an entry is outside [0, 1], no example counts, or num_bins is not positive.
        TypeError: where is not boolean.

    Differentiable in confidence and correct while the order stays. Source: arXiv 1904.01685.
    """
    given = _predictions(confidence, correct, where)
    return given.finish(_mean_gap(given, _equal_mass(given, num_bins), num_bins))


def maximum_calibration_error(
    confidence: Confidence, correct: Correct, *, num_bins: int = 15, where: Mask = None
) -> Scalar:
    """Maximum calibration error: the largest |accuracy - mean confidence| of a bin of equal width that is not empty.

    Args:
        confidence: probabilities of being right, in [0, 1], shape (n,).
        correct: whether each was right, booleans or numbers in [0, 1], shape (n,).
        num_bins: B.
        where: which examples count, shape (n,), all by default.

    Returns:
        The error, in [0, 1], float32 for inputs of lower precision.

    Raises:
        ValueError: shapes differ, an entry is outside [0, 1], no example counts, or num_bins is not positive.
        TypeError: where is not boolean.

    Differentiable in confidence and correct within a bin where the largest is unique. Source: Naeini et al. 2015.
    """
    given = _predictions(confidence, correct, where)
    index = _equal_width(given.confidence, num_bins)
    size = jnp.maximum(_bin_sums(given.weight, index, num_bins), 1)
    return given.finish(jnp.max(jnp.abs(_bin_sums(given.excess, index, num_bins)) / size))


def classwise_calibration_error(
    probabilities: Real[ArrayLike, "n c"], labels: Int[ArrayLike, "n"], *, num_bins: int = 15, where: Mask = None
) -> Scalar:
    """Classwise calibration error: the mean over classes k of the ECE of p_k as a probability of the label k.

    Args:
        probabilities: predicted distributions, shape (n, c).
        labels: integers in [0, c), shape (n,).
        num_bins: bins of equal width for every class.
        where: which examples count, shape (n,), all by default.

    Returns:
        The error, in [0, 1], float32 for inputs of lower precision.

    Raises:
        ValueError: shapes do not fit, a row is no distribution, a label is out of range, no example counts, or num_bins
            is not positive.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the probabilities within bins. Source: arXiv 1910.12656.
    """
    p, y, checks = _distributions(probabilities, labels, where)
    hot = jax.nn.one_hot(y, p.shape[1], dtype=p.dtype)
    given = _predictions(p[:, 0], hot[:, 0], where)

    def error(confidence: Array, correct: Array) -> Array:
        one = given._replace(confidence=confidence, correct=correct)
        return _mean_gap(one, _equal_width(confidence, num_bins), num_bins)

    return _checks.enforce(jnp.mean(jax.vmap(error, in_axes=1)(p, hot)), *checks, given.some)


def ks_calibration_error(confidence: Confidence, correct: Correct, *, where: Mask = None) -> Scalar:
    """Kolmogorov-Smirnov calibration error, max_k |sum_{i <= k} (correct_i - confidence_i)| / n in order of confidence.

    Needs no bins. Sums end between different confidences only, so that the order of equal ones does not matter.

    Args:
        confidence: probabilities of being right, in [0, 1], shape (n,).
        correct: whether each was right, booleans or numbers in [0, 1], shape (n,).
        where: which examples count, shape (n,), all by default.

    Returns:
        The error, in [0, 1], float32 for inputs of lower precision.

    Raises:
        ValueError: shapes differ, an entry is outside [0, 1], or no example counts.
        TypeError: where is not boolean.

    Differentiable in confidence and correct while the order stays and where the largest is unique. Source:
    arXiv 2006.12800.
    """
    given = _predictions(confidence, correct, where)
    order = jnp.argsort(given.confidence)
    sums = jnp.cumsum(given.excess[order])
    ordered = jax.lax.stop_gradient(given.confidence[order])
    ends = jnp.concatenate([ordered[1:] > ordered[:-1], jnp.ones((1,), bool)])
    return given.finish(jnp.max(jnp.where(ends, jnp.abs(sums), 0)) / given.size)


def brier_score(confidence: Confidence, correct: Correct, *, where: Mask = None) -> Scalar:
    """Brier score of confidence, sum_i (correct_i - confidence_i)^2 / n.

    At least the square of `expected_calibration_error` with any bins; for calibrated predictions the mean of
    confidence (1 - confidence).

    Args:
        confidence: probabilities of being right, in [0, 1], shape (n,).
        correct: whether each was right, booleans or numbers in [0, 1], shape (n,).
        where: which examples count, shape (n,), all by default.

    Returns:
        The score, in [0, 1], lower is better, float32 for inputs of lower precision.

    Raises:
        ValueError: shapes differ, an entry is outside [0, 1], or no example counts.
        TypeError: where is not boolean.

    Differentiable in confidence and correct. Source: Brier 1950.
    """
    given = _predictions(confidence, correct, where)
    return given.finish(jnp.sum(given.excess**2) / given.size)


def multiclass_brier_score(
    probabilities: Real[ArrayLike, "n c"], labels: Int[ArrayLike, "n"], *, where: Mask = None
) -> Scalar:
    """Brier score of whole distributions, the mean over examples of sum_k (1(k = label) - p_k)^2.

    Args:
        probabilities: predicted distributions, shape (n, c).
        labels: integers in [0, c), shape (n,).
        where: which examples count, shape (n,), all by default.

    Returns:
        The score, in [0, 2], lower is better, float32 for inputs of lower precision.

    Raises:
        ValueError: shapes do not fit, a row is no distribution, a label is out of range, or no example counts.
        TypeError: labels are not integers, or where is not boolean.

    Differentiable in the probabilities. Source: Brier 1950.
    """
    p, y, checks = _distributions(probabilities, labels, where)
    hot = jax.nn.one_hot(y, p.shape[1], dtype=p.dtype)
    given = _predictions(p[:, 0], hot[:, 0], where)
    score = jnp.sum(given.weight * jnp.sum((hot - p) ** 2, axis=1)) / given.size
    return _checks.enforce(score, *checks, given.some)


class TopLabel(eqx.Module):
    """What a classifier says of every example.

    Attributes:
        confidence: its largest probability.
        correct: 1 where that is the label's, else 0; the first of equally likely classes counts.
    """

    confidence: Float[Array, "n"]
    correct: Float[Array, "n"]


def top_label(probabilities: Real[ArrayLike, "n c"], labels: Int[ArrayLike, "n"], *, where: Mask = None) -> TopLabel:
    """Confidence of the most likely class and whether it is right, as the metrics of this room take them.

    Args:
        probabilities: predicted distributions, shape (n, c); of logits, jax.nn.softmax.
        labels: integers in [0, c), shape (n,).
        where: which examples count, shape (n,), all by default; pass it on to the metric. The others give zeros.

    Returns:
        Confidence and correctness, float32 for inputs of lower precision.

    Raises:
        ValueError: shapes do not fit, a row is no distribution, or a label is out of range.
        TypeError: labels are not integers, or where is not boolean.

    Confidence is differentiable in the probabilities where the largest is unique; correctness is a step.
    """
    p, y, checks = _distributions(probabilities, labels, where)
    counted = _checks.as_mask(where, y.shape)
    correct = counted & (jnp.argmax(p, axis=1).astype(y.dtype) == y)
    confidence = jnp.where(counted, jnp.max(p, axis=1), 0)
    return _checks.enforce(TopLabel(confidence, correct.astype(p.dtype)), *checks)


class ReliabilityBins(eqx.Module):
    """A reliability diagram: what each bin of confidence holds.

    Attributes:
        accuracy: mean of correct, 0 in an empty bin.
        confidence: mean confidence, 0 in an empty bin.
        count: number of examples, as floating numbers.
    """

    accuracy: Float[Array, "num_bins"]
    confidence: Float[Array, "num_bins"]
    count: Float[Array, "num_bins"]


def reliability_bins(
    confidence: Confidence, correct: Correct, *, num_bins: int = 15, equal_mass: bool = False, where: Mask = None
) -> ReliabilityBins:
    """Accuracy, mean confidence and size of every bin of confidence.

    Args:
        confidence: probabilities of being right, in [0, 1], shape (n,).
        correct: whether each was right, booleans or numbers in [0, 1], shape (n,).
        num_bins: B.
        equal_mass: whether bins hold equally many examples, as in `adaptive_calibration_error`, or have equal widths,
            as in `expected_calibration_error`.
        where: which examples count, shape (n,), all by default.

    Returns:
        The bins in the order of confidence, float32 for inputs of lower precision.

    Raises:
        ValueError: shapes differ, an entry is outside [0, 1], no example counts, or num_bins is not positive.
        TypeError: where is not boolean.

    Differentiable in confidence and correct within bins.
    """
    given = _predictions(confidence, correct, where)
    index = _equal_mass(given, num_bins) if equal_mass else _equal_width(given.confidence, num_bins)
    columns = given.correct * given.weight, given.confidence * given.weight, given.weight
    right, confident, count = (_bin_sums(column, index, num_bins) for column in columns)
    size = jnp.maximum(count, 1)
    return given.finish(ReliabilityBins(right / size, confident / size, count))


# ------------------------------------------------------------------------------------------------------- small parts


class _Predictions(NamedTuple):
    """Confidences made ready: of one dtype, harmless where they do not count."""

    confidence: Array
    correct: Array
    weight: Array  # 1 where an example counts, else 0
    size: Array  # the number of those that count, at least 1
    some: _checks.Check
    checks: tuple[_checks.Check, ...]

    @property
    def excess(self) -> Array:
        """Correct less confidence, 0 where an example does not count."""
        return self.weight * (self.correct - self.confidence)

    def finish(self, value: Any) -> Any:
        return _checks.enforce(value, self.some, *self.checks)


def _predictions(confidence: Any, correct: Any, where: Any) -> _Predictions:
    p, c = map(_checks.accumulated, _checks.as_floats(confidence=confidence, correct=correct))
    _checks.require_ndim("confidence", p, 1, "(n,)")
    _checks.require_same_shape(confidence=p, correct=c)
    if p.size == 0:
        raise ValueError("confidence must hold at least one example, got none")
    mask = _checks.as_mask(where, p.shape)
    p, c = jnp.where(mask, p, 0), jnp.where(mask, c, 0)
    with _checks.evaluated_now(mask):
        some = _checks.Check(jnp.any(mask), "where must keep at least one example", lambda: "none")
    weight = mask.astype(p.dtype)
    checks = tuple(_checks.within(name, x, 0, 1, "in [0, 1]") for name, x in (("confidence", p), ("correct", c)))
    return _Predictions(p, c, weight, jnp.maximum(jnp.sum(weight), 1), some, checks)


def _distributions(probabilities: Any, labels: Any, where: Any) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    """Distributions and labels, harmless where they do not count, and their checks."""
    p = _checks.accumulated(_checks.as_float("probabilities", probabilities))
    y = _checks.widened(jnp.asarray(labels))
    if p.ndim != 2 or p.shape[1] < 2:
        raise ValueError(f"probabilities must have shape (n, c) with c >= 2 classes, got {p.shape}")
    if not jnp.issubdtype(y.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, got dtype {y.dtype}")
    _checks.require_shape("labels", y, p.shape[:1])
    n = p.shape[1]
    counted = _checks.as_mask(where, y.shape)
    p, y = jnp.where(counted[:, None], p, 1 / n), jnp.where(counted, y, 0)
    rows = _checks.distribution("probabilities", p)
    with _checks.evaluated_now(rows.ok):
        rows = rows._replace(ok=jnp.all(rows.ok))
    return p, y, (rows, _checks.within("labels", y, 0, n - 1, f"integers from 0 to {n - 1}, one of {n} classes"))


def _equal_width(confidence: Array, num_bins: int) -> Array:
    """The bin of every confidence; one on an edge belongs to the bin below.

    Edges are divided, not multiplied: b / B is the same number as a confidence that was written so.
    """
    _checks.require_integer("num_bins", num_bins, minimum=1)
    edges = jnp.arange(1, num_bins, dtype=confidence.dtype) / num_bins
    return jnp.searchsorted(edges, jax.lax.stop_gradient(confidence), side="left")


def _equal_mass(given: _Predictions, num_bins: int) -> Array:
    """The bin of every example by its rank among those that count."""
    _checks.require_integer("num_bins", num_bins, minimum=1)
    last = jnp.where(given.weight > 0, jax.lax.stop_gradient(given.confidence), jnp.inf)
    rank = jnp.argsort(jnp.argsort(last))
    count = jnp.maximum(jnp.sum(given.weight > 0), 1)
    size, larger = count // num_bins, count % num_bins  # the first bins hold one more
    in_larger = larger * (size + 1)
    index = jnp.where(rank < in_larger, rank // (size + 1), larger + (rank - in_larger) // jnp.maximum(size, 1))
    return jnp.clip(index, 0, num_bins - 1)


def _bin_sums(values: Array, index: Array, num_bins: int) -> Array:
    return jax.ops.segment_sum(values, index, num_bins)


def _mean_gap(given: _Predictions, index: Array, num_bins: int) -> Array:
    """The mean over examples of the gap of their bin."""
    return jnp.sum(jnp.abs(_bin_sums(given.excess, index, num_bins))) / given.size
