"""Copies of small images: what a calibrator is shown, and corruptions of several severities."""

import numpy as np

NAMES = ("turned", "moved", "noisy", "faint", "blurred")

SEVERITIES: dict[str, tuple[float, float, float]] = {
    "noise": (0.2, 0.3, 0.4),  # standard deviation; pixels lie in [0, 1]
    "blur": (0.75, 1.0, 1.25),  # standard deviation of the Gaussian, in pixels
    "contrast": (0.5, 0.4, 0.3),  # what is left of the differences from an image's mean
    "shift": (0.25, 0.5, 0.75),  # length in pixels, in any direction
}
"""Kinds of corruption as in ImageNet-C; severities for which networks of few images are right on 0.9 to 0.5."""


def transformed_copies(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Five gentle changes of every image, of those named in `NAMES`.

    Args:
        images: values in [0, 1], shape (n, 8, 8).
        rng: of the noise and the moves.

    Returns:
        Copies, shape (5, n, 8, 8).
    """
    from scipy import ndimage

    return np.stack(
        [
            ndimage.rotate(images, 6, axes=(2, 1), reshape=False, order=1),
            _moved(images, rng.uniform(-0.35, 0.35, (len(images), 2))),
            np.clip(images + rng.normal(0, 0.1, images.shape), 0, 1),
            0.7 * images,
            ndimage.gaussian_filter(images, (0, 0.5, 0.5)),
        ]
    ).astype(np.float32)


def corrupted(images: np.ndarray, kind: str, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Images corrupted in one way.

    Args:
        images: values in [0, 1], shape (n, 8, 8).
        kind: one of `SEVERITIES`.
        amount: as they list it.
        rng: of noise and directions.

    Returns:
        Images with values in [0, 1], shape (n, 8, 8).
    """
    from scipy import ndimage

    if kind == "noise":
        changed = np.clip(images + rng.normal(0, amount, images.shape), 0, 1)
    elif kind == "blur":
        changed = ndimage.gaussian_filter(images, (0, amount, amount))
    elif kind == "contrast":
        mean = images.mean(axis=(1, 2), keepdims=True)
        changed = mean + amount * (images - mean)
    else:
        angles = rng.uniform(0, 2 * np.pi, len(images))
        changed = _moved(images, amount * np.stack([np.cos(angles), np.sin(angles)], axis=-1))
    return changed.astype(np.float32)


def _moved(images: np.ndarray, moves: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    return np.stack([ndimage.shift(image, move, order=1) for image, move in zip(images, moves, strict=True)])
