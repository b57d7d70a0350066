"""The protocol of a simulator, the one loop that runs them all, and its way into a labelled data set."""

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from entropax import _checks
from entropax._typing import ArrayLike, PRNGKey, PyTree, Scalar

if TYPE_CHECKING:
    import xarray

State = TypeVar("State")


class Simulator(eqx.Module, Generic[State]):
    """Dynamics that advance a state by a time step `dt`.

    Subclasses are frozen equinox modules whose parameters are array fields, so that one can differentiate by them. A
    state is an array or a pytree of arrays whose shapes and dtypes never change. One system a call: batch with
    jax.vmap.

    Attributes:
        dt: time by which `step` advances.
    """

    dt: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def init(self, *, key: PRNGKey) -> State:
        """Draws an initial state.

        Args:
            key: a key made by jax.random.key.

        Returns:
            The state.
        """

    @abc.abstractmethod
    def step(self, state: State, *, key: PRNGKey) -> State:
        """Advances the state by dt, however that is done: one explicit step, all events in dt, a solve.

        Args:
            state: the state.
            key: a key made by jax.random.key; a deterministic simulator ignores it.

        Returns:
            The state after dt, with the shapes and dtypes of `state`.
        """

    def prepared(self) -> "Simulator[State]":
        """A simulator with the same steps in which what does not depend on the state is already computed.

        `simulate` calls it once before its loop. By default the simulator itself.

        Returns:
            A simulator with the same `dt`, states and trajectories.
        """
        return self


