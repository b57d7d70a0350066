"""Seven entropies of a school of fish, each divided by its largest possible value.

Each is the entropy of a histogram of some quantity of a fish or a pair (or of the shares of the principal variances),
over the logarithm of the number of bins. The paper's bins are sharp and the entropies piecewise constant. With a
`width`, in bins, every edge is a logistic step of that width: entropies then have gradients, and tend to the sharp ones
as it vanishes.

Where the paper's package differs: it scores 0.5 where fish are too few for an entropy, which raises here; and it drops
products of unit vectors that rounding has put past one, which are counted here.
"""

from typing import Any

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, RealScalar, Scalar
from entropax.observables import _schooling_kernels as kernels
from entropax.observables.schooling import of_school


def cohesion_entropy(
    positions: Real[ArrayLike, "n 3"], box_size: RealScalar, *, width: RealScalar | None = None
) -> Scalar:
    """Entropy of the distance to the nearest neighbour on the torus: 25 bins on [0, L/2], over log 25.

    Args:
        positions: shape (n, 3) with n >= 2, on the periodic cube; any representatives.
        box_size: L > 0. Fish whose nearest neighbour is further than L/2 are left out.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, L or the width is not positive, or every fish was
            left out.

    With a width differentiable in positions, L and width. Source: arXiv 2602.07948.
    """
    x, _, L, w, checks = school_arguments(positions, None, box_size, width, fewest=2)
    value, kept = kernels.cohesion(x, L, w)
    return _checks.enforce(value, *checks, some_kept(kept))


def polarization_entropy(velocities: Real[ArrayLike, "n 3"], *, width: RealScalar | None = None) -> Scalar:
    """Entropy of the headings: 12 bins of the polar angle and 24 of the azimuth, over log 288.

    Counts are multiplied by the sine of the polar angle at the centre of their bin. So equal counts in all bins give
    0.976, and isotropic headings tend to 0.946, not to 1.

    Args:
        velocities: shape (n, 3), none of them zero.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a velocity vanishes or is not finite, or the width is not positive.

    With a width differentiable in velocities and width. Source: arXiv 2602.07948.
    """
    _, v, _, w, checks = school_arguments(velocities, velocities, None, width, fewest=1, first="velocities")
    return _checks.enforce(kernels.polar(v, w), *checks)


def depth_entropy(
    positions: Real[ArrayLike, "n 3"], box_size: RealScalar, *, width: RealScalar | None = None
) -> Scalar:
    """Entropy of the heights z: 15 bins on [0, L], over log 15.

    Args:
        positions: shape (n, 3), on the periodic cube; any representatives.
        box_size: L > 0.
        width: None for sharp bins, or that of their edges in bins; the first and the last bin are neighbours.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, or L or the width is not positive.

    With a width differentiable in positions, L and width. Source: arXiv 2602.07948.
    """
    x, _, L, w, checks = school_arguments(positions, None, box_size, width, fewest=1)
    return _checks.enforce(kernels.depth(x, L, w), *checks)


def angular_momentum_entropy(
    positions: Real[ArrayLike, "n 3"],
    velocities: Real[ArrayLike, "n 3"],
    *,
    box_size: RealScalar | None = None,
    width: RealScalar | None = None,
) -> Scalar:
    """Entropy of |e_i x v_i / |v_i||, e_i the unit vector from the centre: 20 bins on [0, 1], over log 20.

    Args:
        positions: shape (n, 3) with n >= 3.
        velocities: shape (n, 3), none of them zero.
        box_size: None for the plain mean as the centre, L for the circular mean, as in `rotation_order`.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: a shape is another, a number is not finite, a velocity vanishes, or L or the width is not positive.

    With a width differentiable in positions, velocities and width. Source: arXiv 2602.07948.
    """
    x, v, L, w, checks = school_arguments(positions, velocities, box_size, width, fewest=3)
    return _checks.enforce(kernels.angular(x, v, L, w), *checks)


