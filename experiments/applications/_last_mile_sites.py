"""Sites of lockers by gradient descent, against random ones and the centres of k-means."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from entropax.applications import logistics


@dataclass(frozen=True)
class SiteConfig:
    """The problem of one route in every city.

    Attributes:
        lockers: number of lockers.
        share: adoption, of random stops.
        chaining: share of trips chained.
        temperature: of the choice between lockers, in km.
        walking_weight: nats for a customer's km.
        starts: random starts of every route.
        steps: steps of descent.
        step_size: in km.
    """

    lockers: int = 5
    share: float = 0.75
    chaining: float = 0.5
    temperature: float = 0.05
    walking_weight: float = 20.0
    starts: int = 20
    steps: int = 400
    step_size: float = 0.1


def place(routes: logistics.Routes, config: SiteConfig, *, key: jax.Array) -> dict[str, np.ndarray]:
    """Costs of sites on every route, by soft and by hard choice of the nearest locker, and the sites of the first.

    Random sites are stops; descent begins at every one of these, and at the centres of k-means, whose best of as many
    starts (by squared distances) is taken.

    Returns:
        `random`, `descent` (routes, starts) and `k_means`, `from_k_means` (routes,): costs by hard choice;
        `gradient_error` (routes,) against central differences; of the first
        route `stops`, `adopters`, and `sites_...` (lockers, 2); `trace` (routes, steps) from the centres of k-means.
    """
    keys = jax.random.split(key, len(routes.where))
    found = _solved(config)(routes.xy, routes.counts, routes.where, keys)
    found = {name: np.asarray(value) for name, value in found.items()}
    best = int(np.argmin(found["descent"][0]))
    first = {
        "stops": np.asarray(routes.xy[0])[np.asarray(routes.where[0])],
        "adopters": found.pop("adopters")[0][np.asarray(routes.where[0])],
        "sites_random": found.pop("sites_random")[0, 0],
        "sites_descent": found.pop("sites_descent")[0, best],
        "sites_k_means": found.pop("sites_k_means")[0],
    }
    return found | first


def _solved(config: SiteConfig) -> Callable[..., dict[str, jax.Array]]:
    @jax.jit
    @jax.vmap
    def solve(xy: jax.Array, counts: jax.Array, where: jax.Array, key: jax.Array) -> dict[str, jax.Array]:
        keys = jax.random.split(key)
        draws = jnp.where(where, jax.random.uniform(keys[0], (config.starts + 1, *where.shape)), 2.0)
        ranks = jnp.argsort(draws, axis=1)
        adoption = jnp.argsort(ranks[-1]) < config.share * jnp.sum(where)
        starts = xy[ranks[:-1, : config.lockers]]
        options = {"temperature": config.temperature, "walking_weight": config.walking_weight, "where": where}

        def soft(sites: jax.Array) -> jax.Array:
            return logistics.locker_cost(sites, xy, counts, adoption, config.chaining, **options)

        def hard(sites: jax.Array) -> jax.Array:
            nearest = logistics.nearest_locker(sites, xy)
            loads = logistics.spatial_consolidation(counts, nearest, adoption, num_lockers=config.lockers, where=where)
            walked = jnp.sum(jnp.where(adoption & where, jnp.linalg.norm(xy - sites[nearest], axis=-1), 0))
            system = logistics.system_entropy(loads.value, loads.customers, config.chaining)
            return system + config.walking_weight * walked

        def descend(sites: jax.Array) -> logistics.LockerSites:
            return logistics.place_lockers(
                sites, xy, counts, adoption, config.chaining, **options, steps=config.steps, step_size=config.step_size
            )

        centres = k_means(starts, xy, (adoption & where).astype(xy.dtype))
        begun = jnp.concatenate([starts, centres[None]])
        every = jax.vmap(descend)(begun)
        before, after = jax.lax.map(jax.vmap(hard), jnp.stack([begun, every.sites]))
        return {
            "random": before[:-1],
            "descent": after[:-1],
            "k_means": before[-1],
            "from_k_means": after[-1],
            "trace": every.trace[-1],
            "gradient_error": _gradient_error(soft, starts[0] + 0.01),
            "adopters": adoption,
            "sites_random": starts,
            "sites_descent": every.sites[:-1],
            "sites_k_means": centres,
        }

    return solve


def k_means(starts: jax.Array, xy: jax.Array, weight: jax.Array) -> jax.Array:
    """The centres of least squared distance that Lloyd's iterations find from several starts.

    Args:
        starts: centres to begin with, shape (starts, lockers, 2).
        xy: points, shape (points, 2).
        weight: of the points, zero for those that do not count.
    """

    def squares(centres: jax.Array) -> jax.Array:
        return jnp.sum((xy[:, None] - centres[None]) ** 2, axis=-1)

    def step(centres: jax.Array, _: None) -> tuple[jax.Array, None]:
        member = jax.nn.one_hot(jnp.argmin(squares(centres), axis=1), len(centres), dtype=xy.dtype) * weight[:, None]
        mass = jnp.sum(member, axis=0)[:, None]
        return jnp.where(mass > 0, member.T @ xy / jnp.where(mass > 0, mass, 1), centres), None

    ends = jax.vmap(lambda start: jax.lax.scan(step, start, length=60)[0])(starts)
    within = jax.vmap(lambda centres: jnp.sum(weight * jnp.min(squares(centres), axis=1)))(ends)
    return ends[jnp.argmin(within)]


def _gradient_error(cost: Callable[[jax.Array], jax.Array], sites: jax.Array) -> jax.Array:
    """Largest difference of the gradient from central differences, over its largest component."""
    flat, step = sites.reshape(-1), 1e-5
    moves = step * jnp.concatenate([jnp.eye(flat.size), -jnp.eye(flat.size)])
    ahead, behind = jax.lax.map(lambda move: cost((flat + move).reshape(sites.shape)), moves).reshape(2, -1)
    differences = (ahead - behind) / (2 * step)
    gradient = jax.grad(cost)(sites).reshape(-1)
    return jnp.max(jnp.abs(gradient - differences)) / jnp.max(jnp.abs(gradient))
