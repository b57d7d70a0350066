"""The experiment's data: what a learner is given, and what it is not."""

import collections
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy

from entropax import estimators
from experiments.estimators import _epiplexity_data as parts, _epiplexity_laws, _epiplexity_training, epiplexity

KEY = jax.random.key(4)


def test_cells_are_a_state_and_its_future():
    """The second half is F^time of the whole first state, the bits that are hidden included."""
    shown = parts.CellData(parts.table_of(110), jnp.int32(0), 5, 9, 3)(jnp.int32(0), key=KEY)
    hidden = parts.CellData(parts.table_of(110), jnp.int32(2), 5, 9, 3)(jnp.int32(0), key=KEY)
    x, y = np.split(np.asarray(shown.tokens), 2, axis=1)
    np.testing.assert_array_equal(y, estimators.eca_evolve(x, 110, steps=3))
    seen, future = np.split(np.asarray(hidden.tokens), 2, axis=1)
    np.testing.assert_array_equal(future, y)
    assert not seen[:, :2].any()
    np.testing.assert_array_equal(seen[:, 2:], x[:, 2:])


def test_the_loop_shows_the_states_on_the_way():
    """After a burn-in, x, F^2 x, F^4 x and F^6 x; a stride that does not fit the time is refused."""
    data = parts.CellData(parts.table_of(54), jnp.int32(0), 4, 7, 6, burn_in=20, loops=3)
    states = np.split(np.asarray(data(jnp.int32(0), key=KEY).tokens), 4, axis=1)
    for before, after in itertools.pairwise(states):
        np.testing.assert_array_equal(after, estimators.eca_evolve(before, 54, steps=2))
    # The attractor of a rule that forgets everything in a step.
    settled = parts.CellData(parts.table_of(0), jnp.int32(0), 4, 7, 2, burn_in=1)(jnp.int32(0), key=KEY)
    assert not np.asarray(settled.tokens).any()
    with pytest.raises(ValueError, match="loops must divide the 6 steps, got 4"):
        parts.CellData(parts.table_of(54), jnp.int32(0), 4, 7, 6, loops=4)(jnp.int32(0), key=KEY)


def test_orders_hold_the_same_states():
    """Reversed, the later state comes first; both begin with the token that opens."""
    forward, backward = (
        np.asarray(parts.OrderedCells(parts.table_of(30), jnp.asarray(reverse), 6, 9, 2)(jnp.int32(0), key=KEY).tokens)
        for reverse in (False, True)
    )
    assert np.all(forward[:, 0] == 2)
    assert np.all(backward[:, 0] == 2)
    x, y = np.split(forward[:, 1:], 2, axis=1)
    np.testing.assert_array_equal(y, estimators.eca_evolve(x, 30, steps=2))
    np.testing.assert_array_equal(backward[:, 1:], np.concatenate([y, x], axis=1))


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
    """By dictionaries over all states of a ring of five: H(y | seen), and the entropies of single cells, summed."""
    counts = (0, 1, 3)
    found = parts.hidden_bits_entropies(30, width=5, time=1, hidden_bits=counts)
    for i, hidden in enumerate(counts):
        outcomes = collections.defaultdict(list)
        for x in itertools.product((0, 1), repeat=5):
            outcomes[x[hidden:]].append(tuple(x[j - 1] ^ (x[j] | x[(j + 1) % 5]) for j in range(5)))
        whole = [entropy(list(collections.Counter(ys).values()), base=2) for ys in outcomes.values()]
        cells = [[entropy([p, 1 - p], base=2) for p in np.mean(ys, axis=0)] for ys in outcomes.values()]
        np.testing.assert_allclose(found["ideal"][i], np.mean(whole), atol=1e-12)
        np.testing.assert_allclose(found["cellwise"][i], np.sum(np.mean(cells, axis=0)), atol=5e-6)
    wide = parts.hidden_bits_entropies(30, width=17, time=1, hidden_bits=(1,))
    assert np.isnan(wide["ideal"]).all()


