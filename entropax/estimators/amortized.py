"""Mutual information by one pass of a network that was trained on data sets of known mutual information (MIST)."""

import functools
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks, nn, training
from entropax._typing import Array, ArrayLike, Float, Real, Scalar
from entropax.estimators.row_features import PREPROCESSINGS, num_features, paired_rows

WEIGHTS = Path(__file__).parent / "weights"
"""Where the weights that ship are, with their model card."""


class Interval(eqx.Module):
    """An estimate and the interval around it.

    Attributes:
        value: the estimate.
        lower: the lower end.
        upper: the upper end.
    """

    value: Scalar
    lower: Scalar
    upper: Scalar


class AmortizedEstimator(eqx.Module):
    """A set network, the preprocessing it was trained with, and the range of data it was trained on.

    Calling it with x and y gives the estimate, as `amortized_mutual_information` does.

    Attributes:
        network: a `nn.SetTransformer` or another module with `summarize(rows, mask)` and `heads`.
        preprocessing: option of `paired_rows`.
        dims: smallest and largest d = dx = dy of the training data; the largest is the width of a side.
        num_samples: smallest and largest n of the training data.
    """

    network: Any
    preprocessing: str = eqx.field(static=True)
    dims: tuple[int, int] = eqx.field(static=True)
    num_samples: tuple[int, int] = eqx.field(static=True)

    def __init__(self, network: Any, *, preprocessing: str, dims: tuple[int, int], num_samples: tuple[int, int]):
        """Puts the parts together.

        Args:
            network: a `nn.SetTransformer` for rows of `preprocessing`.
            preprocessing: option of `paired_rows`.
            dims: smallest and largest d of the training data.
            num_samples: smallest and largest n of the training data.

        Raises:
            ValueError: an unknown option, an empty range, or a network for rows of another size.
        """
        _checks.require_option("preprocessing", preprocessing, PREPROCESSINGS)
        for name, (low, high), least in (("dims", dims, 1), ("num_samples", num_samples, 2)):
            if not least <= low <= high:
                raise ValueError(f"{name} must be a range that starts at {least} or more, got {(low, high)}")
        expected = num_features(preprocessing, dims[1])
        if network.num_features != expected:
            raise ValueError(f"network must take rows of {expected} features, got one for {network.num_features}")
        self.network, self.preprocessing = network, preprocessing
        self.dims, self.num_samples = (dims[0], dims[1]), (num_samples[0], num_samples[1])

    @classmethod
    def untrained(
        cls, *, preprocessing: str, dims: tuple[int, int], num_samples: tuple[int, int], rngs: nnx.Rngs, **sizes: Any
    ) -> "AmortizedEstimator":
        """An estimator with a fresh `nn.SetTransformer` that has both heads, by default without biases of keys.

        Args:
            preprocessing: option of `paired_rows`.
            dims: smallest and largest d it is going to be trained on.
            num_samples: smallest and largest n.
            rngs: source of randomness.
            **sizes: of the network, and its other options, by their keywords.

        Returns:
            The estimator, to be trained.
        """
        options = {"quantiles": True, "activation": jax.nn.gelu, "key_bias": False} | sizes
        network = nn.SetTransformer(num_features(preprocessing, dims[1]), **options, rngs=rngs)
        return cls(network, preprocessing=preprocessing, dims=dims, num_samples=num_samples)

    def __call__(self, x: Real[ArrayLike, "n dx"], y: Real[ArrayLike, "n dy"]) -> Scalar:
        """The estimate of `amortized_mutual_information` with this model.

        Args:
            x: shape (n, dx).
            y: shape (n, dy).

        Returns:
            I(X; Y) in nats.
        """
        return amortized_mutual_information(x, y, model=self)


