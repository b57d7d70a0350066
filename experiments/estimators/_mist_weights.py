"""The weights of MIST that ship: how they are trained, put into the package, and described by their model card.

    python -m experiments.estimators._mist_weights train --directory DIR      minutes on one GPU
    python -m experiments.estimators._mist_weights install --directory DIR    copies them into the package
    python -m experiments run mist --preset medium                            tests them
    python -m experiments.estimators._mist_weights describe --results results/mist/medium

The last writes the model card, with the errors that the test found.
"""

import dataclasses
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from entropax import estimators, training
from entropax.estimators.amortized import WEIGHTS
from experiments import running, terminal
from experiments.estimators._mist_evaluation import FAMILIES, LEVELS, WITHIN
from experiments.estimators._mist_training import Network, Training, train

if TYPE_CHECKING:
    import xarray

ARRAYS, RECIPE, CARD = "mist.safetensors", "mist.json", "MIST.md"
FEATURES = ("preprocessing", "dims", "num_samples")

SHIPPED = Training(
    dims=(1, 16),
    num_samples=(10, 1000),
    buckets=((60, 2048), (250, 512), (1000, 128)),
    network=Network(
        embed=128,
        heads=8,
        embedding_width=256,
        encoder_blocks=2,
        num_inducing=32,
        hidden=256,
        num_seeds=8,
        head_width=128,
    ),
    steps=40_000,
    learning_rate=8e-4,
    ema=0.9995,
    steps_per_call=100,
)
"""The training of the weights that ship."""


def train_weights(directory: Path, config: Training = SHIPPED, seed: int = 0) -> None:
    """Trains the weights and writes them with their recipe.

    Args:
        directory: where they go, and the losses as they come; checkpoints are kept there until the training ends.
        config: the recipe.
        seed: of the training's key.
    """
    start = time.perf_counter()
    directory.mkdir(parents=True, exist_ok=True)
    learned = train(
        config,
        key=jax.random.key(seed),
        checkpoint_dir=directory / "checkpoints",
        log_path=directory / "metrics.jsonl",
    )
    spent = {
        "seed": seed,
        "seconds": round(time.perf_counter() - start),
        "device": running.device(),
        "versions": running.versions(),
        "steps_done": len(learned.history["step"]),
        "data_sets": learned.data_sets,
        "history": _thinned(learned.history),
    }
    save(learned.model, config, spent, directory)
    shutil.rmtree(directory / "checkpoints")


def _thinned(history: dict[str, np.ndarray], points: int = 40) -> dict[str, list[float]]:
    """Means of the losses over equal parts of the training."""
    parts = {name: np.array_split(history[name], points) for name in ("squared_error", "pinball")}
    return {name: [round(float(part.mean()), 5) for part in values] for name, values in parts.items()}


def save(model: estimators.AmortizedEstimator, config: Training, spent: dict[str, Any], directory: Path) -> None:
    """Writes the weights and what is needed to load them.

    Args:
        model: the trained estimator.
        config: how it was trained.
        spent: what the training took and saw.
        directory: where they go.
    """
    checksum = training.save_weights(model.network, directory / ARRAYS)
    recipe = dataclasses.asdict(config)
    sizes = {name: value for name, value in recipe["network"].items() if "dropout" not in name}
    kept = {name: recipe[name] for name in FEATURES}
    rest = {name: value for name, value in recipe.items() if name not in (*FEATURES, "network")}
    text = json.dumps({"sha256": checksum, **kept, "sizes": sizes, "training": rest | spent}, indent=2)
    (directory / RECIPE).write_text(text + "\n", encoding="utf-8")


def card(data: "xarray.Dataset", recipe: dict[str, Any], run: dict[str, Any], megabytes: float) -> str:
    """The model card in Markdown.

    Args:
        data: the data set of the run.
        recipe: what `save` wrote.
        run: the run's result.json.
        megabytes: size of the weights.

    Returns:
        The text.
    """
    (d_low, d_high), (n_low, n_high) = recipe["dims"], recipe["num_samples"]
    spent = recipe["training"]
    arrays = _Arrays(data)
    within = arrays.family < len(WITHIN)
    lines = [
        "# MIST: the amortised estimator that ships",
        "",
        f"`entropax.estimators.pretrained_mist()`. A set transformer (`entropax.nn.SetTransformer`) of {megabytes:.2f} "
        "MB with a head for the mean of the mutual information given the data and one for its quantiles, in nats. "
        "Method: MIST, arXiv 2511.18945.",
        "",
        "## Training data",
        "",
        f"{spent['data_sets']:,} synthetic data sets, none seen twice, from `entropax.estimators.meta_batch`: "
        "16 families (normal, Student and additive noise; dense, sparse, paired and latent-variable covariances; four "
        f"coordinatewise maps), d from {d_low} to {d_high} on each side, n from {n_low} to {n_high} (in steps of their "
        f"own for n up to {', '.join(str(most) for most, _ in spent['buckets'])}, a step of each as likely). Rows were "
        f'preprocessed as "{recipe["preprocessing"]}". Loss: squared error plus {spent["pinball_weight"]:g} times the '
        "pinball loss at random levels.",
        "",
        f"Retrain: `python -m experiments.estimators._mist_weights train --directory DIR` ({spent['steps_done']:,} of "
        f"the {spent['steps']:,} steps of its schedule, {spent['seconds'] / 60:.0f} minutes, {spent['device']}, "
        f"jax {spent['versions']['jax']}), then `install --directory DIR` in place of `train --directory DIR`.",
        "",
        "## Range of validity",
        "",
        f"dx = dy = d in [{d_low}, {d_high}], n in [{n_low}, {n_high}]; the functions refuse other data unless told "
        "`extrapolate=True`, and more coordinates always. The estimate is a posterior mean under the training "
        "families: dependence of another kind (through a circle, say, or a mixture of clusters) is outside, whatever "
        "its size. Intervals cover their share of data sets like those of the training, not of every kind of data.",
        "",
        "## Test error",
        "",
        "Mean squared error in nats² (and median squared error) on new data sets, by number of samples; soft ranks at "
        "the default temperature.",
        "",
        *_error_table(arrays),
        "",
        f"Hard and soft ranks differ by {arrays.hard_soft:.2g} nats (root mean square).",
        "",
        "Against the baselines, all coordinates given to all, on the families of the training (where canonical "
        "correlation has n > 2 d + 1), mean squared error:",
        "",
        *_baseline_table(arrays, within),
        "",
        "## Calibration",
        "",
        "Fraction of data sets whose information lies below the predicted quantile:",
        "",
        *_calibration_table(arrays, within),
        "",
        f"The 90% interval holds {arrays.coverage(within):.3f} of the families of the training and "
        f"{arrays.coverage(~within):.3f} of those never seen.",
        "",
        "## Out of the meta-distribution",
        "",
        f"Mean squared error {arrays.error[~within].mean():.3g} on the families never seen, "
        f"{arrays.error[within].mean():.3g} on those of the training (all n). Ranks undo maps of single "
        "coordinates, so those families are new to the network only in the pairing of structure and distribution.",
        "",
        "## Speed",
        "",
        f"{1e3 * data.attrs['seconds_per_estimate']:.1f} ms for one estimate at d = {d_high}, n = {arrays.n.max()} "
        f"after compilation ({run['device']}).",
    ]
    return "\n".join(lines) + "\n"


