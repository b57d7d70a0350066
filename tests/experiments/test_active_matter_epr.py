"""The parts of the active-matter experiment against what is known of them."""

import dataclasses
import itertools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from flax import nnx

from entropax import nn, space, thermodynamics
from experiments import claims, running
from experiments.thermodynamics import (
    _active_matter_claims as claimed,
    _mips as mips,
    _mips_rates as mips_rates,
    _ring_reference as reference,
    _trap as trap,
    _trap_reference as trap_reference,
    active_matter_epr,
)
from experiments.thermodynamics._score_fits import Batches

SMALL = trap.TrapConfig(num_particles=4, packing_fraction=0.05)


def configuration(seed: int = 0) -> jax.Array:
    """Four swimmers, two of them in contact."""
    x = jnp.asarray([[0.0, 0.0], [1.6, 0.7], [-2.5, 1.0], [1.0, -3.0]])
    return jnp.stack([x, jnp.asarray(np.random.default_rng(seed).standard_normal((4, 2)), x.dtype)])


def test_the_reference_score_is_exact_in_equilibrium(x64):
    """At v0 = 0 the velocity b - D s vanishes at every configuration: the shifted network starts at the answer."""
    swimmers = trap.swimmers_at(SMALL, 0.0, 1e-3)
    phase = configuration()
    score = trap_reference.LocallyHarmonicScore(swimmers)(phase)
    velocity = thermodynamics.probability_flow_velocity(swimmers.drift(phase), score, swimmers.diffusion)
    np.testing.assert_allclose(velocity, np.zeros((2, 4, 2)), atol=1e-12)


def test_the_reference_score_is_exact_without_interaction(x64):
    """Far apart, the score is that of free swimmers in the trap: the Gaussian of the linear system, at any v0."""
    swimmers = trap.swimmers_at(SMALL, 0.4, 1e-3)
    x = jnp.asarray([[0.0, 0.0], [6.0, 0.0], [-5.0, -6.0], [0.0, 6.0]])
    phase = jnp.stack([x, configuration()[1]])
    covariance = trap.free_swimmer(swimmers).stationary_covariance()
    expected = -jnp.einsum("ab,bnd->and", jnp.linalg.inv(covariance), phase)
    np.testing.assert_allclose(trap_reference.LocallyHarmonicScore(swimmers)(phase), expected, rtol=1e-8)


