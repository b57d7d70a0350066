"""Facts of arXiv 2110.05266 (chaos as a benchmark) about the systems themselves: equations, invariants, trajectories.

Four states of every system go through one compiled program: a random one near the attractor, two displaced from it
along a random direction in state and parameters, and the starting point.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax.simulators import chaos

RANDOM, AHEAD, BEHIND, START = range(4)
TIME, STEP = 0.7, 1e-6

OTHER_EQUATION = {"DoublePendulum"}
"""dysts 0.95 has two rods, ours (and later releases) two point masses."""

DIFFERENT_IN_DYSTS_095 = {
    "period": {
        "BelousovZhabotinsky",
        "BickleyJet",
        "Bouali2",
        "ExcitableCell",
        "IkedaDelay",
        "KawczynskiStrizhak",
        "SprottDelay",
        "VossDelay",
    },
    "initial_conditions": {"IkedaDelay"},
    "hamiltonian": {"HenonHeiles"},  # not flagged there, though its Hamiltonian is conserved
}
"""Facts that later releases corrected: we follow those."""

MISSING_IN_DYSTS_095 = {
    "CircadianRhythm": {"ps", "vc"},
    "DoublePendulum": {"g", "l1", "l2", "m1", "m2"},
    "ExcitableCell": {
        *("aho", "ahr", "ahs", "ams", "amvb", "amvo", "ans", "anvb", "anvo", "ar"),
        *("bho", "bhr", "bmo", "bmr", "bms", "bno", "bnr", "bns", "tscl"),
    },
    "SprottDelay": {"c", "mu", "x0"},
    "TurchinHanski": {"lamb"},
}
"""Parameters that are numbers within its equations."""

UNUSED = {"LorenzCoupled": {"rho"}, "ExcitableCell": {"vm", "vn"}, "InteriorSquirmer": {"n"}, "CircadianRhythm": {"vs"}}
"""Parameters of the reference that no equation reads (or that the length of others gives)."""


@pytest.fixture(scope="module")
def systems() -> dict[str, chaos.ChaoticSystem]:
    with jax.enable_x64(True):
        return {name: chaos.get_system(name) for name in chaos.system_names()}


@pytest.fixture(scope="module")
def reference():
    """The package's flows, by name."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("NUMBA_DISABLE_JIT", "1")  # compiling 130 functions costs more than the two calls of each
        from dysts import flows

        return {name: getattr(flows, name)() for name in chaos.system_names()}


def rate(system: chaos.ChaoticSystem, y: jax.Array) -> jax.Array:
    """dy/dt; of a delay system at a delayed state close to y."""
    if isinstance(system, chaos.DelaySystem):
        return system.vector_field(TIME, y, 1.1 * y)
    return system.vector_field(TIME, y)


def compiled_quickly(function, *arguments):
    """The result of one call in float64, as numpy arrays; most of its time is compiling."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, jax.jit(function)(*arguments))
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="module")
def moved(systems) -> dict[str, tuple]:
    """Parameters and states of the four rows, and the direction they move along, by system."""
    rng = np.random.default_rng(5)
    moves = {RANDOM: 0.0, AHEAD: STEP, BEHIND: -STEP, START: 0.0}
    everything = {}
    for name, system in systems.items():
        start = np.asarray(system.initial_conditions)
        size = np.clip(np.abs(start), 1e-3, 1.0)
        y = start + 0.05 * size * rng.uniform(-1, 1, start.size)
        along = size * rng.uniform(-1, 1, start.size)
        values = {key: np.asarray(value) for key, value in sorted(system.parameters.items())}
        turned = {key: np.where(v == 0, 1.0, v) * rng.uniform(-1, 1, v.shape) for key, v in values.items()}
        points = np.stack([start if row == START else y + move * along for row, move in moves.items()])
        rows = {key: np.stack([v + move * turned[key] for move in moves.values()]) for key, v in values.items()}
        everything[name] = rows, points, turned, along
    return everything


@pytest.fixture(scope="module")
def probed(systems, moved) -> dict[str, dict[str, np.ndarray]]:
    """The rates of every system in four states, from one jitted and vmapped program."""

    def rates(rows, points):
        def one(name):
            return jax.vmap(lambda p, y: rate(systems[name].with_parameters(**p), y))(rows[name], points[name])

        return {name: one(name) for name in systems}

    rows, points = ({name: every[i] for name, every in moved.items()} for i in (0, 1))
    values = compiled_quickly(rates, rows, points)
    return {name: {"value": values[name], "state": points[name]} for name in systems}


def test_registry(systems):
    """135 systems: 104 flows in 3 dimensions, 19 in 4, 2 in 5, 3 in 6, 1 in 10, and 6 delay systems."""
    assert len(systems) == 135
    dimensions = np.array([s.dimension for s in systems.values() if isinstance(s, chaos.ChaoticFlow)])
    assert {d: int((dimensions == d).sum()) for d in set(dimensions.tolist())} == {3: 104, 4: 19, 5: 2, 6: 3, 10: 1}
    assert len(chaos.system_names("flow")) == 129
    assert len(chaos.system_names("delay")) == 6
    assert len(chaos.system_names("nonautonomous")) == 15
    assert len(chaos.system_names("hamiltonian")) == 10  # the nine flagged by the reference, and HenonHeiles


def test_every_system_gives_a_finite_rate(probed):
    """Every name has a right-hand side, finite and of the system's dimension; delay systems have one coordinate."""
    for name, results in probed.items():
        assert results["value"].shape == results["state"].shape, name
        assert np.isfinite(results["value"]).all(), name


