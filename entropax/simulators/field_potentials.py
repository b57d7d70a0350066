"""Potentials of a scalar field on a line, with their vacua and, where there are two, the kinks that join them."""

import abc
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar
from entropax.simulators._sine import sine, sine_and_cosine

Parameters = TypeVar("Parameters", bound="Potential")

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


class Potential(eqx.Module):
    """V(phi) of the field equation phi_tt = phi_xx - V'(phi); c = hbar = 1.

    A potential of one's own writes `__call__` and `vacuum`; slope and curvature are then its exact derivatives.
    """

    @abc.abstractmethod
    def __call__(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V, entry by entry.

        Args:
            field: phi, any shape.
        """

    @property
    @abc.abstractmethod
    def vacuum(self) -> Scalar:
        """A field of least energy."""

    @property
    def mass(self) -> Scalar:
        """Frequency of the slowest small oscillation about the vacuum, sqrt(V''(vacuum))."""
        return jnp.sqrt(self.curvature(self.vacuum))

    def slope(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V', entry by entry.

        Args:
            field: phi, any shape.

        Returns:
            V', the shape of the field.
        """
        phi = _checks.as_float("field", field)
        return jax.jvp(self.__call__, (phi,), (jnp.ones_like(phi),))[1]

    def curvature(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V'', entry by entry.

        Args:
            field: phi, any shape.

        Returns:
            V'', the shape of the field.
        """
        phi = _checks.as_float("field", field)
        return jax.jvp(self.slope, (phi,), (jnp.ones_like(phi),))[1]


class KinkPotential(Potential):
    """A potential with neighbouring vacua that a kink joins."""

    @property
    @abc.abstractmethod
    def vacua(self) -> Float[Array, "2"]:
        """The fields far to the left and far to the right of a kink."""

    @abc.abstractmethod
    def kink_profile(self, x: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """The static kink about x = 0, which solves phi_x = sqrt(2 V(phi)).

        Args:
            x: places, any shape.

        Returns:
            phi, the shape of x.
        """

    @property
    def vacuum(self) -> Scalar:
        """The vacuum to the right of a kink."""
        return self.vacua[1]

    @property
    def kink_energy(self) -> Scalar:
        """Energy of the static kink, int sqrt(2 V) dphi from vacuum to vacuum (Bogomolny)."""
        left, right = self.vacua[0], self.vacua[1]
        nodes, weights = (jnp.asarray(values, left.dtype) for values in (_NODES, _WEIGHTS))
        half = (right - left) / 2
        return half * jnp.sum(weights * jnp.sqrt(2 * self(left + half * (1 + nodes))))


class LinearPotential(Potential):
    """V = m^2 phi^2 / 2: free waves with omega^2 = k^2 + m^2.

    Attributes:
        rest_mass: m.
    """

    rest_mass: Scalar

    def __init__(self, rest_mass: RealScalar = 1.0):
        """Checks the mass.

        Args:
            rest_mass: m, positive.

        Raises:
            ValueError: it is no number or not positive.
        """
        (m,) = _checks.as_numbers(rest_mass=rest_mass)
        self.rest_mass = _checks.enforce(m, _checks.positive("rest_mass", m))

    def __call__(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V, entry by entry.

        Args:
            field: phi, any shape.
        """
        phi, own = _with_parameters(field, self)
        return own.rest_mass**2 * phi**2 / 2

    @property
    def vacuum(self) -> Scalar:
        """Zero."""
        return jnp.zeros_like(self.rest_mass)


class Phi4(KinkPotential):
    """V = (lam / 4) (phi^2 - v^2)^2, whose kinks are v tanh(x / xi).

    Width xi = sqrt(2 / lam) / v, energy (2 sqrt(2) / 3) sqrt(lam) v^3, small oscillations from sqrt(2 lam) v on.

    Attributes:
        lam: strength of the interaction.
        v: the vacua are -v and v.
    """

    lam: Scalar
    v: Scalar

    def __init__(self, lam: RealScalar = 1.0, v: RealScalar = 1.0):
        """Checks the parameters.

        Args:
            lam: positive.
            v: positive.

        Raises:
            ValueError: one is no number or not positive.
        """
        lam, v = _checks.as_numbers(lam=lam, v=v)
        self.lam, self.v = _checks.enforce((lam, v), _checks.positive("lam", lam), _checks.positive("v", v))

    def __call__(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V, entry by entry.

        Args:
            field: phi, any shape.
        """
        phi, own = _with_parameters(field, self)
        return own.lam / 4 * (phi**2 - own.v**2) ** 2

    def slope(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V', entry by entry.

        Args:
            field: phi, any shape.
        """
        phi, own = _with_parameters(field, self)
        return own.lam * phi * (phi**2 - own.v**2)

    @property
    def vacua(self) -> Float[Array, "2"]:
        """-v and v."""
        return jnp.stack([-self.v, self.v])

    @property
    def kink_width(self) -> Scalar:
        """xi = sqrt(2 / lam) / v."""
        return jnp.sqrt(2 / self.lam) / self.v

    def kink_profile(self, x: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """v tanh(x / xi).

        Args:
            x: places, any shape.
        """
        x, own = _with_parameters(x, self)
        return own.v * jnp.tanh(x / own.kink_width)


class SineGordon(KinkPotential):
    """V = 1 - cos phi, whose kinks are 4 arctan(exp(x)), of energy 8, and which has breathers (`breather`)."""

    def __call__(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V, entry by entry, as 2 sin(phi / 2)^2: exact for small fields.

        Args:
            field: phi, any shape.
        """
        return 2 * jnp.sin(_checks.as_float("field", field) / 2) ** 2

    def slope(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V', entry by entry.

        Args:
            field: phi, any shape.
        """
        return sine(_checks.as_float("field", field))

    @property
    def vacua(self) -> Float[Array, "2"]:
        """0 and 2 pi."""
        return jnp.array([0.0, 2 * np.pi])

    def kink_profile(self, x: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """4 arctan(exp(x)), as pi + 4 arctan(tanh(x / 2)): its slopes are finite far away too.

        Args:
            x: places, any shape.
        """
        return jnp.pi + 4 * jnp.arctan(jnp.tanh(_checks.as_float("x", x) / 2))


class DoubleSineGordon(KinkPotential):
    """V = 1 - cos phi + (eta / 4) (1 - cos 2 phi); sine-Gordon at eta = 0.

    Its kinks are pi + 2 arctan(sinh(m x) / m), m = sqrt(1 + eta): for large eta two half kinks.

    Attributes:
        eta: strength of the second harmonic.
    """

    eta: Scalar

    def __init__(self, eta: RealScalar = 0.0):
        """Checks the parameter.

        Args:
            eta: above -1, or zero is no vacuum.

        Raises:
            ValueError: it is no number or not above -1.
        """
        (eta,) = _checks.as_numbers(eta=eta)
        (self.eta,) = _checks.enforce((eta,), _checks.positive("1 + eta", 1 + eta))

    def __call__(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V, entry by entry.

        Args:
            field: phi, any shape.
        """
        phi, own = _with_parameters(field, self)
        return 2 * jnp.sin(phi / 2) ** 2 + own.eta / 2 * jnp.sin(phi) ** 2

    def slope(self, field: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """V', entry by entry.

        Args:
            field: phi, any shape.
        """
        phi, own = _with_parameters(field, self)
        s, c = sine_and_cosine(phi)
        return s * (1 + own.eta * c)

    @property
    def vacua(self) -> Float[Array, "2"]:
        """0 and 2 pi."""
        return jnp.array([0.0, 2 * np.pi], self.eta.dtype)

    def kink_profile(self, x: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
        """pi + 2 arctan(sinh(m x) / m), as the angle of a point whose coordinates stay finite.

        Args:
            x: places, any shape.
        """
        x, own = _with_parameters(x, self)
        m = jnp.sqrt(1 + own.eta)
        t = jnp.tanh(m * x / 2)  # sinh(m x) = 2 t / (1 - t^2)
        return jnp.pi + 2 * jnp.arctan2(2 * t, m * (1 - t**2))


def _with_parameters(values: Any, potential: Parameters) -> tuple[Array, Parameters]:
    """An argument as a floating array, and the potential with its parameters in the same dtype."""
    array = _checks.as_float("field", values)
    return array, of_dtype(potential, array.dtype)


def of_dtype(module: Any, dtype: Any) -> Any:
    """A module with its floating arrays in a dtype.

    Args:
        module: any pytree.
        dtype: the dtype.

    Returns:
        The module; its other leaves are the same.
    """
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, module)
