"""`fit`: random and batch state are threaded, line searches served, averages exact, rules obeyed, input checked."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
from flax import nnx

from entropax import optimize, training
from tests.training import regression


def nothing(step, *, key):
    return ()


def linear_data():
    x = jax.random.normal(jax.random.key(5), (40, 3))
    return x, x @ jnp.array([1.0, -2.0, 0.5]) + 0.25


def squares(model, batch, *, key):
    x, y = batch
    return jnp.mean((model(x)[:, 0] - y) ** 2)


# --------------------------------------------------------------------------------------- random and batch state


@pytest.mark.fast
def test_dropout_draws_a_new_mask_at_every_step(getkey):
    """The masks, recorded as a metric, are all different; a fit by plain jit would repeat one."""

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.w = nnx.Param(jnp.ones(()))
            self.drop = nnx.Dropout(0.5, rngs=rngs)

    def loss(model, batch, *, key):
        kept = model.drop(jnp.ones(24)) > 0
        code = jnp.sum(jnp.where(kept, 2.0 ** jnp.arange(24), 0.0))
        return model.w[...] ** 2, {"mask": code}

    model = Model(nnx.Rngs(0))
    result = training.fit(loss, model, nothing, optax.sgd(0.1), steps=50, key=getkey(), steps_per_call=20)
    assert len(set(result.history["mask"].tolist())) == 50
    assert int(result.model.drop.rngs.count[...]) == 50
    assert int(model.drop.rngs.count[...]) == 0  # the caller's model is as it was


@pytest.mark.fast
def test_batch_norm_keeps_its_running_statistics(getkey):
    """After steps with the batches b_k the running mean is 0.01 sum_k 0.99^(t-k) mean(b_k)."""

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.normalise = nnx.BatchNorm(3, momentum=0.99, rngs=rngs)

    def batch_at(step, *, key):
        return jax.random.normal(key, (16, 3)) + 5

    def loss(model, batch, *, key):
        out = model.normalise(batch)
        return jnp.mean(out**2), {"mean": jnp.mean(batch[:, 0])}

    model = Model(nnx.Rngs(0))
    result = training.fit(loss, model, batch_at, optax.sgd(0.1), steps=30, key=getkey(), steps_per_call=7)
    expected = sum(0.01 * 0.99 ** (29 - k) * mean for k, mean in enumerate(result.history["mean"]))
    np.testing.assert_allclose(result.model.normalise.mean[0], expected, rtol=1e-4)
    np.testing.assert_array_equal(model.normalise.mean[...], np.zeros(3))


def test_the_fit_learns_and_leaves_the_model_alone(getkey):
    model = regression.Network(rngs=nnx.Rngs(0))
    before = regression.leaves_by_name(nnx.state(model))
    result = training.fit(
        regression.loss, model, regression.batch_at, regression.OPTIMIZER, steps=300, key=getkey(), ema=(0.9, 0.99)
    )
    assert result.history["loss"][-30:].mean() < 0.5 * result.history["loss"][:10].mean()
    assert result.history["loss"].shape == (300,)
    after = regression.leaves_by_name(nnx.state(model))
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    x, y = regression.batch_at(jnp.int32(0), key=getkey())
    for fitted in (result.model, *result.ema_model):
        fitted.eval()
        assert float(jnp.mean((fitted(x) - y) ** 2)) < 0.5 * float(jnp.mean(y**2))
    assert len(result.ema_model) == 2


# --------------------------------------------------------------------------------------------------------- L-BFGS


def rosenbrock(x, batch, *, key):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def test_lbfgs_finds_the_minimum_of_rosenbrock(x64, getkey):
    """In ten dimensions, from the usual start, to the minimum (1, ..., 1), as scipy's L-BFGS does."""
    start = jnp.tile(jnp.array([-1.2, 1.0]), 5)
    result = training.fit(rosenbrock, start, nothing, optax.lbfgs(), steps=150, key=getkey(), steps_per_call=50)
    oracle = scipy.optimize.minimize(
        lambda x: scipy.optimize.rosen(x), np.asarray(start), jac=scipy.optimize.rosen_der, method="L-BFGS-B"
    )
    np.testing.assert_allclose(oracle.x, np.ones(10), atol=1e-4)
    np.testing.assert_allclose(result.model, np.ones(10), atol=1e-6)
    assert result.history["loss"][-1] < 1e-12