def test_the_reference_score_is_exact_for_springs(x64):
    """Four coupled coordinates: minus the inverse of the stationary covariance, by the Lyapunov equation."""
    generator = np.random.default_rng(0)
    root = generator.standard_normal((4, 4))
    K, v0, gamma, eps = root @ root.T + 0.1 * np.eye(4), 0.5, 0.3, 0.2
    drift = np.block([[-K, v0 * np.eye(4)], [np.zeros((4, 4)), -gamma * np.eye(4)]])
    noise = np.diag([eps] * 4 + [gamma] * 4)
    covariance = scipy.linalg.solve_continuous_lyapunov(drift, -2 * noise)
    x, g = generator.standard_normal((2, 4))
    expected = -np.linalg.solve(covariance, np.concatenate([x, g])).reshape(2, 4)
    found = trap_reference.harmonic_score(
        jnp.asarray(K), jnp.asarray(-K @ x), jnp.asarray(g), speed=v0, persistence=gamma, noise=eps
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_stiffness_of_contacts(x64):
    """The Jacobian of the forces, less the pressure F / r across the line of centres of every contact."""
    swimmers = trap.swimmers_at(SMALL, 0.3, 1e-3)
    x = configuration()[0]

    def force(positions):
        return swimmers.pair_force(positions) - swimmers.trap * positions

    expected = -np.asarray(jax.jacfwd(force)(x)).reshape(8, 8)
    for i, j in itertools.combinations(range(4), 2):
        between = np.asarray(x[i] - x[j])
        r = np.linalg.norm(between)
        across = np.eye(2) - np.outer(between, between) / r**2
        pressure = 2.5 / 7.5 * np.log1p(np.exp(7.5 * (2 - r))) / r * across
        for row, column, sign in ((i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)):
            expected[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] += sign * pressure
    np.testing.assert_allclose(trap_reference.contact_stiffness(swimmers, x), expected, atol=1e-12)


@pytest.mark.slow
def test_rotated_batches_keep_what_matters():
    """Distances, g . x and the score-free rate stay; orientations are uniform and half of them reflected."""
    swimmers = trap.swimmers_at(SMALL, 0.4, 1e-3)
    phase = configuration()
    batch = trap.RotatedBatches(Batches(phase[None], 400))(jnp.int32(0), key=jax.random.key(1))
    for invariant in (
        lambda z: jnp.sum(z[0] ** 2, axis=-1),
        lambda z: z[0] @ z[1].T,
        lambda z: jnp.sum(swimmers.drift(z) ** 2, axis=-1),
    ):
        np.testing.assert_allclose(jax.vmap(invariant)(batch), np.stack([invariant(phase)] * 400), rtol=1e-3, atol=1e-4)
    x = np.asarray(batch[:, 0])
    crossed = x[:, 1, 0] * x[:, 2, 1] - x[:, 1, 1] * x[:, 2, 0]
    assert 140 < np.sum(crossed > 0) < 260  # 200 +- 10, six standard errors
    assert np.all(np.abs(np.mean(x[:, 1], axis=0)) < 5 * 1.75 / np.sqrt(2 * 400))


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
    np.testing.assert_allclose(found["smoothed_density"].sum(), found["density"].sum())
    assert np.std(found["smoothed_density"][12:20, 6:15]) < np.std(found["density"][12:20, 6:15]) / 3
    np.testing.assert_allclose(found["reference_total"], 0.397, rtol=5e-3)
    # The histogram of uniform samples: 1 / 32 in the middle of their square, one in all.
    np.testing.assert_allclose(found["density"][14:18, 8:13].mean(), 1 / 32, rtol=0.05)
    np.testing.assert_allclose(found["density"].sum() * 0.5 * 0.3, 1.0, rtol=0.02)
    ring["velocity"] = 1.1 * velocity
    np.testing.assert_allclose(active_matter_epr._compare_with_reference(ring, config)["flow_error"], 0.1, rtol=1e-6)


@pytest.mark.fast
def test_the_independent_solution_meets_its_own_claims():
    """On the map's points the finite volumes give the ridge, the least rate and the ratio that the claims state."""
    g = np.linspace(-3.0, 3.0, 121)
    solution = reference.solve_ring(0.25, num_cells=1120)
    density, velocity = (field[..., 3::7, :] for field in solution.on_grid(g))
    rate = np.sum(velocity**2 / np.asarray(solution.diffusion)[:, None, None], axis=0)
    ring = {"x": solution.x[3::7], "density": density, "reference_density": density, "rate": rate}
    ring |= dict.fromkeys(("learned", "score_free", "flow_error"), 0.0)
    zero = thermodynamics.MeanRate(jnp.zeros(()), jnp.zeros(()), 1)
    ring["diagnostics"] = types.SimpleNamespace(velocity_divergence=zero, residual=zero, residual_abs=0.0)
    found = claimed.ring_measured(ring)
    stated = {claim.name: claim.paper_value for claim in claimed.CLAIMS}
    for name, digits in (
        ("ring: distance of the ridge of dissipation at contact", 1e-9),
        ("ring: distance where a pair's mean rate is least", 1e-9),
        ("ring: mean rate far apart over that least one", 1e-3),
    ):
        value = found[name]
        np.testing.assert_allclose(getattr(value, "value", value), stated[name], rtol=digits)


def test_neighborhoods_hold_what_particles_see():
    """Every batch entry is a particle of a snapshot: itself at zero, then its neighbours by minimum image."""
    box = space.PeriodicBox(-4 * jnp.ones(2), 4 * jnp.ones(2))
    phases = jax.random.uniform(jax.random.key(0), (3, 2, 9, 2), minval=-4, maxval=4)
    batches = mips.Neighborhoods(phases, 2 * phases[:, 1], mips.nearest(phases, box, 4), box, 50)
    displacements, propulsions, forces = jnp.moveaxis(batches(0, key=jax.random.key(1)), 1, 0)
    assert displacements.shape == (50, 5, 2)
    np.testing.assert_array_equal(forces, 2 * propulsions)
    assert np.all(np.asarray(displacements[:, 0]) == 0)
    lengths = np.linalg.norm(displacements, axis=-1)
    assert np.all(np.diff(lengths, axis=1) >= -1e-6)
    every = np.asarray(phases[:, 1]).reshape(-1, 2)
    assert all(np.any(np.all(every == g, axis=1)) for g in np.asarray(propulsions[:, 0]))


class Linear(nnx.Module):
    """A local network of one number: slope times the particle's own propulsion."""

    def __init__(self, slope):
        self.forces = False
        self.slope = nnx.Param(jnp.asarray(slope))

    def __call__(self, displacements, propulsions):
        return self.slope * propulsions[0]

    def of_particles(self, phase, neighbors, box, *, block_size):
        return self.slope * phase[1], jnp.broadcast_to(self.slope, phase[1].shape)


def test_the_denoising_loss_is_least_at_the_blurred_score(x64):
    """Of free swimmers blurred by sigma s_g = -g / (1 + sigma^2): a network of zeros has the least loss, its own."""
    sigma = 0.5
    seen = jax.random.normal(jax.random.key(0), (20_000, 3, 2, 2))

    def loss(slope):
        return mips.DenoisingLoss(sigma)(Linear(slope), seen, key=jax.random.key(1))

    values = [float(loss(slope)) for slope in (-0.1, 0.0, 0.1)]
    assert values[1] < min(values[0], values[2])
    # sigma^2 E|s|^2 a coordinate with the other sign; four standard errors of the mean of 40,000 squares.
    np.testing.assert_allclose(values[1], -(sigma**2) / (1 + sigma**2), atol=4 * 0.4 / 200)


@pytest.mark.slow
def test_bounds_of_the_blurred_rate_meet_for_free_swimmers():
    """Without contacts E|s_0|^2 is 1: both bounds are the rate gamma (1 / (1 + sigma^2) - 1) a coordinate."""
    config = mips.MipsConfig(num_particles=400, packing_fraction=0.001, neighbors=6, sigma=0.5, block=400)
    swimmers = mips.swimmers_of(config, 1)
    # On a lattice none touch.
    side = np.linspace(-0.45, 0.45, 20) * float(swimmers.box.extent[0])
    x = jnp.asarray(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), jnp.float32)
    phase = jnp.stack([x, jax.random.normal(jax.random.key(0), x.shape)])
    score = mips.PropulsionScore(Linear(0.0), config.sigma)
    rates = mips_rates.evaluate_particles(score, swimmers, config, phase, key=jax.random.key(1))
    expected = 1 / (1 + config.sigma**2)
    np.testing.assert_allclose(rates.divergence, np.full(400, -2 * expected), rtol=1e-6)
    np.testing.assert_allclose(rates.system, 1e-4 * (2 * expected - 2), rtol=1e-5)
    np.testing.assert_allclose(rates.unblurred, np.zeros(400), atol=1e-6)
    assert np.all(rates.place == 0)
    # Means over 800 coordinates, four standard errors.
    np.testing.assert_allclose(rates.square.mean() / 2, expected, atol=4 * 1.2 / 28)
    # g + s is the blurred propulsion times sigma^2 / (1 + sigma^2).
    total = 2e-4 * config.sigma**4 / (1 + config.sigma**2)
    np.testing.assert_allclose(rates.total.mean(), total, rtol=4 * 1.5 / 28)


