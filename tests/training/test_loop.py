"""`run`: the loop computes what a plain Python loop does, compiles once, logs every step once, and checks its input."""

import functools
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from entropax import training


def walk(state, batch, *, key):
    state = state + batch + jax.random.normal(key, (2,))
    return state, {"sum": jnp.sum(state), "large": jnp.max(state) > 1}


def noise(step, *, key):
    return jax.random.uniform(key, (2,)) * step.astype(jnp.float32)


@pytest.mark.fast
def test_it_is_the_plain_loop(getkey):
    key = getkey()
    state, sums = jnp.zeros(2), []
    for step in range(13):
        update_key, batch_key = jax.random.split(jax.random.fold_in(key, step))
        state, metrics = walk(state, noise(jnp.int32(step), key=batch_key), key=update_key)
        sums.append(float(metrics["sum"]))
    result = training.run(walk, jnp.zeros(2), noise, steps=13, key=key, steps_per_call=5)
    np.testing.assert_allclose(result.state, state, rtol=1e-6)
    np.testing.assert_allclose(result.history["sum"], sums, rtol=1e-6)
    np.testing.assert_array_equal(result.history["step"], np.arange(13))
    assert result.history["large"].dtype == np.bool_
    assert (result.steps, result.stopped_early, result.first_nonfinite_step) == (13, False, None)


def test_the_number_of_calls_changes_nothing(getkey):
    key = getkey()
    results = [
        training.run(walk, jnp.zeros(2), noise, steps=12, key=key, steps_per_call=calls) for calls in (1, 5, 12, 100)
    ]
    for result in results[1:]:
        np.testing.assert_allclose(result.state, results[0].state, rtol=1e-6)
        np.testing.assert_allclose(result.history["sum"], results[0].history["sum"], rtol=1e-6)


@pytest.mark.fast
def test_it_compiles_once(getkey, compilations):
    """One program for full calls, the shorter last one, and those cut at a checkpoint; none for a second run."""

    def update(state, batch, *, key):
        return walk(state, batch, key=key)

    go = functools.partial(training.run, update, batch_at=noise, key=getkey(), steps_per_call=10)
    training.run(walk, jnp.zeros(2), noise, steps=3, key=getkey(), steps_per_call=10)  # what copying state compiles
    before = compilations.count
    go(state=jnp.zeros(2), steps=57)
    assert compilations.count == before + 1
    go(state=jnp.ones(2), steps=111)
    assert compilations.count == before + 1


def test_checkpoints_compile_nothing_more(getkey, compilations, tmp_path):
    go = functools.partial(training.run, walk, jnp.zeros(2), noise, key=getkey(), steps_per_call=10)
    go(steps=7)
    go(steps=3, checkpoint_dir=tmp_path / "first")  # what orbax compiles
    before = compilations.count
    go(steps=95, checkpoint_dir=tmp_path / "second", checkpoint_every=15)
    assert compilations.count == before


@pytest.mark.fast
def test_data_in_a_partial_is_an_argument_not_a_constant(getkey, compilations):
    """A function that carries its data as a pytree is compiled once for all data of a shape."""

    def pick(data, step, *, key):
        return data[jax.random.randint(key, (), 0, data.shape[0])]

    def go(data):
        batch_at = jax.tree_util.Partial(pick, data)
        return training.run(walk, jnp.zeros(2), batch_at, steps=4, key=key, steps_per_call=4).state

    key = getkey()
    first = go(jnp.zeros((5, 2)))
    before = compilations.count
    second = go(jnp.ones((5, 2)))
    assert compilations.count == before
    np.testing.assert_allclose(second, first + 4, rtol=1e-5)


@pytest.mark.fast
def test_the_state_that_is_passed_survives(getkey):
    shared = jnp.zeros(2)
    state = {"a": shared, "b": shared, "rate": 0.5, "count": 3, "name": "static", "call": jnp.tanh}

    def update(state, batch, *, key):
        assert state["name"] == "static"
        return state | {"a": state["call"](state["a"] + state["rate"]), "count": state["count"] + 1}, {}

    result = training.run(update, state, noise, steps=5, key=getkey())
    np.testing.assert_array_equal(shared, np.zeros(2))
    np.testing.assert_array_equal(result.state["b"], np.zeros(2))
    assert int(result.state["count"]) == 8
    assert result.state["call"] is jnp.tanh
    assert state["count"] == 3