def test_lbfgs_solves_least_squares(x64, getkey):
    """A linear layer is fitted to rounding."""
    data = linear_data()
    model = nnx.Linear(3, 1, param_dtype=jnp.float64, rngs=nnx.Rngs(0))
    result = training.fit(
        squares, model, lambda step, *, key: data, optax.lbfgs(), steps=30, key=getkey(), steps_per_call=30
    )
    np.testing.assert_allclose(result.model.kernel[:, 0], [1.0, -2.0, 0.5], atol=1e-7)
    np.testing.assert_allclose(result.model.bias[0], 0.25, atol=1e-7)


@pytest.mark.slow
def test_lbfgs_line_search_sees_the_masks_of_its_step(getkey):
    """Under Dropout each step's function is fixed while it is searched, so that the fit descends."""
    network = regression.Network(width=8, rate=0.1, rngs=nnx.Rngs(0))
    fixed = regression.batch_at(jnp.int32(0), key=getkey())
    result = training.fit(
        regression.loss, network, lambda step, *, key: fixed, optax.lbfgs(), steps=30, key=getkey(), steps_per_call=30
    )
    assert np.isfinite(result.history["loss"]).all()
    assert result.history["loss"][-1] < 0.5 * result.history["loss"][0]


# ---------------------------------------------------------------------------------------------------------- averages


@pytest.mark.fast
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 0.9999])
def test_the_average_is_its_closed_form(getkey, decay):
    """sum_k d^(t-k) p_k / sum_k d^(t-k) over the parameters after each step, the initial ones left out."""

    def loss(x, batch, *, key):
        return jnp.sum((x - 1) ** 2), {"x": x[0]}

    def run(steps):
        return training.fit(
            loss, jnp.array([5.0, 0.0]), nothing, optax.sgd(0.05), steps=steps, key=key, ema=decay, steps_per_call=30
        )

    key = getkey()
    result = run(60)
    after = np.append(result.history["x"][1:], result.model[0]).astype(np.float64)
    weights = decay ** np.arange(59, -1, -1.0)
    np.testing.assert_allclose(result.ema_model[0], weights @ after / weights.sum(), rtol=2e-6)
    one = run(1)
    np.testing.assert_allclose(one.ema_model, one.model, rtol=1e-6)


@pytest.mark.fast
def test_averages_of_half_precision_are_kept_in_float32(getkey):
    """With d = 0.999 and a jump from 1 to 2 half way, a bfloat16 accumulator would stay near its first value."""

    def loss(x, batch, *, key):
        return jnp.sum(x.astype(jnp.float32))

    def ramp(params, step):
        return jnp.where(step < 500, 1.0, 2.0).astype(params.dtype) - params

    steps = optax.GradientTransformation(
        lambda params: jnp.int32(0), lambda gradient, step, params: (ramp(params, step), step + 1)
    )
    result = training.fit(loss, jnp.ones(4, jnp.bfloat16), nothing, steps, steps=1000, key=getkey(), ema=0.999)
    weights = 0.999 ** np.arange(999, -1, -1.0)
    expected = weights @ np.repeat([1.0, 2.0], 500) / weights.sum()
    np.testing.assert_allclose(np.float32(result.ema_model), expected, rtol=2**-8)


# ---------------------------------------------------------------------------------------------------- early stopping


@pytest.mark.fast
def test_patience_ends_a_fit_that_no_longer_improves(getkey):
    """Gradient descent on x^2 shrinks the loss by 0.64 a step: gains above 1e-3 end at a computable step."""
    result = training.fit(
        lambda x, batch, *, key: jnp.sum(x**2),
        jnp.ones(1),
        nothing,
        optax.sgd(0.1),
        steps=1000,
        key=getkey(),
        stop=training.Patience("loss", patience=5, min_delta=1e-3),
    )
    best, waited, step = np.inf, 0, 0
    while waited < 5:
        value = 0.64**step
        best, waited = (value, 0) if value < best - 1e-3 else (best, waited + 1)
        step += 1
    assert (result.steps, result.stopped_early) == (step, True)
    np.testing.assert_allclose(result.history["loss"], 0.64 ** np.arange(step), rtol=1e-5)


