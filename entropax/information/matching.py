"""Shannon and semantic channels matched to each other: R(G), classes of unseen instances, mixture models.

Each is an alternation. The truth functions (or likelihoods) are matched to the channel, which makes the semantic
information as large as it can be; then the channel is matched to the semantic information, which makes the Shannon
information no larger than it need be. Source: Lu, arXiv 2510.15871, Entropy 27(5):461.
"""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient

from entropax import _checks
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Real, RealScalar, Scalar
from entropax.information._numerics import divergence_of_marginals, in_base, p_log_ratio, ratio
from entropax.information.channels import rate_distortion


class RateSemantic(eqx.Module):
    """A point of a rate-semantic curve R(G).

    Attributes:
        value: R, the least Shannon information that conveys G.
        semantic: G, the semantic information; their ratio G / R is the information efficiency.
        slope: s = dR/dG there.
        channel: P(y | x), shape (x, labels).
        label_distribution: P(y), shape (labels,); labels may drop out.
        gap: how far R - s G may lie above its minimum.
        converged: whether the gap is below the tolerance, and a target is met.
        iterations: iterations done, in all.
    """

    value: Scalar
    semantic: Scalar
    slope: Scalar
    channel: Float[Array, "x labels"]
    label_distribution: Float[Array, "labels"]
    gap: Scalar
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


def rate_semantic(
    information: Real[ArrayLike, "x labels"],
    prior: Real[ArrayLike, "x"],
    *,
    slope: RealScalar | None = None,
    target: RealScalar | None = None,
    allow_negative: bool = False,
    base: int | float | None = None,
    tolerance: float | None = None,
    max_iterations: int = 20_000,
) -> RateSemantic:
    """A point of R(G), the least I(X; Y) over channels whose mean semantic information sum P(x, y) I(x; theta_y) is G.

    The channel is P(y | x) ~ P(y) exp(s I(x; theta_y)) with P(y) a fixed point. This is rate-distortion with -I for a
    distortion, and solved as that. R is at least G if I is the semantic information of truth functions under the prior,
    and where R = G, at slope 1, the two channels match.

    Args:
        information: I(x; theta_y), shape (x, labels), finite; as from `semantic_information`, held fixed.
        prior: P(x), shape (x,).
        slope: s: the point where the curve has derivative s. 0 is the point of no information, 1 that of most
            efficient matching.
        target: G: the point with at least this semantic information. Give exactly one of slope and target.
        allow_negative: whether s < 0 is allowed: the left side of the bowl, where labels deceive as cheaply as can be.
        base: of the logarithm of the information, in which R and G are then measured as well; nats by default.
        tolerance: the gap in nats at which an iteration stops; 1.5e-10 in float64 and 2e-6 in float32 by default.
        max_iterations: the most iterations to do for one slope.

    Returns:
        The point with its certificate. `value`, `semantic`, `channel` and `label_distribution` carry implicit
        derivatives.

    Raises:
        ValueError: shapes do not fit, the information is not finite, the prior is no distribution, not exactly one of
            slope and target is given, it is out of range, or an option is.

    Differentiable in information, prior and slope or target, in both modes, where the labels in use do not change.
    Source: Lu 1993, arXiv 2510.15871.
    """
    if (slope is None) == (target is None):
        raise ValueError(f"give exactly one of slope and target, got slope={slope} and target={target}")
    goal = {"slope": slope} if target is None else {"target": target}
    (goal_name,) = goal
    scores, p, at = _checks.as_floats(information=information, prior=prior, **goal)
    _checks.require_ndim("prior", p, 1, "(x,)")
    _checks.require_ndim(goal_name, at, 0, "()")
    if scores.ndim != 2 or scores.shape[0] != p.shape[0] or scores.shape[1] < 1:
        raise ValueError(f"information must have shape ({p.shape[0]}, labels), got {scores.shape}")
    in_base(p, base)
    unit = jnp.asarray(1.0 if base is None else math.log(base), p.dtype)
    finite = _checks.finite("information", scores)
    checks = [
        finite._replace(expected=f"{finite.expected} (raise the truth functions above 0)"),
        _checks.distribution("prior", p),
    ]
    options = {"tolerance": tolerance, "max_iterations": max_iterations}
    if target is None:
        if not allow_negative:
            checks.append(_checks.nonnegative("slope", at))
        else:
            checks.append(_checks.finite("slope", at))
        _checks.enforce((), *checks)
        sign = stop_gradient(jnp.where(at < 0, -1, 1).astype(p.dtype))
        point = rate_distortion(p, -sign * unit * scores, slope=jnp.where(jnp.isfinite(at), sign * at, 1), **options)
        s, semantic = at, -sign * point.distortion / unit
    else:
        reach = p @ jnp.max(scores, axis=1)
        slack = 8 * jnp.finfo(p.dtype).eps * jnp.max(jnp.abs(scores))
        checks.append(_checks.Check(at <= reach + slack, "target must be at most the largest G", lambda: f"{at}"))
        at = _checks.enforce(at, *checks)  # beyond its reach the point no longer moves with the target
        point = rate_distortion(p, -unit * scores, target=-unit * at, **options)
        s, semantic = point.slope, -point.distortion / unit
    labels = p @ point.test_channel
    value = point.value / unit
    result = RateSemantic(
        value, semantic, s, point.test_channel, labels, point.gap / unit, point.converged, point.iterations
    )
    return _checks.enforce(result, *checks)


