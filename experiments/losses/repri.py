"""RePRI on synthetic feature maps: what each term adds, when to renew the proportion, and what an error of it costs.

Tasks are blobs of a class before a background, with an image's own distractor and moved prototypes, so hard that the
initial prototype gets about half of the union right, as on the paper's data. Figures of the paper are from Pascal-5i
with a ResNet-50; what can be compared is order and direction.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from entropax import losses, metrics
from experiments.claims import Claim, Estimate, Exceeds, Near, Ordering
from experiments.losses._blobs import Tasks, draw_tasks
from experiments.losses._repri_figure import PASCAL, draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "repri"
TITLE = "Few-Shot Segmentation Without Meta-Learning: A Good Transductive Inference Is All You Need?"
ARXIV = "2012.06166"

PROTOTYPE, CE, CE_H, FULL, ORACLE, EQUAL = "prototype", "CE", "CE+H", "CE+H+KL", "oracle", "oracle, equal weights"
METHODS = (PROTOTYPE, CE, CE_H, FULL, ORACLE, EQUAL)
FAILED = 0.1
"""A task has failed where intersection over union is below this."""
WEIGHTS = "the authors' oracle weighs entropy by 0.1, the full method by 1 over the shots, which tells here; "
LEAST = 1e-3
"""Wrong proportions are kept this far inside (0, 1): at 0 and 1 the divergence is infinite."""


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        runs: independent draws of the tasks; errors are over them.
        tasks: of a run.
        shots: labelled images of a task; the first for the sweeps.
        classes: prototypes, over which the mean of IoU is.
        size: pixels along a side.
        channels: of the features.
        noise: length of a pixel's noise; prototypes have length 1.
        shift: length of an image's shift of each prototype.
        t_pi: iterations at which the proportion is renewed, as the authors count: after t_pi - 1 updates.
        errors: relative errors delta of a known proportion.
    """

    runs: int = 5
    tasks: int = 200
    shots: tuple[int, ...] = (1, 5)
    classes: int = 20
    size: int = 20
    channels: int = 16
    noise: float = 1.5
    shift: float = 1.0
    t_pi: tuple[int, ...] = (1, 6, 9, 12, 15, 20, 30, 50)
    errors: tuple[float, ...] = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)


PRESETS: dict[str, Config] = {
    "smoke": Config(runs=2, tasks=20, shots=(1,), size=12, t_pi=(1, 9, 50), errors=(-0.5, 0.0, 0.5)),
    "default": Config(),
    "full": Config(runs=20, tasks=1000, shots=(1, 5, 10), size=53, channels=512),
}

CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(
            f"{shots} shot: mean IoU",
            f"{CE} < {FULL} < oracle, {full}% and {oracle}% on Pascal-5i",
            "README; that cross-entropy alone is worst is the method's reason",
            Ordering((CE, FULL, ORACLE)),
        )
        for shots, (full, oracle) in PASCAL.items()
    ),
    Claim(
        "1 shot: gain by the true proportion, weights equal (points)",
        0.0,
        "README: 14.2 points on Pascal-5i, with other weights for the oracle",
        Exceeds(2.0),
    ),
    Claim(
        f"1 shot: share of failed tasks, {CE_H} against {FULL}",
        "entropy alone is unstable",
        "the method's reason for the third term",
        Ordering((FULL, CE_H)),
    ),
    Claim(
        "1 shot: error of a known proportion with the highest mean IoU",
        0.0,
        "study of wrong proportions: a peak near 0",
        Near(absolute=0.25),
    ),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Draws tasks and segments their queries.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: nothing is trained.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    found: dict[str, list] = {"methods": [], "failed": [], "t_pi": [], "errors": [], "share": []}
    for i in range(config.runs):
        with stage(f"segment the tasks of run {i + 1} of {config.runs}"):
            drawn = [_tasks(config, shots, jax.random.fold_in(key, i)) for shots in config.shots]
            scores = [[_score(tasks, config, settings) for settings in _methods(tasks)] for tasks in drawn]
            found["methods"].append([[mean for mean, _, _ in row] for row in scores])
            found["failed"].append([[failed for _, failed, _ in row] for row in scores])
            found["share"].append([[share for _, _, share in row] for row in scores])
            swept = drawn[0]
            found["t_pi"].append([_score(swept, config, _full(swept, refresh_after=t - 1))[0] for t in config.t_pi])
            found["errors"].append(
                [_score(swept, config, _oracle(_share(swept) * (1 + delta)))[0] for delta in config.errors]
            )
    data = _dataset(config, found)
    return Result(
        measured=_measured(data),
        data=data,
        figure=lambda: draw(data),
        remarks={
            f"{shots} shot: mean IoU": WEIGHTS
            + ", ".join(
                f"{m} {100 * float(mean):.1f} +- {100 * float(error):.1f}%"
                for m, (mean, error) in ((m, _summary(data.mean_iou.sel(variant=m, shots=shots))) for m in METHODS)
            )
            for shots in config.shots
            if shots in PASCAL
        },
    )


# ---------------------------------------------------------------------------------------------------- inferences


class Settings(NamedTuple):
    """How a batch of tasks is segmented; arrays, so that all settings of a kind share one compilation."""

    entropy_weight: float
    kl_weight: float
    kl_increase: float = 1.0
    refresh_after: int = 9
    proportion: jax.Array | None = None
    num_updates: int = 49


def _full(tasks: Tasks, **changes: Any) -> Settings:
    weight = 1 / tasks.masks.shape[1]
    return Settings(weight, weight)._replace(**changes)


