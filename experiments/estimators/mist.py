"""MIST: mutual information by a network that was trained on data sets of known mutual information.

A set transformer reads a whole data set and says its mutual information, with quantiles. It learns from data sets that
are drawn anew at every step from a meta-distribution whose information is known in closed form, and is tested on its
families and on pairs of structure and map that it never saw, beside canonical correlation and KSG.

Unlike the paper, one network has both heads, for the mean and for quantiles, and reads canonical rows (normal scores,
whitened and turned, `estimators.paired_rows`) in place of raw ones: maps of single coordinates and linear mixing are
then undone before the network, and thousands of data sets teach what takes hundreds of thousands otherwise. The preset
`full` has the paper's raw rows, sizes and recipe, dropout included. `medium` trains nothing: it tests the weights that
ship, which `_mist_weights` trains.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax import estimators
from experiments.claims import Bounds, Claim, Estimate, Ordering, Quotient, WithinErrors
from experiments.estimators import _mist_evaluation as evaluation
from experiments.estimators._mist_figure import draw
from experiments.estimators._mist_training import Network, Training, train
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "mist"
TITLE = "MIST: mutual information estimation via supervised training"
ARXIV = "2511.18945"

RANGES = ((10, 100), (100, 300), (300, 500))
"""Of n, in which the paper averages."""


@dataclass(frozen=True)
class Config:
    """Training and test.

    Attributes:
        training: the data that are learned from, and how; None for the estimator that ships, trained already.
        test: what is tested.
        paper: whether range and sizes are the paper's, so that its numbers compare.
    """

    training: Training | None = field(default_factory=Training)
    test: evaluation.Test = field(default_factory=evaluation.Test)
    paper: bool = False


_PAPER = Network(
    embed=256,
    heads=16,
    embedding_width=512,
    interaction_blocks=2,
    encoder_blocks=2,
    num_inducing=32,
    hidden=1024,
    num_seeds=10,
    decoder_blocks=1,
    head_width=256,
    embedding_dropout=0.1,
    interaction_dropout=0.3,
    key_bias=True,
)

PRESETS: dict[str, Config] = {
    "smoke": Config(
        Training(
            dims=(1, 2),
            buckets=((100, 16),),
            network=Network(embed=16, heads=2, embedding_width=16, num_inducing=4, hidden=16, num_seeds=2),
            steps=30,
            steps_per_call=15,
        ),
        evaluation.Test(num_samples=(20, 100), repeats=2, resamples=8, bootstrapped=4, critic_steps=20),
    ),
    "default": Config(),
    "medium": Config(
        None,
        evaluation.Test(num_samples=(10, 20, 35, 50, 75, 100, 200, 350, 500, 1000), repeats=20, bootstrapped=100),
    ),
    "full": Config(
        Training(
            dims=(2, 32),
            num_samples=(10, 500),
            buckets=((500, 256),),
            preprocessing="none",
            network=_PAPER,
            steps=73_230,
            learning_rate=1.1273672514e-4,
            schedule="plateau",
            weight_decay=8.653769675e-6,
            adam_eps=8e-9,
            levels=1,
            pinball_weight=1.0,
            ema=0.0,
            steps_per_call=100,
        ),
        evaluation.Test(num_samples=tuple(range(10, 501, 25)), repeats=9, bootstrapped=200),
        paper=True,
    ),
}


def _paper_claim(limits: tuple[int, int], value: float, deviation: float, count: int, resolution: float) -> Claim:
    """A mean that the paper gives with the deviation of single data sets, hence with a standard error."""
    check = WithinErrors(2.0, resolution, paper_error=deviation / count**0.5)
    return Claim(f"MSE within, d in [2, 32], n in {list(limits)}", value, "repository, table of M_test", check)


CLAIMS: tuple[Claim, ...] = (
    Claim("MSE over CCA's, non-Gaussian, n <= 100", "below 1", "Fig. of baselines", Bounds(upper=1.0)),
    Claim("MSE over KSG's, non-Gaussian, n <= 100", "below 1", "Fig. of baselines", Bounds(upper=1.0)),
    Claim("coverage of the 90% interval", 0.9, "nominal; [0.8, 0.97] for a short training", Bounds(0.8, 0.97)),
    Claim("coverage", "bootstrap below quantiles", "text on calibration", Ordering(("bootstrap", "quantiles"))),
    Claim("MSE", "within below outside", "repository, table of M_test", Ordering(("within", "outside"))),
    Claim("MSE by n", "falls with n", "repository, table of M_test", Ordering(("largest n", "smallest n"))),
    Claim("data sets with crossing quantiles", "at most 0.01", "target of this rebuild", Bounds(upper=0.01)),
    Claim("time to train one critic over one estimate", "orders of magnitude", "text", Bounds(lower=100.0)),
    _paper_claim(RANGES[0], 3.1, 10.4, 216, 1.0),
    _paper_claim(RANGES[1], 0.34, 0.9, 432, 0.1),
    _paper_claim(RANGES[2], 0.28, 0.9, 432, 0.1),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Trains and tests.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the training's checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    train_key, test_key, bootstrap_key, time_key = jax.random.split(key, 4)
    history: dict[str, Any] = {"step": np.arange(0), "squared_error": np.zeros(0), "pinball": np.zeros(0)}
    if config.training is None:
        model = estimators.pretrained_mist()
    else:
        with stage("train on data sets of known information"):
            learned = train(config.training, key=train_key, checkpoint_dir=checkpoint_dir / "training")
        model, history = learned.model, learned.history
    with stage("test on new ones"):
        sets = evaluation.draw(config.test, model.dims, key=test_key)
        guess, quantiles = evaluation.read(model, sets)
        hard, _ = evaluation.read(model, sets, temperature=0.0)
    with stage("bootstrap the point estimate"):
        resampled = evaluation.bootstrap(model, sets, config.test, key=bootstrap_key)
    peers = {}
    if config.test.baselines:
        with stage("run the baselines"):
            peers = evaluation.baselines(sets)
    most = max(config.test.num_samples)
    with stage("time one estimate and one critic"):
        seconds = evaluation.seconds_of_one_estimate(model, most, key=time_key)
        critic = evaluation.seconds_of_one_critic(model, most, config.test.critic_steps, key=time_key)
    data = _dataset(sets, guess, quantiles, hard, peers, history)
    data.attrs["seconds_per_estimate"] = seconds
    measured: dict[str, Any] = _measured(config, data, resampled) | {
        "time to train one critic over one estimate": Quotient(critic, seconds),
    }
    remarks = {}
    if model.preprocessing == "canonical" and measured["MSE"]["within"] >= measured["MSE"]["outside"]:
        remarks["MSE"] = "normal scores undo the maps that set the families outside apart, so they are no harder"
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _measured(config: Config, data: "xarray.Dataset", resampled: np.ndarray) -> dict[str, Any]:
    within = np.asarray(data.family) < len(evaluation.WITHIN)
    error = np.asarray((data.estimate - data.truth) ** 2)
    n, truth = np.asarray(data.num_samples), np.asarray(data.truth)
    quantiles = np.asarray(data["quantile"])
    small = within & (n <= 100) & ~np.isin(data.family, [evaluation.FAMILIES.index(f) for f in evaluation.GAUSSIAN])
    measured: dict[str, Any] = {}
    for name, title in (("cca", "CCA"), ("ksg", "KSG")):
        if name in data:
            peer = np.asarray((data[name] - data.truth) ** 2)
            both = small & np.isfinite(peer)
            measured[f"MSE over {title}'s, non-Gaussian, n <= 100"] = Quotient(error[both].mean(), peer[both].mean())
    ordered = np.sort(quantiles, axis=1)
    covered = (ordered[:, 0] <= truth) & (truth <= ordered[:, -1])
    rows, lower, upper = resampled
    chosen = rows.astype(int)
    measured["coverage of the 90% interval"] = covered[within].mean()
    measured["coverage"] = {
        "bootstrap": np.mean((lower <= truth[chosen]) & (truth[chosen] <= upper)),
        "quantiles": covered[chosen].mean(),
    }
    measured["MSE"] = {"within": error[within].mean(), "outside": error[~within].mean()}
    measured["MSE by n"] = {
        "smallest n": error[within & (n == n.min())].mean(),
        "largest n": error[within & (n == n.max())].mean(),
    }
    measured["data sets with crossing quantiles"] = np.mean((np.diff(quantiles[within], axis=1) < 0).any(axis=1))
    if config.paper:
        for limits in RANGES:
            inside = within & (n >= limits[0]) & (n <= limits[1])
            mean = Estimate(error[inside].mean(), error[inside].std(ddof=1) / inside.sum() ** 0.5)
            measured[f"MSE within, d in [2, 32], n in {list(limits)}"] = mean
    return measured


def _dataset(
    sets: evaluation.TestSets,
    guess: np.ndarray,
    quantiles: np.ndarray,
    hard: np.ndarray,
    peers: dict[str, np.ndarray],
    history: dict[str, np.ndarray],
) -> "xarray.Dataset":
    import xarray

    nats = {"units": "nats"}
    columns = {"truth": sets.truth, "estimate": guess, "estimate_hard_ranks": hard, **peers}
    return xarray.Dataset(
        {name: ("data_set", values, nats) for name, values in columns.items()}
        | {
            "quantile": (("data_set", "level"), quantiles, nats),
            "family": ("data_set", sets.family),
            "dim": ("data_set", sets.dim),
            "num_samples": ("data_set", sets.num_samples),
            "squared_error": ("step", history["squared_error"], {"units": "nats^2"}),
            "pinball": ("step", history["pinball"], nats),
        },
        coords={"level": evaluation.LEVELS, "step": history["step"]},
        attrs={"families": list(evaluation.FAMILIES)},
    )
