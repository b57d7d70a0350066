"""Earth mover's distance for a small language model of text whose true distribution is known.

A causal transformer learns, in words, the documentation of the Python language that ships with Python
(`pydoc_data.topics`). It is then the source: text drawn from it has exactly known probabilities. A smaller model learns
such text by maximum likelihood and goes on by likelihood (MLE), MixCE, TaiLr or EMO; EMO's transport costs are those
between the rows of the small model's output matrix before, as in arXiv 2310.04691. On fresh text the next word's
distribution is compared with the source's: forward and reverse divergence, reverse cross-entropy and total variation,
the paper's measures, and the transport cost to the word that follows.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import losses, nn, training
from experiments.claims import Claim, Estimate, Exceeds
from experiments.losses._emo_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "emo"
TITLE = "EMO: Earth mover distance optimization for auto-regressive language modeling"
ARXIV = "2310.04691"


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        vocabulary: words with a token of their own, one of them for all others.
        length: words of a sequence.
        source_embed: size of a word's embedding in the source.
        source_blocks: of the source.
        source_steps: of its training.
        embed: size of a word's embedding in the models that learn from it.
        blocks: of those.
        batch: sequences a step.
        drawn: sequences to learn from.
        judged: sequences to judge by.
        pretraining: steps by likelihood.
        finetuning: steps by each loss.
    """

    vocabulary: int = 1000
    length: int = 48
    source_embed: int = 64
    source_blocks: int = 2
    source_steps: int = 1000
    embed: int = 32
    blocks: int = 1
    batch: int = 16
    drawn: int = 4096
    judged: int = 512
    pretraining: int = 1000
    finetuning: int = 400


PRESETS: dict[str, Config] = {
    "smoke": Config(
        vocabulary=200,
        length=16,
        source_embed=32,
        source_blocks=1,
        source_steps=150,
        embed=16,
        drawn=512,
        judged=64,
        pretraining=60,
        finetuning=30,
    ),
    "default": Config(),
    "full": Config(
        vocabulary=4000,
        length=128,
        source_embed=256,
        source_blocks=6,
        source_steps=8000,
        embed=64,
        blocks=2,
        batch=64,
        drawn=65_536,
        judged=4096,
        pretraining=8000,
        finetuning=2000,
    ),
}

ABSTRACT = "abstract: better language models"
CLAIMS: tuple[Claim, ...] = (
    Claim("reverse divergence of MLE over EMO (nats)", 0.0, ABSTRACT, Exceeds(2.0)),
    Claim("reverse cross-entropy of MLE over EMO (nats)", 0.0, ABSTRACT, Exceeds(2.0)),
    Claim("total variation of MLE over EMO", 0.0, ABSTRACT, Exceeds(2.0)),
    Claim("transport cost of MLE over EMO", 0.0, "it is what EMO adds", Exceeds(2.0)),
    Claim("transport cost of MixCE over EMO", 0.0, "only EMO knows costs", Exceeds(2.0)),
    Claim("transport cost of TaiLr over EMO", 0.0, "only EMO knows costs", Exceeds(2.0)),
    Claim("forward divergence of EMO over MLE (nats)", 0.0, "it is what MLE minimises", Exceeds(2.0)),
)


def objectives() -> dict[str, Callable[..., Any]]:
    """The losses of fine-tuning by name: (logits, labels, embedding) -> one loss a word."""
    return {
        "MLE": lambda z, y, e: losses.comp_sum_loss(z, y),
        "MixCE": lambda z, y, e: losses.mixce_loss(z, y),
        "TaiLr": lambda z, y, e: losses.tailr_loss(z, y),
        "EMO": lambda z, y, e: losses.emo_loss(z, y, e),
        "EMO, mode 2": lambda z, y, e: losses.emo_loss(z, y, e, mode=2),
    }