def _oracle(proportion: jax.Array) -> Settings:
    """The authors' setting for a known proportion: other weights, and six times the iterations."""
    return Settings(0.1, 1.0, proportion=jnp.clip(proportion, LEAST, 1 - LEAST), num_updates=299)


def _methods(tasks: Tasks) -> tuple[Settings, ...]:
    """In the order of METHODS; the last has the weights of the full method after its renewal, and its iterations."""
    full = _full(tasks)
    return (
        full._replace(num_updates=0, refresh_after=0),
        full._replace(entropy_weight=0.0, kl_weight=0.0, kl_increase=0.0),
        full._replace(kl_weight=0.0, kl_increase=0.0),
        full,
        _oracle(_share(tasks)),
        full._replace(proportion=_share(tasks), kl_weight=full.kl_weight + 1),
    )


def _score(tasks: Tasks, config: Config, settings: Settings) -> tuple[float, float, float]:
    """Mean IoU over classes, the share of failed tasks, and the mean error of the predicted area."""
    weights = [jnp.asarray(x, jnp.float32) for x in settings[:3]]
    # A proportion that is known is never renewed: with no increase a renewal after the last update does nothing.
    renewed = settings.refresh_after if settings.proportion is None else settings.num_updates
    when, updates = jnp.asarray([renewed]), settings.num_updates
    mean, failed, area = _scored(tasks, weights, when, settings.proportion, updates, config.classes)
    return float(mean), float(failed), float(area)


@functools.partial(jax.jit, static_argnums=(4, 5))
def _scored(
    tasks: Tasks, weights: list, renewed: jax.Array, proportion: jax.Array | None, num_updates: int, classes: int
) -> tuple[jax.Array, ...]:
    entropy_weight, kl_weight, kl_increase = weights

    def infer(support: jax.Array, masks: jax.Array, query: jax.Array, known: jax.Array | None) -> jax.Array:
        return losses.repri_inference(
            support,
            masks,
            query,
            proportion=known,
            refresh_after=renewed,
            num_updates=num_updates,
            entropy_weight=entropy_weight,
            kl_weight=kl_weight,
            kl_increase=kl_increase,
        ).logits

    logits = jax.vmap(infer)(tasks.support, tasks.masks, tasks.query, proportion)
    predicted = (logits > 0).astype(jnp.int32)
    count = jax.vmap(lambda p, y: metrics.intersection_and_union(p, y, num_classes=2))
    shared, either = (counts[:, 1] for counts in count(predicted, tasks.truth))
    by_class = [jax.ops.segment_sum(x, tasks.classes, classes) for x in (shared, either)]
    failed = jnp.mean(shared < FAILED * either)
    area = jnp.mean(jnp.abs(jnp.mean(predicted, axis=(1, 2), dtype=logits.dtype) - _share(tasks)))
    return metrics.mean_iou(*by_class), failed, area


def _tasks(config: Config, shots: int, key: jax.Array) -> Tasks:
    return draw_tasks(
        jax.random.fold_in(key, shots),
        tasks=config.tasks,
        shots=shots,
        classes=config.classes,
        size=config.size,
        channels=config.channels,
        noise=config.noise,
        shift=config.shift,
    )


def _share(tasks: Tasks) -> jax.Array:
    """The true proportion of foreground of every query."""
    return jnp.mean(tasks.truth, axis=(1, 2), dtype=tasks.query.dtype)


# ------------------------------------------------------------------------------------------------------ results


def _summary(values: "xarray.DataArray") -> tuple[np.ndarray, np.ndarray]:
    """Mean over runs, and its standard error."""
    error = values.std("run", ddof=1) / np.sqrt(values.sizes["run"])
    return values.mean("run").to_numpy(), error.to_numpy()


def _measured(data: "xarray.Dataset") -> dict[str, Any]:
    one = {"shots": 1}
    gain = 100 * (data.mean_iou.sel(one | {"variant": EQUAL}) - data.mean_iou.sel(one | {"variant": FULL}))
    peak = data.error[int(np.argmax(data.mean_iou_of_error.mean("run").to_numpy()))]
    pick = lambda values, *methods: {m: float(values.sel(variant=m).mean("run")) for m in methods}  # noqa: E731
    return {
        **{
            f"{k} shot: mean IoU": pick(data.mean_iou.sel(shots=k), CE, FULL, ORACLE) for k in PASCAL if k in data.shots
        },
        "1 shot: gain by the true proportion, weights equal (points)": Estimate(*_summary(gain)),
        f"1 shot: share of failed tasks, {CE_H} against {FULL}": pick(data.failed.sel(one), FULL, CE_H),
        "1 shot: error of a known proportion with the highest mean IoU": float(peak),
    }


def _dataset(config: Config, found: dict[str, list]) -> "xarray.Dataset":
    import xarray

    unit = {"units": "1"}
    by_method = "run", "shots", "variant"
    return xarray.Dataset(
        {
            "mean_iou": (by_method, np.asarray(found["methods"]), unit),
            "failed": (by_method, np.asarray(found["failed"]), unit | {"long_name": f"share of tasks below {FAILED}"}),
            "area_error": (by_method, np.asarray(found["share"]), unit),
            "mean_iou_of_t_pi": (("run", "t_pi"), np.asarray(found["t_pi"]), unit),
            "mean_iou_of_error": (("run", "error"), np.asarray(found["errors"]), unit),
        },
        coords={
            "shots": list(config.shots),
            "variant": list(METHODS),
            "t_pi": list(config.t_pi),
            "error": list(config.errors),
        },
    )
