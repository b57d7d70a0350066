"""Macrostates of a gas: occupation numbers of cells, and the Boltzmann entropy they have."""

import functools
import math

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.information._numerics import x_log_x


def occupation_numbers(
    coordinates: Real[ArrayLike, "*batch n d"],
    *,
    lower: Real[ArrayLike, "d"],
    upper: Real[ArrayLike, "d"],
    cells: tuple[int, ...],
) -> Float[Array, "..."]:
    """How many particles are in each cell of a grid in the space of one particle.

    Args:
        coordinates: a point of every particle, shape (..., n, d): positions, velocities, or both joined; leading axes
            are copies or times.
        lower: corner of the grid, shape (d,). For velocities take it a whole number of cells below zero, so that zero
            is an edge at every size of the cells.
        upper: opposite corner, shape (d,).
        cells: number of cells along each of the d axes.

    Returns:
        Counts as floating numbers, shape (..., *cells). Particles outside the grid are counted in its outermost cells,
        so that the counts sum to n. Counts of copies are pooled by adding them.

    Raises:
        ValueError: shapes do not fit, coordinates are not finite, or `upper` is not above `lower`.

    Piecewise constant; `smooth_occupation_numbers` is the relaxed form. Source: arXiv 2403.07519.
    """
    places, checks = _places(coordinates, lower, upper, cells)
    return _checks.enforce(_hard_counts(places, cells), *checks)


def smooth_occupation_numbers(
    coordinates: Real[ArrayLike, "*batch n d"],
    *,
    lower: Real[ArrayLike, "d"],
    upper: Real[ArrayLike, "d"],
    cells: tuple[int, ...],
    width: RealScalar = 1.0,
) -> Float[Array, "..."]:
    """Occupation numbers with gradients, N_a = sum_i prod_d B((z_id - c_ad) / h_d): cells share the particles near.

    At `width` 1 B is the quadratic B-spline, 3/4 - u^2 within half a cell and (3/2 - |u|)^2 / 2 up to one and a half;
    in general it is the part of a cell under a triangle about the particle whose half base is `width` cells. Shares sum
    to one, and those beyond the grid belong to its outermost cells, so that the counts sum to n exactly.

    Args:
        coordinates: shape (..., n, d), as for `occupation_numbers`.
        lower: corner of the grid, shape (d,).
        upper: opposite corner, shape (d,).
        cells: number of cells along each axis.
        width: positive, in cells. As it vanishes the counts tend to those of `occupation_numbers`.

    Returns:
        Counts, shape (..., *cells).

    Raises:
        ValueError: as for `occupation_numbers`, or the width is not positive.

    Differentiable in coordinates, corners and width. Source: arXiv 2403.07519.
    """
    z, low, high, w = _checks.as_floats(coordinates=coordinates, lower=lower, upper=upper, width=width)
    _checks.as_numbers(width=w)
    places, checks = _places(z, low, high, cells)
    return _checks.enforce(_smooth_counts(places, w, cells), *checks, _checks.positive("width", w))


def boltzmann_entropy(
    counts: Real[ArrayLike, "..."],
    cell_volume: RealScalar,
    *,
    stirling: bool = False,
    per_particle: bool = True,
) -> Scalar:
    """Log of the phase-space volume of a macrostate, S = sum_a [N_a log|D| - log Gamma(N_a + 1)].

    Identical particles (1/N! is in it), k_B = h = m = 1; with Stirling's formula S = sum_a N_a [log|D| - log N_a + 1].

    Args:
        counts: occupation numbers N_a >= 0 of all cells, any shape, not all zero; they need not be whole.
        cell_volume: |D| > 0 of a cell in the phase space of one particle.
        stirling: whether to take Stirling's formula, larger by about log(2 pi N_a) / 2 for every occupied cell.
        per_particle: whether to divide by sum_a N_a.

    Returns:
        S, or S / N, in nats.

    Raises:
        ValueError: a count is negative or all vanish, or the volume is not positive.

    Differentiable in both; with Stirling's formula the slope at empty cells, infinite, is taken as log|D| + 1. Source:
    arXiv 2403.07519.
    """
    n, volume = _checks.as_floats(counts=counts, cell_volume=cell_volume)
    _checks.as_numbers(cell_volume=volume)
    total = jnp.sum(n)
    arrangements = jnp.sum(x_log_x(n)) - total if stirling else jnp.sum(gammaln(n + 1))
    entropy = total * jnp.log(volume) - arrangements
    entropy = entropy / total if per_particle else entropy
    return _checks.enforce(entropy, *_count_checks(n, volume))


