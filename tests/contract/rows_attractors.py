"""Rows of what is measured on chaotic systems: invariants of attractors, errors of forecasts, equations from data."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators, metrics, observables
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(110)
RATES = np.array([0.2, 0.3, 5.7])
STATE = np.array([1.1, -0.7, 0.4])
DT = np.array(0.05)
POINTS = RNG.standard_normal((7, 2))
RADII = np.array([0.9, 1.7])
X = np.array([0.3, 1.2, -0.5, 2.0, 0.1, 0.9, -1.1, 0.4, 1.7, -0.2, 0.6, 1.1])
APART = X + 0.03 * np.sin(np.arange(12) ** 2)
NAN = np.where(np.arange(12) == 4, np.nan, X)
WINDOW = np.abs(APART) + 0.5
Y, F, H = RNG.uniform(1, 2, (2, 4)), RNG.uniform(1, 2, (2, 4)), RNG.uniform(1, 2, (2, 5))
FEATURES, TARGETS = RNG.standard_normal((7, 3)), RNG.standard_normal((7, 2))
COUNTS = {"gradient": "counts are piecewise constant; the form with a temperature has a row of its own"}


class Flow(eqx.Module):
    """Rossler's equations."""

    rates: jax.Array

    def __call__(self, t, y):
        a, b, c = self.rates.astype(y.dtype)
        return jnp.stack([-y[1] - y[2], y[0] + a * y[1], b + y[2] * (y[0] - c)])


def exponents(rates, state, dt):
    return observables.lyapunov_spectrum(Flow(rates), state, dt, num_steps=6, transient=2, blocks=2)


def largest(rates, state, dt):
    return observables.maximum_lyapunov_exponent(Flow(rates), state, dt, num_steps=6)


def container(name, maker) -> Row:
    """A container of results; the row of the function that returns it holds all of its fields to the contract."""
    reason = f"a container, whose fields the row of {maker} holds to the contract"
    return Row(
        name=name,
        call=lambda x: x,
        arguments=lambda: (X,),
        exempt={"traced": reason, "bad_static": reason, "bad_values": reason},
    )


def orbit(name, call) -> Row:
    """A measure of an orbit of a flow."""
    return Row(
        name=f"observables.{name}",
        call=call,
        arguments=lambda: (RATES, STATE, DT),
        differentiable=(0, 1, 2),
        bad_static=(Bad((RATES, STATE[None], DT), r"state must have shape \(d,\), got \(1, 3\)"),),
        bad_values=(
            Bad((RATES, STATE * np.nan, DT), "state must be finite"),
            Bad((RATES, STATE, -DT), "dt must be positive"),
        ),
        rtol=1e-5,
    )


def of_exponents(name) -> Row:
    """A number that follows from exponents."""
    return Row(
        name=f"observables.{name}",
        call=getattr(observables, name),
        arguments=lambda: (np.array([0.9, 0.05, -1.4]),),
        bad_static=(Bad((np.ones((2, 2)),), r"exponents must have shape \(k,\)"),),
        bad_values=(Bad((np.array([0.9, np.nan, -1.4]),), "exponents must be finite"),),
        fast=True,
    )


def error(name, *more, call=None, bad=()) -> Row:
    """An error of forecasts."""
    return Row(
        name=f"metrics.{name}",
        call=call or getattr(metrics, name),
        arguments=lambda: (Y, F, *more),
        differentiable=tuple(range(2 + len(more))),
        bad_static=(Bad((Y, F[:1], *more), "forecast must have the shape of actual"),),
        bad_values=(Bad((Y * np.nan, F, *more), "actual must be finite"), *bad),
        half="float32",
    )


