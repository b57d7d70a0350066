"""How the variables of a joint distribution depend on each other.

A joint array holds the probabilities of one joint distribution: every axis is a variable, and all entries sum to one.
Groups of variables are given by axis numbers.

Every measure is a sum of entropies of marginals, so a zero entry makes some x log x vanish. Where their infinite slopes
cancel the gradient is the true one-sided slope, with the other entries held; where they do not they are left out.
"""

from typing import Any

import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, Scalar
from entropax.information._numerics import (
    at_zeros,
    divergence_of_marginals,
    in_base,
    p_log_ratio,
    ratio,
    safe_sqrt,
    x_log_x,
)

Axes = int | tuple[int, ...]

NORMALIZERS = ("arithmetic", "geometric", "min", "max", "joint")


def _joint(joint: Any, minimum: int) -> tuple[Array, _checks.Check]:
    p = _checks.as_float("joint", joint)
    if p.ndim < minimum:
        raise ValueError(f"joint must have at least {minimum} axes, one a variable, got shape {p.shape}")
    return p, _checks.distribution("joint", p, num_axes=p.ndim)


def _groups(p: Array, **groups: Axes) -> tuple[tuple[int, ...], ...]:
    """The groups as tuples of axes, checked to exist and to be disjoint."""
    result, taken = [], set()
    for name, group in groups.items():
        axes = (group,) if isinstance(group, int) else tuple(group)
        if not axes or any(isinstance(a, bool) or not isinstance(a, int) or not -p.ndim <= a < p.ndim for a in axes):
            raise ValueError(f"{name} must name axes of a joint array with {p.ndim} axes, got {group}")
        axes = tuple(a % p.ndim for a in axes)
        if len(set(axes)) < len(axes) or taken & set(axes):
            raise ValueError(f"{name} must not repeat an axis or share one with another group, got {group}")
        taken |= set(axes)
        result.append(axes)
    return tuple(result)


def _marginal(p: Array, axes: tuple[int, ...]) -> Array:
    """The marginal of the given axes; all axes are kept, the others with length one."""
    return jnp.sum(p, axis=tuple(a for a in range(p.ndim) if a not in axes), keepdims=True)


def _entropy(p: Array) -> Array:
    return -jnp.sum(x_log_x(p))


def conditional_entropy(
    joint: Real[ArrayLike, "..."], *, of: Axes = 0, given: Axes = 1, base: int | float | None = None
) -> Scalar:
    """Conditional entropy, H(X | Y) = -sum p(x, y) log p(x | y).

    Args:
        joint: a joint distribution, every axis a variable.
        of: axes of X.
        given: axes of Y; the other axes are summed over.
        base: base of the logarithm; nats by default.

    Returns:
        H(X | Y).

    Raises:
        ValueError: the joint is no distribution, the groups are no axes or overlap, or base is not greater than 1.

    Differentiable in the joint; zero entries take a zero gradient (their slope is 0 or infinite).
    """
    p, ok = _joint(joint, 2)
    x, y = _groups(p, of=of, given=given)
    pair = _marginal(p, x + y)
    value = -jnp.sum(p_log_ratio(pair, jnp.broadcast_to(_marginal(p, y), pair.shape)))
    return _checks.enforce(in_base(value, base), ok)


def mutual_information(
    joint: Real[ArrayLike, "..."], *, x: Axes = 0, y: Axes = 1, base: int | float | None = None
) -> Scalar:
    """Mutual information, I(X; Y) = KL(p(x, y) | p(x) p(y)).

    Args:
        joint: a joint distribution, every axis a variable.
        x: axes of X.
        y: axes of Y; the other axes are summed over.
        base: base of the logarithm; nats by default.

    Returns:
        I(X; Y), accurate also where the variables are nearly independent.

    Raises:
        ValueError: the joint is no distribution, the groups are no axes or overlap, or base is not greater than 1.

    Differentiable in the joint; zero entries have the one-sided slope where it is finite.
    """
    p, ok = _joint(joint, 2)
    x_axes, y_axes = _groups(p, x=x, y=y)
    value = divergence_of_marginals(_marginal(p, x_axes + y_axes), _marginal(p, x_axes), _marginal(p, y_axes))
    return _checks.enforce(in_base(value, base), ok)


