"""Electronic circuits, driven oscillators, networks and economies."""

import jax
import jax.numpy as jnp

from entropax.simulators.chaos.definitions import mapped, system


def _saturated(x):
    """x between -1 and 1, their nearer one beyond."""
    return (jnp.abs(x + 1) - jnp.abs(x - 1)) / 2


@system(
    "Chua",
    parameters={"alpha": 15.6, "beta": 28.0, "m0": -1.142857, "m1": -0.71429},
    initial_conditions=(1.1262351, -0.11386474, -0.78324421),
    dt=0.0002847474579095888,
    period=1.4235,
)
def chua(t, x, y, z, *, alpha, beta, m0, m1):
    """A circuit with a diode of negative resistance (Chua 1969); piecewise linear."""
    return alpha * (y - x - m1 * x - (m0 - m1) * _saturated(x)), x - y + z, -beta * y


@system(
    "MultiChua",
    parameters={
        "a": 9.0,
        "b": 14.286,
        "c": (0.0, 1.0, 2.15, 3.6, 8.2, 13.0),
        "m": (-0.14285714, 0.28571429, -0.57142857, 0.28571429, -0.57142857, 0.28571429),
    },
    initial_conditions=(-21.160123, 1.0322356, 27.405269),
    dt=0.00045179529921654196,
    period=2.2586,
)
def multi_chua(t, x, y, z, *, a, b, c, m):
    """Chua's circuit with a diode of many slopes m, which change at the voltages c (Yalcin et al.)."""
    bends = (m[:-1] - m[1:]) * (jnp.abs(x + c[1:]) - jnp.abs(x - c[1:])) / 2
    return a * (y - m[-1] * x - jnp.sum(bends)), x - y + z, -b * y


@system(
    "Colpitts",
    parameters={"a": 30.0, "b": 0.8, "c": 20.0, "d": 0.08, "e": 10.0},
    initial_conditions=(8.9389043, 0.64637337, 8.7869304),
    dt=0.0008536622770461122,
    period=4.2676,
)
def colpitts(t, x, y, z, *, a, b, c, d, e):
    """A signal generator with one transistor (Kennedy 1994); piecewise linear."""
    return y - a * jnp.maximum(e - 1 - z, 0), c - x - b * y - z, y - d * z


@system(
    "AnishchenkoAstakhov",
    parameters={"eta": 0.5, "mu": 1.2},
    initial_conditions=(3.6225814, 3.3226339, 1.9973142),
    dt=0.001363027171195199,
    period=6.814,
)
def anishchenko_astakhov(t, x, y, z, *, eta, mu):
    """A generator with inertial nonlinearity; piecewise smooth."""
    return mu * x + y - x * z, -x, eta * (jnp.where(x > 0, x**2, 0) - z)


@system(
    "CellularNeuralNetwork",
    parameters={"a": 4.4, "b": 3.21, "c": 1.1, "d": 1.24},
    initial_conditions=(-0.26574016, -0.36754928, -0.073094132),
    dt=0.0006401066844473746,
    period=3.2,
)
def cellular_neural_network(t, x, y, z, *, a, b, c, d):
    """Three cells with saturated outputs (Arena et al. 1998); piecewise linear."""
    p, q, r = _saturated(x), _saturated(y), _saturated(z)
    return d * p - b * q - b * r - x, c * q - b * p - a * r - y, a * q - b * p + r - z


@system(
    "Duffing",
    parameters={"alpha": 1.0, "beta": -1.0, "delta": 0.1, "gamma": 0.35, "omega": 1.4},
    initial_conditions=(-1.1635382, -0.5092374, 0.0),
    dt=0.0014901683613936711,
    period=7.4496,
    bounded=mapped({2: jnp.cos}),
    nonautonomous=True,
)
def duffing(t, x, y, z, *, alpha, beta, delta, gamma, omega):
    """A forced oscillator with a cubic spring (Duffing 1918); z is the phase."""
    return y, gamma * jnp.cos(z) - delta * y - beta * x - alpha * x**3, omega


@system(
    "ForcedVanDerPol",
    parameters={"a": 1.2, "mu": 8.53, "w": 0.63},
    initial_conditions=(-1.520504, 0.19640249, 687.39073),
    dt=0.0028958576429408823,
    period=14.476875,
    bounded=mapped({2: jnp.sin}),
    nonautonomous=True,
)
def forced_van_der_pol(t, x, y, z, *, a, mu, w):
    """A triode circuit under a periodic voltage (van der Pol 1920); z is the phase."""
    return y, mu * (1 - x**2) * y - x + a * jnp.sin(z), w


