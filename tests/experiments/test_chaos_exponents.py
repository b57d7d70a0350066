"""The chaos benchmark's exponents: the published procedures repeated, and the ways to measure them where rates jump."""

import jax
import numpy as np
import pytest
import xarray

from entropax.simulators import chaos
from experiments.simulators import _chaos_annotations as annotations, _chaos_published as published
from experiments.simulators._chaos_exponents import ExponentConfig, resolving_steps, spectrum


def test_slope_of_twins_stops_where_they_are_far():
    """Twins that part as exp(rate t) until they saturate have that slope; those that never part by enough too."""
    period, rate = 2.0, 0.7
    t = period * np.arange(5000) * published.TWINS / 4999
    grown = 1e-10 * np.exp(rate * t)
    sizes = np.ones_like(t)
    assert published._slope(sizes, np.minimum(grown, 0.5), period) == pytest.approx(rate)
    assert published._slope(sizes, 1e-10 * np.exp(0.01 * t), period) == pytest.approx(0.01)
    assert np.isnan(published._slope(sizes, sizes, period))


@pytest.mark.slow
def test_the_published_procedures_read_too_much_of_lorenz(x64, tmp_path):
    """Euler's steps give Lorenz 0.95 to 1.1 where the exponent is .906; twin orbits agree with it, and so do we.

    The step's excess follows from its second order: h / 2 times the mean of what J^2 adds along the direction.
    """
    config = ExponentConfig(pieces=6, periods=30, transient=10)
    ours = spectrum("Lorenz", config, folder=tmp_path)
    found = published.repeated("Lorenz", chaos.get_system("Lorenz"), ours.ends, ours.steps, folder=tmp_path)
    assert abs(ours.value[0] - 0.9085) < 4 * ours.error[0] < 0.15
    assert abs(found["twins"] - 0.9085) < 4 * found["twins_error"] < 0.3
    assert 0.95 < found["lowest"] < found["weighted"] < found["highest"]


@pytest.mark.slow
def test_exponents_where_rates_jump(tmp_path):
    """SprottMore has a sign of z: twin orbits give .26 +- .02 by scipy's DOP853, 400 periods at 1e-9; tangents .002."""
    with jax.enable_x64(True):
        found = spectrum("SprottMore", ExponentConfig(pieces=8, periods=60, transient=10), folder=tmp_path)
    assert abs(found.value[0] - 0.259) < 3 * np.hypot(found.error[0], 0.019)
    assert found.error[0] < 0.03
    assert np.isnan(found.value[1:]).all()


@pytest.mark.slow
def test_steps_resolve_the_fastest_motion(x64, tmp_path):
    """AtmosphericRegime: twins of its equations in numba, Runge-Kutta with 20,000 steps a period, give .0106 +- .0003.

    500 steps a period gave .0019 +- .001. Lorenz needs no more than 500.
    """
    assert resolving_steps("Lorenz", 500) == 500
    assert resolving_steps("AtmosphericRegime", 500) >= 2000
    found = spectrum("AtmosphericRegime", ExponentConfig(pieces=6, periods=40, transient=10), folder=tmp_path)
    assert abs(found.value[0] - 0.0106) < 3 * np.hypot(found.error[0], 0.0003)
    assert found.error[0] < 0.001


@pytest.mark.slow
def test_implicit_steps_give_the_published_spectrum_of_glycolysis(x64, tmp_path):
    """The file's .0196, -.036, -2.394 sum to -2.410, as implicit steps do; the mean divergence is -2.775."""
    ours = spectrum("GlycolyticOscillation", ExponentConfig(pieces=6, periods=40, transient=10), folder=tmp_path)
    system = chaos.get_system("GlycolyticOscillation")
    found = published.repeated("GlycolyticOscillation", system, ours.ends, ours.steps, folder=tmp_path)
    assert abs(ours.value[0] - 0.0067) < 3 * np.hypot(ours.error[0], 0.0005)
    assert found["highest"] < 0.0196 < 0.0216 < 1.1 * found["implicit_weighted"] < 0.027
    growth = np.load(tmp_path / "GlycolyticOscillation-published.npz")["growth"]
    sums = growth.sum(axis=2).mean(axis=0) / (published.SPECTRUM * float(system.period))
    np.testing.assert_allclose(sums, [-3.37, -2.41], atol=0.02)
    np.testing.assert_allclose(ours.value.sum(), -2.775, atol=0.02)


@pytest.mark.fast
def test_flows_that_jump_are_known(x64):
    """Of all flows those marked change their rates abruptly across a surface that their orbit meets."""
    across = {"SprottMore": (2, 0.0), "StickSlipOscillator": (1, 0.1), "FluidTrampoline": (0, 0.0)}
    marked = {name for name in chaos.system_names("flow") if chaos.get_system(name).definition.jumps}
    assert marked == set(across)
    for name, (axis, _) in across.items():
        flow = chaos.get_system(name)
        surface = float(flow.parameters["vs"]) if name == "StickSlipOscillator" else 0.0
        sides = [flow.initial_conditions.at[axis].set(surface + side) for side in (-1e-9, 1e-9)]
        rates = [np.asarray(flow.vector_field(0.0, side.at[1].add(0.0 if axis == 1 else 0.5))) for side in sides]
        assert np.abs(rates[1] - rates[0]).max() > 1e-3, name


def row(**values):
    """A flow of the data set: exponent 1.0 with an error of 0.01, a period of 2, and what is given."""
    facts = {"published_exponent": 1.0, "published_first": 1.0, "period": 2.0} | values
    exponent = [facts.pop("exponent", 1.0), 0.0]
    facts["exponent_deviation"] = exponent[0] / facts["published_exponent"] - 1
    data = {"exponent": ("direction", exponent), "exponent_error": ("direction", [0.01, 0.01]), **facts}
    return xarray.Dataset(data, coords={"system": "Flow"})


@pytest.mark.fast
def test_reasons():
    """What counts as compatible, as following from the procedures, and as unexplained."""
    repeated = {"repeated_twins": 1.0, "repeated_twins_error": 0.1, "repeated_weighted": 1.2}
    repeated |= {"repeated_lowest": 0.9, "repeated_highest": 2.1}
    repeated |= {"repeated_implicit_weighted": 5.0, "repeated_implicit_lowest": 4.9, "repeated_implicit_highest": 5.1}
    assert annotations.compatible(row(published_exponent=1.09))
    assert annotations.compatible(row(published_exponent=1.5, published_first=1.02))
    assert annotations.compatible(row(published_exponent=1.5, published_first=2.5))
    off = {"published_exponent": 2.0, "published_first": 2.1}
    assert not annotations.compatible(row(**off))
    assert annotations.reason(row(**off)) == "unexplained"
    assert annotations.follows(row(**off, **repeated)) == "Euler's explicit steps"
    assert "procedure on our orbits, Euler's explicit steps" in annotations.reason(row(**off, **repeated))
    assert annotations.follows(row(published_exponent=5.2, published_first=9.0, **repeated)) == "Euler's implicit steps"
    assert annotations.follows(row(published_exponent=1.2, published_first=9.0, **repeated)) == "twin orbits"
    assert not annotations.follows(row(published_exponent=3.0, published_first=3.0, **repeated))
    assert annotations.reason(row(published_exponent=1.05)) == ""
    assert "hardly any chaos" in annotations.reason(row(exponent=0.01, **off))
    assert annotations.reason(row(exponent=float("nan"), **off)) == "an orbit was lost"
