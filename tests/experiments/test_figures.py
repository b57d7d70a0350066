import io

import matplotlib as mpl
import numpy as np
import pytest

from experiments import figures

pytestmark = pytest.mark.fast


def test_colours_differ_in_grey():
    """Neighbouring curves keep apart in a copy without colour."""
    from matplotlib.colors import to_rgb

    lightness = [float(np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722))) for color in figures.COLORS]
    gaps = np.abs(np.subtract.outer(lightness, lightness))[np.triu_indices(len(lightness), 1)]
    assert gaps.min() > 0.09  # of the range from black to white
    assert len(set(map(str, figures.LINES))) == len(set(figures.MARKERS)) == len(figures.COLORS)


def test_a_figure_leaves_no_global_state_behind():
    before = dict(mpl.rcParams)
    assert draw() == draw()
    assert dict(mpl.rcParams) == before


def draw():
    with figures.style():
        figure, axes = figures.new_figure(1, 2)
    assert axes.shape == (1, 2)
    for curve in range(3):
        (line,) = axes[0, 0].plot(np.arange(4) + curve)
        assert line.get_color() == figures.COLORS[curve]
    png = figures.as_png(figure)
    assert mpl.image.imread(io.BytesIO(png)).shape[0] == round(3.2 * 150)
    return png


def test_panels_are_drawn_on_their_axes():
    """Row by row, each by its own function."""
    panels = [[lambda axis, data, t=title: axis.set(title=f"{t} {data}") for title in row] for row in ("ab", "cd")]
    figure = figures.draw_panels(panels, "x")
    assert [axis.get_title() for axis in figure.axes] == ["a x", "b x", "c x", "d x"]


def test_labels_carry_units():
    assert figures.label("entropy", "nat") == "entropy (nat)"
    assert figures.label("speed") == "speed"