@system(
    "ForcedFitzHughNagumo",
    parameters={"a": 0.7, "b": 0.8, "curr": 0.965, "f": 0.4008225, "gamma": 0.08, "omega": 0.043650793650793655},
    initial_conditions=(-1.2155252, -0.046470891, 0.0),
    dt=0.008425874900717644,
    period=42.12235294117647,
    bounded=mapped({2: jnp.sin}),
    nonautonomous=True,
)
def forced_fitzhugh_nagumo(t, v, w, z, *, a, b, curr, f, gamma, omega):
    """A nerve membrane under a periodic current (FitzHugh 1961); z is the phase."""
    return v - v**3 / 3 - w + curr + f * jnp.sin(z), gamma * (v + a - b * w), omega


@system(
    "Finance",
    parameters={"a": 0.001, "b": 0.2, "c": 1.1},
    initial_conditions=(-0.51664739, -3.9568707, 0.0012893581),
    dt=0.001978969828304571,
    period=9.8932,
)
def finance(t, x, y, z, *, a, b, c):
    """Interest rate x, investment y and prices z (Cai & Huang 2007)."""
    return (1 / b - a + y) * x + z, -b * y - x**2, -x - c * z


@system(
    "Bouali",
    parameters={"a": 1.0, "b": -0.3, "bb": 1.0, "c": 0.05, "g": 1.0, "m": 1.0, "y0": 4.0},
    initial_conditions=(0.38673159, 3.0544196, -0.0067836194),
    dt=0.0006083213868978987,
    period=3.0411,
)
@system(
    "Bouali2",
    parameters={"a": 3.0, "b": 2.2, "bb": 0.0, "c": 0.0, "g": 1.0, "m": -0.0026667, "y0": 1.0},
    initial_conditions=(-0.79392257, 1.3617589, -0.030578888),
    dt=0.0005356692782129358,
    period=7.6779,
)
def bouali(t, x, y, z, *, a, b, bb, c, g, m, y0):
    """Economic cycles with feedback (Bouali 1999)."""
    return a * x * (y0 - y) - b * z, g * y * (x**2 - 1), m * x * (bb * z - 1.5) - c * z


@system(
    "WindmiReduced",
    parameters={"a1": 0.247, "b1": 10.8, "b2": 0.0752, "b3": 1.06, "d1": 2200.0, "vsw": 5.0},
    initial_conditions=(0.93337506, 6.2678923, 41.969547),
    dt=0.0009348158026337216,
    period=4.6733,
)
def windmi(t, i, v, p, *, a1, b1, b2, b3, d1, vsw):
    """Current i, voltage v and pressure p of the magnetosphere in the solar wind (Smith, Thiffeault & Horton 2000)."""
    unloading = p**1.25 * jnp.sqrt(vsw) * (1 + jnp.tanh(d1 * (i - 1))) / 2
    return a1 * (vsw - v), b1 * i - b2 * p / 2 - b3 * v, vsw**2 - unloading


@system(
    "BeerRNN",
    parameters={
        "tau": (1.0, 2.5, 1.0),
        "theta": (-4.108, -2.787, -1.114),
        "w": ((5.422, -0.018, 2.75), (-0.24, 4.59, 1.21), (0.535, -2.25, 3.885)),
    },
    initial_conditions=(1.5014532, 2.3742845, 0.65819415),
    dt=0.03632205367561255,
    period=181.58,
)
def beer_network(t, *x, tau, theta, w):
    """A continuous-time recurrent network of three neurons (Beer 1995)."""
    y = jnp.stack(x)
    return tuple((w @ jax.nn.sigmoid(y + theta) - y) / tau)


@system(
    "Hopfield",
    parameters={
        "beta": 0.5,
        "eps": 10.0,
        "k": (
            (0.0, -1.0, 0.0, 0.0, -1.0, -1.0),
            (0.0, 0.0, 0.0, -1.0, -1.0, -1.0),
            (-1.0, -1.0, 0.0, 0.0, -1.0, 0.0),
            (-1.0, -1.0, -1.0, 0.0, 0.0, 0.0),
            (-1.0, -1.0, 0.0, -1.0, 0.0, 0.0),
            (0.0, -1.0, -1.0, -1.0, 0.0, 0.0),
        ),
        "tau": 2.5,
    },
    initial_conditions=(-0.67127393, -0.2420173, -0.055676628, 0.34697948, 0.45273118, 0.78389688),
    dt=0.002173362227038069,
    period=10.865,
)
def hopfield(t, *x, beta, eps, k, tau):
    """A network of six neurons with frustrated couplings k (Lewis & Glass 1992)."""
    y = jnp.stack(x)
    return tuple((1 + jnp.tanh(eps * (k @ y))) / 2 - beta - y / tau)