def conditional_mutual_information(
    joint: Real[ArrayLike, "..."], *, x: Axes = 0, y: Axes = 1, given: Axes = 2, base: int | float | None = None
) -> Scalar:
    """Conditional mutual information, I(X; Y | Z) = sum p(x, y, z) log [p(x, y, z) p(z) / (p(x, z) p(y, z))].

    Args:
        joint: a joint distribution, every axis a variable.
        x: axes of X.
        y: axes of Y.
        given: axes of Z; the other axes are summed over.
        base: base of the logarithm; nats by default.

    Returns:
        I(X; Y | Z).

    Raises:
        ValueError: the joint is no distribution, the groups are no axes or overlap, or base is not greater than 1.

    Differentiable in the joint; zero entries have the one-sided slope where it is finite.
    """
    p, ok = _joint(joint, 3)
    x_axes, y_axes, z_axes = _groups(p, x=x, y=y, given=given)
    p_xyz, p_z = _marginal(p, x_axes + y_axes + z_axes), _marginal(p, z_axes)
    p_xz, p_yz = _marginal(p, x_axes + z_axes), _marginal(p, y_axes + z_axes)
    value = jnp.sum(p_log_ratio(p_xyz, p_xz, ratio(p_yz, jnp.where(p_z > 0, p_z, 1))))
    value = value + at_zeros(p_xyz, p_z) - at_zeros(p_xyz, p_xz, p_yz)
    return _checks.enforce(in_base(value, base), ok)


def total_correlation(joint: Real[ArrayLike, "..."], *, base: int | float | None = None) -> Scalar:
    """Total correlation (multi-information), sum_i H(X_i) - H(X) = KL(p | product of its marginals).

    Args:
        joint: a joint distribution of two or more variables, every axis one.
        base: base of the logarithm; nats by default.

    Returns:
        The total correlation.

    Raises:
        ValueError: the joint is no distribution of two or more variables, or base is not greater than 1.

    Differentiable in the joint; zero entries have the one-sided slope where it is finite. Source: Watanabe 1960.
    """
    p, ok = _joint(joint, 2)
    return _checks.enforce(in_base(_total_correlation(p), base), ok)


def _total_correlation(p: Array) -> Array:
    return divergence_of_marginals(p, *(_marginal(p, (axis,)) for axis in range(p.ndim)))


def dual_total_correlation(joint: Real[ArrayLike, "..."], *, base: int | float | None = None) -> Scalar:
    """Dual total correlation (binding information), H(X) - sum_i H(X_i | the others).

    Args:
        joint: a joint distribution of two or more variables, every axis one.
        base: base of the logarithm; nats by default.

    Returns:
        The dual total correlation.

    Raises:
        ValueError: the joint is no distribution of two or more variables, or base is not greater than 1.

    Differentiable in the joint; zero entries have the one-sided slope where it is finite. Source: Han 1978.
    """
    p, ok = _joint(joint, 2)
    return _checks.enforce(in_base(_dual_total_correlation(p), base), ok)


def _dual_total_correlation(p: Array) -> Array:
    value = _entropy(p)
    for axis in range(p.ndim):
        rest = tuple(a for a in range(p.ndim) if a != axis)
        value = value + divergence_of_marginals(p, _marginal(p, rest))
    return value


def o_information(joint: Real[ArrayLike, "..."], *, base: int | float | None = None) -> Scalar:
    """O-information: total correlation minus dual total correlation; positive for redundancy, negative for synergy.

    Args:
        joint: a joint distribution of two or more variables, every axis one.
        base: base of the logarithm; nats by default.

    Returns:
        The O-information; zero for two variables.

    Raises:
        ValueError: the joint is no distribution of two or more variables, or base is not greater than 1.

    Differentiable in the joint; zero entries have the one-sided slope where it is finite. Source: Rosas et al., arXiv
    1902.11239.
    """
    p, ok = _joint(joint, 2)
    return _checks.enforce(in_base(_total_correlation(p) - _dual_total_correlation(p), base), ok)