def load_text(config: Config) -> np.ndarray:
    """Python's documentation as tokens, shape (sequences, length); token 0 stands for all rarer words."""
    from pydoc_data.topics import topics

    words = [w for name in sorted(topics) for w in re.findall(r"[a-z_]+|[0-9]+|[^\sa-z0-9_]", topics[name].lower())]
    frequent = Counter(words).most_common(config.vocabulary - 1)
    token_of = {word: token for token, (word, _) in enumerate(frequent, start=1)}
    tokens = np.array([token_of.get(word, 0) for word in words], np.int32)
    return tokens[: len(tokens) // config.length * config.length].reshape(-1, config.length)


@jax.jit
def draw_text(source: nn.Decoder, prompts: jax.Array, key: jax.Array) -> jax.Array:
    """Sequences drawn from the source, each after the first word of a prompt, shape (n, length)."""
    complete = lambda tokens, key: source.complete(tokens, prompt=1, key=key)[0]  # noqa: E731
    keys = jax.random.split(key, len(prompts))
    return jax.lax.map(lambda both: complete(*both), (prompts, keys), batch_size=128)


def train(config: Config, models: Any, sequences: Any, objectives: Sequence[Callable[..., Any]], **options: Any) -> Any:
    """Trains models side by side to predict the next word, each by a loss of its own, (logits, labels) -> one a word.

    Args:
        config: sizes.
        models: decoders, stacked along a first axis.
        sequences: shape (n, length); all models see the same batches.
        objectives: one a model.
        options: of `training.fit`.

    Returns:
        The trained models, stacked.
    """
    data = jnp.asarray(sequences)

    def batch_at(step: Any, *, key: jax.Array) -> jax.Array:
        return data[jax.random.randint(key, (config.batch,), 0, len(data))]

    def loss(models: Any, batch: jax.Array, *, key: jax.Array) -> jax.Array:
        logits = jax.vmap(lambda model: jax.vmap(model)(batch)[:, :-1])(models)
        means = [jnp.mean(objective(z, batch[:, 1:])) for objective, z in zip(objectives, logits, strict=True)]
        return jnp.sum(jnp.stack(means))

    rate = optax.cosine_decay_schedule(3e-3, options["steps"])
    return training.fit(loss, models, batch_at, optax.adam(rate), progress=False, **options).model


def stack(model: nn.Decoder, count: int) -> Any:
    """The same model several times, along a first axis."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), model)


def unstack(models: Any, index: int) -> nn.Decoder:
    """One of stacked models."""
    return jax.tree.map(lambda leaf: leaf[index], models)


@jax.jit
def judge(model: nn.Decoder, source: nn.Decoder, sequences: jax.Array, embedding: jax.Array) -> dict[str, jax.Array]:
    """Measures of the next word's distribution Q against the source's, P; each a mean over a sequence."""

    def one(tokens: jax.Array) -> dict[str, jax.Array]:
        z = model(tokens)[:-1]
        log_q, log_p = (jax.nn.log_softmax(logits) for logits in (z, source(tokens)[:-1]))
        q, p = jnp.exp(log_q), jnp.exp(log_p)
        per_word = {
            "forward": jnp.sum(p * (log_p - log_q), axis=-1),
            "reverse": jnp.sum(q * (log_q - log_p), axis=-1),
            "reverse_cross_entropy": -jnp.sum(q * log_p, axis=-1),
            "variation": jnp.sum(jnp.abs(p - q), axis=-1) / 2,
            "transport": losses.demd(z, tokens[1:], embedding),
            "surprise": -jnp.take_along_axis(log_q, tokens[1:, None], axis=-1)[:, 0],
        }
        return jax.tree.map(jnp.mean, per_word)

    return jax.lax.map(one, sequences)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Pre-trains, fine-tunes by every loss, and judges.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fits' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    source_key, draw_key, model_key, fit_key = jax.random.split(key, 4)
    likelihood = (losses.comp_sum_loss,)

    def decoder(embed: int, blocks: int, key: jax.Array) -> nn.Decoder:
        return nn.Decoder(config.vocabulary, length=config.length, embed=embed, blocks=blocks, rngs=nnx.Rngs(key))

    with stage("train the source on Python's documentation"):
        text = load_text(config)
        source = stack(decoder(config.source_embed, config.source_blocks, source_key), 1)
        options = {"steps": config.source_steps, "key": source_key, "checkpoint_dir": checkpoint_dir / "source"}
        source = unstack(train(config, source, text, likelihood, **options), 0)
    with stage("draw text from it"):
        starts = np.resize(text, (config.drawn + config.judged, config.length))
        learned, judged = jnp.split(draw_text(source, jnp.asarray(starts), draw_key), [config.drawn])
    with stage("pre-train by likelihood"):
        first = stack(decoder(config.embed, config.blocks, model_key), 1)
        options = {"steps": config.pretraining, "key": fit_key, "checkpoint_dir": checkpoint_dir / "first"}
        first = unstack(train(config, first, learned, likelihood, **options), 0)
    embedding = first.out.kernel[...].T
    names = list(objectives())
    with stage("fine-tune by " + ", ".join(names)):
        bound = [functools.partial(objective, e=embedding) for objective in objectives().values()]
        options = {"steps": config.finetuning, "key": fit_key, "checkpoint_dir": checkpoint_dir / "tuned"}
        tuned = train(config, stack(first, len(names)), learned, bound, **options)
    with stage("judge"):
        measures = {"before": judge(first, source, judged, embedding)}
        for i, name in enumerate(names):
            measures[name] = judge(unstack(tuned, i), source, judged, embedding)
    data = _dataset(measures)
    return Result(measured=_measured(data), data=data, figure=lambda: draw(data), remarks=_remarks(data))


def _measured(data: "xarray.Dataset") -> dict[str, Estimate]:
    """Mean differences over fresh sequences, with their standard errors: of one training of each model."""

    def over(name: str, a: str, b: str) -> Estimate:
        difference = data[name].sel(loss=a).values - data[name].sel(loss=b).values
        return Estimate(difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference)))

    return {
        "reverse divergence of MLE over EMO (nats)": over("reverse", "MLE", "EMO"),
        "reverse cross-entropy of MLE over EMO (nats)": over("reverse_cross_entropy", "MLE", "EMO"),
        "total variation of MLE over EMO": over("variation", "MLE", "EMO"),
        "transport cost of MLE over EMO": over("transport", "MLE", "EMO"),
        "transport cost of MixCE over EMO": over("transport", "MixCE", "EMO"),
        "transport cost of TaiLr over EMO": over("transport", "TaiLr", "EMO"),
        "forward divergence of EMO over MLE (nats)": over("forward", "EMO", "MLE"),
    }


def _remarks(data: "xarray.Dataset") -> dict[str, str]:
    """Why EMO leaves the source where likelihood does not."""
    entropy = (data["reverse_cross_entropy"] - data["reverse"]).mean("sequence")
    words = (
        "a transport cost is linear in the distribution, so that it sharpens it: its entropy is "
        f"{float(entropy.sel(loss='MLE')):.2f} nats by MLE and {float(entropy.sel(loss='EMO')):.2f} by EMO, and "
        "sampled words are likelier under the source, but fewer"
    )
    return {"reverse divergence of MLE over EMO (nats)": words, "total variation of MLE over EMO": words}


def _dataset(measures: dict[str, dict[str, jax.Array]]) -> "xarray.Dataset":
    import xarray

    units = {"forward": "nats", "reverse": "nats", "reverse_cross_entropy": "nats", "variation": "1"}
    units |= {"transport": "1", "surprise": "nats"}
    return xarray.Dataset(
        {
            name: (("loss", "sequence"), np.stack([np.asarray(m[name]) for m in measures.values()]), {"units": unit})
            for name, unit in units.items()
        },
        coords={"loss": list(measures)},
    )
