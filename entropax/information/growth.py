"""Growth of capital under a distribution of outcomes, and what information about them is worth in it.

A portfolio q multiplies capital by sum_k q_k R(x, k) when x happens; over many rounds capital grows as the exponential
of the mean logarithm. Source: Kelly 1956; Cover 1984; Lu, arXiv 2510.15871.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, Scalar
from entropax.information._log_optimal import gap_tolerance, log_optimal_weights
from entropax.information._numerics import in_base, p_log


class KellyPortfolio(eqx.Module):
    """The portfolio of fastest growth.

    Attributes:
        value: its growth rate a round, a lower bound of the best.
        portfolio: share of every asset, shape (assets,).
        gap: how far the best growth rate may lie above the value.
        converged: whether the gap is below the tolerance.
        iterations: iterations done.
    """

    value: Scalar
    portfolio: Float[Array, "assets"]
    gap: Scalar
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


class InformationValue(eqx.Module):
    """What knowing a better distribution is worth.

    Attributes:
        value: growth rate gained a round.
        informed: the best portfolio under the posterior.
        uninformed: the best portfolio under the prior; its own value is the growth that the prior makes one expect.
        converged: whether both portfolios are within the tolerance.
    """

    value: Scalar
    informed: KellyPortfolio
    uninformed: KellyPortfolio
    converged: Bool[Array, ""]


def _require_returns(returns: Array, num_outcomes: int) -> tuple[_checks.Check, _checks.Check]:
    if returns.ndim != 2 or returns.shape[0] != num_outcomes or returns.shape[1] < 1:
        raise ValueError(f"returns must have shape ({num_outcomes}, assets), got {returns.shape}")
    some = jnp.all(jnp.max(returns, axis=1) > 0)
    ruin = _checks.Check(some, "returns must be positive for some asset whatever happens", lambda: "a row of zeros")
    return _checks.nonnegative("returns", returns), ruin


def growth_rate(
    portfolio: Real[ArrayLike, "assets"],
    returns: Real[ArrayLike, "x assets"],
    prior: Real[ArrayLike, "x"],
    *,
    base: int | float | None = None,
) -> Scalar:
    """Growth rate of capital, W(q) = sum_x P(x) log sum_k q_k R(x, k).

    Args:
        portfolio: q, share of every asset, shape (assets,), summing to one.
        returns: R, what one unit in an asset becomes, shape (x, assets), not negative.
        prior: P(x), shape (x,).
        base: base of the logarithm; nats by default, 2 counts doublings.

    Returns:
        W, a round; minus infinity if all may be lost.

    Raises:
        ValueError: shapes do not fit, portfolio or prior is no distribution, a return is negative, or base is not
            greater than 1.

    Differentiable in all three. Source: Kelly 1956.
    """
    q, returns, p = _checks.as_floats(portfolio=portfolio, returns=returns, prior=prior)
    _checks.require_ndim("prior", p, 1, "(x,)")
    nonnegative, _ = _require_returns(returns, p.shape[0])
    _checks.require_shape("portfolio", q, returns.shape[1:])
    checks = _checks.distribution("portfolio", q), nonnegative, _checks.distribution("prior", p)
    return _checks.enforce(in_base(_growth(q, returns, p), base), *checks)


def _growth(portfolio: Array, returns: Array, p: Array) -> Array:
    return jnp.sum(p_log(p, returns @ portfolio))


def kelly_portfolio(
    returns: Real[ArrayLike, "x assets"],
    prior: Real[ArrayLike, "x"],
    *,
    base: int | float | None = None,
    tolerance: float | None = None,
    max_iterations: int = 20_000,
) -> KellyPortfolio:
    """The portfolio of fastest growth, max over q of sum_x P(x) log sum_k q_k R(x, k).

    Args:
        returns: R, what one unit in an asset becomes, shape (x, assets), not negative.
        prior: P(x), shape (x,).
        base: base of the logarithm; nats by default, 2 counts doublings.
        tolerance: the gap in nats at which the iteration stops; 1.5e-10 in float64 and 2e-6 in float32 by default.
        max_iterations: the most iterations to do.

    Returns:
        The portfolio with its certificate. `value` and `portfolio` carry implicit derivatives. On one winner a row (a
        horse race) it is the prior, whatever the odds.

    Raises:
        ValueError: shapes do not fit, the prior is no distribution, a return is negative or a row of them zero, or an
            option is out of range.

    Differentiable in returns and prior, in both modes, where the assets in use do not change. Source: Kelly 1956; the
    iteration is Cover's, 1984.
    """
    returns, p, checks = _problem(returns, prior)
    _checks.require_integer("max_iterations", max_iterations, minimum=1)
    result = _kelly(returns, p, gap_tolerance(tolerance, p.dtype), max_iterations)
    return _checks.enforce(_in_base(result, base), *checks)


def _problem(
    returns: Real[ArrayLike, "x assets"], prior: Real[ArrayLike, "x"]
) -> tuple[Array, Array, tuple[_checks.Check, ...]]:
    returns, p = _checks.as_floats(returns=returns, prior=prior)
    _checks.require_ndim("prior", p, 1, "(x,)")
    return returns, p, (*_require_returns(returns, p.shape[0]), _checks.distribution("prior", p))


def _in_base(result: KellyPortfolio, base: int | float | None) -> KellyPortfolio:
    return eqx.tree_at(lambda r: (r.value, r.gap), result, replace_fn=lambda nats: in_base(nats, base))


@jax.jit
def _kelly(returns: Array, p: Array, tolerance: Array | float, max_iterations: Array | int) -> KellyPortfolio:
    weights, gap, count = log_optimal_weights(p, returns, tolerance, max_iterations)
    return KellyPortfolio(_growth(weights, returns, p), weights, gap, gap <= tolerance, count)


def value_of_information(
    returns: Real[ArrayLike, "x assets"],
    prior: Real[ArrayLike, "x"],
    posterior: Real[ArrayLike, "x"],
    *,
    base: int | float | None = None,
    tolerance: float | None = None,
    max_iterations: int = 20_000,
) -> InformationValue:
    """Growth gained by knowing the posterior, V = sum_x P(x | theta) log[wealth(x, q**) / wealth(x, q*)].

    q* is the best portfolio under the prior and q** under the posterior; both are judged by the posterior. In a horse
    race V is KL(posterior | prior), the semantic information of the news, whatever the odds.

    Args:
        returns: what one unit in an asset becomes, shape (x, assets), not negative.
        prior: P(x), shape (x,).
        posterior: P(x | theta), shape (x,), as from `semantic_bayes`.
        base: base of the logarithm; nats by default.
        tolerance: the gap in nats at which an iteration stops; 1.5e-10 in float64 and 2e-6 in float32 by default.
        max_iterations: the most iterations to do for one portfolio.

    Returns:
        The value, not negative but for the gaps, with both portfolios.

    Raises:
        ValueError: shapes do not fit, prior or posterior is no distribution, a return is negative or a row of them
            zero, or an option is out of range.

    Differentiable in all three, in both modes, where the assets in use do not change. Source: arXiv 2510.15871, by our
    reading of it.
    """
    returns, prior, posterior = _checks.as_floats(returns=returns, prior=prior, posterior=posterior)
    returns, p, checks = _problem(returns, prior)
    _checks.require_shape("posterior", posterior, p.shape)
    _checks.require_integer("max_iterations", max_iterations, minimum=1)
    accuracy = gap_tolerance(tolerance, p.dtype)
    uninformed, informed = (_kelly(returns, distribution, accuracy, max_iterations) for distribution in (p, posterior))
    value = informed.value - _growth(uninformed.portfolio, returns, posterior)
    result = InformationValue(
        in_base(value, base),
        _in_base(informed, base),
        _in_base(uninformed, base),
        informed.converged & uninformed.converged,
    )
    return _checks.enforce(result, *checks, _checks.distribution("posterior", posterior))