def test_right_hand_sides_equal_the_reference(systems, probed, reference):
    """All right-hand sides but one equal the package's, at the starting point and at a random state, to 1e-6."""
    worst = {}
    for name, results in probed.items():
        if name in OTHER_EQUATION:
            continue
        model = reference[name]
        for row in (RANDOM, START):
            y, ours = results["state"][row], results["value"][row]
            if systems[name].definition.delay:
                theirs = np.atleast_1d(model._rhs(y[0], 1.1 * y[0], TIME, *model.param_list))
            else:
                theirs = np.asarray(model.rhs(y, TIME), float)
            worst[name] = max(worst.get(name, 0.0), np.abs(ours - theirs).max() / np.abs(theirs).max())
    assert len(worst) == 134
    assert not {name: error for name, error in worst.items() if not error < 1e-6}


def test_facts_equal_the_reference(systems, reference):
    """Parameters, starting points, steps, periods and kinds are the package's, but for the differences listed."""
    for name, system in systems.items():
        definition, data = system.definition, reference[name].data
        theirs = set(data["parameters"]) - UNUSED.get(name, set())
        if name not in OTHER_EQUATION:
            assert set(definition.parameters) - theirs == MISSING_IN_DYSTS_095.get(name, set()), name
            for key in theirs:
                np.testing.assert_array_equal(definition.parameters[key], data["parameters"][key], err_msg=name)
        start = data["initial_conditions"][: system.dimension]
        for key, value in {
            "dt": definition.dt == data["dt"],
            "period": definition.period == data["period"],
            "initial_conditions": definition.initial_conditions == tuple(start),
            "nonautonomous": definition.nonautonomous == data["nonautonomous"],
            "hamiltonian": definition.hamiltonian == data["hamiltonian"],
            "delay": definition.delay == data["delay"],
        }.items():
            assert value != (name in DIFFERENT_IN_DYSTS_095.get(key, set())), (name, key)


RATES = {
    "Lorenz": (-52.515912, -58.030905733, 92.416805171),
    "Rossler": (-0.81884424, 6.60888146, 0.477906443),
    "Thomas": (2.950806099, -5.157565892, 2.130882166),
    "Chua": (-0.110360179, 0.45685563, 3.18821272),
    "Lorenz96": (7.178200126, 41.182734860, 19.620984951, 5.702717587),
    "Aizawa": (2.888451091, -2.194732798, -0.523458540),
    "HyperRossler": (-15.539886964, -45.997951, -0.005512022, 2.173596318),
    "Duffing": (-0.5092374, 0.812608156, 1.4),
    "SprottA": (1.43079727, -3.724077310, -1.047180828),
}


def test_rates_at_the_starting_points(probed):
    """The printed rates of nine systems at their starting points."""
    for name, expected in RATES.items():
        np.testing.assert_allclose(probed[name]["value"][START], expected, rtol=0, atol=6e-10, err_msg=name)


