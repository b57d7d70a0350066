"""Rows of semantic information, matching channels and growth."""

import jax.numpy as jnp
import numpy as np

from entropax import information
from tests.contract.harness import Bad, Row, joint_simplex, simplex

PRIOR = np.array([0.1, 0.2, 0.3, 0.4])
TRUTH = np.array([[0.9, 0.2], [0.7, 0.35], [0.3, 0.8], [0.15, 0.95]])
JOINT = np.array([[0.1, 0.02], [0.2, 0.08], [0.05, 0.25], [0.1, 0.2]])
POSTERIOR = np.array([[0.3, 0.4, 0.2, 0.1], [0.1, 0.15, 0.35, 0.4]])
CHANNEL = np.array([[0.8, 0.2], [0.7, 0.3], [0.35, 0.65], [0.1, 0.9]])
SCORES = np.log(TRUTH / (PRIOR @ TRUTH))
X = np.array([-1.0, 0.2, 1.1, 2.5])
CENTERS, WIDTHS = np.array([0.0, 1.5]), np.array([0.8, 1.3])
RETURNS = np.array([[1.0, 2.4, 0.4], [1.0, 0.7, 1.1], [1.0, 0.5, 2.3], [1.0, 0.9, 0.8]])
GRID = np.linspace(0.0, 5.0, 8)
TARGET = np.array([0.05, 0.2, 0.15, 0.1, 0.1, 0.2, 0.15, 0.05])
LIKELIHOOD = np.array([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4]])
START = np.array([0, 1, 1, 1])

TOO_TRUE = TRUTH + np.array([[0.3, 0.0]] + [[0.0, 0.0]] * 3)
OUTSIDE = r"truth must be in \[0, 1\], got 1.2 at flat index 0"
NOT_ONE = "must be non-negative and sum to one"
NO_LAPACK = "linear algebra has no bfloat16 kernels: the fault is JAX's and says so"
CONTAINER = {
    "gradient": "a container: the gradients are those of the function that returns it",
    "bad_static": "a container of results, which only its function makes",
    "bad_values": "a container of results, which only its function makes",
}


def with_prior(name: str, **more) -> Row:
    """A function of truth functions and the prior."""
    return Row(
        name=f"information.{name}",
        call=getattr(information, name),
        arguments=lambda: (TRUTH, PRIOR),
        differentiable=(0, 1),
        project={1: simplex},
        bad_static=(Bad((TRUTH[:3], PRIOR), r"truth must have shape \(4, labels\), got \(3, 2\)"),),
        bad_values=(Bad((TOO_TRUE, PRIOR), OUTSIDE), Bad((TRUTH, 2 * PRIOR), f"prior {NOT_ONE}")),
        **more,
    )


def with_joint(name: str, **more) -> Row:
    """A function of truth functions and the joint distribution."""
    return Row(
        name=f"information.{name}",
        call=getattr(information, name),
        arguments=lambda: (TRUTH, JOINT),
        differentiable=(0, 1),
        project={1: joint_simplex},
        bad_static=(Bad((TRUTH[:, :1], JOINT), r"truth must have the shape of joint, \(4, 2\), got \(4, 1\)"),),
        bad_values=(Bad((TOO_TRUE, JOINT), OUTSIDE), Bad((TRUTH, 2 * JOINT), f"joint {NOT_ONE}")),
        **more,
    )


def connective(name: str) -> Row:
    """A connective of two truth values."""
    return Row(
        name=f"information.{name}",
        call=getattr(information, name),
        arguments=lambda: (TRUTH[:, 0], TRUTH[:, 1]),
        differentiable=(0, 1),
        bad_static=(Bad((TRUTH, TRUTH[:2]), r"b must have the shape of a, \(4, 2\), got \(2, 2\)"),),
        bad_values=(Bad((TOO_TRUE[:, 0], TRUTH[:, 1]), r"a must be in \[0, 1\], got 1.2"),),
        exempt={"second_order": "piecewise linear: the second derivative is zero"},
    )


