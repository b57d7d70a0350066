"""Distributions over velocities on a regular grid of the plane: the grid, moments, Maxwellians."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float, Real

from entropax import _checks, _lapack
from entropax._typing import Array, ArrayLike, RealScalar, Scalar

_ROOM = (3 + math.sqrt(2)) / 2
"""Half-width over support from which periodic images no longer meet in a collision (Pareschi and Russo 2000)."""


class VelocityGrid(eqx.Module):
    """N x N velocities in [-L, L)^2, a periodic square wide enough for collisions of what lies within a support.

    Two particles of speed at most S have relative speeds up to 2S. Their products do not reach the periodic images of
    others when L >= (3 + sqrt 2) S / 2. The spacing should stay below the narrowest distribution's standard deviation:
    a coarser grid makes negative values, and then entropies that fall. The grid is static: it compiles as a constant.

    Attributes:
        num_points: N, even; the grid holds v = 0.
        support: S, the speed beyond which distributions are taken as zero by collisions.
        half_width: L.
    """

    num_points: int = eqx.field(static=True)
    support: float = eqx.field(static=True)
    half_width: float = eqx.field(static=True)

    def __init__(self, num_points: int, *, support: float, half_width: float | None = None):
        """Checks that the square holds the collisions of its support.

        Args:
            num_points: N, even, at least 4.
            support: S > 0, in thermal speeds; about 4.5 times the widest distribution's standard deviation.
            half_width: L, by default the smallest allowed, (3 + sqrt 2) S / 2.

        Raises:
            ValueError: N is odd or too small, S is not positive or L is too small.
        """
        _checks.require_integer("num_points", num_points, minimum=4)
        if num_points % 2:
            raise ValueError(f"num_points must be even, got {num_points}")
        if not (math.isfinite(support) and support > 0):
            raise ValueError(f"support must be positive and finite, got {support}")
        smallest = _ROOM * support
        half_width = smallest if half_width is None else float(half_width)
        if not (math.isfinite(half_width) and half_width >= smallest * (1 - 1e-12)):
            raise ValueError(f"half_width must be at least (3 + sqrt 2)/2 support = {smallest:.6g}, got {half_width}")
        self.num_points, self.support, self.half_width = int(num_points), float(support), half_width

    @property
    def spacing(self) -> float:
        """Distance h = 2L/N of neighbouring velocities."""
        return 2 * self.half_width / self.num_points

    @property
    def cell_area(self) -> float:
        """h^2, the weight of a grid point in integrals."""
        return self.spacing**2

    def axis(self, dtype: jax.typing.DTypeLike | None = None) -> Float[Array, "n"]:
        """The velocities along one axis, -L, ..., L - h.

        Args:
            dtype: floating dtype, by default jax's.

        Returns:
            Velocities, shape (N,), the middle one zero.
        """
        dtype = jnp.result_type(float) if dtype is None else dtype
        steps = jnp.arange(-(self.num_points // 2), self.num_points // 2, dtype=dtype)
        return jnp.asarray(self.spacing, dtype) * steps

    def velocities(self, dtype: jax.typing.DTypeLike | None = None) -> Float[Array, "n n 2"]:
        """All velocities, the first axis that of v_x.

        Args:
            dtype: floating dtype, by default jax's.

        Returns:
            Velocities, shape (N, N, 2).
        """
        axis = self.axis(dtype)
        return jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"), axis=-1)


class VelocityMoments(eqx.Module):
    """Density, mean velocity and second moment of a distribution over velocities.

    Attributes:
        density: n = int f dv.
        velocity: u = <v>, shape (2,).
        second: <v v>, shape (2, 2), about v = 0.
    """

    density: Scalar
    velocity: Float[Array, "2"]
    second: Float[Array, "2 2"]

    @property
    def covariance(self) -> Float[Array, "2 2"]:
        """<v v> - u u, shape (2, 2): the stress by particle."""
        return self.second - jnp.outer(self.velocity, self.velocity)

    @property
    def temperature(self) -> Scalar:
        """T = <|v - u|^2> / 2."""
        return jnp.trace(self.covariance) / 2


def velocity_moments(f: Real[ArrayLike, "n n"], *, grid: VelocityGrid) -> VelocityMoments:
    """Moments of a distribution: sums over the grid, which are as exact as its Fourier series.

    Args:
        f: values at `grid.velocities()`, shape (N, N).
        grid: the grid.

    Returns:
        Density, velocity and second moment by particle.

    Raises:
        ValueError: f does not have the grid's shape or its sum is not positive.

    Differentiable in f.
    """
    f = as_distribution("f", f, grid)
    return _checks.enforce(moments_of(f, grid), _positive_density(f))


@functools.partial(jax.jit, static_argnums=1)
def moments_of(f: Array, grid: VelocityGrid) -> VelocityMoments:
    """`velocity_moments` of what is already checked.

    Args:
        f: values at `grid.velocities()`, shape (N, N), of positive sum.
        grid: the grid, static.

    Returns:
        Density, velocity and second moment by particle.
    """
    v = grid.axis(f.dtype)
    along_x, along_y = jnp.sum(f, axis=1), jnp.sum(f, axis=0)
    total = jnp.sum(along_x)
    velocity = jnp.stack([v @ along_x, v @ along_y]) / total
    cross = v @ f @ v
    second = jnp.stack([v**2 @ along_x, cross, cross, v**2 @ along_y]).reshape(2, 2) / total
    return VelocityMoments(total * grid.cell_area, velocity, second)


def maxwellian(
    density: RealScalar,
    velocity: Real[ArrayLike, "2"],
    temperature: RealScalar | Real[ArrayLike, "2 2"],
    *,
    grid: VelocityGrid,
) -> Float[Array, "n n"]:
    """n / (2 pi T) exp(-|v - u|^2 / (2T)), or the Gaussian of a temperature tensor.

    Args:
        density: n > 0.
        velocity: u, shape (2,).
        temperature: T > 0, or the covariance of v, shape (2, 2), symmetric and positive definite.
        grid: the grid.

    Returns:
        The distribution at `grid.velocities()`, shape (N, N).

    Raises:
        ValueError: a shape does not fit, n is not positive, or T is not positive (definite).

    Differentiable in n, u and T.
    """
    n, u, T = _checks.as_floats(density=density, velocity=velocity, temperature=temperature)
    _checks.as_numbers(density=n)
    _checks.require_shape("velocity", u, (2,))
    if T.ndim == 0:
        check = _checks.positive("temperature", T)
        return _checks.enforce(isotropic_maxwellian(n, u, T, grid), _checks.positive("density", n), check)
    _checks.require_shape("temperature", T, (2, 2))
    check = _checks.positive_definite("temperature", T)
    return _checks.enforce(_gaussian(n, u, T, grid), _checks.positive("density", n), check)


def isotropic_maxwellian(n: Array, u: Array, T: Array, grid: VelocityGrid) -> Array:
    """`maxwellian` of one temperature, already checked: a product of two Gaussians.

    Args:
        n: density.
        u: mean velocity, shape (2,).
        T: temperature, > 0.
        grid: the grid.

    Returns:
        The distribution at `grid.velocities()`, shape (N, N). Differentiable in n, u and T.
    """
    along_x, along_y = (jnp.exp(-((grid.axis(T.dtype) - u[i]) ** 2) / (2 * T)) for i in range(2))
    return n / (2 * jnp.pi * T) * jnp.outer(along_x, along_y)


def _gaussian(n: Array, u: Array, T: Array, grid: VelocityGrid) -> Array:
    w = grid.velocities(T.dtype) - u[None, None, :]
    determinant = T[0, 0] * T[1, 1] - T[0, 1] * T[1, 0]
    form = T[1, 1] * w[..., 0] ** 2 - (T[0, 1] + T[1, 0]) * w[..., 0] * w[..., 1] + T[0, 0] * w[..., 1] ** 2
    return n / (2 * jnp.pi * jnp.sqrt(determinant)) * jnp.exp(-form / (2 * determinant))


def with_moments(f: Array, n: Array, u: Array, T: Array, grid: VelocityGrid) -> Array:
    """f (1 + a + b . (v - u) + c |v - u|^2) with the density, velocity and temperature asked for, to rounding.

    A factor rather than an added term: where f is positive and the correction small, the result is positive. Its four
    coefficients solve a linear system with the moments of f up to the fourth.

    Args:
        f: values at `grid.velocities()`, shape (N, N), near those of the moments.
        n: density wanted.
        u: velocity wanted, shape (2,).
        T: temperature wanted.
        grid: the grid.

    Returns:
        The corrected distribution, shape (N, N). Differentiable in f, n, u and T.
    """
    w = grid.axis(f.dtype)
    x, y = (w - u[0])[:, None], (w - u[1])[None, :]
    one = jnp.ones_like(f)
    invariants = jnp.stack([one, x * one, y * one, x**2 + y**2 - 2 * T]).reshape(4, -1)
    weighted = invariants * (f.reshape(1, -1) * grid.cell_area)
    wanted = jnp.stack([n, jnp.zeros_like(n), jnp.zeros_like(n), jnp.zeros_like(n)])
    coefficients = _lapack.solve(weighted @ invariants.T, (wanted - jnp.sum(weighted, axis=1))[:, None])[:, 0]
    return f + f * (coefficients @ invariants).reshape(f.shape)


def as_distribution(name: str, f: ArrayLike, grid: VelocityGrid) -> Array:
    """f as floating values on the grid; raises ValueError where its shape is another one.

    Args:
        name: what messages call it.
        f: values, integers and Python numbers too.
        grid: the grid.

    Returns:
        f, shape (N, N), of floating dtype.
    """
    f = _checks.as_float(name, f)
    if f.shape != (grid.num_points, grid.num_points):
        raise ValueError(f"{name} must have the grid's shape {(grid.num_points,) * 2}, got {f.shape}")
    return f


def _positive_density(f: Array) -> _checks.Check:
    with _checks.evaluated_now(f):
        total = jnp.sum(f)
        return _checks.Check(total > 0, "f must have a positive density", lambda: f"a sum of {total}")
