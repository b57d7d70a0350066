"""The parts of the comparison of estimators: what each is given, how two packages are compared, tables and figure."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from entropax import estimators
from experiments import claims, figures
from experiments.estimators import _shootout_comparison as comparison, _shootout_contenders as parts, mi_shootout
from experiments.estimators._shootout_figure import draw
from experiments.estimators._shootout_tables import error, print_tables

TASKS = tuple(estimators.BENCHMARK_TASKS)
NORMAL, SWISS, SPARSE = "1v1-normal-0.75", "swissroll_x-normal_cdf-1v1-normal-0.75", "multinormal-sparse-3-3-2-2.0"


class Network(SimpleNamespace):
    """In place of the trained network: its range, and a constant for an estimate."""

    def __call__(self, x, y):
        return jnp.float32(0.5)


def plain():
    network: Any = Network(dims=(1, 8), num_samples=(10, 500))
    found = parts.contenders(network, neighbors=(3,), neighbor_operations=1e9, operations=1e8)
    return {contender.name: contender for contender in found}


@pytest.mark.fast
@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [
        ("CCA", (12, 5, 5), (11, 5, 5)),
        ("Gaussian copula", (102, 50, 50), (101, 50, 50)),
        ("histogram", (100, 2, 1), (100, 2, 2)),
        ("histogram of ranks", (100, 1, 1), (100, 3, 3)),
        ("kernel density", (7000, 1, 1), (10_000, 1, 1)),
        ("kernel density", (12, 5, 5), (11, 5, 5)),
        ("KSG, k = 3", (10_000, 5, 5), (10_000, 25, 25)),
        ("MIST", (500, 8, 8), (501, 8, 8)),
        ("MIST", (10, 1, 1), (9, 1, 1)),
        ("MIST", (100, 2, 2), (100, 2, 1)),
        ("MIST", (100, 8, 8), (100, 9, 9)),
    ],
)
def test_an_estimator_is_given_what_it_can_take(name, taken, refused):
    contender = plain()[name]
    assert contender.refuses(*taken) == ""
    assert contender.refuses(*refused)


def test_small_data_sets_are_the_first_rows_and_only_of_some_tasks():
    config = dataclasses.replace(mi_shootout.Config(), sizes=(10, 40), tasks=(NORMAL, SWISS), columns=(2,))
    samples = mi_shootout.sampled(config, jax.random.key(0))
    assert set(samples) == {(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 1, 0), (1, 1, 1)}
    for seed in range(2):
        for small, large in zip(samples[0, 0, seed], samples[0, 1, seed], strict=True):
            np.testing.assert_array_equal(small, large[:10])
    assert not np.array_equal(samples[0, 1, 0][0], samples[0, 1, 1][0])
    assert samples[1, 1, 0][0].shape == (40, 2)


def test_estimates_stand_where_they_belong_and_nowhere_else():
    config = dataclasses.replace(mi_shootout.Config(), sizes=(10, 40), tasks=(NORMAL, SWISS), columns=(2,))
    samples = mi_shootout.sampled(config, jax.random.key(0))
    values, seconds = mi_shootout.estimated(plain()["CCA"], config, samples)
    assert values.shape == seconds.shape == (2, 2, 2)
    for place, (x, y) in samples.items():
        expected = float(estimators.cca_mutual_information(x, y, correction="wishart"))
        np.testing.assert_allclose(values[place], expected, rtol=1e-5)
        assert seconds[place] > 0
    assert np.isnan(values[1, 0]).all()
    assert np.isnan(seconds[1, 0]).all()
    values, _ = mi_shootout.estimated(plain()["MIST"], config, samples)
    assert (values[0] == 0.5).all()
    assert np.isnan(values[1]).all()


@pytest.mark.fast
def test_an_estimate_that_is_not_finite_is_a_fault():
    """A NaN stands for data that an estimator is not given, so none may come out of it."""
    config = dataclasses.replace(mi_shootout.Config(), sizes=(10,), tasks=(NORMAL,), seeds=1)
    samples = {(0, 0, 0): (jnp.zeros((10, 1)), jnp.ones((10, 1)))}
    faulty = parts.Contender("faulty", lambda x, y: jnp.mean(x / x + y), lambda n, dx, dy: "")
    with pytest.raises(ValueError, match=r"faulty gave nan on task 1v1-normal-0\.75, 10 rows"):
        mi_shootout.estimated(faulty, config, samples)


@pytest.mark.slow
def test_widened_columns_are_normal_scores_beside_zeros():
    z = jax.random.normal(jax.random.key(0), (20, 2))
    wide = parts.widened(z, 5)
    np.testing.assert_array_equal(wide[:, :2], estimators.normal_scores(z))
    assert not wide[:, 2:].any()
    assert max(parts.WIDTHS) >= max(max(t.dim_x, t.dim_y) for t in estimators.BENCHMARK_TASKS.values())


@pytest.mark.slow
def test_critics_find_the_pairs_that_belong_together():
    """Of 400 rows: over 0.15 nats where 0.41 are, under 0.15 where columns are independent, in the right places."""
    config = dataclasses.replace(
        mi_shootout.Config(), sizes=(400,), tasks=(NORMAL, NORMAL), trained_sizes=(400,), epochs=10, seeds=1
    )
    samples = dict(mi_shootout.sampled(config, jax.random.key(0)))
    x, y = samples[1, 0, 0]
    samples[1, 0, 0] = x, y[::-1]
    values, seconds = mi_shootout.trained(parts.TRAINED[0], config, samples, jax.random.key(1))
    assert values.shape == (2, 1, 1)
    assert (seconds > 0).all()
    assert values[0, 0, 0] > 0.15 > values[1, 0, 0]


def table(estimates, *, tasks=(NORMAL,), truth=(1.0,)):
    """A data set of one size from estimates by estimator, each of shape (task, seed)."""
    values = np.asarray(list(estimates.values()))[:, :, None, :]
    return xarray.Dataset(
        {
            "estimate": (("estimator", "task", "size", "seed"), values),
            "truth": ("task", np.asarray(truth)),
        },
        coords={"estimator": list(estimates), "task": list(tasks), "size": [100]},
    )


@pytest.mark.fast
def test_a_lucky_mean_is_not_close():
    """Estimates one nat off on either side have the truth as their mean and are a nat from it."""
    data = table({"scattered": [[0.0, 2.0]], "steady": [[0.8, 0.8]]})
    found = comparison.compare(data, {NORMAL: {"peer": (1.3, 1.3)}}, 100)[NORMAL]
    assert (found.ours, found.theirs) == ("steady", "peer")
    np.testing.assert_allclose((found.our_error, found.their_error), (0.2, 0.3))


@pytest.mark.fast
def test_noise_decides_nothing_and_more_than_noise_does():
    """Standard deviation 0.1 between our two data sets, and one of theirs: an error of 0.1 (1/2 + 1)^(1/2)."""
    step = 0.1 / np.sqrt(2)
    for shift, as_close in ((0.24, True), (0.26, False)):
        # Symmetric about 1 + shift: the root mean square is (shift^2 + step^2)^(1/2).
        data = table({"ours": [[1 + shift - step, 1 + shift + step]]})
        found = comparison.compare(data, {NORMAL: {"peer": (1.01,)}}, 100)[NORMAL]
        np.testing.assert_allclose(found.standard_error, 0.1 * np.sqrt(1.5))
        np.testing.assert_allclose(found.our_error, np.hypot(shift, step))
        assert found.as_close is bool(np.hypot(shift, step) - 0.01 <= 2 * 0.1 * np.sqrt(1.5)) is as_close


@pytest.mark.fast
def test_the_noise_is_that_of_typical_estimators_of_all_tasks():
    """Variances 1/2 and 9/2: of the first task the median of (1/2, 1/2, 50), of the second that of two of 9/2."""
    nan = [np.nan] * 2
    estimates = {"a": [[0.0, 1.0], [0.0, 3.0]], "b": [[1.0, 2.0], [1.0, 4.0]], "tails": [[0.0, 10.0], nan]}
    data = table(estimates, tasks=TASKS[:2], truth=(0.0, 0.0))
    found = comparison.compare(data, {task: {"peer": (1.0, 1.0)} for task in TASKS[:2]}, 100)
    for each in found.values():
        np.testing.assert_allclose(each.standard_error, np.sqrt((0.5 + 4.5) / 2))


@pytest.mark.fast
def test_the_closest_is_picked_from_what_ran():
    data = table({"none": [[np.nan] * 2, [1.0] * 2], "far": [[3.0] * 2, [3.0] * 2]}, tasks=TASKS[:2], truth=(1.0, 1.0))
    found = comparison.compare(data, {TASKS[0]: {"a": (2.0,), "b": (1.5, 1.7)}}, 100)
    assert list(found) == [TASKS[0]]  # the other has no baseline
    assert (found[TASKS[0]].ours, found[TASKS[0]].theirs) == ("far", "b")
    assert not found[TASKS[0]].as_close  # no scatter, no noise
    with pytest.raises(ValueError, match="two data sets"):
        comparison.compare(data.isel(seed=[0]), {TASKS[0]: {"a": (2.0,)}}, 100)


def whole(off):
    """A data set of all tasks at two sizes, as far off as a function (estimator, columns, rows, task) says."""
    config = dataclasses.replace(mi_shootout.Config(), sizes=(500, mi_shootout.PUBLISHED_SIZE))
    tasks = [estimators.BENCHMARK_TASKS[name] for name in config.tasks]
    found = {}
    for name in ("CCA", parts.PLAIN, "InfoNCE"):
        truth = np.array([float(task.mutual_information) for task in tasks])
        error = np.array(
            [
                [off(name, task.dim_x, size, label) for size in config.sizes]
                for label, task in zip(TASKS, tasks, strict=True)
            ]
        )
        noise = np.array([-1e-3, 1e-3])
        estimate = (truth[:, None] + error)[:, :, None] + noise
        found[name] = estimate, np.full(estimate.shape, 1e-3)
    return mi_shootout.dataset(config, found)


def typical(name, dim, size, task):
    """Errors as the paper tells them."""
    if name == parts.PLAIN:
        tails = 0.2 if task.startswith("student") else 0.0
        return np.nan if dim > 5 and size > 500 else -0.01 * dim * (2 if size == 500 else 1) - tails
    if name == "CCA":
        return 0.001 if "normal" in task else -0.4
    return 0.02


@pytest.fixture(scope="module")
def data():
    return whole(typical)


@pytest.mark.slow
def test_the_papers_statements_are_judged_as_they_should_be(data):
    baselines = {task: {"peer": (float(data.truth.sel(task=task)) + 0.5,)} for task in TASKS}
    won = comparison.compare(data, baselines, mi_shootout.PUBLISHED_SIZE)
    measured = mi_shootout.measured(data, won)
    assert set(measured) == {claim.name for claim in mi_shootout.CLAIMS}
    for claim in mi_shootout.CLAIMS:
        verdict, reason = claims.judge(claim, measured[claim.name])
        assert verdict == "reproduced", (claim.name, reason)
    assert "further off" not in mi_shootout.remarks(won)[mi_shootout.COMPARED]

    baselines[SPARSE] = {"peer": (float(data.truth.sel(task=SPARSE)),)}
    lost = comparison.compare(data, baselines, mi_shootout.PUBLISHED_SIZE)
    assert mi_shootout.measured(data, lost)[mi_shootout.COMPARED] == 0  # a thousandth is within the noise
    worse = whole(lambda *given: typical(*given) + 0.3)
    lost = comparison.compare(worse, baselines, mi_shootout.PUBLISHED_SIZE)
    assert mi_shootout.measured(worse, lost)[mi_shootout.COMPARED] >= 1
    assert SPARSE in mi_shootout.remarks(lost)[mi_shootout.COMPARED]


@pytest.mark.slow
def test_a_few_tasks_judge_no_claim(data):
    few = data.isel(task=slice(0, 3))
    assert all(isinstance(found, claims.NotRun) for found in mi_shootout.measured(few, {}).values())
    assert mi_shootout.remarks({}) == {}


def test_an_error_is_the_mean_over_data_sets_of_its_size(data):
    """Estimates a thousandth below and above an error of 0.02: its mean is 0.02, that of their sizes too."""
    np.testing.assert_allclose(error(data, "InfoNCE", (NORMAL,)), [[0.02, 0.02]], atol=1e-6)
    scattered = table({"ours": [[0.0, 2.0]]})
    np.testing.assert_allclose(error(scattered, "ours"), [[1.0]])


def test_tables_and_figure_show_the_data(data, capsys):
    baselines = {NORMAL: {"peer": (float(data.truth.sel(task=NORMAL)) + 0.25,)}}
    compared = comparison.compare(data, baselines, mi_shootout.PUBLISHED_SIZE)
    print_tables(data, compared)
    printed = capsys.readouterr().err
    assert "peer 0.250" in printed
    assert "as close" in printed
    assert all(task in printed for task in TASKS)
    assert figures.as_png(draw(data, compared)).startswith(b"\x89PNG")
    assert figures.as_png(draw(data.isel(task=[0]), {})).startswith(b"\x89PNG")


@pytest.mark.fast
def test_every_preset_names_bounds_and_tasks_there_are():
    bounds = {contender.name for contender in parts.TRAINED}
    for preset, config in mi_shootout.PRESETS.items():
        assert {"InfoNCE"} <= set(config.trained) <= bounds, preset
        assert set(config.tasks) <= set(TASKS), preset
        assert set(config.trained_sizes) <= set(config.sizes), preset
        assert list(config.sizes) == sorted(config.sizes), preset
        assert 3 in config.neighbors, preset
        assert config.seeds >= 2, preset
