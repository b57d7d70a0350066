"""The contract: what holds for every public function, written down once.

Each room has a file `rows_<room>.py` (or several `rows_*.py`) with a list `ROWS`. A row says how to call one public
function on small valid arguments; the harness derives every check from it:

    Row(
        name="information.kl_divergence",       # room.function, or room.Class.method for what a class does
        call=information.kl_divergence,         # called as call(*arguments()); close over static configuration
        arguments=lambda: (P, Q),               # numpy float64 arrays (cast per check), integer arrays, keys, pytrees
        differentiable=(0, 1),                  # positions to differentiate in; () with exempt["gradient"] if none
        project={0: simplex, 1: simplex},       # directions that keep an argument valid (default: any direction)
        bad_static=(Bad((P, Q[:2]), "q must have the shape of p"),),         # raises at trace time
        bad_values=(Bad((-P, Q), "p must be non-negative"),),                # raises eagerly, NaN under jit
        exempt={"second_order": "why"},         # property -> reason, printed with the count
        fast=True,                              # also in `-m fast`
        slow=True,                              # only in `-m slow`: dear
        members=("force", "mirror"),            # other methods of the class that the same call evaluates
    )

Properties, each of which can be exempt with a reason:

- `jit`: jit equals eager. `vmap`: vmap over a batch of two equals a loop.
- `strict`: traces under strict dtype promotion and returns the dtype of its float32 inputs, also when float64 is on.
- `integer`: integer inputs give the default float.
- `half`: bfloat16 inputs give bfloat16 (float32 where the row's `half` says so).
- `reverse`, `forward`: gradients are finite, not identically zero and equal to finite differences in float64.
- `second_order`: forward-over-reverse products are finite and equal to finite differences of the gradient.
- `gradient`: stands for the last three. `recompile`: a second bare call with the same shapes compiles nothing.
- `leaks`: no tracer leaks. `bad_static`, `bad_values`: errors as the row lists them.
- `traced`: stands for all but the errors; a function that runs on the host is exempt from it.
"""

import contextlib
import functools
import gc
import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np

PROPERTIES = (
    "jit",
    "vmap",
    "strict",
    "integer",
    "half",
    "reverse",
    "forward",
    "second_order",
    "gradient",
    "recompile",
    "leaks",
    "bad_static",
    "bad_values",
    "traced",
)


@dataclass(frozen=True)
class Bad:
    """Arguments that must be refused, and a regular expression the message must match."""

    arguments: tuple | Callable[[], tuple]
    match: str
    error: type[Exception] = ValueError

    def build(self) -> tuple:
        """The arguments; given by a function when they need jax."""
        return self.arguments() if callable(self.arguments) else self.arguments


@dataclass(frozen=True)
class Row:
    """One public function and how to hold it to the contract."""

    name: str
    call: Callable
    arguments: Callable[[], tuple]
    differentiable: tuple[int, ...] = (0,)
    project: Mapping[int, Callable] = field(default_factory=dict)
    select: Callable = lambda output: output  # the outputs that carry gradients
    bad_static: tuple[Bad, ...] = ()
    bad_values: tuple[Bad, ...] = ()
    exempt: Mapping[str, str] = field(default_factory=dict)
    half: str = "same"  # or "float32": the dtype of results for bfloat16 inputs
    step: float = 1e-5  # of the finite differences, relative to the argument's scale
    rtol: float = 1e-6
    fast: bool = False
    slow: bool = False
    members: tuple[str, ...] = ()  # other methods and properties of the class that the call evaluates


def simplex(direction: np.ndarray) -> np.ndarray:
    """Projects onto directions that keep sums over the last axis."""
    return direction - direction.mean(axis=-1, keepdims=True)


def joint_simplex(direction: np.ndarray) -> np.ndarray:
    """Projects onto directions that keep the sum over all axes."""
    return direction - direction.mean()


def symmetric(direction: np.ndarray) -> np.ndarray:
    """Projects onto symmetric matrices."""
    return (direction + np.swapaxes(direction, -1, -2)) / 2


def load_rows() -> list[Row]:
    """All rows of tests/contract/rows_*.py."""
    import tests.contract as package

    rows: list[Row] = []
    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        if module.startswith("rows_"):
            rows += importlib.import_module(f"tests.contract.{module}").ROWS
    for row in rows:
        unknown = set(row.exempt) - set(PROPERTIES)
        assert not unknown, f"{row.name}: unknown exemptions {unknown}"
        assert all(len(reason) > 10 for reason in row.exempt.values()), f"{row.name}: an exemption needs a reason"
    return rows


# --------------------------------------------------------------------------------------------------------- machinery


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(x), jnp.floating)


