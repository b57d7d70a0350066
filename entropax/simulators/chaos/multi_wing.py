"""Attractors with several wings or scrolls that come from products of two coordinates."""

from entropax.simulators.chaos.definitions import system


@system(
    "LuChenCheng",
    parameters={"a": -10.0, "b": -4.0, "c": 18.1},
    initial_conditions=(-5.5177615, 2.4990595, 10.461798),
    dt=0.00018469678279714685,
    period=0.92333,
)
def lu_chen_cheng(t, x, y, z, *, a, b, c):
    """Four scrolls (Lu, Chen & Cheng 2004)."""
    return c - a * b / (a + b) * x - y * z, a * y + x * z, b * z + x * y


@system(
    "QiChen",
    parameters={"a": 38.0, "b": 2.666, "c": 80.0},
    initial_conditions=(17.420882, 5.5459627, 78.89139),
    dt=7.837106184364728e-05,
    period=0.39179,
)
def qi_chen(t, x, y, z, *, a, b, c):
    """Two wings from two attractors that coexist (Qi et al. 2008)."""
    return a * (y - x) + y * z, c * x + y - x * z, x * y - b * z


@system(
    "ZhouChen",
    parameters={"a": 2.97, "b": 0.15, "c": -3.0, "d": 1.0, "e": -8.78},
    initial_conditions=(-0.60390203, 0.012111953, 0.00083277923),
    dt=0.00017506517752959638,
    period=0.87518,
)
def zhou_chen(t, x, y, z, *, a, b, c, d, e):
    """A feedback circuit with an attractor of three layers (Zhou & Chen 2004)."""
    return a * x + b * y + y * z, c * y - x * z + d * y * z, e * z - x * y


@system(
    "WangSun",
    parameters={"a": 0.2, "b": -0.01, "d": -0.4, "e": -1.0, "f": -1.0, "q": 1.0},
    initial_conditions=(-0.54770787, 0.73876479, -0.0049284531),
    dt=0.005392498749791912,
    period=26.958,
)
def wang_sun(t, x, y, z, *, a, b, d, e, f, q):
    """Four scrolls (Wang et al. 2009)."""
    return a * x + q * y * z, b * x + d * y - x * z, e * z + f * x * y


@system(
    "ChenLee",
    parameters={"a": 5.0, "b": -10.0, "c": -0.38},
    initial_conditions=(0.17177112, 0.10360479, 6.2553878),
    dt=0.0005609534922487569,
    period=2.8043,
)
def chen_lee(t, x, y, z, *, a, b, c):
    """A rigid body with feedback (Chen & Lee 2004)."""
    return a * x - y * z, b * y + x * z, c * z + x * y / 3


@system(
    "NewtonLiepnik",
    parameters={"a": 0.4, "b": 0.175},
    initial_conditions=(0.29430753, 0.10649486, 0.29081125),
    dt=0.0017021836972827486,
    period=8.5095,
)
def newton_leipnik(t, x, y, z, *, a, b):
    """Euler's equations of a rigid body with linear feedback (Leipnik & Newton 1981)."""
    return -a * x + y + 10 * y * z, -x - 0.4 * y + 5 * x * z, b * z - 5 * x * y


@system(
    "Sakarya",
    parameters={"a": -1.0, "b": 1.0, "c": 1.0, "h": 1.0, "p": 1.0, "q": 0.4, "r": 0.3, "s": 1.0},
    initial_conditions=(-2.8976045, 3.8877978, 3.07465),
    dt=0.0009970461743625946,
    period=4.9844,
)
@system(
    "LiuChen",
    parameters={"a": 0.4, "b": 12.0, "c": -5.0, "h": 0.0, "p": 0.0, "q": -1.0, "r": 1.0, "s": 1.0},
    initial_conditions=(4.6722764, 5.2437205e-10, -6.4444208e-10),
    dt=0.0016035472578764143,
    period=8.0164,
)
def sakarya(t, x, y, z, *, a, b, c, h, p, q, r, s):
    """Four wings born of two attractors that merge (Li et al. 2015; Liu & Chen 2004)."""
    return a * x + h * y + s * y * z, -b * y - p * x + q * x * z, c * z - r * x * y


