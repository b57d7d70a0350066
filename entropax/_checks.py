"""Argument checks: the errors are part of the interface.

Two kinds of fault are told apart. *Static* faults (a shape, a dtype, an unknown option) are known when a function is
traced and raise at once. *Value* faults (a negative probability, a NaN) are known only when the arrays are: they raise
when the values are concrete, and under a transformation they turn the result and its gradients into NaN (`enforce`).
"""

import contextlib
import functools
import math
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

T = TypeVar("T")

# Releases whose compiler returns wrong numbers; the reason stands in tests/test_jax_release.py.
EXCLUDED_RELEASES = {
    "0.10.2": "it miscompiles batched matrix-vector products on CPU (jax-ml/jax issue 39103)",
    "0.11.0": "it miscompiles batched matrix-vector products on CPU (jax-ml/jax issue 39103)",
}


def require_sound_release(**versions: str) -> None:
    """Raises ImportError when a package is installed in a release known to compute wrong numbers.

    Args:
        **versions: installed version by package name, for example `jax="0.10.1"`.

    Raises:
        ImportError: one of the versions is excluded.
    """
    for package, version in versions.items():
        reason = EXCLUDED_RELEASES.get(version)
        if reason is not None:
            excluded = ", ".join(EXCLUDED_RELEASES)
            raise ImportError(
                f"entropax does not run on {package} {version}: {reason}. "
                f"Install another release: pip install 'jax>=0.10.1,!=0.10.2,!=0.11.0' (excluded: {excluded})."
            )


def is_concrete(*trees: Any) -> bool:
    """Whether no leaf of the trees is being traced."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(trees))


def evaluated_now(*trees: Any) -> AbstractContextManager[Any]:
    """A context that computes what follows at once, inside jit too, if no leaf of the trees is being traced.

    What is written down as a number is known while a function is traced: it can be planned with, and a fault in it
    raises there. Without this every operation inside jit gives a tracer.

    Args:
        *trees: all that the computation depends on.
    """
    return jax.ensure_compile_time_eval() if is_concrete(*trees) else contextlib.nullcontext()


# ---------------------------------------------------------------------------------------------------- static faults


def as_float(name: str, value: Any) -> jax.Array:
    """`value` as a strongly typed floating array; integers, booleans and Python numbers take the default float.

    Raises:
        TypeError: `value` is not a real array or number.
    """
    return as_floats(**{name: value})[0]


def as_floats(**values: Any) -> tuple[jax.Array, ...]:
    """The values as floating arrays of one dtype: that of the floating arrays among them.

    Python numbers adopt the dtype of the arrays; integer arrays do not take part in the choice.

    Args:
        **values: arrays or numbers by argument name.

    Returns:
        The arrays in the order given.

    Raises:
        TypeError: a value is not a real array or number.
    """
    dtypes = []
    for name, value in values.items():
        if not isinstance(value, (jax.Array, np.ndarray, np.generic, bool, int, float)):
            raise TypeError(f"{name} must be an array or a number, got {type(value).__name__}")
        dtype = jnp.result_type(value)
        if jnp.issubdtype(dtype, jnp.complexfloating) or not (
            jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)
        ):
            raise TypeError(f"{name} must be real, got dtype {dtype}")
        is_array = isinstance(value, (jax.Array, np.ndarray, np.generic))
        if is_array and jnp.issubdtype(dtype, jnp.floating):
            dtypes.append(dtype)
    dtype = jnp.result_type(*dtypes) if dtypes else jnp.result_type(float)

    def converted(value: Any) -> jax.Array:
        with evaluated_now(value):
            return jnp.asarray(value, dtype)

    return tuple(converted(value) for value in values.values())


def as_complex(name: str, value: Any) -> jax.Array:
    """`value` as a complex array of its precision, at least that of float32; integers take the default float's.

    Raises:
        TypeError: `value` is not a numeric array or number.
    """
    if not isinstance(value, (jax.Array, np.ndarray, np.generic, bool, int, float, complex)):
        raise TypeError(f"{name} must be an array or a number, got {type(value).__name__}")
    if not jnp.issubdtype(jnp.result_type(value), jnp.complexfloating):
        (real,) = as_floats(**{name: value})
        with evaluated_now(real):
            real = accumulated(real)
            return jax.lax.complex(real, jnp.zeros_like(real))
    with evaluated_now(value):
        return jnp.asarray(value, jnp.result_type(value))


def as_numbers(**values: Any) -> tuple[jax.Array, ...]:
    """The values as floating arrays without axes, of one dtype as in `as_floats`.

    Args:
        **values: numbers by argument name.

    Returns:
        The numbers in the order given.

    Raises:
        TypeError: a value is not a real array or number.
        ValueError: a value has axes.
    """
    numbers = as_floats(**values)
    for name, number in zip(values, numbers, strict=True):
        if number.ndim:
            raise ValueError(f"{name} must be a number, got an array of shape {number.shape}")
    return numbers


def accumulated(x: jax.Array) -> jax.Array:
    """A floating array in float32 where its own precision is lower: the dtype of sums."""
    return x.astype(jnp.float32) if jnp.finfo(x.dtype).bits < 32 else x


def widened(x: jax.Array) -> jax.Array:
    """An array of narrow or unsigned integers in int32, others as they are.

    A number that is compared with uint8 is made uint8 first: 299 becomes 43, and -100 becomes 156.
    """
    if not jnp.issubdtype(x.dtype, jnp.integer) or x.dtype in (jnp.int32, jnp.int64):
        return x
    largest = min(jnp.iinfo(jnp.int32).max, jnp.iinfo(x.dtype).max)
    return jnp.minimum(x, jnp.asarray(largest, x.dtype)).astype(jnp.int32)


def require_ndim(name: str, value: jax.Array, ndim: int, shape: str) -> None:
    """Raises ValueError unless `value` has `ndim` axes; `shape` is the expected shape in words, like "(n, d)"."""
    if jnp.ndim(value) != ndim:
        raise ValueError(f"{name} must have shape {shape}, got {jnp.shape(value)}")


def require_shape(name: str, value: jax.Array, expected: tuple[int, ...]) -> None:
    """Raises ValueError unless `value` has exactly the expected shape."""
    if jnp.shape(value) != tuple(expected):
        raise ValueError(f"{name} must have shape {tuple(expected)}, got {jnp.shape(value)}")


def require_same_shape(**values: jax.Array) -> None:
    """Raises ValueError unless all values have the shape of the first."""
    (first, reference), *others = values.items()
    for name, value in others:
        if jnp.shape(value) != jnp.shape(reference):
            raise ValueError(f"{name} must have the shape of {first}, {jnp.shape(reference)}, got {jnp.shape(value)}")


def broadcastable(name: str, value: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`value` with axes of length one added in front up to the rank of `shape`.

    Raises:
        ValueError: `value` does not broadcast to `shape`.
    """
    pairs = zip(value.shape[::-1], shape[::-1], strict=False)
    if value.ndim > len(shape) or any(n not in (1, m) for n, m in pairs):
        raise ValueError(f"{name} must be broadcastable to shape {tuple(shape)}, got {value.shape}")
    return value.reshape((1,) * (len(shape) - value.ndim) + value.shape)


