"""One style for all figures: drawn without a display, legible in grey and in print, units on every axis."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    Panel = Callable[[Any, xarray.Dataset], None]
    """Draws on the axes it is given."""

WIDTH = 6.4
"""Width of one panel's figure in inches."""

# Colours that the colour-blind tell apart and whose lightness differs too, each with its own line and marker, so that a
# copy in grey can be read.
COLORS = ("#000000", "#e69f00", "#0072b2", "#9ad1f0", "#6a1b7a", "#009e73")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
SEQUENTIAL = "cividis"
"""Colour map of a quantity that starts at zero: its lightness grows steadily."""


def _style() -> dict[str, Any]:
    from cycler import cycler

    return {
        "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINES) + cycler(marker=MARKERS),
        "axes.grid": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.dpi": 150,
        "font.size": 9,
        "grid.alpha": 0.3,
        "grid.linewidth": 0.5,
        "image.cmap": SEQUENTIAL,
        "image.origin": "lower",
        "legend.frameon": False,
        "lines.linewidth": 1.4,
        "lines.markersize": 4,
        "savefig.dpi": 150,
    }


@contextmanager
def style() -> Iterator[None]:
    """Applies the style to the figures made inside."""
    import matplotlib

    with matplotlib.rc_context(_style()):  # pyright: ignore[reportArgumentType]
        yield


def new_figure(rows: int = 1, columns: int = 1, *, height: float = 3.2, width: float | None = None) -> tuple[Any, Any]:
    """A figure without a display, and its array of axes.

    It belongs to no window or global state, so nothing has to be closed.

    Args:
        rows: number of rows of panels.
        columns: number of columns of panels.
        height: height of a row in inches.
        width: width of the figure in inches, by default `WIDTH` for one column and 3.6 a column for more.

    Returns:
        The figure and its axes, shape (rows, columns).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        width = width or (WIDTH if columns == 1 else 3.6 * columns)
        figure = Figure(figsize=(width, height * rows), layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, squeeze=False)


def draw_panels(
    panels: "Sequence[Sequence[Panel]]", data: "xarray.Dataset", *, height: float = 3.1, width: float | None = None
) -> Any:
    """A figure of panels, each drawn by a function of its axes and the data.

    Args:
        panels: functions of the axes and the data, by row and column.
        data: the experiment's data set.
        height: height of a row in inches.
        width: as in `new_figure`.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(len(panels), len(panels[0]), height=height, width=width)
    for row, drawn in zip(axes, panels, strict=True):
        for axis, panel in zip(row, drawn, strict=True):
            panel(axis, data)
    return figure


def label(quantity: str, unit: str = "") -> str:
    """An axis label, "quantity (unit)"; without a unit, "quantity"."""
    return f"{quantity} ({unit})" if unit else quantity


def as_png(figure: "Figure") -> bytes:
    """A figure as the bytes of a PNG file."""
    import io

    file = io.BytesIO()
    with style():
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
