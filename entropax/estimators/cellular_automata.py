"""Elementary cellular automata: deterministic data whose structure a bounded observer sees in part.

A rule is its Wolfram number, or the eight probabilities of a one after each neighbourhood. States are floating: on
zeros and ones the dynamics is exactly that of the automaton, and on values between them the neighbourhoods are weighed
as if cells were independent, which makes every result here differentiable in the state and in the rule.
"""

import math
from functools import partial
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, Scalar

Rule: TypeAlias = int | Real[ArrayLike, "8"]
"""A Wolfram number in 0..255, or the probability of a one after each neighbourhood 4 left + 2 centre + right."""


def _rule_table(rule: Any, like: Any = None) -> tuple[Array, Array | None]:
    """The probabilities of a one after each of the eight neighbourhoods, and the state in the same dtype."""
    if isinstance(rule, (bool, int, np.integer)):
        _checks.require_integer("rule", rule, minimum=0, maximum=255)
        rule = np.array([int(rule) >> index & 1 for index in range(8)])
    if like is None:
        table, state = _checks.as_float("rule", rule), None
    else:
        state, table = _checks.as_floats(state=like, rule=rule)
    _checks.require_shape("rule", table, (8,))
    return table, state


def _require_width(width: int) -> None:
    if width < 3:
        raise ValueError(f"state must have at least 3 cells, a cell and two neighbours, got {width}")


def _is_probability(name: str, x: Array) -> _checks.Check:
    return _checks.within(name, x, 0, 1, "zeros and ones, or probabilities of a one")


def eca_step(state: Real[ArrayLike, "*batch width"], rule: Rule) -> Float[Array, "*batch width"]:
    """One step of an elementary cellular automaton: the bit 4 left + 2 centre + right of the rule, cell by cell.

    Args:
        state: zeros and ones on a ring, shape (..., width), at least 3 cells; or probabilities of a one.
        rule: Wolfram number 0..255, or the probabilities of a one after each neighbourhood, shape (8,).

    Returns:
        The next state, floating, shape (..., width): zeros and ones for such a state and rule.

    Raises:
        ValueError: the rule is outside 0..255 or not of shape (8,), there are fewer than 3 cells, or an entry is not in
            [0, 1].

    Differentiable in the state and in the rule, if it is given by its eight probabilities. Source: Wolfram 1983.
    """
    return eca_evolve(state, rule, steps=1)


def eca_evolve(state: Real[ArrayLike, "*batch width"], rule: Rule, *, steps: int) -> Float[Array, "*batch width"]:
    """The state of an elementary cellular automaton after so many steps.

    Args:
        state: zeros and ones on a ring, shape (..., width), at least 3 cells; or probabilities of a one.
        rule: Wolfram number 0..255, or the probabilities of a one after each neighbourhood, shape (8,).
        steps: number of steps, 0 or more.

    Returns:
        The state F^steps, shape (..., width).

    Raises:
        ValueError: as `eca_step`, or a negative number of steps.

    Differentiable as `eca_step`; a reverse pass recomputes every step and keeps the states.
    """
    table, s = _rule_table(rule, state)
    assert s is not None
    if s.ndim < 1:
        raise ValueError(f"state must have shape (..., width), got {s.shape}")
    _require_width(s.shape[-1])
    _checks.require_integer("steps", steps, minimum=0)
    return _checks.enforce(_evolve(s, table, steps), _is_probability("state", s), _is_probability("rule", table))


def eca_pairs(
    rule: Rule,
    *,
    num_pairs: int,
    width: int,
    steps: int,
    key: PRNGKey,
    burn_in: int = 0,
    dtype: Any = None,
) -> Float[Array, "num_pairs 2 width"]:
    """Pairs of states of an elementary cellular automaton, x and F^steps(x), from uniform random bits.

    Args:
        rule: Wolfram number 0..255, or the probabilities of a one after each neighbourhood, shape (8,).
        num_pairs: number of pairs.
        width: number of cells, at least 3.
        steps: steps between the two states.
        key: source of randomness.
        burn_in: steps done before x, so that x is a state of the attractor rather than random.
        dtype: floating dtype of the states; by default that of the rule's probabilities, or the default float.

    Returns:
        Zeros and ones, shape (num_pairs, 2, width): x first, F^steps(x) second. Cast them to integers for tokens.

    Raises:
        ValueError: as `eca_evolve`, or a count below one.
        TypeError: the key is none, or the dtype not floating.

    Differentiable in the rule's probabilities. Source: arXiv 2601.03220, experiments on cellular automata.
    """
    table, _ = _rule_table(rule)
    dtype = table.dtype if dtype is None else jnp.dtype(dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"dtype must be floating, got {dtype}")
    _checks.require_integer("num_pairs", num_pairs, minimum=1)
    _checks.require_integer("width", width, minimum=3)
    for name, count in (("steps", steps), ("burn_in", burn_in)):
        _checks.require_integer(name, count, minimum=0)
    _checks.require_key("key", key)
    pairs = _pairs(key, table.astype(dtype), (num_pairs, width), burn_in, steps)
    return _checks.enforce(pairs, _is_probability("rule", table))


