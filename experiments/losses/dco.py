"""Training for many attempts: questions with several likely answers, and proofs of several steps.

Questions are points whose answers follow a known distribution. A perceptron learns from one answer a question, for
longer than is good, by cross-entropy (N' = 1) or by direct coverage optimisation for N' attempts; pass@N on new
questions is exact, and so is the most that any policy reaches. Then chains of steps with several candidates each: a
policy is trained step by step with an effective number of branches, and the best number for a given number of attempts
at the whole proof falls with the length of the chain.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from entropax import losses, metrics, nn, training
from experiments.claims import Bounds, Claim, Estimate, Exceeds, Ordering
from experiments.losses._dco_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "dco"
TITLE = "Rethinking fine-tuning when scaling test-time compute: limiting confidence improves mathematical reasoning"
ARXIV = "2502.07154"

ATTEMPTS = (1, 4, 16, 64, 256)


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        seeds: models of every objective, each with its own questions.
        questions: to learn from.
        tests: to judge by.
        features: of a question.
        answers: to choose from.
        sharpness: scale of the logits of the true answers.
        width: of the perceptron's two hidden layers.
        epochs: passes over the questions.
        batch: questions a step.
        learning_rate: of Adam.
        candidates: for each step of a proof.
        longest: steps of the longest proofs.
        proof_steps: of Adam, for the policies of proofs.
    """

    seeds: int = 8
    questions: int = 2000
    tests: int = 1000
    features: int = 8
    answers: int = 50
    sharpness: float = 3.0
    width: int = 128
    epochs: int = 40
    batch: int = 100
    learning_rate: float = 1e-3
    candidates: int = 8
    longest: int = 4
    proof_steps: int = 3000


PRESETS: dict[str, Config] = {
    "smoke": Config(seeds=3, questions=500, tests=200, width=64, epochs=12, proof_steps=500, longest=3),
    "default": Config(),
    "full": Config(seeds=32, questions=8000, tests=10_000, width=512, epochs=100),
}

CLAIMS: tuple[Claim, ...] = (
    Claim("pass@1 of CE, last over first epoch", 0.0, "table 1: 7.4 % over 4.4 %", Exceeds(2.0)),
    Claim("pass@256 of CE, first over last epoch", 0.0, "table 1: 65.2 % over 44.5 %", Exceeds(2.0)),
    Claim("pass@1 of CE over DCO with N' = 256", 0.0, "figure 2: a frontier", Exceeds(2.0)),
    Claim("pass@256 of DCO with N' = 256 over CE", 0.0, "figure 2: a frontier", Exceeds(2.0)),
    Claim("steps of N' (factors of 4) from N to the best", 0.0, "figure 2: N' = N is best", Bounds(upper=1.0)),
    Claim("top confidence of CE over DCO with N' = 256", 0.0, "title: limiting confidence", Exceeds(2.0)),
    Claim("largest pass@N over the optimum's", "at most 1", "by Karush, Kuhn and Tucker", Bounds(upper=1.0)),
    Claim(
        "best N_eff by steps of a proof", "falls", "N_eff^k attempts find a proof", Ordering(("long", "middle", "one"))
    ),
)


