"""Transformers over particles: scores of interacting swimmers, whole configurations or one neighbourhood at a time."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Real
from entropax.nn.attention import AttentionBlock, InducedAttentionBlock
from entropax.nn.layers import MLP
from entropax.space import FreeSpace, PeriodicBox, value_and_jacobian_diagonal


class SplitTransformerScore(nnx.Module):
    """Score of interacting swimmers, (2, n, d) = (positions, propulsions): one transformer for each half.

    Each embeds the position and the propulsion of a particle into the halves of a token, mixes the tokens of all
    particles in post-norm attention blocks, and decodes each token into that particle's score. Permuting the
    particles permutes the score. Source: arXiv 2309.12991 (its N = 64 system, whose sizes are the defaults).
    """

    def __init__(
        self,
        dim: int = 2,
        *,
        embed: int = 256,
        blocks: int = 4,
        heads: int = 4,
        hidden: int = 256,
        depth: int = 2,
        position_scale: float = 1.0,
        num_inducing: int | None = None,
        zero_output: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the two networks.

        Args:
            dim: d.
            embed: size of a token, even.
            blocks: number of attention blocks.
            heads: number of heads.
            hidden: width of all perceptrons.
            depth: hidden layers of the embeddings and of the decoder.
            position_scale: positions are divided by it, in units of length.
            num_inducing: attend through so many inducing points; None attends to every particle.
            zero_output: whether the networks start at zero.
            rngs: source of randomness.
        """
        sizes: dict[str, Any] = {
            "embed": embed,
            "blocks": blocks,
            "heads": heads,
            "hidden": hidden,
            "depth": depth,
            "num_inducing": num_inducing,
            "zero_output": zero_output,
            "rngs": rngs,
        }
        if position_scale <= 0:
            raise ValueError(f"position_scale must be positive, got {position_scale}")
        self.dim = dim
        self.position_scale = float(position_scale)
        self.position_net = _TokenTransformer(dim, **sizes)
        self.propulsion_net = _TokenTransformer(dim, **sizes)

    def __call__(self, phase: Float[Array, "2 n d"]) -> Float[Array, "2 n d"]:
        """The score at a configuration.

        Args:
            phase: positions and propulsions, shape (2, n, d).

        Returns:
            The score, shape (2, n, d).

        Raises:
            ValueError: the shape is another.
        """
        if phase.ndim != 3 or phase.shape[0] != 2 or phase.shape[2] != self.dim:
            raise ValueError(f"phase must have shape (2, n, {self.dim}), got {phase.shape}")
        x, g = phase[0] / self.position_scale, phase[1]
        return jnp.stack([self.position_net(x, g), self.propulsion_net(x, g)])


