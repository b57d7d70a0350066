"""Distillation by a teacher's ranking: small students of handwritten digits, many seeds at once.

One teacher, a wide perceptron, and students with eight hidden units that learn from the same images by cross-entropy
(CE), the teacher's distribution (KD), its correlations (DIST) or its order of the classes (PLD), with the settings that
arXiv 2506.12542 takes on ImageNet. Told: test accuracy, and how far student and teacher rank the ten classes of a test
image alike (Kendall's tau). Then what the weights of the places do: the teacher's softmax at several temperatures, and
equal ones (ListMLE).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import losses, nn, training
from experiments.claims import Claim, Estimate, Exceeds
from experiments.losses import _digits, _stacks
from experiments.losses._pld_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "pld"
TITLE = "PLD: A choice-theoretic list-wise knowledge distillation"
ARXIV = "2506.12542"


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        seeds: students of every kind, trained side by side.
        epochs: passes over the training images.
        batch: images a step.
        hidden: hidden units of a student.
        teacher_width: hidden units of each of the teacher's two layers.
        learning_rate: of the students' Adam, decayed by a cosine.
        teacher_rate: of the teacher's AdamW, decayed likewise.
        teacher_decay: its weight decay, without which it is sure of every training image, and nothing but the label is
            left to learn from it.
        test_share: share of the images held out.
    """

    seeds: int = 32
    epochs: int = 60
    batch: int = 64
    hidden: int = 8
    teacher_width: int = 256
    learning_rate: float = 1e-2
    teacher_rate: float = 1e-3
    teacher_decay: float = 0.5
    test_share: float = 0.4


PRESETS: dict[str, Config] = {
    "smoke": Config(seeds=3, epochs=6, teacher_width=64),
    "default": Config(),
    "full": Config(seeds=256, epochs=200, learning_rate=5e-3),
}
TEMPERATURES = (0.5, 1.0, 2.0, 4.0)

CLAIMS: tuple[Claim, ...] = (
    Claim("accuracy of PLD over KD (points)", 0.0, "abstract: above, by 1.04 on ImageNet", Exceeds(2.0)),
    Claim("accuracy of PLD over DIST (points)", 0.0, "abstract: above, by 0.42 on ImageNet", Exceeds(2.0)),
    Claim("accuracy of DIST over CE (points)", 0.0, "table 2: above, by 5.25 for ResNet-50", Exceeds(2.0)),
    Claim("accuracy of PLD over CE (points)", 0.0, "table 2: above, by 5.95 for ResNet-50", Exceeds(2.0)),
    Claim("Kendall's tau of PLD over KD", 0.0, "PLD's target is the order", Exceeds(2.0)),
    Claim("Kendall's tau of PLD over DIST", 0.0, "PLD's target is the order", Exceeds(2.0)),
    Claim("accuracy at teacher temperature 1 over 4 (points)", 0.0, "table 6: above, by 2.08", Exceeds(2.0)),
    Claim("accuracy at teacher temperature 1 over 0.5 (points)", 0.0, "table 6: above, by 1.24", Exceeds(2.0)),
    Claim("accuracy of PLD over equal weights (points)", 0.0, "table 6: above, by 3.19", Exceeds(2.0)),
)


def objectives() -> dict[str, Callable[..., Any]]:
    """The students' losses of a batch by name: (logits, teacher_logits, labels) -> number."""
    objectives = {
        "CE": lambda s, t, y: jnp.mean(losses.kd_loss(s, t, y, label_weight=1.0)),
        "KD": lambda s, t, y: jnp.mean(losses.kd_loss(s, t, y)),
        "DIST": lambda s, t, y: losses.dist_loss(
            s, t, y, label_weight=0.1, inter_weight=0.45, intra_weight=0.45, temperature=1.0
        ),
        "ListMLE": lambda s, t, y: jnp.mean(losses.list_mle(s, losses.teacher_optimal_permutation(t, y).value, 0.1)),
    }
    for tau in TEMPERATURES:
        objectives[f"PLD {tau:g}"] = lambda s, t, y, tau=tau: jnp.mean(
            losses.pld_loss(s, t, y, teacher_temperature=tau)
        )
    return objectives


def split_digits(config: Config) -> dict[str, np.ndarray]:
    """Images and their digits, split by a fixed shuffle, each digit in its share."""
    from sklearn.model_selection import train_test_split

    x, y = _digits.images()
    parts = train_test_split(x, y, test_size=config.test_share, random_state=0, stratify=y)
    names = ("train_x", "test_x", "train_y", "test_y")
    return {name: np.asarray(part) for name, part in zip(names, parts, strict=True)}


