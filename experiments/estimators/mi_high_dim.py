"""Mutual information in high dimension: what decides the samples needed is the dimension of what is shared.

Latent pairs of K_Z dimensions behind random networks of K = 100 outputs; the protocol (separable InfoNCE critic,
max-test stopping, chunks of n / gamma rows, extrapolation to infinite data) is to recover their information from 1000
rows, to say where the critic's embedding saturates, and to refuse what it cannot know. Everything is trained in
float32; data sets of equal shape share one compiled loop.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators, nn
from experiments.claims import Bounds, Claim, Estimate, Near, Ordering, WithinErrors
from experiments.estimators._latent_pairs import correlated, digit_pairs, latent_pairs
from experiments.estimators._mi_high_dim_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "mi-high-dim"
TITLE = "Accurate estimation of mutual information in high dimensional data"
ARXIV = "2506.00330"

BIT = math.log(2)


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        rows: n of the synthetic data sets.
        observed: K.
        latents: K_Z of the data sets.
        bits: their information.
        gammas: numbers of chunks.
        splits: splits of each chunk into training and held-out pairs, whose curves are averaged.
        epochs: evaluations.
        steps_per_epoch: steps between evaluations.
        embed: dimension of the critic's embedding.
        dimensions: those of the sweep.
        high_bits: information of the data set with much of it.
        high_rows: its rows.
        high_epochs: its epochs, each one pass over the data.
        high_seeds: networks and data sets drawn for it.
        digit_noise: of the digits' views.
        digit_rotation: of the digits' views, in degrees.
    """

    rows: int = 1000
    observed: int = 100
    latents: tuple[int, ...] = (1, 2, 3, 4)
    bits: tuple[float, ...] = (1.0, 2.0)
    gammas: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    splits: int = 2
    epochs: int = 50
    steps_per_epoch: int = 5
    embed: int = 8
    dimensions: tuple[int, ...] = (1, 2, 3, 4, 8)
    high_bits: float = 6.0
    high_rows: int = 3000
    high_epochs: int = 40
    high_seeds: int = 2
    digit_noise: float = 0.1
    digit_rotation: float = 15.0


PRESETS: dict[str, Config] = {
    "smoke": Config(
        rows=200,
        observed=20,
        latents=(1, 2),
        bits=(1.0,),
        gammas=(1, 2, 3),
        splits=1,
        epochs=6,
        steps_per_epoch=2,
        embed=2,
        dimensions=(1, 2),
        high_rows=300,
        high_epochs=3,
        high_seeds=2,
    ),
    "default": Config(),
    "full": Config(
        rows=4096,
        observed=500,
        bits=(1.0, 2.0, 4.0),
        gammas=tuple(range(1, 11)),
        splits=5,
        epochs=100,
        embed=64,
        dimensions=(1, 2, 3, 4, 6, 8, 16, 32, 64),
        high_rows=8192,
        high_epochs=100,
        high_seeds=5,
    ),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("recovery: largest relative error", "within 15%", "abstract; latents' closed form", Bounds(upper=0.15)),
    Claim("recovery: largest error in error bars", "within 2", "abstract; latents' closed form", Bounds(upper=2.0)),
    Claim("recovery: share flagged reliable", "most", "protocol", Bounds(lower=0.5)),
    *(
        Claim(f"sweep: dimension of saturation, K_Z = {k}", float(k), "saturation at K_Z", Near(absolute=0.5))
        for k in (1, 2, 3, 4)
    ),
    Claim("full rank, undersampled: checks failed", "unreliable", "consistency checks", Bounds(lower=1)),
    Claim("shuffled pairs (bits)", 0.0, "independence", WithinErrors(2.0, 0.3)),
    Claim(
        "much information: size of the bias (bits)",
        "VSIB with SMILE below InfoNCE",
        "abstract: VSIB critics have lower bias",
        Ordering(("VSIB with SMILE", "InfoNCE")),
    ),
    Claim("digits, two views (bits)", math.log2(10), "information of the label", Near(relative=0.15)),
)


def separable(observed: int, embed: int) -> Callable[..., Any]:
    """A maker of separable critics; one object for equal sizes, so that calls share what is compiled."""
    return _maker(nn.SeparableCritic, observed, embed)


@functools.cache
def _maker(kind: Any, observed: int, embed: int) -> Callable[..., Any]:
    return functools.partial(kind, observed, observed, embed=embed)


def protocol(config: Config, x: Any, y: Any, *, key: jax.Array, torn: bool = False) -> estimators.SubsampledEstimate:
    """The extrapolated estimate of one data set, by separable InfoNCE.

    Args:
        config: sizes.
        x: samples.
        y: samples.
        key: source of randomness.
        torn: whether to shuffle y, for the control.
    """
    estimator = functools.partial(
        estimators.variational_mutual_information,
        make_critic=separable(x.shape[1], config.embed),
        epochs=config.epochs,
        steps_per_epoch=config.steps_per_epoch,
        num_splits=config.splits,
        keep_critic=False,
    )
    options: dict[str, Any] = {"key": key, "gammas": config.gammas, "batched": True}
    if torn:
        return estimators.shuffled_control(estimator, x, y, **options).estimate
    return estimators.subsample_extrapolate(estimator, x, y, **options)


