"""Semantic information at work: classes of unseen instances, mixtures, ages under a shifted prior, and R(G).

Four parts of arXiv 2510.15871. Matching channels classifies two-dimensional features of three classes by maximum mutual
information in two or three updates. EnM, which matches the weights of a mixture more often than EM, needs fewer
iterations where they are uneven. Truth functions of labels of age, learned by gradient ascent of semantic information
in one population, predict the ages that a label means in another. And R(G), the least Shannon information that conveys
G, touches the line R = G where the semantic channel matches.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import information, training
from experiments.claims import Bounds, Claim, Estimate, Exceeds, Near, Ordering, Quotient, WithinErrors
from experiments.information._semantic_figure import draw
from experiments.running import Result, stage

if TYPE_CHECKING:
    import xarray

SLUG = "semantic-information"
TITLE = "A semantic generalization of Shannon's information theory and applications"
ARXIV = "2510.15871"

AGES = np.arange(101.0)
LABELS = ("child", "adult", "elder", "youth")
MEANT = {"threshold": (13.0, 18.0, 65.0, 21.0), "steepness": (-0.7, 1.2, 0.3, 6.0)}
"""Thresholds in years and slopes per year; of "youth", which is Gaussian, centre and width in years."""


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        grid: features a side of the square.
        problems: random triples of classes.
        starts: random starts of each.
        mixtures: random mixtures.
        n_inner: updates of the weights in an iteration of EnM.
        most_iterations: of EM and EnM.
        people: sample that the truth functions are learned from.
        samples: independent samples.
        fit_steps: steps of L-BFGS.
        slopes: points of R(G).
    """

    grid: int = 50
    problems: int = 20
    starts: int = 50
    mixtures: int = 50
    n_inner: int = 3
    most_iterations: int = 4000
    people: int = 4000
    samples: int = 24
    fit_steps: int = 300
    slopes: int = 49


PRESETS: dict[str, Config] = {
    "smoke": Config(
        grid=16, problems=3, starts=10, mixtures=6, most_iterations=800, people=400, samples=4, fit_steps=300, slopes=9
    ),
    "default": Config(),
    "full": Config(problems=100, starts=200, mixtures=500, people=20_000, samples=100),
}

MOST = "arXiv 1901.09902, abstract: most, of one example"
CLAIMS: tuple[Claim, ...] = (
    Claim("classes: share of starts at 99% of their limit after 2 updates", 0.5, MOST, Exceeds(2.0)),
    Claim("classes: share of starts at 99% of their limit after 3 updates", 0.5, MOST, Exceeds(2.0)),
    Claim("classes: largest fall of the information in an update", 0.0, "it never falls", Near(absolute=1e-12)),
    Claim("mixtures: median iterations over EM's", "below 1", "2019 abstract: outperforms", Ordering(("EnM", "EM"))),
    Claim("mixtures: largest rise of the divergence", 0.0, "no update lets it rise", Near(absolute=1e-9)),
    Claim("ages: threshold of adult", 18.0, "the speaker's", WithinErrors(3.0, 0.2)),
    Claim("ages: threshold of elder", 65.0, "the speaker's", WithinErrors(3.0, 0.5)),
    Claim("ages: error after the shift, meaning over posterior", "below 1", "semantic Bayes", Bounds(upper=1.0)),
    Claim("R(G): R at s = 1", 0.3631780087, "fixed point, 10 digits", Near(absolute=1e-9)),
    Claim("R(G): R - G at s = 1", 0.0423118307, "KL(P | P_theta)", Near(absolute=1e-9)),
    Claim("R(G): G at s = 1, optimal truth", 0.2174296433, "G = R of the channel", Near(absolute=1e-8)),
    Claim("R(G): R - G at s = 1, optimal truth", 0.0, "the channels match", Near(absolute=1e-8)),
)


# ------------------------------------------------------------------------------------------------------------- classes


