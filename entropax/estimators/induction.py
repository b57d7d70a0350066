"""Bigram tables to infer from a sequence: data whose structure has to be induced in context."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, PRNGKey, Real


class BigramSequences(eqx.Module):
    """Sequences of Markov chains, each of a table of its own, see `bigram_induction`.

    Attributes:
        tables: transition probabilities, shape (n, symbols, symbols); row i is the law of the symbol after i.
        tokens: the sequences, shape (n, length).
        hidden: how many rows, the last ones, a learner is not shown.
    """

    tables: Float[Array, "n symbols symbols"]
    tokens: Int[Array, "n length"]
    hidden: int = eqx.field(static=True)

    @property
    def shown(self) -> Float[Array, "n shown symbols"]:
        """The rows that a learner is shown: all but the last `hidden`."""
        return self.tables[:, : self.tables.shape[1] - self.hidden]


def bigram_induction(
    *,
    num_sequences: int,
    key: PRNGKey,
    symbols: int = 8,
    length: int = 512,
    hidden: int = 0,
    dtype: Any = None,
) -> BigramSequences:
    """Sequences of random Markov chains, whose tables are shown in part: the rest must be induced from the sequence.

    Every row of every table is drawn from a flat Dirichlet distribution, the first symbol uniformly. A learner is given
    the first symbols - hidden rows; which rows makes no difference, as symbols are exchangeable.

    Args:
        num_sequences: n.
        key: source of randomness.
        symbols: size of the alphabet, at least 2.
        length: symbols of a sequence, at least 2.
        hidden: rows that are not shown, 0 to `symbols`.
        dtype: floating dtype of the tables, by default the default float.

    Returns:
        Tables and sequences.

    Raises:
        ValueError: a count is out of range.
        TypeError: the key is none, or the dtype not floating.

    Source: arXiv 2601.03220, induction with bigram tables.
    """
    _checks.require_integer("num_sequences", num_sequences, minimum=1)
    _checks.require_integer("symbols", symbols, minimum=2)
    _checks.require_integer("length", length, minimum=2)
    _checks.require_integer("hidden", hidden, minimum=0, maximum=symbols)
    _checks.require_key("key", key)
    dtype = jnp.dtype(jnp.result_type(float) if dtype is None else dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"dtype must be floating, got {dtype}")
    tables, tokens = _bigrams(key, num_sequences, symbols, length, dtype)
    return BigramSequences(tables, tokens, hidden)


@partial(jax.jit, static_argnames=("n", "symbols", "length", "dtype"))
def _bigrams(key: PRNGKey, n: int, symbols: int, length: int, dtype: Any) -> tuple[Array, Array]:
    table_key, first_key, walk_key = jax.random.split(key, 3)
    # A flat Dirichlet row is normalised exponentials; their logarithms are the logits of the walk.
    draws = jax.random.exponential(table_key, (n, symbols, symbols), dtype)
    tables = draws / jnp.sum(draws, axis=-1, keepdims=True)
    first = jax.random.randint(first_key, (n,), 0, symbols)

    def walk(here: Array, key: PRNGKey) -> tuple[Array, Array]:
        row = jnp.take_along_axis(tables, here[:, None, None], axis=1)[:, 0]
        return jax.random.categorical(key, jnp.log(row)).astype(here.dtype), here

    _, tokens = jax.lax.scan(walk, first, jax.random.split(walk_key, length))
    return tables, tokens.T


def bigram_reference_losses(
    tables: Real[ArrayLike, "n symbols symbols"], tokens: Int[ArrayLike, "n length"], *, hidden: int
) -> Float[Array, "n rest"]:
    """Loss of the ideal learner of `bigram_induction`, symbol by symbol: no predictor has a lower mean.

    After a symbol whose row is shown it is -log of the table's entry; after one whose row is hidden that of the
    posterior mean of a flat Dirichlet distribution, (count + 1) / (total + symbols), counted in the sequence so far.

    Args:
        tables: transition probabilities, shape (n, symbols, symbols).
        tokens: the sequences, shape (n, length), entries in 0..symbols - 1.
        hidden: how many rows, the last ones, are not shown.

    Returns:
        Losses in nats of all symbols but the first, shape (n, length - 1).

    Raises:
        ValueError: the shapes do not fit, `hidden` is out of range, a row of a table is no distribution, or a token is
            no symbol.

    Differentiable in the tables. Source: arXiv 2601.03220, reference losses of bigram induction.
    """
    p, seen = _checks.as_float("tables", tables), jnp.asarray(tokens)
    if p.ndim != 3 or p.shape[1] != p.shape[2]:
        raise ValueError(f"tables must have shape (n, symbols, symbols), got {p.shape}")
    if seen.ndim != 2 or seen.shape[0] != p.shape[0] or seen.shape[1] < 2:
        raise ValueError(f"tokens must have shape ({p.shape[0]}, length) with length >= 2, got {seen.shape}")
    if not jnp.issubdtype(seen.dtype, jnp.integer):
        raise TypeError(f"tokens must be integers, got dtype {seen.dtype}")
    symbols = p.shape[1]
    _checks.require_integer("hidden", hidden, minimum=0, maximum=symbols)
    rows = _checks.distribution("tables", p)
    are_symbols = _checks.within("tokens", seen, 0, symbols - 1, f"in 0..{symbols - 1}", batch_ndim=1)
    losses = _reference_losses(_checks.enforce(p, are_symbols), seen, hidden)
    return _checks.enforce(losses, rows._replace(ok=jnp.all(rows.ok, axis=-1)), are_symbols)


@partial(jax.jit, static_argnames="hidden")
def _reference_losses(tables: Array, tokens: Array, hidden: int) -> Array:
    symbols = tables.shape[1]
    before, after = tokens[:, :-1], tokens[:, 1:]

    def of_sequence(table: Array, before: Array, after: Array) -> Array:
        def predict(counts: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
            i, j = pair
            induced = (counts[i, j] + 1) / (jnp.sum(counts[i]) + symbols)
            return counts.at[i, j].add(1), induced

        start = jnp.zeros(table.shape, jnp.float32)  # counts, exact up to sequences of 2^24 symbols
        _, induced = jax.lax.scan(predict, start, (before, after))
        is_shown = before < symbols - hidden
        return -jnp.log(jnp.where(is_shown, table[before, after], induced.astype(table.dtype)))

    return jax.vmap(of_sequence)(tables, before, after)
