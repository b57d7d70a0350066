"""Mutual information in high dimension: what decides the samples needed is the dimension of what is shared.

Latent pairs of K_Z dimensions behind random networks of K = 100 outputs; the protocol (separable InfoNCE critic,
max-test stopping, chunks of n / gamma rows, extrapolation to infinite data) is to recover their information from 1000
rows, to say where the critic's embedding saturates, and to refuse what it cannot know. Estimates are the mean of what
training and held-out pairs read, every pair held out once: on training pairs alone, as the source reads, early stopping
leaves an optimism that does not fall as 1 / n, and the record says how much. Scores start at zero, and the start is an
epoch like others: of independent pairs the untrained critic is the best. Everything is trained in float32; data sets of
equal shape share one compiled loop.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import estimators
from experiments.claims import Bounds, Claim, Estimate, Near, NotRun, Ordering, WithinErrors
from experiments.estimators._latent_pairs import correlated, digit_pairs, latent_pairs
from experiments.estimators._mi_high_dim_figure import draw
from experiments.estimators._mi_high_dim_training import (
    BATCH,
    BIT,
    HYBRID,
    IN_BATCHES,
    ON_ALL,
    SEPARABLE,
    SMILE,
    VSIB,
    Config,
    Found,
    exact_readings,
    much_information,
    protocol,
    sweep,
)
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "mi-high-dim"
TITLE = "Accurate estimation of mutual information in high dimensional data"
ARXIV = "2506.00330"

RIVALS = (IN_BATCHES, ON_ALL, SMILE)
INFLATED = "sweep: K_Z of which a separable critic finds more than a hybrid one, of 4"


def _against(rival: str) -> str:
    return f"much information: size of the bias (bits), against {rival}"


PRESETS: dict[str, Config] = {
    # Rows and columns of all data sets are those of the digits' views, so that they share what is compiled.
    "smoke": Config(
        rows=896,
        observed=64,
        latents=(1, 2),
        bits=(1.0,),
        gammas=(1, 2, 3),
        splits=2,
        epochs=6,
        embed=2,
        dimensions=(1, 2),
        sweep_rows=896,
        sweep_bits=1.0,
        sweep_epochs=6,
        sweep_steps=2,
        high_rows=896,
        high_epochs=3,
        high_seeds=2,
    ),
    "default": Config(),
    "full": Config(
        rows=4096,
        observed=500,
        bits=(1.0, 2.0, 4.0),
        gammas=tuple(range(1, 11)),
        epochs=100,
        embed=64,
        dimensions=(1, 2, 3, 4, 5, 6, 8, 16, 32),
        sweep_restarts=4,
        sweep_epochs=50,
        high_rows=8192,
        high_epochs=100,
        high_seeds=5,
    ),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("recovery: largest relative error", "within 15%", "abstract; latents' closed form", Bounds(upper=0.15)),
    Claim(
        "recovery: largest relative error of those flagged reliable",
        "within 15%",
        "abstract: unreliable estimates are flagged",
        Bounds(upper=0.15),
    ),
    Claim("recovery: largest error in error bars", "within 2", "abstract; latents' closed form", Bounds(upper=2.0)),
    Claim("recovery: share flagged reliable", "most", "protocol", Bounds(lower=0.5)),
    *(
        Claim(
            f"sweep: dimension of saturation, K_Z = {k}",
            float(k),
            "saturation at K_Z; hybrid critic, arXiv 2602.08105",
            Near(absolute=0.5),
        )
        for k in (1, 2, 3, 4)
    ),
    Claim(
        INFLATED,
        "all",
        "arXiv 2602.08105, abstract: separable critics inflate the dimension",
        Bounds(lower=4),
    ),
    Claim("full rank, undersampled: checks failed", "unreliable", "consistency checks", Bounds(lower=1)),
    Claim("shuffled pairs (bits)", 0.0, "independence", WithinErrors(2.0, 0.3)),
    *(
        Claim(
            _against(rival),
            f"{VSIB} below {rival}",
            "abstract: VSIB critics have lower bias",
            Ordering((VSIB, rival)),
        )
        for rival in RIVALS
    ),
    Claim("digits, two views (bits)", math.log2(10), "information of the label", Near(relative=0.15)),
)


def failed_checks(estimate: estimators.SubsampledEstimate) -> tuple[str, ...]:
    """The names of the checks that an estimate fails."""
    line = estimate.extrapolation
    checks = {
        "linear": line.linear,
        "enough": line.enough,
        "stable": line.stable,
        "interior_maximum": estimate.interior_maximum,
        "positive": estimate.positive,
        "generalizes": estimate.generalizes,
        "below_ceiling": estimate.below_ceiling,
    }
    return tuple(name for name, passed in checks.items() if passed is not None and not bool(passed))


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
        swept = {kind: sweep(config, kind, key=keys["sweep"]) for kind in (HYBRID, SEPARABLE)}
    with stage("compare critics at much information"):
        high = much_information(config, key=keys["high"])
        exact = exact_readings(config, key=keys["high"])
    with stage("measure two views of digits"):
        seed = int(jax.random.randint(keys["digits"], (), 0, 2**31 - 1))
        *views, _ = digit_pairs(seed, noise=config.digit_noise, rotation=config.digit_rotation)
        digits = protocol(config, *map(jnp.asarray, views), key=keys["digits"])
    return _judged(config, recovered, full_rank, torn, digits, swept, high, exact)


def _judged(
    config: Config, recovered: Any, full_rank: Found, torn: Found, digits: Found, swept: Any, high: Any, exact: Any
) -> Result:
    """What the parts say of the claims."""

    def largest(read: Callable[[Found], Any], *, reliable: bool = False) -> float | NotRun:
        errors = [
            abs(float(read(found).value) / BIT / bits - 1)
            for (_, bits), found in recovered.items()
            if found.estimate.reliable or not reliable
        ]
        return max(errors) if errors else NotRun("no estimate is flagged reliable")

    in_errors = [
        abs(float(found.estimate.value) - bits * BIT) / float(found.estimate.standard_error)
        for (_, bits), found in recovered.items()
    ]
    bias = {name: float(np.mean(found.value)) / BIT - config.high_bits for name, found in high.items()}
    checked = [k for k in config.latents if k in (1, 2, 3, 4)]
    inflated = [k for k in checked if swept[SEPARABLE][k][1] > swept[HYBRID][k][1]]
    measured: dict[str, Any] = {
        "recovery: largest relative error": largest(lambda found: found.estimate),
        "recovery: largest relative error of those flagged reliable": largest(lambda f: f.estimate, reliable=True),
        "recovery: largest error in error bars": max(in_errors),
        "recovery: share flagged reliable": float(np.mean([bool(f.estimate.reliable) for f in recovered.values()])),
        **{f"sweep: dimension of saturation, K_Z = {k}": swept[HYBRID][k][1] for k in checked},
        INFLATED: len(inflated) if len(checked) == 4 else NotRun("not all of K_Z = 1, 2, 3, 4 were swept"),
        "full rank, undersampled: checks failed": len(failed_checks(full_rank.estimate)),
        "shuffled pairs (bits)": Estimate(float(torn.estimate.value) / BIT, float(torn.estimate.standard_error) / BIT),
        **{_against(rival): {name: abs(bias[name]) for name in (VSIB, rival)} for rival in RIVALS},
        "digits, two views (bits)": float(digits.estimate.value) / BIT,
    }
    flagged = [f"K_Z = {k}, {bits:g} bits" for (k, bits), f in recovered.items() if not f.estimate.reliable]
    remarks = {
        "recovery: largest relative error": f"flagged unreliable: {'; '.join(flagged) or 'none'}; on training pairs "
        f"alone {largest(lambda f: f.by_training_pairs):.3g}: early stopping leaves an optimism there that does not "
        "fall as 1 / n, so the extrapolation keeps it",
        "full rank, undersampled: checks failed": _failed(full_rank.estimate),
        "shuffled pairs (bits)": _of_noise(torn.estimate),
        "digits, two views (bits)": _failed(digits.estimate),
        INFLATED: f"K_Z = {', '.join(map(str, inflated)) or 'none'}: an inner product spends one more dimension at "
        "least on the log ratio's function of y alone",
    }
    remarks |= {
        f"sweep: dimension of saturation, K_Z = {k}": f"a separable critic saturates at {swept[SEPARABLE][k][1]}"
        for k in checked
    }
    remarks |= {_against(rival): _about_bias(config, bias, exact, high, rival) for rival in RIVALS}
    data = _dataset(config, recovered, full_rank, torn, digits, swept, high, exact)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _failed(estimate: estimators.SubsampledEstimate) -> str:
    """Which checks failed, and what training and held-out pairs read without extrapolation."""
    train, test = (float(value[0]) / BIT for value in (estimate.whole.train_value, estimate.whole.test_value))
    failed = ", ".join(failed_checks(estimate)) or "none"
    return f"checks failed: {failed}; all rows read {train:.2f} bits on training pairs, {test:.2f} on held-out ones"


def _of_noise(estimate: estimators.SubsampledEstimate) -> str:
    """When critics are stopped on pairs without information, and what chunks of every size read."""
    epochs = np.asarray(estimate.whole.split_epochs).ravel()
    largest = max(float(np.max(np.abs(values))) for values in estimate.estimates) / BIT
    return (
        f"{np.count_nonzero(epochs == 0)} of {epochs.size} critics of all rows are read before training, where their "
        f"scores are zero, as no epoch does better on held-out pairs; no chunk reads more than {largest:.3f} bits"
    )


def _about_bias(config: Config, bias: dict[str, float], exact: dict[str, float], high: Any, rival: str) -> str:
    off = {name: value / BIT - config.high_bits for name, value in exact.items()}
    words = f"{bias[VSIB]:+.2f} against {bias[rival]:+.2f} bits, with the exact critic {off[VSIB]:+.2f} against "
    words += f"{off[rival]:+.2f}"
    late = [name for name in (VSIB, rival) if not bool(np.all(high[name].interior_maximum))]
    return words + (f"; held-out curve still rising: {', '.join(late)}" if late else "")


def _dataset(
    config: Config, recovered: Any, full_rank: Found, torn: Found, digits: Found, swept: Any, high: Any, exact: Any
) -> "xarray.Dataset":
    import xarray

    bits = {"units": "bits"}
    both = {f"K_Z = {k}, {b:g} bits": found for (k, b), found in recovered.items()}
    truths = [b for _, b in recovered] + [config.bits[-1], 0.0, math.log2(10)]
    both |= {f"full rank, {config.bits[-1]:g} bits": full_rank, "shuffled pairs": torn, "digits": digits}
    protocols = {name: found.estimate for name, found in both.items()}
    by_training = np.array([float(found.by_training_pairs.value) for found in both.values()])
    values, dimensions = (
        np.stack([np.stack([of_latent[part] for of_latent in of_kind.values()]) for of_kind in swept.values()])
        for part in range(2)
    )
    points = [(g, i) for g in config.gammas for i in range(g)]
    estimates = np.stack([np.concatenate([np.asarray(e) for e in found.estimates]) for found in protocols.values()])
    column = lambda read: np.array([float(read(found)) for found in protocols.values()])  # noqa: E731
    return xarray.Dataset(
        {
            "truth": ("data", np.array(truths), bits),
            "estimate": ("data", column(lambda f: f.value) / BIT, bits),
            "standard_error": ("data", column(lambda f: f.standard_error) / BIT, bits),
            "slope": ("data", column(lambda f: f.extrapolation.slope) / BIT, bits),
            "by_training_pairs": ("data", by_training / BIT, bits),
            "trained": ("data", column(lambda f: f.whole.train_value[0]) / BIT, bits),
            "held_out": ("data", column(lambda f: f.whole.test_value[0]) / BIT, bits),
            "failed_checks": ("data", [", ".join(failed_checks(found)) or "none" for found in protocols.values()]),
            "num_gammas": ("data", column(lambda f: f.extrapolation.num_gammas), {"units": "1"}),
            "reliable": ("data", column(lambda f: f.reliable), {"units": "1"}),
            "chunk_estimates": (("data", "chunk"), estimates / BIT, bits),
            "sweep": (("kind", "latent", "dimension"), values / BIT, bits),
            "saturation": (("kind", "latent"), dimensions, {"units": "1"}),
            "exact": ("critic", np.array([exact[name] for name in high]) / BIT, bits),
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
            "kind": list(swept),
            "latent": list(config.latents),
            "dimension": list(config.dimensions),
            "critic": list(high),
        },
        attrs={
            "high_bits": config.high_bits,
            "sweep_bits": config.sweep_bits,
            "batch_ceiling": math.log2(BATCH),
        },
    )