@pytest.mark.fast
def test_a_diverging_fit_stops_at_once_and_says_where(getkey):
    loss = lambda x, batch, *, key: jnp.sum(x**4)  # noqa: E731
    options = {"steps": 1000, "key": getkey(), "steps_per_call": 100}
    result = training.fit(loss, jnp.full(1, 10.0), nothing, optax.sgd(1.0), **options)
    assert result.stopped_early
    assert result.steps == result.first_nonfinite_step + 1 < 20
    result = training.fit(loss, jnp.full(1, 10.0), nothing, optax.sgd(1.0), **(options | {"steps": 20}), stop=None)
    assert (result.steps, result.stopped_early) == (20, False)


# ------------------------------------------------------------------------------------------------------ other models


def test_an_equinox_module_and_a_second_fit_compiles_nothing(getkey, compilations):
    data = linear_data()
    batch_at = functools.partial(jax.tree_util.Partial, lambda data, step, *, key: data)(data)

    def loss(model, batch, *, key):
        x, y = batch
        return jnp.mean((jax.vmap(model)(x)[:, 0] - y) ** 2)

    optimizer = optax.adam(0.1)
    for _ in range(2):
        model = eqx.nn.MLP(3, 1, 8, 1, key=getkey())
        before = compilations.count
        result = training.fit(loss, model, batch_at, optimizer, steps=200, key=getkey(), ema=0.9)
        assert isinstance(result.model, eqx.nn.MLP)
        assert result.model.activation is model.activation
        assert result.history["loss"][-1] < 0.05 * result.history["loss"][0]
    assert compilations.count == before


# ------------------------------------------------------------------------------------------------------- validation


def quadratic(model, batch, *, key):
    return 0.5 * (model - 1.0) ** 2


class DistanceFrom(eqx.Module):
    """How far the model is from what held-out data would have."""

    target: jax.Array

    def __call__(self, model):
        return jnp.abs(model - self.target)