def pooled_entropy(counts: Real[ArrayLike, "copies ..."], cell_volume: RealScalar, *, corrected: bool = True) -> Scalar:
    """Entropy per particle of the coarse-grained density that several copies show, -sum_a p_a log(p_a / |D|).

    The counts of all copies are added, p_a = sum N_a / sum N. What sampling leaves the entropy short of, about
    (occupied cells - 1) / (2 sum N), is added. `boltzmann_entropy` with Stirling's formula is larger by 1 - log N.

    Args:
        counts: occupation numbers of every copy, shape (copies, ...).
        cell_volume: |D| > 0 of a cell.
        corrected: whether to add the correction (of Miller and Madow).

    Returns:
        The entropy in nats.

    Raises:
        ValueError: a count is negative or all vanish, or the volume is not positive.

    Differentiable in both, the number of occupied cells being constant. Source: arXiv 2403.07519.
    """
    n, volume = _checks.as_floats(counts=counts, cell_volume=cell_volume)
    _checks.as_numbers(cell_volume=volume)
    if n.ndim < 2:
        raise ValueError(f"counts must have shape (copies, ...) with cells, got {n.shape}")
    pooled = jnp.sum(n, axis=0)
    total = jnp.sum(pooled)
    entropy = jnp.log(total) - jnp.sum(x_log_x(pooled)) / total + jnp.log(volume)
    if corrected:
        occupied = jnp.sum(pooled > 0).astype(n.dtype)
        entropy = entropy + (occupied - 1) / (2 * total)
    return _checks.enforce(entropy, *_count_checks(n, volume))


def hydrodynamic_entropy(
    positions: Real[ArrayLike, "n 2"],
    velocities: Real[ArrayLike, "n 2"],
    *,
    lower: Real[ArrayLike, "2"],
    upper: Real[ArrayLike, "2"],
    cells: tuple[int, int],
    width: RealScalar | None = None,
    per_particle: bool = True,
) -> Scalar:
    """Entropy of the macrostate of density, velocity and energy, S = sum_i N_i [log(2 pi T_i A / N_i) + 2].

    N_i particles are in cell i of area A; T_i is half their mean square velocity about their mean.

    Args:
        positions: shape (n, 2).
        velocities: shape (n, 2).
        lower: corner of the grid of cells, shape (2,).
        upper: opposite corner.
        cells: number of cells along each axis.
        width: None for sharp cells; a number shares particles among cells as `smooth_occupation_numbers` does, with
            gradients in the positions.
        per_particle: whether to divide by n.

    Returns:
        S, or S / n, in nats; -inf where a cell's particles have one velocity, as a single one does.

    Raises:
        ValueError: shapes do not fit, a number is not finite, or `upper` is not above `lower`.

    Differentiable in the velocities, and with a width in the positions. Source: arXiv 2403.07519.
    """
    numbers = {"positions": positions, "velocities": velocities, "lower": lower, "upper": upper}
    x, v, low, high, w = _checks.as_floats(**numbers, width=1.0 if width is None else width)
    _checks.as_numbers(width=w)
    _checks.require_ndim("positions", x, 2, "(n, 2)")
    _checks.require_same_shape(positions=x, velocities=v)
    places, checks = _places(x, low, high, cells, "positions")
    area = jnp.prod((high - low) / jnp.array(cells, x.dtype))
    entropy = _hydrodynamic(places, v, area, None if width is None else w, cells)
    entropy = entropy / x.shape[0] if per_particle else entropy
    return _checks.enforce(entropy, *checks, _checks.finite("velocities", v), _checks.positive("width", w))


# ------------------------------------------------------------------------------------------------------------ kernels


@functools.partial(jax.jit, static_argnames="cells")
def _hard_counts(places: Array, cells: tuple[int, ...]) -> Array:
    index = _indices(places, cells)
    flat = index[..., 0]
    for axis in range(1, len(cells)):
        flat = flat * cells[axis] + index[..., axis]
    batch = flat.shape[:-1]
    flat = flat.reshape(-1, flat.shape[-1])
    size = math.prod(cells)
    # Counted as integers: floating sums stop at 2^24 in single precision, at 256 in bfloat16.
    counts = jax.vmap(lambda i: jax.ops.segment_sum(jnp.ones(i.size, jnp.int32), i, size))(flat)
    return counts.astype(places.dtype).reshape(*batch, *cells)


