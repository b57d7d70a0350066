"""Orthogonal projection: what the loss does to the features of small networks on scikit-learn's digits.

Perceptrons of 64, 64 and 32 units are trained by cross-entropy alone and with the orthogonal projection loss added, in
its three readings. Compared on test images: accuracy; cosines of features of the same and of different digits; the
accuracy of telling four digits that were never seen apart from one example each, by the nearest feature; accuracy
after training on labels of which 40% are wrong; and how much the size of a batch matters. Features are not rectified:
of rectified ones, as in the networks of the paper, no cosine is negative and the three readings are one. So they are
under noisy labels, where all features stay close to one direction.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import losses
from experiments.claims import Bounds, Claim, Estimate, Exceeds
from experiments.losses import _digits, _stacks
from experiments.losses._opl_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "opl"
TITLE = "Orthogonal projection loss"
ARXIV = "2103.14021"

Reading: TypeAlias = Literal["abs_mean", "mean_abs", "signed"]
PLAIN = "cross-entropy"
READINGS = ("abs_mean", "mean_abs", "signed")
CODE = "mean_abs"
"""The reading of most of the published code, on which the claims are."""
GAMMA, WEIGHT = 0.5, 1.0
"""Defaults of the published README."""
SEEN, HELD_OUT = (0, 1, 2, 3, 4, 5), (6, 7, 8, 9)
FEATURES = 32


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        readings: of the loss.
        seeds: networks of every kind.
        steps: of Adam.
        batch: images in a step.
        batches: sizes of the sweep.
        noise: share of the labels that are wrong in the noisy part.
        episodes: one-shot tasks of every network.
    """

    readings: tuple[str, ...] = READINGS
    seeds: int = 5
    steps: int = 1500
    batch: int = 128
    batches: tuple[int, ...] = (16, 64, 256)
    noise: float = 0.4
    episodes: int = 200


PRESETS: dict[str, Config] = {
    "smoke": Config(readings=(CODE,), seeds=2, steps=40, batch=32, batches=(16,), episodes=10),
    "default": Config(),
    "full": Config(seeds=20, steps=10_000, batches=(16, 32, 64, 128, 256), episodes=2000),
}