@pytest.mark.fast
@pytest.mark.parametrize("ema", [None, 0.5])
def test_the_best_model_is_the_one_that_held_out_data_likes(getkey, ema):
    """p_t = 1 - 0.9^t passes 0.5 on its way to 1: validated after steps 1, 3, 6, ... the nearest of those is kept."""
    steps = 30
    result = training.fit(
        quadratic,
        jnp.float32(0.0),
        nothing,
        optax.sgd(0.1),
        steps=steps,
        key=getkey(),
        ema=ema,
        validate=DistanceFrom(jnp.float32(0.5)),
        validate_every=3,
        steps_per_call=7,
    )
    path = 1 - 0.9 ** np.arange(1, steps + 1)
    if ema is not None:
        weights = [ema ** np.arange(t)[::-1] for t in range(1, steps + 1)]
        path = np.array([w @ path[: w.size] / w.sum() for w in weights])
    last_due = np.array([0, 0, *np.arange(2, steps) // 3 * 3 + np.where(np.arange(2, steps) % 3 == 2, 2, -1)])
    np.testing.assert_allclose(result.history["validation"], np.abs(path - 0.5)[last_due], atol=1e-6)
    best = last_due[np.argmin(np.abs(path - 0.5)[last_due])]
    assert result.best_step == best
    np.testing.assert_allclose(result.best_model, path[best], rtol=1e-6)
    np.testing.assert_allclose(result.model, 1 - 0.9**steps, rtol=1e-6)


@pytest.mark.fast
def test_patience_on_the_validation_ends_the_fit_after_the_best_model(getkey):
    result = training.fit(
        quadratic,
        jnp.float32(0.0),
        nothing,
        optax.sgd(0.1),
        steps=100,
        key=getkey(),
        validate=DistanceFrom(jnp.float32(0.5)),
        validate_every=2,
        stop=training.Patience("validation", patience=6),
    )
    assert result.stopped_early
    assert result.steps == result.best_step + 1 + 6


@pytest.mark.fast
def test_a_validation_that_is_never_finite_leaves_no_best_model(getkey):
    result = training.fit(
        quadratic,
        jnp.float32(0.0),
        nothing,
        optax.sgd(0.1),
        steps=5,
        key=getkey(),
        validate=lambda model: model * jnp.nan,
    )
    assert result.best_model is None
    assert result.best_step is None
    assert result.first_nonfinite_step == 0


def test_validation_changes_nothing_in_a_network_but_is_given_its_average(getkey):
    """A dropout that validation draws leaves the masks of training alone."""

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.w = nnx.Param(jnp.ones(()))
            self.drop = nnx.Dropout(0.5, rngs=rngs)

    def loss(model, batch, *, key):
        return jnp.sum(model.drop(jnp.arange(1.0, 9.0)) * model.w[...]) / 36, {"w": model.w[...]}

    def validate(model):
        return jnp.mean(model.drop(jnp.ones(8))) + model.w[...]

    key = getkey()
    options = {"steps": 12, "key": key, "ema": 0.9}
    plain = training.fit(loss, Model(nnx.Rngs(0)), nothing, optax.sgd(0.1), **options)
    judged = training.fit(
        loss, Model(nnx.Rngs(0)), nothing, optax.sgd(0.1), validate=validate, validate_every=1, **options
    )
    np.testing.assert_array_equal(judged.history["w"], plain.history["w"])
    assert isinstance(judged.best_model, Model)
    assert judged.best_step == np.argmin(judged.history["validation"])


def test_a_second_fit_of_a_network_compiles_nothing(getkey, compilations):
    for seed in range(2):
        model = regression.Network(rngs=nnx.Rngs(seed))
        before = compilations.count
        training.fit(
            regression.loss,
            model,
            regression.batch_at,
            regression.OPTIMIZER,
            steps=3,
            key=getkey(),
            ema=(0.9, 0.99),
        )
    assert compilations.count == before


@pytest.mark.fast
@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"loss": lambda m, b, *, key: m}, ValueError, r"loss must return a scalar, got shape \(2,\): average"),
        ({"loss": lambda m, b, *, key: "a"}, TypeError, "loss must return a scalar, .* got str"),
        ({"loss": lambda m, b, *, key: (m[0], 1.0)}, TypeError, "a scalar and a dictionary of metrics, got .*float"),
        ({"loss": lambda m, b, *, key: m[0] + 1j}, TypeError, "loss must be real and floating, got dtype complex64"),
        ({"loss": lambda m, b, *, key: jnp.int32(1)}, TypeError, "loss must be real and floating, got dtype int32"),
        ({"loss": lambda m, b, *, key: (m[0], {"loss": m[1]})}, ValueError, "metric named 'loss'"),
        ({"loss": lambda m, b, *, key: (m[0], {"a": m})}, ValueError, r"metric 'a' must be a scalar, got shape \(2,\)"),
        ({"validate": lambda m: m}, ValueError, r"validate must return a scalar, got shape \(2,\)"),
        ({"validate": lambda m: "a"}, TypeError, "validate must return a scalar, got str"),
        ({"validate": lambda m: jnp.int32(1)}, TypeError, "validate must be real and floating, got dtype int32"),
        ({"validate": lambda m: m[0], "validate_every": 0}, ValueError, "validate_every must be at least 1, got 0"),
        (
            {"validate": lambda m: m[0], "loss": lambda m, b, *, key: (m[0], {"validation": m[1]})},
            ValueError,
            "metric named 'validation'",
        ),
        ({"ema": 1.0}, ValueError, r"ema must hold decays in \[0, 1\), got 1.0"),
        ({"ema": (0.9, -0.1)}, ValueError, r"ema must hold decays in \[0, 1\), got -0.1"),
        ({"optimizer": 0.1}, TypeError, "optimizer must be an optax.GradientTransformation, got float"),
        ({"model": jnp.arange(3)}, ValueError, "model must have parameters"),
        ({"model": nnx.Dropout(0.5, rngs=nnx.Rngs(0))}, ValueError, "model must have parameters"),
        ({"steps": 0}, ValueError, "steps must be at least 1, got 0"),
        (
            {"optimizer_functions": {"batch": jnp.sum}},
            ValueError,
            "optimizer_functions must hold functions under other names than value, grad, value_fn, batch, got 'batch'",
        ),
        ({"key": jax.random.PRNGKey(0)}, TypeError, r"key must be a key made by jax.random.key\(seed\)"),
        ({"stop": training.Patience("accuracy")}, ValueError, "stop watches the metric 'accuracy', .* returns 'loss'"),
    ],
)
def test_bad_arguments(unhooked, options, kind, message):
    good = {
        "loss": lambda m, b, *, key: jnp.sum(m**2),
        "model": jnp.ones(2),
        "batch_at": nothing,
        "optimizer": optax.sgd(0.1),
        "steps": 2,
        "key": jax.random.key(0),
    }
    with pytest.raises(kind, match=message):
        training.fit(**(good | options))


