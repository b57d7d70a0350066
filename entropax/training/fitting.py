"""Fitting one model to one loss: the common case of a run."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh

from entropax import _checks
from entropax._typing import PRNGKey, PyTree
from entropax.training.loop import run
from entropax.training.meshes import Placement
from entropax.training.models import Parts, Structure, split_model
from entropax.training.stopping import NonFinite, StopRule

_OPTIMIZER_ARGUMENTS = ("value", "grad", "value_fn", "batch")
_NUMBERS = (jax.Array, np.ndarray, np.generic, float)


class FitResult(eqx.Module):
    """What a fit leaves.

    Args:
        model: the model after the last step, in training or evaluation mode as it was given.
        ema_model: the model with averaged parameters; a tuple, if several decays were given; None without.
        best_model: the model of the lowest validation value, averaged if validation was; None without validation, or
            if no value was finite.
        best_step: the step after which it was taken, counted from zero; None where `best_model` is.
        recorded: what `record` returned, one entry of a first axis for each time; None without.
        history: "loss" and the loss's other metrics at every step, arrays by name, and "step", counted from zero; with
            validation "validation" too, which keeps its value until the next one.
        steps: number of steps done.
        stopped_early: whether a rule, or the end of the data, ended the fit before its last step.
        first_nonfinite_step: the first step with a loss or metric that was NaN or infinite, None if there is none.
        optimizer_state: the optimiser's state.
    """

    model: Any
    ema_model: Any
    best_model: Any
    best_step: int | None
    recorded: PyTree
    history: dict[str, np.ndarray]
    steps: int
    stopped_early: bool
    first_nonfinite_step: int | None
    optimizer_state: PyTree


def fit(
    loss: Callable[..., Any],
    model: Any,
    batch_at: Any,
    optimizer: optax.GradientTransformation,
    *,
    steps: int,
    key: PRNGKey,
    optimizer_functions: Mapping[str, Callable[[Any, Any], Any]] | None = None,
    ema: float | Sequence[float] | None = None,
    validate: Callable[[Any], Any] | None = None,
    validate_every: int = 100,
    record: Callable[[Any], Any] | None = None,
    record_every: int = 100,
    stop: StopRule | None = NonFinite("loss"),  # noqa: B008 - frozen
    steps_per_call: int = 100,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    log_path: str | os.PathLike[str] | None = None,
    mesh: Mesh | Placement | None = None,
    progress: bool = True,
    description: str | None = None,
) -> FitResult:
    """Minimises E loss(model, batch, key=key) over the model's parameters with an optax optimiser.

    Of a flax.nnx.Module the nnx.Param are trained; batch statistics and random streams are threaded from step to
    step, so that Dropout draws new masks and BatchNorm keeps its running statistics. Of any other pytree the floating
    arrays are trained. Parameters are real: hold a complex one as its real and imaginary parts. The model that is
    passed is not changed.

    An optimiser that takes extra arguments gets the step's `value`, `grad` and `value_fn`, a function of the
    parameters: for line searches such as optax.lbfgs, evaluated on the step's batch, keys and masks. What else it asks
    of the model comes from `optimizer_functions`: each is handed over by its name as a function of parameters and
    batch, and with them the step's `batch` (optax's line searches refuse arguments that they do not know, and cannot
    be combined with these). So `optimize.radius_clip` gets the logits it needs:

        fit(loss, model, batch_at, optax.chain(optax.adam(1e-3), optimize.radius_clip()), ...,
            optimizer_functions={"logits_fn": lambda model, batch: model(batch["x"])})

    The running average of the parameters after each step, p_1 ... p_t, is the unbiased one,
    sum_k d^(t-k) p_k / sum_k d^(t-k) for decay d: the initial parameters do not weigh in it. It is held in float32 for
    parameters of lower precision and returned in theirs. Averaged models have the batch statistics of the last step.

    With `validate` the model is judged after the first step and after every `validate_every` steps, inside the compiled
    loop, by a function that should know data the loss does not see. The best model so far is kept, and
    `stop=Patience("validation", ...)` ends the fit some steps after it. Judged is the averaged model (of the first
    decay), if there is one.

    With `record` what a function makes of the same model after every `record_every` steps is kept: curves of any shape,
    or the model itself, to choose among when the fit is over.

    Args:
        loss: pure function (model, batch, *, key) -> scalar, or (scalar, dictionary of scalar metrics).
        model: a flax.nnx.Module, in training mode if it has one, or a pytree.
        batch_at: pure function (step, *, key) -> batch, or an iterator, see `run`.
        optimizer: an optax optimiser.
        steps: number of steps of the whole fit.
        key: a key made by jax.random.key.
        optimizer_functions: pure functions (model, batch) by the names under which the optimiser takes functions
            (params, batch). The model is the one before the step, with its batch statistics and random state, in the
            mode of `model`; `model.eval()` in the function turns its copy's Dropout off. What they change is dropped.
        ema: decay of a running average of the parameters, or several, each in [0, 1).
        validate: pure function model -> scalar, lower is better. An equinox.Module or a jax.tree_util.Partial hands its
            held-out data over as arguments; random numbers in it should be the same at every call, so that its values
            compare. What it changes in the model (batch statistics, random state) is dropped.
        validate_every: steps between validations.
        record: pure function from the model to a pytree of arrays. `steps // record_every` of its results are held in
            memory, and in checkpoints, from the start: so a fit that resumes must have the same `steps`.
        record_every: steps between them, at most `steps`.
        stop: rule that ends the fit early, such as `Patience`; by default a loss that is not finite does. None: no
            rule, for optimisers that skip such steps (optax.apply_if_finite).
        steps_per_call: see `run`.
        checkpoint_dir: see `run`.
        checkpoint_every: see `run`.
        log_path: see `run`.
        mesh: see `run`.
        progress: see `run`.
        description: see `run`.

    Returns:
        A `FitResult`.

    Raises:
        ValueError: a loss or validation that is not a scalar, an optimizer function that is none or has the name of
            another argument, a decay outside [0, 1), validate_every or record_every
            out of range, a model without parameters, and what `run` raises.
        TypeError: a loss, a validation or a parameter that is not real and floating, an optimizer that is none, and
            what `run` raises.
        OSError: a checkpoint or the log cannot be written.
    """
    if not isinstance(optimizer, optax.GradientTransformation):
        raise TypeError(f"optimizer must be an optax.GradientTransformation, got {type(optimizer).__name__}")
    functions = None if optimizer_functions is None else dict(optimizer_functions)
    for name, function in (functions or {}).items():
        if not callable(function) or name in _OPTIMIZER_ARGUMENTS:
            taken = ", ".join(_OPTIMIZER_ARGUMENTS)
            raise ValueError(
                f"optimizer_functions must hold functions under other names than {taken}, got {name!r}: {function!r}"
            )
    decays = () if ema is None else (ema,) if isinstance(ema, (int, float)) else tuple(ema)
    for decay in decays:
        if not 0 <= decay < 1:
            raise ValueError(f"ema must hold decays in [0, 1), got {decay}")
    _checks.require_key("key", key)
    _checks.require_integer("validate_every", validate_every, minimum=1)
    _checks.require_integer("steps", steps, minimum=1)
    _checks.require_integer("record_every", record_every, minimum=1, maximum=None if record is None else steps)
    structure, parts = split_model(model)
    state = _FitState(
        parts=parts,
        optimizer_state=optimizer.init(parts.params),
        averages=tuple(jax.tree.map(_accumulator, parts.params) for _ in decays),
        # The first step brings the first validation.
        best=None if validate is None else _Judged(jnp.float32(jnp.inf), jnp.int32(-1), parts),
        validation=None if validate is None else jnp.float32(jnp.nan),
        recorded=None if record is None else _room_for(record, structure, parts, steps // record_every),
        step=jnp.int32(0),
    )
    result = run(
        _GradientStep(loss, validate, record, structure, optimizer, functions, decays, validate_every, record_every),
        state,
        batch_at,
        steps=steps,
        key=key,
        stop=stop,
        steps_per_call=steps_per_call,
        checkpoint_dir=checkpoint_dir,
        checkpoint_every=checkpoint_every,
        log_path=log_path,
        mesh=mesh,
        progress=progress,
        description=description,
    )
    last, best = result.state.parts, result.state.best
    if best is not None and not np.isfinite(best.value):
        best = None
    averaged = tuple(
        structure.join(Parts(_in_dtypes_of(last.params, average), last.variables, last.random))
        for average in result.state.averages
    )
    return FitResult(
        model=structure.join(last),
        ema_model=None if ema is None else averaged[0] if isinstance(ema, (int, float)) else averaged,
        best_model=None if best is None else structure.join(best.parts),
        best_step=None if best is None else int(best.step),
        recorded=jax.tree.map(lambda entries: entries[: result.steps // record_every], result.state.recorded),
        history=result.history,
        steps=result.steps,
        stopped_early=result.stopped_early,
        first_nonfinite_step=result.first_nonfinite_step,
        optimizer_state=result.state.optimizer_state,
    )


class _Judged(eqx.Module):
    """A model's validation value, the step after which it was taken, and its parts."""

    value: Any
    step: Any
    parts: Parts


