"""Look-up of the catalogue's systems by name."""

from typing import Any

import jax.numpy as jnp

from entropax import _checks
from entropax.simulators.chaos import (
    biological,
    chemical,
    circuits,
    delay,
    fluid,
    hyperchaotic,
    lorenz_like,
    mechanical,
    multi_wing,
    sprott,
)
from entropax.simulators.chaos.definitions import KINDS, find, names
from entropax.simulators.chaos.systems import ChaoticFlow, ChaoticSystem, DelaySystem, history_length

# Importing a module of equations enters them into the catalogue.
EQUATIONS = (
    biological,
    chemical,
    circuits,
    delay,
    fluid,
    hyperchaotic,
    lorenz_like,
    mechanical,
    multi_wing,
    sprott,
)


def system_names(kind: str | None = None) -> list[str]:
    """Names of the chaotic systems, sorted.

    Args:
        kind: "flow" for ordinary differential equations (all but the delay systems), "delay", "nonautonomous" (a
            coordinate is the phase of a forcing) or "hamiltonian"; None for all.

    Returns:
        The names.

    Raises:
        ValueError: the kind is unknown.
    """
    _checks.require_option("kind", kind, (None, *KINDS))
    return names(kind)


def get_system(name: str, *, dtype: Any = None) -> ChaoticSystem:
    """A chaotic system with the catalogue's parameters, starting point, step and period.

    Args:
        name: one of `system_names()`.
        dtype: of all its arrays; by default the default float.

    Returns:
        A `ChaoticFlow` or a `DelaySystem`.

    Raises:
        TypeError: the dtype is not a floating one.
        ValueError: no system has this name; the message suggests the nearest names.
    """
    definition = find(name)
    dtype = jnp.result_type(float) if dtype is None else dtype
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"dtype must be a floating one, got {jnp.dtype(dtype)}")
    fields = {
        "definition": definition,
        "parameters": {key: jnp.asarray(value, dtype) for key, value in definition.parameters.items()},
        "initial_conditions": jnp.asarray(definition.initial_conditions, dtype),
        "period": jnp.asarray(definition.period, dtype),
        "dt": jnp.asarray(definition.dt, dtype),
    }
    if not definition.delay:
        return ChaoticFlow(**fields)
    return DelaySystem(**fields, history_length=history_length(definition.tau, definition.dt))