def failed_checks(estimate: estimators.SubsampledEstimate) -> tuple[str, ...]:
    """The names of the checks that an estimate fails."""
    line = estimate.extrapolation
    checks = {
        "linear": line.linear,
        "enough": line.enough,
        "stable": line.stable,
        "interior_maximum": estimate.interior_maximum,
        "positive": estimate.positive,
        "below_ceiling": estimate.below_ceiling,
    }
    return tuple(name for name, passed in checks.items() if passed is not None and not bool(passed))


def sweep(config: Config, data: dict[int, Any], *, key: jax.Array) -> dict[int, tuple[np.ndarray, np.ndarray, int]]:
    """Estimates on all rows by the critic's embedding dimension: means in nats, errors, and where they saturate.

    All data sets are trained together for each dimension; the error is the scatter between splits.
    """
    x, y = (jnp.stack([pair[side] for pair in data.values()]) for side in (0, 1))
    keys = jax.random.split(key, len(data))
    means, errors = [], []
    for dimension in config.dimensions:
        found = estimators.variational_mutual_information(
            x,
            y,
            separable(config.observed, dimension),
            key=keys,
            epochs=config.epochs,
            steps_per_epoch=config.steps_per_epoch,
            num_splits=max(config.splits, 2),
            keep_critic=False,
        )
        means.append(np.asarray(found.value))
        scatter = np.std(found.split_values, axis=1, ddof=1)
        errors.append(np.maximum(scatter / found.split_values.shape[1] ** 0.5, 1e-4))
    values, bars = np.stack(means, 1), np.stack(errors, 1)
    return {
        latent: (v, s, int(estimators.saturation(config.dimensions, v, s).dimension))
        for latent, v, s in zip(data, values, bars, strict=True)
    }


def much_information(config: Config, *, key: jax.Array) -> dict[str, estimators.VariationalEstimate]:
    """Deterministic InfoNCE and variational SMILE critics on data with much information, on several data sets."""
    latent = max(config.latents)
    pairs = [
        latent_pairs(
            jax.random.fold_in(key, i),
            rows=config.high_rows,
            latent=latent,
            observed=config.observed,
            information=config.high_bits * BIT,
        )
        for i in range(config.high_seeds)
    ]
    x, y = (jnp.stack(side) for side in zip(*pairs, strict=True))
    options: dict[str, Any] = {
        "key": jax.random.split(key, config.high_seeds),
        "epochs": config.high_epochs,
        "keep_critic": False,
    }
    variational = _maker(nn.VariationalCritic, config.observed, config.embed)
    return {
        "InfoNCE": estimators.variational_mutual_information(x, y, separable(config.observed, config.embed), **options),
        "VSIB with SMILE": estimators.variational_mutual_information(
            x, y, variational, bound=estimators.smile, **options
        ),
    }


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: every part is short.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    keys = dict(zip(("data", "fits", "sweep", "rank", "torn", "high", "digits"), jax.random.split(key, 7), strict=True))
    sets = {
        (latent, bits): latent_pairs(
            jax.random.fold_in(jax.random.fold_in(keys["data"], latent), round(100 * bits)),
            rows=config.rows,
            latent=latent,
            observed=config.observed,
            information=bits * BIT,
        )
        for latent in config.latents
        for bits in config.bits
    }
    with stage("recover the information of latent pairs"):
        recovered = {
            name: protocol(config, *pair, key=jax.random.fold_in(keys["fits"], i))
            for i, (name, pair) in enumerate(sets.items())
        }
    with stage("check full-rank data and shuffled pairs"):
        x, y = correlated(keys["rank"], config.rows, config.observed, config.bits[-1] * BIT)
        full_rank = protocol(config, x, y, key=keys["rank"])
        torn = protocol(config, *sets[config.latents[-1], config.bits[-1]], key=keys["torn"], torn=True)
    with stage("sweep the embedding's dimension"):
        swept = sweep(config, {k: sets[k, config.bits[-1]] for k in config.latents}, key=keys["sweep"])
    with stage("compare critics at much information"):
        high = much_information(config, key=keys["high"])
    with stage("measure two views of digits"):
        seed = int(jax.random.randint(keys["digits"], (), 0, 2**31 - 1))
        *views, _ = digit_pairs(seed, noise=config.digit_noise, rotation=config.digit_rotation)
        digits = protocol(config, *map(jnp.asarray, views), key=keys["digits"])
    return _judged(config, recovered, full_rank, torn, digits, swept, high)


