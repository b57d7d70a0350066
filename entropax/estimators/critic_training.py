"""Mutual information by training a critic: maximise a bound, stop by held-out pairs."""

import functools
import math
import os
from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import _checks, training
from entropax._typing import Array, ArrayLike, Bool, Float, Int, Key, PRNGKey, PyTree, Real
from entropax.estimators.variational import infonce, infonce_ceiling, max_test_epoch, variational_kl
from entropax.nn import VariationalCritic
from entropax.training.models import Parts, split_model

Bound = Callable[[Any], Any]

_SHARE_HELD_OUT = {"train": 0.0, "test": 1.0, "mean": 0.5}

PAIRS_AT_ONCE = 4_000_000
"""Pairs that an evaluation scores at a time, over all data sets trained together."""


class VariationalEstimate(eqx.Module):
    """Mutual information read off a trained critic. Of data sets trained together every field has a leading axis.

    Attributes:
        value: the estimate in nats, by default `train_value`. It may be negative.
        train_value: the bound on training pairs where every split is read, an optimistic value; mean over splits.
        test_value: the bound on held-out pairs there, a conservative value.
        split_values: `value` of every split, shape (splits,), of which it is the mean.
        split_epochs: the epoch at which every split is read, shape (splits,).
        train_curve: the bound on training pairs before training and after every epoch, mean over splits, shape
            (epochs + 1,).
        test_curve: the bound on held-out pairs, shape (epochs + 1,).
        smoothed_curve: `test_curve` as the max-test rule smooths it.
        best_epoch: where that is highest, 0 before training; of one split, where it is read.
        interior_maximum: whether that is neither before training nor after the last epoch.
        positive: whether `test_value` is above zero.
        generalizes: whether it is at least half of `train_value`: if not, what is read is mostly what was memorised.
        ceiling: the largest value the bound can take on the training pairs evaluated; infinity if it has none.
        test_ceiling: the same of the held-out pairs.
        below_ceiling: whether both values are at least a nat below their ceilings.
        finite: whether both curves are finite; without, the values are NaN.
        critic: the first split's critic after the best epoch, of standardised samples (`center`, `scale`); None if it
            was not to be kept.
        center: means of the columns of x and y, shapes (dx,), (dy,); zeros without standardising.
        scale: their standard deviations; ones without.
    """

    value: Float[Array, "*r"]
    train_value: Float[Array, "*r"]
    test_value: Float[Array, "*r"]
    split_values: Float[Array, "*r splits"]
    split_epochs: Int[Array, "*r splits"]
    train_curve: Float[Array, "*r evaluations"]
    test_curve: Float[Array, "*r evaluations"]
    smoothed_curve: Float[Array, "*r evaluations"]
    best_epoch: Int[Array, "*r"]
    interior_maximum: Bool[Array, "*r"]
    positive: Bool[Array, "*r"]
    generalizes: Bool[Array, "*r"]
    ceiling: float
    test_ceiling: float
    below_ceiling: Bool[Array, "*r"]
    finite: Bool[Array, "*r"]
    critic: Any
    center: tuple[Array, Array]
    scale: tuple[Array, Array]