def _indices(places: Array, cells: tuple[int, ...]) -> Array:
    """The cell of every place, the outermost for those outside."""
    last = jnp.array(cells, places.dtype).reshape((1,) * (places.ndim - 1) + (-1,)) - 1
    return jnp.clip(jnp.floor(jax.lax.stop_gradient(places)), 0, last).astype(jnp.int32)


@functools.partial(jax.jit, static_argnames="cells")
def _smooth_counts(places: Array, width: Array, cells: tuple[int, ...]) -> Array:
    letters = "abcdefgh"[: len(cells)]
    terms = ",".join(f"...z{letter}" for letter in letters)
    shares = [_shares(places[..., axis], width, count) for axis, count in enumerate(cells)]
    return jnp.einsum(f"{terms}->...{letters}", *shares)


def _shares(places: Array, width: Array, count: int) -> Array:
    """What each of `count` cells of length one has of each place, shape (..., n, count)."""
    edges = jnp.arange(1, count, dtype=places.dtype).reshape((1,) * places.ndim + (-1,))
    u = jnp.clip((edges - places[..., None]) / width, -1, 1)
    below = jnp.where(u < 0, (1 + u) ** 2 / 2, 1 - (1 - u) ** 2 / 2)  # of a triangle's area
    ends = [(0, 0)] * places.ndim
    below = jnp.pad(below, [*ends, (1, 0)])
    return jnp.diff(jnp.pad(below, [*ends, (0, 1)], constant_values=1), axis=-1)


@functools.partial(jax.jit, static_argnames="cells")
def _hydrodynamic(places: Array, v: Array, area: Array, width: Array | None, cells: tuple[int, int]) -> Array:
    if width is None:
        index = _indices(places, cells)
        weights = jax.nn.one_hot(index[:, 0] * cells[1] + index[:, 1], cells[0] * cells[1], dtype=v.dtype)
    else:
        along = [_shares(places[:, axis], width, cells[axis]) for axis in (0, 1)]
        weights = (along[0][:, :, None] * along[1][:, None, :]).reshape(v.shape[0], -1)
    n = jnp.sum(weights, axis=0)
    occupied = n > 0
    some = jnp.where(occupied, n, 1)
    mean = weights.T @ v / some[:, None]
    about = jnp.sum((v[:, None, :] - mean[None]) ** 2, axis=-1)
    temperature = jnp.sum(weights * about, axis=0) / (2 * some)
    warm = jnp.where(occupied, temperature, 1)
    return jnp.sum(jnp.where(occupied, n * (jnp.log(2 * jnp.pi * warm * area / some) + 2), 0))


# ------------------------------------------------------------------------------------------------------------- checks


def _places(
    coordinates: ArrayLike, lower: ArrayLike, upper: ArrayLike, cells: tuple[int, ...], name: str = "coordinates"
) -> tuple[Array, tuple[_checks.Check, ...]]:
    """The coordinates in units of cells from the lower corner, and what has to hold."""
    z, low, high = _checks.as_floats(**{name: coordinates}, lower=lower, upper=upper)
    for axis, count in enumerate(cells):
        _checks.require_integer(f"cells[{axis}]", count, minimum=1)
    if not 1 <= len(cells) <= 8:
        raise ValueError(f"cells must name 1 to 8 axes, got {cells}")
    if z.ndim < 2 or z.shape[-1] != len(cells):
        raise ValueError(f"{name} must have shape (..., n, {len(cells)}), one column for each axis, got {z.shape}")
    _checks.require_shape("lower", low, (len(cells),))
    _checks.require_shape("upper", high, (len(cells),))
    with _checks.evaluated_now(low, high):
        extent = high - low
        sized = _checks.positive("upper - lower", extent)
    shape = (1,) * (z.ndim - 1) + (-1,)
    places = (z - low.reshape(shape)) / (extent / jnp.array(cells, z.dtype)).reshape(shape)
    return places, (_checks.finite(name, z), sized)


def _count_checks(counts: Array, volume: Array) -> tuple[_checks.Check, ...]:
    with _checks.evaluated_now(counts):
        total = _checks.positive("the sum of counts", jnp.sum(counts))
    return _checks.nonnegative("counts", counts), total, _checks.positive("cell_volume", volume)
