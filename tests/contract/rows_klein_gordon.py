"""The contract of Klein-Gordon fields: their simulator, potentials and kinks, and what is observed of them."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators, observables, simulators
from entropax.simulators import DoubleSineGordon, FieldGrid, KleinGordon, LinearPotential, Phi4, Potential, SineGordon
from tests.contract.harness import Bad, Row

GRID = FieldGrid(-4.0, 4.0, 8)
X = np.linspace(-2.1, 2.3, 6)
PHI = np.array([-1.1, -0.7, 0.4, 1.2, 0.9, 0.3, -0.6, -1.3])
PI = np.array([0.2, -0.1, 0.3, 0.4, -0.2, 0.1, 0.0, -0.3])
LAM, V, U, D = np.float64(0.8), np.float64(1.2), np.float64(0.3), np.float64(2.5)
ONE_NAN = np.where(PHI == 0.4, np.nan, PHI)
TIMES = np.linspace(0.0, 3.5, 8)
SHAPE = r"field must have shape \(\.\.\., 8\), the grid's points, got \(7,\)"
TRANSFORMS = "Fourier transforms and eigenvalues have no half-precision kernels"
HOLDS = {
    "integer": "it holds what it is given",
    "bad_static": "it holds arrays; what makes it checks their shapes",
    "bad_values": "it holds arrays; what makes it checks their values",
}
ANY_FIELD = {
    "bad_static": "any array of numbers is a field",
    "bad_values": "any number is a field, and there are no parameters",
}


class Quartic(Potential):
    """V = a phi^4 / 4 + phi^2 / 2, of a user."""

    a: jax.Array

    def __call__(self, field):
        return self.a * field**4 / 4 + field**2 / 2

    @property
    def vacuum(self):
        return jnp.zeros_like(self.a)


def system(lam):
    return KleinGordon(Phi4(lam), GRID, dt=0.1, initial=(PHI, PI), order=4)


def step(lam, field, momentum):
    made = KleinGordon(Phi4(lam), GRID, dt=0.1, initial=(field, momentum), order=4)
    return made.step(made.init(key=jax.random.key(0)), key=jax.random.key(0))


def rates(lam, field, momentum):
    fields = system(lam)
    return fields.prepared().vector_field(0.0, (fields.state(field, momentum).field, momentum)), fields.force(field)


def grid_calculus(upper, field):
    grid = FieldGrid(-1.0, upper, 8, boundary="antiperiodic")
    numbers = grid.integral(field), grid.points, grid.spacing, grid.length, grid.largest_wavenumber
    return grid.derivative(field), grid.second_derivative(field), *numbers


def of_kinks(potential, x):
    numbers = potential.vacua, potential.vacuum, potential.mass, potential.kink_energy
    numbers = tuple(number.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else number for number in numbers)
    return potential(x), potential.slope(x), potential.curvature(x), potential.kink_profile(x), *numbers


KINKS = ("curvature", "vacua", "vacuum", "mass", "kink_energy", "kink_profile")

ROWS = [
    Row(
        name="simulators.KleinGordon.step",
        members=("init", "state"),
        call=step,
        arguments=lambda: (LAM, PHI, PI),
        differentiable=(0, 1, 2),
        bad_static=(Bad((LAM, PHI[:7], PI), r"field must have shape \(8,\), got \(7,\)"),),
        bad_values=(Bad((-LAM, PHI, PI), "lam must be positive"), Bad((LAM, ONE_NAN, PI), "field must be finite")),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="simulators.KleinGordon.vector_field",
        members=("force", "prepared"),
        call=rates,
        arguments=lambda: (LAM, PHI, PI),
        differentiable=(0, 1, 2),
        bad_static=(Bad((LAM, PHI, PI[:7]), r"momentum must have shape \(8,\), got \(7,\)"),),
        exempt={
            "half": TRANSFORMS,
            "integer": "momentum, the field's rate of change, is passed through",
            "bad_values": "a rate of change passes a wrong field's numbers on; the row of step holds the values",
        },
    ),
    Row(
        name="simulators.FieldState",
        call=lambda x: simulators.FieldState(x, 2 * x, 3 * x).momentum,
        arguments=lambda: (PHI,),
        exempt=HOLDS,
    ),
    Row(
        name="simulators.FieldGrid.derivative",
        members=("second_derivative", "integral", "points", "spacing", "length", "largest_wavenumber"),
        call=grid_calculus,
        arguments=lambda: (np.float64(2.5), PHI),
        differentiable=(0, 1),
        bad_static=(Bad((np.float64(2.5), PHI[:7]), SHAPE.replace("field", "(field|density)")),),
        bad_values=(Bad((np.float64(-2.5), PHI), "upper - lower must be positive"),),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="simulators.Potential.slope",
        members=("curvature", "mass"),
        call=lambda a, x: (Quartic(a).slope(x), Quartic(a).curvature(x), Quartic(a).mass),
        arguments=lambda: (LAM, X),
        differentiable=(0, 1),
        exempt={"integer": "a user's potential has the parameters that it is given", **ANY_FIELD},
    ),
    Row(
        name="simulators.KinkPotential.kink_energy",
        members=("vacuum", "mass", "slope", "curvature"),
        call=lambda lam, v: Phi4(lam, v).kink_energy,
        arguments=lambda: (LAM, V),
        differentiable=(0, 1),
        bad_static=(Bad((X, V), "lam must be a number"),),
        bad_values=(Bad((LAM, -V), "v must be positive"),),
    ),
    Row(
        name="simulators.LinearPotential.slope",
        members=("curvature", "vacuum", "mass"),
        call=lambda m, x: (
            LinearPotential(m)(x),
            LinearPotential(m).slope(x),
            LinearPotential(m).curvature(x),
            LinearPotential(m).mass,
        ),
        arguments=lambda: (LAM, X),
        differentiable=(0, 1),
        bad_static=(Bad((X, X), "rest_mass must be a number"),),
        bad_values=(Bad((-LAM, X), "rest_mass must be positive"),),
    ),
    Row(
        name="simulators.Phi4.slope",
        members=(*KINKS, "kink_width"),
        call=lambda lam, v, x: (*of_kinks(Phi4(lam, v), x), Phi4(lam, v).kink_width),
        arguments=lambda: (LAM, V, X),
        differentiable=(0, 1, 2),
        bad_static=(Bad((LAM, X, X), "v must be a number"),),
        bad_values=(Bad((LAM, -V, X), "v must be positive"),),
    ),
    Row(
        name="simulators.SineGordon.slope",
        members=KINKS,
        call=lambda x: of_kinks(SineGordon(), x),
        arguments=lambda: (X,),
        exempt=ANY_FIELD,
    ),
    Row(
        name="simulators.DoubleSineGordon.slope",
        members=KINKS,
        call=lambda eta, x: of_kinks(DoubleSineGordon(eta), x),
        arguments=lambda: (U, X),
        differentiable=(0, 1),
        select=lambda output: (*output[:4], *output[6:]),  # the vacua do not depend on eta
        bad_static=(Bad((X, X), "eta must be a number"),),
        bad_values=(Bad((np.float64(-1.2), X), "1 . eta must be positive"),),
    ),
    Row(
        name="simulators.kink",
        call=lambda x, u, x0, t, lam: simulators.kink(x, u, x0, t, potential=Phi4(lam)),
        arguments=lambda: (X, U, V, D, LAM),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((X, X, V, D, LAM), "velocity must be a number"),),
        bad_values=(Bad((X, V, V, D, LAM), r"velocity must be in \(-1, 1\), slower than light, got 1.2"),),
    ),
    Row(
        name="simulators.kink_antikink",
        call=lambda x, d, u: simulators.kink_antikink(x, d, u, potential=SineGordon()),
        arguments=lambda: (X, D, U),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, X, U), "separation must be a number"),),
        bad_values=(
            Bad((X, -D, U), "separation must be positive"),
            Bad((X, D, V), r"velocity must be in \(-1, 1\)"),
        ),
    ),
    Row(
        name="simulators.breather",
        call=simulators.breather,
        arguments=lambda: (X, LAM, U, D),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((X, X, U, D), "frequency must be a number"),),
        bad_values=(Bad((X, V, U, D), r"frequency must be in \(0, 1\), got 1.2"),),
    ),
    Row(
        name="simulators.gaussian_packet",
        call=simulators.gaussian_packet,
        arguments=lambda: (X, V, D, U, LAM),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((X, V, X, U, LAM), "width must be a number"),),
        bad_values=(Bad((X, V, -D, U, LAM), "width must be positive"),),
        fast=True,
    ),
    Row(
        name="simulators.kink_modes",
        call=lambda half, lam: (
            simulators.kink_modes(FieldGrid(-half, half, 8), potential=Phi4(lam), num_modes=2).squared_frequencies
        ),
        arguments=lambda: (np.float64(3.0), LAM),
        differentiable=(0, 1),
        bad_static=(Bad((X, LAM), "lower must be a number"),),
        bad_values=(Bad((np.float64(3.0), -LAM), "lam must be positive"),),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="simulators.KinkModes",
        call=lambda x: simulators.KinkModes(x[:1], 2 * x[None]).modes,
        arguments=lambda: (PHI,),
        exempt=HOLDS,
    ),
    Row(
        name="observables.field_energy",
        call=lambda field, momentum: observables.field_energy(field, momentum, potential=SineGordon(), grid=GRID),
        arguments=lambda: (PHI, PI),
        differentiable=(0, 1),
        bad_static=(
            Bad((PHI[:7], PI), SHAPE),
            Bad((PHI, PI[:7]), "momentum must have the shape of field"),
        ),
        bad_values=(Bad((ONE_NAN, PI), "field must be finite"),),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="observables.field_momentum",
        call=lambda field, momentum: observables.field_momentum(field, momentum, grid=GRID),
        arguments=lambda: (PHI, PI),
        differentiable=(0, 1),
        bad_static=(Bad((PHI[:7], PI), SHAPE),),
        bad_values=(Bad((PHI, ONE_NAN), "momentum must be finite"),),
        exempt={"half": TRANSFORMS},
    ),
    Row(
        name="observables.topological_charge",
        call=lambda field: observables.topological_charge(field, potential=SineGordon()),
        arguments=lambda: (PHI,),
        bad_static=(Bad((PHI[:1],), r"field must have shape \(\.\.\., n\) with n >= 2"),),
        bad_values=(Bad((ONE_NAN,), "field must be finite"),),
        exempt={"second_order": "it is linear in the field"},
    ),
    Row(
        name="observables.field_entropies",
        call=lambda field, dx: observables.field_entropies(field, dx, normalisation="trapezoid"),
        arguments=lambda: (PHI, LAM),
        differentiable=(0, 1),
        bad_static=(
            Bad((PHI[:1], LAM), r"field must have shape \(\.\.\., n\) with n >= 2"),
            Bad((PHI, PHI), "spacing must be a number"),
        ),
        bad_values=(
            Bad((ONE_NAN, LAM), "field must be finite"),
            Bad((PHI, -LAM), "spacing must be positive"),
            Bad((0 * PHI, LAM), "field must not be zero everywhere"),
        ),
        slow=True,
    ),
    Row(
        name="observables.FieldEntropies",
        call=lambda x: observables.FieldEntropies(*[x] * 7).composite,
        arguments=lambda: (PHI,),
        exempt={**HOLDS, "second_order": "it holds what it is given"},
    ),
    Row(
        name="observables.composite_entropy",
        call=observables.composite_entropy,
        arguments=lambda: (PHI**2 / np.sum(PHI**2),),
        project={0: lambda direction: direction - direction.mean()},
        bad_static=(Bad((LAM,), "p must have"),),
        bad_values=(Bad((PHI**2,), "p must be non-negative and sum to one"),),
        slow=True,
    ),
    Row(
        name="observables.field_summary",
        call=observables.field_summary,
        arguments=lambda: (PHI,),
        bad_static=(Bad((LAM,), r"field must have shape \(\.\.\., n\)"),),
        bad_values=(Bad((ONE_NAN,), "field must be finite"),),
    ),
    Row(
        name="observables.FieldSummary",
        call=lambda x: observables.FieldSummary(*[x] * 7).median,
        arguments=lambda: (PHI,),
        exempt={**HOLDS, "second_order": "it holds what it is given"},
    ),
    Row(
        name="observables.phase_portrait",
        call=observables.phase_portrait,
        arguments=lambda: (PHI, PI),
        differentiable=(0, 1),
        bad_static=(Bad((PHI, PI[:7]), "rates must have the shape of values"),),
        bad_values=(Bad((ONE_NAN, PI), "values must be finite"),),
    ),
    Row(
        name="observables.PhasePortrait",
        call=lambda x: observables.PhasePortrait(x, x, x, x, x[0]).extent,
        arguments=lambda: (PHI[:2],),
        exempt={**HOLDS, "second_order": "it holds what it is given"},
    ),
    Row(
        name="observables.middle_field",
        call=lambda field: observables.middle_field(field, grid=GRID, potential=SineGordon()),
        arguments=lambda: (PHI,),
        bad_static=(Bad((PHI[:7],), SHAPE),),
        bad_values=(Bad((ONE_NAN,), "field must be finite"),),
        exempt={"second_order": "it is linear in the field"},
    ),
    Row(
        name="observables.pair_distance",
        call=lambda field: observables.pair_distance(field, grid=GRID, potential=Phi4()),
        arguments=lambda: (PHI,),
        bad_static=(Bad((PHI[:7],), SHAPE),),
        bad_values=(Bad((ONE_NAN,), "field must be finite"),),
    ),
    Row(
        name="observables.smooth_pair_distance",
        call=lambda field, T: observables.smooth_pair_distance(field, T, grid=GRID, potential=Phi4()),
        arguments=lambda: (PHI, LAM),
        differentiable=(0, 1),
        bad_static=(Bad((PHI[:7], LAM), SHAPE), Bad((PHI, PHI), "temperature must be a number")),
        bad_values=(Bad((ONE_NAN, LAM), "field must be finite"), Bad((PHI, -LAM), "temperature must be positive")),
    ),
    Row(
        name="observables.collision_outcome",
        call=lambda middle, distance, times: observables.collision_outcome(middle, distance, times, window=0.5),
        arguments=lambda: (PHI, TIMES**2, TIMES),
        differentiable=(1, 2),
        select=lambda outcome: outcome.speed,
        bad_static=(Bad((PHI, TIMES[:7], TIMES), "distance must have the shape of middle"),),
        bad_values=(Bad((ONE_NAN, TIMES**2, TIMES), "the series must be finite"),),
    ),
    Row(
        name="observables.smooth_collision_outcome",
        call=lambda middle, distance, times, T: observables.smooth_collision_outcome(
            middle, distance, times, T, window=0.5
        ),
        arguments=lambda: (PHI, TIMES**2, TIMES, LAM),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((PHI, TIMES[:7], TIMES, LAM), "distance must have the shape of middle"),),
        bad_values=(
            Bad((ONE_NAN, TIMES**2, TIMES, LAM), "the series must be finite"),
            Bad((PHI, TIMES**2, TIMES, -LAM), "temperature must be positive"),
        ),
    ),
    Row(
        name="observables.CollisionOutcome",
        call=lambda x: observables.CollisionOutcome(x > 0, x, x / 2, x, x > 1).bounces,
        arguments=lambda: (LAM,),
        exempt={**HOLDS, "second_order": "it holds what it is given"},
    ),
    Row(
        name="estimators.gaussian_kde",
        call=lambda x, points, h: (
            estimators.gaussian_kde(x, points, bandwidth=h),
            estimators.gaussian_kde(x, points),
        ),
        arguments=lambda: (X, PI, LAM),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, LAM, LAM), r"points must have shape \(m,\)"),),
        bad_values=(Bad((np.where(X[0] == X, np.nan, X), PI, LAM), "x must be finite"),),
    ),
]
