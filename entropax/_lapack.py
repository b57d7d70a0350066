"""Factorisations and solves that run one after another, when they are differentiated too.

jaxlib 0.10 on CPU runs a batched call of LAPACK in a thread of XLA's pool, where it waits for its parts to be run by
the same pool: as many calls at once as the pool has threads wait for ever (tests/test_lapack.py). XLA may run at once
what is independent, so a function makes each of its calls depend on the one before.
"""

import jax
import jax.numpy as jnp


def after(x: jax.Array, y: jax.Array) -> jax.Array:
    """`x`, computed once `y` is; the cotangent and the tangent of `x` wait as well.

    Args:
        x: floating array.
        y: floating array that broadcasts to the shape of `x`: one entry of what a call returns. Of any value, NaN too.

    Returns:
        `x`.
    """
    # Nothing exceeds infinity, but XLA compares. It would drop an optimization_barrier before it orders the calls.
    return jnp.where(y > jnp.inf, jnp.nan, x)


def solve(a: jax.Array, b: jax.Array) -> jax.Array:
    """a^-1 b by LU. The solve for the cotangent waits for this one; that for the tangent if `a` has a tangent.

    Args:
        a: shape (..., n, n).
        b: shape (..., n, k), or (n,) for one matrix.

    Returns:
        The solution, of the shape of `b`.
    """
    x = jnp.linalg.solve(a, b)
    return after(x, x)


def factor(matrix: jax.Array) -> jax.Array:
    """The Cholesky factor, as by `whiten`.

    Args:
        matrix: shape (..., d, d); its symmetric part is taken.

    Returns:
        L, shape (..., d, d), NaN where the matrix is not positive definite.
    """
    return whiten(matrix, matrix[..., :0])[0]


@jax.custom_jvp
def whiten(matrix: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The Cholesky factor L and L^-1 b.

    Derivatives of every order, in both modes, are products with L^-1, which the one triangular solve then returns too:
    they add no calls of LAPACK.

    Args:
        matrix: shape (..., d, d); its symmetric part is taken.
        b: shape (..., d, k).

    Returns:
        L, shape (..., d, d), NaN where the matrix is not positive definite, and L^-1 b, shape (..., d, k).
    """
    L = jnp.linalg.cholesky(matrix)
    return L, jax.scipy.linalg.solve_triangular(L, b, lower=True)


@whiten.defjvp
def _whiten_rule(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[tuple[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
    (matrix, b), (d_matrix, d_b) = primals, tangents
    eye = jnp.broadcast_to(jnp.eye(matrix.shape[-1], dtype=matrix.dtype), matrix.shape)
    L, solved = whiten(matrix, jnp.concatenate([b, eye], axis=-1))
    x, inverse = solved[..., : b.shape[-1]], solved[..., b.shape[-1] :]
    L = after(L, inverse[..., :1, :1])
    # L^-1 dL is the lower triangle of L^-1 dS L^-T with half its diagonal (Murray, arXiv 1602.07527).
    with jax.default_matmul_precision("highest"):
        d_white = inverse @ ((d_matrix + d_matrix.mT) / 2) @ inverse.mT
        turn = jnp.tril(d_white) - d_white * eye / 2
        return (L, x), (L @ turn, inverse @ d_b - turn @ x)
