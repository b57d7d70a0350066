"""Parts of the Klein-Gordon experiment that need no collisions."""

import numpy as np
import pytest

from experiments.simulators._kg_cases import entropy_period, package_starts
from experiments.simulators._kg_collisions import CollisionConfig, ascend, horizon_of, times
from experiments.simulators._kg_figure import animate


@pytest.mark.fast
def test_the_ascent_climbs_to_the_top():
    """From both sides of a hill, by slopes alone."""
    hill = lambda u: (-((u - 0.2) ** 2), -2 * (u - 0.2))  # noqa: E731
    for start in (0.191, 0.2045):
        path = ascend(start, hill, 12)
        assert path.shape == (13, 3)
        assert abs(path[np.argmax(path[:, 1]), 0] - 0.2) < 1e-3


@pytest.mark.fast
def test_the_horizon_is_where_a_slope_stops_foretelling():
    """A change that the slope foretells up to t = 7, and not after."""
    time = np.arange(1.0, 11.0)
    slope = np.exp(time)
    change = np.where(time <= 7, 1e-4 * slope, -1e-4 * slope)
    assert horizon_of({"time": time, "slope": slope, "change": change}, 1e-4) == 7
    assert horizon_of({"time": time, "slope": slope, "change": 1e-4 * slope}, 1e-4) == 10


@pytest.mark.fast
def test_the_period_of_a_series():
    """Of a cosine of period 6.3, sampled four times a unit."""
    time = np.linspace(0, 50, 201)
    np.testing.assert_allclose(entropy_period(time, np.cos(2 * np.pi * time / 6.3)), 6.3, rtol=1e-3)
    assert np.isnan(entropy_period(time, time))


@pytest.mark.fast
def test_looks_and_starts():
    """Times of the looks; the package's pair is far from any vacuum outside."""
    np.testing.assert_allclose(times(CollisionConfig(end=2.0)), [0.5, 1.0, 1.5, 2.0])
    x, pair = package_starts()["collision"]
    assert abs(pair[0]) < 1e-9
    assert abs(x[0] + 50) < 1e-12


@pytest.mark.fast
def test_an_animation_has_its_frames(tmp_path):
    """The GIF holds a picture for every time."""
    from PIL import Image

    x, time = np.linspace(-5, 5, 20), np.arange(3.0)
    path = tmp_path / "collision.gif"
    animate(np.sin(x + time[:, None]), x, time, path)
    with Image.open(path) as image:
        assert image.n_frames == 3