@pytest.mark.fast
def test_integer_parameters_are_refused(unhooked):
    class Model(nnx.Module):
        def __init__(self):
            self.w = nnx.Param(jnp.arange(3))

    with pytest.raises(TypeError, match=r"parameters must be floating arrays, got int32 for \['w'\]"):
        training.fit(lambda m, b, *, key: 0.0, Model(), nothing, optax.sgd(0.1), steps=1, key=jax.random.key(0))


@pytest.mark.fast
def test_complex_parameters_are_refused(unhooked):
    """jax.grad of |w - i|^2 is the conjugate of the way uphill: a step against it leads away from the minimum."""

    class Model(nnx.Module):
        def __init__(self):
            self.w = nnx.Param(jnp.zeros(2, jnp.complex64))

    def loss(model, batch, *, key):
        w = model.w[...] if isinstance(model, Model) else model["w"]
        return jnp.sum(jnp.abs(w - 1j) ** 2)

    for model in (Model(), {"w": jnp.zeros(2, jnp.complex64), "b": jnp.zeros(2)}):
        with pytest.raises(TypeError, match=r"parameters must be floating arrays, got complex64 for \['w'\]"):
            training.fit(loss, model, nothing, optax.sgd(0.1), steps=1, key=jax.random.key(0))


# ----------------------------------------------------------------------------------------------------------- records


@pytest.mark.fast
@pytest.mark.parametrize("ema", [None, 0.5])
def test_the_record_holds_what_became_of_the_model(getkey, ema):
    """Entries of any shape after every third step, of the averaged model if there is one; the last two steps go by."""
    result = training.fit(
        quadratic,
        jnp.float32(0.0),
        nothing,
        optax.sgd(0.1),
        steps=29,
        key=getkey(),
        ema=ema,
        record=lambda model: {"model": model, "powers": model ** jnp.arange(1.0, 3.0)},
        record_every=3,
        steps_per_call=7,
    )
    path = 1 - 0.9 ** np.arange(1, 30)
    if ema is not None:
        weights = [ema ** np.arange(t)[::-1] for t in range(1, 30)]
        path = np.array([w @ path[: w.size] / w.sum() for w in weights])
    np.testing.assert_allclose(result.recorded["model"], path[2::3], rtol=1e-6)
    np.testing.assert_allclose(result.recorded["powers"], path[2::3, None] ** [1, 2], rtol=1e-6)


@pytest.mark.fast
def test_a_fit_that_stops_early_has_a_shorter_record(getkey):
    options = {"steps": 100, "key": getkey(), "record": lambda model: model, "record_every": 2}
    validate = {"validate": DistanceFrom(jnp.float32(0.5)), "validate_every": 1}
    stop = training.Patience("validation", patience=6)
    result = training.fit(quadratic, jnp.float32(0.0), nothing, optax.sgd(0.1), stop=stop, **options, **validate)
    assert result.stopped_early
    np.testing.assert_allclose(result.recorded, 1 - 0.9 ** np.arange(2, result.steps + 1, 2), rtol=1e-6)


