"""Entropies, summaries and portraits of fields, and outcomes of collisions, against numpy and scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from entropax.observables import (
    collision_outcome,
    composite_entropy,
    field_entropies,
    field_summary,
    middle_field,
    pair_distance,
    phase_portrait,
    smooth_collision_outcome,
    smooth_pair_distance,
    topological_charge,
)
from entropax.simulators import FieldGrid, Phi4, SineGordon, kink, kink_antikink
from tests.contract.harness import without_shape_hook

GRID = FieldGrid(-20.0, 20.0, 256)


def test_both_normalisations_are_their_sums(x64):
    """Every entropy of both kinds against its formula written out in numpy, for two fields at once."""
    rng = np.random.default_rng(0)
    field, dx = rng.normal(size=(2, 40)), 0.3
    square = field**2
    for given, p in (
        ({}, square / square.sum(axis=1, keepdims=True)),
        (
            {"spacing": dx, "normalisation": "trapezoid"},
            square / np.trapezoid(square, dx=dx, axis=1)[:, None],
        ),
    ):
        e = field_entropies(field, **given)
        np.testing.assert_allclose(e.shannon, -np.sum(p * np.log(p), axis=1))
        for found, a in ((e.renyi_half, 0.5), (e.renyi_two, 2), (e.renyi_ten, 10)):
            np.testing.assert_allclose(found, np.log(np.sum(p**a, axis=1)) / (1 - a))
        for found, q in ((e.tsallis_half, 0.5), (e.tsallis_two, 2)):
            np.testing.assert_allclose(found, (1 - np.sum(p**q, axis=1)) / (q - 1))
        np.testing.assert_allclose(e.composite, 0.5 * e.shannon + 0.3 * e.renyi_two + 0.2 * e.tsallis_two)
        if not given:
            np.testing.assert_allclose(e.composite, composite_entropy(p))


def test_summaries_are_scipy_s(x64):
    """Quartiles as numpy's, skewness and kurtosis as scipy's, of |phi|."""
    field = np.random.default_rng(1).normal(size=(3, 101))
    s, size = field_summary(field), np.abs(field)
    np.testing.assert_allclose(s.mean, size.mean(axis=1))
    np.testing.assert_allclose(s.deviation, size.std(axis=1))
    quartiles = np.stack([s.lower_quartile, s.median, s.upper_quartile])
    np.testing.assert_allclose(quartiles, np.quantile(size, [0.25, 0.5, 0.75], axis=1))
    np.testing.assert_allclose(s.skewness, stats.skew(size, axis=1))
    np.testing.assert_allclose(s.excess_kurtosis, stats.kurtosis(size, axis=1))


def test_a_portrait_of_a_circle(x64):
    """phi = cos, phi_t = -sin over whole turns: no means, deviations 1 / sqrt 2, extents 2, no correlation."""
    t = 2 * np.pi * np.arange(64) / 64
    p = phase_portrait(np.cos(t), -np.sin(t))
    np.testing.assert_allclose(p.mean, 0, atol=1e-15)
    np.testing.assert_allclose([p.deviation, p.root_mean_square], np.sqrt(0.5))
    np.testing.assert_allclose(p.extent, 2.0)
    np.testing.assert_allclose(p.correlation, 0, atol=1e-15)
    assert np.isnan(phase_portrait(np.ones(4), np.zeros(4)).correlation)


def test_distances_of_pairs(x64):
    """Distance and middle of pairs of both theories; the relaxed length tends to it; overlapping pairs have none."""
    for potential in (Phi4(), SineGordon()):
        pairs = jnp.stack([kink_antikink(GRID.points, d, potential=potential)[0] for d in (10.0, 14.3)])
        distance = pair_distance(pairs, grid=GRID, potential=potential)
        np.testing.assert_allclose(distance, [10.0, 14.3], atol=2e-3)
        np.testing.assert_allclose(middle_field(pairs, grid=GRID, potential=potential), 1.0, atol=0.02)
        soft = [smooth_pair_distance(pairs, T, grid=GRID, potential=potential) for T in (0.2, 0.05, 0.01)]
        off = [float(jnp.max(jnp.abs(s - distance))) for s in soft]
        assert max(off) < float(GRID.spacing)
        outside = jnp.full(256, potential.vacua[0])
        assert float(pair_distance(outside, grid=GRID, potential=potential)) == 0.0
        assert float(smooth_pair_distance(outside, 0.1, grid=GRID, potential=potential)) < 1e-6
        left, right = (topological_charge(half, potential=potential) for half in (pairs[0, :128], pairs[0, 128:]))
        np.testing.assert_allclose([left, right], [1, -1], atol=0.02)


def test_outcomes_of_made_series(x64):
    """Counts, escape and speed of series made to have them, hard and relaxed."""
    t = np.linspace(0.0, 100.0, 401)
    escaping = np.where((t > 30) & (t < 34) | (t > 50) & (t < 54), -1.3, 1.0)
    captured = np.where(t < 30, 1.0, np.cos(t) - 0.5)
    parting = np.abs(t - 52.0) * 0.4
    out = collision_outcome(escaping, parting, t)
    assert (bool(out.escaped), int(out.sign_changes), int(out.bounces)) == (True, 4, 2)
    np.testing.assert_allclose(out.speed, 0.2)
    for T, tolerance in ((0.3, 0.02), (0.05, 1e-6)):
        soft = smooth_collision_outcome(escaping, parting, t, T)
        np.testing.assert_allclose([soft.escaped, soft.sign_changes, soft.bounces], [1, 4, 2], atol=tolerance)
        np.testing.assert_allclose(soft.speed, 0.2)
    caught = collision_outcome(captured, parting, t)
    signs = np.sign(captured)
    assert not bool(caught.escaped)
    assert int(caught.sign_changes) == np.count_nonzero(np.diff(signs))
    soft = smooth_collision_outcome(captured, parting, t, 1e-3)
    np.testing.assert_allclose(soft.sign_changes, np.count_nonzero(np.diff(signs)), atol=0.5)
    np.testing.assert_allclose(soft.escaped, np.mean(captured[-40:] > 0), atol=0.02)
    approaching = collision_outcome(np.ones(401), 50 - 0.4 * t, t)
    assert not bool(approaching.escaped)
    assert int(approaching.sign_changes) == 0


def test_the_exit_speed_has_a_gradient_through_crossings(x64):
    """The distance of a kink and an antikink moves with their places: its slope is one."""

    def distance(d):
        return pair_distance(kink_antikink(GRID.points, d, potential=Phi4())[0], grid=GRID, potential=Phi4())

    np.testing.assert_allclose(jax.grad(distance)(12.03), 1.0, atol=0.01)


@pytest.mark.fast
def test_wrong_fields_are_named():
    """Fields of zeros, wrong shapes and unknown options."""
    with without_shape_hook():  # our words, not those of the check of annotations
        with pytest.raises(ValueError, match="field must not be zero everywhere"):
            field_entropies(np.zeros(8))
        with pytest.raises(ValueError, match="spacing must be given for 'trapezoid' and for no other"):
            field_entropies(np.ones(8), normalisation="trapezoid")
        with pytest.raises(ValueError, match="normalisation must be one of"):
            field_entropies(np.ones(8), normalisation="max")
        with pytest.raises(ValueError, match="window must hold at least 3"):
            collision_outcome(np.ones(8), np.ones(8), np.arange(8.0))
        with pytest.raises(ValueError, match=r"field must have shape \(..., 256\)"):
            pair_distance(kink(np.zeros(9), potential=Phi4())[0], grid=GRID, potential=Phi4())


@pytest.mark.fast
def test_what_is_wrong_shows_in_gradients_too():
    """A field of zeros, and times that do not increase: NaN inside jit, named outside."""
    value, slope = jax.jit(jax.value_and_grad(lambda phi: field_entropies(phi).shannon))(jnp.zeros(8))
    assert np.isnan(value)
    assert np.isnan(slope).all()
    t = jnp.linspace(0.0, 1.0, 40)
    for wrong in (t[::-1], jnp.zeros(40)):
        for outcome in (collision_outcome, smooth_collision_outcome):
            with pytest.raises(ValueError, match="times must increase"):
                outcome(jnp.ones(40), t, wrong)
            found = jax.jit(outcome)(jnp.ones(40), t, wrong)
            assert np.isnan(found.speed)
            assert not found.valid


@pytest.mark.fast
@pytest.mark.parametrize("size", [1e-25, 3.0, 1e25])
def test_entropies_do_not_depend_on_the_size_of_the_field(size):
    """Nor do squares that float32 cannot hold matter."""
    phi = np.exp(-(np.linspace(-3, 3, 32, dtype=np.float32) ** 2))
    for normalisation, dx in (("sum", None), ("trapezoid", 0.2)):
        one, other = (field_entropies(f, dx, normalisation=normalisation) for f in (phi, np.float32(size) * phi))
        np.testing.assert_allclose(jax.tree.leaves(other), jax.tree.leaves(one), rtol=1e-5)


@pytest.mark.fast
def test_slopes_at_rest():
    """A point that rests, as in the middle of a kink, does not spoil the slopes of the other series' numbers."""
    values, rates = jnp.linspace(0.0, 1.0, 9), jnp.zeros(9)
    for of in (lambda p: p.deviation[0], lambda p: p.root_mean_square[0]):
        slopes = jax.grad(lambda v, r, of=of: of(phase_portrait(v, r)), argnums=(0, 1))(values, rates)
        assert np.isfinite(slopes).all()
    assert np.isfinite(jax.grad(lambda phi: field_summary(phi).deviation)(jnp.ones(8))).all()
