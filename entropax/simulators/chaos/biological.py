"""Life: neurons, cells, clocks, tumours, food webs and populations."""

import jax.numpy as jnp
from jax.numpy import exp, expm1, pi, sin

from entropax.simulators.chaos.definitions import mapped, system


@system(
    "HindmarshRose",
    parameters={"a": 0.49, "b": 1.0, "c": 0.0322, "d": 1.0, "s": 1.0, "tx": 0.03, "tz": 0.8},
    initial_conditions=(0.031111835, -0.021557059, 0.041475046),
    dt=0.000350458409734955,
    period=1.752,
)
def hindmarsh_rose(t, x, y, z, *, a, b, c, d, s, tx, tz):
    """A neuron that bursts, rescaled in time (Marhl & Perc 2005)."""
    return (y + z - a * x**3 + b * x**2) / tx - x, z - a * x**3 - (d - b) * x**2, (c - s * x - z) / tz


@system(
    "ExcitableCell",
    parameters={
        "aho": 2.5,
        "ahr": 0.05,
        "ahs": 0.07,
        "ams": 0.1,
        "amvb": 25.0,
        "amvo": 2.5,
        "ans": 0.01,
        "anvb": 20.0,
        "anvo": 2.0,
        "ar": 0.1,
        "bho": 2.0,
        "bhr": 0.1,
        "bmo": 2.7777777777777777,
        "bmr": 0.05555555555555555,
        "bms": 4.0,
        "bno": 0.375,
        "bnr": 0.0125,
        "bns": 0.125,
        "gi": 1800.0,
        "gkc": 11.0,
        "gkv": 1700.0,
        "gl": 7.0,
        "kc": 0.183333,
        "rho": 0.27,
        "tscl": 230.0,
        "vc": 100.0,
        "vi": 100.0,
        "vk": -75.0,
        "vl": -40.0,
    },
    initial_conditions=(-44.57779976420271, 0.13121643614884418, 0.4658533583951385),
    dt=0.00011057842973826836,
    period=1.0,
)
def excitable_cell(
    t,
    v,
    n,
    c,
    *,
    aho,
    ahr,
    ahs,
    ams,
    amvb,
    amvo,
    ans,
    anvb,
    anvo,
    ar,
    bho,
    bhr,
    bmo,
    bmr,
    bms,
    bno,
    bnr,
    bns,
    gi,
    gkc,
    gkv,
    gl,
    kc,
    rho,
    tscl,
    vc,
    vi,
    vk,
    vl,
):
    """A membrane at voltage v with gated potassium n and calcium c, after Hodgkin and Huxley (Chay 1985)."""
    opening_m, closing_m = -ams * (amvb + v) / expm1(-ar * v - amvo), bms * exp(-bmr * v - bmo)
    opening_h, closing_h = ahs * exp(-ahr * v - aho), 1 / (1 + exp(-bhr * v - bho))
    opening_n, closing_n = -ans * (anvb + v) / expm1(-ar * v - anvo), bns * exp(-bnr * v - bno)
    mixed = (opening_m / (opening_m + closing_m)) ** 3 * opening_h / (opening_h + closing_h)
    calcium = c / (1 + c)
    return (
        gi * mixed * (vi - v) + (gkv * n**4 + gkc * calcium) * (vk - v) + gl * (vl - v),
        tscl * (opening_n - (opening_n + closing_n) * n),
        rho * (mixed * (vc - v) - kc * c),
    )


def _hill(x, half, n):
    """x^n / (half^n + x^n)."""
    return x**n / (half**n + x**n)


@system(
    "CaTwoPlus",
    parameters={
        "K2": 0.1,
        "K5": 0.3194,
        "Ka": 0.1,
        "Kd": 1.0,
        "Ky": 0.3,
        "Kz": 0.6,
        "V0": 2.0,
        "V1": 2.0,
        "V4": 3.0,
        "Vm2": 6.0,
        "Vm3": 30.0,
        "Vm5": 50.0,
        "beta": 0.65,
        "eps": 13.0,
        "k": 10.0,
        "kf": 1.0,
        "m": 2.0,
        "n": 4.0,
        "p": 1.0,
    },
    initial_conditions=(0.26162904, 1.0055612, 0.14407867),
    dt=0.000268644774129001,
    period=1.343,
)
@system(
    "CaTwoPlusQuasiperiodic",
    parameters={
        "K2": 0.1,
        "K5": 0.3,
        "Ka": 0.2,
        "Kd": 0.5,
        "Ky": 0.2,
        "Kz": 0.5,
        "V0": 2.0,
        "V1": 2.0,
        "V4": 5.0,
        "Vm2": 6.0,
        "Vm3": 20.0,
        "Vm5": 30.0,
        "beta": 0.51,
        "eps": 0.1,
        "k": 10.0,
        "kf": 1.0,
        "m": 2.0,
        "n": 4.0,
        "p": 2.0,
    },
    initial_conditions=(0.26321067, 0.87886607, 0.3148781),
    dt=0.00013124987497917573,
    period=0.65614,
)
def calcium_oscillations(t, z, y, a, *, K2, K5, Ka, Kd, Ky, Kz, V0, V1, V4, Vm2, Vm3, Vm5, beta, eps, k, kf, m, n, p):
    """Calcium in the cytosol z and in stores y, and the messenger a (Houart, Dupont & Goldbeter 1999)."""
    pumped = Vm2 * _hill(z, K2, 2)
    released = Vm3 * _hill(z, Kz, m) * _hill(y, Ky, 2) * _hill(a, Ka, 4) + kf * y
    degraded = Vm5 * _hill(a, K5, p) * _hill(z, Kd, n)
    return V0 + V1 * beta - pumped + released - k * z, pumped - released, beta * V4 - degraded - eps * a


