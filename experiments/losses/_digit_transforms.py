"""Copies of small images: what a calibrator is shown, and a shift of the distribution."""

import numpy as np

NAMES = ("turned", "moved", "noisy", "faint", "blurred")


def transformed_copies(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Five gentle changes of every image, of those named in `NAMES`.

    Args:
        images: values in [0, 1], shape (n, 8, 8).
        rng: of the noise and the moves.

    Returns:
        Copies, shape (5, n, 8, 8).
    """
    from scipy import ndimage

    moves = rng.uniform(-0.35, 0.35, (len(images), 2))
    return np.stack(
        [
            ndimage.rotate(images, 6, axes=(2, 1), reshape=False, order=1),
            np.stack([ndimage.shift(image, move, order=1) for image, move in zip(images, moves, strict=True)]),
            np.clip(images + rng.normal(0, 0.1, images.shape), 0, 1),
            0.7 * images,
            ndimage.gaussian_filter(images, (0, 0.5, 0.5)),
        ]
    ).astype(np.float32)


def shifted_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images turned by up to 6 degrees, moved by up to 0.35 pixels each way, and noisier: a harder set.

    Args:
        images: values in [0, 1], shape (n, 8, 8).
        rng: of all three.

    Returns:
        Images, shape (n, 8, 8).
    """
    from scipy import ndimage

    angles, moves = rng.uniform(-6, 6, len(images)), rng.uniform(-0.35, 0.35, (len(images), 2))
    changed = [
        ndimage.shift(ndimage.rotate(image, angle, reshape=False, order=1), move, order=1)
        for image, angle, move in zip(images, angles, moves, strict=True)
    ]
    return np.clip(np.stack(changed) + rng.normal(0, 0.2, images.shape), 0, 1).astype(np.float32)
