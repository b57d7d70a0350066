"""The parts of the experiment on transductive segmentation."""

import jax
import numpy as np

from experiments.losses import _blobs, repri


def test_tasks_are_blobs_of_their_class():
    """Without noise and moves every pixel of a class is its prototype, in support and query, and others are not."""
    tasks = _blobs.draw_tasks(jax.random.key(0), tasks=6, shots=2, classes=3, size=12, channels=4, noise=0.0, shift=0.0)
    np.testing.assert_array_equal(tasks.classes, [0, 1, 2, 0, 1, 2])
    shares = np.concatenate([np.mean(tasks.masks, axis=(2, 3)).ravel(), np.asarray(repri._share(tasks))])
    assert shares.min() >= 0.05 - 1 / 144
    assert shares.max() <= 0.6 + 1 / 144
    prototypes = {}
    for i, name in enumerate(np.asarray(tasks.classes)):
        query, truth = np.asarray(tasks.query[i]), np.asarray(tasks.truth[i])
        support, masks = np.asarray(tasks.support[i]), np.asarray(tasks.masks[i])
        pixels = np.concatenate([query[truth == 1], support[masks == 1]])
        prototype = prototypes.setdefault(int(name), pixels[0])
        np.testing.assert_allclose(pixels, np.broadcast_to(prototype, pixels.shape), atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(prototype), 1, rtol=1e-5)
        assert np.abs(query[truth == 0] - prototype).max(axis=-1).min() > 1e-3


def test_methods_differ_in_what_they_weigh():
    """One of each name; the prototype is not updated, and cross-entropy has no other term, ever."""
    tasks = _blobs.draw_tasks(jax.random.key(0), tasks=6, shots=2, classes=3, size=12, channels=4, noise=0.0, shift=0.0)
    methods = dict(zip(repri.METHODS, repri._methods(tasks), strict=True))
    assert methods[repri.PROTOTYPE].num_updates == 0
    assert methods[repri.CE][:3] == (0, 0, 0)
    assert methods[repri.CE_H][:3] == (0.5, 0, 0)
    assert methods[repri.FULL][:3] == (0.5, 0.5, 1)
    for name in (repri.ORACLE, repri.EQUAL):
        np.testing.assert_allclose(methods[name].proportion, np.mean(tasks.truth, axis=(1, 2)), rtol=1e-6)
