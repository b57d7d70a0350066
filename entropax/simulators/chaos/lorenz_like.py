"""Convection and its relatives: the Lorenz, Chen and Lu family, and low-order models of the atmosphere."""

import jax.numpy as jnp

from entropax.simulators.chaos.definitions import system


@system(
    "Lorenz",
    parameters={"beta": 2.667, "rho": 28.0, "sigma": 10.0},
    initial_conditions=(-9.7869288, -15.03852, 20.533978),
    dt=0.0003002100350058257,
    period=1.5008,
)
def lorenz(t, x, y, z, *, beta, rho, sigma):
    """Convection in a layer of fluid heated from below (Lorenz 1963)."""
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


@system(
    "LorenzBounded",
    parameters={"beta": 2.667, "r": 64.0, "rho": 28.0, "sigma": 10.0},
    initial_conditions=(-13.284881, -12.444334, 34.188198),
    dt=0.00027436572762127296,
    period=1.3716,
)
def lorenz_bounded(t, x, y, z, *, beta, r, rho, sigma):
    """The Lorenz equations slowed to rest on a sphere of radius r (Sprott & Xiong 2015)."""
    slowing = 1 - (x**2 + y**2 + z**2) / r**2
    return tuple(rate * slowing for rate in lorenz(t, x, y, z, beta=beta, rho=rho, sigma=sigma))


@system(
    "LorenzCoupled",
    parameters={"beta": 2.667, "eps": 2.85, "rho1": 35.0, "rho2": 1.15, "sigma": 10.0},
    initial_conditions=(7.0921483, 10.117408, 25.708428, 2.1689893, 0.96121877, 0.89550187),
    dt=0.0003241940323387382,
    period=1.6207,
)
def lorenz_coupled(t, x1, y1, z1, x2, y2, z2, *, beta, eps, rho1, rho2, sigma):
    """A Lorenz system that drives a second one, whose own motion would be steady."""
    first = lorenz(t, x1, y1, z1, beta=beta, rho=rho1, sigma=sigma)
    dx2, dy2, dz2 = lorenz(t, x2, y2, z2, beta=beta, rho=rho2, sigma=sigma)
    return *first, dx2 + eps * (x1 - x2), dy2, dz2


@system(
    "LorenzStenflo",
    parameters={"a": 2.0, "b": 0.7, "c": 26.0, "d": 1.5},
    initial_conditions=(4.233438598886809, 9.08970605484108, 21.86662535600487, -1.4080695182833802),
    dt=0.0007776724692212156,
    period=3.8877142857142855,
)
def lorenz_stenflo(t, x, y, z, w, *, a, b, c, d):
    """Acoustic-gravity waves in a rotating atmosphere (Stenflo 1996)."""
    return a * (y - x) + d * w, x * (c - z) - y, x * y - b * z, -x - a * w


@system(
    "Lorenz84",
    parameters={"a": 1.32, "b": 7.91, "f": 4.83, "g": 4.194},
    initial_conditions=(1.926479236120359, -0.13402110197257552, -1.72146730664761),
    dt=0.0012519286547757248,
    period=6.2586,
)
@system(
    "Hadley",
    parameters={"a": 0.2, "b": 4.0, "f": 9.0, "g": 1.0},
    initial_conditions=(1.3664423, 0.9309146, 0.64283417),
    dt=0.00029086847807974437,
    period=1.4541,
)
def lorenz84(t, x, y, z, *, a, b, f, g):
    """Westerly current x and the phases y, z of travelling eddies (Lorenz 1984); with other numbers the Hadley cell."""
    return a * (f - x) - y**2 - z**2, x * y - b * x * z - y + g, b * x * y + x * z - z


