"""Handwritten digits as examples: scikit-learn's images, with random blanks."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from entropax import observables, simulators
from entropax.simulators import Hebbian, hebbian_couplings


def signed_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images as +-1, a pixel being 1 where it is brighter than its mean over all images; constant pixels left out.

    Returns:
        Images, shape (1797, N), and labels.
    """
    from sklearn.datasets import load_digits

    images, labels = map(np.asarray, load_digits(return_X_y=True))
    images = images[:, images.std(axis=0) > 1]
    return np.where(images > images.mean(axis=0), 1.0, -1.0).astype(np.float32), labels


def archetype(images: np.ndarray) -> np.ndarray:
    """The majority of every pixel over all images of a digit, ties being 1.

    Args:
        images: of one digit, shape (n, N).
    """
    return np.where(images.mean(axis=0) >= 0, 1.0, -1.0).astype(np.float32)


def learned_digits(
    num_examples: int, *, dilution: float, repeats: int, sweeps: int, key: jax.Array
) -> tuple[np.ndarray, float]:
    """Overlaps with archetypes of three digits after learning from some of their images, without noise.

    Every repeat draws three digits, the images, and which pixels are blank in each of the three. The network starts at
    an image of the first digit that it has not seen, its blanks at random.

    Args:
        num_examples: images of each digit.
        dilution: blank fraction.
        repeats: drawn.
        sweeps: of asynchronous dynamics at zero temperature.
        key: source of randomness.

    Returns:
        Overlaps with the three archetypes on their non-blank pixels, shape (2, repeats, 3), supervised first, and the
        quality r of the images: their mean agreement with the archetypes.
    """
    images, labels = signed_digits()
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    archetypes = np.stack([archetype(images[labels == digit]) for digit in range(10)])
    agreement = images * archetypes[labels]
    quality = float(agreement.mean())
    xi, eta, start = [], [], []
    for _ in range(repeats):
        digits = rng.choice(10, 3, replace=False)
        keep = (rng.random((3, images.shape[1])) >= dilution).astype(np.float32)
        chosen = [rng.choice(np.flatnonzero(labels == digit), num_examples + 1, replace=False) for digit in digits]
        xi.append(archetypes[digits] * keep)
        eta.append(np.stack([images[index[1:]] for index in chosen]) * keep[:, None])
        noise = rng.choice(np.array([-1.0, 1.0], np.float32), images.shape[1])
        start.append(np.where(keep[0] > 0, images[chosen[0][0]], noise))
    arrays = tuple(jnp.asarray(np.stack(x)) for x in (xi, eta, start))
    keys = jax.random.split(key, repeats)
    overlaps = [_retrieved(*arrays, keys, rule, dilution, quality, sweeps) for rule in ("supervised", "unsupervised")]
    return np.stack([np.asarray(m) for m in overlaps]), quality


@functools.partial(jax.jit, static_argnums=(4, 7))
def _retrieved(
    xi: jax.Array,
    eta: jax.Array,
    start: jax.Array,
    keys: jax.Array,
    rule: str,
    dilution: float,
    quality: float,
    sweeps: int,
) -> jax.Array:
    def one(xi: jax.Array, eta: jax.Array, start: jax.Array, key: jax.Array) -> jax.Array:
        couplings = hebbian_couplings(eta, dilution, quality, rule=rule)  # pyright: ignore[reportArgumentType]
        state, _ = simulators.simulate(Hebbian(couplings), start, sweeps, key=key, observe=None)
        return observables.mattis_overlap(xi, state) / jnp.mean(xi**2, axis=1)

    return jax.vmap(one)(xi, eta, start, keys)
