"""A language model of Python's own source text, trained until its predictions are peaked.

The text is that of the standard library's modules, cut into words and signs; a token predicts the next from the
embeddings of those before it. The numbers of the vocabulary's entries are drawn at random, so that their order says
nothing of how frequent they are.
"""

import collections
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import losses, training


@dataclass(frozen=True)
class HeadConfig:
    """Sizes of the model.

    Attributes:
        vocabulary: most frequent tokens that have an entry of their own, one more stands for the others.
        tokens: of text trained on.
        context: tokens that predict the next.
        embed: width of a context token's embedding.
        width: of the vectors before the head.
        batch: contexts of a step.
        steps: of Adam.
        learning_rate: its first; it falls to zero as a cosine.
    """

    vocabulary: int = 16383
    tokens: int = 8192
    context: int = 4
    embed: int = 64
    width: int = 128
    batch: int = 512
    steps: int = 400
    learning_rate: float = 3e-3


class TrainedHead(NamedTuple):
    """What the filter is studied on.

    Attributes:
        hidden: vectors of contexts, shape (n, width).
        embedding: of the vocabulary.
        labels: the tokens that follow.
        loss: mean loss over the text trained on, in nats.
    """

    hidden: jax.Array
    embedding: jax.Array
    labels: jax.Array
    loss: float


def text(config: HeadConfig, *, key: jax.Array) -> np.ndarray:
    """The tokens' numbers, shape (tokens,)."""
    words: list[str] = []
    counts: collections.Counter[str] = collections.Counter()
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        found = re.findall(r"\w+|[^\w\s]", path.read_text(encoding="utf-8", errors="replace"))
        words += found
        counts.update(found)
    numbers = np.asarray(jax.random.permutation(key, config.vocabulary + 1))
    index = {word: numbers[rank] for rank, (word, _) in enumerate(counts.most_common(config.vocabulary))}
    # From all over the text: every module's beginning would be licences and imports.
    start = (len(words) - config.tokens) // 2
    return np.array([index.get(word, numbers[-1]) for word in words[start : start + config.tokens]], np.int32)


def train_head(config: HeadConfig, *, contexts: int, key: jax.Array, checkpoint_dir: Path) -> TrainedHead:
    """Trains the model and applies it to contexts of the text.

    Args:
        config: sizes.
        contexts: number of contexts returned.
        key: source of randomness.
        checkpoint_dir: directory of the fit's checkpoints.
    """
    keys = jax.random.split(key, 6)
    tokens = jnp.asarray(text(config, key=keys[0]))
    ahead, v = config.context, config.vocabulary + 1
    model = {
        "table": jax.random.normal(keys[1], (v, config.embed)),
        "mix": jax.random.normal(keys[2], (ahead * config.embed, config.width)) / (ahead * config.embed) ** 0.5,
        "head": jax.random.normal(keys[3], (v, config.width)) / config.width**0.5,
    }

    def vectors(model: dict[str, jax.Array], at: jax.Array) -> jax.Array:
        before = tokens[at[:, None] + jnp.arange(ahead)[None]]
        return jax.nn.gelu(model["table"][before].reshape(at.size, -1) @ model["mix"])

    def mean_loss(model: dict[str, jax.Array], at: jax.Array, *, key: Any = None) -> jax.Array:
        return jnp.mean(losses.linear_cross_entropy(vectors(model, at), model["head"], tokens[at + ahead]))

    fitted = training.fit(
        mean_loss,
        model,
        lambda step, *, key: jax.random.randint(key, (config.batch,), 0, config.tokens - ahead),
        optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps)),
        steps=config.steps,
        steps_per_call=min(50, config.steps),
        key=keys[4],
        checkpoint_dir=checkpoint_dir,
        description="language model",
    ).model
    at = jax.random.randint(keys[5], (contexts,), 0, config.tokens - ahead)
    return TrainedHead(
        jax.jit(vectors)(fitted, at), fitted["head"], tokens[at + ahead], float(jax.jit(mean_loss)(fitted, at))
    )
