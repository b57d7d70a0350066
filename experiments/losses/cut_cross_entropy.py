"""Cross-entropy of a linear head without its logits in memory: memory and time over the vocabulary, and the filter.

Memory is what compiled programs hold in temporary buffers, so that it is exact and costs no run. The filter is studied
on the head of a language model of Python's own source text, trained until its predictions are peaked (see
`_peaked_head`). The paper's figures are those of kernels on one A100 (8,192 tokens, width 2,304, 256,000 entries); here
the same passes are scans that XLA compiles, on whatever device there is.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from experiments.claims import Bounds, Claim, Measured, NotRun, Ordering, Quotient
from experiments.losses import _cut_measures as measures
from experiments.losses._cut_figure import draw
from experiments.losses._peaked_head import HeadConfig, TrainedHead, train_head
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "cut-cross-entropy"
TITLE = "Cut Your Losses in Large-Vocabulary Language Models"
ARXIV = "2411.09009"
EPS = 2.0**-12
"""The paper's threshold in bfloat16."""


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        tokens: of the comparison with logits.
        width: of its vectors.
        vocabularies: sizes at which memory is compared.
        largest_timed: vocabulary up to which time is measured, too.
        rounds: of timing.
        half_tokens: tokens of the comparison of bfloat16 with float64.
        half_vocabulary: its vocabulary.
        head: the language model.
        contexts: tokens that the filter is studied on.
        blocks: tokens and vocabulary entries of the filter's tiles.
        thresholds: of the filter.
    """

    tokens: int = 2048
    width: int = 256
    vocabularies: tuple[int, ...] = (4096, 16384, 65536, 262144)
    largest_timed: int = 65536
    rounds: int = 3
    half_tokens: int = 64
    half_vocabulary: int = 262144
    head: HeadConfig = field(default_factory=HeadConfig)
    contexts: int = 2048
    blocks: tuple[int, int] = (128, 256)
    thresholds: tuple[float, ...] = (2.0**-20, 2.0**-16, 2.0**-12, 2.0**-8, 2.0**-4)


PRESETS: dict[str, Config] = {
    "smoke": Config(
        tokens=256,
        width=32,
        vocabularies=(4096, 16384),
        largest_timed=4096,
        rounds=2,
        half_vocabulary=4096,
        head=HeadConfig(vocabulary=2047, tokens=1024, embed=16, width=32, batch=128, steps=40),
        contexts=256,
        thresholds=(2.0**-12, 2.0**-4),
    ),
    "default": Config(),
    "full": Config(
        tokens=8192,
        width=2304,
        vocabularies=(16384, 65536, 256000),
        largest_timed=256000,
        rounds=10,
        head=HeadConfig(vocabulary=32767, tokens=65536, width=512, steps=4000),
        contexts=8192,
    ),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("temporary memory of optax over ours", 24.0, "README: 28000 / 1164 MB, results included", Bounds(lower=22.0)),
    Claim(
        "our memory, largest vocabulary over smallest",
        "O(N + V)",
        "algorithms 1 to 3: no N x V buffer",
        Bounds(upper=1.1),
    ),
    Claim("time of ours over optax", 0.65, "README: 134.8 / 208.8 ms on an A100", Bounds(upper=1.0)),
    Claim("bfloat16: relative error of the loss", "curves equal", "fine-tuning of four models", Bounds(upper=1e-3)),
    Claim("bfloat16: cosine of gradients", "curves equal", "fine-tuning of four models", Bounds(lower=0.9999)),
    Claim("entries above 2^-12 per token", 50.0, "Fig. 3, about 50 of 256,000", Bounds(upper=50.0)),
    Claim("backward time without filter over with it", 3.4, "Table 1", Bounds(lower=1.5)),
    Claim("tiles kept", "sorting gains 15 % of time", "Table 1", Ordering(("mean-logit", "random"))),
    Claim("filter: relative gradient error", "below the precision", "that of bfloat16, 2^-7", Bounds(upper=2.0**-7)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Measures memory, time and precision, then trains the head and studies the filter.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the language model's checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    keys = jax.random.split(key, 4)
    with stage("compile for memory"):
        memory = [measures.temporary_memory(config.tokens, config.width, v) for v in config.vocabularies]
    timed = [v for v in config.vocabularies if v <= config.largest_timed]
    with stage("time value and gradients"):
        times = [
            measures.loss_times(measures.problem(config.tokens, config.width, v, keys[0]), config.rounds) for v in timed
        ]
    with stage("compare bfloat16 with float64"):
        error, cosine = measures.half_precision(
            measures.problem(config.half_tokens, config.width, config.half_vocabulary, keys[1])
        )
    with stage("train the language model"):
        head = train_head(config.head, contexts=config.contexts, key=keys[2], checkpoint_dir=checkpoint_dir / "head")
    with stage("study the filter"):
        filtered = _study(config, head, keys[3])
    at = timed.index(max(timed))
    measured: dict[str, Measured] = {
        "temporary memory of optax over ours": _at_one_size(memory, config.vocabularies),
        "our memory, largest vocabulary over smallest": Quotient(
            memory[-1]["without logits"], memory[0]["without logits"]
        ),
        "time of ours over optax": Quotient(times[at]["without logits"], times[at]["optax"]),
        "bfloat16: relative error of the loss": error,
        "bfloat16: cosine of gradients": cosine,
        "entries above 2^-12 per token": measures.entries_above(head, EPS),
        "backward time without filter over with it": Quotient(
            filtered["backward"]["no filter"], filtered["backward"]["filter"]
        ),
        "tiles kept": {order: kept[filtered["at"]] for order, kept in filtered["kept"].items()},
        "filter: relative gradient error": filtered["errors"][filtered["at"]],
    }
    data = _dataset(config, memory, times, filtered, head)
    return Result(measured=measured, data=data, figure=lambda: draw(data))


def _at_one_size(memory: list[dict[str, float]], vocabularies: tuple[int, ...]) -> Measured:
    if 65536 not in vocabularies:
        return NotRun("measured where the vocabulary has 65,536 entries")
    found = memory[vocabularies.index(65536)]
    return Quotient(found["optax"], found["without logits"])


def _study(config: Config, head: TrainedHead, key: jax.Array) -> dict:
    """Gradient errors and shares of tiles kept over thresholds, and times of the backward pass."""
    tiles = {"token_block": config.blocks[0], "vocab_block": config.blocks[1], "vocab_order": "mean_logit"}
    plain, exact = measures.backward(head, {})  # in its own, larger tiles, which are faster without a filter
    errors, calls = [], {"no filter": plain}
    for eps in config.thresholds:
        call, near = measures.backward(head, tiles | {"filter_eps": eps})
        errors.append(measures.relative_error(near, exact))
        if eps == EPS:
            calls["filter"] = call
    mean_logit = np.argsort(-np.asarray(head.embedding @ jnp.mean(head.hidden, axis=0)))
    orders = {"mean-logit": mean_logit, "random": np.asarray(jax.random.permutation(key, len(mean_logit)))}
    kept = {
        name: [measures.kept_share(head, eps, config.blocks, order) for eps in config.thresholds]
        for name, order in orders.items()
    }
    backward = measures.seconds(calls, 3 * config.rounds)
    return {"errors": errors, "kept": kept, "backward": backward, "at": config.thresholds.index(EPS)}


def _dataset(
    config: Config, memory: list[dict[str, float]], times: list[dict[str, float]], filtered: dict, head: TrainedHead
) -> "xarray.Dataset":
    import xarray

    ways = list(measures.LOSSES)
    missing = [dict.fromkeys(ways, np.nan)] * (len(memory) - len(times))
    return xarray.Dataset(
        {
            "memory": (("way", "vocabulary"), [[m[way] for m in memory] for way in ways], {"units": "MiB"}),
            "seconds": (("way", "vocabulary"), [[t[way] for t in times + missing] for way in ways], {"units": "s"}),
            "kept": (("order", "eps"), list(filtered["kept"].values()), {"units": "1"}),
            "error": ("eps", filtered["errors"], {"units": "1"}),
            "backward": ("backward_way", list(filtered["backward"].values()), {"units": "s"}),
        },
        coords={
            "way": ways,
            "vocabulary": list(config.vocabularies),
            "order": list(filtered["kept"]),
            "eps": list(config.thresholds),
            "backward_way": list(filtered["backward"]),
        },
        attrs={
            "tokens": config.tokens,
            "width": config.width,
            "loss_of_language_model": head.loss,
            "backward_ratio": filtered["backward"]["no filter"] / filtered["backward"]["filter"],
        },
    )
