"""Parts of the experiment on wrong labels."""

import jax
import numpy as np

from experiments.losses import ldr

SMOKE = ldr.PRESETS["smoke"]


def test_images_are_split_and_flipped_as_asked():
    """No image is in two parts; shares of wrong labels are those asked for; rates share a split."""
    data = ldr._images(SMOKE, key=jax.random.key(0))
    networks = len(SMOKE.noises) * SMOKE.seeds * len(SMOKE.rates)
    assert data["labels"].shape == (networks, 1078)
    np.testing.assert_array_equal(data["flipped"], data["labels"] != data["clean"])
    shares = data["flipped"].reshape(len(SMOKE.noises), -1).mean(axis=1)
    np.testing.assert_allclose(shares, SMOKE.noises, atol=4 * 0.5 / np.sqrt(3 * 1078))
    rows = np.concatenate([data["x"][0], data["held_x"][0], data["test_x"][0]])
    assert len(np.unique(rows, axis=0)) == len(rows) == 1797


def test_only_adaptive_losses_change_temperatures():
    scores, labels, t = np.eye(10, dtype=np.float32)[:4], np.arange(4), np.full(4, 10.0, np.float32)
    for loss in ldr.LOSSES:
        values, after = ldr._losses(loss, jax.numpy.asarray(scores), labels, t)
        assert values.shape == (4,)
        assert np.all(np.asarray(after) < 10) == (loss == "ALDR-KL")