@system(
    "CellCycle",
    parameters={
        "K": 0.01,
        "Kc": 0.5,
        "Kd1": 0.02,
        "Kim": 0.65,
        "V2": 0.15,
        "V4": 0.05,
        "Vm1": 0.3,
        "Vm3": 0.1,
        "kd1": 0.001,
        "vd": 0.025,
        "vi": 0.05,
    },
    initial_conditions=(0.71565329, 0.9489355, 0.98910371, 0.72138631, 0.94987035, 0.98912572),
    dt=0.04094882480413617,
    period=204.71,
)
def cell_cycle(t, c1, m1, x1, c2, m2, x2, *, K, Kc, Kd1, Kim, V2, V4, Vm1, Vm3, kd1, vd, vi):
    """Two coupled oscillators of the cell cycle, each inhibiting the other (Romond et al. 1999)."""

    def oscillator(c, m, x, other):
        return (
            vi * Kim / (Kim + other) - vd * x * c / (Kd1 + c) - kd1 * c,
            Vm1 * c / (Kc + c) * (1 - m) / (K + 1 - m) - V2 * m / (K + m),
            Vm3 * m * (1 - x) / (K + 1 - x) - V4 * x / (K + x),
        )

    return *oscillator(c1, m1, x1, m2), *oscillator(c2, m2, x2, m1)


@system(
    "CircadianRhythm",
    parameters={
        "Ki": 1.0,
        "k": 0.5,
        "k1": 0.3,
        "k2": 0.15,
        "kd": 1.4,
        "kdn": 0.4,
        "km": 0.4,
        "ks": 1.0,
        "n": 4.0,
        "ps": 24.0,
        "vc": 2.5,
        "vd": 6.0,
        "vdn": 1.5,
        "vm": 0.7,
        "vmax": 4.7,
        "vmin": 1.0,
    },
    initial_conditions=(1.5401187, 5.3707921, 41.054266, 11.619073, 2004.0233),
    dt=0.005400900150025336,
    period=27.0,
    bounded=mapped({4: jnp.cos}),
    nonautonomous=True,
)
def circadian_rhythm(t, m, fc, fs, fn, th, *, Ki, k, k1, k2, kd, kdn, km, ks, n, ps, vc, vd, vdn, vm, vmax, vmin):
    """A fly's clock under light and dark (Leloup, Gonze & Goldbeter 1999); th is the phase of the day."""
    light = vc * (0.5 + 0.5 * jnp.cos(th) + vmin) * (vmax - vmin)
    return (
        light * Ki**n / (Ki**n + fn**n) - vm * m / (km + m),
        ks * m - k1 * fc + k2 * fn - k * fc,
        k * fc - vd * fs / (kd + fs),
        k1 * fc - k2 * fn - vdn * fn / (kdn + fn),
        2 * pi / ps,
    )


@system(
    "ItikBanksTumor",
    parameters={"a12": 1.0, "a13": 2.5, "a21": 1.5, "a31": 0.2, "d3": 0.5, "k3": 1.0, "r2": 0.6, "r3": 4.5},
    initial_conditions=(0.051730215, 0.87071642, 0.015926427),
    dt=0.009949658276379978,
    period=49.74,
)
def itik_banks(t, x, y, z, *, a12, a13, a21, a31, d3, k3, r2, r3):
    """Tumour cells x, healthy cells y and effector cells z (Itik & Banks 2010)."""
    return (
        x * (1 - x - a12 * y - a13 * z),
        r2 * y * (1 - y) - a21 * x * y,
        r3 * x * z / (x + k3) - a31 * x * z - d3 * z,
    )


@system(
    "HastingsPowell",
    parameters={"a1": 5.0, "a2": 0.1, "b1": 3.0, "b2": 2.0, "d1": 0.4, "d2": 0.01},
    initial_conditions=(0.73207001, 0.17549271, 9.9014657),
    dt=0.02704250708451582,
    period=135.19,
)
def hastings_powell(t, x, y, z, *, a1, a2, b1, b2, d1, d2):
    """A food chain of three species (Hastings & Powell 1991)."""
    eaten, preyed = a1 * x * y / (1 + b1 * x), a2 * y * z / (1 + b2 * y)
    return x * (1 - x) - eaten, eaten - preyed - d1 * y, preyed - d2 * z


