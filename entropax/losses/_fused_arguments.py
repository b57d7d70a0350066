"""Arguments of the fused losses, checked and made ready."""

import math
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array
from entropax.losses._classification import as_classes
from entropax.losses._fused_kernels import block_of, usual_block
from entropax.losses._fused_statistics import Head
from entropax.losses._fused_tiles import Options, Table, accumulator_dtype

T = TypeVar("T")

TILE, GPU_TILE = (1024, 1024), (8192, 4096)
"""Tokens and entries of a tile of the scan, of those tried the fastest on a CPU and on an H100. There small tiles leave
the processors waiting for the next kernel; a large one of float32 holds 128 MiB."""


class Tokens(NamedTuple):
    """Tokens, flattened, harmless where they do not count.

    Attributes:
        head: hidden vectors, shape (n, d), zero where tokens do not count, and the table.
        labels: shape (n,), relative to the table's first entry.
        counted: which tokens count, shape (n,).
        masked: whether some may not.
        batch: shape of the results.
        check: that the labels are in range.
    """

    head: Head
    labels: Array
    counted: Array
    masked: bool
    batch: tuple[int, ...]
    check: _checks.Check

    def finish(self, values: T, *checks: _checks.Check) -> T:
        """Results in their shape: zero where a token does not count, NaN (or an error) where a check fails."""
        if self.masked:
            values = jax.tree.map(lambda x: jnp.where(self.counted, x, 0), values)
        return _checks.enforce(jax.tree.map(lambda x: x.reshape(self.batch), values), self.check, *checks)

    def nothing(self) -> Array:
        """A result for no tokens."""
        return jnp.zeros(self.batch, accumulator_dtype(self.head.hidden))

    def hold(self, hidden: Array) -> Array:
        """Other hidden vectors of the same tokens, zero where tokens do not count."""
        return jnp.where(self.counted[:, None], hidden, 0) if self.masked else hidden


def tokens(
    hidden: Any,
    embedding: Any,
    labels: Any,
    bias: Any,
    where: Any,
    ignore_index: int | None,
    shift: int,
    axis_name: str | None,
) -> Tokens:
    """Checks what every fused loss takes; the arguments are theirs."""
    e, table = _head("", hidden, embedding, bias)
    t = as_classes(labels)
    batch, v = e.shape[:-1], table.embedding.shape[0]
    if not jnp.issubdtype(t.dtype, jnp.integer):
        raise TypeError(f"labels must be integers of shape {batch}, got dtype {t.dtype}")
    _checks.require_shape("labels", t, batch)
    counted = _checks.as_mask(where, batch)
    if ignore_index is not None:
        counted = counted & (t != ignore_index)
    e = _shifted(e, shift)
    t, counted = (x[..., shift:] if shift else x for x in (t, counted))
    batch = t.shape
    whole = v if axis_name is None else v * jax.lax.axis_size(axis_name)
    if whole < 2:
        raise ValueError(f"embedding must have shape (v, d) with v >= 2, got {table.embedding.shape}")
    t = jnp.where(counted, t, 0).astype(jnp.int32)
    check = _checks.within(
        "labels", t, 0, whole - 1, f"integers from 0 to {whole - 1}, one of {whole} classes", batch_ndim=len(batch)
    )
    local = t.reshape(-1)
    if axis_name is not None:
        local = local - jax.lax.axis_index(axis_name).astype(jnp.int32) * v
    masked = where is not None or ignore_index is not None
    given = Tokens(Head(e, table), local, counted.reshape(-1), masked, batch, check)
    return given._replace(head=Head(given.hold(e), table))


def reference(given: Tokens, hidden: Any, embedding: Any, bias: Any, shift: int) -> tuple[Head, ...]:
    """The reference's head, if there is one."""
    if hidden is None and embedding is None and bias is None:
        return ()
    if hidden is None or embedding is None:
        raise ValueError("reference_hidden and reference_embedding must be given together, got one of them")
    dtype = given.head.hidden.dtype
    e, table = _head("reference_", hidden, embedding, bias)
    if accumulator_dtype(e) != accumulator_dtype(given.head.hidden):
        e, table = jax.tree.map(lambda x: x.astype(dtype), (e, table))
    e = _shifted(e, shift, expected=given.batch, name="reference_hidden")
    v = given.head.table.embedding.shape[0]
    if table.embedding.shape[0] != v:
        raise ValueError(f"reference_embedding must have {v} rows like embedding, got {table.embedding.shape}")
    return (Head(given.hold(e), table),)


def _head(prefix: str, hidden: Any, embedding: Any, bias: Any) -> tuple[Array, Table]:
    """Hidden vectors and a table of one dtype."""
    names = {f"{prefix}hidden": hidden, f"{prefix}embedding": embedding}
    names |= {} if bias is None else {f"{prefix}bias": bias}
    e, c, *b = _checks.as_floats(**names)
    if e.ndim < 1:
        raise ValueError(f"{prefix}hidden must have shape (..., d), got {e.shape}")
    _checks.require_ndim(f"{prefix}embedding", c, 2, "(v, d)")
    if c.shape[1] != e.shape[-1]:
        raise ValueError(f"{prefix}embedding must have shape (v, {e.shape[-1]}) as {prefix}hidden has, got {c.shape}")
    if b:
        _checks.require_shape(f"{prefix}bias", b[0], c.shape[:1])
    return e, Table(c, b[0] if b else None)


