"""What is trained in the experiment on epiplexity, and the two-part codes of the trainings."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from scipy import signal

from entropax import estimators, nn, training
from entropax.estimators import RequentialResult, Sequences
from experiments.estimators._epiplexity_data import (
    BigramData,
    CellData,
    OrderedCells,
    hidden_bits_entropies,
    table_of,
)

LN2 = math.log(2)


@dataclass(frozen=True)
class Learner:
    """A network and its training.

    Attributes:
        embed: size of a token's embedding.
        blocks: number of blocks.
        sequences: sequences of a batch.
        steps: steps of training.
        learning_rate: of a matrix, times its fan-in.
        warmup: steps over which it rises.
        average_steps: time constant of the teacher's average and of smoothed losses.
    """

    embed: int = 64
    blocks: int = 2
    sequences: int = 32
    steps: int = 400
    learning_rate: float = 0.03
    warmup: int = 50
    average_steps: float = 50.0


@dataclass(frozen=True)
class RulesConfig:
    """Teachers and students on rules of automata.

    Attributes:
        learners: the runs over which the best code at each compute is sought.
        rules: the automata.
        width: cells of a state.
        time: steps from what is given to what is predicted.
        burn_in: steps before what is given.
        test_tokens: cells to code; S and H depend on it.
        loops: states on the way to the last one that the learners of the loop predict too, one a stride.
        loop: the learners of the loop.
    """

    learners: tuple[Learner, ...]
    rules: tuple[int, ...] = (15, 30, 54)
    width: int = 16
    time: int = 8
    burn_in: int = 1000
    test_tokens: float = 250_000.0
    loops: int = 8
    loop: tuple[Learner, ...] = ()


@dataclass(frozen=True)
class OrderConfig:
    """State and future state, in either order.

    Attributes:
        learner: the network and its training.
        widths: cells of a state, one pair of runs each.
        time: steps between the two.
    """

    learner: Learner
    widths: tuple[int, ...]
    time: int


@dataclass(frozen=True)
class BitsConfig:
    """A future state from a state some of whose bits are hidden.

    Attributes:
        learner: the network and its training.
        width: cells of a state.
        time: steps between the two.
        hidden: how many bits are hidden, one run each.
    """

    learner: Learner
    width: int
    time: int
    hidden: tuple[int, ...]


@dataclass(frozen=True)
class RowsConfig:
    """Sequences of a bigram table some of whose rows are hidden.

    Attributes:
        learner: the network and its training.
        symbols: of the alphabet.
        length: of a sequence.
        hidden: how many rows are hidden, one run each.
    """

    learner: Learner
    symbols: int
    length: int
    hidden: tuple[int, ...]


class SequenceLoss(eqx.Module):
    """Mean loss of the tokens after the prompt."""

    prompt: int = eqx.field(static=True)

    def __call__(self, model: Any, batch: Sequences, *, key: jax.Array) -> jax.Array:
        logits = jax.vmap(model)(batch.tokens, batch.features)[:, self.prompt - 1 : -1]
        targets = batch.tokens[:, self.prompt :, None]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets, axis=-1))


class Curve(NamedTuple):
    """A run's epiplexity and loss at every step, taken before it.

    Attributes:
        epiplexity: S, bits.
        loss: smoothed, nats per token.
        tokens: scored tokens that the learner trained on.
        parameters: of the network.
        losses: as they were, nats per token.
    """

    epiplexity: np.ndarray
    loss: np.ndarray
    tokens: np.ndarray
    parameters: int
    losses: np.ndarray

    @property
    def value(self) -> float:
        """S at the end: what the batches cost on the way, less what they cost at the smoothed last loss; bits."""
        scored = self.tokens[1] - self.tokens[0]
        return float((self.losses - self.loss[-1]).sum() * scored / LN2)

    @property
    def entropy(self) -> float:
        """The smoothed last loss, bits per token."""
        return float(self.loss[-1] / LN2)

    @property
    def entropy_before(self) -> float:
        """The smoothed loss a tenth of the steps before the last, bits per token."""
        return float(self.loss[-1 - len(self.loss) // 10] / LN2)

    @property
    def spread(self) -> float:
        """Standard deviation of the losses of the last tenth of the batches, bits per token."""
        return float(self.losses[-max(2, len(self.losses) // 10) :].std(ddof=1) / LN2)


class RuleRun(NamedTuple):
    """Teacher and student of one learner on one rule, as curves of either code."""

    requential: Curve
    prequential: Curve


def train_rules(
    config: RulesConfig, *, key: jax.Array, checkpoint_dir: Path
) -> tuple[dict[int, list[RuleRun]], list[Curve]]:
    """Teacher and student of every learner on every rule, and teachers alone on the loop of the last rule.

    Of one learner network, optimiser and compiled program are the same for all rules.
    """
    model_key, loop_key, key = jax.random.split(key, 3)
    runs: dict[int, list[RuleRun]] = {rule: [] for rule in config.rules}
    for i, learner in enumerate(config.learners):
        optimizer = _optimizer(learner.learning_rate, learner.warmup)
        model = _decoder(2, 2 * config.width, learner, jax.random.fold_in(model_key, i))
        for rule in config.rules:
            result = estimators.train_teacher_student(
                model,
                _cells(rule, config, learner),
                optimizer,
                prompt=config.width,
                steps=learner.steps,
                key=jax.random.fold_in(jax.random.fold_in(key, i), rule),
                average_steps=learner.average_steps,
                steps_per_call=min(50, learner.steps),
                checkpoint_dir=checkpoint_dir / f"rule_{rule}_{i}",
                description=f"rule {rule}, network {i + 1} of {len(config.learners)}",
            )
            runs[rule].append(_rule_run(result, learner))
    loops = []
    for i, learner in enumerate(config.loop):
        data = _cells(config.rules[-1], config, learner, loops=config.loops)
        length = (1 + config.loops) * config.width
        directory = checkpoint_dir / f"loop_{i}"
        loop_key = jax.random.fold_in(loop_key, i)
        loops.append(
            train(data, learner, vocabulary=2, length=length, prompt=config.width, key=loop_key, directory=directory)
        )
    return runs, loops


def _cells(rule: int, config: RulesConfig, learner: Learner, loops: int = 1) -> CellData:
    given = jnp.int32(0)
    return CellData(table_of(rule), given, learner.sequences, config.width, config.time, config.burn_in, loops)


def _rule_run(result: RequentialResult, learner: Learner) -> RuleRun:
    parameters = num_parameters(result.teacher)
    loss, student_loss = (smoothed(losses, learner) for losses in (result.losses, result.student_losses))
    return RuleRun(
        Curve(result.epiplexity_curve, student_loss, result.student_tokens, parameters, result.student_losses),
        Curve(result.prequential_curve, loss, result.tokens, parameters, result.losses),
    )


def best_codes(
    runs: Sequence[Curve], *, test_tokens: float, every: int, loops: int = 1
) -> list[estimators.TwoPartCode]:
    """The two-part codes of a test set by checkpoints of runs; with loops, of that many tokens for one of the set."""
    return [
        estimators.two_part_code(
            run.epiplexity[::every],
            run.loss[::every],
            run.tokens[::every],
            num_parameters=float(run.parameters),
            test_tokens=loops * test_tokens,
        )
        for run in runs
    ]


def train_orders(
    rule: int, config: OrderConfig, *, key: jax.Array, checkpoint_dir: Path
) -> dict[str, dict[int, Curve]]:
    """A teacher alone on both orders of every width; all tokens are scored."""
    found: dict[str, dict[int, Curve]] = {"forward": {}, "reversed": {}}
    for width in config.widths:
        for name, runs in found.items():
            runs[width] = train(
                OrderedCells(
                    table_of(rule), jnp.asarray(name == "reversed"), config.learner.sequences, width, config.time
                ),
                config.learner,
                vocabulary=3,
                length=2 * width + 1,
                prompt=1,
                key=key,
                directory=checkpoint_dir / f"{name}_{width}",
            )
    return found


def train_hidden_bits(
    rule: int, config: BitsConfig, *, key: jax.Array, checkpoint_dir: Path
) -> tuple[list[Curve], dict[str, np.ndarray]]:
    """A teacher alone for every number of hidden bits, and H of ideal learners in bits per state."""
    runs = [
        train(
            CellData(table_of(rule), jnp.int32(hidden), config.learner.sequences, config.width, config.time),
            config.learner,
            vocabulary=2,
            length=2 * config.width,
            prompt=config.width,
            key=key,
            directory=checkpoint_dir / f"bits_{hidden}",
        )
        for hidden in config.hidden
    ]
    return runs, hidden_bits_entropies(rule, width=config.width, time=config.time, hidden_bits=config.hidden)


def train_hidden_rows(config: RowsConfig, *, key: jax.Array, checkpoint_dir: Path) -> tuple[list[Curve], np.ndarray]:
    """A teacher alone for every number of hidden rows, and the loss of the ideal learner, bits per symbol."""
    runs, ideal = [], []
    for hidden in config.hidden:
        learner = config.learner
        data = BigramData(jnp.int32(hidden), learner.sequences, config.symbols, config.length, learner.embed)
        # The first symbol is uniform: the prompt ends with it.
        runs.append(
            train(
                data,
                learner,
                vocabulary=config.symbols,
                length=config.symbols + config.length,
                prompt=config.symbols + 1,
                key=key,
                directory=checkpoint_dir / f"rows_{hidden}",
            )
        )
        drawn = estimators.bigram_induction(
            num_sequences=2000, symbols=config.symbols, length=config.length, key=jax.random.fold_in(key, hidden)
        )
        losses = estimators.bigram_reference_losses(drawn.tables, drawn.tokens, hidden=hidden)
        ideal.append(float(jnp.mean(losses)) / LN2)
    return runs, np.array(ideal)


@functools.cache  # one object for the same settings: nothing is compiled anew for other data of the same shape
def _optimizer(learning_rate: float, warmup: int) -> optax.GradientTransformation:
    return training.mup_adamw(learning_rate, warmup=warmup)


def train(
    data: Any,
    learner: Learner,
    *,
    vocabulary: int,
    length: int,
    prompt: int,
    key: jax.Array,
    directory: Path,
) -> Curve:
    """Trains a teacher alone; the prequential curve of the tokens after the prompt."""
    model_key, fit_key = jax.random.split(key)
    fitted = training.fit(
        SequenceLoss(prompt),
        _decoder(vocabulary, length, learner, model_key),
        data,
        _optimizer(learner.learning_rate, learner.warmup),
        steps=learner.steps,
        key=fit_key,
        steps_per_call=min(50, learner.steps),
        checkpoint_dir=directory,
        description=directory.name.replace("_", " "),
    )
    losses = fitted.history["loss"].astype(np.float64)
    scored = learner.sequences * (length - prompt)
    tokens = scored * np.arange(losses.size, dtype=np.float64)
    loss = smoothed(losses, learner)
    # Each batch is coded with the network as it was before the step.
    spent = scored * (np.cumsum(losses) - losses)
    return Curve((spent - loss * tokens) / LN2, loss, tokens, num_parameters(fitted.model), losses)


def smoothed(losses: np.ndarray, learner: Learner) -> np.ndarray:
    """The running average of a curve: weights that decay with the learner's time constant, over their sum."""
    decay = math.exp(-1 / learner.average_steps)
    total, weight = (signal.lfilter([1.0], [1.0, -decay], x) for x in (losses, np.ones_like(losses)))
    return np.asarray(total) / np.asarray(weight)


def num_parameters(model: Any) -> int:
    """How many numbers a network trains."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


def _decoder(vocabulary: int, length: int, learner: Learner, key: jax.Array) -> nn.Decoder:
    return nn.Decoder(vocabulary, length=length, embed=learner.embed, blocks=learner.blocks, rngs=nnx.Rngs(key))