# ---------------------------------------------------------------------------------- classification of unseen instances


class MMIClassification(eqx.Module):
    """Labels of features that tell most about the class behind them.

    Attributes:
        value: I(X; Y) of classes and labels.
        labels: the label of every feature, shape (z,).
        trace: I(X; Y) from the start on, after every update, shape (max_iterations + 1,); it does not fall.
        iterations: updates that changed a label.
        converged: whether the last update changed none.
        valid: whether the labels mean anything: the arguments were distributions and labels.
    """

    value: Scalar
    labels: Int[Array, "z"]
    trace: Float[Array, "updates"]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    valid: Bool[Array, ""]


def mmi_classify(
    prior: Real[ArrayLike, "x"],
    likelihood: Real[ArrayLike, "x z"],
    start: Int[ArrayLike, "z"],
    *,
    num_labels: int | None = None,
    max_iterations: int = 100,
    base: int | float | None = None,
) -> MMIClassification:
    """Classifies features by maximum mutual information with the unseen class, by matching channels.

    Matching I takes I(x; theta_y) = log[P(y | x) / P(y)] of the present labels f; matching II gives every feature the
    label with the largest sum_x P(x | z) I(x; theta_y); until no label changes.

    Args:
        prior: P(x) of the classes, shape (x,).
        likelihood: P(z | x) of the features, shape (x, z), each row summing to one.
        start: a label of every feature, in 0 ... num_labels - 1, shape (z,).
        num_labels: number of labels; that of the classes by default.
        max_iterations: the most updates to do.
        base: base of the logarithm; nats by default.

    Returns:
        The labels and their mutual information. A label that no feature has is out for good, and a feature that never
        occurs keeps its label.

    Raises:
        TypeError: the start is not of integers.
        ValueError: shapes do not fit, the prior or a row is no distribution, a label is out of range, or an option is.

    The value is differentiable in prior and likelihood (with the labels held, which are piecewise constant). The result
    depends on the start: a local maximum. Source: Lu 2019, arXiv 2510.15871.
    """
    p, likelihood = _checks.as_floats(prior=prior, likelihood=likelihood)
    _checks.require_ndim("prior", p, 1, "(x,)")
    if likelihood.ndim != 2 or likelihood.shape[0] != p.shape[0] or likelihood.shape[1] < 1:
        raise ValueError(f"likelihood must have shape ({p.shape[0]}, z), got {likelihood.shape}")
    count = p.shape[0] if num_labels is None else num_labels
    _checks.require_integer("num_labels", count, minimum=1)
    _checks.require_integer("max_iterations", max_iterations, minimum=1)
    if not jnp.issubdtype(jnp.result_type(start), jnp.integer):
        raise TypeError(f"start must hold integer labels, got dtype {jnp.result_type(start)}")
    with _checks.evaluated_now(start):
        labels = jnp.asarray(start)
    _checks.require_shape("start", labels, likelihood.shape[1:])
    rows = _checks.distribution("likelihood", likelihood)
    checks = (
        _checks.distribution("prior", p),
        rows._replace(ok=jnp.all(rows.ok)),
        _checks.within("start", labels, 0, count - 1, f"in 0 ... {count - 1}"),
    )
    found, trace, iterations, converged = _match_labels(*stop_gradient((p, likelihood)), labels, count, max_iterations)
    value, trace = _checks.enforce((_label_information(p, likelihood, found, count), trace), *checks)
    return MMIClassification(
        in_base(value, base), found, in_base(trace, base), iterations, converged, _checks.validity(*checks)
    )


