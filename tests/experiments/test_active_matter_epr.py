"""The parts of the active-matter experiment against what is known of them."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn, space, thermodynamics
from experiments import claims, running
from experiments.thermodynamics import _mips as mips, _ring_reference as reference, _trap as trap, active_matter_epr

SMALL = trap.TrapConfig(num_particles=4, packing_fraction=0.05)


def configuration(seed: int = 0) -> jax.Array:
    """Four swimmers, two of them in contact."""
    x = jnp.asarray([[0.0, 0.0], [1.6, 0.7], [-2.5, 1.0], [1.0, -3.0]])
    return jnp.stack([x, jnp.asarray(np.random.default_rng(seed).standard_normal((4, 2)), x.dtype)])


def test_the_reference_score_is_exact_in_equilibrium(x64):
    """At v0 = 0 the velocity b - D s vanishes at every configuration: the shifted network starts at the answer."""
    swimmers = trap.swimmers_at(SMALL, 0.0, 1e-3)
    phase = configuration()
    score = trap.FreeSwimmerScore(swimmers)(phase)
    velocity = thermodynamics.probability_flow_velocity(swimmers.drift(phase), score, swimmers.diffusion)
    np.testing.assert_allclose(velocity, np.zeros((2, 4, 2)), atol=1e-12)


def test_the_reference_score_is_exact_without_interaction(x64):
    """Far apart, the score is that of free swimmers in the trap: the Gaussian of the linear system, at any v0."""
    swimmers = trap.swimmers_at(SMALL, 0.4, 1e-3)
    x = jnp.asarray([[0.0, 0.0], [6.0, 0.0], [-5.0, -6.0], [0.0, 6.0]])
    phase = jnp.stack([x, configuration()[1]])
    covariance = trap.free_swimmer(swimmers).stationary_covariance()
    expected = -jnp.einsum("ab,bnd->and", jnp.linalg.inv(covariance), phase)
    np.testing.assert_allclose(trap.FreeSwimmerScore(swimmers)(phase), expected, rtol=1e-8)


def test_control_variates_are_generators(x64):
    """The closed forms equal the generator by automatic differentiation."""
    swimmers = trap.swimmers_at(SMALL, 0.3, 1e-3)
    phase = configuration()
    drift, slopes = swimmers.drift(phase), swimmers.drift_divergence(phase)
    found = trap._controls(swimmers, phase[None], drift[None], slopes[None])[0]

    def functions(z):
        return jnp.stack([jnp.sum(z[1] ** 2) / 2, jnp.sum(z[0] * z[1]), jnp.sum(z[0] ** 2) / 2])

    expected = thermodynamics.generator(functions, phase, drift, swimmers.diffusion)
    np.testing.assert_allclose(found[1:], expected, rtol=1e-10)
    # L U = grad U . b + eps Laplace U, with -grad U the drift at rest.
    minus_slope = jax.jacfwd(lambda x: swimmers.drift(jnp.stack([x, jnp.zeros_like(x)]))[0])(phase[0])
    laplace = -jnp.trace(minus_slope.reshape(8, 8))
    at_rest = swimmers.drift(phase.at[1].set(0.0))[0]
    of_potential = -jnp.sum(at_rest * drift[0]) + swimmers.noise * laplace
    np.testing.assert_allclose(found[0], of_potential / swimmers.noise, rtol=1e-10)


def test_the_potential_turns_the_identity_into_the_power(x64):
    """b D^-1 b + div b minus the control variate of U is v0 g . b_x / eps plus terms of mean zero in g alone."""
    swimmers = trap.swimmers_at(SMALL, 0.3, 1e-3)
    phase = configuration()
    drift, slopes = swimmers.drift(phase), swimmers.drift_divergence(phase)
    identity = jnp.sum(drift**2 / swimmers.diffusion) + jnp.sum(slopes)
    controls = trap._controls(swimmers, phase[None], drift[None], slopes[None])[0]
    power = swimmers.speed * jnp.sum(phase[1] * drift[0]) / swimmers.noise
    np.testing.assert_allclose(identity + controls[0], power - controls[1], rtol=1e-9)


def test_the_comparison_finds_no_error_in_the_solution_itself():
    """With the independent solution's own velocity in place of the learned one the error of the flow is zero."""
    config = dataclasses.replace(active_matter_epr.PRESETS["smoke"])
    x, g = (np.arange(32) + 0.5) * 0.5, np.linspace(-3.0, 3.0, 21)
    solution = reference.solve_ring(0.25, num_cells=224)
    _, velocity = solution.on_grid(g)
    velocity = velocity[:, 3::7]
    np.testing.assert_allclose(solution.x[3::7], x)
    samples = np.random.default_rng(0).uniform([4.0, -2.0], [12.0, 2.0], (20_000, 2))
    ring = {"x": x, "g": g, "velocity": velocity, "samples": samples}
    found = active_matter_epr._compare_with_reference(ring, config)
    assert found["flow_error"] < 1e-12
    np.testing.assert_allclose(found["reference_total"], 0.397, rtol=5e-3)
    # The histogram of uniform samples: 1 / 32 in the middle of their square, one in all.
    np.testing.assert_allclose(found["density"][14:18, 8:13].mean(), 1 / 32, rtol=0.05)
    np.testing.assert_allclose(found["density"].sum() * 0.5 * 0.3, 1.0, rtol=0.02)
    ring["velocity"] = 1.1 * velocity
    np.testing.assert_allclose(active_matter_epr._compare_with_reference(ring, config)["flow_error"], 0.1, rtol=1e-6)


