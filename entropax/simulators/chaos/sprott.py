"""The simplest chaotic flows: five or six terms with one or two nonlinearities (Sprott 1994 and later)."""

import jax.numpy as jnp

from entropax.simulators.chaos.definitions import system


@system(
    "SprottA",
    parameters={},
    initial_conditions=(1.54131864, 1.43079727, -1.52555412),
    dt=0.001274781694385183,
    period=6.3728461538461545,
)
def sprott_a(t, x, y, z):
    """Case A: conservative, a special case of `nose_hoover`."""
    return nose_hoover(t, x, y, z, a=1.0)


@system(
    "NoseHoover",
    parameters={"a": 1.5},
    initial_conditions=(-1.9758582, 0.24647527, 0.79024299),
    dt=0.0011736556092682804,
    period=5.8673,
)
def nose_hoover(t, x, y, z, *, a):
    """A harmonic oscillator held at a constant temperature (Nose 1985, Hoover 1985)."""
    return y, y * z - x, a - y**2


@system(
    "SprottB",
    parameters={},
    initial_conditions=(1.6878282, 1.4848132, -0.53706628),
    dt=0.0022103969709235116,
    period=11.050142857142857,
)
def sprott_b(t, x, y, z):
    """Case B."""
    return y * z, x - y, 1 - x * y


@system(
    "SprottC",
    parameters={},
    initial_conditions=(-0.47199823, -0.27198066, 1.9418244),
    dt=0.001777336222703525,
    period=8.8852,
)
def sprott_c(t, x, y, z):
    """Case C."""
    return y * z, x - y, 1 - x**2


@system(
    "SprottD",
    parameters={},
    initial_conditions=(-1.3396906, -0.21238338, 0.32982163),
    dt=0.0009668211368563107,
    period=4.8333,
)
def sprott_d(t, x, y, z):
    """Case D."""
    return -y, x + z, x * z + 3 * y**2


@system(
    "SprottE",
    parameters={},
    initial_conditions=(0.6173759, 0.66599285, -1.6575023),
    dt=0.0015257542923819757,
    period=7.6275,
)
def sprott_e(t, x, y, z):
    """Case E."""
    return y * z, x**2 - y, 1 - 4 * x


@system(
    "SprottF",
    parameters={"a": 0.5},
    initial_conditions=(-0.98941275, -1.4191706, 0.85797204),
    dt=0.0038494415735954137,
    period=19.244,
)
def sprott_f(t, x, y, z, *, a):
    """Case F."""
    return y + z, a * y - x, x**2 - z


@system(
    "SprottG",
    parameters={"a": 0.4},
    initial_conditions=(-0.77182478, -0.74756595, 1.3073285),
    dt=0.0017422303717285104,
    period=8.7097,
)
def sprott_g(t, x, y, z, *, a):
    """Case G."""
    return a * x + z, x * z - y, y - x


@system(
    "SprottH",
    parameters={"a": 0.5},
    initial_conditions=(-1.360042, 0.62585352, -1.2788196),
    dt=0.004046474412402859,
    period=20.229,
)
def sprott_h(t, x, y, z, *, a):
    """Case H."""
    return z**2 - y, x + a * y, x - z


@system(
    "SprottI",
    parameters={"a": 0.2},
    initial_conditions=(-0.060099389, -0.49558355, 0.023159035),
    dt=0.002186364394065663,
    period=10.93,
)
def sprott_i(t, x, y, z, *, a):
    """Case I."""
    return -a * y, x + z, x + y**2 - z


@system(
    "SprottJ",
    parameters={},
    initial_conditions=(4.4786928, 2.2977432, 6.5847115),
    dt=0.0009673612268710486,
    period=4.836,
)
def sprott_j(t, x, y, z):
    """Case J."""
    return 2 * z, z - 2 * y, y + y**2 - x


@system(
    "SprottK",
    parameters={"a": 0.3},
    initial_conditions=(-1.3165015, -1.5429951, 0.664053),
    dt=0.0014014335722617943,
    period=7.006,
)
def sprott_k(t, x, y, z, *, a):
    """Case K."""
    return x * y - z, x - y, x + a * z


@system(
    "SprottL",
    parameters={"a": 0.9, "b": 3.9},
    initial_conditions=(4.3611557, 13.705573, -2.6835659),
    dt=0.0013454642440407839,
    period=6.7262,
)
def sprott_l(t, x, y, z, *, a, b):
    """Case L."""
    return y + b * z, a * x**2 - y, 1 - x


@system(
    "SprottM",
    parameters={"a": 1.7},
    initial_conditions=(1.6024402, -1.5983203, -2.6236374),
    dt=0.0010730588431405862,
    period=5.3644,
)
def sprott_m(t, x, y, z, *, a):
    """Case M."""
    return -z, -(x**2) - y, a + a * x + y


@system(
    "SprottN",
    parameters={},
    initial_conditions=(-8.3258705, 7.3033716, 3.2798909),
    dt=0.0009628604767459592,
    period=4.8135,
)
def sprott_n(t, x, y, z):
    """Case N."""
    return -2 * y, x + z**2, 1 + y - 2 * z


@system(
    "SprottO",
    parameters={"a": 2.7},
    initial_conditions=(0.20549455, 0.022792985, 0.93636949),
    dt=0.001951325220870217,
    period=9.755,
)
def sprott_o(t, x, y, z, *, a):
    """Case O."""
    return y, x - z, x + x * z + a * y


@system(
    "SprottP",
    parameters={"a": 2.7},
    initial_conditions=(0.83420675, 0.14915817, 0.44028635),
    dt=0.0010684580763461328,
    period=5.3414,
)
def sprott_p(t, x, y, z, *, a):
    """Case P."""
    return a * y + z, y**2 - x, x + y