def _judged(config: Config, recovered: Any, full_rank: Any, torn: Any, digits: Any, swept: Any, high: Any) -> Result:
    """What the parts say of the claims."""
    truths = {name: name[1] * BIT for name in recovered}
    errors = {name: float(found.value) - truths[name] for name, found in recovered.items()}
    bias = {name: abs(float(np.mean(found.value)) / BIT - config.high_bits) for name, found in high.items()}
    measured: dict[str, Any] = {
        "recovery: largest relative error": max(abs(e) / truths[name] for name, e in errors.items()),
        "recovery: largest error in error bars": max(
            abs(e) / float(recovered[name].standard_error) for name, e in errors.items()
        ),
        "recovery: share flagged reliable": float(np.mean([bool(found.reliable) for found in recovered.values()])),
        **{f"sweep: dimension of saturation, K_Z = {k}": swept[k][2] for k in config.latents if k in (1, 2, 3, 4)},
        "full rank, undersampled: checks failed": len(failed_checks(full_rank)),
        "shuffled pairs (bits)": Estimate(float(torn.value) / BIT, float(torn.standard_error) / BIT),
        "much information: size of the bias (bits)": bias,
        "digits, two views (bits)": float(digits.value) / BIT,
    }
    data = _dataset(config, recovered, full_rank, torn, digits, swept, high)
    remarks = {"full rank, undersampled: checks failed": "failed: " + (", ".join(failed_checks(full_rank)) or "none")}
    # An inner product spends a dimension beside the K_Z on the log ratio's function of y alone, which InfoNCE needs.
    remarks |= {
        f"sweep: dimension of saturation, K_Z = {k}": "a separable critic needs K_Z + 1: one for a function of y alone"
        for k in config.latents
        if k in (1, 2, 3, 4)
    }
    late = [name for name, found in high.items() if not bool(np.all(found.interior_maximum))]
    if late:
        remarks["much information: size of the bias (bits)"] = f"held-out curve still rising: {', '.join(late)}"
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _dataset(
    config: Config, recovered: Any, full_rank: Any, torn: Any, digits: Any, swept: Any, high: Any
) -> "xarray.Dataset":
    import xarray

    bits = {"units": "bits"}
    protocols = {f"K_Z = {k}, {b:g} bits": found for (k, b), found in recovered.items()}
    truths = [b for _, b in recovered] + [config.bits[-1], 0.0, math.log2(10)]
    protocols |= {f"full rank, {config.bits[-1]:g} bits": full_rank, "shuffled pairs": torn, "digits": digits}
    points = [(g, i) for g in config.gammas for i in range(g)]
    estimates = np.stack([np.concatenate([np.asarray(e) for e in found.estimates]) for found in protocols.values()])
    column = lambda read: np.array([float(read(found)) for found in protocols.values()])  # noqa: E731
    return xarray.Dataset(
        {
            "truth": ("data", np.array(truths), bits),
            "estimate": ("data", column(lambda f: f.value) / BIT, bits),
            "standard_error": ("data", column(lambda f: f.standard_error) / BIT, bits),
            "slope": ("data", column(lambda f: f.extrapolation.slope) / BIT, bits),
            "whole": ("data", column(lambda f: f.whole.value[0]) / BIT, bits),
            "held_out": ("data", column(lambda f: f.whole.test_value[0]) / BIT, bits),
            "failed_checks": ("data", [", ".join(failed_checks(found)) or "none" for found in protocols.values()]),
            "num_gammas": ("data", column(lambda f: f.extrapolation.num_gammas), {"units": "1"}),
            "reliable": ("data", column(lambda f: f.reliable), {"units": "1"}),
            "chunk_estimates": (("data", "chunk"), estimates / BIT, bits),
            "sweep": (("latent", "dimension"), np.stack([v for v, _, _ in swept.values()]) / BIT, bits),
            "sweep_error": (("latent", "dimension"), np.stack([s for _, s, _ in swept.values()]) / BIT, bits),
            "saturation": ("latent", np.array([d for _, _, d in swept.values()]), {"units": "1"}),
            "train_curve": (
                ("critic", "seed", "epoch"),
                np.stack([np.asarray(f.train_curve) for f in high.values()]) / BIT,
                bits,
            ),
            "test_curve": (
                ("critic", "seed", "epoch"),
                np.stack([np.asarray(f.test_curve) for f in high.values()]) / BIT,
                bits,
            ),
            "best_epoch": (
                ("critic", "seed"),
                np.stack([np.asarray(f.best_epoch) for f in high.values()]),
                {"units": "1"},
            ),
            "high_estimate": (("critic", "seed"), np.stack([np.asarray(f.value) for f in high.values()]) / BIT, bits),
        },
        coords={
            "data": list(protocols),
            "gamma": ("chunk", np.array([g for g, _ in points])),
            "latent": list(swept),
            "dimension": list(config.dimensions),
            "critic": list(high),
        },
        attrs={
            "high_bits": config.high_bits,
            "sweep_bits": config.bits[-1],
            "batch_ceiling": math.log2(128),
        },
    )
