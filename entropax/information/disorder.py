"""How uneven a distribution is, and how complex: neither sure nor uniform."""

import math

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real
from entropax.information._numerics import require_distributions
from entropax.information.discrete import entropy


def disequilibrium(p: Real[ArrayLike, "*batch n"]) -> Float[Array, "*batch"]:
    """Squared distance from the uniform distribution, D = sum_i (p_i - 1/n)^2.

    Args:
        p: probabilities, shape (..., n), each row summing to one.

    Returns:
        D, shape (...), from 0 (uniform) to 1 - 1/n (one sure outcome).

    Raises:
        ValueError: p has no axis, a negative entry, or does not sum to one.

    Differentiable in p. Source: Lopez-Ruiz, Mancini and Calbet 1995, doi 10.1016/0375-9601(95)00867-5.
    """
    (p,) = require_distributions(p=p)
    return _checks.enforce(jnp.sum((p - 1 / p.shape[-1]) ** 2, axis=-1), _checks.distribution("p", p))


def lmc_complexity(p: Real[ArrayLike, "*batch n"], *, rescaled: bool = False) -> Float[Array, "*batch"]:
    """Complexity of Lopez-Ruiz, Mancini and Calbet, C = (H / log n) D, zero for one sure outcome and for the uniform.

    Args:
        p: probabilities, shape (..., n), n > 1, each row summing to one.
        rescaled: whether to take D n in place of D, which compares with the uniform distribution's 1/n.

    Returns:
        C, shape (...).

    Raises:
        ValueError: p has fewer than two outcomes, a negative entry, or does not sum to one.

    Differentiable in p; where p_i = 0 (an infinite slope) the gradient of H is taken as zero. The Jensen-Shannon form
    is `estimators.statistical_complexity`. Source: Lopez-Ruiz, Mancini and Calbet 1995,
    doi 10.1016/0375-9601(95)00867-5.
    """
    (p,) = require_distributions(p=p)
    n = p.shape[-1]
    if n < 2:
        raise ValueError(f"p must have shape (..., n) with n >= 2, got {p.shape}")
    return entropy(p) / math.log(n) * disequilibrium(p) * (n if rescaled else 1)
