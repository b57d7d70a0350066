"""The score of trapped swimmers as if every contact were a spring: where learning starts."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp


class LocallyHarmonicScore(eqx.Module):
    """The score of a cluster of springs that has the forces and the stiffness of a configuration.

    It is exact in equilibrium, where s_x = f / eps, and for swimmers that do not touch. What it leaves to learn is how
    the stiffness of soft contacts varies. So the unified coloured noise approximation (arXiv 1503.03123) treats
    correlated noise; here there is thermal noise beside it.

    Attributes:
        swimmers: the system, with noise.
    """

    swimmers: Any

    def __call__(self, phase: jax.Array) -> jax.Array:
        """The score at a configuration, shape (2, n, d)."""
        x, g = phase
        score = harmonic_score(
            contact_stiffness(self.swimmers, x),
            (self.swimmers.pair_force(x) - self.swimmers.trap * x).reshape(-1),
            g.reshape(-1),
            speed=self.swimmers.speed,
            persistence=self.swimmers.persistence,
            noise=self.swimmers.noise,
        )
        return score.reshape(phase.shape)


def harmonic_score(
    stiffness: jax.Array, force: jax.Array, propulsion: jax.Array, *, speed: Any, persistence: Any, noise: Any
) -> jax.Array:
    """The score (s_x, s_g) of active swimmers coupled by springs, f = -K (x - x_0).

    The steady state is Gaussian and its blocks are functions of K, <g g> = 1, <x g> = v0 / (K + gamma),
    <x x> = eps / K + v0^2 / (K (K + gamma)). Inverted, and in terms of f, where K^-1 is not needed:

        s_x = M Q^-1 (M f + v0 K g),  s_g = -M Q^-1 (v0 f + (eps M + v0^2) g),
        M = K + gamma,  Q = eps M^2 + gamma v0^2.

    Args:
        stiffness: K, symmetric, shape (m, m).
        force: f, shape (m,).
        propulsion: g, shape (m,).
        speed: v0.
        persistence: gamma.
        noise: eps, positive.

    Returns:
        Shape (2, m).
    """
    K, f, g, v0, eps = stiffness, force, propulsion, speed, noise
    identity = jnp.eye(f.size, dtype=f.dtype)
    M = K + persistence * identity
    Q = eps * M @ M + persistence * v0**2 * identity
    sources = jnp.stack([M @ f + v0 * (K @ g), -v0 * f - eps * (M @ g) - v0**2 * g], axis=1)
    return (M @ jax.scipy.linalg.solve(Q, sources, assume_a="pos")).T


def contact_stiffness(swimmers: Any, positions: jax.Array) -> jax.Array:
    """-d f / d x of the trap and, along the lines of centres, of the contacts: shape (n d, n d), positive definite.

    Across the line of centres a contact under pressure is slightly unstable, -F / r; that part is left out.
    """
    n, d = positions.shape
    same = jnp.eye(n, dtype=bool)
    between = swimmers.box.displacement(positions[:, None, :], positions[None, :, :])
    # Self-pairs are masked before the root, whose slope at zero is infinite.
    distance = jnp.sqrt(jnp.where(same, 1.0, jnp.sum(between**2, axis=-1)))
    along = between / distance[..., None]
    slope = swimmers.stiffness * jax.nn.sigmoid(swimmers.beta * (2 * swimmers.radius - distance))
    springs = jnp.where(same, 0.0, slope)[..., None, None] * along[..., :, None] * along[..., None, :]
    own = jnp.sum(springs, axis=1) + swimmers.trap * jnp.eye(d, dtype=positions.dtype)[None]
    blocks = same[..., None, None] * own[:, None] - springs
    return jnp.swapaxes(blocks, 1, 2).reshape(n * d, n * d)
