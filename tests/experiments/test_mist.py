"""The parts of the experiment on amortised estimation: data as the network sees them, resumed training, the card."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from entropax import estimators, training
from experiments.estimators import _mist_evaluation as evaluation, _mist_weights as weights, mist
from experiments.estimators._mist_figure import draw
from experiments.estimators._mist_training import _optimizer, sides, train

SMOKE = mist.PRESETS["smoke"].training


def test_sides_undo_the_layout_of_a_batch() -> None:
    """x and y of a batch, whose columns stand side by side, come apart with zeros behind each."""
    rows = jnp.asarray([[[1.0, 2.0, 3.0, 4.0, 0.0, 0.0]], [[1.0, 2.0, 0.0, 0.0, 0.0, 0.0]]])
    batch = estimators.MetaBatch(
        rows=rows,
        valid=jnp.ones((2, 1), bool),
        sides=jnp.asarray([[0, 0, 1, 1, -1, -1], [0, 1, -1, -1, -1, -1]]),
        mutual_information=jnp.zeros(2),
        family=jnp.zeros(2, jnp.int32),
        dim=jnp.asarray([2, 1]),
        num_samples=jnp.ones(2, jnp.int32),
    )
    x, y = sides(batch)
    np.testing.assert_array_equal(x, [[[1, 2, 0]], [[1, 0, 0]]])
    np.testing.assert_array_equal(y, [[[3, 4, 0]], [[2, 0, 0]]])


@pytest.mark.slow
def test_training_in_buckets_resumes_to_the_same_bits(tmp_path) -> None:
    """With two buckets: a run that ends early and goes on from its checkpoint is the run that did not stop."""
    config = dataclasses.replace(SMOKE, buckets=((40, 4), (100, 2)), steps=6, steps_per_call=3)
    whole = train(config, key=jax.random.key(0), checkpoint_dir=tmp_path / "whole")
    assert set(whole.history["data_sets"].tolist()) == {2, 4}
    stopped = training.run

    def first_half(*arguments, **options):
        return stopped(*arguments, **options | {"steps": 3})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "run", first_half)
        train(config, key=jax.random.key(0), checkpoint_dir=tmp_path / "parts")
    resumed = train(config, key=jax.random.key(0), checkpoint_dir=tmp_path / "parts")
    for a, b in zip(jax.tree.leaves(whole.model), jax.tree.leaves(resumed.model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_schedules() -> None:
    """The cosine ends at rest; the plateau lowers the rate after three epochs without progress."""
    params = {"w": jnp.ones((2, 2))}
    gradient = {"w": jnp.ones((2, 2))}
    plateau = dataclasses.replace(SMOKE, schedule="plateau", epoch=2, weight_decay=0.0, learning_rate=1e-2)
    optimizer = _optimizer(plateau)
    state = optimizer.init(params)
    sizes = []
    for _ in range(12):
        updates, state = optimizer.update(gradient, state, params, value=jnp.float32(1.0))
        sizes.append(float(jnp.abs(updates["w"]).max()))
    np.testing.assert_allclose(sizes[0], 1e-2, rtol=1e-3)
    np.testing.assert_allclose(min(sizes), 1e-3, rtol=1e-2)


@pytest.mark.fast
def test_card_and_figure_of_made_up_results(tmp_path) -> None:
    """The tables hold the errors that the data set holds, and the figure draws."""
    xarray = pytest.importorskip("xarray")
    rng = np.random.default_rng(0)
    families = len(evaluation.FAMILIES)
    family, n = np.repeat(np.arange(families), 4), np.tile([20, 20, 100, 100], families)
    truth = rng.uniform(0, 2, family.size)
    nats = ("data_set", truth)
    data = xarray.Dataset(
        {
            "truth": nats,
            "estimate": ("data_set", truth + 0.1),
            "estimate_hard_ranks": ("data_set", truth + 0.1),
            "cca": ("data_set", truth + 0.5),
            "ksg": ("data_set", truth - 0.25),
            "quantile": (("data_set", "level"), truth[:, None] + np.linspace(-1, 1, 19)[None, :]),
            "family": ("data_set", family),
            "num_samples": ("data_set", n),
        },
        coords={"level": evaluation.LEVELS},
        attrs={"seconds_per_estimate": 0.004},
    )
    spent = {"data_sets": 1234, "steps": 100, "steps_done": 90, "seconds": 7200, "device": "gpu", "pinball_weight": 4}
    spent |= {"versions": {"jax": "0.10.1"}, "buckets": [[60, 8], [500, 2]]}
    recipe = {"dims": [1, 8], "num_samples": [10, 500], "preprocessing": "canonical", "training": spent}
    run = {"device": "cpu (2 cores)"}
    text = weights.card(data, recipe, run, 1.5)
    assert "| multi_normal-dense-base | 0.01 (0.01) | 0.01 (0.01) |" in text
    assert "| 20 | 0.01 | 0.25 | 0.0625 |" in text
    assert "1,234 synthetic data sets" in text
    assert "90 of the 100 steps of its schedule, 120 minutes, gpu, jax 0.10.1" in text
    assert draw(data).axes


def test_recipe_tells_how_to_build_the_network(tmp_path) -> None:
    """What is saved beside the weights is JSON that names every size of the network."""
    from flax import nnx

    model = estimators.AmortizedEstimator.untrained(
        preprocessing=SMOKE.preprocessing,
        dims=SMOKE.dims,
        num_samples=SMOKE.num_samples,
        rngs=nnx.Rngs(0),
        **vars(SMOKE.network),
    )
    weights.save(model, SMOKE, {"seconds": 1}, tmp_path)
    recipe = json.loads((tmp_path / weights.RECIPE).read_text())
    again = estimators.AmortizedEstimator.untrained(
        preprocessing=recipe["preprocessing"],
        dims=tuple(recipe["dims"]),
        num_samples=tuple(recipe["num_samples"]),
        rngs=nnx.Rngs(1),
        **recipe["sizes"],
    )
    network = training.load_weights(again.network, tmp_path / weights.ARRAYS, sha256=recipe["sha256"])
    for a, b in zip(jax.tree.leaves(network), jax.tree.leaves(model.network), strict=True):
        np.testing.assert_array_equal(a, b)
