"""The parts of PECCARY's experiment: its integrator, its labels and its series."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.estimators import _orbits, _signals, peccary

pytestmark = pytest.mark.usefixtures("x64")
START = jnp.array([0.3, 0.1, -0.2, 0.45])


def travel(potential, turning, dt, time):
    step = jax.jit(partial(_orbits.advance, potential, turning, dt))
    state = START
    for _ in range(round(time / dt)):
        state = step(state)
    return state


def test_the_integrator_is_of_fourth_order():
    """Halving the step divides the error by 16; against the same orbit in steps eight times as fine."""
    fine = travel(_orbits.henon_heiles, 0.0, 0.0125, 4.0)
    errors = [float(jnp.max(jnp.abs(travel(_orbits.henon_heiles, 0.0, dt, 4.0) - fine))) for dt in (0.2, 0.1)]
    assert 12 < errors[0] / errors[1] < 20


def test_turning_frame():
    """In a round potential the frame makes no difference but the rotation itself."""
    turning, time = 0.7, 3.0
    rest = travel(_orbits.isochrone, 0.0, 0.05, time)
    turned = travel(_orbits.isochrone, turning, 0.05, time)
    c, s = np.cos(turning * time), np.sin(turning * time)
    back = np.array([[c, s], [-s, c]])
    np.testing.assert_allclose(turned, np.concatenate([back @ rest[:2], back @ rest[2:]]), atol=1e-12)


def test_starts_have_their_energy_and_labels_tell_a_torus():
    """All on the energy surface; deviations of isochrone orbits never align, a chaotic one's do."""
    for name in ("turning bar", "Hénon-Heiles"):
        system = _orbits.SYSTEMS[name]
        energies = jax.vmap(partial(_orbits.jacobi, system))(jnp.asarray(_orbits.starts(system, 20, 0)))
        np.testing.assert_allclose(energies, system.energy, atol=1e-12)
    quiet = _orbits.SYSTEMS["isochrone"]
    found = _orbits.follow(quiet, _orbits.starts(quiet, 4, 0), kept=10, steps=5000)
    assert float(jnp.min(found.sali)) > 0.05
    assert float(jnp.max(found.drift)) < 1e-5
    wild = _orbits.SYSTEMS["Hénon-Heiles"]
    found = _orbits.follow(wild, _orbits.starts(wild, 8, 0), kept=10, steps=16_000)
    chaotic = np.asarray(found.sali) < peccary.ALIGNED
    assert 2 <= chaotic.sum() <= 7  # at this energy the sea holds most of the orbits, islands the rest
    assert np.median(found.lyapunov[chaotic]) > 3 * np.median(found.lyapunov[~chaotic])
    assert float(jnp.max(found.drift)) < 1e-5


@pytest.mark.fast
def test_noises_have_their_spectra():
    """Slopes of the logarithmic spectra, 2 a, by least squares over 32 averaged bands; white noise is the input."""
    noises = _signals.noises(2**14, 0)
    frequency = np.fft.rfftfreq(2**14)[1:-1]
    for name, slope in (
        ("white noise", 0),
        ("blue noise", 1),
        ("violet noise", 2),
        ("pink noise", -1),
        ("brown noise", -2),
    ):
        power = np.abs(np.fft.rfft(noises[name])[1:-1]) ** 2
        bands = np.array_split(np.arange(64, len(power)), 32)
        x = np.log([frequency[b].mean() for b in bands])
        fit = np.polyfit(x, np.log([power[b].mean() for b in bands]), 1)[0]
        assert abs(fit - slope) < 0.1


@pytest.mark.fast
def test_area_under_the_curve():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 6, 80).astype(float), rng.uniform(size=80) < 0.3
    np.testing.assert_allclose(peccary._area(scores, positive), roc_auc_score(positive, scores), rtol=1e-12)