def random_classes(config: Config, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Priors, likelihoods on a square grid, and starts.

    Returns:
        P(x), shape (problems, 3); P(z | x), shape (problems, 3, features); labels, shape (problems, starts, features):
        of the nearest of three random points, so that all boundaries are straight.
    """
    side = np.linspace(0.0, 1.0, config.grid)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)
    priors = rng.dirichlet(np.full(3, 5.0), size=config.problems)
    likelihoods = np.empty((config.problems, 3, len(grid)))
    for problem in range(config.problems):
        for x in range(3):
            turn = np.linalg.qr(rng.standard_normal((2, 2)))[0]
            scaled = (grid - rng.uniform(0.2, 0.8, 2)) @ turn / rng.uniform(0.08, 0.2, 2)
            weights = np.exp(-np.sum(scaled**2, axis=1) / 2)
            likelihoods[problem, x] = weights / weights.sum()
    anchors = rng.uniform(0.0, 1.0, (config.problems, config.starts, 3, 2))
    distances = np.sum((anchors[:, :, :, None] - grid) ** 2, axis=-1)
    return priors, likelihoods, distances.argmin(axis=2)


@jax.jit
def classify(priors: jax.Array, likelihoods: jax.Array, starts: jax.Array) -> jax.Array:
    """I(X; Y) in bits after every update, shape (problems, starts, updates + 1)."""

    def one_problem(arguments: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        prior, likelihood, starts = arguments
        run_one = lambda start: information.mmi_classify(prior, likelihood, start, max_iterations=40, base=2).trace  # noqa: E731
        return jax.vmap(run_one)(starts)

    return jax.lax.map(one_problem, (priors, likelihoods, starts))


# ------------------------------------------------------------------------------------------------------------ mixtures


def random_mixtures(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Two normal components of uneven weight on 0 ... 250, and starts with even ones."""
    minor = rng.uniform(0.03, 0.2, count)
    first = rng.uniform(70.0, 110.0, count)
    width = rng.uniform(8.0, 16.0, count)
    gap = rng.uniform(2.0, 4.0, count) * width
    means = np.stack([first, first + gap], axis=1)
    swapped = rng.random(count) < 0.5
    return {
        "weights": np.where(swapped[:, None], np.stack([1 - minor, minor], 1), np.stack([minor, 1 - minor], 1)),
        "means": means,
        "widths": np.stack([width, width], axis=1),
        "start": means + rng.choice([-1, 1], means.shape) * rng.uniform(1.0, 3.0, means.shape) * width[:, None],
        "start_widths": np.stack([width, width], axis=1) * rng.uniform(0.7, 1.5, (count, 1)),
    }


def fit_mixtures(mixtures: dict[str, np.ndarray], *, n_inner: int, steps: int) -> information.MixtureFit:
    """Fits of all mixtures, with a leading axis."""
    x = jnp.arange(251.0)

    @jax.jit
    @jax.vmap
    def fit(weights: Any, means: Any, widths: Any, start: Any, start_widths: Any) -> information.MixtureFit:
        components = jax.nn.softmax(-(((x[:, None] - means) / widths) ** 2) / 2, axis=0)
        even = jnp.full(2, 0.5)
        target = components @ weights
        return information.enm_fit(
            target, x, even, start, start_widths, n_inner=n_inner, steps=steps, tolerance=1e-3, base=2
        )

    return fit(*(jnp.asarray(mixtures[name]) for name in ("weights", "means", "widths", "start", "start_widths")))


# ---------------------------------------------------------------------------------------------------------------- ages


def population(mean: float, spread: float) -> np.ndarray:
    """Ages 0 ... 100, thinning out with age about a mean."""
    weights = np.exp(-((AGES - mean) ** 2) / (2 * spread**2))
    return weights / weights.sum()


YOUNG, OLD = population(30.0, 22.0), population(60.0, 25.0)


def age_truth(threshold: Any, steepness: Any) -> jax.Array:
    """Truth of every label at every age, shape (ages, labels)."""
    threshold, steepness = jnp.asarray(threshold), jnp.asarray(steepness)
    x = jnp.asarray(AGES, threshold.dtype)
    steps = information.logistic_truth(x, threshold[:3], steepness[:3])
    return jnp.concatenate([steps, information.gaussian_truth(x, threshold[3:], steepness[3:])], axis=1)


class Speaker(eqx.Module):
    """Truth functions to be learned, one set for every sample.

    Attributes:
        threshold: shape (samples, labels), in years.
        log_steepness: logarithm of the slopes' and the width's size, shape (samples, labels).
    """

    threshold: jax.Array
    log_steepness: jax.Array

    @property
    def steepness(self) -> jax.Array:
        """Slopes, per year, of the sign that the label has, and the width, in years."""
        signs = jnp.sign(jnp.asarray(MEANT["steepness"], self.log_steepness.dtype))
        return jnp.broadcast_to(signs, self.log_steepness.shape) * jnp.exp(self.log_steepness)


def observe_labels(config: Config, rng: np.random.Generator) -> np.ndarray:
    """How many people of every age are called by every label, shape (samples, ages, labels).

    People are drawn from the young population, and each label is given as often as it is true: several may be.
    """
    truth = np.asarray(age_truth(*(jnp.asarray(MEANT[name]) for name in ("threshold", "steepness"))), float)
    people = rng.multinomial(config.people, YOUNG, size=config.samples)
    return rng.binomial(people[:, :, None], truth)


def learn_truth(counts: np.ndarray, config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Speaker:
    """Ascent of the labels' average semantic information along its gradients, from the labels' mean ages."""
    weight = jnp.asarray(counts / counts.sum(axis=(1, 2), keepdims=True))
    posterior = jnp.swapaxes(weight / weight.sum(axis=1, keepdims=True), 1, 2)
    prior = jnp.asarray(YOUNG)

    def informed(threshold: jax.Array, steepness: jax.Array, posterior: jax.Array, given: jax.Array) -> jax.Array:
        return given @ information.semantic_kl_information(age_truth(threshold, steepness), posterior, prior)

    def loss(speaker: Speaker, batch: None, *, key: jax.Array) -> jax.Array:
        del batch, key
        gained = jax.vmap(informed)(speaker.threshold, speaker.steepness, posterior, weight.sum(axis=1))
        return -jnp.sum(gained)

    means = posterior @ jnp.asarray(AGES)
    gentle = jnp.broadcast_to(jnp.log(jnp.array([0.2, 0.2, 0.2, 10.0])), means.shape)
    start = Speaker(means, gentle)
    fitted = training.fit(
        loss,
        start,
        lambda step, *, key: None,
        optax.lbfgs(),
        steps=config.fit_steps,
        key=key,
        checkpoint_dir=checkpoint_dir / "truth",
        description="truth functions",
    )
    return fitted.model


@jax.jit
def age_predictions(threshold: jax.Array, steepness: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """P(age | label) in the old population: as the speaker means it, as learned, and as it was among the young."""
    meant = age_truth(*(jnp.asarray(MEANT[name]) for name in ("threshold", "steepness")))
    exact = information.semantic_bayes(meant, jnp.asarray(OLD))
    learned = jax.vmap(lambda c, k: information.semantic_bayes(age_truth(c, k), jnp.asarray(OLD)))
    return exact, learned(threshold, steepness), information.semantic_bayes(meant, jnp.asarray(YOUNG))


# ---------------------------------------------------------------------------------------------------------------- R(G)

EXAMPLE_PRIOR = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
EXAMPLE_CHANNEL = np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.2, 0.8], [0.1, 0.9]])


