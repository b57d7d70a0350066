"""Knots of a Kolmogorov-Arnold network that follow the samples, and finer ones."""

from collections.abc import Callable
from typing import cast

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, ArrayLike, Real, RealScalar
from entropax.nn.bsplines import extended
from entropax.nn.kan import KAN, KANLayer


def update_grid(network: KAN, x: Real[ArrayLike, "n num_in"], *, eps: RealScalar = 0.02) -> KAN:
    """A network with its knots where the samples are, and nearly the same function.

    From the first layer on, knots of input i are eps u + (1 - eps) q: u divides the range of what the samples bring to
    that input evenly, q are its quantiles. Coefficients are fitted anew to the old spline at the samples, by least
    squares, the smallest where those leave a choice. The next layer sees the samples through the layers so made.

    Away from the samples functions may change. An input that is the same for all samples, but for rounding, keeps its
    knots. Knots that are not equally spaced cost the recursion of Cox and de Boor at every call: of [64 -> 64] on 4096
    rows as much as the closed form, and two to three times as much with gradients by the inputs.

    Args:
        network: of `KANLayer`s; not changed.
        x: samples, shape (n, num_in).
        eps: weight of the even division, in (0, 1]; below 1 many equal samples make knots coincide but for it.

    Returns:
        A new network of the same sizes.

    Raises:
        ValueError: a shape does not fit, eps is out of range, or a sample is not finite.
        TypeError: a layer has no knots.

    Differentiable through the fit, not meant to be. Source: arXiv 2404.19756, section 2.5; pykan.
    """
    samples, eps = _samples(network, x), _checks.as_numbers(eps=eps)[0]
    inside = _checks.within("eps", eps, jnp.finfo(eps.dtype).tiny, 1, "in (0, 1]")
    samples = _checks.enforce(samples, inside, _checks.finite("x", samples))

    def follow(layer: KANLayer, values: Array) -> KANLayer:
        G, k = layer.intervals, layer.order
        weight = eps.astype(values.dtype)
        shares = jnp.linspace(0, 1, G + 1, dtype=values.dtype)
        quantiles = jnp.quantile(values, shares, axis=0)
        even = quantiles[:1] + shares[:, None] * (quantiles[-1:] - quantiles[:1])
        inner = quantiles.at[1:-1].set((weight * even + (1 - weight) * quantiles)[1:-1])  # no rounding at the ends
        knots = extended(inner, k)
        varies = jnp.all(jnp.diff(knots, axis=0) > 0, axis=0)  # not so if the samples differ by rounding alone
        old = layer.knots.astype(values.dtype)
        new = nnx.clone(layer)
        new.adapted = nnx.Variable(jnp.where(varies[None], knots, old).astype(layer.coefficients.dtype))
        return _fitted(new, layer, values, varies)

    return _layer_by_layer(network, samples, follow)


def extend_grid(network: KAN, x: Real[ArrayLike, "n num_in"], *, intervals: int) -> KAN:
    """A network with more intervals, and nearly the same function: for a coarse fit that is to be made finer.

    New knots divide the old intervals evenly. Coefficients are fitted to the old spline at the samples by least
    squares: exactly, inside their range, where every old knot is a new one (twice, three times as many intervals) and
    samples lie in all of them.

    Args:
        network: of `KANLayer`s; not changed.
        x: samples, shape (n, num_in).
        intervals: the new G of every layer.

    Returns:
        A new network.

    Raises:
        ValueError: a shape does not fit, intervals is not positive, or a sample is not finite.
        TypeError: a layer has no knots.

    Differentiable through the fit, not meant to be. Source: arXiv 2404.19756, section 2.4.
    """
    _checks.require_integer("intervals", intervals, minimum=1)
    samples = _samples(network, x)
    samples = _checks.enforce(samples, _checks.finite("x", samples))

    def refine(layer: KANLayer, values: Array) -> KANLayer:
        G, k = layer.intervals, layer.order
        new = nnx.clone(layer)
        new.intervals = intervals
        if layer.adapted is not None:
            old = layer.knots[k : k + G + 1]
            at = jnp.linspace(0, G, intervals + 1, dtype=old.dtype)
            interpolate = jax.vmap(lambda t: jnp.interp(at, jnp.arange(G + 1, dtype=old.dtype), t), 1, 1)
            new.adapted = nnx.Variable(extended(interpolate(old), k))
        return _fitted(new, layer, values, jnp.ones(layer.num_in, bool) if intervals != G else None)

    return _layer_by_layer(network, samples, refine)


def _samples(network: KAN, x: Real[ArrayLike, "n num_in"]) -> Array:
    for layer in network.layers:
        if not isinstance(layer, KANLayer):
            raise TypeError(f"network must consist of KANLayers to have knots, got a {type(layer).__name__}")
    samples = _checks.accumulated(_checks.as_float("x", x))
    if samples.ndim != 2 or samples.shape[0] < 1 or samples.shape[1] != network.widths[0]:
        raise ValueError(f"x must have shape (n, {network.widths[0]}) with n >= 1, got {samples.shape}")
    return samples


def _layer_by_layer(network: KAN, values: Array, change: Callable[[KANLayer, Array], KANLayer]) -> KAN:
    new = nnx.clone(network)
    layers = []
    for layer in network.layers:
        layers.append(change(cast(KANLayer, layer), values))
        values = layers[-1](values)
    new.layers = nnx.List(layers)
    return new


def _fitted(new: KANLayer, old: KANLayer, values: Array, change: Array | None) -> KANLayer:
    """`new` with the coefficients whose splines are the old ones at the values, of the inputs that change."""
    c = old.coefficients[...].astype(values.dtype)
    if change is None:
        return new
    splines = jnp.einsum("ngi,gio->nio", old.basis(values), c)
    basis = new.basis(values)
    # One input after another: each is a small problem, and LAPACK is called once at a time.
    solved = jax.lax.map(
        lambda pair: jnp.linalg.lstsq(*pair)[0], (basis.transpose(2, 0, 1), splines.transpose(1, 0, 2))
    )
    fitted = solved.transpose(1, 0, 2)
    if fitted.shape == c.shape:
        fitted = jnp.where(change[None, :, None], fitted, c)
    new.coefficients = nnx.Param(fitted.astype(old.coefficients.dtype))
    return new