def test_squares_of_the_box():
    """Squares are counted along x first; the far edge belongs to the last."""
    x = np.array([[-5.0, -5.0], [5.0, -5.0], [-4.0, -1.0], [4.9, 4.9]])
    np.testing.assert_array_equal(mips_rates.squares(x, 5.0, across=2), [0, 1, 0, 3])


def test_standard_errors_over_groups():
    """The scatter of ratios over 400 repetitions is that stated: of two means, and of one mean over two places."""
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    inside = np.arange(200) % 5 < 2

    def once() -> tuple[claims.Quotient, claims.Quotient]:
        shared = generator.normal(size=(2, 40))[:, groups]
        above, below = 2 + 0.3 * (shared + generator.normal(size=(2, 200)))
        return (
            mips_rates.ratio_of_sums(above, below, groups),
            mips_rates.ratio_of_means(above, inside, ~inside, groups),
        )

    many = np.array([[(one.value, float(one.standard_error)) for one in once()] for _ in range(400)])
    # The scatter of 400 has a relative standard error of 3.5%.
    np.testing.assert_allclose(many[..., 0].std(axis=0), many[..., 1].mean(axis=0), rtol=0.15)
    np.testing.assert_allclose(many[..., 0].mean(axis=0), 1.0, atol=4 * 0.05 / 20)