def _cast(tree: Any, dtype: Any) -> Any:
    """Floating leaves to `dtype`, other numpy leaves to jax arrays, keys untouched."""

    def leaf(x: Any) -> Any:
        if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            return x
        return jnp.asarray(x, dtype) if _is_float(x) else jnp.asarray(x)

    return jax.tree.map(leaf, tree)


def _floats(tree: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(tree) if _is_float(leaf)]


def _is_key(x: Any) -> bool:
    return isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _assert_close(actual: Any, expected: Any, rtol: float, what: str) -> None:
    actual, expected = jax.tree.leaves(actual), jax.tree.leaves(expected)
    assert len(actual) == len(expected), f"{what}: {len(actual)} leaves instead of {len(expected)}"
    for a, b in zip(actual, expected, strict=True):
        if _is_key(a):
            a, b = jax.random.key_data(a), jax.random.key_data(b)
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype, f"{what}: dtype {a.dtype} instead of {b.dtype}"
        finite = np.abs(b[np.isfinite(b)]) if np.issubdtype(b.dtype, np.inexact) else np.zeros(0)
        scale = float(finite.max()) if finite.size else 0.0
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(scale, 1e-3), err_msg=what)


@contextlib.contextmanager
def without_shape_hook() -> Iterator[None]:
    """Switches the run-time check of annotations off: the package's own errors are what users see."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


class CompileCounter:
    """Counts backend compilations while it is active."""

    _active: ClassVar[list["CompileCounter"]] = []
    _listening = False

    def __init__(self) -> None:
        self.count = 0

    @classmethod
    def _listen(cls, event: str, duration: float, **_: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            for counter in cls._active:
                counter.count += 1

    def __enter__(self) -> "CompileCounter":
        if not CompileCounter._listening:
            jax.monitoring.register_event_duration_secs_listener(CompileCounter._listen)
            CompileCounter._listening = True
        CompileCounter._active.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        CompileCounter._active.remove(self)


def _directions(row: Row, arguments: tuple, seed: int = 0) -> tuple:
    """One random direction for every differentiable argument, scaled to it and kept valid by `project`."""
    rng = np.random.default_rng(seed)

    def one(position: int) -> Any:
        def leaf(x: Any) -> Any:
            if not _is_float(x):
                return np.zeros(np.shape(x), jax.dtypes.float0)
            x = np.asarray(x, np.float64)
            scale = (float(np.abs(x).max()) if x.size else 0.0) or 1.0
            direction = rng.standard_normal(x.shape) * scale
            direction = row.project.get(position, lambda d: d)(direction)
            return direction.astype(x.dtype)

        return jax.tree.map(leaf, arguments[position])

    return tuple(one(position) for position in row.differentiable)


def _move(row: Row, arguments: tuple, directions: tuple, size: float) -> tuple:
    moved = list(arguments)
    for position, direction in zip(row.differentiable, directions, strict=True):
        moved[position] = jax.tree.map(
            lambda x, d: jnp.asarray(np.asarray(x) + np.asarray(size * d, x.dtype)) if _is_float(x) else x,
            arguments[position],
            direction,
        )
    return tuple(moved)


@functools.cache
def quick_options() -> dict[str, bool] | None:
    """The older code generator of XLA, where there still is one: it takes a fifth off the contract's time."""
    options = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except jax.errors.JaxRuntimeError:
        return None
    return options


def make_bundle(row: Row) -> Callable:
    """One jitted function that returns the output, gradient, tangent and second-order product together."""
    reverse = not {"gradient", "reverse"} & set(row.exempt) and row.differentiable
    forward = not {"gradient", "forward"} & set(row.exempt) and row.differentiable
    second = not {"gradient", "second_order"} & set(row.exempt) and row.differentiable

    def bundle(arguments: tuple, directions: tuple) -> dict[str, Any]:
        def scalar(*inputs: Any) -> tuple[Any, Any]:
            full = list(arguments)
            for position, values in zip(row.differentiable, inputs, strict=True):
                full[position] = values
            output = row.call(*full)
            terms = [
                jnp.sum(leaf * jnp.cos(1.0 + jnp.arange(leaf.size, dtype=leaf.dtype)).reshape(leaf.shape))
                for leaf in _floats(row.select(output))
            ]
            return sum(terms, jnp.zeros((), terms[0].dtype) if terms else 0.0), output

        primals = tuple(arguments[p] for p in row.differentiable)
        result: dict[str, Any] = {}
        if reverse:
            gradient = jax.grad(scalar, argnums=tuple(range(len(primals))), has_aux=True, allow_int=True)
            if second:
                (result["gradient"], result["output"]), (result["second"], _) = jax.jvp(gradient, primals, directions)
            else:
                result["gradient"], result["output"] = gradient(*primals)
        else:
            result["output"] = row.call(*arguments)
        if forward:
            (result["value"], _), (result["tangent"], _) = jax.jvp(scalar, primals, directions)
        else:
            result["value"] = scalar(*primals)[0]
        return result

    return jax.jit(bundle, compiler_options=quick_options())