def test_float64_and_strict_promotion(x64, getkey):
    def update(state, batch, *, key):
        return state + jnp.asarray(batch, state.dtype), {"x": state}

    with jax.numpy_dtype_promotion("strict"):
        stop = training.AnyOf(training.Patience("x", patience=50, smoothing=0.5), training.NonFinite("x"))
        result = training.run(
            update, jnp.float64(0), lambda step, *, key: step, steps=5, key=getkey(), stop=stop, steps_per_call=2
        )
    assert result.state.dtype == jnp.float64
    assert float(result.state) == 10


# ------------------------------------------------------------------------------------------------------ two networks


class Networks(eqx.Module):
    """What a generative adversarial pair trains."""

    generator: nnx.State
    critic: nnx.State
    generator_moments: optax.OptState
    critic_moments: optax.OptState


def test_two_networks_with_opposite_aims(getkey):
    """A generator a + b z and a quadratic critic in turn: the generator learns the mean and width of the data."""

    class Generator(nnx.Module):
        def __init__(self):
            self.shift = nnx.Param(jnp.float32(0))
            self.log_scale = nnx.Param(jnp.float32(0))

        def __call__(self, z):
            return self.shift + jnp.exp(self.log_scale) * z

    class Critic(nnx.Module):
        def __init__(self):
            self.weights = nnx.Param(jnp.zeros(2))

        def __call__(self, x):
            return self.weights[0] * x + self.weights[1] * x**2

    generator_graph, generator = nnx.split(Generator())
    critic_graph, critic = nnx.split(Critic())
    optimizer = optax.adam(5e-3, b1=0.0)

    def gap(generator, critic, batch):
        real, z = batch
        critic = nnx.merge(critic_graph, critic)
        return jnp.mean(critic(real)) - jnp.mean(critic(nnx.merge(generator_graph, generator)(z)))

    def update(state, batch, *, key):
        def critic_loss(critic):
            penalty = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(critic))
            return -gap(state.generator, critic, batch) + penalty

        gradient = jax.grad(critic_loss)(state.critic)
        updates, critic_moments = optimizer.update(gradient, state.critic_moments)
        critic = optax.apply_updates(state.critic, updates)
        distance, gradient = jax.value_and_grad(gap)(state.generator, critic, batch)
        updates, generator_moments = optimizer.update(gradient, state.generator_moments)
        generator = optax.apply_updates(state.generator, updates)
        return Networks(generator, critic, generator_moments, critic_moments), {"gap": distance}

    def batch_at(step, *, key):
        return tuple(
            jax.random.normal(part, (512,)) * scale + shift
            for part, scale, shift in zip(jax.random.split(key), (0.5, 1.0), (2.0, 0.0), strict=True)
        )

    state = Networks(generator, critic, optimizer.init(generator), optimizer.init(critic))
    result = training.run(update, state, batch_at, steps=4000, key=getkey(), steps_per_call=500)
    learned = nnx.merge(generator_graph, result.state.generator)
    assert abs(float(learned.shift[...]) - 2.0) < 0.1
    assert abs(float(jnp.exp(learned.log_scale[...])) - 0.5) < 0.1
    assert result.history["gap"].shape == (4000,)


# ------------------------------------------------------------------------------------------------- stopping and data


@pytest.mark.fast
def test_a_rule_stops_at_its_step_within_a_call(getkey, tmp_path):
    """The state is that of the step at which the rule was met, wherever a call would have ended."""

    def count(state, batch, *, key):
        return state + 1, {"x": jnp.where(state < 7, -state, -7).astype(jnp.float32)}

    for calls in (1, 3, 50):
        result = training.run(
            count,
            0,
            lambda step, *, key: step,
            steps=40,
            key=getkey(),
            steps_per_call=calls,
            stop=training.Patience("x", patience=5),
            log_path=tmp_path / "log.jsonl",
        )
        # the lowest value comes at step 7; steps 8 to 12 bring nothing lower
        assert (result.steps, int(result.state), result.stopped_early) == (13, 13, True)
        assert result.history["x"].shape == (13,)
        assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 13


@pytest.mark.fast
def test_nan_is_reported_and_does_not_hang(getkey):
    def update(state, batch, *, key):
        return state, {"loss": jnp.where(batch == 6, jnp.nan, 1.0)}

    go = functools.partial(training.run, update, 0.0, lambda step, *, key: step, steps=20, key=getkey())
    result = go()
    assert (result.steps, result.first_nonfinite_step, result.stopped_early) == (20, 6, False)
    result = go(stop=training.NonFinite("loss"))
    assert (result.steps, result.first_nonfinite_step, result.stopped_early) == (7, 6, True)