class _FitState(eqx.Module):
    """What one step of a fit hands to the next."""

    parts: Parts
    optimizer_state: PyTree
    averages: tuple[PyTree, ...]
    best: _Judged | None
    validation: Any
    recorded: PyTree
    step: Any


class _GradientStep(eqx.Module):
    """The update of a fit: one step down the gradient. Equal ones share one compiled loop."""

    loss: Callable[..., Any]
    validate: Callable[[Any], Any] | None
    record: Callable[[Any], Any] | None
    structure: Structure
    optimizer: optax.GradientTransformation
    optimizer_functions: dict[str, Callable[[Any, Any], Any]] | None
    decays: tuple[float, ...] = eqx.field(static=True)
    validate_every: int = eqx.field(static=True)
    record_every: int = eqx.field(static=True)

    def __call__(self, state: _FitState, batch: PyTree, *, key: PRNGKey) -> tuple[_FitState, dict[str, Any]]:
        parts = state.parts

        def objective(params: PyTree) -> tuple[jax.Array, tuple[dict[str, Any], Parts]]:
            model = self.structure.join(Parts(params, parts.variables, parts.random))
            value, metrics = _value_and_metrics(self.loss(model, batch, key=key))
            return value, (metrics, self.structure.parts_of(model))

        (value, (metrics, after)), gradient = jax.value_and_grad(objective, has_aux=True)(parts.params)
        updates, optimizer_state = optax.with_extra_args_support(self.optimizer).update(
            gradient,
            state.optimizer_state,
            parts.params,
            value=value,
            grad=gradient,
            value_fn=lambda params: objective(params)[0],
            **self._extra_arguments(parts, batch),
        )
        params = optax.apply_updates(parts.params, updates)
        step = state.step + 1
        averages = tuple(
            _averaged(average, params, step, decay) for average, decay in zip(state.averages, self.decays, strict=True)
        )
        parts = Parts(params, after.variables, after.random)
        metrics = {"loss": value} | metrics
        judged = Parts(_in_dtypes_of(params, averages[0]), parts.variables, parts.random) if averages else parts
        recorded = self._recorded(judged, state.recorded, step)
        if state.best is None:
            return _FitState(parts, optimizer_state, averages, None, None, recorded, step), metrics
        if "validation" in metrics:
            raise ValueError("loss returns a metric named 'validation', which is the name of validate's value")
        best, validation = jax.lax.cond(
            (state.step == 0) | (step % self.validate_every == 0),
            lambda best: self._validated(judged, best, state.step),
            lambda best: (best, state.validation),
            state.best,
        )
        state = _FitState(parts, optimizer_state, averages, best, validation, recorded, step)
        return state, metrics | {"validation": validation}

    def _extra_arguments(self, parts: Parts, batch: PyTree) -> dict[str, Any]:
        """The batch, and the optimiser's functions of model and batch as functions of parameters and batch."""
        if self.optimizer_functions is None:
            return {}

        def of_params(function: Callable[[Any, Any], Any]) -> Callable[[PyTree, PyTree], Any]:
            return lambda p, batch: function(self.structure.join(Parts(p, parts.variables, parts.random)), batch)

        return {"batch": batch} | {name: of_params(function) for name, function in self.optimizer_functions.items()}

    def _recorded(self, parts: Parts, recorded: PyTree, step: jax.Array) -> PyTree:
        """The record with this step's entry, if it has one."""
        record = self.record
        if record is None:
            return recorded
        place = step // self.record_every - 1
        return jax.lax.cond(
            step % self.record_every == 0,
            lambda entries: jax.tree.map(
                lambda column, entry: column.at[place].set(entry), entries, record(self.structure.join(parts))
            ),
            lambda entries: entries,
            recorded,
        )

    def _validated(self, parts: Parts, best: _Judged, step: jax.Array) -> tuple[_Judged, jax.Array]:
        """The better of the best so far and a model with these parts, and the value of the latter."""
        assert self.validate is not None
        value = _real_scalar("validate", self.validate(self.structure.join(parts))).astype(jnp.float32)
        better = value < best.value  # never, if it is NaN
        return jax.tree.map(lambda new, old: jnp.where(better, new, old), _Judged(value, step, parts), best), value


