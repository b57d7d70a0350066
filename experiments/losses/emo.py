"""Earth mover's distance for a small language model of English prose.

The text is the documentation of the Python language that ships with Python (`pydoc_data.topics`), in words. A causal
transformer learns it by maximum likelihood, then goes on by likelihood (MLE), MixCE, TaiLr or EMO; EMO's transport
costs are those between the rows of the first model's output matrix, as in arXiv 2310.04691. All are compared on topics
that they have not seen with a reference model that has: forward and reverse divergence and total variation of the next
word's distribution, the paper's measures, and the transport cost to the word that follows.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable
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
        embed: size of a word's embedding.
        blocks: of the transformers.
        batch: sequences a step.
        pretraining: steps by likelihood.
        finetuning: steps by each loss.
        reference: steps of the reference model.
        held_out: share of the topics that only the reference model sees.
        most_sequences: sequences to judge by.
    """

    vocabulary: int = 1000
    length: int = 48
    embed: int = 64
    blocks: int = 2
    batch: int = 16
    pretraining: int = 600
    finetuning: int = 300
    reference: int = 1500
    held_out: float = 0.2
    most_sequences: int = 256


PRESETS: dict[str, Config] = {
    "smoke": Config(
        vocabulary=200, length=16, embed=16, blocks=1, pretraining=60, finetuning=30, reference=120, most_sequences=64
    ),
    "default": Config(),
    "full": Config(
        vocabulary=4000, length=128, embed=256, blocks=6, batch=64, pretraining=4000, finetuning=1000, reference=8000
    ),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("reverse divergence of MLE over EMO (nats)", 0.0, "section 5: EMO is below", Exceeds(2.0)),
    Claim("total variation of MLE over EMO", 0.0, "section 5: EMO is below", Exceeds(2.0)),
    Claim("transport cost of MLE over EMO", 0.0, "section 4: what EMO adds", Exceeds(2.0)),
    Claim("transport cost of MixCE over EMO", 0.0, "section 4: only EMO knows costs", Exceeds(2.0)),
    Claim("transport cost of TaiLr over EMO", 0.0, "section 4: only EMO knows costs", Exceeds(2.0)),
    Claim("forward divergence of EMO over MLE (nats)", 0.0, "section 3: MLE covers most", Exceeds(2.0)),
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


def load_text(config: Config) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Python's documentation as tokens: sequences to learn from, sequences held out, and the words.

    Topics are held out whole, every so many in their alphabetical order. Token 0 stands for all rarer words.
    """
    from pydoc_data.topics import topics

    documents = [re.findall(r"[a-z_]+|[0-9]+|[^\sa-z0-9_]", topics[name].lower()) for name in sorted(topics)]
    every = round(1 / config.held_out)
    counts = Counter(word for i, document in enumerate(documents) if i % every for word in document)
    words = ["<other>", *(word for word, _ in counts.most_common(config.vocabulary - 1))]
    token_of = {word: token for token, word in enumerate(words)}

    def sequences(chosen: list[list[str]]) -> np.ndarray:
        tokens = np.array([token_of.get(word, 0) for document in chosen for word in document], np.int32)
        whole = len(tokens) // config.length * config.length
        return tokens[:whole].reshape(-1, config.length)

    learned = [document for i, document in enumerate(documents) if i % every]
    return sequences(learned), sequences(documents[::every]), words


def train(
    config: Config, model: nn.Decoder, sequences: np.ndarray, objective: Callable[..., Any], **options: Any
) -> nn.Decoder:
    """Trains a model to predict the next word by a loss of (logits, labels)."""
    data = jnp.asarray(sequences)

    def batch_at(step: Any, *, key: jax.Array) -> jax.Array:
        return data[jax.random.randint(key, (config.batch,), 0, len(data))]

    def loss(model: nn.Decoder, batch: jax.Array, *, key: jax.Array) -> jax.Array:
        return jnp.mean(objective(jax.vmap(model)(batch)[:, :-1], batch[:, 1:]))

    rate = optax.cosine_decay_schedule(3e-3, options["steps"])
    return training.fit(loss, model, batch_at, optax.adam(rate), progress=False, **options).model


@jax.jit
def judge(model: nn.Decoder, reference: nn.Decoder, sequences: jax.Array, embedding: jax.Array) -> dict[str, jax.Array]:
    """Measures of the next word's distribution Q against the reference's, P; each a mean over a sequence."""

    def one(tokens: jax.Array) -> dict[str, jax.Array]:
        z = model(tokens)[:-1]
        log_q, log_p = (jax.nn.log_softmax(logits) for logits in (z, reference(tokens)[:-1]))
        q, p = jnp.exp(log_q), jnp.exp(log_p)
        per_word = {
            "forward": jnp.sum(p * (log_p - log_q), axis=-1),
            "reverse": jnp.sum(q * (log_q - log_p), axis=-1),
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
    model_key, reference_key, fit_key = jax.random.split(key, 3)
    learned, held_out, _ = load_text(config)
    sizes = {"length": config.length, "embed": config.embed, "blocks": config.blocks}
    likelihood = losses.comp_sum_loss
    with stage("pre-train by likelihood"):
        model = nn.Decoder(config.vocabulary, **sizes, rngs=nnx.Rngs(model_key))
        options = {"key": fit_key, "checkpoint_dir": checkpoint_dir / "first"}
        first = train(config, model, learned, likelihood, steps=config.pretraining, **options)
    with stage("train the reference on all the text"):
        reference = nn.Decoder(config.vocabulary, **sizes, rngs=nnx.Rngs(reference_key))
        options = {"key": reference_key, "checkpoint_dir": checkpoint_dir / "reference"}
        everything = np.concatenate([learned, held_out])
        reference = train(config, reference, everything, likelihood, steps=config.reference, **options)
    embedding = first.out.kernel[...].T
    judged = jnp.asarray(held_out[: config.most_sequences])
    measures = {"before": judge(first, reference, judged, embedding)}
    for name, objective in objectives().items():
        with stage(f"fine-tune by {name}"):
            options = {"key": fit_key, "checkpoint_dir": checkpoint_dir / name.replace(", ", "-").replace(" ", "-")}
            bound = functools.partial(objective, e=embedding)
            tuned = train(config, first, learned, bound, steps=config.finetuning, **options)
            measures[name] = judge(tuned, reference, judged, embedding)
    data = _dataset(measures)
    return Result(measured=_measured(data), data=data, figure=lambda: draw(data))


def _measured(data: "xarray.Dataset") -> dict[str, Estimate]:
    """Mean differences over held-out sequences, with their standard errors: of one training of each model."""

    def over(name: str, a: str, b: str) -> Estimate:
        difference = data[name].sel(loss=a).values - data[name].sel(loss=b).values
        return Estimate(difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference)))

    return {
        "reverse divergence of MLE over EMO (nats)": over("reverse", "MLE", "EMO"),
        "total variation of MLE over EMO": over("variation", "MLE", "EMO"),
        "transport cost of MLE over EMO": over("transport", "MLE", "EMO"),
        "transport cost of MixCE over EMO": over("transport", "MixCE", "EMO"),
        "transport cost of TaiLr over EMO": over("transport", "TaiLr", "EMO"),
        "forward divergence of EMO over MLE (nats)": over("forward", "EMO", "MLE"),
    }


def _dataset(measures: dict[str, dict[str, jax.Array]]) -> "xarray.Dataset":
    import xarray

    units = {"forward": "nats", "reverse": "nats", "variation": "1", "transport": "1", "surprise": "nats"}
    return xarray.Dataset(
        {
            name: (("loss", "sequence"), np.stack([np.asarray(m[name]) for m in measures.values()]), {"units": unit})
            for name, unit in units.items()
        },
        coords={"loss": list(measures)},
    )