class LocalTransformerScore(nnx.Module):
    """Score of one particle's propulsion from itself and its nearest neighbours: s_{g,i}.

    Token 0 is the particle itself at displacement zero, the others its neighbours at x_j - x_i; each token holds an
    embedding of a propulsion and one of a displacement. The score is read from token 0 alone. It is invariant under
    translations and under permutations of the neighbours, and transfers to any number of particles and density.

    Where propulsion and forces nearly balance, the score depends on the small velocity that they leave, g_j + f_j, and
    a network that has to find the forces from displacements needs many steps to resolve it. With `forces` a token's
    embedding of a propulsion sees that velocity too.

    Source: arXiv 2309.12991 (its motility-induced phase separation, whose sizes are the defaults; 64 neighbours, no
    forces).
    """

    def __init__(
        self,
        dim: int = 2,
        *,
        embed: int = 256,
        blocks: int = 4,
        heads: int = 4,
        hidden: int = 256,
        depth: int = 4,
        forces: bool = False,
        num_inducing: int | None = None,
        zero_output: bool = False,
        rngs: nnx.Rngs,
    ):
        """Makes the network.

        Args:
            dim: d.
            embed: size of a token, even.
            blocks: number of attention blocks.
            heads: number of heads.
            hidden: width of all perceptrons.
            depth: hidden layers of the embeddings and of the decoder.
            forces: whether forces are given and tokens hold the velocities g_j + f_j.
            num_inducing: attend through so many inducing points; None attends to every token.
            zero_output: whether the network starts at zero.
            rngs: source of randomness.
        """
        self.dim, self.forces = dim, forces
        self.net = _TokenTransformer(
            dim,
            num_propulsion=2 * dim if forces else dim,
            embed=embed,
            blocks=blocks,
            heads=heads,
            hidden=hidden,
            depth=depth,
            num_inducing=num_inducing,
            zero_output=zero_output,
            rngs=rngs,
        )

    def __call__(
        self,
        displacements: Float[Array, "k1 d"],
        propulsions: Float[Array, "k1 d"],
        forces: Float[Array, "k1 d"] | None = None,
    ) -> Float[Array, "d"]:
        """The score of the propulsion of the particle in token 0.

        Args:
            displacements: x_j - x_i, shape (k + 1, d), the first row zero.
            propulsions: g_j, shape (k + 1, d), the first row the particle's own.
            forces: f_j, all forces on each particle over v0, shape (k + 1, d); for a network made with `forces`.

        Returns:
            s_{g,i}, shape (d,).

        Raises:
            ValueError: the shapes are others, or forces are missing or not expected.
        """
        if (forces is not None) != self.forces:
            expected = "must be given to a network made with forces=True" if self.forces else "need forces=True"
            raise ValueError(f"forces {expected}, got {None if forces is None else forces.shape}")
        named = {"displacements": displacements, "propulsions": propulsions}
        _checks.require_same_shape(**named if forces is None else named | {"forces": forces})
        if displacements.ndim != 2 or displacements.shape[1] != self.dim:
            raise ValueError(f"displacements must have shape (k + 1, {self.dim}), got {displacements.shape}")
        moving = propulsions
        if forces is not None:
            moving = jnp.concatenate([propulsions, propulsions + forces], axis=-1)
        return self.net(displacements, moving, num_read=1)[0]

    def value_and_slopes(
        self,
        displacements: Float[Array, "k1 d"],
        propulsions: Float[Array, "k1 d"],
        forces: Float[Array, "k1 d"] | None = None,
    ) -> tuple[Float[Array, "d"], Float[Array, "d"]]:
        """The score and d s_{g,i} / d g_i, the slopes in the particle's own propulsion.

        Args:
            displacements: shape (k + 1, d), the first row zero.
            propulsions: shape (k + 1, d), the first row the particle's own.
            forces: shape (k + 1, d), for a network made with `forces`.

        Returns:
            The score and the diagonal of its Jacobian, both of shape (d,).
        """

        def own(g: Array) -> Array:
            return self(displacements, propulsions.at[0].set(g), forces)

        return value_and_jacobian_diagonal(own, propulsions[0])

    def of_particles(
        self,
        phase: Float[Array, "2 n d"],
        neighbors: Int[Array, "n k"],
        box: PeriodicBox | FreeSpace,
        *,
        forces: Float[Array, "n d"] | None = None,
        particles: Int[Array, "m"] | None = None,
        block_size: int = 1024,
    ) -> tuple[Float[Array, "m d"], Float[Array, "m d"]]:
        """Scores and own slopes of many particles of a configuration, in blocks.

        Permuting the particles (and the neighbour indices with them) permutes the result.

        Args:
            phase: positions and propulsions, shape (2, n, d).
            neighbors: indices of the nearest neighbours of every particle, itself excluded, shape (n, k), as from
                `space.nearest_neighbors`.
            box: the space, for displacements by minimum image.
            forces: all forces on each particle over v0, shape (n, d), for a network made with `forces`.
            particles: which particles to evaluate, shape (m,); all by default.
            block_size: particles evaluated at once; memory grows with it, about 1 MiB each at the default sizes and 64
                neighbours.

        Returns:
            s_{g,i} and d s_{g,i} / d g_i, both of shape (m, d).

        Raises:
            ValueError: the shapes are others, or forces are missing or not expected.
        """
        if phase.ndim != 3 or phase.shape[0] != 2 or phase.shape[2] != self.dim:
            raise ValueError(f"phase must have shape (2, n, {self.dim}), got {phase.shape}")
        if neighbors.ndim != 2 or neighbors.shape[0] != phase.shape[1]:
            raise ValueError(f"neighbors must have shape ({phase.shape[1]}, k), got {neighbors.shape}")
        _checks.require_integer("block_size", block_size, minimum=1)
        chosen = jnp.arange(phase.shape[1]) if particles is None else particles
        return _scores_of_particles(self, phase, neighbors, box, forces, chosen, block_size=block_size)