@system(
    "Lorenz96",
    parameters={"f": 20.0},
    initial_conditions=(-2.46820633, 0.09570264, 1.59270902, 10.21372147),
    dt=0.00043945324220700854,
    period=2.1969,
)
def lorenz96(t, *x, f):
    """Advection, damping and forcing on a ring of sites (Lorenz 1996)."""
    n = len(x)
    return tuple((x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + f for i in range(n))


@system(
    "AtmosphericRegime",
    parameters={"alpha": -2.0, "beta": -5.0, "mu1": 0.05, "mu2": -0.01, "omega": 3.0, "sigma": 1.1},
    initial_conditions=(0.026544189906947246, 0.20580772677536016, 0.43758119702219506),
    dt=0.01792198051014566,
    period=89.59496756697331,
)
def atmospheric_regime(t, x, y, z, *, alpha, beta, mu1, mu2, omega, sigma):
    """Transitions between regimes of the atmosphere, with widely spaced frequencies (Tuwankotta 2006)."""
    return (
        mu1 * x + sigma * x * y,
        mu2 * y + omega * z + (alpha * y + beta * z) * z - sigma * x**2,
        mu2 * z - omega * y - (alpha * y + beta * z) * y,
    )


@system(
    "VallisElNino",
    parameters={"b": 102.0, "c": 3.0, "p": 0.0},
    initial_conditions=(-6.99286331487343, 0.023254276622294345, -0.1658177563067799),
    dt=0.00044181363560596765,
    period=2.2087,
)
def vallis(t, x, y, z, *, b, c, p):
    """Current x and temperatures y, z of an equatorial ocean (Vallis 1988)."""
    return b * y - c * (x + p), x * z - y, 1 - z - x * y


@system(
    "RayleighBenard",
    parameters={"a": 30.0, "b": 5.0, "r": 18.0},
    initial_conditions=(-15.660582, -13.32018, 26.879362),
    dt=0.00018396466077678754,
    period=0.91967,
)
def rayleigh_benard(t, x, y, z, *, a, b, r):
    """A convective cell (Yanagita & Kaneko 1995)."""
    return a * (y - x), r * y - x * z, x * y - b * z


@system(
    "LuChen",
    parameters={"a": 36.0, "b": 3.0, "c": 18.0},
    initial_conditions=(10.956479, 9.8813092, 22.676714),
    dt=0.00046777796299380726,
    period=2.3385,
)
def lu_chen(t, x, y, z, *, a, b, c):
    """Between the attractors of Lorenz and Chen (Lu & Chen 2002): the equations of `rayleigh_benard`, r called c."""
    return rayleigh_benard(t, x, y, z, a=a, b=b, r=c)


@system(
    "Chen",
    parameters={"a": 35.0, "b": 3.0, "c": 28.0},
    initial_conditions=(3.2689697, 5.2990458, 19.435349),
    dt=0.00011739756626106157,
    period=0.58689,
)
def chen(t, x, y, z, *, a, b, c):
    """Chaos by feedback (Chen 1997)."""
    return a * (y - x), (c - a) * x - x * z + c * y, x * y - b * z


@system(
    "DequanLi",
    parameters={"a": 40.0, "c": 1.833, "d": 0.16, "eps": 0.65, "f": 20.0, "k": 55.0},
    initial_conditions=(-11.395722, -104.12614, 202.46173),
    dt=1.6763993998996084e-05,
    period=0.083806,
)
@system(
    "PanXuZhou",
    parameters={"a": 10.0, "c": -2.6667, "d": 0.0, "eps": 0.0, "f": 0.0, "k": 16.0},
    initial_conditions=(-3.03805747, -1.98052429, 14.65665869),
    dt=0.00035663943990670076,
    period=1.7829,
)
@system(
    "Tsucs2",
    parameters={"a": 40.0, "c": 0.833, "d": 0.5, "eps": 0.65, "f": 20.0, "k": 0.0},
    initial_conditions=(1.2969944, 1.12138, 50.028988),
    dt=6.906351058511007e-05,
    period=0.34526,
)
def three_scroll(t, x, y, z, *, a, c, d, eps, f, k):
    """The three-scroll unified system (Li 2008; Pan, Zhou & Li 2013)."""
    return a * (y - x) + d * x * z, k * x + f * y - x * z, c * z + x * y - eps * x**2


@system(
    "ShimizuMorioka",
    parameters={"a": 0.85, "b": 0.5},
    initial_conditions=(0.016838697, 0.03489384, 0.35346848),
    dt=0.002408001333556058,
    period=12.038,
)
def shimizu_morioka(t, x, y, z, *, a, b):
    """A limit cycle that loses its symmetry (Shimizu & Morioka 1980)."""
    return y, x - a * y - x * z, x**2 - b * z


@system(
    "Rucklidge",
    parameters={"a": 2.0, "b": 6.7},
    initial_conditions=(1.9257158, 3.1923835, 5.7829655),
    dt=0.0012146224370729896,
    period=6.0721,
)
def rucklidge(t, x, y, z, *, a, b):
    """Double convection with lateral constraints (Rucklidge 1992)."""
    return -a * x + b * y - y * z, x, y**2 - z


@system(
    "BurkeShaw",
    parameters={"e": 13.0, "n": 10.0},
    initial_conditions=(-0.79153188, 0.65244479, 0.22517831),
    dt=0.00015669211535254134,
    period=0.78333,
)
def burke_shaw(t, x, y, z, *, e, n):
    """A scroll with a symmetry about the z axis (Shaw 1981)."""
    return -n * (x + y), y - n * x * z, n * x * y + e


@system(
    "SanUmSrisuchinwong",
    parameters={"a": 2.0},
    initial_conditions=(0.63878078, 1.0901873, 2.4479814),
    dt=0.0014933288881479711,
    period=7.4654,
)
def san_um_srisuchinwong(t, x, y, z, *, a):
    """Two scrolls from piecewise terms (San-Um & Srisuchinwong 2012)."""
    return y - x, -z * jnp.tanh(x), x * y + jnp.abs(y) - a


@system(
    "YuWang",
    parameters={"a": 10.0, "b": 40.0, "c": 2.0, "d": 2.5},
    initial_conditions=(-0.21422356, -0.17935495, 14.105516),
    dt=0.00026736456076008607,
    period=1.3366,
)
def yu_wang(t, x, y, z, *, a, b, c, d):
    """A scroll with an exponential of a product (Yu & Wang 2012)."""
    return a * (y - x), x * (b - c * z), jnp.exp(x * y) - d * z


@system(
    "YuWang2",
    parameters={"a": 10.0, "b": 30.0, "c": 2.0, "d": 2.5},
    initial_conditions=(0.12581483, 1.2467348, 18.358568),
    dt=7.854309051509745e-05,
    period=0.39265,
)
def yu_wang_cosh(t, x, y, z, *, a, b, c, d):
    """A scroll with a hyperbolic cosine of a product (Yu & Wang 2012)."""
    return a * (y - x), x * (b - c * z), jnp.cosh(x * y) - d * z