def test_double_pendulum_is_hamiltonian(systems, probed, x64):
    """The double pendulum's rates are those of its Hamiltonian; the reference's momenta are not.

    The printed momentum rates (5.710515211, 5.609955811) come from a formula whose mixed term p1 p2 lacks a factor
    two; their sum and the rates of the angles (.308110409, 2.742349870) are right.
    """
    system = systems["DoublePendulum"]
    g, l1, l2, m1, m2 = (float(system.parameters[key]) for key in ("g", "l1", "l2", "m1", "m2"))

    def hamiltonian(y):  # p^T M^-1 p / 2 + V with the mass matrix M of Lagrange's equations
        (th1, th2), p = y[:2], y[2:]
        first, second, mixed = (m1 + m2) * l1**2, m2 * l2**2, m2 * l1 * l2 * jnp.cos(th1 - th2)
        kinetic = (second * p[0] ** 2 - 2 * mixed * p[0] * p[1] + first * p[1] ** 2) / (first * second - mixed**2) / 2
        potential = -(m1 + m2) * g * l1 * jnp.cos(th1) - m2 * g * l2 * jnp.cos(th2)
        return kinetic + potential

    results = probed["DoublePendulum"]
    slopes = np.asarray(jax.vmap(jax.grad(hamiltonian))(jnp.asarray(results["state"][[RANDOM, START]])))
    expected = np.concatenate([slopes[:, 2:], -slopes[:, :2]], axis=1)
    np.testing.assert_allclose(results["value"][[RANDOM, START]], expected, rtol=1e-10)
    printed = np.array([0.308110409, 2.742349870, 5.710515211, 5.609955811])
    ours = results["value"][START]
    np.testing.assert_allclose(ours[:2], printed[:2], atol=6e-10)
    np.testing.assert_allclose(ours[2:].sum(), printed[2:].sum(), atol=2e-9)
    assert abs(ours[2] - printed[2]) > 0.4


def test_lorenz_at_a_round_state(x64):
    """Lorenz at (1, 2, 3): rates (10, 23, -6.001), Jacobian (-10, 10, 0), (25, -1, -1), (2, 1, -2.667)."""
    system, y = chaos.get_system("Lorenz"), jnp.array([1.0, 2.0, 3.0])
    jacobian = jax.jacfwd(lambda y: system.vector_field(0.0, y))(y)
    np.testing.assert_allclose(system.vector_field(0.0, y), [10, 23, -6.001], rtol=1e-14)
    np.testing.assert_allclose(jacobian, [[-10, 10, 0], [25, -1, -1], [2, 1, -2.667]], rtol=1e-14)


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_derivatives_equal_finite_differences(systems, probed, moved, every):
    """Forward and reverse derivatives of the right-hand sides, in state and parameters, to 1e-5 relative.

    Of every ninth system, and of all 135 where time is no matter.
    """
    names = list(systems)[::every]

    def derivatives(parameters, states, directions):
        def one(name):
            def of(p, y):
                return rate(systems[name].with_parameters(**p), y)

            _, linear = jax.linearize(of, parameters[name], states[name])
            tangent = linear(*directions[name])
            weights = jnp.cos(jnp.arange(1.0, tangent.size + 1))
            gradient = jax.linear_transpose(linear, parameters[name], states[name])(weights)
            reverse = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, gradient, directions[name])))
            return tangent, reverse, jnp.vdot(weights, tangent)

        return {name: one(name) for name in names}

    parameters = {name: {key: rows[RANDOM] for key, rows in moved[name][0].items()} for name in names}
    states = {name: moved[name][1][RANDOM] for name in names}
    found = compiled_quickly(derivatives, parameters, states, {name: moved[name][2:] for name in names})
    bad = {}
    for name, (tangent, reverse, forward) in found.items():
        values = probed[name]["value"]
        slope = (values[AHEAD] - values[BEHIND]) / (2 * STEP)
        rounding = 100 * np.finfo(float).eps * np.abs(values[RANDOM]).max() / STEP
        if not np.abs(slope - tangent).max() < 1e-5 * np.abs(tangent).max() + rounding:
            bad[name] = (slope, tangent)
        np.testing.assert_allclose(reverse, forward, rtol=1e-9, atol=1e-9 * np.abs(tangent).max(), err_msg=name)
    assert not bad


@pytest.fixture(scope="module")
def orbits():
    """1000 points at 100 a period of three flows in one program."""
    names = ("Lorenz", "Rossler", "SprottA")
    with jax.enable_x64(True):
        flows = [chaos.get_system(name) for name in names]
        points = np.asarray(chaos.ensemble_trajectories(flows, 1000))
        times = {name: np.asarray(chaos.sample_times(flow, 1000)) for name, flow in zip(names, flows, strict=True)}
    return dict(zip(names, points, strict=True)), times