def true_answers(config: Config, key: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """Questions of one seed, shape (count, features), and the distributions of their answers, (count, answers).

    The distribution is the softmax of a random network, the same for all questions of a seed.
    """
    network_key, question_key = jax.random.split(key)
    network = nn.MLP(config.features, config.answers, width=32, depth=1, rngs=nnx.Rngs(network_key))
    x = jax.random.normal(question_key, (count, config.features))
    z = network(x)
    return x, jax.nn.softmax(config.sharpness * z / jnp.std(z), axis=-1)


def learn_answers(config: Config, *, key: jax.Array, **options: Any) -> dict[str, np.ndarray]:
    """Trains models for every N' and seed at once, and follows pass@N on new questions.

    Returns:
        "pass": shape (epochs, objectives, seeds, attempts); "confidence": the mean largest probability, shape (epochs,
        objectives, seeds); "optimum": shape (seeds, attempts).
    """
    world_key, label_key, model_key, fit_key = jax.random.split(key, 4)
    total = config.questions + config.tests
    worlds = [true_answers(config, k, total) for k in jax.random.split(world_key, config.seeds)]
    x, a = (jnp.stack(parts) for parts in zip(*worlds, strict=True))
    y = jax.random.categorical(label_key, jnp.log(a))
    train_x, train_y = x[:, : config.questions], y[:, : config.questions]
    test_x, test_a = x[:, config.questions :], a[:, config.questions :]
    aims, attempts = (jnp.asarray(ATTEMPTS, jnp.float32) for _ in range(2))

    def make(key: jax.Array) -> nn.MLP:
        return nn.MLP(config.features, config.answers, width=config.width, depth=2, rngs=nnx.Rngs(key))

    one_each = jax.vmap(make)(jax.random.split(model_key, config.seeds))
    models = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(ATTEMPTS), *leaf.shape)), one_each)

    def loss(models: Any, rows: jax.Array, *, key: jax.Array) -> jax.Array:
        def of_one(model: Any, aim: jax.Array, x: jax.Array, y: jax.Array, rows: jax.Array) -> jax.Array:
            log_q = jax.nn.log_softmax(model(x[rows]), axis=-1)
            return jnp.mean(losses.dco_loss(jnp.take_along_axis(log_q, y[rows, None], axis=-1)[:, 0], aim))

        by_seed = jax.vmap(of_one, in_axes=(0, None, 0, 0, 0))
        return jnp.sum(jax.vmap(by_seed, in_axes=(0, 0, None, None, None))(models, aims, train_x, train_y, rows))

    def batch_at(step: Any, *, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (config.seeds, config.batch), 0, config.questions)

    def record(models: Any) -> tuple[jax.Array, jax.Array]:
        def of_one(model: Any, x: jax.Array, a: jax.Array) -> tuple[jax.Array, jax.Array]:
            q = jax.nn.softmax(model(x), axis=-1)
            covered = lambda n: jnp.mean(jnp.sum(a * metrics.answer_coverage(q, n), axis=-1))  # noqa: E731
            return jax.vmap(covered)(attempts), jnp.mean(jnp.max(q, axis=-1))

        return jax.vmap(jax.vmap(of_one), in_axes=(0, None, None))(models, test_x, test_a)

    per_epoch = config.questions // config.batch
    fitted = training.fit(
        loss,
        models,
        batch_at,
        optax.adam(config.learning_rate),
        steps=config.epochs * per_epoch,
        record=record,
        record_every=per_epoch,
        key=fit_key,
        progress=False,
        **options,
    )
    passed, confidence = fitted.recorded
    best = [
        jnp.mean(jnp.sum(test_a * metrics.answer_coverage(metrics.optimal_pass_at_n_policy(test_a, n), n), -1), -1)
        for n in map(float, ATTEMPTS)
    ]
    return {"pass": np.asarray(passed), "confidence": np.asarray(confidence), "optimum": np.stack(best, axis=-1)}