def _shifted(hidden: Array, shift: int, *, expected: tuple[int, ...] | None = None, name: str = "hidden") -> Array:
    """Hidden vectors without the last `shift` of an axis, which predict nothing, as rows of a matrix."""
    if hidden.ndim < 2 and shift != 0:
        raise ValueError(f"shift needs {name} of shape (..., t, d), got {hidden.shape}")
    _checks.require_integer("shift", shift, minimum=0, maximum=max(hidden.shape[-2] - 1, 0) if hidden.ndim > 1 else 0)
    if shift:
        hidden = hidden[..., :-shift, :]
    if expected is not None and hidden.shape[:-1] != expected:
        got = f"{hidden.shape[:-1]}" + (f" after the shift by {shift}" if shift else "")
        raise ValueError(f"{name} must have the leading axes of hidden, {expected}, got {got}")
    return hidden.reshape(-1, hidden.shape[-1])


def options_of(
    given: Tokens,
    softcap: float | None,
    token_block: int | None,
    vocab_block: int | None,
    accumulation: str,
    implementation: str = "scan",
) -> Options:
    """The static options that all share; blocks are no longer than what there is."""
    if softcap is not None and not (isinstance(softcap, (int, float)) and 0 < softcap < math.inf):
        raise ValueError(f"softcap must be a positive number or None, got {softcap!r}")
    blocks = {"token_block": token_block, "vocab_block": vocab_block}
    for name, size in blocks.items():
        if size is not None:
            _checks.require_integer(name, size, minimum=1)
    _checks.require_option("accumulation", accumulation, ("float32", "kahan"))
    _checks.require_option("implementation", implementation, ("scan", "pallas"))
    n, v = given.head.hidden.shape[0], given.head.table.embedding.shape[0]
    if implementation == "scan":
        usual = GPU_TILE if jax.default_backend() == "gpu" else TILE
        rows, columns = min(token_block or usual[0], n), min(vocab_block or usual[1], v)
    else:
        _kernel_takes(given, accumulation)
        usual = usual_block(given.head.hidden.dtype)
        rows, columns = block_of("token_block", token_block, n, usual), block_of("vocab_block", vocab_block, v, usual)
    return Options(
        token_block=rows,
        vocabulary_block=columns,
        softcap=None if softcap is None else float(softcap),
        skipping=given.masked,
        compensated=accumulation == "kahan",
        kernel=implementation == "pallas",
    )


def _kernel_takes(given: Tokens, accumulation: str) -> None:
    """Says what the kernels cannot do."""
    dtype = given.head.hidden.dtype
    if accumulator_dtype(given.head.hidden) != jnp.float32:
        raise ValueError(f"hidden must be float32 or narrower with implementation 'pallas', got {dtype}")
    if accumulation != "float32":
        raise ValueError(f"accumulation must be 'float32' with implementation 'pallas', got {accumulation!r}")
    width = given.head.hidden.shape[1]
    block_of("the width of hidden", None, width)


def filtering(options: Options, given: Tokens, eps: float | str | None, hidden: bool, embedding: bool) -> Options:
    """The options with those of gradient filtering."""
    if eps == "auto":
        eps = float(jnp.finfo(given.head.hidden.dtype).eps) / 32
    if eps is not None and not (isinstance(eps, (int, float)) and 0 < eps < math.inf):
        raise ValueError(f"filter_eps must be a positive number, 'auto' or None, got {eps!r}")
    return options._replace(
        filter_eps=None if eps is None else float(eps), filter_hidden=bool(hidden), filter_embedding=bool(embedding)
    )


def ordering(options: Options, given: Tokens, order: Any) -> tuple[Options, Array | None, tuple[_checks.Check, ...]]:
    """The options with the order of the vocabulary, a given order, and the check that it is one."""
    if isinstance(order, str):
        _checks.require_option("vocab_order", order, ("mean_logit",))
        return options._replace(by_mean_logit=options.filtering), None, ()
    if order is None:
        return options, None, ()
    order, v = jnp.asarray(order), given.head.table.embedding.shape[0]
    if not jnp.issubdtype(order.dtype, jnp.integer):
        raise TypeError(f"vocab_order must be integers, got dtype {order.dtype}")
    _checks.require_shape("vocab_order", order, (v,))
    order = order.astype(jnp.int32)
    with _checks.evaluated_now(order):
        ok = jnp.all(jnp.sort(order) == jnp.arange(v, dtype=jnp.int32))
    check = _checks.Check(ok, f"vocab_order must be a permutation of 0 to {v - 1}", lambda: "something else")
    return options, order, (check,)
