"""Intersections and unions against scikit-learn's Jaccard scores, hard and relaxed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from entropax import metrics
from tests.contract.harness import without_shape_hook

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, (6, 7))
PREDICTED = np.where(RNG.random((6, 7)) < 0.6, LABELS, RNG.integers(0, 4, (6, 7)))
WHERE = RNG.random((6, 7)) < 0.8


@pytest.mark.parametrize("where", [None, WHERE])
def test_counts_are_those_of_scikit_learn(where):
    """Class by class, and as the mean, with and without pixels that do not count."""
    kept = np.ones_like(WHERE) if where is None else where
    i, u = metrics.intersection_and_union(PREDICTED, LABELS, num_classes=4, where=where)
    expected = jaccard_score(LABELS[kept], PREDICTED[kept], average=None)
    np.testing.assert_allclose(np.asarray(i) / np.asarray(u), expected, rtol=1e-6)
    np.testing.assert_allclose(metrics.mean_iou(i, u), expected.mean(), rtol=1e-6)
    assert float(u.sum() - i.sum()) == 2 * np.sum(PREDICTED[kept] != LABELS[kept])


def test_sums_over_images_come_before_ratios():
    """Counts of images add to those of all pixels; the mean of ratios is another number."""
    i, u = jax.vmap(lambda p, y: metrics.intersection_and_union(p, y, num_classes=4))(PREDICTED, LABELS)
    whole = metrics.intersection_and_union(PREDICTED, LABELS, num_classes=4)
    np.testing.assert_array_equal([i.sum(0), u.sum(0)], whole)
    rowwise = jax.vmap(metrics.mean_iou)(i, u).mean()
    assert abs(float(rowwise - metrics.mean_iou(*whole))) > 0.01


def test_relaxed_counts_tend_to_the_hard_ones():
    """As the temperature of the logits falls; their gradient raises the probability of the label."""
    logits = 2.0 * jax.nn.one_hot(PREDICTED, 4) + 0.5 * jax.random.normal(jax.random.key(0), (6, 7, 4))
    hard = metrics.intersection_and_union(jnp.argmax(logits, -1), LABELS, num_classes=4, where=WHERE)
    soft = jax.jit(lambda z: metrics.intersection_and_union(jax.nn.softmax(z), LABELS, num_classes=4, where=WHERE))
    gaps = [float(jnp.max(jnp.abs(jnp.stack(soft(logits / t)) - jnp.stack(hard)))) for t in (1.0, 0.1, 0.001)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-4
    slope = np.asarray(jax.jit(jax.grad(lambda z: metrics.mean_iou(*soft(z))))(logits))
    assert np.all(np.take_along_axis(slope, LABELS[..., None], -1)[WHERE] > 0)
    np.testing.assert_array_equal(slope[~WHERE], 0)


def test_classes_that_do_not_occur_are_left_out():
    """Five classes, of which the last is neither there nor predicted."""
    i, u = metrics.intersection_and_union(PREDICTED, LABELS, num_classes=5)
    assert float(u[4]) == 0
    np.testing.assert_allclose(metrics.mean_iou(i, u), metrics.mean_iou(i[:4], u[:4]))
    assert np.all(np.isfinite(jax.jit(jax.grad(metrics.mean_iou, argnums=(0, 1)))(i, u)))


def test_masked_pixels_are_not_looked_at():
    """Labels and distributions of no class there raise nothing and change nothing."""
    wild = np.where(WHERE, LABELS, 99), np.where(WHERE, PREDICTED, -3)
    plain = metrics.intersection_and_union(PREDICTED, LABELS, num_classes=4, where=WHERE)
    found = metrics.intersection_and_union(wild[1], wild[0], num_classes=4, where=WHERE)
    np.testing.assert_array_equal(plain, found)
    p = np.where(WHERE[..., None], np.eye(4, dtype=np.float32)[PREDICTED], np.nan)
    np.testing.assert_array_equal(plain, metrics.intersection_and_union(p, wild[0], num_classes=4, where=WHERE))


def test_counts_of_narrow_integers():
    """Classes in int8 may be fewer than there are; predictions and labels need not have one type."""
    i, u = metrics.intersection_and_union(np.int8([3, 100, 43]), np.int16([3, 100, 299]), num_classes=300)
    np.testing.assert_array_equal(np.flatnonzero(i), [3, 100])
    np.testing.assert_array_equal(np.flatnonzero(u), [3, 43, 100, 299])


@pytest.mark.fast
def test_errors():
    """The argument is named, with what was got."""
    count = lambda *a, **o: metrics.intersection_and_union(*a, num_classes=4, **o)  # noqa: E731
    with without_shape_hook():
        with pytest.raises(TypeError, match="where must be boolean, got dtype int32"):
            count(PREDICTED, LABELS, where=jnp.ones((6, 7), jnp.int32))
        with pytest.raises(TypeError, match="predictions must be integers or distributions, got dtype bool"):
            count(PREDICTED > 1, LABELS)
        with pytest.raises(ValueError, match="predictions must be integers from 0 to 3, one of 4 classes, got 7"):
            count(PREDICTED + 4 * (PREDICTED == 3), LABELS)
        with pytest.raises(ValueError, match=r"predictions must have shape \(6, 7, 4\), got \(6, 7\)"):
            count(PREDICTED / 4, LABELS)
        with pytest.raises(ValueError, match="unions must be positive for some class"):
            metrics.mean_iou(np.zeros(2), np.zeros(2))
