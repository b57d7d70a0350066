"""How a chaotic system is written down: an equation, and beside it the numbers that make a system of it."""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from typing import Any

Equation = Callable[..., tuple[Any, ...]]
"""(t, *coordinates, **parameters) -> their derivatives; delay equations take the delayed coordinates after these."""

Number = float | tuple[float, ...] | tuple[tuple[float, ...], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Definition:
    """One system of the catalogue.

    Attributes:
        name: name in the catalogue.
        equation: the right-hand side; systems that share an equation share this function.
        parameters: default values by name.
        initial_conditions: a point on or near the attractor; of a delay system one value, its constant history.
        dt: integration step.
        period: dominant period of the motion.
        bounded: maps the coordinates to ones that stay bounded, (*coordinates, **parameters) -> coordinates; None
            where all are bounded.
        delay: whether the derivative depends on the state a time `tau` ago.
        nonautonomous: whether a coordinate is the phase of an external forcing.
        hamiltonian: whether the flow is volume-preserving and derives from a Hamiltonian or stream function.
        stiff: whether the solution needs an implicit solver.
        jumps: whether the right-hand side jumps on a surface: tangent maps along fixed steps miss what that does.
    """

    name: str
    equation: Equation
    parameters: Mapping[str, Number]
    initial_conditions: tuple[float, ...]
    dt: float
    period: float
    bounded: Callable[..., tuple[Any, ...]] | None = None
    delay: bool = False
    nonautonomous: bool = False
    hamiltonian: bool = False
    stiff: bool = False
    jumps: bool = False

    @property
    def tau(self) -> float:
        """The delay of a delay system."""
        tau = self.parameters["tau"]
        assert isinstance(tau, float)
        return tau


KINDS: Mapping[str, Callable[[Definition], bool]] = {
    "flow": lambda definition: not definition.delay,
    "delay": lambda definition: definition.delay,
    "nonautonomous": lambda definition: definition.nonautonomous,
    "hamiltonian": lambda definition: definition.hamiltonian,
}

_CATALOGUE: dict[str, Definition] = {}


def mapped(functions: Mapping[int, Callable[[Any], Any]]) -> Callable[..., tuple[Any, ...]]:
    """A map of the coordinates that applies a function to some of them, by index, and leaves the others.

    Args:
        functions: functions of one coordinate by its index.

    Returns:
        The map, (*coordinates, **parameters) -> coordinates, for `Definition.bounded`.
    """

    def apply(*coordinates: Any, **parameters: Any) -> tuple[Any, ...]:
        return tuple(functions[i](value) if i in functions else value for i, value in enumerate(coordinates))

    return apply


def system(name: str, **facts: Any) -> Callable[[Equation], Equation]:
    """Decorates an equation: enters a system of this name into the catalogue.

    Args:
        name: name in the catalogue.
        **facts: the other attributes of `Definition`.

    Returns:
        The decorator; it returns the equation as it is, so that several systems can share it.
    """

    def enter(equation: Equation) -> Equation:
        if name in _CATALOGUE:
            raise ValueError(f"the catalogue has a system {name} already")
        _CATALOGUE[name] = Definition(name=name, equation=equation, **facts)
        return equation

    return enter


def names(kind: str | None) -> list[str]:
    """Names of all systems of a kind, sorted.

    Args:
        kind: a key of `KINDS`, or None for all systems.

    Returns:
        The names.
    """
    belongs = KINDS[kind] if kind is not None else lambda definition: True
    return sorted(name for name, definition in _CATALOGUE.items() if belongs(definition))


def find(name: str) -> Definition:
    """The definition of a name.

    Args:
        name: as in the catalogue, capitals included.

    Returns:
        The definition.

    Raises:
        ValueError: there is none; the message suggests the nearest names.
    """
    if name in _CATALOGUE:
        return _CATALOGUE[name]
    folded = {known.lower(): known for known in _CATALOGUE}
    nearest = [folded[match] for match in difflib.get_close_matches(str(name).lower(), folded, n=3, cutoff=0.5)]
    hint = f"the nearest names are {', '.join(nearest)}" if nearest else "no name is close to it"
    raise ValueError(f"name must be that of a chaotic system, got {name!r}; {hint}; system_names() lists all")
