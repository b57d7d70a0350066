"""Multitasking Hebbian networks: several patterns retrieved at a time, learned with and without a teacher.

Simulated networks against the self-consistency of infinitely many neurons: over the dilution, over the number of
examples, and the phase diagram; energy against losses along a relaxation; handwritten digits as real examples. Of the
paper only the abstract's statements were at hand: the numbers are derived, and say from where.

Optimised through the dynamics: gains of the patterns for which the retrieval entropy is a wanted one. Horizon: the
gradient through h sweeps nears the implicit gradient of the fixed point as the slowest overlap relaxes, here by a
factor e every four sweeps (`horizon_error` in the data: 13% off at 8, 6e-8 at 64); nothing in it is chaotic, so longer
horizons cost only memory. The hard network then runs with these gains. Beyond the gains at which two patterns change
rank the entropy jumps, and no gradient sees it.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from entropax import simulators
from experiments.claims import Bounds, Claim, Estimate, Exceeds, Near, Ordering, WithinErrors
from experiments.running import Result, stage
from experiments.simulators import _hebbian_design as design, _hebbian_digits as digits, _hebbian_sweeps as sweeps
from experiments.simulators._hebbian_figure import draw

SLUG = "multitasking-hebbian"
TITLE = "Parallel Learning by Multitasking Neural Networks"
ARXIV = "2308.04106"

TEMPERATURES = (0.05, 0.3)
QUALITY, LEARNED_DILUTION = 0.2, 0.25
THRESHOLD = math.erf(0.5**0.5)
FALLS = Ordering(("N = 32000", "N = 8000", "N = 2000"))


@dataclass(frozen=True)
class Config:
    """Sizes.

    Attributes:
        num_neurons: N.
        num_dilutions: between 0 and 0.95.
        num_sweeps: of each run.
        networks: for each dilution.
        sizes: numbers of neurons with independent archetypes.
        long_sweeps: of their runs, which are blocked.
        block_size: spins drawn at once, None for asynchronous dynamics; an accelerator wants large blocks.
        examples: numbers of examples; 24 is the threshold at quality 0.2.
        learners: networks for each number of examples.
        grid: of the phase diagram, both ways.
        horizons: of the gradients compared with the fixed point's.
        checked_neurons: N of that comparison.
        iterations: of the design.
        digit_repeats: draws of digits, images and blanks.
        images: of each digit.
    """

    num_neurons: int = 5000
    num_dilutions: int = 20
    num_sweeps: int = 40
    networks: int = 3
    sizes: tuple[int, ...] = (2000, 8000, 32_000)
    long_sweeps: int = 400
    block_size: int | None = None
    examples: tuple[int, ...] = (6, 12, 18, 24, 30, 48, 96)
    learners: int = 6
    grid: int = 40
    horizons: tuple[int, ...] = (2, 8, 16, 32, 64)
    checked_neurons: int = 400
    iterations: int = 100
    digit_repeats: int = 300
    images: tuple[int, ...] = (1, 10, 100)


PRESETS: dict[str, Config] = {
    "smoke": Config(
        num_neurons=500,
        num_dilutions=5,
        num_sweeps=10,
        networks=1,
        block_size=500,
        sizes=(500,),
        long_sweeps=10,
        examples=(24,),
        learners=2,
        grid=5,
        horizons=(64,),
        checked_neurons=40,
        iterations=5,
        digit_repeats=10,
        images=(8,),
    ),
    "default": Config(),
    "full": Config(
        num_neurons=100_000,
        num_dilutions=96,
        num_sweeps=200,
        networks=8,
        sizes=(2000, 8000, 32_000, 128_000, 512_000),
        block_size=100_000,
        learners=16,
        grid=100,
    ),
}

CLAIMS: tuple[Claim, ...] = (
    *(
        Claim(f"{name} at T = {t:g}: rms from self-consistency", "below 0.03", source, Bounds(upper=0.03))
        for name, source in (
            ("frequencies as expected", "infinitely many neurons, d in [0, 0.95]"),
            ("independent entries", "infinitely many neurons, d in [0, 0.95], largest N"),
            ("independent entries, ranked", "as above, whichever pattern comes first"),
            ("independent entries, own law", "the network's own archetypes, d in [0, 0.95], largest N"),
        )
        for t in TEMPERATURES
    ),
    Claim("independent entries at T = 0.3: rms falls with N", "finite size", "infinitely many neurons", FALLS),
    *(
        Claim(f"{p}: overlap after one step, M = 24", 0.67271312, "binomial majority at rho = 1", WithinErrors(3, 0.01))
        for p in ("supervised", "unsupervised")
    ),
    *(
        Claim(f"{p}: rho where learning sets in", 1.0, "signal to noise, erf(1 / sqrt 2)", Near(relative=0.1))
        for p in ("supervised", "unsupervised")
    ),
    Claim("teacher: largest difference of one-step overlaps", 0.0, "abstract: same thresholds", Near(absolute=0.02)),
    Claim("energy against losses: largest relative difference", 0.0, "identity of cost and loss", Near(absolute=1e-12)),
    Claim("dilution where majority wins at T = 0", 0.546918161, "7 d^2 - 2 d - 1 = 0", Near(absolute=1e-6)),
    Claim("dilution where parallel begins at T = 0.99", 2 / 3, "Landau's quartic term at T = 1", Near(absolute=0.01)),
    Claim("relaxed dynamics: gradient against differences", 0.0, "same noise, float64", Near(absolute=1e-6)),
    Claim("fixed point: implicit gradient against differences", 0.0, "float64", Near(absolute=1e-6)),
    Claim("gradient through 64 sweeps against the fixed point's", 0.0, "implicit, relative", Near(absolute=1e-5)),
    Claim("design: retrieval entropy of hard spins", 0.7, "the wanted one, in nats", WithinErrors(3.0, 0.005)),
    Claim("digits: overlap gained by more images", 0.0, "from 1 to 100 images", Exceeds(3.0)),
    Claim("digits: teacher's effect on the overlap", 0.0, "abstract: same thresholds", WithinErrors(3.0, 0.02)),
)


def run(config: Config, *, key: jax.Array, checkpoint_dir: Path) -> Result:
    """Runs all parts.

    Args:
        config: sizes.
        key: source of randomness.
        checkpoint_dir: not used: the parts are short.

    Returns:
        What was measured, the data and the figure.
    """
    del checkpoint_dir
    measured: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {"temperature": ("temperature", np.asarray(TEMPERATURES), {"units": "1"})}
    attributes: dict[str, Any] = {}
    keys = jax.random.split(key, 6)
    with stage("simulate over the dilution"):
        _dilutions(config, keys[0], measured, variables, coordinates)
    with stage("learn from examples"):
        _learning(config, keys[1], measured, variables)
    with stage("compare energy and losses"):
        _costs(config, keys[2], measured, variables, attributes)
    with stage("draw the phase diagram"):
        _phases(config, measured, variables, coordinates)
    with stage("check gradients"):
        _gradients(config, keys[3], measured, variables)
    with stage("design the gains"):
        _design(config, keys[4], measured, variables, attributes)
    with stage("learn digits"):
        _digits(config, keys[5], measured, variables)
        attributes["images"] = np.asarray(config.images)
    import xarray

    data = xarray.Dataset(variables, coords=coordinates, attrs=attributes)
    return Result(measured=measured, data=data, figure=lambda: draw(data), remarks=REMARKS)


REMARKS = {
    "independent entries at T = 0.3: rms from self-consistency": "independent archetypes overlap by 1 / sqrt N, a "
    "field that lower ranks, near their critical point, amplify, and that can lift another pattern to the first rank: "
    "the networks follow their own law; with ranks compared, or with the frequencies of infinitely many neurons, they "
    "agree at this N",
}


def _dilutions(config: Config, key: jax.Array, measured: Any, variables: Any, coordinates: Any) -> None:
    dilutions = jnp.linspace(0.0, 0.95, config.num_dilutions)
    options = {"networks": config.networks, "key": key}
    rms = lambda x: float(np.sqrt(np.mean(np.square(x))))  # noqa: E731
    simulated, independent, owns, predicted = [], [], [], []
    for t in TEMPERATURES:
        temperature = jnp.asarray(t)
        theory = np.asarray(sweeps.predicted_overlaps(dilutions, temperature))
        quotas, _ = sweeps.stored_overlaps(
            dilutions,
            temperature,
            num_neurons=config.num_neurons,
            sweeps=config.num_sweeps,
            quotas=True,
            block_size=config.block_size,
            **options,
        )
        # Near critical points single networks need long runs: one block of all spins is the fastest.
        runs = [
            sweeps.stored_overlaps(
                dilutions,
                temperature,
                num_neurons=size,
                sweeps=config.long_sweeps,
                quotas=False,
                block_size=size,
                **options,
            )
            for size in config.sizes
        ]
        drawn, own = (np.stack([np.asarray(run[part]) for run in runs]) for part in (0, 1))
        tail = f" at T = {t:g}: rms from self-consistency"
        measured["frequencies as expected" + tail] = rms(quotas - theory[:, None])
        measured["independent entries" + tail] = rms(drawn[-1] - theory[:, None])
        measured["independent entries, ranked" + tail] = rms(sweeps.ranked(drawn[-1]) - sweeps.ranked(theory)[:, None])
        measured["independent entries, own law" + tail] = rms(drawn[-1] - own[-1])
        by_size = {f"N = {n}": rms(m - theory[:, None]) for n, m in zip(config.sizes, drawn, strict=True)}
        if t == 0.3 and set(FALLS.labels) <= set(by_size):
            measured["independent entries at T = 0.3: rms falls with N"] = {n: by_size[n] for n in FALLS.labels}
        for kept, values in zip((simulated, independent, owns, predicted), (quotas, drawn, own, theory), strict=True):
            kept.append(np.asarray(values))
    axes = ("temperature", "dilution", "network", "pattern")
    sized = ("temperature", "size", "dilution", "network", "pattern")
    variables["simulated"] = (axes, np.stack(simulated), {"units": "1", "long_name": "frequencies as expected"})
    variables["independent"] = (sized, np.stack(independent), {"units": "1", "long_name": "independent entries"})
    variables["own"] = (sized, np.stack(owns), {"units": "1", "long_name": "self-consistency of the same archetypes"})
    variables["predicted"] = (("temperature", "dilution", "pattern"), np.stack(predicted), {"units": "1"})
    coordinates["dilution"] = ("dilution", np.asarray(dilutions), {"units": "1"})
    coordinates["size"] = ("size", np.asarray(config.sizes), {"units": "neurons"})


def _learning(config: Config, key: jax.Array, measured: Any, variables: Any) -> None:
    found = [
        sweeps.learned_overlaps(
            number,
            quality=QUALITY,
            dilution=LEARNED_DILUTION,
            temperature=0.05,
            num_neurons=config.num_neurons,
            sweeps=config.num_sweeps // 2,
            networks=config.learners,
            block_size=config.block_size,
            key=jax.random.fold_in(key, number),
        )
        for number in config.examples
    ]
    steps = np.stack([f["one step"] for f in found], axis=1)
    noise = np.array([float(simulators.dataset_entropy(QUALITY, num_examples=m)) for m in config.examples])
    means = steps.mean(axis=-1)
    at_threshold = config.examples.index(24)
    for row, protocol in enumerate(("supervised", "unsupervised")):
        values = steps[row, at_threshold]
        measured[f"{protocol}: overlap after one step, M = 24"] = Estimate(
            values.mean(), values.std(ddof=1) / config.learners**0.5
        )
        if len(config.examples) == 1:
            continue
        # The overlap falls with rho; where it crosses the threshold, by interpolation in log rho.
        order = np.argsort(means[row])
        crossing = np.interp(THRESHOLD, means[row][order], np.log(noise)[order], left=np.nan, right=np.nan)
        measured[f"{protocol}: rho where learning sets in"] = float(np.exp(crossing))
    measured["teacher: largest difference of one-step overlaps"] = float(np.abs(means[0] - means[1]).max())
    variables["one_step"] = (("protocol", "examples", "learner"), steps, {"units": "1"})
    equilibrium = np.stack([f["equilibrium"] for f in found], axis=1)
    variables["learned"] = (("protocol", "examples", "learner", "pattern"), equilibrium, {"units": "1"})
    variables["noise"] = ("examples", noise, {"units": "1"})
    curve_noise = np.geomspace(noise.min() / 1.2, noise.max() * 1.2, 100)
    variables["curve_noise"] = ("curve_point", curve_noise, {"units": "1"})
    variables["curve"] = ("curve_point", [math.erf((2 * x) ** -0.5) for x in curve_noise], {"units": "1"})


def _costs(config: Config, key: jax.Array, measured: Any, variables: Any, attributes: Any) -> None:
    costs = sweeps.cost_and_loss(num_neurons=config.num_neurons, sweeps=config.num_sweeps, key=key)
    difference = np.abs(costs["energy"] - costs["loss energy"]).max() / np.abs(costs["energy"]).max()
    measured["energy against losses: largest relative difference"] = float(difference)
    variables["energy"] = ("sweep", costs["energy"], {"units": "1"})
    variables["loss_product"] = ("sweep", costs["loss product"], {"units": "1"})
    slope = config.num_neurons / (2 * (1 - 0.3))
    attributes |= {"slope": slope, "intercept": float(np.mean(costs["energy"] - slope * costs["loss product"]))}


def _phases(config: Config, measured: Any, variables: Any, coordinates: Any) -> None:
    with jax.enable_x64(True):
        dilutions = (jnp.arange(config.grid) + 0.5) / config.grid
        temperatures = 1.1 * (jnp.arange(config.grid) + 0.5) / config.grid
        regime, patterns = sweeps.phase_diagram(dilutions, temperatures)
        measured["dilution where majority wins at T = 0"] = sweeps.majority_onset()
        measured["dilution where parallel begins at T = 0.99"] = sweeps.parallel_onset(0.99)
    axes = ("grid_temperature", "grid_dilution")
    variables["regime"] = (axes, np.asarray(regime), {"units": "1", "flags": "disordered single hierarchical parallel"})
    variables["effective_patterns"] = (axes, np.asarray(patterns), {"units": "1"})
    coordinates["grid_dilution"] = ("grid_dilution", np.asarray(dilutions), {"units": "1"})
    coordinates["grid_temperature"] = ("grid_temperature", np.asarray(temperatures), {"units": "1"})


def _gradients(config: Config, key: jax.Array, measured: Any, variables: Any) -> None:
    checks = design.check_gradients(num_neurons=config.checked_neurons, horizons=config.horizons, key=key)
    measured["relaxed dynamics: gradient against differences"] = checks["relaxed"]
    measured["fixed point: implicit gradient against differences"] = checks["implicit"]
    measured["gradient through 64 sweeps against the fixed point's"] = float(checks["horizon errors"][-1])
    variables["horizon"] = ("horizons", np.asarray(config.horizons), {"units": "sweeps"})
    variables["horizon_error"] = ("horizons", checks["horizon errors"], {"units": "1"})


def _design(config: Config, key: jax.Array, measured: Any, variables: Any, attributes: Any) -> None:
    target = 0.7
    designed = design.design_gains(
        target, num_neurons=config.num_neurons, sweeps=16, iterations=config.iterations, copies=8, key=key
    )
    measured["design: retrieval entropy of hard spins"] = Estimate(*designed["designed"])
    variables["descent"] = ("iteration", designed["descent"], {"units": "nats"})
    variables["gains"] = ("pattern", designed["gains"], {"units": "1"})
    for name in ("uniform", "designed"):
        variables[f"{name}_overlaps"] = ("pattern", designed[f"{name} overlaps"], {"units": "1"})
        attributes[f"{name}_entropy"], attributes[f"{name}_error"] = designed[name]
        attributes[f"{name}_theory"] = designed[f"{name} theory"]
    attributes["target"] = target


def _digits(config: Config, key: jax.Array, measured: Any, variables: Any) -> None:
    options = {"dilution": 0.3, "repeats": config.digit_repeats, "sweeps": 10, "key": key}
    found = [digits.learned_digits(number, **options) for number in config.images]
    overlaps = np.stack([m for m, _ in found], axis=1)
    first, root = overlaps[..., 0], config.digit_repeats**0.5
    if len(config.images) > 1:
        gained = first[0, -1] - first[0, 0]
        measured["digits: overlap gained by more images"] = Estimate(gained.mean(), gained.std(ddof=1) / root)
    teacher = first[0, -1] - first[1, -1]
    measured["digits: teacher's effect on the overlap"] = Estimate(teacher.mean(), teacher.std(ddof=1) / root)
    axes = ("protocol", "images", "repeat", "pattern")
    variables["digit_overlaps"] = (axes, overlaps, {"units": "1", "quality": found[0][1]})
