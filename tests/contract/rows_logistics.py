"""The contract of last-mile logistics."""

import jax
import numpy as np

from entropax.applications import logistics
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(31)
COUNTS = np.array([[3.0, 2.0, 1.0, 0.0], [1.5, 1.0, 4.0, 2.5]])
GROUPS = np.array([0, 1, 0, 1])
CARRIER = np.array([[1.0, 2.0, 6.0, 5.0], [3.0, 1.0, 4.0, 8.0]])
TRIPS = np.array([[5.0, 4.0], [3.0, 6.0]])
DIRECT = np.array([21.0, 24.0])
XY = RNG.uniform(0.0, 3.0, (6, 2))
STOPS = np.array([1.0, 2.0, 1.0, 3.0, 1.0, 1.0])
SITES = np.array([[0.7, 1.1], [2.2, 1.9]])
ORDER = np.array([0, 3, 1, 5, 2, 4])
RESULT = "it holds what its function has computed"
EMPTY = np.zeros((2, 4))


def inner(direction):
    """Directions in which padding stays padding."""
    return direction * (COUNTS != 0)


def bad_counts(name="counts", extra=(), good=COUNTS):
    negative = np.where(np.arange(4) == 1, -1.0, good)
    return (
        Bad((negative, *extra), f"{name} must be non-negative and finite, got -1"),
        Bad((np.where(np.arange(4) == 1, np.nan, good), *extra), f"{name} must be non-negative and finite, got nan"),
        Bad((np.zeros_like(good), *extra), f"the sum of {name} must be positive and finite, got 0"),
    )


def scored(name, call, **more):
    return Row(
        name=f"applications.logistics.{name}",
        call=call,
        arguments=lambda: (COUNTS,),
        project={0: inner},
        bad_static=(Bad((np.float64(1.0),), r"counts must have shape \(\.\.\., stops\) with at least one stop"),),
        bad_values=bad_counts(),
        half="float32",
        **more,
    )


def fields(result):
    return tuple(vars(result).values())


def consolidated(counts, adoption):
    return logistics.spatial_consolidation(counts, GROUPS, adoption, num_lockers=2)


def break_even(carrier, trips, direct):
    return logistics.break_even_chaining(carrier, trips, direct)


def cost(sites, xy, counts, adoption, chaining, temperature, weight):
    return logistics.locker_cost(sites, xy, counts, adoption, chaining, temperature=temperature, walking_weight=weight)


def placed(sites, xy, counts, weight):
    return logistics.place_lockers(
        sites, xy, counts, 0.7, 0.2, temperature=0.5, walking_weight=weight, steps=3, step_size=0.05
    )


def soft(sites, xy, counts, adoption, temperature):
    return logistics.soft_locker_loads(sites, xy, counts, adoption, temperature=temperature)


def in_time(customer, day):
    return logistics.temporal_consolidation(customer, day, window=2, num_customers=4, num_days=5)


SOFT = (SITES, XY, STOPS, 0.7, 0.4)
COST = (SITES, XY, STOPS, 0.7, 0.2, 0.4, 5.0)
CITY_KEY = jax.random.key(3)


def city(area, distance, spread):
    return logistics.synthesize_city(
        3, area, distance, neighbourhood_spread=spread, key=CITY_KEY, most_stops=6, fewest_stops=2, mean_stops=4.0
    )


