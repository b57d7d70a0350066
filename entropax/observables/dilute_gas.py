"""What theory says of a dilute gas of discs: equilibrium, collision rates, and expansion without collisions."""

import functools
import math

import jax
import jax.numpy as jnp
from jax.scipy.special import erfc, ndtr

from entropax import _checks
from entropax._typing import Array, RealScalar, Scalar
from entropax.information._numerics import x_log_x


def sackur_tetrode_2d(volume: RealScalar, number: RealScalar, temperature: RealScalar) -> Scalar:
    """Entropy per particle of the ideal gas in two dimensions, s = log(2 pi T V / N) + 2, with h = m = k_B = 1.

    Args:
        volume: V > 0, area of the box.
        number: N > 0 of particles.
        temperature: T > 0; the energy is N T.

    Returns:
        s in nats.

    Raises:
        ValueError: an argument is not a positive number.

    Differentiable in all arguments. Source: arXiv 2403.07519.
    """
    numbers = _checks.as_numbers(volume=volume, number=number, temperature=temperature)
    V, N, T = numbers
    return _checks.enforce(jnp.log(2 * jnp.pi * T * V / N) + 2, *_positive(volume=V, number=N, temperature=T))


def collision_frequency(
    density: RealScalar, diameter: RealScalar, temperature: RealScalar, *, enskog: bool = False
) -> Scalar:
    """Collisions per disc and unit time in equilibrium, nu = 2 n s sqrt(pi T), for discs of mass one.

    Args:
        density: n >= 0, discs per area.
        diameter: s >= 0.
        temperature: T > 0.
        enskog: whether to multiply by the contact value (1 - 7 eta/16) / (1 - eta)^2 at the packing fraction
            eta = n pi s^2 / 4, for gases that are not so dilute.

    Returns:
        nu per unit time.

    Raises:
        ValueError: an argument is out of its range, or eta is not below 1.

    Differentiable in all arguments. Source: kinetic theory; Henderson 1975 for the contact value.
    """
    n, s, T = _checks.as_numbers(density=density, diameter=diameter, temperature=temperature)
    with _checks.evaluated_now(n, s):
        eta = n * jnp.pi * s**2 / 4
        loose = _checks.Check(eta < 1, "the packing fraction must be below 1", lambda: f"{eta:.6g}")
    nu = 2 * n * s * jnp.sqrt(jnp.pi * T)
    nu = nu * (1 - 7 * eta / 16) / (1 - eta) ** 2 if enskog else nu
    checks = _checks.nonnegative("density", n), _checks.nonnegative("diameter", s), *_positive(temperature=T)
    return _checks.enforce(nu, *checks, loose)


def mean_free_path(density: RealScalar, diameter: RealScalar) -> Scalar:
    """Mean distance between two collisions of a disc in a dilute gas, lambda = 1 / (2 sqrt(2) n s).

    Args:
        density: n > 0, discs per area.
        diameter: s > 0.

    Returns:
        lambda, a length.

    Raises:
        ValueError: an argument is not positive.

    Differentiable in both. Source: kinetic theory, mean speed over `collision_frequency`.
    """
    n, s = _checks.as_numbers(density=density, diameter=diameter)
    return _checks.enforce(1 / (2 * math.sqrt(2) * n * s), *_positive(density=n, diameter=s))


def coarse_maxwellian_entropy(cell: RealScalar, temperature: RealScalar, *, num_cells: int = 256) -> Scalar:
    """Entropy of one component of Maxwell's velocities averaged over cells [j dv, (j + 1) dv], -sum P log(P / dv).

    For small cells log(2 pi e T) / 2 + dv^2 / (24 T): what coarse graining adds at rest.

    Args:
        cell: dv > 0.
        temperature: T > 0.
        num_cells: cells on either side of zero; they must reach to 8 sqrt(T).

    Returns:
        The entropy in nats.

    Raises:
        ValueError: an argument is not positive, or the cells do not reach far enough.

    Differentiable in both. Source: arXiv 2403.07519.
    """
    dv, T = _checks.as_numbers(cell=cell, temperature=temperature)
    _checks.require_integer("num_cells", num_cells, minimum=1)
    with _checks.evaluated_now(dv, T):
        far = _checks.Check(num_cells * dv >= 8 * jnp.sqrt(T), "the cells must reach 8 sqrt(T)", lambda: f"{num_cells}")
    edges = jnp.arange(num_cells + 1, dtype=dv.dtype) * dv / jnp.sqrt(2 * T)
    P = (erfc(edges[:-1]) - erfc(edges[1:])) / 2
    entropy = -2 * (jnp.sum(x_log_x(P)) - jnp.sum(P) * jnp.log(dv))
    return _checks.enforce(entropy, *_positive(cell=dv, temperature=T), far)


def scaling_entropy(time: RealScalar) -> Scalar:
    """Entropy gained by streaming into twice the volume with fine velocity cells, against w = t dv / (2 L).

    The density over a velocity cell is a half-filled square wave averaged over w of its periods, q, and the entropy
    -2 <q log q> over its phase: w up to 1/2, log 2 at every whole w, small dips below between them.

    Args:
        time: w >= 0 (between periodic walls w = t dv / L).

    Returns:
        The gain in nats per particle.

    Raises:
        ValueError: w is negative.

    Differentiable, at whole numbers and halves from the right. Source: the limit dv -> 0 of `ideal_expansion_entropy`.
    """
    (w,) = _checks.as_numbers(time=time)
    late = w > 0.5
    safe = jnp.where(late, w, 1.0)
    whole = jnp.floor(safe)
    rest = safe - whole
    # The part of a window that is on, beyond whole periods, goes between two values linearly with its phase.
    most, least = jnp.minimum(rest, 0.5), jnp.maximum(rest - 0.5, 0.0)
    high, low = (whole / 2 + most) / safe, (whole / 2 + least) / safe
    integral = lambda q: q * x_log_x(q) / 2 - q**2 / 4  # noqa: E731  of q log q
    mean = (0.5 - most + least) * (x_log_x(high) + x_log_x(low)) + 2 * safe * (integral(high) - integral(low))
    return _checks.enforce(jnp.where(late, -2 * mean, w), _checks.nonnegative("time", w))


