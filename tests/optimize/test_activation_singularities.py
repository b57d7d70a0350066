"""Radii of activations against the growth of their Taylor coefficients."""

import mpmath
import numpy as np
import pytest

from entropax import optimize

SIGMOID = lambda x: 1 / (1 + mpmath.exp(-x))  # noqa: E731
GELU_ARGUMENT = lambda x: mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)  # noqa: E731
FUNCTIONS = {
    "sigmoid": SIGMOID,
    "softplus": lambda x: x + mpmath.log1p(mpmath.exp(-x)),  # no branch cut within the rings
    "silu": lambda x: x * SIGMOID(x),
    "tanh": mpmath.tanh,
    "gelu_tanh": lambda x: x * (1 + mpmath.tanh(GELU_ARGUMENT(x))) / 2,
}


@pytest.mark.parametrize("kind", FUNCTIONS)
@pytest.mark.parametrize("h", [-1.3, 0.4, 6.0])
def test_the_series_at_h_grows_at_this_radius(kind, h):
    """Coefficients by Cauchy's integral on half the radius, to 40 digits: the largest root of orders 60 to 80."""
    radius = float(optimize.activation_radius(np.float64(h), np.float64(1), kind=kind))
    points = 256
    with mpmath.workdps(60):
        ring = [mpmath.expjpi(mpmath.mpf(2 * k) / points) for k in range(points)]
        values = [FUNCTIONS[kind](h + w * radius / 2) for w in ring]
        # In units of the radius: |c_m| radius^m is of the order of 1, times a power of m.
        sizes = [
            abs(mpmath.fsum(v * ring[-(k * m) % points] for k, v in enumerate(values))) / points * 2**m
            for m in range(60, 81)
        ]
    order = np.arange(60, 81)
    grown = max(float(s) ** (1 / m) for s, m in zip(sizes, order, strict=True))
    # A factor of 1 / m, of the logarithm of softplus, makes 6% at these orders.
    assert abs(grown - 1) < 0.1


@pytest.mark.fast
def test_closed_forms():
    """i pi for the logistic function, i pi / 2 for tanh, the kink of ReLU, nothing for GELU; speed divides."""
    radius = lambda h, hdot, kind: float(optimize.activation_radius(np.float32(h), np.float32(hdot), kind=kind))  # noqa: E731
    assert radius(3, 2, "silu") == pytest.approx(np.hypot(3, np.pi) / 2, rel=1e-6)
    assert radius(3, -2, "tanh") == pytest.approx(np.hypot(3, np.pi / 2) / 2, rel=1e-6)
    assert radius(-3, 2, "relu") == 1.5
    assert radius(3, 2, "gelu") == np.inf
    assert radius(3, 0, "tanh") == np.inf
    with pytest.raises(ValueError, match=r"kind must be one of 'relu'.*got 'swish'"):
        radius(3, 0, "swish")
