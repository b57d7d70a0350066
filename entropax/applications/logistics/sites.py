"""Where to put lockers: gradient descent of the system's entropy and the way that customers walk."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from entropax import _checks, space
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.applications.logistics._counts import route
from entropax.applications.logistics.chaining import system_entropy


class SoftLockerLoads(eqx.Module):
    """Loads of lockers between which customers choose by distance.

    Attributes:
        value: parcels at the carrier's stops, the home deliveries first and then the lockers: shape
            (stops + lockers,).
        customers: expected number of customers at every locker, shape (lockers,).
        walking: expected distance from stops to lockers summed over the customers, in the unit of the coordinates.
    """

    value: Float[Array, "loads"]
    customers: Float[Array, "lockers"]
    walking: Scalar


class LockerSites(eqx.Module):
    """Sites found for lockers.

    Attributes:
        value: the cost there.
        sites: shape (lockers, 2).
        trace: the cost before every step, shape (steps,).
        gradient: largest component of the cost's gradient at the sites.
    """

    value: Scalar
    sites: Float[Array, "lockers 2"]
    trace: Float[Array, "steps"]
    gradient: Scalar


def soft_locker_loads(
    sites: Real[ArrayLike, "lockers 2"],
    xy: Real[ArrayLike, "stops 2"],
    counts: Real[ArrayLike, "stops"],
    adoption: Real[ArrayLike, "..."],
    *,
    temperature: RealScalar,
    where: Bool[ArrayLike, "stops"] | None = None,
) -> SoftLockerLoads:
    """`spatial_consolidation` at the nearest locker, relaxed: stop i goes to locker j as exp(-d_ij / temperature).

    As the temperature vanishes this tends to the hard assignment to the nearest, which has no gradients in the sites.

    Args:
        sites: of the lockers, shape (lockers, 2).
        xy: stops, shape (stops, 2).
        counts: n_i, parcels at every stop, shape (stops,).
        adoption: a_i in [0, 1], share of stop i that uses lockers, broadcastable to `counts`.
        temperature: positive, in the unit of the coordinates.
        where: which entries are stops; by default those whose counts are not zero.

    Returns:
        The loads, with what customers walk.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: a count is negative or not finite, there are no parcels, adoption is not in [0, 1], a coordinate is
            not finite, the temperature is not positive, or shapes do not fit.

    Differentiable in all but the mask. Source: ours.
    """
    n, mask, checks = route(counts, where)
    n, s, x, share, tau = _checks.as_floats(counts=n, sites=sites, xy=xy, adoption=adoption, temperature=temperature)
    _checks.as_numbers(temperature=tau)
    _checks.require_ndim("counts", n, 1, "(stops,)")
    _checks.require_shape("xy", x, (*n.shape, 2))
    if s.ndim != 2 or s.shape[0] < 1 or s.shape[1] != 2:
        raise ValueError(f"sites must have shape (lockers, 2), got {s.shape}")
    share = jnp.broadcast_to(_checks.broadcastable("adoption", share, n.shape), n.shape)
    with _checks.evaluated_now(x, mask):
        x = jnp.where(mask[:, None], x, 0)
    checks += (
        _checks.finite("sites", s),
        _checks.finite("xy", x),
        _checks.within("adoption", share, 0, 1, "in [0, 1]"),
        _checks.positive("temperature", tau),
    )
    return _checks.enforce(_loads(s, x, n, jnp.where(mask, share, 0), tau), *checks)


def locker_cost(
    sites: Real[ArrayLike, "lockers 2"],
    xy: Real[ArrayLike, "stops 2"],
    counts: Real[ArrayLike, "stops"],
    adoption: Real[ArrayLike, "..."],
    chaining: Real[ArrayLike, "..."],
    *,
    temperature: RealScalar,
    walking_weight: RealScalar,
    where: Bool[ArrayLike, "stops"] | None = None,
) -> Scalar:
    """The system's entropy with lockers at given sites and a price of walking, S_system + lambda sum_i a_i <d_i>.

    With the same chaining everywhere the entropy alone asks for one large locker, as -sum_j ln M_j! is least there;
    walking asks for lockers spread among the customers.

    Args:
        sites: of the lockers, shape (lockers, 2).
        xy: stops, shape (stops, 2).
        counts: n_i, parcels at every stop, shape (stops,).
        adoption: a_i in [0, 1], broadcastable to `counts`.
        chaining: c_j in [0, 1], of every locker or of all.
        temperature: of the choice between lockers, positive, in the unit of the coordinates.
        walking_weight: lambda >= 0 in nats for a customer's unit of distance.
        where: which entries are stops; by default those whose counts are not zero.

    Returns:
        The cost in nats.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: as for `soft_locker_loads` and `system_entropy`, or the weight is negative.

    Differentiable in all but the mask, straight through lnGamma. Source: ours.
    """
    loads = soft_locker_loads(sites, xy, counts, adoption, temperature=temperature, where=where)
    _, c, weight = _checks.as_floats(loads=loads.value, chaining=chaining, walking_weight=walking_weight)
    _checks.as_numbers(walking_weight=weight)
    c = _checks.broadcastable("chaining", c, loads.customers.shape)
    checks = (_checks.within("chaining", c, 0, 1, "in [0, 1]"), _checks.nonnegative("walking_weight", weight))
    # Nothing left at a stop, or nothing yet in a locker, has a slope psi(1) too: no entry is taken for padding.
    entropy = system_entropy(loads.value, loads.customers, c, where=True)
    return _checks.enforce(entropy + weight * loads.walking, *checks)


def place_lockers(
    sites: Real[ArrayLike, "lockers 2"],
    xy: Real[ArrayLike, "stops 2"],
    counts: Real[ArrayLike, "stops"],
    adoption: Real[ArrayLike, "..."],
    chaining: Real[ArrayLike, "..."],
    *,
    temperature: RealScalar,
    walking_weight: RealScalar,
    where: Bool[ArrayLike, "stops"] | None = None,
    steps: int = 300,
    step_size: float = 0.1,
) -> LockerSites:
    """Sites that lower `locker_cost`, by Adam from given ones.

    Args:
        sites: where to start, shape (lockers, 2); start from several, as the cost has many minima.
        xy: stops, shape (stops, 2).
        counts: n_i, parcels at every stop, shape (stops,).
        adoption: a_i in [0, 1], broadcastable to `counts`.
        chaining: c_j in [0, 1], of every locker or of all.
        temperature: as for `locker_cost`.
        walking_weight: as for `locker_cost`.
        where: which entries are stops; by default those whose counts are not zero.
        steps: number of steps.
        step_size: how far a site moves in the first steps, in the unit of the coordinates; it falls to zero along
            half a cosine.

    Returns:
        The sites with their cost.

    Raises:
        TypeError: `where` is not boolean.
        ValueError: as for `locker_cost`, or an option is out of range.

    Differentiable through all its steps. Source: ours.
    """
    _checks.require_integer("steps", steps, minimum=1)
    _checks.require_within("step_size", step_size, 0, float("inf"), open_below=True)
    given = {"sites": sites, "xy": xy, "counts": counts, "adoption": adoption, "chaining": chaining}
    given |= {"temperature": temperature, "walking_weight": walking_weight}
    numbers = [_checks.accumulated(x) for x in _checks.as_floats(**given)]
    start, x, n, a, c, tau, weight = numbers
    locker_cost(start, x, n, a, c, temperature=tau, walking_weight=weight, where=where)  # for its checks
    with _checks.evaluated_now(n, where):
        mask = n != 0 if where is None else _checks.as_mask(where, n.shape)
    return _descend(start, (x, n, a, c, tau, weight, mask), steps, float(step_size))


def nearest_locker(sites: Real[ArrayLike, "lockers 2"], xy: Real[ArrayLike, "stops 2"]) -> Int[Array, "stops"]:
    """The hard choice: the locker nearest to every stop, the first of equals.

    Args:
        sites: of the lockers, shape (lockers, 2).
        xy: stops, shape (stops, 2), finite.

    Returns:
        Indices of lockers, shape (stops,), for `spatial_consolidation`; -1 everywhere if a coordinate is not finite
            under a transformation.

    Raises:
        ValueError: shapes do not fit or a coordinate is not finite.

    Piecewise constant; `soft_locker_loads` has the relaxed choice. Source: ours.
    """
    s, x = _checks.as_floats(sites=sites, xy=xy)
    for name, value in (("sites", s), ("xy", x)):
        if value.ndim != 2 or value.shape[0] < 1 or value.shape[1] != 2:
            raise ValueError(f"{name} must have shape (n, 2), got {value.shape}")
    valid = _checks.validity(_checks.finite("sites", s), _checks.finite("xy", x))
    square = jnp.sum((x[:, None] - s[None]) ** 2, axis=-1)
    return jnp.where(valid, jnp.argmin(square, axis=1), -1)


# ------------------------------------------------------------------------------------------------------------ kernels


@jax.jit
def _loads(sites: Array, x: Array, n: Array, share: Array, tau: Array) -> SoftLockerLoads:
    distance = space.FreeSpace().distance(x[:, None], sites[None])
    choice = share[:, None] * jax.nn.softmax(-distance / tau, axis=1)
    return SoftLockerLoads(
        value=jnp.concatenate([(1 - share) * n, jnp.matmul(n, choice, precision="highest")]),
        customers=jnp.sum(choice, axis=0),
        walking=jnp.sum(choice * distance),
    )


@functools.partial(jax.jit, static_argnames=("steps", "step_size"))
def _descend(start: Array, problem: tuple[Array, ...], steps: int, step_size: float) -> LockerSites:
    x, n, a, c, tau, weight, mask = problem

    def cost(sites: Array) -> Array:
        return locker_cost(sites, x, n, a, c, temperature=tau, walking_weight=weight, where=mask)

    adam = optax.scale_by_adam()

    def step(carry: tuple[Array, optax.OptState], t: Array) -> tuple[tuple[Array, optax.OptState], Array]:
        sites, state = carry
        value, gradient = jax.value_and_grad(cost)(sites)
        direction, state = adam.update(gradient, state)
        rate = step_size * (1 + jnp.cos(jnp.pi * t / steps)) / 2
        return (sites - rate * jnp.asarray(direction), state), value

    times = jnp.arange(steps, dtype=start.dtype)
    (sites, _), trace = jax.lax.scan(step, (start, adam.init(start)), times)
    value, gradient = jax.value_and_grad(cost)(sites)
    return LockerSites(value, sites, trace, jnp.max(jnp.abs(gradient)))