def interaction_information(joint: Real[ArrayLike, "..."], *, base: int | float | None = None) -> Scalar:
    """Interaction information with McGill's sign, -sum_T (-1)^(n - |T|) H(X_T) over all groups T of the n variables.

    For two variables it is I(X; Y); for three I(X; Y | Z) - I(X; Y), positive for synergy. Co-information is this
    times (-1)^n.

    Args:
        joint: a joint distribution of two or more variables, every axis one.
        base: base of the logarithm; nats by default.

    Returns:
        The interaction information.

    Raises:
        ValueError: the joint is no distribution of two or more variables, or base is not greater than 1.

    Differentiable in the joint; zero entries have the one-sided slope where it is finite. Cost 2^n entropies. Source:
    McGill 1954.
    """
    p, ok = _joint(joint, 2)
    n = p.ndim
    value = jnp.zeros((), p.dtype)
    for chosen in range(1, 2**n):
        axes = tuple(a for a in range(n) if chosen >> a & 1)
        sign = -1 if (n - len(axes)) % 2 == 0 else 1
        value = value + sign * _entropy(_marginal(p, axes))
    return _checks.enforce(in_base(value, base), ok)


def variation_of_information(
    joint: Real[ArrayLike, "..."], *, x: Axes = 0, y: Axes = 1, base: int | float | None = None
) -> Scalar:
    """Variation of information, H(X | Y) + H(Y | X), a metric between variables.

    Args:
        joint: a joint distribution, every axis a variable.
        x: axes of X.
        y: axes of Y; the other axes are summed over.
        base: base of the logarithm; nats by default.

    Returns:
        The distance.

    Raises:
        ValueError: the joint is no distribution, the groups are no axes or overlap, or base is not greater than 1.

    Differentiable in the joint; zero entries take a zero gradient (their slope is 0 or infinite). Source: Meila 2003.
    """
    p, ok = _joint(joint, 2)
    x_axes, y_axes = _groups(p, x=x, y=y)
    pair = _marginal(p, x_axes + y_axes)
    value = jnp.zeros((), p.dtype)
    for axes in (x_axes, y_axes):
        value = value - jnp.sum(p_log_ratio(pair, jnp.broadcast_to(_marginal(p, axes), pair.shape)))
    return _checks.enforce(in_base(value, base), ok)


def normalized_mutual_information(
    joint: Real[ArrayLike, "..."], *, x: Axes = 0, y: Axes = 1, normalizer: str = "arithmetic"
) -> Scalar:
    """Mutual information over a mean of the two entropies, I(X; Y) / N(H(X), H(Y)).

    Args:
        joint: a joint distribution, every axis a variable.
        x: axes of X.
        y: axes of Y; the other axes are summed over.
        normalizer: "arithmetic", "geometric", "min" or "max" of the entropies, or "joint" for H(X, Y).

    Returns:
        The ratio, in [0, 1]; NaN when the normaliser is zero (a constant variable).

    Raises:
        ValueError: the joint is no distribution, the groups are no axes or overlap, or the option is unknown.

    Differentiable in the joint; zero entries have the one-sided slope where it is finite.
    """
    _checks.require_option("normalizer", normalizer, NORMALIZERS)
    p, ok = _joint(joint, 2)
    x_axes, y_axes = _groups(p, x=x, y=y)
    p_x, p_y, pair = _marginal(p, x_axes), _marginal(p, y_axes), _marginal(p, x_axes + y_axes)
    h_x, h_y = _entropy(p_x), _entropy(p_y)
    scale = {
        "arithmetic": lambda: (h_x + h_y) / 2,
        "geometric": lambda: safe_sqrt(h_x * h_y),
        "min": lambda: jnp.minimum(h_x, h_y),
        "max": lambda: jnp.maximum(h_x, h_y),
        "joint": lambda: _entropy(pair),
    }[normalizer]()
    return _checks.enforce(divergence_of_marginals(pair, p_x, p_y) / scale, ok)
