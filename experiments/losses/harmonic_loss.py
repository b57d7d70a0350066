"""Harmonic heads: class centres under five distances against a linear layer with softmax.

On scikit-learn's digits a small perceptron is trained with a linear head and with harmonic heads; the exponent, 1 or
the root of the number of features, is chosen on held-out images. What is compared: test accuracy; how much the head's
weights still grow in the second half of training; whether centres are the means of their classes' features. Then
addition modulo a prime, learned from part of the table: how long test accuracy lags behind training accuracy, and how
flat the learned embeddings are. Both kinds start from small embeddings and have the same strong weight decay, with
which both come to generalise; from embeddings of unit variance and with little decay neither does in 4000 steps.
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
import optax
from flax import nnx

from entropax import nn
from experiments.claims import Bounds, Claim, Ordering
from experiments.losses import _digits, _modular_addition, _stacks
from experiments.losses._harmonic_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "harmonic-loss"
TITLE = "Rethinking the harmonic loss via non-Euclidean distance layers"
ARXIV = "2603.10225"

FEATURES = 32
EPS = 1e-4
"""Of the study; Bray-Curtis has 1e-3."""
LINEAR = "cross-entropy"
DISTANCES: dict[str, Callable[..., Any]] = {
    "Euclidean": functools.partial(nn.euclidean_distance, eps=EPS),
    "cosine": functools.partial(nn.cosine_distance, eps=EPS),
    "Manhattan": functools.partial(nn.manhattan_distance, eps=EPS),
    "Bray-Curtis": functools.partial(nn.bray_curtis_distance, eps=1e-3),
    "Mahalanobis": nn.MahalanobisDistance,
}


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        heads: names of the distances.
        exponents: among which each head chooses.
        seeds: networks of every kind.
        steps: of Adam on the digits.
        batch: images in a step.
        records: how often the head's norm is kept.
        prime: of the addition.
        addition_steps: of full-batch training.
        addition_seeds: networks of every kind.
    """

    heads: tuple[str, ...] = tuple(DISTANCES)
    exponents: tuple[float, ...] = (1.0, math.sqrt(FEATURES))
    seeds: int = 3
    steps: int = 2400
    batch: int = 64
    records: int = 24
    prime: int = 31
    addition_steps: int = 3000
    addition_seeds: int = 3


PRESETS: dict[str, Config] = {
    "smoke": Config(
        heads=("Euclidean",),
        exponents=(1.0,),
        seeds=2,
        steps=60,
        records=6,
        prime=7,
        addition_steps=60,
        addition_seeds=2,
    ),
    "default": Config(),
    "full": Config(seeds=10, steps=12_000, records=60, prime=59, addition_steps=40_000, addition_seeds=10),
}

_EXPECTED = "abstract and README of 2502.01628, direction; on digits here"
CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(
            f"digits: accuracy of {name} minus {LINEAR} (points)",
            "within 1 or above",
            "abstract, direction",
            Bounds(lower=-1.0),
        )
        for name in DISTANCES
    ),
    Claim("digits: growth of the head in the last half", "finite optimum", _EXPECTED, Ordering(("Euclidean", LINEAR))),
    Claim("digits: cosine of Euclidean centres and class means", "prototypes", _EXPECTED, Bounds(lower=0.9)),
    Claim(
        "digits: the same, of what is common to all removed", "above linear", _EXPECTED, Ordering((LINEAR, "Euclidean"))
    ),
    Claim("addition: steps from training to test", "less grokking", _EXPECTED, Ordering(("harmonic", LINEAR))),
    Claim(
        "addition: variance of embeddings in two directions",
        "circles",
        _EXPECTED,
        Ordering((LINEAR, "harmonic")),
    ),
)


def head(name: str, exponent: float, rngs: nnx.Rngs) -> nnx.Module:
    """The head of a name."""
    if name == LINEAR:
        return nnx.Linear(FEATURES, 10, rngs=rngs)
    distance = DISTANCES[name]
    if name == "Mahalanobis":
        distance = distance(FEATURES, eps=EPS)
    return nn.DistanceHead(FEATURES, 10, distance=distance, exponent=exponent, rngs=rngs)


def weights(head: Any) -> Any:
    """The vectors of the classes, one a row."""
    return head.centers[...] if isinstance(head, nn.DistanceHead) else head.kernel[...].swapaxes(-1, -2)


def cross_entropy(network: Any, x: Any, y: Any, *, key: Any = None) -> Any:
    """The mean cross-entropy; of a harmonic head's log-probabilities it is the harmonic loss."""
    del key
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(network(x), y))


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs both parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: every fit is short.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    digits_key, addition_key = jax.random.split(key)
    images = _images(config, int(jax.random.randint(digits_key, (), 0, 2**31 - 1)))
    heads = {}
    for name in (LINEAR, *config.heads):
        exponents = (1.0,) if name == LINEAR else config.exponents
        with stage(f"digits, {name}"):
            tried = [_fit_head(name, n, images, config, digits_key) for n in exponents]
        heads[name] = max(tried, key=lambda fitted: fitted["validation"].mean())
    addition = {}
    for name in (LINEAR, "harmonic"):
        with stage(f"addition modulo {config.prime}, {name}"):
            addition[name] = _modular_addition.learn(
                name == "harmonic",
                prime=config.prime,
                seeds=config.addition_seeds,
                steps=config.addition_steps,
                key=addition_key,
            )
    data = _dataset(config, heads, addition)
    return Result(
        measured=_measured(heads, addition), data=data, figure=lambda: draw(data), remarks=_remarks(heads, addition)
    )


