"""Training with a code: a teacher on data, a student on the teacher's samples, and what the samples told it."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import _checks, training
from entropax._typing import Array, Float, Int, PRNGKey, PyTree, Scalar
from entropax.estimators.learnable import row_divergences
from entropax.training.models import Parts, Structure, split_model


@runtime_checkable
class SequenceModel(Protocol):
    """What requential training needs of a model of sequences; `nn.Decoder` is one."""

    def __call__(self, tokens: Int[Array, "t"], features: Array | None = None) -> Float[Array, "t v"]:
        """Logits of the token that follows each."""
        ...

    def complete(
        self, tokens: Int[Array, "t"], features: Array | None = None, *, prompt: int, key: PRNGKey
    ) -> tuple[Int[Array, "t"], Float[Array, "s v"]]:
        """Tokens with all after the first `prompt` drawn anew, and the logits that they were drawn from.

        Args:
            tokens: integers, shape (t,), of which the first `prompt` are read.
            features: what the model reads beside the tokens, shape (t, e), or None.
            prompt: how many tokens are given.
            key: source of randomness.

        Returns:
            Tokens, shape (t,), and logits of those drawn, shape (s, v) with s = t - prompt.
        """
        ...


class Sequences(eqx.Module):
    """A batch of sequences.

    Attributes:
        tokens: shape (n, t).
        features: what a model reads beside the tokens, shape (n, t, e), or None.
    """

    tokens: Int[Array, "n t"]
    features: Float[Array, "n t e"] | None = None


class RequentialState(eqx.Module):
    """Teacher and student in training.

    Attributes:
        teacher: parts of the model that trains on data.
        average: the running average of the teacher's parameters, whose samples the student sees.
        student: parts of the model that trains on samples.
        teacher_optimizer: the teacher's optimiser state.
        student_optimizer: the student's optimiser state.
        divergence: the last KL(teacher || student), nats per token.
    """

    teacher: Parts
    average: PyTree
    student: Parts
    teacher_optimizer: PyTree
    student_optimizer: PyTree
    divergence: Scalar


class RequentialUpdate(eqx.Module):
    """One step of teacher and student, an update for `training.run`.

    The teacher steps on the batch and its running average moves; then the student, `student_speed` times, is compared
    with the average on completions that the average samples for the batch's prompts, and steps on them. While the last
    divergence exceeds `max_kl` the teacher waits for the student.

    Attributes:
        structure: the model without its arrays.
        optimizer: of both.
        prompt: tokens given in every sequence; those after it are scored, and drawn by the teacher.
        student_speed: steps of the student for one of the teacher.
        max_kl: the divergence in nats per token above which the teacher waits; infinity for never.
        decay: of the running average.
    """

    structure: Structure
    optimizer: optax.GradientTransformation
    prompt: int = eqx.field(static=True)
    student_speed: int = eqx.field(static=True)
    max_kl: float = eqx.field(static=True)
    decay: float = eqx.field(static=True)

    def init(self, model: Any) -> RequentialState:
        """The state before the first step: teacher and student start as the same model.

        Args:
            model: of the update's structure.

        Returns:
            The state, for `training.run`.
        """
        parts = split_model(model)[1]
        memory = self.optimizer.init(parts.params)
        return RequentialState(parts, parts.params, parts, memory, memory, jnp.float32(0))

    def __call__(
        self, state: RequentialState, batch: Sequences, *, key: PRNGKey
    ) -> tuple[RequentialState, dict[str, Array]]:
        """The state after a step, and the step's metrics.

        Args:
            state: teacher and student.
            batch: fresh data.
            key: source of the teacher's samples.

        Returns:
            The next state, and in nats per token: "loss" and "student_loss" on the batch, both before the step;
            "divergence", KL(teacher || student) before the student's steps, summed over them; "taught", whether the
            teacher stepped.

        Raises:
            ValueError: the batch's sequences are no longer than the prompt.
        """
        _require_prompt(self.prompt, batch)
        loss, gradient = jax.value_and_grad(self._loss)(state.teacher.params, state.teacher, batch)
        student_loss = self._loss(state.student.params, state.student, batch)
        taught = state.divergence <= self.max_kl

        def teach(state: RequentialState) -> tuple[PyTree, PyTree, PyTree]:
            params, memory = self._stepped(state.teacher.params, gradient, state.teacher_optimizer)
            average = jax.tree.map(lambda m, p: self.decay * m + (1 - self.decay) * p, state.average, params)
            return params, memory, average

        def wait(state: RequentialState) -> tuple[PyTree, PyTree, PyTree]:
            return state.teacher.params, state.teacher_optimizer, state.average

        params, teacher_memory, average = jax.lax.cond(taught, teach, wait, state)
        teacher = Parts(params, state.teacher.variables, state.teacher.random)
        source = self.structure.join(Parts(average, state.teacher.variables, state.teacher.random))

        def learn(carry: tuple[PyTree, PyTree], key: PRNGKey) -> tuple[tuple[PyTree, PyTree], Array]:
            params, memory = carry
            samples, logits = _completed(source, batch, self.prompt, key)
            objective = partial(self._loss_and_logits, batch=samples, parts=state.student)
            (_, guesses), gradient = jax.value_and_grad(objective, has_aux=True)(params)
            divergence = jnp.mean(row_divergences(logits, guesses))
            return self._stepped(params, gradient, memory), divergence

        keys = jax.random.split(key, self.student_speed)
        (params, student_memory), divergences = jax.lax.scan(
            learn, (state.student.params, state.student_optimizer), keys
        )
        student = Parts(params, state.student.variables, state.student.random)
        last = divergences[-1].astype(jnp.float32)
        metrics = {
            "loss": loss,
            "student_loss": student_loss,
            "divergence": jnp.sum(divergences),
            "taught": taught,
        }
        return RequentialState(teacher, average, student, teacher_memory, student_memory, last), metrics

    def _stepped(self, params: PyTree, gradient: PyTree, memory: PyTree) -> tuple[PyTree, PyTree]:
        updates, memory = self.optimizer.update(gradient, memory, params)
        return optax.apply_updates(params, updates), memory

    def _loss_and_logits(self, params: PyTree, parts: Parts, batch: Sequences) -> tuple[Array, Array]:
        """Mean loss of the tokens after the prompt, and their logits."""
        model = self.structure.join(Parts(params, parts.variables, parts.random))
        logits = jax.vmap(model)(batch.tokens, batch.features)[:, self.prompt - 1 : -1]
        targets = batch.tokens[:, self.prompt :, None]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets, axis=-1)), logits

    def _loss(self, params: PyTree, parts: Parts, batch: Sequences) -> Array:
        return self._loss_and_logits(params, parts, batch)[0]


def _require_prompt(prompt: int, batch: Sequences) -> None:
    length = batch.tokens.shape[1]
    if prompt >= length:
        raise ValueError(f"prompt must be less than the {length} tokens of a sequence, got {prompt}")


def _completed(source: SequenceModel, batch: Sequences, prompt: int, key: PRNGKey) -> tuple[Sequences, Array]:
    """The batch's prompts completed by a model, and the logits of what it drew."""
    keys = jax.random.split(key, batch.tokens.shape[0])

    def one(tokens: Array, features: Array | None, key: PRNGKey) -> tuple[Array, Array]:
        return source.complete(tokens, features, prompt=prompt, key=key)

    tokens, logits = jax.vmap(one)(batch.tokens, batch.features, keys)
    return Sequences(tokens, batch.features), logits