@pytest.mark.fast
def test_a_fit_resumes_with_its_record(getkey, tmp_path):
    """Killed after 9 of 15 steps by an update that fails on the host, the second attempt has the entries of both."""
    options = {"key": getkey(), "record": lambda model: model, "record_every": 3, "steps_per_call": 3}
    whole = training.fit(quadratic, jnp.float32(0.0), nothing, optax.sgd(0.1), steps=15, **options)

    def batches():
        yield from [np.zeros(1)] * 9
        raise RuntimeError("killed")

    class Batches:
        def __init__(self, source):
            self.source, self.taken = source, 0

        def __next__(self):
            self.taken += 1
            return next(self.source)

        def get_state(self):
            return self.taken

        def set_state(self, state):
            self.taken = state

    options |= {"checkpoint_dir": tmp_path / "fit", "checkpoint_every": 3}
    with pytest.raises(RuntimeError, match="killed"):
        training.fit(quadratic, jnp.float32(0.0), Batches(batches()), optax.sgd(0.1), steps=15, **options)
    rest = Batches(iter([np.zeros(1)] * 6))
    resumed = training.fit(quadratic, jnp.float32(0.0), rest, optax.sgd(0.1), steps=15, **options)
    assert rest.taken == 15
    np.testing.assert_array_equal(resumed.recorded, whole.recorded)


@pytest.mark.fast
@pytest.mark.parametrize("every", [0, 4])
def test_a_record_without_an_entry_is_refused(unhooked, every):
    with pytest.raises(ValueError, match="record_every must be at least 1"):
        training.fit(
            quadratic,
            jnp.float32(0.0),
            nothing,
            optax.sgd(0.1),
            steps=3,
            key=jax.random.key(0),
            record=lambda model: model,
            record_every=every,
        )


# ------------------------------------------------------------------------------------- optimisers that ask for more


def test_the_optimizer_gets_the_batch_and_functions_of_the_model(getkey):
    """`radius_clip` behind a wild rate makes the steps of a loop written out, each on its own batch."""
    x = jax.random.normal(jax.random.key(1), (6, 3))
    labels = jnp.array([0, 1, 2, 1, 0, 2])
    batch_at = lambda step, *, key: x * (1 + step)  # noqa: E731
    loss = lambda w, x: jnp.mean(optax.softmax_cross_entropy_with_integer_labels(x @ w, labels))  # noqa: E731
    optimizer = optax.chain(optax.sgd(50.0, momentum=0.9), optimize.radius_clip())
    result = training.fit(
        lambda w, x, *, key: loss(w, x),
        jnp.zeros((3, 3)),
        batch_at,
        optimizer,
        steps=3,
        key=getkey(),
        optimizer_functions={"logits_fn": lambda w, x: x @ w},
    )
    w = jnp.zeros((3, 3))
    state = optimizer.init(w)
    for step in range(3):
        batch = x * (1 + step)
        updates, state = optimizer.update(jax.grad(loss)(w, batch), state, w, logits_fn=lambda w, x: x @ w, batch=batch)
        w = optax.apply_updates(w, updates)
    assert state[-1].scale < 1
    np.testing.assert_allclose(result.model, w, rtol=1e-5)
    np.testing.assert_allclose(result.optimizer_state[-1].normalized_step, state[-1].normalized_step, rtol=1e-5)


def test_functions_for_the_optimizer_change_nothing_in_a_network(getkey):
    """They see the parameters before the step; turning Dropout off is theirs alone; no mask is drawn for them."""

    class Model(nnx.Module):
        def __init__(self, rngs):
            self.w = nnx.Param(jnp.ones(4))
            self.drop = nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            return self.drop(x * self.w[...])

    def output(model, x):
        model.eval()
        return model(x)

    def update(updates, state, params, *, output, batch, **extra):
        return updates, output(params, batch)

    recorder = optax.GradientTransformationExtraArgs(lambda params: jnp.zeros(4), update)
    result = training.fit(
        lambda model, x, *, key: jnp.sum(model(x) ** 2),
        Model(nnx.Rngs(0)),
        lambda step, *, key: jnp.arange(4.0),
        optax.chain(optax.sgd(0.1), recorder),
        steps=1,
        key=getkey(),
        optimizer_functions={"output": output},
    )
    np.testing.assert_array_equal(result.optimizer_state[-1], jnp.arange(4.0))
    assert int(result.model.drop.rngs.count[...]) == 1
    assert not result.model.drop.deterministic