@functools.cache
def pretrained_mist() -> AmortizedEstimator:
    """The estimator that ships, a network that was trained on the meta-distribution of `meta_batch`.

    What it was trained on, the range it is valid in, its errors by family and n and its calibration stand in its model
    card, `weights/MIST.md` beside this module. The weights are read at the first call.

    Returns:
        The estimator, with a head for the mean and one for quantiles.

    Raises:
        ValueError: the file of the weights is not the one that shipped.
        OSError: it cannot be read.
    """
    recipe = json.loads((WEIGHTS / "mist.json").read_text(encoding="utf-8"))
    ranges = {name: (recipe[name][0], recipe[name][1]) for name in ("dims", "num_samples")}

    def untrained() -> nn.SetTransformer:
        model = AmortizedEstimator.untrained(
            preprocessing=recipe["preprocessing"], **ranges, rngs=nnx.Rngs(0), **recipe["sizes"]
        )
        return model.network

    # Only the structure: drawing numbers that are thrown away would take seconds to compile.
    structure = nnx.eval_shape(untrained)
    with jax.ensure_compile_time_eval():  # the first call may come from inside a transformation
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), structure)
        network = training.load_weights(blank, WEIGHTS / "mist.safetensors", sha256=recipe["sha256"])
    return AmortizedEstimator(network, preprocessing=recipe["preprocessing"], **ranges)


def amortized_mutual_information(
    x: Real[ArrayLike, "n dx"],
    y: Real[ArrayLike, "n dy"],
    *,
    model: AmortizedEstimator | None = None,
    temperature: float = 0.1,
    extrapolate: bool = False,
) -> Scalar:
    """I(X; Y) in nats as a trained network reads it off the samples: nothing is fitted.

    The estimate is the network's guess of the mean of I given the data, over data sets like those it was trained on:
    it is a posterior mean and carries that prior. It can be negative.

    Args:
        x: samples, shape (n, dx).
        y: samples in the same order, shape (n, dy).
        model: the estimator; by default the one that ships, `pretrained_mist`.
        temperature: of the ranks, for models with a preprocessing by ranks: see `normal_scores`. Zero takes hard ranks,
            invariant to increasing maps of every coordinate and without a gradient.
        extrapolate: whether data outside the model's training range are taken: n, or d below it, or dx other than dy.

    Returns:
        The estimate, in float32 for inputs of lower precision.

    Raises:
        ValueError: shapes do not fit, n < 2, data are outside the training range without `extrapolate`, a side has more
            coordinates than the model takes, or an entry is not finite (under a transformation the result is NaN).

    Differentiable in x and y; not with hard ranks. Source: arXiv 2511.18945.
    """
    a, b, chosen = _prepared(x, y, model, extrapolate)
    return _point(chosen, a, b, temperature=float(temperature))


def amortized_quantiles(
    x: Real[ArrayLike, "n dx"],
    y: Real[ArrayLike, "n dy"],
    levels: Real[ArrayLike, "q"],
    *,
    model: AmortizedEstimator | None = None,
    temperature: float = 0.1,
    extrapolate: bool = False,
) -> Float[Array, "q"]:
    """Quantiles of I(X; Y) given the samples, in nats, over data sets like those the network was trained on (MIST-QR).

    The network's quantiles may cross; they are put in order (Chernozhukov et al., doi 10.3982/ECTA7880), so that a
    higher level never has a lower quantile.

    Args:
        x: samples, shape (n, dx).
        y: samples in the same order, shape (n, dy).
        levels: tau, shape (q,), each in (0, 1).
        model: an estimator whose network has a head for quantiles; by default the one that ships.
        temperature: as in `amortized_mutual_information`.
        extrapolate: as there.

    Returns:
        The quantile of each level, shape (q,).

    Raises:
        ValueError: as there, or a level outside (0, 1) (under a transformation the result is NaN).

    Differentiable in x, y and the levels; not in x and y with hard ranks. Source: arXiv 2511.18945.
    """
    a, b, chosen = _prepared(x, y, model, extrapolate)
    taus = _checks.as_float("levels", levels)
    if taus.ndim != 1 or taus.shape[0] < 1:
        raise ValueError(f"levels must have shape (q,) with q >= 1, got {taus.shape}")
    inside = _checks.within("levels", taus, jnp.finfo(taus.dtype).tiny, 1 - jnp.finfo(taus.dtype).epsneg, "in (0, 1)")
    # Rectifiers pass no gradient where they see a NaN: faults of the samples must reach the levels by themselves.
    taus = _checks.enforce(taus, _checks.finite("x", a), _checks.finite("y", b))
    return _checks.enforce(_quantiles(chosen, a, b, taus, temperature=float(temperature)), inside)