def train(
    config: Config,
    data: dict[str, np.ndarray],
    models: Any,
    objective: Callable[..., Any],
    *,
    rate: float,
    decay: float = 0.0,
    **options: Any,
) -> Any:
    """Trains models side by side, each on batches of its own.

    Args:
        config: sizes.
        data: with "train_x", "train_y" and the teacher's logits, "train_t".
        models: perceptrons, stacked along a first axis.
        objective: one of `objectives`.
        rate: learning rate at the start.
        decay: weight decay.
        options: of `training.fit`.

    Returns:
        The trained models, stacked.
    """
    count = len(jax.tree.leaves(models)[0])
    steps = max(1, config.epochs * len(data["train_x"]) // config.batch)
    loss = _stacks.StackLoss(lambda model, x, t, y, *, key: objective(model(x), t, y))
    arrays = (jnp.asarray(data[name]) for name in ("train_x", "train_t", "train_y"))
    batches = _stacks.OwnBatches(tuple(jnp.broadcast_to(z, (count, *z.shape)) for z in arrays), config.batch)
    optimizer = _stacks.adamw(rate, decay, steps)
    return training.fit(loss, models, batches, optimizer, steps=steps, progress=False, **options).model


def perceptrons(width: int, depth: int, keys: jax.Array) -> Any:
    """Perceptrons from pixels to digits, one a key, stacked along a first axis."""
    return _stacks.stack(lambda rngs: nn.MLP(64, 10, width=width, depth=depth, rngs=rngs), keys)


def rank_agreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kendall's tau (b) of the classes' order, averaged over examples: (..., n, 10) and (n, 10) to (...)."""
    i, j = np.triu_indices(a.shape[-1], 1)
    x, y = np.sign(a[..., i] - a[..., j]), np.sign(b[..., i] - b[..., j])
    return np.mean((x * y).sum(-1) / np.sqrt((x**2).sum(-1) * (y**2).sum(-1)), axis=-1)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Trains the teacher and students of all kinds.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fits' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    data = split_digits(config)
    teacher_key, student_key, fit_key = jax.random.split(key, 3)
    with stage("train the teacher"):
        data["train_t"] = np.zeros((len(data["train_x"]), 10), np.float32)  # it has no teacher
        teacher = perceptrons(config.teacher_width, 2, teacher_key[None])
        cross_entropy = objectives()["CE"]
        recipe = {"rate": config.teacher_rate, "decay": config.teacher_decay}
        options = {"key": fit_key, "checkpoint_dir": checkpoint_dir / "teacher"}
        teacher = train(config, data, teacher, cross_entropy, **recipe, **options)
        data["train_t"] = np.asarray(_stacks.scores(teacher, data["train_x"])[0])
        test_t = np.asarray(_stacks.scores(teacher, data["test_x"])[0])
    students = perceptrons(config.hidden, 1, jax.random.split(student_key, config.seeds))
    accuracy, agreement = {}, {}
    for name, objective in objectives().items():
        with stage(f"train students by {name}"):
            directory = checkpoint_dir / name.replace(" ", "-").replace(".", "_")
            options = {"rate": config.learning_rate, "key": fit_key, "checkpoint_dir": directory}
            trained = train(config, data, students, objective, **options)
            logits = np.asarray(_stacks.scores(trained, data["test_x"]))
        accuracy[name] = _stacks.accuracy(logits, data["test_y"])
        agreement[name] = rank_agreement(logits, test_t)
    right = jax.nn.softmax(jnp.asarray(data["train_t"]), axis=-1)[np.arange(len(data["train_y"])), data["train_y"]]
    attributes = {
        "teacher_accuracy": float(np.mean(test_t.argmax(-1) == data["test_y"])),
        "teacher_certainty": float(jnp.mean(right)),
    }
    results = _dataset(accuracy, agreement, attributes)
    return Result(
        measured=_measured(accuracy, agreement),
        data=results,
        figure=lambda: draw(results),
        remarks=_remarks(agreement, attributes["teacher_certainty"]),
    )


def _measured(accuracy: dict[str, np.ndarray], agreement: dict[str, np.ndarray]) -> dict[str, Estimate]:
    """Mean differences between students that start alike and see the same batches."""

    def over(values: dict[str, np.ndarray], a: str, b: str, scale: float = 1.0) -> Estimate:
        return _stacks.estimate(scale * (values[a] - values[b]))

    return {
        "accuracy of PLD over KD (points)": over(accuracy, "PLD 1", "KD", 100),
        "accuracy of PLD over DIST (points)": over(accuracy, "PLD 1", "DIST", 100),
        "accuracy of DIST over CE (points)": over(accuracy, "DIST", "CE", 100),
        "accuracy of PLD over CE (points)": over(accuracy, "PLD 1", "CE", 100),
        "Kendall's tau of PLD over KD": over(agreement, "PLD 1", "KD"),
        "Kendall's tau of PLD over DIST": over(agreement, "PLD 1", "DIST"),
        "accuracy at teacher temperature 1 over 4 (points)": over(accuracy, "PLD 1", "PLD 4", 100),
        "accuracy at teacher temperature 1 over 0.5 (points)": over(accuracy, "PLD 1", "PLD 0.5", 100),
        "accuracy of PLD over equal weights (points)": over(accuracy, "PLD 1", "ListMLE", 100),
    }


def _remarks(agreement: dict[str, np.ndarray], certainty: float) -> dict[str, str]:
    """What the differences from ImageNet come from: a teacher that is surer."""
    sure = f"this teacher gives the label of a training image {certainty:.3f} on average"
    tau = f"at teacher temperature 4 PLD's tau is {agreement['PLD 4'].mean():.3f}, KD's {agreement['KD'].mean():.3f}"
    return {
        "accuracy of PLD over KD (points)": f"{sure}, so that little but the first place counts",
        "accuracy of PLD over DIST (points)": f"{sure}, so that little but the first place counts",
        "Kendall's tau of PLD over KD": f"{sure}; {tau}",
        "accuracy at teacher temperature 1 over 4 (points)": f"{sure}; the paper takes 4 on CIFAR-100 too",
    }


def _dataset(
    accuracy: dict[str, np.ndarray], agreement: dict[str, np.ndarray], attributes: dict[str, float]
) -> "xarray.Dataset":
    import xarray

    stacked = lambda values: np.stack(list(values.values()))  # noqa: E731
    return xarray.Dataset(
        {
            "accuracy": (("objective", "seed"), stacked(accuracy), {"units": "1", "long_name": "test accuracy"}),
            "agreement": (("objective", "seed"), stacked(agreement), {"units": "1", "long_name": "Kendall's tau"}),
        },
        coords={"objective": list(accuracy)},
        attrs=attributes,
    )
