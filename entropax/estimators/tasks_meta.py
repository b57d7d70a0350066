"""The meta-distribution of data sets with known mutual information, from which amortised estimators learn.

Every family is one linear model of latent variables, rows = latents @ mixing, followed by a coordinatewise map. So
one program without branches draws any family, any dimension and any number of rows, at static shapes: a whole batch
is one vmap. Source: MIST, arXiv 2511.18945; the covariances and maps are those of Czyz et al., arXiv 2306.11078.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, erfinv, gammaln

from entropax import _checks
from entropax._typing import Array, Bool, Float, Int, PRNGKey, Scalar
from entropax.estimators.tasks import uniform_noise_information
from entropax.estimators.tasks_families import PARAMETER_RANGES, TRAINING_FAMILIES, Family, family_of
from entropax.estimators.tasks_transforms import WIGGLES_X, WIGGLES_Y, half_cube, wiggle


class MetaBatch(eqx.Module):
    """A batch of data sets with their mutual information.

    Attributes:
        rows: the data, shape (batch, max_samples, 2 max_dim): x in the first `dim` columns, y in the next `dim`, zero
            to the right and below.
        valid: which rows are data, shape (batch, max_samples).
        sides: 0 for a column of x, 1 for one of y, -1 for an empty one, shape (batch, 2 max_dim).
        mutual_information: I(X; Y) in nats, shape (batch,).
        family: index into the `families` drawn from, shape (batch,).
        dim: number of coordinates of x, and of y, shape (batch,).
        num_samples: number of rows that are data, shape (batch,).
    """

    rows: Float[Array, "batch max_samples width"]
    valid: Bool[Array, "batch max_samples"]
    sides: Int[Array, "batch width"]
    mutual_information: Float[Array, " batch"]
    family: Int[Array, " batch"]
    dim: Int[Array, " batch"]
    num_samples: Int[Array, " batch"]


class TaskSample(eqx.Module):
    """Pairs of samples with their mutual information.

    Attributes:
        x: shape (n, d).
        y: shape (n, d).
        mutual_information: I(X; Y) in nats.
    """

    x: Float[Array, "n d"]
    y: Float[Array, "n d"]
    mutual_information: Scalar


class Coupling(NamedTuple):
    """Coordinates X_i = alpha U + beta U_X + lambd Z_i 1[i < K] + E_i + eta V_i 1[i >= K], Y_i likewise.

    U and the Z_i are shared by X and Y, the rest is not; all latents are independent standard normals.
    """

    dim: Array
    num_pairs: Array  # K
    alpha: Array
    beta: Array
    lambd: Array
    eta: Array

    def mutual_information(self) -> Array:
        """I(X; Y) of the Gaussian.

        The sum and the difference of X and Y are independent, and each covariance (like that of X) is a diagonal with
        two values plus a multiple of the all-ones matrix. The matrix determinant lemma leaves a handful of logarithms.

        Returns:
            The information in nats, a scalar.
        """
        pairs, rest = self.num_pairs, (self.dim - self.num_pairs) / (1 + self.eta**2)

        def log_ones(weight: Array, pair_variance: Array) -> Array:
            return jnp.log1p(weight * (pairs / pair_variance + rest))

        a, b, strength = self.alpha**2, self.beta**2, self.lambd**2
        diagonal = pairs * jnp.log1p(strength**2 / (1 + 2 * strength))
        marginals = 2 * log_ones(a + b, 1 + strength)
        return (diagonal + marginals - log_ones(2 * a + b, 1 + 2 * strength) - log_ones(b, jnp.ones_like(a))) / 2

    def coefficients(self, max_dim: int) -> tuple[Array, Array, Array, Array]:
        """What makes unit-variance coordinates of independent normals P_i, M_i, U_+ and U_-.

        X_i = p_i P_i + m_i M_i + s_i U_+ + t_i U_-, and Y_i with the signs of M and U_- turned.

        Args:
            max_dim: length of the result; coordinates past `dim` are for the caller to drop.

        Returns:
            p, m, s and t, each of shape (max_dim,).
        """
        paired = jnp.arange(max_dim, dtype=self.num_pairs.dtype) < self.num_pairs
        noise = 1 + jnp.where(paired, 0, self.eta**2)
        plus = noise + jnp.where(paired, 2 * self.lambd**2, 0)
        deviation = jnp.sqrt(self.alpha**2 + self.beta**2 + (noise + plus) / 2)
        scale = 1 / (math.sqrt(2) * deviation)
        common = jnp.sqrt(2 * self.alpha**2 + self.beta**2)
        return scale * jnp.sqrt(plus), scale * jnp.sqrt(noise), scale * common, scale * self.beta


def student_excess(dim_x: Any, dim_y: Any, df: Array) -> Array:
    """What a Student distribution knows beyond the Gaussian of its dispersion.

    f(nu) + f(nu + m + n) - f(nu + m) - f(nu + n), f(z) = log Gamma(z / 2) - (z / 2) psi(z / 2).

    Args:
        dim_x: m, number of coordinates of X.
        dim_y: n, of Y.
        df: nu, degrees of freedom.

    Returns:
        The difference of the informations in nats. Source: arXiv 2511.18945; arXiv 2306.11078.
    """

    def f(z: Array) -> Array:
        return gammaln(z / 2) - z / 2 * digamma(z / 2)

    return f(df) + f(df + dim_x + dim_y) - f(df + dim_x) - f(df + dim_y)


class _Drawn(NamedTuple):
    rows: Array
    valid: Array
    sides: Array
    mutual_information: Array


class _Parameters(NamedTuple):
    coupling: Coupling
    df: Array
    epsilon: Array


def _draw_parameters(family: Family, dim: Array, max_dim: int, dtype: Any, key: Array) -> _Parameters:
    numbers_key, pairs_key, epsilon_key = jax.random.split(key, 3)
    names = ("off_diag", "strength", "df", "alpha", "lambd", "beta", "eta")
    low, high = jnp.asarray(np.array([PARAMETER_RANGES[name] for name in names]).T, dtype)
    off_diag, strength, df, alpha, lambd, beta, eta = jax.random.uniform(numbers_key, (len(names),), dtype, low, high)
    num_pairs = jax.random.randint(pairs_key, (), 1, dim + 1)

    def by_structure(dense: Any, sparse: Any, pair: Any, lvm: Any) -> Array:
        return jnp.stack([jnp.asarray(value, dtype) for value in (dense, sparse, pair, lvm)])[family.structure]

    coupling = Coupling(
        dim=jnp.asarray(dim, dtype),
        num_pairs=by_structure(0, num_pairs, jnp.minimum(dim, 2), num_pairs),
        # The dense correlation r is that of a common latent of variance r / (1 - r).
        alpha=by_structure(jnp.sqrt(off_diag / (1 - off_diag)), 0, 0, alpha),
        beta=by_structure(0, 0, 0, beta),
        lambd=by_structure(0, strength, strength, lambd),
        eta=by_structure(0, strength, strength, eta),
    )
    return _Parameters(coupling, df, jax.random.uniform(epsilon_key, (max_dim,), dtype, *PARAMETER_RANGES["epsilon"]))


def _target(family: Family, parameters: _Parameters, dim: Array) -> Array:
    """I(X; Y)."""
    coupling, df, epsilon = parameters
    noisy = jnp.sum(jnp.where(jnp.arange(epsilon.size) < dim, uniform_noise_information(epsilon), 0))
    excess = jnp.where(family.base == 1, student_excess(coupling.dim, coupling.dim, df), 0)
    return jnp.where(family.base == 2, noisy, coupling.mutual_information() + excess)


def _draw(
    family: Family, dim: Array, num_samples: Array, max_dim: int, max_samples: int, dtype: Any, key: Array
) -> _Drawn:
    """One data set; the family, the dimension and the number of rows may be traced."""
    parameters_key, rows_key, scale_key = jax.random.split(key, 3)
    parameters = _draw_parameters(family, dim, max_dim, dtype, parameters_key)
    coupling, df, epsilon = parameters
    student, additive = family.base == 1, family.base == 2

    column = jnp.arange(2 * max_dim)
    sides = jnp.where(column < dim, 0, jnp.where(column < 2 * dim, 1, -1))
    valid = jnp.arange(max_samples) < num_samples
    lowest = float(np.nextafter(np.asarray(-1, dtype), np.asarray(0, dtype)))  # where erfinv is still finite
    uniforms = jax.random.uniform(rows_key, (max_samples, 2 * max_dim + 2), dtype, lowest, 1)
    latents = jnp.where(additive, uniforms, math.sqrt(2) * erfinv(uniforms))
    mixing = jnp.where(additive, _noise_mixing(epsilon, dim), _normal_mixing(coupling, dim, max_dim))
    rows = jnp.matmul(latents, mixing, precision="highest") + jnp.where(additive, 0.5, 0).astype(dtype)
    # Rows of a Student sample share a scale: sqrt(nu / chi^2_nu).
    scales = jnp.sqrt(df / 2 / jax.random.gamma(scale_key, df / 2, (max_samples, 1), dtype))
    rows = _transformed(rows * jnp.where(student, scales, 1), sides, family.transform)
    rows = jnp.where(valid[:, None] & (sides >= 0)[None, :], rows, 0)
    return _Drawn(rows, valid, sides, _target(family, parameters, dim))


def _placed(x_entries: Array, y_entries: Array, dim: Array) -> Array:
    """Entries of the coordinates of x and y, (..., max_dim), moved to the columns of the layout."""
    max_dim = x_entries.shape[-1]
    column = jnp.arange(2 * max_dim)
    both = jnp.concatenate([x_entries, y_entries], axis=-1)
    source = jnp.where(column < dim, column, jnp.clip(column - dim + max_dim, 0, 2 * max_dim - 1))
    return jnp.take(both, source, axis=-1)


def _normal_mixing(coupling: Coupling, dim: Array, max_dim: int) -> Array:
    """The matrix from (P, M, U_+, U_-) to the columns."""
    p, m, s, t = coupling.coefficients(max_dim)
    x_mixing = jnp.concatenate([jnp.diag(p), jnp.diag(m), s[None], t[None]])
    y_mixing = jnp.concatenate([jnp.diag(p), jnp.diag(-m), s[None], -t[None]])
    return _placed(x_mixing, y_mixing, dim)


def _noise_mixing(epsilon: Array, dim: Array) -> Array:
    """The matrix from uniforms on (-1, 1) to the columns of X - 1/2 and X - 1/2 + noise."""
    half = jnp.full_like(epsilon, 0.5)
    signal = jnp.diag(half)
    common = jnp.zeros((2, epsilon.size), epsilon.dtype)
    x_mixing = jnp.concatenate([signal, jnp.zeros_like(signal), common])
    y_mixing = jnp.concatenate([signal, jnp.diag(epsilon), common])
    return _placed(x_mixing, y_mixing, dim)


def _transformed(rows: Array, sides: Array, transform: Any) -> Array:
    wiggles = jnp.where((sides == 1)[None, None, :], WIGGLES_Y[..., None], WIGGLES_X[..., None]).astype(rows.dtype)
    images = (rows, half_cube(rows), jnp.arcsinh(rows), wiggle(rows, wiggles[:, :, None, :]))
    return jnp.select([jnp.equal(transform, i) for i in range(len(images))], list(images))


def meta_batch(
    *,
    key: PRNGKey,
    batch_size: int,
    families: Sequence[str] = TRAINING_FAMILIES,
    dims: tuple[int, int] = (2, 32),
    num_samples: tuple[int, int] = (10, 500),
    max_dim: int | None = None,
    max_samples: int | None = None,
    dtype: Any = None,
) -> MetaBatch:
    """Draws a batch of data sets from the meta-distribution, with their exact mutual information.

    For every data set the family, the dimension d of x and of y, the number of rows n and the family's parameters are
    drawn independently and uniformly (parameters from PARAMETER_RANGES). One compiled program without branches.

    Args:
        key: a key made by jax.random.key.
        batch_size: number of data sets.
        families: names like "multi_student-sparse-asinh"; repeat a name to draw it more often.
        dims: smallest and largest d.
        num_samples: smallest and largest n.
        max_dim: coordinates to pad x and y to; by default the largest d.
        max_samples: rows to pad to; by default the largest n.
        dtype: of the data and of the information; the default float if None.

    Returns:
        The batch.

    Raises:
        ValueError: an unknown family, an empty range, or padding to less than what may be drawn.

    Source: arXiv 2511.18945. A dimension below two makes one pair of "2pair".
    """
    _checks.require_key("key", key)
    _checks.require_integer("batch_size", batch_size, minimum=1)
    if not families:
        raise ValueError("families must name at least one family, got none")
    low_dim, high_dim = _range("dims", dims, 1)
    low_n, high_n = _range("num_samples", num_samples, 1)
    max_dim = high_dim if max_dim is None else max_dim
    max_samples = high_n if max_samples is None else max_samples
    _checks.require_integer("max_dim", max_dim, minimum=high_dim)
    _checks.require_integer("max_samples", max_samples, minimum=high_n)
    kinds = tuple(family_of(name) for name in families)
    limits = (low_dim, high_dim, low_n, high_n)
    return _meta_batch(key, batch_size, kinds, limits, max_dim, max_samples, _float_type(dtype))


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4, 5, 6))
def _meta_batch(
    key: Array,
    batch_size: int,
    kinds: tuple[Family, ...],
    limits: tuple[int, int, int, int],
    max_dim: int,
    max_samples: int,
    dtype: Any,
) -> MetaBatch:
    low_dim, high_dim, low_n, high_n = limits
    table = jnp.asarray(np.array(kinds))

    def one(key: Array) -> tuple[_Drawn, Array, Array, Array]:
        family_key, dim_key, samples_key, data_key = jax.random.split(key, 4)
        index = jax.random.randint(family_key, (), 0, len(kinds))
        dim = jax.random.randint(dim_key, (), low_dim, high_dim + 1)
        n = jax.random.randint(samples_key, (), low_n, high_n + 1)
        return _draw(Family(*table[index]), dim, n, max_dim, max_samples, dtype, data_key), index, dim, n

    drawn, family, dim, n = jax.vmap(one)(jax.random.split(key, batch_size))
    return MetaBatch(*drawn, family, dim, n)


def sample_task(family: str, num_samples: int, *, dim: int, key: PRNGKey, dtype: Any = None) -> TaskSample:
    """Draws one data set of a family of the meta-distribution, with its exact mutual information.

    Args:
        family: a name like "multi_normal-lvm-wigglify".
        num_samples: number of rows n.
        dim: number of coordinates d of x, and of y.
        key: a key made by jax.random.key; it draws the family's parameters (from PARAMETER_RANGES) and the rows.
        dtype: of the data and of the information; the default float if None.

    Returns:
        x and y, each (n, d), and I(X; Y).

    Raises:
        ValueError: an unknown family, or a size below one.

    Source: arXiv 2511.18945.
    """
    _checks.require_key("key", key)
    _checks.require_integer("num_samples", num_samples, minimum=1)
    _checks.require_integer("dim", dim, minimum=1)
    return _sample_task(np.array(family_of(family)), num_samples, dim, _float_type(dtype), key)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))  # one program serves every family
def _sample_task(family: Array, num_samples: int, dim: int, dtype: Any, key: Array) -> TaskSample:
    drawn = _draw(Family(*family), jnp.asarray(dim), jnp.asarray(num_samples), dim, num_samples, dtype, key)
    return TaskSample(drawn.rows[:, :dim], drawn.rows[:, dim:], drawn.mutual_information)


def _range(name: str, limits: tuple[int, int], minimum: int) -> tuple[int, int]:
    low, high = limits
    _checks.require_integer(f"{name}[0]", low, minimum=minimum)
    _checks.require_integer(f"{name}[1]", high, minimum=low)
    return low, high


def _float_type(dtype: Any) -> Any:
    chosen = jnp.dtype(jnp.result_type(float) if dtype is None else dtype)
    if chosen not in (jnp.float32, jnp.float64):
        raise ValueError(f"dtype must be float32 or float64, got {chosen}")
    return chosen
