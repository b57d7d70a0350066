import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import losses
from tests.contract.harness import without_shape_hook

RNG = np.random.default_rng(7)
F, Y = RNG.standard_normal((6, 4)), np.array([0, 1, 0, 2, 1, 2])
C = RNG.standard_normal((3, 4))


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_masked_rows_are_not_looked_at(x64):
    """Value and gradient are those of the rows left, though the others are NaN."""
    mask = np.array([True, True, False, True, True, True])
    f = np.where(mask[:, None], F, np.nan)
    loss = losses.orthogonal_projection_loss
    value, gradient = jax.value_and_grad(lambda f: loss(f, Y, reduction="mean_abs", where=mask))(f)
    expected, left = jax.value_and_grad(lambda f: loss(f, Y[mask], reduction="mean_abs"))(F[mask])
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(np.asarray(gradient)[mask], left, rtol=1e-11, atol=1e-15)
    np.testing.assert_array_equal(np.asarray(gradient)[~mask], 0)


def test_batches_without_pairs(x64):
    """No pair of one class: the loss is 1 + gamma d; zero rows have no gradient and make no NaN."""
    means = losses.class_cosines(F, np.arange(6))
    assert means.same == 0
    loss = losses.orthogonal_projection_loss(F, np.arange(6), reduction="signed")
    np.testing.assert_allclose(loss, 1 + 0.5 * means.different, rtol=1e-14)
    f = F.copy()
    f[0] = 0
    gradient = jax.grad(losses.orthogonal_projection_loss)(f, Y)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[0], 0)
    tiny = losses.class_cosines(1e-9 * F, Y).same
    np.testing.assert_allclose(tiny, losses.class_cosines(F, Y).same, rtol=1e-12)


def test_without_normalisation_inner_products_stand_for_cosines(x64):
    """A closed form with numpy."""
    products = F @ F.T
    same = (Y[:, None] == Y) & ~np.eye(6, dtype=bool)
    expected = 1 - products[same].mean() + 0.5 * abs(products[Y[:, None] != Y].mean())
    np.testing.assert_allclose(losses.orthogonal_projection_loss(F, Y, normalize=False), expected, rtol=1e-12)


def test_variants_against_numpy(x64):
    """Distillation, both perpetual losses, center loss and radial logits from their formulas."""
    teacher = RNG.standard_normal((6, 3))
    S, T = unit(F) @ unit(F).T, unit(teacher) @ unit(teacher).T
    found = losses.projection_distillation_loss(F, teacher)
    np.testing.assert_allclose(found, np.sum(np.exp(T) * (T - S)) / 36, rtol=1e-12)
    np.testing.assert_allclose(losses.projection_distillation_loss(F, 3 * F), 0, atol=1e-14)
    cosines = unit(F) @ unit(C).T
    own = cosines[np.arange(6), Y]
    other = np.arange(3) != Y[:, None]
    expected = 0.5 * (1 - own.mean()) + abs(cosines[other].mean())
    np.testing.assert_allclose(losses.perpetual_projection_loss(F, Y, C), expected, rtol=1e-12)
    expected = 0.5 * np.abs(1 - own).mean() + np.abs(unit(C) @ unit(C).T - np.eye(3)).sum() / 9
    np.testing.assert_allclose(losses.perpetual_projection_loss(F, Y, C, variant="centers"), expected, rtol=1e-12)
    np.testing.assert_allclose(losses.center_loss(F, Y, C), np.sum((F - C[Y]) ** 2, 1), rtol=1e-12)
    squares = np.sum((F[:, None] - C) ** 2, -1)
    np.testing.assert_allclose(losses.rbf_logits(F, C, scale=4.0, width=2.0), 4 * np.exp(-squares / 2), rtol=1e-12)


@pytest.mark.slow
def test_masked_rows_are_not_looked_at_by_the_variants(x64):
    """Each is that of the rows left, though the others mean nothing, and gives those no gradient."""
    mask = np.array([True, True, False, True, True, False])
    f, y = np.where(mask[:, None], F, np.nan), np.where(mask, Y, 9)
    teacher = np.where(mask[:, None], F[::-1, :3], np.inf)
    for loss in (
        lambda f, y, t, where: losses.center_loss(f, y, C, where=where),
        lambda f, y, t, where: losses.perpetual_projection_loss(f, y, C, where=where),
        lambda f, y, t, where: losses.perpetual_projection_loss(f, y, C, variant="centers", where=where),
        lambda f, y, t, where: losses.projection_distillation_loss(f, t, where=where),
        lambda f, y, t, where: losses.batch_self_attention(f, where=where) ** 2,
    ):
        total = jax.value_and_grad(lambda *args, loss=loss: jnp.sum(loss(*args)))
        value, gradient = total(f, y, teacher, mask)
        expected, left = total(F[mask], Y[mask], teacher[mask], None)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(np.asarray(gradient)[mask], left, rtol=1e-11, atol=1e-15)
        np.testing.assert_array_equal(np.asarray(gradient)[~mask], 0)
        assert total(f, y, teacher, np.zeros(6, bool))[0] >= 0


def test_what_is_refused():
    """Missing, floating and too few labels, a single row, and a mask that is not boolean name themselves."""
    f = jnp.asarray(F, jnp.float32)
    for arguments, where, error, match in (
        ((f, None), None, TypeError, r"labels must be integers of shape \(b,\), got None"),
        ((f, Y / 1.0), None, TypeError, "labels must be integers .* got dtype float32"),
        ((f, Y[:3]), None, ValueError, r"labels must have shape \(6,\), got \(3,\)"),
        ((f[:1], Y[:1]), None, ValueError, r"features must have shape \(b, k\) with b >= 2, got \(1, 4\)"),
        ((f, Y), np.ones(6), TypeError, "where must be boolean, got dtype float32"),
    ):
        with without_shape_hook(), pytest.raises(error, match=match):
            losses.orthogonal_projection_loss(*arguments, where=where)