def neighbor_variation_entropy(
    positions: Real[ArrayLike, "n 3"], box_size: RealScalar, *, width: RealScalar | None = None
) -> Scalar:
    """Entropy of the coefficient of variation of the distances to the five nearest: 20 bins on [0, 2], over log 20.

    Args:
        positions: shape (n, 3) with n >= 6, on the periodic cube; any representatives.
        box_size: L > 0.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, or L or the width is not positive.

    With a width differentiable in positions, L and width. Source: arXiv 2602.07948.
    """
    x, _, L, w, checks = school_arguments(positions, None, box_size, width, fewest=kernels.NEIGHBORS + 1)
    return _checks.enforce(kernels.variation(x, L, w), *checks)


def velocity_correlation_entropy(velocities: Real[ArrayLike, "n 3"], *, width: RealScalar | None = None) -> Scalar:
    """Entropy of (1 + cos angle(v_i, v_j)) / 2 over all pairs: 20 bins on [0, 1], over log 20.

    Args:
        velocities: shape (n, 3) with n >= 2, none of them zero.
        width: None for sharp bins, or that of their edges in bins.

    Returns:
        H in [0, 1]. Pairs are taken in blocks: memory grows as n.

    Raises:
        ValueError: the shape is another, a velocity vanishes or is not finite, or the width is not positive.

    With a width differentiable in velocities and width. Source: arXiv 2602.07948.
    """
    _, v, _, w, checks = school_arguments(velocities, velocities, None, width, fewest=2, first="velocities")
    return _checks.enforce(kernels.correlation(v, w), *checks)


def shape_entropy(positions: Real[ArrayLike, "n 3"], *, box_size: RealScalar | None = None) -> Scalar:
    """Entropy of the shares of the three principal variances, over log 3: 0 for a line, 1 for a ball.

    Args:
        positions: shape (n, 3) with n >= 4, not all at one point.
        box_size: None for the plain mean as the centre, L for the circular mean, as in `rotation_order`.

    Returns:
        H in [0, 1].

    Raises:
        ValueError: the shape is another, a number is not finite, L is not positive, or all fish are at one point.

    Differentiable in the positions. Source: arXiv 2602.07948.
    """
    x, _, L, _, checks = school_arguments(positions, None, box_size, None, fewest=4)
    value, total = kernels.shape(x, L)
    return _checks.enforce(value, *checks, not_a_point(total))


def school_arguments(
    positions: ArrayLike,
    velocities: ArrayLike | None,
    box_size: RealScalar | None,
    width: RealScalar | None,
    *,
    fewest: int,
    first: str = "positions",
) -> tuple[Array, Array, Any, Any, list[_checks.Check]]:
    """Arguments of a school's entropies, checked.

    Args:
        positions: shape (n, 3); the velocities where they come first.
        velocities: shape (n, 3), or None.
        box_size: L, or None.
        width: of soft bins, or None.
        fewest: how many fish are needed.
        first: "positions" or "velocities", which of them stands first.

    Returns:
        Positions, velocities, L and the width (None where they are not given), and what must hold of them.

    Raises:
        ValueError: a shape is wrong, or there are too few fish.
    """
    if first == "velocities":
        v = _checks.as_float("velocities", positions)
        if v.ndim != 2 or v.shape[1] != 3:
            raise ValueError(f"velocities must have shape (n, 3), got {v.shape}")
    x, v, box, checks = of_school(positions, velocities, box_size)
    if first == "velocities":
        checks = checks[1:]  # that of the positions, which stand in for them
    if x.shape[0] < fewest:
        raise ValueError(f"{first} must hold at least {fewest} fish, got {x.shape[0]}")
    if width is None:
        return x, v, box, None, checks
    (w,) = _checks.as_numbers(width=width)
    w = w.astype(x.dtype)
    return x, v, box, w, [*checks, _checks.positive("width", w)]


def some_kept(kept: Array) -> _checks.Check:
    """The entropy of cohesion holds some fish.

    Args:
        kept: how many.

    Returns:
        The check.
    """
    words = "positions must have a nearest neighbour within box_size / 2 for some fish"
    return _checks.Check(kept > 0, words, lambda: "none")


def not_a_point(total: Array) -> _checks.Check:
    """The fish are not all at one place.

    Args:
        total: variance.

    Returns:
        The check.
    """
    return _checks.Check(total > 0, "positions must not all be at one point", lambda: "one point")
