"""Distributions with exactly known mutual information, on which estimators are measured."""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks, information
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar


class Task(eqx.Module):
    """A joint distribution of X and Y with known mutual information.

    Subclasses are frozen equinox modules whose parameters are array fields, so that one can differentiate by them and
    vmap over them. Samples have the dtype of the parameters.

    Attributes:
        dim_x: number of coordinates of X.
        dim_y: number of coordinates of Y.
        description: in words.
    """

    dim_x: eqx.AbstractVar[int]
    dim_y: eqx.AbstractVar[int]
    description: eqx.AbstractVar[str]

    @property
    @abc.abstractmethod
    def mutual_information(self) -> Scalar:
        """I(X; Y) in nats, exact up to rounding."""

    @abc.abstractmethod
    def _draw(self, num_samples: int, key: Array) -> tuple[Array, Array]: ...

    def sample(
        self, num_samples: int, *, key: PRNGKey
    ) -> tuple[Float[Array, "num_samples dim_x"], Float[Array, "num_samples dim_y"]]:
        """Draws independent pairs.

        Args:
            num_samples: number of pairs n.
            key: a key made by jax.random.key.

        Returns:
            x, shape (n, dim_x), and y, shape (n, dim_y). Differentiable in the parameters along the path of the
            samples, where the class does not say otherwise.

        Raises:
            ValueError: num_samples is less than one.
        """
        _checks.require_integer("num_samples", num_samples, minimum=1)
        _checks.require_key("key", key)
        return _sample(self, num_samples, key)


@eqx.filter_jit
def _sample(task: Task, num_samples: int, key: Array) -> tuple[Array, Array]:
    return task._draw(num_samples, key)


def _checked_blocks(name: str, matrix: Array, dim_x: int) -> Array:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must have shape (d, d), got {matrix.shape}")
    _checks.require_integer("dim_x", dim_x, minimum=1, maximum=matrix.shape[0] - 1)
    return _checks.enforce(matrix, _checks.positive_definite(name, matrix))


def _normal_rows(covariance: Array, num_samples: int, key: Array) -> Array:
    normals = jax.random.normal(key, (num_samples, covariance.shape[0]), covariance.dtype)
    return jnp.matmul(normals, jnp.linalg.cholesky(covariance).T, precision="highest")


class GaussianTask(Task):
    """X and Y jointly normal with mean zero: I = (log det S_x + log det S_y - log det S) / 2.

    Attributes:
        covariance: S, shape (d, d), X first.
        dim_x: number of coordinates of X.
        dim_y: number of coordinates of Y.
        description: in words.
    """

    covariance: Float[Array, "d d"]
    dim_x: int = eqx.field(static=True)
    dim_y: int = eqx.field(static=True)
    description: str = eqx.field(static=True)

    def __init__(self, covariance: Real[ArrayLike, "d d"], *, dim_x: int, description: str = "jointly normal"):
        """Checks and converts the parameters.

        Args:
            covariance: S, shape (d, d), symmetric positive definite, the coordinates of X first.
            dim_x: number of coordinates of X, from 1 to d - 1.
            description: in words.

        Raises:
            ValueError: the covariance is not square, symmetric and positive definite, or dim_x is out of its range.
        """
        self.covariance = _checked_blocks("covariance", _checks.as_float("covariance", covariance), dim_x)
        self.dim_x = dim_x
        self.dim_y = self.covariance.shape[0] - dim_x
        self.description = description

    @property
    def mutual_information(self) -> Scalar:
        """I(X; Y) in nats."""
        return information.gaussian_mutual_information(self.covariance, split=self.dim_x)

    def _draw(self, num_samples: int, key: Array) -> tuple[Array, Array]:
        rows = _normal_rows(self.covariance, num_samples, key)
        return rows[:, : self.dim_x], rows[:, self.dim_x :]