@system(
    "SprottQ",
    parameters={"a": 3.1, "b": 0.5},
    initial_conditions=(2.978102, -0.065260683, -2.8031286),
    dt=0.0009690215035840311,
    period=4.8443,
)
def sprott_q(t, x, y, z, *, a, b):
    """Case Q."""
    return -z, x - y, a * x + y**2 + b * z


@system(
    "SprottR",
    parameters={"a": 0.9, "b": 0.4},
    initial_conditions=(-1.6914909, -1.9783678, 1.9807775),
    dt=0.0014028938156360482,
    period=7.0133,
)
def sprott_r(t, x, y, z, *, a, b):
    """Case R."""
    return a - y, b + z, x * y - z


@system(
    "SprottS",
    parameters={},
    initial_conditions=(0.12635702, 0.12260693, 1.2215429),
    dt=0.0006702117019503362,
    period=3.3505,
)
def sprott_s(t, x, y, z):
    """Case S."""
    return -x - 4 * y, x + z**2, 1 + x


@system(
    "SprottMore",
    parameters={},
    initial_conditions=(-1.3396906, -0.21238338, 0.32982163),
    dt=0.0013244125162412957,
    period=6.62095890410959,
    jumps=True,
)
def sprott_more(t, x, y, z):
    """A multifractal that nearly fills space (Sprott 2020); piecewise smooth."""
    return y, -x - y * jnp.sign(z), y**2 - jnp.exp(-(x**2))


@system(
    "SprottTorus",
    parameters={},
    initial_conditions=(0.6883476, -0.18017646, 0.58539724),
    dt=0.0027218536422742544,
    period=13.607,
)
def sprott_torus(t, x, y, z):
    """A torus and a chaotic sea that coexist (Sprott 2014)."""
    return y + 2 * x * y + x * z, 1 - 2 * x**2 + y * z, x - x**2 - y**2


@system(
    "SprottJerk",
    parameters={"mu": 2.017},
    initial_conditions=(-0.54106056, 0.59383201, 0.45127217),
    dt=0.0023845974329054797,
    period=11.921,
)
def sprott_jerk(t, x, y, z, *, mu):
    """The simplest dissipative chaotic flow, x''' = -mu x'' + x'^2 - x (Sprott 1997)."""
    return y, z, y**2 - mu * z - x


@system(
    "JerkCircuit",
    parameters={"eps": 1e-09, "y0": 0.026},
    initial_conditions=(-1.300882, 0.065382947, 0.91801911),
    dt=0.003891568594765431,
    period=19.4546,
)
def jerk_circuit(t, x, y, z, *, eps, y0):
    """A circuit with a diode, x''' = -x'' - x - eps (exp(x'/y0) - 1) (Sprott 2011)."""
    return y, z, -z - x - eps * jnp.expm1(y / y0)


@system(
    "Arneodo",
    parameters={"a": -5.5, "b": 4.5, "c": 1.0, "d": -1.0},
    initial_conditions=(-2.7515698, 0.19079818, 3.4703629),
    dt=0.000632925487581133,
    period=3.1641,
)
@system(
    "Coullet",
    parameters={"a": -0.8, "b": 1.1, "c": 0.45, "d": -1.0},
    initial_conditions=(0.34539837958549907, 0.4284701181998099, 0.086983698175975),
    dt=0.0011534522420402027,
    period=5.7663,
)
def arneodo(t, x, y, z, *, a, b, c, d):
    """x''' = -a x - b x' - c x'' + d x^3 (Arneodo, Coullet & Tresser 1981)."""
    return y, z, d * x**3 - a * x - b * y - c * z


@system(
    "GenesioTesi",
    parameters={"a": 0.44, "b": 1.1, "c": 1.0},
    initial_conditions=(-0.053772565, -0.26162564, 0.33501557),
    dt=0.0011888181363559625,
    period=5.9431,
)
def genesio_tesi(t, x, y, z, *, a, b, c):
    """A control system with quadratic feedback (Genesio & Tesi 1992)."""
    return y, z, x**2 - c * x - b * y - a * z


@system(
    "MooreSpiegel",
    parameters={"a": 10.0, "b": 4.0, "eps": 9.0},
    initial_conditions=(-3.4733266, 19.666962, -3.8262485),
    dt=0.00025778296382725327,
    period=1.2887,
)
def moore_spiegel(t, x, y, z, *, a, b, eps):
    """A parcel of fluid with a restoring force and a temperature gradient (Moore & Spiegel 1966)."""
    return y, a * z, eps * y - y * x**2 - b * x - z


@system(
    "Thomas",
    parameters={"a": 1.85, "b": 10.0},
    initial_conditions=(2.199442, 2.3634225, 3.220197),
    dt=0.0009939656609435589,
    period=4.969,
)
@system(
    "ThomasLabyrinth",
    parameters={"a": 0.5, "b": 10.0},
    initial_conditions=(-4.9599545, 1.0302034, -4.6883893),
    dt=0.0012102017002834486,
    period=6.05,
)
def thomas(t, x, y, z, *, a, b):
    """A damped particle in a lattice of forces with cyclic symmetry (Thomas 1999)."""
    return b * jnp.sin(y) - a * x, b * jnp.sin(z) - a * y, b * jnp.sin(x) - a * z


@system(
    "Rossler",
    parameters={"a": 0.2, "b": 0.2, "c": 5.7},
    initial_conditions=(6.5134412, 0.4772013, 0.34164294),
    dt=0.001181916986164424,
    period=5.9086,
)
def rossler(t, x, y, z, *, a, b, c):
    """A single spiral folded once a turn (Rossler 1976)."""
    return -y - z, x + a * y, b + z * (x - c)