def _images(config: Config, seed: int) -> dict[str, Any]:
    parts = _digits.splits(config.seeds, seed)
    x, y = parts["train"]
    cut = round(0.2 * y.shape[1])
    return {"validation": (x[:, :cut], y[:, :cut]), "train": (x[:, cut:], y[:, cut:]), "test": parts["test"]}


def _fit_head(name: str, exponent: float, images: dict[str, Any], config: Config, key: jax.Array) -> dict[str, Any]:
    every = config.steps // config.records
    fitted = _stacks.fit_own(
        lambda rngs: _stacks.Classifier(64, FEATURES, head(name, exponent, rngs), width=64, depth=1, rngs=rngs),
        cross_entropy,
        images["train"],
        key=key,
        steps=config.steps,
        batch=config.batch,
        optimizer=optax.adam(1e-3),
        record=lambda networks: jnp.linalg.norm(weights(networks.head), axis=(-1, -2)),
        record_every=every,
    )
    found: dict[str, Any] = {"exponent": exponent, "norm": np.asarray(fitted.recorded), "every": every}
    for part in ("validation", "test"):
        x, y = images[part]
        logits, features = _stacks.own_outputs(fitted.model, x)
        found[part] = _stacks.accuracy(logits, y)
    found["cosine"], found["centred_cosine"] = _prototypes(
        np.asarray(weights(fitted.model.head)), np.asarray(features), images["test"][1]
    )
    return found


def _prototypes(vectors: np.ndarray, features: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine of every class's vector and the mean of its features, averaged, by seed; then without the common part."""
    means = np.stack([[f[t == k].mean(0) for k in range(10)] for f, t in zip(features, y, strict=True)])

    def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        products = np.sum(a * b, -1) / np.maximum(np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1), 1e-12)
        return products.mean(-1)

    centred = [v - v.mean(1, keepdims=True) for v in (vectors, means)]
    return cosine(vectors, means), cosine(*centred)


def _growth(fitted: dict[str, Any]) -> np.ndarray:
    """Norm of the head at the end over that halfway, by seed."""
    norm = fitted["norm"]
    return norm[-1] / norm[len(norm) // 2 - 1]


def _measured(heads: dict[str, Any], addition: dict[str, Any]) -> dict[str, Any]:
    baseline = heads[LINEAR]["test"]
    accuracies = {
        f"digits: accuracy of {name} minus {LINEAR} (points)": _stacks.estimate(100 * (heads[name]["test"] - baseline))
        for name in heads
        if name != LINEAR
    }
    both = (LINEAR, "Euclidean")
    return accuracies | {
        "digits: growth of the head in the last half": {name: float(_growth(heads[name]).mean()) for name in both},
        "digits: cosine of Euclidean centres and class means": _stacks.estimate(heads["Euclidean"]["cosine"]),
        "digits: the same, of what is common to all removed": {
            name: float(heads[name]["centred_cosine"].mean()) for name in both
        },
        "addition: steps from training to test": {name: float(found["lag"].mean()) for name, found in addition.items()},
        "addition: variance of embeddings in two directions": {
            name: float(found["flatness"].mean()) for name, found in addition.items()
        },
    }


def _remarks(heads: dict[str, Any], addition: dict[str, Any]) -> dict[str, str]:
    chosen = {
        f"digits: accuracy of {name} minus {LINEAR} (points)": (
            f"accuracy {100 * heads[name]['test'].mean():.2f}% against {100 * heads[LINEAR]['test'].mean():.2f}%, "
            f"exponent {heads[name]['exponent']:.3g}"
        )
        for name in heads
        if name != LINEAR
    }
    late = {name: int(np.sum(found["test_step"] < 0)) for name, found in addition.items()}
    words = ", ".join(f"{name} {count}" for name, count in late.items())
    return chosen | {
        "addition: steps from training to test": (
            "from 99% of the training pairs to 95% of the others; runs that did not arrive count to the end: "
            f"{words} of {len(addition[LINEAR]['lag'])}"
        )
    }


def _dataset(config: Config, heads: dict[str, Any], addition: dict[str, Any]) -> "xarray.Dataset":
    import xarray

    names = list(heads)
    by_head = lambda quantity: np.stack([heads[name][quantity] for name in names])  # noqa: E731
    by_kind = lambda quantity: np.stack([addition[name][quantity] for name in addition])  # noqa: E731
    return xarray.Dataset(
        {
            "accuracy": (("head", "seed"), 100 * by_head("test"), {"units": "%"}),
            "norm": (("head", "record", "seed"), by_head("norm"), {"units": "1"}),
            "cosine": (("head", "seed"), by_head("cosine"), {"units": "1"}),
            "centred_cosine": (("head", "seed"), by_head("centred_cosine"), {"units": "1"}),
            "exponent": ("head", np.asarray([heads[name]["exponent"] for name in names]), {"units": "1"}),
            "train_accuracy": (("kind", "time", "run"), 100 * by_kind("train"), {"units": "%"}),
            "test_accuracy": (("kind", "time", "run"), 100 * by_kind("test"), {"units": "%"}),
            "lag": (("kind", "run"), by_kind("lag"), {"units": "steps"}),
            "flatness": (("kind", "run"), by_kind("flatness"), {"units": "1"}),
            "plane": (("kind", "token", "component"), by_kind("plane"), {"units": "1"}),
        },
        coords={
            "head": names,
            "record": heads[LINEAR]["every"] * (1 + np.arange(len(heads[LINEAR]["norm"]))),
            "kind": list(addition),
            "time": addition[LINEAR]["steps"],
        },
        attrs={"prime": config.prime},
    )
