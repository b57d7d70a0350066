"""The parts of the experiment on the earth mover's distance."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from entropax import nn
from experiments.losses import emo as experiment

SMOKE = experiment.PRESETS["smoke"]


def test_the_text_is_english_in_the_commonest_words():
    text = experiment.load_text(SMOKE)
    assert text.shape[1] == SMOKE.length
    assert text.size > 50_000
    counts = np.bincount(text.reshape(-1), minlength=SMOKE.vocabulary)
    assert np.all(np.diff(counts[1:]) <= 1)  # tokens are numbered by frequency; the last words were cut off
    assert 0 < counts[0] / counts.sum() < 0.6


@pytest.mark.slow
def test_a_source_judged_against_itself_is_perfect():
    source = nn.Decoder(20, length=6, embed=8, blocks=1, zero_output=False, rngs=nnx.Rngs(0))
    prompts = jnp.arange(30, dtype=jnp.int32).reshape(5, 6) % 20
    drawn = experiment.draw_text(source, prompts, jax.random.key(1))
    np.testing.assert_array_equal(drawn[:, 0], prompts[:, 0])
    measures = experiment.judge(source, source, drawn, jnp.eye(20))
    for name in ("forward", "reverse", "variation"):
        np.testing.assert_allclose(measures[name], 0, atol=1e-6)
    assert np.all(np.asarray(measures["surprise"]) > 0)