def amortized_interval(
    x: Real[ArrayLike, "n dx"],
    y: Real[ArrayLike, "n dy"],
    *,
    confidence: float = 0.9,
    model: AmortizedEstimator | None = None,
    temperature: float = 0.1,
    extrapolate: bool = False,
) -> Interval:
    """The estimate of I(X; Y) with the interval that holds it with a given probability, from one pass.

    The interval reaches from the (1 - c) / 2 to the (1 + c) / 2 quantile; it holds with probability c over data sets
    like those the network was trained on, not for any one of them.

    Args:
        x: samples, shape (n, dx).
        y: samples in the same order, shape (n, dy).
        confidence: c, in (0, 1).
        model: an estimator whose network has a head for quantiles; by default the one that ships.
        temperature: as in `amortized_mutual_information`.
        extrapolate: as there.

    Returns:
        The estimate (the median, if the network has a head for quantiles alone) and both ends, in nats.

    Raises:
        ValueError: as there, or a confidence outside (0, 1).

    Differentiable as `amortized_mutual_information` is.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    a, b, chosen = _prepared(x, y, model, extrapolate)
    return _interval(chosen, a, b, confidence=float(confidence), temperature=float(temperature))


def _prepared(
    x: Any, y: Any, model: AmortizedEstimator | None, extrapolate: bool
) -> tuple[Array, Array, AmortizedEstimator]:
    """The samples as arrays that the model takes, and the model."""
    model = pretrained_mist() if model is None else model
    a, b = _checks.as_floats(x=x, y=y)
    for name, side in (("x", a), ("y", b)):
        if side.ndim != 2 or side.shape[1] < 1:
            raise ValueError(f"{name} must have shape (n, d) with d >= 1, got {side.shape}")
        if side.shape[1] > model.dims[1]:
            raise ValueError(f"{name} must have at most the model's {model.dims[1]} coordinates, got {side.shape[1]}")
    n, dx, dy = a.shape[0], a.shape[1], b.shape[1]
    if b.shape[0] != n:
        raise ValueError(f"y must have as many rows as x, {n}, got {b.shape[0]}")
    if n < 2:
        raise ValueError(f"x must have at least 2 rows, got {n}")
    if not extrapolate:
        _require_range("n, the number of rows of x,", n, model.num_samples)
        _require_range("d, the number of coordinates of x,", dx, model.dims)
        if dx != dy:
            raise ValueError(
                f"y must have as many coordinates as x, {dx}, like the data the model was trained on, got {dy}; "
                "extrapolate=True takes it all the same"
            )
    a, b = _checks.enforce((a, b), _checks.finite("x", a), _checks.finite("y", b))
    return a, b, model


def _require_range(what: str, value: int, limits: tuple[int, int]) -> None:
    if not limits[0] <= value <= limits[1]:
        raise ValueError(
            f"{what} must lie in [{limits[0]}, {limits[1]}], the range the model was trained on, got {value}; "
            "extrapolate=True takes it all the same"
        )


def _summary(model: AmortizedEstimator, x: Array, y: Array, temperature: float) -> Array:
    rows = paired_rows(x, y, max_dim=model.dims[1], preprocessing=model.preprocessing, temperature=temperature)
    return model.network.summarize(rows)


@functools.partial(jax.jit, static_argnames="temperature")
def _point(model: AmortizedEstimator, x: Array, y: Array, *, temperature: float) -> Array:
    return model.network.heads(_summary(model, x, y, temperature))


@functools.partial(jax.jit, static_argnames="temperature")
def _quantiles(model: AmortizedEstimator, x: Array, y: Array, levels: Array, *, temperature: float) -> Array:
    return _in_order(model.network.heads.quantiles(_summary(model, x, y, temperature), levels), levels)


@functools.partial(jax.jit, static_argnames=("confidence", "temperature"))
def _interval(model: AmortizedEstimator, x: Array, y: Array, *, confidence: float, temperature: float) -> Interval:
    summary = _summary(model, x, y, temperature)
    levels = jnp.asarray([(1 - confidence) / 2, (1 + confidence) / 2], summary.dtype)
    lower, upper = _in_order(model.network.heads.quantiles(summary, levels), levels)
    return Interval(model.network.heads(summary), lower, upper)


def _in_order(quantiles: Array, levels: Array) -> Array:
    """The quantiles rearranged so that they rise with their levels."""
    order = jnp.argsort(levels)
    return jnp.zeros_like(quantiles).at[order].set(jnp.sort(quantiles))