@system(
    "Blasius",
    parameters={"a": 1.0, "alpha1": 0.2, "alpha2": 1.0, "b": 1.0, "c": 10.0, "k1": 0.05, "k2": 0.0, "zs": 0.006},
    initial_conditions=(4.031713, 5.1113788, 0.016508812),
    dt=0.0013209801633604456,
    period=6.6038,
)
def blasius(t, x, y, z, *, a, alpha1, alpha2, b, c, k1, k2, zs):
    """Vegetation x, herbivores y and predators z (Blasius, Huppert & Stone 1999)."""
    eaten, preyed = alpha1 * x * y / (1 + k1 * x), alpha2 * y * z / (1 + k2 * y)
    return a * x - eaten, eaten - preyed - b * y, preyed - c * (z - zs)


@system(
    "SaltonSea",
    parameters={"a": 15.0, "d": 8.3, "k": 400.0, "lam": 0.06, "m": 15.5, "mu": 3.4, "r": 22.0, "th": 10.0},
    initial_conditions=(231.92548, 89.511944, 56.753804),
    dt=0.00019350825137522067,
    period=0.96738,
)
def salton_sea(t, x, y, z, *, a, d, k, lam, m, mu, r, th):
    """Healthy fish x, infected fish y and the birds z that eat them (Upadhyay et al. 2007)."""
    infected, preyed = lam * x * y, y * z / (y + a)
    return r * x * (1 - (x + y) / k) - infected, infected - m * preyed - mu * y, th * preyed - d * z


@system(
    "TurchinHanski",
    parameters={"a": 8.0, "d": 0.04, "e": 0.5, "g": 0.1, "h": 0.8, "lamb": 1.0, "r": 8.12, "s": 1.25},
    initial_conditions=(0.018027788, 0.013649976, 30363.85),
    dt=0.0008812056911446575,
    period=4.40529411764706,
    bounded=mapped({2: sin}),
    nonautonomous=True,
)
def turchin_hanski(t, n, p, z, *, a, d, e, g, h, lamb, r, s):
    """Voles n and their predators p through the seasons z (Turchin & Hanski 1997)."""
    season = 1 - e * sin(z)
    return (
        r * n * (season - n) - g * n**2 / (n**2 + h**2) - a * n * p / (n + d),
        s * p * (season - p / n),
        2 * pi * lamb,
    )


@system(
    "CoevolvingPredatorPrey",
    parameters={
        "a1": 2.5,
        "a2": 0.05,
        "a3": 0.4,
        "b1": 6.0,
        "b2": 1.333,
        "d1": 0.16,
        "d2": 0.004,
        "delta": 1.0,
        "k1": 6.0,
        "k2": 9.0,
        "k4": 9.0,
        "vv": 0.33333,
    },
    initial_conditions=(0.10946017, 0.46664421, 0.66580212),
    dt=0.02455809301550289,
    period=122.77,
)
def coevolving_predator_prey(t, x, y, alpha, *, a1, a2, a3, b1, b2, d1, d2, delta, k1, k2, k4, vv):
    """Prey x with an evolving trait alpha, and predators y (Gilpin & Feldman 2017)."""
    growth, shifted = a1 * alpha / (1 + b1 * alpha), alpha * delta
    death = d1 * (1 - k2 * (shifted**2 - alpha**2) + k4 * (shifted**4 - alpha**4))
    return (
        x * (growth * (1 - k1 * x * (shifted - alpha)) - death - a3 * y / (1 + b2 * x)),
        y * (a2 * x / (1 + b2 * x) - d2),
        vv * (-growth * delta * k1 * x - d1 * delta * (4 * k4 * shifted**3 - 2 * k2 * shifted)),
    )


@system(
    "MacArthur",
    parameters={
        "c": (
            (0.04, 0.04, 0.07, 0.04, 0.04),
            (0.08, 0.08, 0.08, 0.1, 0.08),
            (0.1, 0.1, 0.1, 0.1, 0.14),
            (0.05, 0.03, 0.03, 0.03, 0.03),
            (0.07, 0.09, 0.07, 0.07, 0.07),
        ),
        "d": 0.25,
        "k": (
            (0.39, 0.34, 0.3, 0.24, 0.23),
            (0.22, 0.39, 0.34, 0.3, 0.27),
            (0.27, 0.22, 0.39, 0.34, 0.3),
            (0.3, 0.24, 0.22, 0.39, 0.34),
            (0.34, 0.3, 0.22, 0.2, 0.39),
        ),
        "m": 0.25,
        "r": 1.0,
        "s": (6.0, 10.0, 14.0, 4.0, 9.0),
    },
    initial_conditions=(
        9.4323333,
        18.838654,
        34.37572,
        15.08545,
        42.228427,
        0.17030505,
        0.10144427,
        0.3148045,
        0.21253581,
        0.22598604,
    ),
    dt=0.008682647107852971,
    period=43.406,
)
def macarthur(t, *state, c, d, k, m, r, s):
    """Five species of plankton n on five resources (MacArthur 1969); growth by the scarcest, so piecewise smooth."""
    n, resources = jnp.stack(state[:5]), jnp.stack(state[5:])
    growth = jnp.min(r * resources[None] / (k.T + resources[None]), axis=1)
    return *(n * (growth - m)), *(d * (s - resources) - c @ (growth * n))
