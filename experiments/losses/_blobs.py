"""Few-shot segmentation tasks on synthetic feature maps: blobs of one class before a background that changes."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Tasks(NamedTuple):
    """Tasks along the first axis.

    Attributes:
        support: features, shape (t, k, h, h, c).
        masks: 1 foreground, 0 background, shape (t, k, h, h).
        query: features, shape (t, h, h, c).
        truth: the query's mask, shape (t, h, h).
        classes: the class of each task, shape (t,).
    """

    support: jax.Array
    masks: jax.Array
    query: jax.Array
    truth: jax.Array
    classes: jax.Array


def draw_tasks(
    key: jax.Array, *, tasks: int, shots: int, classes: int, size: int, channels: int, noise: float, shift: float
) -> Tasks:
    """Draws tasks.

    Every class has a prototype on the sphere. An image shows one class on a smooth blob of 5 to 60% of it; behind it, a
    fifth of the image is a distractor. Each image moves the prototypes of its class, of the background that all
    images share, and of the distractor, which is an image's own, by a random vector of length `shift`, and every
    feature by normal noise of length `noise` on average.

    Args:
        key: source of randomness.
        tasks: number of them, whose classes take turns.
        shots: labelled images of each.
        classes: prototypes.
        size: pixels along a side.
        channels: of the features.
        noise: root mean square length of a pixel's noise; prototypes have length 1.
        shift: of an image's prototypes.
    """
    return _draw(key, tasks, shots, classes, size, channels, noise, shift)


@functools.partial(jax.jit, static_argnums=range(1, 8))
def _draw(
    key: jax.Array, tasks: int, shots: int, classes: int, size: int, channels: int, noise: float, shift: float
) -> Tasks:
    class_key, background_key, image_key = jax.random.split(key, 3)
    prototypes = _on_sphere(class_key, (classes, channels))
    background = _on_sphere(background_key, (channels,))
    labels = jnp.arange(tasks) % classes
    one = functools.partial(_image, size=size, noise=noise / np.sqrt(channels), shift=shift)
    images = jax.vmap(jax.vmap(one, (0, None, None)), (0, 0, None))
    features, masks = images(jax.random.split(image_key, (tasks, shots + 1)), prototypes[labels], background)
    return Tasks(features[:, :-1], masks[:, :-1], features[:, -1], masks[:, -1], labels)


def _on_sphere(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    x = jax.random.normal(key, shape)
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


def _smooth(key: jax.Array, size: int) -> jax.Array:
    """A field whose level sets are blobs a fifth of the image across."""
    spectrum = jnp.fft.fft2(jax.random.normal(key, (size, size)))
    k = jnp.fft.fftfreq(size) * size / 5
    return jnp.real(jnp.fft.ifft2(spectrum * jnp.exp(-2 * (k[:, None] ** 2 + k[None, :] ** 2))))


def _image(
    key: jax.Array, prototype: jax.Array, background: jax.Array, *, size: int, noise: float, shift: float
) -> tuple[jax.Array, jax.Array]:
    keys = jax.random.split(key, 6)
    field, other = _smooth(keys[0], size), _smooth(keys[1], size)
    shares = jnp.stack([jax.random.uniform(keys[2], (), minval=0.05, maxval=0.6), jnp.asarray(0.2)])
    ordered = jnp.sort(jnp.stack([field, other]).reshape(2, -1), axis=-1)
    places = jnp.round((1 - shares) * size**2).astype(int)
    levels = jnp.take_along_axis(ordered, places[:, None], axis=-1)[:, 0]
    mask = field >= levels[0]
    moves = shift * _on_sphere(keys[3], (3, prototype.size))
    kinds = jnp.stack([background, prototype, _on_sphere(keys[4], prototype.shape)]) + moves
    kind = jnp.where(mask, 1, jnp.where(other >= levels[1], 2, 0))
    features = kinds[kind] + noise * jax.random.normal(keys[5], (size, size, prototype.size))
    return features, mask.astype(jnp.int32)