def test_neighborhoods_hold_what_particles_see():
    """Every batch entry is a particle of a snapshot: itself at zero, then its neighbours by minimum image."""
    box = space.PeriodicBox(-4 * jnp.ones(2), 4 * jnp.ones(2))
    phases = jax.random.uniform(jax.random.key(0), (3, 2, 9, 2), minval=-4, maxval=4)
    neighbors = mips.nearest(phases, box, 4)
    displacements, propulsions = mips.Neighborhoods(phases, neighbors, box, 50)(0, key=jax.random.key(1))
    assert displacements.shape == propulsions.shape == (50, 5, 2)
    assert np.all(np.asarray(displacements[:, 0]) == 0)
    lengths = np.linalg.norm(displacements, axis=-1)
    assert np.all(np.diff(lengths, axis=1) >= -1e-6)
    every = np.asarray(phases[:, 1]).reshape(-1, 2)
    assert all(np.any(np.all(every == g, axis=1)) for g in np.asarray(propulsions[:, 0]))


def test_the_propulsion_loss_is_least_at_the_score(x64):
    """Of free swimmers s_g = -g: a network of zeros leaves the least value, -E|g|^2 a coordinate."""

    class Linear(nnx.Module):
        def __init__(self, slope):
            self.slope = nnx.Param(jnp.asarray(slope))

        def value_and_slopes(self, displacements, propulsions):
            return self.slope * propulsions[0], jnp.full(2, self.slope)

    # Two points with unit second moment in either coordinate.
    propulsions = jnp.asarray([[[1.0, 1.0]], [[-1.0, -1.0]]])

    def loss(slope):
        return mips.propulsion_loss(Linear(slope), (jnp.zeros_like(propulsions), propulsions), key=None)

    np.testing.assert_allclose(loss(0.0), -1.0)
    assert float(loss(0.1)) > -1.0
    assert float(loss(-0.1)) > -1.0


@pytest.mark.slow
def test_phase_separation_runs_and_transfers(tmp_path):
    """The part of preset full on a handful of particles: it trains, and evaluates at twice the size."""
    config = mips.MipsConfig(
        num_particles=64,
        multiples=(1, 2),
        burn_in=10.0,
        spacing=1.0,
        snapshots=2,
        neighbors=6,
        sizes=(("embed", 8), ("blocks", 1), ("heads", 2), ("hidden", 8), ("depth", 1)),
        steps=2,
        batch=8,
        block=64,
    )
    outcomes = mips.learn_mips(config, key=jax.random.key(0), checkpoint_dir=tmp_path)
    assert list(outcomes) == [1, 2]
    assert all(np.isfinite(o.learned) and np.isfinite(o.score_free) for o in outcomes.values())


@pytest.mark.slow
def test_the_smoke_preset_writes_everything(tmp_path):
    """Every part runs; what the preset does not measure says so."""
    outcome = running.run_experiment("active-matter-epr", preset="smoke", seed=0, resume=False, results=tmp_path)
    assert {path.name for path in outcome.files} == {"result.json", "data.nc", "figure.png"}
    rows = outcome.record["claims"]
    assert len(rows) == len(active_matter_epr.CLAIMS)
    assert all((row["verdict"] == "not run") == row["name"].startswith("phase separation") for row in rows)


@pytest.mark.fast
def test_claims_do_not_pass_by_accident():
    """A rate 2% off, a score that is wrong, and a biased equilibrium are each found to differ."""
    by_name = {claim.name: claim for claim in active_matter_epr.CLAIMS}
    wrong = {
        "ring: learned rate": 0.405,
        "trap: learned over score-free rate, v0 = 0.2": claims.Quotient(6.3, 6.78),
        "trap: score-free rate in equilibrium": claims.Estimate(0.6, 0.25),
    }
    assert all(claims.judge(by_name[name], value).verdict == "differs" for name, value in wrong.items())


def test_the_networks_of_the_presets_are_made():
    """Both presets' networks start at zero, so that training starts at the reference."""
    swimmers = trap.swimmers_at(SMALL, 0.2, 1e-3)
    small = (("embed", 8), ("blocks", 1), ("heads", 2), ("hidden", 8))
    for network, sizes, kind in (("pair", SMALL.sizes, nn.PairScore), ("transformer", small, nn.SplitTransformerScore)):
        config = dataclasses.replace(SMALL, network=network, sizes=sizes)
        made = trap.make_network(config, swimmers, jax.random.key(0))
        assert isinstance(made, kind)
        np.testing.assert_array_equal(jax.jit(type(made).__call__)(made, configuration()), np.zeros((2, 4, 2)))
