"""Rows of the cores of galaxy clusters."""

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications import clusters
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(7)
T, N, L = np.array([5.0, 3.0, 6.5]), np.array([0.05, 0.02, 0.008]), np.array([2e-23, 3e-23, 2.5e-23])
K = np.array([20.0, 35.0, 80.0, 12.0])
MASS, RADII, R500 = np.array([1, 2, 0.5, 1.5]), np.array([2.0, 5.0, 8.0, 11.0]), np.array(1000.0)
NUMBER = np.array(0.4)

TIME = np.linspace(0.0, 4.0, 21) + 0.03 * RNG.uniform(-1, 1, 21)
RISE = 10 ** (1.2 + 0.45 * (1 + np.tanh((TIME - 1.1) / 0.35)) - 0.3 * (1 + np.tanh((TIME - 2.9) / 0.3)))
OPTIONS = {"num_points": 41, "max_events": 3, "sigma": 0.1}
SOFT = {"num_points": 41, "sigma": 0.1}

PROFILE_R = np.array([8.0, 20.0, 45.0, 90.0, 200.0, 420.0])
PROFILE_K = np.array([33.0, 49.0, 88.0, 150.0, 330.0, 770.0])
ERRORS = np.array([0.1, 0.08, 0.05, 0.06, 0.05, 0.09])

INTEGERS = [jnp.int32(1)] * 3 + [jnp.ones(1, jnp.int32)] * 2
MIDS, UP = np.array([[2.1, 5.0], [3.3, 0.4]]), np.array([[1, -1], [1, 1]])
MERGERS = np.array([[1.6, 4.9, 7.0], [2.9, 5.5, 6.1]])
SPANS = np.array([[0.0, 8.0], [0.0, 8.0]])
SERIES, GRID = RNG.uniform(0.5, 2.0, (2, 17)), np.linspace(0.0, 8.0, 17)
ALL = np.ones((2, 2), bool)

COUNTS = {"gradient": "counts are piecewise constant"}
INTEGER = {"gradient": "an integer result is piecewise constant"}
HOLDS = {
    "gradient": "a container: the gradients are those of the function that fills it",
    "bad_values": "a container of results, which only its function makes",
    "bad_static": "a container of results, which only its function makes",
}
HOST = {
    "traced": "it reads a file on the host",
    "bad_static": "its faults are the file's: tests/applications/clusters/test_catalogues.py",
    "bad_values": "its faults are the file's: tests/applications/clusters/test_catalogues.py",
}


def key():
    return jax.random.key(5)


def table(t_mid, direction=UP):
    """Events of two clusters at given times."""

    def one(times, signs):
        none, zero, flag = jnp.zeros_like(times), jnp.zeros(times.shape, jnp.int32), jnp.ones(times.shape, bool)
        some = flag[0]
        return clusters.TransformationTable(
            jnp.int32(2), flag, none, none, times, none, none, signs, zero, zero, ~some, some
        )

    signs = jnp.asarray(direction)
    return one(t_mid, signs[0]) if t_mid.ndim == 1 else jax.vmap(one)(t_mid, signs)


def mergers(times):
    return clusters.MergerList(times, jnp.ones(times.shape, bool), times / 10, None)


def control(expected):
    """A control of as many clusters."""
    whole = jnp.arange(expected.shape[0], dtype=jnp.int32)
    x = expected[0]
    return clusters.Control(x, x, x, x, x, expected, whole + 4, whole, expected, x > 0)


def filled(kind, x, shapes):
    """A container of a number (x), vectors (v), a matrix (m), booleans (b) and integers (i)."""
    v = jnp.stack([x, x, x])
    values = {"x": x, "v": v, "m": jnp.stack([v, v, v]), "b": x > 0, "i": jnp.int32(1)}
    return kind(*(values[shape] for shape in shapes))


def fraction(t_mid, times, spans):
    return clusters.merger_fraction(table(t_mid), mergers(times), spans, direction="up", mass_ratio_range=(0.0, 0.65))


def floats(found):
    """Of a coincidence, the results that carry NaN."""
    return [leaf for leaf in jax.tree.leaves(found) if jnp.issubdtype(leaf.dtype, jnp.floating)]


def history(found):
    return found.t_start, found.t_end, found.t_mid, found.duration, found.dy