class StudentTask(Task):
    """X and Y jointly Student with mean zero (location, where the mean does not exist): dependent through their tails.

    Samples are differentiable in the dispersion along their path; in the degrees of freedom in distribution only (by
    implicit reparametrisation), and once.

    Attributes:
        dispersion: shape (d, d), X first.
        degrees_of_freedom: nu.
        dim_x: number of coordinates of X.
        dim_y: number of coordinates of Y.
        description: in words.
    """

    dispersion: Float[Array, "d d"]
    degrees_of_freedom: Scalar
    dim_x: int = eqx.field(static=True)
    dim_y: int = eqx.field(static=True)
    description: str = eqx.field(static=True)

    def __init__(
        self,
        dispersion: Real[ArrayLike, "d d"],
        degrees_of_freedom: RealScalar,
        *,
        dim_x: int,
        description: str = "jointly Student",
    ):
        """Checks and converts the parameters.

        Args:
            dispersion: shape (d, d), symmetric positive definite, the coordinates of X first.
            degrees_of_freedom: nu > 0.
            dim_x: number of coordinates of X, from 1 to d - 1.
            description: in words.

        Raises:
            ValueError: the dispersion is not square, symmetric and positive definite, nu is not a positive number, or
                dim_x is out of its range.
        """
        S, nu = _checks.as_floats(dispersion=dispersion, degrees_of_freedom=degrees_of_freedom)
        _checks.require_ndim("degrees_of_freedom", nu, 0, "()")
        self.dispersion = _checked_blocks("dispersion", S, dim_x)
        self.degrees_of_freedom = _checks.enforce(nu, _checks.positive("degrees_of_freedom", nu))
        self.dim_x = dim_x
        self.dim_y = S.shape[0] - dim_x
        self.description = description

    @property
    def mutual_information(self) -> Scalar:
        """I(X; Y) in nats."""
        return information.student_t_mutual_information(self.dispersion, self.degrees_of_freedom, split=self.dim_x)

    def _draw(self, num_samples: int, key: Array) -> tuple[Array, Array]:
        rows_key, scale_key = jax.random.split(key)
        half = self.degrees_of_freedom / 2
        gammas = jax.random.gamma(scale_key, half, (num_samples, 1), half.dtype)
        rows = _normal_rows(self.dispersion, num_samples, rows_key) * jnp.sqrt(half / gammas)
        return rows[:, : self.dim_x], rows[:, self.dim_x :]


class UniformNoiseTask(Task):
    """X_j uniform on (0, 1) and Y_j = X_j + uniform noise on (-e_j, e_j), the coordinates independent.

    A coordinate knows e - log(2 e) for e <= 1/2, else 1 / (4 e).

    Attributes:
        half_widths: e, shape (d,).
        dim_x: number of coordinates of X, d.
        dim_y: number of coordinates of Y, d.
        description: in words.
    """

    half_widths: Float[Array, " d"]
    dim_x: int = eqx.field(static=True)
    dim_y: int = eqx.field(static=True)
    description: str = eqx.field(static=True)

    def __init__(self, half_widths: Real[ArrayLike, " d"], *, description: str = "uniform with uniform noise"):
        """Checks and converts the parameters.

        Args:
            half_widths: e > 0, shape (d,).
            description: in words.

        Raises:
            ValueError: half_widths is not a non-empty vector of positive numbers.
        """
        e = _checks.as_float("half_widths", half_widths)
        if e.ndim != 1 or not e.size:
            raise ValueError(f"half_widths must have shape (d,) with d >= 1, got {e.shape}")
        self.half_widths = _checks.enforce(e, _checks.positive("half_widths", e))
        self.dim_x = self.dim_y = e.size
        self.description = description

    @property
    def mutual_information(self) -> Scalar:
        """I(X; Y) in nats."""
        return jnp.sum(uniform_noise_information(self.half_widths))

    def _draw(self, num_samples: int, key: Array) -> tuple[Array, Array]:
        e = self.half_widths
        signal, noise = jax.random.uniform(key, (2, num_samples, e.size), e.dtype)
        signal = signal + 0 * e[None, :]  # NaN where a half width is refused under a transformation
        return signal, signal + e[None, :] * (2 * noise - 1)


def uniform_noise_information(half_width: Array) -> Array:
    """I(X; X + N) for X uniform on (0, 1) and N uniform on (-e, e): e - log 2e for e <= 1/2, else 1 / 4e.

    Args:
        half_width: e, positive, any shape.

    Returns:
        The information in nats, of the same shape. Source: arXiv 2306.11078.
    """
    narrow, wide = jnp.minimum(half_width, 0.5), jnp.maximum(half_width, 0.5)
    return jnp.where(half_width <= 0.5, narrow - jnp.log(2 * narrow), 1 / (4 * wide))