def fitted(target, x, weights, means, widths) -> information.MixtureFit:
    """Three iterations with two updates of the weights each."""
    return information.enm_fit(target, x, weights, means, widths, n_inner=2, steps=3, tolerance=0.0)


ROWS = [
    with_prior("logical_probability"),
    with_prior("semantic_bayes"),
    with_prior("semantic_information", fast=True),
    with_joint("semantic_entropy"),
    with_joint("fuzzy_entropy"),
    with_joint("semantic_mutual_information", fast=True),
    with_joint("information_efficiency"),
    Row(
        name="information.semantic_kl_information",
        call=information.semantic_kl_information,
        arguments=lambda: (TRUTH, POSTERIOR, PRIOR),
        differentiable=(0, 1, 2),
        project={1: simplex, 2: simplex},
        bad_static=(Bad((TRUTH, POSTERIOR[:1], PRIOR), r"posterior must have shape \(2, 4\), got \(1, 4\)"),),
        bad_values=(
            Bad((TOO_TRUE, POSTERIOR, PRIOR), OUTSIDE),
            Bad((TRUTH, 2 * POSTERIOR, PRIOR), f"posterior {NOT_ONE}"),
        ),
    ),
    Row(
        name="information.gaussian_truth",
        call=information.gaussian_truth,
        arguments=lambda: (X, CENTERS, WIDTHS),
        differentiable=(0, 1, 2),
        bad_static=(
            Bad((X, CENTERS, np.ones(3)), r"width must have shape \(\) or \(2,\), got \(3,\)"),
            Bad((X[None], CENTERS, WIDTHS), r"x must have shape \(x,\)"),
        ),
        bad_values=(Bad((X, CENTERS, -WIDTHS), "width must be positive"),),
    ),
    Row(
        name="information.logistic_truth",
        call=information.logistic_truth,
        arguments=lambda: (X, CENTERS, WIDTHS),
        differentiable=(0, 1, 2),
        bad_static=(Bad((X, CENTERS[0], WIDTHS), r"threshold must have shape \(labels,\)"),),
        bad_values=(Bad((X, CENTERS, WIDTHS * np.nan), "slope must be finite"),),
    ),
    Row(
        name="information.optimal_truth",
        call=information.optimal_truth,
        arguments=lambda: (CHANNEL,),
        project={0: simplex},
        bad_static=(Bad((PRIOR,), r"channel must have shape \(x, labels\)"),),
        bad_values=(
            Bad((2 * CHANNEL,), f"channel {NOT_ONE}"),
            Bad((np.array([[1.0, 0.0]] * 4),), "channel must use every label"),
        ),
    ),
    Row(
        name="information.truth_from_likelihood",
        call=information.truth_from_likelihood,
        arguments=lambda: (POSTERIOR, PRIOR),
        differentiable=(0, 1),
        project={0: simplex, 1: simplex},
        bad_static=(Bad((POSTERIOR[:, :3], PRIOR), r"likelihood must have shape \(labels, 4\), got \(2, 3\)"),),
        bad_values=(
            Bad((2 * POSTERIOR, PRIOR), f"likelihood {NOT_ONE}"),
            Bad((POSTERIOR, np.array([0.0, 0.3, 0.3, 0.4])), "likelihood must be zero where the prior is"),
        ),
    ),
    connective("fuzzy_and"),
    connective("fuzzy_or"),
    Row(
        name="information.fuzzy_not",
        call=information.fuzzy_not,
        arguments=lambda: (TRUTH,),
        bad_static=(Bad(lambda: (jnp.array([1j]),), "a must be real", TypeError),),
        bad_values=(Bad((TOO_TRUE,), r"a must be in \[0, 1\], got 1.2"),),
        exempt={"second_order": "linear: the second derivative is zero"},
    ),
    Row(
        name="information.believed_truth",
        call=information.believed_truth,
        arguments=lambda: (TRUTH, np.array(-0.6)),
        differentiable=(0, 1),
        bad_static=(Bad((TRUTH, np.array([0.5, 0.5])), r"belief must have shape \(\), got \(2,\)"),),
        bad_values=(
            Bad((TOO_TRUE, np.array(-0.6)), OUTSIDE),
            Bad((TRUTH, np.array(1.5)), r"belief must be in \[-1, 1\], got 1.5"),
        ),
    ),
    Row(
        name="information.channel_confirmation",
        call=information.channel_confirmation,
        arguments=lambda: (TRUTH[:, 0], TRUTH[:, 1]),
        differentiable=(0, 1),
        bad_static=(Bad((TRUTH, PRIOR), "false_positive_rate must have the shape of positive_rate"),),
        bad_values=(
            Bad((TOO_TRUE[:, 0], TRUTH[:, 1]), r"positive_rate must be in \[0, 1\]"),
            Bad((np.zeros(4), np.zeros(4)), "one of the rates must be positive"),
        ),
    ),
    Row(
        name="information.prediction_confirmation",
        call=information.prediction_confirmation,
        arguments=lambda: (PRIOR,),
        bad_static=(Bad(lambda: (jnp.array([1j]),), "precision must be real", TypeError),),
        bad_values=(Bad((np.array([1.2, 0.1, 0.2, 0.3]),), r"precision must be in \[0, 1\], got 1.2"),),
    ),
    Row(
        name="information.rate_semantic",
        call=lambda i, p, s: information.rate_semantic(i, p, slope=s),
        arguments=lambda: (SCORES, PRIOR, np.array(1.6)),
        differentiable=(0, 1, 2),
        project={1: simplex},
        select=lambda result: (result.value, result.semantic, result.channel, result.label_distribution),
        bad_static=(
            Bad((SCORES[:2], PRIOR, np.array(1.6)), r"information must have shape \(4, labels\), got \(2, 2\)"),
        ),
        bad_values=(
            Bad((SCORES, PRIOR, np.array(-1.6)), "slope must be non-negative"),
            Bad((SCORES - np.inf, PRIOR, np.array(1.6)), "information must be finite"),
        ),
        exempt={"half": NO_LAPACK},
        rtol=1e-5,
    ),
    Row(
        name="information.rate_semantic.target",
        call=lambda i, p, g: information.rate_semantic(i, p, target=g, base=2),
        arguments=lambda: (SCORES, PRIOR, np.array(0.15)),
        differentiable=(0, 1, 2),
        project={1: simplex},
        select=lambda result: result.value,
        bad_static=(Bad((SCORES, PRIOR[:, None], np.array(0.15)), r"prior must have shape \(x,\)"),),
        bad_values=(Bad((SCORES, PRIOR, np.array(5.0)), "target must be at most the largest G"),),
        exempt={"half": NO_LAPACK},
        rtol=1e-5,
    ),
    Row(
        name="information.mmi_classify",
        call=lambda p, likelihood: information.mmi_classify(p, likelihood, START, max_iterations=4),
        arguments=lambda: (np.array([0.45, 0.55]), LIKELIHOOD),
        differentiable=(0, 1),
        project={0: simplex, 1: simplex},
        select=lambda result: result.value,
        bad_static=(
            Bad((np.array([0.4, 0.3, 0.3]), LIKELIHOOD), r"likelihood must have shape \(3, z\), got \(2, 4\)"),
            Bad((np.array([0.45, 0.55]), LIKELIHOOD[:, :3]), r"start must have shape \(3,\), got \(4,\)"),
        ),
        bad_values=(
            Bad((np.array([0.45, 0.75]), LIKELIHOOD), f"prior {NOT_ONE}"),
            Bad((np.array([0.45, 0.55]), 2 * LIKELIHOOD), f"likelihood {NOT_ONE}"),
        ),
    ),
    Row(
        name="information.enm_fit",
        call=fitted,
        arguments=lambda: (TARGET, GRID, np.array([0.4, 0.6]), np.array([1.0, 3.5]), np.array([0.7, 1.1])),
        differentiable=(0, 1, 2, 3, 4),
        project={0: simplex, 2: simplex},
        bad_static=(
            Bad(
                (TARGET, GRID[:5], np.array([0.4, 0.6]), np.array([1.0, 3.5]), np.array([0.7, 1.1])),
                r"x must have shape \(8,\), got \(5,\)",
            ),
            Bad(
                (TARGET, GRID, np.array([0.4, 0.6]), np.array([1.0, 3.5, 4.0]), np.array([0.7, 1.1])),
                "means must have the shape of weights",
            ),
        ),
        bad_values=(
            Bad(
                (TARGET, GRID, np.array([0.4, 0.6]), np.array([1.0, 3.5]), np.array([0.7, -1.1])),
                "widths must be positive",
            ),
            Bad((TARGET, GRID, np.array([0.4, 0.9]), np.array([1.0, 3.5]), np.array([0.7, 1.1])), f"weights {NOT_ONE}"),
        ),
        rtol=1e-5,
    ),
    Row(
        name="information.growth_rate",
        call=information.growth_rate,
        arguments=lambda: (np.array([0.2, 0.5, 0.3]), RETURNS, PRIOR),
        differentiable=(0, 1, 2),
        project={0: simplex, 2: simplex},
        bad_static=(Bad((PRIOR, RETURNS, PRIOR), r"portfolio must have shape \(3,\), got \(4,\)"),),
        bad_values=(
            Bad((np.array([0.2, 0.5, 0.5]), RETURNS, PRIOR), f"portfolio {NOT_ONE}"),
            Bad((np.array([0.2, 0.5, 0.3]), -RETURNS, PRIOR), "returns must be non-negative"),
        ),
    ),
    Row(
        name="information.kelly_portfolio",
        call=information.kelly_portfolio,
        arguments=lambda: (RETURNS, PRIOR),
        differentiable=(0, 1),
        project={1: simplex},
        select=lambda result: (result.value, result.portfolio),
        bad_static=(Bad((RETURNS[:2], PRIOR), r"returns must have shape \(4, assets\), got \(2, 3\)"),),
        bad_values=(
            Bad((-RETURNS, PRIOR), "returns must be non-negative"),
            Bad((RETURNS * 0, PRIOR), "returns must be positive for some asset"),
        ),
        exempt={"half": NO_LAPACK},
        rtol=1e-5,
    ),
    Row(
        name="information.value_of_information",
        call=information.value_of_information,
        arguments=lambda: (RETURNS, PRIOR, np.array([0.35, 0.3, 0.2, 0.15])),
        differentiable=(0, 1, 2),
        project={1: simplex, 2: simplex},
        select=lambda result: result.value,
        bad_static=(Bad((RETURNS, PRIOR, PRIOR[:3]), r"posterior must have shape \(4,\), got \(3,\)"),),
        bad_values=(Bad((RETURNS, PRIOR, 2 * PRIOR), f"posterior {NOT_ONE}"),),
        exempt={"half": NO_LAPACK},
        rtol=1e-5,
    ),
    *(
        Row(
            name=f"information.{name}.fields",
            call=make,
            arguments=lambda: (PRIOR,),
            differentiable=(),
            exempt={**CONTAINER, "half": NO_LAPACK},
            slow=True,
        )
        for name, make in (
            ("RateSemantic", lambda p: information.rate_semantic(SCORES.astype(p.dtype), p, slope=1.6)),
            ("MMIClassification", lambda p: information.mmi_classify(p, jnp.eye(4, dtype=p.dtype), np.arange(4) // 2)),
            (
                "MixtureFit",
                lambda p: information.enm_fit(
                    p, jnp.arange(4, dtype=p.dtype), p[:1] * 0 + 1, p[:1] * 0 + 1.5, p[:1] * 0 + 1, steps=2
                ),
            ),
            ("KellyPortfolio", lambda p: information.kelly_portfolio(RETURNS.astype(p.dtype), p)),
            ("InformationValue", lambda p: information.value_of_information(RETURNS.astype(p.dtype), p, p[::-1])),
        )
    ),
]
