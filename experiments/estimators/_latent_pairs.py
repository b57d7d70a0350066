"""Pairs with known information: latents behind random networks, Gaussians of full rank, two views of digits."""

import functools
import math

import jax
import numpy as np

Pairs = tuple[jax.Array, jax.Array]


def correlated(key: jax.Array, rows: int, dimension: int, information: float) -> Pairs:
    """Gaussian vectors of which every coordinate has the same correlation with its partner.

    I = -(d / 2) ln(1 - rho^2), so rho = sqrt(1 - exp(-2 I / d)).

    Args:
        key: source of randomness.
        rows: number of pairs.
        dimension: d.
        information: I in nats, of the whole vectors.
    """
    rho = math.sqrt(-math.expm1(-2 * information / dimension))
    z, noise = jax.random.normal(key, (2, rows, dimension))
    return z, rho * z + math.sqrt(1 - rho**2) * noise


def log_ratio(zx: jax.Array, zy: jax.Array, information: float) -> jax.Array:
    """ln p(x, y) / (p(x) p(y)) of every x with every y of `correlated` pairs: the scores of the exact critic.

    Per coordinate -ln(1 - rho^2) / 2 - (rho^2 (x^2 + y^2) - 2 rho x y) / (2 (1 - rho^2)).

    Args:
        zx: shape (n, d).
        zy: shape (m, d).
        information: I in nats, of the whole vectors.

    Returns:
        Shape (n, m).
    """
    rho = math.sqrt(-math.expm1(-2 * information / zx.shape[1]))
    squares = (zx**2).sum(1)[:, None] + (zy**2).sum(1)[None]
    return information - (rho**2 * squares - 2 * rho * zx @ zy.T) / (2 * (1 - rho**2))


@functools.partial(jax.jit, static_argnames=("rows", "latent", "observed", "information"))
def latent_pairs(key: jax.Array, *, rows: int, latent: int, observed: int, information: float) -> Pairs:
    """Correlated latents, each pushed through a frozen random network latent -> 64 -> observed with softplus between.

    Almost surely the network is one-to-one on its image, so the observed pairs hold the latents' information.

    Args:
        key: source of randomness of the networks and the pairs.
        rows: number of pairs.
        latent: K_Z.
        observed: K.
        information: I in nats.
    """
    draw, *networks = jax.random.split(key, 3)

    def push(z: jax.Array, key: jax.Array) -> jax.Array:
        first, second = jax.random.split(key)
        hidden = jax.nn.softplus(z @ jax.random.normal(first, (latent, 64)))
        return hidden @ jax.random.normal(second, (64, observed)) / 8

    zx, zy = correlated(draw, rows, latent, information)
    return push(zx, networks[0]), push(zy, networks[1])


def digit_pairs(seed: int, *, noise: float, rotation: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two views of handwritten digits: another image of the same digit, each rotated at random, with noise.

    Every image of scikit-learn's set of 8 x 8 digits is used once, so no image is in two pairs and the views share the
    digit alone.

    Args:
        seed: of the pairing, the rotations and the noise.
        noise: standard deviation of Gaussian noise on every pixel; pixels lie in [0, 1].
        rotation: largest angle of rotation in degrees.

    Returns:
        Views x and y, shape (n, 64), and the digits, shape (n,), in random order.
    """
    from scipy.ndimage import rotate
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(seed)
    images, labels = map(np.asarray, load_digits(return_X_y=True))
    left, right = [], []
    for digit in range(10):
        members = rng.permutation(np.flatnonzero(labels == digit))
        half = members.size // 2
        left.append(members[:half])
        right.append(members[half : 2 * half])
    chosen, partner = np.concatenate(left), np.concatenate(right)
    order = rng.permutation(chosen.size)

    def view(index: np.ndarray) -> np.ndarray:
        pictures = images[index].reshape(-1, 8, 8) / 16
        angles = rng.uniform(-rotation, rotation, index.size)
        turned = [rotate(p, a, reshape=False, order=1) for p, a in zip(pictures, angles, strict=True)]
        seen = np.stack(turned) + noise * rng.standard_normal((index.size, 8, 8))
        return seen.reshape(-1, 64).astype(np.float32)

    return view(chosen[order]), view(partner[order]), labels[chosen[order]]