def rate_semantic_curve(truth: jax.Array, slopes: np.ndarray) -> dict[str, np.ndarray]:
    """R and G in bits at every slope."""
    scores = information.semantic_information(truth, EXAMPLE_PRIOR, base=2)

    @jax.jit
    @jax.vmap
    def at(slope: jax.Array) -> tuple[jax.Array, jax.Array]:
        point = information.rate_semantic(scores, EXAMPLE_PRIOR, slope=slope, allow_negative=True, base=2)
        return point.value, point.semantic

    rate, semantic = at(jnp.asarray(slopes))
    return {"rate": np.asarray(rate), "semantic": np.asarray(semantic)}


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs the four parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: directory of the fit's checkpoints.

    Returns:
        What was measured, the data and the figure.
    """
    problem_key, fit_key = jax.random.split(key)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(problem_key)))
    with jax.enable_x64(True):
        with stage("classify features"):
            trace = np.asarray(classify(*map(jnp.asarray, random_classes(config, rng))))
        with stage("fit mixtures"):
            mixtures = random_mixtures(config.mixtures, rng)
            em = fit_mixtures(mixtures, n_inner=1, steps=config.most_iterations)
            enm = fit_mixtures(mixtures, n_inner=config.n_inner, steps=config.most_iterations)
        with stage("learn what labels of age mean"):
            counts = observe_labels(config, rng)
            speaker = learn_truth(counts, config, key=fit_key, checkpoint_dir=checkpoint_dir)
            exact, learned, raw = map(np.asarray, age_predictions(speaker.threshold, speaker.steepness))
            meanings = {"threshold": np.asarray(speaker.threshold), "steepness": np.asarray(speaker.steepness)}
        with stage("trace R(G)"):
            slopes = np.linspace(-2.0, 4.0, config.slopes)
            slopes = np.unique(np.concatenate([slopes, [0.0, 1.0, 2.0]]))
            gaussian = information.gaussian_truth(np.arange(5.0), np.array([1.0, 3.0]), 1.0)
            curves = [rate_semantic_curve(t, slopes) for t in (gaussian, information.optimal_truth(EXAMPLE_CHANNEL))]
    best = trace[:, :, -1].max(axis=1)
    reached = {count: (trace[:, :, count] >= 0.99 * trace[:, :, -1]).mean(axis=1) for count in (2, 3)}
    astray = float(np.mean(trace[:, :, -1] < 0.99 * best[:, None]))
    both = np.asarray(em.converged & enm.converged)
    iterations = np.stack([np.asarray(em.iterations), np.asarray(enm.iterations)])
    ratio = iterations[1][both] / iterations[0][both]
    errors = {name: _divergences(exact, guess) for name, guess in (("meaning", learned), ("posterior", raw[None]))}
    at_one = int(np.flatnonzero(slopes == 1.0)[0])
    points = [{name: float(curve[name][at_one]) for name in curve} for curve in curves]
    measured = {
        "classes: share of starts at 99% of their limit after 2 updates": _mean(reached[2]),
        "classes: share of starts at 99% of their limit after 3 updates": _mean(reached[3]),
        "classes: largest fall of the information in an update": abs(
            float(np.min(np.diff(trace, axis=2), initial=0.0))
        ),
        "mixtures: median iterations over EM's": {"EnM": float(np.median(ratio)), "EM": 1.0},
        "mixtures: largest rise of the divergence": max(
            float(np.max(np.diff(np.asarray(fit.trace), axis=1), initial=0.0)) for fit in (em, enm)
        ),
        "ages: threshold of adult": _mean(meanings["threshold"][:, LABELS.index("adult")]),
        "ages: threshold of elder": _mean(meanings["threshold"][:, LABELS.index("elder")]),
        "ages: error after the shift, meaning over posterior": Quotient(
            float(errors["meaning"].mean()), float(errors["posterior"].mean())
        ),
        "R(G): R at s = 1": points[0]["rate"],
        "R(G): R - G at s = 1": points[0]["rate"] - points[0]["semantic"],
        "R(G): G at s = 1, optimal truth": points[1]["semantic"],
        "R(G): R - G at s = 1, optimal truth": points[1]["rate"] - points[1]["semantic"],
    }
    quicker = float(np.mean(ratio < 1))
    remarks = {
        "classes: share of starts at 99% of their limit after 2 updates": f"of {len(trace)} random problems where the "
        f"paper has one, from the nearest of three random points; {astray:.0%} of the starts end 1% or more below the "
        "best of their problem",
        "mixtures: median iterations over EM's": f"{config.n_inner} updates of the weights an iteration; fewer "
        f"iterations in {quicker:.0%} of the {both.sum()} mixtures of {len(both)} that both fit",
    }
    data = _dataset(trace, best, iterations, both, meanings, (exact, learned, raw), slopes, curves)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=remarks)


def _mean(values: np.ndarray) -> Estimate:
    return Estimate(values.mean(), values.std(ddof=1) / len(values) ** 0.5)


def _divergences(exact: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """KL(exact | guess) in bits of every sample and label."""
    with jax.enable_x64(True):
        broadcast = np.broadcast_to(exact, guess.shape)
        return np.asarray(information.kl_divergence(broadcast, guess, base=2))


def _dataset(
    trace: np.ndarray,
    best: np.ndarray,
    iterations: np.ndarray,
    both: np.ndarray,
    meanings: dict[str, np.ndarray],
    predictions: tuple[np.ndarray, np.ndarray, np.ndarray],
    slopes: np.ndarray,
    curves: list[dict[str, np.ndarray]],
) -> "xarray.Dataset":
    import xarray

    exact, learned, raw = predictions
    return xarray.Dataset(
        {
            "classes_information": (("problem", "start", "update"), trace, {"units": "bit"}),
            "classes_best": ("problem", best, {"units": "bit"}),
            "iterations": (("algorithm", "mixture"), iterations, {"units": "1"}),
            "both_converged": ("mixture", both.astype(np.int8), {"units": "1"}),
            "threshold": (("sample", "label"), meanings["threshold"], {"units": "year"}),
            "steepness": (("sample", "label"), meanings["steepness"], {"units": "1 / year; of youth year"}),
            "old_exact": (("label", "age"), exact, {"units": "1 / year"}),
            "old_learned": (("sample", "label", "age"), learned, {"units": "1 / year"}),
            "young_posterior": (("label", "age"), raw, {"units": "1 / year"}),
            "rate": (("truth", "slope"), np.stack([curve["rate"] for curve in curves]), {"units": "bit"}),
            "semantic": (("truth", "slope"), np.stack([curve["semantic"] for curve in curves]), {"units": "bit"}),
        },
        coords={
            "algorithm": ["EM", "EnM"],
            "label": list(LABELS),
            "age": ("age", AGES, {"units": "year"}),
            "truth": ["Gaussian", "optimal"],
            "slope": slopes,
        },
    )
