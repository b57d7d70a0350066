"""The potential of one ion along the axis of a pore."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Scalar


class ChannelPotential(eqx.Module):
    """Energy of one ion along the axis of a pore: a harmonic vestibule, binding sites and a field.

    U(x) = k x^2 / 2 - sum_a d_a exp(-(x - c_a)^2 / (2 w^2)) + V x in units of kT. Called with positions it gives the
    drift -mobility U'(x), ready for `simulators.Langevin` with diffusion mobility.

    Attributes:
        stiffness: k, kT / length^2.
        depths: d_a of the sites, kT, shape (m,).
        centers: c_a, length, shape (m,).
        width: w, length.
        field: V, kT / length.
        mobility: length^2 / (kT time).
    """

    stiffness: Scalar
    depths: Float[Array, "m"]
    centers: Float[Array, "m"]
    width: Scalar
    field: Scalar
    mobility: Scalar

    def __init__(
        self,
        depths: Real[ArrayLike, "m"],
        centers: Real[ArrayLike, "m"],
        *,
        width: RealScalar,
        stiffness: RealScalar,
        field: RealScalar = 0.0,
        mobility: RealScalar = 1.0,
    ):
        """Checks and converts the parameters.

        Args:
            depths: d_a, shape (m,).
            centers: c_a, shape (m,).
            width: w, positive.
            stiffness: k, positive.
            field: V.
            mobility: positive.

        Raises:
            ValueError: a shape does not fit, or a value is out of range.
        """
        d, c, w, k, V, mobility = _checks.as_floats(
            depths=depths, centers=centers, width=width, stiffness=stiffness, field=field, mobility=mobility
        )
        _checks.as_numbers(width=w, stiffness=k, field=V, mobility=mobility)
        _checks.require_ndim("depths", d, 1, "(m,)")
        _checks.require_shape("centers", c, d.shape)
        checks = (
            _checks.finite("depths", d),
            _checks.finite("centers", c),
            _checks.positive("width", w),
            _checks.positive("stiffness", k),
            _checks.finite("field", V),
            _checks.positive("mobility", mobility),
        )
        d, c, w, k, V, mobility = _checks.enforce((d, c, w, k, V, mobility), *checks)
        self.depths, self.centers, self.width, self.stiffness, self.field, self.mobility = d, c, w, k, V, mobility

    def _wells(self, x: Array) -> tuple[Array, Array]:
        """Distances to the centres and what the sites contribute, shape (..., m)."""
        front = (1,) * x.ndim
        away = x[..., None] - self.centers.reshape(*front, -1)
        return away, self.depths.reshape(*front, -1) * jnp.exp(-((away / self.width) ** 2) / 2)

    def energy(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """U(x) in kT.

        Args:
            x: positions, any shape.

        Returns:
            U, the shape of x.
        """
        return self.stiffness * x**2 / 2 - jnp.sum(self._wells(x)[1], axis=-1) + self.field * x

    def force(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """-U'(x) in kT / length.

        Args:
            x: positions, any shape.

        Returns:
            -U', the shape of x.
        """
        away, wells = self._wells(x)
        return -self.stiffness * x - jnp.sum(wells * away, axis=-1) / self.width**2 - self.field

    def __call__(self, x: Any) -> Any:
        """The drift, mobility times force."""
        return self.mobility * self.force(x)

    def sample(self, *, key: PRNGKey, shape: tuple[int, ...] = ()) -> Float[Array, "*shape"]:
        """Draws positions from the Boltzmann density exp(-U) / Z, by its distribution function on a grid.

        The grid has 4096 points over the vestibule and 512 more around each site, so that no site is too narrow.

        Args:
            key: a key made by jax.random.key.
            shape: of what is returned.

        Returns:
            Positions; no gradients.
        """
        _checks.require_key("key", key)
        # Beyond this the vestibule alone is 40 kT above anything a site or the field can bring.
        deepest = jnp.sum(jnp.abs(self.depths)) + self.field**2 / (2 * self.stiffness)
        reach = jnp.abs(self.field) / self.stiffness + jnp.sqrt(2 * (deepest + 40) / self.stiffness)
        coarse = jnp.linspace(-1.0, 1.0, 4096, dtype=self.width.dtype) * reach
        fine = jnp.linspace(-6.0, 6.0, 512, dtype=self.width.dtype)[None] * self.width + self.centers[:, None]
        grid = stop_gradient(jnp.sort(jnp.concatenate([coarse, jnp.clip(fine, -reach, reach).reshape(-1)])))
        level = stop_gradient(self.energy(grid))
        weights = jnp.exp(jnp.min(level) - level)
        steps = jnp.cumsum((weights[1:] + weights[:-1]) / 2 * jnp.diff(grid))
        law = jnp.concatenate([jnp.zeros(1, steps.dtype), steps / steps[-1]])
        return jnp.interp(jax.random.uniform(key, shape, grid.dtype), law, grid)