def test_trajectories_equal_the_reference(orbits):
    """Lorenz and Rossler, 1000 points at 100 a period: the printed points 0, 10 and 50 to 1e-4."""
    printed = {
        "Lorenz": {
            0: (-9.7869288, -15.03852, 20.533978),
            10: (-13.036236, -9.188086, 36.642467),
            50: (-9.809987, -16.038249, 18.482739),
        },
        "Rossler": {10: (4.826689, 4.229548, 0.490892), 50: (-8.429701, 0.682752, 0.014248)},
    }
    for name, points in printed.items():
        for index, point in points.items():
            np.testing.assert_allclose(orbits[0][name][index], point, rtol=0, atol=1e-4, err_msg=f"{name} {index}")


def test_sprott_a_is_conservative_on_average(orbits):
    """SprottA's divergence z averages to zero along an orbit, since its integral is that of (x^2 + y^2 + z^2) / 2."""
    points, t = orbits[0]["SprottA"], orbits[1]["SprottA"]
    expansion = np.trapezoid(points[:, 2], t)
    energy = (points**2).sum(axis=1) / 2
    np.testing.assert_allclose(expansion, energy[-1] - energy[0], atol=2e-3)
    assert abs(expansion) / t[-1] < 0.2


def test_henon_heiles_keeps_its_energy(x64):
    """H = (p^2 + x^2 + y^2) / 2 + lam (x^2 y - y^3 / 3) is constant to 1e-8 over ten periods."""
    x, y, px, py = np.asarray(
        chaos.trajectory(chaos.get_system("HenonHeiles"), 200, points_per_period=20, rtol=1e-11)
    ).T
    energy = (px**2 + py**2 + x**2 + y**2) / 2 + x**2 * y - y**3 / 3
    np.testing.assert_allclose(energy, energy[0], rtol=0, atol=1e-8)


def test_abc_flow_keeps_volume(systems, x64):
    """The divergence of the Arnold-Beltrami-Childress flow is exactly zero."""
    system = systems["ArnoldBeltramiChildress"]
    jacobian = jax.jacfwd(lambda y: system.vector_field(0.0, y))(system.initial_conditions)
    assert float(jnp.trace(jacobian)) == 0.0


POLAR = {"BlinkingRotlet", "BlinkingVortex", "InteriorSquirmer"}
"""Flows in polar coordinates: the plane's divergence is the trace of the Jacobian plus the radial speed over r."""


def test_hamiltonian_flows_keep_volume(systems, moved):
    """The divergence of all ten Hamiltonian flows vanishes at a random point near the attractor."""
    names = chaos.system_names("hamiltonian")

    def divergences(points):
        def one(name):
            y, field = points[name], lambda y: systems[name].vector_field(TIME, y)
            trace = jnp.trace(jax.jacfwd(field)(y))
            return trace + field(y)[0] / y[0] if name in POLAR else trace

        return {name: one(name) for name in names}

    found = compiled_quickly(divergences, {name: moved[name][1][RANDOM] for name in names})
    assert len(found) == 10
    assert not {name: value for name, value in found.items() if not abs(value) < 1e-9}


def test_energies_are_stationary(systems, x64):
    """SwingingAtwood's and NuclearQuadrupole's rates are those of their Hamiltonians, in closed form, by gradients."""
    m1, m2, g = (float(v) for v in (*(systems["SwingingAtwood"].parameters[k] for k in ("m1", "m2")), 9.82))
    a, b, d = (float(systems["NuclearQuadrupole"].parameters[k]) for k in "abd")

    def atwood(y):
        r, th, pr, pth = y
        return pr**2 / (2 * (m1 + m2)) + pth**2 / (2 * m1 * r**2) + g * r * (m2 - m1 * jnp.cos(th))

    def quadrupole(y):
        q1, q2, p1, p2 = y
        square = q1**2 + q2**2
        cubic = b / 2**0.5 * (3 * q1 * q2**2 - q1**3)
        return a / 2 * (p1**2 + p2**2 + square) + cubic + d / 4 * square**2

    for name, hamiltonian in (("SwingingAtwood", atwood), ("NuclearQuadrupole", quadrupole)):
        y = systems[name].initial_conditions * 1.1 + 0.07
        slope = np.asarray(jax.grad(hamiltonian)(y))
        np.testing.assert_allclose(systems[name].vector_field(0.0, y), [*slope[2:], *-slope[:2]], rtol=1e-12)