def ideal_expansion_entropy(
    time: RealScalar,
    *,
    velocity_cell: float,
    num_cells: int,
    length: RealScalar = 1.0,
    temperature: RealScalar = 1.0,
    boundary: str = "reflecting",
    reach: float = 8.0,
    images: int | None = None,
) -> Scalar:
    """Entropy of (x, v_x) cells of an ideal gas that expands from the left half of a box, s = -sum p log(p / (dx dv)).

    f(x, v, t) = (2/L) phi(v) where x - v t, folded at the walls, was in the left half. Its integral over a cell is in
    closed form: the part of the half below x is piecewise linear in v, and phi integrates with 1 and v.

    Args:
        time: t >= 0.
        velocity_cell: dv > 0.
        num_cells: of the box, an even number so that the left half is made of whole ones.
        length: L > 0.
        temperature: T > 0.
        boundary: "reflecting" (the pattern repeats after 2 L) or "periodic" (after L).
        reach: velocities up to this one are counted, at least 5 sqrt(T): beyond are 6e-7 of the particles or fewer.
        images: periods of the pattern on either side; at least (L + t v_max) / period + 1. To be given where the time
            is traced.

    Returns:
        s(t) in nats per particle; s(t) - s(0) is the entropy gained.

    Raises:
        ValueError: an argument is out of its range, `reach` leaves out particles, or there are too few images.

    Differentiable in time, length and temperature. Source: arXiv 2403.07519 (the case without collisions).
    """
    t, L, T = _checks.as_numbers(time=time, length=length, temperature=temperature)
    _checks.require_option("boundary", boundary, ("reflecting", "periodic"))
    _checks.require_integer("num_cells", num_cells, minimum=2)
    if not (velocity_cell > 0 and reach > 0):
        raise ValueError(f"velocity_cell and reach must be positive, got {velocity_cell} and {reach}")
    fastest = math.ceil(reach / velocity_cell) * velocity_cell
    period = 2.0 if boundary == "reflecting" else 1.0  # in lengths
    with _checks.evaluated_now(t, L):
        needed = (1 + t * fastest / L) / period + 1
    if images is None:
        if not _checks.is_concrete(needed):
            raise ValueError("images must be given where time or length is traced, got None")
        images = 1 if not bool(jnp.isfinite(needed)) else max(1, math.ceil(float(needed)))
    _checks.require_integer("images", images, minimum=1)
    with _checks.evaluated_now(needed, T):
        enough = _checks.Check(
            needed <= images + 1, "images must cover the motion", lambda: f"{images}, {needed} needed"
        )
        wide = _checks.Check(fastest >= 5 * jnp.sqrt(T), "reach must be at least 5 sqrt(T)", lambda: f"{reach} at {T}")
    entropy = _expansion(t, L, T, velocity_cell, math.ceil(reach / velocity_cell), num_cells, boundary, images)
    checks = _checks.nonnegative("time", t), *_positive(length=L, temperature=T), enough, wide
    return _checks.enforce(entropy, *checks)


@functools.partial(jax.jit, static_argnames=("dv", "half", "num_cells", "boundary", "images"))
def _expansion(t: Array, L: Array, T: Array, dv: float, half: int, num_cells: int, boundary: str, images: int) -> Array:
    dtype = t.dtype
    v = jnp.arange(-half, half + 1, dtype=dtype) * dv
    x = jnp.arange(num_cells + 1, dtype=dtype) * (L / num_cells)
    n = jnp.arange(-images, images + 1, dtype=dtype)
    starts = (2 * n - 0.5) * L if boundary == "reflecting" else n * L
    ends = (2 * n + 0.5) * L if boundary == "reflecting" else (n + 0.5) * L

    def below(corner: Array) -> Array:
        """int phi(v) max(x - v t - corner, 0) dv over every velocity cell, by cell edges in x."""
        y = (x - corner)[:, None]
        reached = jnp.where(t > 0, y / jnp.where(t > 0, t, 1.0), jnp.where(y > 0, jnp.inf, -jnp.inf))
        inner = jnp.clip(reached, v[None, :-1], v[None, 1:])
        phi = lambda u: jnp.exp(-(u**2) / (2 * T)) * jnp.sqrt(T / (2 * jnp.pi))  # noqa: E731  T times the density
        cdf = lambda u: ndtr(u / jnp.sqrt(T))  # noqa: E731
        return y * (cdf(inner) - cdf(v[None, :-1])) + t * (phi(inner) - phi(v[None, :-1]))

    on = jnp.sum(jax.vmap(below)(starts) - jax.vmap(below)(ends), axis=0)
    p = 2 / L * jnp.diff(on, axis=0)
    return -jnp.sum(x_log_x(p)) + jnp.sum(p) * jnp.log(L / num_cells * dv)


def _positive(**values: Array) -> tuple[_checks.Check, ...]:
    return tuple(_checks.positive(name, value) for name, value in values.items())
