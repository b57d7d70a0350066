"""The experiment's data: what a learner is given, and what it is not."""

import collections
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy

from entropax import estimators
from experiments.estimators import _epiplexity_training as parts, epiplexity

KEY = jax.random.key(4)


@pytest.mark.fast
def test_cells_are_a_state_and_its_future():
    """The second half is F^time of the whole first state, the bits that are hidden included."""
    shown = parts.CellData(parts.table_of(110), jnp.int32(3), jnp.int32(0), 5, 9)(jnp.int32(0), key=KEY)
    hidden = parts.CellData(parts.table_of(110), jnp.int32(3), jnp.int32(2), 5, 9)(jnp.int32(0), key=KEY)
    x, y = np.split(np.asarray(shown.tokens), 2, axis=1)
    np.testing.assert_array_equal(y, estimators.eca_evolve(x, 110, steps=3))
    seen, future = np.split(np.asarray(hidden.tokens), 2, axis=1)
    np.testing.assert_array_equal(future, y)
    assert not seen[:, :2].any()
    np.testing.assert_array_equal(seen[:, 2:], x[:, 2:])


@pytest.mark.fast
def test_tables_are_shown_but_for_the_hidden_rows():
    """Features of the first tokens hold the rows that are shown and nothing of the others, nor of the sequence."""
    for hidden in (0, 1, 4):
        data = parts.BigramData(jnp.int32(hidden), 3, 4, 6, 16)
        batch, drawn = data(jnp.int32(0), key=KEY), data.draw(KEY)
        assert batch.features is not None
        features = np.asarray(batch.features)
        shown = (features[:, :4, :4] / 0.1 + 1) / 4
        np.testing.assert_allclose(shown[:, : 4 - hidden], drawn.tables[:, : 4 - hidden], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(shown[:, 4 - hidden :], 0.25, rtol=1e-6)
        assert not features[:, 4:].any()
        np.testing.assert_array_equal(batch.tokens[:, 4:], drawn.tokens)


def test_ideal_learners_of_hidden_bits():
    """By dictionaries over all states of a ring of five: H(y | seen) / 5, and the mean entropy of single cells."""
    config = parts.TrainingConfig(width=5, hidden_bits=(0, 1, 3), induction_time=1)
    found = parts.hidden_bits_entropies(30, config)
    for i, hidden in enumerate(config.hidden_bits):
        outcomes = collections.defaultdict(list)
        for x in itertools.product((0, 1), repeat=5):
            outcomes[x[hidden:]].append(tuple(x[j - 1] ^ (x[j] | x[(j + 1) % 5]) for j in range(5)))
        whole = [entropy(list(collections.Counter(ys).values()), base=2) for ys in outcomes.values()]
        cells = [[entropy([p, 1 - p], base=2) for p in np.mean(ys, axis=0)] for ys in outcomes.values()]
        np.testing.assert_allclose(found["ideal"][i], np.mean(whole) / 5, atol=1e-12)
        np.testing.assert_allclose(found["cellwise"][i], np.mean(cells), atol=1e-6)
    wide = parts.hidden_bits_entropies(30, parts.TrainingConfig(width=17, hidden_bits=(1,)))
    assert np.isnan(wide["ideal"]).all()


def test_every_claim_is_measured_or_says_why():
    """Of the smoke preset the light cones and laws alone: sizes are those of the claims."""
    config = epiplexity.PRESETS["smoke"]
    cones = epiplexity.light_cones(config, key=KEY)
    assert cones["fresh"].shape == (3, 2, 5)
    np.testing.assert_allclose(cones["fresh"][:, :, 4], 0.0145, rtol=0.05)
    laws = epiplexity.scaling_laws()
    assert np.all(np.diff(laws["curves"], axis=1) > 0)
    limits = np.array(list(laws["limit"].values()))
    assert np.all(laws["curves"][:, -1] < limits)
