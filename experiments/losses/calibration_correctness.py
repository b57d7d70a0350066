"""Calibration that asks whether the prediction is right: digits read by perceptrons that are too sure of themselves.

Two kinds of perceptron have learned their images by heart: 400 of which four in ten have wrong labels, and 200 with
right ones. Each is calibrated on 600 others: by one temperature, fitted to cross-entropy or to correctness, and by
small networks that give every image a temperature, trained by cross-entropy (CE), the squared error of the distribution
(MSE) or the correctness-aware loss (CA), on what the perceptron says of the image itself or of five transformed copies
of it. A network is taken at the step at which its objective is least on a third of the calibration images, which it
does not learn from. Told, on test images as they are and on images with noise, blur, less contrast or shifted, each at
three severities that calibration has not seen: calibration errors, the Brier score, and how well confidence tells right
from wrong. Figures of shifted images are means over all twelve sets. Claims in distribution are on the first kind, of
whose wrong predictions there are many to learn from, as on ImageNet; claims on shifted images are on the second, whose
accuracy there stays between 0.9 and 0.5. Remarks tell of the other kind. All perceptrons, and all calibrators of one
kind, train side by side.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import losses, metrics, nn
from experiments.claims import Bounds, Claim, Exceeds
from experiments.losses import _digit_transforms, _digits, _stacks
from experiments.losses._calibration_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "calibration-correctness"
TITLE = "Optimizing calibration by gaining aware of prediction correctness"
ARXIV = "2404.13016"

CALIBRATORS = {  # objective, and whether it sees transformed copies
    "CE": ("cross_entropy", True),
    "MSE": ("squared_error", True),
    "CA only": ("correctness", False),
    "CA trans.": ("correctness", True),
}
METHODS = ("uncalibrated", "TS", "TS by CA", *CALIBRATORS)
CLASSIFIERS = {"wrong labels": (400, 0.4), "few images": (200, 0.0)}
"""Training images of a kind, and the share of them with another label."""
WRONG, FEW = CLASSIFIERS
PLAIN = "in distribution"
SHIFTS = {f"{kind} {a:g}": (kind, a) for kind, amounts in _digit_transforms.SEVERITIES.items() for a in amounts}
METRICS = ("ECE", "KS", "Brier", "AUROC", "over-confidence", "temperature")


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        seeds: classifiers, each with its own images, and calibrators of each.
        calibration: images that calibrators learn from.
        classifier_steps: full-batch steps of the classifier.
        calibrator_steps: full-batch steps of a calibrator.
        record_every: steps between those among which held-out images choose.
        width: hidden units of the classifier's two layers.
        k: classes whose probabilities a calibrator sees.
        bins: of the expected calibration error.
    """

    seeds: int = 20
    calibration: int = 600
    classifier_steps: int = 500
    calibrator_steps: int = 2000
    record_every: int = 20
    width: int = 64
    k: int = 4
    bins: int = 25


PRESETS: dict[str, Config] = {
    "smoke": Config(seeds=4, classifier_steps=200, calibrator_steps=200),
    "default": Config(),
    "full": Config(seeds=200, calibrator_steps=10_000),
}

_WORDS = "abstract and experiments, in words"
CLAIMS: tuple[Claim, ...] = (
    Claim("least gain of a calibration in ECE over none", 0.0, _WORDS, Exceeds(2.0)),
    Claim("AUROC of CA trans. less that of TS", 0.0, _WORDS, Exceeds(2.0)),
    Claim("AUROC of CA trans. less that of CE", 0.0, _WORDS, Exceeds(2.0)),
    Claim("AUROC of CA trans. less that of CA only", 0.0, _WORDS, Exceeds(2.0)),
    Claim("shifted: ECE of TS less that of CA trans.", 0.0, _WORDS, Exceeds(2.0)),
    Claim("shifted: ECE of CE less that of CA trans.", 0.0, _WORDS, Exceeds(2.0)),
    Claim("ECE of TS by CA less that of TS", "close", "one temperature has no more to see", Bounds(-0.01, 0.01)),
    Claim("CA trans.: temperature of wrong predictions over that of right ones", 1.0, "section 3", Exceeds(2.0)),
)


