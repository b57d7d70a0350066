"""The contract of overlap losses."""

import functools

import numpy as np

from entropax import losses
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(10)
Z, Y = RNG.standard_normal(5), np.array([0, 1, 0, 1, 0])
Z3, Y3 = RNG.standard_normal((4, 3)), np.array([0, 2, 1, 2])
MASK = np.array([True, True, False, True, True])
SHAPE = r"labels must have the shape of logits, \(4,\), got \(5,\)"


def binary(name, call, *, label="", numbers=(0.7,), **more):
    settings = {
        "differentiable": (0, *range(2, 2 + len(numbers))),
        "bad_static": (
            Bad((Z[:4], Y, *numbers), SHAPE),
            Bad((Z, Z, *numbers), "labels must be integers or booleans, zeros and ones, got dtype float32", TypeError),
        ),
        "bad_values": (
            Bad((Z, 3 - Y, *numbers), "labels must be 0 or 1, got 3"),
            Bad((Z, Y, *(-n for n in numbers)), "must be non-negative and finite"),
        ),
        "half": "float32",
        **more,
    }
    return Row(name=f"losses.{name}{label}", call=call, arguments=lambda: (Z, Y, *numbers), **settings)


def many(name, call, *, numbers, **more):
    return Row(
        name=f"losses.{name}",
        call=call,
        arguments=lambda: (Z3, Y3, *numbers),
        differentiable=(0, *range(2, 2 + len(numbers))),
        bad_static=(Bad((Z3[:2], Y3, *numbers), r"labels must be integers of shape \(2,\), got"),),
        bad_values=(
            Bad((Z3, np.full(4, 3), *numbers), "labels must be integers from 0 to 2, one of 3 classes, got 3"),
            Bad((Z3, Y3, *(-n for n in numbers)), "must be (positive|non-negative) and finite"),
        ),
        half="float32",
        **more,
    )


def example(z, y, alpha, smooth):
    return losses.dice_loss(z, y, alpha=alpha, smooth=smooth)


def of_set(z, y, alpha):
    return losses.self_adjusting_dice_loss(z, y, alpha, level="set", squared=True, where=MASK)


ROWS = [
    binary("dice_loss", example, numbers=(0.6, 0.8), fast=True),
    binary("self_adjusting_dice_loss", losses.self_adjusting_dice_loss, slow=True),
    binary("self_adjusting_dice_loss", of_set, label=".set", bad_static=(Bad((Z[:4], Y[:4], 0.7), "where must be"),)),
    binary("tversky_loss", losses.tversky_loss, numbers=(0.3, 0.7)),
    binary(
        "tversky_loss",
        functools.partial(losses.tversky_loss, level="set"),
        label=".set",
        numbers=(0.3, 0.7),
        slow=True,
    ),
    Row(
        name="losses.dice_coefficient",
        call=lambda p, smooth: losses.dice_coefficient(p, Y, smooth=smooth),
        arguments=lambda: (1 / (1 + np.exp(-Z)), 0.4),
        differentiable=(0, 1),
        bad_static=(Bad((Z[:4], 0.4), r"labels must have the shape of p, \(4,\), got \(5,\)"),),
        bad_values=(
            Bad((2 + 0 * Z, 0.4), r"p must be in \[0, 1\], got 2.0"),
            Bad((0.5 + 0 * Z, -1.0), "smooth must be non-negative"),
        ),
        half="float32",
    ),
    many(
        "multiclass_dice_loss",
        lambda z, y, alpha, smooth: losses.multiclass_dice_loss(z, y, alpha=alpha, smooth=smooth),
        numbers=(0.6, 0.8),
    ),
    many(
        "multiclass_tversky_loss",
        functools.partial(losses.multiclass_tversky_loss, level="set", where=np.array([True, False, True, True])),
        numbers=(0.3, 0.7),
    ),
    Row(
        name="losses.weighted_cross_entropy_loss",
        call=losses.weighted_cross_entropy_loss,
        arguments=lambda: (Z3, Y3, np.array([0.5, 2.0, 1.0])),
        differentiable=(0, 2),
        bad_static=(Bad((Z3, Y3, np.ones(2)), r"weights must have shape \(3,\), got \(2,\)"),),
        bad_values=(Bad((Z3, Y3, -np.ones(3)), "weights must be non-negative"),),
        half="float32",
    ),
    Row(
        name="losses.ohem_mask",
        call=lambda z, positive: losses.ohem_mask(z, positive, 0.5),
        arguments=lambda: (Z, Y == 1),
        differentiable=(),
        bad_static=(
            Bad((Z[:4], Y == 1), r"positive must have the shape of scores, \(4,\), got \(5,\)"),
            Bad((Z, Y), "positive must be boolean, got dtype int", TypeError),
        ),
        exempt={
            "gradient": "a choice is piecewise constant",
            "bad_values": "any scores have an order, and positive is boolean",
        },
    ),
]
