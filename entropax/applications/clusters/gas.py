"""Entropy of the gas in a cluster of galaxies, the time it takes to cool, and the entropy of the core."""

from typing import Any, Literal

import jax
import jax.numpy as jnp

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Real, RealScalar, Scalar

KEV = 1.602176634e-9
"""One keV in erg."""
GYR = 3.15576e16
"""A thousand million Julian years in seconds."""
_LAMBDA = 1e-23  # erg cm^3 / s: keeps every factor of a cooling time within the range of float32


def _together(**values: Any) -> tuple[Array, ...]:
    """Floating arrays of one dtype and one shape; numbers take the shape of the arrays."""
    arrays = _checks.as_floats(**values)
    shape = max((a.shape for a in arrays), key=len)
    for name, a in zip(values, arrays, strict=True):
        if a.shape not in ((), shape):
            raise ValueError(f"{name} must be a number or have shape {shape}, got {a.shape}")
    return tuple(jnp.broadcast_to(a, shape) for a in arrays)


def _positive(**values: Array) -> tuple[_checks.Check, ...]:
    return tuple(_checks.positive(name, x, batch_ndim=x.ndim) for name, x in values.items())


def gas_entropy(temperature: Real[ArrayLike, "*shape"], density: Real[ArrayLike, "*other"]) -> Float[Array, "*result"]:
    """Entropy of a gas as astronomers measure it, K = k_B T n_e^(-2/3).

    Args:
        temperature: k_B T in keV, positive, any shape.
        density: of electrons, n_e in cm^-3, positive, of the same shape or a number.

    Returns:
        K in keV cm^2.

    Raises:
        ValueError: shapes do not fit, or a value is not positive.

    Differentiable in both. Source: arXiv 2503.01969.
    """
    T, n = _together(temperature=temperature, density=density)
    return _checks.enforce(T * n ** (-2 / 3), *_positive(temperature=T, density=n))


def specific_gas_entropy(entropy: Real[ArrayLike, "*shape"]) -> Float[Array, "*shape"]:
    """Thermodynamic entropy per particle of a monatomic ideal gas, s = (3/2) log K + const.

    The constant is such that s = 0 at K = 1 keV cm^2. Heat q per particle changes it by q / (k_B T): a gas that only
    radiates has d log K / dt = -1 / t_cool.

    Args:
        entropy: K in keV cm^2, positive, any shape.

    Returns:
        s in nats per particle.

    Raises:
        ValueError: a value is not positive.

    Differentiable. Source: the Sackur-Tetrode law at gamma = 5/3.
    """
    K = _checks.as_float("entropy", entropy)
    return _checks.enforce(1.5 * jnp.log(K), *_positive(entropy=K))


def cooling_time(
    temperature: Real[ArrayLike, "*shape"],
    density: Real[ArrayLike, "*other"],
    cooling_function: Real[ArrayLike, "*another"],
    *,
    ion_ratio: RealScalar = 0.92,
) -> Float[Array, "*result"]:
    """Thermal energy over its loss by radiation, t_cool = (3/2) (n_e + n_i) k_B T / (n_e n_i Lambda).

    Args:
        temperature: k_B T in keV, positive, any shape.
        density: of electrons, n_e in cm^-3, positive, of the same shape or a number.
        cooling_function: Lambda in erg cm^3 / s, positive, of the same shape or a number.
        ion_ratio: n_i / n_e, positive; 0.92 is a fully ionised gas of cosmic composition.

    Returns:
        t_cool in Gyr.

    Raises:
        ValueError: shapes do not fit, or a value is not positive.

    Differentiable in all. Source: arXiv 2503.01969; the ratio is our reading.
    """
    T, n, L, ratio = _together(
        temperature=temperature, density=density, cooling_function=cooling_function, ion_ratio=ion_ratio
    )
    time = 1.5 * (1 + ratio) / ratio * T * (KEV / GYR / _LAMBDA) / (n * (L / _LAMBDA))
    return _checks.enforce(time, *_positive(temperature=T, density=n, cooling_function=L, ion_ratio=ratio))


def central_entropy(
    radii: Real[ArrayLike, "n"],
    entropy: Real[ArrayLike, "n"],
    mass: Real[ArrayLike, "n"],
    r500c: RealScalar,
    *,
    fraction: int | float = 0.012,
    mean: Literal["mass", "log"] = "mass",
    temperature: RealScalar | None = None,
) -> Scalar:
    """Mean entropy K0 inside an aperture around the centre, by default 0.012 r_500c.

    K0 = sum_i w_i K_i / sum_i w_i, or exp(sum_i w_i log K_i / sum_i w_i), with w_i = m_i inside the aperture and zero
    outside. With a temperature the edge is soft, w_i = m_i sigmoid((1 - r_i / R) / temperature), which tends to it;
    where no cell lies within the aperture that one has no value, and the soft one tends to the nearest cell's.
    The floor of a fitted profile (`fit_entropy_profile`) is another number.

    Args:
        radii: distances of gas cells from the centre, in the unit of r500c, shape (n,), not negative.
        entropy: K of the cells in keV cm^2, shape (n,), positive.
        mass: of the cells in any unit, shape (n,), positive.
        r500c: radius r_500c of the cluster, positive.
        fraction: aperture in units of r500c.
        mean: "mass" weights K by mass, "log" its logarithm.
        temperature: width of a soft edge as a fraction of the aperture, positive; None is the sharp one.

    Returns:
        K0 in keV cm^2. NaN or an error without a cell in a sharp aperture.

    Raises:
        ValueError: shapes do not fit, a value is out of range, or no cell lies within the aperture.

    Differentiable in entropy and mass; in radii and r500c with a temperature. Source: arXiv 2503.01969; the aperture as
    in A&A 687, A129 (2024).
    """
    r, K, m, R = _checks.as_floats(radii=radii, entropy=entropy, mass=mass, r500c=r500c)
    if r.ndim != 1 or not r.size:
        raise ValueError(f"radii must have shape (n,) with n >= 1, got {r.shape}")
    _checks.require_same_shape(radii=r, entropy=K, mass=m)
    _checks.as_numbers(r500c=R)
    _checks.require_option("mean", mean, ("mass", "log"))
    _checks.require_within("fraction", fraction, 0, float("inf"), open_below=True)
    checks = [
        _checks.nonnegative("radii", r),
        *(_checks.positive(name, x) for name, x in (("entropy", K), ("mass", m), ("r500c", R))),
    ]
    x = r / (fraction * R)
    if temperature is None:
        checks.append(_some_cell(x))
        K, m = _checks.enforce((K, m), *checks)  # here too: an empty aperture would hide it from the gradients
        w = m * (x <= 1).astype(m.dtype)
        w = w / jnp.where(jnp.any(w > 0), jnp.sum(w), 1)
    else:
        (width,) = _checks.as_floats(temperature=jnp.asarray(temperature, x.dtype))
        _checks.as_numbers(temperature=width)
        # By logarithms: where every cell is far outside all sigmoids are zero, but not their ratios.
        w = jax.nn.softmax(jnp.log(m) + jax.nn.log_sigmoid((1 - x) / width))
        checks.append(_checks.positive("temperature", width))
    K0 = jnp.sum(w * K) if mean == "mass" else jnp.exp(jnp.sum(w * jnp.log(K)))
    return _checks.enforce(K0, *checks)


def _some_cell(x: Array) -> _checks.Check:
    with _checks.evaluated_now(x):
        ok = jnp.any(x <= 1)
    return _checks.Check(
        ok, "radii must hold a cell within the aperture", lambda: f"the nearest at {float(jnp.min(x)):.3g} of it"
    )