_TABLES = "README's tables and abstract, direction; on digits here"
CLAIMS: tuple[Claim, ...] = (
    Claim("accuracy, difference (points)", "gain", _TABLES, Bounds(lower=0.0)),
    Claim("mean |cosine| of different digits, fall", 0.0, "the loss", Exceeds(2.0)),
    Claim("mean cosine of one digit, rise", 0.0, "the loss", Exceeds(2.0)),
    Claim("one-shot accuracy on unseen digits, difference (points)", 0.0, _TABLES, Exceeds(2.0)),
    Claim("accuracy under 40% label noise, difference (points)", 0.0, _TABLES, Exceeds(2.0)),
    Claim("range of accuracy over batch sizes (points)", "insensitive", "abstract, direction", Bounds(upper=1.0)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: every fit is short.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    every = _digits.splits(config.seeds, seed)
    seen = _digits.splits(config.seeds, seed, classes=SEEN)
    unseen = _digits.splits(config.seeds, seed, classes=HELD_OUT)["train"]
    noisy = {"train": (every["train"][0], _corrupted(every["train"][1], config.noise, seed)), "test": every["test"]}
    kinds = (PLAIN, *config.readings)
    found: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in kinds}
    for kind in kinds:
        with stage(f"all digits, {kind}"):
            _, logits, features = _fit(kind, every, config, key)
            found[kind]["accuracy"] = 100 * _stacks.accuracy(logits, every["test"][1])
            found[kind] |= _cosines(features, every["test"][1])
        with stage(f"six digits, then four others, {kind}"):
            network, _, _ = _fit(kind, seen, config, key)
            _, features = _stacks.own_outputs(network, unseen[0])
            found[kind]["one_shot"] = 100 * _one_shot(np.asarray(features), unseen[1], config.episodes, seed)
        with stage(f"noisy labels, {kind}"):
            _, logits, _ = _fit(kind, noisy, config, key)
            found[kind]["noisy"] = 100 * _stacks.accuracy(logits, noisy["test"][1])
    sweep = []
    for batch in config.batches:
        with stage(f"batches of {batch}"):
            _, logits, _ = _fit(CODE, every, config, key, batch=batch)
            sweep.append(100 * _stacks.accuracy(logits, every["test"][1]))
    data = _dataset(config, found, np.stack(sweep))
    measured, remarks = _measured(found, np.stack(sweep))
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _fit(
    kind: str, parts: dict[str, Any], config: Config, key: jax.Array, *, batch: int | None = None
) -> tuple[Any, np.ndarray, np.ndarray]:
    """The networks, and their logits and features of the test images."""

    def loss(network: Any, x: Any, y: Any, *, key: Any) -> Any:
        del key
        features = network.features(x)
        value = jnp.mean(optax.softmax_cross_entropy_with_integer_labels(network.head(features), y))
        if kind == PLAIN:
            return value
        return value + WEIGHT * losses.orthogonal_projection_loss(
            features, y, gamma=GAMMA, reduction=cast(Reading, kind)
        )

    def make(rngs: nnx.Rngs) -> Any:
        return _stacks.Classifier(
            64, FEATURES, nnx.Linear(FEATURES, 10, rngs=rngs), width=64, depth=2, rectified=False, rngs=rngs
        )

    fitted = _stacks.fit_own(
        make,
        loss,
        parts["train"],
        key=key,
        steps=config.steps,
        batch=batch or config.batch,
        optimizer=optax.adam(1e-3),
    )
    logits, features = _stacks.own_outputs(fitted.model, parts["test"][0])
    return fitted.model, np.asarray(logits), np.asarray(features)


def _corrupted(y: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Labels of which a share is replaced by one of the other nine, each as likely."""
    rng = np.random.default_rng(seed + 1)
    return np.where(rng.random(y.shape) < share, (y + rng.integers(1, 10, y.shape)) % 10, y)


@jax.jit
def _class_cosines(features: Any, y: Any) -> Any:
    return jax.vmap(losses.class_cosines)(features, y)


def _cosines(features: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    means = _class_cosines(features, y)
    return {"same": np.asarray(means.same), "different_abs": np.asarray(means.different_abs)}


def _one_shot(features: np.ndarray, y: np.ndarray, episodes: int, seed: int) -> np.ndarray:
    """The share of images whose digit's one example is nearest by cosine, averaged over episodes, by seed."""
    rng = np.random.default_rng(seed + 2)
    unit = features / np.maximum(np.linalg.norm(features, axis=-1, keepdims=True), 1e-12)
    shares = []
    for f, labels in zip(unit, y, strict=True):
        right = []
        for _ in range(episodes):
            shots = np.array([rng.choice(np.flatnonzero(labels == k)) for k in range(len(HELD_OUT))])
            hits = np.argmax(f @ f[shots].T, axis=1) == labels
            right.append(np.delete(hits, shots).mean())
        shares.append(np.mean(right))
    return np.asarray(shares)


def _measured(found: dict[str, dict[str, np.ndarray]], sweep: np.ndarray) -> tuple[dict[str, Any], dict[str, str]]:
    def difference(quantity: str, sign: float = 1.0) -> Estimate:
        return _stacks.estimate(sign * (found[CODE][quantity] - found[PLAIN][quantity]))

    parts = {
        "accuracy, difference (points)": ("accuracy", 1.0),
        "mean |cosine| of different digits, fall": ("different_abs", -1.0),
        "mean cosine of one digit, rise": ("same", 1.0),
        "one-shot accuracy on unseen digits, difference (points)": ("one_shot", 1.0),
        "accuracy under 40% label noise, difference (points)": ("noisy", 1.0),
    }
    measured: dict[str, Any] = {claim: difference(*part) for claim, part in parts.items()}
    remarks = {
        claim: ", ".join(f"{kind} {values[quantity].mean():.4g}" for kind, values in found.items())
        for claim, (quantity, _) in parts.items()
    }
    remarks["one-shot accuracy on unseen digits, difference (points)"] += (
        "; six classes in narrow bundles leave a small network few directions for digits it has not seen, while the "
        "paper's gains are those of deep networks on 64 classes, with a classifier fitted to the shots"
    )
    means = sweep.mean(1)
    measured["range of accuracy over batch sizes (points)"] = float(means.max() - means.min())
    return measured, remarks


def _dataset(config: Config, found: dict[str, dict[str, np.ndarray]], sweep: np.ndarray) -> "xarray.Dataset":
    import xarray

    units = {"accuracy": "%", "same": "1", "different_abs": "1", "one_shot": "%", "noisy": "%"}
    return xarray.Dataset(
        {
            name: (("kind", "seed"), np.stack([values[name] for values in found.values()]), {"units": unit})
            for name, unit in units.items()
        }
        | {"sweep": (("batch", "seed"), sweep, {"units": "%"})},
        coords={"kind": list(found), "batch": list(config.batches)},
    )
