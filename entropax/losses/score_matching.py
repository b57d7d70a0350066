"""Losses whose minimiser is the score s = grad log rho of a density known through samples.

A score is any function from one sample to an array of its shape. The losses return one value an example; none divides
by the number of coordinates. `evaluate_score` computes a score and its divergence once, for every loss that needs them.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, PRNGKey, Real, RealScalar, Shaped
from entropax.space import value_and_hutchinson_diagonal, value_and_jacobian_diagonal

Score = Callable[[Any], Any]


class ScoreEvaluation(eqx.Module):
    """A score and the diagonal of its Jacobian at n samples.

    Attributes:
        value: s, shape (n, *shape).
        slopes: d s_i / d x_i, shape (p, n, *shape): exact with p = 1, or p independent unbiased estimates.
    """

    value: Float[Array, "n *shape"]
    slopes: Float[Array, "p n *shape"]

    @property
    def divergence(self) -> Float[Array, "n"]:
        """div s at every sample, shape (n,)."""
        return _per_example(jnp.mean(self.slopes, axis=0))


def evaluate_score(
    score: Score,
    samples: Real[ArrayLike, "n *shape"],
    *,
    divergence: str = "exact",
    key: PRNGKey | None = None,
    num_probes: int = 1,
    block_size: int | None = None,
) -> ScoreEvaluation:
    """Evaluates a score and its divergence at samples.

    Args:
        score: s, a function from one sample to an array of its shape.
        samples: shape (n, *shape).
        divergence: "exact", one forward-mode product per coordinate, or "hutchinson", one per random probe.
        key: source of randomness of the probes, for "hutchinson".
        num_probes: probes per sample. The square of a residual needs two or more to be unbiased.
        block_size: coordinates differentiated at once by "exact", all by default.

    Returns:
        The score and the slopes.

    Raises:
        ValueError: the option is unknown, "hutchinson" has no key, shapes do not fit, or a sample is not finite.

    Differentiable in the samples and whatever the score is differentiable in.
    """
    x = _samples(samples)
    _checks.require_option("divergence", divergence, ("exact", "hutchinson"))
    if divergence == "exact":
        value, slopes = jax.vmap(lambda z: value_and_jacobian_diagonal(score, z, block_size=block_size))(x)
        slopes = slopes[None]
    elif key is None:
        raise ValueError("key must be given for divergence='hutchinson', got None")
    else:
        _checks.require_key("key", key)
        value, slopes = jax.vmap(
            lambda z, k: value_and_hutchinson_diagonal(score, z, key=k, num_probes=num_probes), out_axes=(0, 1)
        )(x, jax.random.split(key, x.shape[0]))
    return _checks.enforce(ScoreEvaluation(value, slopes), _checks.finite("samples", x))


def implicit_score_matching_loss(evaluation: ScoreEvaluation) -> Float[Array, "n"]:
    """|s|^2 + 2 div s at every sample.

    Its mean over samples of rho is E|s - grad log rho|^2 minus the Fisher information E|grad log rho|^2, so that the
    least value is minus the Fisher information, reached at the score.

    Args:
        evaluation: a score at n samples, from `evaluate_score`. Estimated slopes give an unbiased loss.

    Returns:
        The loss of each sample, shape (n,), float32 for inputs of lower precision.

    Raises:
        TypeError: `evaluation` is not a `ScoreEvaluation`.
        ValueError: its shapes do not fit.

    Differentiable in the evaluation. Source: Hyvarinen 2005; arXiv 2309.12991.
    """
    s, slopes = _parts(evaluation)
    return _per_example(s**2) + 2 * _per_example(jnp.mean(slopes, axis=0))


class StationaryResiduals(eqx.Module):
    """The two terms of the stationary Fokker-Planck equation, div v + v . s = 0, at n samples.

    Attributes:
        velocity_divergence: div v, shape (p, n): exact with p = 1, or p independent estimates.
        velocity_dot_score: v . s, shape (n,).
    """

    velocity_divergence: Float[Array, "p n"]
    velocity_dot_score: Float[Array, "n"]

    @property
    def value(self) -> Float[Array, "n"]:
        """div v + v . s, shape (n,)."""
        return jnp.mean(self.velocity_divergence, axis=0) + self.velocity_dot_score


def stationary_residuals(
    evaluation: ScoreEvaluation,
    drift: Real[ArrayLike, "n *shape"],
    drift_slopes: Real[ArrayLike, "n *rest"],
    diffusion: Real[ArrayLike, "..."],
) -> StationaryResiduals:
    """div v and v . s of the probability-flow velocity v = b - D s at every sample.

    In a steady state their sum vanishes at every state when s is the score, and so does each one's mean.

    Args:
        evaluation: a score at n samples, from `evaluate_score`.
        drift: b at the samples, shape (n, *shape).
        drift_slopes: the divergence of b, shape (n,), or terms of it, shape (n, ...), that are summed here.
        diffusion: diagonal D >= 0, broadcastable to one sample.

    Returns:
        The residuals, float32 for inputs of lower precision.

    Raises:
        ValueError: shapes do not fit or D is negative.

    Differentiable in all arguments; v holds the score, and gradients flow through both.
    """
    s, slopes = _parts(evaluation)
    given = _checks.as_floats(drift=drift, drift_slopes=drift_slopes, diffusion=diffusion)
    b, div_b, D = map(_checks.accumulated, given)
    _checks.require_shape("drift", b, s.shape)
    if div_b.shape[:1] != s.shape[:1]:
        raise ValueError(f"drift_slopes must have shape ({s.shape[0]}, ...), got {div_b.shape}")
    D = _checks.broadcastable("diffusion", D, s.shape[1:])[None]
    v = b - D * s
    div_v = _per_example(div_b)[None] - jnp.sum(D[None] * slopes, axis=tuple(range(2, slopes.ndim)))
    return _checks.enforce(StationaryResiduals(div_v, _per_example(v * s)), _checks.nonnegative("diffusion", D))


def stationary_fokker_planck_loss(residuals: StationaryResiduals) -> Float[Array, "n"]:
    """The squared residual (div v + v . s)^2 of the stationary Fokker-Planck equation at every sample.

    Zero for the score of the steady state. With p >= 2 independent estimates r_1 ... r_p of the residual the square is
    estimated without bias by sum_{i != j} r_i r_j / (p (p - 1)), which may be negative; with one, the square of an
    estimate exceeds the squared residual by its variance on average.

    Args:
        residuals: from `stationary_residuals`.

    Returns:
        The loss of each sample, shape (n,), float32 for inputs of lower precision.

    Raises:
        TypeError: `residuals` is not a `StationaryResiduals`.
        ValueError: its shapes do not fit.

    Differentiable in the residuals. Source: arXiv 2309.12991 (its other physics terms are the squares of the batch
    means of the residuals' two parts).
    """
    if not isinstance(residuals, StationaryResiduals):
        raise TypeError(f"residuals must be StationaryResiduals, got {type(residuals).__name__}")
    div_v, v_dot_s = _checks.as_floats(
        velocity_divergence=residuals.velocity_divergence, velocity_dot_score=residuals.velocity_dot_score
    )
    if div_v.ndim != 2 or v_dot_s.ndim != 1 or div_v.shape[1:] != v_dot_s.shape:
        raise ValueError(f"velocity_divergence must have shape (p, {v_dot_s.shape[0]}), got {div_v.shape}")
    r = _checks.accumulated(div_v) + _checks.accumulated(v_dot_s)[None]
    probes = r.shape[0]
    if probes == 1:
        return r[0] ** 2
    return (jnp.sum(r, axis=0) ** 2 - jnp.sum(r**2, axis=0)) / (probes * (probes - 1))


def denoising_score_matching_loss(
    score: Score,
    samples: Real[ArrayLike, "n *shape"],
    *,
    sigma: RealScalar,
    key: PRNGKey,
    perturb: Shaped[ArrayLike, "..."] = True,
    target: Shaped[ArrayLike, "..."] | None = None,
    antithetic: bool = True,
) -> Float[Array, "n"]:
    """|s(x')|^2 + 2 s(x') . zeta / sigma at x' = x + sigma zeta, averaged over the pair +zeta and -zeta.

    The minimiser is the score of the density smoothed by a Gaussian of width sigma, not that of the density itself.
    Without the pairing the loss has a variance that grows as 1 / sigma^2. In half precision sigma must be large
    against the rounding of the samples.

    Args:
        score: s, a function from one sample to an array of its shape.
        samples: shape (n, *shape).
        sigma: width of the noise, positive, in units of the samples.
        key: source of randomness.
        perturb: true where coordinates are perturbed, broadcastable to a sample; all by default.
        target: true where, of the perturbed coordinates, the score is learned; all of them by default. For swimmers
            (2, n, d) target = [[[0]], [[1]]] moves positions and propulsions and learns the score of propulsions;
            the same as `perturb` moves propulsions alone.
        antithetic: whether to pair +zeta with -zeta.

    Returns:
        The loss of each sample, shape (n,), float32 for inputs of lower precision.

    Raises:
        ValueError: sigma is not a positive number, a sample is not finite, a mask does not broadcast, or the score
            has another shape than a sample.
        TypeError: `key` is not a new-style key.

    Differentiable in samples, sigma and whatever the score is differentiable in. Source: Vincent 2011;
    arXiv 2309.12991.
    """
    _checks.require_key("key", key)
    x, width = _checks.as_floats(samples=_samples(samples), sigma=sigma)
    _checks.require_ndim("sigma", width, 0, "()")
    moved = _mask("perturb", perturb, x)
    learned = moved if target is None else moved & _mask("target", target, x)
    zeta = jnp.where(moved, jax.random.normal(key, x.shape, x.dtype), 0)
    loss = _denoising(score, x, zeta, width, learned, antithetic)
    return _checks.enforce(loss, _checks.finite("samples", x), _checks.positive("sigma", width))


def dynamics_denoising_loss(
    score: Score,
    samples: Real[ArrayLike, "n *shape"],
    drift: Real[ArrayLike, "n *shape"],
    *,
    diffusion: Real[ArrayLike, "..."],
    dt: RealScalar,
    key: PRNGKey,
    wrap: Callable[[Any], Any] | None = None,
    antithetic: bool = True,
) -> Float[Array, "n"]:
    """Denoising by the dynamics' own noise: |s(x')|^2 + 2 s(x') . z / sqrt(2 D dt) after one Euler-Maruyama step.

    With x' = x + b dt + sqrt(2 D dt) z the score of the density of x' is the mean of -z / sqrt(2 D dt) given x', so
    that for samples of a steady state the minimiser has no bias beyond that of the step. Coordinates without noise
    do not take part.

    Args:
        score: s, a function from one sample to an array of its shape.
        samples: x, shape (n, *shape).
        drift: b at the samples, the shape of x.
        diffusion: diagonal D >= 0, broadcastable to one sample.
        dt: the step, positive.
        key: source of randomness.
        wrap: brings a sample back into its space, such as the torus; none by default.
        antithetic: whether to pair +z with -z.

    Returns:
        The loss of each sample, shape (n,), float32 for inputs of lower precision.

    Raises:
        ValueError: shapes do not fit, a sample is not finite, D is negative or dt is not a positive number.
        TypeError: `key` is not a new-style key.

    Differentiable in samples, drift, diffusion, dt and whatever the score is differentiable in. Source:
    arXiv 2309.12991.
    """
    _checks.require_key("key", key)
    x, b, D, step = _checks.as_floats(samples=_samples(samples), drift=drift, diffusion=diffusion, dt=dt)
    _checks.require_shape("drift", b, x.shape)
    _checks.require_ndim("dt", step, 0, "()")
    D = _checks.broadcastable("diffusion", D, x.shape[1:])[None]
    noisy = D != 0
    width = jnp.sqrt(jnp.where(noisy, 2 * D * step, 1.0))
    z = jnp.where(noisy, jax.random.normal(key, x.shape, x.dtype), 0.0)
    moved = score if wrap is None else lambda y: score(wrap(y))
    loss = _denoising(moved, x + b * step, z, width, noisy, antithetic)
    return _checks.enforce(
        loss,
        _checks.finite("samples", x),
        _checks.nonnegative("diffusion", D),
        _checks.positive("dt", step),
    )


# ------------------------------------------------------------------------------------------------------- small parts


def _denoising(score: Score, x: Array, noise: Array, width: Array, learned: Array, antithetic: bool) -> Array:
    """|s|^2 + 2 s . noise / width at x + width noise, over the learned coordinates; or the mean of it and its mirror.

    The mean over noise of -noise / width given x + width noise is the score there.
    """

    def term(sign: float) -> Array:
        s = jax.vmap(score)(x + sign * width * noise)
        if s.shape != x.shape:
            raise ValueError(f"score must return the shape of a sample, {x.shape[1:]}, got {s.shape[1:]}")
        s = jnp.where(learned, _checks.accumulated(s), 0)
        return _per_example(s**2 + 2 * sign * s * _checks.accumulated(noise) / _checks.accumulated(width))

    return (term(1.0) + term(-1.0)) / 2 if antithetic else term(1.0)


def _samples(samples: Any) -> Array:
    x = _checks.as_float("samples", samples)
    if x.ndim < 2:
        raise ValueError(f"samples must have shape (n, *shape) with at least two axes, got {x.shape}")
    return x


def _parts(evaluation: Any) -> tuple[Array, Array]:
    """The score and the slopes, in the precision of sums."""
    if not isinstance(evaluation, ScoreEvaluation):
        raise TypeError(f"evaluation must be a ScoreEvaluation (see evaluate_score), got {type(evaluation).__name__}")
    value, slopes = _checks.as_floats(value=evaluation.value, slopes=evaluation.slopes)
    if slopes.shape[1:] != value.shape:
        shape = ", ".join(str(size) for size in value.shape)
        raise ValueError(f"slopes must have shape (p, {shape}), got {slopes.shape}")
    return _checks.accumulated(value), _checks.accumulated(slopes)


def _per_example(terms: Array) -> Array:
    return jnp.sum(terms, axis=tuple(range(1, terms.ndim)))


def _mask(name: str, mask: Any, samples: Array) -> Array:
    return _checks.broadcastable(name, jnp.asarray(mask).astype(bool), samples.shape[1:])[None]