class _Part(eqx.Module):
    """What the classifiers say of a part of the images: over classifiers, images (and copies) and classes."""

    logits: jax.Array
    copies: jax.Array
    labels: jax.Array


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Trains classifiers, calibrates them, and judges both on all test sets.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the trainings' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    import xarray

    made_by, trained_by, calibrated_by = jax.random.split(key, 3)
    images = _images(config, key=made_by)
    found: list[xarray.Dataset] = []
    for kind, (train, noise) in CLASSIFIERS.items():
        path = checkpoint_dir / kind.replace(" ", "-")
        with stage(f"{kind}: train {config.seeds} classifiers"):
            classifiers = _classifiers(images, train, noise, config, key=trained_by, path=path / "classifiers")
        calibration = _part(classifiers, images, PLAIN, "calibration")
        temperatures = _temperatures(kind, calibration, config, key=calibrated_by, path=path)
        with stage(f"{kind}: judge on {1 + len(SHIFTS)} test sets"):
            parts = {name: _part(classifiers, images, name, "test") for name in (PLAIN, *SHIFTS)}
            found.append(_dataset(config, calibration, parts, temperatures).expand_dims(classifier=[kind]))
    data = xarray.concat(found, "classifier")
    return Result(measured=_measured(data), data=data, figure=lambda: draw(data), remarks=_remarks(data))


def _temperatures(
    kind: str, calibration: _Part, config: Config, *, key: jax.Array, path: Path
) -> dict[str, Callable[[_Part], jax.Array]]:
    """Every method's temperatures of a part."""
    temperatures: dict[str, Callable[[_Part], jax.Array]] = {"uncalibrated": lambda part: jnp.ones(part.labels.shape)}
    for name, loss in (("TS", "cross_entropy"), ("TS by CA", "correctness")):
        with stage(f"{kind}: fit a temperature, {name}"):
            fitted = _fit_temperatures(calibration.logits, calibration.labels, loss=loss).value
            temperatures[name] = lambda part, t=fitted: jnp.broadcast_to(t[:, None], part.labels.shape)
    for name, (objective, copies) in CALIBRATORS.items():
        with stage(f"{kind}: train {config.seeds} calibrators, {name}"):
            model = _calibrators(objective, copies, calibration, config, key=key, path=path / name)
            temperatures[name] = lambda part, model=model, copies=copies: _given_by(
                model, _features(part, copies, config)
            )
    return temperatures


# ------------------------------------------------------------------------------------------- images and classifiers


def _images(config: Config, *, key: jax.Array) -> dict[str, Any]:
    """All digits as they are and corrupted, their copies, their labels, and each classifier's parts of them."""
    x, labels = _digits.images()
    x = x.reshape(-1, 8, 8)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    orders = np.stack([rng.permutation(len(x)) for _ in range(config.seeds)])
    n = max(train for train, _ in CLASSIFIERS.values())
    m = n + config.calibration
    sets = {PLAIN: x} | {name: _digit_transforms.corrupted(x, *shift, rng) for name, shift in SHIFTS.items()}
    return {name: (own, _digit_transforms.transformed_copies(own, rng)) for name, own in sets.items()} | {
        "labels": labels,
        "train": orders[:, :n],
        "calibration": orders[:, n:m],
        "test": orders[:, m:],
    }


def _cross_entropy(model: nn.MLP, x: jax.Array, y: jax.Array, *, key: jax.Array) -> jax.Array:
    del key
    return jnp.mean(losses.cross_entropy_loss(model(x), y))


def _classifiers(
    images: dict[str, Any], train: int, noise: float, config: Config, *, key: jax.Array, path: Path
) -> nn.MLP:
    x, ids = images[PLAIN][0].reshape(-1, 64), images["train"][:, :train]
    flipped_by, fitted_by = jax.random.split(key)
    labels = losses.uniform_label_flips(images["labels"][ids], noise, num_classes=10, key=flipped_by).value
    return _stacks.fit_own(
        lambda rngs: nn.MLP(64, 10, width=config.width, depth=2, activation=jax.nn.relu, rngs=rngs),
        _cross_entropy,
        (x[ids], labels),
        key=fitted_by,
        steps=config.classifier_steps,
        batch=None,
        optimizer=optax.adam(1e-2),
        checkpoint_dir=path,
    ).model


def _part(models: nn.MLP, images: dict[str, Any], name: str, part: str) -> _Part:
    own, copies = images[name]
    ids = jnp.asarray(images[part])
    of_copies = _stacks.scores(models, copies.reshape(*copies.shape[:2], 64))  # (classifier, copy, image, class)
    seen = _stacks.scores(models, own.reshape(-1, 64)), jnp.moveaxis(of_copies, 1, 2)
    logits, copies = (jax.vmap(lambda values, i: values[i])(values, ids) for values in seen)
    return _Part(logits, copies, jnp.asarray(images["labels"])[ids])


# ------------------------------------------------------------------------------------------------------- calibration


