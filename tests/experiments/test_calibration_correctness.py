"""Parts of the experiment on calibration."""

import jax
import numpy as np
import pytest

from experiments.losses import _digit_transforms, calibration_correctness


def test_parts_do_not_overlap():
    config = calibration_correctness.PRESETS["smoke"]
    images = calibration_correctness._images(config, key=jax.random.key(0))
    for seed in range(config.seeds):
        every = np.concatenate([images[part][seed] for part in ("train", "calibration", "test")])
        np.testing.assert_array_equal(np.sort(every), np.arange(1797))


@pytest.mark.fast
def test_transformed_images_stay_images():
    rng = np.random.default_rng(0)
    images = rng.random((3, 8, 8)).astype(np.float32)
    copies = _digit_transforms.transformed_copies(images, rng)
    assert copies.shape == (len(_digit_transforms.NAMES), 3, 8, 8)
    corrupted = [
        _digit_transforms.corrupted(images, kind, amounts[-1], rng)
        for kind, amounts in _digit_transforms.SEVERITIES.items()
    ]
    for changed in (copies, *corrupted):
        assert changed.dtype == np.float32
        assert changed.min() >= 0
        assert changed.max() <= 1
    assert np.all(np.any(copies != images, axis=(2, 3)))