def _inner(gradients: Any, directions: Any) -> float:
    total = 0.0
    for g, d in zip(jax.tree.leaves(gradients), jax.tree.leaves(directions), strict=True):
        if np.asarray(g).dtype != jax.dtypes.float0:
            total += float(np.sum(np.asarray(g) * np.asarray(d)))
    return total


# ------------------------------------------------------------------------------------------------------------ checks


def check_transformations(row: Row) -> None:
    """jit, vmap, recompilation, gradients and NaN under jit, in float64, from two compilations and one eager call."""
    if "traced" in row.exempt:
        return
    with jax.enable_x64(True):
        arguments = _cast(row.arguments(), jnp.float64)
        directions = _directions(row, arguments)
        bundle = make_bundle(row)
        here = bundle(arguments, directions)
        if not {"jit", "recompile"} <= set(row.exempt):
            eager = row.call(*arguments)
            if "jit" not in row.exempt:
                _assert_close(here["output"], eager, 1e-9, f"{row.name}: jit differs from eager")
            if "recompile" not in row.exempt:
                _check_recompilation(row, arguments)
        if row.differentiable:
            _check_gradients(row, bundle, arguments, directions, here)
        if "vmap" not in row.exempt:
            _check_vmap(row, bundle, arguments, directions, here)
        if "bad_values" not in row.exempt:
            _check_bad_values(row, bundle, directions)


def _check_gradients(row: Row, bundle: Callable, arguments: tuple, directions: tuple, here: dict) -> None:
    ahead = bundle(_move(row, arguments, directions, row.step), directions)
    behind = bundle(_move(row, arguments, directions, -row.step), directions)
    slope = (float(ahead["value"]) - float(behind["value"])) / (2 * row.step)
    # What rounding of the value itself leaves of a difference quotient.
    floor = 50 * np.finfo(np.float64).eps * max(1.0, abs(float(here["value"]))) / row.step
    if "gradient" in here:
        for position, gradient in zip(row.differentiable, here["gradient"], strict=True):
            values = [np.asarray(g) for g in jax.tree.leaves(gradient) if np.asarray(g).dtype != jax.dtypes.float0]
            assert all(np.isfinite(v).all() for v in values), f"{row.name}: gradient in argument {position} not finite"
            assert any(np.any(v != 0) for v in values), f"{row.name}: gradient in argument {position} is zero"
        reverse = _inner(here["gradient"], directions)
        np.testing.assert_allclose(
            reverse, slope, rtol=row.rtol, atol=floor, err_msg=f"{row.name}: reverse mode against finite differences"
        )
    if "tangent" in here:
        np.testing.assert_allclose(
            float(here["tangent"]),
            slope,
            rtol=row.rtol,
            atol=floor,
            err_msg=f"{row.name}: forward mode against finite differences",
        )
    if "second" in here:
        difference = jax.tree.map(
            lambda a, b: (
                (np.asarray(a) - np.asarray(b)) / (2 * row.step) if np.asarray(a).dtype != jax.dtypes.float0 else a
            ),
            ahead["gradient"],
            behind["gradient"],
        )
        leaves = [
            (np.asarray(s), d)
            for s, d in zip(jax.tree.leaves(here["second"]), jax.tree.leaves(difference), strict=True)
            if np.asarray(s).dtype != jax.dtypes.float0
        ]
        scale = max((float(np.max(np.abs(d))) for _, d in leaves if d.size), default=0.0)
        gradients = [np.asarray(g) for g in jax.tree.leaves(here["gradient"])]
        first = max(float(np.max(np.abs(g))) for g in gradients if g.size and g.dtype != jax.dtypes.float0)
        floor = 50 * np.finfo(np.float64).eps * max(1.0, first) / row.step
        for second, expected in leaves:
            assert np.isfinite(second).all(), f"{row.name}: second-order product not finite"
            np.testing.assert_allclose(
                second,
                expected,
                rtol=10 * row.rtol,
                atol=10 * row.rtol * scale + floor,
                err_msg=f"{row.name}: forward-over-reverse against finite differences of the gradient",
            )


def _stack(a: Any, b: Any) -> Any:  # by numpy, which compiles nothing
    return jnp.stack([a, b]) if _is_key(a) else jnp.asarray(np.stack([a, b]))


def _check_recompilation(row: Row, arguments: tuple) -> None:
    """After a call, another with the same shapes and other values compiles nothing."""
    other = _move(row, arguments, _directions(row, arguments, seed=1), 1e-3) if row.differentiable else arguments
    with CompileCounter() as counter:
        row.call(*other)
    assert counter.count == 0, f"{row.name}: a second call with the same shapes compiled {counter.count} programs"