def variational_mutual_information(
    x: Real[ArrayLike, "*r n dx"],
    y: Real[ArrayLike, "*r n dy"],
    make_critic: Callable[..., Any],
    *,
    key: Key[Array, "*r"],
    bound: Bound = infonce,
    epochs: int = 50,
    batch_size: int = 128,
    steps_per_epoch: int | None = None,
    learning_rate: float = 5e-4,
    optimizer: optax.GradientTransformation | None = None,
    test_fraction: float = 0.1,
    num_splits: int = 1,
    read: Literal["train", "test", "mean"] = "train",
    max_rows: int = 5000,
    standardize: bool = True,
    window: int = 5,
    sigma: float = 1.0,
    beta: float = 1024.0,
    reconstruction: float = 1.0,
    keep_critic: bool = True,
    progress: bool = False,
    checkpoint_dir: str | os.PathLike[str] | None = None,
) -> VariationalEstimate:
    """I(X; Y) by a critic that maximises a variational bound, stopped by the max-test rule.

    Some pairs are held out at random. At the start and after every epoch the bound is evaluated on them and on the
    training pairs; the best epoch is where the smoothed held-out curve is highest, and the estimate is read there, as
    in the source on the training pairs. Where nothing can be learned the best critic is the one not trained: make it
    with scores that start at zero (`zero_output`), and independent samples read zero. The estimate is biased by order
    1 / n: `subsample_extrapolate` removes that and says whether to believe the rest.

    On training pairs a critic flatters itself, and on others it falls short of the best one: near its optimum by the
    same amount, half the trace that Akaike's criterion knows. Reading the mean of both (`read="mean"`) cancels the two
    to first order. Stopping early keeps the first from falling as 1 / n, so it would survive the extrapolation.

    A `VariationalCritic` is trained on codes drawn from its encoders, by the loss
    KL(x codes | N(0, 1)) + KL(y codes | N(0, 1)) - beta bound (+ reconstruction (|x - x'|^2 + |y - y'|^2) / 2 with
    decoders), and evaluated at the codes' means.

    Data sets of equal shape can be trained together, x (r, n, dx) and y (r, n, dy) with r keys: each gets what it would
    get alone, in one compiled loop. A second call with equal shapes and the same functions compiles nothing.

    Args:
        x: samples, shape (n, dx), or (r, n, dx) for r data sets.
        y: the samples drawn with them, shape (n, dy) or (r, n, dy).
        make_critic: function (rngs=) -> critic, such as functools.partial(nn.SeparableCritic, dx, dy). A critic is a
            flax.nnx.Module or another pytree with parameters, callable as (x (n, dx), y (m, dy)) -> scores (n, m).
        key: source of randomness, one a data set: the split, the critic's start, the batches, the draws of codes.
        bound: function from scores to an estimate, such as `infonce` or `smile`.
        epochs: number of epochs, each followed by an evaluation.
        batch_size: pairs in a batch, distinct ones; all training pairs, if there are fewer.
        steps_per_epoch: steps between evaluations, by default as many as whole batches are in the training pairs.
        learning_rate: of Adam; not used with an optimizer.
        optimizer: an optax optimiser that treats every parameter by itself (no norms over all of them) if several data
            sets are trained together. Pass the same object again, or the loop compiles again.
        test_fraction: share of the pairs that is held out.
        num_splits: critics for each data set, every one with a split of its own: no pair is held out twice before all
            were once, so 1 / test_fraction splits are a cross-validation. Each is read at the best epoch of the mean of
            the *other* splits' held-out curves: read where its own curve is highest, an estimate from few pairs is
            biased upwards, and no information is found to be some. With few held-out pairs most of the noise of an
            estimate is that of the best epoch, which splits average.
        read: which pairs the estimate is read on: "train", "test" (held out), or the "mean" of both readings.
        max_rows: most training pairs that an evaluation scores.
        standardize: whether to subtract means and divide by standard deviations of the columns, over the training
            pairs, which changes no mutual information; a constant column is divided by one.
        window: of `max_test_epoch`.
        sigma: of `max_test_epoch`.
        beta: weight of the bound against the codes' price.
        reconstruction: weight of the decoders' losses.
        keep_critic: whether to return the critic, for which those of all epochs are held in memory.
        progress: whether to show a progress bar.
        checkpoint_dir: directory of checkpoints, from which an interrupted call resumes.

    Returns:
        A `VariationalEstimate`.

    Raises:
        ValueError: shapes do not fit, a sample is not finite, a count is below its least value, or fewer than two pairs
            would be held out.
        TypeError: a key of the old style, and what `training.fit` raises.

    It trains on the host's loop and is not differentiable; for the gradient of an estimate by samples differentiate
    bound(critic(x, y)) with the trained critic. Source: arXiv 2506.00330.
    """
    x, y, keys, single = _stacked(x, y, key)
    num_sets = keys.size
    n = x.shape[1]
    num_test = round(test_fraction * n)
    if not 0 < test_fraction < 1 or num_test < 2 or n - num_test < 2:
        raise ValueError(f"test_fraction must leave two pairs or more on either side, got {test_fraction} of {n}")
    for name, count, minimum in (
        ("epochs", epochs, 1),
        ("batch_size", batch_size, 2),
        ("max_rows", max_rows, 2),
        ("num_splits", num_splits, 1),
    ):
        _checks.require_integer(name, count, minimum=minimum)
    if read not in _SHARE_HELD_OUT:
        raise ValueError(f"read must be one of {', '.join(map(repr, _SHARE_HELD_OUT))}, got {read!r}")
    batch_size = min(batch_size, n - num_test)
    if steps_per_epoch is None:
        steps_per_epoch = (n - num_test) // batch_size
    _checks.require_integer("steps_per_epoch", steps_per_epoch, minimum=1)
    steps = epochs * steps_per_epoch
    keys = _split_keys(keys, num_splits)
    batches, record, center, scale = _prepared(
        x,
        y,
        keys,
        num_test=num_test,
        batch_size=batch_size,
        steps=steps,
        max_rows=max_rows,
        standardize=standardize,
        bound=bound,
        keep=keep_critic,
    )
    critics = _fresh(make_critic, keys)
    start = _evaluated(record, critics)
    fitted = training.fit(
        _Loss(bound, beta, reconstruction),
        critics,
        batches,
        _adam(learning_rate) if optimizer is None else optimizer,
        steps=steps,
        key=keys[0],
        record=record,
        record_every=steps_per_epoch,
        stop=None,  # where one of several data sets diverges the others go on
        steps_per_call=min(steps, 500),
        progress=progress,
        description="critic",
        checkpoint_dir=checkpoint_dir,
    )
    ceilings = (record.x.shape[1], num_test)
    ceilings = tuple(infonce_ceiling(rows) if bound is infonce else math.inf for rows in ceilings)
    share = _SHARE_HELD_OUT[read]
    said, best = _read(start, fitted.recorded, ceilings, share, num_sets=num_sets, window=window, sigma=sigma)
    critic = None
    if best is not None:
        structure, parts = split_model(fitted.model)
        critic = structure.join(Parts(best[0], best[1], jax.tree.map(lambda leaf: leaf[::num_splits], parts.random)))
    result = VariationalEstimate(
        **said,
        ceiling=ceilings[0],
        test_ceiling=ceilings[1],
        critic=critic,
        center=center,
        scale=scale,
    )
    return _first(result) if single else result