@partial(jax.jit, static_argnames="steps")
def _evolve(state: Array, table: Array, steps: int) -> Array:
    def step(state: Array, _: None) -> tuple[Array, None]:
        return jax.checkpoint(_one_step)(state, table), None

    return jax.lax.scan(step, state, None, length=steps)[0]


def _one_step(state: Array, table: Array) -> Array:
    # The multilinear extension of the table, folded along the right, the centre and the left cell.
    left, right = jnp.roll(state, 1, axis=-1), jnp.roll(state, -1, axis=-1)
    value = [table[index] for index in range(8)]
    for cell in (right, state, left):
        value = [zero + cell * (one - zero) for zero, one in zip(value[::2], value[1::2], strict=True)]
    return value[0]


@partial(jax.jit, static_argnames=("shape", "burn_in", "steps"))
def _pairs(key: PRNGKey, table: Array, shape: tuple[int, int], burn_in: int, steps: int) -> Array:
    start = jax.random.bernoulli(key, 0.5, shape).astype(table.dtype)
    before = _evolve(start, table, burn_in)
    return jnp.stack([before, _evolve(before, table, steps)], axis=1)


# -------------------------------------------------------------------------------------------- an observer of exact cost


class LightConeCode(eqx.Module):
    """The two-part code of an observer that sees a cell's neighbourhood, see `light_cone_code`.

    Attributes:
        value: S, the structure learnt, in units of log `base`: the whole code less what the final predictor needs.
        entropy: H, code length per cell of the final predictor on the cells it was counted on.
        num_cells: number of cells coded.
        counts: how often each neighbourhood was followed by a zero and by a one, shape (2^(2 radius + 1), 2).
        radius: cells seen to either side.
        base: base of the logarithms.
    """

    value: Scalar
    entropy: Scalar
    num_cells: Scalar
    counts: Float[Array, "contexts 2"]
    radius: int = eqx.field(static=True)
    base: float = eqx.field(static=True)

    def cross_entropy(
        self, inputs: Real[ArrayLike, "n width"], outputs: Real[ArrayLike, "n width"]
    ) -> Float[Array, ""]:
        """Code length per cell of the final predictor on other configurations.

        Args:
            inputs: states seen, shape (n, width).
            outputs: states to code, shape (n, width).

        Returns:
            The cross-entropy per cell in units of log `base`.

        Raises:
            ValueError: as `light_cone_code`.

        Differentiable in the states and, through the counts, in those counted.
        """
        x, y, checks = _states(inputs, outputs, self.radius)
        seen = _counts(inputs, outputs, x, y, self.radius).astype(self.counts.dtype)
        return _checks.enforce(-jnp.sum(seen * _log_predictor(self.counts)) / y.size / math.log(self.base), *checks)


def light_cone_code(
    inputs: Real[ArrayLike, "n width"], outputs: Real[ArrayLike, "n width"], *, radius: int, base: int | float = 2
) -> LightConeCode:
    """Codes each output cell by counts of what followed its input neighbourhood: the exact cost of seeing so far.

    The observer sees 2 radius + 1 input cells around a cell and predicts it by the Krichevsky-Trofimov rule,
    (count + 1/2) / (total + 1), cell after cell. The whole code length does not depend on their order,

        sum_c -log [B(n_c0 + 1/2, n_c1 + 1/2) / B(1/2, 1/2)],

    and splits into H, what the final counts need for the same cells, and S, the cost of having learnt them: the area
    between the code's loss curve and its end. The radius is the observer's compute: F^r of an automaton depends on r
    cells to either side, and an observer of smaller radius sees noise.

    Args:
        inputs: zeros and ones on rings, shape (n, width); or probabilities of a one.
        outputs: zeros and ones, shape (n, width); or probabilities of a one.
        radius: cells seen to either side, at most (width - 1) / 2. Memory grows as 4^radius, and so does time, unless
            both arrays are integers, which are counted by index.
        base: base of the logarithms; 2 for bits.

    Returns:
        S, H per cell, and the counts.

    Raises:
        ValueError: the shapes differ, the radius does not fit the width, or an entry is not in [0, 1].

    Differentiable in inputs and outputs, as weights of neighbourhoods. Source: arXiv 2601.03220 (definition of the two
    parts); Krichevsky and Trofimov 1981.
    """
    if not base > 1:
        raise ValueError(f"base must be greater than 1, got {base}")
    x, y, checks = _states(inputs, outputs, radius)
    value, entropy, counts = _two_parts(_counts(inputs, outputs, x, y, radius), x, float(base))
    code = LightConeCode(value, entropy, jnp.asarray(y.size, x.dtype), counts, radius, float(base))
    return _checks.enforce(code, *checks)