def _fit_temperatures(logits: jax.Array, labels: jax.Array, *, loss: Any) -> losses.FittedTemperature:
    return jax.jit(jax.vmap(lambda z, y: losses.fit_temperature(z, y, loss=loss)))(logits, labels)


def _features(part: _Part, copies: bool, config: Config) -> jax.Array:
    return nn.topk_features(part.logits, part.copies if copies else part.logits[..., None, :], k=config.k)


@jax.jit
def _given_by(models: nn.Calibrator, features: jax.Array) -> jax.Array:
    return jax.vmap(lambda model, x: model(x))(models, features)


def _calibration_loss(
    model: nn.Calibrator, features: jax.Array, logits: jax.Array, labels: jax.Array, *, objective: str, key: Any
) -> jax.Array:
    """The mean of one objective of a calibrator."""
    del key
    t = model(features)
    if objective == "correctness":
        return jnp.mean(losses.correctness_aware_loss(logits, labels, t))
    plain = {"cross_entropy": losses.cross_entropy_loss, "squared_error": losses.squared_error_loss}
    return jnp.mean(plain[objective](losses.temperature_scale(logits, t), labels))


class _Seen(eqx.Module):
    """The calibrators of a step and what they lose on held-out images."""

    loss: _stacks.StackLoss
    held_out: tuple[jax.Array, ...]

    def __call__(self, models: nn.Calibrator) -> tuple[nn.Calibrator, jax.Array]:
        return models, self.loss.each(models, self.held_out, key=jax.random.key(0))  # the loss draws nothing


def _learned(config: Config) -> int:
    """Calibration images that networks learn from; the others choose the step."""
    return 2 * config.calibration // 3


def _calibrators(
    objective: str, copies: bool, part: _Part, config: Config, *, key: jax.Array, path: Path
) -> nn.Calibrator:
    features = _features(part, copies, config)
    of_one = functools.partial(_calibration_loss, objective=objective)
    cut = _learned(config)
    learned, held_out = (
        tuple(values[:, images] for values in (features, part.logits, part.labels))
        for images in (slice(cut), slice(cut, None))
    )
    recorded, held_out_losses = _stacks.fit_own(
        lambda rngs: nn.Calibrator(features.shape[-1], rngs=rngs),
        of_one,
        learned,
        key=key,
        steps=config.calibrator_steps,
        batch=None,
        optimizer=optax.adam(1e-2),
        record=_Seen(_stacks.StackLoss(of_one), held_out),
        record_every=config.record_every,
        checkpoint_dir=path,
    ).recorded
    best, each = jnp.argmin(held_out_losses, axis=0), jnp.arange(config.seeds)
    return jax.tree.map(lambda steps: steps[best, each], recorded)


# ------------------------------------------------------------------------------------------------- what was measured


def _dataset(
    config: Config, calibration: _Part, parts: dict[str, _Part], temperatures: dict[str, Any]
) -> "xarray.Dataset":
    """Metrics over (calibration, test, classifier, metric), reliability diagrams, temperatures of wrong and right."""
    import xarray

    @jax.jit
    @jax.vmap
    def judge(logits: jax.Array, labels: jax.Array, t: jax.Array) -> tuple[Any, ...]:
        top = metrics.top_label(jax.nn.softmax(losses.temperature_scale(logits, t)), labels)
        given = top.confidence, top.correct
        values = (
            metrics.expected_calibration_error(*given, num_bins=config.bins),
            metrics.ks_calibration_error(*given),
            metrics.brier_score(*given),
            metrics.auroc(*given),
            jnp.mean(top.confidence - top.correct),
            jnp.mean(t),
        )
        bins = metrics.reliability_bins(*given, num_bins=10)
        right = jnp.sum(t * top.correct) / jnp.sum(top.correct)
        wrong = jnp.sum(t * (1 - top.correct)) / jnp.sum(1 - top.correct)
        return jnp.stack(values), jnp.stack([bins.accuracy, bins.confidence, bins.count]), wrong / right, top.correct

    found = [[judge(part.logits, part.labels, temperatures[m](part)) for part in parts.values()] for m in METHODS]
    values, bins, ratio, correct = (np.stack([[np.asarray(one[i]) for one in row] for row in found]) for i in range(4))
    cut = _learned(config)
    wrong = np.sum(np.argmax(calibration.logits[:, :cut], axis=-1) != calibration.labels[:, :cut], axis=-1)
    counts = bins[..., 2, :]
    pooled = (bins[..., :2, :] * counts[..., None, :]).sum(2) / np.maximum(counts.sum(2), 1)[..., None, :]
    return xarray.Dataset(
        {
            "value": (("calibration", "test", "seed", "metric"), values, {"units": "1"}),
            "reliability": (("calibration", "test", "of", "bin"), pooled, {"units": "1"}),
            "count": (("calibration", "test", "bin"), counts.sum(2), {"units": "images"}),
            "temperature_ratio": (("calibration", "test", "seed"), ratio, {"units": "1"}),
            "accuracy": (("test", "seed"), correct[0].mean(-1), {"units": "1"}),
            "wrong": ("seed", wrong, {"units": "images", "long_name": "wrong predictions that calibrators learn from"}),
        },
        coords={
            "calibration": list(METHODS),
            "test": list(parts),
            "metric": list(METRICS),
            "of": ["accuracy", "confidence"],
        },
    )