@functools.partial(jax.jit, static_argnames="num_splits")
def _split_keys(keys: Key[Array, "r"], num_splits: int) -> Key[Array, "k"]:
    """A key for every split of every data set, those of one set together."""
    splits = jnp.arange(num_splits, dtype=jnp.uint32)
    return jax.vmap(lambda key: jax.vmap(functools.partial(jax.random.fold_in, key))(splits))(keys).reshape(-1)


def _stacked(x: Any, y: Any, key: Any) -> tuple[Array, Array, Key[Array, "r"], bool]:
    x, y = _checks.as_floats(x=x, y=y)
    single = x.ndim == 2
    if x.ndim not in (2, 3):
        raise ValueError(f"x must have shape (n, dx) or (r, n, dx), got {x.shape}")
    if y.ndim != x.ndim or y.shape[:-1] != x.shape[:-1]:
        raise ValueError(f"y must have shape {(*x.shape[:-1], 'dy')}, got {y.shape}")
    if not (isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)) or single:
        _checks.require_key("key", key)
    if key.shape != x.shape[:-2]:
        raise ValueError(f"key must hold one key for each of {x.shape[0]} data sets, got shape {key.shape}")
    _checks.enforce((), _checks.finite("x", x), _checks.finite("y", y))
    return (x[None], y[None], key[None], True) if single else (x, y, key, False)


def _first(result: VariationalEstimate) -> VariationalEstimate:
    return jax.tree.map(lambda leaf: leaf[0] if isinstance(leaf, jax.Array) else leaf, result)


@functools.cache  # one object for equal rates, so that fits of one shape share a compiled loop
def _adam(learning_rate: float) -> optax.GradientTransformation:
    return optax.adam(learning_rate)


@functools.partial(jax.jit, static_argnames="make_critic")
def _fresh(make_critic: Callable[..., Any], keys: Key[Array, "r"]) -> Any:
    """One critic for every key, stacked."""
    return jax.vmap(lambda key: make_critic(rngs=nnx.Rngs(jax.random.fold_in(key, 0))))(keys)


