"""The contract of correctness-aware calibration."""

import numpy as np

from entropax import losses
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(14)
Z = RNG.standard_normal((6, 3))
Y = np.array([0, 1, 2, 2, 1, 0])
T = np.array([0.4, 1.0, 2.0, 0.7, 1.2, 3.0])

ROWS = [
    Row(
        name="losses.correctness_aware_loss",
        call=lambda z, t: losses.correctness_aware_loss(z, Y, t),
        arguments=lambda: (Z, T),
        differentiable=(0, 1),
        bad_static=(
            Bad((Z[:2], T), r"labels must be integers of shape \(2,\)"),
            Bad((Z, T[:4]), "temperature must be broadcastable"),
        ),
        bad_values=(Bad((Z, -T), "temperature must be positive"),),
        half="float32",
        fast=True,
    ),
    Row(
        name="losses.temperature_scale",
        call=losses.temperature_scale,
        arguments=lambda: (Z, T),
        differentiable=(0, 1),
        bad_static=(Bad((Z, T[:4]), "temperature must be broadcastable"),),
        bad_values=(Bad((Z, -T), "temperature must be positive"),),
        half="float32",
    ),
    Row(
        name="losses.fit_temperature",
        call=losses.fit_temperature,
        arguments=lambda: (Z, Y),
        select=lambda fitted: (fitted.value, fitted.objective),
        bad_static=(Bad((Z[:2], Y), r"labels must be integers of shape \(2,\)"),),
        bad_values=(Bad((Z, Y + 3), "labels must be integers from 0 to 2"),),
        half="float32",
        rtol=1e-5,
    ),
    Row(
        name="losses.FittedTemperature",
        call=losses.FittedTemperature,
        arguments=lambda: (np.array(1.0), np.array(0.3), np.array(False), np.array(True)),
        differentiable=(0, 1),
        exempt=dict.fromkeys(("bad_static", "bad_values", "integer"), "it holds what fit_temperature computed"),
    ),
]
