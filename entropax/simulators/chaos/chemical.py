"""Reactions: oscillating chemistry and glycolysis."""

import jax.numpy as jnp

from entropax.simulators.chaos.definitions import mapped, system


@system(
    "BelousovZhabotinsky",
    parameters={
        "c1": -8.03474,
        "c10": 0.0223915,
        "c11": 7.53559e-05,
        "c12": 8.07384e-06,
        "c13": -0.000499825,
        "c2": 0.05408,
        "c3": -0.0115886,
        "c4": 832.587,
        "c5": -0.029155,
        "c6": 0.00321617,
        "c7": -0.01352,
        "c8": -0.0831709,
        "c9": -0.0199985,
        "ci": 0.000833,
        "kf": 0.00035,
        "t0": 2308.62,
        "y0": 7.72571e-06,
        "yb1": 6.92813e-07,
        "yb2": 2.00869,
        "yb3": 0.01352,
        "z0": 8.33e-06,
    },
    initial_conditions=(0.023491701, 0.61703254, 0.84669066),
    dt=3.6520086681113285e-06,
    period=0.038257,
    stiff=True,
)
def belousov_zhabotinsky(
    t, x, z, v, *, c1, c10, c11, c12, c13, c2, c3, c4, c5, c6, c7, c8, c9, ci, kf, t0, y0, yb1, yb2, yb3, z0
):
    """The oscillating reaction in three variables and a stirred tank (Gyorgyi & Field 1992)."""
    y = yb1 * z * v / (y0 * (yb2 * x + yb3 + kf))
    # A concentration that rounding makes negative counts as none; the inner selection keeps the root's slope finite.
    positive = x > 0
    x = jnp.where(positive, x, 0)
    rate = (ci - z0 * z) * jnp.where(positive, jnp.sqrt(jnp.where(positive, x, 1)), 0)
    return (
        t0 * (c1 * x * y + c2 * y + c3 * x**2 + c4 * rate + c5 * x * z - kf * x),
        t0 * (c6 / z0 * rate + c7 * x * z + c8 * z * v + c9 * z - kf * z),
        t0 * (c10 * x * y + c11 * y + c12 * x**2 + c13 * z * v - kf * v),
    )


@system(
    "IsothermalChemical",
    parameters={"delta": 1.0, "kappa": 2.5, "mu": 0.29786, "sigma": 0.013},
    initial_conditions=(0.5141505602006595, 0.9984288208727641, 1.0061777118724),
    dt=0.00014608034672445314,
    period=0.7302799999999999,
)
def isothermal_chemical(t, alpha, beta, gamma, *, delta, kappa, mu, sigma):
    """Cubic autocatalysis with mixed-mode oscillations (Petrov, Scott & Showalter 1992)."""
    reaction = alpha * (beta**2 + 1)
    return mu * (kappa + gamma) - reaction, (reaction - beta) / sigma, (beta - gamma) / delta


@system(
    "ForcedBrusselator",
    parameters={"a": 0.4, "b": 1.2, "f": 0.05, "w": 0.81},
    initial_conditions=(0.40635464, 1.8192295, 6381.6484),
    dt=0.004082880480079893,
    period=20.411,
    bounded=mapped({2: jnp.sin}),
    nonautonomous=True,
)
def forced_brusselator(t, x, y, z, *, a, b, f, w):
    """An autocatalytic reaction under periodic supply (Prigogine 1980); z is the phase."""
    return a + x**2 * y - (b + 1) * x + f * jnp.cos(z), b * x - x**2 * y, w


@system(
    "KawczynskiStrizhak",
    parameters={"beta": -0.4, "gamma": 0.49, "kappa": 0.2, "mu": 2.1},
    initial_conditions=(-1.160501, 5.8636902, -1.2031947),
    dt=0.0015985997666280128,
    period=10.991666666666667,
)
def kawczynski_strizhak(t, x, y, z, *, beta, gamma, kappa, mu):
    """Mixed modes of the Belousov-Zhabotinsky reaction (Strizhak & Kawczynski 1995)."""
    return gamma * (y - x**3 + 3 * mu * x), beta - 2 * mu * x - y - z, kappa * (x - z)


@system(
    "GlycolyticOscillation",
    parameters={
        "d": 0.0,
        "k": 4.422,
        "l1": 500000000.0,
        "l2": 100.0,
        "nu": 1.0,
        "q1": 50.0,
        "q2": 0.02,
        "s1": 22.2222,
        "s2": 22.2222,
    },
    initial_conditions=(29.453349256846987, 130.19350141357407, 0.18407087674169492),
    dt=0.010091998840098313,
    period=50.45999420049144,
)
def glycolytic_oscillation(t, a, b, c, *, d, k, l1, l2, nu, q1, q2, s1, s2):
    """Two enzymes in series, each activated by its product (Decroly & Goldbeter 1982)."""
    first = s1 * a * (1 + a) * (1 + b) ** 2 / (l1 + ((1 + a) * (1 + b)) ** 2)
    second = s2 * b * (1 + d * b) * (1 + c) ** 2 / (l2 + ((1 + d * b) * (1 + c)) ** 2)
    return nu - first, q1 * first - second, q2 * second - k * c
