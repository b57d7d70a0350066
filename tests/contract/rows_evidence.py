"""The contract of evidence in `entropax.information`."""

import numpy as np

from entropax import information
from tests.contract.harness import Bad, Row, simplex

A = np.array([[0.0, 0.3, 0.1, 0.6], [0.0, 0.2, 0.5, 0.3]])
B = np.array([[0.0, 0.1, 0.4, 0.5], [0.0, 0.25, 0.25, 0.5]])
C = np.array([0.0, 0.2, 0.1, 0.15, 0.05, 0.1, 0.25, 0.15])
CERTAIN = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
NOT_ONE = "must be non-negative and sum to one over its last axis"
NOT_SUBSETS = r"must have shape \(\.\.\., 2\^n\), one entry for each subset, got "


def moved(direction: np.ndarray) -> np.ndarray:
    """Directions that keep sums and the empty set's mass."""
    direction = direction.copy()
    direction[..., 1:] = simplex(direction[..., 1:])
    direction[..., 0] = 0
    return direction


def faults(name: str, good: np.ndarray, rest: tuple = ()) -> tuple[Bad, ...]:
    empty, negative = np.roll(good, -1, axis=-1), good.copy()
    negative[..., 1:3] += np.array([-1.0, 1.0])
    return (
        Bad((good / 2, *rest), f"{name} {NOT_ONE}"),
        Bad((negative, *rest), f"{name} {NOT_ONE}"),
        Bad((empty, *rest), f"{name} must be zero on the empty set"),
    )


def fields(combination: information.Combination) -> tuple:
    return combination.value, combination.conflict, combination.log_agreement


ROWS = [
    *(
        Row(
            name=f"information.{function.__name__}",
            call=function,
            arguments=lambda: (C,),
            project={0: moved},
            bad_static=(Bad((C[:6],), f"masses {NOT_SUBSETS}"),),
            bad_values=faults("masses", C),
            fast=function is information.belief,
        )
        for function in (information.belief, information.plausibility, information.commonality, information.pignistic)
    ),
    Row(
        name="information.discount",
        call=information.discount,
        arguments=lambda: (A, np.array([0.7, 0.4])),
        differentiable=(0, 1),
        project={0: moved},
        bad_static=(
            Bad((A[:, :3], np.array(0.7)), f"masses {NOT_SUBSETS}"),
            Bad((A, np.array([0.7, 0.4, 0.1])), r"reliability must be broadcastable to shape \(2,\), got \(3,\)"),
        ),
        bad_values=(
            *faults("masses", A, (np.array([0.7, 0.4]),)),
            Bad((A, np.array([1.2, 0.4])), r"reliability must be in \[0, 1\], got 1.2"),
        ),
    ),
    Row(
        name="information.dempster_combine",
        call=information.dempster_combine,
        arguments=lambda: (A, B),
        differentiable=(0, 1),
        project={0: moved, 1: moved},
        select=fields,
        bad_static=(
            Bad((A[:, :3], B), f"first {NOT_SUBSETS}"),
            Bad((A, np.zeros((2, 8))), "second must have the shape of first"),
        ),
        bad_values=(
            *faults("first", A, (B,)),
            Bad((CERTAIN, CERTAIN[::-1]), "must not contradict each other wholly, got a conflict K = 1"),
        ),
    ),
    Row(
        name="information.dempster_combine_many",
        call=information.dempster_combine_many,
        arguments=lambda: (np.stack([A, B]),),
        project={0: moved},
        select=fields,
        bad_static=(
            Bad((A[:, :3],), f"masses {NOT_SUBSETS}"),
            Bad((A[0],), r"masses must have shape \(\.\.\., pieces, 2\^n\)"),
        ),
        bad_values=(
            *faults("masses", np.stack([A, B])),
            Bad((np.stack([CERTAIN, CERTAIN[::-1]]),), "must not contradict each other wholly, got a conflict K = 1"),
        ),
    ),
    Row(
        name="information.pool_supports",
        call=information.pool_supports,
        arguments=lambda: (np.array([-0.3, -2.0]), np.array([-0.7, -0.1])),
        differentiable=(0, 1),
        select=fields,
        bad_static=(Bad((np.array([-0.3, -2.0]), np.array(-0.7)), "log_doubt_against must have the shape"),),
        bad_values=(
            Bad((np.array([0.3, 2.0]), np.array([-0.7, -0.1])), "log_doubt_for must be a logarithm of at most 0"),
            Bad((np.array([-np.inf] * 2), np.array([-np.inf] * 2)), "must be finite, got both sides certain"),
        ),
    ),
    Row(
        name="information.simple_support_pool",
        call=information.simple_support_pool,
        arguments=lambda: (np.array([3.0, 0.5]), np.array([2.0, 1.0]), np.array(0.2)),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((np.ones(2), np.ones(3), np.array(0.2)), "n_against must have the shape of n_for"),
            Bad((np.ones(2), np.ones(2), np.array([0.2])), r"alpha must have shape \(\)"),
        ),
        bad_values=(
            Bad((np.ones(2), np.ones(2), np.array(1.0)), r"alpha must be in \(0, 1\), got 1"),
            Bad((-np.ones(2), np.ones(2), np.array(0.2)), "n_for must be non-negative"),
        ),
    ),
    Row(
        name="information.Combination.fields",
        call=lambda a, b: fields(information.dempster_combine(a, b)),
        arguments=lambda: (A, B),
        differentiable=(),
        exempt={
            "traced": "its functions are held in rows of their own",
            "bad_static": "its functions are held in rows of their own",
        },
        fast=True,
    ),
]