class RequentialResult(eqx.Module):
    """What `train_teacher_student` found; curves have one entry for each step, taken before it.

    Attributes:
        value: requential S of the student at the end, bits.
        prequential: prequential S of the teacher at the end, bits: what all its batches cost on the way, less what they
            cost at the smoothed last loss.
        entropy: loss of the student on data at the end, bits per token, smoothed.
        teacher_entropy: the same of the teacher.
        epiplexity_curve: requential S of the student at every step, bits.
        prequential_curve: prequential S of the teacher at every step, bits.
        losses: the teacher's loss on fresh data, nats per token.
        student_losses: the student's loss on the same data, nats per token.
        tokens: scored tokens of data that the teacher trained on before each step.
        student_tokens: scored samples that the student trained on before each step.
        teacher: the teacher after the last step.
        student: the student after the last step.
    """

    value: float
    prequential: float
    entropy: float
    teacher_entropy: float
    epiplexity_curve: np.ndarray
    prequential_curve: np.ndarray
    losses: np.ndarray
    student_losses: np.ndarray
    tokens: np.ndarray
    student_tokens: np.ndarray
    teacher: Any
    student: Any


def train_teacher_student(
    model: Any,
    batch_at: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    *,
    prompt: int,
    steps: int,
    key: PRNGKey,
    student_speed: int = 1,
    max_kl: int | float = math.inf,
    average_steps: int | float = 50.0,
    **run_options: Any,
) -> RequentialResult:
    """Trains a teacher on data and a student on the teacher's samples, and reads both estimates of epiplexity off.

    Both start from the same model and have the same optimiser. Requential S is the sum over the student's steps of
    tokens * KL(teacher || student); prequential S is the area under the teacher's loss curve. Both measure the model at
    the end of *this* training: they depend on network, optimiser and number of tokens, so state them with S.

    Args:
        model: a `SequenceModel`, such as `nn.Decoder`, whose call changes none of its own arrays (no dropout).
        batch_at: pure function (step, *, key) -> `Sequences` of fresh data, see `training.run`.
        optimizer: an optax optimiser. Pass the same object again for another data set: nothing is compiled anew.
        prompt: tokens given in every sequence, at least 1; those after it are scored.
        steps: number of steps.
        key: source of randomness.
        student_speed: steps of the student for each of the teacher, at least 1.
        max_kl: the teacher waits while the last divergence, nats per token, exceeds it.
        average_steps: time constant of the teacher's running average, in steps: decay exp(-1 / average_steps). It also
            smooths the losses for `prequential` and the entropies.
        **run_options: options of `training.run`: steps_per_call, checkpoint_dir, mesh, progress and others.

    Returns:
        Both estimates, the entropies and all curves.

    Raises:
        ValueError: a count below its least, or what `training.run` raises.
        TypeError: the optimiser is none, or what `training.run` raises.

    Source: arXiv 2601.03220, requential and prequential estimators (time constants of 50 to 100 steps, max_kl of 0.005
    to 0.1).
    """
    if not isinstance(optimizer, optax.GradientTransformation):
        raise TypeError(f"optimizer must be an optax.GradientTransformation, got {type(optimizer).__name__}")
    _checks.require_integer("prompt", prompt, minimum=1)
    _checks.require_integer("student_speed", student_speed, minimum=1)
    if not average_steps > 0:
        raise ValueError(f"average_steps must be positive, got {average_steps}")
    if not max_kl > 0:
        raise ValueError(f"max_kl must be positive, got {max_kl}")
    decay = math.exp(-1 / average_steps)
    update = RequentialUpdate(split_model(model)[0], optimizer, prompt, student_speed, float(max_kl), decay)
    batch = jax.eval_shape(lambda key: batch_at(jnp.int32(0), key=key), key)
    _require_prompt(prompt, batch)
    result = training.run(update, update.init(model), batch_at, steps=steps, key=key, **run_options)
    n, length = batch.tokens.shape
    scored = n * (length - prompt)
    state = result.state
    return RequentialResult(
        **_curves(result.history, scored, student_speed, decay),
        teacher=update.structure.join(state.teacher),
        student=update.structure.join(state.student),
    )