# Compiled once a shape: an eager map of a fresh closure would compile at every call.
@partial(jax.jit, static_argnames="block_size")
def _scores_of_particles(
    network: LocalTransformerScore,
    phase: Array,
    neighbors: Array,
    box: PeriodicBox | FreeSpace,
    forces: Array | None,
    particles: Array,
    *,
    block_size: int,
) -> tuple[Array, Array]:
    def one(i: Array) -> tuple[Array, Array]:
        return network.value_and_slopes(*neighborhood(phase, neighbors[i], i, box, forces=forces))

    if particles.shape[0] <= block_size:
        return jax.vmap(one)(particles)
    return jax.lax.map(one, particles, batch_size=block_size)


class Neighborhood(NamedTuple):
    """What a particle sees of itself (first) and of its neighbours; the arguments of a local network."""

    displacements: Float[Array, "k1 d"]
    """x_j - x_i by minimum image."""
    propulsions: Float[Array, "k1 d"]
    """g_j."""
    forces: Float[Array, "k1 d"] | None
    """f_j, None where none are given."""


def neighborhood(
    phase: Real[ArrayLike, "2 n d"],
    neighbors: Int[ArrayLike, "k"],
    particle: Int[ArrayLike, ""],
    box: PeriodicBox | FreeSpace,
    *,
    forces: Real[ArrayLike, "n d"] | None = None,
) -> Neighborhood:
    """What a particle sees: displacements, propulsions and forces of itself (first) and its neighbours.

    Args:
        phase: positions and propulsions, shape (2, n, d).
        neighbors: indices of its neighbours, itself excluded, shape (k,).
        particle: its index.
        box: the space, for displacements by minimum image.
        forces: all forces on each particle over v0, shape (n, d), or None.

    Returns:
        x_j - x_i, g_j and f_j, all of shape (k + 1, d).

    Raises:
        ValueError: the shape of the phase or of the forces is another.

    Differentiable in the phase and the forces.
    """
    z = _checks.as_float("phase", phase)
    if z.ndim != 3 or z.shape[0] != 2:
        raise ValueError(f"phase must have shape (2, n, d), got {z.shape}")
    i, others = jnp.asarray(particle), jnp.asarray(neighbors)
    seen = jnp.concatenate([i[None].astype(others.dtype), others])
    f = None
    if forces is not None:
        f = _checks.as_float("forces", forces)
        _checks.require_shape("forces", f, z.shape[1:])
        f = f[seen]
    return Neighborhood(box.displacement(z[0][seen], z[0][i][None, :]), z[1][seen], f)


class _TokenTransformer(nnx.Module):
    """Embeds (x, g) pairs as tokens, mixes them, and decodes the first `num_read` of them into vectors."""

    def __init__(
        self,
        dim: int,
        *,
        embed: int,
        blocks: int,
        heads: int,
        hidden: int,
        depth: int,
        num_inducing: int | None,
        zero_output: bool,
        rngs: nnx.Rngs,
        num_propulsion: int | None = None,
    ):
        if embed % 2:
            raise ValueError(f"embed must be even, got {embed}")
        _checks.require_integer("blocks", blocks, minimum=1)
        half: dict[str, Any] = {"width": hidden, "depth": depth, "rngs": rngs}
        self.embed_position = MLP(dim, embed // 2, **half)
        self.embed_propulsion = MLP(dim if num_propulsion is None else num_propulsion, embed // 2, **half)
        shape: dict[str, Any] = {"heads": heads, "hidden": hidden, "rngs": rngs}
        self.blocks = nnx.List(
            AttentionBlock(embed, **shape)
            if num_inducing is None
            else InducedAttentionBlock(embed, num_inducing=num_inducing, **shape)
            for _ in range(blocks)
        )
        self.decode = MLP(embed, dim, width=hidden, depth=depth, zero_output=zero_output, rngs=rngs)

    def __call__(self, x: Array, g: Array, num_read: int | None = None) -> Array:
        tokens = jnp.concatenate([self.embed_propulsion(g), self.embed_position(x)], axis=-1)
        *mixing, last = self.blocks
        for block in mixing:
            tokens = block(tokens)
        # Tokens that are not read need no output of the last block.
        return self.decode(last(tokens[:num_read], tokens))