class TransformedTask(Task):
    """Injective images of X and of Y, which keep the mutual information.

    Attributes:
        base: the task whose samples are mapped.
        map_x: the map of x.
        map_y: the map of y.
        description: in words.
        dim_x: number of coordinates of the image of X.
        dim_y: number of coordinates of the image of Y.
    """

    base: Task
    map_x: Callable[[Array], Array] | None
    map_y: Callable[[Array], Array] | None
    description: str = eqx.field(static=True)
    dim_x: int = eqx.field(static=True)
    dim_y: int = eqx.field(static=True)

    def __init__(
        self,
        base: Task,
        map_x: Callable[[Array], Array] | None = None,
        map_y: Callable[[Array], Array] | None = None,
        *,
        description: str | None = None,
    ):
        """Checks the maps.

        Args:
            base: the task whose samples are mapped.
            map_x: an injective map of samples (n, dim_x) to (n, any dimension), row by row; None leaves x. A
                module-level function or a pytree (an equinox module, a jax.tree_util.Partial), as a fresh lambda
                compiles anew.
            map_y: the same for y.
            description: in words.

        Raises:
            TypeError: `base` is no Task.
            ValueError: a map does not return one row for each row.
        """
        if not isinstance(base, Task):
            raise TypeError(f"base must be a Task, got {type(base).__name__}")
        self.base = base
        self.map_x = map_x
        self.map_y = map_y
        self.description = f"an image of {base.description}" if description is None else description
        self.dim_x = _image_dim("map_x", map_x, base.dim_x)
        self.dim_y = _image_dim("map_y", map_y, base.dim_y)

    @property
    def mutual_information(self) -> Scalar:
        """I(X; Y) in nats, that of the base."""
        return self.base.mutual_information

    def _draw(self, num_samples: int, key: Array) -> tuple[Array, Array]:
        x, y = self.base._draw(num_samples, key)
        return (x if self.map_x is None else self.map_x(x)), (y if self.map_y is None else self.map_y(y))


def _image_dim(name: str, function: Callable[[Array], Array] | None, dim: int) -> int:
    if function is None:
        return dim
    shape = jax.eval_shape(function, jax.ShapeDtypeStruct((3, dim), jnp.result_type(float))).shape
    if len(shape) != 2 or shape[0] != 3:
        raise ValueError(f"{name} must map (n, {dim}) to (n, d), got a map from (3, {dim}) to {shape}")
    return shape[1]


def latent_correlation(
    dim_x: int,
    dim_y: int,
    *,
    num_pairs: int = 0,
    alpha: RealScalar = 0.0,
    beta: RealScalar = 0.0,
    lambd: RealScalar = 0.0,
    eta: RealScalar = 0.0,
) -> Float[Array, "dim dim"]:
    """The correlation matrix of a model of latent variables that makes dense and sparse dependence.

    X_i = alpha U + beta U_X + E_i + lambd Z_i 1[i < K] + eta V_i 1[i >= K], and Y_i likewise with U and the Z_i shared
    and the other latents its own; all are independent standard normals.

    Args:
        dim_x: number of coordinates of X.
        dim_y: number of coordinates of Y.
        num_pairs: K, the pairs (X_i, Y_i) that share a Z_i.
        alpha: weight of what all coordinates share.
        beta: weight of what the coordinates of one side share.
        lambd: weight of what a pair shares.
        eta: weight of further noise on the coordinates without a partner.

    Returns:
        The matrix, shape (dim_x + dim_y, dim_x + dim_y), the coordinates of X first.

    Raises:
        ValueError: a dimension is less than one, num_pairs is not in 0..min(dim_x, dim_y), or a weight is no number.

    Differentiable in the weights. Source: arXiv 2306.11078, appendix on covariance matrices.
    """
    _checks.require_integer("dim_x", dim_x, minimum=1)
    _checks.require_integer("dim_y", dim_y, minimum=1)
    _checks.require_integer("num_pairs", num_pairs, minimum=0, maximum=min(dim_x, dim_y))
    weights = {"alpha": alpha, "beta": beta, "lambd": lambd, "eta": eta}
    numbers = _checks.as_numbers(**weights)
    checks = [_checks.finite(name, number) for name, number in zip(weights, numbers, strict=True)]
    common, own, pair, rest = (number**2 for number in _checks.enforce(numbers, *checks))
    index = jnp.concatenate([jnp.arange(dim_x), jnp.arange(dim_y)])
    side = jnp.arange(dim_x + dim_y) >= dim_x
    paired = index < num_pairs
    same_index = index[:, None] == index[None, :]
    same_side = side[:, None] == side[None, :]
    covariance = common + jnp.where(same_side, own, 0) + jnp.where(same_index & paired[:, None], pair, 0)
    covariance = covariance + jnp.where(same_index & same_side, 1 + jnp.where(paired, 0, rest)[:, None], 0)
    deviation = jnp.sqrt(jnp.diagonal(covariance))
    return covariance / (deviation[:, None] * deviation[None, :])