class _Batches(eqx.Module):
    """Batches of distinct training pairs of every data set, each pair once in a pass."""

    x: Array
    y: Array
    order: Int[Array, "r steps b"]
    noise: Key[Array, "r"]

    def __call__(self, step: Array, *, key: PRNGKey) -> tuple[Array, Array, Array]:
        del key  # each data set has its own
        rows = self.order[:, step, :, None]
        take = functools.partial(jnp.take_along_axis, indices=rows, axis=1)
        return take(self.x), take(self.y), jax.vmap(jax.random.fold_in, (0, None))(self.noise, step)


class _Loss(eqx.Module):
    """The sum of the data sets' losses: the critics share nothing, so each gets its own gradient."""

    bound: Bound = eqx.field(static=True)
    beta: float = eqx.field(static=True)
    reconstruction: float = eqx.field(static=True)

    def __call__(self, critics: Any, batch: tuple[Array, Array, Array], *, key: PRNGKey) -> Array:
        del key
        mapped = nnx.vmap if isinstance(critics, nnx.Module) else jax.vmap
        return jnp.sum(mapped(self.of_one)(critics, *batch))

    def of_one(self, critic: Any, x: Array, y: Array, key: PRNGKey) -> Array:
        if not isinstance(critic, VariationalCritic):
            return -self.bound(critic(x, y))
        codes = critic.encode(x, y)
        zx, zy = (code.sample(key=k) for code, k in zip(codes, jax.random.split(key), strict=True))
        price = sum(jnp.mean(variational_kl(code.mean, code.log_variance)) for code in codes)
        loss = price - self.beta * self.bound(critic.score(zx, zy))
        if critic.decoders is not None:
            made = critic.decode(zx, zy)
            error = sum(jnp.mean(jnp.sum((a - b) ** 2, axis=-1)) for a, b in zip(made, (x, y), strict=True))
            loss = loss + self.reconstruction * error / 2
        return loss


