"""Flows in four dimensions, most of which expand in two directions."""

from entropax.simulators.chaos.definitions import system


@system(
    "HyperRossler",
    parameters={"a": 0.25, "b": 3.0, "c": 0.5, "d": 0.05},
    initial_conditions=(-93.667697, 15.5078, 0.032086964, 43.792796),
    dt=0.00022318673168449264,
    period=1.1157476694793766,
)
def hyper_rossler(t, x, y, z, w, *, a, b, c, d):
    """The first hyperchaotic flow (Rossler 1979)."""
    return -y - z, x + a * y + w, b + x * z, d * w - c * z


@system(
    "HyperLorenz",
    parameters={"a": 10.0, "b": 2.667, "c": 28.0, "d": 1.1},
    initial_conditions=(-9.186073735061425, -0.6744570634419695, 16.440536886214517, -145.0243848950473),
    dt=0.00025555193801167774,
    period=1.277546730110058,
)
def hyper_lorenz(t, x, y, z, w, *, a, b, c, d):
    """A Lorenz system with a fourth coordinate (Meier 2003)."""
    return a * (y - x) + w, x * (c - z) - y, x * y - b * z, d * w - x * z


@system(
    "HyperJha",
    parameters={"a": 10.0, "b": 28.0, "c": 2.667, "d": 1.3},
    initial_conditions=(13.76544888070825, 20.203791990082554, 32.08179795423583, -51.189321449994914),
    dt=0.00017131789889951677,
    period=0.8564467295817622,
)
def hyper_jha(t, x, y, z, w, *, a, b, c, d):
    """The equations of `hyper_lorenz` with b and c exchanged (Meier 2003)."""
    return hyper_lorenz(t, x, y, z, w, a=a, b=c, c=b, d=d)


@system(
    "HyperCai",
    parameters={"a": 27.5, "b": 3.0, "c": 19.3, "d": 2.9, "e": 3.3},
    initial_conditions=(-10.691273602120157, -15.541159376570342, 18.388272900250726, -14.904493939514888),
    dt=0.0001222991069250412,
    period=0.6113936187028436,
)
def hyper_cai(t, x, y, z, w, *, a, b, c, d, e):
    """A financial market (Cai & Huang 2007)."""
    return a * (y - x), b * x + c * y - x * z + w, y**2 - d * z, -e * x


@system(
    "HyperBao",
    parameters={"a": 36.0, "b": 3.0, "c": 20.0, "d": 0.1, "e": 21.0},
    initial_conditions=(9.271308063781017, 9.752247178805291, 23.919154915696105, -16.69675939965203),
    dt=0.00011664956154566752,
    period=0.5831505997603473,
)
def hyper_bao(t, x, y, z, w, *, a, b, c, d, e):
    """The Lu system with a fourth coordinate (Bao & Liu 2008)."""
    return a * (y - x) + w, c * y - x * z, x * y - b * z, e * x + d * y * z


@system(
    "HyperLu",
    parameters={"a": 36.0, "b": 3.0, "c": 20.0, "d": 1.3},
    initial_conditions=(8.11348619, 10.55664382, 18.44590719, -28.38151717),
    dt=0.00014328101980993325,
    period=0.7162856981996777,
)
def hyper_lu(t, x, y, z, w, *, a, b, c, d):
    """The Lu system with state feedback (Chen et al. 2006)."""
    return a * (y - x) + w, c * y - x * z, x * y - b * z, d * w + x * z


@system(
    "HyperPang",
    parameters={"a": 36.0, "b": 3.0, "c": 20.0, "d": 2.0},
    initial_conditions=(8.40863585, 4.67210241, 27.91032548, -1.26300886),
    dt=0.0001688156231375615,
    period=0.8439374360017028,
)
def hyper_pang(t, x, y, z, w, *, a, b, c, d):
    """The Lu system with linear feedback (Pang & Liu 2011)."""
    return a * (y - x), c * y - x * z + w, x * y - b * z, -d * (x + y)


@system(
    "HyperQi",
    parameters={"a": 50.0, "b": 24.0, "c": 13.0, "d": 8.0, "e": 33.0, "f": 30.0},
    initial_conditions=(11.250900857894639, -3.647077762541555, 50.16987924937642, -168.2485185683687),
    dt=1.2374139476927226e-05,
    period=0.06186038560173437,
)
def hyper_qi(t, x, y, z, w, *, a, b, c, d, e, f):
    """A hyperchaotic relative of `qi` (Qi et al. 2008)."""
    return a * (y - x) + y * z, b * (x + y) - x * z, x * y - c * z - e * w, x * y - d * w + f * z


@system(
    "Qi",
    parameters={"a": 45.0, "b": 10.0, "c": 1.0, "d": 10.0},
    initial_conditions=(0.2562042648386667, 0.1956116640569919, 7.259823760387948, 1.3162558970131963),
    dt=8.165560926819638e-05,
    period=0.40820999999999996,
)
def qi(t, x, y, z, w, *, a, b, c, d):
    """Products of three coordinates; a wide power spectrum (Qi et al. 2008)."""
    return a * (y - x) + y * z * w, b * (x + y) - x * z * w, x * y * w - c * z, x * y * z - d * w


@system(
    "HyperYangChen",
    parameters={"a": 30.0, "b": 3.0, "c": 35.0, "d": 8.0},
    initial_conditions=(3.534464234888686, 4.82852516302869, 25.04917588890622, 17.118520274514353),
    dt=0.00018257100103951984,
    period=0.9127028626966961,
)
def hyper_yang_chen(t, x, y, z, w, *, a, b, c, d):
    """A Lorenz-like system with integral feedback (Meier 2003)."""
    return a * (y - x), c * x - x * z + w, x * y - b * z, -d * x


@system(
    "HyperWang",
    parameters={"a": 10.0, "b": 40.0, "c": 2.5, "d": 10.6, "e": 4.0},
    initial_conditions=(0.16824907, 0.16854103, 37.04033781, -15.29027381),
    dt=0.0001296520200215312,
    period=0.6481520567576332,
)
def hyper_wang(t, x, y, z, w, *, a, b, c, d, e):
    """A four-wing system with a fourth coordinate (Wang et al. 2009)."""
    return a * (y - x), b * x - x * z + w, e * x**2 - c * z, -d * x


@system(
    "HyperXu",
    parameters={"a": 10.0, "b": 40.0, "c": 2.5, "d": 2.0, "e": 16.0},
    initial_conditions=(0.68944486, -0.60254126, -0.5814657, 0.26629277),
    dt=0.00022660079191240358,
    period=1.1328151255687646,
)
def hyper_xu(t, x, y, z, w, *, a, b, c, d, e):
    """Quadratic products with a fourth coordinate (Letellier & Rossler 2007)."""
    return a * (y - x) + w, b * x + e * x * z, -c * z - x * y, x * z - d * y


@system(
    "HyperYan",
    parameters={"a": 37.0, "b": 3.0, "c": 26.0, "d": 38.0},
    initial_conditions=(-6.576620730899293, -4.617145437320736, 17.796515255115004, 0.8072357311545831),
    dt=0.00018257100103951984,
    period=0.9127028626966961,
)
def hyper_yan(t, x, y, z, w, *, a, b, c, d):
    """Chen's system with a fourth coordinate (Meier 2003)."""
    return a * (y - x), (c - a) * x - x * z + c * y, x * y - b * z + (x - y) * z - w, (y - x) * z - d * w