def test_every_claim_is_measured_or_says_why():
    """Of the smoke preset the light cones and laws alone: sizes are those of the claims."""
    config = epiplexity.PRESETS["smoke"]
    cones = epiplexity.light_cones(config, key=KEY)
    assert cones["fresh"].shape == (3, 2, 5)
    np.testing.assert_allclose(cones["fresh"][:, :, 4], 0.0145, rtol=0.05)
    laws = _epiplexity_laws.scaling_laws()
    assert np.all(np.diff(laws["curves"], axis=1) > 0)
    limits = np.array(list(laws["limit"].values()))
    assert np.all(laws["curves"][:, -1] < limits)


def test_entropy_of_what_a_burn_in_leaves():
    """Three steps of rule 110 on a ring of six, state by state; rule 15 is a bijection and leaves all bits."""
    states = np.array(list(itertools.product((0, 1), repeat=6)))
    counts = collections.Counter(map(tuple, np.asarray(estimators.eca_evolve(states, 110, steps=3))))
    found = parts.attractor_entropy(110, width=6, burn_in=3)
    np.testing.assert_allclose(found, entropy(list(counts.values()), base=2), rtol=1e-5)
    np.testing.assert_allclose(parts.attractor_entropy(15, width=6, burn_in=50), 6, rtol=1e-6)


def test_exact_entropy_of_a_light_cone():
    """Radius 0 by brute force; whole cones leave the cost of counts alone, 512 / (2 ln 2 25,600) = 0.0144."""
    states = np.array(list(itertools.product((0, 1), repeat=9)))
    after = np.asarray(estimators.eca_evolve(states, 54, steps=4))[:, 4]
    share = [after[states[:, 4] == bit].mean() for bit in (0, 1)]
    exact = np.mean([entropy([p, 1 - p], base=2) for p in share])
    cells = 10**9
    found = parts.light_cone_entropy(54, radius=0, time=4, cells=cells)
    np.testing.assert_allclose(found, exact, atol=1e-6)
    whole = parts.light_cone_entropy(30, radius=4, time=4, cells=25_600)
    np.testing.assert_allclose(whole, 512 / 25_600 / (2 * np.log(2)), atol=1e-7)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("image 8x8", (0.331, 0.566, 2.66e6, 3.14)),
        ("image 16x16", (0.307, 0.820, 8.94e7, 2.68)),
        ("image 32x32", (0.258, 0.399, 1.95e6, 2.30)),
        ("image VQ 16x16", (0.322, 0.441, 4.44e7, 4.23)),
        ("image VQ 32x32", (0.287, 0.560, 1.63e8, 3.32)),
        ("video VQ 16x16x16", (0.428, 0.718, 1.79e8, 1.15)),
        ("language", (0.339, 0.285, 1.49e9, 1.69)),
    ],
)
def test_laws_with_embeddings(domain, expected):
    """Table 1 of arXiv 2601.03220, to its last digit: a, b, D0 and E, once embeddings count as parameters."""
    law = _epiplexity_laws.with_embeddings(domain)
    found = (law.model_exponent, law.data_exponent, law.data_scale, law.irreducible_loss)
    half_units = (0.0005, 0.0005, 0.005 * 10 ** np.floor(np.log10(expected[2])), 0.005)
    np.testing.assert_array_less(np.abs(np.subtract(found, expected)), np.multiply(half_units, 1.001))


@pytest.mark.fast
def test_curves_are_those_of_the_library():
    """Smoothing by the weights decay^(t - k); S at the end by the trapezoids of a smooth curve, as batches shrink."""
    learner = _epiplexity_training.Learner(average_steps=3.0)
    losses = np.random.default_rng(0).standard_normal(7)
    weights = np.exp(-np.arange(7)[::-1] / 3)
    np.testing.assert_allclose(_epiplexity_training.smoothed(losses, learner)[-1], weights @ losses / weights.sum())
    steps = np.arange(4000)
    falling = 0.5 + np.exp(-steps / 400)
    curve = _epiplexity_training.Curve(np.zeros(4000), falling, 8.0 * steps, 1, falling)
    np.testing.assert_allclose(curve.value, estimators.prequential_epiplexity(falling, 8.0 * steps), rtol=2e-3)
