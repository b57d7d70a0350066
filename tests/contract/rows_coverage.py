"""The contract of losses and metrics of several attempts."""

import numpy as np

from entropax import losses, metrics
from tests.contract.harness import Bad, Row

LOG_P = np.array([-0.4, -2.5])
STEPS = np.array([[-0.4, -2.5, -0.1], [-1.0, -0.7, -3.0]])
N = np.float64(4.0)
A = np.array([0.6, 0.3, 0.1])

ROWS = [
    Row(
        name="losses.dco_loss",
        call=losses.dco_loss,
        arguments=lambda: (LOG_P, N),
        differentiable=(0, 1),
        bad_static=(Bad((LOG_P, LOG_P), "num_samples must be a number"),),
        bad_values=(
            Bad((-LOG_P, N), "log_prob must be at most 0, got 2.5"),
            Bad((LOG_P, np.float64(0.5)), "num_samples must be at least 1"),
        ),
        half="float32",
    ),
    Row(
        name="losses.dco_factor",
        call=losses.dco_factor,
        arguments=lambda: (LOG_P, N),
        differentiable=(0, 1),
        bad_static=(Bad((LOG_P, LOG_P), "num_samples must be a number"),),
        bad_values=(Bad((-LOG_P, N), "log_prob must be at most 0"),),
        half="float32",
    ),
    Row(
        name="losses.dco_step_loss",
        call=losses.dco_step_loss,
        arguments=lambda: (STEPS, N),
        differentiable=(0, 1),
        bad_static=(
            Bad((STEPS[0, 0], N), r"step_log_probs must have shape \(\.\.\., k\)"),
            Bad((STEPS, LOG_P), "branching must be a number"),
        ),
        bad_values=(Bad((-STEPS, N), "step_log_probs must be at most 0"),),
        half="float32",
    ),
    Row(
        name="metrics.pass_at_k",
        call=lambda c: metrics.pass_at_k(c, num_samples=10, k=3),
        arguments=lambda: (np.array([3, 0, 9]),),
        differentiable=(),
        bad_static=(Bad((LOG_P,), "num_correct must be of integers", TypeError),),
        bad_values=(Bad((np.array([11, 12, -1]),), "num_correct must be from 0 to 10, got 11"),),
        exempt={
            "gradient": "counts have no gradients",
            "strict": "counts are integers: it returns the default float",
            "half": "counts are integers: it returns the default float",
        },
    ),
    Row(
        name="metrics.answer_coverage",
        call=metrics.answer_coverage,
        arguments=lambda: (A, N),
        differentiable=(0, 1),
        bad_static=(Bad((A, A), "num_samples must be a number"),),
        bad_values=(
            Bad((2 + A, N), r"p must be in \[0, 1\]"),
            Bad((A, np.float64(0.0)), "num_samples must be at least"),
        ),
    ),
    Row(
        name="metrics.optimal_pass_at_n_policy",
        call=metrics.optimal_pass_at_n_policy,
        arguments=lambda: (A, N),
        differentiable=(0, 1),
        bad_static=(Bad((A[0], N), r"candidates must have shape \(\.\.\., m\)"),),
        bad_values=(Bad((-A, N), "candidates must be non-negative"), Bad((0 * A, N), "largest of candidates must be")),
    ),
]