def _states(inputs: Any, outputs: Any, radius: int) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    x, y = _checks.as_floats(inputs=inputs, outputs=outputs)
    _checks.require_ndim("inputs", x, 2, "(n, width)")
    _checks.require_same_shape(inputs=x, outputs=y)
    _require_width(x.shape[1])
    _checks.require_integer("radius", radius, minimum=0, maximum=(x.shape[1] - 1) // 2)
    return x, y, (_is_probability("inputs", x), _is_probability("outputs", y))


def _counts(inputs: Any, outputs: Any, x: Array, y: Array, radius: int) -> Array:
    """How often each neighbourhood was followed by a zero and by a one."""
    is_exact = not any(jnp.issubdtype(jnp.result_type(states), jnp.floating) for states in (inputs, outputs))
    return (_count_bits if is_exact else _count_weights)(x, y, radius)


@partial(jax.jit, static_argnames="radius")
def _count_bits(x: Array, y: Array, radius: int) -> Array:
    bits, outcome = x.astype(jnp.int32), y.astype(jnp.int32)
    index = jnp.zeros_like(bits)
    for shift in range(radius, -radius - 1, -1):  # the leftmost cell is the highest bit
        index = 2 * index + jnp.roll(bits, shift, axis=-1)
    counts = jnp.zeros((2 ** (2 * radius + 1), 2), jnp.promote_types(x.dtype, jnp.float32))
    return counts.at[index, outcome].add(1)


@partial(jax.jit, static_argnames="radius")
def _count_weights(x: Array, y: Array, radius: int) -> Array:
    # One configuration at a time, for memory.

    def add(counts: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        state, after = pair
        weight = jnp.ones((state.size, 1), counts.dtype)
        for shift in range(radius, -radius - 1, -1):
            cell = jnp.roll(state, shift)[:, None].astype(counts.dtype)
            weight = jnp.stack([weight * (1 - cell), weight * cell], axis=-1).reshape(state.size, -1)
        outcome = jnp.stack([1 - after, after], axis=-1).astype(counts.dtype)
        return counts + weight.T @ outcome, None

    dtype = jnp.promote_types(x.dtype, jnp.float32)
    return jax.lax.scan(jax.checkpoint(add), jnp.zeros((2 ** (2 * radius + 1), 2), dtype), (x, y))[0]


def _log_predictor(counts: Array) -> Array:
    return jnp.log(counts + 0.5) - jnp.log(jnp.sum(counts, axis=-1, keepdims=True) + 1)


@partial(jax.jit, static_argnames="base")
def _two_parts(counts: Array, x: Array, base: float) -> tuple[Array, Array, Array]:
    total = jnp.sum(counts, axis=-1)
    after = -jnp.sum(counts * _log_predictor(counts), axis=-1)
    # Of the whole code's log B, what is left beyond `after`, by Stirling's formula with its remainder: a difference of
    # sums that grow as the counts, written without them.
    learnt = (jnp.log1p(total) + math.log(math.pi / 2)) / 2
    learnt = learnt + _stirling_remainder(total + 1) - jnp.sum(_stirling_remainder(counts + 0.5), axis=-1)
    value, entropy = jnp.sum(learnt) / math.log(base), jnp.sum(after) / x.size / math.log(base)
    return value.astype(x.dtype), entropy.astype(x.dtype), counts.astype(x.dtype)


def _stirling_remainder(x: Array) -> Array:
    """log Gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2 for x > 0: its asymptotic series, after eight recurrences."""
    below = sum((x + k + 0.5) * jnp.log1p(1 / (x + k)) - 1 for k in range(8))
    z = 1 / (x + 8)
    return below + z / 12 - z**3 / 360 + z**5 / 1260 - z**7 / 1680 + z**9 / 1188
