"""Epiplexity of data whose learning curves follow a power law: its frontier over compute from one root."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar

PF_DAY = 8.64e19
"""Operations of a petaflop-day."""


class ScalingLaw(eqx.Module):
    """Loss of a model of N parameters after D tokens, L = E + (N / N0)^-a + (D / D0)^-b, in nats per token.

    Parameters are numbers or arrays without axes, in one dtype; batch laws with `jax.vmap`.

    Attributes:
        model_exponent: a.
        data_exponent: b, below 1.
        model_scale: N0, parameters.
        data_scale: D0, tokens.
        irreducible_loss: E, nats per token.
    """

    model_exponent: Scalar
    data_exponent: Scalar
    model_scale: Scalar
    data_scale: Scalar
    irreducible_loss: Scalar

    def __init__(
        self,
        *,
        model_exponent: RealScalar,
        data_exponent: RealScalar,
        model_scale: RealScalar,
        data_scale: RealScalar,
        irreducible_loss: RealScalar = 0.0,
    ):
        """Keeps the parameters as arrays of one floating dtype.

        Args:
            model_exponent: a, positive.
            data_exponent: b, in (0, 1).
            model_scale: N0, positive.
            data_scale: D0, positive.
            irreducible_loss: E, not negative.

        Raises:
            ValueError: a parameter has axes, or, when it is known, is out of range.
            TypeError: a parameter is not a real number.
        """
        a, b, n0, d0, e = _checks.as_numbers(
            model_exponent=model_exponent,
            data_exponent=data_exponent,
            model_scale=model_scale,
            data_scale=data_scale,
            irreducible_loss=irreducible_loss,
        )
        with _checks.evaluated_now(b):
            below_one = (b > 0) & (b < 1)
        checked = _checks.enforce(
            (a, b, n0, d0, e),
            _checks.positive("model_exponent", a),
            _checks.Check(below_one, "data_exponent must lie between 0 and 1", lambda: f"{b}"),
            _checks.positive("model_scale", n0),
            _checks.positive("data_scale", d0),
            _checks.nonnegative("irreducible_loss", e),
        )
        self.model_exponent, self.data_exponent, self.model_scale, self.data_scale, self.irreducible_loss = checked

    def loss(
        self, parameters: Real[ArrayLike, "*points"], tokens: Real[ArrayLike, "*points"]
    ) -> Float[Array, "*points"]:
        """L(N, D) in nats per token.

        Args:
            parameters: N, any shape; infinity for a model without limit.
            tokens: D, of the same shape.

        Returns:
            L, of that shape.

        Raises:
            ValueError: the shapes differ, or an entry is not positive.

        Differentiable in all.
        """
        n, d, _ = _checks.as_floats(parameters=parameters, tokens=tokens, like=self.data_scale)
        _checks.require_same_shape(parameters=n, tokens=d)
        checks = [_is_positive(name, x) for name, x in (("parameters", n), ("tokens", d))]
        return _checks.enforce(_loss(self, n, d), *checks)


def _is_positive(name: str, x: Array) -> _checks.Check:
    with _checks.evaluated_now(x):
        ok = jnp.all(x > 0)
    return _checks.Check(ok, f"{name} must be positive", lambda: f"{x}")


@jax.jit
def _loss(law: ScalingLaw, n: Array, d: Array) -> Array:
    return (
        law.irreducible_loss + (n / law.model_scale) ** -law.model_exponent + (d / law.data_scale) ** -law.data_exponent
    )


def scaling_law_from_published(
    gamma: RealScalar,
    delta: RealScalar,
    *,
    model_scale: RealScalar,
    compute_scale: RealScalar,
    irreducible_loss: RealScalar = 0.0,
) -> ScalingLaw:
    """The law in N and D from exponents of compute, as papers on scaling publish them.

    They give L - E ~ C^-gamma and N = (C / C*)^delta at the best size for compute C = 6 N D. Then b = gamma /
    (1 - delta), a = gamma / delta, and, from a (N / N0)^-a = b (D / D0)^-b there,
    D0 = (C* / 6) N0^(a / b) (b / a)^(-1 / b).

    Args:
        gamma: exponent of the loss in compute, positive.
        delta: exponent of the best size in compute, in (0, 1 - gamma).
        model_scale: N0, parameters.
        compute_scale: C*, operations.
        irreducible_loss: E, nats per token.

    Returns:
        The law.

    Raises:
        ValueError: as `ScalingLaw`.

    Differentiable in all. Source: arXiv 2601.03220, conversion of the laws of arXiv 2010.14701 and 2203.15556.
    """
    g, d, n0, c, e = _checks.as_numbers(
        gamma=gamma,
        delta=delta,
        model_scale=model_scale,
        compute_scale=compute_scale,
        irreducible_loss=irreducible_loss,
    )
    a, b = g / d, g / (1 - d)
    data_scale = jnp.exp(jnp.log(c / 6) + (a / b) * jnp.log(n0) + jnp.log(a / b) / b)
    return ScalingLaw(model_exponent=a, data_exponent=b, model_scale=n0, data_scale=data_scale, irreducible_loss=e)


class PublishedLaw(NamedTuple):
    """Published exponents of a domain; the arguments of `scaling_law_from_published`."""

    gamma: float
    delta: float
    model_scale: float
    """N0, parameters."""
    compute_scale: float
    """C*, petaflop-days."""
    irreducible_loss: float
    """E, nats per token."""

    def law(self) -> ScalingLaw:
        """The law in N and D.

        Returns:
            The law, C* converted from petaflop-days to floating-point operations.
        """
        return scaling_law_from_published(
            self.gamma,
            self.delta,
            model_scale=self.model_scale,
            compute_scale=self.compute_scale * PF_DAY,
            irreducible_loss=self.irreducible_loss,
        )


PUBLISHED_LAWS: Mapping[str, PublishedLaw] = MappingProxyType(
    {
        "image 8x8": PublishedLaw(0.19, 0.64, 80.0, 5.3e-14, 3.13),
        "image 16x16": PublishedLaw(0.16, 0.75, 280.0, 4.8e-12, 2.64),
        "image 32x32": PublishedLaw(0.10, 0.65, 63.0, 1.6e-13, 2.21),
        "image VQ 16x16": PublishedLaw(0.11, 0.64, 2.7e4, 6.2e-14, 4.09),
        "image VQ 32x32": PublishedLaw(0.12, 0.70, 1.9e4, 9.4e-13, 3.17),
        "video VQ 16x16x16": PublishedLaw(0.14, 0.71, 3.7e4, 1.13e-12, 0.95),
        "language": PublishedLaw(
            0.15484390322063774, 0.4564973561929178, 49146303.54872636, 3.9061774309042783e-20, 1.6934
        ),
    }
)
"""Published laws by domain: arXiv 2010.14701 (images and video), 2203.15556 (language, Chinchilla).