def _of(data: "xarray.Dataset", metric: str, method: str, *, shifted: bool = False) -> np.ndarray:
    """A metric of every classifier, on test images as they are or as a mean over shifted sets."""
    values = data.value.sel(metric=metric, calibration=method)
    return (values.sel(test=list(SHIFTS)).mean("test") if shifted else values.sel(test=PLAIN)).values


def _measured(data: "xarray.Dataset", *, in_distribution: str = WRONG, shifted: str = FEW) -> dict[str, Any]:
    """What the claims are on, of two kinds of classifier."""
    plain, moved = _differences(data.sel(classifier=in_distribution)), _differences(data.sel(classifier=shifted))
    return {claim.name: (moved if "shifted" in claim.name else plain)[claim.name] for claim in CLAIMS}


def _differences(data: "xarray.Dataset") -> dict[str, Any]:
    """Of one kind of classifier."""
    of = functools.partial(_of, data)
    gains = [
        _stacks.estimate(of("ECE", "uncalibrated", shifted=shifted) - of("ECE", method, shifted=shifted))
        for method in METHODS[1:]
        for shifted in (False, True)
    ]
    measured = {
        CLAIMS[0].name: min(gains, key=lambda gain: float(gain.value)),
        CLAIMS[6].name: _stacks.estimate(of("ECE", "TS by CA") - of("ECE", "TS")),
        CLAIMS[7].name: _stacks.estimate(data.temperature_ratio.sel(calibration="CA trans.", test=PLAIN).values),
    }
    for claim, other in zip(CLAIMS[1:4], ("TS", "CE", "CA only"), strict=True):
        measured[claim.name] = _stacks.estimate(of("AUROC", "CA trans.") - of("AUROC", other))
    for claim, other in zip(CLAIMS[4:6], ("TS", "CE"), strict=True):
        measured[claim.name] = _stacks.estimate(of("ECE", other, shifted=True) - of("ECE", "CA trans.", shifted=True))
    return measured


def _remarks(data: "xarray.Dataset") -> dict[str, str]:
    """What the other kind gives, how hard the shifts are, and what the calibration error under them is made of."""
    remarks = {
        claim: f"{WRONG if 'shifted' in claim else FEW}: {float(found.value):.3g} +- {float(found.standard_error):.2g}"
        for claim, found in _measured(data, in_distribution=FEW, shifted=WRONG).items()
    }
    for kind in CLASSIFIERS:
        of_kind = data.sel(classifier=kind)

        def mean(metric: str, method: str, shifted: bool = True, of_kind: Any = of_kind) -> float:
            return float(_of(of_kind, metric, method, shifted=shifted).mean())

        accuracy = of_kind.accuracy.mean("seed")
        listed = ", ".join(f"{name} {float(accuracy.sel(test=name)):.2f}" for name in (PLAIN, *SHIFTS))
        remarks[CLAIMS[0].name] += f"; accuracy, {kind}: {listed}"
        remarks[CLAIMS[1].name] += (
            f"; {kind}: calibrators learn from {float(of_kind.wrong.mean()):.0f} wrong predictions"
        )
        methods = ("TS", "TS by CA", "CE", "CA trans.")
        errors = ", ".join(f"{m} {mean('ECE', m):.3f} ({mean('over-confidence', m):.3f})" for m in methods)
        follow = ", ".join(f"{m} {mean('temperature', m, False):.2f} to {mean('temperature', m):.2f}" for m in methods)
        remarks[CLAIMS[4].name] += f"; {kind}, ECE (of which mean confidence less accuracy): {errors}"
        remarks[CLAIMS[5].name] += f"; {kind}, mean temperature in distribution to shifted: {follow}"
    remarks[CLAIMS[5].name] += "; temperatures that do not rise with the shift leave confidence too high"
    return remarks
