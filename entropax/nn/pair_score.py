"""A score network for interacting swimmers that knows the symmetries of space."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import _checks
from entropax._typing import Array, Float
from entropax.nn.layers import MLP
from entropax.space import FreeSpace, PeriodicBox


class PairScore(nnx.Module):
    """Score of interacting swimmers, (2, n, d), by two rounds of messages between pairs.

    For every pair the scalars that rotations leave alone (distance, contact, projections of propulsions and positions
    on the line of centres) pass through a perceptron whose outputs weigh the vectors at hand: the direction between
    the two and their propulsions. The first round gives every particle a few vector channels; the second uses them to
    weigh the same vectors again, beside combinations of the particle's own vectors. The score is equivariant under
    permutations, rotations and reflections, and, without a trap, invariant under translations. The cost is that of
    all n^2 pairs: for up to a few hundred particles.
    """

    def __init__(
        self,
        *,
        channels: int = 8,
        width: int = 64,
        depth: int = 2,
        contact: float = 2.0,
        sharpness: float = 7.5,
        reach: float = 3.0,
        position_scale: float = 1.0,
        trapped: bool = True,
        box: PeriodicBox | FreeSpace | None = None,
        zero_output: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            channels: vectors that every particle collects in the first round.
            width: size of the perceptrons' hidden layers.
            depth: number of hidden layers.
            contact: distance at which particles touch, 2R.
            sharpness: beta, how sharply the repulsion sets in, per unit length.
            reach: distance past which messages fade, in units of length.
            position_scale: size of the trapped cloud; positions are divided by it.
            trapped: whether absolute positions matter (a trap at the origin).
            box: the space, for displacements by minimum image; free space by default.
            zero_output: whether the network starts at zero.
            rngs: source of randomness.

        Raises:
            ValueError: a size or a length is not positive.
        """
        lengths = {
            "contact": contact,
            "sharpness": sharpness,
            "reach": reach,
            "position_scale": position_scale,
        }
        for name, value in lengths.items():
            if value <= 0:
                raise ValueError(f"{name} must be positive, got {value}")
        _checks.require_integer("channels", channels, minimum=1)
        self.channels, self.trapped = channels, trapped
        self.contact, self.sharpness, self.reach = float(contact), float(sharpness), float(reach)
        self.position_scale = float(position_scale)
        self.box = nnx.data(FreeSpace() if box is None else box)
        scalars = 9 if trapped else 7
        own = channels + (2 if trapped else 1)
        sizes: dict[str, Any] = {"width": width, "depth": depth, "rngs": rngs}
        self.collect = MLP(scalars, 3 * channels, **sizes)
        self.weigh = MLP(scalars + 2 * channels, 8, zero_output=zero_output, **sizes)
        self.combine = MLP(own * (own + 1) // 2, 2 * own, zero_output=zero_output, **sizes)

    def __call__(self, phase: Float[Array, "2 n d"]) -> Float[Array, "2 n d"]:
        """The score at a configuration.

        Args:
            phase: positions and propulsions, shape (2, n, d) with n >= 2.

        Returns:
            The score, shape (2, n, d).

        Raises:
            ValueError: the shape is another.
        """
        if phase.ndim != 3 or phase.shape[0] != 2 or phase.shape[1] < 2:
            raise ValueError(f"phase must have shape (2, n, d) with n >= 2, got {phase.shape}")
        n = phase.shape[1]
        x, g = phase[0] / self.position_scale, phase[1]
        same = jnp.eye(n, dtype=bool)
        between = self.box.displacement(phase[0][:, None, :], phase[0][None, :, :])
        # Self-pairs are masked before the root, whose slope at zero is infinite.
        distance = jnp.sqrt(jnp.where(same, 1.0, jnp.sum(between**2, axis=-1)))
        along = between / distance[..., None]
        near = jnp.where(same, 0.0, jax.nn.sigmoid(3.0 * (self.reach - distance)))
        scalars = self._pair_scalars(x, g, distance, along)

        weights = near[..., None, None] * self.collect(scalars).reshape(n, n, 3, self.channels)
        vectors = (
            jnp.einsum("ijc,ijd->icd", weights[:, :, 0], along)
            + jnp.einsum("ijc,jd->icd", weights[:, :, 1], g)
            + jnp.sum(weights[:, :, 2], axis=1)[..., None] * g[:, None, :]
        )
        projected = jnp.einsum("ijd,icd->ijc", along, vectors), jnp.einsum("ijd,jcd->ijc", along, vectors)
        scalars = jnp.concatenate([scalars, *projected], axis=-1)
        weights = near[..., None, None] * self.weigh(scalars).reshape(n, n, 2, 4)
        closing = jnp.einsum("ijd,ijd->ij", along, g[:, None, :] - g[None, :, :])
        radial = weights[..., 0] + weights[..., 3] * closing[..., None]
        score = (
            jnp.einsum("ijo,ijd->oid", radial, along)
            + jnp.einsum("ijo,jd->oid", weights[..., 1], g)
            + jnp.einsum("ijo,id->oid", weights[..., 2], g)
        )
        own = jnp.concatenate([*([x[:, None]] if self.trapped else []), g[:, None], vectors], axis=1)
        row, column = np.triu_indices(own.shape[1])
        products = jnp.einsum("iad,ibd->iab", own, own)[:, row, column]
        return score + jnp.einsum("ioa,iad->oid", self.combine(products).reshape(n, 2, -1), own)

    def _pair_scalars(self, x: Array, g: Array, distance: Array, along: Array) -> Array:
        """What a rotation leaves alone in a pair, shape (n, n, number)."""
        n = g.shape[0]

        def pairs(value: Array) -> Array:
            return jnp.broadcast_to(value, (n, n))

        gap = self.sharpness * (self.contact - distance)
        squares = jnp.sum(g**2, axis=-1)
        scalars = [
            distance - self.contact,
            jax.nn.sigmoid(gap),
            jax.nn.softplus(gap) / self.contact,
            jnp.einsum("ijd,id->ij", along, g),
            jnp.einsum("ijd,jd->ij", along, g),
            g @ g.T,
            pairs(squares[:, None] + squares[None, :]) / 4,
        ]
        if self.trapped:
            scalars += [jnp.einsum("ijd,id->ij", along, x), jnp.einsum("ijd,jd->ij", along, x)]
        return jnp.stack(scalars, axis=-1)