def learn_proofs(config: Config, *, key: jax.Array, **options: Any) -> dict[str, np.ndarray]:
    """The policies that minimise the expected stepwise loss, and their pass@256 on proofs of 1 to `longest` steps.

    Each step has the same candidates, right with probability proportional to 1 / rank^2, independently of the others.

    Returns:
        "branching": N_eff, ascending; "pass": shape (steps, N_eff), exact.
    """
    right = 1 / jnp.arange(1, config.candidates + 1.0) ** 2
    right = right / jnp.sum(right)
    branching = 2 ** jnp.arange(0, 8.25, 0.5)

    def loss(logits: jax.Array, batch: Any, *, key: jax.Array) -> jax.Array:
        log_q = jax.nn.log_softmax(logits, axis=-1)
        expected = lambda log_q, n: jnp.sum(right * losses.dco_step_loss(log_q[:, None], n))  # noqa: E731
        return jnp.sum(jax.vmap(expected)(log_q, branching))

    start = jnp.zeros((len(branching), config.candidates))
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, config.proof_steps))
    batches = lambda step, *, key: jnp.zeros(())  # noqa: E731 - the expectation is exact
    settings = {"steps": config.proof_steps, "key": key, "progress": False}
    logits = training.fit(loss, start, batches, optimizer, **settings, **options).model
    q, a = np.asarray(jax.nn.softmax(logits, axis=-1), np.float64), np.asarray(right, np.float64)
    passed = []
    for steps in range(1, config.longest + 1):
        proofs = np.array(list(itertools.product(range(config.candidates), repeat=steps)))
        chance = np.prod(a[proofs], axis=1)
        passed.append([chance @ -np.expm1(ATTEMPTS[-1] * np.log1p(-np.prod(row[proofs], axis=1))) for row in q])
    return {"branching": np.asarray(branching), "pass": np.array(passed)}


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Trains on questions and on proofs.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fits' checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    answer_key, proof_key = jax.random.split(key)
    with stage("learn answers, for every N' at once"):
        answers = learn_answers(config, key=answer_key, checkpoint_dir=checkpoint_dir / "answers")
    with stage("learn proofs, for every N_eff at once"):
        proofs = learn_proofs(config, key=proof_key, checkpoint_dir=checkpoint_dir / "proofs")
    data = _dataset(answers, proofs)
    return Result(measured=_measured(data), data=data, figure=lambda: draw(data))


def _measured(data: "xarray.Dataset") -> dict[str, Any]:
    def mean(difference: "xarray.DataArray") -> Estimate:
        values = difference.values
        return Estimate(values.mean(), values.std(ddof=1) / np.sqrt(len(values)))

    passed, last = data["pass"], data["pass"].isel(epoch=-1)
    of_ce = passed.sel(aim=1)
    first_one, last_one = (of_ce.isel(epoch=epoch).sel(attempts=1) for epoch in (0, -1))
    first_many, last_many = (of_ce.isel(epoch=epoch).sel(attempts=256) for epoch in (0, -1))
    best = last.mean("seed").argmax("aim").values  # for every N
    confidence = data["confidence"].isel(epoch=-1)
    branches = data["branching"].values[data["proof_pass"].values.argmax(axis=1)]
    return {
        "pass@1 of CE, last over first epoch": mean(last_one - first_one),
        "pass@256 of CE, first over last epoch": mean(first_many - last_many),
        "pass@1 of CE over DCO with N' = 256": mean(last.sel(aim=1, attempts=1) - last.sel(aim=256, attempts=1)),
        "pass@256 of DCO with N' = 256 over CE": mean(last.sel(aim=256, attempts=256) - last.sel(aim=1, attempts=256)),
        "steps of N' (factors of 4) from N to the best": float(np.abs(best - np.arange(len(ATTEMPTS))).max()),
        "top confidence of CE over DCO with N' = 256": mean(confidence.sel(aim=1) - confidence.sel(aim=256)),
        "largest pass@N over the optimum's": float((passed / data["optimum"]).max()),
        "best N_eff by steps of a proof": {"one": branches[0], "middle": branches[1], "long": branches[-1]},
    }


def _dataset(answers: dict[str, np.ndarray], proofs: dict[str, np.ndarray]) -> "xarray.Dataset":
    import xarray

    return xarray.Dataset(
        {
            "pass": (("epoch", "aim", "seed", "attempts"), answers["pass"], {"units": "1"}),
            "confidence": (("epoch", "aim", "seed"), answers["confidence"], {"units": "1"}),
            "optimum": (("seed", "attempts"), answers["optimum"], {"units": "1"}),
            "proof_pass": (("steps", "branching"), proofs["pass"], {"units": "1"}),
        },
        coords={
            "epoch": np.arange(1, len(answers["pass"]) + 1),
            "aim": list(ATTEMPTS),
            "attempts": list(ATTEMPTS),
            "branching": proofs["branching"],
            "steps": np.arange(1, len(proofs["pass"]) + 1),
        },
    )