def _check_vmap(row: Row, bundle: Callable, arguments: tuple, directions: tuple, here: dict) -> None:
    positions = row.differentiable or tuple(range(len(arguments)))
    other = _move(row, arguments, directions, 1e-3) if row.differentiable else arguments
    there = bundle(other, directions)
    batch = tuple(
        jax.tree.map(_stack, x, y) if i in positions else x
        for i, (x, y) in enumerate(zip(arguments, other, strict=True))
    )
    axes = tuple(0 if i in positions else None for i in range(len(arguments)))
    mapped = jax.jit(jax.vmap(row.call, in_axes=axes), compiler_options=quick_options())(*batch)
    for i, single in enumerate((here, there)):
        one = jax.tree.map(lambda leaf, i=i: leaf[i] if _is_key(leaf) else np.asarray(leaf)[i], mapped)
        _assert_close(one, single["output"], 1e-9, f"{row.name}: vmap differs from a loop, entry {i}")


def _check_bad_values(row: Row, bundle: Callable, directions: tuple) -> None:
    assert row.bad_values, f"{row.name}: no bad_values listed; list one or exempt with a reason"
    for bad in row.bad_values:
        arguments = _cast(bad.build(), jnp.float64)
        with without_shape_hook():
            message = _raised(lambda a=arguments: row.call(*a), bad, row.name)
            assert re.search(bad.match, message), f"{row.name}: message {message!r} does not match {bad.match!r}"
            result = bundle(arguments, directions)
        for leaf in _floats(row.select(result["output"])):
            assert np.isnan(leaf).all(), f"{row.name}: under jit a bad value ({bad.match}) gave {leaf}, not NaN"
        for position, gradient in zip(row.differentiable, result.get("gradient", ()), strict=False):
            values = [np.asarray(g) for g in jax.tree.leaves(gradient) if np.asarray(g).dtype != jax.dtypes.float0]
            assert any(np.isnan(v).any() for v in values), (
                f"{row.name}: under jit a bad value ({bad.match}) left a finite gradient in argument {position}"
            )


def check_static_errors(row: Row) -> None:
    """Static faults raise with the right words, eagerly and while tracing."""
    if "bad_static" in row.exempt:
        return
    assert row.bad_static, f"{row.name}: no bad_static listed; list one or exempt with a reason"
    for bad in row.bad_static:
        arguments = _cast(bad.build(), jnp.float32)
        ways = {"eagerly": row.call, "under jit": lambda *a: jax.eval_shape(row.call, *a)}
        if "traced" in row.exempt:
            del ways["under jit"]
        for way, call in ways.items():
            with without_shape_hook():
                message = _raised(lambda c=call, a=arguments: c(*a), bad, f"{row.name} {way}")
            assert re.search(bad.match, message), f"{row.name} {way}: {message!r} does not match {bad.match!r}"


def _raised(call: Callable, bad: Bad, name: str) -> str:
    try:
        call()
    except bad.error as error:
        return str(error)
    raise AssertionError(f"{name}: accepted what should raise {bad.error.__name__} matching {bad.match!r}")


@contextlib.contextmanager
def _older_objects_set_aside() -> Iterator[None]:
    """Hides what is older from the search for what holds a tracer: none of it can, and it is a million objects."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def check_dtypes(row: Row) -> None:
    """Strict promotion, integers and half precision; traces only, compiles nothing."""
    if "traced" in row.exempt:
        return
    if "strict" not in row.exempt:
        for x64 in (False, True):
            with jax.enable_x64(x64):
                arguments = _cast(row.arguments(), jnp.float32)
                with jax.numpy_dtype_promotion("strict"):
                    output = jax.eval_shape(row.call, *arguments)
                for leaf in _floats(output):
                    assert leaf.dtype == jnp.float32, f"{row.name}: float32 in, {leaf.dtype} out (x64={x64})"
    if "half" not in row.exempt:
        output = jax.eval_shape(row.call, *_cast(row.arguments(), jnp.bfloat16))
        expected = jnp.bfloat16 if row.half == "same" else jnp.dtype(row.half)
        for leaf in _floats(output):
            assert leaf.dtype == expected, f"{row.name}: bfloat16 in, {leaf.dtype} out"
    if "integer" not in row.exempt and row.differentiable:
        output = jax.eval_shape(row.call, *_cast(row.arguments(), jnp.int32))
        for leaf in _floats(output):
            assert leaf.dtype == jnp.result_type(float), f"{row.name}: integers in, {leaf.dtype} out"
    if "leaks" not in row.exempt:
        arguments = _cast(row.arguments(), jnp.float32)
        with _older_objects_set_aside(), jax.checking_leaks():
            jax.make_jaxpr(lambda *a: row.call(*a))(*arguments)
