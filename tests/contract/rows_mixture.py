"""The contract of the kinetic mixture: `entropax.simulators` and the entropies of velocity distributions."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import KineticMixture, MixtureMoments, MixtureState, VelocityGrid
from tests.contract.harness import Bad, Row, symmetric

GRID = VelocityGrid(8, support=2.0)
HEAVY = VelocityGrid(8, support=1.8)
AXIS = np.asarray(GRID.spacing * np.arange(-4, 4))
F = np.exp(-((AXIS[:, None] - 0.3) ** 2) / 1.6 - AXIS[None, :] ** 2 / 2.4) / 5 + 0.002
G = np.exp(-((AXIS[:, None] - 0.1) ** 2) / 1.4 - (AXIS[None, :] + 0.2) ** 2 / 1.8) / 4 + 0.003
ONE_NAN = np.where(F.min() == F, np.nan, F)
U = np.array([0.3, -0.2])
A = np.array([[1.2, 0.1], [0.1, 0.9]])
NUMBER = np.float64(0.7)
OMEGA = np.array([0.6, 0.8])
SHAPE = r"must have the grid's shape \(8, 8\), got \(7, 8\)"
TRANSFORMS = "Fourier transforms and solves have no half-precision kernels"
STATE = "an integer state keeps its dtype, and steps need a floating one"
NO_KEY = jnp.zeros(2, jnp.uint32)


def mixture(eps):
    return KineticMixture(eps, dt=0.01, light_grid=GRID, heavy_grid=HEAVY, num_radii=2, num_angles=2)


def step(eps, f, g):
    return mixture(eps).step(MixtureState(f, g), key=jax.random.key(0))


def parts(eps, f, g):
    """What a mixture does beside stepping."""
    system, state = mixture(eps).prepared(), MixtureState(f, g)
    return system.moments(state), system.vector_field(0.0, state), system.init(key=jax.random.key(0))


def moments(n, u, A):
    """Both species alike, and everything that moments know."""
    gas = simulators.gaussian_moments(n, u, A)
    both = MixtureMoments(gas, gas)
    return gas.covariance, gas.temperature, both.energy, both.momentum(jnp.asarray(0.5, n.dtype))


def rate(n, u, A, eps):
    gas = simulators.gaussian_moments(n, u, A)
    return simulators.mixture_moment_rate(MixtureMoments(gas, gas), eps).heavy.second


ROWS = [
    Row(
        name="simulators.KineticMixture.step",
        call=step,
        arguments=lambda: (np.float64(0.3), F, G),
        differentiable=(0, 1, 2),
        bad_static=(Bad((NUMBER, F[:7], G), "the light distribution " + SHAPE),),
        bad_values=(Bad((np.float64(1.5), F, G), r"eps must be in \(0, 1\)"),),
        exempt={
            "half": TRANSFORMS,
            "integer": STATE,
            "second_order": "the rows of its parts hold theirs; the whole takes too long to compile",
        },
    ),
    Row(
        name="simulators.KineticMixture.vector_field",
        members=("moments", "init", "prepared"),
        call=parts,
        arguments=lambda: (np.float64(0.3), F, G),
        differentiable=(0, 1, 2),
        select=lambda output: output[:2],
        bad_static=(Bad((NUMBER, F, G[:7]), "the heavy distribution " + SHAPE),),
        bad_values=(Bad((np.float64(-0.1), F, G), r"eps must be in \(0, 1\)"),),
        exempt={
            "half": TRANSFORMS,
            "integer": STATE,
            "second_order": "the rows of its parts hold theirs; the whole takes too long to compile",
            "bad_values": "the moments do not depend on eps, so they stay numbers; the row of step holds eps",
        },
    ),
    Row(
        name="simulators.MixtureState",
        call=lambda f: MixtureState(f, 2 * f).heavy,
        arguments=lambda: (F,),
        exempt={
            "integer": "it holds what it is given",
            "bad_static": "it holds two arrays; a mixture checks their shapes when it steps",
            "bad_values": "it holds two arrays; any values are distributions that can be stepped",
        },
    ),
    Row(
        name="simulators.VelocityGrid.velocities",
        members=("axis", "spacing", "cell_area"),
        call=lambda: (GRID.velocities(), GRID.axis() * GRID.spacing * GRID.cell_area),
        arguments=lambda: (),
        differentiable=(),
        exempt={
            "gradient": "a grid is static",
            "vmap": "it takes no arrays",
            "strict": "it takes no arrays; the dtype is the one asked for, by default jax's",
            "half": "it takes no arrays",
            "bad_static": "it takes no arrays; what its constructor refuses is tested with the simulator",
            "bad_values": "it takes no arrays",
        },
    ),
    Row(
        name="simulators.velocity_moments",
        call=lambda f: simulators.velocity_moments(f, grid=GRID),
        arguments=lambda: (F,),
        bad_static=(Bad((F[:7],), "f " + SHAPE),),
        bad_values=(Bad((-F,), "f must have a positive density"),),
    ),
    Row(
        name="simulators.MixtureMoments.energy",
        members=("momentum",),
        call=moments,
        arguments=lambda: (NUMBER, U, A),
        differentiable=(0, 1, 2),
        project={2: symmetric},
        bad_static=(Bad((NUMBER, U, A[0]), r"second must have shape \(2, 2\)"),),
        bad_values=(Bad((-NUMBER, U, A), "density must be positive"),),
        exempt={"half": "a factorisation that checks the covariance has no half-precision kernel"},
    ),
    Row(
        name="simulators.VelocityMoments.temperature",
        members=("covariance",),
        call=lambda f: (
            simulators.velocity_moments(f, grid=GRID).temperature,
            simulators.velocity_moments(f, grid=GRID).covariance,
        ),
        arguments=lambda: (F,),
        bad_static=(Bad((F[:7],), "f " + SHAPE),),
        bad_values=(Bad((-F,), "f must have a positive density"),),
    ),
    Row(
        name="simulators.gaussian_moments",
        call=simulators.gaussian_moments,
        arguments=lambda: (NUMBER, U, A),
        differentiable=(0, 1, 2),
        project={2: symmetric},
        bad_static=(Bad((NUMBER, U[:1], A), r"velocity must have shape \(2,\)"),),
        bad_values=(Bad((NUMBER, U, -A), "must be symmetric and positive definite"),),
        exempt={"half": "a factorisation that checks the covariance has no half-precision kernel"},
    ),
    Row(
        name="simulators.mixture_moment_rate",
        call=rate,
        arguments=lambda: (NUMBER, U, A, np.float64(0.4)),
        differentiable=(0, 1, 2, 3),
        project={2: symmetric},
        bad_static=(Bad((NUMBER, U, A, U), "eps must be a number"),),
        bad_values=(Bad((NUMBER, U, A, -NUMBER), "eps must be positive"),),
        exempt={"half": "a factorisation that checks the covariance has no half-precision kernel"},
    ),
    Row(
        name="simulators.two_temperature_rate",
        call=simulators.two_temperature_rate,
        arguments=lambda: (np.float64(1.2), NUMBER, np.float64(0.9), np.float64(1.4)),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((U, NUMBER, NUMBER, NUMBER), "light_temperature must be a number"),),
        bad_values=(Bad((NUMBER, -NUMBER, NUMBER, NUMBER), "heavy_temperature must be positive"),),
        fast=True,
    ),
    Row(
        name="simulators.two_temperatures",
        call=simulators.two_temperatures,
        arguments=lambda: (np.float64(0.3), np.float64(1.2), NUMBER, np.float64(0.9), np.float64(1.4)),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((U, NUMBER, NUMBER, NUMBER, NUMBER), "time must be a number"),),
        bad_values=(Bad((-NUMBER, NUMBER, NUMBER, NUMBER, NUMBER), "time must be non-negative"),),
    ),
    Row(
        name="simulators.binary_collision",
        call=simulators.binary_collision,
        arguments=lambda: (U, np.array([0.4, 0.9]), OMEGA, np.float64(0.25)),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((U, U[:1], OMEGA, NUMBER), "heavy must have the shape of light"),),
        bad_values=(
            Bad((U, U, 0 * OMEGA, NUMBER), "the direction's length must be positive"),
            Bad((U, U, OMEGA, -NUMBER), "eps must be positive"),
        ),
    ),
    Row(
        name="simulators.maxwellian",
        call=lambda n, u, T: simulators.maxwellian(n, u, T, grid=GRID),
        arguments=lambda: (NUMBER, U, A),
        differentiable=(0, 1, 2),
        project={2: symmetric},
        bad_static=(Bad((NUMBER, U[:1], A), r"velocity must have shape \(2,\)"),),
        bad_values=(
            Bad((NUMBER, U, -A), "temperature must be symmetric and positive definite"),
            Bad((-NUMBER, U, A), "density must be positive"),
        ),
        exempt={"half": "a factorisation that checks the covariance has no half-precision kernel"},
    ),
    Row(
        name="simulators.bkw_solution",
        call=simulators.bkw_solution,
        arguments=lambda: (np.stack([U, 2 * U]), NUMBER),
        differentiable=(0, 1),
        bad_static=(Bad((np.ones((2, 3)), NUMBER), r"velocities must have shape \(..., 2\), got \(2, 3\)"),),
        bad_values=(Bad((np.stack([U, 2 * U]), -NUMBER), "time must be non-negative"),),
    ),
    Row(
        name="simulators.spectral_collision",
        call=lambda f: simulators.spectral_collision(f, grid=GRID, num_radii=3, num_angles=2),
        arguments=lambda: (F,),
        bad_static=(Bad((F[:7],), "f " + SHAPE),),
        exempt={
            "half": TRANSFORMS,
            "bad_values": "any values are a distribution, negative ones too, which spectral schemes make",
        },
    ),
    Row(
        name="simulators.isotropization",
        call=lambda f, n: simulators.isotropization(f, n, grid=GRID),
        arguments=lambda: (F, NUMBER),
        differentiable=(0, 1),
        bad_static=(Bad((F[:7], NUMBER), "f " + SHAPE),),
        bad_values=(Bad((F, -NUMBER), "heavy_density must be positive"),),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="simulators.isotropization_correction",
        call=lambda f, n, u: simulators.isotropization_correction(f, n, u, grid=GRID),
        arguments=lambda: (F, NUMBER, U),
        differentiable=(0, 1, 2),
        bad_static=(Bad((F, NUMBER, U[:1]), r"heavy_velocity must have shape \(2,\)"),),
        bad_values=(Bad((F, -NUMBER, U), "heavy_density must be positive"),),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="simulators.unlike_collisions",
        call=lambda f, g, e: simulators.unlike_collisions(f, g, e, light_grid=GRID, heavy_grid=HEAVY, num_angles=3),
        arguments=lambda: (F, G, np.float64(0.4)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((F, G[:7], NUMBER), "the heavy distribution " + SHAPE),),
        bad_values=(Bad((F, G, np.float64(1.5)), r"eps must be in \(0, 1\]"),),
        exempt={"half": TRANSFORMS},
        slow=True,
    ),
    Row(
        name="simulators.fokker_planck",
        call=lambda f, c, T: simulators.fokker_planck(f, c, T, grid=GRID),
        arguments=lambda: (F, U, NUMBER),
        differentiable=(0, 1, 2),
        bad_static=(Bad((F, U[:1], NUMBER), r"centre must have shape \(2,\)"),),
        bad_values=(Bad((F, U, -NUMBER), "temperature must be positive"),),
    ),
    Row(
        name="simulators.fokker_planck_step",
        call=lambda f, c, T, t: simulators.fokker_planck_step(f, c, T, t, grid=GRID),
        arguments=lambda: (F, U, NUMBER, np.float64(0.3)),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((F[:7], U, NUMBER, NUMBER), "f " + SHAPE),),
        bad_values=(
            Bad((F, U, -NUMBER, NUMBER), "temperature must be positive"),
            Bad((F, U, NUMBER, -NUMBER), "time must be non-negative"),
        ),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="observables.kinetic_entropy",
        call=observables.kinetic_entropy,
        arguments=lambda: (F, NUMBER),
        differentiable=(0, 1),
        bad_static=(Bad((F, U), "cell must be a number"),),
        bad_values=(
            Bad((ONE_NAN, NUMBER), "f must be finite"),
            Bad((F, -NUMBER), "cell must be positive"),
        ),
        fast=True,
    ),
    Row(
        name="observables.negative_mass",
        call=observables.negative_mass,
        arguments=lambda: (F - 0.1, NUMBER),
        differentiable=(0, 1),
        bad_static=(Bad((F, U), "cell must be a number"),),
        bad_values=(Bad((ONE_NAN - 0.1, NUMBER), "f must be finite"),),
    ),
]