ROWS = [
    scored("log_multiplicity", logistics.log_multiplicity, fast=True),
    scored("structural_entropy", logistics.structural_entropy, slow=True),
    scored("normalized_structural_entropy", logistics.normalized_structural_entropy),
    scored(
        "normalized_structural_entropy.stops",
        lambda n: logistics.normalized_structural_entropy(n, normalisation="stops"),
    ),
    scored("shannon_duality_gap", logistics.shannon_duality_gap),
    Row(
        name="applications.logistics.grouped_entropy",
        call=lambda counts: fields(logistics.grouped_entropy(counts, GROUPS, num_groups=2)),
        arguments=lambda: (COUNTS,),
        project={0: inner},
        bad_static=(
            Bad((COUNTS[:, :3],), r"group_of_stop must be broadcastable to shape \(2, 3\), got \(4,\)"),
            Bad((np.float64(1.0),), r"counts must have shape \(\.\.\., stops\)"),
        ),
        bad_values=bad_counts(),
        half="float32",
    ),
    Row(
        name="applications.logistics.GroupedEntropy",
        call=lambda x: fields(logistics.GroupedEntropy(x[0], x[1], 3 * x[0], x)),
        arguments=lambda: (DIRECT,),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": RESULT, "second_order": RESULT},
    ),
    Row(
        name="applications.logistics.spatial_consolidation",
        call=lambda *a: fields(consolidated(*a)),
        arguments=lambda: (COUNTS, np.array([0.2, 0.9, 0.5, 0.4])),
        differentiable=(0, 1),
        project={0: inner},
        bad_static=(
            Bad((COUNTS, np.full(3, 0.5)), r"adoption must be broadcastable to shape \(2, 4\), got \(3,\)"),
            Bad((COUNTS[:, :3], 0.5), r"locker_of_stop must be broadcastable to shape \(2, 3\), got \(4,\)"),
        ),
        bad_values=(
            *bad_counts(extra=(np.full(4, 0.5),)),
            Bad((COUNTS, np.full(4, 1.5)), r"adoption must be in \[0, 1\], got 1.5"),
        ),
        half="float32",
    ),
    Row(
        name="applications.logistics.LockerLoads",
        call=lambda x: fields(logistics.LockerLoads(x, 2 * x)),
        arguments=lambda: (DIRECT,),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": RESULT, "second_order": RESULT},
    ),
    Row(
        name="applications.logistics.adoption_by_priority",
        call=lambda share: logistics.adoption_by_priority(share, np.array([2, 0, 3, 1])),
        arguments=lambda: (0.6,),
        bad_static=(Bad((STOPS,), "share must be a number"),),
        bad_values=(Bad((1.2,), r"share must be in \[0, 1\], got 1.2"),),
        exempt={"second_order": "it is piecewise linear"},
    ),
    Row(
        name="applications.logistics.temporal_consolidation",
        call=in_time,
        arguments=lambda: (np.array([0, 3, 0, 1, 0]), np.array([0, 4, 1, 2, 3])),
        differentiable=(),
        bad_static=(
            Bad((np.array([0, 3]), np.array([0])), r"day must have the shape of customer, \(2,\), got \(1,\)"),
            Bad((np.array([0.0]), np.array([0])), "customer must be integers, got dtype float32", TypeError),
        ),
        bad_values=(
            Bad((np.array([0, 4]), np.array([0, 1])), "customer must be at least 0 and below 4, got 4"),
            Bad((np.array([0, 3]), np.array([0, 5])), "day must be at least 0 and below 5, got 5"),
        ),
        exempt={
            "gradient": "it counts whole requests",
            "half": "its arguments are integers",
            "strict": "its arguments are integers",
        },
    ),
    Row(
        name="applications.logistics.system_entropy",
        call=logistics.system_entropy,
        arguments=lambda: (CARRIER, TRIPS, np.array([0.3, 0.6])),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((CARRIER, TRIPS[0], 0.5), r"trips must have shape \(2, 'lockers'\), got \(2,\)"),
            Bad((CARRIER, TRIPS, np.zeros(3)), r"chaining must be broadcastable to shape \(2, 2\), got \(3,\)"),
        ),
        bad_values=(
            *bad_counts("carrier_counts", (TRIPS, np.full(2, 0.5)), CARRIER),
            Bad((CARRIER, -TRIPS, np.full(2, 0.5)), "trips must be non-negative and finite"),
            Bad((CARRIER, TRIPS, np.full(2, 1.5)), r"chaining must be in \[0, 1\], got 1.5"),
        ),
        half="float32",
    ),
    Row(
        name="applications.logistics.break_even_chaining",
        call=break_even,
        arguments=lambda: (CARRIER, TRIPS, DIRECT),
        differentiable=(0, 1, 2),
        select=lambda found: found.value,
        bad_static=(
            Bad((CARRIER, TRIPS[0], DIRECT), r"trips must have shape \(2, 'lockers'\), got \(2,\)"),
            Bad((CARRIER, TRIPS, np.ones(3)), r"direct_entropy must be broadcastable to shape \(2,\), got \(3,\)"),
        ),
        bad_values=(
            *bad_counts("carrier_counts", (TRIPS, DIRECT), CARRIER),
            Bad((CARRIER, -TRIPS, DIRECT), "trips must be non-negative and finite"),
            Bad((CARRIER, TRIPS, -DIRECT), "direct_entropy must be non-negative and finite"),
        ),
        half="float32",
    ),
    Row(
        name="applications.logistics.BreakEvenChaining",
        call=lambda x: fields(logistics.BreakEvenChaining(x, x > 0, 2 * x, x > 0)),
        arguments=lambda: (DIRECT,),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": RESULT, "second_order": RESULT},
    ),
    Row(
        name="applications.logistics.tour_order",
        call=logistics.tour_order,
        arguments=lambda: (XY,),
        bad_static=(Bad((XY.T,), r"xy must have shape \(points, 2\) with at least one point, got \(2, 6\)"),),
        bad_values=(Bad((np.full_like(XY, np.nan),), "xy must be finite"),),
        exempt={
            "gradient": "a search among indices",
            "bad_values": "orders are integers; tests/applications hold the message and the validity",
            "half": "orders are integers",
            "vmap": "neighbouring data have the same order; tests/applications hold a batch against a loop",
        },
    ),
    Row(
        name="applications.logistics.TourOrder",
        call=lambda order: fields(logistics.TourOrder(order, order[0] == 0, order[1])),
        arguments=lambda: (ORDER,),
        differentiable=(),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "gradient": RESULT, "half": RESULT},
    ),
    Row(
        name="applications.logistics.tour_length",
        call=logistics.tour_length,
        arguments=lambda: (XY,),
        bad_static=(Bad((XY.T,), r"xy must have shape \(points, 2\) with at least one point, got \(2, 6\)"),),
        bad_values=(Bad((np.full_like(XY, np.nan),), "xy must be finite"),),
        half="float32",
    ),
    Row(
        name="applications.logistics.fit_entropy_distance",
        call=logistics.fit_entropy_distance,
        arguments=lambda: (STOPS + 4, XY[:, 0] + 0.5),
        differentiable=(0, 1),
        bad_static=(
            Bad((STOPS, STOPS[:3]), r"distance must have the shape of entropy, \(6,\), got \(3,\)"),
            Bad((STOPS[:2], STOPS[:2]), "entropy must have at least 3 routes, got 2"),
        ),
        bad_values=(
            Bad((-STOPS, XY[:, 0]), "entropy must be positive"),
            Bad((STOPS, -XY[:, 0]), "distance must be positive"),
            Bad((STOPS, np.ones(6)), "the spread of distance must be positive"),
        ),
        half="float32",
    ),
    Row(
        name="applications.logistics.EntropyDistanceFit",
        call=lambda x: fields(logistics.EntropyDistanceFit(*4 * [x])),
        arguments=lambda: (0.5,),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": RESULT, "second_order": RESULT},
    ),
    Row(
        name="applications.logistics.synthesize_city",
        call=city,
        arguments=lambda: (50.0, 8.0, 0.3),
        differentiable=(0, 1, 2),
        select=lambda routes: routes.xy,
        bad_static=(Bad((STOPS, 8.0, 0.3), "area must be a number"),),
        bad_values=(
            Bad((-50.0, 8.0, 0.3), "area must be positive"),
            Bad((50.0, 0.0, 0.3), "depot_distance must be positive"),
            Bad((50.0, 8.0, -0.3), "neighbourhood_spread must be positive"),
        ),
        exempt={"half": "coordinates of half precision are of no use"},
    ),
    Row(
        name="applications.logistics.Routes",
        call=lambda xy, n: logistics.Routes(xy, n, n > 0).with_depot()[0],
        arguments=lambda: (np.stack([XY, XY]), np.stack([STOPS, STOPS])),
        members=("with_depot",),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": RESULT, "second_order": "it is linear"},
    ),
    Row(
        name="applications.logistics.soft_locker_loads",
        call=lambda *a: fields(soft(*a)),
        arguments=lambda: SOFT,
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(
            Bad((SITES[0], *SOFT[1:]), r"sites must have shape \(lockers, 2\), got \(2,\)"),
            Bad((SITES, XY[:3], *SOFT[2:]), r"xy must have shape \(6, 2\), got \(3, 2\)"),
            Bad((*SOFT[:3], np.ones(3), 0.4), r"adoption must be broadcastable to shape \(6,\), got \(3,\)"),
        ),
        bad_values=(
            Bad((SITES, XY, -STOPS, 0.7, 0.4), "counts must be non-negative"),
            Bad((SITES, XY, STOPS, 1.7, 0.4), r"adoption must be in \[0, 1\]"),
            Bad((SITES, XY, STOPS, 0.7, 0.0), "temperature must be positive"),
            Bad((SITES, np.full_like(XY, np.inf), STOPS, 0.7, 0.4), "xy must be finite"),
        ),
        half="float32",
    ),
    Row(
        name="applications.logistics.SoftLockerLoads",
        call=lambda x: fields(logistics.SoftLockerLoads(x, 2 * x, x[0])),
        arguments=lambda: (DIRECT,),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": RESULT, "second_order": RESULT},
    ),
    Row(
        name="applications.logistics.locker_cost",
        call=cost,
        arguments=lambda: COST,
        differentiable=(0, 1, 2, 3, 4, 5, 6),
        bad_static=(
            Bad((SITES[0], *COST[1:]), r"sites must have shape \(lockers, 2\), got \(2,\)"),
            Bad((*COST[:4], np.ones(3), 0.4, 5.0), r"chaining must be broadcastable to shape \(2,\), got \(3,\)"),
        ),
        bad_values=(
            Bad((*COST[:4], 1.2, 0.4, 5.0), r"chaining must be in \[0, 1\]"),
            Bad((*COST[:6], -5.0), "walking_weight must be non-negative"),
        ),
        half="float32",
    ),
    Row(
        name="applications.logistics.place_lockers",
        call=placed,
        arguments=lambda: (SITES, XY, STOPS, 5.0),
        differentiable=(0, 1, 2, 3),
        select=lambda found: (found.value, found.sites),
        bad_static=(Bad((SITES[0], XY, STOPS, 5.0), r"sites must have shape \(lockers, 2\), got \(2,\)"),),
        bad_values=(Bad((SITES, XY, STOPS, -5.0), "walking_weight must be non-negative"),),
        half="float32",
        exempt={"strict": "optax's Adam raises its decay to an integer power"},
    ),
    Row(
        name="applications.logistics.LockerSites",
        call=lambda x: fields(logistics.LockerSites(x[0], x[None], x, x[1])),
        arguments=lambda: (DIRECT,),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": RESULT, "second_order": RESULT},
    ),
    Row(
        name="applications.logistics.nearest_locker",
        call=logistics.nearest_locker,
        arguments=lambda: (SITES, XY),
        differentiable=(),
        bad_static=(Bad((SITES[0], XY), r"sites must have shape \(n, 2\), got \(2,\)"),),
        bad_values=(),
        exempt={
            "gradient": "piecewise constant",
            "bad_values": "indices are integers; tests/applications hold the message and the index -1",
            "half": "indices are integers",
        },
    ),
    Row(
        name="applications.logistics.read_challenge_routes",
        call=logistics.read_challenge_routes,
        arguments=tuple,
        exempt={
            "traced": "it reads files on the host",
            "bad_static": "tests/applications hold its errors, on files that they write",
        },
    ),
    Row(
        name="applications.logistics.ChallengeRoutes",
        call=logistics.ChallengeRoutes,
        arguments=tuple,
        exempt={"traced": "what a reader has read from files", "bad_static": RESULT},
    ),
]