@system(
    "Dadras",
    parameters={"c": 2.0, "e": 9.0, "o": 2.7, "p": 3.0, "r": 1.7},
    initial_conditions=(1.0284085, -3.5348655, -0.72081646),
    dt=0.0006578296382730287,
    period=3.2886,
)
def dadras(t, x, y, z, *, c, e, o, p, r):
    """Two, three or four scrolls by the choice of one number (Dadras & Momeni 2009)."""
    return y - p * x + o * y * z, r * y - x * z + z, c * x * y - e * z


@system(
    "PehlivanWei",
    parameters={},
    initial_conditions=(0.21665608, 0.86710502, 0.50627859),
    dt=0.0007498715849322934,
    period=3.7487330316742087,
)
def pehlivan_wei(t, x, y, z):
    """Quadratic terms and a Hopf bifurcation (Pehlivan & Wei 2012)."""
    return y - y * z, y + y * z - 2 * x, 2 - x * y - y**2


@system(
    "RikitakeDynamo",
    parameters={"a": 1.0, "mu": 1.0},
    initial_conditions=(-0.7791562791136255, -0.6302244598741468, 2.671200187214492),
    dt=0.0011796966161026034,
    period=5.8975,
)
def rikitake(t, x, y, z, *, a, mu):
    """Two coupled disk dynamos, whose field reverses (Rikitake 1958)."""
    return y * z - mu * x, x * z - mu * y - a * x, 1 - x * y


@system(
    "Laser",
    parameters={"a": 10.0, "b": 1.0, "c": 5.0, "d": -1.0, "h": -5.0, "k": -6.0},
    initial_conditions=(-2.540801356216252, -1.940570579119389, -2.9680975444071955),
    dt=0.00018936556092683077,
    period=0.94667,
)
def laser(t, x, y, z, *, a, b, c, d, h, k):
    """A model of a semiconductor laser (Abooee et al. 2013)."""
    return a * (y - x) + b * y * z**2, c * x + d * x * z**2, h * z + k * x**2


@system(
    "RabinovichFabrikant",
    parameters={"a": 1.1, "g": 0.87},
    initial_conditions=(-1.8207276, 0.83440917, 0.2078248),
    dt=0.0004671978663111531,
    period=2.3356,
)
def rabinovich_fabrikant(t, x, y, z, *, a, g):
    """Self-modulation of waves out of equilibrium (Rabinovich & Fabrikant 1979)."""
    return y * (z - 1 + x**2) + g * x, x * (3 * z + 1 - x**2) + g * y, -2 * z * (a + x * y)


@system(
    "Halvorsen",
    parameters={"a": 1.4, "b": 4.0},
    initial_conditions=(-8.6807408, -2.4741399, 0.070775762),
    dt=0.000297829638273015,
    period=1.4889,
)
def halvorsen(t, x, y, z, *, a, b):
    """Cyclic symmetry with quadratic terms (Sprott 2010)."""
    return (
        -a * x - b * (y + z) - y**2,
        -a * y - b * (z + x) - z**2,
        -a * z - b * (x + y) - x**2,
    )


@system(
    "Aizawa",
    parameters={"a": 0.95, "b": 0.7, "c": 0.6, "d": 3.5, "e": 0.25, "f": 0.1},
    initial_conditions=(-0.78450179, -0.62887672, -0.17620268),
    dt=0.0005168261376896056,
    period=2.5837,
)
def aizawa(t, x, y, z, *, a, b, c, d, e, f):
    """A torus-like attractor (Aizawa & Uezu 1982)."""
    squares = x**2 + y**2
    return x * (z - b) - d * y, y * (z - b) + d * x, c + a * z - z**3 / 3 - squares * (1 + e * z) + f * z * x**3


@system(
    "GuckenheimerHolmes",
    parameters={"a": 0.4, "b": 20.25, "c": 3.0, "d": 1.6, "e": 1.7, "f": 0.44},
    initial_conditions=(-0.55582369, 0.05181624, 0.37766104),
    dt=6.154871965840413e-05,
    period=0.3076923076923077,
)
def guckenheimer_holmes(t, x, y, z, *, a, b, c, d, e, f):
    """An oscillator near a degenerate bifurcation (Guckenheimer & Holmes 1983)."""
    squares = x**2 + y**2
    return (
        a * x - b * y + c * x * z + d * z * squares,
        a * y + b * x + c * y * z,
        e - z**2 - f * squares - a * z**3,
    )