def simulate(
    simulator: Simulator[State],
    state: State,
    num_steps: int,
    *,
    key: PRNGKey,
    observe: Callable[[State], PyTree] | None,
    every: int = 1,
    remat: int | None = None,
) -> tuple[State, PyTree]:
    """Runs a simulator and records observations: state_{i+1} = step(state_i, key=fold_in(key, i)).

    The noise of step i depends on `key` and i alone, so the trajectory is the same for every choice of `every` and
    `remat`. Compiled once for each simulator class, state shape, number of steps and `observe`; give `observe` as a
    module-level function or a module rather than a fresh lambda, or every call compiles anew.

    Reverse mode keeps one state every `remat` steps and recomputes the steps between: memory grows as the square root
    of the steps at the price of one more forward run. Forward mode and plain runs pay nothing for it.

    Args:
        simulator: the dynamics.
        state: initial state, from `simulator.init` or an earlier run.
        num_steps: number of steps, a multiple of `every`.
        key: a key made by jax.random.key.
        observe: function of a state that returns what is recorded, a pytree of arrays; None records nothing.
        every: steps between observations; the first observation is made after `every` steps.
        remat: steps between the states that reverse mode keeps; None takes about the square root of `num_steps`,
            0 keeps what every step needs.

    Returns:
        The final state, and the observations stacked along a new first axis of length num_steps / every (None if
        `observe` is). Differentiable in the simulator's parameters, the state and the arrays of `observe`, in forward
        and reverse mode.

    Raises:
        TypeError: `simulator` is no Simulator, or its step changes the shapes or dtypes of the state.
        ValueError: `num_steps` is not a positive multiple of `every`, or `remat` is negative.
    """
    if not isinstance(simulator, Simulator):
        raise TypeError(f"simulator must be a Simulator, got {type(simulator).__name__}")
    _checks.require_integer("num_steps", num_steps, minimum=1)
    _checks.require_integer("every", every, minimum=1)
    if observe is not None and not callable(observe):
        raise TypeError(f"observe must be a function of the state or None, got {type(observe).__name__}")
    if num_steps % every:
        raise ValueError(f"num_steps must be a multiple of every = {every}, got {num_steps}")
    remat = math.isqrt(num_steps) if remat is None else remat
    _checks.require_integer("remat", remat, minimum=0)
    _checks.require_key("key", key)
    return _simulate(simulator, jax.tree.map(_strongly_typed, state), key, observe, num_steps // every, every, remat)


@eqx.filter_jit
def _simulate(
    simulator: Simulator,
    state: PyTree,
    key: PRNGKey,
    observe: Callable[[PyTree], PyTree] | None,
    num_blocks: int,
    every: int,
    remat: int,
) -> tuple[PyTree, PyTree]:
    """`num_blocks` times `every` steps and an observation."""
    simulator = simulator.prepared()
    _require_same_structure(state, jax.eval_shape(lambda s, k: simulator.step(s, key=k), state, key))

    def step(state: PyTree, index: jax.Array) -> tuple[PyTree, None]:
        return simulator.step(state, key=jax.random.fold_in(key, index)), None

    def block(state: PyTree, start: jax.Array) -> tuple[PyTree, PyTree]:
        # Segments shorter than a block lie inside it, longer ones hold several blocks.
        state, _ = _scan(step, state, start + jnp.arange(every), remat if remat < every else 0)
        return state, None if observe is None else observe(state)

    return _scan(block, state, every * jnp.arange(num_blocks), remat // every if remat >= every else 0)


def _scan(
    body: Callable[[PyTree, jax.Array], tuple[PyTree, PyTree]], carry: PyTree, xs: jax.Array, segment: int
) -> tuple[PyTree, PyTree]:
    """lax.scan whose reverse mode keeps the carry once a segment and recomputes within; 0 keeps all."""
    length = xs.shape[0]
    if segment == 0 or length == 1:
        return jax.lax.scan(body, carry, xs)
    segment = _segment_length(length, segment)
    whole = length - length % segment

    # Inside a scan nothing is merged across the segment, so the barriers of prevent_cse would only cost.
    run = jax.checkpoint(lambda carry, xs: jax.lax.scan(body, carry, xs), prevent_cse=False)
    carry, ys = jax.lax.scan(run, carry, xs[:whole].reshape(-1, segment))
    ys = jax.tree.map(lambda y: y.reshape(whole, *y.shape[2:]), ys)
    if whole == length:
        return carry, ys
    carry, rest = run(carry, xs[whole:])
    return carry, jax.tree.map(lambda y, r: jnp.concatenate([y, r]), ys, rest)


def _segment_length(length: int, wanted: int) -> int:
    """A divisor of `length` close to what is wanted, else that itself: a remainder compiles the body twice."""
    wanted = min(wanted, length)
    divisors = [n for n in range((wanted + 1) // 2, min(2 * wanted, length) + 1) if length % n == 0]
    return min(divisors, key=lambda n: abs(math.log(n / wanted)), default=wanted)


def _strongly_typed(leaf: Any) -> jax.Array:
    leaf = jnp.asarray(leaf)
    return jax.lax.convert_element_type(leaf, leaf.dtype) if leaf.aval.weak_type else leaf


def _require_same_structure(before: PyTree, after: PyTree) -> None:
    """Raises TypeError unless a step kept the structure, shapes and dtypes of the state."""

    def describe(tree: PyTree) -> str:
        return str(jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree))

    if jax.tree.structure(before) != jax.tree.structure(after) or describe(before) != describe(after):
        raise TypeError(
            f"step must keep the shapes and dtypes of the state, got {describe(after)} from {describe(before)}"
        )


def to_dataset(
    observations: Mapping[str, ArrayLike],
    *,
    times: ArrayLike,
    dims: Mapping[str, Sequence[str]] | None = None,
    units: Mapping[str, str] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> "xarray.Dataset":
    """Observations as an xarray.Dataset with a time axis, units and attributes, ready for NetCDF.

    Args:
        observations: arrays by name, each of shape (num_times, ...).
        times: time of each observation, shape (num_times,).
        dims: names of the axes after the first, by observation; by default name_0, name_1, ...
        units: unit of each observation, and of "time", by name.
        attrs: attributes of the data set: the parameters, the source.

    Returns:
        An xarray.Dataset on the host with dimension and coordinate "time".

    Raises:
        ImportError: xarray is not installed.
        ValueError: an array whose first axis does not match `times`, dims of the wrong number, or dims or units of an
            unknown name.
    """
    try:
        import xarray
    except ImportError as error:
        raise ImportError("to_dataset needs xarray: pip install 'entropax[experiments]'") from error
    dims, units = dims or {}, units or {}
    times = np.asarray(times)
    if times.ndim != 1:
        raise ValueError(f"times must have shape (num_times,), got {times.shape}")
    known = {*observations, "time"}
    for argument, names in (("dims", dims), ("units", units)):
        unknown = sorted(set(names) - known)
        if unknown:
            raise ValueError(f"{argument} must name observations ({', '.join(sorted(known))}), got {unknown}")
    variables = {}
    for name, value in observations.items():
        array = np.asarray(value)
        if array.ndim < 1 or array.shape[0] != times.size:
            raise ValueError(f"{name} must have shape ({times.size}, ...), one row for each time, got {array.shape}")
        axes = tuple(dims.get(name, (f"{name}_{axis}" for axis in range(array.ndim - 1))))
        if len(axes) != array.ndim - 1:
            raise ValueError(f"dims of {name} must name {array.ndim - 1} axes after time, got {axes}")
        variables[name] = (("time", *axes), array, {"units": units[name]} if name in units else {})
    time = ("time", times, {"units": units["time"]} if "time" in units else {})
    return xarray.Dataset(variables, coords={"time": time}, attrs=dict(attrs or {}))
