"""The data of the experiment on epiplexity, as pure batch functions, and what ideal learners make of them.

What differs between the runs of one panel is an array, so that one compiled program serves all of them.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators, information
from entropax.estimators import Sequences


def table_of(rule: int) -> jax.Array:
    """The eight bits of a rule."""
    return jnp.asarray([rule >> index & 1 for index in range(8)], jnp.float32)


class CellData(eqx.Module):
    """A state x of an automaton, with its first bits set to zero, and F^time(x); or the states on the way to it too.

    Attributes:
        table: the rule.
        hidden: how many bits of x are not given.
        sequences: of a batch.
        width: cells of a state.
        time: steps from x to the last state.
        burn_in: steps from uniform bits to x.
        loops: states after x, equally spaced in time: 1 for the last one alone.
    """

    table: jax.Array
    hidden: jax.Array
    sequences: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    time: int = eqx.field(static=True)
    burn_in: int = eqx.field(static=True, default=0)
    loops: int = eqx.field(static=True, default=1)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> Sequences:
        stride, left_over = divmod(self.time, self.loops)
        if left_over:
            raise ValueError(f"loops must divide the {self.time} steps, got {self.loops}")
        pairs = estimators.eca_pairs(
            self.table, num_pairs=self.sequences, width=self.width, steps=stride, burn_in=self.burn_in, key=key
        )
        x, state = pairs[:, 0], pairs[:, 1]
        states = [state]
        for _ in range(self.loops - 1):
            states.append(estimators.eca_evolve(states[-1], self.table, steps=stride))
        # A bit that is always zero tells as much as one that is left out.
        seen = jnp.where((jnp.arange(self.width) < self.hidden)[None], 0, x)
        return Sequences(jnp.concatenate([seen, *states], axis=1).astype(jnp.int32))


class OrderedCells(eqx.Module):
    """A token that opens, a state x of uniform bits, and F^time(x); or the two states in the other order.

    Attributes:
        table: the rule.
        reverse: whether F^time(x) comes first.
        sequences: of a batch.
        width: cells of a state.
        time: steps between the states.
    """

    table: jax.Array
    reverse: jax.Array
    sequences: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    time: int = eqx.field(static=True)

    def __call__(self, step: jax.Array, *, key: jax.Array) -> Sequences:
        pairs = estimators.eca_pairs(self.table, num_pairs=self.sequences, width=self.width, steps=self.time, key=key)
        pairs = jnp.where(self.reverse, pairs[:, ::-1], pairs).reshape(self.sequences, -1)
        return Sequences(jnp.pad(pairs.astype(jnp.int32), ((0, 0), (1, 0)), constant_values=2))


class BigramData(eqx.Module):
    """The rows of a bigram table that are shown, as features of the first tokens, and a sequence drawn from it.

    Attributes:
        hidden: how many rows, the last ones, are not shown.
        sequences: of a batch.
        symbols: of the alphabet.
        length: of a sequence.
        embed: size of the learner's embeddings.
    """

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


def hidden_bits_entropies(rule: int, *, width: int, time: int, hidden_bits: tuple[int, ...]) -> dict[str, np.ndarray]:
    """H in bits per state of two ideal learners for every number of hidden bits, by enumeration of all states.

    One infers the hidden bits from the cells it has coded, H(y | seen); the other codes every cell from the given bits
    alone. NaN for rings of more than 16 cells.
    """
    ideal, cellwise = [], []
    for hidden in hidden_bits:
        if width > 16:
            ideal.append(np.nan)
            cellwise.append(np.nan)
            continue
        states = np.arange(2**width)[:, None] >> np.arange(width) & 1  # cell 0 is the lowest bit
        after = np.asarray(estimators.eca_evolve(states, rule, steps=time)).astype(int)
        # Rows: what is seen; columns: what is hidden.
        codes = np.sort((after << np.arange(width)).sum(axis=1).reshape(-1, 2**hidden), axis=1)
        starts = np.concatenate([np.ones((len(codes), 1), bool), np.diff(codes, axis=1) != 0], axis=1)
        runs = np.bincount(np.cumsum(starts) - 1)  # how often each outcome occurs under one row
        ideal.append(float(runs @ (hidden - np.log2(runs)) / codes.size))
        share = after.reshape(-1, 2**hidden, width).mean(axis=1)
        cellwise.append(float(information.binary_entropy(share, base=2).mean(axis=0).sum()))
    return {"ideal": np.array(ideal), "cellwise": np.array(cellwise)}


def attractor_entropy(rule: int, *, width: int, burn_in: int) -> float:
    """Entropy in bits of the state that a burn-in from uniform bits leaves, over all states; for up to 16 cells."""
    states = np.arange(2**width)[:, None] >> np.arange(width) & 1
    successor = np.asarray(estimators.eca_step(states, rule)).astype(int) @ 2 ** np.arange(width)
    state = np.arange(2**width)
    for _ in range(burn_in):
        state = successor[state]
    share = np.unique(state, return_counts=True)[1] / 2**width
    return float(information.entropy(share, base=2))


def light_cone_entropy(rule: int, *, radius: int, time: int, cells: int) -> float:
    """H in bits of a cell of F^time given 2 radius + 1 cells around it, with what counting on `cells` cells adds.

    Enumerates the 2^(2 time + 1) light cones, all equally likely. The rule (count + 1/2) / (total + 1) costs fresh
    cells 1 / (2 ln 2) bits for each of the 2^(2 radius + 1) neighbourhoods and cell counted, to leading order.
    """
    width = 2 * time + 1
    cones = np.arange(2**width)[:, None] >> np.arange(width) & 1
    after = np.asarray(estimators.eca_evolve(cones, rule, steps=time))[:, time]
    seen = (cones[:, time - min(radius, time) : time + min(radius, time) + 1]) @ 2 ** np.arange(
        2 * min(radius, time) + 1
    )
    share = np.bincount(seen, after) / np.bincount(seen)
    exact = float(information.binary_entropy(share, base=2).mean())
    return exact + 2 ** (2 * radius + 1) / cells / (2 * np.log(2))