class _Arrays:
    """The columns of the data set that the tables are made of."""

    def __init__(self, data: "xarray.Dataset"):
        self.truth, self.n, self.family = (np.asarray(data[name]) for name in ("truth", "num_samples", "family"))
        self.error = np.asarray(data.estimate - data.truth) ** 2
        self.hard_soft = float(np.sqrt(np.mean(np.asarray(data.estimate - data.estimate_hard_ranks) ** 2)))
        self.quantiles = np.sort(np.asarray(data["quantile"]), axis=1)
        self.peers = {name: np.asarray(data[name] - data.truth) ** 2 for name in ("cca", "ksg") if name in data}

    def coverage(self, rows: np.ndarray) -> float:
        inside = (self.quantiles[:, 0] <= self.truth) & (self.truth <= self.quantiles[:, -1])
        return float(inside[rows].mean())


def _error_table(arrays: _Arrays) -> list[str]:
    sizes = np.unique(arrays.n)
    rows = []
    for index, family in enumerate(FAMILIES):
        cells = []
        for size in sizes:
            errors = arrays.error[(arrays.family == index) & (arrays.n == size)]
            cells.append(f"{errors.mean():.3g} ({np.median(errors):.2g})" if errors.size else "none")
        rows.append([f"{family}{'' if index < len(WITHIN) else ' *'}", *cells])
    return [*_table(["family", *(f"n = {size}" for size in sizes)], rows), "", "\\* never seen in training"]


def _baseline_table(arrays: _Arrays, within: np.ndarray) -> list[str]:
    rows = []
    for size in np.unique(arrays.n):
        chosen = within & (arrays.n == size)
        for errors in arrays.peers.values():
            chosen = chosen & np.isfinite(errors)
        if chosen.any():
            columns = [arrays.error, *arrays.peers.values()]
            rows.append([str(size), *(f"{errors[chosen].mean():.3g}" for errors in columns)])
    return _table(["n", "MIST", *({"cca": "CCA", "ksg": "KSG, k = 5"}[name] for name in arrays.peers)], rows)


def _calibration_table(arrays: _Arrays, within: np.ndarray) -> list[str]:
    rows = []
    for name, chosen in (("families of the training", within), ("never seen", ~within)):
        below = (arrays.truth[chosen, None] <= arrays.quantiles[chosen]).mean(axis=0)
        rows.append([name, *(f"{fraction:.3f}" for fraction in below[::3])])
    return _table(["level", *(f"{level:.2f}" for level in LEVELS[::3])], rows)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


def install(directory: Path, destination: Path = WEIGHTS) -> None:
    """Puts trained weights into the package.

    Args:
        directory: what `train_weights` wrote.
        destination: directory of the weights that ship.
    """
    destination.mkdir(exist_ok=True)
    for name in (ARRAYS, RECIPE):
        shutil.copyfile(directory / name, destination / name)
    (destination / CARD).unlink(missing_ok=True)  # it is of other weights
    terminal.note(f"put {ARRAYS} ({_megabytes(destination):.2f} MB) and {RECIPE} into {destination}")


def describe(results: Path, destination: Path = WEIGHTS) -> None:
    """Writes the model card of the weights that ship from a test of them.

    Args:
        results: directory of a run's results, of the preset that tests them.
        destination: directory of the weights that ship.
    """
    import xarray

    run = json.loads((results / "result.json").read_text(encoding="utf-8"))
    recipe = json.loads((destination / RECIPE).read_text(encoding="utf-8"))
    with xarray.open_dataset(results / "data.nc", engine="h5netcdf") as data:
        (destination / CARD).write_text(card(data, recipe, run, _megabytes(destination)), encoding="utf-8")
    terminal.note(f"wrote {destination / CARD}")


def _megabytes(directory: Path) -> float:
    return (directory / ARRAYS).stat().st_size / 1e6


if __name__ == "__main__":
    import tyro

    commands = {"train": train_weights, "install": install, "describe": describe}
    tyro.extras.subcommand_cli_from_dict(commands)