@functools.partial(jax.jit, static_argnames="num_labels")
def _label_channel(likelihood: Array, labels: Array, num_labels: int) -> Array:
    """P(y | x), shape (x, labels)."""
    return jax.ops.segment_sum(likelihood.T, labels, num_labels).T


@functools.partial(jax.jit, static_argnames="num_labels")
def _label_information(prior: Array, likelihood: Array, labels: Array, num_labels: int) -> Array:
    joint = prior[:, None] * _label_channel(likelihood, labels, num_labels)
    return divergence_of_marginals(joint, jnp.sum(joint, axis=1, keepdims=True), jnp.sum(joint, axis=0, keepdims=True))


@functools.partial(jax.jit, static_argnames=("num_labels", "max_iterations"))
def _match_labels(
    prior: Array, likelihood: Array, start: Array, num_labels: int, max_iterations: int
) -> tuple[Array, Array, Array, Array]:
    joint = (prior[:, None] * likelihood).T

    def rematched(labels: Array) -> Array:
        channel = _label_channel(likelihood, labels, num_labels)
        used = prior @ channel
        possible = (channel > 0) & (used > 0)[None]
        information = jnp.where(
            possible, jnp.log(jnp.where(possible, channel, 1)) - jnp.log(jnp.where(used > 0, used, 1))[None], 0
        )
        # Minus infinity where a label is never given to a class that the feature may come from.
        excluded = (joint > 0).astype(joint.dtype) @ (~possible).astype(joint.dtype) > 0
        best = jnp.argmax(jnp.where(excluded, -jnp.inf, joint @ information), axis=1).astype(labels.dtype)
        return jnp.where(jnp.sum(joint, axis=1) > 0, best, labels)

    def unfinished(carry: tuple[Array, Array, Array, Array]) -> Array:
        *_, count, done = carry
        return ~done & (count < max_iterations)

    def update(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        labels, trace, count, _ = carry
        new = rematched(labels)
        done = jnp.all(new == labels)
        count = jnp.where(done, count, count + 1)
        trace = jnp.where(
            jnp.arange(max_iterations + 1) >= count, _label_information(prior, likelihood, new, num_labels), trace
        )
        return new, trace, count, done

    first = jnp.full(max_iterations + 1, _label_information(prior, likelihood, start, num_labels))
    return jax.lax.while_loop(unfinished, update, (start, first, jnp.asarray(0), jnp.asarray(False)))


# ------------------------------------------------------------------------------------------------------------ mixtures


class MixtureFit(eqx.Module):
    """A mixture of normal distributions, discretised on a grid, fitted to a distribution on it.

    Attributes:
        value: KL(P(x) | P_theta(x)), the gap R - G that the fit closes.
        weights: P(y), shape (components,).
        means: shape (components,), in the unit of x.
        widths: standard deviations, shape (components,), in the unit of x.
        trace: the divergence before every iteration, once its weights are matched, and after the last, shape (steps +
            1,).
        converged: whether the divergence fell below the tolerance.
        iterations: iterations until it did.
    """

    value: Scalar
    weights: Float[Array, "components"]
    means: Float[Array, "components"]
    widths: Float[Array, "components"]
    trace: Float[Array, "steps"]
    converged: Bool[Array, ""]
    iterations: Int[Array, ""]


def enm_fit(
    target: Real[ArrayLike, "x"],
    x: Real[ArrayLike, "x"],
    weights: Real[ArrayLike, "components"],
    means: Real[ArrayLike, "components"],
    widths: Real[ArrayLike, "components"],
    *,
    n_inner: int = 1,
    steps: int = 1000,
    tolerance: float = 1e-3,
    base: int | float | None = None,
) -> MixtureFit:
    """Fits a Gaussian mixture by EnM: expectation, n updates of the weights, maximisation.

    One iteration updates the weights P(y) <- sum_x P(x) P(y | x) n times with the components held, the last time with
    the responsibilities that then give the components' means and widths by weighted maximum likelihood. One update is
    EM. No update lets KL(P | P_theta) rise, as long as the components lie within the grid and span several of its
    points: only then are a normal distribution's moments those of greatest likelihood.

    Args:
        target: P(x) on the grid, shape (x,).
        x: grid points, shape (x,).
        weights: P(y) to start with, shape (components,), summing to one.
        means: to start with, shape (components,), in the unit of x.
        widths: standard deviations to start with, positive, shape (components,), in the unit of x.
        n_inner: updates of the weights in an iteration; 1 is EM.
        steps: the most iterations to do.
        tolerance: the divergence below which the fit stops, in units of the base; 0 to do all steps.
        base: base of the logarithm; nats by default.

    Returns:
        The mixture, with the trace of the divergence. A component without weight stays where it is.

    Raises:
        ValueError: shapes do not fit, target or weights are no distribution, a width is not positive, or an option is
            out of range.

    Differentiable in target, x and the start, through the iterations, which are rematerialised. Source: Lu 2019, arXiv
    2510.15871.
    """
    p, x, w, m, s = _checks.as_floats(target=target, x=x, weights=weights, means=means, widths=widths)
    _checks.require_ndim("target", p, 1, "(x,)")
    _checks.require_shape("x", x, p.shape)
    _checks.require_ndim("weights", w, 1, "(components,)")
    _checks.require_same_shape(weights=w, means=m, widths=s)
    _checks.require_integer("n_inner", n_inner, minimum=1)
    _checks.require_integer("steps", steps, minimum=1)
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not tolerance >= 0:
        raise ValueError(f"tolerance must be a number that is not negative, got {tolerance!r}")
    in_base(p, base)
    checks = (
        _checks.distribution("target", p),
        _checks.finite("x", x),
        _checks.distribution("weights", w),
        _checks.finite("means", m),
        _checks.positive("widths", s),
    )
    threshold = float(tolerance) * (1.0 if base is None else math.log(base))
    fit = _enm_fit(p, x, w, m, s, threshold, n_inner, steps)
    return _checks.enforce(
        eqx.tree_at(lambda f: (f.value, f.trace), fit, replace_fn=lambda v: in_base(v, base)), *checks
    )


@functools.partial(jax.jit, static_argnames=("n_inner", "steps"))
def _enm_fit(
    p: Array, x: Array, weights: Array, means: Array, widths: Array, tolerance: RealScalar, n_inner: int, steps: int
) -> MixtureFit:
    def log_components(means: Array, widths: Array) -> Array:
        scaled = (x[:, None] - means[None]) / widths[None]
        return jax.nn.log_softmax(-(scaled**2) / 2, axis=0)

    def log_joint(logs: Array, weights: Array) -> Array:
        used = weights > 0
        return jnp.where(used[None], jnp.log(jnp.where(used, weights, 1))[None] + logs, -jnp.inf)

    def reweighted(logs: Array, weights: Array) -> Array:
        return p @ jax.nn.softmax(log_joint(logs, weights), axis=1)

    def matched(weights: Array, means: Array, widths: Array) -> tuple[Array, Array, Array]:
        """The components, their weights after all updates but the last, and the divergence."""
        logs = log_components(means, widths)
        weights = jax.lax.scan(lambda w, _: (reweighted(logs, w), None), weights, None, length=n_inner - 1)[0]
        mixture = jnp.exp(jax.nn.logsumexp(log_joint(logs, weights), axis=1))
        return logs, weights, jnp.sum(p_log_ratio(p, mixture))

    def maximized(logs: Array, weights: Array, means: Array, widths: Array) -> tuple[Array, Array, Array]:
        shares = p[:, None] * jax.nn.softmax(log_joint(logs, weights), axis=1)
        new_weights = jnp.sum(shares, axis=0)
        present = new_weights > 0
        relative = ratio(shares, jnp.broadcast_to(jnp.where(present, new_weights, 1)[None], shares.shape))
        new_means = x @ relative
        variance = jnp.sum(relative * (x[:, None] - new_means[None]) ** 2, axis=0)
        moved = jnp.sqrt(jnp.where(present, variance, 1))
        return new_weights, jnp.where(present, new_means, means), jnp.where(present, moved, widths)

    @jax.checkpoint
    def iterate(carry: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], tuple[Array, Array]]:
        weights, means, widths = carry
        logs, inner, divergence = matched(weights, means, widths)
        done = divergence < tolerance
        new = maximized(logs, inner, means, widths)
        kept = jax.tree.map(lambda a, b: jnp.where(done, a, b), carry, new)
        return kept, (divergence, done)

    (weights, means, widths), (trace, done) = jax.lax.scan(iterate, (weights, means, widths), None, length=steps)
    _, weights, divergence = matched(weights, means, widths)
    converged = divergence < tolerance
    trace = jnp.append(trace, divergence)
    return MixtureFit(divergence, weights, means, widths, trace, converged, jnp.sum(~done))