ROWS = [
    orbit("lyapunov_spectrum", exponents),
    orbit("maximum_lyapunov_exponent", largest),
    container("observables.LyapunovSpectrum.fields", "lyapunov_spectrum"),
    of_exponents("kaplan_yorke_dimension"),
    of_exponents("pesin_entropy"),
    Row(
        name="observables.correlation_sums",
        call=observables.correlation_sums,
        arguments=lambda: (POINTS, RADII),
        differentiable=(),
        bad_static=(
            Bad((POINTS[:, 0], RADII), r"points must have shape \(n, d\)"),
            Bad((POINTS, RADII[0]), r"radii must have shape \(m,\)"),
            Bad((POINTS[:1], RADII), "points must be at least two"),
        ),
        bad_values=(Bad((POINTS * np.nan, RADII), "points must be finite"), Bad((POINTS, -RADII), "radii must be pos")),
        exempt=COUNTS,
        half="float32",
    ),
    Row(
        name="observables.correlation_sums.soft",
        call=lambda x, r, T: observables.correlation_sums(x, r, temperature=T, theiler=1),
        arguments=lambda: (POINTS, RADII, np.array(0.3)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((POINTS, RADII, RADII), "temperature must be a number"),),
        bad_values=(Bad((POINTS, RADII, np.array(0.0)), "temperature must be positive"),),
        half="float32",
    ),
    Row(
        name="observables.correlation_dimension",
        call=lambda x, T: observables.correlation_dimension(x, lower=0.5, upper=2.0, num_radii=3, temperature=T),
        arguments=lambda: (POINTS, np.array(0.3)),
        differentiable=(0, 1),
        bad_static=(Bad((POINTS[:, 0], np.array(0.3)), r"points must have shape \(n, d\)"),),
        bad_values=(Bad((POINTS * np.nan, np.array(0.3)), "points must be finite"),),
        half="float32",
    ),
    container("observables.CorrelationDimension.fields", "correlation_dimension"),
    Row(
        name="observables.attractor_multiscale_entropy",
        call=lambda x, r, n: observables.attractor_multiscale_entropy(x, max_scale=2, tolerance=r, power=n),
        arguments=lambda: (np.stack([APART, APART[::-1] ** 2], axis=1), np.array(0.3), np.array(1.3)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, np.array(0.3), np.array(1.0)), r"points must have shape \(t, d\)"),),
        bad_values=(
            Bad((np.stack([NAN, X], axis=1), np.array(0.3), np.array(1.0)), "points must be finite"),
            Bad((np.ones((12, 2)), np.array(0.3), np.array(1.0)), "points must vary in every coordinate"),
            Bad((np.stack([X, X[::-1]], axis=1), np.array(-0.3), np.array(1.0)), "tolerance must be positive"),
        ),
        half="float32",
        slow=True,
    ),
    error("smape"),
    error("mape", bad=(Bad((0 * Y, F), "actual must not be zero"),)),
    error("mase", H, bad=(Bad((Y, F, 0 * H), "history must change within a season"),)),
    error("r_squared", bad=(Bad((np.ones((2, 4)), F), "actual must vary"),)),
    Row(
        name="estimators.fuzzy_entropy",
        call=lambda x, r, n: estimators.fuzzy_entropy(x, r, power=n),
        arguments=lambda: (APART, np.array(0.4), np.array(1.3)),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((X[:4], np.array(0.4), np.array(1.0)), r"x must have at least length \+ 3 = 5 samples, got 4"),
        ),
        bad_values=(
            Bad((NAN, np.array(0.4), np.array(1.0)), "x must be finite, got nan at flat index 4"),
            Bad((X, np.array(0.0), np.array(1.0)), "tolerance must be positive"),
            Bad((X, np.array(0.4), np.array(-1.0)), "power must be positive"),
        ),
        half="float32",
    ),
    Row(
        name="estimators.composite_multiscale_entropy",
        call=lambda x: estimators.composite_multiscale_entropy(x, scales=(1, 2)),
        arguments=lambda: (APART,),
        bad_static=(Bad((X[None],), r"x must have shape \(t,\)"),),
        bad_values=(Bad((NAN,), "x must be finite"), Bad((np.ones(12),), "tolerance must be positive")),
        half="float32",
    ),
    Row(
        name="estimators.dominant_period",
        call=estimators.dominant_period,
        arguments=lambda: (X, DT),
        differentiable=(0, 1),
        bad_static=(Bad((X[:4], DT), "x must have at least 8 samples, got 4"),),
        bad_values=(
            Bad((NAN, DT), "x must be finite"),
            Bad((np.ones(12), DT), "x must vary"),
            Bad((X, -DT), "dt must"),
        ),
        half="float32",
    ),
    container("estimators.DominantPeriod.fields", "dominant_period"),
    Row(
        name="estimators.phase_randomized_surrogate",
        call=lambda x, key: estimators.phase_randomized_surrogate(x, key=key),
        arguments=lambda: (POINTS, jax.random.key(4)),
        bad_static=(
            Bad(lambda: (POINTS[None], jax.random.key(4)), r"x must have shape \(t,\) or \(t, columns\)"),
            Bad(lambda: (POINTS, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),
        ),
        bad_values=(Bad(lambda: (POINTS * np.nan, jax.random.key(4)), "x must be finite"),),
        half="float32",
    ),
    Row(
        name="estimators.polynomial_features",
        call=estimators.polynomial_features,
        arguments=lambda: (POINTS,),
        bad_static=(Bad((X,), r"x must have shape \(n, d\)"),),
        bad_values=(Bad((POINTS * np.nan,), "x must be finite"),),
    ),
    Row(
        name="estimators.polynomial_exponents",
        call=lambda d: estimators.polynomial_exponents(int(d)),
        arguments=lambda: (np.array(2),),
        bad_static=(Bad((np.array(0),), "dimension must be at least 1"),),
        exempt={"traced": "its arguments are static", "bad_values": "its arguments are static"},
    ),
    Row(
        name="estimators.fourier_features",
        call=lambda x: estimators.fourier_features(x, num_frequencies=2),
        arguments=lambda: (POINTS,),
        bad_static=(Bad((X,), r"x must have shape \(n, d\)"),),
        bad_values=(Bad((POINTS * np.nan,), "x must be finite"),),
    ),
    Row(
        name="estimators.sparse_regression",
        call=lambda features, targets: estimators.sparse_regression(features, targets, 0.2, iterations=3),
        arguments=lambda: (FEATURES, TARGETS),
        differentiable=(0, 1),
        bad_static=(Bad((FEATURES, TARGETS[:3]), "targets must have the 7 rows of features"),),
        bad_values=(Bad((FEATURES * np.nan, TARGETS), "features must be finite"),),
        half="float32",
    ),
    container("estimators.SparseRegression.fields", "sparse_regression"),
    Row(
        name="estimators.importance_sampling_indices",
        call=lambda e, n, key: estimators.importance_sampling_indices(e, num=3, key=key, power=n, window=5, order=2),
        arguments=lambda: (WINDOW, np.array(2.0), jax.random.key(4)),
        differentiable=(0, 1),
        bad_static=(
            Bad(lambda: (WINDOW[:3], np.array(2.0), jax.random.key(4)), "window must be at least 1 and at most 3"),
        ),
        bad_values=(
            Bad(lambda: (NAN, np.array(2.0), jax.random.key(4)), "errors must be finite"),
            Bad(lambda: (0 * X, np.array(2.0), jax.random.key(4)), "errors must be positive somewhere"),
        ),
        half="float32",
    ),
    container("estimators.ImportanceSample.fields", "importance_sampling_indices"),
]