As published: parameters of images and video do not count embeddings (arXiv 2601.03220 refits them with embeddings and
output layer added, which moves small models most).
"""


def scaling_law_epiplexity(
    tokens: Real[ArrayLike, "*points"], law: ScalingLaw, *, base: int | float | None = 2
) -> Float[Array, "*points"]:
    """Prequential epiplexity of a model trained on D tokens of a power law, S = b / (1 - b) D0^b D^(1 - b), in bits.

    The area between (d / D0)^-b and its value at D; the model's size and the irreducible loss drop out.

    Args:
        tokens: D, any shape, not negative.
        law: of the learning curves.
        base: base of the logarithm; 2 for bits, None for nats.

    Returns:
        S in units of log `base`, of the shape of `tokens`.

    Raises:
        ValueError: a number of tokens is negative or not finite, or base is not greater than 1.

    Differentiable in tokens (above zero) and law. Source: arXiv 2601.03220, scaling laws.
    """
    unit = _unit(base)
    d, _ = _checks.as_floats(tokens=tokens, like=law.data_scale)
    return _checks.enforce(_area(law, d) / unit, _checks.nonnegative("tokens", d))


def _unit(base: int | float | None) -> float:
    if not (base is None or base > 1):
        raise ValueError(f"base must be None (nats) or a number greater than 1, got {base!r}")
    return 1.0 if base is None else math.log(base)


@jax.jit
def _area(law: ScalingLaw, d: Array) -> Array:
    b = law.data_exponent
    # D (D / D0)^-b: the product of D0^b and D^(1 - b) has no room in float32 for large scales.
    trained = d > 0
    positive = jnp.where(trained, d, 1)
    return jnp.where(trained, b / (1 - b) * positive * (positive / law.data_scale) ** -b, 0)


class ScalingFrontier(eqx.Module):
    """The best model and training for a compute bound, see `scaling_law_frontier`; all of the shape of `compute`.

    Attributes:
        value: S, epiplexity at this compute.
        entropy: H, time-bounded entropy of the data set.
        tokens: D, tokens trained on.
        parameters: N, size of the model.
        loss: L(N, D), nats per token.
    """

    value: Float[Array, "*points"]
    entropy: Float[Array, "*points"]
    tokens: Float[Array, "*points"]
    parameters: Float[Array, "*points"]
    loss: Float[Array, "*points"]


def scaling_law_frontier(
    compute: Real[ArrayLike, "*points"], law: ScalingLaw, *, test_tokens: RealScalar, base: int | float | None = 2
) -> ScalingFrontier:
    """Epiplexity and time-bounded entropy at a compute bound, for data whose learning curves follow a power law.

    Minimises S(D) + Dt L(N, D) where training and coding take C = 6 N D + 2 N Dt, so N = C / (2 (3 D + Dt)). The best D
    is the root in (0, Dt) of

        b D0^b (Dt - D) D^(-b-1) = 3 a Dt N0^a 2^a C^-a (3 D + Dt)^(a-1);

    as C grows it tends to Dt and S to S(Dt). The root is found by bisection in log D / (Dt - D), where the difference
    of the logarithms of both sides falls with a slope that is bounded away from zero.

    Args:
        compute: C, operations, any shape.
        law: of the learning curves.
        test_tokens: Dt, size of the data set to code. S and H depend on it: state it with them.
        base: base of the logarithm; 2 for bits, None for nats.

    Returns:
        S, H, and what attains them.

    Raises:
        ValueError: a compute or `test_tokens` is not positive and finite, or base is not greater than 1.

    Differentiable in compute, law and test_tokens, in both modes and to any order (implicitly, through the root).
    Source: arXiv 2601.03220, scaling laws.
    """
    unit = _unit(base)
    c, dt, _ = _checks.as_floats(compute=compute, test_tokens=test_tokens, like=law.data_scale)
    _checks.require_ndim("test_tokens", dt, 0, "()")
    checks = (_checks.positive("compute", c), _checks.positive("test_tokens", dt))
    return _checks.enforce(_best(c, law, dt, unit), *checks)


@jax.jit
def _best(compute: Array, law: ScalingLaw, test_tokens: Array, unit: RealScalar) -> ScalingFrontier:
    every = jax.tree.map(lambda x: jnp.broadcast_to(x, compute.shape), (law, jnp.log(test_tokens)))
    share = jax.nn.sigmoid(_root(jnp.log(compute), *every))
    tokens = test_tokens * share
    parameters = compute / (2 * test_tokens * (3 * share + 1))
    loss = _loss(law, parameters, tokens)
    return ScalingFrontier(_area(law, tokens) / unit, test_tokens * loss / unit, tokens, parameters, loss)


def _imbalance(z: Array, log_compute: Array, law: ScalingLaw, log_test: Array) -> Array:
    """Log of the ratio of the two sides of the condition, in z = log D / (Dt - D); falls in z."""
    a, b = law.model_exponent, law.data_exponent
    log_share, log_rest = jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z)
    gain = jnp.log(b) + b * jnp.log(law.data_scale) + log_rest - (b + 1) * log_share - b * log_test
    log_size = log_compute - jnp.log(2.0).astype(z.dtype) - log_test - jnp.log1p(3 * jax.nn.sigmoid(z))
    cost = jnp.log(3 * a) - a * (log_size - jnp.log(law.model_scale)) - jnp.log1p(3 * jax.nn.sigmoid(z))
    return gain - cost


@jax.custom_jvp
def _root(log_compute: Array, law: ScalingLaw, log_test: Array) -> Array:
    """z at which the imbalance vanishes."""
    # Its slope is below -share - b (1 - share), so the root is no further from 0 than |imbalance| / b.
    eps = jnp.finfo(log_compute.dtype).eps
    reach = 1 + jnp.abs(_imbalance(jnp.zeros_like(log_compute), log_compute, law, log_test)) / law.data_exponent

    def halve(_: Any, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        is_left = _imbalance(middle, log_compute, law, log_test) > 0
        return jnp.where(is_left, middle, low), jnp.where(is_left, high, middle)

    low, high = jax.lax.fori_loop(0, int(-math.log2(eps)) + 14, halve, (-reach, reach))
    return (low + high) / 2


@_root.defjvp
def _root_rule(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    z = _root(*primals)
    _, moved = jax.jvp(lambda *inputs: _imbalance(z, *inputs), primals, tangents)
    _, slope = jax.jvp(lambda z: _imbalance(z, *primals), (z,), (jnp.ones_like(z),))
    return z, -moved / slope