def _curves(history: dict[str, np.ndarray], scored: int, student_speed: int, decay: float) -> dict[str, Any]:
    """Both estimates from the metrics of all steps."""
    losses, student_losses, divergence = (
        history[name].astype(np.float64) for name in ("loss", "student_loss", "divergence")
    )
    # While the teacher waits, its batches are not trained on, and are no part of its code.
    taught = history["taught"].astype(bool)
    tokens = scored * (np.cumsum(taught) - taught)
    end = _smoothed(losses, decay)
    bits = scored / math.log(2)
    return {
        "value": float(divergence.sum() * bits),
        "prequential": float((losses - end[-1])[taught].sum() * bits),
        "entropy": float(_smoothed(student_losses, decay)[-1] / math.log(2)),
        "teacher_entropy": float(end[-1] / math.log(2)),
        "epiplexity_curve": (np.cumsum(divergence) - divergence) * bits,
        "prequential_curve": (np.cumsum(losses * taught) - losses * taught) * bits - end / math.log(2) * tokens,
        "losses": losses,
        "student_losses": student_losses,
        "tokens": tokens.astype(np.float64),
        "student_tokens": scored * student_speed * np.arange(losses.size, dtype=np.float64),
    }


def _smoothed(values: np.ndarray, decay: float) -> np.ndarray:
    """The running average of a curve, the unbiased one: weights decay^(t - k) over their sum."""
    averages = np.empty_like(values)
    total = weight = 0.0
    for i, value in enumerate(values):
        total, weight = decay * total + value, decay * weight + 1
        averages[i] = total / weight
    return averages