def _room_for(record: Callable[[Any], Any], structure: Structure, parts: Parts, count: int) -> PyTree:
    """Zeros for `count` results of a record."""
    entry = jax.eval_shape(lambda parts: record(structure.join(parts)), parts)
    return jax.tree.map(lambda leaf: jnp.zeros((count, *leaf.shape), leaf.dtype), entry)


def _value_and_metrics(result: Any) -> tuple[jax.Array, dict[str, Any]]:
    """The loss, checked to be a real floating scalar, and the other metrics, which are not differentiated."""
    value, metrics = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    if not isinstance(value, _NUMBERS) or not isinstance(metrics, dict):
        kinds = type(value).__name__ + (f" and {type(metrics).__name__}" if isinstance(result, tuple) else "")
        raise TypeError(f"loss must return a scalar, or a scalar and a dictionary of metrics, got {kinds}")
    value = _real_scalar("loss", value)
    if "loss" in metrics:
        raise ValueError("loss returns a metric named 'loss', which is the name of its value")
    return value, metrics


def _real_scalar(name: str, value: Any) -> jax.Array:
    if not isinstance(value, _NUMBERS):
        raise TypeError(f"{name} must return a scalar, got {type(value).__name__}")
    if jnp.shape(value) != ():
        raise ValueError(f"{name} must return a scalar, got shape {jnp.shape(value)}: average it over the batch")
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise TypeError(f"{name} must be real and floating, got dtype {jnp.result_type(value)}")
    return jnp.asarray(value)


def _accumulator(parameter: jax.Array) -> jax.Array:
    """Where an average is kept: in float32 at least, as bfloat16 would lose steps of one in a thousand."""
    return jnp.zeros_like(parameter, jnp.promote_types(parameter.dtype, jnp.float32))


def _averaged(average: PyTree, params: PyTree, step: jax.Array, decay: float) -> PyTree:
    """m_t = m_{t-1} + w_t (p_t - m_{t-1}), w_t = (1 - d) / (1 - d^t): the weights d^(t-k) over their sum."""
    log_decay = math.log(decay) if decay else -math.inf
    weight = (1 - decay) / -jnp.expm1(step.astype(jnp.float32) * log_decay)
    return jax.tree.map(lambda m, p: m + weight.astype(m.dtype) * (p.astype(m.dtype) - m), average, params)


def _in_dtypes_of(params: PyTree, average: PyTree) -> PyTree:
    return jax.tree.map(lambda parameter, mean: mean.astype(parameter.dtype), params, average)