def as_mask(where: Any, shape: tuple[int, ...]) -> jax.Array:
    """`where` as booleans of the given shape; all true where it is None.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: it does not broadcast to the shape.
    """
    with evaluated_now(where):
        mask = jnp.asarray(True if where is None else where)
        if mask.dtype != jnp.bool_:
            raise TypeError(f"where must be boolean, got dtype {mask.dtype}")
        return jnp.broadcast_to(broadcastable("where", mask, shape), shape)


def require_option(name: str, value: Any, options: Collection[Any]) -> None:
    """Raises ValueError unless `value` is one of the options."""
    if value not in options:
        known = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {known}, got {value!r}")


def require_within(
    name: str,
    value: int | float,
    lower: int | float,
    upper: int | float,
    *,
    open_below: bool = False,
    open_above: bool = False,
) -> None:
    """Raises ValueError unless a Python number is finite and in an interval, closed unless said otherwise."""
    above = value > lower if open_below else value >= lower
    below = value < upper if open_above or math.isinf(upper) else value <= upper
    if not (above and below):
        left, right = "(" if open_below else "[", ")" if open_above or math.isinf(upper) else "]"
        raise ValueError(f"{name} must be in {left}{lower}, {upper}{right}, got {value}")


def require_integer(name: str, value: Any, *, minimum: int, maximum: int | None = None) -> None:
    """Raises unless `value` is a Python integer in [minimum, maximum]."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    if value < minimum or (maximum is not None and value > maximum):
        upper = "" if maximum is None else f" and at most {maximum}"
        raise ValueError(f"{name} must be at least {minimum}{upper}, got {value}")


def require_key(name: str, key: Any) -> None:
    """Raises TypeError unless `key` is one new-style key (`jax.random.key`)."""
    if not (isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)):
        what = f"an array of dtype {key.dtype}" if isinstance(key, jax.Array) else f"{key!r}"
        raise TypeError(f"{name} must be a key made by jax.random.key(seed), got {what}")
    if key.shape != ():
        raise ValueError(f"{name} must be a single key, got an array of keys of shape {key.shape}")


# ----------------------------------------------------------------------------------------------------- value faults


class Check(NamedTuple):
    """A condition on values: `ok` (batch axes, or scalar) and the words for the error."""

    ok: jax.Array
    expected: str
    got: Callable[[], str]


def enforce(value: T, *checks: Check) -> T:
    """`value` if every check holds; raises when a check is concrete and fails, else NaN where it fails.

    The multiplication by NaN (rather than a selection or an addition) is what makes the gradients NaN too.

    Args:
        value: an array or pytree of arrays. Only inexact leaves are touched. A check that has axes must match the
            leading axes of every leaf.
        *checks: conditions, see `Check`.

    Returns:
        `value`, with NaN where a traced check fails.

    Raises:
        ValueError: a concrete check fails.
    """
    for check in checks:
        if is_concrete(check.ok):
            with evaluated_now():
                if not bool(jnp.all(check.ok)):
                    raise ValueError(f"{check.expected}, got {_in_words(check.got)}")
        else:
            value = jax.tree.map(lambda leaf, ok=check.ok: _nan_where_not(ok, leaf), value)
    return value


def _in_words(got: Callable[[], str]) -> str:
    """What was got; a value under differentiation, which cannot be printed, by name."""
    try:
        return got()
    except (jax.errors.ConcretizationTypeError, TypeError):
        return "another value under differentiation"


def validity(*checks: Check) -> jax.Array:
    """Whether every check holds, for results that cannot be NaN: integers and booleans.

    Args:
        *checks: conditions without axes, see `Check`.

    Returns:
        One boolean, to stand beside the result.

    Raises:
        ValueError: a concrete check fails.
    """
    enforce((), *checks)
    ok = jnp.asarray(True)
    for check in checks:
        ok = ok & check.ok
    return ok


def _nan_where_not(ok: jax.Array, leaf: Any) -> Any:
    if not jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
        return leaf
    dtype = jnp.result_type(leaf)
    factor = jnp.where(ok, 1.0, jnp.nan).astype(dtype)
    # XLA makes a product with a truth value a selection, and 0 of NaN zero: the term makes the value NaN there too. It
    # is -0 where all is well, which changes no number.
    term = jnp.where(ok, -0.0, jnp.nan).astype(dtype)
    factor, term = (x.reshape(x.shape + (1,) * (jnp.ndim(leaf) - x.ndim)) for x in (factor, term))
    return leaf * factor + term


def sum_tolerance(dtype: Any, size: int) -> float:
    """How far the sum of `size` numbers of this dtype that should add to one may be from one."""
    return float(jnp.finfo(dtype).eps) * 8.0 * max(4.0, float(size) ** 0.5)


def _check_of_values(build: Callable[..., Check]) -> Callable[..., Check]:
    """Evaluates a check of concrete arrays at once, so that it is concrete inside jit too.

    Outside jit a value that is being differentiated is known, and the check sees it as what it is.
    """

    @functools.wraps(build)
    def wrapped(*args: Any, **options: Any) -> Check:
        args, options = jax.tree.map(_undifferentiated, (args, options))
        with evaluated_now(args, options):
            return build(*args, **options)

    return wrapped


def _undifferentiated(leaf: Any) -> Any:
    return jax.lax.stop_gradient(leaf) if isinstance(leaf, Tracer) else leaf


@_check_of_values
def distribution(name: str, p: jax.Array, *, num_axes: int = 1) -> Check:
    """`p` is non-negative and sums to one over its last `num_axes` axes, up to `sum_tolerance`."""
    axes = tuple(range(-num_axes, 0))
    size = int(np.prod([p.shape[axis] for axis in axes]))
    total = jnp.sum(p, axis=axes)
    smallest = jnp.min(p, axis=axes, initial=jnp.inf)
    ok = (smallest >= 0) & (jnp.abs(total - 1) <= sum_tolerance(p.dtype, size))
    over = "its last axis" if num_axes == 1 else "all its axes" if num_axes == p.ndim else f"its last {num_axes} axes"

    def got() -> str:
        worst = int(np.argmin(np.asarray(ok).reshape(-1)))
        where = f" (entry {worst} of the batch)" if np.ndim(ok) else ""
        return (
            f"smallest entry {float(smallest.reshape(-1)[worst]):.6g} and sum {float(total.reshape(-1)[worst]):.6g}"
            + where
        )

    return Check(ok, f"{name} must be non-negative and sum to one over {over}", got)


def _elementwise(name: str, x: jax.Array, ok: jax.Array, expected: str, batch_ndim: int) -> Check:
    axes = tuple(range(batch_ndim, ok.ndim))

    def got() -> str:
        bad = np.flatnonzero(~np.asarray(ok).reshape(-1))
        return f"{np.asarray(x).reshape(-1)[bad[0]]!s}" + (f" at flat index {bad[0]}" if np.ndim(x) else "")

    return Check(jnp.all(ok, axis=axes), f"{name} must be {expected}", got)


@_check_of_values
def finite(name: str, x: jax.Array, *, batch_ndim: int = 0) -> Check:
    """Every entry of `x` is finite; the first `batch_ndim` axes are judged separately."""
    return _elementwise(name, x, jnp.isfinite(x), "finite", batch_ndim)


@_check_of_values
def positive(name: str, x: jax.Array, *, batch_ndim: int = 0) -> Check:
    """Every entry of `x` is positive and finite."""
    return _elementwise(name, x, (x > 0) & jnp.isfinite(x), "positive and finite", batch_ndim)


@_check_of_values
def nonnegative(name: str, x: jax.Array, *, batch_ndim: int = 0) -> Check:
    """Every entry of `x` is at least zero and finite."""
    return _elementwise(name, x, (x >= 0) & jnp.isfinite(x), "non-negative and finite", batch_ndim)


@_check_of_values
def within(name: str, x: jax.Array, lower: Any, upper: Any, expected: str, *, batch_ndim: int = 0) -> Check:
    """Every entry of `x` lies in [lower, upper]; `expected` says it in words."""
    x = widened(x)
    return _elementwise(name, x, (x >= lower) & (x <= upper), expected, batch_ndim)


@_check_of_values
def no_overflow(name: str, overflow: jax.Array, count: jax.Array, capacity: int) -> Check:
    """A table of pairs, and every one it was updated from, had room for all of them."""
    got = lambda: f"one that overflowed (now {count} pairs, room for {capacity}): raise its capacity"  # noqa: E731
    return Check(~overflow, f"{name} must hold every pair", got)


def positive_definite(name: str, matrix: jax.Array, factor: jax.Array | None = None) -> Check:
    """The matrices in the last two axes are symmetric (up to rounding) and positive definite.

    Args:
        name: of the argument.
        matrix: shape (..., d, d).
        factor: the Cholesky factor of its symmetric part (not finite where there is none), where it is known.
    """
    if is_concrete(matrix) and not is_concrete(factor):
        factor = None  # a constant is judged while the function is traced
    with evaluated_now(matrix, factor):
        factor = jnp.linalg.cholesky(matrix) if factor is None else factor
        ok = _symmetric(matrix) & jnp.all(jnp.isfinite(factor), axis=(-2, -1))
    return Check(ok, f"{name} must be symmetric and positive definite", lambda: _spectrum(_undifferentiated(matrix)))


@_check_of_values
def positive_semidefinite(name: str, matrix: jax.Array) -> Check:
    """The matrices in the last two axes are symmetric and positive semidefinite, both up to rounding."""
    matrix = jax.lax.stop_gradient(matrix)
    lowest = jnp.min(jnp.linalg.eigvalsh((matrix + jnp.swapaxes(matrix, -1, -2)) / 2), axis=-1)
    ok = _symmetric(matrix) & (lowest >= -_matrix_tolerance(matrix))
    return Check(ok, f"{name} must be symmetric and positive semidefinite", lambda: _spectrum(matrix))


def _matrix_tolerance(matrix: jax.Array) -> jax.Array:
    """What rounding may do to the entries and eigenvalues of symmetric matrices."""
    return sum_tolerance(matrix.dtype, matrix.shape[-1]) * jnp.max(jnp.abs(matrix), axis=(-2, -1))


def _asymmetry(matrix: jax.Array) -> jax.Array:
    return jnp.max(jnp.abs(matrix - jnp.swapaxes(matrix, -1, -2)), axis=(-2, -1))


def _symmetric(matrix: jax.Array) -> jax.Array:
    return _asymmetry(matrix) <= _matrix_tolerance(matrix)


def _spectrum(matrix: jax.Array) -> str:
    values = np.linalg.eigvalsh((np.asarray(matrix) + np.swapaxes(np.asarray(matrix), -1, -2)) / 2)
    asymmetry = float(jnp.max(_asymmetry(matrix)))
    return f"eigenvalues from {values.min():.6g} to {values.max():.6g}, asymmetry {asymmetry:.3g}"