def outcome_with(system: list[float]) -> mips_rates.MipsOutcome:
    """An outcome with given rates in the gas, on the interface and in the solid."""
    gas, interface, solid = system
    return mips_rates.MipsOutcome(
        system=np.array(system),
        total=np.array(system),
        fractions=np.array([0.2, 0.4, 0.4]),
        over_gas=dict.fromkeys(("system", "total"), claims.Quotient(interface, gas, 0.1)),
        over_solid=dict.fromkeys(("system", "total"), claims.Quotient(interface, solid, 0.1)),
        learned=2.0,
        lower=claims.Estimate(1.9, 0.1),
        lower_over_learned=claims.Quotient(1.9, 2.0, 0.02),
        upper=4.0,
        unblurred=9.0,
        positions=np.zeros((2, 2)),
        particle_rates=np.ones(2),
        half_width=1.0,
    )


@pytest.mark.fast
def test_the_order_of_places_is_explained():
    """A solid that produces more than its interface is remarked upon, and only then."""
    over_solid = {f"phase separation: {rate} rate of propulsions, interface over solid, 2 N" for rate in _RATES}
    transfer = {"phase separation: lower bound on fresh data over learned rate, 2 N"}
    assert set(claimed.phase_remarks(2, outcome_with([1.0, 2.0, 3.0]))) == over_solid | transfer
    assert set(claimed.phase_remarks(2, outcome_with([1.0, 3.0, 2.0]))) == transfer
    found = claimed.phase_measured(2, outcome_with([1.0, 3.0, 2.0]))
    assert all(found[name] == claims.Quotient(3.0, 2.0, 0.1) for name in over_solid)
    assert set(found) == {claim.name for claim in claimed.CLAIMS if claim.name.endswith(", 2 N")}


_RATES = ("system", "total")


@pytest.mark.slow
def test_a_network_that_learned_nothing_reproduces_no_place():
    """With the blurred score of free swimmers nothing is captured, and the places do not differ."""
    config = mips.MipsConfig(num_particles=64, neighbors=6, sigma=0.1, block=64, burn_in=5.0, evaluations=2)
    config = dataclasses.replace(config, evaluation_spacing=1.0)
    score = mips.PropulsionScore(Linear(0.0), config.sigma)
    outcome = mips_rates.evaluate_mips(score, config, 1, key=jax.random.key(0))
    by_name = {claim.name: claim for claim in claimed.CLAIMS}
    found = claimed.phase_measured(1, outcome)
    verdicts = {name: claims.judge(by_name[name], value).verdict for name, value in found.items()}
    for name in ("lower bound of the rate of propulsions", "system rate of propulsions, interface over solid"):
        assert verdicts[f"phase separation: {name}, 1 N"] == "differs"


@pytest.mark.slow
def test_the_smoke_preset_writes_everything(tmp_path):
    """Every part runs; what the preset does not measure, larger systems and more speeds, says so."""
    outcome = running.run_experiment("active-matter-epr", preset="smoke", seed=0, resume=False, results=tmp_path)
    assert {path.name for path in outcome.files} == {"result.json", "data.nc", "figure.png"}
    rows = outcome.record["claims"]
    assert len(rows) == len(active_matter_epr.CLAIMS)
    unseen = {row["name"] for row in rows if row["verdict"] == "not run"}
    crowded = {f"64 swimmers: learned over score-free rate, v0 = {speed}" for speed in (0.1, 0.3, 0.5)}
    larger = {claim.name for claim in active_matter_epr.CLAIMS if claim.name.endswith((", 4 N", ", 8 N"))}
    assert unseen == crowded | larger


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


@pytest.mark.slow
def test_the_networks_of_the_presets_are_made():
    """Both presets' networks start at zero, so that training starts at the reference."""
    swimmers = trap.swimmers_at(SMALL, 0.2, 1e-3)
    small = (("embed", 8), ("blocks", 1), ("heads", 2), ("hidden", 8))
    for network, sizes, kind in (("pair", SMALL.sizes, nn.PairScore), ("transformer", small, nn.SplitTransformerScore)):
        config = dataclasses.replace(SMALL, network=network, sizes=sizes)
        made = trap.make_network(config, swimmers, jax.random.key(0))
        assert isinstance(made, kind)
        np.testing.assert_array_equal(jax.jit(type(made).__call__)(made, configuration()), np.zeros((2, 4, 2)))
