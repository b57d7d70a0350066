"""Occupations of an ion channel and their weights in equilibrium.

Energies are in units of kT, potentials in kT / e, and ions carry one charge (arXiv 1105.5662).
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Real, RealScalar

_MOST_STATES = 1 << 14


def occupation_states(num_sites: int, *, max_occupancy: int = 1) -> Int[Array, "n k"]:
    """All occupations of k sites by up to so many ions each, the last site changing fastest.

    Args:
        num_sites: k.
        max_occupancy: ions that a site holds at most; one in a single file.

    Returns:
        Occupations, shape ((max_occupancy + 1)^k, k).

    Raises:
        TypeError: an argument is no integer.
        ValueError: an argument is below one, or there are more than 16384 states.
    """
    _checks.require_integer("num_sites", num_sites, minimum=1)
    _checks.require_integer("max_occupancy", max_occupancy, minimum=1)
    if (max_occupancy + 1) ** num_sites > _MOST_STATES:
        raise ValueError(f"num_sites must leave at most {_MOST_STATES} states, got {num_sites}")
    states = np.array(list(itertools.product(range(max_occupancy + 1), repeat=num_sites)), np.int32)
    return jnp.asarray(states)


def symmetric_repulsion(repulsion: Array) -> Array:
    """The symmetric matrix with the upper triangle of `repulsion` and no diagonal.

    Args:
        repulsion: w, shape (k, k), of which the upper triangle is read.

    Returns:
        The matrix, shape (k, k): zero on the diagonal. Differentiable.
    """
    upper = jnp.triu(repulsion, 1)
    return upper + upper.T


def channel_log_weights(
    states: Real[ArrayLike, "n k"],
    chemical_potential: RealScalar,
    energies: Real[ArrayLike, "k"],
    repulsion: Real[ArrayLike, "k k"],
    voltage: RealScalar,
    electrical_distance: Real[ArrayLike, "k"],
    *,
    labelled: bool = False,
) -> Float[Array, "n"]:
    """Logarithms of the weights of a channel's occupations in equilibrium with a bath.

    log w(n) = mu sum_a n_a - sum_a e_a n_a - sum_{a<b} w_ab n_a n_b - V sum_a z_a n_a, and - sum_a log n_a! for ions
    without labels: a question about occupations alone sums over all labellings, which leaves one state in prod n_a!.
    In a single file the factor is one. log Z is the logsumexp; its derivatives are <n>, Var n and the gating charge.

    Args:
        states: occupations, shape (n, k), from `occupation_states`.
        chemical_potential: mu of the bath.
        energies: e_a of an ion at each site, shape (k,).
        repulsion: w_ab, shape (k, k), of which the upper triangle is read.
        voltage: V.
        electrical_distance: z_a, the share of the voltage that each site sees, shape (k,).
        labelled: whether each labelling of the ions is a state of its own.

    Returns:
        The logarithms, shape (n,).

    Raises:
        ValueError: shapes do not fit, an occupation is negative, or a value is not finite.

    Differentiable in all arguments but the states. Source: arXiv 1105.5662.
    """
    n, mu, e, w, V, z = _checks.as_floats(
        states=states,
        chemical_potential=chemical_potential,
        energies=energies,
        repulsion=repulsion,
        voltage=voltage,
        electrical_distance=electrical_distance,
    )
    if n.ndim != 2:
        raise ValueError(f"states must have shape (n, k), got {n.shape}")
    n = stop_gradient(n)
    _checks.as_numbers(chemical_potential=mu, voltage=V)
    _checks.require_shape("energies", e, n.shape[1:])
    _checks.require_shape("repulsion", w, (n.shape[1], n.shape[1]))
    _checks.require_shape("electrical_distance", z, n.shape[1:])
    pairs = jnp.sum((n @ symmetric_repulsion(w)) * n, axis=1) / 2
    weights = n @ (mu - e - V * z) - pairs
    if not labelled:
        weights = weights - jnp.sum(jax.lax.lgamma(n + 1), axis=1)
    parameters = {"chemical_potential": mu, "energies": e, "repulsion": w, "voltage": V, "electrical_distance": z}
    finite = (_checks.finite(name, value) for name, value in parameters.items())
    return _checks.enforce(weights, _checks.nonnegative("states", n), *finite)
