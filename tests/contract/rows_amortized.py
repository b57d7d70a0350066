"""Rows of the amortised estimator and of what it is trained with."""

import functools

import jax
import numpy as np
from flax import nnx

from entropax import estimators
from tests.contract.harness import Bad, Row

RNG = np.random.default_rng(11)
X = RNG.standard_normal((6, 2))
Y = X + RNG.standard_normal((6, 2))
NOT_FINITE = X.copy()
NOT_FINITE[2, 1] = np.nan
LEVELS = np.array([0.3, 0.8])
OPTIONS = {"dims": (1, 2), "num_samples": (4, 9)}


@functools.cache  # made by the first call, which no transformation is around
def _model() -> estimators.AmortizedEstimator:
    """A small model."""
    model = estimators.AmortizedEstimator.untrained(
        preprocessing="canonical",
        **OPTIONS,
        embed=4,
        heads=1,
        embedding_width=6,
        interaction_blocks=0,
        encoder_blocks=1,
        num_inducing=2,
        hidden=4,
        num_seeds=1,
        decoder_blocks=0,
        head_width=6,
        rngs=nnx.Rngs(5),
    )
    return jax.tree.map(np.asarray, model)


BAD_PAIRS = (
    Bad((X, Y[:5]), "y must have as many rows as x, 6, got 5"),
    Bad((np.ones((6, 3)), np.ones((6, 3))), "x must have at most the model's 2 coordinates, got 3"),
    Bad((X[:3], Y[:3]), r"n, the number of rows of x, must lie in \[4, 9\].*got 3"),
    Bad((X[0], Y[0]), r"x must have shape \(n, d\)"),
)
BAD_VALUES = (Bad((NOT_FINITE, Y), "x must be finite, got nan"), Bad((X, NOT_FINITE), "y must be finite, got nan"))


def amortized(name: str, call, **more) -> Row:
    settings = {
        "arguments": lambda: (X, Y),
        "differentiable": (0, 1),
        "bad_static": BAD_PAIRS,
        "bad_values": BAD_VALUES,
        "half": "float32",
        **more,
    }
    return Row(name=f"estimators.{name}", call=call, **settings)


ROWS = [
    amortized(
        "amortized_mutual_information",
        lambda x, y: estimators.amortized_mutual_information(x, y, model=_model(), temperature=0.3),
    ),
    amortized(
        "amortized_quantiles",
        lambda x, y, levels: estimators.amortized_quantiles(x, y, levels, model=_model(), temperature=0.3),
        arguments=lambda: (X, Y, LEVELS),
        differentiable=(0, 1, 2),
        bad_static=(
            *(Bad((*bad.arguments, LEVELS), bad.match) for bad in BAD_PAIRS),
            Bad((X, Y, np.array(0.3)), r"levels must have shape \(q,\)"),
        ),
        bad_values=(
            *(Bad((*bad.arguments, LEVELS), bad.match) for bad in BAD_VALUES),
            Bad((X, Y, np.array([0.3, 1.2])), r"levels must be in \(0, 1\), got 1.2"),
        ),
        exempt={"integer": "integer levels lie outside (0, 1)"},
    ),
    amortized(
        "amortized_interval",
        lambda x, y: estimators.amortized_interval(x, y, model=_model(), temperature=0.3),
        slow=True,
    ),
    amortized(
        "Interval",
        lambda x, y: estimators.amortized_interval(x, y, model=_model(), temperature=0.3).upper,
        slow=True,
    ),
    Row(
        name="estimators.AmortizedEstimator.__call__",
        call=lambda x, y: _model()(x, y),
        arguments=lambda: (X, Y),
        differentiable=(0, 1),
        slow=True,
        bad_static=BAD_PAIRS,
        bad_values=BAD_VALUES,
        half="float32",
    ),
    Row(
        name="estimators.pretrained_mist",
        call=estimators.pretrained_mist,
        arguments=lambda: (),
        differentiable=(),
        exempt={
            "traced": "reads the weights that ship from the disk",
            "bad_static": "takes no argument; a damaged file is refused in tests/estimators/test_amortized.py",
        },
    ),
    Row(
        name="estimators.normal_scores",
        call=lambda x: estimators.normal_scores(x, temperature=0.3),
        arguments=lambda: (X,),
        bad_static=(Bad((X[0],), r"x must have shape \(n, d\)"),),
        bad_values=(Bad((NOT_FINITE,), "x must be finite, got nan"),),
        half="float32",
    ),
    Row(
        name="estimators.normal_scores.hard",
        call=estimators.normal_scores,
        arguments=lambda: (X,),
        differentiable=(),
        bad_static=(Bad((X[0],), r"x must have shape \(n, d\)"),),
        bad_values=(Bad((NOT_FINITE,), "x must be finite, got nan"),),
        half="float32",
        exempt={"gradient": "ranks are piecewise constant; the form with a temperature has gradients"},
    ),
    *(
        Row(
            name=f"estimators.paired_rows.{preprocessing}",
            call=lambda x, y, p=preprocessing: estimators.paired_rows(
                x, y, max_dim=2, preprocessing=p, temperature=0.3
            ),
            arguments=lambda: (X, Y),
            differentiable=(0, 1),
            bad_static=(
                Bad((X, Y[:5]), "y must have as many rows as x, 6"),
                Bad((X, np.ones((6, 3))), r"y must have shape \(n, d\) with 1 <= d <= 2"),
            ),
            bad_values=BAD_VALUES,
            half="float32",
        )
        for preprocessing in ("asinh", "canonical")
    ),
    Row(
        name="estimators.paired_rows",
        call=lambda x, y: estimators.paired_rows(x, y, max_dim=3, preprocessing="standardize"),
        arguments=lambda: (X, Y),
        differentiable=(0, 1),
        bad_static=(Bad((X, Y[:5]), "y must have as many rows as x, 6"),),
        bad_values=BAD_VALUES,
        half="float32",
        fast=True,
    ),
    Row(
        name="estimators.num_features",
        call=lambda: estimators.num_features("canonical", 8),
        arguments=lambda: (),
        differentiable=(),
        exempt={
            "traced": "counts columns from an option and an integer",
            "bad_static": "takes no array; an unknown option is refused as in paired_rows",
        },
    ),
    Row(
        name="estimators.pinball_loss",
        call=estimators.pinball_loss,
        arguments=lambda: (np.array([1.0, 2.0, 0.4]), np.array([1.5, 1.2, 0.5]), np.array([0.1, 0.9, 0.5])),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, Y[:5], np.array(0.5)), "target must have the shape of prediction"),),
        bad_values=(
            Bad(
                (np.array([1.0, 2.0, 0.4]), np.array([1.5, 1.2, 0.5]), np.array([0.1, 1.5, 0.5])),
                r"quantile must be in \(0, 1\), got 1.5",
            ),
        ),
        half="float32",
        exempt={"integer": "integer levels lie outside (0, 1)"},
        fast=True,
    ),
    Row(
        name="estimators.calibration_curve",
        call=estimators.calibration_curve,
        arguments=lambda: (X, Y[:, 0]),
        differentiable=(),
        bad_static=(Bad((X, Y[:5, 0]), r"targets must have shape \(6,\)"),),
        bad_values=(Bad((NOT_FINITE, Y[:, 0]), "quantiles must be finite"),),
        half="float32",
        exempt={"gradient": "counts targets: piecewise constant in both arguments"},
    ),
]