def core(cooling_time, effective, agn_rate, **more):
    return clusters.ClusterCore(
        0.8, cooling_time=cooling_time, effective=effective, agn_rate=agn_rate, max_mergers=4, max_episodes=3, **more
    )


def stepped(cooling_time, effective, agn_rate):
    """A state in the midst of a ramp, one step on."""
    drawn = core(cooling_time, effective, agn_rate, jitter=0.05 * cooling_time)
    state = drawn.init(key=key())
    later = jax.tree.map(lambda x: x, state)
    for _ in range(2):
        later = drawn.step(later, key=key())
    return later


def population(cooling_time, effective, agn_rate, mass_exponent):
    """Every parameter but dt, which sets the number of steps."""
    drawn = core(cooling_time, effective, agn_rate, mass_exponent=mass_exponent, initial_entropy=40 * cooling_time)
    found = clusters.simulate_population(drawn, 2, key=key(), every=7)
    return found.t, found.K0, found.K0_true, found.mergers.times, found.effective


HISTORY_BAD = {
    "bad_static": (
        Bad((TIME[:4], RISE[:4]), r"t must have shape \(n,\) with n >= 5"),
        Bad((TIME, RISE[:9]), "K0 must have the shape of t"),
    ),
    "bad_values": (
        Bad((TIME[::-1].copy(), RISE), "t must be finite and increase"),
        Bad((TIME, -RISE), "K0 must be positive and finite"),
        Bad((3 * TIME, RISE), "num_points must put the even times about dt = 0.1 apart"),
    ),
    "half": "float32",
}
COINCIDENCE = {
    "arguments": lambda: (MIDS, MERGERS, SPANS),
    "differentiable": (),
    "select": floats,
    "bad_static": (
        Bad((MIDS[0], MERGERS, SPANS), r"table.t_mid must have shape \(c, e\)"),
        Bad((MIDS, MERGERS[:1], SPANS), r"mergers.times must have shape \(2, m\)"),
        Bad((MIDS, MERGERS, SPANS[:1]), r"spans must have shape \(2, 2\)"),
    ),
    "bad_values": (
        Bad((MIDS, MERGERS, 0.1 * SPANS), "spans must be longer than tau"),
        Bad((MIDS, np.nan * MERGERS, SPANS), "mergers.times must be finite"),
    ),
    "exempt": COUNTS,
}