class _Record(eqx.Module):
    """The bound of every critic on training and on held-out pairs, and the critic's arrays if they are to be kept."""

    x: Array
    y: Array
    x_test: Array
    y_test: Array
    bound: Bound = eqx.field(static=True)
    keep: bool = eqx.field(static=True)

    def __call__(self, critics: Any) -> dict[str, PyTree]:
        parts = split_model(critics)[1]
        if isinstance(critics, nnx.Module):
            critics.eval()
        at_once = max(1, PAIRS_AT_ONCE // self.x.shape[1] ** 2)
        train, test = jax.lax.map(
            lambda given: tuple(self.bound(given[0](a, b)) for a, b in (given[1:3], given[3:5])),
            (critics, self.x, self.y, self.x_test, self.y_test),
            batch_size=min(at_once, self.x.shape[0]),
        )
        return {"train": train, "test": test, "arrays": (parts.params, parts.variables) if self.keep else None}


@jax.jit
def _evaluated(record: _Record, critics: Any) -> dict[str, PyTree]:
    return record(critics)


@functools.partial(
    jax.jit, static_argnames=("num_test", "batch_size", "steps", "max_rows", "standardize", "bound", "keep")
)
def _prepared(
    x: Array,
    y: Array,
    keys: Key[Array, "r"],
    *,
    num_test: int,
    batch_size: int,
    steps: int,
    max_rows: int,
    standardize: bool,
    bound: Bound,
    keep: bool,
) -> tuple[_Batches, _Record, tuple[Array, Array], tuple[Array, Array]]:
    """Held-out and training pairs, standardised, and the order in which the latter are drawn."""
    num_splits = keys.size // x.shape[0]
    x, y = (jnp.repeat(z, num_splits, axis=0) for z in (x, y))
    num_train = x.shape[1] - num_test
    per_pass = num_train // batch_size

    def of_one(x: Array, y: Array, key: PRNGKey, order_key: PRNGKey, shift: Array) -> tuple:
        passes, noise = (jax.random.fold_in(key, i) for i in (2, 3))
        order = jnp.roll(jax.random.permutation(jax.random.fold_in(order_key, 1), x.shape[0]), shift)
        # The permutation applied, pairs are at random places: training pairs first, the held-out last.
        x, y = x[order], y[order]
        center = tuple(jnp.mean(z[:num_train], axis=0) if standardize else jnp.zeros_like(z[0]) for z in (x, y))
        scale = tuple(jnp.std(z[:num_train], axis=0) if standardize else jnp.ones_like(z[0]) for z in (x, y))
        scale = tuple(jnp.where(s > 0, s, 1) for s in scale)
        x, y = ((z - c[None]) / s[None] for z, c, s in zip((x, y), center, scale, strict=True))
        shuffled = jax.vmap(lambda k: jax.random.permutation(k, num_train)[: per_pass * batch_size])(
            jax.random.split(passes, -(-steps // per_pass))
        )
        return x, y, shuffled.reshape(-1, batch_size)[:steps].astype(jnp.int32), noise, center, scale

    # Splits of one data set share its order, turned on by as many pairs as are held out: no pair is held out twice
    # before all were once.
    order_keys = jnp.repeat(keys[::num_splits], num_splits)
    shifts = jnp.tile(num_test * jnp.arange(num_splits), keys.size // num_splits)
    x, y, order, noise, center, scale = jax.vmap(of_one)(x, y, keys, order_keys, shifts)
    rows = min(max_rows, num_train)
    batches = _Batches(x[:, :num_train], y[:, :num_train], order, noise)
    record = _Record(x[:, :rows], y[:, :rows], x[:, num_train:], y[:, num_train:], bound, keep)
    center, scale = (tuple(z[::num_splits] for z in pair) for pair in (center, scale))
    return batches, record, center, scale


def _means_of_the_others(splits: int, dtype: Any) -> Array:
    """A matrix from values of splits to means of the other splits' values."""
    return jnp.asarray((1 - np.eye(splits)) / (splits - 1), dtype)


@functools.partial(jax.jit, static_argnames=("ceilings", "share", "num_sets", "window", "sigma"))
def _read(
    start: dict[str, PyTree],
    recorded: dict[str, PyTree],
    ceilings: tuple[float, float],
    share: float,
    *,
    num_sets: int,
    window: int,
    sigma: float,
) -> tuple[dict[str, Array], tuple[PyTree, PyTree] | None]:
    """What the curves of every data set say, and the arrays of its first critic after its best epoch, if kept."""

    def mixed(train: Array, test: Array) -> Array:  # without the one that is not wanted, which may be infinite
        return {0.0: train, 1.0: test}.get(share, (1 - share) * train + share * test)

    def of_one(train: Array, test: Array) -> dict[str, Array]:
        mean_train, mean_test = jnp.mean(train, axis=1), jnp.mean(test, axis=1)
        chosen = max_test_epoch(mean_test, window=window, sigma=sigma)
        finite = chosen.valid & jnp.all(jnp.isfinite(mean_train))
        # What chose the epoch is not read there: the highest of noisy values flatters itself.
        judges = test if test.shape[1] == 1 else test @ _means_of_the_others(test.shape[1], test.dtype)
        epochs = jax.vmap(lambda curve: max_test_epoch(curve, window=window, sigma=sigma).epoch, in_axes=1)(judges)
        fitted, held_out = (
            jnp.where(finite, jnp.take_along_axis(curves, epochs[None], axis=0)[0], jnp.nan) for curves in (train, test)
        )
        by_split = mixed(fitted, held_out)
        fitted, held_out = jnp.mean(fitted), jnp.mean(held_out)
        return {
            "value": jnp.mean(by_split),
            "train_value": fitted,
            "test_value": held_out,
            "split_values": by_split,
            "split_epochs": epochs,
            "train_curve": mean_train,
            "test_curve": mean_test,
            "smoothed_curve": chosen.smoothed,
            "best_epoch": chosen.epoch,
            "interior_maximum": chosen.interior & finite,
            "positive": held_out > 0,
            "generalizes": held_out >= fitted / 2,
            "below_ceiling": (fitted <= ceilings[0] - 1) & (held_out <= ceilings[1] - 1),
            "finite": finite,
        }

    recorded = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), start, recorded)
    curves = (recorded[name].reshape(recorded[name].shape[0], num_sets, -1) for name in ("train", "test"))
    said = jax.vmap(of_one, in_axes=1)(*curves)
    first = jnp.arange(num_sets) * (recorded["train"].shape[1] // num_sets)
    return said, jax.tree.map(lambda leaf: leaf[said["best_epoch"], first], recorded["arrays"])
