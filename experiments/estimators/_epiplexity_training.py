"""What is trained in the experiment on epiplexity: data as pure batch functions, and the runs on them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from entropax import estimators, information, nn, training
from entropax.estimators import Sequences


@dataclass(frozen=True)
class TrainingConfig:
    """Networks and their training.

    Attributes:
        embed: size of a token's embedding.
        blocks: number of blocks.
        sequences: sequences of a batch.
        steps: steps of teacher and student on each rule.
        induction_steps: steps on each task of induction.
        learning_rate: of a matrix, times its fan-in.
        warmup: steps over which it rises.
        average_steps: time constant of the teacher's average and of smoothed losses.
        width: cells of an automaton.
        time: steps of the automaton from what is given to what is predicted.
        induction_time: the same where bits are hidden.
        hidden_bits: how many bits of the given state are hidden, one run each.
        symbols: of the bigram tables.
        length: symbols of a sequence.
        hidden_rows: how many rows of the table are hidden, one run each.
    """

    embed: int = 64
    blocks: int = 2
    sequences: int = 32
    steps: int = 1000
    induction_steps: int = 400
    learning_rate: float = 0.03
    warmup: int = 50
    average_steps: float = 50.0
    width: int = 16
    time: int = 4
    induction_time: int = 1
    hidden_bits: tuple[int, ...] = (0, 1, 2)
    symbols: int = 4
    length: int = 33
    hidden_rows: tuple[int, ...] = (0, 2, 4)


class CellData(eqx.Module):
    """A state of an automaton, with its first bits set to zero, and the state `time` steps later.

    Rule, time and number of hidden bits are arrays, so that one compiled program serves all of them.
    """

    table: jax.Array
    time: jax.Array
    hidden: jax.Array
    sequences: int = eqx.field(static=True)
    width: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> Sequences:
        x = jax.random.bernoulli(key, 0.5, (self.sequences, self.width)).astype(jnp.float32)
        y = jax.lax.fori_loop(0, self.time, lambda _, state: estimators.eca_step(state, self.table), x)
        # A bit that is always zero tells as much as one that is left out.
        seen = jnp.where((jnp.arange(self.width) < self.hidden)[None], 0, x)
        return Sequences(jnp.concatenate([seen, y], axis=1).astype(jnp.int32))


class BigramData(eqx.Module):
    """The rows of a bigram table that are shown, as features of the first tokens, and a sequence drawn from it."""

    hidden: jax.Array
    sequences: int = eqx.field(static=True)
    symbols: int = eqx.field(static=True)
    length: int = eqx.field(static=True)
    embed: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> Sequences:
        drawn = self.draw(key)
        rows = jnp.arange(self.symbols)
        shown = (rows < self.symbols - self.hidden)[None, :, None]
        # On the scale of the embeddings; a row that is hidden reads as uniform.
        shares = jnp.where(shown, 0.1 * (self.symbols * drawn.tables - 1), 0)
        room = ((0, 0), (0, self.length), (0, self.embed - self.symbols))
        names = jnp.broadcast_to(rows, (self.sequences, self.symbols))
        return Sequences(jnp.concatenate([names, drawn.tokens], axis=1), jnp.pad(shares, room))

    def draw(self, key: jax.Array) -> estimators.BigramSequences:
        """Tables and sequences of a batch."""
        return estimators.bigram_induction(
            num_sequences=self.sequences, symbols=self.symbols, length=self.length, key=key
        )


class SequenceLoss(eqx.Module):
    """Mean loss of the tokens after the prompt."""

    prompt: int = eqx.field(static=True)

    def __call__(self, model: Any, batch: Sequences, *, key: jax.Array) -> jax.Array:
        logits = jax.vmap(model)(batch.tokens, batch.features)[:, self.prompt - 1 : -1]
        targets = batch.tokens[:, self.prompt :, None]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), targets, axis=-1))


def table_of(rule: int) -> jax.Array:
    """The eight bits of a rule."""
    return jnp.asarray([rule >> index & 1 for index in range(8)], jnp.float32)


def train_rules(
    rules: tuple[int, ...], config: TrainingConfig, *, key: jax.Array, checkpoint_dir: Path
) -> dict[int, estimators.RequentialResult]:
    """Teacher and student on every rule: the same network, optimiser and compiled program for all."""
    optimizer = training.mup_adamw(config.learning_rate, warmup=config.warmup)
    model_key, key = jax.random.split(key)
    results = {}
    for rule in rules:
        results[rule] = estimators.train_teacher_student(
            _decoder(2, 2 * config.width, config, model_key),
            CellData(table_of(rule), jnp.int32(config.time), jnp.int32(0), config.sequences, config.width),
            optimizer,
            prompt=config.width,
            steps=config.steps,
            key=jax.random.fold_in(key, rule),
            average_steps=config.average_steps,
            steps_per_call=min(50, config.steps),
            checkpoint_dir=checkpoint_dir / f"rule_{rule}",
            description=f"rule {rule}",
        )
    return results


def train_hidden_bits(
    rule: int, config: TrainingConfig, *, key: jax.Array, checkpoint_dir: Path
) -> dict[str, np.ndarray]:
    """A teacher alone for every number of hidden bits: prequential epiplexity and entropy per cell, bits."""
    runs = []
    for hidden in config.hidden_bits:
        time = jnp.int32(config.induction_time)
        data = CellData(table_of(rule), time, jnp.int32(hidden), config.sequences, config.width)
        runs.append(
            _prequential(
                data, 2, 2 * config.width, config.width, config, key=key, directory=checkpoint_dir / f"bits_{hidden}"
            )
        )
    return _stacked(runs)


def hidden_bits_entropies(rule: int, config: TrainingConfig) -> dict[str, np.ndarray]:
    """H in bits per cell of two ideal learners for every number of hidden bits, by enumeration of all states.

    One infers the hidden bits from the cells it has coded, H(y | seen) / width; the other codes every cell from the
    given bits alone. NaN for rings of more than 16 cells.
    """
    width, ideal, cellwise = config.width, [], []
    for hidden in config.hidden_bits:
        if width > 16:
            ideal.append(np.nan)
            cellwise.append(np.nan)
            continue
        states = np.arange(2**width)[:, None] >> np.arange(width) & 1  # cell 0 is the lowest bit
        after = np.asarray(estimators.eca_evolve(states, rule, steps=config.induction_time)).astype(int)
        # Rows: what is seen; columns: what is hidden.
        codes = np.sort((after << np.arange(width)).sum(axis=1).reshape(-1, 2**hidden), axis=1)
        starts = np.concatenate([np.ones((len(codes), 1), bool), np.diff(codes, axis=1) != 0], axis=1)
        runs = np.bincount(np.cumsum(starts) - 1)  # how often each outcome occurs under one row
        ideal.append(float(runs @ (hidden - np.log2(runs)) / codes.size / width))
        share = after.reshape(-1, 2**hidden, width).mean(axis=1)
        cellwise.append(float(information.binary_entropy(share, base=2).mean()))
    return {"ideal": np.array(ideal), "cellwise": np.array(cellwise)}


def train_bigrams(config: TrainingConfig, *, key: jax.Array, checkpoint_dir: Path) -> dict[str, np.ndarray]:
    """A teacher alone for every number of hidden rows, and the loss of the ideal learner, bits per symbol."""
    runs, ideal = [], []
    for hidden in config.hidden_rows:
        data = BigramData(jnp.int32(hidden), config.sequences, config.symbols, config.length, config.embed)
        # The first symbol is uniform: the prompt ends with it.
        runs.append(
            _prequential(
                data,
                config.symbols,
                config.symbols + config.length,
                config.symbols + 1,
                config,
                key=key,
                directory=checkpoint_dir / f"rows_{hidden}",
            )
        )
        drawn = estimators.bigram_induction(
            num_sequences=2000, symbols=config.symbols, length=config.length, key=jax.random.fold_in(key, hidden)
        )
        losses = estimators.bigram_reference_losses(drawn.tables, drawn.tokens, hidden=hidden)
        ideal.append(float(jnp.mean(losses)) / math.log(2))
    return _stacked(runs) | {"ideal": np.array(ideal)}


def _decoder(vocabulary: int, length: int, config: TrainingConfig, key: jax.Array) -> nn.Decoder:
    return nn.Decoder(vocabulary, length=length, embed=config.embed, blocks=config.blocks, rngs=nnx.Rngs(key))


_OPTIMIZERS: dict[tuple[float, int], Any] = {}


def _prequential(
    data: Any, vocabulary: int, length: int, prompt: int, config: TrainingConfig, *, key: jax.Array, directory: Path
) -> tuple[float, float, np.ndarray]:
    """Prequential S, smoothed last loss and loss curve of one training, bits."""
    settings = config.learning_rate, config.warmup
    optimizer = _OPTIMIZERS.setdefault(settings, training.mup_adamw(config.learning_rate, warmup=config.warmup))
    model_key, fit_key = jax.random.split(key)
    fitted = training.fit(
        SequenceLoss(prompt),
        _decoder(vocabulary, length, config, model_key),
        data,
        optimizer,
        steps=config.induction_steps,
        key=fit_key,
        steps_per_call=min(50, config.induction_steps),
        checkpoint_dir=directory,
        description=directory.name.replace("_", " "),
    )
    losses = fitted.history["loss"].astype(np.float64)
    last = losses[-min(len(losses), int(config.average_steps)) :].mean()
    scored = config.sequences * (length - prompt)
    # What the batches cost on the way, less what they cost at the smoothed last loss.
    return (losses - last).sum() * scored / math.log(2), last / math.log(2), losses / math.log(2)


def _stacked(runs: list[tuple[float, float, np.ndarray]]) -> dict[str, np.ndarray]:
    epiplexity, entropy, losses = zip(*runs, strict=True)
    return {"epiplexity": np.array(epiplexity), "entropy": np.array(entropy), "losses": np.array(losses)}
