"""Fitting one model to one loss: the common case of a run."""

import math
import os
from collections.abc import Callable, Sequence
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


class FitResult(eqx.Module):
    """What a fit leaves.

    Args:
        model: the model after the last step, in training or evaluation mode as it was given.
        ema_model: the model with averaged parameters; a tuple, if several decays were given; None without.
        history: "loss" and the loss's other metrics at every step, arrays by name, and "step", counted from zero.
        steps: number of steps done.
        stopped_early: whether a rule, or the end of the data, ended the fit before its last step.
        first_nonfinite_step: the first step with a loss or metric that was NaN or infinite, None if there is none.
        optimizer_state: the optimiser's state.
    """

    model: Any
    ema_model: Any
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
    ema: float | Sequence[float] | None = None,
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
    arrays are trained. The model that is passed is not changed. Line searches (optax.lbfgs) get the value, the
    gradient and the function, evaluated on the step's batch, keys and masks.

    The running average of the parameters after each step, p_1 ... p_t, is the unbiased one,
    sum_k d^(t-k) p_k / sum_k d^(t-k) for decay d: the initial parameters do not weigh in it. It is held in float32 for
    parameters of lower precision and returned in theirs. Averaged models have the batch statistics of the last step.

    Args:
        loss: pure function (model, batch, *, key) -> scalar, or (scalar, dictionary of scalar metrics).
        model: a flax.nnx.Module, in training mode if it has one, or a pytree.
        batch_at: pure function (step, *, key) -> batch, or an iterator, see `run`.
        optimizer: an optax optimiser.
        steps: number of steps of the whole fit.
        key: a key made by jax.random.key.
        ema: decay of a running average of the parameters, or several, each in [0, 1).
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
        ValueError: a loss that is not a scalar, a decay outside [0, 1), a model without parameters, and what `run`
            raises.
        TypeError: a loss that is not real and floating, an optimizer that is none, and what `run` raises.
        OSError: a checkpoint or the log cannot be written.
    """
    if not isinstance(optimizer, optax.GradientTransformation):
        raise TypeError(f"optimizer must be an optax.GradientTransformation, got {type(optimizer).__name__}")
    decays = () if ema is None else (ema,) if isinstance(ema, (int, float)) else tuple(ema)
    for decay in decays:
        if not 0 <= decay < 1:
            raise ValueError(f"ema must hold decays in [0, 1), got {decay}")
    _checks.require_key("key", key)
    structure, parts = split_model(model)
    state = _FitState(
        parts=parts,
        optimizer_state=optimizer.init(parts.params),
        averages=tuple(jax.tree.map(_accumulator, parts.params) for _ in decays),
        step=jnp.int32(0),
    )
    result = run(
        _GradientStep(loss, structure, optimizer, decays),
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
    last = result.state.parts
    averaged = tuple(
        structure.join(Parts(_in_dtypes_of(last.params, average), last.variables, last.random))
        for average in result.state.averages
    )
    return FitResult(
        model=structure.join(last),
        ema_model=None if ema is None else averaged[0] if isinstance(ema, (int, float)) else averaged,
        history=result.history,
        steps=result.steps,
        stopped_early=result.stopped_early,
        first_nonfinite_step=result.first_nonfinite_step,
        optimizer_state=result.state.optimizer_state,
    )


class _FitState(eqx.Module):
    """What one step of a fit hands to the next."""

    parts: Parts
    optimizer_state: PyTree
    averages: tuple[PyTree, ...]
    step: Any


class _GradientStep(eqx.Module):
    """The update of a fit: one step down the gradient. Equal ones share one compiled loop."""

    loss: Callable[..., Any]
    structure: Structure
    optimizer: optax.GradientTransformation
    decays: tuple[float, ...] = eqx.field(static=True)

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
        )
        params = optax.apply_updates(parts.params, updates)
        step = state.step + 1
        averages = tuple(
            _averaged(average, params, step, decay) for average, decay in zip(state.averages, self.decays, strict=True)
        )
        parts = Parts(params, after.variables, after.random)
        return _FitState(parts, optimizer_state, averages, step), {"loss": value} | metrics


def _value_and_metrics(result: Any) -> tuple[jax.Array, dict[str, Any]]:
    """The loss, checked to be a real floating scalar, and the other metrics, which are not differentiated."""
    value, metrics = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
    if not isinstance(value, (jax.Array, np.ndarray, np.generic, float)) or not isinstance(metrics, dict):
        kinds = type(value).__name__ + (f" and {type(metrics).__name__}" if isinstance(result, tuple) else "")
        raise TypeError(f"loss must return a scalar, or a scalar and a dictionary of metrics, got {kinds}")
    if jnp.shape(value) != ():
        raise ValueError(f"loss must return a scalar, got shape {jnp.shape(value)}: average it over the batch")
    if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        raise TypeError(f"loss must be real and floating, got dtype {jnp.result_type(value)}")
    if "loss" in metrics:
        raise ValueError("loss returns a metric named 'loss', which is the name of its value")
    return jnp.asarray(value), metrics


def _accumulator(parameter: jax.Array) -> jax.Array:
    """Where an average is kept: in float32 at least, as bfloat16 would lose steps of one in a thousand."""
    return jnp.zeros_like(parameter, jnp.promote_types(parameter.dtype, jnp.float32))


def _averaged(average: PyTree, params: PyTree, step: jax.Array, decay: float) -> PyTree:
    """m_t = m_{t-1} + w_t (p_t - m_{t-1}), w_t = (1 - d) / (1 - d^t): the weights d^(t-k) over their sum."""
    log_decay = math.log(decay) if decay else -math.inf
    weight = (1 - decay) / -jnp.expm1(step.astype(jnp.float32) * log_decay)
    return jax.tree.map(lambda m, p: m + weight.astype(m.real.dtype) * (p.astype(m.dtype) - m), average, params)


def _in_dtypes_of(params: PyTree, average: PyTree) -> PyTree:
    return jax.tree.map(lambda parameter, mean: mean.astype(parameter.dtype), params, average)