@pytest.mark.fast
def test_an_iterator_feeds_the_steps_and_may_run_dry(getkey, compilations):
    def update(state, batch, *, key):
        return state + batch["x"], {"x": batch["x"]}

    def go(count, steps):
        batches = ({"x": np.float32(i)} for i in range(count))
        return training.run(update, 0.0, batches, steps=steps, key=key, steps_per_call=4)

    key = getkey()
    result = go(100, 10)
    np.testing.assert_array_equal(result.history["x"], np.arange(10))
    before = compilations.count
    result = go(6, 10)
    assert compilations.count == before
    assert (result.steps, result.stopped_early) == (6, True)
    assert float(result.state) == 15
    assert go(0, 10).steps == 0


# ------------------------------------------------------------------------------------------------------------ the log


@pytest.mark.fast
def test_the_log_has_every_step_once(getkey, tmp_path):
    path = tmp_path / "folder" / "log.jsonl"
    result = training.run(walk, jnp.zeros(2), noise, steps=12, key=getkey(), steps_per_call=5, log_path=path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(12))
    np.testing.assert_array_equal(np.float32([row["sum"] for row in rows]), result.history["sum"])
    assert [row["large"] for row in rows] == result.history["large"].tolist()


@pytest.mark.fast
def test_a_disk_without_room_for_the_log(getkey):
    with pytest.raises(OSError, match="cannot write the metrics to /dev/full"):
        training.run(walk, jnp.zeros(2), noise, steps=3, key=getkey(), log_path="/dev/full")


# ------------------------------------------------------------------------------------------------------- bad arguments


GOOD = {"state": jnp.zeros(2), "batch_at": noise, "steps": 3}


@pytest.mark.fast
@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        ({"steps": 2.0}, TypeError, "steps must be an integer, got 2.0"),
        ({"steps_per_call": 0}, ValueError, "steps_per_call must be at least 1, got 0"),
        ({"checkpoint_every": 5}, ValueError, "checkpoint_every needs a checkpoint_dir"),
        ({"key": jax.random.PRNGKey(0)}, TypeError, r"key must be a key made by jax.random.key\(seed\)"),
        ({"key": 0}, TypeError, r"key must be a key made by jax.random.key\(seed\), got 0"),
        ({"stop": lambda metrics: False}, TypeError, "stop must be a StopRule or None, got function"),
        ({"stop": training.Patience("lost")}, ValueError, "stop watches the metric 'lost', but update returns 'sum'"),
        ({"mesh": 8}, TypeError, "mesh must be a jax.sharding.Mesh or a Placement, got int"),
        ({"batch_at": 3}, TypeError, r"batch_at must be a function \(step, \*, key\) -> batch or an iterator, got int"),
        (
            {"batch_at": iter([np.zeros(2)]), "checkpoint_dir": "never made"},
            TypeError,
            "with a checkpoint_dir an iterator needs __next__, get_state and set_state",
        ),
        (
            {"batch_at": [np.zeros(2), np.zeros(3)]},
            ValueError,
            r"batches must all be like the first, float64\[2\], got float64\[3\]; drop or pad",
        ),
    ],
)
def test_bad_arguments(unhooked, options, kind, message):
    with pytest.raises(kind, match=message):
        training.run(walk, **(GOOD | {"key": jax.random.key(0)} | options))


@pytest.mark.fast
@pytest.mark.parametrize(
    ("returned", "kind", "message"),
    [
        (lambda s: s, TypeError, r"update must return \(state, dictionary of metrics\), got dict"),
        (lambda s: (s, 1.0), TypeError, r"update must return \(state, dictionary of metrics\), got tuple of .*, float"),
        (lambda s: (s, {"a": s["x"]}), ValueError, r"metric 'a' must be a scalar, got shape \(2,\)"),
        (lambda s: (s, {"a": "b"}), TypeError, "metric 'a' must be a real number or array, got str"),
        (lambda s: (s, {"a": jnp.complex64(1)}), TypeError, "metric 'a' must be real, got dtype complex64"),
        (lambda s: (s, {"step": 1.0}), ValueError, "named by strings other than 'step', got 'step'"),
        (
            lambda s: ({"x": s["x"][:1]}, {}),
            TypeError,
            r"state\['x'\] was float32\[2\] and became float32\[1\]",
        ),
        (
            lambda s: ({"x": s["x"].astype(jnp.bfloat16)}, {}),
            TypeError,
            r"state\['x'\] was float32\[2\] and became bfloat16\[2\]",
        ),
        (lambda s: ({"x": s["x"], "y": s["x"]}, {}), TypeError, r"keep the structure .* differs at state\['y'\]"),
    ],
)
def test_bad_updates(returned, kind, message):
    with pytest.raises(kind, match=message):
        training.run(lambda s, batch, *, key: returned(s), {"x": jnp.zeros(2)}, noise, steps=3, key=jax.random.key(0))