ROWS = [
    Row(
        name="applications.clusters.gas_entropy",
        call=clusters.gas_entropy,
        arguments=lambda: (T, N),
        differentiable=(0, 1),
        bad_static=(Bad((T, N[:2]), r"density must be a number or have shape \(3,\)"),),
        bad_values=(Bad((T, 0 * N), "density must be positive"), Bad((-T, N), "temperature must be positive")),
        exempt={"integer": "a density of one half is no integer"},
        fast=True,
    ),
    Row(
        name="applications.clusters.specific_gas_entropy",
        call=clusters.specific_gas_entropy,
        arguments=lambda: (K,),
        bad_static=(Bad(lambda: (jnp.ones(2, complex),), "entropy must be real", TypeError),),
        bad_values=(Bad((-K,), "entropy must be positive"),),
    ),
    Row(
        name="applications.clusters.cooling_time",
        call=lambda t, n, scaled: clusters.cooling_time(t, n, 1e-23 * scaled, ion_ratio=0.9),
        arguments=lambda: (T, N, 1e23 * L),  # in a unit that finite differences see
        differentiable=(0, 1, 2),
        bad_static=(Bad((T, N, L[:2]), r"cooling_function must be a number or have shape \(3,\)"),),
        bad_values=(Bad((T, N, -L), "cooling_function must be positive"),),
    ),
    Row(
        name="applications.clusters.central_entropy",
        call=clusters.central_entropy,
        arguments=lambda: (RADII, K, MASS, R500),
        differentiable=(1, 2),
        bad_static=(Bad((RADII, K[:2], MASS, R500), "entropy must have the shape of radii"),),
        bad_values=(
            Bad((20 * RADII, K, MASS, R500), "radii must hold a cell within the aperture"),
            Bad((RADII, -K, MASS, R500), "entropy must be positive"),
        ),
        exempt={"integer": "masses of one half are no integers"},
    ),
    Row(
        name="applications.clusters.central_entropy.soft",
        call=lambda *a: clusters.central_entropy(*a[:4], mean="log", temperature=a[4]),
        arguments=lambda: (RADII, K, MASS, R500, np.array(0.3)),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((RADII, K, MASS, MASS, NUMBER), "r500c must be a number"),),
        bad_values=(Bad((RADII, K, MASS, R500, -NUMBER), "temperature must be positive"),),
        exempt={"integer": "masses of one half are no integers"},
    ),
    Row(
        name="applications.clusters.classify_core",
        call=clusters.classify_core,
        arguments=lambda: (K,),
        differentiable=(),
        bad_static=(Bad(lambda: (jnp.ones(2, complex),), "values must be real", TypeError),),
        bad_values=(Bad((-K,), "values must be positive"),),
        exempt=INTEGER,
    ),
    Row(
        name="applications.clusters.soft_core_states",
        call=lambda x, t: clusters.soft_core_states(x, temperature=t),
        arguments=lambda: (K, NUMBER),
        differentiable=(0, 1),
        bad_static=(Bad((K, K), "temperature must be a number"),),
        bad_values=(Bad((-K, NUMBER), "values must be positive"), Bad((K, -NUMBER), "temperature must be positive")),
        exempt={"integer": "a temperature below one is no integer"},
    ),
    Row(
        name="applications.clusters.entropy_profile",
        call=clusters.entropy_profile,
        arguments=lambda: (PROFILE_R, np.array(30.0), np.array(140.0), np.array(1.15)),
        differentiable=(0, 1, 2, 3),
        bad_static=(Bad((PROFILE_R, PROFILE_R, 140.0, 1.1), "K0 must be a number"),),
        bad_values=(Bad((-PROFILE_R, 30.0, 140.0, 1.1), "radii must be positive"),),
    ),
    Row(
        name="applications.clusters.fit_entropy_profile",
        call=lambda r, K, e: clusters.fit_entropy_profile(r, K, relative_error=e),
        arguments=lambda: (PROFILE_R, PROFILE_K, ERRORS),
        differentiable=(0, 1, 2),
        select=lambda fit: (fit.value, fit.standard_error, fit.chi_squared),
        bad_static=(Bad((PROFILE_R[:3], PROFILE_K[:3], ERRORS[:3]), r"radii must have shape \(n,\) with n >= 4"),),
        bad_values=(
            Bad((PROFILE_R, -PROFILE_K, ERRORS), "entropy must be positive"),
            Bad((PROFILE_R, PROFILE_K, 0 * ERRORS), "relative_error must be positive"),
        ),
        half="float32",
        exempt={
            "leaks": "an implicit solver: jax.checking_leaks crashes optimistix",
            "integer": "errors of a tenth are no integers",
        },
    ),
    Row(
        name="applications.clusters.find_transformations",
        call=lambda t, K: clusters.find_transformations(t, K, **OPTIONS),
        arguments=lambda: (TIME, RISE),
        differentiable=(0, 1),
        select=history,
        exempt={"integer": "times of whole numbers are too far apart for dt"},
        **HISTORY_BAD,
    ),
    Row(
        name="applications.clusters.soft_transformation_count",
        call=lambda t, K: clusters.soft_transformation_count(t, K, temperature=0.1, **SOFT),
        arguments=lambda: (TIME, RISE),
        differentiable=(0, 1),
        exempt={"integer": "times of whole numbers are too far apart for dt"},
        **HISTORY_BAD,
    ),
    Row(
        name="applications.clusters.transformation_excess",
        call=lambda t, K: clusters.transformation_excess(t, K, temperature=0.1, **SOFT),
        arguments=lambda: (TIME, RISE),
        differentiable=(0, 1),
        exempt={"integer": "times of whole numbers are too far apart for dt"},
        **HISTORY_BAD,
    ),
    Row(
        name="applications.clusters.archetype",
        call=lambda K: clusters.archetype(jax.tree.map(lambda x: x[0], table(jnp.asarray(MIDS))), K),
        arguments=lambda: (RISE,),
        differentiable=(),
        bad_static=(Bad((RISE[:3],), r"K0 must have shape \(n,\) with n >= 5"),),
        bad_values=(Bad((-RISE,), "K0 must be positive"),),
        exempt=INTEGER,
    ),
    Row(name="applications.clusters.merger_fraction", call=fraction, **COINCIDENCE),
    *(
        Row(
            name=f"applications.clusters.{name}",
            call=lambda t_mid, times, spans, test=test: test(
                table(t_mid), mergers(times), spans, key=key(), num_draws=4
            ),
            **COINCIDENCE,
        )
        for name, test in (
            ("random_control", clusters.random_control),
            ("shuffled_control", clusters.shuffled_control),
        )
    ),
    Row(
        name="applications.clusters.excess_bootstrap",
        call=lambda expected: clusters.excess_bootstrap(control(expected), key=key(), num_resamples=3),
        arguments=lambda: (np.array([0.4, 1.1, 0.7, 2.0]),),
        bad_static=(Bad((np.ones(1),), "must have"),),
        exempt={
            "bad_values": "a control's own checks stand in the function that makes it",
            "second_order": "it is linear in the expected numbers but for the spread of resamples",
            "integer": "expected numbers are means of draws",
            "half": "the spread of four clusters, which bfloat16 would round to nothing",
        },
    ),
    Row(
        name="applications.clusters.poisson_null",
        call=clusters.poisson_null,
        arguments=lambda: (NUMBER, np.array(1.3)),
        differentiable=(0, 1),
        bad_static=(Bad((K, NUMBER), "rate must be a number"),),
        bad_values=(Bad((-NUMBER, NUMBER), "rate must be non-negative"),),
        fast=True,
    ),
    Row(
        name="applications.clusters.wilson_interval",
        call=clusters.wilson_interval,
        arguments=lambda: (np.array(14.0), np.array(20.0)),
        differentiable=(0, 1),
        bad_static=(Bad((K, NUMBER), "successes must be a number"),),
        bad_values=(Bad((np.array(21.0), np.array(20.0)), r"successes must lie in \[0, trials\]"),),
        exempt={"half": "jax's inverse of the normal distribution has no bfloat16"},
    ),
    Row(
        name="applications.clusters.binomial_excess",
        call=clusters.binomial_excess,
        arguments=lambda: (np.array(14.0), np.array(20.0), NUMBER),
        differentiable=(2,),
        bad_static=(Bad((K, K, NUMBER), "successes must be a number"),),
        bad_values=(Bad((np.array(14.0), np.array(20.0), NUMBER + 1), r"probability must lie in \(0, 1\)"),),
        exempt={"integer": "a probability of one half is no integer"},
    ),
    Row(
        name="applications.clusters.stacked_epoch",
        call=lambda series: clusters.stacked_epoch(
            GRID.astype(series.dtype),
            series,
            MIDS.astype(series.dtype),
            ALL,
            offsets=np.array([-0.3, 0.1, 1.0]),
            key=key(),
            num_resamples=4,
        ),
        arguments=lambda: (SERIES,),
        select=lambda stack: stack.value,
        bad_static=(Bad((SERIES[0],), r"series must have shape \(c, 17\)"),),
        bad_values=(Bad((np.nan * SERIES,), "series must be finite"),),
        exempt={
            "second_order": "it is linear in the series",
            "half": "times in bfloat16 do not increase",
            "integer": "an integer series makes the times of this row integers",
        },
    ),
    Row(
        name="applications.clusters.duty_cycle",
        call=lambda rate, threshold: clusters.duty_cycle(
            GRID.astype(rate.dtype), rate, MIDS.astype(rate.dtype), ALL, threshold=threshold, temperature=0.2
        ),
        arguments=lambda: (SERIES, np.array(1.1)),
        differentiable=(0, 1),
        select=lambda cycle: cycle.value,
        bad_static=(Bad((SERIES, SERIES), "threshold must be a number"),),
        bad_values=(Bad((np.nan * SERIES, NUMBER), "series must be finite"),),
        exempt={
            "half": "times in bfloat16 do not increase",
            "integer": "an integer series makes the times of this row integers",
        },
    ),
    Row(
        name="applications.clusters.control_times",
        call=lambda spans: clusters.control_times(jnp.zeros((2, 3), spans.dtype), spans, key=key(), margins=(1.0, 0.5)),
        arguments=lambda: (SPANS + np.array([[0.1, 0.2], [0.3, 0.4]]),),
        bad_static=(Bad((SPANS[:1],), r"spans must have shape \(2, 2\)"),),
        bad_values=(Bad((0.1 * SPANS,), "spans must be longer than the margins"),),
        exempt={"second_order": "it is linear in the spans"},
    ),
    Row(
        name="applications.clusters.cosmic_time",
        call=lambda z, H, m: clusters.cosmic_time(z, hubble=H, matter=m),
        arguments=lambda: (np.array([0.1, 1.0, 2.5]), np.array(68.0), np.array(0.3)),
        differentiable=(0, 1, 2),
        bad_static=(Bad((K, K, NUMBER), "hubble must be a number"),),
        bad_values=(Bad((-np.array([2.0, 3.0, 2.0]), NUMBER, NUMBER), r"1 \+ redshift must be positive"),),
        exempt={"integer": "a share of matter is no integer"},
    ),
    Row(
        name="applications.clusters.ClusterCore.step",
        members=("prepared",),
        call=stepped,
        arguments=lambda: (np.array(0.5), np.array(0.7), np.array(0.25)),
        differentiable=(0, 1, 2),
        select=lambda s: (s.y, s.scatter, s.heated, s.ramp_starts, s.merger_times),
        bad_static=(Bad((K, NUMBER, NUMBER), "cooling_time must be a number"),),
        bad_values=(
            Bad((-NUMBER, NUMBER, NUMBER), "cooling_time must be positive"),
            Bad((NUMBER, NUMBER + 1, NUMBER), r"effective must be in \[0, 1\]"),
        ),
        half="float32",
        exempt={"integer": "a probability is no integer"},
    ),
    Row(
        name="applications.clusters.ClusterCore.init",
        call=lambda p, key: core(p, p, p).init(key=key),
        arguments=lambda: (NUMBER, key()),
        differentiable=(),
        bad_static=(Bad(lambda: (NUMBER, jnp.zeros(2, jnp.uint32)), "key must be a key", TypeError),),
        half="float32",
        exempt={
            "gradient": "held by the row of its step, which goes through it",
            "bad_values": "those of the parameters are held by the row of its step",
        },
    ),
    Row(
        name="applications.clusters.simulate_population",
        call=population,
        arguments=lambda: (np.array(0.5), np.array(0.7), np.array(0.25), np.array(0.2)),
        differentiable=(0, 1, 2, 3),
        select=lambda found: found[1:4],
        bad_static=(Bad((K, NUMBER, NUMBER, NUMBER), "cooling_time must be a number"),),
        bad_values=(Bad((NUMBER, NUMBER, NUMBER, 3 * NUMBER), r"mass_exponent must be in \[0, 0.79\]"),),
        half="float32",
        exempt={"integer": "a probability is no integer"},
    ),
    *(
        Row(
            name=f"applications.clusters.{name}",
            call=lambda: None,
            arguments=tuple,
            differentiable=(),
            exempt=HOST,
        )
        for name in ("read_histories", "read_mergers", "Histories", "CatalogueError")
    ),
    *(
        Row(
            name=f"applications.clusters.{name}",
            call=call,
            arguments=lambda: (NUMBER,),
            differentiable=(),
            half="float32" if name == "Population" else "same",
            exempt=HOLDS,
        )
        for name, call in (
            ("CoreClass", lambda x: clusters.classify_core(x)),
            ("EntropyProfileFit", lambda x: filled(clusters.EntropyProfileFit, x, "vvmxbi")),
            ("TransformationTable", lambda x: table(x * jnp.ones((2, 2), x.dtype))),
            ("SoftCount", lambda x: clusters.SoftCount(x, x, x)),
            ("MergerList", lambda x: mergers(x[None, None])),
            ("MergerFraction", lambda x: clusters.MergerFraction(x, x, jnp.stack([x, x]), *INTEGERS, x > 0)),
            ("BinomialExcess", lambda x: clusters.BinomialExcess(x, x)),
            ("Control", lambda x: control(x[None])),
            ("Archetype", lambda x: clusters.Archetype(jnp.int32(0), jnp.int32(0), x > 0)),
            (
                "StackedEpoch",
                lambda x: clusters.StackedEpoch(x[None], x[None], x * jnp.ones((2, 1), x.dtype), jnp.int32(1)),
            ),
            ("DutyCycle", lambda x: clusters.DutyCycle(x, x, jnp.int32(1))),
            ("CoreState", lambda x: filled(clusters.CoreState, x, "xxxxvvvvvb")),
            ("Population", lambda x: population(x, x, x, x)),
        )
    ),
]
