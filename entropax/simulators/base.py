"""The protocol of every simulator and the one loop that runs them."""

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, PRNGKey, PyTree, Scalar

if TYPE_CHECKING:
    import xarray

State = TypeVar("State")
Carry = TypeVar("Carry")


class Simulator(eqx.Module, Generic[State]):
    """Dynamics with a time step: how a state starts and how it advances by `dt`.

    Parameters are fields, converted to strongly typed arrays at construction, so that one can differentiate by them
    and an optimiser's update does not compile anew. A simulator holds dynamics and invariants; what is measured on a
    state is an observable.

    Attributes:
        dt: time that one step advances by.
    """

    dt: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def init(self, *, key: PRNGKey) -> State:
        """A first state.

        Args:
            key: source of randomness.
        """

    @abc.abstractmethod
    def step(self, state: State, *, key: PRNGKey) -> State:
        """The state one time step later.

        Args:
            state: the state now.
            key: source of randomness.
        """


def simulate(
    simulator: Simulator[State],
    state: State,
    num_steps: int,
    *,
    key: PRNGKey,
    observe: Callable[[State], Any],
    every: int = 1,
    remat: bool | None = None,
) -> tuple[State, PyTree]:
    """Advances a state by `num_steps` steps and observes it every `every` steps.

    The randomness of step i is `jax.random.fold_in(key, i)`: it depends neither on `every` nor on `remat`. The loop
    is compiled once per simulator structure, observer and step counts. A plain function `observe` is compared by
    identity, so define it once (not as a fresh lambda in a loop); an equinox module may carry arrays.

    Args:
        simulator: the dynamics.
        state: the first state, as from `simulator.init`.
        num_steps: number of steps, a multiple of `every`.
        key: source of randomness.
        observe: what to record, a function of a state that returns a pytree of arrays.
        every: steps between observations.
        remat: whether reverse mode recomputes states in nested chunks, which keeps about 2 sqrt(n) states of each of
            the two loops (observations, and steps between them) in memory for twice the forward work, instead of
            every state. None means yes when `num_steps` exceeds 64. It changes neither results nor forward mode.

    Returns:
        The final state, and the observations with a leading axis of length num_steps / every; entry j was observed
        after (j + 1) `every` steps.

    Raises:
        ValueError: `num_steps` is not a positive multiple of `every`.
        TypeError: `key` is not a new-style key, or `simulator` no `Simulator`.

    Differentiable in the simulator's fields, the state and the observer's arrays, in both modes. Chaotic dynamics
    make gradients over long horizons useless: they grow as the exponential of the largest Lyapunov exponent times
    the horizon.
    """
    if not isinstance(simulator, Simulator):
        raise TypeError(f"simulator must be a Simulator, got {type(simulator).__name__}")
    if not callable(observe):
        raise TypeError(f"observe must be a function of the state, got {type(observe).__name__}")
    _checks.require_integer("every", every, minimum=1)
    _checks.require_integer("num_steps", num_steps, minimum=1)
    _checks.require_key("key", key)
    if num_steps % every:
        raise ValueError(f"num_steps must be a multiple of every={every}, got {num_steps}")
    nested = num_steps > 64 if remat is None else bool(remat)
    return _simulate(simulator, state, key, observe, num_steps, every, nested)


@eqx.filter_jit
def _simulate(
    simulator: Simulator,
    state: Any,
    key: PRNGKey,
    observe: Callable,
    num_steps: int,
    every: int,
    nested: bool,
) -> tuple[Any, Any]:
    # Leaves that are no arrays (functions, static settings) stay out of the loops' carry.
    moving, fixed = eqx.partition(state, eqx.is_array)

    def one_step(carry: Any, index: Array) -> tuple[Any, None]:
        now = eqx.combine(carry, fixed)
        following = simulator.step(now, key=jax.random.fold_in(key, index))
        return eqx.filter(following, eqx.is_array), None

    def one_observation(carry: Any, block: Array) -> tuple[Any, Any]:
        if every == 1:
            carry, _ = one_step(carry, block)
        else:
            carry, _ = _scan(one_step, carry, block * every + jnp.arange(every), nested)
        return carry, observe(eqx.combine(carry, fixed))

    moving, observations = _scan(one_observation, moving, jnp.arange(num_steps // every), nested)
    return eqx.combine(moving, fixed), observations


def _scan(
    body: Callable[[Carry, Array], tuple[Carry, Any]], carry: Carry, indices: Array, nested: bool
) -> tuple[Carry, Any]:
    """`lax.scan`, in rematerialised chunks of about sqrt(n) when nested."""
    length = indices.shape[0]
    chunk = math.isqrt(length)
    if not nested or chunk < 2:
        return jax.lax.scan(body, carry, indices)
    whole = (length // chunk) * chunk

    @jax.checkpoint
    def inner(carry: Carry, part: Array) -> tuple[Carry, Any]:
        return jax.lax.scan(body, carry, part)

    carry, first = jax.lax.scan(inner, carry, indices[:whole].reshape(-1, chunk))
    first = jax.tree.map(lambda y: y.reshape(whole, *y.shape[2:]), first)
    if whole == length:
        return carry, first
    carry, rest = inner(carry, indices[whole:])
    return carry, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, rest)


def to_dataset(
    observations: Mapping[str, Any],
    *,
    times: Any,
    dims: Mapping[str, Sequence[str]] | None = None,
    units: Mapping[str, str] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> "xarray.Dataset":
    """Observations as an `xarray.Dataset` with units, ready for `to_netcdf(..., engine="h5netcdf")`.

    Args:
        observations: arrays by name, each with a leading time axis, as `simulate` returns for an observer that
            returns a dictionary.
        times: the times of the observations, shape (t,).
        dims: names of the axes after time, by name of the observation; unnamed axes are called name_1, name_2, ...
        units: unit by name; "time" sets that of the times. Names not given are dimensionless, "1".
        attrs: attributes of the whole data set.

    Returns:
        The data set, with coordinate "time".

    Raises:
        ValueError: an observation's leading axis, or its number of names, does not fit; `units` or `dims` name an
            observation that is not there.
        ImportError: xarray is not installed.
    """
    try:
        import xarray
    except ImportError as error:
        raise ImportError("to_dataset needs xarray: pip install 'entropax[experiments]'") from error
    import numpy as np

    times = np.asarray(times)
    dims, units = dict(dims or {}), dict(units or {})
    unknown = (set(dims) | set(units)) - set(observations) - {"time"}
    if unknown:
        raise ValueError(f"dims and units must name observations ({', '.join(observations)}), got {sorted(unknown)}")
    variables = {}
    for name, values in observations.items():
        values = np.asarray(values)
        if values.ndim < 1 or values.shape[0] != times.shape[0]:
            raise ValueError(f"{name} must have a leading time axis of length {times.shape[0]}, got {values.shape}")
        names = tuple(dims.get(name, [f"{name}_{axis}" for axis in range(1, values.ndim)]))
        if len(names) != values.ndim - 1:
            raise ValueError(f"dims of {name} must name {values.ndim - 1} axes after time, got {names}")
        variables[name] = (("time", *names), values, {"units": units.get(name, "1")})
    coordinates = {"time": ("time", times, {"units": units.get("time", "1")})}
    return xarray.Dataset(variables, coords=coordinates, attrs=dict(attrs or {}))
